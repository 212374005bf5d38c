"""What people ask of name screening: bodies and queries, with the bounds of every field."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tarim.decisions import REASON_CHARACTERS_MAX
from tarim.screening import REGISTERED_MAX, PartyKind

PAGE_MAX: Final = 200

Reason = Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]
ListName = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,31}$")]
Instant = Annotated[str, Meta(max_length=40)]
Name = Annotated[str, Meta(min_length=1, max_length=512)]
Birth = Annotated[str, Meta(max_length=10)]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
Token = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
EntryId = Annotated[str, Meta(min_length=1, max_length=64)]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class CustomerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer's name.  birth: 1970, 1970-05 or 1970-05-21; countries: ISO 3166-1 codes of two letters."""

    customer: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Name
    birth: Birth = ""
    countries: Annotated[list[Country], Meta(max_length=20)] = []


class RegisterBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Customers to register, new or changed."""

    customers: Annotated[list[CustomerBody], Meta(min_length=1, max_length=REGISTERED_MAX)]


class RegisteredBody(msgspec.Struct, frozen=True):
    """What became of them; those that stand as they were are unchanged."""

    fresh: int
    changed: int
    unchanged: int


class AskBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to screen, and against the lists of when; "" is now."""

    name: Name
    birth: Birth = ""
    countries: Annotated[list[Country], Meta(max_length=20)] = []
    at: Instant = ""


class PartyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A match: whose, by token, and with which entry."""

    party: PartyKind
    token: Token
    list_name: ListName
    entry: EntryId
    reason: Reason


class ClearBody(PartyBody, frozen=True, forbid_unknown_fields=True):
    """A match that is false, until when, and of the entry as it was looked at."""

    entry_digest: Digest
    until: Instant


class StartBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """full: every customer against every entry, not only what changed."""

    full: bool = False


class AtQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As at when; "" is now."""

    at: Instant = ""


class MatchesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Matches of one standing, or all; a page behind so many; as at when, "" is now."""

    standing: Annotated[str, Meta(pattern="^(open|confirmed|cleared|all)$")] = "open"
    offset: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 50
    at: Instant = ""
