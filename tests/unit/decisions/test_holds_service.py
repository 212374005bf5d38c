"""Holds through the decision service: what is answered, what a restart finds, and who may decide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tarim.base.errors import Conflict, DefinitionError, NotAllowed, NotFound, Unavailable
from tarim.decisions import (
    Aftermath,
    Beside,
    Cause,
    Control,
    Decided,
    Decider,
    DecisionService,
    HoldDesk,
    HoldState,
    Language,
    RecordKind,
    Seen,
    Snapshots,
    State,
    Word,
    advance,
    default_treatment,
    read_treatment,
    recover,
)
from tarim.decisions import service as service_module
from tarim.rules import compile_ruleset
from tarim.stream import Col, Kind, Outcome, Result, Verification
from tests.fakes.clock import FakeClock
from tests.fakes.decisions import FakeBatch, FakeEngine, FakeJudge, FakeLog, events

NOW_MS = 1_790_000_000_000
DELAY_MS = 24 * 3_600_000
SMS_AND_PASSWORD = Verification.PASSWORD | Verification.SMS_CODE
TREATMENT = read_treatment(
    default_treatment()
    + """
[[rights]]
role = "investigator"
people = ["li", "wang"]
outcomes = ["challenge", "delay", "suspend"]
alone_fen_max = 1_000
together_fen_max = 50_000
[[verification.bands]]
from_fen = 5_000
strength = 2
[[verification.limits]]
methods = ["password", "sms_code"]
single_fen_max = 20_000
day_fen_max = 30_000
[[verification.limits]]
methods = []
single_fen_max = 4_000
day_fen_max = 6_000
"""
)


class Judge(FakeJudge):
    """The channel's choice of outcome is in the event, as merchant category."""

    def decide(
        self, rows: np.ndarray, features: np.ndarray, decisions: np.ndarray | None = None, beside: Beside | None = None
    ) -> np.ndarray:
        decisions = super().decide(rows, features) * 0
        decisions[:, Word.OUTCOME] = rows[:, Col.OUTCOME] = rows[:, Col.MERCHANT_CATEGORY]
        return decisions


class House:
    """A service over a log in memory, and another one after it when it is restarted."""

    def __init__(self) -> None:
        self.log, self.clock = FakeLog(), FakeClock(NOW_MS)
        self.state = State(FakeEngine(), Seen(1_000), {})
        self._open()
        self.service.record(RecordKind.TREATMENT, Control(TREATMENT.version, "", "digest", NOW_MS))

    def _open(self) -> None:
        engine, seen, aftermath = self.state.engine, self.state.seen, self.state.aftermath
        self.service = DecisionService(self.log, engine, Judge(), seen, aftermath=aftermath, treatment=TREATMENT)
        self.desk = HoldDesk(self.service, self.clock)

    def restart(self) -> None:
        """As after a power cut: only what was durable is left."""
        self.log.power_cut()
        self.state = State(FakeEngine(), Seen(1_000), {})
        advance(self.state, self.log.read())
        self._open()

    def ask(self, outcome: Outcome = Outcome.PASS, methods: int = SMS_AND_PASSWORD, **event: object) -> Decided:
        batch = self.batch(outcome, methods, **event)
        (result,) = self.service.results(batch, self.service.take(batch))
        self.log.commit()
        assert isinstance(result, Decided)
        return result

    def batch(self, outcome: Outcome, methods: int, **event: object) -> FakeBatch:
        batch = events({"id": f"e{self.log.next_seq}"} | event)
        batch.rows[:, Col.RECEIVED_MS] = batch.rows[:, Col.OCCURRED_MS] = self.clock.at_ms
        batch.rows[:, Col.MERCHANT_CATEGORY], batch.rows[:, Col.VERIFICATION] = outcome, methods
        batch.rows[:, Col.RESULT] = Result.SUCCEEDED
        return batch


def test_a_hold_and_its_timer_survive_a_restart() -> None:
    """Before its end it waits, the tick that is due comes once, and a second restart finds it fired."""
    house = House()
    held = house.ask(Outcome.DELAY)
    house.restart()
    assert house.desk.holds.get(held.seq).until_ms == NOW_MS + DELAY_MS
    assert house.desk.tick() is None
    house.clock.at_ms = NOW_MS + DELAY_MS
    tick_seq = house.desk.tick()
    assert house.desk.tick() is None
    house.log.commit()
    for _ in range(2):
        found = house.desk.holds.get(held.seq)
        assert (found.state, found.cause, found.changed_seq) == (HoldState.RELEASED, Cause.TIME_RELEASED, tick_seq)
        house.restart()
    again = house.ask(id="later")
    assert again.seq == house.log.next_seq - 1


def test_a_tick_that_did_not_become_durable_did_not_happen() -> None:
    """After the power cut the hold still waits, and fires by the next tick."""
    house = House()
    held = house.ask(Outcome.DELAY)
    house.clock.at_ms = NOW_MS + DELAY_MS
    house.desk.tick()
    assert house.desk.holds.get(held.seq).state is HoldState.RELEASED
    house.restart()
    assert house.desk.holds.get(held.seq).state is HoldState.WAITING
    house.desk.tick()
    house.log.commit()
    house.restart()
    assert house.desk.holds.get(held.seq).state is HoldState.RELEASED


def test_a_retry_opens_no_second_hold() -> None:
    """It gets the first answer, and there is one hold."""
    house = House()
    first = house.ask(Outcome.SUSPEND, id="a")
    again = house.ask(Outcome.SUSPEND, id="a")
    assert again.repeated and np.array_equal(first.decision, again.decision)
    assert house.desk.holds.open_count == 1


def test_a_confirmation_in_the_same_group_finds_its_hold() -> None:
    """The event it refers to is decided before it."""
    house = House()
    both = events({"id": "a", "kind": Kind.TRANSFER}, {"id": "c", "kind": Kind.CONFIRMATION, "refers_to": "a"})
    both.rows[:, Col.RECEIVED_MS], both.rows[:, Col.RESULT] = NOW_MS, Result.SUCCEEDED
    both.rows[0, Col.MERCHANT_CATEGORY] = Outcome.SUSPEND
    taken = house.service.take(both)
    assert house.desk.holds.get(int(taken.seqs[0])).cause is Cause.CONFIRMED


def test_no_way_to_release_alone_what_needs_two() -> None:
    """The same person twice, a person without a role, too large an amount: each is refused and nothing is journalled."""
    house = House()
    large = house.ask(Outcome.DELAY, amount_fen=2_000)
    huge = house.ask(Outcome.SUSPEND, amount_fen=60_000)
    proposed = house.desk.decide_on(large.seq, "li", "customer called", release=True)
    assert (proposed.state, proposed.proposer) == (HoldState.WAITING, "li")
    before = house.log.next_seq
    for seq, person in ((large.seq, "li"), (large.seq, "chen"), (huge.seq, "wang")):
        with pytest.raises(NotAllowed):
            house.desk.decide_on(seq, person, "please", release=True)
    for person, reason in (("wang", ""), ("wang", "x" * 501), (" wang", "why")):
        with pytest.raises(DefinitionError):
            house.desk.decide_on(large.seq, person, reason, release=True)
    with pytest.raises(NotFound):
        house.desk.decide_on(10_000, "wang", "why", release=True)
    assert house.log.next_seq == before
    house.restart()
    released = house.desk.decide_on(large.seq, "wang", "agreed", release=True)
    assert (released.state, released.cause) == (HoldState.RELEASED, Cause.RELEASED_BY_PERSON)
    with pytest.raises(Conflict):
        house.desk.decide_on(large.seq, "wang", "once more", release=False)


def test_what_two_agreed_to_elsewhere_is_carried_out_once_and_only_with_the_right_of_both() -> None:
    """An order that comes again after half of it was done, or all of it, ends the same way."""
    house = House()
    large, small = house.ask(Outcome.DELAY, amount_fen=2_000), house.ask(Outcome.DELAY, amount_fen=500)
    for people in (("li", "chen"), ("chen", "li"), ("li",)):
        with pytest.raises(Conflict):
            house.desk.carry_out(large.seq, people, "case 1", release=True)
    assert house.desk.holds.get(large.seq).proposer == "li"
    for _ in range(2):
        released = house.desk.carry_out(large.seq, ("li", "wang"), "case 1", release=True)
        assert released.state is HoldState.RELEASED
    assert house.desk.carry_out(small.seq, ("li",), "case 2", release=False).state is HoldState.REFUSED
    with pytest.raises(Conflict):
        house.desk.carry_out(small.seq, ("li", "wang"), "case 2", release=True)


def test_time_that_is_over_comes_before_a_person() -> None:
    """Nobody refuses what has been released by time, although the tick had not come yet."""
    house = House()
    held = house.ask(Outcome.DELAY)
    house.clock.at_ms = NOW_MS + DELAY_MS
    with pytest.raises(Conflict):
        house.desk.decide_on(held.seq, "li", "too late", release=False)
    assert house.desk.holds.get(held.seq).cause is Cause.TIME_RELEASED


def test_weak_verification_is_raised_to_a_challenge_and_the_day_adds_up() -> None:
    """By the amount alone, by the limit of one payment, by the day; the outcome asked for stays when it is stricter."""
    house = House()

    def outcome(amount_fen: int, methods: int, asked: Outcome = Outcome.PASS, customer: int = 9) -> tuple[int, int]:
        decided = house.ask(asked, methods, amount_fen=amount_fen, customer=customer)
        assert decided.row[Col.OUTCOME] == decided.decision[Word.OUTCOME]
        return int(decided.decision[Word.OUTCOME]), int(decided.decision[Word.HOLD]) >> 40 & 3

    assert outcome(3_000, 0) == (Outcome.PASS, 0)
    assert outcome(4_001, 0, customer=8) == (Outcome.CHALLENGE, 2)
    assert outcome(5_000, Verification.PASSWORD, customer=8) == (Outcome.CHALLENGE, 1)
    assert outcome(5_000, SMS_AND_PASSWORD) == (Outcome.PASS, 0)
    assert outcome(3_000, 0) == (Outcome.PASS, 0)
    assert outcome(1, 0) == (Outcome.CHALLENGE, 3)
    assert outcome(1, 0, customer=7) == (Outcome.PASS, 0)
    assert outcome(1, 0, Outcome.SUSPEND) == (Outcome.SUSPEND, 3)
    house.restart()
    assert outcome(1, 0) == (Outcome.CHALLENGE, 3)
    house.clock.at_ms += 86_400_000
    assert outcome(1, 0) == (Outcome.PASS, 0)


def test_a_customer_sets_limits_lower_and_not_higher() -> None:
    """They count from the next payment on, after a restart too, and a retry keeps its first answer."""
    house = House()
    before = house.ask(id="before", amount_fen=10_000)
    house.desk.set_limit(9, ["sms_code", "password"], 8_000, 15_000, "app")
    for restarted in (False, True):
        over = house.ask(amount_fen=8_001)
        assert (over.decision[Word.OUTCOME], over.decision[Word.HOLD] >> 40 & 3) == (Outcome.CHALLENGE, 2), restarted
        house.restart()
    assert house.ask(id="before", amount_fen=10_000).decision[Word.OUTCOME] == before.decision[Word.OUTCOME] == 0
    assert house.ask(amount_fen=10_000, customer=8).decision[Word.OUTCOME] == Outcome.PASS
    for methods, single, day in ((["password", "sms_code"], 20_001, 100), (["face"], 1, 1), (["magic"], 1, 1)):
        with pytest.raises(DefinitionError):
            house.desk.set_limit(9, methods, single, day, "app")


def test_a_weakly_verified_delay_is_not_released_by_time() -> None:
    """Unless its customer has shown the strength before."""
    house = House()
    weak, shown = (house.ask(Outcome.DELAY, Verification.PASSWORD, amount_fen=5_000) for _ in range(2))
    house.ask(Outcome.PASS, Verification.FACE, kind=Kind.CONFIRMATION, refers_to=shown.event_id)
    assert house.desk.holds.get(shown.seq).cause is Cause.VERIFIED
    house.clock.at_ms += DELAY_MS
    house.desk.tick()
    assert house.desk.holds.get(weak.seq).cause is Cause.TIME_REFUSED
    assert house.desk.holds.get(shown.seq).cause is Cause.TIME_RELEASED


def test_the_reason_names_the_strength_needed() -> None:
    """In both languages, beside those of the rules."""
    text = 'name = "one"\n[[rule]]\nid = "any"\nwhen = "amount_fen >= 0"\noutcome = "notice"\nweight = 5\n'
    text += 'scenario = "s"\nreason = "任意"\nreason_en = "any"\n'
    decider = Decider(compile_ruleset(text, ("count",)), None, ("count",))
    house = House()
    decision = house.ask(Outcome.PASS, Verification.PASSWORD, amount_fen=5_000).decision.copy()
    decision[Word.BAND] = -1
    (reason,) = decider.explain(decision, Language.EN)
    assert (reason.source, reason.outcome) == ("verification", Outcome.CHALLENGE)
    assert "at least 2 kinds" in reason.text
    assert "至少 2 类" in decider.explain(decision, Language.ZH)[0].text


def test_decisions_come_out_the_same_once_more() -> None:
    """Verified against rules and treatment of the time; with another treatment they differ and are named."""
    house = House()
    for amount_fen in (3_000, 3_000, 3_000, 5_000, 21_000):
        house.ask(Outcome.PASS, Verification.PASSWORD, amount_fen=amount_fen)
    for treatment, differing in ((TREATMENT, 0), (read_treatment(default_treatment()), 5)):
        state = State(FakeEngine(), Seen(1_000), {})
        walked = advance(state, house.log.read(), judges=lambda _: Judge(), treatments=lambda _, t=treatment: t)
        assert (walked.events, walked.differing) == (5, differing)


def test_a_snapshot_keeps_holds_and_a_damaged_one_is_passed_over(tmp_path: Path) -> None:
    """What recovery finds is what the journal says, from either."""
    house = House()
    held = [house.ask(outcome).seq for outcome in (Outcome.CHALLENGE, Outcome.DELAY, Outcome.SUSPEND)]
    snapshots = Snapshots(tmp_path)
    service = house.service
    folder = snapshots.write(State(house.state.engine, service.seen, {}, service.governance, service.aftermath))
    house.ask(Outcome.DELAY)

    def restore(_path: Path) -> FakeEngine:
        return FakeEngine(offset=int(folder.name))

    def found() -> tuple[int, bytes]:
        recovered = recover(house.log, snapshots, fresh=FakeEngine, restore=restore, seen_events_max=1_000)
        return recovered.snapshot_offset, recovered.state.aftermath.encoded()

    assert found() == (int(folder.name), service.aftermath.encoded())
    assert Aftermath.decoded((folder / "holds.bin").read_bytes()).holds.get(held[0]).kind is Outcome.CHALLENGE
    (folder / "holds.bin").write_bytes(b"other")
    assert found() == (-1, service.aftermath.encoded())


def test_beyond_the_limit_of_holds_no_event_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before anything has changed, and taken again when a hold is closed."""
    house = House()
    held = house.ask(Outcome.DELAY)
    monkeypatch.setattr(service_module, "OPEN_MAX", 1)
    with pytest.raises(Unavailable):
        house.ask()
    assert house.service.broken == ""
    house.desk.decide_on(held.seq, "li", "refused to make room", release=False)
    house.ask()
