"""Trails for tests: a key, entries, and a chain in memory."""

from __future__ import annotations

from collections.abc import Sequence

from tarim.audit import Anchor, Chained, Entry, Head, Result, chained, signed_anchor
from tarim.privacy import Signer

SEAL = Signer(bytes(range(32)))
OTHER_SEAL = Signer(bytes(32))


class ListTrail:
    """The port `Trail`, in a list; refuses when told to."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.trouble: Exception | None = None

    def record(self, entry: Entry) -> int:
        return self.record_all([entry])[0]

    def record_all(self, entries: Sequence[Entry]) -> list[int]:
        if self.trouble is not None:
            raise self.trouble
        self.entries += entries
        return list(range(len(self.entries) - len(entries) + 1, len(self.entries) + 1))


def entry(number: int = 1, **changed: object) -> Entry:
    """One of many different entries."""
    values = {
        "at_ms": 1_760_000_000_000 + 1_000 * number,
        "who": ("lin.wei", "chen.jie", "zhou.min")[number % 3],
        "kind": "person",
        "act": ("propose_ruleset", "decide_on_proposal", "read_case")[number % 3],
        "object": f"proposal:{number:08x}",
        "address": f"10.1.0.{number % 250}",
        "session": f"{number:012x}",
        "reason": "季度复核",
        "result": (Result.DONE, Result.REFUSED)[number % 2],
        "detail": {"status": 200 + number % 3},
    }
    return Entry(**values | changed)


def chain(count: int) -> list[Chained]:
    """So many entries, chained."""
    head, made = Head(), []
    for number in range(1, count + 1):
        made.append(chained(head, entry(number)))
        head = Head(made[-1].seq, made[-1].digest)
    return made


def head_of(entries: Sequence[Chained]) -> Head:
    """The end of a chain."""
    return Head(entries[-1].seq, entries[-1].digest) if entries else Head()


def anchors(entries: Sequence[Chained], every: int) -> list[Anchor]:
    """Anchors at every so many entries, and at the last."""
    return [
        signed_anchor(each.seq, each.digest, each.entry.at_ms, SEAL)
        for each in entries
        if each.seq % every == 0 or each is entries[-1]
    ]
