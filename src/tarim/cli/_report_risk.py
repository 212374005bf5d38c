"""`tarim reports risk`, `risk-list`, `risk-file`, `batch`, `batches`."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated

import typer

from tarim.base.errors import TarimError
from tarim.cli._case_acts import URL_DEFAULT, DeskUrl
from tarim.cli._client import Reason, ask, quoted
from tarim.cli._report_looks import Out, write_file

_Day = Annotated[int, typer.Argument(help="A day, 20260228. 日期。", show_default=False)]
_JOB_BYTES_MAX = 8 << 20
_NICE = 10
_Limit = Annotated[int, typer.Option(min=1, max=500, help="How many. 条数。")]


def register_risk(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("risk")(risk_command)
    group.command("risk-list")(risk_list_command)
    group.command("risk-file")(risk_file_command)
    group.command("render", hidden=True)(render_command)
    group.command("batch")(batch_command)
    group.command("batches")(batches_command)


def risk_command(
    day: _Day,
    kind: Annotated[str, typer.Option(help="daily, weekly, monthly or on-demand. 报告种类。")] = "daily",
    to_day: Annotated[int, typer.Option("--to", help="On demand: the last day. 截止日期。")] = 0,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Make a risk report now; it is refused when its figures do not agree with the journal. 生成风险报告（与流水核对）。"""
    found = ask("POST", url, "/v1/risk-reports", {"kind": kind, "from_day": day, "to_day": to_day})
    figures = found["figures"]
    typer.echo(
        f"{found['id']}  {figures['events']:,} events 交易, {figures['decisions']:,} decisions 预警, "
        f"{figures['stopped']:,} stopped 暂停与拒绝; reconciled to 核对至 {found['as_of']:,}"
    )


def risk_list_command(limit: _Limit = 50, url: DeskUrl = URL_DEFAULT) -> None:
    """List filed risk reports, the newest first. 列出风险报告。"""
    for each in ask("GET", url, "/v1/risk-reports", limit=str(limit))["reports"]:
        typer.echo(f"{each['at']}  {each['id']:40}  {each['person']:16}  {each['digest'][:16]}")


def risk_file_command(
    report: Annotated[str, typer.Argument(help="Its id, daily-20260228. 报告编号。", show_default=False)],
    form: Annotated[str, typer.Option(help="pdf or xlsx. 格式。")] = "pdf",
    out: Out = None,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Fetch a filed risk report as PDF or Excel. 下载风险报告。"""
    write_file(ask("GET", url, f"/v1/risk-reports/{quoted(report)}/document", form=form), out)


def render_command(form: str) -> None:
    """Set the risk report that standard input describes; for the desk."""
    from tarim.bootstrap.reporting import render

    os.nice(_NICE)  # people at the desk come first
    try:
        sys.stdout.buffer.write(render(form, sys.stdin.buffer.read(_JOB_BYTES_MAX)))
    except TarimError as error:
        print(json.dumps({"code": error.code, "detail": error.detail}, ensure_ascii=False), flush=True)
        raise typer.Exit(1) from None


def batch_command(day: _Day, reason: Reason, url: DeskUrl = URL_DEFAULT) -> None:
    """Make the batch file of risky accounts of a day, or again exactly as it was. 手工（重新）生成风险账户批量文件。"""
    run = ask("POST", url, "/v1/risk-batches", {"day": day, "reason": reason})
    typer.echo(f"{run['day']}  {run['rows']:,} accounts 账户  sha256 {run['sha256']}  {run['person']}")


def batches_command(limit: _Limit = 50, url: DeskUrl = URL_DEFAULT) -> None:
    """List runs of the batch; ends with 1 when the newest file is not in its place. 批量文件记录；最新文件缺失时返回1。"""
    runs = ask("GET", url, "/v1/risk-batches", limit=str(limit))["runs"]
    for run in runs:
        place = "in place 已就位" if run["in_place"] else "NOT IN PLACE 缺失"
        hand = "by hand 手工" if run["by_hand"] else "by schedule 定时"
        typer.echo(
            f"{run['at']}  {run['day']}  {run['rows']:>9,}  {run['sha256'][:16]}  {run['person']:16}  {hand}  {place}"
            f"  {run['reason']}"
        )
    if runs and not runs[0]["in_place"]:
        raise typer.Exit(1)
