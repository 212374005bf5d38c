"""Runs side by side on a page: what was set differently, what came of it, and what it cost (ML-05)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from typing import Final, Protocol

from tarim.models.intervals import Measure
from tarim.models.lab.record import RunRecord
from tarim.models.lab.report.canvas import render
from tarim.models.lab.report.cost_charts import draw_comparison
from tarim.models.lab.report.markup import document, picture, section, table, with_interval
from tarim.models.lab.report.page import MEASURES

PAGE: Final = "compare.html"
PICTURE: Final = "compare.png"


class Compared(Protocol):
    """A run beside the first: paired differences in its favour, or why there are none."""

    @property
    def record(self) -> RunRecord: ...
    @property
    def differences(self) -> Mapping[str, Measure]: ...
    @property
    def why_not(self) -> str: ...


def make_comparison(found: Sequence[Compared]) -> dict[str, bytes]:
    """compare.html, and its chart as PNG, by file name; `found` begins with the run that the others are set against."""
    records = [each.record for each in found]
    width_in, height_in = 9.0, 1.4 + 0.55 * len(records)
    svg, png = render(partial(draw_comparison, records=records), width_in, height_in)
    parts = [
        "<h1>训练运行对比<small>Runs compared</small></h1>",
        section(
            "质量与耗时", "Quality and time", picture("质量与耗时", "Quality and time", svg, width_in) + _figures(found)
        ),
        section("方案差异", "What was set differently", _settings(records)),
    ]
    return {PAGE: document("训练运行对比", parts).encode(), PICTURE: png}


def _figures(found: Sequence[Compared]) -> str:
    heads = [("指标", "figure"), *((each.record.run_id, each.record.kind) for each in found)]
    rows = []
    for name, zh, en in MEASURES:
        cells = [zh if en == zh else f"{zh} {en}"]
        for each in found:
            measures = each.record.metrics.measures
            cell = with_interval(measures[name]) if name in measures else "-"
            if name in each.differences:
                cell += f"<br>{_difference(each.differences[name])}"
            cells.append(cell)
        rows.append(cells)
    rows.append(
        ["训练处理器时间（秒） processor time of the fit, s", *(f"{each.record.fit_cpu_s:,.2f}" for each in found)]
    )
    rows.append(["迭代 iterations", *(f"{each.record.iterations:,}" for each in found)])
    notes = [f"{escape(each.record.run_id)}: {escape(each.why_not)}" for each in found if each.why_not]
    note = (
        "第二行为与首个运行的配对差异，方括号为 95% 区间，红色表示不含 0。 Second line: the difference to the first run, "
        "paired, with its interval of 95 %; red: it does not hold 0."
    )
    return table(heads, rows, numbers_from=1) + f"<p class=note>{'<br>'.join([note, *notes])}</p>"


def _settings(records: Sequence[RunRecord]) -> str:
    """Every parameter that is not the same everywhere; what a kind does not know is left empty."""
    names = list(dict.fromkeys(name for record in records for name in record.settings))
    rows = []
    for name in names:
        cells = [f"{record.settings[name]:g}" if name in record.settings else "" for record in records]
        if len(set(cells)) > 1:
            rows.append([f"<code>{escape(name)}</code>", *cells])
    rows.append(["特征 features", *(f"{len(record.features)}" for record in records)])
    rows.append(["随机种子 seed", *(str(record.plan.seed) for record in records)])
    rows.append(["训练集 dataset", *(f"<code>{escape(record.dataset[:16])}</code>" for record in records)])
    return table([("参数", "parameter"), *((record.run_id, record.kind) for record in records)], rows, numbers_from=1)


def _difference(measure: Measure) -> str:
    if measure.value is None:
        return "-"
    if measure.low is None or measure.high is None:
        return f"{measure.value:+.4f}"
    text = f"{measure.value:+.4f} [{measure.low:+.4f}, {measure.high:+.4f}]"
    return f"<span class=apart>{text}</span>" if measure.low > 0 or measure.high < 0 else text
