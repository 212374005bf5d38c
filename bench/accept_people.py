"""`make accept-people`: is people's work as good as promised?  A line per bar, then `N passed, M failed`.

    python -m bench.accept_people [--only NAME ...] [--json FILE]

At most half an hour; with QUICK=1 in the environment fifty seconds, on smaller sizes, without the bars that need long (kills,
authority, lists, masking).  The targets are the same.  A bar that cannot be run (no database server, out of time) has failed,
and the line says why.  Exit status 1 on any miss.  Nothing is pinned, and the machine may be shared.

A part has its bars in `bench/people_<part>.py`, as functions `lines(run)` that yield judged lines, and an entry of BARS here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator

from bench.acceptance import Bar, Line, Run, main


def tamper(run: Run) -> Iterator[Line]:
    from bench import people_audit

    yield from people_audit.lines(run)


def masking(run: Run) -> Iterator[Line]:
    from bench import people_masking

    yield from people_masking.lines(run)


def redress(run: Run) -> Iterator[Line]:
    from bench import people_redress

    yield from people_redress.lines(run)


def deadlines(run: Run) -> Iterator[Line]:
    from bench import people_deadlines

    yield from people_deadlines.lines(run)


def rebuild(run: Run) -> Iterator[Line]:
    from bench import people_desk

    yield from people_desk.rebuild(run)


def kills(run: Run) -> Iterator[Line]:
    from bench import people_kills

    yield from people_kills.kills(run)


def load(run: Run) -> Iterator[Line]:
    from bench import people_load

    yield from people_load.load(run)


def states(run: Run) -> Iterator[Line]:
    from bench import people_cases

    yield from people_cases.states(run)


def case_four_eyes(run: Run) -> Iterator[Line]:
    from bench import people_cases

    yield from people_cases.four_eyes(run)


def lists(run: Run) -> Iterator[Line]:
    from bench import people_cases

    yield from people_cases.lists(run)


def authority(run: Run) -> Iterator[Line]:
    from bench import people_identity

    yield from people_identity.authority_lines(run)


def attack(run: Run) -> Iterator[Line]:
    from bench import people_identity

    yield from people_identity.attack_lines(run)


def reports(run: Run) -> Iterator[Line]:
    from bench import people_reporting

    yield from people_reporting.reports(run)


def reconcile(run: Run) -> Iterator[Line]:
    from bench import people_reporting

    yield from people_reporting.reconcile(run)


def batch(run: Run) -> Iterator[Line]:
    from bench import people_reporting

    yield from people_reporting.batch(run)


ALL = (
    Bar("tamper", ("tamper, not found", "tamper, not located"), tamper, (40, 6), timed=False),
    Bar(
        "masking",
        ("masking, unmasked values", "masking, full view shown and on the trail"),
        masking,
        (90, 14),
        timed=False,
    ),
    Bar("rebuild", ("rebuild, tables that differ", "rebuild, 1,000,000 decisions"), rebuild, (100, 6)),
    Bar(
        "kills",
        (
            "kills, acts lost, SQLite",
            "kills, acts doubled, SQLite",
            "kills left out, SQLite",
            "kills, cases brought to their end, SQLite",
            "kills, alerts in no case or in two, SQLite",
            "kills, tables that differ when made anew, SQLite",
        ),
        kills,
        (280, 16),
        timed=False,
    ),
    Bar(
        "load",
        (
            "load, p95, SQLite",
            "load, requests failed, SQLite",
            "load, p95, PostgreSQL",
            "load, requests failed, PostgreSQL",
        ),
        load,
        (700, 22),
    ),
    Bar("authority", ("authority, routes and commands by role",), authority, (120, 14), timed=False),
    Bar("attack", ("attack, came through", "attack, without an alarm"), attack, (20, 12), timed=False),
    Bar("redress", ("redress, states and events", "redress, rebuilt tables"), redress, (40, 8), timed=False),
    Bar("deadlines", ("deadlines, engine and walk",), deadlines, (30, 10), timed=False),
    Bar(
        "states",
        ("states, pairs decided otherwise than the table", "states, races with none or two winners"),
        states,
        (20, 4),
        timed=False,
    ),
    Bar(
        "case_four_eyes",
        ("four eyes, cases: got through alone", "four eyes, cases: a second person kept out"),
        case_four_eyes,
        (6, 5),
        timed=False,
    ),
    Bar(
        "lists",
        (
            "lists, p95 of a page, SQLite",
            "lists, p95 of a page, PostgreSQL",
        ),
        lists,
        (100, 7),
    ),
    Bar(
        "reports",
        (
            "STR, faults not refused with their rule",
            "STR, sound reports that break the schema",
            "STR, altered messages that keep to the schema",
        ),
        reports,
        (20, 4),
        timed=False,
    ),
    Bar(
        "reconcile",
        ("reports, figures that differ from what was written", "reports, altered tables that were filed from"),
        reconcile,
        (90, 8),
        timed=False,
    ),
    Bar(
        "batch", ("batch, files that differ", "batch, runs by hand without their operator"), batch, (30, 4), timed=False
    ),
)


QUICK = os.environ.get("QUICK", "") not in ("", "0")
FULL_S = 30 * 60
FULL_ONLY = ("kills", "authority", "lists", "masking")
BARS = tuple(each for each in ALL if not (QUICK and each.name in FULL_ONLY))


def prepare(quick: bool, bars: Collection[str]) -> float:
    """Nothing to compile before the clock starts."""
    return 0.0


if __name__ == "__main__":
    sys.exit(main("Judge people's work against its bars.", BARS, prepare, FULL_S))
