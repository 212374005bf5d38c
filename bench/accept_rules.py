"""`make accept-rules`: are rules, lists and names as good as promised?  A line per bar, then `N passed, M failed`.

    python -m bench.accept_rules [--only NAME ...] [--json FILE]

At most fifteen minutes; with QUICK=1 in the environment fifty seconds, on smaller sizes.  The targets are the same.  A bar that
cannot be run (no data, out of time) has failed, and the line says why.  Exit status 1 on any miss.  Nothing is pinned, and the
machine may be shared.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator

from bench.acceptance import Bar, Line, Run, at_most, main, none


def language(run: Run) -> Iterator[Line]:
    from bench import rules

    found = rules.agreement(run.pick(100_000, 250))
    note = f"of {found['pairs']:,} pairs, {found['rules']:,} rules; {found['held']:,} held"
    wrong = f"; {found['examples']}" if found["examples"] else ""
    yield none("language, compiled and interpreter", "pair differs", found["differing"], note + wrong)
    note = f"of {found['rules']:,} rules, text and structured form"
    yield none("language, round trips", "rule changed", found["lost"], note)
    found = rules.fuzz(run.pick(1_000_000, 10_000))
    note = f"of {found['texts']:,} texts, {found['accepted']:,} of them good" + "".join(found["examples"])
    yield none("language, bad texts", "crash or refusal without place", found["faults"], note)
    yield at_most("language, longest time over one text", 250, found["slowest_ms"], " ms")


def speed(run: Run) -> Iterator[Line]:
    from bench import rules

    found = rules.speed(run.pick(51_200, 10_240))
    for name, of, target in (("batch", "batch of 256", 1.0), ("single", "single event", 3.0)):
        usual, drawn = found[f"usual_{name}_us"], found[f"random_{name}_us"]
        note = (
            f"like the starter pack {usual:.2f}, random {drawn:.2f}; interpreter {found['usual_interpreter_us']:,.0f}"
        )
        yield at_most(f"speed, {found['rules']} rules, {of}", target, max(usual, drawn), " us", note)


def backtest(run: Run) -> Iterator[Line]:
    from bench import backtest

    yield from backtest.lines(run)


def names(run: Run) -> Iterator[Line]:
    from bench import names

    yield from names.judge(run)


def names_live(run: Run) -> Iterator[Line]:
    from bench import names_live

    yield from names_live.lines(run)


def lists(run: Run) -> Iterator[Line]:
    from bench import lists

    yield from lists.lines(run)


def scenarios(run: Run) -> Iterator[Line]:
    from bench import scenarios

    yield from scenarios.lines(run)


def timers(run: Run) -> Iterator[Line]:
    from bench import timers

    yield from timers.lines(run)


def publishing(run: Run) -> Iterator[Line]:
    from bench import publishing

    yield from publishing.lines(run)


def four_eyes(run: Run) -> Iterator[Line]:
    from bench import four_eyes

    yield from four_eyes.lines(run)


BARS = (
    Bar(
        "language",
        (
            "language, compiled and interpreter",
            "language, round trips",
            "language, bad texts",
            "language, longest time over one text",
        ),
        language,
        (220, 4),
    ),
    Bar("speed", ("speed, 250 rules, batch of 256", "speed, 250 rules, single event"), speed, (12, 4)),
    Bar(
        "backtest",
        (
            "backtest, 90 days (quick: 4, in proportion)",
            "backtest, against what was recorded live",
            "backtest, repeated",
        ),
        backtest,
        (90, 8),
    ),
    Bar(
        "lists",
        (
            "lists, as at past instants",
            "lists, memory per entry",
            "lists, look-up",
            "lists, a change of 100 entries",
            "lists, one step of a change, p99, CPU",
            "lists, by one person alone",
        ),
        lists,
        (60, 8),
    ),
    Bar(
        "names",
        (
            "names, romanisation cases: recall",
            "names, romanisation cases: precision",
            "names, variants of the real lists: recall",
            "names, variants of the real lists: precision",
            "names, ms a name, mean",
            "names, re-screening of all customers",
        ),
        names,
        (120, 12),
    ),
    Bar(
        "names live",
        (
            "names, as at past instants",
            "names, re-screening in the service's child",
            "names, planted customers",
            "names, event with a new payee, ms p99",
            "names, events one by one",
        ),
        names_live,
        (180, 14),
    ),
    Bar(
        "scenarios",
        ("scenarios, recall of cases", "scenarios, false alerts per true one", "scenarios, right scenario named"),
        scenarios,
        (60, 6),
        timed=False,
    ),
    Bar(
        "timers",
        ("timers, lost", "timers, fired twice", "timers, against a naive fold"),
        timers,
        (200, 10),
        timed=False,
    ),
    Bar(
        "publishing",
        ("publishing, 250 rules", "publishing, slowest decision meanwhile"),
        publishing,
        (60, 12),
    ),
    Bar("four eyes", ("four eyes",), four_eyes, (20, 14), timed=False),
)


def prepare(quick: bool, bars: Collection[str]) -> float:
    """Compile the engine of the scenarios' features, a minute or two when the cache has none.  Seconds it took."""
    started = time.monotonic()
    if "scenarios" in bars:
        from bench import scenarios

        scenarios.prepared()
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main("Judge rules, lists and names against their bars.", BARS, prepare))
