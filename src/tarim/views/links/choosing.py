"""Which neighbours are shown when there are too many: those that say most, and the others as crowds.

In this order: convicted ones; those that more than one shown entity is linked to (a shared device, a common payee); those
whose events were judged most strictly; those with more money; those with more events; then by kind and token.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.views.links.domain import Entity, EntityKind, Ints
from tarim.views.links.kernels.linking import (
    ALERTS,
    AMOUNT,
    CENTRE,
    COUNT,
    FIRST,
    KIND,
    LAST,
    OUTWARD,
    RELATION,
    STOPPED_FEN,
    TOKEN,
    WORST,
)
from tarim.views.links.store import Seen

Mask = npt.NDArray[np.bool_]

_WEIGHT_BITS: Final = (3, 3, 40, 14)
"""Of shared, worst, amount and count in one number; what is more counts as the most that fits."""


def among(kinds: Ints, tokens: Ints, entities: Iterable[Entity]) -> Mask:
    """Which of (kinds, tokens) are entities given; shape (k,)."""
    listed = list(entities)
    found = np.zeros(len(tokens), np.bool_)
    for kind in EntityKind:
        of_kind = np.array([entity.token for entity in listed if entity.kind is kind], np.int64)
        if len(of_kind):
            found |= (kinds == kind) & np.isin(tokens, of_kind)
    return found


def most_telling(seen: Seen, rows: Ints, wanted: int, fan: int | None = None) -> list[Entity]:
    """At most `wanted` of the entities that links lead to, the most telling first.

    rows: links as `kernels.linking` sums them, without those to entities that are shown.  fan: how many one entity may
    contribute that no other is linked to; None for any number.
    """
    if wanted <= 0 or not len(rows):
        return []
    rows = rows[np.lexsort((rows[:, CENTRE], rows[:, TOKEN], rows[:, KIND]))]
    other = (rows[1:, (KIND, TOKEN)] != rows[:-1, (KIND, TOKEN)]).any(axis=1)
    new = np.append(True, other)
    at = np.flatnonzero(new)
    new_centre = np.append(True, other | (rows[1:, CENTRE] != rows[:-1, CENTRE]))
    shared = np.add.reduceat(new_centre.astype(np.int64), at)
    kinds, tokens, centres = rows[at, KIND], rows[at, TOKEN], rows[at, CENTRE]
    parts = (
        shared - 1,
        np.maximum.reduceat(rows[:, WORST], at),
        np.add.reduceat(rows[:, AMOUNT], at),
        np.add.reduceat(rows[:, COUNT], at),
    )
    weight = seen.convicted_among(kinds, tokens).astype(np.int64)
    for bits, value in zip(_WEIGHT_BITS, parts, strict=True):
        weight = weight << bits | np.minimum(value, (1 << bits) - 1)
    if fan is not None:
        by_centre = np.lexsort((tokens, kinds, -weight, centres))
        begins = np.append(True, centres[by_centre][1:] != centres[by_centre][:-1])
        place = np.arange(len(by_centre))
        rank = place - np.maximum.accumulate(np.where(begins, place, 0))
        kept = np.zeros(len(by_centre), np.bool_)
        kept[by_centre] = rank < fan
        kept |= shared > 1
        kinds, tokens, weight = kinds[kept], tokens[kept], weight[kept]
    if wanted < len(weight):
        least = -np.partition(-weight, wanted)[wanted]
        kept = weight >= least
        kinds, tokens, weight = kinds[kept], tokens[kept], weight[kept]
    best = np.lexsort((tokens, kinds, -weight))[:wanted]
    return [Entity(EntityKind(k), t) for k, t in zip(kinds[best].tolist(), tokens[best].tolist(), strict=True)]


def without(rows: Ints, entities: Iterable[Entity]) -> Ints:
    """Those of the links that lead to somebody else."""
    return rows[~among(rows[:, KIND], rows[:, TOKEN], entities)]


def distinct(rows: Ints) -> int:
    """How many entities the links lead to."""
    if not len(rows):
        return 0
    ordered = rows[np.lexsort((rows[:, TOKEN], rows[:, KIND]))][:, (KIND, TOKEN)]
    return 1 + int((ordered[1:] != ordered[:-1]).any(axis=1).sum())


class Crowded:
    """Links put together by centre, relation, direction and kind.

    rows: a row each, TOKEN meaning nothing.  sizes: entities of each.  convicted: of those.  alone: who is alone in one.
    """

    def __init__(self, seen: Seen, rows: Ints) -> None:
        rows = rows[np.lexsort((rows[:, KIND], rows[:, OUTWARD], rows[:, RELATION], rows[:, CENTRE]))]
        keys = rows[:, (CENTRE, RELATION, OUTWARD, KIND)]
        new = np.ones(len(rows), np.bool_)
        new[1:] = (keys[1:] != keys[:-1]).any(axis=1)
        at = np.flatnonzero(new)
        self.rows, self.sizes = rows[at], np.diff(np.append(at, len(rows)))
        self.convicted = np.zeros(len(at), np.int64)
        self.alone = [
            Entity(EntityKind(kind), token) for kind, token in self.rows[self.sizes == 1][:, (KIND, TOKEN)].tolist()
        ]
        if not len(at):
            return
        self.convicted = np.add.reduceat(seen.convicted_among(rows[:, KIND], rows[:, TOKEN]).astype(np.int64), at)
        for word in (COUNT, AMOUNT, STOPPED_FEN, ALERTS):
            self.rows[:, word] = np.add.reduceat(rows[:, word], at)
        self.rows[:, FIRST] = np.minimum.reduceat(rows[:, FIRST], at)
        for word in (LAST, WORST):
            self.rows[:, word] = np.maximum.reduceat(rows[:, word], at)

    def __len__(self) -> int:
        return len(self.sizes)
