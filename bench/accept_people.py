"""`make accept-people`: is people's work as good as promised?  A line per bar, then `N passed, M failed`.

    python -m bench.accept_people [--only NAME ...] [--json FILE]

At most fifteen minutes; with QUICK=1 in the environment fifty seconds, on smaller sizes.  The targets are the same.  A bar that
cannot be run (no database server, out of time) has failed, and the line says why.  Exit status 1 on any miss.  Nothing is
pinned, and the machine may be shared.

A part has its bars in `bench/people_<part>.py`, as functions `lines(run)` that yield judged lines, and an entry of BARS here.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator

from bench.acceptance import Bar, Line, Run, main


def tamper(run: Run) -> Iterator[Line]:
    from bench import people_audit

    yield from people_audit.lines(run)


def deadlines(run: Run) -> Iterator[Line]:
    from bench import people_deadlines

    yield from people_deadlines.lines(run)


BARS = (
    Bar("tamper", ("tamper, not found", "tamper, not located"), tamper, (40, 12), timed=False),
    Bar("deadlines", ("deadlines, engine and walk",), deadlines, (30, 10), timed=False),
)


def prepare(quick: bool, bars: Collection[str]) -> float:
    """Nothing to compile before the clock starts."""
    return 0.0


if __name__ == "__main__":
    sys.exit(main("Judge people's work against its bars.", BARS, prepare))
