"""Features that know the future.

A feature leaks when it was computed with something that was learnt after the event, mostly the label itself.  Three signs:

    alone       one feature, or its being missing, tells fraud from genuine nearly perfectly: AUC of ALONE_AUC or more, either
                way round.  Nothing that is known at the event does that.
    foresight   among genuine rows it tells those of customers who become fraud victims (or are found out) later from everybody
                else's, AUC of FORESIGHT_AUC or more: at that time nobody could.  A label joined by customer looks like this.
    fades       its AUC among the oldest third of the rows is higher than among the latest third by FADES_BY or more, far
                beyond chance: labels of old events had time to flow back, those of late events had not.  Fashions of crime
                look the same, so it is a notice.  The standard error is that of Hanley and McNeil (Radiology, 1982).

Features that Tarim computes by replay cannot leak, since the engine has seen nothing later; those of other origin may.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.models.datasets.checks.findings import Checked, Finding, Weight

ALONE_AUC: Final = 0.99
FORESIGHT_AUC: Final = 0.95
FORESIGHT_CUSTOMERS_MIN: Final = 10
FADES_BY: Final = 0.15
FADES_ERRORS: Final = 6.0
"""Standard errors; with some hundred features and two thirds each, chance reaches five once in a hundred thousand sets."""
FRAUDS_MIN: Final = 30

Places = npt.NDArray[np.int64]


def check_leaks(checked: Checked) -> Iterator[Finding]:
    """Findings by feature; none with fewer than FRAUDS_MIN frauds."""
    fraud = checked.labels == 1
    if not FRAUDS_MIN <= fraud.sum() <= len(fraud) - FRAUDS_MIN:
        return
    order = np.argsort(checked.occurred_ms, kind="stable")
    third = len(order) // 3
    old, late = order[:third], order[-third:]
    enough = min(fraud[old].sum(), fraud[late].sum()) >= FRAUDS_MIN
    genuine = np.flatnonzero(~fraud)
    before = _before_their_fraud(checked, fraud)[genuine]
    foreseeable = len(np.unique(checked.customer[genuine][before])) >= FORESIGHT_CUSTOMERS_MIN
    of_missing: dict[bytes, tuple[float, float]] = {}  # many features are missing where the same thing is

    def told(places: Places) -> tuple[float, float]:
        return _either(places, fraud), _either(places[genuine], before) if foreseeable else 0.5

    for at, name in enumerate(checked.names):
        values = checked.features[:, at]
        missing = np.isnan(values)
        places = places_of(np.where(missing, -np.inf, values))
        alone, foresight = told(places)
        if missing.any():
            pattern = np.packbits(missing).tobytes()
            if pattern not in of_missing:
                of_missing[pattern] = told(missing.astype(np.int64))
            alone, foresight = max(alone, of_missing[pattern][0]), max(foresight, of_missing[pattern][1])
        if alone >= ALONE_AUC:
            yield Finding(
                "leaks", Weight.ALARM, name, {"auc": alone}, len(checked), [],
                f"alone tells fraud from genuine with an AUC of {alone:.4f}: it must know what came later",
                f"单凭该特征即可区分欺诈（AUC {alone:.4f}），疑似用到了事后信息",
            )  # fmt: skip
        elif foresight >= FORESIGHT_AUC:
            yield Finding(
                "leaks", Weight.ALARM, name, {"auc": foresight}, int(before.sum()), [],
                f"tells customers with a fraud to come from all others while nobody could know (AUC {foresight:.3f})",
                f"在欺诈发生之前即可辨认涉案客户（AUC {foresight:.3f}），疑似用到了事后信息",
            )  # fmt: skip
        elif enough:
            yield from _fading(name, places, fraud, old, late)


def _before_their_fraud(checked: Checked, fraud: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Genuine rows of customers with a fraud later on, shape (n,)."""
    _, customer = np.unique(checked.customer, return_inverse=True)
    never = np.iinfo(np.int64).max
    first_ms = np.full(int(customer.max()) + 1, never)
    np.minimum.at(first_ms, customer[fraud], checked.occurred_ms[fraud])
    first_of = first_ms[customer]
    found: npt.NDArray[np.bool_] = ~fraud & (first_of != never) & (checked.occurred_ms < first_of)
    return found


def _fading(
    name: str,
    places: Places,
    fraud: npt.NDArray[np.bool_],
    old: npt.NDArray[np.int64],
    late: npt.NDArray[np.int64],
) -> Iterator[Finding]:
    before, after = _either(places[old], fraud[old]), _either(places[late], fraud[late])
    error = np.hypot(_error(before, fraud[old]), _error(after, fraud[late]))
    if before - after >= max(FADES_BY, FADES_ERRORS * error):
        yield Finding(
            "leaks", Weight.NOTICE, name, {"auc_oldest": before, "auc_latest": after}, len(places), [],
            f"knows more about old rows (AUC {before:.3f}) than about late ones ({after:.3f}): crime has changed, or labels "
            "have flowed back into it",
            f"对早期样本的区分力（AUC {before:.3f}）远高于近期样本（{after:.3f}）：犯罪手法有变，或标签回流",
        )  # fmt: skip


def area(values: npt.NDArray[np.float64], fraud: npt.NDArray[np.bool_]) -> float:
    """AUC, ties half, in [0, 1]; minus infinity ranks lowest."""
    return _area(places_of(values), fraud)


def places_of(values: npt.NDArray[np.float64]) -> Places:
    """Places of values among the different ones, from 0; shape (n,).  They order any part of the rows without sorting again."""
    found: Places = np.unique(values, return_inverse=True)[1].astype(np.int64).ravel()
    return found


def _area(places: Places, fraud: npt.NDArray[np.bool_]) -> float:
    """AUC by places (the Mann-Whitney count of pairs, ties half); exact, since all sums are of halves."""
    both = np.bincount(places)
    frauds = np.bincount(places[fraud], minlength=len(both))
    genuine = both - frauds
    below = np.cumsum(genuine) - genuine
    pairs = float((frauds * (below + genuine / 2)).sum())
    positives = int(fraud.sum())
    return pairs / (positives * (len(fraud) - positives))


def _either(places: Places, fraud: npt.NDArray[np.bool_]) -> float:
    found = _area(places, fraud)
    return max(found, 1.0 - found)


def _error(auc: float, fraud: npt.NDArray[np.bool_]) -> float:
    positives = int(fraud.sum())
    negatives = len(fraud) - positives
    one, two = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = auc * (1 - auc) + (positives - 1) * (one - auc * auc) + (negatives - 1) * (two - auc * auc)
    return float(np.sqrt(variance / (positives * negatives)))
