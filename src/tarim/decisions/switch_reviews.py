"""What one person paused or stopped alone, and who looked at it afterwards: a fold over switches and reviews (RM-26).

    thrown by one person ──► open ──another person confirms it────────────────────────► confirmed
                               └──it is set back, and not by that person alone────────► reverted

Who paused something may end the pause; that leaves the review open, for nobody else has looked at it yet.  Every act is an
item of its own, so a pause that is thrown anew gains no time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from tarim.base.errors import Conflict, DefinitionError, NotAllowed, NotFound
from tarim.base.four_eyes import NOTE_CHARACTERS_MAX, require_person
from tarim.decisions.switches import ALONE, Switch, neutral_of

REVIEWS_OPEN_MAX: Final = 10_000
REVIEWS_CLOSED_REMEMBERED: Final = 200
_ID_CHARACTERS: Final = 16


class ReviewState(StrEnum):
    """Where a review stands."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    """Another person agrees that it was right, whether or not it is over."""
    REVERTED = "reverted"
    """Another person, or two, set the switch back."""


class SwitchReview(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One switch that one person threw, and the review of it.  id: of the digest of the switch's record; instants in ms."""

    id: str
    switch: Switch
    state: ReviewState = ReviewState.OPEN
    reviewer: str = ""
    note: str = ""
    reviewed_ms: int = 0

    def confirmed(self, person: str, note: str, at_ms: int) -> SwitchReview:
        """It was right, says another person.  Raises NotAllowed (403) for whoever threw it, Conflict, DefinitionError."""
        self.require_other(person)
        require_note(note)
        return replace(self, state=ReviewState.CONFIRMED, reviewer=person, note=note, reviewed_ms=at_ms)

    def require_other(self, person: str) -> None:
        """Nothing for a second person while the review is open.  Raises NotAllowed, Conflict, DefinitionError."""
        require_person(person)
        if person == self.switch.author:
            raise NotAllowed(
                f"{person} threw this switch: another person has to review it. 须由操作人以外的人复核。", known=True
            )
        if self.state is not ReviewState.OPEN:
            raise Conflict(f"review {self.id} is {self.state.value} already. 该项已复核。")


class ReviewNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a REVIEW record: a person confirms what was done under this id."""

    id: str
    reviewer: str
    note: str
    at_ms: int


@dataclass(slots=True)
class SwitchReviews:
    """open: by id, the oldest first.  closed: the last ones, the oldest first."""

    open: dict[str, SwitchReview] = field(default_factory=dict)
    closed: list[SwitchReview] = field(default_factory=list)

    def take_switch(self, switch: Switch, payload: bytes) -> None:
        """Take in a switch as it was recorded.  payload: the record's bytes."""
        neutral = neutral_of(switch.what)
        if not switch.approver and switch.value != neutral and (switch.what, switch.value) in ALONE:
            review_id = hashlib.sha256(payload).hexdigest()[:_ID_CHARACTERS]
            self.open[review_id] = SwitchReview(review_id, switch)
        if switch.value != neutral:
            return
        of_same = [each for each in self.open.values() if _key(each.switch) == _key(switch)]
        for each in of_same:
            others = [person for person in (switch.author, switch.approver) if person not in ("", each.switch.author)]
            if others:
                self._close(
                    replace(
                        each,
                        state=ReviewState.REVERTED,
                        reviewer=others[0],
                        note=switch.reason,
                        reviewed_ms=switch.at_ms,
                    )
                )

    def take_note(self, note: ReviewNote) -> None:
        """Take in a confirmation; nothing for one of an act that is not open."""
        found = self.open.get(note.id)
        if found is not None:
            self._close(found.confirmed(note.reviewer, note.note, note.at_ms))

    def find(self, review_id: str) -> SwitchReview:
        """One of them.  Raises NotFound."""
        found = self.open.get(review_id) or next((each for each in self.closed if each.id == review_id), None)
        if found is None:
            raise NotFound("no review of that id is open or was closed lately. 没有该编号的复核事项。")
        return found

    def _close(self, review: SwitchReview) -> None:
        self.open.pop(review.id, None)
        self.closed.append(review)
        del self.closed[:-REVIEWS_CLOSED_REMEMBERED]


def _key(switch: Switch) -> tuple[str, str, int]:
    return switch.what.value, switch.target, switch.customer


def require_note(note: str) -> None:
    """Nothing for a note that says something.  Raises DefinitionError."""
    if not note.strip() or len(note) > NOTE_CHARACTERS_MAX:
        raise DefinitionError(f"a review needs a note of 1 to {NOTE_CHARACTERS_MAX} characters. 复核须写明意见。")
