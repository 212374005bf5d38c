"""Checks of a training set before anything learns from it.

    quality     completeness, ranges, outliers, duplicates, features that say nothing
    leaks       features that know the future
    crossfit    scores by models that never saw the row, and near copies
    poison      flipped labels, bait points, sources that stand out
    coverage    segments too thin to rely on; those not learned at all are routed to rules
    findings    what is found, and the report

The report is a function of the rows and the seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.models.datasets.checks.coverage import thin_segments
from tarim.models.datasets.checks.crossfit import cross_fitted, groups_of, near_copies
from tarim.models.datasets.checks.findings import (
    FINDINGS_MAX,
    FORMAT,
    Checked,
    CheckReport,
    Finding,
    SourceFigures,
    Thin,
    Weight,
)
from tarim.models.datasets.checks.leaks import area, check_leaks
from tarim.models.datasets.checks.poison import Judged, check_baits, check_flips, check_sources, source_figures
from tarim.models.datasets.checks.quality import check_quality, late_frauds
from tarim.models.datasets.folder import Dataset
from tarim.models.datasets.manifest import SampleRole

__all__ = [
    "CheckReport",
    "Checked",
    "Finding",
    "SourceFigures",
    "Thin",
    "Weight",
    "check_dataset",
    "check_rows",
    "near_copies",
]

JUDGED_ROWS_MAX: Final = 200_000
"""Rows that are scored: every fraud, and of the genuine as many as find room, taken by the seed."""
FRAUDS_MIN: Final = 20
"""With fewer frauds there is nothing to judge labels by."""
THREADS: Final = 2

_ROLES: Final = {role.value: place for place, role in enumerate(SampleRole)}


def check_dataset(dataset: Dataset, seed: int = 0, threads: int = THREADS) -> CheckReport:
    """Check a training set; every role of it.  seed: of the cross-fitted scores."""
    record = dataset.manifest.roles[0]
    checked = Checked(
        dataset.names,
        dataset.features,
        dataset.labels,
        dataset.weight,
        dataset.occurred_ms,
        dataset.known_ms,
        dataset.customer,
        dataset.seq,
        np.array([_ROLES[each] for each in dataset.role], np.int64),
        dataset.segments,
        {(share.division, share.value): share.population for share in record.shares},
    )
    report = check_rows(checked, dataset.digest, seed, threads)
    late = late_frauds(dataset.manifest.label_counts.frauds_late, report.frauds)
    return msgspec.structs.replace(report, findings=[*late, *report.findings])


def check_rows(
    checked: Checked,
    dataset: str = "",
    seed: int = 0,
    threads: int = THREADS,
    copies: npt.NDArray[np.int64] | None = None,
) -> CheckReport:
    """Check rows that need not lie in a folder; `dataset` names them in the report.

    copies: `near_copies` of these features and this seed, for whoever checks several labellings of the same rows (at most
    JUDGED_ROWS_MAX); looked for when left out.

    Takes about 0.1 ms of one core a row of 46 features, and 16 bytes of memory a row and feature.
    """
    findings = [*check_quality(checked), *check_leaks(checked)]
    figures: list[SourceFigures] = []
    judged_rows, auc = 0, None
    if FRAUDS_MIN <= checked.labels.sum() <= len(checked) - FRAUDS_MIN:
        part = _part(checked, seed)
        clusters = near_copies(part.features, seed) if copies is None else copies
        assert len(clusters) == len(part), "near copies are those of the rows that are judged"
        scores = cross_fitted(part, groups_of(part.customer, clusters), seed, threads)
        judged = Judged(part, scores, clusters)
        judged_rows, auc = len(part), area(scores, part.labels == 1)
        figures = source_figures(judged)
        findings += [*check_flips(judged), *check_baits(judged), *check_sources(judged, figures)]
    kept, left_out = _bounded(findings)
    return CheckReport(
        FORMAT,
        dataset,
        seed,
        len(checked),
        int(checked.labels.sum()),
        judged_rows,
        auc,
        kept,
        thin_segments(checked),
        figures,
        left_out,
    )


def _part(checked: Checked, seed: int) -> Checked:
    """The rows that are scored, in their order; the genuine among them weigh for those left out."""
    if len(checked) <= JUDGED_ROWS_MAX:
        return checked
    rng = np.random.default_rng(seed)
    frauds, genuine = np.flatnonzero(checked.labels == 1), np.flatnonzero(checked.labels == 0)
    weight = checked.weight.copy()
    parts = []
    for each, room in (
        (frauds, JUDGED_ROWS_MAX // 2),
        (genuine, JUDGED_ROWS_MAX - min(len(frauds), JUDGED_ROWS_MAX // 2)),
    ):
        if len(each) > room:
            weight[each] *= len(each) / room
            each = rng.choice(each, room, replace=False)
        parts.append(each)
    rows = np.sort(np.concatenate(parts))
    return replace(
        checked,
        features=checked.features[rows],
        labels=checked.labels[rows],
        weight=weight[rows],
        occurred_ms=checked.occurred_ms[rows],
        known_ms=checked.known_ms[rows],
        customer=checked.customer[rows],
        seq=checked.seq[rows],
        role=checked.role[rows],
        segments={name: values[rows] for name, values in checked.segments.items()},
    )


def _bounded(findings: Iterable[Finding]) -> tuple[list[Finding], dict[str, int]]:
    kept: list[Finding] = []
    counts: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for each in sorted(findings, key=lambda found: found.weight is not Weight.ALARM):
        counts[each.check] += 1
        if counts[each.check] <= FINDINGS_MAX:
            kept.append(each)
        else:
            left[each.check] += 1
    return kept, dict(left)
