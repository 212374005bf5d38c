"""The kernels over all parts: what is summed in one part and the next lies in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.views.links.domain import MONEY, Entity, Filters, Ints, Relation
from tarim.views.links.kernels import linking
from tarim.views.links.parts import Part
from tarim.views.links.store import Seen

_ROWS: Final = 1 << 14
_LINKS_OF_EVENT: Final = 5
BETWEEN_MAX: Final = 10_000
"""Links of one graph."""


def columns(entities: list[Entity]) -> tuple[Ints, Ints]:
    """Their kinds and tokens, shapes (k,)."""
    kinds = np.fromiter((entity.kind for entity in entities), np.int64, len(entities))
    return kinds, np.fromiter((entity.token for entity in entities), np.int64, len(entities))


def asked_of(filters: Filters) -> Ints:
    """The filters as kernels take them."""
    return np.array([filters.kinds, filters.relations, filters.amount_min_fen, filters.amount_max_fen], np.int64)


class Neighbours:
    """Links of some entities, summed over all parts: `rows` as `kernels.linking` lays them out."""

    def __init__(self, seen: Seen, filters: Filters, centres: list[Entity]) -> None:
        self._sums = np.zeros((_ROWS, linking.SUM_WORDS), np.int64)
        self._slots = np.zeros(2 * _ROWS, np.int32)
        self._rows = 0
        kinds, tokens = columns(centres)
        asked = asked_of(filters)
        for part in seen.parts:
            low, high = part.window(filters)
            if low < high:
                self._add(part, part.numbers(kinds, tokens), low, high, asked)

    @property
    def rows(self) -> Ints:
        """Shape (links, SUM_WORDS)."""
        return self._sums[: self._rows]

    def _add(self, part: Part, centres: npt.NDArray[np.int32], low: int, high: int, asked: Ints) -> None:
        events = linking.count_spots(part.first, part.spots, centres, low, high)
        if not events:
            return
        self._make_room(self._rows + _LINKS_OF_EVENT * events)
        self._rows = linking.sum_links(
            part.times_ms,
            part.amounts_fen,
            part.facts,
            part.ends,
            part.tokens,
            part.starts,
            part.first,
            part.spots,
            centres,
            low,
            high,
            asked,
            self._sums,
            self._slots,
            self._rows,
        )

    def _make_room(self, needed: int) -> None:
        if needed <= len(self._sums):
            return
        size = 1 << (needed - 1).bit_length()
        sums = np.zeros((size, linking.SUM_WORDS), np.int64)
        sums[: self._rows] = self._sums[: self._rows]
        self._sums, self._slots = sums, np.zeros(2 * size, np.int32)
        linking.take_slots(self._sums, self._slots, self._rows)


def events_of(seen: Seen, filters: Filters, entities: list[Entity]) -> Ints:
    """How many events within the window carry each of them, whatever the other filters say; shape (k,)."""
    kinds, tokens = columns(entities)
    counted = np.zeros(len(entities), np.int64)
    for part in seen.parts:
        low, high = part.window(filters)
        if low < high:
            linking.add_counts(part.first, part.spots, part.numbers(kinds, tokens), low, high, counted)
    return counted


@dataclass(frozen=True, slots=True)
class _Shown:
    part: Part
    numbers: npt.NDArray[np.int32]
    number_of: npt.NDArray[np.int32]
    low: int
    high: int


class Between:
    """Links between the shown entities: `rows` with CENTRE and TOKEN as places in `shown`, sorted by them and the relation."""

    def __init__(self, seen: Seen, filters: Filters, shown: list[Entity]) -> None:
        kinds, tokens = columns(shown)
        self._asked = asked_of(filters)
        self._row_of = np.zeros((len(shown), len(shown), len(Relation)), np.int32)
        sums = np.zeros((BETWEEN_MAX, linking.SUM_WORDS), np.int64)
        self._shown, rows = [], 0
        for part in seen.parts:
            low, high = part.window(filters)
            numbers = part.numbers(kinds, tokens)
            if low < high and (numbers >= 0).any():
                number_of = np.full(len(part.tokens), -1, np.int32)
                number_of[numbers[numbers >= 0]] = np.flatnonzero(numbers >= 0)
                self._shown.append(_Shown(part, numbers, number_of, low, high))
        for each in self._shown:
            part = each.part
            rows = linking.sum_between(
                part.times_ms,
                part.amounts_fen,
                part.facts,
                part.ends,
                part.first,
                part.spots,
                each.numbers,
                each.number_of,
                each.low,
                each.high,
                self._asked,
                self._row_of,
                sums,
                rows,
            )
        found = sums[:rows]
        order = np.lexsort((found[:, linking.RELATION], found[:, linking.TOKEN], found[:, linking.CENTRE]))
        self.rows: Ints = found[order]
        places = tuple(self.rows[:, (linking.CENTRE, linking.TOKEN, linking.RELATION)].T)
        self._row_of[places] = np.arange(1, rows + 1)

    def moving(self) -> Ints:
        """Those of the rows along which money goes."""
        return self.rows[np.isin(self.rows[:, linking.RELATION], [int(each) for each in MONEY])]

    def steps(self, begins_ms: Ints) -> Ints:
        """What moved in each step, shape (steps, rows, 2): events and fen; begins_ms: ascending, shape (steps,)."""
        moved = np.zeros((len(begins_ms), len(self.rows), 2), np.int64)
        for each in self._shown:
            part = each.part
            linking.sum_steps(
                part.times_ms,
                part.amounts_fen,
                part.facts,
                part.ends,
                part.first,
                part.spots,
                each.numbers,
                each.number_of,
                each.low,
                each.high,
                self._asked,
                self._row_of,
                begins_ms,
                moved,
            )
        return moved
