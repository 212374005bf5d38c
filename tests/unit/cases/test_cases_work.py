"""Cases from the first alert to the second person."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarim.base.errors import Conflict, DefinitionError, NotAllowed, NotFound
from tarim.cases import SamePerson, Wish
from tarim.cases.adapters.tables import MIGRATIONS
from tarim.cases.domain.restriction import Basis, Measure
from tarim.cases.domain.review import Finding, Trait, Verdict, VerdictCause
from tarim.cases.service import contents, lifecycle, money
from tarim.decisions import Cause, HoldState
from tarim.identity import Scope
from tarim.records import differences
from tarim.stream import Outcome
from tests.fakes.cases import CaseRoom, a_caller, a_decision, a_hold

RIGHT = Finding(Verdict.RIGHT, VerdictCause.CONFIRMED_BY_CUSTOMER, (Trait.SCREEN_SHARED,))
WRONG = Finding(Verdict.WRONG, VerdictCause.CUSTOMER_MADE_IT)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Empty tables, made once."""
    path = tmp_path_factory.mktemp("cases") / "empty.db"
    CaseRoom(f"sqlite:///{path}", path.parent).database.close()
    return path


@pytest.fixture
def room(empty: Path, tmp_path: Path) -> Iterator[CaseRoom]:
    shutil.copy(empty, tmp_path / "records.db")
    made = CaseRoom(f"sqlite:///{tmp_path / 'records.db'}", tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def either(database_url: str, tmp_path: Path) -> Iterator[CaseRoom]:
    made = CaseRoom(database_url, tmp_path)
    yield made
    made.database.close()


def _work_through(room: CaseRoom, worker: str = "li.na", wish: Wish = Wish.CLOSE) -> None:
    room.follow(a_decision(1))
    room.do(worker, lifecycle.assign, worker)
    room.do(worker, lifecycle.start)
    room.do(worker, contents.review, 1, RIGHT, "customer called back")
    room.do(worker, lifecycle.submit, wish, "all looked at")


def test_the_migrations_make_the_tables(either: CaseRoom) -> None:
    with either.database.reading() as connection:
        assert differences(connection, [MIGRATIONS]) == []


def test_alerts_of_a_customer_and_scenario_are_one_case_and_others_another(room: CaseRoom) -> None:
    room.follow(a_decision(1), a_decision(2), a_decision(3, scenario="mule"), a_decision(4, customer=8))
    assert room.count() == 3
    case = room.case()
    assert (case.alerts, case.unreviewed, case.money_fen, case.priority) == (2, 2, 16_000_000, 1)
    assert case.queue == "fraud" and case.branch == "head-office" and case.version == 2
    assert room.case("CASE-2026-000002").queue == "aml"


def test_a_payment_tried_again_is_a_repeat_and_its_money_counts_once(room: CaseRoom) -> None:
    first = a_decision(1, payee=5)
    again = a_decision(2, payee=5, occurred_ms=first.occurred_ms + 60_000)
    later = a_decision(3, payee=5, occurred_ms=first.occurred_ms + 3_600_000)
    room.follow(first, again)
    room.follow(later)
    case = room.case()
    assert (case.alerts, case.unreviewed, case.money_fen) == (3, 2, 16_000_000)
    room.do("li.na", lifecycle.assign, "li.na")
    room.do("li.na", lifecycle.start)
    with pytest.raises(Conflict, match="repeats 1"):
        room.do("li.na", contents.review, 2, RIGHT, "why")
    acts = room.do("li.na", contents.review, 1, RIGHT, "why")
    assert [(act.kind, act.subject) for act in acts[1:]] == [("desk.label", "1"), ("desk.label", "2")]


def test_where_the_journal_is_cut_changes_nothing(either: CaseRoom, tmp_path: Path) -> None:
    decisions = [
        a_decision(seq, customer=seq % 3 + 1, scenario=("mule", "safe_account")[seq % 2], payee=seq % 4)
        for seq in range(1, 25)
    ]
    facts = [fact for each in decisions for fact in (each, a_hold(each, each.seq, HoldState.WAITING))]
    facts += [a_hold(each, 30, HoldState.REFUSED, Cause.DENIED) for each in decisions[:5]]
    either.follow(*facts)
    other = CaseRoom(f"sqlite:///{tmp_path / 'other.db'}", tmp_path)
    for at in range(0, len(facts), 7):
        other.follow(*facts[at : at + 7])
    assert other.tables() == either.tables()
    other.database.close()


def test_a_case_closes_by_a_second_person_only(room: CaseRoom) -> None:
    room.people.same = [{"li.na", "lina2"}]
    _work_through(room)
    for name in ("li.na", "lina2"):
        with pytest.raises(SamePerson):
            room.do(name, lifecycle.approve, "fine", version=room.case().version)
    with pytest.raises(Conflict, match="look again"):
        room.do("wang.wei", lifecycle.approve, "fine", version=room.case().version - 1)
    with pytest.raises(DefinitionError, match="version"):
        room.do("wang.wei", lifecycle.approve, "fine")
    room.do("wang.wei", lifecycle.approve, "fine", version=room.case().version)
    assert (room.case().state, room.case().done) == ("closed", 1)
    room.do("li.na", lifecycle.ask_reopen, "the customer wrote")
    with pytest.raises(SamePerson):
        room.do("li.na", lifecycle.decide_reopen, True, "yes", version=room.case().version)
    room.do("wang.wei", lifecycle.decide_reopen, True, "yes", version=room.case().version)
    assert (room.case().state, room.case().done) == ("reopened", 0)


def test_who_worked_on_it_before_somebody_else_took_it_is_no_second_person(room: CaseRoom) -> None:
    room.follow(a_decision(1))
    room.do("zhao.min", lifecycle.assign, "zhao.min")
    room.do("zhao.min", lifecycle.start)
    room.do(a_caller("chief", Scope.CASES_ASSIGN), lifecycle.assign, "li.na")
    room.do("li.na", lifecycle.start)
    room.do("li.na", contents.review, 1, RIGHT, "why")
    room.do("li.na", lifecycle.submit, Wish.REPORT, "report it")
    with pytest.raises(SamePerson):
        room.do("zhao.min", lifecycle.approve, "fine", version=room.case().version)
    room.do("wang.wei", lifecycle.approve, "fine", version=room.case().version)
    assert room.case().state == "reported" and room.case().reported_ms


def test_a_case_with_an_unreviewed_alert_is_not_submitted(room: CaseRoom) -> None:
    room.follow(a_decision(1), a_decision(2))
    room.do("li.na", lifecycle.assign, "li.na")
    room.do("li.na", lifecycle.start)
    room.do("li.na", contents.review, 1, RIGHT, "why")
    with pytest.raises(Conflict, match="1 alerts without a verdict"):
        room.do("li.na", lifecycle.submit, Wish.CLOSE, "done")


def test_a_new_alert_sends_a_submitted_case_back_and_a_closed_one_stays(room: CaseRoom) -> None:
    _work_through(room)
    room.follow(a_decision(2))
    assert (room.case().state, room.case().wish, room.case().unreviewed) == ("returned", "", 1)
    room.do("li.na", contents.review, 2, WRONG, "known payee")
    room.do("li.na", lifecycle.submit, Wish.CLOSE, "now all")
    room.do("wang.wei", lifecycle.approve, "fine", version=room.case().version)
    room.follow(a_decision(3))
    assert room.case().state == "closed" and room.count() == 2
    with room.database.reading() as connection:
        assert room.means.reading.links(connection, 2) == {1}


def test_a_verdict_becomes_a_label_and_takes_the_money_out_of_risk(room: CaseRoom) -> None:
    room.follow(a_decision(1))
    room.do("li.na", lifecycle.assign, "li.na")
    room.do("li.na", lifecycle.start)
    acts = room.do("li.na", contents.review, 1, WRONG, "he knows the payee")
    assert [act.kind for act in acts] == ["cases.review", "desk.label"]
    assert acts[1].body == {"source": "mobile-bank", "event_id": "E-1", "fraud": False}
    assert (room.case().money_fen, room.case().unreviewed, room.case().due_ms) == (0, 0, 0)
    undecided = Finding(Verdict.UNDECIDED, VerdictCause.CUSTOMER_NOT_REACHED)
    assert len(room.do("li.na", contents.review, 1, undecided, "not sure any more")) == 1
    with pytest.raises(DefinitionError, match="goes with"):
        Finding(Verdict.RIGHT, VerdictCause.RULE_TOO_WIDE)


def test_money_is_released_by_two_and_refused_by_one(room: CaseRoom) -> None:
    room.follow(a_decision(1), a_decision(2))
    room.do("li.na", lifecycle.assign, "li.na")
    room.do("li.na", lifecycle.start)
    with pytest.raises(Conflict, match="nobody has asked"):
        room.do("wang.wei", money.approve_release, 1, "fine")
    room.do("li.na", money.ask_release, 1, "customer stands by it")
    with pytest.raises(SamePerson):
        room.do("li.na", money.approve_release, 1, "fine")
    room.do("wang.wei", money.approve_release, 1, "fine")
    room.do("li.na", money.refuse_payment, 2, "he was deceived")
    with pytest.raises(Conflict, match="ordered already"):
        room.do("li.na", money.refuse_payment, 1, "no")
    room.follow(a_hold(a_decision(1), 9, HoldState.RELEASED, Cause.RELEASED_BY_PERSON))
    room.do(a_caller("tarim"), money.order_failed, 2, "the hold is over")
    with room.database.reading() as connection:
        released, refused = (room.means.reading.alert(connection, seq) for seq in (1, 2))
    assert (released.hold, released.risk_fen, refused.ordered) == ("released", 0, "")
    with pytest.raises(Conflict, match="not held"):
        room.do("li.na", money.ask_release, 1, "again")


def test_a_customer_is_restricted_by_two_with_the_law_named(room: CaseRoom) -> None:
    room.follow(a_decision(1))
    room.do("li.na", lifecycle.assign, "li.na")
    room.do("li.na", lifecycle.start)
    with pytest.raises(DefinitionError, match="aml_law allows"):
        room.do("li.na", money.restrict, Measure.STOP_ALL, Basis.AML_LAW, "Art. 38", "refuses to answer")
    with pytest.raises(DefinitionError, match="article"):
        room.do("li.na", money.restrict, Measure.LIMIT_ONLINE, Basis.AML_LAW, " ", "refuses to answer")
    number = room.do("li.na", money.restrict, Measure.LIMIT_ONLINE, Basis.AML_LAW, "Art. 38", "refuses to answer")[
        0
    ].seq
    with pytest.raises(SamePerson):
        room.do("li.na", money.decide_restriction, number, True, "yes")
    room.do("wang.wei", money.decide_restriction, number, True, "yes")
    room.do("wang.wei", money.ask_lift, number, "he has answered")
    with pytest.raises(SamePerson):
        room.do("wang.wei", money.decide_lift, number, True, "yes")
    room.do("li.na", money.decide_lift, number, True, "yes")
    with room.database.reading() as connection:
        assert room.means.reading.restriction(connection, number).state == "lifted"


def test_a_case_out_of_scope_is_not_there(room: CaseRoom) -> None:
    room.follow(a_decision(1))
    stranger = a_caller("sun.li", branches={"hangzhou"})
    for wanted in (lifecycle.start, lifecycle.unlock):
        with pytest.raises(NotFound, match="no case CASE-2026-000001"):
            room.do(stranger, wanted)
    with pytest.raises(NotFound, match="no case CASE-2026-000009"):
        room.do("li.na", lifecycle.start, ref="CASE-2026-000009")


def test_only_who_has_a_case_works_on_it_and_a_lock_holds(room: CaseRoom) -> None:
    room.follow(a_decision(1))
    room.do("li.na", lifecycle.assign, "li.na")
    with pytest.raises(NotAllowed, match="not yours"):
        room.do("wang.wei", lifecycle.start)
    with pytest.raises(NotAllowed, match="cases:assign"):
        room.do("wang.wei", lifecycle.assign, "wang.wei")
    room.people.absent = {"gone"}
    with pytest.raises(DefinitionError, match="does not work"):
        room.do(a_caller("chief", Scope.CASES_ASSIGN), lifecycle.assign, "gone")
    room.do("li.na", lifecycle.start)
    room.do("li.na", lifecycle.lock, 30)
    for command, args in ((lifecycle.unlock, ()), (lifecycle.assign, ("wang.wei",)), (lifecycle.escalate, ("why",))):
        with pytest.raises(Conflict, match="is locked by"):
            room.do(a_caller("chief", Scope.CASES_ASSIGN), command, *args)
    room.now_ms += 31 * 60_000
    room.do("li.na", lifecycle.escalate, "beyond me")
    assert (room.case().state, room.case().assignee, room.case().lock_person) == ("escalated", "", "")
    with pytest.raises(SamePerson):
        room.do(a_caller("chief", Scope.CASES_ASSIGN), lifecycle.assign, "li.na")


def test_a_new_score_updates_an_open_case(room: CaseRoom) -> None:
    room.follow(a_decision(1, outcome=Outcome.BLOCK, amount_fen=100_000))
    assert room.case().priority == 4
    room.do("model-desk", contents.rescore, 1, 0.97, "m2")
    assert (room.case().priority, room.case().score_ppm) == (3, 970_000)


def test_refilled_tables_are_equal(either: CaseRoom, tmp_path: Path) -> None:
    _work_through(either)
    either.do("li.na", contents.note, "seen 13812345678")
    either.do("li.na", contents.tag, "urgent", on=True)
    either.do("li.na", contents.follow_up, either.now_ms + 1, "ask again")
    again = CaseRoom(f"sqlite:///{tmp_path / 'again.db'}", tmp_path)
    with again.database.writing() as connection:
        for each in either.log:
            if hasattr(each, "facts"):
                again.book.follow(connection, each)
            else:
                again.book.apply(connection, each)
    assert again.tables() == either.tables()
    again.database.close()
