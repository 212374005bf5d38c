"""The best split of each node, found in a garbled circuit: nobody sees a sum, and only the split's owner sees the split.

The gain of a candidate is G_L^2 / (H_L + l) + G_R^2 / (H_R + l) for the sums of gradients and Hessians on either side; its
squares are taken as |G| floor(|G| 2^q / H) of cut-down numbers, and a tournament finds the greatest.  Candidates of the first
party fill the lower half of the places, those of the second the upper half, so the highest bit of the index says whose it is;
places that are left over have the gain 0 and never win, because ties go to the lower place.

The sums are added before they are cut down.  Cutting the parts would be cheaper by 48 gates in 3,200, but off by one at random,
and two candidates that part the training rows alike, which have equal gains, would be chosen between by chance.

Opened: to both, whose split it is; to its owner, which of its candidates.  `gains` on the plain device is the twin.
Source of the gain: Chen, Guestrin, "XGBoost", KDD 2016, equation 7, without the complexity term.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.federation.channel import packed, packed_bytes, receive_one, unpacked
from tarim.federation.circuits import absolute, add, add_growing, divide, greatest, multiply
from tarim.federation.garbling import Device, Inputs, Wire, Word, shared_outputs
from tarim.federation.randomness import Bits, Words
from tarim.federation.session import Role, Session

VALUE_FRACTION_BITS: Final = 12
"""Of gradients and Hessians as they are summed, modulo 2^32."""
GRADIENT_FRACTION_BITS: Final = 5
HESSIAN_FRACTION_BITS: Final = 5
QUOTIENT_FRACTION_BITS: Final = 12
"""With 8, gains of large nodes are off by tens: the quotient's last unit counts |G| times."""
QUOTIENT_BITS: Final = QUOTIENT_FRACTION_BITS + 6
"""|G| / H stays below 2^6: every row has a Hessian of at least 2^-6."""


@dataclass(frozen=True)
class Precision:
    """Bits of the sums that come into the circuit, by the number of rows: |G| and H are at most the rows."""

    gradient_bits: int
    hessian_bits: int

    @classmethod
    def of(cls, rows: int) -> Precision:
        """For so many rows."""
        largest = rows + rows // 64 + 1  # with what is added to every row's Hessian, and the penalty
        return cls(rows.bit_length() + VALUE_FRACTION_BITS + 1, largest.bit_length() + VALUE_FRACTION_BITS)

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Of G_L, H_L, G_R, H_R."""
        return (self.gradient_bits, self.hessian_bits) * 2

    def parts(self, sums: npt.NDArray[np.uint32], penalty: float, *, first: bool) -> list[Words]:
        """This side's part of G and H + penalty from sums (..., 2) modulo 2^32, each (n,)."""
        words = sums.reshape(-1, 2).astype(np.uint64)
        extra = np.uint64(round(penalty * 2**VALUE_FRACTION_BITS) if first else 0)
        return [
            words[:, 0] & np.uint64((1 << self.gradient_bits) - 1),
            (words[:, 1] + extra) & np.uint64((1 << self.hessian_bits) - 1),
        ]


def gains(device: Device, first: list[Word], second: list[Word]) -> Word:
    """The gain of each row from the two parts of G_L, H_L, G_R, H_R, each with VALUE_FRACTION_BITS."""
    sums = [add(device, a, b) for a, b in zip(first, second, strict=True)]
    total: Word = []
    for gradient, hessian in ((sums[0], sums[1]), (sums[2], sums[3])):
        size = absolute(device, gradient[VALUE_FRACTION_BITS - GRADIENT_FRACTION_BITS :])
        weight = hessian[VALUE_FRACTION_BITS - HESSIAN_FRACTION_BITS :]
        ratio = divide(device, size, weight, QUOTIENT_BITS, QUOTIENT_FRACTION_BITS)
        gain = multiply(device, ratio, size)
        total = gain if not total else add_growing(device, total, gain)
    return total


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


def best_splits(
    session: Session, parts: list[Words], precision: Precision, nodes: int, candidates: tuple[int, int]
) -> Chosen:
    """The best candidate of each node.

    parts: this side's G_L, H_L, G_R, H_R, each (nodes * sum of candidates,): a node's candidates of the first party, then those
    of the second.
    """
    half = half_of(candidates)

    def placed(wire: Wire) -> Wire:
        """With places of 0 behind each party's candidates."""
        by_node = wire.reshape(nodes, -1, *wire.shape[1:])
        found = np.zeros((nodes, 2 * half, *wire.shape[1:]), wire.dtype)
        found[:, : candidates[0]] = by_node[:, : candidates[0]]
        found[:, half : half + candidates[1]] = by_node[:, candidates[0] :]
        return found.reshape(-1, *wire.shape[1:])

    def circuit(device: Device, first: list[Word], second: list[Word]) -> list[Wire]:
        return greatest(device, [placed(wire) for wire in gains(device, first, second)], 2 * half)

    first = Inputs(precision.widths, parts if session.first else None)
    second = Inputs(precision.widths, None if session.first else parts)
    index = shared_outputs(session, circuit, first, second, nodes * sum(candidates), session.uses.take())
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
