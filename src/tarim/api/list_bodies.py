"""How lists look outside: bodies of requests and answers, and what makes them.  Identifiers are masked here or not in it."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tarim.api.proposals import ProposalBody, proposal_body
from tarim.base.instants import SECOND_MS, instant_text
from tarim.screening import (
    FOREVER_S,
    REASON_CHARACTERS_MAX,
    SOURCE_CHARACTERS_MAX,
    Compared,
    Entry,
    ListDefinition,
    ListKind,
    ListProposal,
    Preview,
    token_text,
)

ROWS_MAX: Final = 200
PAGE_MAX: Final = 10_000

Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]
Reason = Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]
Source = Annotated[str, Meta(min_length=1, max_length=SOURCE_CHARACTERS_MAX)]
Instant = Annotated[str, Meta(max_length=40)]
Identifier = Annotated[str, Meta(max_length=128)]


class NewListBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list to propose.  field, per_customer: what kinds of trust and suspicion know by themselves."""

    name: Name
    kind: ListKind
    reason: Reason
    field: Annotated[str, Meta(max_length=32)] = ""
    per_customer: bool | None = None
    title_zh: Annotated[str, Meta(max_length=100)] = ""
    title_en: Annotated[str, Meta(max_length=100)] = ""


class EntryBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of one entry: added (or changed) or removed.  valid_from, valid_to: a day or an instant; "" is no bound.

    An entry that an answer showed is named by its token, customer_token and masked form in the place of value and customer.
    """

    value: Identifier = ""
    operation: Annotated[str, Meta(pattern="^(add|remove)$")] = "add"
    customer: Identifier = ""
    valid_from: Instant = ""
    valid_to: Instant = ""
    token: Annotated[str, Meta(pattern="^([0-9a-f]{16})?$")] = ""
    customer_token: Annotated[str, Meta(pattern="^([0-9a-f]{16})?$")] = ""
    masked: Annotated[str, Meta(max_length=32)] = ""


class EntriesBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Entries to propose, with who says so and why."""

    source: Source
    reason: Reason
    entries: Annotated[list[EntryBody], Meta(min_length=1, max_length=ROWS_MAX)]


class AsAtBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to look up, and as at when; "" is now."""

    value: Identifier
    customer: Identifier = ""
    at: Instant = ""


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of entries as at an instant ("" is now), behind `after`, the `next` of the page before."""

    at: Instant = ""
    after: Annotated[str, Meta(pattern="^([0-9a-f]{16}-[0-9a-f]{16})?$")] = ""
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 1_000


class LimitQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many at most."""

    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 100


class OpenQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """all: decided proposals as well."""

    all: bool = False


class ListsBody(msgspec.Struct, frozen=True):
    """The lists there are."""

    lists: list[ListDefinition]


class ListFigureBody(msgspec.Struct, frozen=True):
    """A list in figures.  entries: that stand, expired ones too.  hits: events that met one.  waiting: open proposals."""

    name: str
    entries: int
    hits: int
    last_hit_at: str
    changed_at: str
    waiting: int


class ListFiguresBody(msgspec.Struct, frozen=True):
    """Lists in figures, as at `at`."""

    at: str
    lists: list[ListFigureBody]


class ChangeBody(msgspec.Struct, frozen=True):
    """A change that became effective at journal position `seq`."""

    id: str
    seq: int
    at: str
    author: str
    approver: str
    reason: str
    entries: int


class ListBody(msgspec.Struct, frozen=True):
    """A list and its last changes, newest first."""

    definition: ListDefinition
    changes: list[ChangeBody]


class EntryOfBody(msgspec.Struct, frozen=True):
    """An entry as it stood.  customer_token: "" on a list of everybody.  valid_from, valid_to: "" is no bound."""

    token: str
    customer_token: str
    masked: str
    source: str
    reason: str
    valid_from: str
    valid_to: str
    added_by: str
    approved_by: str
    added_at: str
    removed: bool


class PageBody(msgspec.Struct, frozen=True):
    """Entries in the order of their tokens; next: "" on the last page."""

    entries: list[EntryOfBody]
    next: str


class AsAtOfBody(msgspec.Struct, frozen=True):
    """member: whether an event received then found it.  entry: as it stood, valid or not; history: every version."""

    at: str
    member: bool
    entry: EntryOfBody | None
    history: list[EntryOfBody]


class HitOfBody(msgspec.Struct, frozen=True):
    """An entry and how many events met it."""

    token: str
    customer_token: str
    masked: str
    hits: int
    first_at: str
    last_at: str


class HitsBody(msgspec.Struct, frozen=True):
    """Entries that were met, most often first."""

    hits: list[HitOfBody]


class DifferenceBody(msgspec.Struct, frozen=True):
    """An example: a masked entry and what becomes of it."""

    what: str
    row: int
    masked: str
    source: str
    reason: str
    valid_from: str
    valid_to: str


class RefusedBody(msgspec.Struct, frozen=True):
    """A refused row: where, which field, which rule."""

    row: int
    field: str
    rule: str


class PreviewBody(msgspec.Struct, frozen=True):
    """What a change would do to the list as it is now: how many, examples, and the first refused rows."""

    added: int
    changed: int
    removed: int
    unchanged: int
    refused: int
    examples: list[DifferenceBody]
    refusals: list[RefusedBody]


class ListProposalBody(ProposalBody, frozen=True):
    """A proposal of a change of a list; entries: how many it names."""

    list_name: str
    entries: int


class ListProposalsBody(msgspec.Struct, frozen=True):
    """Proposals, newest first."""

    proposals: list[ListProposalBody]


class ProposedBody(msgspec.Struct, frozen=True):
    """What would happen, and the proposal if one was made."""

    preview: PreviewBody
    proposal: ListProposalBody | None
    definition: ListDefinition | None = None


def entry_body(entry: Entry) -> EntryOfBody:
    """An entry as it is shown: token and masked form, never the identifier."""
    return EntryOfBody(
        token_text(entry.token),
        token_text(entry.customer) if entry.customer else "",
        entry.masked,
        entry.source,
        entry.reason,
        *_bounds(entry.from_s, entry.to_s),
        entry.author,
        entry.approver,
        instant_text(entry.added_ms),
        entry.removed,
    )


def _bounds(from_s: int, to_s: int) -> tuple[str, str]:
    return (
        instant_text(from_s * SECOND_MS) if from_s else "",
        instant_text(to_s * SECOND_MS) if to_s not in (0, FOREVER_S) else "",
    )


def _difference(compared: Compared) -> DifferenceBody:
    return DifferenceBody(
        compared.what.value,
        compared.row,
        compared.masked,
        compared.source,
        compared.reason,
        *_bounds(compared.from_s, compared.to_s),
    )


def preview_body(preview: Preview) -> PreviewBody:
    """What a change would do."""
    counts = {what.value: count for what, count in preview.counts.items()}
    return PreviewBody(
        counts.get("added", 0),
        counts.get("changed", 0),
        counts.get("removed", 0),
        counts.get("unchanged", 0),
        preview.refused_count,
        [_difference(each) for what in preview.examples.values() for each in what],
        [RefusedBody(each.row, each.field, each.rule) for each in preview.refused],
    )


def list_proposal_body(found: ListProposal) -> ListProposalBody:
    """A proposal about a list."""
    plain = msgspec.structs.asdict(proposal_body(found.proposal))
    return ListProposalBody(**plain, list_name=found.list_name, entries=found.entries)
