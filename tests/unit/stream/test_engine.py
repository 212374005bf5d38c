"""The engine at its edges: gaps, limits, slots, snapshots that are not whole, outcomes that feed back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tarim.base.errors import Damaged, DefinitionError, Unavailable
from tarim.stream import Col, Condition, Engine, Entity, FeatureSet, Kind, Outcome, Rows, empty_rows
from tests.naive.streams import long_stream

payer = Entity("payer", key="account")
BLOCKED = Condition("blocked", ("outcome", "==", "block"))


def small_set() -> FeatureSet:
    return FeatureSet("small", payer.count("1h"), payer.sum("amount_fen", "1h"), payer.distinct("payee_account", "1h"))


def payments(times_ms: list[int], account: int = 7, first_seq: int = 0) -> Rows:
    rows = empty_rows(len(times_ms))
    rows[:, Col.SEQ] = first_seq + np.arange(len(times_ms))
    rows[:, Col.OCCURRED_MS] = np.array(times_ms) + 1_700_000_000_000
    rows[:, Col.ACCOUNT] = account
    rows[:, Col.PAYEE] = 100 + np.arange(len(times_ms))
    rows[:, Col.KIND] = Kind.TRANSFER
    rows[:, Col.AMOUNT_FEN] = 1_000
    return rows


def features_of(engine: Engine, rows: Rows) -> np.ndarray:
    out = np.empty((len(rows), len(engine.names)))
    engine.process(rows, out)
    return out


def test_a_gap_in_the_positions_is_refused_and_what_came_before_is_taken():
    engine = Engine(small_set(), jit=False)
    rows = payments([0, 1, 2, 3])
    rows[2:, Col.SEQ] += 5
    with pytest.raises(Damaged, match="expects position 2, not 7"):
        engine.process(rows, np.empty((4, 3)))
    assert engine.offset == 2
    engine.pass_over(2, 5)
    assert features_of(engine, rows[2:])[:, 0].tolist() == [3.0, 4.0]


def test_control_records_are_passed_over_only_in_place():
    engine = Engine(small_set(), jit=False)
    with pytest.raises(Damaged):
        engine.pass_over(1)


def test_the_memory_limit_refuses_and_loses_nothing():
    """A full engine says so, and what it has is still right."""
    engine = Engine(small_set(), memory_bytes_max=256 << 10)
    rows = payments(list(range(20_000)))
    rows[:, Col.ACCOUNT] = np.arange(1, 20_001)
    with pytest.raises(Unavailable, match="memory limit of 262,144 bytes"):
        engine.process(rows, np.empty((20_000, 3)))
    assert 0 < engine.offset < 20_000
    assert engine.memory().entities[0].events == engine.offset


def test_a_slot_can_move_to_another_engine():
    """All 256 slots carried over one by one: the new engine goes on as the old one does."""
    features = FeatureSet(
        "moving", payer.count("30ms"), payer.max("amount_fen", "20ms"), payer.distinct("payee_account", "25ms"),
        payer.label_rate("10ms", "2ms"),
    )  # fmt: skip
    stream = long_stream(3, 300, 4)
    rows = stream.rows
    rows[:, Col.SEQ] = np.arange(len(rows))
    old = Engine(features, jit=False, large_lg=3)
    features_of(old, rows[:200])
    new = Engine(features, jit=False, large_lg=3)
    for slot in range(256):
        new.import_slot(old.export_slot(slot))
        assert new.export_slot(slot)[200:] == old.export_slot(slot)[200:]
    np.testing.assert_array_equal(features_of(new, rows[200:].copy()), features_of(old, rows[200:].copy()))
    for slot in range(256):
        old.drop_slot(slot)
    assert old.memory().events_retained == 0


def test_a_slot_of_another_set_is_refused():
    other = Engine(FeatureSet("other", payer.count("2h")), jit=False)
    with pytest.raises(Damaged, match="feature set"):
        Engine(small_set(), jit=False).import_slot(other.export_slot(0))


@pytest.mark.parametrize("harm", ["cut", "flip", "set", "magic"])
def test_a_snapshot_that_is_not_whole_is_refused(tmp_path: Path, harm: str):
    engine = Engine(small_set(), jit=False)
    features_of(engine, payments([0, 1, 2]))
    path = tmp_path / "engine.snapshot"
    engine.snapshot(path)
    content = bytearray(path.read_bytes())
    features = small_set()
    match harm:
        case "cut":
            content = content[:-100]
        case "flip":
            content[len(content) // 2] ^= 1
        case "magic":
            content[0] ^= 1
        case "set":
            features = FeatureSet("other", payer.count("2h"))
    path.write_bytes(content)
    with pytest.raises(Damaged):
        Engine.restore(path, features, jit=False)


def judge(outcomes: Iterator[Outcome], _row: Rows, _features: np.ndarray) -> np.ndarray:
    return np.array([next(outcomes)])


def test_outcomes_of_earlier_events_are_features_of_later_ones():
    """What was decided for an event counts from the next event on, never for itself."""
    features = FeatureSet(
        "fed", payer.count("10ms", where=BLOCKED), payer.sum("amount_fen", "10ms", where=BLOCKED), payer.count("10ms")
    )
    rows = payments([0, 1, 2, 3, 11])
    for large_lg in (1, 8):
        judged = itertools.cycle([Outcome.BLOCK, Outcome.PASS, Outcome.BLOCK, Outcome.PASS, Outcome.PASS])
        engine = Engine(features, jit=False, large_lg=large_lg)
        live = rows.copy()
        out = np.empty((5, 3))
        engine.process(live, out, decide=partial(judge, judged))
        assert out[:, 0].tolist() == [0, 1, 1, 2, 1]
        assert out[:, 1].tolist() == [0, 1_000, 1_000, 2_000, 1_000]
        assert live[:, Col.OUTCOME].tolist() == [5, 0, 5, 0, 0]
        again = np.empty((5, 3))
        Engine(features, jit=False, large_lg=large_lg).process(live.copy(), again)
        np.testing.assert_array_equal(again, out)


def test_a_feature_outside_its_purpose_does_not_compile():
    with pytest.raises(DefinitionError, match="payee_name"):
        payer.distinct("payee_name", "1h")
    with pytest.raises(DefinitionError, match="no field"):
        payer.sum("amount", "1h")


def test_idle_entities_are_forgotten():
    """A month later the customers of the first day take no memory."""
    engine = Engine(FeatureSet("short", payer.count("1h"), lateness="1h"), jit=False)
    rows = payments(list(range(500)))
    rows[:, Col.ACCOUNT] = np.arange(1, 501)
    features_of(engine, rows)
    used = engine.memory()
    hour = 3_600_000
    later = payments([3 * hour + i * hour // 100 for i in range(600)], first_seq=500)
    features_of(engine, later)
    left = engine.memory()
    assert used.entities[0].entities == 500
    assert left.entities[0].entities == 1
    assert left.in_use_bytes < used.in_use_bytes
