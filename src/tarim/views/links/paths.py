"""The fewest payments by which money can have gone from one account to another within a window.

Breadth first, round by round: who can have the money after one payment, after two, ...  and since when.  A payment counts
from the instant on at which the money can have been there; blocked payments move nothing.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from tarim.base.errors import FieldError
from tarim.views.links.domain import Entity, EntityKind, Filters, Hop, Ints, MoneyPath
from tarim.views.links.kernels import paths as kernels
from tarim.views.links.looking import asked_of
from tarim.views.links.parts import Part
from tarim.views.links.store import Seen

HOPS_MAX: Final = 6
ACCOUNTS_MAX: Final = 200_000
"""Accounts that are followed before the search ends without an answer."""


class _Arrival(NamedTuple):
    """Money at an account.  payer: token of who paid it; part, event: where the payment lies."""

    at_ms: int
    payer: int
    amount_fen: int
    part: int
    event: int

    @property
    def rank(self) -> tuple[int, int, int]:
        """Of several the least is taken, whichever part it lies in."""
        return self.at_ms, self.payer, -self.amount_fen


def shortest_path(
    seen: Seen, payer: Entity, payee: Entity, filters: Filters, accounts_max: int = ACCOUNTS_MAX
) -> MoneyPath:
    """The path.  Raises FieldError when these are not two accounts."""
    if payer.kind is not EntityKind.ACCOUNT or payee.kind is not EntityKind.ACCOUNT or payer == payee:
        raise FieldError("to", "must be an account, and another one than the first")
    best = {payer.token: filters.since_ms}
    rounds: list[dict[int, _Arrival]] = []
    front = dict(best)
    looked_at = 0
    for _ in range(HOPS_MAX):
        if looked_at + len(front) > accounts_max:
            return MoneyPath((), looked_at, exhausted=False)
        looked_at += len(front)
        found = {
            token: arrival
            for token, arrival in _reached(seen, front, filters).items()
            if token not in best or arrival.at_ms < best[token]
        }
        rounds.append(found)
        if payee.token in found:
            return MoneyPath(_walked(seen, rounds, payee.token), looked_at, exhausted=False)
        front = {token: arrival.at_ms for token, arrival in found.items()}
        if not front:
            return MoneyPath((), looked_at, exhausted=True)
        best |= front
    return MoneyPath((), looked_at, exhausted=False)


def _reached(seen: Seen, front: dict[int, int], filters: Filters) -> dict[int, _Arrival]:
    """Who is paid by those of `front` (token: since when), and when first."""
    tokens = np.fromiter(front, np.int64, len(front))
    since_ms = np.fromiter(front.values(), np.int64, len(front))
    kinds = np.full(len(tokens), int(EntityKind.ACCOUNT), np.int64)
    asked = asked_of(filters)
    found: dict[int, _Arrival] = {}
    for number, part in enumerate(seen.parts):
        low, high = part.window(filters)
        holders = part.numbers(kinds, tokens)
        if low == high or (holders < 0).all():
            continue
        for token, at_ms, payer, event in _of_part(part, holders, since_ms, high, asked).tolist():
            arrival = _Arrival(at_ms, payer, int(part.amounts_fen[event]), number, event)
            if token not in found or arrival.rank < found[token].rank:
                found[token] = arrival
    return found


def _of_part(part: Part, holders: np.ndarray, since_ms: Ints, high: int, asked: Ints) -> Ints:
    size = len(part.tokens)
    arrived_ms, by_event, out = np.empty(size, np.int64), np.full(size, -1, np.int64), np.empty((size, 4), np.int64)
    count = kernels.reach(
        part.times_ms,
        part.amounts_fen,
        part.facts,
        part.ends,
        part.tokens,
        part.first,
        part.spots,
        holders,
        since_ms,
        high,
        asked,
        arrived_ms,
        by_event,
        out,
    )
    return out[:count]


def _walked(seen: Seen, rounds: list[dict[int, _Arrival]], token: int) -> tuple[Hop, ...]:
    """The payments that led to an account of the last round, first to last."""
    hops = []
    for arrivals in reversed(rounds):
        arrival = arrivals[token]
        part = seen.parts[arrival.part]
        hops.append(
            Hop(
                Entity(EntityKind.ACCOUNT, arrival.payer),
                Entity(EntityKind.ACCOUNT, token),
                arrival.at_ms,
                arrival.amount_fen,
                part.base_seq + int(part.seqs[arrival.event]),
            )
        )
        token = arrival.payer
    return tuple(reversed(hops))
