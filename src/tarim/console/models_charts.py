"""What the charts of a model draw, as plain numbers with their words: from the counts that the service gives.

Nothing is made up here: a curve that the service has no counts of is not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tarim.console.models_shapes import Alarm, Measure
from tarim.console.words import _, either
from tarim.models import Curves, RunFigures

SHARES: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Alerts as a share of all events, of the table below the curves."""
PSI_LOW: Final = 0.1
PSI_HIGH: Final = 0.25
_SHARE_MIN: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Operating:
    """What one threshold would have done on the test part.  caught_fen: the frauds' money among the alerts."""

    score: float
    alerts: int
    caught: int
    share: float
    per_day: float
    precision: float
    recall: float
    false_alarms: float
    money_recall: float | None
    lift: float


def operating(curves: Curves, place: int) -> Operating:
    """The threshold at a place of the ranking."""
    points = curves.ranking
    alerts, caught = points.alerts[place], points.caught[place]
    genuine = curves.rows - curves.frauds
    share, recall = alerts / curves.rows, caught / curves.frauds
    return Operating(
        points.score[place],
        alerts,
        caught,
        share,
        alerts / curves.days,
        caught / alerts,
        recall,
        (alerts - caught) / genuine,
        points.caught_fen[place] / curves.frauds_fen if curves.frauds_fen else None,
        recall / max(share, _SHARE_MIN),
    )


def operating_table(curves: Curves) -> list[Operating]:
    """One row for each share of SHARES that the test part is large enough for."""
    rows, before = [], -1
    for share in SHARES:
        wanted = share * curves.rows
        place = min(range(len(curves.ranking.alerts)), key=lambda k: abs(curves.ranking.alerts[k] - wanted))
        if wanted >= 1 and place != before:
            rows.append(operating(curves, place))
        before = place
    return rows


def curve_data(curves: Curves, figures: RunFigures) -> dict[str, Any]:
    """ROC, KS, precision and recall, lift, calibration, and every threshold with its counts."""
    every = [operating(curves, place) for place in range(len(curves.ranking.score))]
    best = every[curves.best]
    calibration = curves.calibration
    return {
        "words": chart_words(),
        "roc": [[0, 0], *([_r(each.false_alarms), _r(each.recall)] for each in every)],
        "ks": {
            "frauds": [[0, 0], *([_r(each.share), _r(each.recall)] for each in every)],
            "genuine": [[0, 0], *([_r(each.share), _r(each.false_alarms)] for each in every)],
            "at": _r(best.share),
            "low": _r(best.false_alarms),
            "high": _r(best.recall),
            "gap": _r(best.recall - best.false_alarms),
            "score": _r(best.score),
        },
        "precision": [[_r(each.recall), _r(each.precision)] for each in every],
        "base": _r(curves.frauds / curves.rows),
        "lift": [[_r(each.share), _r(each.lift)] for each in every],
        "calibration": [
            [_r(predicted), _r(found), _r(low), _r(high), rows]
            for predicted, found, low, high, rows in zip(
                calibration.predicted,
                calibration.found,
                calibration.low,
                calibration.high,
                calibration.rows,
                strict=True,
            )
        ],
        "thresholds": {
            "score": [each.score for each in every],
            "alerts": [each.alerts for each in every],
            "caught": [each.caught for each in every],
            "fen": curves.ranking.caught_fen,
            "rows": curves.rows,
            "frauds": curves.frauds,
            "fen_of_all": curves.frauds_fen,
            "days": curves.days,
            "chosen": figures.metrics.threshold,
        },
    }


def compared_data(pairs: Sequence[tuple[str, Curves | None]]) -> dict[str, Any]:
    """ROC and precision of several models, the first of them the champion or the one that is compared with."""
    series = []
    for name, curves in pairs:
        if curves is not None:
            every = [operating(curves, place) for place in range(len(curves.ranking.score))]
            series.append(
                {
                    "name": name,
                    "roc": [[0, 0], *([_r(each.false_alarms), _r(each.recall)] for each in every)],
                    "precision": [[_r(each.recall), _r(each.precision)] for each in every],
                }
            )
    return {"words": chart_words(), "series": series}


def live_data(pairs: Sequence[tuple[str, str]], measures: Sequence[Measure]) -> dict[str, Any]:
    """Average precision and AUC by period as measured in use.  pairs: (version, name); immature periods are left out."""
    begins = sorted({each.begin for each in measures if each.mature and each.segment == "all"})
    series = []
    for version, name in pairs:
        own = {each.begin: each for each in measures if each.model == version and each.segment == "all" and each.mature}
        if own:
            found = [own.get(begin) for begin in begins]
            series.append(
                {
                    "name": name,
                    "ap": [each.ap if each else None for each in found],
                    "auc": [each.auc if each else None for each in found],
                    "ks": [each.ks if each else None for each in found],
                }
            )
    return {"words": chart_words(), "periods": [each[:10] for each in begins], "series": series}


def stability_data(figures: RunFigures) -> dict[str, Any]:
    """PSI of the score by period, and each feature's worst period; with the lines at 0.1 and 0.25."""
    score = [each for each in figures.stability if not each.name]
    worst = [each for each in figures.stability if each.name][:20]
    return {
        "words": chart_words(),
        "lines": [PSI_LOW, PSI_HIGH],
        "score": {"periods": [each.period for each in score], "psi": [_r(each.psi) for each in score]},
        "features": {
            "names": [each.name for each in worst],
            "psi": [_r(each.psi) for each in worst],
            "periods": [each.period for each in worst],
        },
    }


def bins_of(alarm: Alarm) -> dict[str, Any]:
    """Shares by bin of a column that has shifted, then and now; the first is of missing values."""
    words = {"actual": _("现在"), "expected": _("基线"), "missing": _("缺失")}
    return {"actual": alarm.actual, "expected": alarm.expected, "words": words}


def importance_data(figures: RunFigures) -> dict[str, Any]:
    """Each feature's share of the gain, and by how much average precision falls without it."""
    known = [each for each in figures.notes if each.gain is not None]
    ranked = sorted(known, key=lambda each: -(each.gain or 0))[:20]
    return {
        "words": chart_words(),
        "names": [each.name for each in ranked],
        "gain": [_r(each.gain or 0) for each in ranked],
        "permutation": [None if each.permutation is None else _r(each.permutation) for each in ranked],
    }


def chart_words() -> dict[str, str]:
    """Words inside the charts."""
    return {
        "false_alarms": _("误报率"),
        "recall": _("查全率"),
        "precision": _("查准率"),
        "share": _("按评分由高到低的事件占比"),
        "reached": _("累计占比"),
        "frauds": _("欺诈"),
        "genuine": _("正常"),
        "chance": _("随机"),
        "model": _("该模型"),
        "lift": _("提升度（倍）"),
        "predicted": _("预测概率"),
        "found": _("实际占比"),
        "perfect": _("理想"),
        "score": _("评分阈值"),
        "psi": _("PSI"),
        "gain": _("增益占比"),
        "permutation": _("置换后平均查准率下降"),
        "base": _("欺诈占比"),
        "interval": _("95% 区间"),
        "threshold": _("阈值"),
        "moderate": either("0.1 轻微偏移", "0.1 slight shift"),
        "large": either("0.25 显著偏移", "0.25 large shift"),
        "ap": _("平均查准率"),
        "period": _("周期"),
        "none": NOTHING,
    }


NOTHING: Final = "–"


def _r(value: float) -> float:
    """Six significant digits: what can be seen of a curve."""
    return float(f"{value:.6g}") if math.isfinite(value) else 0.0
