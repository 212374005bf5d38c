"""The scenario packs on a simulated bank with every typology: what is found, whom it annoys, and whether the reason is right.

A *case* is one ring of the truth.  It is found when one of its criminal events has an outcome above pass; its scenario is
named when a rule of that scenario holds on one of them.  An *alert* is one customer on one local day, or, when the heaviest
rule looks at the receiving account, one receiving account on one local day, with an outcome above pass; it is true when one
of the events with such an outcome is criminal.  Cases that begin in the first weeks, when nobody has a past, and those
that may not be over on the last day are left out; so are the alerts of the first weeks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from bench.acceptance import Line, Run, at_least, at_most
from tarim.rules import HIT_WORDS, Ruleset, compile_ruleset, scenario_pack
from tarim.simulation import CRIME_NAMES, PATTERNS, SCENARIOS, CrimeSettings, SimulationSettings, simulate_labelled_rows
from tarim.stream import Col, Engine, Outcome, scenario_features

UNSEEN_SEED = 20270118
"""Never used in development; only the bar runs it."""
BURN_IN_DAYS = 30
CASE_DAYS = 8
"""Days for which a case may go on."""
BATCH_EVENTS = 8_192
CHINA_OFFSET_MS, DAY_MS = 8 * 3_600_000, 86_400_000


Ints = npt.NDArray[np.int64]


@dataclass
class Found:
    """What was found of one scenario, or of one pattern that imitates it."""

    cases: int = 0
    found: int = 0
    named: int = 0
    true_alerts: int = 0
    false_alerts: int = 0

    @property
    def recall(self) -> float:
        return self.found / max(1, self.cases)


@dataclass
class Report:
    """What the pack did on one bank."""

    events: int
    scenarios: dict[str, Found] = field(default_factory=lambda: {name: Found() for name in SCENARIOS})
    patterns: dict[str, Found] = field(default_factory=lambda: {name: Found() for name, _ in PATTERNS})

    def total(self, what: str) -> int:
        return sum(getattr(found, what) for found in self.scenarios.values())

    @property
    def recall(self) -> float:
        return self.total("found") / max(1, self.total("cases"))

    @property
    def named_share(self) -> float:
        return self.total("named") / max(1, self.total("found"))

    @property
    def false_per_true(self) -> float:
        return self.total("false_alerts") / max(1, self.total("true_alerts"))

    @property
    def false_per_case(self) -> float:
        return self.total("false_alerts") / max(1, self.total("found"))


@lru_cache(maxsize=1)
def prepared() -> Ruleset:
    """The pack, compiled, and the engine's kernels in the cache (a minute or two when they are not there yet)."""
    return compile_ruleset(scenario_pack(), Engine(scenario_features()).names)


def bank(seed: int, days: int, customers: int, events_per_day: int) -> SimulationSettings:
    """The bank that is judged: crime at 0.3% of the events, what imitates it at 2%."""
    return SimulationSettings(
        customers=customers,
        events_per_day=events_per_day,
        days=days,
        seed=seed,
        scenarios="all",
        crime=CrimeSettings(share=0.003),
        pattern_share=0.02,
    )


@dataclass(frozen=True)
class Judged:
    """The events that are part of a case or pattern, or that some rule holds on; arrays of shape (n,)."""

    local_day: Ints
    crime: Ints
    pattern: Ints
    ring: Ints
    customer: Ints
    payee: Ints
    holds: npt.NDArray[np.bool_]
    """Shape (n, rules)."""

    @property
    def flagged(self) -> npt.NDArray[np.bool_]:
        """Whether the outcome is above pass: every rule of the pack leads there."""
        found: npt.NDArray[np.bool_] = np.asarray(self.holds.any(axis=1))
        return found


def judge_bank(settings: SimulationSettings) -> Report:
    """Simulate, compute features, evaluate the pack, compare with the truth."""
    ruleset = prepared()
    engine = Engine(scenario_features())
    assert all(rule.outcome > Outcome.PASS for rule in ruleset.rules)
    parts = []
    events = 0
    for day in simulate_labelled_rows(settings):
        events += len(day.rows)
        hits = np.zeros((len(day.rows), HIT_WORDS), np.uint64)
        for begin in range(0, len(day.rows), BATCH_EVENTS):
            rows = day.rows[begin : begin + BATCH_EVENTS]
            features = np.empty((len(rows), len(engine.names)))
            engine.process(rows, features)
            scores = np.full(len(rows), np.nan)
            ruleset.evaluate(rows, features, scores, np.zeros_like(hits[: len(rows)]), hits[begin : begin + len(rows)])
        chosen = np.flatnonzero(hits.any(axis=1) | (day.ring >= 0))
        rows = day.rows[chosen]
        local_day = (rows[:, Col.OCCURRED_MS] + CHINA_OFFSET_MS) // DAY_MS
        truth = (column[chosen].astype(np.int64) for column in (day.crime, day.pattern, day.ring))
        bits = [hits[chosen, rule.index // 64] >> np.uint64(rule.index % 64) & np.uint64(1) for rule in ruleset.rules]
        parts.append((local_day, *truth, rows[:, Col.CUSTOMER], rows[:, Col.PAYEE], np.stack(bits, 1).astype(bool)))
    report = Report(events)
    judged = Judged(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    first_day = int(np.datetime64(settings.start, "D").astype(np.int64))
    judged_from = first_day + BURN_IN_DAYS
    _count_cases(report, judged, ruleset, judged_from, first_day + settings.days - CASE_DAYS)
    _count_alerts(report, judged, ruleset, judged_from)
    return report


def _count_cases(report: Report, judged: Judged, ruleset: Ruleset, day_from: int, day_to: int) -> None:
    """Count the cases and patterns that begin on days in [day_from, day_to), those found, and those rightly named."""
    named = np.zeros(len(judged.crime), bool)
    for index, rule in enumerate(ruleset.rules):
        if rule.scenario in CRIME_NAMES:
            named |= judged.holds[:, index] & (judged.crime == CRIME_NAMES.index(rule.scenario) + 1)
    members = np.flatnonzero(judged.ring >= 0)
    _, first_of, case = np.unique(judged.ring[members], return_index=True, return_inverse=True)
    begun = np.full(len(first_of), np.iinfo(np.int64).max)
    np.minimum.at(begun, case, judged.local_day[members])
    found = np.bincount(case, judged.flagged[members]) > 0
    right = np.bincount(case, named[members]) > 0
    for each in np.flatnonzero((begun >= day_from) & (begun < day_to)):
        crime, pattern = judged.crime[members[first_of[each]]], judged.pattern[members[first_of[each]]]
        entry = report.scenarios[CRIME_NAMES[crime - 1]] if crime else report.patterns[PATTERNS[pattern - 1][0]]
        entry.cases += 1
        entry.found += bool(found[each])
        entry.named += bool(right[each])


def _count_alerts(report: Report, judged: Judged, ruleset: Ruleset, day_from: int) -> None:
    """Count the alerts from `day_from` on, true and false, under the scenario of the heaviest rule."""
    chosen = np.flatnonzero(judged.flagged & (judged.local_day >= day_from))
    weights = np.array([rule.weight for rule in ruleset.rules])
    of_payee = np.array([any(name.startswith("payee_") for name in rule.reads) for rule in ruleset.rules])
    heaviest = np.argmax(np.where(judged.holds[chosen], weights, -1), axis=1)
    about_payee = of_payee[heaviest]
    subject = np.where(about_payee, judged.payee[chosen], judged.customer[chosen])
    keys = np.stack([judged.local_day[chosen], about_payee.astype(np.int64), subject], axis=1)
    _, first_of, alert = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    alert = alert.reshape(-1)
    true = np.bincount(alert, judged.crime[chosen] > 0) > 0
    imitating = np.zeros(len(first_of), np.int64)
    np.maximum.at(imitating, alert, judged.pattern[chosen])
    for index, position in enumerate(first_of):
        scenario = report.scenarios[ruleset.rules[heaviest[position]].scenario]
        scenario.true_alerts += bool(true[index])
        scenario.false_alerts += not true[index]
        if imitating[index] and not true[index]:
            report.patterns[PATTERNS[imitating[index] - 1][0]].false_alerts += 1


def text_of(report: Report) -> str:
    """Every scenario and every pattern, a line each."""
    lines = [f"{'scenario':<22}{'cases':>6}{'found':>6}{'recall':>8}{'named':>7}{'true':>6}{'false':>6} alerts"]
    for name, found in report.scenarios.items():
        lines.append(
            f"{name:<22}{found.cases:>6}{found.found:>6}{found.recall:>8.3f}{found.named:>7}"
            f"{found.true_alerts:>6}{found.false_alerts:>6}"
        )
    lines.append(f"{'genuine pattern':<22}{'cases':>6}{'hit':>6}{'share':>8}{'':>7}{'':>6}{'false':>6} alerts")
    for name, found in report.patterns.items():
        lines.append(
            f"{name:<22}{found.cases:>6}{found.found:>6}{found.recall:>8.3f}{'':>7}{'':>6}{found.false_alerts:>6}"
        )
    lines.append(
        f"{report.events:,} events; recall {report.recall:.3f}, scenario named {report.named_share:.3f}, "
        f"{report.false_per_true:.2f} false alerts per true one, {report.false_per_case:.2f} per case found"
    )
    return "\n".join(lines)


LINES = ("scenarios, recall of cases", "scenarios, false alerts per true one", "scenarios, right scenario named")


def lines(run: Run) -> Iterator[Line]:
    """The bar: a bank of the unseen seed, each scenario told before the lines."""
    report = judge_bank(bank(UNSEEN_SEED, run.pick(120, 50), run.pick(40_000, 12_000), run.pick(36_000, 12_000)))
    print(text_of(report), flush=True)
    weak = [
        f"{name} {found.found} of {found.cases}"
        for name, found in report.scenarios.items()
        if found.cases and found.recall < 0.9
    ]
    note = f"{report.total('found')} of {report.total('cases')}" + (f"; below .90: {', '.join(weak)}" if weak else "")
    yield at_least(LINES[0], 0.90, report.recall, note=note)
    imitations = report.patterns.values()
    note = f"{report.false_per_case:.2f} per case found; "
    note += f"hard negatives hit: {sum(f.found for f in imitations):,} of {sum(f.cases for f in imitations):,}"
    yield at_most(LINES[1], 1.0, report.false_per_true, note=note)
    yield at_least(LINES[2], 0.90, report.named_share, note="of the cases found, by a rule of that scenario")


def main() -> None:
    """Judge banks of seeds for development."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--days", type=int, default=60)
    options = parser.parse_args()
    for seed in options.seeds:
        print(f"seed {seed}", text_of(judge_bank(bank(seed, options.days, 40_000, 36_000))), sep="\n", flush=True)


if __name__ == "__main__":
    main()
