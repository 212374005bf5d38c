"""The ledger keeps both journals and the tables in step, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from tarim.base.errors import Conflict, Damaged, InputError, RecordedNotShown, TooLarge, Unavailable
from tarim.desk import MIGRATIONS, Draft, Once
from tarim.desk.adapters.tables import HOLDS, POSITION
from tarim.desk.ledger import Asked, Ledger
from tarim.desk.position import read_position
from tarim.journal import Journal
from tarim.records import Database, differences
from tarim.stream import Outcome
from tests.fakes.clock import FakeClock
from tests.fakes.desk import SMALL, DecisionsWritten, contents, open_shelf
from tests.fakes.diary import ALERTS, Diary, note, notes


def open_ledger(folder: Path, url: str, books: list[Diary], clock: FakeClock) -> Ledger:
    """A ledger over its own shelf."""
    return Ledger(open_shelf(folder, url, books), clock)


def one(ledger: Ledger, person: str, command: object, once: Once | None = None) -> object:
    """The answer to one command."""
    return ledger.perform([Asked(person, command, once)])[0]  # type: ignore[arg-type]


def test_the_scripts_make_the_tables_that_the_code_expects(database_url: str) -> None:
    with Database.open(database_url, [MIGRATIONS, Diary.migrations]) as database, database.reading() as connection:
        assert differences(connection, [MIGRATIONS, Diary.migrations]) == []


def test_dropping_every_table_and_filling_it_again_gives_equal_tables(tmp_path: Path, database_url: str) -> None:
    clock, books = FakeClock(), [Diary()]
    with DecisionsWritten(tmp_path / "journal") as written:
        ledger = open_ledger(tmp_path, database_url, books, clock)
        for round_ in range(6):
            held = written.decided(outcome=Outcome.SUSPEND, rules=[0], hold_s=600, customer=-round_ - 1)
            written.group([{}, {"outcome": Outcome.CHALLENGE, "rules": [1], "hold_s": 60}, {}])
            if round_ % 2:
                ledger.shelf.follow()
            clock.at_ms += 1_000
            key = Once.of(f"round-{round_:03}", {"round": round_})
            assert isinstance(
                one(ledger, "li.na", note(f"n{round_}", sealed=ledger.shelf.texts.seal(7, "老人")), key), tuple
            )
            written.confirmed(held, customer=-round_ - 1)
            written.label(held, fraud=bool(round_ % 3))
        written.tick(written.at_ms + 3_600_000)
        written.overridden(1, Outcome.BLOCK)
        ledger.shelf.catch_up()
        with ledger.shelf.database.reading() as connection:
            before = contents(connection, books)
            assert [alerts for _, alerts in notes(connection)] == [0, 4, 4, 8, 8, 12], (
                "follow was called every other time"
            )
        ledger.shelf.rebuild()
        with ledger.shelf.database.reading() as connection:
            assert contents(connection, books) == before
        ledger.shelf.close()
    assert len(before["diary_alerts"]) == 12 and len(before["desk_answers"]) == 6
    assert before["desk_holds"] == [], "confirmed, or over"


def test_where_the_following_is_cut_changes_nothing(tmp_path: Path, database_url: str) -> None:
    books = [Diary()]
    with DecisionsWritten(tmp_path / "journal") as written:
        for place in range(20):
            seq = written.decided(outcome=Outcome(1 + place % 5), rules=[place % 2], hold_s=300 * (place % 3))
            if place % 4 == 1:
                written.label(seq, fraud=True)
            if place % 5 == 2:
                written.refused(seq, "wang.wei") if place % 3 else written.overridden(seq, Outcome.PASS)
    ledger = open_ledger(tmp_path, database_url, books, FakeClock())
    while ledger.shelf.follow(events_max=1):
        pass
    with ledger.shelf.database.reading() as connection:
        cut = contents(connection, books)
    ledger.shelf.rebuild()
    with ledger.shelf.database.reading() as connection:
        assert contents(connection, books) == cut
        assert len(connection.execute(select(HOLDS)).all()) > 0
    ledger.shelf.close()


def test_a_refused_command_leaves_no_trace_and_the_others_of_its_group_go_on(tmp_path: Path, database_url: str) -> None:
    ledger = open_ledger(tmp_path, database_url, [Diary()], FakeClock())
    answers = ledger.perform(
        [
            Asked("li.na", note("a")),
            Asked("li.na", note("a")),  # noted already: it sees what was done before it in the group
            Asked("li.na", note("b", broken=True)),  # the book cannot apply it
            Asked("li.na", lambda _connection: [Draft("no kind", "x", {})]),
            Asked("li.na", lambda _connection: [Draft("diary.noted", "x", {"long": "x" * 300_000})]),
            Asked("li.na", lambda connection: connection.exec_driver_sql("SELECT nothing FROM nowhere")),
            Asked("li.na", note("c")),
        ]
    )
    kinds = [type(answer) for answer in answers]
    assert kinds[:2] == [tuple, Conflict] and kinds[2] is RuntimeError and kinds[4] is TooLarge and kinds[6] is tuple
    assert ledger.shelf.journal.durable_seq == 2
    with ledger.shelf.database.reading() as connection:
        assert [subject for subject, _ in notes(connection)] == ["a", "c"]
    ledger.shelf.close()


def test_the_same_key_gives_the_first_answer_and_other_content_is_a_conflict(tmp_path: Path, database_url: str) -> None:
    clock = FakeClock()
    ledger = open_ledger(tmp_path, database_url, [Diary()], clock)
    first = one(ledger, "li.na", note("a"), Once.of("key-00001", {"n": 1}))
    clock.at_ms += 5_000
    again = ledger.perform(
        [
            Asked("li.na", note("a"), Once.of("key-00001", {"n": 1})),
            Asked("li.na", note("b"), Once.of("key-00002", {"n": 2})),
            Asked("li.na", note("b"), Once.of("key-00002", {"n": 2})),  # in one group, not durable yet
            Asked("li.na", note("c"), Once.of("key-00001", {"n": 3})),
            Asked("wang.wei", note("c"), Once.of("key-00001", {"n": 1})),  # another person's key
        ]
    )
    assert again[0] == first and again[1] == again[2] and isinstance(again[4], tuple)
    assert isinstance(again[3], Conflict)
    assert ledger.shelf.journal.durable_seq == 3
    with pytest.raises(InputError):
        Once.of("short", {})
    ledger.shelf.close()


def test_what_is_recorded_and_was_not_committed_is_applied_before_anything_else(
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = open_ledger(tmp_path, database_url, [Diary()], FakeClock())
    one(ledger, "li.na", note("a"))
    write = "tarim.desk.ledger.write_position"

    def lost(_connection: Connection, _position: object) -> None:
        raise Unavailable("the database does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(write, lost)
        once = Once.of("key-00001", {})
        refused, recorded, nothing = ledger.perform(
            [Asked("li.na", note("a")), Asked("li.na", note("b"), once), Asked("li.na", lambda _connection: [])]
        )
        assert isinstance(refused, Conflict) and isinstance(recorded, RecordedNotShown)
        assert isinstance(nothing, Unavailable) and not isinstance(nothing, RecordedNotShown)
    with ledger.shelf.database.reading() as connection:
        assert [subject for subject, _ in notes(connection)] == ["a"]
    again = one(ledger, "li.na", note("b"), once)
    assert isinstance(again, tuple) and again[0].subject == "b"
    assert isinstance(one(ledger, "li.na", note("b")), Conflict)
    assert ledger.shelf.journal.durable_seq == 2
    ledger.shelf.close()


def test_a_journal_that_fails_refuses_everything_until_it_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    ledger = open_ledger(tmp_path, url, [Diary()], FakeClock())
    one(ledger, "li.na", note("a"))

    def fails(_fd: int) -> None:
        raise OSError(5, "the disk")

    with monkeypatch.context() as patched:
        patched.setattr("os.fdatasync", fails)
        with pytest.raises(Unavailable, match="stopped"):
            one(ledger, "li.na", note("b"))
    with pytest.raises(Unavailable, match="stopped"):
        one(ledger, "li.na", note("c"))
    assert "stopped" in ledger.broken and ledger.shelf.follow() == 0, "reading goes on"
    with ledger.shelf.database.reading() as connection:
        assert notes(connection) == [("a", 0)], "what is not durable is not shown"
    ledger.shelf.journal._release()
    ledger.shelf.texts.close()
    ledger.shelf.database.close()
    again = open_ledger(tmp_path, url, [Diary()], FakeClock())
    again.shelf.catch_up()
    with again.shelf.database.reading() as connection:
        assert [subject for subject, _ in notes(connection)] == ["a", "b"], "the bytes were there: it happened"
    again.shelf.close()


def test_a_desk_that_died_catches_up_from_its_journal(tmp_path: Path, database_url: str) -> None:
    """The tables are put back to where they were before the last acts, as a power cut may leave them."""
    clock, books = FakeClock(), [Diary()]
    with DecisionsWritten(tmp_path / "journal") as written:
        ledger = open_ledger(tmp_path, database_url, books, clock)
        written.decided(outcome=Outcome.BLOCK, rules=[0])
        ledger.shelf.follow()
        one(ledger, "li.na", note("a"))
        ledger.shelf.close()
        old = {}
        if database_url.startswith("sqlite"):
            path = Path(database_url.removeprefix("sqlite:///"))
            old = {path: path.read_bytes()}
        ledger = open_ledger(tmp_path, database_url, books, clock)
        written.decided(outcome=Outcome.BLOCK, rules=[0])
        ledger.shelf.follow()
        one(ledger, "li.na", note("b"))
        written.decided(outcome=Outcome.BLOCK, rules=[0])
        ledger.shelf.catch_up()
        with ledger.shelf.database.reading() as connection:
            whole = contents(connection, books)
        ledger.shelf.close()
        for path, content in old.items():
            path.write_bytes(content)
        ledger = open_ledger(tmp_path, database_url, books, clock)
        ledger.shelf.catch_up()
        with ledger.shelf.database.reading() as connection:
            assert contents(connection, books) == whole
            assert notes(connection) == [("a", 1), ("b", 2)]
        ledger.shelf.close()


def test_tables_of_another_journal_are_refused(tmp_path: Path, database_url: str) -> None:
    ledger = open_ledger(tmp_path / "one", database_url, [Diary()], FakeClock())
    one(ledger, "li.na", note("a"))
    ledger.shelf.close()
    other = open_ledger(tmp_path / "other", database_url, [Diary()], FakeClock())
    with pytest.raises(Damaged, match="rebuild"):
        other.shelf.catch_up()
    one_act = Journal.open(tmp_path / "third" / "desk" / "journal", SMALL)
    one_act.append(1, [b"x"], 1)
    one_act.close()
    other.shelf.rebuild()
    with other.shelf.database.reading() as connection:
        assert notes(connection) == []
    other.shelf.close()
    third = open_ledger(tmp_path / "third", database_url, [Diary()], FakeClock())
    with pytest.raises(Damaged):
        third.shelf.catch_up()
    third.shelf.close()


def test_acts_wait_for_the_positions_they_rest_on(tmp_path: Path) -> None:
    """Rebuilt without the decisions' journal there is nothing to interleave with: it is said, not guessed."""
    url = f"sqlite:///{tmp_path / 'records.db'}"
    with DecisionsWritten(tmp_path / "journal") as written:
        written.decided(outcome=Outcome.BLOCK)
        ledger = open_ledger(tmp_path, url, [Diary()], FakeClock())
        ledger.shelf.follow()
        one(ledger, "li.na", note("a"))
        ledger.shelf.close()
    (tmp_path / "journal").rename(tmp_path / "gone")
    ledger = open_ledger(tmp_path, url, [Diary()], FakeClock())
    with pytest.raises(Unavailable, match="position 1"):
        ledger.shelf.rebuild()
    ledger.shelf.close()


def test_the_clock_of_acts_never_goes_back(tmp_path: Path) -> None:
    clock = FakeClock()
    ledger = open_ledger(tmp_path, f"sqlite:///{tmp_path / 'records.db'}", [Diary()], clock)
    one(ledger, "li.na", note("a"))
    clock.at_ms -= 60_000
    (act,) = one(ledger, "li.na", note("b"))  # type: ignore[misc]
    assert act.at_ms == clock.at_ms + 60_000
    with ledger.shelf.database.reading() as connection:
        assert read_position(connection).acts_seq == 2
        assert len(connection.execute(select(POSITION)).all()) == 1
        assert connection.execute(select(ALERTS)).all() == []
    ledger.shelf.close()
