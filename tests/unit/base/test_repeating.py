"""What is done again and again waits longer while it fails, says each trouble once, and ends when it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from tarim.base import repeating
from tarim.base.errors import Unavailable
from tarim.base.repeating import Repeater

ROUNDS = 7


class Waits:
    """In the place of the closing event: notes how long each wait would be, and closes after `ROUNDS` of them."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        return len(self.seconds) > ROUNDS


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    waits = Waits()
    monkeypatch.setattr(repeating, "Event", lambda: waits)
    return waits


def repeater(work: Callable[[], object], retry_s_max: float = 3.0) -> Repeater:
    return Repeater("test-labels", work, every_s=0.5, retry_s_max=retry_s_max, log="tarim.test", waits="labels wait")


def ran(work: Callable[[], object], retry_s_max: float = 3.0) -> Repeater:
    made = repeater(work, retry_s_max)
    made.start()
    made._thread.join(10)
    return made


def test_it_waits_twice_as_long_after_each_failure_up_to_the_most_and_as_at_first_after_a_success(waits: Waits):
    outcomes = iter([None, *[Unavailable("no answer")] * 4, None, None])

    def work() -> None:
        error = next(outcomes)
        if error is not None:
            raise error

    assert ran(work).trouble == ""
    assert waits.seconds == [0.5, 0.5, 1.0, 2.0, 3.0, 3.0, 0.5, 0.5]


def test_a_trouble_is_said_once_until_it_is_another_one_and_a_fault_of_ours_with_its_trace(waits: Waits):
    outcomes = iter(
        [Unavailable("a"), Unavailable("a"), ValueError("personal"), Unavailable("a"), None, Unavailable("a")]
    )

    def work() -> None:
        error = next(outcomes, None)
        if error is not None:
            raise error

    with capture_logs() as logs:
        made = ran(work)
    assert [(entry["event"], entry["trouble"], bool(entry["exc_info"])) for entry in logs] == [
        ("labels wait", "a", False),
        ("labels wait", "ValueError", True),
        ("labels wait", "a", False),
        ("labels wait", "a", False),
    ]
    assert made.trouble == ""


def test_closing_waits_for_the_round_under_way_which_is_told():
    begun, go_on, seen = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        go_on.wait(10)
        seen.append(made.closing)

    made = Repeater("test-labels", work, every_s=0.001, retry_s_max=1.0, log="tarim.test", waits="labels wait")
    made.start()
    assert begun.wait(10) and not made.closing
    closing = threading.Thread(target=made.close)
    closing.start()
    deadline = time.monotonic() + 10
    while not made.closing:
        assert time.monotonic() < deadline, "closing was not asked for"
        time.sleep(0.001)
    assert closing.is_alive(), "the round is not over"
    go_on.set()
    closing.join(10)
    assert not closing.is_alive() and seen == [True]


def test_closing_what_was_never_started_does_nothing():
    made = repeater(lambda: None)
    made.close()
    assert made.closing
