"""Limits of asking: how often a key may, what looks like feeling the model out, and keys that were never assigned (ML-24).

What is refused is answered 429 with Retry-After; what looks like an attempt is an alarm: a line of the log, a figure, and an
entry of `GET /v1/probing`.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import structlog

from tarim.api.routes import Call, Route
from tarim.base.errors import NotAllowed, TarimError, TooOften, UnknownKey
from tarim.base.instants import Clock, instant_text
from tarim.decisions import ProbeSettings, ProbeWatch
from tarim.identity import Frequency, KeyId, Scope, Strangers
from tarim.stream import Rows

ALARMS_KEPT: Final = 500
_BURST_AGAIN_S: Final = 60.0
"""A key that keeps asking too often is one alarm in so many seconds."""
TEXTS: Final = {
    "burst": ("a key asks more often than it may", "密钥请求频率超限"),
    "sweep": ("messages that differ in one field only", "仅变动单一字段的连续试探"),
    "grid": ("very many different messages of one customer", "同一客户的大量组合试探"),
    "slow-sweep": ("messages that differ in one field only, over hours", "仅变动单一字段的慢速试探"),
    "stranger-sweep": (
        "messages that differ in one field only, each of another customer whom nobody knew",
        "每次以未曾出现的客户变动单一字段的试探",
    ),
    "unknown-keys": ("repeated requests with keys that were never assigned", "反复使用未分配的密钥"),
}
"""What each kind of alarm means, in English and Chinese."""


class ProbeBody(msgspec.Struct, frozen=True):
    """An alarm.  kind: one of burst, sweep, grid, slow-sweep, stranger-sweep, unknown-keys.  key: name on the key, "" for none;
    field: what was varied.
    """

    at: str
    kind: str
    key: str
    address: str
    field: str
    text_en: str
    text_zh: str


class ProbesBody(msgspec.Struct, frozen=True):
    """The newest alarms, newest first.  refused_subjects: customers and devices that are refused at present."""

    alarms: list[ProbeBody]
    refused_subjects: int


class Probes:
    """What all routes share.  One thread."""

    def __init__(self, settings: ProbeSettings, clock: Clock) -> None:
        settings.check()
        self._frequency = Frequency(settings.events_per_s_max, settings.burst_events_max, settings.events_per_day_max)
        self._strangers = Strangers(settings.unknown_keys_max, settings.unknown_keys_s, settings.ban_s)
        self._watch = ProbeWatch(settings)
        self._clock = clock
        self._log = structlog.get_logger("tarim.probing")
        self._names: dict[int, str] = {}
        self._bursts: dict[str, float] = {}
        self.alarms: deque[ProbeBody] = deque(maxlen=ALARMS_KEPT)
        self.counts: Counter[str] = Counter(dict.fromkeys(TEXTS, 0))

    def admit(self, key: KeyId) -> None:
        """Count a request as one event.  Raises TooOften when the key asks more often than it may."""
        now_s = time.monotonic()
        wait_s = self._frequency.admit(key.id, now_s, time.time(), key.events_per_s_max, key.events_per_day_max)
        if wait_s:
            if now_s - self._bursts.get(key.id, -_BURST_AGAIN_S) >= _BURST_AGAIN_S:
                self._bursts[key.id] = now_s
                self._alarm("burst", key=key.name)
            raise TooOften("this key asks more often than it may", wait_s)
        if key.number not in self._names:
            self._names[key.number] = key.name

    def charge(self, key: KeyId, events: int) -> None:
        """Count further events of a request."""
        if events > 0:
            self._frequency.charge(key.id, events)

    def look(self, rows: Rows, senders: npt.NDArray[np.int64]) -> dict[int, TarimError]:
        """Events that are refused, by index."""
        refused = self._watch.look(rows, senders, self._clock.now_ms())
        if self._watch.found_count:
            for probe in self._watch.take_probes():
                self._alarm(probe.what, key=self._names.get(probe.sender, ""), field=probe.field)
        return refused

    def stranger(self, error: NotAllowed, address: str) -> TarimError:
        """What to answer somebody who may not; too many keys that were never assigned, and the address is refused a while.

        A key that was assigned is never refused for what others do from its address.
        """
        if not isinstance(error, UnknownKey):
            return error
        banned_s, begins = self._strangers.tried(address, time.monotonic())
        if begins:
            self._alarm("unknown-keys", address=address)
        return TooOften("too many keys that were never assigned", banned_s) if banned_s else error

    @property
    def refused_subjects(self) -> int:
        """Customers and devices that are refused at present."""
        return self._watch.refused_count

    def _alarm(self, kind: str, *, key: str = "", address: str = "", field: str = "") -> None:
        english, chinese = TEXTS[kind]
        self.counts[kind] += 1
        self.alarms.appendleft(
            ProbeBody(instant_text(self._clock.now_ms()), kind, key, address, field, english, chinese)
        )
        self._log.warning("probing", kind=kind, key=key, address=address, field=field, text=english, text_zh=chinese)


def probe_routes(probes: Probes) -> list[Route]:
    """The route."""

    async def read(call: Call) -> ProbesBody:
        return ProbesBody(list(probes.alarms), probes.refused_subjects)

    summary = "Alarms about attempts to feel the model out / 模型试探告警"
    return [Route("GET", "/v1/probing", "read_probing", summary, Scope.OPERATE, read, ProbesBody)]
