"""Alarms about attempts: what was never assigned (certificates, keys, customers), and feeling a model out (ML-24, MP-06).

What is refused stays refused; what looks like an attempt is an alarm: a line of the log, a figure, and an entry of the node's
chained audit trail.  No customer is named in any of them.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import structlog

from tarim.audit import PAGE_MAX, Entry, Query, Result, Store, plain
from tarim.base.instants import Clock
from tarim.records import Database

TEXTS: Final = {
    "unpinned-certificate": ("a connection without a pinned certificate", "使用未登记证书的连接"),
    "unassigned-key": ("a command with a key that was never assigned", "使用未分配密钥的操作"),
    "unassigned-customer": ("questions about customers that are not common", "查询非共同客户"),
    "limit": ("more questions than the contract allows", "查询次数超出合约限制"),
    "stock": ("what was made ahead for questions does not open: altered, or of another key", "预备的查询材料无法打开"),
    "sweep": ("questions that would lead to a score step by step", "逐步逼近评分的系统性试探"),
}
"""What each kind of alarm means, in English and Chinese."""
_AGAIN_S: Final = 60.0
"""The same from the same address is one alarm in so many seconds."""
_ACT: Final = "probing."
_NEWEST: Final = 100


@dataclass(frozen=True, slots=True)
class Alarm:
    """An entry of the trail.  who: a person's key, "" for nobody known; peer: the other party."""

    number: int
    at_ms: int
    kind: str
    who: str
    peer: str
    contract: str
    address: str


class Alarms:
    """A node's alarms.  Threads and processes may share the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._trail, self._clock = Store(database), clock
        self._log: Any = structlog.get_logger("tarim.party")
        self._last: dict[tuple[str, str], float] = {}

    def sound(self, kind: str, *, who: str = "", peer: str = "", contract: str = "", address: str = "") -> None:
        """Write an alarm down, durably, and tell the log.  kind: of TEXTS."""
        english, chinese = TEXTS[kind]
        if address:
            now_s = time.monotonic()
            if now_s - self._last.get((kind, address), -_AGAIN_S) < _AGAIN_S:
                return
            self._last = {key: at for key, at in self._last.items() if now_s - at < _AGAIN_S}
            self._last[kind, address] = now_s
        self._trail.record(
            Entry(
                self._clock.now_ms(),
                plain(who, 64),
                "key" if who else "nobody",
                _ACT + kind,
                f"contract:{contract}" if contract else "",
                address=plain(address, 64),
                reason=english,
                result=Result.REFUSED,
                detail={"peer": plain(peer, 32)} if peer else {},
            )
        )
        self._log.warning(
            "probing", kind=kind, who=who, peer=peer, contract=contract, address=address, text=english, text_zh=chinese
        )

    def newest(self, limit: int = _NEWEST) -> list[Alarm]:
        """The newest alarms, newest first."""
        found = self._trail.search(Query(act=_ACT + "*", limit=min(limit, PAGE_MAX)))
        return [
            Alarm(
                each.seq,
                each.entry.at_ms,
                each.entry.act.removeprefix(_ACT),
                each.entry.who,
                str(each.entry.detail.get("peer", "")),
                each.entry.object.removeprefix("contract:"),
                each.entry.address,
            )
            for each in found
        ]

    def counts(self) -> dict[str, int]:
        """How many alarms of each kind there ever were."""
        found = Counter(
            each.entry.act.removeprefix(_ACT) for each in self._trail.read() if each.entry.act.startswith(_ACT)
        )
        return {kind: found[kind] for kind in TEXTS}
