"""What the link graph is made of: entities, what links them, what is asked, and what comes back.

An entity is an identifier that events carry as a token.  A link joins two of them and has a direction: money goes from who
pays to who is paid, everything else from who uses to what is used.

    OWNS       customer -> account            any event that carries both
    PAYS       account -> account             a transfer, payment, withdrawal or deposit with a counterparty, not failed
    BUYS       account -> merchant            the same with a merchant
    USES       account -> device              any event; from the customer where it carries no account
    CONNECTS   account -> network address     any event; likewise

In a deposit the counterparty pays.  Amounts are yuan in fen: an event in another currency counts, and adds no amount.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tarim.base.errors import FieldError
from tarim.stream import AMOUNT_FEN_MAX, Kind, Outcome

Ints = npt.NDArray[np.int64]

NODES_MAX: Final = 200
"""Nodes of one graph, those that stand for many included: more than that nobody reads."""
ALSO_MAX: Final = 40
"""Entities that are named beside the subject."""
HOPS_MAX: Final = 3
FOREVER_MS: Final = 1 << 52


class EntityKind(IntEnum):
    """What an entity is."""

    CUSTOMER = 0
    ACCOUNT = 1
    DEVICE = 2
    ADDRESS = 3
    MERCHANT = 4

    @property
    def space(self) -> str:
        """The token space of its identifiers."""
        return ("customer", "account", "device", "address", "merchant")[self]

    @property
    def fields(self) -> tuple[str, ...]:
        """The envelope's fields that carry it."""
        return (("customer",), ("account", "payee_account"), ("device_id",), ("ip",), ("merchant_id",))[self]


class Relation(IntEnum):
    """What links two entities."""

    OWNS = 0
    PAYS = 1
    BUYS = 2
    USES = 3
    CONNECTS = 4


MONEY_KINDS: Final = frozenset({Kind.TRANSFER, Kind.PAYMENT, Kind.WITHDRAWAL, Kind.DEPOSIT})
MONEY: Final = frozenset({Relation.PAYS, Relation.BUYS})
ALL_RELATIONS: Final = sum(1 << relation for relation in Relation)
ALL_KINDS: Final = sum(1 << kind for kind in Kind)


class Entity(NamedTuple):
    """An entity; its name outside is `account:9f3c21ab00112233`: the token, unsigned, in hexadecimal."""

    kind: EntityKind
    token: int

    @property
    def id(self) -> str:
        """Its name."""
        return f"{self.kind.space}:{self.token & 0xFFFFFFFFFFFFFFFF:016x}"

    @classmethod
    def named(cls, name: str) -> Entity:
        """The entity of a name.  Raises FieldError."""
        space, _, digits = name.partition(":")
        kind = next((each for each in EntityKind if each.space == space), None)
        if kind is None or len(digits) != 16 or any(digit not in "0123456789abcdef" for digit in digits):
            raise FieldError("entity", "must be a kind and 16 hexadecimal digits, such as account:9f3c21ab00112233")
        token = int(digits, 16)
        return cls(kind, token - (1 << 64) if token >> 63 else token)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which events count: since_ms <= time < until_ms, kinds and relations as bit sets.

    amount_min_fen, amount_max_fen: bound what moves money; other links have no amount and stay.
    """

    since_ms: int = 0
    until_ms: int = FOREVER_MS
    amount_min_fen: int = 0
    amount_max_fen: int = AMOUNT_FEN_MAX
    kinds: int = ALL_KINDS
    relations: int = ALL_RELATIONS

    def __post_init__(self) -> None:
        if not self.since_ms < self.until_ms:
            raise FieldError("since", "must be before until")
        if not 0 <= self.amount_min_fen <= self.amount_max_fen:
            raise FieldError("amount_min_fen", "must be 0 or more, and at most amount_max_fen")


@dataclass(frozen=True, slots=True)
class Question:
    """A graph that is asked for.

    also: entities expanded beside the subject; kept: entities shown in any case, and not expanded.  hops: how far from the
    subject the most telling neighbours are looked for; those of a hub are not.  nodes_max: at most NODES_MAX.
    """

    subject: Entity
    filters: Filters = Filters()
    also: tuple[Entity, ...] = ()
    kept: tuple[Entity, ...] = ()
    hops: int = 2
    nodes_max: int = 80

    def __post_init__(self) -> None:
        if not 1 <= self.hops <= HOPS_MAX:
            raise FieldError("hops", f"must be 1 to {HOPS_MAX}")
        if not 10 <= self.nodes_max <= NODES_MAX:
            raise FieldError("nodes_max", f"must be 10 to {NODES_MAX}")
        if len(self.also) + len(self.kept) > ALSO_MAX:
            raise FieldError("also", f"at most {ALSO_MAX} entities are named beside the subject")


@dataclass(frozen=True, slots=True)
class Sums:
    """Of some events: how many, their money, when the first and the last happened, and how they were decided.

    stopped_fen: the part of amount_fen that was blocked, so did not move.  worst: the strictest outcome.  alerts: above pass.
    """

    count: int = 0
    amount_fen: int = 0
    stopped_fen: int = 0
    first_ms: int = 0
    last_ms: int = 0
    worst: Outcome = Outcome.PASS
    alerts: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """An entity that is shown.

    events: how many of the store's events within the window carry it.  links: its different neighbours that pass the filters
    and are not shown, None where it was not expanded.  hop: how far from the subject.  risk: in [0, 1], what flows to it from
    convicted accounts that are shown; None when there are none.  community: from 0 on, larger first; -1 for none.  broker: in
    [0, 1], the share of shortest ways between others that lead over it.  x, y: where it is drawn, about in [-1, 1].
    """

    entity: Entity
    hop: int
    expanded: bool
    hub: bool
    convicted: bool
    worst: Outcome
    events: int
    hidden: int | None
    in_fen: int
    out_fen: int
    risk: float | None
    community: int
    broker: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """Neighbours of a shown entity that are shown as one: `37 more payees, 1.2 M yuan`.

    of: index of the shown entity.  outward: the links go from it.  size: how many entities, convicted of them.
    """

    of: int
    relation: Relation
    outward: bool
    kind: EntityKind
    size: int
    convicted: int
    sums: Sums
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Link:
    """All events that join two shown entities in one way.  source, target: indices of nodes."""

    source: int
    target: int
    relation: Relation
    sums: Sums


@dataclass(frozen=True, slots=True)
class Step:
    """What moved from since_ms up to until_ms: (index of the link, events, fen) each, what was blocked left out."""

    since_ms: int
    until_ms: int
    moved: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class LinkGraph:
    """An answer; node 0 is the subject.

    complete_from_ms: the store holds every event from then on; some that are older were dropped to make room (0: none was).
    end_seq: events before this position of the journal are in it.
    """

    nodes: tuple[Node, ...]
    crowds: tuple[Crowd, ...]
    links: tuple[Link, ...]
    steps: tuple[Step, ...]
    complete_from_ms: int
    end_seq: int


@dataclass(frozen=True, slots=True)
class Hop:
    """One payment of a path.  seq: its position in the journal."""

    payer: Entity
    payee: Entity
    at_ms: int
    amount_fen: int
    seq: int


@dataclass(frozen=True, slots=True)
class MoneyPath:
    """The fewest payments by which money can have gone from one account to another, each no earlier than the one before.

    Of several with as few, that which arrives first.  hops: () when there is none.  looked_at: accounts that were followed.
    exhausted: nothing was left to follow; else the search ended at its limit, and there may be one.
    """

    hops: tuple[Hop, ...]
    looked_at: int
    exhausted: bool
