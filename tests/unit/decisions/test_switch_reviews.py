"""What one person paused or stopped waits until somebody else has looked at it; the same person cannot (RM-26)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tarim.api.switch_reviews import ReviewClock
from tarim.base.errors import Conflict, DefinitionError, NotAllowed, NotFound, Unavailable
from tarim.deadlines import load_schedule
from tarim.decisions import (
    Control,
    DecisionService,
    Governance,
    Governor,
    RecordKind,
    ReviewState,
    Seen,
    Switch,
    SwitchKind,
    SwitchReviewer,
)
from tarim.decisions import switch_reviews as domain
from tarim.rules import Rule
from tarim.stream import Channel, Outcome
from tests.fakes.clock import FakeClock
from tests.fakes.decisions import FakeEngine, FakeJudge, FakeLog

HOUR_MS = 3_600_000
BEGIN_MS = 1_800_000_000_000
RULES = tuple(
    Rule(at, name, "true", Outcome.BLOCK, 50, "telecom_fraud", "原因", "reason", tuple[Channel, ...](), ())
    for at, name in enumerate("ab")
)


@dataclass
class Ruled(FakeJudge):
    rules: Any = field(default_factory=lambda: RULES)


@dataclass
class House:
    governor: Governor
    reviewer: SwitchReviewer
    service: DecisionService
    log: FakeLog
    clock: FakeClock

    def throw(self, what: SwitchKind, target: str, value: int = 1, person: str = "li.na") -> Switch:
        self.clock.at_ms += 1
        return self.governor.throw(Switch(what, target, value, "because", person, self.clock.at_ms))

    def agreed_end(self, what: SwitchKind, target: str, first: str, second: str) -> None:
        self.clock.at_ms += 1
        proposal = self.governor.propose_switch(Switch(what, target, 0, "over", first, self.clock.at_ms))
        asyncio.run(self.governor.approve(proposal.id, second, proposal.digest))

    @property
    def only(self) -> str:
        (review,) = self.reviewer.open()
        return review.id


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    log, clock = FakeLog(), FakeClock(BEGIN_MS)
    service = DecisionService(log, FakeEngine(), Ruled(), Seen(1000))

    async def compile_aside(control: Control, models: Sequence[str]) -> Ruled:
        return Ruled(ruleset_version=control.version)

    governor = Governor(service, clock, lambda content: f"{len(content)}", compile_aside)
    return House(governor, SwitchReviewer(governor, service, clock), service, log, clock)


@pytest.mark.parametrize(
    ("what", "target"), [(SwitchKind.PAUSE, "a"), (SwitchKind.STOP, "transfer"), (SwitchKind.RULES_ONLY, "*")]
)
def test_what_one_person_did_waits_until_another_confirms_it(house: House, what: SwitchKind, target: str):
    house.throw(what, target)
    review = house.reviewer.find(house.only)
    assert (review.switch.what, review.switch.author, review.state) == (what, "li.na", ReviewState.OPEN)
    for act in (house.reviewer.confirm, house.reviewer.revert):
        with pytest.raises(NotAllowed):
            act(review.id, "li.na", "I was right")
    with pytest.raises(DefinitionError):
        house.reviewer.confirm(review.id, "wang.wei", "  ")
    assert house.reviewer.open() == [review], "a refusal changes nothing"
    confirmed = house.reviewer.confirm(review.id, "wang.wei", "seen the alarm myself")
    assert house.log.durable_seq == house.log.next_seq, "what was answered is durable"
    assert not house.reviewer.open() and house.reviewer.closed() == [confirmed]
    assert (confirmed.state, confirmed.reviewer) == (ReviewState.CONFIRMED, "wang.wei")
    assert house.reviewer.in_force(confirmed), "confirming sets nothing back"
    with pytest.raises(Conflict):
        house.reviewer.confirm(review.id, "zhao.min", "again")


def test_a_pause_is_undone_at_once_by_another_person(house: House):
    house.throw(SwitchKind.PAUSE, "a")
    reverted = house.reviewer.revert(house.only, "wang.wei", "no false alerts found")
    assert (reverted.state, reverted.reviewer, reverted.note) == ("reverted", "wang.wei", "no false alerts found")
    assert not house.service.governance.switches and not house.reviewer.open()


def test_a_stop_still_ends_by_two_and_waits_until_then(house: House):
    house.throw(SwitchKind.STOP, "transfer")
    review = house.reviewer.revert(house.only, "wang.wei", "the incident is over")
    assert review.state is ReviewState.OPEN and house.service.governance.stopped_kinds()
    end = house.reviewer.proposed_end(review)
    assert end is not None and end.author == "wang.wei"
    with pytest.raises(Conflict):
        house.reviewer.revert(review.id, "zhao.min", "me too")
    with pytest.raises(NotAllowed):
        asyncio.run(house.governor.approve(end.id, "wang.wei", end.digest))
    assert house.reviewer.open(), "one person ends neither the stop nor the review"
    asyncio.run(house.governor.approve(end.id, "zhao.min", end.digest))
    assert not house.service.governance.stopped_kinds()
    assert house.reviewer.find(review.id).state is ReviewState.REVERTED


def test_ending_ones_own_pause_leaves_the_review_open(house: House):
    house.throw(SwitchKind.PAUSE, "a")
    house.throw(SwitchKind.PAUSE, "a", 0)
    review = house.reviewer.find(house.only)
    assert not house.reviewer.in_force(review)
    with pytest.raises(Conflict):
        house.reviewer.revert(review.id, "wang.wei", "undo it")
    house.reviewer.confirm(review.id, "wang.wei", "two hours were too long")
    assert not house.reviewer.open()


def test_throwing_it_anew_renews_no_deadline(house: House):
    house.throw(SwitchKind.PAUSE, "a")
    first = house.only
    house.throw(SwitchKind.PAUSE, "a")
    assert house.reviewer.open()[0].id == first and len(house.reviewer.open()) == 2
    house.throw(SwitchKind.PAUSE, "b", person="wang.wei")
    house.throw(SwitchKind.PAUSE, "a", 0, person="wang.wei")
    assert [each.switch.target for each in house.reviewer.open()] == ["b"], (
        "both acts on one rule were undone by another"
    )


@pytest.mark.parametrize(("first", "second"), [("li.na", "wang.wei"), ("wang.wei", "li.na"), ("wang.wei", "zhao.min")])
def test_an_end_by_two_is_a_review_by_whoever_did_not_throw_it(house: House, first: str, second: str):
    house.throw(SwitchKind.STOP, "transfer")
    review_id = house.only
    house.agreed_end(SwitchKind.STOP, "transfer", first, second)
    closed = house.reviewer.find(review_id)
    assert closed.state is ReviewState.REVERTED and closed.reviewer != "li.na"


def test_what_two_agreed_on_needs_no_review(house: House):
    proposal = house.governor.propose_switch(Switch(SwitchKind.PAUSE, "a", 1, "x", "li.na", BEGIN_MS))
    asyncio.run(house.governor.approve(proposal.id, "wang.wei", proposal.digest))
    house.throw(SwitchKind.PAUSE, "a", 0)
    assert not house.reviewer.open()


def test_the_time_is_a_day_and_night(house: House):
    clock = ReviewClock(load_schedule(None), house.clock)
    house.throw(SwitchKind.PAUSE, "a")
    review = house.reviewer.find(house.only)
    expected: list[tuple[Callable[[int], int], str]] = [
        (lambda thrown: thrown + 15 * HOUR_MS, "running"),
        (lambda thrown: thrown + 16 * HOUR_MS, "warned"),
        (lambda thrown: thrown + 24 * HOUR_MS, "warned"),
        (lambda thrown: thrown + 24 * HOUR_MS + 1, "overdue"),
    ]
    for at, standing in expected:
        house.clock.at_ms = at(review.switch.at_ms)
        assert clock.due(review) == (review.switch.at_ms + 24 * HOUR_MS, standing)
    assert clock.overdue(house.reviewer) == 1
    late = house.reviewer.confirm(review.id, "wang.wei", "seen late")
    assert clock.due(late)[1] == "missed" and clock.overdue(house.reviewer) == 0


def test_the_journal_alone_gives_the_same_reviews_as_a_snapshot(house: House):
    house.throw(SwitchKind.PAUSE, "a")
    house.reviewer.confirm(house.only, "wang.wei", "right")
    house.throw(SwitchKind.PAUSE, "b")
    house.throw(SwitchKind.STOP, "transfer")
    folded = Governance()
    for record in house.log.records:
        if record.kind in (RecordKind.SWITCH, RecordKind.REVIEW):
            folded.take(record)
    live = house.service.governance
    assert folded.reviews == live.reviews and len(live.reviews.open) == 2
    assert Governance.decoded(live.encoded()).reviews == live.reviews


def test_an_unknown_review_is_not_there_and_a_flood_is_refused(house: House, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(NotFound):
        house.reviewer.confirm("0" * 16, "wang.wei", "x")
    monkeypatch.setattr("tarim.decisions.governing.REVIEWS_OPEN_MAX", 2)
    for _ in range(2):
        house.throw(SwitchKind.PAUSE, "a")
    with pytest.raises(Unavailable):
        house.throw(SwitchKind.PAUSE, "b")
    house.throw(SwitchKind.PAUSE, "a", 0)
    assert domain.REVIEWS_OPEN_MAX == 10_000
