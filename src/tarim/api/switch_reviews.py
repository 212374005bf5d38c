"""Reviews, afterwards, of what one person paused or stopped, over HTTP: look, confirm, undo (RM-26)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from tarim.api.routes import Call, Route
from tarim.base.four_eyes import NOTE_CHARACTERS_MAX
from tarim.base.instants import Clock, instant_text
from tarim.deadlines import ClockKind, Schedule
from tarim.decisions import SwitchKind, SwitchReview, SwitchReviewer
from tarim.identity import Scope


class ReviewsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """state: those that wait, or the last ones that were closed."""

    state: Annotated[str, Meta(pattern="^(open|closed)$")] = "open"


class ReviewVerdictBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What another person finds: it was right, or it shall not go on; note: why."""

    verdict: Annotated[str, Meta(pattern="^(confirm|revert)$")]
    note: Annotated[str, Meta(min_length=1, max_length=NOTE_CHARACTERS_MAX)]


class SwitchReviewBody(msgspec.Struct, frozen=True):
    """One act of one person.  due_at: until when somebody else has to look at it; standing: running, warned or overdue, met or
    missed once it was reviewed.  in_force: whether the switch is still set.  proposal: an open one to end it, "" for none.
    """

    id: str
    what: SwitchKind
    target: str
    author: str
    reason: str
    at: str
    due_at: str
    standing: str
    in_force: bool
    proposal: str
    state: str
    reviewer: str
    note: str
    reviewed_at: str


class SwitchReviewsBody(msgspec.Struct, frozen=True):
    """Open ones, the oldest first; or closed ones, the latest first."""

    reviews: list[SwitchReviewBody]


class ReviewClock:
    """Until when reviews are due, by the bank's own table of deadlines."""

    def __init__(self, schedule: Schedule, clock: Clock) -> None:
        self._schedule = schedule
        self._clock = clock

    def due(self, review: SwitchReview) -> tuple[int, str]:
        """(last instant in time, standing)."""
        deadline = self._schedule.deadline(ClockKind.SWITCH_REVIEW, review.switch.at_ms)
        assert deadline.due_ms is not None, "only a pause leaves a deadline open"
        done_ms = review.reviewed_ms or None
        return deadline.due_ms, deadline.standing(self._clock.now_ms(), done_ms).value

    def overdue(self, reviewer: SwitchReviewer) -> int:
        """Open reviews whose time is over."""
        return sum(self.due(each)[1] == "overdue" for each in reviewer.open())


def switch_review_routes(reviewer: SwitchReviewer, clock: ReviewClock) -> list[Route]:
    """The routes."""

    def body(review: SwitchReview) -> SwitchReviewBody:
        switch, (due_ms, standing) = review.switch, clock.due(review)
        end = reviewer.proposed_end(review)
        return SwitchReviewBody(
            review.id,
            switch.what,
            switch.target,
            switch.author,
            switch.reason,
            instant_text(switch.at_ms),
            instant_text(due_ms),
            standing,
            reviewer.in_force(review),
            end.id if end is not None else "",
            review.state.value,
            review.reviewer,
            review.note,
            instant_text(review.reviewed_ms) if review.reviewed_ms else "",
        )

    async def listed(call: Call) -> SwitchReviewsBody:
        found = reviewer.closed() if call.query.state == "closed" else reviewer.open()
        return SwitchReviewsBody([body(each) for each in found])

    async def decide(call: Call) -> SwitchReviewBody:
        review_id, wanted = call.path["id"], call.body
        call.note.detail["verdict"], call.note.reason = wanted.verdict, wanted.note
        act = reviewer.confirm if wanted.verdict == "confirm" else reviewer.revert
        return body(act(review_id, call.person, wanted.note))

    path = "/v1/switch-reviews"
    return [
        Route("GET", path, "list_switch_reviews", "What one person paused or stopped, to be reviewed / 单人停用事项的事后复核",
              Scope.READ, listed, SwitchReviewsBody, query=ReviewsQuery),
        Route("POST", path + "/{id}", "decide_on_switch_review", "Confirm or undo it, as another person / 由另一人确认或撤销",
              Scope.APPROVE, decide, SwitchReviewBody, ReviewVerdictBody, refusals=(409,)),
    ]  # fmt: skip
