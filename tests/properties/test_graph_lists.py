"""Hops to listed accounts against their definition: any changes of lists between any events, any cut, any restart.

A change of lists is some parts and a closing record; events come between them, a change may be broken off, and another
one begins.  hypothesis runs the kernels uncompiled; one long stream, a slow test, runs them compiled.
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

from tarim.stream import Channel, Col, Engine, FeatureSet, Graph, Kind, Rows
from tests.naive.graph import ListStep, compute
from tests.naive.streams import BASE_MS, rows_of
from tests.properties.test_engine_exact import restarted, same_bits
from tests.properties.test_graph_exact import graphs, long_rows

Floats = npt.NDArray[np.float64]
EASY = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
LISTS = ("mules", "blocked", "foreign")
"""The last one is named by no feature: its changes go past the engine all the same."""
BASE_S = BASE_MS // 1_000

_EVENTS = st.tuples(
    st.tuples(st.integers(0, 3), st.sampled_from((0, 0, 0, 0, 1, 5, 15))),
    st.tuples(*(st.integers(0, most) for most in (1, 6, 6, 3, 0, 0))),
    st.sampled_from((100, 1_000)),
    st.sampled_from((Kind.TRANSFER,) * 6 + (Kind.LOGIN, Kind.LABEL)),
    st.just(Channel.MOBILE),
    st.just(0),
    st.integers(0, 200),
)
_PERIODS = st.one_of(
    st.just((0, 0)),
    st.just((0, (1 << 32) - 1)),
    st.tuples(st.integers(0, 4), st.integers(1, 3)).map(lambda each: (BASE_S + each[0], BASE_S + each[0] + each[1])),
)
_PARTS = st.lists(
    st.tuples(
        st.integers(0, 40),  # before which event, counted on from the record before it
        st.dictionaries(st.integers(1, 6), _PERIODS, min_size=1, max_size=3),
    ),
    max_size=3,
)
_CHANGES = st.lists(
    st.tuples(_PARTS, st.sampled_from(LISTS), st.sampled_from((True, True, True, False)), st.integers(0, 9)), max_size=6
)


@st.composite
def journals(draw: st.DrawFn, events_max: int = 50) -> tuple[Rows, list[ListStep]]:
    """Events and, between them, changes of lists; every fourth change is never closed."""
    size = draw(st.integers(1, events_max))
    rows = rows_of(draw(st.lists(_EVENTS, min_size=size, max_size=size)), 1, control_records=False)
    rows[:, Col.RECEIVED_MS] = BASE_MS + 1_000 * np.array(
        draw(st.lists(st.integers(0, 7), min_size=size, max_size=size))
    )
    placed: list[tuple[int, ListStep]] = []
    at = 0
    for number, (parts, name, closes, gap) in enumerate(draw(_CHANGES)):
        change = f"change-{number}"
        for index, (ahead, entries) in enumerate(parts):
            at += ahead % 12
            tokens = {token(account): period for account, period in entries.items()}
            placed.append((at, ListStep(0, change, name, index, tokens)))
        if closes:
            at += gap
            placed.append((at, ListStep(0, change)))
    return woven(rows, [(min(at, size), step) for at, step in placed])


def token(account: int) -> int:
    """What `rows_of` makes of an account's number."""
    return int((np.array([account]) * (-(2**62) + 3))[0])


def woven(rows: Rows, placed: Sequence[tuple[int, ListStep]]) -> tuple[Rows, list[ListStep]]:
    """Rows and records with their positions in one journal; each record stands before the row of its number."""
    before = np.array([at for at, _ in placed], np.int64)
    seqs = np.arange(len(rows)) + np.searchsorted(before, np.arange(len(rows)), "right")
    referring = rows[:, Col.REFERS_SEQ] >= 0
    rows[referring, Col.REFERS_SEQ] = seqs[rows[referring, Col.REFERS_SEQ]]
    rows[:, Col.SEQ] = seqs
    steps = [
        ListStep(at + number, step.change, step.name, step.index, step.entries)
        for number, (at, step) in enumerate(placed)
    ]
    return rows, steps


def tell(engine: Engine, step: ListStep) -> None:
    """The engine learns of one record."""
    if step.index < 0:
        engine.list_close(step.change)
    else:
        accounts = np.array(list(step.entries), np.int64)
        periods = np.array([first << 32 | end for first, end in step.entries.values()], np.uint64).view(np.int64)
        engine.list_part(step.change, step.name, step.index, accounts, periods)
    engine.pass_over(step.seq)


def run(engine: Engine, rows: Rows, steps: Sequence[ListStep], cuts: Sequence[int] = ()) -> Floats:
    """Features of the rows, taken in batches that end at records and at `cuts`; goes on where the engine stands."""
    rows = rows.copy()
    out = np.full((len(rows), len(engine.names)), -7.0)
    ahead = [step for step in steps if step.seq >= engine.offset]
    holes = np.searchsorted(rows[:, Col.SEQ], [step.seq for step in ahead]).tolist()
    edges = sorted({0, *(each for each in (*cuts, *holes) if each < len(rows)), len(rows)})
    for start, end in pairwise(edges):
        while ahead and ahead[0].seq < rows[start, Col.SEQ]:
            tell(engine, ahead.pop(0))
        engine.process(rows[start:end], out[start:end])
    return out


def set_of(graph: Graph) -> FeatureSet:
    found = [graph.hops_to_listed(side, ("mules",), hops) for side in ("account", "payee_account") for hops in range(4)]
    found += [graph.hops_to_listed("payee_account", ("mules", "blocked"), hops) for hops in (0, 3)]
    return FeatureSet(
        "listed", *found, graph.hops_to_convicted("payee_account"), graph.fan_in("account"), lateness="10ms"
    )


def check(features: FeatureSet, rows: Rows, steps: Sequence[ListStep], out: Floats) -> None:
    wanted = np.array(compute(features, rows, steps), float)
    for number, name in enumerate(features.names):
        np.testing.assert_array_equal(out[:, number], wanted[:, number], err_msg=name)


@EASY
@given(graph=graphs(), journal=journals())
def test_hops_count_to_whoever_is_listed_at_that_moment(graph: Graph, journal: tuple[Rows, list[ListStep]]):
    features = set_of(graph)
    check(features, *journal, run(Engine(features, jit=False), *journal))


@settings(EASY, max_examples=10)
@given(graph=graphs(), journal=journals(), cuts=st.lists(st.integers(0, 50), max_size=4), cut=st.integers(0, 70))
def test_cuts_and_restarts_between_the_records_of_a_change_alter_nothing(
    graph: Graph,
    journal: tuple[Rows, list[ListStep]],
    cuts: list[int],
    cut: int,
    tmp_path_factory: pytest.TempPathFactory,
):
    """The snapshot is taken at any position: between two parts, too, or between the last one and the closing record."""
    features = set_of(graph)
    rows, steps = journal
    whole = run(Engine(features, jit=False), rows, steps)
    assert same_bits(whole, run(Engine(features, jit=False), rows, steps, cuts))
    split = int(np.searchsorted(rows[:, Col.SEQ], cut))
    engine = Engine(features, jit=False)
    before = run(engine, rows[:split], [step for step in steps if step.seq < cut])
    for step in steps:
        if engine.offset <= step.seq < cut:
            tell(engine, step)
    engine = restarted(engine, features, tmp_path_factory.mktemp("snapshot") / "engine.snapshot", jit=False)
    assert same_bits(whole, np.concatenate([before, run(engine, rows[split:], steps)]))


def long_journal(seed: int, count: int, accounts: int, changes: int) -> tuple[Rows, list[ListStep]]:
    """Weeks of events; most changes list or take off two accounts, a few are broken off."""
    rng = np.random.default_rng(seed)
    rows = long_rows(seed, count, accounts)
    seqs = {int(seq): index for index, seq in enumerate(rows[:, Col.SEQ])}
    rows[:, Col.REFERS_SEQ] = [seqs.get(int(seq), -1) for seq in rows[:, Col.REFERS_SEQ]]
    placed: list[tuple[int, ListStep]] = []
    for number in range(changes):
        at = count * (number + 1) // (changes + 1)
        name = LISTS[rng.integers(len(LISTS))]
        period = (0, 0) if rng.random() < 0.3 else (0, (1 << 32) - 1)
        for index in range(2):
            entries = {token(int(rng.integers(1, accounts))): period}
            placed.append((at + index, ListStep(0, f"change-{number}", name, index, entries)))
        if rng.random() < 0.85:
            placed.append((at + 2, ListStep(0, f"change-{number}")))
    return woven(rows, placed)


@pytest.mark.slow
def test_the_compiled_kernels_say_the_same_of_weeks(tmp_path: Path):
    graph = Graph("money", horizon="7d")
    features = FeatureSet("few", *(graph.hops_to_listed("payee_account", each) for each in (("mules",), LISTS[:2])))
    rows, steps = long_journal(5, 600, 30, 60)
    engine = Engine(features)
    before = run(engine, rows[:350], [step for step in steps if step.seq < rows[350, Col.SEQ]], cuts=(1, 65))
    engine = restarted(engine, features, tmp_path / "engine.snapshot", jit=True)
    out = np.concatenate([before, run(engine, rows[350:], steps)])
    check(features, rows, steps, out)
    assert set(out[~np.isnan(out)]) == {0, 1, 2, 3} and np.isnan(out).any(), (
        "near ones and far ones were met, and nobody"
    )


def test_all_slots_moved_to_another_engine_take_the_lists_along():
    """Of weeks in which accounts are listed before and after their transfers, and changes are broken off."""
    features = set_of(Graph("money", horizon="7d", memory_lg=3))
    rows, steps = long_journal(6, 300, 20, 45)
    whole = run(Engine(features, jit=False), rows, steps)
    check(features, rows, steps, whole)
    engine = Engine(features, jit=False)
    run(engine, rows[:120], [step for step in steps if step.seq < rows[120, Col.SEQ]])
    other = Engine(features, jit=False)
    for slot in range(256):
        other.import_slot(engine.export_slot(slot))
        engine.drop_slot(slot)
    assert same_bits(whole[120:], run(other, rows[120:], steps))
    assert engine.memory().events_retained == 0
