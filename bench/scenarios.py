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

UNSEEN_SEED = 20261122
"""Never used in development; only the bar runs it."""
BURN_IN_DAYS = 30
CASE_DAYS = 8
"""Days for which a case may go on."""
BATCH_EVENTS = 8_192
CHINA_OFFSET_MS, DAY_MS = 8 * 3_600_000, 86_400_000


@dataclass
class Found:
    """What was found of one scenario, or of one pattern that imitates it."""

    cases: int = 0
    found: int = 0
    named: int = 0
    true_alerts: int = 0
    false_alerts: int = 0


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
def prepared() -> tuple[Engine, Ruleset]:
    """A fresh engine's kernels and the pack, compiled (minutes when nothing is cached)."""
    engine = Engine(scenario_features())
    return engine, compile_ruleset(scenario_pack(), engine.names)


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


def judge_bank(settings: SimulationSettings) -> Report:
    """Simulate, compute features, evaluate the pack, compare with the truth."""
    ruleset = prepared()[1]
    engine = Engine(scenario_features())
    kept: list[tuple[npt.NDArray[np.int64], ...]] = []
    outcomes = np.array([rule.outcome for rule in ruleset.rules])
    events = 0
    spans: dict[int, tuple[int, int]] = {}
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
        local_day = (day.rows[chosen, Col.OCCURRED_MS] + CHINA_OFFSET_MS) // DAY_MS
        kept.append(
            (local_day, day.crime[chosen].astype(np.int64), day.pattern[chosen].astype(np.int64), day.ring[chosen],
             day.rows[chosen, Col.CUSTOMER], day.rows[chosen, Col.PAYEE], hits[chosen].view(np.int64))
        )  # fmt: skip
    assert all(outcome > Outcome.PASS for outcome in outcomes)
    del spans
    return _counted(events, settings, ruleset, [np.concatenate(columns) for columns in zip(*kept, strict=True)])


def _counted(
    events: int, settings: SimulationSettings, ruleset: Ruleset, columns: list[npt.NDArray[np.int64]]
) -> Report:
    local_day, crime, pattern, ring, customer, payee, words = columns
    first_day = int(np.datetime64(settings.start, "D").astype(np.int64))
    holds = np.stack(
        [words.view(np.uint64)[:, rule.index // 64] >> np.uint64(rule.index % 64) & np.uint64(1) for rule in ruleset.rules],
        axis=1,
    ).astype(bool)
    report = Report(events)
    flagged = holds.any(axis=1)
    named = np.zeros(len(crime), bool)
    for index, rule in enumerate(ruleset.rules):
        if rule.scenario in CRIME_NAMES:
            named |= holds[:, index] & (crime == CRIME_NAMES.index(rule.scenario) + 1)

    judged_from, judged_to = first_day + BURN_IN_DAYS, first_day + settings.days - CASE_DAYS
    case, place = np.unique(ring[ring >= 0], return_inverse=True)
    of_case = np.flatnonzero(ring >= 0)
    begun = np.full(len(case), np.iinfo(np.int64).max)
    np.minimum.at(begun, place, local_day[of_case])
    caught, right = np.zeros(len(case), bool), np.zeros(len(case), bool)
    np.logical_or.at(caught, place, flagged[of_case])
    np.logical_or.at(right, place, named[of_case])
    first = np.zeros(len(case), np.int64)
    first[place[::-1]] = of_case[::-1]
    for each in np.flatnonzero((begun >= judged_from) & (begun < judged_to)):
        kind, imitation = crime[first[each]], pattern[first[each]]
        entry = report.scenarios[CRIME_NAMES[kind - 1]] if kind else report.patterns[PATTERNS[imitation - 1][0]]
        entry.cases += 1
        entry.found += bool(caught[each])
        entry.named += bool(right[each])

    alerting = np.flatnonzero(flagged & (local_day >= judged_from))
    weights = np.array([rule.weight for rule in ruleset.rules])
    heaviest = np.argmax(np.where(holds[alerting], weights, -1), axis=1)
    about_payee = np.array([any(name.startswith("payee_") for name in rule.reads) for rule in ruleset.rules])[heaviest]
    subject = np.where(about_payee, payee[alerting], customer[alerting])
    keys = np.stack([local_day[alerting], about_payee.astype(np.int64), subject], axis=1)
    _, first_of, alert = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    alert = alert.reshape(-1)
    true = np.zeros(len(first_of), bool)
    np.logical_or.at(true, alert, crime[alerting] > 0)
    imitating = np.zeros(len(first_of), np.int64)
    np.maximum.at(imitating, alert, pattern[alerting])
    for index, position in enumerate(first_of):
        scenario = report.scenarios[ruleset.rules[heaviest[position]].scenario]
        if true[index]:
            scenario.true_alerts += 1
        else:
            scenario.false_alerts += 1
            if imitating[index]:
                report.patterns[PATTERNS[imitating[index] - 1][0]].false_alerts += 1
    return report


def text_of(report: Report) -> str:
    """Every scenario and every pattern, a line each."""
    lines = [f"{'scenario':<22}{'cases':>6}{'found':>6}{'recall':>8}{'named':>7}{'true':>6}{'false':>6} alerts"]
    for name, found in report.scenarios.items():
        recall = found.found / max(1, found.cases)
        lines.append(
            f"{name:<22}{found.cases:>6}{found.found:>6}{recall:>8.3f}{found.named:>7}"
            f"{found.true_alerts:>6}{found.false_alerts:>6}"
        )
    lines.append(f"{'genuine pattern':<22}{'cases':>6}{'hit':>6}{'share':>8}{'':>7}{'':>6}{'false':>6} alerts")
    for name, found in report.patterns.items():
        share = found.found / max(1, found.cases)
        lines.append(f"{name:<22}{found.cases:>6}{found.found:>6}{share:>8.3f}{'':>7}{'':>6}{found.false_alerts:>6}")
    lines.append(
        f"{report.events:,} events; recall {report.recall:.3f}, scenario named {report.named_share:.3f}, "
        f"{report.false_per_true:.2f} false alerts per true one, {report.false_per_case:.2f} per case found"
    )
    return "\n".join(lines)


LINES = (
    "scenarios: recall of cases",
    "scenarios: false alerts per true alert",
    "scenarios: right scenario named",
    "scenarios: least recall of one scenario",
)


def judge(run: Run) -> Iterator[Line]:
    """The bar: a bank of the unseen seed."""
    report = judge_bank(bank(UNSEEN_SEED, run.pick(75, 45), run.pick(40_000, 10_000), run.pick(36_000, 9_000)))
    print(text_of(report), flush=True)
    hard = [found for found in report.patterns.values()]
    imitations = f"{sum(f.found for f in hard)} of {sum(f.cases for f in hard)} hard negatives alerted"
    yield at_least(LINES[0], 0.90, report.recall, note=f"{report.total('found')} of {report.total('cases')} cases")
    yield at_most(LINES[1], 1.0, report.false_per_true, note=imitations)
    yield at_least(LINES[2], 0.90, report.named_share, note="of the cases found")


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
