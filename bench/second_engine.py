"""The second engine (SPU) at two or three nodes on one machine: time, processor time, memory, bytes, and how good the model is.

    python -m bench.second_engine logistic [--kind aby3|cheetah|semi2k] [--epochs N] [--runs N] [--insecure-dealer]
    python -m bench.second_engine boosting [--trees N] [--depth N] [--rows N]
    python -m bench.second_engine intersection [--method rr22|ecdh] [--rows N]

Every node is a process with a worker of its own; between the nodes go this project's links: mutual TLS, pinned certificates.
The same data, split and encoding as `bench.federation`.  took_s runs from the moment the workers have loaded SPU to the last
node's end: sharing, compiling, training, parts of the model out; whole_s has the workers' start in it, and for an intersection
hashing the identifiers.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import multiprocessing
import queue
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.federation import Marketing, shared_folder
from bench.federation_intersection import held
from tarim.federation import Role
from tarim.federation.adapters.link import Link
from tarim.federation.adapters.pinning import CERTIFICATE_FILE, Pinned, make_certificate
from tarim.federation.adapters.ports import Dialler, Listening
from tarim.federation.learning.boosting import Bins, BoostingPlan, JointTrees
from tarim.federation.learning.boosting_in_the_clear import boosted_in_the_clear, scored_in_the_clear
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS
from tarim.federation.learning.logistic_in_the_clear import trained_in_the_clear
from tarim.federation.learning.logistic_plan import Plan
from tarim.federation.learning.splits import half_of
from tarim.federation.second_engine.engine import SecondEngine, intersect_by
from tarim.federation.second_engine.interpreter import second_engine_readiness
from tarim.federation.second_engine.jobs import Done
from tarim.federation.second_engine.kinds import Kind, Method
from tarim.federation.sharing import decoded
from tarim.models import auc

WAIT_S = 3_600


@dataclass(frozen=True)
class Work:
    """What the nodes do."""

    shared: Path
    plan: Plan | BoostingPlan | Method
    kind: Kind = Kind.ABY3
    rows: int = 0
    """Training rows, 0 for all; identifiers of each company for an intersection."""
    insecure_dealer: bool = False


Channels = list[Link | None]
Act = Callable[[int, Channels, Work, Path], tuple[Any, Done]]


def train(rank: int, channels: Channels, work: Work, python: Path) -> tuple[Any, Done]:
    """A node's part of a training; what it holds of the model, as plain arrays."""
    engine = SecondEngine(work.kind, python, rank, channels, work.insecure_dealer)
    data = Marketing(work.shared)
    rows = work.rows or len(data.train)
    if rank >= len(Role):
        assert not isinstance(work.plan, Method)
        if isinstance(work.plan, Plan):
            widths = [data.encoded(role)[0].widths.bits for role in Role]
            return None, engine.assist(work.plan, rows, *widths)
        return None, engine.assist(work.plan, rows, *(data.binned(role)[2].counts for role in Role))
    role = Role(rank)
    labels = data.labels[data.train][:rows] if role is Role.SECOND else None
    if isinstance(work.plan, Plan):
        own = data.encoded(role)[0]
        own = replace(own, integers=own.integers[:rows])
        model, done = engine.logistic(own, data.encoded(Role(1 - role))[0].widths, labels, work.plan)
        return model.weights.part(), done
    assert isinstance(work.plan, BoostingPlan)
    bins, _, shape = data.binned(role)
    trees, done = engine.boosting(bins[:rows], shape, data.binned(Role(1 - role))[2], labels, work.plan)
    return trees, done


def find(rank: int, channels: Channels, work: Work, python: Path) -> tuple[Any, Done]:
    """A company's part of an intersection: SHA-256 of what it has in common, in the common order, and how many."""
    role = Role(rank)
    mine = held(role, work.rows)
    assert isinstance(work.plan, Method)
    channel = channels[1 - rank]
    assert channel is not None
    found, done = intersect_by(work.plan, python, channel, role, mine, b"bench", frozenset(Role))
    assert found is not None
    return (len(found), hashlib.sha256(b"\n".join(mine[place] for place in found)).hexdigest()), done


def together(act: Act, work: Work, nodes: int) -> tuple[list[Any], dict[str, Any]]:
    """All nodes' parts: what each returned, and what it cost; lists are by node, the data company first, a custodian last."""
    python = second_engine_readiness().require()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="tarim-second-engine-") as folder, ExitStack() as stack:
        homes = [Path(folder) / str(rank) for rank in range(nodes)]
        for home in homes:
            home.mkdir()
            make_certificate(home, f"node-{home.name}", datetime.datetime.now(datetime.UTC))
        ports, told = [context.Queue() for _ in range(nodes)], context.Queue()
        parties = [
            context.Process(target=_node, args=(rank, homes, ports, act, work, python, told)) for rank in range(nodes)
        ]
        for party in parties:
            party.start()
            stack.callback(party.kill)
        found: dict[int, Any] = {}
        end = time.monotonic() + WAIT_S
        while len(found) < nodes:
            try:
                rank, *rest = told.get(timeout=0.5)
                found[rank] = rest
            except queue.Empty:
                if time.monotonic() > end or any(party.exitcode for party in parties):
                    raise RuntimeError("a node failed") from None
        for party in parties:
            party.join()
    done: list[Done] = [found[rank][1] for rank in range(nodes)]
    whole = [found[rank][2] for rank in range(nodes)]
    relayed = [found[rank][3] for rank in range(nodes)]
    return [found[rank][0] for rank in range(nodes)], {
        "took_s": round(max(each.took_s for each in done), 2),
        "whole_s": round(max(whole), 2),
        "start_s": round(max(each.started_s for each in done), 2),
        "cpu_s": [round(each.cpu_s, 2) for each in done],
        "link_cpu_s": [round(each, 2) for each in relayed],
        "memory_mib": [each.memory_mib for each in done],
        "sent_mb": [round(each.sent_bytes / 1e6, 1) for each in done],
    }


def _node(rank: int, homes: list[Path], ports: list[Any], act: Act, work: Work, python: Path, told: Any) -> None:
    """Lower ranks listen, higher ones dial."""
    others = [each for each in range(len(homes)) if each != rank]
    pinned = {each: Pinned(homes[rank], homes[each] / CERTIFICATE_FILE) for each in others}
    everybody = Pinned(homes[rank], *(homes[each] / CERTIFICATE_FILE for each in others))
    with ExitStack() as stack:
        listening = stack.enter_context(Listening("127.0.0.1", 0, lambda: everybody))
        for _ in range(rank + 1, len(homes)):
            ports[rank].put(listening.port)
        channels: Channels = [None] * len(homes)
        for each in others:
            run = bytes([min(rank, each), max(rank, each)]) * 8
            if each < rank:
                channels[each] = Link(Dialler("127.0.0.1", ports[each].get(), pinned[each], run))
            else:
                channels[each] = Link(listening.run(run))
        for channel in channels:
            if channel is not None:
                stack.enter_context(channel)
        begin, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        result, done = act(rank, channels, work, python)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        cpu_s = usage.ru_utime + usage.ru_stime - used.ru_utime - used.ru_stime
        told.put((rank, result, done, time.perf_counter() - begin, cpu_s))


def logistic(work: Work) -> dict[str, Any]:
    """Figures of one joint logistic regression."""
    assert isinstance(work.plan, Plan)
    parts, costs = together(train, work, work.kind.nodes)
    weights = decoded(parts[0] + parts[1], 16)
    data = Marketing(work.shared)
    rows = work.rows or len(data.train)
    x = np.column_stack([np.ones(len(data.test)), *(data.encoded(role)[1].values for role in Role)])
    labels = data.labels[data.test]
    trains = [replace(each, integers=each.integers[:rows]) for each in (data.encoded(role)[0] for role in Role)]
    clear = trained_in_the_clear(trains[0], trains[1], data.labels[data.train][:rows], work.plan)
    return costs | {
        "kind": work.kind.value,
        "rows": rows,
        "epochs": work.plan.epochs,
        "auc": round(auc(x @ weights, labels), 4),
        "auc_clear": round(auc(x @ clear, labels), 4),
        "weights_differ": round(float(np.abs(weights - clear).max()), 5),
    }


def boosting(work: Work) -> dict[str, Any]:
    """Figures of one joint training of trees; same_splits: how many are those of the clear."""
    assert isinstance(work.plan, BoostingPlan)
    parts, costs = together(train, work, work.kind.nodes)
    data = Marketing(work.shared)
    rows = work.rows or len(data.train)
    labels = data.labels[data.test]
    trains, tests, shapes = zip(*(data.binned(role) for role in Role), strict=True)
    trees = joined(parts[0], parts[1], shapes)
    clear = boosted_in_the_clear([each[:rows] for each in trains], shapes, data.labels[data.train][:rows], work.plan)
    same = sum(int((one[0] == other[0]).sum()) for one, other in zip(trees, clear, strict=True))
    scores, clear_scores = (scored_in_the_clear(each, tests, shapes, work.plan.depth) for each in (trees, clear))
    return costs | {
        "kind": work.kind.value,
        "rows": rows,
        "trees": work.plan.trees,
        "auc": round(auc(scores.astype(float), labels), 4),
        "auc_clear": round(auc(clear_scores.astype(float), labels), 4),
        "same_splits": f"{same} of {sum(len(each[0]) for each in clear)}",
    }


def joined(first: JointTrees, second: JointTrees, shapes: tuple[Bins, ...]) -> list[tuple[Any, Any]]:
    """Both companies' parts put together, as `boosted_in_the_clear` has trees."""
    half = half_of((len(shapes[0].candidates), len(shapes[1].candidates)))
    found = []
    for one, other in zip(first.trees, second.trees, strict=True):
        places = np.zeros(len(one.owners), np.int64)
        for party, (tree, shape) in enumerate(zip((one, other), shapes, strict=True)):
            for node, split in tree.own.items():
                places[node] = party * half + shape.candidates.index(split)
        assert sorted([*one.own, *other.own]) == list(range(len(places)))
        leaves = decoded(one.leaves + other.leaves, LEAF_FRACTION_BITS)
        found.append((places, np.rint(leaves * 2**LEAF_FRACTION_BITS).astype(np.int64)))
    return found


def intersection(work: Work) -> dict[str, Any]:
    """Figures of one intersection.  Raises AssertionError when the result is wrong."""
    assert isinstance(work.plan, Method)
    parts, costs = together(find, work, len(Role))
    assert parts[0] == parts[1] and parts[0][0] == work.rows - work.rows // 2
    return costs | {"method": work.plan.value, "rows": work.rows, "common": parts[0][0]}


def main() -> None:
    """Print the figures of some runs."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("work", choices=["logistic", "boosting", "intersection"])
    parser.add_argument("--shared", type=Path, default=shared_folder())
    parser.add_argument("--kind", type=Kind, choices=list(Kind), default=Kind.ABY3)
    parser.add_argument("--insecure-dealer", action="store_true", help="needed for semi2k, which is not secure")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--trees", type=int, default=10)
    parser.add_argument("--depth", type=int, default=5)
    parser.add_argument("--method", type=Method, choices=list(Method), default=Method.RR22)
    parser.add_argument("--rows", type=int, default=0, help="0: all; an intersection: a million")
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    one, plan = {
        "logistic": (logistic, Plan(epochs=options.epochs)),
        "boosting": (boosting, BoostingPlan(options.trees, options.depth)),
        "intersection": (intersection, options.method),
    }[options.work]
    rows = options.rows or (1_000_000 if options.work == "intersection" else 0)
    runs = [one(Work(options.shared, plan, options.kind, rows, options.insecure_dealer)) for _ in range(options.runs)]
    for figures in runs:
        print(json.dumps(figures))
    print(f"median {statistics.median(each['took_s'] for each in runs)} s")


if __name__ == "__main__":
    main()
