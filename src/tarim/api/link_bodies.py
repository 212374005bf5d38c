"""What routes of the link graph take and give.  Instants are RFC 3339 texts, "" for none; money is fen."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

EntityName = Annotated[str, Meta(max_length=64)]
"""`account:9f3c21ab00112233`: a kind and its token; or `event:123`, whoever acted in the event at that position."""
Instant = Annotated[str, Meta(max_length=40)]
Words = Annotated[str, Meta(pattern="^[a-z,]{0,120}$")]
Fen = Annotated[int, Meta(ge=0, le=10**12)]
Reason = Annotated[str, Meta(min_length=1, max_length=500)]
REVEALED_MAX: Final = 200


class LinksFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which events count.

    since, until: from, and up to but not including.  amount_min_fen, amount_max_fen: bound what moves money.  kinds: of events,
    by commas, such as transfer,login; relations: owns, pays, buys, uses, connects; "" = all.
    """

    since: Instant = ""
    until: Instant = ""
    amount_min_fen: Fen = 0
    amount_max_fen: Fen = 10**12
    kinds: Words = ""
    relations: Words = ""


class LinksQuery(LinksFilter, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """also: entities expanded beside the subject, by commas; kept: entities shown in any case.

    hops: how far further neighbours are looked for.
    """

    also: Annotated[str, Meta(max_length=1_200)] = ""
    kept: Annotated[str, Meta(max_length=1_200)] = ""
    hops: Annotated[int, Meta(ge=1, le=3)] = 2
    nodes_max: Annotated[int, Meta(ge=10, le=200)] = 80


class LinkPathQuery(LinksFilter, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """to: the account that the money comes to."""

    to: EntityName


class FindEntityBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An identifier in full: of a customer, account (or card), device, network address or merchant."""

    kind: Annotated[str, Meta(pattern="^(customer|account|device|address|merchant)$")]
    value: Annotated[str, Meta(min_length=1, max_length=128)]


class ExportLinksBody(LinksQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A graph to be taken out as a table, and what for."""

    entity: EntityName
    reason: Reason


class RevealLinksBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Entities whose identifiers are to be shown in full, and why."""

    entities: Annotated[list[EntityName], Meta(min_length=1, max_length=REVEALED_MAX)]
    reason: Reason


class LinkSumsBody(msgspec.Struct, frozen=True):
    """Of some events: how many, their yuan and what of it was blocked, first and last, strictest outcome, those above pass."""

    count: int
    amount_fen: int
    stopped_fen: int
    first_at: str
    last_at: str
    worst: str
    alerts: int


class LinkNodeBody(msgspec.Struct, frozen=True):
    """An entity that is shown.

    label: its identifier, masked; the token's first digits where it cannot be told.  hop: how far from the subject.
    expanded: its neighbours are here, or counted in `hidden` and `crowds`; hub: it has so many that it is not expanded by
    itself.  convicted: a label says fraud of a payment to it.  worst: the strictest outcome of its events that are shown.
    events: of the window, whatever the other filters say.  hidden: neighbours not shown, null where nobody looked.  in_fen,
    out_fen: moved over links that are shown.  risk: 0 to 1, flows from convicted ones that are shown, null without one.
    community: from 0 on, the largest first, -1 for none.  broker: 0 to 1, shortest ways between others that lead over it.
    x, y: where it is drawn; the subject at 0, 0.
    """

    id: str
    kind: str
    label: str
    hop: int
    expanded: bool
    hub: bool
    convicted: bool
    worst: str
    events: int
    hidden: int | None
    in_fen: int
    out_fen: int
    risk: float | None
    community: int
    broker: float
    x: float
    y: float


class LinkCrowdBody(msgspec.Struct, frozen=True):
    """Neighbours shown as one: `size` entities of a kind, all linked to node `of` in one way; outward: the links go from it."""

    of: int
    relation: str
    outward: bool
    kind: str
    size: int
    convicted: int
    sums: LinkSumsBody
    x: float
    y: float


class LinkBody(msgspec.Struct, frozen=True):
    """All events that join two nodes in one way; source, target: places in `nodes`."""

    source: int
    target: int
    relation: str
    sums: LinkSumsBody


class LinkStepBody(msgspec.Struct, frozen=True):
    """What moved in a span of time: [place in `links`, events, fen] each; blocked events moved nothing."""

    since: str
    until: str
    moved: list[tuple[int, int, int]]


class LinkGraphBody(msgspec.Struct, frozen=True):
    """A graph; node 0 is the subject.

    complete_from: every event from then on is in it, some older ones were dropped to make room; "" when none was.
    end_seq: events before this position of the journal are in it.
    """

    nodes: list[LinkNodeBody]
    crowds: list[LinkCrowdBody]
    links: list[LinkBody]
    steps: list[LinkStepBody]
    complete_from: str
    end_seq: int


class LinkHopBody(msgspec.Struct, frozen=True):
    """One payment of a path; seq: its position in the journal."""

    payer: str
    payer_label: str
    payee: str
    payee_label: str
    at: str
    amount_fen: int
    seq: int


class LinkPathBody(msgspec.Struct, frozen=True):
    """The fewest payments from one account to the other, each no earlier than the one before; hops: [] for none.

    looked_at: accounts that were followed.  exhausted: there is no path; else, with no hops, the search ended at its limit.
    """

    hops: list[LinkHopBody]
    looked_at: int
    exhausted: bool


class EntityFoundBody(msgspec.Struct, frozen=True):
    """What an identifier is called here, masked; known: whether any event in the link graph carries it."""

    entity: str
    kind: str
    label: str
    known: bool


class LinkTableBody(msgspec.Struct, frozen=True):
    """A table as CSV text, identifiers masked; watermark: who took it out, and when."""

    name: str
    csv: str
    watermark: str


class RevealedBody(msgspec.Struct, frozen=True):
    """One identifier in full; value: null when it was destroyed or cannot be told now."""

    entity: str
    value: str | None


class RevealedLinksBody(msgspec.Struct, frozen=True):
    """Identifiers in full, and who saw them, when."""

    values: list[RevealedBody]
    watermark: str
