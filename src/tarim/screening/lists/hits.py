"""How often entries are met: events whose value of a list's own field was an entry when they were received."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from tarim.screening.lists.membership import MEMBER_WORDS, PROBES_MAX, Membership
from tarim.stream import COLUMN_OF_FIELD, Col, Rows


class ListProbe(NamedTuple):
    """Is the value in this column on that list?"""

    column: int
    list_name: str


def count_hits(
    membership: Membership, steps: Iterable[bytes | memoryview | Rows]
) -> Iterator[tuple[str, int, int, int, int, int]]:
    """(list, customer, token, hits, first and last RECEIVED_MS) of the entries that were met, in no order.

    steps: LIST records and rows of events in the journal's order; records are applied to `membership` on the way.
    """
    met: dict[tuple[str, int, int], list[int]] = {}
    groups: list[tuple[ListProbe, ...]] = []
    known = -1
    for step in steps:
        if not isinstance(step, np.ndarray):
            membership.apply(step)
            continue
        if known != len(membership.lists):
            known = len(membership.lists)
            groups = _groups(membership)
        for probes in groups:
            _count(membership, step, probes, met)
    for (name, customer, token), counted in met.items():
        yield (name, customer, token, counted[0], counted[1], counted[2])


def _groups(membership: Membership) -> list[tuple[ListProbe, ...]]:
    probes = [ListProbe(COLUMN_OF_FIELD[each.field], name) for name, each in membership.lists.items()]
    return [tuple(probes[begin : begin + PROBES_MAX]) for begin in range(0, len(probes), PROBES_MAX)]


def _count(
    membership: Membership, rows: Rows, probes: tuple[ListProbe, ...], met: dict[tuple[str, int, int], list[int]]
) -> None:
    bits = np.zeros((len(rows), MEMBER_WORDS), np.uint64)
    membership.members(rows, probes, bits)
    for index in np.flatnonzero(bits.any(axis=1)).tolist():
        row, words = rows[index], bits[index].tolist()
        at_ms = int(row[Col.RECEIVED_MS])
        for place, probe in enumerate(probes):
            if words[place >> 6] >> (place & 63) & 1:
                owner = int(row[Col.CUSTOMER]) if membership.lists[probe.list_name].per_customer else 0
                counted = met.setdefault((probe.list_name, owner, int(row[probe.column])), [0, at_ms, at_ms])
                counted[0] += 1
                counted[1] = min(counted[1], at_ms)
                counted[2] = max(counted[2], at_ms)
