"""`tarim reports draft`, `fill`, `submit`, `approve`, ...: a suspicious transaction report on its way."""

from __future__ import annotations

import base64
import csv
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tarim.cli._case_acts import URL_DEFAULT, DeskUrl
from tarim.cli._client import Reason, ask, quoted
from tarim.cli._report_looks import BASE, Number, print_filing, print_report

_File = Annotated[Path, typer.Argument(help="The file. 文件。", show_default=False, exists=True, dir_okay=False)]
_FILE_BYTES_MAX = 8 << 20


def register_acts(group: typer.Typer) -> None:
    """Add the commands that act."""
    for name, command in (
        ("draft", draft_command),
        ("fill", fill_command),
        ("submit", submit_command),
        ("withdraw", withdraw_command),
        ("approve", approve_command),
        ("reject", reject_command),
        ("discard", discard_command),
        ("export", export_command),
        ("sent", sent_command),
        ("receipt", receipt_command),
        ("reader", reader_command),
        ("staff", staff_command),
    ):
        group.command(name)(command)


def draft_command(
    case: Annotated[str, typer.Argument(help="The case, CASE-2026-000001. 案件编号。", show_default=False)],
    customer: Annotated[bool, typer.Option("--customer", help="Ask for the customer's number. 输入客户号。")] = False,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Draft a suspicious transaction report from a case. 由案件起草可疑交易报告。"""
    number = typer.prompt("Customer's number 客户号", hide_input=True) if customer else ""
    print_filing(ask("POST", url, BASE, {"case": case, "customer": number}))


def fill_command(number: Number, file: _File, url: DeskUrl = URL_DEFAULT) -> None:
    """Fill in values from a JSON file: {"subjects[0].phones": ["0991-2345678"], ...}. 按文件填报内容。"""
    try:
        values = json.loads(_read(file))
    except ValueError:
        typer.echo(f"{file} is not JSON. 文件不是JSON。", err=True)
        raise typer.Exit(1) from None
    body = {"version": _seen(url, number)["version"], "values": values}
    print_report(ask("POST", url, f"{BASE}/{quoted(number)}/values", body))


def submit_command(number: Number, url: DeskUrl = URL_DEFAULT) -> None:
    """Submit a report without faults for another person's approval. 提交审批。"""
    _act(url, number, "submit")


def withdraw_command(number: Number, url: DeskUrl = URL_DEFAULT) -> None:
    """Take your own submission back. 撤回自己的提交。"""
    _act(url, number, "withdraw")


def approve_command(
    number: Number,
    digest: Annotated[str, typer.Option(help="Of what you looked at; asked for if not given. 所审内容的摘要。")] = "",
    note: Annotated[str, typer.Option(help="A note, kept with it. 审批意见。")] = "",
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Approve exactly the content you looked at. 审批通过。"""
    found = ask("GET", url, f"{BASE}/{quoted(number)}")
    if not digest:
        print_report(found)
        typer.confirm("Approve exactly this? 确认审批通过该内容？", abort=True)
        digest = found["filing"]["digest"]
    body = {"version": found["filing"]["version"], "digest": digest, "reason": note}
    print_filing(ask("POST", url, f"{BASE}/{quoted(number)}/approve", body))


def reject_command(number: Number, reason: Reason, url: DeskUrl = URL_DEFAULT) -> None:
    """Send a report back with why. 驳回。"""
    _act(url, number, "reject", reason=reason)


def discard_command(number: Number, reason: Reason, url: DeskUrl = URL_DEFAULT) -> None:
    """Drop another person's draft for good. 作废他人的草稿。"""
    _act(url, number, "discard", reason=reason)


def export_command(number: Number, url: DeskUrl = URL_DEFAULT) -> None:
    """Make the package of an approved report: XML, PDF, manifest. 生成报送包。"""
    _act(url, number, "export")


def sent_command(
    number: Number,
    message: Annotated[str, typer.Option(help="Name it was sent under. 报文名称。", show_default=False)],
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Record that it was sent to the authority. 登记已报送。"""
    _act(url, number, "sent", message=message)


def receipt_command(
    number: Number,
    file: _File,
    refused: Annotated[bool, typer.Option("--refused", help="It refuses the report. 回执为退回。")] = False,
    reason: Annotated[str, typer.Option("--reason", "-r", help="What it says is wrong. 退回原因。")] = "",
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Keep the authority's receipt. 登记回执。"""
    content = base64.b64encode(_read(file)).decode()
    _act(url, number, "receipt", accepted=not refused, content_base64=content, reason=reason)


def reader_command(
    number: Number,
    person: Annotated[str, typer.Argument(help="Name the person signs in with. 登录名。", show_default=False)],
    off: Annotated[bool, typer.Option("--off", help="Not any more. 取消授权。")] = False,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """Let a person read a report, or not any more. 授权查阅。"""
    print_filing(ask("POST", url, f"{BASE}/{quoted(number)}/reader", {"person": person, "on": not off}))


def staff_command(file: _File, url: DeskUrl = URL_DEFAULT) -> None:
    """Take in which persons are customers: a CSV file with the header person,customer, all of them anew. 员工客户登记。"""
    rows = list(csv.DictReader(_read(file).decode("utf-8-sig").splitlines()))
    if not rows or set(rows[0]) != {"person", "customer"}:
        typer.echo("the file has the header person,customer. 文件表头应为person,customer。", err=True)
        raise typer.Exit(1)
    typer.echo(ask("POST", url, f"{BASE}:staff", {"staff": rows})["rows"])


def _act(url: str, number: str, word: str, **more: Any) -> None:
    body = {"version": _seen(url, number)["version"], **more}
    print_filing(ask("POST", url, f"{BASE}/{quoted(number)}/{word}", body))


def _seen(url: str, number: str) -> dict[str, Any]:
    filing: dict[str, Any] = ask("GET", url, f"{BASE}/{quoted(number)}")["filing"]
    return filing


def _read(file: Path) -> bytes:
    if file.stat().st_size > _FILE_BYTES_MAX:
        typer.echo(f"{file} is larger than {_FILE_BYTES_MAX:,} bytes. 文件过大。", err=True)
        raise typer.Exit(1)
    return file.read_bytes()
