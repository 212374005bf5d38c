"""How good are scores?  Plain formulas over arrays; ties are treated alike whatever their order in the input.

labels: 1 = fraud, 0 = genuine; scores: higher = more suspicious; both of shape (n,).  NaN scores are refused.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError

CALIBRATION_BINS = 20

Scores = npt.NDArray[np.float64]
Labels = npt.NDArray[np.integer]


class EmptyEvaluation(InputError):
    """There is nothing to evaluate: no events, or only one kind of label where both are needed."""

    code = "empty-evaluation"


def _checked(scores: Scores, labels: Labels) -> tuple[Scores, npt.NDArray[np.bool_]]:
    scores, fraud = np.asarray(scores, np.float64), np.asarray(labels) == 1
    if scores.ndim != 1 or scores.shape != fraud.shape:
        raise InputError("scores and labels must be one-dimensional and of one length")
    if len(scores) == 0:
        raise EmptyEvaluation("there are no events to evaluate")
    if np.isnan(scores).any():
        raise InputError("a score is missing")
    return scores, fraud


def auc(scores: Scores, labels: Labels) -> float:
    """Chance that a fraud scores above a genuine event, ties counting half: the area under the ROC curve, in [0, 1].

    Raises EmptyEvaluation unless both labels occur.  O(n log n).
    """
    scores, fraud = _checked(scores, labels)
    positives = int(fraud.sum())
    negatives = len(fraud) - positives
    if not positives or not negatives:
        raise EmptyEvaluation("both frauds and genuine events are needed")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2  # Mann-Whitney: tied scores share the mean of their ranks
    return float((mean_rank[place][fraud].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(scores: Scores, labels: Labels) -> float:
    """Precision averaged over the frauds, at the threshold where each is reached: sum of (R_k - R_k-1) * P_k, in [0, 1].

    One threshold per distinct score, no interpolation.  Raises EmptyEvaluation when no fraud occurs.  O(n log n).
    """
    scores, fraud = _checked(scores, labels)
    if not fraud.any():
        raise EmptyEvaluation("no fraud occurs")
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    caught = np.cumsum(fraud[order])[ends]
    precision = caught / (ends + 1)
    return float(np.sum(np.diff(caught, prepend=0) * precision) / fraud.sum())


def gini(scores: Scores, labels: Labels) -> float:
    """2 * AUC - 1, in [-1, 1]: 0 is chance.  Raises EmptyEvaluation unless both labels occur."""
    return 2 * auc(scores, labels) - 1


def ks(scores: Scores, labels: Labels) -> float:
    """Kolmogorov and Smirnov's distance: the largest gap between the shares of frauds and of genuine events above a score.

    In [0, 1].  Raises EmptyEvaluation unless both labels occur.  O(n log n).
    """
    scores, fraud = _checked(scores, labels)
    if fraud.all() or not fraud.any():
        raise EmptyEvaluation("both frauds and genuine events are needed")
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    caught = np.cumsum(fraud[order])[ends]
    return float(np.abs(caught / fraud.sum() - (ends + 1 - caught) / (~fraud).sum()).max())


def money_recall(scores: Scores, labels: Labels, amounts_fen: npt.NDArray[np.integer], threshold: float) -> float:
    """Share of the frauds' money in events that score at least `threshold`, in [0, 1].

    Raises EmptyEvaluation when no fraud has an amount.
    """
    scores, fraud = _checked(scores, labels)
    lost = np.where(fraud, np.asarray(amounts_fen, np.float64), 0.0)
    if lost.shape != scores.shape:
        raise InputError("amounts must be as long as scores")
    if not lost.sum():
        raise EmptyEvaluation("no fraud has an amount")
    return float(lost[scores >= threshold].sum() / lost.sum())


def calibration_error(probabilities: Scores, labels: Labels, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error: how far predicted and found shares of fraud lie apart, on average, in [0, 1].

    Events are cut by probability into bins of equally many; the mean, weighted by events, of each bin's distance between its
    mean probability and its share of frauds.  Source: M. P. Naeini et al., Obtaining Well Calibrated Probabilities Using
    Bayesian Binning, AAAI 2015, with bins of equal mass.
    """
    probabilities, fraud = _checked(probabilities, labels)
    found = calibration_bins(probabilities, bins)
    gaps = np.bincount(found, weights=probabilities) - np.bincount(found, weights=fraud)
    return float(np.abs(gaps).sum() / len(fraud))


def calibration_bins(probabilities: Scores, bins: int = CALIBRATION_BINS) -> npt.NDArray[np.int64]:
    """The bin, from 0 on, of each probability: `bins` of nearly equally many events, equal probabilities together."""
    edges = np.unique(np.quantile(probabilities, np.arange(1, bins) / bins, method="inverted_cdf"))
    return np.searchsorted(edges, probabilities, side="left").astype(np.int64)


def precision_at_k(scores: Scores, labels: Labels, k: int) -> float:
    """Share of fraud among the `k` highest scores, in [0, 1]; among all events when there are fewer.

    Events tied at the edge count with their group's share of fraud, so the order of the input does not matter.
    """
    scores, fraud = _checked(scores, labels)
    if k < 1:
        raise InputError("k must be at least 1")
    k = min(k, len(scores))
    edge = np.partition(scores, len(scores) - k)[len(scores) - k]
    above, tied = scores > edge, scores == edge
    places_left = k - int(above.sum())
    return float((fraud[above].sum() + places_left * fraud[tied].mean()) / k)


def card_precision_top_k(
    scores: Scores, labels: Labels, days: npt.NDArray[np.integer], customers: npt.NDArray[np.integer], k: int
) -> float:
    """Mean over days of the share of compromised customers among the day's `k` most suspicious, in [0, 1].

    days, customers: shape (n,).  A customer's score and label of a day are the highest of the day's events; a customer found
    compromised among the top k of one day is left out of the later ones.  Always divided by k, also on days with fewer
    customers.  Ties go to the smaller customer number.  Source: Le Borgne et al., Fraud Detection Handbook, chapter 4,
    "card precision top-k".
    """
    scores, fraud = _checked(scores, labels)
    days, customers = np.asarray(days), np.asarray(customers)
    if days.shape != scores.shape or customers.shape != scores.shape:
        raise InputError("days and customers must be as long as scores")
    if k < 1:
        raise InputError("k must be at least 1")
    found: npt.NDArray[np.integer] = np.empty(0, customers.dtype)
    precisions = []
    for day in np.unique(days):
        today = np.flatnonzero(days == day)
        today = today[~np.isin(customers[today], found)]
        known, place = np.unique(customers[today], return_inverse=True)
        highest = np.full(len(known), -np.inf)
        np.maximum.at(highest, place, scores[today])
        compromised = np.zeros(len(known), bool)
        np.logical_or.at(compromised, place, fraud[today])
        top = np.argsort(-highest, kind="stable")[:k]
        detected = known[top[compromised[top]]]
        found = np.concatenate([found, detected])
        precisions.append(len(detected) / k)
    return float(np.mean(precisions))
