"""The trail in SQLite and PostgreSQL: numbers without gaps, search, anchors, exports, and letting go."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from tarim.audit import (
    MIGRATIONS,
    AnchorFile,
    Exports,
    Keeper,
    Query,
    Recorder,
    Result,
    Store,
    chained_of,
    examine,
)
from tarim.base.errors import Conflict, Damaged, DefinitionError, NotAllowed, NotFound, Unavailable
from tarim.base.instants import DAY_MS
from tarim.records import Database, differences
from tests.fakes.audit import SEAL, ListTrail, chain, entry
from tests.fakes.clock import FakeClock
from tests.fakes.records import database_url, postgresql  # noqa: F401  fixtures


class Room:
    """A trail with all that belongs to it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.clock = FakeClock(1_760_000_000_000)
        self.store = Store(Database.open(url, [MIGRATIONS]))
        self.keeper = Keeper(self.store, AnchorFile(folder / "anchors"), SEAL, self.clock)
        self.exports = Exports(self.keeper, self.clock)

    def sql(self, statement: str) -> None:
        with self.store.database.writing() as connection:
            assert connection.execute(text(statement)).rowcount


@pytest.fixture
def room(database_url: str, tmp_path: Path):  # noqa: F811
    made = Room(database_url, tmp_path)
    yield made
    made.store.database.close()


def test_tables_are_what_the_scripts_make(room: Room) -> None:
    with room.store.database.reading() as connection:
        assert differences(connection, [MIGRATIONS]) == []


def test_entries_come_back_in_their_chain(room: Room) -> None:
    assert room.store.record_all([entry(number) for number in range(1, 6)]) == [1, 2, 3, 4, 5]
    assert list(room.store.read()) == chain(5)
    assert list(room.store.read(2, 3)) == chain(5)[1:3]
    assert room.store.head().seq == 5 and room.store.at(6) is None


def test_many_writers_leave_no_gap_and_one_chain(room: Room) -> None:
    """Eight threads with connections of their own, as eight processes would."""

    def write() -> None:
        for number in range(1, 11):
            room.store.record(entry(number))

    threads = [threading.Thread(target=write) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    found = room.keeper.examine()
    assert found.report.sound and (found.report.entries, found.report.last_seq) == (80, 80)


def test_search_narrows_and_pages(room: Room) -> None:
    room.store.record_all([entry(number, act="a_b" if number % 2 else "axb") for number in range(1, 21)])
    first = room.store.search(Query(limit=5))
    assert [each.seq for each in first] == [20, 19, 18, 17, 16]
    assert [each.seq for each in room.store.search(Query(limit=2, below_seq=16))] == [15, 14]
    wanted = {
        Query(who="lin.wei"): {3, 6, 9, 12, 15, 18},
        Query(act="a_*"): set(range(1, 21, 2)),
        Query(act="axb", result=Result.DONE, limit=3): {20, 18, 16},
        Query(objects=("proposal:00000007", "proposal:00000008")): {7, 8},
        Query(address="10.1.0.4"): {4},
        Query(session=f"{5:012x}"): {5},
        Query(since_ms=entry(4).at_ms, until_ms=entry(6).at_ms): {4, 5},
    }
    for query, numbers in wanted.items():
        assert {each.seq for each in room.store.search(query)} == numbers, query
    with pytest.raises(DefinitionError):
        Query(limit=501)


def test_anchors_are_written_when_something_came(room: Room) -> None:
    assert room.keeper.anchor() is None
    room.store.record_all([entry(1), entry(2)])
    first = room.keeper.anchor()
    assert first is not None and first.seq == 2 and room.keeper.anchor() == first
    room.store.record(entry(3))
    assert room.keeper.anchor() is not None and [each.seq for each in room.keeper.anchors.read()] == [2, 3]
    assert room.keeper.examine().report.anchored_seq == 3


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE audit_entries SET digest = before WHERE seq = 3",
        "DELETE FROM audit_entries WHERE seq = 3",
        "UPDATE audit_head SET seq = 2",
    ],
)
def test_an_anchor_is_not_written_over_a_trail_that_is_not_the_anchored_one(room: Room, harm: str) -> None:
    room.store.record_all([entry(number) for number in range(1, 4)])
    room.keeper.anchor()
    room.sql(harm)
    with pytest.raises(Damaged):
        room.keeper.anchor()
    assert not room.keeper.examine().report.sound


@pytest.mark.parametrize(
    ("harm", "at"),
    [
        ("UPDATE audit_entries SET detail = '{' WHERE seq = 4", 4),
        ("UPDATE audit_entries SET result = 'perhaps' WHERE seq = 4", 4),
        ("UPDATE audit_entries SET at_ms = at_ms + 1 WHERE seq = 5", 5),
        ("UPDATE audit_entries SET seq = 99 WHERE seq = 6", 6),
        ("UPDATE audit_entries SET seq = -6 WHERE seq = 6", 6),
        ("DELETE FROM audit_entries WHERE seq = 2", 2),
        ("DELETE FROM audit_entries WHERE seq > 5", 6),
        ("DELETE FROM audit_head WHERE seq = 8", 8),
    ],
)
def test_harm_done_by_sql_is_found_where_it_was_done(room: Room, harm: str, at: int) -> None:
    room.store.record_all([entry(number) for number in range(1, 9)])
    room.sql(harm)
    faults = room.keeper.examine().report.faults
    assert any(fault.first <= at <= fault.last for fault in faults), faults


def test_a_lost_mark_of_the_end_is_not_papered_over(room: Room) -> None:
    room.store.record(entry(1))
    room.sql("DELETE FROM audit_head WHERE seq = 1")
    with pytest.raises(Damaged):
        room.store.record(entry(2))


def test_acts_begun_without_an_outcome_are_named(room: Room) -> None:
    room.store.record_all(
        [
            entry(1, result=Result.INTENDED),
            entry(2, result=Result.INTENDED),
            entry(3, result=Result.DONE, detail={"intent": 1}),
        ]
    )
    assert [each.seq for each in room.keeper.examine().unfinished] == [2]


def test_an_export_needs_another_person_and_checks_by_itself(room: Room) -> None:
    room.store.record_all([entry(number) for number in range(1, 8)])
    asked = room.exports.propose(2, 6, "lin.wei", "审计取证")
    with pytest.raises(NotAllowed):
        room.exports.lines(asked.proposal.id)
    with pytest.raises(NotAllowed):
        room.exports.approve(asked.proposal.id, "lin.wei", asked.proposal.digest)
    with pytest.raises(Conflict):
        room.exports.approve(asked.proposal.id, "chen.jie", "0" * 64)
    done = room.exports.approve(asked.proposal.id, "chen.jie", asked.proposal.digest)
    assert len(done.lines_sha256) == 64
    lines = room.exports.lines(asked.proposal.id)
    assert [chained_of(line) for line in lines] == chain(7)[1:6]
    assert [chained_of(line).seq for line in room.exports.lines(asked.proposal.id, 5)] == [5, 6]
    with pytest.raises(Conflict):
        room.exports.reject(asked.proposal.id, "zhou.min", "late")
    with pytest.raises(NotFound):
        room.exports.propose(2, 9, "lin.wei", "too far")


def test_an_export_of_other_entries_than_were_asked_for_is_refused(room: Room) -> None:
    room.store.record_all([entry(1), entry(2)])
    asked = room.exports.propose(1, 2, "lin.wei", "审计取证")
    room.sql("UPDATE audit_entries SET digest = before WHERE seq = 2")
    with pytest.raises(Damaged):
        room.exports.approve(asked.proposal.id, "chen.jie", asked.proposal.digest)


def test_what_is_over_is_dropped_behind_a_bridge(room: Room) -> None:
    """Only when it is old enough, exported with a second person, and anchored; the rest stays a chain."""
    room.store.record_all([entry(number) for number in range(1, 11)])
    cut_ms = entry(7).at_ms

    def drop(export_id: str, before_ms: int = cut_ms) -> None:
        room.exports.drop(export_id, before_ms, "zhou.min", keep_days_min=200)

    asked = room.exports.propose(1, 6, "lin.wei", "到期")
    with pytest.raises(DefinitionError):
        drop(asked.proposal.id)
    room.clock.at_ms += 201 * DAY_MS
    with pytest.raises(Conflict):
        drop(asked.proposal.id)
    room.exports.approve(asked.proposal.id, "chen.jie", asked.proposal.digest)
    with pytest.raises(Conflict):
        drop(asked.proposal.id)
    room.keeper.anchor()
    with pytest.raises(Conflict):
        drop(asked.proposal.id, entry(9).at_ms)
    drop(asked.proposal.id)
    assert [each.seq for each in room.store.read()] == [7, 8, 9, 10]
    assert room.keeper.examine().report.sound
    room.store.record(entry(11))
    assert room.keeper.anchor().seq == 11
    assert room.keeper.examine().report.sound
    asked = room.exports.propose(7, 9, "lin.wei", "到期")
    room.exports.approve(asked.proposal.id, "chen.jie", asked.proposal.digest)
    drop(asked.proposal.id, entry(9).at_ms)
    found = room.keeper.examine()
    assert found.report.sound and found.report.first_seq == 9
    room.sql("DELETE FROM audit_bridges WHERE first_seq = 7")
    faults = room.keeper.examine().report.faults
    assert (faults[0].kind, faults[0].first, faults[0].last) == ("removed", 7, 8)


def test_a_forged_bridge_is_found(room: Room) -> None:
    room.store.record_all([entry(number) for number in range(1, 4)])
    forged = (
        '{"at_ms":1,"before":"","export":"x","first_seq":1,"format":1,"head":"","key":"","last_seq":2,'
        '"lines_sha256":"","signature":"00","who":"x"}'
    )
    with room.store.database.writing() as connection:
        connection.execute(text("INSERT INTO audit_bridges VALUES (1, :bridge)"), {"bridge": forged})
        connection.execute(text("DELETE FROM audit_entries WHERE seq < 3"))
    assert {fault.kind for fault in room.keeper.examine().report.faults} == {"anchor", "removed"}


def test_a_copy_of_the_anchors_finds_what_was_cut_with_the_anchors_file(room: Room) -> None:
    """Who empties the folder of anchors as well is found by those who kept one."""
    room.store.record_all([entry(number) for number in range(1, 6)])
    kept = room.keeper.anchor()
    assert kept is not None
    room.sql("DELETE FROM audit_entries WHERE seq > 3")
    digest = chain(3)[2].digest.hex()
    literal = f"X'{digest}'" if room.store.database.kind == "sqlite" else f"decode('{digest}', 'hex')"
    room.sql(f"UPDATE audit_head SET seq = 3, digest = {literal}")
    room.keeper.anchors.path.unlink()
    assert room.keeper.examine().report.sound
    assert [(fault.kind, fault.first) for fault in room.keeper.examine([kept]).report.faults] == [("truncated", 4)]


def test_anchors_of_others_and_broken_files_are_told(room: Room) -> None:
    room.store.record(entry(1))
    made = room.keeper.anchor()
    assert made is not None
    forged = made.__class__(made.seq, made.head, made.at_ms + 1, made.key, made.signature)
    assert [fault.kind for fault in room.keeper.examine([forged]).report.faults] == ["anchor"]
    room.keeper.anchors.path.write_bytes(b"not an anchor\n")
    with pytest.raises(Damaged):
        room.keeper.examine()


def test_a_recorder_writes_for_many_and_says_when_it_cannot() -> None:
    trail = ListTrail()
    recorder = Recorder(trail, waiting_entries_max=1_000, group_entries_max=16)
    futures = [recorder.submit(entry(number)) for number in range(1, 101)]
    assert sorted(future.result(5) for future in futures) == list(range(1, 101))
    trail.trouble = Unavailable("disk full")
    with pytest.raises(Unavailable):
        recorder.submit(entry(1)).result(5)
    trail.trouble = ValueError("13812345678")
    with pytest.raises(Unavailable) as trouble:
        recorder.submit(entry(1)).result(5)
    assert "138" not in trouble.value.detail
    trail.trouble = None
    last = recorder.submit(entry(2))
    recorder.close()
    assert last.result(0) == 101
    with pytest.raises(Unavailable):
        recorder.submit(entry(3))


def test_an_examination_of_nothing_is_sound(room: Room) -> None:
    assert room.keeper.examine().report.sound
    assert examine([], [], [], room.store.head(), SEAL).sound
