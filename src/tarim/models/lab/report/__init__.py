"""A run to look at: one HTML file that asks nothing of any network, and the charts as PNG.

curves          what the charts draw, as numbers
canvas          SVG and PNG, Chinese and English
charts          of scores
feature_charts  of features and groups
cost_charts     of quality and time by parameter and by run
page            the HTML of a run
comparison      the HTML of runs side by side
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import numpy as np

from tarim.base.canonical import canonical_json
from tarim.models.lab.importance import contributions, scored
from tarim.models.lab.record import RunRecord
from tarim.models.lab.report import charts, feature_charts
from tarim.models.lab.report.canvas import Draw, render
from tarim.models.lab.report.comparison import make_comparison
from tarim.models.lab.report.cost_charts import draw_tuning, varied
from tarim.models.lab.report.curves import curves_of
from tarim.models.lab.report.page import Chart, page
from tarim.models.lab.samples import Samples
from tarim.models.lab.train import test_rows
from tarim.models.model import model_from_bytes
from tarim.models.registry import CURVES

SHAP_ROWS_MAX: Final = 2_000

__all__ = ["make_comparison", "make_curves", "make_report"]


def make_report(
    record: RunRecord, content: bytes, samples: Samples, progress: Callable[[str], None] = lambda name: None
) -> dict[str, bytes]:
    """report.html, the charts as PNG and the numbers behind them, by file name.

    They are about the test part of the run's dataset under the run's model; `samples` must be the record's own dataset.
    progress: told of each chart's name as it begins.
    """
    assert samples.digest == record.dataset
    files: dict[str, bytes] = {}
    shown: list[Chart] = []
    for name, zh, en, draw, width_in, height_in in (*_of_scores(record, content, samples), *_of_features(record)):
        progress(name)
        svg, png = render(draw, width_in, height_in)
        files[f"{name}.png"] = png
        shown.append(Chart(name, zh, en, svg, width_in))
    files["report.html"] = page(record, shown).encode()
    files[CURVES] = make_curves(record, content, samples)
    return files


def make_curves(record: RunRecord, content: bytes, samples: Samples) -> bytes:
    """The numbers behind the charts of scores, as `tarim.models.registry.Curves` in canonical JSON.

    `samples` must be the record's own dataset.
    """
    assert samples.digest == record.dataset
    rows = test_rows(samples, record)
    scores = scored(model_from_bytes(content, samples.names), np.ascontiguousarray(samples.features[rows]))
    return canonical_json(
        curves_of(
            record.model,
            record.dataset,
            scores,
            samples.labels[rows],
            samples.amount_fen[rows],
            samples.occurred_ms[rows],
        )
    )


_Drawing = tuple[str, str, str, Draw, float, float]
"""File name, titles, how to draw it, width and height in inches."""


def _of_scores(record: RunRecord, content: bytes, samples: Samples) -> Iterator[_Drawing]:
    """Charts that need the rows of the test part."""
    rows = test_rows(samples, record)
    table, labels, metrics = np.ascontiguousarray(samples.features[rows]), samples.labels[rows], record.metrics
    model = model_from_bytes(content, samples.names)
    scores, raw = scored(model, table), np.empty(len(labels))
    model.raw_score(table, raw)
    yield (
        "roc",
        "ROC 与精确率",
        "ROC and precision",
        partial(charts.draw_roc, scores=scores, labels=labels, metrics=metrics),
        9,
        4,
    )
    yield "ks", "KS", "KS", partial(charts.draw_ks, scores=scores, labels=labels, metrics=metrics), 6, 4.2
    yield "lift", "提升", "Lift", partial(charts.draw_lift, scores=scores, labels=labels), 9, 3.6
    calibration = partial(
        charts.draw_calibration, scores=scores, raw=1 / (1 + np.exp(-raw)), labels=labels, metrics=metrics
    )
    yield "calibration", "校准", "Calibration", calibration, 6, 4.6
    spread = partial(charts.draw_scores, scores=scores, labels=labels, thresholds=record.thresholds)
    yield "scores", "评分分布", "Distribution of scores", spread, 7, 3.8
    some = np.sort(np.random.default_rng(record.plan.seed).permutation(len(table))[:SHAP_ROWS_MAX])
    columns = np.array([samples.names.index(name) for name in record.features], np.int64)
    own = np.ascontiguousarray(table[np.ix_(some, columns)])
    parts = contributions(content, record.features, own)
    shap = partial(feature_charts.draw_shap, names=record.features, features=own, parts=parts)
    yield "shap", "特征贡献", "Contributions", shap, 8, feature_charts.height_in(len(columns))


def _of_features(record: RunRecord) -> Iterator[_Drawing]:
    """Charts that the record alone gives."""
    tall = feature_charts.height_in(len(record.notes))
    yield "iv", "信息值", "Information value", partial(feature_charts.draw_iv, notes=record.notes), 7, tall
    yield "woe", "证据权重", "Weight of evidence", partial(feature_charts.draw_woe, notes=record.notes), 9, 5.2
    if record.stability:
        stability = partial(feature_charts.draw_stability, found=record.stability)
        yield "stability", "稳定性", "Stability", stability, 9, feature_charts.height_in(len(record.features) + 1)
    names = varied(record.tuning.trials) if record.tuning is not None else []
    if record.tuning is not None and names:
        yield "tuning", "调参", "Tuning", partial(draw_tuning, tuning=record.tuning), 2.2 + 1.7 * len(names), 4.6
    groups = [each for each in record.segments if each.assessment is not None]
    whole = record.metrics.measures["average_precision"].value
    if groups and whole is not None:
        by_group = partial(feature_charts.draw_groups, results=groups, whole=whole)
        yield "groups", "分群", "Groups", by_group, 8, 1.3 + 0.3 * len(groups)
