"""Files on the desk: from coming in to the end, on both databases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tarim.api.containment_watch import ContainmentWatch
from tarim.base.errors import Conflict, DefinitionError, NotAllowed, NotFound
from tarim.records import differences
from tarim.redress import Filter, Link, RedressBook
from tarim.redress.domain import complaint_events as complaint
from tarim.redress.domain import dispute, fund, hold, roster
from tarim.redress.domain import loss_events as loss
from tarim.redress.domain.files import AddNote, Approve, IllegalStep, Reject, Withdraw
from tests.fakes.desk import contents, rebuilt
from tests.fakes.redress import DECIDER, OTHER, READ, START_MS, WORK, WORKER, House, house, person

CUSTOMER = 2**63 + 12345
COMPLAINT = complaint.Take(
    complaint.ComplaintKind.COMPLAINT,
    complaint.Channel.HOTLINE,
    complaint.Category.BLOCKED_PAYMENT,
    "我的转账被拦截 my transfer was blocked",
    "13800001111",
    START_MS,
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """What is not about SQL is tried on one database."""
    return f"sqlite:///{tmp_path / 'records.db'}"


def agree(at: House, file_id: str, who: object = DECIDER) -> None:
    at.redress.act(who, file_id, Approve(at.redress.show(who, file_id).digest))  # type: ignore[arg-type]


def test_a_complaint_goes_its_way_within_its_clocks_and_comes_back_the_same(tmp_path: Path, database_url: str) -> None:
    with house(tmp_path, database_url) as at:
        shifts = [roster.Shift("li.na", START_MS - 1, START_MS + 10**9)]
        at.redress.open(OTHER, "roster", roster.Open(shifts), department="fraud-desk")
        file_id = at.redress.open(WORKER, "complaint", COMPLAINT, customer=CUSTOMER)
        shown = at.redress.show(WORKER, file_id)
        assert (shown.department, shown.owner, shown.branch) == ("fraud-desk", "li.na", "head-office")
        assert [(each.kind, each.due_at) for each in shown.clocks] == [
            ("complaint-handling", "2026-06-10T10:00:00.000Z"),
            ("complaint-answer", "2026-06-16T16:00:00.000Z"),
        ]
        assert "13800001111" not in repr(shown) and shown.content["contact"] == "***"
        for event in (
            complaint.Assign("li.na", "fraud-desk"),
            complaint.Contacted(complaint.Channel.PHONE, "spoke to her"),
            complaint.Understand("wants it released"),
            complaint.PauseClock("waits for the partner bank"),
        ):
            at.later(1)
            at.redress.act(WORKER, file_id, event)
        assert at.redress.show(WORKER, file_id).clocks[0].standing == "paused"
        at.later(24)
        for event in (
            complaint.ResumeClock(),
            complaint.FindCause(complaint.Cause.RULE, "too strict"),
            complaint.Ask("operations", "change the rule?"),
            complaint.Replied("operations", "done"),
            complaint.Settle(True, "released, apology"),
            complaint.Answer(complaint.Channel.PHONE, "told her"),
            complaint.Refer("中国支付清算协会", "2026-77"),
            complaint.Object("not content"),
        ):
            at.redress.act(WORKER, file_id, event)
        shown = at.redress.show(WORKER, file_id)
        assert shown.state == "understanding" and len(shown.clocks) == 4
        assert [each.standing for each in shown.clocks] == ["met", "met", "running", "running"]
        assert [step.event for step in shown.history][:3] == ["take", "assign", "contact"]
        assert all(step.person and step.owner and step.at for step in shown.history)
        before = at.desk.read(lambda connection: contents(connection, [RedressBook()])).result()
        text = dict(at.redress.reveal(OTHER, file_id, START_MS, 60_000))
        assert text["contact"] == "13800001111" and text["entries[0].text"] == "spoke to her"
    with house(tmp_path, database_url) as at:
        assert at.desk.read(lambda connection: contents(connection, [RedressBook()])).result() == before


def test_rebuilt_tables_are_equal_and_as_the_migrations_make_them(tmp_path: Path, database_url: str) -> None:
    with house(tmp_path, database_url) as at:
        file_id = at.redress.open(WORKER, "complaint", COMPLAINT)
        at.redress.act(WORKER, file_id, complaint.Assign("li.na", "fraud-desk"))
        loss_id = at.redress.open(WORKER, "loss", loss.Open(100, "lost", START_MS), customer=CUSTOMER)
        at.redress.act(WORKER, loss_id, loss.Decide([loss.Fault.MODEL], 0, "missed"))
        before = at.desk.read(lambda connection: contents(connection, [RedressBook()])).result()
        with at.desk._shelf.database.reading() as connection:
            assert differences(connection, [RedressBook().migrations]) == []
    assert rebuilt(tmp_path, database_url, [RedressBook()]) == before


def test_a_loss_is_made_good(tmp_path: Path, database_url: str) -> None:
    with house(tmp_path, database_url) as at:
        reserve = at.redress.open(OTHER, "fund", fund.Open(fund.FundKind.RESERVE, "风险准备金", "acc-1", START_MS - 1))
        at.redress.act(WORKER, reserve, fund.Add(70_000, "book-1"))
        agree(at, reserve)
        file_id = at.redress.open(WORKER, "loss", loss.Open(80_000, "lost", START_MS), customer=CUSTOMER)
        assert file_id == "LOSS-2026-000001"
        assert [each.id for each in at.reviews.incomplete_losses(WORKER)] == [file_id]
        at.redress.act(WORKER, file_id, loss.Recover(loss.Step.RECALL, 15_000))
        with pytest.raises(DefinitionError, match="compensated in full"):
            at.redress.act(WORKER, file_id, loss.Decide([loss.Fault.MODEL], 5_000, "half"))
        at.redress.act(WORKER, file_id, loss.Decide([loss.Fault.MODEL], 0, "the model missed it"))
        with pytest.raises(IllegalStep, match="second person"):
            at.redress.act(WORKER, file_id, loss.Recover(loss.Step.FREEZE))
        with pytest.raises(NotAllowed, match="no scope"):
            agree(at, file_id, WORKER)
        agree(at, file_id)
        shown = at.redress.show(WORKER, file_id)
        assert shown.content["owed_fen"] == 65_000
        assert shown.content["liability"]["author"] == "li.na" and shown.content["liability"]["approver"] == "wang.wei"
        with pytest.raises(IllegalStep, match="still owed 65000"):
            at.redress.act(WORKER, file_id, loss.Settle())
        with pytest.raises(DefinitionError, match="65000 fen are still owed"):
            at.redress.act(DECIDER, file_id, loss.Pay(reserve, 65_001, "pay-1"))
        at.redress.act(DECIDER, file_id, loss.Pay(reserve, 65_000, "pay-1"))
        assert at.redress.show(WORKER, reserve).content["left_fen"] == 5_000
        at.redress.act(WORKER, file_id, loss.Settle())
        with pytest.raises(IllegalStep, match="decision, containment missing"):
            at.redress.act(WORKER, file_id, loss.Close())
        with pytest.raises(DefinitionError, match="not in force"):
            at.redress.act(WORKER, file_id, loss.Contain("no_such_rule"))
        at.redress.act(WORKER, file_id, loss.Contain("new_payee"))
        at.redress.act_inner(WORKER, file_id, Link(at.redress.parts.decisions.link(3)))
        at.redress.act(WORKER, file_id, loss.Close())
        agree(at, file_id)
        shown = at.redress.show(WORKER, file_id)
        assert shown.state == "closed" and shown.content["missing"] == [] and shown.possible == ["note"]
        assert shown.content["decision"]["model"] == "model-1"
        assert at.reviews.incomplete_losses(WORKER) == []


def test_a_rule_that_leaves_the_ruleset_is_told_of_every_loss_it_contained(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tarim.redress.reviews.FILES_MAX", 2)  # several pages of losses
    with house(tmp_path, url) as at:
        ids = [
            at.redress.open(WORKER, "loss", loss.Open(100 + n, "lost", START_MS), customer=CUSTOMER) for n in range(5)
        ]
        for file_id in ids[:4]:
            at.redress.act(WORKER, file_id, loss.Contain("new_payee"))
        at.redress.act(WORKER, ids[3], loss.Contain("many_transfers"))
        watch = ContainmentWatch(at.reviews)
        assert at.reviews.lapsed_rules(WORKER) == [] and watch.look() == 0
        at.decisions.rules = frozenset({"many_transfers"})
        found = at.reviews.lapsed_rules(WORKER)
        assert [(each.id, each.rule, each.person) for each in found] == [
            (each, "new_payee", "li.na") for each in ids[:3]
        ]
        assert watch.look() == 3, "the fourth has another rule, the fifth never had one"
        at.decisions.rules = frozenset()
        assert watch.look() == 4
        with pytest.raises(NotAllowed):
            at.reviews.lapsed_rules(person("zhang.san"))


def test_a_fund_pays_only_what_it_has(tmp_path: Path, url: str) -> None:
    with house(tmp_path, url) as at:
        policy = at.redress.open(
            OTHER, "fund", fund.Open(fund.FundKind.POLICY, "保单", "P1", START_MS, START_MS + 10**6)
        )
        at.redress.act(WORKER, policy, fund.Add(500, "b"))
        agree(at, policy)
        lost = at.redress.open(WORKER, "loss", loss.Open(1_000, "lost", START_MS), customer=CUSTOMER)
        at.redress.act(WORKER, lost, loss.Decide([loss.Fault.CUSTOMER, loss.Fault.CRIMINAL], 3_333, "shared"))
        agree(at, lost)
        assert at.redress.show(WORKER, lost).content["owed_fen"] == 667  # the broken fen is the customer's
        with pytest.raises(IllegalStep, match="500 fen left"):
            at.redress.act(DECIDER, lost, loss.Pay(policy, 667, "p"))
        with pytest.raises(NotFound, match="fund"):
            at.redress.act(DECIDER, lost, loss.Pay(lost, 1, "p"))
        at.later(1)
        with pytest.raises(IllegalStep, match="not valid today"):
            at.redress.act(DECIDER, lost, loss.Pay(policy, 100, "p"))
        assert at.redress.show(WORKER, lost).content["paid_fen"] == 0


def test_nobody_is_the_second_person_of_his_own_wish(tmp_path: Path, url: str) -> None:
    with house(tmp_path, url) as at:
        lost = at.redress.open(OTHER, "loss", loss.Open(1_000, "lost", START_MS), customer=CUSTOMER)
        at.redress.act(OTHER, lost, loss.Decide([loss.Fault.RULE], 0, "x"))
        with pytest.raises(NotAllowed, match="another person"):
            agree(at, lost, OTHER)
        with pytest.raises(NotAllowed, match="another person"):
            at.redress.act(OTHER, lost, Reject("no"))
        with pytest.raises(Conflict, match="other content"):
            at.redress.act(DECIDER, lost, Approve("0" * 64))
        at.redress.act(OTHER, lost, Withdraw())
        with pytest.raises(IllegalStep, match="nothing"):
            agree(at, lost)
        at.redress.act(WORKER, lost, loss.Decide([loss.Fault.RULE], 0, "x"))
        alias = person("li.na.2", READ, *DECIDER.scopes)
        with pytest.raises(NotAllowed, match="another person"):
            agree(at, lost, alias)
        at.redress.act(DECIDER, lost, Reject("not the rule"))
        assert at.redress.show(WORKER, lost).state == "open"


def test_disputes_and_requests_hold_the_customer_until_two_release(tmp_path: Path, url: str) -> None:
    with house(tmp_path, url) as at:
        assert not at.redress.is_held(CUSTOMER)
        claim = dispute.Open(dispute.Forum.LAWSUIT, "某法院", "(2026)1号", "第12条", 80_000, "claims", START_MS)
        file_id = at.redress.open(WORKER, "dispute", claim, customer=CUSTOMER)
        assert at.redress.is_held(CUSTOMER) and not at.redress.is_held(1)
        (held,) = at.redress.listed(WORKER, Filter("hold", customer=CUSTOMER), 10)
        at.redress.act(WORKER, file_id, dispute.Defend("we say no"))
        at.redress.act(WORKER, file_id, dispute.Rule(70_000, True, "judgment"))
        with pytest.raises(DefinitionError, match="final"):
            at.redress.act(WORKER, file_id, dispute.Appeal("again"))
        with pytest.raises(DefinitionError, match="70000 fen are owed"):
            at.redress.act(WORKER, file_id, dispute.Settle("done"))
        at.redress.act(WORKER, file_id, dispute.ReturnMoney(70_000, "book-9"))
        agree(at, file_id)
        at.redress.act(WORKER, file_id, dispute.Settle("done"))
        agree(at, file_id)
        at.redress.act(WORKER, file_id, dispute.Close())
        at.redress.act(WORKER, held.id, hold.Release("over"))
        assert at.redress.is_held(CUSTOMER)
        agree(at, held.id)
        assert not at.redress.is_held(CUSTOMER)


def test_what_is_not_ones_business_is_not_there(tmp_path: Path, database_url: str) -> None:
    with house(tmp_path, database_url) as at:
        file_id = at.redress.open(WORKER, "complaint", COMPLAINT, branch="hangzhou")
        stranger = person("chen.yu", READ, WORK, branches=frozenset({"beijing"}))
        with pytest.raises(NotAllowed, match="another branch"):
            at.redress.open(stranger, "complaint", COMPLAINT, branch="hangzhou")
        clerk = replace(stranger, queues=frozenset({"counter"}))
        taken = at.redress.open(clerk, "complaint", COMPLAINT, branch="beijing")
        with pytest.raises(NotFound):
            at.redress.show(clerk, taken)  # it is the fraud desk's by now
        shown = at.redress.act(stranger, taken, complaint.Assign("li.na", "operations"))
        assert shown.department == "operations"
        with pytest.raises(NotFound):
            at.redress.show(stranger, file_id)
        with pytest.raises(NotFound):
            at.redress.act(stranger, file_id, AddNote("hello"))
        assert [each.id for each in at.redress.listed(stranger, Filter("complaint"), 10)] == [taken]
        assert len(at.redress.listed(WORKER, Filter("complaint"), 10)) == 2
        with pytest.raises(NotAllowed, match="requests:"):
            at.redress.listed(stranger, Filter("request"), 10)
        with pytest.raises(NotAllowed, match="reveal"):
            at.redress.reveal(WORKER, file_id, START_MS, 60_000)
        with pytest.raises(NotAllowed, match="sign in again"):
            at.redress.reveal(OTHER, file_id, START_MS + 60_001, 60_000)
        with pytest.raises(NotAllowed, match="by itself"):
            at.redress.act(OTHER, file_id, Link(at.redress.parts.decisions.link(3)))


def test_files_are_listed_in_the_order_they_came_and_by_pages(tmp_path: Path, database_url: str) -> None:
    with house(tmp_path, database_url) as at:
        ids = []
        for _ in range(5):
            ids.append(at.redress.open(WORKER, "loss", loss.Open(1, "x", at.clock.at_ms), customer=CUSTOMER))
            at.later(1)
        first = at.redress.listed(WORKER, Filter("loss"), 3)
        assert [each.id for each in first] == ids[:3]
        last = at.redress.files(WORKER, Filter("loss"), 3)[-1][1]
        assert [
            each.id for each in at.redress.listed(WORKER, Filter("loss", after=(last.opened_ms, last.id)), 3)
        ] == ids[3:]
        assert at.redress.listed(WORKER, Filter("loss", ended=True), 3) == []
        assert at.redress.listed(WORKER, Filter("loss", waits=True), 3) == []
