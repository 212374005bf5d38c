"""What every file of redress has in common: events that are typed, states in one table, a second person where it takes two.

An event is a struct with a tag.  Some take effect only when another person agrees (`second`): then the file keeps it as a
wish with a proposal over its digest, and until that is decided nothing else happens to the file but notes.

Free text is a type parameter `W`: plain (`Text`) where people write, sealed where it is kept (`Sealed`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Generic, TypeVar

import msgspec
from msgspec import Meta

from tarim.base.errors import Conflict, DefinitionError
from tarim.base.four_eyes import NOTE_CHARACTERS_MAX, Proposal, ProposalState
from tarim.deadlines import ClockKind, Pause
from tarim.identity import Caller, Scope

W = TypeVar("W")
TEXT_CHARACTERS_MAX: Final = 4_000
NOTES_MAX: Final = 500
DOCUMENTS_MAX: Final = 200
STEPS_MAX: Final = 200
"""Recoveries, payouts, consultations, referrals, rounds of one file: of each at most so many."""

PRINTED: Final = r"^[^\x00-\x1f\x7f]*$"
"""No control characters."""

Text = Annotated[str, Meta(min_length=1, max_length=TEXT_CHARACTERS_MAX)]
Word = Annotated[str, Meta(min_length=1, max_length=100, pattern=PRINTED)]
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=PRINTED)]
Reference = Annotated[str, Meta(max_length=40, pattern="^[0-9A-Za-z-]*$")]
"""The id of another file or of a case, "" = none."""
Department = Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,31}$")]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Fen = Annotated[int, Meta(ge=1, le=10**15)]
Instant = Annotated[int, Meta(ge=0, le=1 << 43)]
Sealed = dict[str, Any]


class IllegalStep(Conflict):
    """The file is in a state in which that cannot happen to it."""

    code = "file-state"


class Hand(msgspec.Struct, frozen=True):
    """Who does it, and when."""

    person: str
    at_ms: int


class Home(msgspec.Struct, frozen=True):
    """Whose file it is: the customer (unsigned token, 0 = none), branch and department that see it, who is in charge."""

    customer: int
    branch: str
    department: str
    owner: str


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event"):
    """Something that happens to a file.

    free: its fields of free text.  scope: what one needs to do it, where
    the kind does not say (`Kind.scope_of`).  second: it takes effect when another person agrees.
    inner: follows from another file's event, nobody does it by itself.
    """

    free: ClassVar[tuple[str, ...]] = ()
    scope: ClassVar[Scope] = Scope.REDRESS_WORK
    second: ClassVar[bool] = False
    inner: ClassVar[bool] = False


class AddNote(Event, Generic[W], frozen=True, tag="note"):
    """A remark."""

    free = ("text",)
    text: W


class AddDocument(Event, Generic[W], frozen=True, tag="add_document"):
    """A document kept with the file.  digest: SHA-256 of its content; stored, key: where and under which sealed key it lies."""

    free = ("key",)
    inner = True
    digest: Digest
    stored: Digest
    key: W
    title: Word
    media_type: Word
    size_bytes: int
    authority: bool = False
    """Whether it is the authority's own paper."""


class Approve(Event, frozen=True, tag="approve"):
    """Another person agrees with exactly what has this digest."""

    digest: Digest
    note: Annotated[str, Meta(max_length=NOTE_CHARACTERS_MAX)] = ""


class Reject(Event, frozen=True, tag="reject"):
    """Another person does not agree."""

    note: Annotated[str, Meta(min_length=1, max_length=NOTE_CHARACTERS_MAX)]


class Withdraw(Event, frozen=True, tag="withdraw"):
    """Who proposed it takes it back."""


DECIDING: Final = (Approve, Reject, Withdraw)
COMMON: Final = (AddNote, AddDocument, *DECIDING)
"""Events of every kind of file."""


class Note(msgspec.Struct, frozen=True):
    """A remark, sealed."""

    person: str
    at_ms: int
    text: Sealed


class Document(msgspec.Struct, frozen=True):
    """A document as it is kept."""

    digest: str
    stored: str
    key: Sealed
    title: str
    media_type: str
    size_bytes: int
    authority: bool
    person: str
    at_ms: int


class File(msgspec.Struct, frozen=True, kw_only=True):
    """What every file has.

    customer: unsigned token, 0 = none.  branch, department: whose it is to see.  owner: the person in charge, "" = nobody
    yet.  wish: the event that waits for a second person, with its proposal.
    """

    id: str
    state: str
    customer: int
    branch: str
    department: str
    owner: str
    opened_by: str
    opened_ms: int
    changed_ms: int
    closed_ms: int = 0
    notes: tuple[Note, ...] = ()
    documents: tuple[Document, ...] = ()
    proposal: Proposal | None = None
    wish: dict[str, Any] | None = None

    @property
    def waits_for_second(self) -> bool:
        """Whether another person has to decide before anything goes on."""
        return self.proposal is not None and self.proposal.state is ProposalState.PROPOSED


@dataclass(frozen=True, slots=True)
class ClockUse:
    """A clock a file has running: from when, pauses, and when what it is for was done (None: not yet)."""

    kind: ClockKind
    from_ms: int
    done_ms: int | None
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file: its table of states and what its events do.

    rows: (state, tag) → state, of its own events; table: with the events of every file, a pair that is not there is refused.
    opens, folds: what the first and the later events make of a file.  ends: states nothing is expected after.  clocks: of a
    file, to be reckoned by the deadline engine.  readers: who has one of these scopes sees its files.
    """

    name: str
    prefix: str
    file: type[File]
    opening: type[Event]
    events: Mapping[str, type[Event]]
    states: type[StrEnum]
    rows: Mapping[tuple[Any, str], Any]
    first: str
    ends: frozenset[str]
    opens: Callable[[str, Any, Home, Hand], Any]
    folds: Callable[[Any, Any, Hand], Any]
    clocks: Callable[[Any], list[ClockUse]]
    readers: frozenset[Scope] = frozenset({Scope.REDRESS_READ})
    work_scope: Scope = Scope.REDRESS_WORK
    decide_scope: Scope = Scope.REDRESS_DECIDE
    table: Mapping[tuple[str, str], str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", self._whole_table())

    def _whole_table(self) -> dict[tuple[str, str], str]:
        """Its own rows, notes in every state, documents until the end, decisions on wishes wherever they stand."""
        table = {(str(state), tag): str(after) for (state, tag), after in self.rows.items()}
        for state in self.states:
            table[state.value, "note"] = state.value
            if state not in self.ends:
                for tag in ("add_document", *(tag_of(each) for each in DECIDING)):
                    table[state.value, tag] = state.value
        return table

    def advance(self, state: str, tag: str) -> str:
        """The state after an event.  Raises IllegalStep, which says what is possible."""
        try:
            return self.table[state, tag]
        except KeyError:
            can = ", ".join(self.possible(state)) or "nothing"
            raise IllegalStep(
                f"the {self.name} is {state}: {tag} is not possible; possible are {can}. 档案当前状态不能办理该事项。"
            ) from None

    def scope_of(self, event: type[Event]) -> Scope:
        """What one needs to bring an event about."""
        if issubclass(event, DECIDING[:2]):
            return self.decide_scope
        return self.work_scope if issubclass(event, COMMON) else event.scope

    def require_reader(self, caller: Caller) -> None:
        """Nothing when the caller may see files of this kind.  Raises NotAllowed (403)."""
        if not self.readers & caller.scopes:
            caller.require(min(self.readers))

    def possible(self, state: str) -> list[str]:
        """What may happen in a state."""
        return [tag for tag in self.events if (state, tag) in self.table]


def fields_of_new(file_id: str, state: str, home: Home, hand: Hand) -> dict[str, Any]:
    """What every new file begins with."""
    return {
        "id": file_id,
        "state": state,
        **msgspec.structs.asdict(home),
        "opened_by": hand.person,
        "opened_ms": hand.at_ms,
        "changed_ms": hand.at_ms,
    }


def tag_of(event: Event | type[Event]) -> str:
    """The tag of an event or its type."""
    tag = event.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def events_by_tag(*types: Any) -> dict[str, type[Event]]:
    """Types of events by their tags, with those that every file has."""
    return {tag_of(each): each for each in (*types, *COMMON)}


def require_past(hand: Hand, latest_ms: int, what: str, what_zh: str) -> None:
    """Nothing unless an instant that is told lies in the future.  what: such as "a claim cannot have been served".

    Raises DefinitionError.
    """
    if latest_ms > hand.at_ms:
        raise DefinitionError(f"{what} later than now. {what_zh}不能晚于现在。")


def bounded(what: str, entries: tuple[Any, ...], most: int = STEPS_MAX) -> None:
    """Nothing while one more fits.  Raises DefinitionError."""
    if len(entries) >= most:
        raise DefinitionError(f"a file has at most {most} {what}")
