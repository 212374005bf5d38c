"""What every journal promises (JournalWriter, JournalReader), asked of the files and of the fake in memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tarim.base.errors import DefinitionError, NotFound, TarimError, TooLarge, Unavailable
from tarim.journal import Journal, JournalLimits, JournalWriter
from tests.fakes.journal import MemoryJournal

LIMITS = JournalLimits(segment_bytes=16_384, block_bytes_max=4096, index_stride_bytes=512, free_bytes_min=0)

Maker = Callable[[], JournalWriter]


@pytest.fixture(params=["files", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JournalWriter]:
    made: JournalWriter = Journal.open(tmp_path / "j", LIMITS) if request.param == "files" else MemoryJournal(LIMITS)
    yield made
    made.close()


def test_a_new_journal_is_empty(journal: JournalWriter) -> None:
    assert (journal.first_seq, journal.next_seq, journal.durable_seq) == (0, 0, 0)
    assert list(journal.read()) == []


def test_a_record_comes_back_as_it_was_given(journal: JournalWriter) -> None:
    words = array("q", [1, -2, 3])
    assert journal.append(3, [b"ab", bytearray(b"cd"), memoryview(words)], 2) == 0
    assert journal.append(1, [], 1) == 2
    assert journal.commit() == 3
    first, second = journal.read()
    assert first[:3] == (0, 2, 3)
    assert bytes(first.payload) == b"abcd" + words.tobytes()
    assert (second.first_seq, second.count, second.kind, bytes(second.payload)) == (2, 1, 1, b"")
    assert first.next_seq == second.first_seq


def test_only_what_is_committed_is_read(journal: JournalWriter) -> None:
    journal.append(1, [b"one"], 1)
    journal.commit()
    journal.append(1, [b"two"], 1)
    assert [bytes(record.payload) for record in journal.read()] == [b"one"]
    with pytest.raises(NotFound):
        journal.read_at(1)
    assert (journal.durable_seq, journal.next_seq) == (1, 2)
    journal.commit()
    assert [bytes(record.payload) for record in journal.read()] == [b"one", b"two"]


def test_reading_starts_at_the_record_that_holds_the_position(journal: JournalWriter) -> None:
    for index in range(10):
        journal.append(1, [b"%d" % index], 3)
    journal.commit()
    assert [record.first_seq for record in journal.read(13, 20)] == [12, 15, 18]
    assert [record.first_seq for record in journal.read(29)] == [27]
    assert list(journal.read(30)) == []
    assert list(journal.read(12, 12)) == []


def test_every_position_finds_its_record(journal: JournalWriter) -> None:
    expected = {}
    for index in range(120):
        payload = b"%d" % index * (index % 40)
        first_seq = journal.append(1 + index % 5, [payload], 1 + index % 7)
        expected.update(dict.fromkeys(range(first_seq, journal.next_seq), (first_seq, payload)))
    journal.commit()
    for seq, (first_seq, payload) in expected.items():
        record = journal.read_at(seq)
        assert (record.first_seq, bytes(record.payload)) == (first_seq, payload)


def test_a_position_beyond_the_end_is_refused_not_skipped(journal: JournalWriter) -> None:
    journal.append(1, [b"x"], 1)
    journal.commit()
    for act in (lambda: list(journal.read(2)), lambda: journal.read_at(1), lambda: list(journal.read(-1))):
        with pytest.raises(NotFound):
            act()


def test_retention_drops_old_records_and_refuses_to_read_them(journal: JournalWriter) -> None:
    for index in range(200):
        journal.append(1, [b"%3d" % index * 60], 1)
    journal.commit()
    kept = journal.drop_before(100)
    assert 0 < kept <= 100
    assert journal.first_seq == kept
    assert [record.first_seq for record in journal.read(kept)] == list(range(kept, 200))
    with pytest.raises(NotFound):
        list(journal.read(0))
    with pytest.raises(NotFound):
        journal.read_at(kept - 1)
    assert journal.drop_before(0) == kept


@pytest.mark.parametrize(("kind", "count"), [(0, 1), (65536, 1), (1, 0), (1, (1 << 30) + 1)])
def test_kind_and_count_have_limits(journal: JournalWriter, kind: int, count: int) -> None:
    with pytest.raises(DefinitionError):
        journal.append(kind, [b"x"], count)
    assert journal.next_seq == 0


def test_a_record_has_a_largest_size(journal: JournalWriter) -> None:
    journal.append(1, [bytes(4096)], 1)
    with pytest.raises(TooLarge):
        journal.append(1, [bytes(4096), b"x"], 1)
    with pytest.raises(TooLarge):
        journal.reserve(1 << 20)
    assert journal.next_seq == 1


def test_a_closed_journal_refuses_and_closes_twice(journal: JournalWriter) -> None:
    journal.close()
    journal.close()
    acts: list[Callable[[], object]] = [
        lambda: journal.append(1, [b"x"], 1),
        journal.commit,
        lambda: journal.reserve(1),
    ]
    for act in acts:
        with pytest.raises(Unavailable) as caught:
            act()
        assert isinstance(caught.value, TarimError)
        assert "closed" in caught.value.detail


def test_the_fake_forgets_on_a_crash_and_refuses_when_full() -> None:
    journal = MemoryJournal()
    journal.append(1, [b"kept"], 1)
    journal.commit()
    journal.append(1, [b"lost"], 1)
    journal.crash()
    assert [bytes(record.payload) for record in journal.read()] == [b"kept"]
    assert journal.append(1, [b"next"], 1) == 1
    journal.fill()
    with pytest.raises(Unavailable):
        journal.reserve(1)
