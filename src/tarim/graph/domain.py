"""Who is connected with whom: elements (accounts, devices, addresses) and the relations between them, as at an instant.

Built from event rows in journal order, so what was not journalled yet is not in it.  Identifiers are tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError, TooLarge
from tarim.stream import Col, Kind, Result, Rows

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

ELEMENTS_MAX: Final = 20_000_000
PAIRS_MAX: Final = 100_000_000


class Element(IntEnum):
    """What a node is."""

    ACCOUNT = 0
    DEVICE = 1
    ADDRESS = 2

    @property
    def field(self) -> str:
        """The envelope's field that its token comes from."""
        return ("account", "device_id", "ip")[self]


class Relation(IntEnum):
    """What connects two elements."""

    TRANSFER = 0
    DEVICE = 1
    ADDRESS = 2


_COLUMNS: Final = (
    (Relation.TRANSFER, Col.PAYEE, Element.ACCOUNT),
    (Relation.DEVICE, Col.DEVICE, Element.DEVICE),
    (Relation.ADDRESS, Col.ADDRESS, Element.ADDRESS),
)


@dataclass(frozen=True, slots=True)
class Relations:
    """Elements and what connects them.

    tokens: int64 (n,), kinds: int64 (n,) of Element, in the order of (kind, token).
    left, right: int64 (m,), numbers of the two elements of a pair, left an account that sent or used.  relation: int64 (m,).
    count: int64 (m,), events that connect them.  convicted: bool (n,), accounts that a label known by then convicts.
    first_ms, last_ms: int64 (m,), event times of the first and last of them.
    known_from_ms: the greatest event time that was read: from then on all of this was known.
    """

    tokens: Ints
    kinds: Ints
    left: Ints
    right: Ints
    relation: Ints
    count: Ints
    first_ms: Ints
    last_ms: Ints
    convicted: npt.NDArray[np.bool_]
    known_from_ms: int

    def __len__(self) -> int:
        return len(self.tokens)

    def degrees(self) -> Ints:
        """Different elements each one is connected with, shape (n,)."""
        n = len(self)
        return np.bincount(self.left, minlength=n) + np.bincount(self.right, minlength=n)

    def number_of(self, kind: Element, token: int) -> int:
        """An element's number, or -1."""
        low = int(np.searchsorted(self.kinds, int(kind)))
        high = int(np.searchsorted(self.kinds, int(kind), side="right"))
        at = low + int(np.searchsorted(self.tokens[low:high], token))
        return at if at < high and self.tokens[at] == token else -1


@dataclass(frozen=True, slots=True)
class Links:
    """A symmetric graph in rows: neighbours of node v are to[first[v]:first[v + 1]], with `weight` alongside."""

    first: Ints
    to: Ints
    weight: Floats


def relations_of(
    batches: Iterable[Rows],
    *,
    since_ms: int | None = None,
    relations: frozenset[Relation] = frozenset(Relation),
    convicts: tuple[Col, ...] = (Col.PAYEE,),
) -> Relations:
    """The relations in event rows given in journal order, up to whatever the caller stops at.

    since_ms: events before it connect nobody (labels always count).  convicts: whose account a label `fraud` convicts; the
    latest label about an event holds.  A transfer that failed connects nobody.  Raises InputError when nothing is connected,
    TooLarge above 20,000,000 elements or 100,000,000 pairs.
    """
    parts: list[tuple[Ints, ...]] = []
    frauds: dict[int, tuple[int, ...]] = {}
    newest_ms = 0
    pairs = 0
    for rows in batches:
        labels = rows[:, Col.KIND] == Kind.LABEL
        for row in rows[labels & (rows[:, Col.REFERS_SEQ] >= 0)]:
            if row[Col.LABEL] == 1:
                frauds[int(row[Col.REFERS_SEQ])] = tuple(int(row[column]) for column in convicts)
            else:
                frauds.pop(int(row[Col.REFERS_SEQ]), None)
        events = rows[~labels]
        if len(events):
            newest_ms = max(newest_ms, int(events[:, Col.OCCURRED_MS].max()))
        if since_ms is not None:
            events = events[events[:, Col.OCCURRED_MS] >= since_ms]
        part = _pairs(events, relations)
        pairs += len(part[0])
        if pairs > PAIRS_MAX:
            parts = [_merged([*parts, part])]
            pairs = len(parts[0][0])
            if pairs > PAIRS_MAX // 2:
                raise TooLarge(f"more than {PAIRS_MAX // 2:,} pairs are connected; choose a shorter span")
        else:
            parts.append(part)
    if not parts or not pairs:
        raise InputError("no event of the span connects two elements")
    return _relations(_merged(parts), {account for named in frauds.values() for account in named}, newest_ms)


def _pairs(events: Rows, relations: frozenset[Relation]) -> tuple[Ints, ...]:
    """(left token, right token, relation, count, first, last) of single events."""
    found = []
    for relation, column, _ in _COLUMNS:
        if relation not in relations:
            continue
        chosen = (events[:, Col.ACCOUNT] != 0) & (events[:, column] != 0)
        if relation is Relation.TRANSFER:
            chosen &= (events[:, Col.KIND] == Kind.TRANSFER) & (events[:, Col.RESULT] != Result.FAILED)
            chosen &= events[:, Col.ACCOUNT] != events[:, Col.PAYEE]
        some = events[chosen]
        times = some[:, Col.OCCURRED_MS]
        ones = np.ones(len(some), np.int64)
        found.append((some[:, Col.ACCOUNT], some[:, column], ones * int(relation), ones, times, times))
    return _merged(found)


def _merged(parts: Sequence[tuple[Ints, ...]]) -> tuple[Ints, ...]:
    """Each pair once, with the sum of its counts, its first and last time."""
    left, right, relation, count, first, last = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((right, left, relation))
    left, right, relation = left[order], right[order], relation[order]
    new = np.ones(len(order), bool)
    new[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1]) | (relation[1:] != relation[:-1])
    at = np.flatnonzero(new)
    if not len(at):
        return left, right, relation, count[order], first[order], last[order]
    return (
        left[at],
        right[at],
        relation[at],
        np.add.reduceat(count[order], at),
        np.minimum.reduceat(first[order], at),
        np.maximum.reduceat(last[order], at),
    )


def _relations(merged: tuple[Ints, ...], convicted: set[int], newest_ms: int) -> Relations:
    left, right, relation, count, first, last = merged
    kind_of_right = np.array([int(element) for _, _, element in _COLUMNS], np.int64)[relation]
    kinds = np.concatenate([np.zeros(len(left), np.int64), kind_of_right])
    tokens = np.concatenate([left, right])
    order = np.lexsort((tokens, kinds))
    new = np.ones(len(order), bool)
    new[1:] = (tokens[order][1:] != tokens[order][:-1]) | (kinds[order][1:] != kinds[order][:-1])
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(new) - 1
    at = order[new]
    if len(at) > ELEMENTS_MAX:
        raise TooLarge(f"more than {ELEMENTS_MAX:,} elements are connected; choose a shorter span")
    known = (kinds[at] == Element.ACCOUNT) & np.isin(tokens[at], np.fromiter(convicted, np.int64, len(convicted)))
    m = len(left)
    return Relations(tokens[at], kinds[at], number[:m], number[m:], relation, count, first, last, known, newest_ms)


def links_of(relations: Relations, hub_max: int) -> Links:
    """Links between elements that have at most `hub_max` neighbours; each weighs 1 + log2 of its events.

    A device or address that everybody uses, a merchant whom everybody pays, says nothing of two of its neighbours.
    """
    degrees = relations.degrees()
    kept = (degrees[relations.left] <= hub_max) & (degrees[relations.right] <= hub_max)
    left, right = relations.left[kept], relations.right[kept]
    weight = 1.0 + np.log2(relations.count[kept])
    rows, to = np.concatenate([left, right]), np.concatenate([right, left])
    return links_from(rows, to, np.concatenate([weight, weight]), len(relations))


def links_from(rows: Ints, to: Ints, weight: Floats, n: int) -> Links:
    """Links sorted by row, several between the same two summed."""
    order = np.lexsort((to, rows))
    rows, to, weight = rows[order], to[order], weight[order]
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:] != rows[:-1]) | (to[1:] != to[:-1])
    at = np.flatnonzero(new)
    first = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(rows[at], minlength=n), out=first[1:])
    summed = np.add.reduceat(weight, at) if len(at) else weight
    return Links(first, np.ascontiguousarray(to[at]), np.ascontiguousarray(summed))
