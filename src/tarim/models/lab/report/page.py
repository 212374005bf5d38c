"""The report as one HTML file: no script, no request to anywhere, pictures inside, Chinese and English side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from tarim.base.instants import instant_text
from tarim.models.intervals import Assessment
from tarim.models.lab.record import RunRecord
from tarim.models.lab.report.markup import document, head, interval, picture, section, table, value, with_interval, yuan
from tarim.models.lab.selection import FeatureNote

MEASURES: Final = (
    ("auc", "AUC", "AUC"),
    ("gini", "Gini", "Gini"),
    ("ks", "KS", "KS"),
    ("average_precision", "平均精确率", "average precision"),
    ("card_precision", "日均客户精确率", "customer precision a day"),
    ("calibration_error", "校准误差", "calibration error"),
    ("precision", "告警精确率", "precision of alerts"),
    ("recall", "欺诈召回率", "recall of frauds"),
    ("money_recall", "金额召回率", "recall of money"),
)
_CHOSEN_BY: Final = {"cost": ("成本最低", "least cost"), "capacity": ("日处理能力", "daily capacity")}
_ROLES: Final = {"training": ("训练", "training"), "validation": ("验证", "validation"), "test": ("测试", "test")}


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart's file name without its ending, its titles, its SVG, and its width in inches."""

    name: str
    zh: str
    en: str
    svg: bytes
    width_in: float


def page(record: RunRecord, shown: Sequence[Chart]) -> str:
    """The whole document."""
    by_name = {chart.name: chart for chart in shown}

    def pictures(*names: str) -> str:
        found = [by_name[name] for name in names if name in by_name]
        return "".join(picture(chart.zh, chart.en, chart.svg, chart.width_in) for chart in found)

    parts = [
        f"<h1>模型报告<small>Model report</small></h1><p class=note><code>{escape(record.run_id)}</code></p>",
        section("指标", "Figures on the test part", _tiles(record.metrics) + _resampling(record)),
        section("阈值", "Thresholds", _thresholds(record)),
        section("区分能力", "Discrimination", pictures("roc", "ks", "lift")),
        section("校准与评分", "Calibration and scores", _calibration(record) + pictures("calibration", "scores")),
        section("特征", "Features", pictures("iv", "woe", "shap") + _features(record.notes)),
        section("稳定性", "Stability", pictures("stability") + _cross_validation(record)),
        section("分群", "Groups", pictures("groups") + _groups(record)),
        section("样本覆盖", "Coverage", _coverage(record)),
        section("训练过程", "How it was made", _making(record) + _tuning(record, pictures("tuning"))),
    ]
    return document(f"模型报告 {record.run_id}", parts)


def _tiles(metrics: Assessment) -> str:
    found = []
    for name, zh, en in MEASURES:
        if name in metrics.measures:
            measure = metrics.measures[name]
            title = zh if en == zh else f"{zh} {en}"
            found.append(f"<div><span>{title}</span><b>{value(measure)}</b><span>{interval(measure)}</span></div>")
    return f"<div class=tiles>{''.join(found)}</div>"


def _resampling(record: RunRecord) -> str:
    metrics = record.metrics
    drawn = (
        ("按客户整群重抽样", "customers with all their events")
        if metrics.resampled == "customers"
        else ("按事件分层重抽样", "events, by label")
    )
    zh = (
        f"{metrics.rows:,} 条事件，其中欺诈 {metrics.frauds:,} 条；告警按成本阈值计；方括号为 95% 自助法区间（{drawn[0]}，"
        f"{metrics.replicates} 次）；客户精确率取每日前 {metrics.top} 名。"
    )
    en = (
        f"{metrics.rows:,} events, {metrics.frauds:,} of them frauds; alerts at the threshold of least cost; in brackets "
        f"bootstrap intervals of 95 % (drawn: {drawn[1]}; {metrics.replicates} draws); customer precision among the "
        f"{metrics.top} most suspicious a day."
    )
    return f"<p class=note>{escape(zh)}<br>{escape(en)}</p>"


def _thresholds(record: RunRecord) -> str:
    rows = []
    for threshold, tested in zip(record.thresholds, (record.metrics, record.at_capacity), strict=True):
        zh, en = _CHOSEN_BY[threshold.chosen_by]
        measures = tested.measures
        rows.append(
            [
                f"{zh} {en}", f"{threshold.score:.5g}", f"{threshold.alerts_per_day:,.1f}",
                f"{threshold.frauds_caught:,} / {threshold.frauds:,}", yuan(threshold.missed_fen), yuan(threshold.review_fen),
                *(with_interval(measures[name]) for name in ("precision", "recall", "money_recall")),
            ]
        )  # fmt: skip
    heads = [
        ("选取依据", "chosen by"), ("评分", "score"), ("日均告警", "alerts a day"), ("捕获欺诈", "frauds caught"),
        ("漏失（元）", "missed, yuan"), ("复核成本（元）", "reviews, yuan"), ("测试精确率", "precision, test"),
        ("测试召回率", "recall, test"), ("测试金额召回", "money, test"),
    ]  # fmt: skip
    note = (
        f"在验证样本上选取，在测试样本上检验；每条告警复核成本 {yuan(record.plan.review_cost_fen)} 元，日处理能力 "
        f"{record.plan.daily_capacity} 条。 Chosen on the validation part, measured on the test part; a review costs "
        f"{yuan(record.plan.review_cost_fen)} yuan, {record.plan.daily_capacity} alerts can be worked on a day."
    )
    return table(heads, rows, numbers_from=1) + f"<p class=note>{escape(note)}</p>"


def _calibration(record: RunRecord) -> str:
    method = {"none": "不校准 none", "platt": "Platt", "isotonic": "保序回归 isotonic"}[record.plan.calibration]
    after = value(record.metrics.measures["calibration_error"])
    text = f"校准方法 method: {method}；校准误差 calibration error: {record.uncalibrated_error:.4f} → {after}"
    return f"<p class=note>{escape(text)}</p>"


def _features(notes: Sequence[FeatureNote]) -> str:
    heads = [
        ("特征", "feature"), ("IV", ""), ("增益", "gain"), ("置换", "permutation"), ("VIF", ""), ("最强相关",
        "correlated with"), ("缺失", "missing"), ("离群", "outliers"), ("1% / 50% / 99%", ""),
    ]  # fmt: skip
    rows = []
    for note in sorted(notes, key=lambda each: (not each.chosen, -(each.gain or 0), -each.iv)):
        words = f"<br><span class=words>{escape(note.words)}</span>" if note.words else ""
        quantiles = " / ".join("-" if value is None else f"{value:.4g}" for value in (note.low, note.median, note.high))
        cells = [
            f"<code>{escape(note.name)}</code>", f"{note.iv:.3f}", "-" if note.gain is None else f"{note.gain:.1%}",
            "-" if note.permutation is None else f"{note.permutation:+.4f}", "∞" if note.vif is None else f"{note.vif:,.1f}",
            f"{note.correlation:+.2f} {escape(note.correlated)}" if note.correlated else "-", f"{note.missing:.1%}",
            f"{note.outliers:.1%}", quantiles,
        ]  # fmt: skip
        numbers = "".join(f"<td class=n>{cell}</td>" for cell in cells[1:])
        reason = f"{escape(note.reason_zh)}<br>{escape(note.reason_en)}{words}"
        out = "" if note.chosen else " out"
        rows.append(f'<tr class="about{out}"><td>{cells[0]}</td>{numbers}</tr>')
        rows.append(f'<tr class="why{out}"><td colspan={len(cells)}>{reason}</td></tr>')
    return f"<div class=wide><table><thead>{head(heads, 1)}</thead><tbody>{''.join(rows)}</tbody></table></div>"


def _cross_validation(record: RunRecord) -> str:
    checked = record.cross_validation
    if checked is None:
        return ""
    rows = [
        [str(each.fold + 1), str(each.seed), f"{each.training_rows:,}", f"{each.test_rows:,}", f"{each.test_frauds:,}",
         f"{each.auc:.4f}", f"{each.average_precision:.4f}"]
        for each in checked.results
    ]  # fmt: skip
    mean = (
        f"AUC {checked.auc_mean:.4f} ± {checked.auc_std:.4f}, AP {checked.average_precision_mean:.4f} ± "
        f"{checked.average_precision_std:.4f}"
    )
    heads = [
        ("折", "fold"),
        ("种子", "seed"),
        ("训练", "training"),
        ("测试", "test"),
        ("欺诈", "frauds"),
        ("AUC", ""),
        ("AP", ""),
    ]
    return f"<p class=note>按时间向前的交叉验证 Cross-validation forward in time: {mean}</p>" + table(
        heads, rows, numbers_from=0
    )


def _groups(record: RunRecord) -> str:
    if not record.segments:
        return "<p class=note>数据集未分群。 The dataset has no segments.</p>"
    heads = [
        ("分群", "segment"), ("取值", "value"), ("事件", "events"), ("欺诈", "frauds"), ("AUC", ""), ("AP", ""), ("召回率",
        "recall"), ("精确率", "precision"), ("金额召回", "money"),
    ]  # fmt: skip
    rows = []
    for each in record.segments:
        cells = [escape(each.segment), escape(each.value), f"{each.rows:,}", f"{each.frauds:,}"]
        if each.assessment is None:
            cells += ["样本过少 too few", "", "", "", ""]
        else:
            measures = each.assessment.measures
            wanted = ("auc", "average_precision", "recall", "precision", "money_recall")
            cells += [with_interval(measures[name]) for name in wanted]
        rows.append(cells)
    gaps = [
        [
            escape(gap.segment), escape(gap.measure), escape(gap.best), escape(gap.worst),
            f"<span class=apart>{gap.gap:.4f}</span>" if gap.apart else f"{gap.gap:.4f}",
        ]
        for gap in record.gaps
    ]  # fmt: skip
    gap_heads = [("分群", "segment"), ("指标", "measure"), ("最好", "best"), ("最差", "worst"), ("差距", "gap")]
    note = "红色：两端 95% 区间不相交。 Red: the intervals of 95 % of best and worst do not touch."
    return (
        table(heads, rows, numbers_from=2)
        + f"<h2>群间差距<small>Gaps</small></h2><p class=note>{note}</p>"
        + table(gap_heads, gaps, 4)
    )


def _coverage(record: RunRecord) -> str:
    covered = record.coverage
    if covered is None:
        return "<p class=note>该训练运行未检查样本覆盖。 Coverage was not looked at in this run.</p>"
    zh = (
        "以下分群训练样本不足。“仅规则”者已写入模型文件：模型在此不评分，指标亦不含这些事件（验证 "
        f"{covered.validation_rows:,} 条、欺诈 {covered.validation_frauds:,} 条，"
        f"测试 {covered.test_rows:,} 条、欺诈 {covered.test_frauds:,} 条）。"
    )
    en = (
        "Too little was learned of these. Those left to rules are written into the model: it gives no score there, and no "
        f"figure counts them ({covered.validation_rows:,} events, {covered.validation_frauds:,} frauds of the validation part, "
        f"{covered.test_rows:,} events, {covered.test_frauds:,} frauds of the test part)."
    )
    heads = [("分群", "segment"), ("取值", "value"), ("处理", "route"), ("训练行", "training rows"), ("欺诈", "frauds")]
    rows = [
        [escape(each.division), escape(each.value), route, f"{each.rows:,}", f"{each.frauds:,}"]
        for route, found in (("仅规则 rules only", covered.rules_only), ("仅提示 listed", covered.thin))
        for each in found
    ]
    return f"<p class=note>{escape(zh)}<br>{escape(en)}</p>" + table(heads, rows, numbers_from=3)


def _making(record: RunRecord) -> str:
    facts = [
        ("操作者 operator", f"{record.operator.name} ({record.operator.key_id})"),
        (
            "起止 from, to",
            f"{instant_text(record.started_ms)} — {instant_text(record.ended_ms)}, "
            f"{(record.ended_ms - record.started_ms) / 1000:,.1f} s",
        ),
        ("模型 model", f"{record.kind}, {record.model_file}, {record.model}"),
        ("迭代 iterations", f"{record.iterations}, {record.fit_cpu_s:,.1f} s 处理器时间 of a processor"),
        ("数据集 dataset", record.dataset),
        ("特征集 feature set", f"{record.feature_version}, {len(record.features)} of {len(record.notes)}"),
        *(
            (
                f"{_ROLES[name][0]}样本 {_ROLES[name][1]}",
                f"{part.rows:,} ({part.frauds:,} 欺诈 frauds), {instant_text(part.first_ms)} — {instant_text(part.last_ms)}",
            )
            for name, part in record.parts.items()
        ),
        ("标签未及时 labels too late", f"{record.unripe:,}"),
        ("随机种子 seed", str(record.plan.seed)),
        ("参数 parameters", ", ".join(f"{name} {value:g}" for name, value in sorted(record.settings.items()))),
        ("脚本 script (SHA-256)", record.script),
        ("代码 code (SHA-256)", f"{record.code_version}, {record.code}"),
        ("软件 libraries", ", ".join(f"{name} {version}" for name, version in sorted(record.libraries.items()))),
    ]
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts)
    return f"<dl>{listed}</dl>"


def _tuning(record: RunRecord, chart: str) -> str:
    if record.tuning is None:
        return ""
    rows = [
        [
            f"<b>{trial.number}</b>" if trial.number == record.tuning.best else str(trial.number),
            f"{trial.average_precision:.4f}",
            f"{trial.cpu_s:,.1f}",
            escape(", ".join(f"{name} {value:.4g}" for name, value in sorted(trial.params.items()))),
        ]
        for trial in record.tuning.trials
    ]
    heads = [("次", "trial"), ("AP", "mean of folds"), ("处理器秒", "processor s"), ("参数", "parameters")]
    return section("调参", "Tuning", chart + table(heads, rows, numbers_from=9))
