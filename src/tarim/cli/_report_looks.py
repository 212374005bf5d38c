"""`tarim reports list`, `show`, `history`, `reveal`, `package`, `schema`."""

from __future__ import annotations

import base64
import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer

from tarim.cli._case_acts import URL_DEFAULT, DeskUrl
from tarim.cli._client import Reason, ask, quoted

Number = Annotated[str, typer.Argument(help="The report, STR-2026-000001. 报告编号。", show_default=False)]
Out = Annotated[Path | None, typer.Option(help="Where to write it; its own name here if not given. 输出文件。")]
BASE = "/v1/suspicious-reports"


def register_looks(group: typer.Typer) -> None:
    """Add the commands that look."""
    group.command("list")(list_command)
    group.command("show")(show_command)
    group.command("history")(history_command)
    group.command("reveal")(reveal_command)
    group.command("package")(package_command)
    group.command("schema")(schema_command)


def list_command(
    state: Annotated[str, typer.Option(help="draft, submitted, approved, ... 状态。")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many. 条数。")] = 50,
    url: DeskUrl = URL_DEFAULT,
) -> None:
    """List the suspicious transaction reports that are there for you. 列出可疑交易报告。"""
    for each in ask("GET", url, BASE, limit=str(limit), **({"state": state} if state else {}))["reports"]:
        print_filing(each)


def show_command(number: Number, url: DeskUrl = URL_DEFAULT) -> None:
    """Show a report masked, with everything that is still wrong with it. 显示报告（脱敏）与待改之处。"""
    print_report(ask("GET", url, f"{BASE}/{quoted(number)}"))


def history_command(number: Number, url: DeskUrl = URL_DEFAULT) -> None:
    """Show what happened to a report. 报告历史。"""
    for each in ask("GET", url, f"{BASE}/{quoted(number)}/history")["history"]:
        line = f"{each['at']}  {each['person']:20}  {each['event']:10}  {each['before'] or '-'} -> {each['after']}"
        typer.echo("  ".join([line, *(part for part in (each["about"], each["reason"]) if part)]))


def reveal_command(number: Number, reason: Reason, url: DeskUrl = URL_DEFAULT) -> None:
    """Show a report in full; sign in anew before, it is on the audit trail. 显示报告明文（须重新认证，将留痕）。"""
    print_report(ask("POST", url, f"{BASE}/{quoted(number)}/reveal", {"reason": reason}))


def package_command(number: Number, reason: Reason, out: Out = None, url: DeskUrl = URL_DEFAULT) -> None:
    """Fetch the exported package: XML, PDF, schema, manifest; sign in anew before. 下载报送包。"""
    write_file(ask("POST", url, f"{BASE}/{quoted(number)}/package", {"reason": reason}), out)


def schema_command(out: Out = None, url: DeskUrl = URL_DEFAULT) -> None:
    """Write the schema of the XML, and list the code tables with how far each is known. 报文结构与代码表。"""
    found = ask("GET", url, "/v1/suspicious-report-reference")
    path = out or Path("bstr.xsd")
    path.write_text(found["schema"], encoding="utf-8")
    typer.echo(f"{path}")
    for name, table in found["codes"].items():
        typer.echo(f"{name:16}  {table['mark']:10}  {len(table['words']):>5}")


def print_filing(filing: dict[str, Any]) -> None:
    """One line."""
    typer.echo(
        f"{filing['number']}  {filing['state']:10}  v{filing['version']}  {filing['case']}  {filing['author']}  "
        f"{filing['changed_at']}  due 期限 {filing['due_at'] or '-'} {filing['standing']}"
    )


def print_report(found: dict[str, Any]) -> None:
    """A report with its faults; how many is the last line."""
    filing = found["filing"]
    print_filing(filing)
    typer.echo(f"digest 摘要 {filing['digest']}")
    typer.echo(json.dumps(found["content"], ensure_ascii=False, indent=1))
    for fault in found["faults"]:
        typer.echo(
            f"{fault['path']}  {fault['element']}  {fault['field_zh']} {fault['field_en']}: {fault['zh']} / {fault['en']}"
        )
    typer.echo(f"{len(found['faults'])} faults. 共{len(found['faults'])}处待改。")


def write_file(found: dict[str, Any], out: Path | None) -> None:
    """Write a file that came as base64, mode 0600, and say its digest.  Ends with 1 when it is not as its digest says."""
    content = base64.b64decode(found["content_base64"])
    if sha256(content).hexdigest() != found["sha256"]:
        typer.echo("the file is not as its digest says; fetch it again. 文件与摘要不符，请重新下载。", err=True)
        raise typer.Exit(1)
    path = out or Path(found["name"])
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    typer.echo(f"{path}  {len(content):,}  sha256 {found['sha256']}")
