"""What the routes of redress take and give.  Bodies of events are made from the events themselves, with plain texts in them."""

from __future__ import annotations

import types
from functools import reduce
from operator import or_
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from tarim.redress import FileLine, IncompleteLoss, Kind, LapsedRule, Text

DOCUMENT_BASE64_MAX: Final = (8 << 20) * 4 // 3 + (1 << 10)

Identifier = Annotated[str, Meta(max_length=128)]
Branch = Annotated[str, Meta(pattern="^([a-z][a-z0-9-]{0,31})?$")]
Department = Annotated[str, Meta(pattern="^([a-z][a-z0-9-]{0,31})?$")]
Word = Annotated[str, Meta(min_length=1, max_length=100)]


class FilesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which files.  standing: of one of their clocks; after: the `next` of the page before; ended: closed ones too."""

    state: Annotated[str, Meta(pattern="^[a-z-]{0,16}$")] = ""
    owner: Annotated[str, Meta(max_length=64)] = ""
    department: Department = ""
    standing: Annotated[str, Meta(pattern="^(running|warned|paused|overdue|met|missed)?$")] = ""
    waiting: bool = False
    ended: bool = False
    after: Annotated[str, Meta(pattern="^([0-9]{1,14}~[0-9A-Za-z-]{1,40})?$")] = ""
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class CustomerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer by the bank's identifier."""

    customer: Annotated[str, Meta(min_length=1, max_length=128)]


class FilesBody(msgspec.Struct, frozen=True):
    """Files, the one that came first first; next: "" on the last page."""

    files: list[FileLine]
    next: str


class OpenedBody(msgspec.Struct, frozen=True):
    """The new file; of a complaint, the tracking id that the complainant is told."""

    id: str


class RevealBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why somebody wants to see texts in full."""

    reason: Annotated[str, Meta(min_length=1, max_length=200)]


class TextBody(msgspec.Struct, frozen=True):
    """A text of a file, and where in it; "" when it was destroyed with the customer's key."""

    where: str
    text: str


class TextsBody(msgspec.Struct, frozen=True):
    """Every free text of a file."""

    texts: list[TextBody]


class DocumentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document to keep.  content: base64.  authority: it is the authority's own paper."""

    title: Word
    media_type: Annotated[str, Meta(pattern="^[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,58}$")]
    content: Annotated[bytes, Meta(min_length=1)]
    authority: bool = False


class KeptBody(msgspec.Struct, frozen=True):
    """The document's SHA-256."""

    digest: str


class ContentBody(msgspec.Struct, frozen=True):
    """A document in full.  content: base64."""

    title: str
    media_type: str
    content: bytes


class DecisionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The decision a loss goes back to: event and position, as its answer told them."""

    source: Annotated[str, Meta(min_length=1, max_length=64)]
    event_id: Annotated[str, Meta(min_length=1, max_length=128)]
    seq: Annotated[int, Meta(ge=0, le=1 << 53)]


class PackageBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a package is for.  certificate: PEM, of an RSA key; or a passphrase, told on another way."""

    recipient: Text
    certificate: Annotated[str, Meta(max_length=16 << 10)] = ""
    passphrase: Annotated[str, Meta(max_length=256)] = ""


class SealedPackageBody(msgspec.Struct, frozen=True):
    """A sealed package.  content: base64.  digest, manifest: SHA-256 of it, and of the list of what is inside."""

    digest: str
    manifest: str
    sealed_for: str
    content: bytes


class PagesBody(msgspec.Struct, frozen=True):
    """A PDF.  digest: its SHA-256; content: base64."""

    name: str
    digest: str
    content: bytes


class SignBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The draft that was read, by digest, and what was found and will be done."""

    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    text: Text


class SignedBody(msgspec.Struct, frozen=True):
    """The signed half year."""

    id: str


class IncompleteBody(msgspec.Struct, frozen=True):
    """Losses whose files lack parts."""

    losses: list[IncompleteLoss]


class LapsedBody(msgspec.Struct, frozen=True):
    """Rules that losses are contained by and that are not in force any more."""

    rules: list[LapsedRule]


class ChannelBody(msgspec.Struct, frozen=True):
    """A channel, and how it is reached; "" = the bank has not stated it."""

    channel: str
    reached: str


class ChannelsBody(msgspec.Struct, frozen=True):
    """How to complain: channels, the office's hours, how long it takes, and the self-regulatory body."""

    channels: list[ChannelBody]
    hours: str
    handled_within: str
    answered_within: str
    association_zh: str
    association_en: str
    association_contact: str
    association_hours: str


class ClockBody(msgspec.Struct, frozen=True):
    """A kind of clock.  warn_before: in the same unit."""

    kind: str
    title_zh: str
    title_en: str
    length: int
    unit: str
    starts: str
    warn_before: list[int]
    source: str


class ClocksBody(msgspec.Struct, frozen=True):
    """Every kind of clock; the years whose holidays are known, by which notice; warning: of a missing one, "" for none."""

    clocks: list[ClockBody]
    years: dict[str, str]
    warning: str


def opening_type(kind: Kind) -> Any:
    """The body that opens a file: the event, whose it is, and who sees it.  customer: "" = none."""
    return msgspec.defstruct(
        f"New{_title(kind)}",
        [
            ("file", _plain(kind, kind.opening)),
            ("customer", Identifier, ""),
            ("branch", Branch, ""),
            ("department", Department, ""),
        ],
        namespace={
            "__doc__": f"A new {kind.name}.  Branch and department follow from the routing when they are not said."
        },
        frozen=True,
        forbid_unknown_fields=True,
    )


def event_type(kind: Kind) -> Any:
    """The union of the events that somebody can bring about."""
    return reduce(or_, [_plain(kind, each) for each in kind.events.values() if not each.inner])


def _plain(kind: Kind, event: Any) -> Any:
    """An event's type with plain texts, under a name of its own in the description."""
    base = event[Text] if getattr(event, "__parameters__", ()) else event

    def fill(namespace: dict[str, Any]) -> None:
        namespace |= {"__doc__": event.__doc__, "__module__": __name__}

    return types.new_class(f"{_title(kind)}{event.__name__}", (base,), {"frozen": True}, fill)


def _title(kind: Kind) -> str:
    return kind.name.title().replace("-", "")
