"""`make accept-engine`: is the engine as good as promised?  A line per bar, then `N passed, M failed`.

    python -m bench.accept_engine [--only NAME ...] [--json FILE]

At most fifteen minutes; with QUICK=1 in the environment fifty seconds, on smaller sizes and with fewer kills.  The
targets are the same.  Kernels that were never compiled on this machine are compiled before that clock starts.  A bar that
cannot be run (no data, no compiler, out of time) has failed, and the line says why.  Exit status 1 on any miss.  Speeds are
medians; nothing is pinned, and the machine may be shared.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.acceptance import Bar, Line, Run, at_least, at_most, main, none

Figures = dict[str, Any]


# ---- the engine alone ------------------------------------------------------------------------------------------------


def exactness(run: Run) -> Iterator[Line]:
    from bench import engine

    found = engine.exactness(run.pick(engine.FULL_EVENTS, engine.QUICK_EVENTS))
    note = f"of {found['events']:,} rows x {found['features']}; {sum(found['rows_corrected_by_join'].values()):,} disordered"
    if found["features_differing"]:
        note += f"; {found['features_differing']}"
    yield none("exactness", "value differs from SQL", found["values_differing"], note)


def determinism(run: Run) -> Iterator[Line]:
    from bench import engine

    found = engine.determinism(run.pick(300_000, 40_000))
    note = f"of {found['ways']} ways over {found['events']:,} rows"
    yield none("determinism, features", "way differs", len(found["differing"]), note)


def replay_features(run: Run) -> Iterator[Line]:
    from bench import engine

    events = run.pick(engine.FULL_EVENTS, engine.QUICK_EVENTS)
    found = engine.speed(events, repetitions=run.pick(5, 3), twin_events=run.pick(100_000, 20_000))
    yield at_least(
        "features, one core", 1_000_000, found["engine_per_s"], " events/s", f"median of {found['engine_per_s_all']}"
    )
    if "share_of_c_loop" in found:
        yield at_least(
            "features, against the C loop", 0.6, found["share_of_c_loop"], "", f"C {found['c_loop_per_s']:,}/s"
        )
    else:
        yield Line("features, against the C loop", ">= 0.6", f"not measured: {found['c_loop_not_measured']}", False)
    note = f"twin {found['python_twin_per_cpu_s']:,}/s on {found['python_twin_events']:,} events"
    yield at_least("features, against plain Python", 50, found["times_python_twin"], " x", note)
    note = f"DuckDB {found['duckdb_per_s']:,}/s on {found['duckdb_threads']} threads"
    yield at_least("features, against DuckDB", 10, found["times_duckdb"], " x", note)


def memory(run: Run) -> Iterator[Line]:
    from bench import engine
    from tarim.stream import reference_features

    month = engine.memory([engine.rows_of(run.pick(engine.FULL_EVENTS, engine.QUICK_EVENTS))], reference_features())
    note = f"{month['events_retained']:,} events retained"
    yield at_most("memory in use per retained event", 300, month["in_use_bytes_per_event"], " bytes", note)
    taken = max(month["allocated_bytes"], month["resident_bytes"])
    note = f"{taken / 1e6:,.0f} MB for {month['in_use_bytes'] / 1e6:,.0f} MB"
    yield at_most("memory allocated by memory in use", 1.5, round(taken / month["in_use_bytes"], 3), " x", note)
    yield at_most("snapshot", 3, month["snapshot_s"], " s", f"{month['snapshot_bytes'] / 1e6:,.0f} MB")
    yield at_most("restore", 3, month["restore_s"], " s")
    if run.quick:
        times = 90 * 36_000 / month["events_retained"]
        note = f"estimated from the above, times {times:.0f}"
        quarter = {name: month[name] * times for name in ("snapshot_s", "restore_s", "snapshot_bytes")}
        taken *= times
    else:
        quarter = engine.memory(engine.simulated_days(90), engine.ninety_days())
        taken = max(quarter["allocated_bytes"], quarter["resident_bytes"])
        note = f"{quarter['events_retained']:,} events retained"
    yield at_most("memory of 350,000 customers, 90 days", 4.0, round(taken / engine.GIB, 3), " GiB", note)
    yield at_most("snapshot, 90 days", 3, quarter["snapshot_s"], " s", f"{quarter['snapshot_bytes'] / 1e6:,.0f} MB")
    yield at_most("restore, 90 days", 3, quarter["restore_s"], " s")


# ---- the whole path: modules beside this one, each with `run(*, quick: bool) -> dict` ---------------------------------


def measured(module: str, quick: bool) -> Figures:
    """The figures of `bench.<module>`.  Raises ImportError when it is not there, AttributeError when it has no `run`."""
    found: Figures = importlib.import_module(f"bench.{module}").run(quick=quick)
    return found


def decisions(run: Run) -> Iterator[Line]:
    """`bench.decide`: decisions_per_s, rules, trees, decisions_differing, ways."""
    found = measured("decide", run.quick)
    note = f"{found['rules']} rules, {found['trees']} trees"
    rules_and_trees = found["rules"] >= 30 and found["trees"] >= 200
    line = at_least("features, rules and model, one core", 300_000, found["decisions_per_s"], " decisions/s", note)
    yield replace(line, passed=line.passed and rules_and_trees)
    yield none("determinism, decisions", "way differs", found["decisions_differing"], f"of {found['ways']} ways")


def from_file(run: Run) -> Iterator[Line]:
    """`bench.replay`: from_file_per_s, from_file_cold_per_s, share_with_new_values, trees, replay_differing, replay_ways."""
    found = measured("replay", run.quick)
    share, cold = found["share_with_new_values"], found["from_file_cold_per_s"]
    note = f"{share:.0%} with new values; {cold:,}/s when all customers are new"
    line = at_least("Parquet to decisions on disk", 150_000, found["from_file_per_s"], " events/s", note)
    yield replace(line, passed=line.passed and found["trees"] >= 200)
    differing = found["replay_differing"]
    note = f"of {found['replay_ways']} ways" + (f"; {differing}" if differing else "")
    yield none("determinism, replay", "way differs", len(differing), note)


def service(run: Run) -> Iterator[Line]:
    """`bench.service`: figures of `service_load.run` as `fast` and `steady`, and stall_ms_max of growth and snapshot."""
    found = measured("service", run.quick)
    fast, steady = found["fast"], found["steady"]
    yield at_least(
        "service, rate",
        10_000 * 0.99,
        fast["rate_per_s"],
        " decisions/s",
        f"asked {fast['asked_rate_per_s']:,}; service at nice {found['service_nice']}",
    )
    yield at_most("service, 10,000/s, p99", 5, fast["latency_ms_p99"], " ms")
    yield at_most("service, 10,000/s, p99.9", 20, fast["latency_ms_p999"], " ms")
    yield at_most("service, 1,000/s, p50", 0.7, steady["latency_ms_p50"], " ms")
    yield at_most("service, 1,000/s, p99", 2, steady["latency_ms_p99"], " ms")
    yield at_most("service, longest stall", 5, found["stall_ms_max"], " ms")


def crash(run: Run) -> Iterator[Line]:
    """`bench.crash`: kills, answered, lost, changed (answered differently later), decided_twice, restart_s_max, ..."""
    found = measured("crash", run.quick)
    kills = run.pick(100, 2)
    line = none(
        "crash, answered decisions lost", "loss", found["lost"], f"of {found['answered']:,}, {found['kills']} kills"
    )
    yield replace(line, passed=line.passed and found["kills"] >= kills and found["answered"] > 0)
    yield none("crash, decided twice", "event decided twice", found["decided_twice"])
    note = f"{found['events_recovered']:,} events"
    yield at_most("crash, restart to first answer", 5, found["restart_s_max"], " s", note)


def bad_input(run: Run) -> Iterator[Line]:
    """`bench.bad_input`: cases, accepted, unclear, disturbed, disk_full_refused, read_only_refused, corrupted."""
    found = measured("bad_input", run.quick)
    wrong = found["accepted"] + found["unclear"] + found["disturbed"]
    line = none("bad input, corpus", "case accepted, unclear or disturbing", wrong, f"of {found['cases']:,} cases")
    yield replace(line, passed=line.passed and found["cases"] >= 200)
    for what in ("disk_full", "read_only"):
        refused, corrupted = bool(found[f"{what}_refused"]), int(found["corrupted"])
        figure = f"{'refused' if refused else 'not refused'}, {corrupted} corrupted"
        yield Line(
            f"bad input, {what.replace('_', ' ')}", "refused, nothing corrupted", figure, refused and not corrupted
        )


def handbook(run: Run) -> Iterator[Line]:
    """The book's fifteen features from the engine, and how good a model on Tarim's own is."""
    book = importlib.import_module("bench.handbook")
    data = Path(os.environ.get("TARIM_SHARED", "../shared")) / "data"
    if not (data / book.TRANSACTIONS).exists():
        raise FileNotFoundError(f"{data / book.TRANSACTIONS} is not there; set TARIM_SHARED")
    ledger, published = book.read_ledger(data), book.read_published(data)
    weeks = book.PREQUENTIAL[: run.pick(4, 2)]
    if run.quick:  # what is behind the last test week changes nothing before it
        kept = ledger.day < weeks[-1].test[1]
        ledger = book.Ledger(*(column[kept] for column in vars(ledger).values()))
        published = {name: column[kept] for name, column in published.items()}
    order = book.book_order(ledger, published)
    ledger = book.Ledger(*(column[order] for column in vars(ledger).values()))
    own = book.by_engine(ledger, book.OWN_SET)
    compared = book.compare(
        book.book_names(own, ledger), {name: column[order] for name, column in published.items()}, ledger
    )
    note = f"of {len(compared)} features x {len(ledger):,} rows, averages to {book.RELATIVE_TOLERANCE:g}"
    line = none(
        "handbook, fifteen features", "value differs from the book", sum(each.unequal for each in compared), note
    )
    yield replace(line, passed=line.passed and len(compared) == 15)
    columns = book.own_columns(ledger, own)
    matrix, names = book.matrix_of(columns), list(columns)
    first = book.assess(matrix, names, ledger, book.SPLIT_A)
    yield at_least("handbook, split A", 0.70, round(first.average_precision, 4), " AP", _scores(first))
    rest = book.mean_of([first, *(book.assess(matrix, names, ledger, each) for each in weeks[1:])])
    note = f"mean of {len(weeks)} weeks; {_scores(rest)}"
    yield at_least("handbook, split B", 0.70, round(rest.average_precision, 4), " AP", note)


def _scores(found: Any) -> str:
    return f"AUC {found.auc:.3f}, CP@100 {found.card_precision_100:.3f}"


BARS: tuple[Bar, ...] = (
    Bar("exactness", ("exactness",), exactness, (50, 6)),
    Bar("determinism", ("determinism, features",), determinism, (15, 3)),
    Bar(
        "replay",
        (
            "features, one core",
            "features, against the C loop",
            "features, against plain Python",
            "features, against DuckDB",
        ),
        replay_features,
        (60, 8),
    ),
    Bar(
        "memory",
        (
            "memory in use per retained event",
            "memory allocated by memory in use",
            "snapshot",
            "restore",
            "memory of 350,000 customers, 90 days",
            "snapshot, 90 days",
            "restore, 90 days",
        ),
        memory,
        (90, 10),
    ),
    Bar(
        "decisions",
        ("features, rules and model, one core", "determinism, decisions"),
        decisions,
        (60, 6),
    ),
    Bar("from file", ("Parquet to decisions on disk", "determinism, replay"), from_file, (90, 12)),
    Bar(
        "service",
        (
            "service, rate",
            "service, 10,000/s, p99",
            "service, 10,000/s, p99.9",
            "service, 1,000/s, p50",
            "service, 1,000/s, p99",
            "service, longest stall",
        ),
        service,
        (90, 8),
    ),
    Bar(
        "crash",
        ("crash, answered decisions lost", "crash, decided twice", "crash, restart to first answer"),
        crash,
        (360, 8),
    ),
    Bar("bad input", ("bad input, corpus", "bad input, disk full", "bad input, read only"), bad_input, (20, 3)),
    Bar("handbook", ("handbook, fifteen features", "handbook, split A", "handbook, split B"), handbook, (60, 15)),
)


def prepare(quick: bool, bars: Collection[str]) -> float:
    """Compile the kernels these bars need; the machine code is kept on disk, so a second run finds it.  Seconds it took."""
    from bench import engine
    from tarim.stream import Engine, reference_features

    started = time.monotonic()
    Engine(reference_features())
    if "memory" in bars and not quick:
        Engine(engine.ninety_days())
    if "handbook" in bars:
        Engine(importlib.import_module("bench.handbook").OWN_SET)
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main("Judge the engine against its bars.", BARS, prepare))
