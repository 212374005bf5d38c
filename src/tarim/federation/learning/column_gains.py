"""Importance by gain of joint trees: what the splits on each column gained, as a share of what all splits gained.

A split's gain is G_L^2 / (H_L + l) + G_R^2 / (H_R + l) - G^2 / (H + l).  Shares of the first two parts are there before a split
is chosen (`splits.gains`), and the third is the gain of a split that sends every row left.  Only a split's owner knows which
candidate was chosen:

    by transfers   for each node, its owner's bit of every own candidate (chosen or not) times the candidate's gain less the
                   node's own, added up by column: which column a candidate is of is public, the sums are shared
    a circuit      after each tree, every level's sum cut to GAIN_FRACTION_BITS, 0 where rounding left it below 0
    a circuit      once, where something is opened: each column's sum over that of all, to the nearest 2^-SHARE_FRACTION_BITS

Opened: to whom the contract says, for each column of both parties a number between 0 and 1, a multiple of 1/1,024; no sum, no
single split, no tree.  So its reader learns which of the other party's columns matter, and that one with a 0 was hardly ever
split on.  Its owner knew of each column whether it was split on, and learns what it gained only where that is opened to it.

Who learns what otherwise: nothing.  Semi-honest.  24 bytes a node and candidate of its owner; 7 kB a column, level and tree.
Source: Chen, Guestrin, "XGBoost", KDD 2016, equation 7; Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning",
2009, section 10.13.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.federation.circuits import add, divide, subtract, zero_like
from tarim.federation.conversion import RING_BITS, additive_outputs
from tarim.federation.correlated import choose, give
from tarim.federation.garbling import Device, Inputs, Wire, Word
from tarim.federation.learning.precision import Precision
from tarim.federation.learning.splits import GAIN_ADDED, GAIN_FRACTION_BITS, Chosen
from tarim.federation.randomness import Words
from tarim.federation.session import Role, Session
from tarim.federation.sharing import Share, open_to

SHARE_FRACTION_BITS: Final = 10

Candidates = Sequence[tuple[int, int]]
"""(column, last bin that goes left) of one party's candidates."""


class ColumnGains:
    """Of one tree, level by level; both sides alike.

    candidates: of the first and the second party; columns: how many each has.
    """

    def __init__(
        self,
        session: Session,
        precision: Precision,
        candidates: tuple[Candidates, Candidates],
        columns: tuple[int, int],
    ) -> None:
        self._session, self._precision = session, precision
        self._sizes = tuple(len(each) for each in candidates)
        self._columns_of = tuple(np.array([column for column, _ in each], np.int64) for each in candidates)
        self._first_column, self._columns = (0, columns[0]), sum(columns)
        self._levels: list[Words] = []
        self._nodes = 1

    def add(self, found: Words, whole: Words, chosen: Chosen) -> None:
        """Count a level's splits.

        found: this side's parts of every candidate's gain, (nodes, candidates of both); whole: of the gain of a split that
        sends every row left, (nodes,).  Both modulo 2^gain_bits, with what is added to every gain.
        """
        session, bits = self._session, self._precision.gain_bits
        above = found - whole[:, None]
        sums = np.zeros(self._columns, np.uint64)
        use = session.uses.take(2)
        for owner in Role:  # both sides in the same order
            nodes = np.flatnonzero(chosen.owners == owner)
            if not len(nodes):
                continue
            start = owner * self._sizes[0]
            numbers = np.ascontiguousarray(above[nodes, start : start + self._sizes[owner]])
            if owner is session.role:
                taken = np.zeros(numbers.shape, np.uint8)
                taken[np.arange(len(nodes)), chosen.places[nodes]] = 1
                flat = taken.reshape(-1)
                part = choose(session, session.receiver.extend(flat), flat, np.uint64, 1, use + owner, bits)[:, 0]
                part = part + numbers.reshape(-1) * flat
            else:
                part = give(session, session.sender.extend(numbers.size), numbers.reshape(-1, 1), use + owner, bits)[
                    :, 0
                ]
            of_column = self._first_column[owner] + self._columns_of[owner]
            np.add.at(sums, of_column, part.reshape(numbers.shape).sum(axis=0))
        self._levels.append(sums)
        self._nodes = max(self._nodes, len(found))

    def finished(self) -> Words:
        """This side's part of what each column gained in the tree, (columns of both,), with GAIN_FRACTION_BITS modulo 2^64."""
        session, ring = self._session, self._precision.gain_bits
        spare = self._precision.gain_fraction_bits - GAIN_FRACTION_BITS
        offset = GAIN_ADDED * self._nodes << GAIN_FRACTION_BITS
        parts = np.concatenate(self._levels)
        if session.first:
            parts = parts + np.uint64(offset << spare)
        parts &= np.uint64((1 << ring) - 1)

        def circuit(device: Device, first: list[Word], second: list[Word]) -> list[Word]:
            total = add(device, first[0], second[0])[spare:]
            rest, below = subtract(device, total, _constant(device, total[0], offset, len(total)))
            held = device.negation(below)
            return [[*(device.conjunction(held, bit) for bit in rest), zero_like(below)]]

        inputs = (
            Inputs((ring,), [parts] if session.first else None),
            Inputs((ring,), None if session.first else [parts]),
        )
        (cut,) = additive_outputs(session, circuit, *inputs, len(parts), 1)
        found: Words = cut.reshape(len(self._levels), self._columns).sum(axis=0)
        return found


def shares_of_gain(
    session: Session, gained: Words, recipients: frozenset[Role], what: str
) -> npt.NDArray[np.float64] | None:
    """Each column's share of all gain, (columns of both,), at each recipient; None at the other side.  Both sides call it.

    gained: this side's parts of what each column gained over all trees, see `ColumnGains.finished`.
    """
    whole = np.full(len(gained), gained.sum(), np.uint64)
    if session.first:
        whole += np.uint64(1)  # never by 0
    widths, parts = (RING_BITS, RING_BITS), [gained, whole]

    def circuit(device: Device, first: list[Word], second: list[Word]) -> list[Word]:
        part, of = (add(device, a, b)[:-1] for a, b in zip(first, second, strict=True))  # none is below 0
        twice = divide(device, part, of, SHARE_FRACTION_BITS + 2, SHARE_FRACTION_BITS + 1)
        half = [device.negation(zero_like(twice[0]))] + [zero_like(twice[0])] * len(twice)
        return [[*add(device, [*twice, zero_like(twice[0])], half)[1:], zero_like(twice[0])]]

    first = Inputs(widths, parts if session.first else None)
    second = Inputs(widths, None if session.first else parts)
    (found,) = additive_outputs(session, circuit, first, second, len(gained), 1)
    told: npt.NDArray[np.float64] | None = None
    for recipient in Role:
        if recipient in recipients:
            opened = open_to(session, Share(found, SHARE_FRACTION_BITS), recipient, what)
            told = opened if opened is not None else told
    return told


def shares_in_the_clear(gained: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The plaintext twin of `shares_of_gain`."""
    twice = (gained << SHARE_FRACTION_BITS + 1) // (gained.sum() + 1)
    found: npt.NDArray[np.float64] = (twice + 1 >> 1) / 2.0**SHARE_FRACTION_BITS
    return found


def _constant(device: Device, like: Wire, number: int, width: int) -> Word:
    zero = zero_like(like)
    one = device.negation(zero)
    return [one if number >> place & 1 else zero for place in range(width)]
