"""Orders about held payments: told until the decisions' journal says what became of them, and put back when refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from tarim.base.errors import InputError, Unavailable
from tarim.cases import OrderSender
from tarim.cases.service import lifecycle, money
from tarim.decisions import Cause, HoldState
from tests.fakes.cases import REF, CaseRoom, a_decision, a_hold


class Desk:
    """A desk over a room."""

    def __init__(self, room: CaseRoom) -> None:
        self._room = room

    def read(self, look: Callable[[Any], Any]) -> Future[Any]:
        found: Future[Any] = Future()
        with self._room.database.reading() as connection:
            found.set_result(look(connection))
        return found

    def perform(self, person: str, command: Callable[[Any], Any]) -> Any:
        return self._room.perform(person, command)


class Link:
    """Takes messages, or raises."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def post(self, path: str, message: dict[str, Any]) -> None:
        if self.error is not None:
            raise self.error
        assert path == "/v1/holds:order"
        self.taken.append(message)


def test_an_order_goes_out_once_and_again_after_a_restart_and_comes_back_when_refused(tmp_path: Path) -> None:
    room, link = CaseRoom(f"sqlite:///{tmp_path / 'records.db'}", tmp_path), Link()
    room.follow(a_decision(1), a_decision(2))
    room.do("li.na", lifecycle.assign, "li.na")
    room.do("li.na", lifecycle.start)

    def new_sender() -> OrderSender:
        return OrderSender(Desk(room), link, room.means, 1.0)  # type: ignore[arg-type]

    sender = new_sender()
    room.do("li.na", money.ask_release, 1, "he stands by it")
    assert sender.send() == 0
    room.do("wang.wei", money.approve_release, 1, "agreed")
    room.do("li.na", money.refuse_payment, 2, "he was deceived")
    link.error = Unavailable("not now")
    with pytest.raises(Unavailable):
        sender.send()
    link.error = None
    assert (sender.send(), sender.send()) == (2, 0)
    expected = {"source": "mobile-bank", "event_id": "E-1", "verdict": "release", "people": ["li.na", "wang.wei"]}
    assert link.taken[0] == expected | {"reason": f"case {REF}"}
    assert (link.taken[1]["verdict"], link.taken[1]["people"]) == ("refuse", ["li.na"])
    room.follow(a_hold(a_decision(1), 9, HoldState.RELEASED, Cause.RELEASED_BY_PERSON))
    again = new_sender()
    link.error = InputError("409: no role of li.na may decide")
    assert again.send() == 0
    with room.database.reading() as connection:
        released, refused = (room.means.reading.alert(connection, seq) for seq in (1, 2))
    assert (released.hold, released.ordered, refused.hold, refused.ordered) == ("released", "release", "waiting", "")
    assert room.acts[-1].kind == "cases.order_failed"
    assert again.send() == 0
    room.database.close()
