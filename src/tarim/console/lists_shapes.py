"""What pages of lists take from the service: only the fields they show.  Instants are ISO texts, "" = no bound or never."""

from __future__ import annotations

import msgspec

from tarim.console.proposals import Proposal


class ListDefinition(msgspec.Struct):
    """A list.  per_customer: an entry counts for one customer's events only."""

    name: str
    kind: str
    field: str
    per_customer: bool
    title_zh: str
    title_en: str


class Lists(msgspec.Struct):
    """The lists there are."""

    lists: list[ListDefinition]


class Figure(msgspec.Struct):
    """A list in figures.  entries: expired ones too.  waiting: open proposals."""

    name: str
    entries: int = 0
    hits: int = 0
    last_hit_at: str = ""
    changed_at: str = ""
    waiting: int = 0


class Figures(msgspec.Struct):
    """Lists in figures, as at `at`."""

    at: str
    lists: list[Figure]


class Change(msgspec.Struct):
    """A change in force."""

    id: str
    seq: int
    at: str
    author: str
    approver: str
    reason: str
    entries: int


class OneList(msgspec.Struct):
    """A list and its last changes, newest first."""

    definition: ListDefinition
    changes: list[Change]


class Entry(msgspec.Struct):
    """An entry as it stood."""

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


class Entries(msgspec.Struct):
    """A page of entries; next: "" on the last."""

    entries: list[Entry]
    next: str


class LookedUp(msgspec.Struct):
    """member: whether an event received then found the value."""

    at: str
    member: bool
    entry: Entry | None
    history: list[Entry]


class Hit(msgspec.Struct):
    """An entry and how many events met it."""

    token: str
    customer_token: str
    masked: str
    hits: int
    first_at: str
    last_at: str


class Hits(msgspec.Struct):
    """Entries that were met, most often first."""

    hits: list[Hit]


class Difference(msgspec.Struct):
    """What becomes of one entry: added, changed or removed."""

    what: str
    row: int
    masked: str
    source: str
    reason: str
    valid_from: str
    valid_to: str


class RefusedRow(msgspec.Struct):
    """A refused row: where, which field, which rule."""

    row: int
    field: str
    rule: str


class Preview(msgspec.Struct):
    """What a change would do: how many, examples, and the first refused rows."""

    added: int
    changed: int
    removed: int
    unchanged: int
    refused: int
    examples: list[Difference]
    refusals: list[RefusedRow]


class ListProposal(Proposal):
    """A proposal of a change of a list; entries: how many it names."""

    list_name: str
    entries: int


class ListProposals(msgspec.Struct):
    """Proposals, newest first."""

    proposals: list[ListProposal]


class Proposed(msgspec.Struct):
    """What would happen, and the proposal if one was made."""

    preview: Preview
    proposal: ListProposal | None
    definition: ListDefinition | None = None
