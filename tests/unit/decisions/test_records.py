"""What is written to the journal is read back, as views where it matters, and damage is noticed."""

from __future__ import annotations

import time
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarim.base.errors import Damaged
from tarim.decisions.domain import DECISION_WORDS, Beside, Grounds
from tarim.decisions.records import (
    Control,
    RecordKind,
    Versions,
    decode_control,
    decode_events,
    encode_control,
    encode_events,
    encode_side,
    events_bytes,
)
from tarim.stream import ROW_WORDS
from tests.fakes.decisions import FakeRecord

VERSIONS = Versions("f", "r", "")
NOTES = st.none() | st.dictionaries(st.sampled_from(["order_id", "legal_basis"]), st.text(max_size=8), max_size=2)


def _record(count: int, side: bytes, seed: int = 0) -> tuple[FakeRecord, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = rng.integers(-(2**63), 2**63 - 1, (count, ROW_WORDS))
    decisions = rng.integers(-(2**63), 2**63 - 1, (count, DECISION_WORDS))
    payload = b"".join(encode_events(rows, decisions, side))
    assert len(payload) == events_bytes(count, DECISION_WORDS, len(side))
    return FakeRecord(7, count, RecordKind.EVENTS, memoryview(payload)), rows, decisions


@given(
    st.lists(st.tuples(st.text(max_size=5), st.sampled_from(["a", "b"]), NOTES, st.none() | st.binary()), min_size=1)
)
def test_a_group_is_read_back(described: list[tuple[str, str, dict[str, str] | None, bytes | None]]) -> None:
    """Arrays and side table, whatever is shared or missing."""
    ids, sources, notes, sealed = (list(column) for column in zip(*described, strict=True))
    shared: list[MappingProxyType[str, str] | None] = [
        None if each is None else MappingProxyType(each) for each in notes
    ]
    side = encode_side(VERSIONS, ids, sources, shared, sealed, [(5, b"x")])
    record, rows, decisions = _record(len(ids), side)
    events = decode_events(record)
    assert np.array_equal(events.rows, rows) and np.array_equal(events.decisions, decisions)
    table = events.side
    assert (table.versions, table.event_ids, table.orphans) == (VERSIONS, ids, [(5, b"x")])
    for index in range(len(ids)):
        assert table.source(index) == sources[index]
        assert table.note(index) == notes[index]
        assert (table.sealed[index] if table.sealed else None) == (sealed[index] or None) or sealed[index] == b""


def test_equal_notes_are_kept_once() -> None:
    """A thousand events that share one set of notes cost it once."""
    note = MappingProxyType({"legal_basis": "contract"})
    side = encode_side(VERSIONS, ["e"] * 1000, ["s"] * 1000, [note] * 1000, [None] * 1000)
    assert len(side) < 2_100


@pytest.mark.parametrize("cut", [0, 10, 16, 300, -1])
def test_a_cut_record_is_damaged(cut: int) -> None:
    """Wherever it ends too early."""
    record, _, _ = _record(2, encode_side(VERSIONS, ["a", "b"], ["s", "s"], [None, None], [None, None]))
    with pytest.raises(Damaged):
        decode_events(FakeRecord(7, 2, RecordKind.EVENTS, record.payload[:cut]))


def test_a_side_table_of_another_length_is_damaged() -> None:
    """It would tell one event's story of another."""
    record, _, _ = _record(3, encode_side(VERSIONS, ["a", "b"], ["s", "t"], [None, None], [None, None]))
    with pytest.raises(Damaged):
        _ = decode_events(record).side


def test_a_control_record_is_read_back() -> None:
    """And something else is damaged."""
    control = Control("v", "name", "00ff", 12)
    payload = memoryview(encode_control(control))
    assert decode_control(FakeRecord(0, 1, RecordKind.RULESET, payload)) == control
    with pytest.raises(Damaged):
        decode_control(FakeRecord(0, 1, RecordKind.RULESET, payload[1:]))


def test_bulk_takes_less_than_a_microsecond_an_event() -> None:
    """20,000 events, encoded and decoded with their ids: processor time, the best of five."""
    count = 20_000
    ids, sources = [f"event-{number:08d}" for number in range(count)], ["core"] * count
    best_s = 1.0
    _, rows, decisions = _record(count, b"")
    for _ in range(5):
        begin = time.thread_time()
        side = encode_side(VERSIONS, ids, sources, [None] * count, [None] * count)
        payload = b"".join(encode_events(rows, decisions, side))
        events = decode_events(FakeRecord(0, count, RecordKind.EVENTS, memoryview(payload)))
        assert events.side.event_ids[-1] == ids[-1]
        best_s = min(best_s, time.thread_time() - begin)
    assert best_s / count < 2e-6, f"{best_s / count * 1e6:.2f} microseconds"


@pytest.mark.parametrize("models", [0, 3])
def test_grounds_are_read_back_beside_the_scores_of_challengers(models: int) -> None:
    """What events were judged on is found by the event; one without has none; an index beyond the record is damage."""
    rng = np.random.default_rng(3)
    versions = Versions("f", "r", "m", tuple((f"c{k}", 0) for k in range(models - 1)))
    side = encode_side(versions, ["a", "b", "c"], ["s"] * 3, [None] * 3, [None] * 3)
    rows, decisions = np.ones((3, ROW_WORDS), np.int64), np.ones((3, DECISION_WORDS), np.int64)
    grounds = Grounds(np.array([0, 2], np.uint32), rng.random((2, 5)))
    scores = rng.random((3, models)).astype(np.float32)
    beside = Beside(np.array([0, 2, 1], np.uint8), scores) if models else None

    def read(kept: Grounds):
        payload = b"".join(encode_events(rows, decisions, side, beside, kept))
        assert len(payload) == events_bytes(3, DECISION_WORDS, len(side), models, 2, 5)
        return decode_events(FakeRecord(7, 3, RecordKind.EVENTS, memoryview(payload)))

    events = read(grounds)
    assert events.side.event_ids == ["a", "b", "c"] and np.array_equal(events.decisions, decisions)
    assert events.grounds is not None and events.grounds.of_event(1) is None and events.grounds.of_event(3) is None
    assert np.array_equal(events.grounds.of_event(2), grounds.features[1])
    assert (events.beside is not None) == bool(models)
    if models:
        assert np.array_equal(events.beside.scores, scores)
    for wrong in ([0, 3], [2, 0], [1, 1]):
        with pytest.raises(Damaged, match="grounds"):
            read(Grounds(np.array(wrong, np.uint32), grounds.features))
