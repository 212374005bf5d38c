"""How good a joint model is, with nothing opened but a curve: how many rows, and how many with the label, have which score.

A circuit puts each shared score into one of BUCKETS buckets of equal width between -RANGE and RANGE (the outer ones take what
lies beyond); the bits stay shared.  One transfer a row and bucket multiplies the first party's bit by the second's numbers, so
that rows and labels are counted without anybody seeing a row's bucket.  Only the counts are opened, to whom the contract says.

Area under the curve, KS, Gini and lift follow from the counts, with rows of one bucket as ties: the finer the buckets, the
nearer to those of the scores themselves.

Who learns what: who the counts are opened to learns them.  Semi-honest.  About 210 gates (32 bytes each) and BUCKETS transfers
of 12 bytes a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.federation.circuits import add, one_hot
from tarim.federation.correlated import choose, give
from tarim.federation.garbling import Device, Inputs, Wire, Word, shared_outputs
from tarim.federation.randomness import Bits, Words
from tarim.federation.session import Role, Session
from tarim.federation.sharing import Share, open_to

INDEX_BITS: Final = 6
BUCKETS: Final = 1 << INDEX_BITS
RANGE_LOG2: Final = 2
RANGE: Final = 1 << RANGE_LOG2
"""Scores are log-odds: 4 is 98 in a hundred."""
_SCORE_BITS: Final = 40
_ROWS_AT_ONCE: Final = 2_048

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Curve:
    """rows, events: how many rows, and how many with the label, each bucket holds, by ascending score."""

    rows: Counts
    events: Counts

    @property
    def auc(self) -> float:
        """Area under the ROC curve; 0.5 where one of the classes is missing.  In [0, 1]."""
        others = self.rows - self.events
        below = np.cumsum(others) - others
        pairs = float(self.events.sum()) * float(others.sum())
        return float((self.events * (below + others / 2)).sum()) / pairs if pairs else 0.5

    @property
    def gini(self) -> float:
        """2 AUC - 1."""
        return 2 * self.auc - 1

    @property
    def ks(self) -> float:
        """Kolmogorov-Smirnov: how far the two classes' distributions of scores are apart at most.  In [0, 1]."""
        others = self.rows - self.events
        if not self.events.sum() or not others.sum():
            return 0.0
        return float(np.abs(np.cumsum(self.events) / self.events.sum() - np.cumsum(others) / others.sum()).max())

    def lift(self, share: float) -> float:
        """Share of events among the highest `share` of rows over that of all rows; a bucket that is cut counts in part."""
        wanted, taken, found = share * self.rows.sum(), 0.0, 0.0
        for rows, events in zip(self.rows[::-1], self.events[::-1], strict=True):
            part = min(1.0, (wanted - taken) / rows) if rows else 0.0
            taken, found = taken + part * rows, found + part * events
        base = self.events.sum() / max(1, self.rows.sum())
        return float(found / max(wanted, 1e-9) / base) if base else 0.0


def curve(session: Session, scores: Share, labels: Bits | None, recipients: frozenset[Role], what: str) -> Curve | None:
    """The curve, at each recipient; None at the other side.  labels: (n,) at the SECOND party.  Both sides call it.

    scores: (n,), below 2^(_SCORE_BITS - 1 - fraction bits) in size.
    """
    totals = np.zeros((2, BUCKETS), np.uint64)
    part = scores.part()
    for start in range(0, len(part), _ROWS_AT_ONCE):
        piece = slice(start, start + _ROWS_AT_ONCE)
        bits = _placed(session, part[piece], scores.fraction_bits)
        totals += _counted(session, bits, None if labels is None else labels[piece])
    found: npt.NDArray[np.float64] | None = None
    for recipient in Role:
        if recipient in recipients:
            opened = open_to(session, Share(totals, 0), recipient, what)
            found = opened if opened is not None else found
    if found is None:
        return None
    counts = found.astype(np.int64)
    return Curve(counts[0], counts[1])


def curve_in_the_clear(scores: npt.NDArray[np.float64], labels: Bits) -> Curve:
    """The plaintext twin."""
    place = np.clip(np.floor((scores + RANGE) * BUCKETS / (2 * RANGE)), 0, BUCKETS - 1).astype(np.int64)
    return Curve(np.bincount(place, minlength=BUCKETS), np.bincount(place[labels == 1], minlength=BUCKETS))


def _placed(session: Session, part: Words, fraction_bits: int) -> Bits:
    """XOR shares of which bucket each row is in, shape (BUCKETS, rows)."""
    width = fraction_bits + RANGE_LOG2 + 1
    """Bits of a number below 2 RANGE."""

    def circuit(device: Device, first: list[Word], second: list[Word]) -> list[Wire]:
        total = add(device, first[0], second[0])
        return one_hot(device, _clipped(device, total, width))

    low = np.uint64((1 << _SCORE_BITS) - 1)
    shifted = part + np.uint64(RANGE << fraction_bits) if session.first else part
    first = Inputs((_SCORE_BITS,), [shifted & low] if session.first else None)
    second = Inputs((_SCORE_BITS,), None if session.first else [shifted & low])
    return shared_outputs(session, circuit, first, second, len(part), session.uses.take())


def _clipped(device: Device, total: Word, width: int) -> Word:
    """The highest INDEX_BITS of the `width` bits that count, lowest first: all 0 below 0, all 1 from 2^width on."""
    negative, high = total[-1], total[width:-1]
    none_above = device.negation(high[0])
    for bit in high[1:]:
        none_above = device.conjunction(none_above, device.negation(bit))
    above = device.conjunction(device.negation(negative), device.negation(none_above))
    inside = device.conjunction(device.negation(negative), none_above)
    return [device.conjunction(inside, bit) ^ above for bit in total[width - INDEX_BITS : width]]


def _counted(session: Session, bits: Bits, labels: Bits | None) -> Words:
    """Shares modulo 2^64 of rows and events of each bucket, (2, BUCKETS).

    A bit is b1 (1 - 2 b2) + b2 of its shares: the second party's numbers 1 - 2 b2, and the same times the label, by the first
    party's bit.
    """
    use, count = session.uses.take(), bits.size
    if labels is None:
        flat = bits.reshape(-1)
        shares = choose(session, session.receiver.extend(flat), flat, np.uint64, 2, use)
    else:
        signs = (1 - 2 * bits.astype(np.int64)).reshape(-1)
        weights = np.tile(labels.astype(np.int64), BUCKETS)
        numbers = np.stack([signs, signs * weights], axis=1).view(np.uint64)
        own = np.stack([bits.reshape(-1), bits.reshape(-1) * weights.astype(np.uint8)], axis=1).astype(np.uint64)
        shares = give(session, session.sender.extend(count), numbers, use) + own
    counted: Words = shares.reshape(BUCKETS, -1, 2).sum(axis=1).T
    return np.ascontiguousarray(counted)
