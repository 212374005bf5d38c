"""`python -m bench`: how fast, how big, against what?  One table, and the same figures as JSON.

    python -m bench [--quick] [--only PART ...] [--json FILE]

Every ratio compares two figures of this run.  The JSON goes to bench/results/latest.json (not kept in git) and, if asked,
to FILE.  A part that cannot run says why and does not stop the others.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.conditions import conditions, describe

RESULTS = Path(__file__).parent / "results"
Figures = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One line of the table; `against` is the baseline with its ratio."""

    part: str
    what: str
    figure: str
    against: str = ""


def exactness(quick: bool) -> Figures:
    from bench import engine

    return engine.exactness(engine.QUICK_EVENTS if quick else engine.FULL_EVENTS)


def features(quick: bool) -> Figures:
    from bench import engine

    events = engine.QUICK_EVENTS if quick else engine.FULL_EVENTS
    return engine.speed(events, repetitions=3 if quick else 5, twin_events=20_000 if quick else 100_000)


def memory(quick: bool) -> Figures:
    from bench import engine
    from tarim.stream import reference_features

    events = engine.QUICK_EVENTS if quick else engine.FULL_EVENTS
    return engine.memory([engine.rows_of(events)], reference_features())


def journal(quick: bool) -> Figures:
    found: Figures = importlib.import_module("bench.journal").run(rounds_share=0.1 if quick else 1.0)
    return found


def of(module: str) -> Callable[[bool], Figures]:
    """The figures of `bench.<module>.run(quick=...)`."""

    def measure(quick: bool) -> Figures:
        found: Figures = importlib.import_module(f"bench.{module}").run(quick=quick)
        return found

    return measure


PARTS: dict[str, Callable[[bool], Figures]] = {
    "exactness": exactness,
    "features": features,
    "memory": memory,
    "journal": journal,
    "decide": of("decide"),
    "replay": of("replay"),
    "service": of("service"),
    "crash": of("crash"),
}


def rows_of(part: str, found: Figures) -> Iterator[Row]:
    """The table's lines of one part: chosen ones where the part is known, else every plain figure."""
    if part == "features":
        yield Row(part, f"46 features, one thread, {found['events']:,} events", f"{found['engine_per_s']:,} events/s")
        yield Row(part, "  by processor time", f"{found['engine_per_cpu_s']:,} events/s")
        if "share_of_c_loop" in found:
            yield Row(
                part, "  C loop", f"{found['c_loop_per_cpu_s']:,} events/s", f"{found['share_of_c_loop']:.2f} of it"
            )
        else:
            yield Row(part, "  C loop", "not measured", found["c_loop_not_measured"])
        twin = f"{found['python_twin_per_cpu_s']:,} events/s"
        yield Row(
            part, f"  plain Python, {found['python_twin_events']:,} events", twin, f"{found['times_python_twin']} x it"
        )
        duckdb = f"{found['duckdb_per_s']:,} events/s"
        yield Row(part, f"  DuckDB, {found['duckdb_threads']} threads", duckdb, f"{found['times_duckdb']} x it")
        return
    if part == "exactness":
        what = f"values unlike SQL, {found['events']:,} rows x {found['features']}"
        yield Row(part, what, f"{found['values_differing']:,}", f"DuckDB {found['duckdb_version']}")
        return
    for name, value in found.items():
        if isinstance(value, dict):
            plain = ", ".join(
                f"{key} {_shown(each)}" for key, each in value.items() if not isinstance(each, dict | list)
            )
            yield Row(part, name, plain)
        elif not isinstance(value, list):
            yield Row(part, name, _shown(value))


def _shown(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure Tarim against its baselines.")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, under a minute")
    parser.add_argument("--only", nargs="*", choices=list(PARTS), help="measure these parts only")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 140)
    surroundings = conditions()
    console.print(describe(surroundings), highlight=False)
    results: dict[str, Figures] = {}
    table = Table(title="Tarim, measured", title_justify="left")
    for heading in ("part", "what", "figure", "against"):
        table.add_column(heading, overflow="fold")
    for part in options.only or PARTS:
        started = time.monotonic()
        with console.status(f"measuring {part}"):
            try:
                found = PARTS[part](options.quick)
                lines = list(rows_of(part, found))
            except Exception as error:  # one part must not hide the others; what happened is in the table and the JSON
                found = {"not_measured": f"{type(error).__name__}: {error}"}
                lines = [Row(part, "not measured", "", found["not_measured"])]
        found["took_s"] = round(time.monotonic() - started, 1)
        results[part] = found
        for number, line in enumerate(lines):
            table.add_row(*asdict(line).values(), end_section=number == len(lines) - 1)
    console.print(table)
    text = json.dumps(
        {"conditions": surroundings, "quick": options.quick, "results": results},
        indent=2,
        ensure_ascii=False,
        default=str,
    )
    RESULTS.mkdir(exist_ok=True)
    for path in (RESULTS / "latest.json", options.json):
        if path is not None:
            path.write_text(text + "\n", encoding="utf-8")
    return 1 if any("not_measured" in found for found in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
