"""What the charts draw, as plain numbers: curves of scores against labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tarim.models.lab.samples import Floats, Ints
from tarim.models.lab.thresholds import days_of
from tarim.models.registry import CURVES_FORMAT, CalibrationPoints, Curves, RankingPoints

POINTS_MAX: Final = 600
"""Of a curve; more cannot be seen."""
_CUTS: Final = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 0.9975, 0.999)
_Z: Final = 1.96


@dataclass(frozen=True, slots=True)
class Ranking:
    """Curves over thresholds, from the highest score down, the first point being that of no alerts.

    share: of all events that are alerts.  recall, false_alarms: of frauds and of genuine events.  precision: NaN at the first
    point. score: the threshold, infinite at the first.
    """

    share: Floats
    recall: Floats
    false_alarms: Floats
    precision: Floats
    score: Floats


def ranking(scores: Floats, labels: Ints) -> Ranking:
    """The curves of scores (n,); tied scores are one step."""
    order = np.argsort(-scores, kind="stable")
    ranked, fraud = scores[order], labels[order] == 1
    ends = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    caught = np.cumsum(fraud)[ends]
    alerts = ends + 1.0
    share, recall = alerts / len(scores), caught / fraud.sum()
    false_alarms, precision = (alerts - caught) / (~fraud).sum(), caught / alerts
    # Early points matter most and are few: half of the points are spread over the alerts' logarithm, half over their share.
    wanted = np.concatenate(
        [np.geomspace(1, len(scores), POINTS_MAX // 2), np.linspace(1, len(scores), POINTS_MAX // 2)]
    )
    best = int(np.argmax(recall - false_alarms))
    kept = np.unique(np.append(np.searchsorted(alerts, wanted).clip(max=len(alerts) - 1), best))
    return Ranking(
        np.append(0.0, share[kept]),
        np.append(0.0, recall[kept]),
        np.append(0.0, false_alarms[kept]),
        np.append(np.nan, precision[kept]),
        np.append(np.inf, ranked[ends][kept]),
    )


@dataclass(frozen=True, slots=True)
class Reliability:
    """Predicted against found, by bin; low, high: Wilson's interval of 95 % of what was found."""

    predicted: Floats
    found: Floats
    low: Floats
    high: Floats
    rows: Ints


def reliability(scores: Floats, labels: Ints) -> Reliability:
    """How often events of a predicted probability were frauds.  E. B. Wilson, JASA 22, 1927, for the intervals.

    Bins are the finer the higher the probability: fraud is rare, and what is decided is decided up there.
    """
    edges = np.unique(np.quantile(scores, _CUTS, method="inverted_cdf"))
    _, bins = np.unique(np.searchsorted(edges, scores, side="left"), return_inverse=True)
    rows = np.bincount(bins)
    predicted, found = np.bincount(bins, weights=scores) / rows, np.bincount(bins, weights=labels) / rows
    middle = (found + _Z**2 / (2 * rows)) / (1 + _Z**2 / rows)
    reach = _Z / (1 + _Z**2 / rows) * np.sqrt(found * (1 - found) / rows + _Z**2 / (4 * rows**2))
    return Reliability(predicted, found, middle - reach, middle + reach, rows)


def lift(scores: Floats, labels: Ints, parts: int = 20) -> tuple[Floats, Floats]:
    """Ends of `parts` equal shares of the events, highest scores first, and the share of all frauds up to each end."""
    ends = np.arange(1, parts + 1) / parts
    curve = ranking(scores, labels)
    return ends, np.interp(ends, curve.share, curve.recall)


def curves_of(model: str, dataset: str, scores: Floats, labels: Ints, amounts_fen: Ints, occurred_ms: Ints) -> Curves:
    """The curves as they are kept with a run; arrays of shape (n,) of the test part, both labels among them."""
    curve, fraud = ranking(scores, labels), labels == 1
    order = np.argsort(-scores, kind="stable")
    money = np.concatenate([[0], np.cumsum(np.where(fraud, amounts_fen, 0)[order])])
    alerts = np.rint(curve.share[1:] * len(scores)).astype(np.int64)
    reliable = reliability(scores, labels)
    return Curves(
        CURVES_FORMAT,
        model,
        dataset,
        len(scores),
        int(fraud.sum()),
        int(money[-1]),
        days_of(occurred_ms),
        int(np.argmax(curve.recall[1:] - curve.false_alarms[1:])),
        RankingPoints(
            curve.score[1:].tolist(),
            alerts.tolist(),
            np.rint(curve.recall[1:] * fraud.sum()).astype(np.int64).tolist(),
            money[alerts].tolist(),
        ),
        CalibrationPoints(
            reliable.predicted.tolist(),
            reliable.found.tolist(),
            reliable.low.tolist(),
            reliable.high.tolist(),
            reliable.rows.tolist(),
        ),
    )
