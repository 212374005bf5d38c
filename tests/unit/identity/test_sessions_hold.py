"""A session is not ended by a busy machine: requests at once, peers that are gone, sign-ins elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tarim.base.errors import NotAllowed, TarimError, Unavailable
from tarim.identity import Visitor
from tests.fakes.identity import OFFICE, House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = House.at(tmp_path)
    yield opened
    opened.close()


def test_many_requests_at_once_some_from_peers_that_are_gone_leave_the_session_as_it_is(house: House) -> None:
    """A peer that broke off before its connection was taken has no address any more: that is told, and is no theft."""
    token = house.signed(house.administrators()[0]).token
    gone = Visitor("", OFFICE.agent)

    def ask(number: int) -> TarimError | None:
        try:
            house.directory.caller_of_session(token, OFFICE if number % 5 else gone)
        except TarimError as error:
            return error
        return None

    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(ask, range(200)))
    assert all(isinstance(error, Unavailable) for error in found[::5])
    assert all(error is None for number, error in enumerate(found) if number % 5)
    assert "identity.alarm.theft" not in house.trail.acts()


def test_a_session_without_a_network_is_not_taken_from_one_with_it(house: House) -> None:
    """The other way round it is theft as ever: a session of no network (a local socket) that turns up on one."""
    person = house.administrators()[0]
    token = house.signed(person, Visitor("", "cli")).token
    house.directory.caller_of_session(token, Visitor("", "cli"))
    with pytest.raises(NotAllowed):
        house.directory.caller_of_session(token, Visitor("203.0.113.9", "cli"))
    assert "identity.alarm.theft" in house.trail.acts()


def test_of_too_many_sessions_the_one_not_used_for_longest_ends(house: House) -> None:
    """Whoever works in the first session all day keeps it, however often the person signs in elsewhere."""
    person = house.administrators()[0]
    first, second = house.signed(person), house.signed(person)
    for _ in range(8):
        house.clock.move(minutes=1)
        house.directory.caller_of_session(first.token, OFFICE)
        house.signed(person)
    house.directory.caller_of_session(first.token, OFFICE)
    with pytest.raises(NotAllowed):
        house.directory.caller_of_session(second.token, OFFICE)


def test_a_request_that_waited_does_not_set_back_when_a_session_was_used(house: House) -> None:
    from tarim.identity.adapters import doorway

    signed = house.signed(house.administrators()[0])
    now_ms = house.clock.now_ms()
    with house.office.database.writing() as connection:
        for at_ms in (now_ms + 60_000, now_ms + 1_000):
            doorway.saw_session(connection, signed.session.id, at_ms)
        found = doorway.session_of_id(connection, signed.session.id)
    assert found is not None and found.seen_ms == now_ms + 60_000
