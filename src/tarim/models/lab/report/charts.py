"""The charts about scores: ROC and precision, KS, lift, calibration, distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tarim.models.intervals import Assessment
from tarim.models.lab.report.canvas import BLUE, GREEN, GREY, LIGHT, RED, Say
from tarim.models.lab.report.curves import lift, ranking, reliability
from tarim.models.lab.samples import Floats, Ints
from tarim.models.lab.thresholds import Threshold

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_roc(figure: Figure, say: Say, scores: Floats, labels: Ints, metrics: Assessment) -> None:
    """ROC on the left, precision against recall on the right."""
    curve = ranking(scores, labels)
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color=LIGHT, linestyle="--")
    left.plot(curve.false_alarms, curve.recall, color=BLUE, linewidth=1.8)
    left.set_title(say("ROC 曲线", "ROC curve"))
    left.set_xlabel(say("误报率", "share of genuine events alerted"))
    left.set_ylabel(say("召回率", "share of frauds alerted"))
    _box(left, f"AUC {_figure(metrics, 'auc')}\nGini {_figure(metrics, 'gini')}", "lower right")
    right.axhline(labels.mean(), color=LIGHT, linestyle="--")
    right.plot(curve.recall[1:], curve.precision[1:], color=BLUE, linewidth=1.8)
    right.set_title(say("精确率-召回率", "Precision and recall"))
    right.set_xlabel(say("召回率", "recall"))
    right.set_ylabel(say("精确率", "precision"))
    _box(right, f"AP {_figure(metrics, 'average_precision')}", "lower left")
    for axes in (left, right):
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-0.01, 1.02)


def draw_ks(figure: Figure, say: Say, scores: Floats, labels: Ints, metrics: Assessment) -> None:
    """Shares of frauds and genuine events reached, and where they are furthest apart."""
    curve = ranking(scores, labels)
    axes = figure.subplots()
    axes.plot(curve.share, curve.recall, color=RED, linewidth=1.8, label=say("欺诈", "frauds"))
    axes.plot(curve.share, curve.false_alarms, color=BLUE, linewidth=1.8, label=say("正常", "genuine events"))
    at = int(np.argmax(curve.recall - curve.false_alarms))
    axes.vlines(curve.share[at], curve.false_alarms[at], curve.recall[at], color=GREY, linestyle=":", linewidth=1.6)
    middle = (curve.recall[at] + curve.false_alarms[at]) / 2
    axes.annotate(
        f"KS {_figure(metrics, 'ks')}\n" + say("阈值", "at score") + f" {curve.score[at]:.4g}",
        (curve.share[at], middle),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
    )
    axes.set_title(say("KS 曲线", "Kolmogorov and Smirnov's distance"))
    axes.set_xlabel(say("按评分由高到低的事件占比", "share of events, highest scores first"))
    axes.set_ylabel(say("累计占比", "share reached"))
    axes.legend(loc="lower right")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)


def draw_lift(figure: Figure, say: Say, scores: Floats, labels: Ints) -> None:
    """Share of frauds in the highest scores on the left, how many times chance on the right."""
    ends, reached = lift(scores, labels)
    left, right = figure.subplots(1, 2)
    left.bar(ends - 0.025, np.diff(reached, prepend=0), width=0.045, color=LIGHT)
    left.plot(np.append(0, ends), np.append(0, reached), color=BLUE, marker="o", markersize=3)
    left.plot([0, 1], [0, 1], color=LIGHT, linestyle="--")
    left.set_title(say("累计捕获", "Frauds captured"))
    left.set_xlabel(say("事件占比（每档 5%）", "share of events, 5 % a step"))
    left.set_ylabel(say("欺诈占比", "share of frauds"))
    curve = ranking(scores, labels)
    known = curve.share > 0
    right.plot(curve.share[known], curve.recall[known] / curve.share[known], color=BLUE, linewidth=1.8)
    right.axhline(1, color=LIGHT, linestyle="--")
    right.set_xscale("log")
    right.set_title(say("提升度", "Lift"))
    right.set_xlabel(say("事件占比（对数）", "share of events (logarithmic)"))
    right.set_ylabel(say("为随机的倍数", "times chance"))
    right.set_ylim(bottom=0)


def draw_calibration(figure: Figure, say: Say, scores: Floats, raw: Floats, labels: Ints, metrics: Assessment) -> None:
    """Predicted against found probability, before and after calibration; both axes logarithmic, for fraud is rare."""
    axes = figure.subplots()
    least = 1.0
    drawn = [(raw, LIGHT, say("未校准", "uncalibrated"), False), (scores, BLUE, say("模型输出", "as served"), True)]
    for values, colour, label, bars in drawn:
        found = reliability(values, labels)
        shown = found.found > 0
        if not shown.any():
            continue
        least = min(least, found.predicted[shown].min(), found.found[shown].min())
        if bars:
            reach = np.abs(np.vstack([found.found - found.low, found.high - found.found]))[:, shown]
            axes.errorbar(
                found.predicted[shown], found.found[shown], yerr=reach, color=colour, marker="o", markersize=4,
                linewidth=1.4, elinewidth=0.9, label=label,
            )  # fmt: skip
        else:
            axes.plot(
                found.predicted[shown], found.found[shown], color=GREY, marker="o", markersize=3, alpha=0.6, label=label
            )
    floor = max(1e-6, least / 2)
    axes.plot([floor, 1], [floor, 1], color=GREEN, linestyle="--", linewidth=1, label=say("理想", "perfect"))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(floor, 1.1)
    axes.set_ylim(floor, 1.1)
    axes.set_title(say("校准", "Calibration"))
    axes.set_xlabel(say("预测概率", "predicted probability of fraud"))
    axes.set_ylabel(say("实际占比（95% 区间）", "share found (95 % interval)"))
    axes.legend(loc="upper left")
    _box(axes, f"ECE {_figure(metrics, 'calibration_error')}", "lower right")


def draw_scores(figure: Figure, say: Say, scores: Floats, labels: Ints, thresholds: tuple[Threshold, ...]) -> None:
    """How scores are spread, of frauds and of genuine events, with the thresholds."""
    axes = figure.subplots()
    floor = max(1e-6, float(np.quantile(scores, 0.001)))
    edges = np.geomspace(floor, 1, 41)
    centres = np.sqrt(edges[:-1] * edges[1:])
    for fraud, colour, label in ((0, BLUE, say("正常", "genuine events")), (1, RED, say("欺诈", "frauds"))):
        own = np.clip(scores[labels == fraud], floor, 1)
        counts, _ = np.histogram(own, edges)
        share = counts / max(1, len(own))
        axes.fill_between(centres, share, step="mid", color=colour, alpha=0.25)
        axes.step(centres, share, where="mid", color=colour, linewidth=1.4, label=f"{label} ({len(own):,})")
    names = {"cost": say("成本阈值", "threshold by cost"), "capacity": say("产能阈值", "threshold by capacity")}
    for place, threshold in enumerate(thresholds):
        if floor <= threshold.score <= 1:
            label = f"{names[threshold.chosen_by]} {threshold.score:.4g}"
            axes.axvline(threshold.score, color=GREY, linestyle="--" if place else "-.", linewidth=1.2, label=label)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_title(say("评分分布", "Distribution of scores"))
    axes.set_xlabel(say("评分（对数）", "score (logarithmic)"))
    axes.set_ylabel(say("各类占比", "share of its kind"))
    figure.legend(loc="outside lower center", ncols=2)


def _figure(metrics: Assessment, name: str) -> str:
    found = metrics.measures[name]
    if found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{found.value:.4f}"
    return f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"


def _box(axes: Axes, text: str, where: str) -> None:
    vertical, horizontal = where.split()
    axes.text(
        0.98 if horizontal == "right" else 0.02,
        0.97 if vertical == "upper" else 0.03,
        text,
        transform=axes.transAxes,
        ha=horizontal,
        va="top" if vertical == "upper" else "bottom",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 2},
    )
