"""A risk report as pages: what stands out, day by day, by outcome, scenario and channel, cases, and how it was reconciled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tarim.reporting.adapters.charts import daily_chart, ranking_chart
from tarim.reporting.adapters.pages import pdf
from tarim.reporting.domain.days import PeriodKind, date_of, local_text
from tarim.reporting.domain.figures import OUTCOMES, Figures, Line
from tarim.reporting.ports import Letterhead

TITLES: Final = {
    PeriodKind.DAILY: ("交易风险监测日报", "Daily risk report"),
    PeriodKind.WEEKLY: ("交易风险监测周报", "Weekly risk report"),
    PeriodKind.MONTHLY: ("交易风险监测月报", "Monthly risk report"),
    PeriodKind.ON_DEMAND: ("交易风险监测报告", "Risk report"),
}
_LINES: Final = (
    ("项目", "item", "", "left"),
    ("笔数", "decisions", "22mm", "right"),
    ("占比", "share", "18mm", "right"),
    ("金额（元）", "yuan", "34mm", "right"),
    ("其中暂停与拒绝", "of them stopped", "28mm", "right"),
    ("拦截金额（元）", "yuan stopped", "34mm", "right"),
)
_DAYS: Final = (
    ("日期", "day", "20mm", "left"),
    ("交易笔数", "events", "20mm", "right"),
    *((zh, en, "14mm", "right") for _, zh, en in OUTCOMES),
    ("拦截金额（元）", "yuan stopped", "", "right"),
    ("确认欺诈", "fraud", "15mm", "right"),
    ("确认正常", "genuine", "15mm", "right"),
)


def risk_pages(figures: Figures, kind: PeriodKind, letterhead: Letterhead, person: str, at_ms: int) -> bytes:
    """The PDF.  Raises as `pages.pdf`."""
    title_zh, title_en = TITLES[kind]
    data: dict[str, Any] = {
        "id": figures.id,
        "title-zh": title_zh,
        "title-en": title_en,
        "bank": " ".join(name for name in (letterhead.name, letterhead.name_en) if name),
        "period": period_text(figures),
        "tiles": _tiles(figures),
        "summary-zh": _summary_zh(figures),
        "summary-en": _summary_en(figures),
        "line-columns": _LINES,
        "outcomes": _lines(figures.outcomes, figures),
        "scenarios": _lines(figures.scenarios, figures),
        "channels": _lines(figures.channels, figures),
        "day-columns": _DAYS,
        "days": _days(figures),
        "daily-chart": daily_chart(figures) if len(figures.days) > 1 else "",
        "scenario-chart": ranking_chart(figures.scenarios) if figures.scenarios else "",
        "cases": _cases(figures),
        "reconciliation": [
            ("核对至流水位置", "journal position", f"{figures.as_of_seq:,}"),
            ("核对结果", "result", "一致 agrees"),
            ("生成人", "made by", person),
            ("生成时间", "made at", local_text(at_ms)),
        ],
    }
    return pdf("risk.typ", data, at_ms)


def period_text(figures: Figures) -> str:
    """`2026年2月1日至2026年2月28日`."""
    first, last = date_of(figures.from_day), date_of(figures.to_day)
    texts = [f"{day.year}年{day.month}月{day.day}日" for day in (first, last)]
    return texts[0] if first == last else "至".join(texts)


def yuan_text(amount_fen: int) -> str:
    """`1,234.50`."""
    return f"{amount_fen // 100:,}.{amount_fen % 100:02d}"


def short_yuan(amount_fen: int) -> str:
    """`1,234.50元`, `123.45万元`, `1.23亿元`: for a glance."""
    for size, word in ((10**10, "亿元"), (10**6, "万元")):
        if amount_fen >= size:
            return f"{amount_fen / size:,.2f}{word}"
    return f"{yuan_text(amount_fen)}元"


def share_text(part: int, whole: int) -> str:
    """`12.3%`, a dash of nothing."""
    return f"{100 * part / whole:.1f}%" if whole else "—"


def change_text(now: int, before: int) -> str:
    """`较上期 +12.3%`."""
    if not before:
        return "上期无 none before"
    return f"较上期 {100 * (now - before) / before:+.1f}%"


def _tiles(figures: Figures) -> list[tuple[str, str, str, str]]:
    precision = figures.precision
    cases = figures.cases
    return [
        ("交易笔数", "events", f"{figures.events:,}", "经实时判断的交易与操作"),
        ("预警笔数", "decisions", f"{figures.decisions:,}", change_text(figures.decisions, figures.before_decisions)),
        ("预警率", "share", share_text(figures.decisions, figures.events), "预警笔数 / 交易笔数"),
        ("暂停与拒绝", "stopped", f"{figures.stopped:,}", change_text(figures.stopped, figures.before_stopped)),
        ("拦截金额", "amount stopped", short_yuan(figures.stopped_fen),
         change_text(figures.stopped_fen, figures.before_stopped_fen)),
        ("确认欺诈", "fraud", f"{figures.fraud:,}", f"确认正常 {figures.genuine:,}"),
        ("欺诈占比", "of labels", "—" if precision is None else f"{100 * precision:.1f}%", "确认欺诈 / 已确认"),
        ("未结案件", "open cases", f"{cases.open_now:,}", f"逾期 {cases.overdue_now:,}"),
    ]  # fmt: skip


def _summary_zh(figures: Figures) -> str:
    told = [
        f"{period_text(figures)}，系统共判断交易与操作{figures.events:,}笔，产生预警{figures.decisions:,}笔，"
        f"预警率{share_text(figures.decisions, figures.events)}，涉及金额{short_yuan(figures.amount_fen)}；"
        f"其中暂停与拒绝{figures.stopped:,}笔，拦截金额{short_yuan(figures.stopped_fen)}。"
    ]
    if figures.scenarios:
        top = "、".join(f"{line.zh}（{line.decisions:,}笔）" for line in figures.scenarios[:3])
        told.append(f"预警较多的场景依次为{top}。")
    if figures.fraud + figures.genuine:
        told.append(f"期间收到确认结果{figures.fraud + figures.genuine:,}笔，其中欺诈{figures.fraud:,}笔。")
    told.append(
        f"新增案件{figures.cases.opened:,}件，结案{figures.cases.closed:,}件，上报可疑{figures.cases.reported:,}件。"
    )
    if figures.other_currencies:
        told.append(f"另有外币预警{figures.other_currencies:,}笔，未计入金额。")
    return "".join(told)


def _summary_en(figures: Figures) -> str:
    return (
        f"{figures.events:,} events were judged and {figures.decisions:,} raised a decision above pass "
        f"({share_text(figures.decisions, figures.events)}); {figures.stopped:,} were suspended or blocked, "
        f"CNY {yuan_text(figures.stopped_fen)}. {figures.cases.opened:,} cases were opened, {figures.cases.closed:,} closed, "
        f"{figures.cases.reported:,} reported."
    )


def _lines(lines: Sequence[Line], figures: Figures) -> list[tuple[str, ...]]:
    return [
        (
            f"{line.zh} {line.en}",
            f"{line.decisions:,}",
            share_text(line.decisions, figures.decisions),
            yuan_text(line.amount_fen),
            f"{line.stopped:,}",
            yuan_text(line.stopped_fen),
        )
        for line in lines
    ]


def _days(figures: Figures) -> list[tuple[str, ...]]:
    return [
        (
            date_of(day.day).isoformat(),
            f"{day.events:,}",
            *(f"{count:,}" for count in day.by_outcome),
            yuan_text(day.stopped_fen),
            f"{day.fraud:,}",
            f"{day.genuine:,}",
        )
        for day in figures.days
    ]


def _cases(figures: Figures) -> list[tuple[str, str, str]]:
    cases = figures.cases
    return [
        ("新增案件", "opened", f"{cases.opened:,}"),
        ("结案", "closed", f"{cases.closed:,}"),
        ("上报可疑", "reported", f"{cases.reported:,}"),
        ("期间预警", "alerts", f"{sum(cases.alerts.values()):,}"),
        ("未结案件", "open now", f"{cases.open_now:,}"),
        ("逾期未复核", "overdue now", f"{cases.overdue_now:,}"),
    ]
