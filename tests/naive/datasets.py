"""Roles and labels of a training set, event by event, reading everything again for each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NaiveEvent:
    """An event or a label in the journal's order.  refers: place of the event a label is about; label: 1, 0, or -1."""

    occurred_ms: int
    refers: int = -1
    label: int = -1
    speaks: bool = False


@dataclass(frozen=True)
class NaiveRow:
    """What becomes of an event: its role ("" none), label (-1 nobody spoke in time) and when that was known (0 never)."""

    role: str
    label: int
    known_ms: int


def naive_rows(
    journal: list[NaiveEvent], periods: list[tuple[str, int, int]], delay_ms: int, end: int
) -> dict[int, NaiveRow]:
    """By place.  periods: (role, from_ms, to_ms); end: where the span ends."""
    rows = {}
    for place, event in enumerate(journal[:end]):
        if event.speaks:
            continue
        arrived_ms = max(each.occurred_ms for each in journal[: place + 1])
        role = ""
        for name, from_ms, to_ms in periods:
            if from_ms <= event.occurred_ms < to_ms - delay_ms and arrived_ms < to_ms:
                role = name
        label, known_ms = -1, 0
        for later, each in enumerate(journal[:end]):
            clock_ms = max(other.occurred_ms for other in journal[: later + 1])
            about = each.speaks and each.refers == place and each.label >= 0
            if about and clock_ms <= event.occurred_ms + delay_ms:
                label, known_ms = each.label, clock_ms
        rows[place] = NaiveRow(role, label, known_ms)
    return rows
