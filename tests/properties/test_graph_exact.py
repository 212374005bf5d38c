"""Graph features against their definition: any caps, any stream, any batch cut, any restart.

hypothesis draws graphs with caps so small that they bite; the kernels run uncompiled there, and compiled on long streams.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarim.stream import Channel, Col, Engine, Entity, Feature, FeatureSet, Graph, Kind, Rows, graph_features
from tests.naive.graph import compute
from tests.naive.streams import HOUR_MS, rows_of
from tests.properties.test_engine_exact import restarted, run, same_bits

EASY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

_EVENTS = st.tuples(
    st.tuples(st.integers(0, 3), st.sampled_from((0, 0, 0, 0, 0, 1, 2, 5, 15))),  # the front advances; this one lags
    st.tuples(*(st.integers(0, most) for most in (1, 6, 6, 3, 0, 0))),  # customer, account, payee, device, ...
    st.sampled_from((0, 95, 100, 105, 110, 1_000, 10**12)),
    st.sampled_from((Kind.TRANSFER,) * 6 + (Kind.LOGIN, Kind.LABEL)),
    st.sampled_from((Channel.MOBILE, Channel.PC)),
    st.integers(-3, 3),
    st.integers(0, 200),  # what a label refers to
)


@st.composite
def streams(draw: st.DrawFn, events_max: int = 60) -> Rows:
    """Transfers among six accounts with labels between them, some late, many tied."""
    size = draw(st.integers(1, events_max))
    drawn = draw(st.lists(_EVENTS, min_size=size, max_size=size))
    return rows_of(drawn, 1, control_records=draw(st.booleans()))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A graph of some milliseconds; caps from far too small to never reached."""
    return Graph(
        "money",
        horizon=f"{draw(st.sampled_from((5, 12, 40)))}ms",
        degree_max=draw(st.sampled_from((1, 2, 3, 5, 64))),
        visits_max=draw(st.sampled_from((1, 2, 4, 9, 512))),
        memory_lg=draw(st.sampled_from((2, 3, 12))),
        convicts=draw(st.sampled_from((("payee_account",), ("account",), ("account", "payee_account")))),
        convicted_for=f"{draw(st.sampled_from((3, 10, 400)))}ms",
    )


def every_feature(graph: Graph, within: str = "") -> list[Feature]:
    """One or more of each operation."""
    found: list[Feature] = []
    for side in ("account", "payee_account"):
        found += [graph.fan_in(side, within), graph.fan_out(side, within)]
        found += [graph.hops_to_convicted(side, hops, within) for hops in (0, 1, 2, 3)]
        found += [graph.hops_to_listed(side, ("mules", "blocked"), 3, within)]
        found += [graph.shared_device(side, within), graph.shared_device_convicted(side, within)]
    for tolerance in (None, 0.05):
        found += [graph.cycles(hops, within, tolerance) for hops in (2, 3, 4)]
    found += [graph.scatter_gather(within), graph.gather_scatter(within)]
    found += [graph.chain(tolerance, within, hops) for tolerance, hops in ((0.1, 2), (0.1, 4), (1.0, 6))]
    found += [graph.dwell(0.1, within)]
    return found


def check(features: FeatureSet, rows: Rows, out: npt.NDArray[np.float64]) -> None:
    wanted = np.array(compute(features, rows), float)
    for number, name in enumerate(features.names):
        np.testing.assert_array_equal(out[:, number], wanted[:, number], err_msg=name)


def set_of(graph: Graph, lateness: str = "10ms") -> FeatureSet:
    more = every_feature(graph, "3ms")
    return FeatureSet("random", *every_feature(graph), *more, lateness=lateness)


@EASY
@given(graph=graphs(), stream=streams(), lateness=st.sampled_from(("1ms", "10ms", "1000ms")))
def test_any_graph_on_any_stream_is_what_the_definition_says(graph: Graph, stream: Rows, lateness: str):
    features = set_of(graph, lateness)
    out, _ = run(Engine(features, jit=False), stream)
    check(features, stream, out)


@settings(EASY, max_examples=15)
@given(graph=graphs(), stream=streams(), cuts=st.lists(st.integers(0, 60), max_size=5), cut=st.integers(0, 60))
def test_batch_cuts_and_restarts_change_nothing(
    graph: Graph, stream: Rows, cuts: list[int], cut: int, tmp_path_factory: pytest.TempPathFactory
):
    features = set_of(graph)
    whole, _ = run(Engine(features, jit=False), stream)
    parts, _ = run(Engine(features, jit=False), stream, cuts)
    single, _ = run(Engine(features, jit=False), stream, range(len(stream)))
    assert same_bits(whole, parts) and same_bits(whole, single)
    engine = Engine(features, jit=False)
    before, _ = run(engine, stream[:cut])
    engine = restarted(engine, features, tmp_path_factory.mktemp("snapshot") / "engine.snapshot", jit=False)
    after, _ = run(engine, stream[cut:])
    assert same_bits(whole, np.concatenate([before, after]))


def long_rows(seed: int, count: int, accounts: int, unit_ms: int = HOUR_MS) -> Rows:
    """Events of hours over weeks: rings grow, are swept and shrink."""
    rng = np.random.default_rng(seed)
    kinds = (Kind.TRANSFER,) * 10 + (Kind.PAYMENT, Kind.LOGIN, Kind.LABEL)
    drawn: list[Any] = [
        (
            (int(rng.choice((0, 0, 1, 3))), int(rng.choice((0,) * 8 + (1, 3, 30, 300)))),
            (1, *(int(k) for k in rng.integers(0, accounts, 2)), int(rng.integers(0, accounts)), 0, 0),
            int(rng.choice((9_800, 10_000, 10_300, 50_000))),
            kinds[rng.integers(len(kinds))],
            Channel.MOBILE,
            0,
            int(rng.integers(0, 10**6)),
        )
        for _ in range(count)
    ]
    return rows_of(drawn, unit_ms, control_records=True)


@pytest.mark.parametrize(("seed", "accounts"), [(1, 6), (2, 25), (3, 60)])
def test_the_ready_set_compiled_is_what_the_definition_says(seed: int, accounts: int, tmp_path: Path):
    """A year of hours; snapshot and restart in the middle."""
    features = graph_features()
    stream = long_rows(seed, 700, accounts)
    engine = Engine(features)
    before, _ = run(engine, stream[:400], cuts=(1, 65))
    engine = restarted(engine, features, tmp_path / "engine.snapshot", jit=True)
    after, _ = run(engine, stream[400:])
    check(features, stream, np.concatenate([before, after]))


def test_other_features_are_the_same_beside_a_graph():
    """And the graph's are the same beside others, one of which waits for outcomes."""
    payer = Entity("payer", key="account")
    graph = Graph("money", horizon="12ms")
    mine = [payer.count("20ms"), payer.distinct("payee_account", "12ms"), payer.since_last("20ms")]
    stream = long_rows(9, 300, 8, unit_ms=1)
    both = FeatureSet("both", *mine, *every_feature(graph), lateness="10ms")
    together, _ = run(Engine(both, jit=False), stream)
    alone, _ = run(Engine(FeatureSet("alone", *mine, lateness="10ms"), jit=False), stream)
    graph_alone, _ = run(Engine(FeatureSet("g", *every_feature(graph), lateness="10ms"), jit=False), stream)
    assert same_bits(together[:, :3], alone)
    assert same_bits(np.ascontiguousarray(together[:, 3:]), graph_alone)


def test_all_slots_moved_to_another_engine_take_the_graph_along():
    """Exported and imported slot by slot, the other engine goes on with the same numbers."""
    features = set_of(Graph("money", horizon="40ms", convicted_for="400ms", memory_lg=3), "10ms")
    stream = long_rows(4, 400, 12, unit_ms=1)
    stream[:, Col.SEQ] = np.arange(len(stream))
    known = stream[:, Col.REFERS_SEQ] >= 0
    stream[known, Col.REFERS_SEQ] = np.searchsorted(stream[:, Col.EVENT_KEY], stream[known, Col.REFERS_KEY])
    whole, _ = run(Engine(features, jit=False), stream)
    engine = Engine(features, jit=False)
    run(engine, stream[:250])
    other = Engine(features, jit=False)
    for slot in range(256):
        other.import_slot(engine.export_slot(slot))
        engine.drop_slot(slot)
    after, _ = run(other, stream[250:])
    assert same_bits(whole[250:], after)
    assert engine.memory().events_retained == 0
