"""报表: risk reports with their figures, and the batch files of risky accounts."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any, Final

from tarim.console import reports_views as views
from tarim.console.pages import Answer, Download, Go, Page, View, Visit, json_answer
from tarim.console.rendering import zone
from tarim.console.services import Refused, segment
from tarim.console.words import _, either
from tarim.identity import Scope

READS: Final = frozenset({Scope.REPORTS_READ})
ANY: Final = frozenset({Scope.REPORTS_READ, Scope.OPERATE})
_MEDIA: Final = {"pdf": "application/pdf", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def common(visit: Visit) -> dict[str, Any]:
    """What every page of reports has."""
    return {"views": views, "scopes": Scope}


async def start(visit: Visit) -> Go:
    """The first of the pages of reports that is open to the person."""
    return Go("risk_reports" if visit.may(Scope.REPORTS_READ) else "risk_batches")


async def show_risk_reports(visit: Visit) -> View:
    """Filed risk reports, and the form that makes one now."""
    return await _risk_reports(visit, None)


async def _risk_reports(visit: Visit, error: Refused | None) -> View:
    found = await visit.desk.get("/v1/risk-reports", views.Risks, limit=100)
    kind = visit.query.get("kind", "")
    rows = [each for each in found.reports if kind in ("", each.kind)]
    yesterday = (datetime.now(zone()) - timedelta(days=1)).strftime("%Y-%m-%d")
    values = common(visit) | {
        "rows": rows,
        "kind": kind,
        "may_make": visit.may(Scope.REPORTS_WRITE),
        "form": {"kind": "daily", "from_day": yesterday, "to_day": ""} | dict(visit.form),
        "error": error,
    }
    return View("reports/risk_list.html", values, status=422 if error else 200)


async def make_risk_report(visit: Visit) -> View | Go:
    """Make a risk report now; figures that do not agree with the journal are not filed, and the page says which."""
    form = visit.form
    body = {
        "kind": form.get("kind", ""),
        "from_day": views.day_of(form.get("from_day", "")),
        "to_day": views.day_of(form.get("to_day", "")) if form.get("kind") == "on-demand" else 0,
    }
    try:
        made = await visit.desk.post("/v1/risk-reports", body, views.Risk)
    except Refused as error:
        if error.status not in (409, 422):
            raise
        return await _risk_reports(visit, error)
    return Go("risk_report", {"id": made.id}, toast=_("报告已生成，数据与流水核对一致"))


async def show_risk_report(visit: Visit) -> View:
    """One with its figures."""
    found = await visit.desk.get(f"/v1/risk-reports/{segment(visit.path['id'])}", views.Risk)
    figures = found.figures
    if figures is None:
        raise Refused(404, "not_found", _("未找到"), _("这份报告没有数据。"))
    labels = figures.fraud + figures.genuine
    values = common(visit) | {
        "report": found,
        "figures": figures,
        "window": views.day_text(found.from_day)
        + ("" if found.to_day == found.from_day else either(" 至 ", " to ") + views.day_text(found.to_day)),
        "short": _short(found),
        "share": figures.decisions / figures.events if figures.events else None,
        "precision": figures.fraud / labels if labels else None,
        "labels": labels,
        "delta": _delta(figures.decisions, figures.before_decisions),
        "delta_stopped": _delta(figures.stopped, figures.before_stopped),
    }
    return View("reports/risk.html", values)


def _short(report: views.Risk) -> str:
    """The days of a report without the year, `10-01–10-31`."""
    first, last = views.day_text(report.from_day)[5:], views.day_text(report.to_day)[5:]
    return first if first == last else f"{first}–{last}"


def _delta(now: int, before: int) -> str:
    """`+12.5%` against the period before."""
    return f"{(now - before) / before:+.1%}" if before else ""


async def risk_chart(visit: Visit) -> Answer:
    """The figures of a report as its charts take them."""
    found = await visit.desk.get(f"/v1/risk-reports/{segment(visit.path['id'])}", views.Risk)
    figures = found.figures
    assert figures is not None
    return json_answer(
        {
            "days": [views.day_text(each.day)[5:] for each in figures.days],
            "events": [each.events for each in figures.days],
            "alerts": [sum(each.by_outcome) for each in figures.days],
            "stopped": [each.stopped_fen / 1_000_000 for each in figures.days],
            "scenarios": [[either(each.zh, each.en), each.decisions] for each in reversed(figures.scenarios[:10])],
            "names": {
                "events": either("判断笔数", "Judged"),
                "alerts": either("预警笔数", "Alerts"),
                "stopped": either("拦截金额（万元）", "Stopped (10,000 CNY)"),
                "count": either("笔", "events"),
            },
        }
    )


async def fetch_risk_report(visit: Visit) -> Download:
    """Its PDF or workbook."""
    form = "xlsx" if visit.path["form"] == "xlsx" else "pdf"
    found = await visit.desk.get(f"/v1/risk-reports/{segment(visit.path['id'])}/document", views.File, form=form)
    return Download(found.name, base64.b64decode(found.content_base64), _MEDIA[form])


async def show_batches(visit: Visit) -> View:
    """Runs of the batch of risky accounts, and the form that makes one again."""
    return await _batches(visit, None)


async def _batches(visit: Visit, error: Refused | None) -> View:
    found = await visit.desk.get("/v1/risk-batches", views.Batches, limit=100)
    yesterday = (datetime.now(zone()) - timedelta(days=1)).strftime("%Y-%m-%d")
    values = common(visit) | {
        "runs": found.runs,
        "error": error,
        "form": {"day": yesterday, "reason": ""} | dict(visit.form),
    }
    return View("reports/batches.html", values, status=422 if error else 200)


async def make_batch(visit: Visit) -> View | Go:
    """Make the file of a day, or again, and say why."""
    body = {"day": views.day_of(visit.form.get("day", "")), "reason": visit.form.get("reason", "").strip()}
    try:
        made = await visit.desk.post("/v1/risk-batches", body, views.Batch)
    except Refused as error:
        if error.status not in (409, 422):
            raise
        return await _batches(visit, error)
    told = either(f"已生成 {made.rows} 行，放入出口目录", f"{made.rows} rows, put into the outbox")
    return Go("risk_batches", toast=told)


PAGES: Final = (
    Page("GET", "/reports", "reports", ANY, start, nav="reports"),
    Page("GET", "/reports/risk", "risk_reports", READS, show_risk_reports, nav="reports"),
    Page("POST", "/reports/risk", "risk_make", frozenset({Scope.REPORTS_WRITE}), make_risk_report, nav="reports"),
    Page("GET", "/reports/risk/{id}", "risk_report", READS, show_risk_report, nav="reports"),
    Page("GET", "/reports/risk/{id}/chart", "risk_chart", READS, risk_chart, nav="reports"),
    Page("GET", "/reports/risk/{id}/{form}", "risk_document", READS, fetch_risk_report, nav="reports"),
    Page("GET", "/reports/batches", "risk_batches", frozenset({Scope.OPERATE}), show_batches, nav="reports"),
    Page("POST", "/reports/batches", "risk_batch_make", frozenset({Scope.OPERATE}), make_batch, nav="reports"),
)
