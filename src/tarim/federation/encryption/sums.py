"""Sums and sizes of a campaign's groups: the FIRST party holds values of the customers, the SECOND who is in which group.

    first -> second   the public key and its values, encrypted
    second -> first   which groups are reported; a reply for each, masked unless the first party is to learn the sums
    first -> second   the decrypted sums, when the second party is to learn them

Who learns what: whom the contract opens the sums to learns them and the sizes of their groups; the first party learns besides
which groups were withheld, and nothing of who is in any; the second nothing of any single value.  When the second alone
learns the sums, the first decrypts uniform numbers.  Semi-honest: sizes are the second party's own count, see below; noise as
in `exchange`.

A sum says too much about few.  A group is withheld when it has fewer than `least` customers, or when it differs from one that
is reported by fewer than that (but not by none), since the difference of two sums is a sum too.  That is checked on pairs, by
the party that knows the groups; differences of three and more groups, and of several runs, are not: make groups disjoint, and
agree on few uses.  A sum is exact: nothing is added to it that would hide a single customer from one who knows all others (no
differential privacy).

One round, or one and a half.  0.5 MB for the key and 189 kB for each DEGREE / columns rows there, 66 kB a group back.
`summed_in_the_clear` is the plaintext twin.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError, TooLarge
from tarim.federation.channel import Channel, packed, packed_bytes, receive_one, unpacked
from tarim.federation.encryption.exchange import Holder, Other, require_room
from tarim.federation.encryption.layout import MASK, Layout, stride_for_columns
from tarim.federation.encryption.signed import LIMIT, in_fixed_point, in_ring, signed
from tarim.federation.errors import ProtocolBroken
from tarim.federation.randomness import Bits, fresh_words
from tarim.federation.session import Role

COLUMNS_MAX: Final = 256
GROUPS_MAX: Final = 256
LEAST_MIN: Final = 10
"""No contract can ask for smaller groups."""
FRACTION_BITS_MAX: Final = 24

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    """What both know.  least: customers of the smallest group that is reported.  Raises InputError, TooLarge."""

    rows: int
    columns: int
    groups: int
    least: int
    fraction_bits: int

    def __post_init__(self) -> None:
        if not 1 <= self.columns <= COLUMNS_MAX or not 1 <= self.groups <= GROUPS_MAX:
            raise TooLarge(f"1 to {COLUMNS_MAX} columns are summed over 1 to {GROUPS_MAX} groups")
        if self.least < LEAST_MIN or not 0 <= self.fraction_bits <= FRACTION_BITS_MAX:
            raise InputError(f"groups of {LEAST_MIN} at least and 0 to {FRACTION_BITS_MAX} fraction bits are possible")
        require_room(self.layout.polynomials)

    @property
    def layout(self) -> Layout:
        """How the values are cut."""
        return Layout(self.rows, self.columns, stride_for_columns(self.columns))


@dataclass(frozen=True)
class GroupSums:
    """What is learned.  sums: (groups, columns), sizes: (groups,); NaN and -1 for groups that were withheld."""

    sums: Values
    sizes: npt.NDArray[np.int64]


def give_values(channel: Channel, values: Values, shape: Shape, learners: Collection[Role]) -> GroupSums | None:
    """The FIRST party's side; values: (rows, columns).  None when only the second learns.

    Raises InputError, ProtocolBroken.
    """
    whole = in_fixed_point(values, shape.fraction_bits, "values")
    if (np.abs(whole).astype(np.float64).sum(axis=0) >= LIMIT).any():
        raise InputError(
            f"a column's values add up to more than 2^47 units of 2^-{shape.fraction_bits}; take fewer bits"
        )
    layout, first_learns = shape.layout, Role.FIRST in learners
    holder = Holder(channel)
    holder.send(layout.encoded(in_ring(whole)))
    bits = receive_one(channel, "campaign sums, groups reported", np.uint8, packed_bytes(shape.groups))
    reported = np.flatnonzero(unpacked(bits, (shape.groups,)))
    found = [holder.take(layout.places_of_columns(0)) for _ in reported]
    sums = np.array(found, np.uint64).reshape(len(reported), shape.columns)
    if Role.SECOND in learners:
        channel.send("opening: campaign sums", sums)
    if not first_learns:
        return None
    sizes = receive_one(channel, "opening: sizes of groups", np.int64, len(reported))
    if len(sizes) and not shape.least <= sizes.min() <= sizes.max() <= shape.rows:
        raise ProtocolBroken("a group of another size came than the contract reports")
    return _learned(shape, reported, signed(sums), sizes)


def give_groups(channel: Channel, members: Bits, shape: Shape, learners: Collection[Role]) -> GroupSums | None:
    """The SECOND party's side; members: (rows, groups), 1 for who is in a group.  Raises InputError, ProtocolBroken."""
    if members.shape != (shape.rows, shape.groups) or not np.isin(members, (0, 1)).all():
        raise InputError("a group is a column of zeros and ones, one for each common customer")
    layout, first_learns = shape.layout, Role.FIRST in learners
    reported = np.flatnonzero(reportable(members, shape.least))
    other = Other(channel)
    kept = other.receive(layout.polynomials)
    flags = np.zeros(shape.groups, np.uint8)
    flags[reported] = 1
    channel.send("campaign sums, groups reported", packed(flags))
    masks = fresh_words(len(reported), shape.columns) & MASK
    if first_learns:
        masks[:] = 0
    for group, mask in zip(reported.tolist(), masks, strict=True):
        inside = members[:, group].astype(np.uint64)
        parts = [inside[start : start + layout.stride] for start in range(0, shape.rows, layout.stride)]
        terms = ((each, other.multiplier(layout.for_columns(part))) for each, part in zip(kept, parts, strict=True))
        other.reply(terms, shape.rows, layout.places_of_columns(0), mask)
    sizes = members[:, reported].sum(axis=0, dtype=np.int64)
    sums = None
    if Role.SECOND in learners:
        sums = receive_one(channel, "opening: campaign sums", np.uint64, len(reported), shape.columns)
    if first_learns:
        channel.send("opening: sizes of groups", sizes)
    return None if sums is None else _learned(shape, reported, signed((sums - masks) & MASK), sizes)


def reportable(members: Bits, least: int) -> npt.NDArray[np.bool_]:
    """Which groups (rows, groups) may be reported, in their order; see the module."""
    found = np.zeros(members.shape[1], bool)
    for group in range(members.shape[1]):
        inside = members[:, group].astype(bool)
        others = members[:, found].astype(bool)
        apart = np.concatenate([(inside[:, None] & ~others).sum(axis=0), (~inside[:, None] & others).sum(axis=0)])
        found[group] = inside.sum() >= least and not ((apart > 0) & (apart < least)).any()
    return found


def summed_in_the_clear(values: Values, members: Bits, shape: Shape) -> GroupSums:
    """The plaintext twin."""
    whole = in_fixed_point(values, shape.fraction_bits, "values")
    reported = np.flatnonzero(reportable(members, shape.least))
    inside = members[:, reported].astype(np.int64)
    return _learned(shape, reported, inside.T @ whole, inside.sum(axis=0))


def _learned(
    shape: Shape, reported: npt.NDArray[np.int64], sums: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]
) -> GroupSums:
    all_sums, all_sizes = np.full((shape.groups, shape.columns), np.nan), np.full(shape.groups, -1, np.int64)
    all_sums[reported], all_sizes[reported] = sums / 2.0**shape.fraction_bits, sizes
    return GroupSums(all_sums, all_sizes)
