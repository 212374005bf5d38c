"""`make accept-console`: is the console as good as promised?  A line per bar, then `N passed, M failed`.

    python -m bench.accept_console [--only NAME ...] [--json FILE]

At most forty minutes; with QUICK=1 in the environment fifty seconds, on smaller sizes, without the bars that need long
(journeys, viewers, links, filters).  The targets are the same.  A bar that cannot be run (no browser, out of time) has failed,
and the line says why.  Exit status 1 on any miss.  Nothing is pinned, and the machine may be shared.

A part has its bars in `bench/console_<part>.py`, as functions that yield judged lines, and an entry of ALL here.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Iterator

from bench.acceptance import Bar, Line, Run, main


def first_load(run: Run) -> Iterator[Line]:
    from bench import console_pages

    yield from console_pages.first_load(run)


def filters(run: Run) -> Iterator[Line]:
    from bench import console_cases

    yield from console_cases.filters(run)


def links(run: Run) -> Iterator[Line]:
    from bench import console_links

    yield from console_links.lines(run)


def viewers(run: Run) -> Iterator[Line]:
    from bench import console_viewers

    yield from console_viewers.viewers(run)


def masking(run: Run) -> Iterator[Line]:
    from bench import console_masking

    yield from console_masking.lines(run)


def attack(run: Run) -> Iterator[Line]:
    from bench import console_attack

    yield from console_attack.lines(run)


def journeys(run: Run) -> Iterator[Line]:
    from bench import console_pages

    yield from console_pages.journeys(run)


ALL = (
    Bar(
        "first_load",
        ("first load, bytes", "first load, requests", "first load, live charts drawn"),
        first_load,
        (60, 24),
    ),
    Bar("filters", ("console, filter over alerts, p95",), filters, (500, 20)),
    Bar("links", ("link graph of accounts at random, p95", "link graph of hubs, p95"), links, (240, 30)),
    Bar("viewers", ("viewers", "views"), viewers, (240, 40)),
    Bar(
        "masking",
        ("masking, unmasked values", "masking, full view shown and on the trail"),
        masking,
        (300, 10),
        timed=False,
    ),
    Bar(
        "attack",
        (
            "attack, stored text that came alive",
            "attack, reflected text that came alive",
            "attack, forged acts taken",
            "attack, ways out of the house",
            "attack, files given beside the static ones",
            "attack, hostile files kept",
            "attack, altered files not put back",
        ),
        attack,
        (240, 20),
        timed=False,
    ),
    Bar("journeys", ("journeys and rules in a browser",), journeys, (600, 300), timed=False),
)


QUICK = os.environ.get("QUICK", "") not in ("", "0")
FULL_S = 40 * 60
FULL_ONLY = ("journeys", "viewers", "links", "filters")
BARS = tuple(each for each in ALL if not (QUICK and each.name in FULL_ONLY))


def prepare(quick: bool, bars: Collection[str]) -> float:
    """Open the bank that most bars ask, before the clock starts."""
    begun = time.monotonic()
    if {"first_load", "masking", "attack"} & set(bars):
        from bench.console_bank import shared_bank

        shared_bank()
    return time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main("Judge the console against its bars.", BARS, prepare, FULL_S))
