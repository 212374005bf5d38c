"""Reports over HTTP: suspicious transaction reports, risk reports, the batch of risky accounts (RM-03, RM-29, RS-06).

Every look at a suspicious transaction report is on the audit trail; what it says of persons is masked until it is revealed,
with a reason, by somebody who has just proved who he is.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from tarim.api import reporting_bodies as bodies
from tarim.api import reporting_risk_bodies as risks
from tarim.api.reporting_bodies import FilingBody, fault_body, filing_body, happened_body
from tarim.api.reporting_risk_bodies import batch_body, risk_body
from tarim.api.routes import Call, Handler, Route
from tarim.base.errors import FieldError
from tarim.identity import Scope
from tarim.reporting import (
    Codes,
    Filing,
    Period,
    PeriodKind,
    RiskBatch,
    RiskReports,
    Shown,
    SuspiciousReports,
    changed,
    masked_report,
    period_of,
    schema_text,
)

T = TypeVar("T")
_BASE = "/v1/suspicious-reports"


@dataclass(frozen=True, slots=True)
class ReportDesk:
    """What the routes work with.  recent_ms: how long ago a person may have signed in for a full view; now_ms: the clock."""

    suspicious: SuspiciousReports
    risk: RiskReports
    batch: RiskBatch
    codes: Codes
    recent_ms: int
    now_ms: Callable[[], int]

    def body(self, filing: Filing) -> FilingBody:
        """A report as it is shown, with when it is due."""
        return filing_body(filing, *self.suspicious.due(filing))

    def shown(self, shown: Shown, *, full: bool) -> bodies.ReportBody:
        """A report with its content, masked or in full."""
        content = msgspec.to_builtins(shown.report) if full else masked_report(shown.report)
        faults = [fault_body(fault) for fault in shown.faults]
        return bodies.ReportBody(self.body(shown.filing), content, faults, list(shown.hands))


async def aside(function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """What a function gives that waits for the desk or for files."""
    return await asyncio.get_running_loop().run_in_executor(None, partial(function, *arguments, **named))


def report_routes(work: ReportDesk) -> list[Route]:
    """The routes of reports."""
    return [*_looks(work), *_acts(work), *_risk(work), *_batch(work)]


@dataclass(frozen=True, slots=True)
class ReportHandlers:
    """What answers about reports."""

    work: ReportDesk

    async def list_reports(self, call: Call) -> bodies.FilingsBody:
        query: bodies.FilingsQuery = call.query
        found = await aside(self.work.suspicious.listed, call.caller, query.state, query.before, query.limit)
        following = found[-1].no if len(found) == query.limit else 0
        return bodies.FilingsBody([self.work.body(each) for each in found], following)

    async def read_report(self, call: Call) -> bodies.ReportBody:
        return self.work.shown(await aside(self.work.suspicious.shown, call.caller, call.path["id"]), full=False)

    async def reveal_report(self, call: Call) -> bodies.ReportBody:
        _require_reveal(self.work, call)
        return self.work.shown(await aside(self.work.suspicious.shown, call.caller, call.path["id"]), full=True)

    async def read_package(self, call: Call) -> bodies.FileBody:
        _require_reveal(self.work, call)
        return _file(*await aside(self.work.suspicious.package, call.caller, call.path["id"]))

    async def read_history(self, call: Call) -> bodies.HistoryBody:
        found = await aside(self.work.suspicious.history, call.caller, call.path["id"])
        return bodies.HistoryBody([happened_body(row) for row in found])

    async def read_reference(self, call: Call) -> bodies.ReferenceBody:
        tables = {
            name: bodies.TableBody(table.mark, dict(table.words)) for name, table in self.work.codes.tables.items()
        }
        return bodies.ReferenceBody(schema_text(), tables)


def _looks(work: ReportDesk) -> list[Route]:
    do = ReportHandlers(work)
    return [
        Route("GET", _BASE, "list_suspicious_reports", "Suspicious transaction reports / 可疑交易报告列表",
              Scope.REPORTS_READ, do.list_reports, bodies.FilingsBody, query=bodies.FilingsQuery, personal=True),
        Route("GET", _BASE + "/{id}", "read_suspicious_report", "One report, masked, with its faults / 可疑交易报告（脱敏）",
              Scope.REPORTS_READ, do.read_report, bodies.ReportBody, personal=True),
        Route("POST", _BASE + "/{id}/reveal", "reveal_suspicious_report", "One report in full / 可疑交易报告（明文）",
              Scope.REVEAL, do.reveal_report, bodies.ReportBody, bodies.WhyBody, personal=True),
        Route("POST", _BASE + "/{id}/package", "read_suspicious_package", "The exported package / 下载报送包", Scope.REVEAL,
              do.read_package, bodies.FileBody, bodies.WhyBody, refusals=(409,), personal=True),
        Route("GET", _BASE + "/{id}/history", "read_suspicious_history", "What happened to a report / 可疑交易报告历史",
              Scope.REPORTS_READ, do.read_history, bodies.HistoryBody, personal=True),
        Route("GET", "/v1/suspicious-report-reference", "read_suspicious_reference",
              "Schema and code tables / 报文结构与代码表", Scope.REPORTS_READ, do.read_reference, bodies.ReferenceBody),
    ]  # fmt: skip


def _require_reveal(work: ReportDesk, call: Call) -> None:
    call.caller.require(Scope.REPORTS_READ)
    call.caller.require_recent(work.now_ms(), work.recent_ms)
    call.note.reason = call.body.reason


@dataclass(frozen=True, slots=True)
class ActHandlers:
    """What has reports written, agreed to and sent."""

    work: ReportDesk

    async def draft(self, call: Call) -> bodies.FilingBody:
        filing = await aside(self.work.suspicious.draft, call.caller, call.body.case, call.body.customer)
        call.note.object = f"suspicious-report:{filing.number}"
        return self.work.body(filing)

    async def change(self, call: Call) -> bodies.ReportBody:
        number, body = call.path["id"], call.body
        before = await aside(self.work.suspicious.shown, call.caller, number)
        report = changed(before.report, body.values)
        return self.work.shown(
            await aside(self.work.suspicious.edit, call.caller, number, body.version, report), full=False
        )

    async def receipt(self, call: Call) -> bodies.FilingBody:
        body: bodies.ReceiptBody = call.body
        try:
            content = base64.b64decode(body.content_base64, validate=True)
        except (binascii.Error, ValueError):
            raise FieldError("content_base64", "must be base64") from None
        number = call.path["id"]
        given = {"accepted": body.accepted, "content": content, "reason": body.reason}
        return self.work.body(await aside(self.work.suspicious.receipt, call.caller, number, body.version, **given))

    async def let_in(self, call: Call) -> bodies.FilingBody:
        body: bodies.ReaderBody = call.body
        return self.work.body(
            await aside(self.work.suspicious.let_in, call.caller, call.path["id"], body.person, on=body.on)
        )

    async def staff(self, call: Call) -> bodies.CountBody:
        rows = [(row.person, row.customer) for row in call.body.staff]
        return bodies.CountBody(await aside(self.work.suspicious.register_staff, call.caller, rows))

    def act(self, function: Callable[..., Filing], *names: str) -> Handler:
        """What does one act on a report; names: fields of the body that it is given."""

        async def handler(call: Call) -> bodies.FilingBody:
            given = [getattr(call.body, name) for name in names]
            return self.work.body(await aside(function, call.caller, call.path["id"], call.body.version, *given))

        return handler


def _acts(work: ReportDesk) -> list[Route]:
    do, reports = ActHandlers(work), work.suspicious
    write, approve = Scope.REPORTS_WRITE, Scope.REPORTS_APPROVE
    return [
        Route("POST", _BASE, "draft_suspicious_report", "Draft a report from a case / 由案件起草可疑交易报告", write,
              do.draft, bodies.FilingBody, bodies.DraftBody, status=201, refusals=(404, 409)),
        Route("POST", _BASE + "/{id}/values", "change_suspicious_report", "Fill in or change values / 填报内容", write,
              do.change, bodies.ReportBody, bodies.ChangeBody, refusals=(409,), body_bytes_max=8 << 20, personal=True),
        _act("submit", "Submit for approval / 提交审批", write, do.act(reports.submit), bodies.ActBody),
        _act("withdraw", "Take one's own submission back / 撤回提交", write, do.act(reports.withdraw), bodies.ActBody),
        _act("approve", "Approve exactly this content / 审批通过", approve, do.act(reports.approve, "digest", "reason"),
             bodies.ApproveBody),
        _act("reject", "Send it back with why / 驳回", approve, do.act(reports.reject, "reason"), bodies.ReasonedBody),
        _act("discard", "Drop another person's draft / 作废草稿", approve, do.act(reports.discard, "reason"),
             bodies.ReasonedBody),
        _act("export", "Make the package: XML, PDF, manifest / 生成报送包", write, do.act(reports.export), bodies.ActBody),
        _act("sent", "It was sent to the authority / 登记已报送", write, do.act(reports.sent, "message"), bodies.SentBody),
        _act("receipt", "What came back / 登记回执", write, do.receipt, bodies.ReceiptBody, bodies.RECEIPT_BASE64_MAX + 4096),
        _act("reader", "Let a person read it, or not any more / 授权查阅", approve, do.let_in, bodies.ReaderBody),
        Route("POST", "/v1/suspicious-reports:staff", "register_report_staff", "Which persons are customers / 员工客户登记",
              approve, do.staff, bodies.CountBody, bodies.StaffBody, body_bytes_max=1 << 20),
    ]  # fmt: skip


def _act(word: str, summary: str, scope: Scope, handler: Handler, takes: type, limit: int = 64 << 10) -> Route:
    name = f"{word}_suspicious_report"
    return Route(
        "POST", f"{_BASE}/{{id}}/{word.replace('_', '-')}", name, summary, scope, handler, bodies.FilingBody, takes,
        refusals=(409,), body_bytes_max=limit,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RiskHandlers:
    """What answers about risk reports."""

    work: ReportDesk

    async def list_risk(self, call: Call) -> risks.RiskReportsBody:
        return risks.RiskReportsBody([risk_body(row) for row in await aside(self.work.risk.filed, call.query.limit)])

    async def make(self, call: Call) -> risks.RiskReportBody:
        body: risks.RiskAskedBody = call.body
        kind = PeriodKind(body.kind)
        if kind is PeriodKind.ON_DEMAND:
            period = Period(kind, body.from_day, body.to_day or body.from_day)
        else:
            period = period_of(kind, body.from_day)
        return risk_body(await aside(self.work.risk.file, call.person, period))

    async def read_risk(self, call: Call) -> risks.RiskReportBody:
        return risk_body(await aside(self.work.risk.filed_one, call.path["id"]))

    async def document(self, call: Call) -> bodies.FileBody:
        return _file(*await aside(self.work.risk.document, call.path["id"], call.query.form))


def _risk(work: ReportDesk) -> list[Route]:
    do, base = RiskHandlers(work), "/v1/risk-reports"
    return [
        Route("GET", base, "list_risk_reports", "Filed risk reports / 风险报告列表", Scope.REPORTS_READ, do.list_risk,
              risks.RiskReportsBody, query=risks.LimitQuery),
        Route("POST", base, "make_risk_report", "Make a risk report now / 生成风险报告", Scope.REPORTS_WRITE, do.make,
              risks.RiskReportBody, risks.RiskAskedBody, status=201, refusals=(409,)),
        Route("GET", base + "/{id}", "read_risk_report", "One with its figures / 风险报告数据", Scope.REPORTS_READ,
              do.read_risk, risks.RiskReportBody),
        Route("GET", base + "/{id}/document", "read_risk_document", "Its PDF or workbook / 下载风险报告", Scope.REPORTS_READ,
              do.document, bodies.FileBody, query=risks.FormQuery),
    ]  # fmt: skip


def _batch(work: ReportDesk) -> list[Route]:
    async def list_runs(call: Call) -> risks.BatchesBody:
        return risks.BatchesBody([batch_body(row) for row in await aside(work.batch.runs, call.query.limit)])

    async def make(call: Call) -> risks.BatchBody:
        call.note.reason = call.body.reason
        return batch_body(await aside(work.batch.make, call.person, call.body.day, call.body.reason))

    return [
        Route("GET", "/v1/risk-batches", "list_risk_batches", "Runs of the batch of risky accounts / 风险账户批量文件记录",
              Scope.OPERATE, list_runs, risks.BatchesBody, query=risks.LimitQuery),
        Route("POST", "/v1/risk-batches", "make_risk_batch", "Make the file of a day, or again / 手工生成批量文件",
              Scope.OPERATE, make, risks.BatchBody, risks.BatchAskedBody, status=201, refusals=(409,)),
    ]  # fmt: skip


def _file(name: str, content: bytes) -> bodies.FileBody:
    return bodies.FileBody(name, sha256(content).hexdigest(), base64.b64encode(content).decode())
