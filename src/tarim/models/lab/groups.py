"""Does the model do as well for everybody?  Figures by segment, and the gaps between its values (ML-09, AS-05)."""

from __future__ import annotations

from typing import Final

import numpy as np

from tarim.models.intervals import assess
from tarim.models.lab.plan import Plan
from tarim.models.lab.record import Gap, SegmentResult
from tarim.models.lab.samples import Floats, Rows, Samples

VALUES_MAX: Final = 30
"""Of a segment, the most frequent; others count together."""
LABELS_MIN: Final = 10
"""Frauds, and genuine events, below which nothing is measured."""
GAP_MEASURES: Final = ("auc", "average_precision", "recall", "precision", "money_recall")


def by_segment(samples: Samples, rows: Rows, scores: Floats, threshold: float, plan: Plan) -> list[SegmentResult]:
    """Figures of each value of each segment over `rows`, the most frequent values first."""
    found = []
    for segment, column in samples.segments.items():
        texts = column[rows].astype(str)
        values, counts = np.unique(texts, return_counts=True)
        ordered = [values[k] for k in np.argsort(-counts, kind="stable")]
        shown = ordered if len(ordered) <= VALUES_MAX else ordered[: VALUES_MAX - 1]
        members = [(str(value), rows[texts == value]) for value in shown]
        if len(shown) < len(ordered):
            members.append(("others", rows[~np.isin(texts, shown)]))
        found += [_result(samples, segment, value, part, scores, threshold, plan) for value, part in members]
    return found


def gaps_of(results: list[SegmentResult]) -> list[Gap]:
    """Best against worst value of each segment in each measure, where two values or more could be measured."""
    found = []
    for segment in dict.fromkeys(result.segment for result in results):
        for measure in GAP_MEASURES:
            known = [
                (result.value, result.assessment.measures[measure])
                for result in results
                if result.segment == segment and result.assessment is not None and measure in result.assessment.measures
            ]
            ordered = sorted((value.value, name, value) for name, value in known if value.value is not None)
            if len(ordered) < 2:
                continue
            (low, worst, below), (high, best, above) = ordered[0], ordered[-1]
            apart = below.high is not None and above.low is not None and below.high < above.low
            found.append(Gap(segment, measure, best, worst, high - low, apart))
    return found


def _result(
    samples: Samples, segment: str, value: str, rows: Rows, scores: Floats, threshold: float, plan: Plan
) -> SegmentResult:
    labels = samples.labels[rows]
    frauds = int(labels.sum())
    if not LABELS_MIN <= frauds <= len(rows) - LABELS_MIN:
        return SegmentResult(segment, value, len(rows), frauds, None)
    assessment = assess(
        scores[rows], labels, threshold=threshold, amounts_fen=samples.amount_fen[rows], customers=samples.customer[rows],
        replicates=plan.replicates, seed=plan.seed,
    )  # fmt: skip
    return SegmentResult(segment, value, len(rows), frauds, assessment)
