"""The charts about what parameters do to quality and to time (ML-05, AS-02)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from tarim.models.lab.record import RunRecord
from tarim.models.lab.report.canvas import BLUE, GREY, RED, Say
from tarim.models.lab.tuning import Trial, Tuning

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_MAX: Final = 8
_LOGARITHMIC_FROM: Final = 50
"""How many times its least value the largest has to be for an axis to be drawn in powers of ten."""


def varied(trials: Sequence[Trial]) -> list[str]:
    """Parameters that were not the same in all trials, in their order, SHOWN_MAX at most."""
    names = list(trials[0].params) if trials else []
    return [name for name in names if len({trial.params[name] for trial in trials}) > 1][:SHOWN_MAX]


def draw_tuning(figure: Figure, say: Say, tuning: Tuning) -> None:
    """A dot a trial: above its average precision, below the processor time of its fits, by each parameter that was varied."""
    names = varied(tuning.trials)
    grid = figure.subplots(2, len(names), squeeze=False, sharex="col", sharey="row")
    best = tuning.trials[tuning.best]
    for column, name in enumerate(names):
        values = [trial.params[name] for trial in tuning.trials]
        for row, found in enumerate(
            ([trial.average_precision for trial in tuning.trials], [trial.cpu_s for trial in tuning.trials])
        ):
            axes = grid[row, column]
            axes.scatter(values, found, s=16, color=BLUE, alpha=0.75, linewidths=0)
            chosen = best.average_precision if row == 0 else best.cpu_s
            axes.scatter([best.params[name]], [chosen], s=44, facecolors="none", edgecolors=RED, linewidths=1.6)
            if min(values) > 0 and max(values) >= _LOGARITHMIC_FROM * min(values):
                axes.set_xscale("log")
        grid[0, column].set_title(name, fontsize=9)
        grid[1, column].set_ylim(bottom=0)
    grid[0, 0].set_ylabel(say("平均精确率（各折均值）", "average precision, mean of folds"))
    grid[1, 0].set_ylabel(say("处理器时间（秒）", "processor time, s"))
    figure.suptitle(
        say("参数与质量、耗时（红圈：所选）", "Quality and time by parameter (circled: the chosen one)"),
        fontweight="bold",
        fontsize=10,
    )


def draw_comparison(figure: Figure, say: Say, records: Sequence[RunRecord]) -> None:
    """Runs from the first downwards: average precision with its interval, and the processor time of the fit."""
    left, right = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(records))[::-1]
    for place, record in zip(places.tolist(), records, strict=True):
        measure = record.metrics.measures["average_precision"]
        colour = RED if record is records[0] else BLUE
        if measure.value is not None:
            left.plot([measure.value], [place], "o", color=colour, markersize=6)
        if measure.low is not None and measure.high is not None:
            left.plot([measure.low, measure.high], [place, place], color=colour, linewidth=1.6)
        right.barh(place, record.fit_cpu_s, color=colour, height=0.5)
        right.text(
            record.fit_cpu_s,
            place,
            f" {record.fit_cpu_s:,.1f}" if record.fit_cpu_s else " -",
            va="center",
            color=GREY,
            fontsize=8,
        )
    left.set_yticks(places, [f"{record.run_id}\n{record.kind}" for record in records], fontsize=7)
    left.set_title(say("平均精确率（95% 区间）", "Average precision (95 %)"))
    right.set_title(say("训练处理器时间（秒）", "Processor time of the fit, s"))
    right.set_xlim(left=0)
    right.margins(x=0.15)
