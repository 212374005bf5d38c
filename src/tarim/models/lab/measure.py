"""What a model is worth: thresholds chosen on the validation part, measures taken once on the test part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tarim.base.instants import CHINA_OFFSET_MS
from tarim.models.histograms import Histogram, edges_of, histogram_of
from tarim.models.intervals import Assessment, assess
from tarim.models.lab.groups import by_segment
from tarim.models.lab.importance import scored
from tarim.models.lab.plan import Plan
from tarim.models.lab.record import SegmentResult
from tarim.models.lab.samples import Floats, Samples
from tarim.models.lab.split import Split
from tarim.models.lab.thresholds import DAY_MS, Threshold, by_capacity, by_cost, days_of
from tarim.models.metrics import calibration_error
from tarim.models.model import model_from_bytes


@dataclass(frozen=True, slots=True)
class Measured:
    """scores: of every row, shape (n,).  thresholds: by cost and by capacity; at_cost, at_capacity: the test part at each.

    uncalibrated_error: what the calibration error would be without calibration.  baseline: histograms of each feature over the
    training rows, and of the score over the validation rows under "".
    """

    scores: Floats
    thresholds: tuple[Threshold, Threshold]
    at_cost: Assessment
    at_capacity: Assessment
    segments: list[SegmentResult]
    uncalibrated_error: float
    baseline: dict[str, Histogram]


def measure(samples: Samples, split: Split, plan: Plan, content: bytes) -> Measured:
    """The measures of a model file.  Raises InputError, EmptyEvaluation unless both labels occur in the test part."""
    model = model_from_bytes(content, samples.names)
    scores = scored(model, samples.features)
    thresholds = _thresholds(samples, split, plan, scores)
    test = split.test
    local_days = (samples.occurred_ms + CHINA_OFFSET_MS) // DAY_MS
    at_cost, at_capacity = (
        assess(
            scores[test], samples.labels[test], threshold=threshold.score, amounts_fen=samples.amount_fen[test],
            customers=samples.customer[test], days=local_days[test], top=plan.daily_capacity, replicates=plan.replicates,
            seed=plan.seed,
        )
        for threshold in thresholds
    )  # fmt: skip
    segments = by_segment(samples, test, scores, thresholds[0].score, plan)
    raw = np.empty(len(test))
    model.raw_score(np.ascontiguousarray(samples.features[test]), raw)
    uncalibrated_error = calibration_error(1 / (1 + np.exp(-raw)), samples.labels[test])
    baseline = _baseline(samples, split, scores)
    return Measured(scores, thresholds, at_cost, at_capacity, segments, uncalibrated_error, baseline)


def _thresholds(samples: Samples, split: Split, plan: Plan, scores: Floats) -> tuple[Threshold, Threshold]:
    rows = split.validation
    own = (scores[rows], samples.labels[rows], samples.amount_fen[rows])
    days = days_of(samples.occurred_ms[rows])
    return (
        by_cost(*own, days, plan.review_cost_fen),
        by_capacity(*own, days, plan.daily_capacity, plan.review_cost_fen),
    )


def _baseline(samples: Samples, split: Split, scores: Floats) -> dict[str, Histogram]:
    found = {"": histogram_of(scores[split.validation], edges_of(scores[split.validation]))}
    for column, name in enumerate(samples.names):
        values = samples.features[split.training, column]
        found[name] = histogram_of(values, edges_of(values))
    return found
