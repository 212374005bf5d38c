"""The desk with its threads: many at once, stopping, standing still, and free text."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tarim.base.errors import Conflict, Damaged, NotFound, TooLarge, Unavailable
from tarim.desk import Desk, DeskLimits, Draft, Once
from tarim.stream import Outcome
from tests.fakes.clock import FakeClock
from tests.fakes.desk import DecisionsWritten, contents, open_desk, open_shelf
from tests.fakes.diary import NOTES, Diary, note, notes


def test_many_threads_are_carried_out_one_after_the_other_and_none_is_lost(tmp_path: Path, database_url: str) -> None:
    with DecisionsWritten(tmp_path / "journal") as written, open_desk(tmp_path, database_url, [Diary()]) as desk:
        refused: list[str] = []

        def work(who: int) -> None:
            for turn in range(10):
                try:  # every subject is wanted by two
                    desk.perform(f"person{who}", note(f"n{who // 2}-{turn}"))  # type: ignore[arg-type]
                except Conflict:
                    refused.append(f"n{who // 2}-{turn}")

        threads = [threading.Thread(target=work, args=(who,)) for who in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            written.decided(outcome=Outcome.BLOCK, rules=[0])
        for thread in threads:
            thread.join()
        found = desk.read(notes).result()
        assert sorted(subject for subject, _ in found) == sorted(
            f"n{who}-{turn}" for who in range(4) for turn in range(10)
        )
        assert sorted(refused) == sorted(subject for subject, _ in found)
        while desk.state.behind:
            time.sleep(0.005)
        assert desk.state.acts_seq == 40 and desk.state.followed_seq == 5 and desk.state.trouble == ""
        before = desk.read(lambda connection: contents(connection, [Diary()])).result()
    desk = Desk(open_shelf(tmp_path, database_url, [Diary()]), FakeClock())
    desk.rebuild()
    assert desk.read(lambda connection: contents(connection, [Diary()])).result() == before
    desk.close()


def test_what_waits_when_it_closes_is_carried_out_and_nothing_is_taken_afterwards(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    desk = open_desk(tmp_path, url, [Diary()])
    futures = [desk.submit("li.na", note(f"n{turn}")) for turn in range(50)]  # type: ignore[arg-type]
    desk.close()
    assert all(future.result() for future in futures)
    with pytest.raises(Unavailable):
        desk.submit("li.na", note("late"))  # type: ignore[arg-type]


def test_a_full_queue_refuses_at_once(tmp_path: Path) -> None:
    shelf = open_shelf(tmp_path, f"sqlite:///{tmp_path / 'records.db'}", [Diary()])
    desk = Desk(shelf, FakeClock(), DeskLimits(waiting_max=2, follow_ms=5))
    desk.catch_up()
    desk.start()
    gate = threading.Event()
    begun = threading.Event()

    def slow(_connection: object) -> list[Draft]:
        begun.set()
        gate.wait(5)
        return []

    first = desk.submit("li.na", slow)  # type: ignore[arg-type]
    begun.wait(5)
    waiting = [desk.submit("li.na", note(f"n{turn}")) for turn in range(2)]  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match="wait already"):
        desk.submit("li.na", note("one more"))  # type: ignore[arg-type]
    gate.set()
    assert first.result() == () and all(future.result() for future in waiting)
    desk.close()


def test_a_book_that_fails_stops_the_following_and_says_so_until_it_works_again(tmp_path: Path) -> None:
    diary = Diary()
    url = f"sqlite:///{tmp_path / 'records.db'}"
    with DecisionsWritten(tmp_path / "journal") as written, open_desk(tmp_path, url, [diary]) as desk:
        follow = diary.follow
        diary.follow = lambda _connection, _facts: 1 / 0  # type: ignore[method-assign,assignment,return-value]
        written.decided(outcome=Outcome.BLOCK)
        _wait(lambda: desk.state.trouble == "ZeroDivisionError")
        assert desk.state.behind == 1
        assert desk.perform("li.na", note("people go on")), "what was followed so far is what they see"  # type: ignore[arg-type]
        diary.follow = follow  # type: ignore[method-assign]
        _wait(lambda: desk.state.behind == 0 and desk.state.trouble == "")


def _wait(until: object) -> None:
    for _ in range(6_000):
        if until():  # type: ignore[operator]
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to that")


def test_free_text_is_sealed_found_again_and_destroyed_with_its_customer(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    customer = (1 << 64) - 5
    desk = open_desk(tmp_path, url, [Diary()])
    sealed = desk.texts.seal(customer, "客户称受骗")
    desk.perform("li.na", note("a", text=sealed), Once.of("key-00001", {}))  # type: ignore[arg-type]
    desk.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert "客户称受骗".encode() not in raw
    desk = open_desk(tmp_path, url, [Diary()])
    body = desk.read(lambda connection: connection.execute(NOTES.select()).one().body).result()
    assert desk.texts.open(body["text"]) == "客户称受骗"
    assert desk.texts.open(desk.texts.seal(customer - (1 << 64), "again")) == "again", (
        "signed or not, it is one customer"
    )
    with pytest.raises(Damaged):
        desk.texts.open({**body["text"], "of": 7})
    with pytest.raises(TooLarge):
        desk.texts.seal(customer, "长" * 30_000)
    assert desk.texts.destroy(customer, 1, desk.texts.indexed_seq) == 1
    assert desk.texts.open_or_none(body["text"]) is None
    with pytest.raises(NotFound):
        desk.texts.open(body["text"])
    desk.close()
