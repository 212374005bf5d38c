"""Measures of weighted events by repeating each event as often as it was drawn."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve


def measures(scores, labels, amounts, weights, threshold, bins):
    """By name; `bins` says each event's bin for the calibration error."""
    rows = np.repeat(np.arange(len(scores)), weights)
    s, y, a, b = scores[rows], labels[rows], amounts[rows], bins[rows]
    false_alarms, recall, _ = roc_curve(y, s, drop_intermediate=False)
    alert = s >= threshold
    return {
        "auc": roc_auc_score(y, s),
        "ks": float(np.abs(recall - false_alarms).max()),
        "average_precision": average_precision_score(y, s),
        "precision": y[alert].mean(),
        "recall": y[alert].sum() / y.sum(),
        "money_recall": a[alert & (y == 1)].sum() / a[y == 1].sum(),
        "calibration_error": sum(abs(s[b == k].sum() - y[b == k].sum()) for k in np.unique(b)) / len(s),
    }


def card_precision(scores, labels, days, customers, top):
    """Mean over days of the share of defrauded customers among the day's `top`, those found left out of later days."""
    found, precisions = set(), []
    for day in sorted(set(days.tolist())):
        best = {}
        for score, label, own, customer in zip(scores, labels, days, customers, strict=True):
            if own == day and customer not in found:
                high, hit = best.get(customer, (-1.0, False))
                best[customer] = (max(high, score), hit or label == 1)
        chosen = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))[:top]
        hits = {customer for customer, (_, hit) in chosen if hit}
        found |= hits
        precisions.append(len(hits) / top)
    return sum(precisions) / len(precisions)
