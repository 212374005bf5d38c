"""Labels that were turned, points that were planted, sources that do not tell the truth (AS-23, AS-24, ML-22).

All three rest on cross-fitted scores: what models that never saw a row, nor its customer, nor its near copies, say of it.

Flipped labels.  Rows are ordered by score; the lower half are the *plain* ones, which look the most genuine.  Real frauds
become ever rarer there, flipped labels do not: turned at random they are as frequent among the plain as anywhere.  So the share
of frauds among the plain rows bounds the share of genuine labels that were turned; when its lower confidence bound exceeds
FLIPS_SHARE_MIN, that is an alarm.  The rows are named by confident learning (Northcutt, Jiang, Chuang: Confident Learning,
Journal of Artificial Intelligence Research 70, 2021): labelled fraud with a score below the mean score of the genuine;
labelled genuine with one above the mean score of the frauds is a notice, since unreported frauds are everyday.
A fraud that leaves no trace in the features cannot be told from a turned label; a set with many of these alarms too.

Bait points.  Near copies of one event among several customers, labelled against what their surroundings say: copies of a
fraud labelled genuine open a door, copies of the genuine labelled fraud close one.  First events of new customers look alike
by nature, so a cluster has to agree in at least BAIT_VALUES_MIN different numbers; what agrees in REPEAT_VALUES_MIN is
implausible whatever its labels, since customers with a past differ.

Sources.  By source and by channel: more frauds among its plain rows than among everybody else's, by distinct customers (one
hard case is one customer); or far fewer frauds than its rows' scores expect, the variance counted by customer.  Holm's
correction over all tests (Scandinavian Journal of Statistics, 1979).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.models.datasets.checks.crossfit import MISSING, SHARE_MAX, logged
from tarim.models.datasets.checks.findings import Checked, Finding, SourceFigures, Weight, named

Words = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PLAIN_SHARE: Final = 0.5
FLIPS_SHARE_MIN: Final = 0.002
"""Share of genuine labels turned, from which on it is an alarm."""
CHANCE: Final = 1e-3
"""Of a finding of one kind in a set without poison, all tests of that kind together."""
BAIT_ROWS_MIN: Final = 8
BAIT_CUSTOMERS_MIN: Final = 3
BAIT_VALUES_MIN: Final = 4
REPEAT_VALUES_MIN: Final = 8
BAIT_CONTRARY: Final = 0.4
"""Share of a cluster's rows that are labelled against the scores."""
SOURCE_CUSTOMERS_MIN: Final = 8
SOURCE_TIMES_MIN: Final = 3.0
SOURCE_SILENT: Final = 0.4
"""Frauds over expected frauds, below which a source is silent."""
SOURCE_ROWS_MIN: Final = 200
DIVISIONS: Final = ("source", "channel")


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows with their cross-fitted scores and clusters of near copies."""

    checked: Checked
    scores: Scores
    clusters: Words

    def plain(self) -> Flags:
        """The rows that look the most genuine, shape (n,)."""
        found = np.zeros(len(self.scores), np.bool_)
        found[np.argsort(self.scores, kind="stable")[: int(len(self.scores) * PLAIN_SHARE)]] = True
        return found


def check_flips(judged: Judged) -> Iterator[Finding]:
    """Labels that contradict the scores far beyond chance."""
    from scipy.stats import beta

    checked, scores = judged.checked, judged.scores
    fraud, plain = checked.labels == 1, judged.plain()
    told = float(checked.weight[fraud & plain].sum())
    among = float(checked.weight[plain].sum())
    least = float(beta.ppf(CHANCE, told, among - told + 1)) if told else 0.0
    doubtful = np.flatnonzero(fraud & (scores <= scores[~fraud].mean()))
    if least > FLIPS_SHARE_MIN:
        share = told / among
        yield Finding(
            "flips", Weight.ALARM, "labelled fraud", {"share": share, "at_least": least, "plain": among, "told": told},
            len(doubtful), named(checked, doubtful),
            f"about {share:.2%} of the genuine labels seem to have been turned to fraud (at least {least:.2%}): "
            f"{len(doubtful):,} rows labelled fraud look like everybody else's",
            f"约 {share:.2%} 的正常标签疑被改为欺诈（下限 {least:.2%}）：{len(doubtful):,} 行标为欺诈却与正常无异",
        )  # fmt: skip
    hidden = np.flatnonzero(~fraud & (scores >= max(float(scores[fraud].mean()), 0.5)))
    if len(hidden):
        yield Finding(
            "flips", Weight.NOTICE, "labelled genuine", {"frauds": float(fraud.sum())}, len(hidden), named(checked, hidden),
            f"{len(hidden):,} rows labelled genuine look like frauds: unreported, or turned",
            f"{len(hidden):,} 行标为正常却酷似欺诈：可能未报案或标签被改",
        )  # fmt: skip


def check_baits(judged: Judged) -> Iterator[Finding]:
    """Clusters of near copies that are labelled against their surroundings."""
    from scipy.stats import binom

    checked, clusters = judged.checked, judged.clusters
    size = np.bincount(clusters)
    frauds = np.bincount(clusters, checked.labels)
    expected = np.bincount(clusters, judged.scores)
    large = (size >= BAIT_ROWS_MIN) & (size <= SHARE_MAX * len(clusters))
    contrary = np.abs(frauds - expected) >= BAIT_CONTRARY * size
    tests = int(large.sum())
    order = np.argsort(clusters, kind="stable")
    ends = np.cumsum(size)
    for cluster in np.flatnonzero(large).tolist():
        rows = order[ends[cluster] - size[cluster] : ends[cluster]]
        customers, values = len(np.unique(checked.customer[rows])), _values(checked.features[rows])
        if customers < BAIT_CUSTOMERS_MIN or values < BAIT_VALUES_MIN:
            continue
        many, told, awaited = int(size[cluster]), int(frauds[cluster]), float(expected[cluster])
        rate = float(np.clip(awaited / many, 1e-4, 1 - 1e-4))
        tail = float(binom.sf(told - 1, many, rate) if told > awaited else binom.cdf(told, many, rate))
        against = bool(contrary[cluster]) and tail * tests <= CHANCE
        if not against and values < REPEAT_VALUES_MIN:
            continue
        as_what, as_zh = ("fraud", "欺诈") if told > awaited else ("genuine", "正常")
        text_en = f"{many} near copies of one event among {customers} customers"
        text_zh = f"{customers} 个客户的 {many} 行几乎相同"
        if against:
            text_en += f", labelled {as_what} against what rows like them are ({told} frauds, {awaited:.1f} expected)"
            text_zh += f"，标为{as_zh}，与同类样本相悖（欺诈 {told}，预期 {awaited:.1f}）"
        else:
            text_en += f": they agree in {values} numbers, which customers with a past do not"
            text_zh += f"：{values} 个数值一致，有交易历史的客户不会如此"
        figures = {"rows": many, "frauds": told, "expected": awaited, "customers": customers, "values": values}
        subject = f"near copies of event {int(checked.seq[rows[0]])}"
        yield Finding("baits", Weight.ALARM, subject, figures, many, named(checked, rows), text_en, text_zh)


def _values(features: Scores) -> int:
    """Different numbers, beside 0, 1 and missing, that the rows of a cluster agree in."""
    numbers = np.unique(np.round(np.median(logged(features), axis=0), 2))
    plain = np.isin(numbers, (0.0, round(float(np.log1p(1.0)), 2))) | (numbers == MISSING)
    return int((~plain).sum())


def source_figures(judged: Judged) -> list[SourceFigures]:
    """What each source and channel says; those with few rows too."""
    checked, plain = judged.checked, judged.plain()
    found = []
    for division in DIVISIONS:
        if division not in checked.segments:
            continue
        values, codes = np.unique(checked.segments[division].astype(str), return_inverse=True)
        rows = np.bincount(codes)
        frauds = np.bincount(codes, checked.labels)
        expected = np.bincount(codes, judged.scores)
        plain_rows = np.bincount(codes, plain)
        plain_frauds = np.bincount(codes, plain & (checked.labels == 1))
        for at, value in enumerate(values.tolist()):
            counted = [int(each[at]) for each in (rows, frauds, plain_rows, plain_frauds)]
            found.append(
                SourceFigures(division, value, counted[0], counted[1], float(expected[at]), counted[2], counted[3])
            )
    return found


@dataclass(frozen=True, slots=True)
class _Test:
    """One test of one source."""

    figures: SourceFigures
    chance: float
    finding: Finding | None


def check_sources(judged: Judged, figures: list[SourceFigures]) -> Iterator[Finding]:
    """Sources and channels whose labels stand out against all others."""
    tests = []
    for each in figures:
        of_division = [other for other in figures if other.division == each.division]
        if each.rows >= SOURCE_ROWS_MIN and len(of_division) > 1:
            rows = judged.checked.segments[each.division] == each.value
            tests += [_too_many(judged, each, of_division, rows), _too_few(judged, each, rows)]
    left = len(tests)
    for test in sorted(tests, key=lambda each: each.chance):
        if test.chance * left > CHANCE:
            return
        left -= 1
        if test.finding is not None:
            yield test.finding


def _too_many(judged: Judged, each: SourceFigures, others: list[SourceFigures], rows: Flags) -> _Test:
    """Frauds among plain rows, by customer, against the rate everywhere else."""
    from scipy.stats import binom

    checked = judged.checked
    told = np.flatnonzero(rows & judged.plain() & (checked.labels == 1))
    customers = len(np.unique(checked.customer[told]))
    rest_plain = sum(other.plain for other in others) - each.plain
    rest = sum(other.plain_frauds for other in others) - each.plain_frauds
    rate = (rest + 1) / (rest_plain + 2)
    chance = float(binom.sf(customers - 1, each.plain, rate)) if each.plain else 1.0
    finding = None
    if customers >= SOURCE_CUSTOMERS_MIN and customers >= SOURCE_TIMES_MIN * rate * each.plain:
        finding = Finding(
            "sources", Weight.ALARM, f"{each.division}={each.value}",
            {"plain": each.plain, "told": each.plain_frauds, "rate_elsewhere": rate}, len(told), named(checked, told),
            f"labels {each.plain_frauds} of {each.plain:,} plain rows as fraud, {_times(customers, rate * each.plain)} "
            "the rate elsewhere",
            f"在 {each.plain:,} 行看似正常的样本中标出 {each.plain_frauds} 笔欺诈，为其他来源的 "
            f"{_times(customers, rate * each.plain)}",
        )  # fmt: skip
    return _Test(each, chance, finding)


def _times(found: float, expected: float) -> str:
    return f"{found / expected:.0f}×" if expected else "∞"


def _too_few(judged: Judged, each: SourceFigures, rows: Flags) -> _Test:
    """Frauds against what the scores expect; the variance is that of customers' sums, and at least a Poisson's."""
    from scipy.stats import norm

    checked = judged.checked
    _, customers = np.unique(checked.customer[rows], return_inverse=True)
    residuals = np.bincount(customers, checked.labels[rows] - judged.scores[rows])
    deviation = float(np.sqrt(max((residuals**2).sum(), each.expected, 1e-12)))
    chance = float(norm.cdf((each.frauds - each.expected) / deviation))
    finding = None
    if each.frauds <= SOURCE_SILENT * each.expected:
        finding = Finding(
            "sources", Weight.ALARM, f"{each.division}={each.value}",
            {"frauds": each.frauds, "expected": each.expected}, int(rows.sum()), [],
            f"labels {each.frauds} frauds where its rows look like {each.expected:.0f}: it may keep frauds back",
            f"只标出 {each.frauds} 笔欺诈，而其样本预期约 {each.expected:.0f} 笔，疑有瞒报",
        )  # fmt: skip
    return _Test(each, chance, finding)
