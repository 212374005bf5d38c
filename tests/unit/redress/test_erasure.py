"""A customer is deleted by two persons, never under a hold or too early, and exactly once however often it is interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tarim.base.errors import Conflict, DefinitionError, InputError, NotAllowed, NotFound, Unavailable
from tarim.base.instants import DAY_MS
from tarim.identity import Scope
from tarim.redress import Eraser, FileView, RedressBook
from tarim.redress.domain import hold, loss_events
from tarim.redress.domain.erasure import Erase, ErasureBasis, NotErasable, Obstacle, Open, TurnDown
from tarim.redress.domain.files import AddNote, Approve, IllegalStep
from tests.fakes.desk import contents, rebuilt
from tests.fakes.redress import DECIDER, RETENTION_DAYS, START_MS, WORKER, House, house, person

OFFICER = person("li.na", Scope.REDRESS_READ, Scope.ERASURES_WORK)
SECOND = person("wang.wei", Scope.REDRESS_READ, Scope.ERASURES_APPROVE)
CUSTOMER, LONG_AGO_MS = 77, START_MS - (RETENTION_DAYS + 1) * DAY_MS


class Link:
    """The decisions service: takes orders, or does not."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.trouble: Exception | None = None

    def post(self, path: str, message: dict[str, Any]) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.taken.append((path, message))


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, f"sqlite:///{tmp_path / 'records.db'}") as found:
        yield found


def opened(bank: House, ended_ms: int = LONG_AGO_MS) -> str:
    event: Any = Open(ErasureBasis.PERIOD_OVER, "the account was closed", ended_ms)
    return bank.redress.open(OFFICER, "erasure", event, customer=CUSTOMER)


def asked(bank: House, file_id: str) -> FileView:
    event: Any = Erase("nothing is open")
    return bank.redress.act(OFFICER, file_id, event)


def agreed(bank: House) -> str:
    file_id = opened(bank)
    shown = asked(bank, file_id)
    bank.redress.act(SECOND, file_id, Approve(shown.digest))
    return file_id


def state(bank: House, file_id: str) -> str:
    return bank.redress.show(OFFICER, file_id).state


def test_two_persons_and_both_vaults(bank: House):
    written = bank.desk.texts.seal(CUSTOMER, "met at the counter")
    other = bank.desk.texts.seal(78, "somebody else")
    file_id = agreed(bank)
    link = Link()
    assert Eraser(bank.redress, link, 1).carry_out() == 1
    ((path, order),) = link.taken
    assert (path, order["people"], order["through_seq"]) == ("/v1/customers:erase", ["li.na", "wang.wei"], 9)
    assert int(order["customer"], 16) == CUSTOMER
    shown = bank.redress.show(OFFICER, file_id)
    assert shown.state == "erased" and shown.content["desk_keys"] == 1
    assert [each.event for each in shown.history] == ["open", "erase", "approve", "begin", "finish"]
    with pytest.raises(NotFound):
        bank.desk.texts.open(written)
    assert bank.desk.texts.open(other) == "somebody else"
    assert Eraser(bank.redress, link, 1).carry_out() == 0 and len(link.taken) == 1, "exactly once"


def test_the_same_person_under_another_name_is_refused(bank: House):
    file_id = opened(bank)
    digest = asked(bank, file_id).digest
    for name in ("li.na", "li.na.2"):
        both = person(name, Scope.REDRESS_READ, Scope.ERASURES_WORK, Scope.ERASURES_APPROVE)
        with pytest.raises(NotAllowed):
            bank.redress.act(both, file_id, Approve(digest))
    with pytest.raises(Conflict):
        bank.redress.act(SECOND, file_id, Approve("0" * 64))
    for nobody in (WORKER, DECIDER):
        with pytest.raises(NotAllowed):
            bank.redress.act(nobody, file_id, Approve(digest))
    assert Eraser(bank.redress, Link(), 1).carry_out() == 0 and state(bank, file_id) == "requested"


def stand_in_the_way(bank: House, obstacle: Obstacle) -> None:
    match obstacle:
        case Obstacle.LEGAL_HOLD:
            held: Any = hold.Open(hold.Ground.INVESTIGATION, "keep everything")
            bank.redress.open(WORKER, "hold", held, customer=CUSTOMER)
        case Obstacle.RETENTION:
            bank.decisions.newest_ms[CUSTOMER] = LONG_AGO_MS + 2 * DAY_MS
        case Obstacle.OPEN_CASE:
            bank.open_cases[CUSTOMER] = ["CASE-2026-000001"]
        case _:
            loss: Any = loss_events.Open(100, "gone", START_MS - 1)
            bank.redress.open(WORKER, "loss", loss, customer=CUSTOMER)


@pytest.mark.parametrize(
    ("obstacle", "moment"),
    [
        (obstacle, moment)
        for obstacle in (Obstacle.LEGAL_HOLD, Obstacle.RETENTION, Obstacle.OPEN_CASE, Obstacle.OPEN_FILE)
        for moment in ("asked", "approved", "begun")
    ],
)
def test_what_stands_in_the_way_stops_it_at_every_step(bank: House, obstacle: Obstacle, moment: str):
    file_id = opened(bank)
    written = bank.desk.texts.seal(CUSTOMER, "kept")
    if moment == "asked":
        stand_in_the_way(bank, obstacle)
        with pytest.raises(NotErasable) as caught:
            asked(bank, file_id)
        assert caught.value.obstacle is obstacle
        return
    digest = asked(bank, file_id).digest
    if moment == "approved":
        stand_in_the_way(bank, obstacle)
        with pytest.raises(NotErasable):
            bank.redress.act(SECOND, file_id, Approve(digest))
    else:
        bank.redress.act(SECOND, file_id, Approve(digest))
        stand_in_the_way(bank, obstacle)
        link = Link()
        assert Eraser(bank.redress, link, 1).carry_out() == 1 and not link.taken
        shown = bank.redress.show(OFFICER, file_id)
        assert (shown.state, shown.content["obstacle"]) == ("requested", obstacle.value)
    assert bank.desk.texts.open(written) == "kept"


def test_the_very_day_on_which_keeping_ends(bank: House):
    file_id = opened(bank, START_MS - RETENTION_DAYS * DAY_MS + 1)
    with pytest.raises(NotErasable):
        asked(bank, file_id)
    bank.clock.at_ms += 1
    assert asked(bank, file_id).waits_for == "erase"


def test_an_interrupted_deletion_is_finished_and_not_done_twice(bank: House):
    bank.desk.texts.seal(CUSTOMER, "text")
    file_id = agreed(bank)
    link = Link()
    eraser = Eraser(bank.redress, link, 1)
    link.trouble = Unavailable("the decisions service does not answer")
    with pytest.raises(Unavailable):
        eraser.carry_out()
    assert state(bank, file_id) == "erasing"
    link.trouble = None
    begun_ms = bank.redress.find(OFFICER, file_id)[1].begun_ms  # type: ignore[attr-defined]
    assert bank.desk.texts.destroy(CUSTOMER, begun_ms, bank.desk.texts.indexed_seq) == 1, "a desk died right after this"
    fresh = bank.desk.texts.seal(CUSTOMER, "of a new person record")
    assert Eraser(bank.redress, link, 1).carry_out() == 1
    assert bank.redress.show(OFFICER, file_id).content["desk_keys"] == 1
    assert bank.desk.texts.open(fresh) == "of a new person record", "what came afterwards is not destroyed with it"


def test_a_customer_who_came_back_is_not_deleted(bank: House):
    file_id = agreed(bank)
    link = Link()
    link.trouble = InputError("404: Not Found")
    with pytest.raises(InputError):
        Eraser(bank.redress, link, 1).carry_out()
    assert state(bank, file_id) == "erasing", "a service that knows no such order says nothing about the customer"
    link.trouble = InputError("409: the customer has done something since")
    Eraser(bank.redress, link, 1).carry_out()
    shown = bank.redress.show(OFFICER, file_id)
    assert (shown.state, shown.content["obstacle"]) == ("requested", "new-events")


def test_a_deletion_that_is_turned_down_ends_there(bank: House):
    file_id = opened(bank)
    why: Any = TurnDown("the law wants them kept")
    assert bank.redress.act(OFFICER, file_id, why).state == "turned-down"
    with pytest.raises(IllegalStep):
        asked(bank, file_id)
    for unnamed in (0, CUSTOMER):
        wrong: Any = Open(ErasureBasis.REQUEST, "asks", LONG_AGO_MS)  # nobody verified who asks
        with pytest.raises(DefinitionError, match=r"customer|verified"):
            bank.redress.open(OFFICER, "erasure", wrong, customer=unnamed)


def test_the_tables_are_made_again_after_a_deletion(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'records.db'}"
    with house(tmp_path, url) as bank:
        file_id = agreed(bank)
        note: Any = AddNote("told by letter")
        Eraser(bank.redress, Link(), 1).carry_out()
        bank.redress.act(OFFICER, file_id, note)
        before = bank.desk.read(lambda connection: contents(connection, [RedressBook()])).result()
    assert rebuilt(tmp_path, url, [RedressBook()]) == before
