"""Where to draw the line: at the lowest cost, or at what a day's hands can review.

Chosen on the validation part and measured on the test part: a threshold chosen where it is measured flatters itself.
"""

from __future__ import annotations

import msgspec
import numpy as np

from tarim.base.errors import InputError
from tarim.models.lab.samples import Floats, Ints

DAY_MS = 86_400_000


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event is an alert when its score is at least `score`.  What follows is of the events that it was chosen on.

    `chosen_by`: cost or capacity.  Money in fen: `missed_fen` of frauds that were no alerts, `review_fen` for all alerts.
    """

    chosen_by: str
    score: float
    alerts: int
    alerts_per_day: float
    frauds_caught: int
    frauds: int
    missed_fen: int
    review_fen: int


def by_cost(scores: Floats, labels: Ints, amounts_fen: Ints, days: float, review_cost_fen: int) -> Threshold:
    """The threshold at which missed money and the cost of reviews together are least; the highest of equals.

    A fraud that is an alert costs its review only.  C. Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001, with
    costs by event.
    """
    candidates, alerts, caught, missed = _steps(scores, labels, amounts_fen)
    costs = missed + alerts * float(review_cost_fen)
    return _threshold("cost", int(np.argmin(costs)), candidates, alerts, caught, missed, labels, days, review_cost_fen)


def by_capacity(
    scores: Floats, labels: Ints, amounts_fen: Ints, days: float, per_day: int, review_cost_fen: int
) -> Threshold:
    """The lowest threshold with at most `per_day` alerts a day on average; above every score when even the highest are more."""
    candidates, alerts, caught, missed = _steps(scores, labels, amounts_fen)
    best = int(np.flatnonzero(alerts <= per_day * days)[-1])
    return _threshold("capacity", best, candidates, alerts, caught, missed, labels, days, review_cost_fen)


def days_of(occurred_ms: Ints) -> float:
    """The days that events span, at least one."""
    return max(1.0, float(occurred_ms.max() - occurred_ms.min()) / DAY_MS)


def _steps(scores: Floats, labels: Ints, amounts_fen: Ints) -> tuple[Floats, Ints, Ints, Floats]:
    """Every threshold there is, falling, from the one that nothing reaches: alerts, frauds caught, fen missed."""
    if not len(scores) or len(scores) != len(labels) or len(labels) != len(amounts_fen):
        raise InputError("scores, labels and amounts must be of one length, and not empty")
    order = np.argsort(-scores, kind="stable")
    ranked, fraud = scores[order], labels[order] == 1
    ends = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    lost = np.cumsum(np.where(fraud, amounts_fen[order].astype(np.float64), 0.0))
    candidates = np.concatenate([[np.nextafter(ranked[0], np.inf)], ranked[ends]])
    alerts = np.concatenate([[0], ends + 1]).astype(np.int64)
    caught = np.concatenate([[0], np.cumsum(fraud)[ends]]).astype(np.int64)
    return candidates, alerts, caught, lost[-1] - np.concatenate([[0.0], lost[ends]])


def _threshold(
    chosen_by: str,
    best: int,
    candidates: Floats,
    alerts: Ints,
    caught: Ints,
    missed: Floats,
    labels: Ints,
    days: float,
    review_cost_fen: int,
) -> Threshold:
    return Threshold(
        chosen_by,
        float(candidates[best]),
        int(alerts[best]),
        float(alerts[best] / days),
        int(caught[best]),
        int(labels.sum()),
        round(float(missed[best])),
        int(alerts[best]) * review_cost_fen,
    )
