"""The second engine: what it refuses, what its process may do; and where SPU is installed, its results against the clear.

Tests with SPU are slow (`make test-spu`) and skip where it is absent.
"""

from __future__ import annotations

import re
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tarim.base.errors import InputError
from tarim.cli import build_app
from tarim.federation import PeerLost, ProtocolBroken, Role
from tarim.federation.learning.boosting import Bins, BoostingPlan, Loss
from tarim.federation.learning.boosting_in_the_clear import boosted_in_the_clear, scored_in_the_clear
from tarim.federation.learning.encoding import Encoded, Encoder
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS
from tarim.federation.learning.logistic_in_the_clear import trained_in_the_clear
from tarim.federation.learning.logistic_plan import Plan
from tarim.federation.learning.splits import half_of
from tarim.federation.second_engine.engine import SecondEngine, intersect_by
from tarim.federation.second_engine.interpreter import (
    INTERPRETER,
    SPU_VERSION,
    SecondEngineAbsent,
    command,
    second_engine_readiness,
)
from tarim.federation.second_engine.kinds import InsecureDealer, Kind, Method
from tarim.federation.second_engine.relay import STEP, Relay
from tarim.federation.second_engine.worker import WorkerFailed
from tarim.federation.sharing import decoded
from tests.fakes.federation import QueueChannel, channels

SOURCE = Path(__file__).parents[3] / "src/tarim/federation/second_engine"


def script(folder: Path, text: str) -> Path:
    """An interpreter that only says this."""
    path = folder / "python"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def engine(kind: Kind = Kind.ABY3, rank: int = 0, python: Path = Path("absent"), **more: Any) -> SecondEngine:
    ends: list[Any] = [None if each == rank else channels()[0] for each in range(kind.nodes)]
    return SecondEngine(kind, python, rank, ends, **more)


def some(rows: int = 64) -> Encoded:
    column = np.linspace(-1, 1, rows)
    return Encoder.learned([column]).encoded([column])


# ---- without SPU ---------------------------------------------------------------------------------------------------


def test_the_insecure_dealer_refuses_without_the_flag() -> None:
    with pytest.raises(InsecureDealer, match="can read every value"):
        engine(Kind.SEMI2K)
    assert engine(Kind.SEMI2K, insecure_dealer=True).kind is Kind.SEMI2K


def test_a_protocol_has_its_number_of_nodes() -> None:
    for ends in ([None, channels()[0]], [channels()[0]] * 3):
        with pytest.raises(InputError, match="3 nodes"):
            SecondEngine(Kind.ABY3, Path("absent"), 0, ends)


def test_plans_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="16384 rows at a learning rate of 1"):
        engine().logistic(some(1 << 15), some().widths, None, Plan(batch_rows=1 << 15))
    bins = np.zeros((64, 1), np.uint8)
    with pytest.raises(InputError, match="log loss only"):
        engine().boosting(bins, Bins((2,)), Bins((2,)), None, BoostingPlan(loss=Loss.EXPONENTIAL))
    with pytest.raises(InputError, match="2 to 524287 rows"):
        engine().boosting(bins[:1], Bins((2,)), Bins((2,)), None, BoostingPlan())


def test_labels_are_the_second_companys_and_a_custodian_has_no_columns() -> None:
    with pytest.raises(InputError, match="second party gives one label"):
        engine().logistic(some(), some().widths, np.zeros(64, np.uint8), Plan(batch_rows=64))
    with pytest.raises(InputError, match="second party gives one label"):
        engine(rank=1).logistic(some(), some().widths, None, Plan(batch_rows=64))
    with pytest.raises(InputError, match="custodian has no columns"):
        engine(rank=2).logistic(some(), some().widths, None, Plan(batch_rows=64))
    with pytest.raises(InputError, match="only the third node"):
        engine(rank=1).assist(Plan(), 2_000, (8,), (8,))


def test_repeated_identifiers_are_refused_before_anything_is_sent() -> None:
    end, _ = channels()
    for identifiers, why in (([b"a", b"a"], "more than once"), ([], "one identifier or more")):
        with pytest.raises(InputError, match=why):
            intersect_by(Method.RR22, Path("absent"), end, Role.FIRST, identifiers, b"", frozenset(Role))
    assert not end.sent


def test_an_absent_engine_says_why(tmp_path: Path) -> None:
    nowhere = second_engine_readiness(tmp_path / "none")
    assert not nowhere.ready and "No such file" in nowhere.why_not
    with pytest.raises(SecondEngineAbsent, match="tarim\\[spu\\] is not installed"):
        nowhere.require()
    bare = second_engine_readiness(script(tmp_path, "echo \"ModuleNotFoundError: No module named 'spu'\" >&2; exit 1"))
    assert "No module named 'spu'" in bare.why_not
    old = second_engine_readiness(script(tmp_path, """echo '{"spu": "0.9.5"}'"""))
    assert "0.9.5, but 0.10" in old.why_not


def test_the_command_says_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(python: Path) -> str:
        monkeypatch.setenv(INTERPRETER, str(python))
        done = CliRunner().invoke(build_app(["party"]), ["party", "engines"])
        assert done.exit_code == 0
        return done.stdout

    absent = said(tmp_path / "none")
    assert "not installed 未安装" in absent and "No such file" in absent and INTERPRETER in absent
    there = said(script(tmp_path, f"""echo '{{"spu": "{SPU_VERSION}", "jax": "0.8.0"}}'"""))
    assert "not installed" not in there and f"spu {SPU_VERSION}, jax 0.8.0" in there


def test_a_worker_that_fails_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "work"))
    (tmp_path / "work").mkdir()
    for said, why in (("""echo '{"failed": "out of luck"}'""", "out of luck"), ("exit 1", "ended without a word")):
        failing = engine(python=script(tmp_path, said))
        for end in failing.channels:
            if isinstance(end, QueueChannel):
                end._inn.put((STEP, [b""]))  # the other nodes have ended too
        with pytest.raises(WorkerFailed, match=why):
            failing.logistic(some(), some().widths, None, Plan(batch_rows=64))
        assert not list((tmp_path / "work").iterdir())


def test_a_lost_peer_is_what_is_raised(tmp_path: Path) -> None:
    class Lost(QueueChannel):
        def receive(self, step: str, *specs: Any) -> Any:
            raise PeerLost("gone")

    lost = Lost(*(channels()[0]._out for _ in range(2)))
    waiting = SecondEngine(Kind.CHEETAH, script(tmp_path, "exec sleep 60"), 0, [None, lost])
    with pytest.raises(PeerLost, match="gone"):
        waiting.logistic(some(), some().widths, None, Plan(batch_rows=64))


def test_a_workers_surroundings_hold_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARIM_KEY", "not for the worker")
    seen = tmp_path / "seen"
    second_engine_readiness(script(tmp_path, f"env > {seen}; exit 1"))
    assert "PATH=" in seen.read_text() and "not for the worker" not in seen.read_text()


def test_a_worker_whose_parent_is_gone_removes_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "own.npy").write_bytes(b"of customers")
    orphan = subprocess.Popen(command(Path(sys.executable), "end_with_parent", str(folder)), stdin=subprocess.PIPE)
    orphan.communicate()
    assert orphan.returncode == 3 and not folder.exists()


def test_a_relay_carries_both_ways_and_leaves_the_link_free() -> None:
    ends = channels()
    sockets = [socket.socketpair() for _ in ends]
    relays = [Relay(end, pair[0], list) for end, pair in zip(ends, sockets, strict=True)]
    content = np.random.default_rng(1).bytes(3 << 20)
    sender = threading.Thread(target=lambda: (sockets[0][1].sendall(content), sockets[0][1].shutdown(socket.SHUT_WR)))
    sender.start()
    came = b""
    while piece := sockets[1][1].recv(1 << 20):
        came += piece
    sockets[1][1].sendall(b"thanks")
    sockets[1][1].shutdown(socket.SHUT_WR)
    assert came == content and sockets[0][1].recv(100) == b"thanks"
    for relay in relays:
        relay.finish(10)
        assert relay.failure is None
    ends[0].send("next", np.arange(3))
    assert ends[1].receive("next", (np.int64, (3,)))[0].tolist() == [0, 1, 2]


def test_nothing_outside_the_worker_knows_spu() -> None:
    for path in SOURCE.parents[1].rglob("*.py"):
        outside = "spu_worker" not in path.parts
        assert not (outside and re.search(r"^\s*(import|from) (spu|jax)\b", path.read_text(), re.M)), path
        inside = not outside and re.search(r"^\s*(import|from) tarim", path.read_text(), re.M)
        assert not inside, f"{path}: the worker's interpreter does not have this project"


# ---- with SPU ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def python() -> Path:
    readiness = second_engine_readiness()
    if not readiness.ready:
        pytest.skip(f"tarim[spu] is not installed: {readiness.why_not}")
    return readiness.interpreter


def at_nodes(act: Callable[[int, list[QueueChannel | None]], Any], nodes: int) -> tuple[list[Any], list[Any]]:
    """What every node returns, or raises; and the channels between them, by rank and rank."""
    ends: list[list[QueueChannel | None]] = [[None] * nodes for _ in range(nodes)]
    for one in range(nodes):
        for other in range(one):
            ends[one][other], ends[other][one] = channels()
    results: list[Any] = [None] * nodes

    def node(rank: int) -> None:
        try:
            results[rank] = act(rank, ends[rank])
        except Exception as error:
            results[rank] = error
            for end in ends[rank]:
                if end is not None:
                    end._out.put(None)

    threads = [threading.Thread(target=node, args=(rank,)) for rank in range(nodes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
        assert not thread.is_alive()
    return results, ends


def made_up(rows: int) -> tuple[list[Encoded], np.ndarray]:
    rng = np.random.default_rng(5)
    numbers, flags = rng.normal(size=(rows, 3)), rng.random((rows, 3)) < 0.3
    lean = numbers @ [0.9, -0.6, 0.4] + flags @ [1.2, -0.8, 0.5] - 0.4
    labels = (rng.random(rows) < 1 / (1 + np.exp(-lean))).astype(np.uint8)
    columns = [*numbers.T, *flags.T.astype(np.float64)]
    parts = (columns[:2] + columns[3:4], columns[2:3] + columns[4:])
    return [Encoder.learned(part).encoded(part) for part in parts], labels


def trained(python: Path, kind: Kind, plan: Plan, rows: int, **more: Any) -> tuple[np.ndarray, np.ndarray, list[Any]]:
    """Weights put together, those of the clear, and the channels."""
    own, labels = made_up(rows)

    def act(rank: int, ends: Sequence[QueueChannel | None]) -> Any:
        node = SecondEngine(kind, python, rank, ends, **more)
        if rank == 2:
            return node.assist(plan, rows, own[0].widths.bits, own[1].widths.bits)
        return node.logistic(own[rank], own[1 - rank].widths, labels if rank else None, plan)[0]

    results, ends = at_nodes(act, kind.nodes)
    for result in results:
        if isinstance(result, Exception):
            raise result
    weights = decoded(results[0].weights.part() + results[1].weights.part(), 16)
    return weights, trained_in_the_clear(own[0], own[1], labels, plan), ends


@pytest.mark.slow
@pytest.mark.parametrize("plan", [Plan(256, 2), Plan(128, 1, -1, -4)])
def test_logistic_regression_of_three_nodes_is_that_of_the_clear(python: Path, plan: Plan) -> None:
    weights, clear, ends = trained(python, Kind.ABY3, plan, 1_100)
    assert np.abs(weights - clear).max() < 2e-3
    assert np.abs(clear).max() > 0.2
    sent = [content for rank in Role for _, content in ends[rank][2].sent if len(content) > 4_096]
    to_custodian = np.frombuffer(b"".join(sent), np.uint8)
    counts = np.bincount(to_custodian, minlength=256)
    # uniform but for the zeros in the heads of messages; in the clear seven bytes of eight would be 0
    assert len(to_custodian) > 100_000 and counts[0] < 4 * counts.mean() and counts[1:].max() < 1.3 * counts.mean()


@pytest.mark.slow
def test_two_nodes_without_a_dealer_and_with_the_insecure_one(python: Path) -> None:
    weights, clear, _ = trained(python, Kind.CHEETAH, Plan(128, 1), 256)
    assert np.abs(weights - clear).max() < 2e-3
    weights, clear, _ = trained(python, Kind.SEMI2K, Plan(128, 1), 256, insecure_dealer=True)
    assert np.abs(weights - clear).max() < 2e-3


@pytest.mark.slow
def test_trees_of_three_nodes_score_like_those_of_the_clear(python: Path) -> None:
    rng = np.random.default_rng(6)
    rows, shapes, plan = 1_500, (Bins((4, 6)), Bins((5, 2))), BoostingPlan(trees=2, depth=3)
    bins = [
        np.stack([rng.integers(0, count, rows) for count in shape.counts], axis=1).astype(np.uint8) for shape in shapes
    ]
    lean = 0.8 * (bins[0][:, 0] > 1) + 0.7 * (bins[1][:, 0] < 2) - 0.5 * (bins[0][:, 1] == 3) - 0.6
    labels = (rng.random(rows) < 1 / (1 + np.exp(-3 * lean))).astype(np.uint8)

    def act(rank: int, ends: Sequence[QueueChannel | None]) -> Any:
        node = SecondEngine(Kind.ABY3, python, rank, ends)
        if rank == 2:
            return node.assist(plan, rows, shapes[0].counts, shapes[1].counts)
        return node.boosting(bins[rank], shapes[rank], shapes[1 - rank], labels if rank else None, plan)

    (first, second, custodian), _ = at_nodes(act, 3)
    assert [opened[1] for opened in custodian.openings] == [0] * plan.trees + [1] * plan.trees
    half, trees = half_of((len(shapes[0].candidates), len(shapes[1].candidates))), []
    for one, other in zip(first[0].trees, second[0].trees, strict=True):
        assert sorted([*one.own, *other.own]) == list(range(7))
        assert (one.owners == other.owners).all() and all(one.owners[node] == Role.FIRST for node in one.own)
        places = np.array(
            [
                shapes[0].candidates.index(one.own[node])
                if node in one.own
                else half + shapes[1].candidates.index(other.own[node])
                for node in range(7)
            ]
        )
        leaves = np.rint(decoded(one.leaves + other.leaves, LEAF_FRACTION_BITS) * 2**LEAF_FRACTION_BITS)
        trees.append((places, leaves.astype(np.int64)))
    clear = boosted_in_the_clear(bins, shapes, labels, plan)
    scores, clear_scores = (scored_in_the_clear(each, bins, shapes, plan.depth) for each in (trees, clear))
    assert (trees[0][0][0], trees[1][0][0]) == (clear[0][0][0], clear[1][0][0])
    assert np.corrcoef(scores, clear_scores)[0, 1] > 0.995


@pytest.mark.slow
@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("learners", [frozenset(Role), frozenset({Role.SECOND})])
def test_common_customers_are_found(python: Path, method: Method, learners: frozenset[Role]) -> None:
    sets = [[b"%d" % number for number in range(start, start + 300)] for start in (0, 200)]

    def act(rank: int, ends: Sequence[QueueChannel | None]) -> Any:
        return intersect_by(method, python, ends[1 - rank], Role(rank), sets[rank], b"a run", learners)[0]

    places, _ = at_nodes(act, 2)
    found = [None if each is None else [mine[place] for place in each] for mine, each in zip(sets, places, strict=True)]
    for role in Role:
        if role in learners:
            assert sorted(found[role]) == sorted(set(sets[0]) & set(sets[1])) and found[role] == found[Role.SECOND]
        else:
            assert found[role] is None
    assert not list(Path("/tmp").glob("psi_*.trace"))


@pytest.mark.slow
def test_nodes_that_disagree_end_everywhere(python: Path) -> None:
    own, labels = made_up(256)

    def act(rank: int, ends: Sequence[QueueChannel | None]) -> Any:
        node = SecondEngine(Kind.CHEETAH, python, rank, ends)
        return node.logistic(own[rank], own[1 - rank].widths, labels if rank else None, Plan(128, 1 + rank))

    results, _ = at_nodes(act, 2)
    assert all(isinstance(result, WorkerFailed | ProtocolBroken) for result in results)
    assert any("do not agree" in str(result) for result in results)


@pytest.mark.slow
def test_a_node_that_ends_early_ends_the_others(python: Path) -> None:
    own, labels = made_up(4_096)

    def act(rank: int, ends: Sequence[QueueChannel | None]) -> Any:
        def progress(phase: str, done: int, _all: int) -> None:
            if rank == 2 and phase == "training" and done == 3:
                raise PeerLost("a custodian whose process is stopped")

        node = SecondEngine(Kind.ABY3, python, rank, ends, progress=progress)
        if rank == 2:
            return node.assist(Plan(128, 50), 4_096, own[0].widths.bits, own[1].widths.bits)
        return node.logistic(own[rank], own[1 - rank].widths, labels if rank else None, Plan(128, 50))

    results, _ = at_nodes(act, 3)
    assert all(isinstance(result, WorkerFailed | ProtocolBroken | PeerLost) for result in results)
