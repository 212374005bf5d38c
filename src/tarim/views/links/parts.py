"""A part: a set of events with an index of which entity they carry, in order of time.  It never changes.

events are sorted by time, so that a window is a range, and each entity's events are a range of ascending numbers;
entities have small numbers of the part's own, which a binary search in its directory gives
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.stream import Col, Kind, Outcome, Result, Rows
from tarim.views.links.domain import MONEY_KINDS, Entity, EntityKind, Filters, Ints
from tarim.views.links.kernels import parts as kernels

EVENTS_MAX: Final = 1 << (32 - kernels.ROLE_BITS)
_CNY: Final = int.from_bytes(b"CNY", "big")
_COLUMNS: Final = (Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE, Col.DEVICE, Col.ADDRESS, Col.MERCHANT)
_ROLES: Final = (
    (kernels.CUSTOMER,),
    (kernels.ACCOUNT, kernels.PAYEE),
    (kernels.DEVICE,),
    (kernels.ADDRESS,),
    (kernels.MERCHANT,),
)
"""The roles that an entity of each kind has."""

assert tuple(kernels.__dict__[column.name] for column in _COLUMNS) == tuple(range(kernels.ROLES))
assert max(Kind) < 1 << kernels.OUTCOME_SHIFT and max(Outcome) < 8


@dataclass(frozen=True, slots=True)
class Raw:
    """Events in any order.  times_ms, amounts_fen, seqs: int64 (n,); facts: uint16 (n,); tokens: int64 (n, ROLES), 0 = none."""

    times_ms: Ints
    amounts_fen: Ints
    seqs: Ints
    facts: npt.NDArray[np.uint16]
    tokens: Ints

    def __len__(self) -> int:
        return len(self.times_ms)

    @classmethod
    def of_rows(cls, rows: Rows, first_seq: int) -> Raw:
        """Those of the journal's rows that link something; labels link nothing."""
        kinds, outcomes = rows[:, Col.KIND], np.maximum(rows[:, Col.OUTCOME], 0)
        moves = np.isin(kinds, [int(kind) for kind in MONEY_KINDS]) & (rows[:, Col.RESULT] != Result.FAILED)
        facts = kinds | outcomes << kernels.OUTCOME_SHIFT
        facts |= np.where(moves, kernels.MOVES, 0)
        facts |= np.where(moves & (outcomes == Outcome.BLOCK), kernels.STOPPED, 0)
        facts |= np.where(kinds == Kind.DEPOSIT, kernels.INWARD, 0)
        tokens = rows[:, _COLUMNS].copy()
        tokens[tokens[:, kernels.PAYEE] == tokens[:, kernels.ACCOUNT], kernels.PAYEE] = 0
        kept = (kinds != Kind.LABEL) & ((tokens != 0).sum(axis=1) > 1)
        amounts = np.where(rows[:, Col.CURRENCY] == _CNY, rows[:, Col.AMOUNT_FEN], 0)
        seqs = first_seq + np.arange(len(rows))
        return cls(
            rows[kept, Col.OCCURRED_MS], amounts[kept], seqs[kept], facts[kept].astype(np.uint16), tokens[kept]
        )  # fmt: skip

    @classmethod
    def joined(cls, several: Sequence[Raw]) -> Raw:
        """All of them."""
        return cls(
            np.concatenate([raw.times_ms for raw in several]),
            np.concatenate([raw.amounts_fen for raw in several]),
            np.concatenate([raw.seqs for raw in several]),
            np.concatenate([raw.facts for raw in several]),
            np.concatenate([raw.tokens for raw in several]),
        )


@dataclass(frozen=True, slots=True)
class Part:
    """The arrays of `kernels.parts`.

    seqs: uint32 (n,), positions in the journal less `base_seq`.  starts: int64 (kinds + 1,), where the entities of each kind
    begin in `tokens`.
    """

    times_ms: Ints
    amounts_fen: Ints
    facts: npt.NDArray[np.uint16]
    ends: npt.NDArray[np.int32]
    base_seq: int
    seqs: npt.NDArray[np.uint32]
    tokens: Ints
    starts: Ints
    first: npt.NDArray[np.int32]
    spots: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.times_ms)

    @classmethod
    def of(cls, raw: Raw) -> Part:
        """The part of these events; at least one."""
        assert 0 < len(raw) <= EVENTS_MAX
        order = np.argsort(raw.times_ms, kind="stable")
        tokens_by_role = raw.tokens[order]
        ends = np.empty((len(raw), kernels.ROLES), np.int32)
        directory, starts = [], [0]
        for roles in _ROLES:
            present = tokens_by_role[:, roles]
            found, number = np.unique(present, return_inverse=True)
            number = number.reshape(present.shape) + starts[-1]
            absent = int(np.searchsorted(found, 0))
            if absent < len(found) and found[absent] == 0:
                found = np.delete(found, absent)
                number -= present > 0
            ends[:, roles] = np.where(present == 0, -1, number)
            directory.append(found)
            starts.append(starts[-1] + len(found))
        first = np.zeros(starts[-1] + 1, np.int32)
        spots = np.empty(int((ends >= 0).sum()), np.uint32)
        kernels.lay_spots(ends, first, spots)
        base_seq = int(raw.seqs.min())
        return cls(
            raw.times_ms[order],
            raw.amounts_fen[order],
            raw.facts[order],
            ends,
            base_seq,
            (raw.seqs[order] - base_seq).astype(np.uint32),
            np.concatenate(directory),
            np.array(starts, np.int64),
            first,
            spots,
        )

    def raw(self) -> Raw:
        """Its events."""
        tokens = np.where(self.ends < 0, 0, self.tokens[self.ends])
        return Raw(self.times_ms, self.amounts_fen, self.seqs + np.int64(self.base_seq), self.facts, tokens)

    @property
    def size_bytes(self) -> int:
        """What its arrays take."""
        columns = (self.times_ms, self.amounts_fen, self.facts, self.ends, self.seqs)
        return sum(each.nbytes for each in (*columns, self.tokens, self.starts, self.first, self.spots))

    def window(self, filters: Filters) -> tuple[int, int]:
        """Its events within the window: numbers from, and up to."""
        low, high = np.searchsorted(self.times_ms, (filters.since_ms, filters.until_ms))
        return int(low), int(high)

    def numbers(self, kinds: Ints, tokens: Ints) -> npt.NDArray[np.int32]:
        """Numbers of some entities in this part, -1 for those it does not have; shapes (k,)."""
        found = np.full(len(kinds), -1, np.int32)
        for kind in EntityKind:
            chosen = np.flatnonzero(kinds == kind)
            if len(chosen):
                begin, end = int(self.starts[kind]), int(self.starts[kind + 1])
                place = begin + np.searchsorted(self.tokens[begin:end], tokens[chosen])
                there = place < end
                there[there] = self.tokens[place[there]] == tokens[chosen][there]
                found[chosen[there]] = place[there]
        return found

    def customers_of(self, number: int, events: int) -> list[int]:
        """Tokens of the customers of an entity's newest so many events, the newest first."""
        low, high = int(self.first[number]), int(self.first[number + 1])
        newest = self.spots[max(low, high - events) : high][::-1] >> kernels.ROLE_BITS
        customers = self.ends[newest, kernels.CUSTOMER]
        return [int(token) for token in self.tokens[customers[customers >= 0]]]

    def entities_of(self, seq: int) -> dict[int, Entity]:
        """The entities of the event at a position of the journal, by role; {} when it is not here."""
        if not self.base_seq <= seq <= self.base_seq + np.iinfo(np.uint32).max:
            return {}
        found = np.flatnonzero(self.seqs == seq - self.base_seq)
        if not len(found):
            return {}
        ends = self.ends[found[0]].tolist()
        kind_of_role = {role: EntityKind(kind) for kind, roles in enumerate(_ROLES) for role in roles}
        return {role: Entity(kind_of_role[role], int(self.tokens[i])) for role, i in enumerate(ends) if i >= 0}
