"""Charts of risk reports, as SVG with text as text: the page that shows them sets their letters in its own Chinese font."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from tarim.reporting.adapters.pages import fonts
from tarim.reporting.domain.figures import OUTCOMES, Figures, Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS: Final = ("#9fb6d3", "#5b8cc0", "#e0a84f", "#c8642f", "#8f1d21")
"""Of the outcomes, from notice to block: apart for the colour-blind, and in grey."""
LINES_MAX: Final = 12
_INK, _GREY, _GRID = "#14233c", "#5d6b80", "#dfe5ee"
_DRAWN: Final = "DejaVu Sans"
"""Comes with matplotlib: labels are measured by it."""


def daily_chart(figures: Figures) -> str:
    """Decisions above pass day by day, stacked by outcome."""
    from matplotlib.ticker import MaxNLocator

    days = [f"{day.day // 100 % 100}/{day.day % 100}" for day in figures.days]
    with _drawn(7.0, 2.5) as (axes, made):
        bottom = [0] * len(days)
        for place, (_, zh, _en) in enumerate(OUTCOMES):
            heights = [day.by_outcome[place] for day in figures.days]
            axes.bar(range(len(days)), heights, 0.72, bottom, color=COLOURS[place], label=zh)
            bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
        step = -(-len(days) // 12)
        axes.set_xticks(range(0, len(days), step), days[::step])
        axes.set_ylabel("笔数")
        axes.legend(ncols=len(OUTCOMES), loc="upper center", bbox_to_anchor=(0.5, 1.2), frameon=False)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return made[0]


def ranking_chart(lines: tuple[Line, ...]) -> str:
    """Decisions by scenario or channel, those suspended and blocked darker."""
    from matplotlib.ticker import MaxNLocator

    shown = lines[:LINES_MAX][::-1]
    with _drawn(7.0, 0.7 + 0.28 * max(3, len(shown))) as (axes, made):
        places = range(len(shown))
        axes.barh(places, [line.decisions - line.stopped for line in shown], 0.62, color=COLOURS[1], label="其他处置")
        left = [line.decisions - line.stopped for line in shown]
        axes.barh(places, [line.stopped for line in shown], 0.62, left, color=COLOURS[3], label="暂停与拒绝")
        axes.set_yticks(places, [line.zh for line in shown])
        axes.set_xlabel("笔数")
        axes.grid(visible=False, axis="y")
        axes.legend(
            ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.0 + 0.35 / (0.28 * max(3, len(shown)))), frameon=False
        )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return made[0]


@contextmanager
def _drawn(width_in: float, height_in: float) -> Iterator[tuple[Axes, list[str]]]:
    """Axes to draw on, and where the SVG is found afterwards; the same bytes for the same numbers and library."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    made: list[str] = []
    log = logging.getLogger("matplotlib.font_manager")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing")  # the page has them
            figure: Any = Figure(figsize=(width_in, height_in), layout="constrained")
            FigureCanvasSVG(figure)
            axes = figure.add_subplot()
            yield axes, made
            written = BytesIO()
            figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    finally:
        log.setLevel(before)
    made.append(written.getvalue().decode().replace(_DRAWN, fonts()[1]))


_SETTINGS: Final[Any] = {  # matplotlib's own type names its settings one by one
    "font.family": [_DRAWN],
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _GREY,
    "axes.labelcolor": _INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "xtick.color": _GREY,
    "ytick.color": _INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "tarim",
}
