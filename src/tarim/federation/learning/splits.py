"""The best split of each node, found by garbled circuits: nobody sees a sum, and only the split's owner sees the split.

The gain of a candidate is G_L^2 / (H_L + l) + G_R^2 / (H_R + l) for the sums of gradients and Hessians on either side; its
squares are taken as |G| floor(|G| 2^q / H) of cut-down numbers, and a tournament finds the greatest.

    a circuit      sums of both parts ──► |G| and floor(|G| 2^q / H) of either side, as shares
    by transfers   their products, added                 a multiplier in a circuit would be three times the bytes of all else
    a circuit      the greatest of the gains

Candidates of the first party fill the lower half of the places, those of the second the upper half, so the highest bit of the
index says whose it is; places that are left over have the gain 0 and never win, because ties go to the lower place.

The sums are added before they are cut down.  Cutting the parts would be cheaper by 48 gates in 1,100, but off by one at random,
and two candidates that part the training rows alike, which have equal gains, would be chosen between by chance.

Opened: to both, whose split it is; to its owner, which of its candidates.
Source of the gain: Chen, Guestrin, "XGBoost", KDD 2016, equation 7, without the complexity term.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.federation.channel import packed, packed_bytes, receive_one, unpacked
from tarim.federation.circuits import absolute, add, divide, greatest, zero_like
from tarim.federation.conversion import additive_outputs
from tarim.federation.garbling import Device, Inputs, Wire, Word, shared_outputs
from tarim.federation.multiplication import products
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

    @property
    def gain_bits(self) -> int:
        """Of a gain: a quotient times |G| cut down, twice."""
        return QUOTIENT_BITS + self.gradient_bits - 1 - (VALUE_FRACTION_BITS - GRADIENT_FRACTION_BITS) + 1

    def parts(self, sums: npt.NDArray[np.uint32], penalty: float, *, first: bool) -> list[Words]:
        """This side's part of G and H + penalty from sums (..., 2) modulo 2^32, each (n,)."""
        words = sums.reshape(-1, 2).astype(np.uint64)
        extra = np.uint64(round(penalty * 2**VALUE_FRACTION_BITS) if first else 0)
        return [
            words[:, 0] & np.uint64((1 << self.gradient_bits) - 1),
            (words[:, 1] + extra) & np.uint64((1 << self.hessian_bits) - 1),
        ]


def factors(device: Device, first: list[Word], second: list[Word]) -> list[Word]:
    """|G| and floor(|G| 2^q / H) of the left and of the right rows, from the two parts of G_L, H_L, G_R, H_R.

    The parts have VALUE_FRACTION_BITS; results are not negative and have a sign bit of 0.
    """
    sums = [add(device, a, b) for a, b in zip(first, second, strict=True)]
    found: list[Word] = []
    for gradient, hessian in ((sums[0], sums[1]), (sums[2], sums[3])):
        size = absolute(device, gradient[VALUE_FRACTION_BITS - GRADIENT_FRACTION_BITS :])
        weight = hessian[VALUE_FRACTION_BITS - HESSIAN_FRACTION_BITS :]
        ratio = divide(device, size, weight, QUOTIENT_BITS, QUOTIENT_FRACTION_BITS)
        found += [[*word, zero_like(word[0])] for word in (size, ratio)]
    return found


def gains(session: Session, parts: list[Words], precision: Precision) -> Words:
    """Shares modulo 2^gain_bits of each candidate's gain, from this side's G_L, H_L, G_R, H_R, each (n,); both sides."""
    rows, ring = len(parts[0]), precision.gain_bits
    first = Inputs(precision.widths, parts if session.first else None)
    second = Inputs(precision.widths, None if session.first else parts)
    left, left_ratio, right, right_ratio = additive_outputs(session, factors, first, second, rows, 4, ring)
    both = products(session, np.concatenate([left, right]), np.concatenate([left_ratio, right_ratio]), ring)
    found: Words = (both[:rows] + both[rows:]) & np.uint64((1 << ring) - 1)
    return found


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
        return greatest(device, [placed(wire) for wire in add(device, first[0], second[0])], 2 * half)

    gain, widths = gains(session, parts, precision), (precision.gain_bits,)
    first = Inputs(widths, [gain] if session.first else None)
    second = Inputs(widths, None if session.first else [gain])
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
