"""The decisions' journal is looked at beside its writer: opened when it is there, by one thread at a time, and let go."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tarim.base.errors import Unavailable
from tarim.bootstrap.journal_looking import JournalLook
from tests.fakes.desk import DecisionsWritten


def test_it_is_there_once_it_is_written_and_shows_what_comes_later_too(tmp_path: Path) -> None:
    look = JournalLook(tmp_path / "journal")
    assert not look.there
    with pytest.raises(Unavailable, match="not there yet"), look.looking():
        pass
    with DecisionsWritten(tmp_path / "journal") as written:
        first = written.decided(event_id="e-1")
        with look.looking() as (log, records):
            assert (log.durable_seq, records.decided(first).event_id) == (first + 1, "e-1")
        second = written.decided(event_id="e-2")
        with look.looking() as (again, records):
            assert again is log, "the files stay open"
            assert records.decided(second).event_id == "e-2"
    look.close()
    look.close()
    with look.looking() as (anew, records):
        assert anew is not log and records.decided(first).event_id == "e-1"
    look.close()


def test_one_thread_looks_at_a_time_and_a_failed_look_lets_the_next_one_in(tmp_path: Path) -> None:
    look = JournalLook(tmp_path / "journal")
    with DecisionsWritten(tmp_path / "journal") as written:
        written.tick(5)
    in_turn = threading.Event()

    def other() -> None:
        with look.looking():
            in_turn.set()

    thread = threading.Thread(target=other)
    with pytest.raises(ZeroDivisionError), look.looking():
        thread.start()
        assert not in_turn.wait(0.05)
        raise ZeroDivisionError
    assert in_turn.wait(10)
    thread.join()
    look.close()
