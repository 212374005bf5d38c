"""The charts about features: information value, weight of evidence, stability, contributions; and about groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from tarim.models.lab.binning import MEDIUM_IV, STRONG_IV, WEAK_IV
from tarim.models.lab.record import SegmentResult, Stability
from tarim.models.lab.report.canvas import BLUE, GREY, LIGHT, RED, Say
from tarim.models.lab.samples import Floats
from tarim.models.lab.selection import FeatureNote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_MAX: Final = 18
WOE_SHOWN: Final = 6
NAME_CHARACTERS_MAX: Final = 40
PSI_SCALE_MAX: Final = 0.3
_WHITE: Final = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}


def height_in(rows: int) -> float:
    """Of a chart with a line a feature or group."""
    return 1.3 + 0.27 * max(2, min(rows, SHOWN_MAX))


def draw_iv(figure: Figure, say: Say, notes: Sequence[FeatureNote]) -> None:
    """Information values, largest first; features that were left out are pale."""
    axes = figure.subplots()
    shown = sorted(notes, key=lambda note: -note.iv)[:SHOWN_MAX][::-1]
    places = np.arange(len(shown))
    axes.barh(places, [note.iv for note in shown], color=[BLUE if note.chosen else LIGHT for note in shown], height=0.7)
    for place, note in zip(places, shown, strict=True):
        axes.text(note.iv, float(place), f" {note.iv:.3f}", va="center", color=GREY, fontsize=8, bbox=_WHITE)
    axes.set_yticks(places, [_short(note.name) for note in shown])
    for line in (WEAK_IV, MEDIUM_IV, STRONG_IV):
        axes.axvline(line, color=GREY, linestyle=":", linewidth=0.9)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.12)
    axes.set_title(say("信息值（IV）", "Information value"))
    axes.set_xlabel(say("虚线：0.02 / 0.1 / 0.3（弱 / 中 / 强）", "dotted: 0.02 / 0.1 / 0.3 (weak / medium / strong)"))


def draw_woe(figure: Figure, say: Say, notes: Sequence[FeatureNote]) -> None:
    """Weight of evidence by bin, of the features with the most information; width tells nothing, the number is of rows."""
    shown = sorted((note for note in notes if note.chosen), key=lambda note: -note.iv)[:WOE_SHOWN]
    grid = figure.subplots(2, 3, squeeze=False).ravel()
    for axes, note in zip(grid, shown, strict=False):
        filled = [k for k, rows in enumerate(note.bin_rows) if rows]
        labels = [_bin_label(note.edges, k, say) for k in filled]
        weights = [note.woe[k] for k in filled]
        axes.bar(range(len(filled)), weights, color=[RED if weight > 0 else BLUE for weight in weights], width=0.75)
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.set_xticks(range(len(filled)), labels, rotation=45, ha="right", fontsize=7)
        axes.set_title(_short(note.name, 26), fontsize=9)
        axes.grid(visible=False, axis="x")
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    figure.suptitle(
        say("证据权重（正值偏向欺诈）", "Weight of evidence (above 0 leans to fraud)"), fontweight="bold", fontsize=10
    )


def draw_stability(figure: Figure, say: Say, found: Sequence[Stability]) -> None:
    """PSI by period as a heat map, the score on top, then the features that moved most."""
    axes = figure.subplots()
    periods = list(dict.fromkeys(each.period for each in found))
    most = {each.name: 0.0 for each in found}
    for each in found:
        most[each.name] = max(most[each.name], each.psi)
    names = ["", *sorted((name for name in most if name), key=lambda name: -most[name])[: SHOWN_MAX - 1]]
    table = np.full((len(names), len(periods)), np.nan)
    for each in found:
        if each.name in names:
            table[names.index(each.name), periods.index(each.period)] = each.psi
    axes.imshow(np.clip(table, 0, PSI_SCALE_MAX), aspect="auto", cmap="YlOrRd", vmin=0, vmax=PSI_SCALE_MAX)
    for row, column in np.ndindex(table.shape):
        if not np.isnan(table[row, column]):
            dark = table[row, column] > 0.6 * PSI_SCALE_MAX
            axes.text(
                column, row, f"{table[row, column]:.2f}", ha="center", va="center", fontsize=7,
                color="white" if dark else "#1f2937",
            )  # fmt: skip
    axes.set_yticks(range(len(names)), [_short(name) if name else say("评分", "score") for name in names])
    axes.set_xticks(
        range(len(periods)),
        periods,
        rotation=30 if len(periods) > 6 else 0,
        ha="right" if len(periods) > 6 else "center",
    )
    axes.grid(visible=False)
    axes.set_title(
        say("稳定性（PSI）：低于 0.1 稳定，高于 0.25 偏移", "Stability (PSI): below 0.1 stable, above 0.25 shifted")
    )


def draw_shap(figure: Figure, say: Say, names: Sequence[str], features: Floats, parts: Floats) -> None:
    """A dot an event: how far a feature moved its raw score, coloured by the feature's value; largest features on top."""
    import matplotlib
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    axes = figure.subplots()
    mean = np.abs(parts).mean(axis=0)
    shown = [k for k in np.argsort(-mean, kind="stable")[:SHOWN_MAX] if mean[k] > 0][::-1]
    colours = matplotlib.colormaps["coolwarm"]
    for place, column in enumerate(shown):
        values = features[:, column]
        rank = np.full(len(values), np.nan)
        known = np.isfinite(values)
        _, order, counts = np.unique(values[known], return_inverse=True, return_counts=True)
        rank[known] = (np.cumsum(counts) - counts / 2)[order] / max(1, int(known.sum()))
        at = place + _jitter(parts[:, column])
        axes.scatter(parts[~known, column], at[~known], s=5, color=LIGHT, linewidths=0, rasterized=True)
        axes.scatter(parts[known, column], at[known], s=5, c=colours(rank[known]), linewidths=0, rasterized=True)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks(range(len(shown)), [_short(names[k]) for k in shown])
    axes.grid(visible=False, axis="y")
    axes.set_ylim(-0.6, max(0.6, len(shown) - 0.4))
    axes.set_title(say("特征贡献（SHAP）", "Contributions (SHAP)"))
    axes.set_xlabel(
        say(
            "对原始评分的贡献，右侧偏向欺诈；灰点为缺失",
            "part in the raw score, to the right leans to fraud; grey: missing",
        )
    )
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), colours), ax=axes, aspect=40, pad=0.02)
    bar.set_ticks([0, 1], labels=[say("低", "low"), say("高", "high")])
    bar.set_label(say("特征取值", "value of the feature"))
    bar.outline.set_visible(False)


def draw_groups(figure: Figure, say: Say, results: Sequence[SegmentResult], whole: float) -> None:
    """Average precision by group, with intervals, and the line of all events together."""
    axes = figure.subplots()
    shown = [each for each in results if each.assessment is not None][::-1]
    for place, each in enumerate(shown):
        assert each.assessment is not None
        found = each.assessment.measures["average_precision"]
        if found.low is not None and found.high is not None:
            axes.hlines(place, found.low, found.high, color=BLUE, linewidth=1.6)
        if found.value is not None:
            axes.plot([found.value], [place], color=BLUE, marker="o", markersize=5)
    axes.axvline(whole, color=GREY, linestyle="--", linewidth=1)
    axes.set_yticks(
        range(len(shown)),
        [f"{each.segment} = {_short(each.value, 20)} ({each.frauds:,} / {each.rows:,})" for each in shown],
    )
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.6, max(0.6, len(shown) - 0.4))
    axes.set_title(say("分群平均精确率（欺诈数 / 事件数）", "Average precision by group (frauds / events)"))
    axes.set_xlabel(say("虚线为总体；横线为 95% 区间", "dashed: all events; bars: 95 % intervals"))


def _jitter(values: Floats) -> Floats:
    """Heights within 0.4 around 0: dots of one place are spread the wider the more there are."""
    low, high = float(values.min()), float(values.max())
    bins = np.minimum(((values - low) / ((high - low) or 1.0) * 80).astype(np.int64), 79)
    order = np.argsort(bins, kind="stable")
    counts = np.bincount(bins, minlength=80)
    starts = np.cumsum(counts) - counts
    within = np.empty(len(values))
    within[order] = np.arange(len(values)) - starts[bins[order]]
    half = (within + 1) // 2 * np.where(within % 2 == 0, 1, -1)
    return np.asarray(0.8 * half / max(10, int(counts.max())), np.float64)


def _bin_label(edges: Sequence[float], k: int, say: Say) -> str:
    if k > len(edges):
        return say("缺失", "missing")
    if not edges:
        return say("全部", "all")
    if k == len(edges):
        return f"> {edges[-1]:.4g}"
    return f"≤ {edges[k]:.4g}"


def _short(name: str, characters: int = NAME_CHARACTERS_MAX) -> str:
    return name if len(name) <= characters else name[: characters - 1] + "…"
