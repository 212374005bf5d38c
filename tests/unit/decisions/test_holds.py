"""Holds: what opens them, what answers them, what time does, and who may decide."""

from __future__ import annotations

import gc

import msgspec
import numpy as np
import pytest

from tarim.base.errors import Conflict, Damaged, DefinitionError, NotAllowed, NotFound
from tarim.decisions import DECISION_WORDS, Word
from tarim.decisions.aftermath import Aftermath, Tick, encode_record
from tarim.decisions.hold_word import HoldWord, pack, unpack
from tarim.decisions.holds import (
    CHANGES_KEPT,
    FIRED_MAX,
    HELD,
    TRANSITIONS,
    Action,
    Cause,
    Holds,
    HoldState,
    IllegalTransition,
    Step,
    next_state,
)
from tarim.decisions.records import RecordKind
from tarim.decisions.treatment import default_treatment, read_treatment
from tarim.stream import Col, Kind, Outcome, Result, Verification, empty_rows
from tests.fakes.decisions import FakeRecord

NOW_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
PEOPLE = """
[[rights]]
role = "investigator"
people = ["li", "wang"]
outcomes = ["challenge", "delay", "suspend"]
alone_fen_max = 1_000
together_fen_max = 50_000

[[rights]]
role = "head"
people = ["zhao"]
outcomes = ["suspend"]
alone_fen_max = 100_000
together_fen_max = 100_000
"""
TREATMENT = read_treatment(default_treatment() + PEOPLE)


class Journal:
    """Feeds events one by one, under rising positions, to an aftermath with the default treatment."""

    def __init__(self) -> None:
        self.after = Aftermath()
        self.seq = 0

    @property
    def holds(self) -> Holds:
        return self.after.holds

    def event(self, outcome: Outcome = Outcome.PASS, *, at_ms: int = NOW_MS, **words: int) -> int:
        rows, decisions = empty_rows(1), np.zeros((1, DECISION_WORDS), np.int64)
        rows[0, Col.KIND], rows[0, Col.CUSTOMER], rows[0, Col.AMOUNT_FEN] = Kind.TRANSFER, 7, 100
        rows[0, Col.SEQ], rows[0, Col.RECEIVED_MS], rows[0, Col.OCCURRED_MS] = self.seq, at_ms, at_ms
        for name, value in words.items():
            rows[0, Col[name.upper()]] = value
        decisions[0, Word.OUTCOME] = rows[0, Col.OUTCOME] = outcome
        self.after.treat(rows, decisions, TREATMENT)
        self.holds.take(rows, decisions)
        self.seq += 1
        return self.seq - 1

    def confirm(self, hold: int, result: Result = Result.SUCCEEDED, methods: int = 0, **words: int) -> None:
        self.event(kind=Kind.CONFIRMATION, refers_seq=hold, result=result, verification=methods, **words)

    def tick(self, at_ms: int) -> int:
        self.seq += 1
        return self.holds.tick(self.seq - 1, at_ms)

    def act(self, hold: int, person: str, *, release: bool = True) -> Step:
        step, role = TREATMENT.step(self.holds.get(hold), person, release=release)
        self.seq += 1
        self.holds.act(Action(hold, step, person, role, "customer called", NOW_MS), self.seq - 1)
        return step

    def state(self, hold: int) -> tuple[HoldState, Cause]:
        found = self.holds.get(hold)
        return found.state, found.cause


def test_what_is_held_and_what_is_not() -> None:
    """Challenge, delay and suspend open a hold until the policy's time; other outcomes, kinds and backfilled events none."""
    journal = Journal()
    for outcome in Outcome:
        seq = journal.event(outcome)
        if outcome in HELD:
            hold = journal.holds.get(seq)
            lasts_s = TREATMENT.terms[outcome].seconds
            assert (hold.kind, hold.state, hold.until_ms) == (outcome, HoldState.WAITING, NOW_MS + lasts_s * 1_000)
        else:
            with pytest.raises(NotFound):
                journal.holds.get(seq)
    assert journal.holds.open_count == 3
    for kind in (Kind.LABEL, Kind.CONFIRMATION, Kind.REVERSAL):
        journal.event(Outcome.SUSPEND, kind=kind)
    journal.event(Outcome.SUSPEND, flags=2)  # fed after an outage: the money has gone
    assert journal.holds.open_count == 3


def test_garbage_collection_does_not_look_through_holds() -> None:
    """There may be very many, and a decision would wait for the look."""
    journal = Journal()
    hold = journal.holds.get(journal.event(Outcome.SUSPEND))
    assert not gc.is_tracked(hold)
    assert not any(gc.is_tracked(change) for change in journal.holds.changes(0, journal.seq, 10))


def test_a_delay_is_released_by_time_and_only_once() -> None:
    """Not before its end; at it, by one tick."""
    journal = Journal()
    hold = journal.event(Outcome.DELAY)
    until_ms = journal.holds.get(hold).until_ms
    assert journal.holds.next_due_ms == until_ms
    assert journal.tick(until_ms - 1) == 0
    assert journal.tick(until_ms) == 1
    assert journal.state(hold) == (HoldState.RELEASED, Cause.TIME_RELEASED)
    assert journal.tick(until_ms + 1) == 0 and journal.holds.next_due_ms is None


def test_a_suspended_payment_is_confirmed_or_denied_by_its_customer() -> None:
    """Somebody else's word, one that says nothing, and one that is itself suspicious, change nothing."""
    journal = Journal()
    confirmed, denied, doubted = (journal.event(Outcome.SUSPEND) for _ in range(3))
    journal.confirm(confirmed, customer=8)
    journal.confirm(confirmed, Result.UNKNOWN)
    assert journal.state(confirmed) == (HoldState.WAITING, Cause.OPENED)
    journal.confirm(confirmed)
    journal.confirm(denied, Result.FAILED)
    journal.event(Outcome.BLOCK, kind=Kind.CONFIRMATION, refers_seq=doubted, result=Result.SUCCEEDED)
    assert journal.state(confirmed) == (HoldState.RELEASED, Cause.CONFIRMED)
    assert journal.state(denied) == (HoldState.REFUSED, Cause.DENIED)
    assert journal.state(doubted) == (HoldState.WAITING, Cause.OPENED)


def test_a_challenge_asks_for_kinds_of_factors_and_counts_failures() -> None:
    """A password twice is one kind; the methods of the payment count; the third failure refuses."""
    journal = Journal()
    hold = journal.event(Outcome.CHALLENGE, verification=Verification.PASSWORD)
    journal.confirm(hold, methods=0)
    journal.confirm(hold, methods=Verification.PASSWORD)
    assert journal.state(hold) == (HoldState.WAITING, Cause.OPENED)
    journal.confirm(hold, methods=Verification.FACE)
    assert journal.state(hold) == (HoldState.RELEASED, Cause.CONFIRMED)
    failing = journal.event(Outcome.CHALLENGE)
    for left in (2, 1):
        journal.confirm(failing, Result.FAILED)
        assert journal.state(failing) == (HoldState.WAITING, Cause.ATTEMPT_FAILED)
        assert journal.holds.get(failing).failures_left == left
    journal.confirm(failing, Result.FAILED)
    assert journal.state(failing) == (HoldState.REFUSED, Cause.DENIED)


def test_a_confirmation_after_the_end_is_too_late() -> None:
    """Although the tick has not come yet: otherwise the tick's moment would decide."""
    journal = Journal()
    hold = journal.event(Outcome.SUSPEND)
    until_ms = journal.holds.get(hold).until_ms
    journal.confirm(hold, at_ms=until_ms)
    assert journal.state(hold) == (HoldState.WAITING, Cause.OPENED)
    journal.tick(until_ms)
    assert journal.state(hold) == (HoldState.ESCALATED, Cause.TIME_ESCALATED)
    journal.confirm(hold, at_ms=until_ms + 1)
    assert journal.state(hold)[0] is HoldState.ESCALATED


def test_an_escalated_hold_that_nobody_decides_on_is_refused() -> None:
    """Its second time starts at the tick, so a person has all of it even after an outage."""
    journal = Journal()
    hold = journal.event(Outcome.SUSPEND)
    late_ms = journal.holds.get(hold).until_ms + 100 * HOUR_MS
    assert journal.tick(late_ms) == 1
    assert journal.holds.earliest(HoldState.ESCALATED, 10) == [journal.holds.get(hold)]
    assert journal.tick(late_ms + 24 * HOUR_MS - 1) == 0
    assert journal.tick(late_ms + 24 * HOUR_MS) == 1
    assert journal.state(hold) == (HoldState.REFUSED, Cause.TIME_REFUSED)


def test_the_customer_takes_a_delayed_payment_back() -> None:
    """A reversal refuses it; a confirmation does not speed a delay up, because a victim would confirm."""
    journal = Journal()
    hold = journal.event(Outcome.DELAY)
    journal.confirm(hold, methods=Verification.FACE | Verification.PASSWORD)
    assert journal.state(hold) == (HoldState.WAITING, Cause.OPENED)
    journal.event(kind=Kind.REVERSAL, refers_seq=hold)
    assert journal.state(hold) == (HoldState.REFUSED, Cause.REVERSED)


def test_release_takes_a_right_and_above_its_amount_two_persons() -> None:
    """Nobody releases alone what needs two, under any name he may use once."""
    journal = Journal()
    small = journal.event(Outcome.DELAY, amount_fen=1_000)
    large = journal.event(Outcome.DELAY, amount_fen=1_001)
    huge = journal.event(Outcome.DELAY, amount_fen=50_001)
    suspended = journal.event(Outcome.SUSPEND, amount_fen=50_001)
    assert journal.act(small, "li") is Step.RELEASE
    assert journal.state(small) == (HoldState.RELEASED, Cause.RELEASED_BY_PERSON)
    for person, hold in (("chen", small), ("zhao", large), ("li", huge), ("li", suspended)):
        with pytest.raises(NotAllowed) as refused:
            journal.act(hold, person)
        assert refused.value.http_status == 403
    assert journal.act(large, "li") is Step.PROPOSE
    assert journal.state(large) == (HoldState.WAITING, Cause.RELEASE_PROPOSED)
    action = Action(large, Step.RELEASE, "li", "investigator", "again", NOW_MS)
    with pytest.raises(NotAllowed):
        journal.holds.considered(action, journal.seq)
    with pytest.raises(Damaged):
        journal.holds.act(action, journal.seq)
    assert journal.act(large, "wang") is Step.RELEASE
    assert journal.state(large) == (HoldState.RELEASED, Cause.RELEASED_BY_PERSON)
    assert journal.act(suspended, "zhao") is Step.RELEASE
    assert journal.act(huge, "wang", release=False) is Step.REFUSE
    with pytest.raises(IllegalTransition):
        journal.holds.considered(Action(huge, Step.RELEASE, "li", "investigator", "late", NOW_MS), journal.seq)


def test_the_table_is_whole() -> None:
    """A closed hold has no way on; every cause but opening leads somewhere; a pair outside is refused."""
    assert {state for state, _ in TRANSITIONS} == {HoldState.WAITING, HoldState.ESCALATED}
    assert {cause for _, cause in TRANSITIONS} == set(Cause) - {Cause.OPENED}
    for state in HoldState:
        for cause in Cause:
            if (state, cause) in TRANSITIONS:
                assert next_state(state, cause) is TRANSITIONS[state, cause]
            else:
                with pytest.raises(Conflict):
                    next_state(state, cause)


def test_changes_are_numbered_by_position_and_come_whole() -> None:
    """A reader that goes on where it stopped sees each change once; what is not durable is not shown."""
    journal = Journal()
    holds = [journal.event(Outcome.DELAY, at_ms=NOW_MS + index) for index in range(5)]
    journal.tick(NOW_MS + 25 * HOUR_MS)
    opened = journal.holds.changes(0, journal.seq, 3)
    assert [(each.seq, each.id, each.state) for each in opened] == [(seq, seq, HoldState.WAITING) for seq in (0, 1, 2)]
    rest = journal.holds.changes(3, journal.seq, 3)
    assert [each.id for each in rest] == [3, 4, *holds]  # the position of the tick is not cut
    assert journal.holds.changes(3, 5, 100) == rest[:2]
    assert journal.holds.changes(journal.seq, journal.seq, 3) == []


def test_old_changes_are_not_skipped_silently() -> None:
    """A reader that fell too far behind is told so."""
    journal = Journal()
    for _ in range(CHANGES_KEPT + 10):
        journal.event(Outcome.CHALLENGE)
    assert journal.holds.changes_from_seq == 10
    with pytest.raises(NotFound):
        journal.holds.changes(9, journal.seq, 1)
    assert journal.holds.changes(10, journal.seq, 1)[0].id == 10


def test_one_tick_fires_a_bounded_number() -> None:
    """The rest waits for the next one, and none is lost."""
    journal = Journal()
    for _ in range(FIRED_MAX + 5):
        journal.event(Outcome.DELAY)
    late_ms = NOW_MS + 48 * HOUR_MS
    assert (journal.tick(late_ms), journal.tick(late_ms), journal.tick(late_ms)) == (FIRED_MAX, 5, 0)
    assert journal.holds.open_count == 0


def test_the_state_survives_a_snapshot() -> None:
    """Holds, timers, changes and sums come back as they were, and go on alike."""
    journal = Journal()
    holds = [journal.event(outcome, at_ms=NOW_MS + index) for index, outcome in enumerate(HELD * 10)]
    journal.act(holds[1], "li", release=False)
    again = Aftermath.decoded(journal.after.encoded())
    assert again.encoded() == journal.after.encoded()
    for after in (journal.after, again):
        payload = memoryview(encode_record(Tick(NOW_MS + 80 * HOUR_MS)))
        after.take(FakeRecord(journal.seq, 1, RecordKind.TICK, payload))
    assert again.encoded() == journal.after.encoded()
    with pytest.raises(Damaged):
        Aftermath.decoded(msgspec.msgpack.encode(["no", "holds"]))


def test_the_word_keeps_its_parts() -> None:
    """Every part at its largest, and none runs into another."""
    for word in (HoldWord(2**31 - 1, 2, 15, 3, 3, 1_023, 127, True), HoldWord(1, 0, 1, 0, 0, 0, 0, False)):
        assert unpack(pack(word)) == word
    full = HoldWord(2**31 - 1, 2, 15, 3, 3, 1_023, 127, True)
    for place, name in enumerate(HoldWord._fields):
        alone = HoldWord(*(full[at] if at == place else 0 for at in range(len(full))))
        assert unpack(pack(alone)) == alone, name


def test_the_kernel_reads_a_word_as_it_is_written() -> None:
    """Each part that a hold is opened with, its bits counted once in Python and once in the kernel."""
    word = HoldWord(86_400, 2, 5, 3, 1, 25, 127, 1)
    rows, decisions = empty_rows(3), np.zeros((3, DECISION_WORDS), np.int64)
    rows[:, Col.KIND] = [Kind.TRANSFER, Kind.CONFIRMATION, Kind.LOGIN]
    rows[:, Col.SEQ], rows[:, Col.RECEIVED_MS], rows[:, Col.CUSTOMER] = [7, 8, 9], NOW_MS, 77
    rows[:, Col.AMOUNT_FEN], rows[:, Col.VERIFICATION], rows[:, Col.OUTCOME] = 1_234, 5, Outcome.SUSPEND
    decisions[0, Word.HOLD] = pack(word)  # the confirmation refers to nothing, and the login opens nothing
    holds = Holds()
    holds.take(rows, decisions)
    hold = holds.get(7)
    assert holds.open_count == 1 and hold.state is HoldState.WAITING and hold.kind is Outcome.SUSPEND
    assert (hold.customer, hold.amount_fen, hold.verification) == (77, 1_234, 5)
    assert hold.until_ms - hold.opened_ms == 86_400 * 1_000 and hold.opened_ms == hold.changed_ms == NOW_MS
    assert hold.escalation_ms == 25 * HOUR_MS
    assert (hold.expiry, hold.failures_left, hold.strength) == (word.expiry, word.failures_max, word.strength)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (('expiry = "refuse" ', 'expiry = "release" '), "holds.challenge.expiry"),
        (('lasts = "15m"', 'lasts = "15"'), "holds.challenge.lasts"),
        (('escalated = "24h"', ""), "holds.suspend.escalated"),
        (("failures_max = 3", "failures_max = 16"), "holds.challenge.failures_max"),
        (("strength = 2 ", "strength = 0 "), "holds.challenge.strength"),
        (("[holds.delay]", "[holds.postpone]"), "postpone"),
        (('["li", "wang"]', '"li"'), "rights[0].people"),
        (("together_fen_max = 50_000", "together_fen_max = 500"), "rights[0].together_fen_max"),
        (('outcomes = ["suspend"]', 'outcomes = ["block"]'), "rights[1].outcomes"),
    ],
)
def test_a_wrong_treatment_is_refused_by_name(change: tuple[str, str], named: str) -> None:
    """The key at fault is in the message."""
    text = (default_treatment() + PEOPLE).replace(*change)
    assert text != default_treatment() + PEOPLE
    with pytest.raises(DefinitionError) as refused:
        read_treatment(text)
    assert named in refused.value.detail
