"""Reviewing what one person paused or stopped: confirm it, or undo it, as another person (RM-26).

A pause is undone at once, for that restores what two persons had approved.  A stop, and rules alone, end by two persons only:
undoing one proposes its end, and the review stays open until somebody else has approved that.
"""

from __future__ import annotations

import msgspec

from tarim.base.errors import Conflict
from tarim.base.four_eyes import Proposal
from tarim.base.instants import Clock
from tarim.decisions.governance import Governance
from tarim.decisions.governing import SWITCH, Governor
from tarim.decisions.records import RecordKind
from tarim.decisions.service import DecisionService
from tarim.decisions.switch_reviews import ReviewNote, SwitchReview, require_note
from tarim.decisions.switches import ALONE, Switch, neutral_of

_encode = msgspec.msgpack.Encoder().encode


class SwitchReviewer:
    """The use cases; called in the thread of the decisions.  Every method is durable when it returns."""

    def __init__(self, governor: Governor, service: DecisionService, clock: Clock) -> None:
        self._governor = governor
        self._service = service
        self._clock = clock

    @property
    def _state(self) -> Governance:
        return self._governor.state

    def open(self) -> list[SwitchReview]:
        """Those nobody else has looked at yet, the oldest first."""
        return list(self._state.reviews.open.values())

    def closed(self) -> list[SwitchReview]:
        """Those reviewed last, the latest first."""
        return self._state.reviews.closed[::-1]

    def find(self, review_id: str) -> SwitchReview:
        """One of them.  Raises NotFound."""
        return self._state.reviews.find(review_id)

    def in_force(self, review: SwitchReview) -> bool:
        """Whether what was thrown still stands, by this act or by another one after it."""
        switch = review.switch
        return (switch.what.value, switch.target, switch.customer) in self._state.switches

    def proposed_end(self, review: SwitchReview) -> Proposal | None:
        """An open proposal to set the switch back; None when there is none."""
        wanted = review.switch
        for each in self._state.proposals.values():
            if each.proposal.what == SWITCH:
                switch = self._governor.switch_of(each)
                same = (switch.what, switch.target, switch.customer) == (wanted.what, wanted.target, wanted.customer)
                if same and switch.value == neutral_of(switch.what):
                    return each.proposal
        return None

    def confirm(self, review_id: str, person: str, note: str) -> SwitchReview:
        """It was right.  Raises NotFound, NotAllowed for whoever threw it, Conflict, DefinitionError, Unavailable."""
        now_ms = self._clock.now_ms()
        confirmed = self.find(review_id).confirmed(person, note, now_ms)
        self._service.control(RecordKind.REVIEW, _encode(ReviewNote(review_id, person, note, now_ms)))
        self._service.commit()
        return confirmed

    def revert(self, review_id: str, person: str, note: str) -> SwitchReview:
        """It shall not go on: the switch is set back, or that is proposed; the review as it then stands.

        Raises NotFound, NotAllowed for whoever threw it, Conflict when it is over or its end is proposed already,
        DefinitionError, Unavailable.
        """
        review = self.find(review_id)
        review.require_other(person)
        require_note(note)
        if not self.in_force(review):
            raise Conflict(
                "this switch is not set any more: confirm what was done, with a note. 该开关已解除，请填写意见后确认。"
            )
        thrown = review.switch
        back = Switch(thrown.what, thrown.target, neutral_of(thrown.what), note, person, self._clock.now_ms())
        if (back.what, back.value) in ALONE:
            self._governor.throw(back)
            return self.find(review_id)
        waiting = self.proposed_end(review)
        if waiting is not None:
            raise Conflict(
                f"proposal {waiting.id} to end it waits already; decide on that one. 已有恢复提案，请审批该提案。"
            )
        self._governor.propose_switch(back)
        return review
