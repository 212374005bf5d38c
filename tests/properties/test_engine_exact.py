"""The engine against the definition: any feature set, any stream, any batch cut, any restart.

random sets    hypothesis draws sets and streams; the engine runs uncompiled (`jit=False`)
reference set  the 46 features, compiled, on disordered streams
long streams   hundreds of events of two or three keys, so that rings grow, tables rehash and old events expire
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarim.stream import Col, Condition, Engine, Entity, FeatureSet, Flag, Outcome, Rows, reference_features
from tests.naive.features import compute, definitions_of
from tests.naive.streams import HOUR_MS, Stream, feature_sets, long_stream, streams

Floats = npt.NDArray[np.float64]
EXACT_OPS = {
    "count", "sum", "min", "max", "distinct", "is_new", "first_seen", "since_last", "label_count", "delayed_count",
    "share", "label_rate", "label_run", "label_run_age", "label_run_min", "since_fraud", "since_clear",
    "percentile", "over_percentile", "outliers",
}  # fmt: skip
EASY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def run(engine: Engine, rows: Rows, cuts: Sequence[int] = ()) -> tuple[Floats, Rows]:
    """Features and rows after the engine has seen `rows` in batches cut at `cuts`."""
    rows = rows.copy()
    out = np.full((len(rows), len(engine.names)), -7.0)
    holes = (np.flatnonzero(np.diff(rows[:, Col.SEQ]) != 1) + 1).tolist()
    edges = sorted({0, *(cut for cut in cuts if cut < len(rows)), *holes, len(rows)})
    for start, end in pairwise(edges):
        if rows[start, Col.SEQ] > engine.offset:
            engine.pass_over(engine.offset, int(rows[start, Col.SEQ]) - engine.offset)
        engine.process(rows[start:end], out[start:end])
    return out, rows


def check(features: FeatureSet, rows: Rows, out: Floats, seen: Rows) -> None:
    """Every feature of every event equals the definition; LATE is marked where the definition says so."""
    expected, late = compute(definitions_of(features), rows, lateness_ms=features.lateness_ms)
    wanted = np.array(expected)
    for number, feature in enumerate(features.features):
        ours, theirs = out[:, number], wanted[:, number]
        if feature.op in EXACT_OPS:
            np.testing.assert_array_equal(ours, theirs, err_msg=feature.name)
        else:
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=0, err_msg=feature.name)
    np.testing.assert_array_equal((seen[:, Col.FLAGS] & Flag.LATE) != 0, late)
    untouched = [column for column in Col if column != Col.FLAGS]
    np.testing.assert_array_equal(seen[:, untouched], rows[:, untouched])


def same_bits(left: Floats, right: Floats) -> bool:
    return left.tobytes() == right.tobytes()


@EASY
@given(features=feature_sets(), stream=streams())
def test_any_set_on_any_stream_is_what_the_definition_says(features: FeatureSet, stream: Stream):
    out, seen = run(Engine(features, jit=False), stream.rows)
    check(features, stream.rows, out, seen)


@EASY
@given(features=feature_sets(HOUR_MS), stream=streams(HOUR_MS))
def test_windows_of_hours_with_nights_and_weekends(features: FeatureSet, stream: Stream):
    out, seen = run(Engine(features, jit=False), stream.rows)
    check(features, stream.rows, out, seen)


@EASY
@given(features=feature_sets(), stream=streams(), cuts=st.lists(st.integers(0, 60), max_size=5))
def test_where_a_batch_is_cut_changes_nothing(features: FeatureSet, stream: Stream, cuts: list[int]):
    """Not one bit of the features, nor a flag."""
    whole, whole_rows = run(Engine(features, jit=False), stream.rows)
    parts, parts_rows = run(Engine(features, jit=False), stream.rows, cuts)
    single, single_rows = run(Engine(features, jit=False), stream.rows, range(len(stream.rows)))
    assert same_bits(whole, parts)
    assert same_bits(whole, single)
    np.testing.assert_array_equal(whole_rows, parts_rows)
    np.testing.assert_array_equal(whole_rows, single_rows)


@EASY
@given(features=feature_sets(), stream=streams(), cut=st.integers(0, 60))
def test_a_restart_at_any_point_changes_nothing(
    features: FeatureSet, stream: Stream, cut: int, tmp_path_factory: pytest.TempPathFactory
):
    """Snapshot, throw the engine away, restore, go on: the same bits."""
    whole, _ = run(Engine(features, jit=False), stream.rows)
    engine = Engine(features, jit=False)
    before, _ = run(engine, stream.rows[:cut])
    engine = restarted(engine, features, tmp_path_factory.mktemp("snapshot") / "engine.snapshot", jit=False)
    after, _ = run(engine, stream.rows[cut:])
    assert same_bits(whole, np.concatenate([before, after]))


def restarted(engine: Engine, features: FeatureSet, path: Path, *, jit: bool) -> Engine:
    """Another engine in the state of the first, by way of a file."""
    engine.snapshot(path)
    return Engine.restore(path, features, jit=jit)


@pytest.fixture(scope="module")
def reference() -> FeatureSet:
    return reference_features()


@pytest.mark.parametrize("seed", range(4))
def test_the_reference_set_compiled_is_what_the_definition_says(reference: FeatureSet, seed: int):
    """Ties, late events, absent keys and labels over 40 days in hours."""
    stream = long_stream(seed, 400, keys=2 + seed, unit_ms=HOUR_MS)
    out, seen = run(Engine(reference), stream.rows, cuts=(1, 7, 250))
    check(reference, stream.rows, out, seen)


def test_the_reference_set_is_the_same_compiled_or_not(reference: FeatureSet):
    stream = long_stream(11, 300, keys=3, unit_ms=HOUR_MS)
    compiled, _ = run(Engine(reference), stream.rows)
    plain, _ = run(Engine(reference, jit=False), stream.rows)
    assert same_bits(compiled, plain)


@pytest.mark.parametrize("cut", [0, 1, 199, 399])
def test_the_reference_set_restarts_anywhere(reference: FeatureSet, cut: int, tmp_path: Path):
    stream = long_stream(5, 400, keys=4, unit_ms=HOUR_MS)
    whole, _ = run(Engine(reference), stream.rows)
    engine = Engine(reference)
    before, _ = run(engine, stream.rows[:cut])
    engine = restarted(engine, reference, tmp_path / "engine.snapshot", jit=True)
    after, _ = run(engine, stream.rows[cut:])
    assert same_bits(whole, np.concatenate([before, after]))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    features=feature_sets(features_max=14, lateness_units=10),
    seed=st.integers(0, 10**6),
    keys=st.integers(1, 2),
    pace=st.sampled_from((1, 4, 20)),
    large_lg=st.integers(2, 6),
    cut=st.integers(0, 350),
)
def test_long_pasts_of_few_keys_are_exact(
    features: FeatureSet,
    seed: int,
    keys: int,
    pace: int,
    large_lg: int,
    cut: int,
    tmp_path_factory: pytest.TempPathFactory,
):
    """Hundreds of events of one key: full rings, deep late insertions, expiry, and a restart in the middle of it."""
    stream = long_stream(seed, 350, keys, pace=pace)
    engine = Engine(features, jit=False)
    before, seen_before = run(engine, stream.rows[:cut])
    engine = restarted(engine, features, tmp_path_factory.mktemp("snapshot") / "engine.snapshot", jit=False)
    after, seen_after = run(engine, stream.rows[cut:])
    out = np.concatenate([before, after])
    check(features, stream.rows, out, np.concatenate([seen_before, seen_after]))
    large, _ = run(Engine(features, jit=False, large_lg=large_lg), stream.rows)
    assert same_bits(out, large)


@EASY
@given(features=feature_sets(), stream=streams(), large_lg=st.integers(1, 4))
def test_when_a_ring_counts_as_large_changes_nothing(features: FeatureSet, stream: Stream, large_lg: int):
    """Rings read backwards and rings with running aggregates give the same numbers."""
    out, seen = run(Engine(features, jit=False, large_lg=large_lg), stream.rows)
    check(features, stream.rows, out, seen)


def stopped_features() -> FeatureSet:
    """Features of what was decided before: how often, how much and which share of this account's events was stopped."""
    payer, device = Entity("payer", key="account"), Entity("device", key="device_id")
    stopped = Condition("stopped", ("outcome", ">=", "delay"))
    challenged = Condition("challenged", ("outcome", "in", ("notice", "challenge")), ("amount_fen", ">", 0))
    return FeatureSet(
        "stopped",
        payer.count("20ms", where=stopped),
        payer.sum("amount_fen", "8ms", where=challenged),
        payer.share(stopped, "40ms"),
        device.count("40ms", where=challenged),
        payer.count("20ms"),
        lateness="10ms",
    )


@EASY
@given(stream=streams(), large_lg=st.integers(1, 8))
def test_features_of_earlier_outcomes_are_the_same_live_and_in_replay(stream: Stream, large_lg: int):
    """Live, each event is decided from its features before the next one; a replay reads what was decided then."""
    features = stopped_features()
    live, out = stream.rows.copy(), np.zeros((len(stream.rows), len(features.names)))
    engine = Engine(features, jit=False, large_lg=large_lg)
    for i in range(len(live)):
        if live[i, Col.SEQ] > engine.offset:
            engine.pass_over(engine.offset, int(live[i, Col.SEQ]) - engine.offset)
        engine.process(live[i : i + 1], out[i : i + 1], decide=outcome_of)
    check(features, live, out, live)
    again, _ = run(Engine(features, jit=False), live)
    assert same_bits(out, again)


def outcome_of(rows: Rows, features: Floats) -> npt.NDArray[np.int64]:
    """Some outcome that depends on the event and on its features."""
    return (rows[:, Col.AMOUNT_FEN] // 7 + np.nan_to_num(features[:, 4]).astype(np.int64)) % len(Outcome)


def ordered_features() -> FeatureSet:
    """What is kept in order and what runs of labels say, over windows that share a ring and a delay."""
    payer, merchant = Entity("payer", key="account"), Entity("merchant", key="merchant_id")
    return FeatureSet(
        "ordered",
        *(payer.percentile("amount_fen", percent, "20ms") for percent in (0, 50, 90)),
        *(payer.over_percentile("amount_fen", percent, window) for percent in (50, 100) for window in ("5ms", "40ms")),
        payer.percentile("extra_3", 50, "40ms"),
        *(payer.outliers("amount_fen", times, window) for times in (1, 3) for window in ("5ms", "40ms")),
        payer.outliers("extra_0", 2, "20ms"),
        payer.distinct("payee_account", "20ms"),
        *(merchant.label_run(window, "3ms") for window in ("10ms", "60ms")),
        merchant.label_run("60ms", "9ms"),
        merchant.label_run_age("60ms", "3ms"),
        *(merchant.label_run_min("amount_fen", window, "3ms") for window in ("10ms", "60ms")),
        merchant.since_fraud("60ms", "3ms"),
        merchant.since_clear("60ms", "9ms"),
        merchant.label_rate("60ms", "3ms"),
        lateness="8ms",
    )


@pytest.mark.parametrize("seed", range(4))
def test_percentiles_and_runs_of_labels_over_long_pasts(seed: int):
    """Blocks are halved and joined, labels come, change and go, events come late, in small rings and in large ones."""
    features = ordered_features()
    stream = long_stream(seed, 500, keys=1 + seed % 2, pace=(1, 8)[seed // 2])
    out, seen = run(Engine(features, jit=False), stream.rows, cuts=(100, 101, 350))
    check(features, stream.rows, out, seen)
    for large_lg in (2, 4):
        again, _ = run(Engine(features, jit=False, large_lg=large_lg), stream.rows)
        assert same_bits(out, again)


@pytest.mark.slow
def test_percentiles_and_runs_of_labels_are_the_same_compiled(tmp_path: Path):
    """The same bits as uncompiled, over a restart, where rings of hundreds of events are large."""
    features = ordered_features()
    stream = long_stream(9, 1_500, keys=1, pace=30)
    engine = Engine(features)
    before, _ = run(engine, stream.rows[:900])
    assert engine.memory().entities[0].large_rings == 1
    engine = restarted(engine, features, tmp_path / "engine.snapshot", jit=True)
    after, _ = run(engine, stream.rows[900:])
    plain, _ = run(Engine(features, jit=False), stream.rows)
    assert same_bits(plain, np.concatenate([before, after]))
