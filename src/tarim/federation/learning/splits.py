"""The best split of each node, found by garbled circuits: nobody sees a sum, and only the split's owner sees the split.

The gain of a candidate is G_L^2 / (H_L + l) + G_R^2 / (H_R + l) for the sums of gradients and Hessians on either side.  With
any t near G / H

    t (2 G - t H) = G^2 / H - H (t - G / H)^2

is the square's part but for an error of second order, so the circuit, where bits are dear, finds a coarse quotient of cut-down
numbers, and the products take the sums with all their bits:

    a circuit      both parts of G and H ──► t of either side, and whether the parts wrapped round, in shared bits
    by transfers   the bits as numbers; t (2 G - t H) of both sides, added
    a circuit      the greatest of the gains

A multiplier in a circuit would be three times the bytes of all else, and a mask on t in the circuit a sixth of the division's.

Candidates of the first party fill the lower half of the places, those of the second the upper half, so the highest bit of the
index says whose it is.  Of equal gains the one at the lower place is chosen: the first party's, of a party's the lower column,
of a column's the lower bin.  Places that are left over hold 0, and every gain is above it.

Sums are added before they are cut down.  Cutting the parts would be cheaper, but off by one at random, and two candidates
that part the training rows alike, which have equal gains, would be chosen between by chance.

Opened: to both, whose split it is; to its owner, which of its candidates.
Source of the gain: Chen, Guestrin, "XGBoost", KDD 2016, equation 7, without the complexity term.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.federation.channel import packed, packed_bytes, receive_one, unpacked
from tarim.federation.circuits import add, add_growing, divide, greatest
from tarim.federation.conversion import additive_bits
from tarim.federation.garbling import Device, Inputs, Wire, Word, shared_outputs
from tarim.federation.learning.precision import COARSE_FRACTION_BITS, QUOTIENT_FRACTION_BITS, RATIO_BITS, Precision
from tarim.federation.multiplication import products
from tarim.federation.randomness import Bits, Words
from tarim.federation.session import Role, Session

GAIN_FRACTION_BITS: Final = 20
"""Of gains as they are compared."""
GAIN_ADDED: Final = 2
"""To every gain, so that none is negative: t is off by a unit where G is next to nothing."""
_QUOTIENT_BITS: Final = QUOTIENT_FRACTION_BITS + RATIO_BITS + 1
"""Signed."""


def _quotient(device: Device, first: list[Word], second: list[Word], precision: Precision) -> list[Wire]:
    """The quotient t, signed, of what `prepared` says, and the carries out of both sums.

    A negative number is taken for one unit less than it is, before the division and after it: its bits are turned over.
    """
    gradient, hessian = (add_growing(device, a, b) for a, b in zip(first, second, strict=True))
    negative = device.negation(gradient[-2])
    size = [bit ^ negative for bit in gradient[precision.gradient_fraction_bits - COARSE_FRACTION_BITS : -2]]
    weight = hessian[precision.hessian_fraction_bits - COARSE_FRACTION_BITS : -1]
    ratio = divide(device, size, weight, _QUOTIENT_BITS - 1, QUOTIENT_FRACTION_BITS)
    return [*(bit ^ negative for bit in ratio), negative, gradient[-1], hessian[-1]]


def gains(session: Session, sums: Words, precision: Precision) -> Words:
    """Shares modulo 2^gain_bits of each candidate's gain; both sides.

    sums: this side's parts of G and H of the left and the right rows, (2, n, 2).
    """
    parts = precision.prepared(sums, first=session.first)

    def circuit(device: Device, first: list[Word], second: list[Word]) -> list[Wire]:
        return _quotient(device, first, second, precision)

    widths = (precision.gradient_bits, precision.hessian_bits)
    first = Inputs(widths, parts if session.first else None)
    second = Inputs(widths, None if session.first else parts)
    rows = len(parts[0])
    bits = additive_bits(session, shared_outputs(session, circuit, first, second, rows, session.uses.take()))
    places = np.uint64(1) << np.arange(_QUOTIENT_BITS, dtype=np.uint64)[:, None]
    places[-1] = np.uint64(0) - places[-1]
    quotient = (bits[:_QUOTIENT_BITS] * places).sum(axis=0)
    gradient, hessian = (
        part - (over << np.uint64(width)) for part, over, width in zip(parts, bits[-2:], widths, strict=True)
    )
    if session.first:
        gradient -= np.uint64(1 << precision.gradient_bits - 1)
    moved = np.uint64(1 + QUOTIENT_FRACTION_BITS + precision.hessian_fraction_bits - precision.gradient_fraction_bits)
    ring = precision.gain_bits
    squares = products(session, quotient, (gradient << moved) - products(session, quotient, hessian, ring), ring)
    found: Words = squares.reshape(2, -1).sum(axis=0)
    if session.first:
        found += np.uint64(GAIN_ADDED << precision.gain_fraction_bits)
    return found & np.uint64((1 << ring) - 1)


@dataclass(frozen=True)
class Chosen:
    """The splits of the nodes of one level.

    owners: whose split it is, (nodes,); places: which of its owner's candidates, (nodes,), -1 for the other party's.
    """

    owners: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]


def half_of(candidates: tuple[int, int]) -> int:
    """Places for one party's candidates in the tournament: a power of two that both parties' fit."""
    return 1 << max(max(candidates) - 1, 1).bit_length()


def best_splits(session: Session, gain: Words, precision: Precision, candidates: tuple[int, int]) -> Chosen:
    """The best candidate of each node.

    gain: this side's parts of the `gains`, (nodes, sum of candidates): of a node the first party's candidates, then the
    second's.
    """
    half, nodes = half_of(candidates), len(gain)

    def placed(wire: Wire) -> Wire:
        """With places of 0 behind each party's candidates."""
        by_node = wire.reshape(nodes, -1, *wire.shape[1:])
        found = np.zeros((nodes, 2 * half, *wire.shape[1:]), wire.dtype)
        found[:, : candidates[0]] = by_node[:, : candidates[0]]
        found[:, half : half + candidates[1]] = by_node[:, candidates[0] :]
        return found.reshape(-1, *wire.shape[1:])

    def circuit(device: Device, first: list[Word], second: list[Word]) -> list[Wire]:
        compared = add(device, first[0], second[0])[precision.gain_fraction_bits - GAIN_FRACTION_BITS :]
        return greatest(device, [placed(wire) for wire in compared], 2 * half)

    flat, widths = gain.reshape(-1), (precision.gain_bits,)
    first = Inputs(widths, [flat] if session.first else None)
    second = Inputs(widths, None if session.first else [flat])
    index = shared_outputs(session, circuit, first, second, len(flat), session.uses.take())
    owners = _opened_to_both(session, index[-1]).astype(np.int64)
    places = np.full(nodes, -1, np.int64)
    for owner in Role:
        which = np.flatnonzero(owners == owner)
        if not len(which):
            continue
        mine = np.ascontiguousarray(index[:-1, which])
        session.note_opening("the split of a node", owner, (len(which),))
        if session.role is not owner:
            session.channel.send("split, to its owner", packed(mine))
            continue
        other = receive_one(session.channel, "split, to its owner", np.uint8, packed_bytes(mine.size))
        bits = (mine ^ unpacked(other, mine.shape)).astype(np.int64)
        places[which] = (bits << np.arange(len(bits))[:, None]).sum(axis=0)
    return Chosen(owners, places)


def _opened_to_both(session: Session, bits: Bits) -> Bits:
    for recipient in Role:
        session.note_opening("whose the split of a node is", recipient, bits.shape)
    session.channel.send("split, whose it is", packed(bits))
    other = receive_one(session.channel, "split, whose it is", np.uint8, packed_bytes(len(bits)))
    return bits ^ unpacked(other, bits.shape)
