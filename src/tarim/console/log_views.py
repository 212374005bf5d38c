"""The audit trail as the console shows it: what the desk answers, as far as it is shown, and what an object leads to."""

from __future__ import annotations

import re
from typing import Final

import msgspec

PERSONAL: Final = re.compile(r"\d(?:[\s\-–—()./]{0,2}\d){6,}[Xx]?|[^\s@]+@[^\s@]+")
"""What reads like a phone, card, account or document number, or a mail address: it never lands in an address (rule 6)."""
_EVENT: Final = re.compile(r"event:([a-z0-9-]{1,32})/([!-~]{1,64})")


class Entry(msgspec.Struct):
    """One entry of the trail."""

    seq: int
    at: str
    who: str
    kind: str
    act: str
    object: str
    address: str
    session: str
    reason: str
    result: str
    detail: dict[str, str | int]
    digest: str

    @property
    def object_kind(self) -> str:
        """`case` of `case:CASE-2026-000007`."""
        return self.object.partition(":")[0]

    @property
    def object_id(self) -> str:
        """`CASE-2026-000007` of it."""
        return self.object.partition(":")[2]

    @property
    def event(self) -> tuple[str, str] | None:
        """(source, id) when it is about a decision."""
        found = _EVENT.fullmatch(self.object)
        return (found[1], found[2]) if found else None

    @property
    def intent(self) -> int:
        """The entry that announced it, 0 for none."""
        found = self.detail.get("intent", 0)
        return found if isinstance(found, int) else 0


class Entries(msgspec.Struct):
    """A page of them; next: ask below it, 0 = no older ones."""

    entries: list[Entry]
    next: int


class Anchor(msgspec.Struct):
    """A signed statement of how many entries there were."""

    seq: int
    head: str
    at_ms: int
    key: str
    signature: str


class Bridge(msgspec.Struct):
    """What stands for entries that were dropped when their time was over."""

    first_seq: int
    last_seq: int
    export: str
    who: str
    at_ms: int


class Fault(msgspec.Struct):
    """Something not as it was written."""

    kind: str
    first: int
    last: int
    text: str


class Unfinished(msgspec.Struct):
    """An act of which only the beginning is known."""

    seq: int
    act: str
    who: str


class Examination(msgspec.Struct):
    """What an examination of the chain found."""

    sound: bool
    first_seq: int
    last_seq: int
    entries: int
    anchors: int
    anchored_seq: int
    faults: list[Fault]
    further_faults: int
    unfinished: list[Unfinished]
    further_unfinished: int


class Mark(msgspec.Struct):
    """One thing that is known of a decision."""

    where: str
    what: str
    at: str = ""
    who: str = ""
    found: str = ""
    trouble: str = ""

    @property
    def lane(self) -> str:
        """journal, model, desk or trail."""
        return self.where.partition(" ")[0]

    @property
    def place(self) -> str:
        """Its position there: a journal's, a case's, an entry's."""
        return self.where.partition(" ")[2]


class Trace(msgspec.Struct):
    """All of them, in order."""

    marks: list[Mark]
    troubles: int
    more: bool


class Look(msgspec.Struct):
    """An examination or a trace, and how it goes."""

    id: str
    what: str
    source: str
    event_id: str
    by: str
    begun_at: str
    state: str
    took_ms: int
    trouble: str = ""
    examination: Examination | None = None
    trace: Trace | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state in ("done", "failed")


class Looks(msgspec.Struct):
    """The newest first."""

    looks: list[Look]


class ChainState(msgspec.Struct):
    """Where the chain stands."""

    seq: int
    head: str
    anchor: Anchor | None
    unanchored: int
    anchor_every_s: int
    keep_days: int
    dropped: list[Bridge]
    examined: Look | None


class Proposal(msgspec.Struct):
    """Who asked, who decided."""

    id: str
    digest: str
    author: str
    proposed_at: str
    reason: str
    state: str
    decider: str
    note: str


class Export(msgspec.Struct):
    """An export of entries, both ends included."""

    proposal: Proposal
    first_seq: int
    last_seq: int
    lines_sha256: str

    @property
    def entries(self) -> int:
        """How many."""
        return self.last_seq - self.first_seq + 1


class Exports(msgspec.Struct):
    """The newest first."""

    exports: list[Export]


class Lines(msgspec.Struct):
    """A page of an export; next: 0 on the last."""

    lines: list[str]
    next: int
