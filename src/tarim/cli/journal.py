"""`tarim journal verify FOLDER` and `tarim journal info FOLDER`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

_Folder = Annotated[Path, typer.Argument(help="The journal's folder. 流水日志所在目录。", show_default=False)]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON. 以 JSON 输出。")]


def register(app: typer.Typer) -> None:
    """Add the group `journal`."""
    group = typer.Typer(no_args_is_help=True, help="Look at a journal and check it. 查看并校验流水日志。")
    group.command("verify")(verify_command)
    group.command("info")(info_command)
    app.add_typer(group, name="journal")


def verify_command(
    folder: _Folder,
    expect: Annotated[
        str,
        typer.Option(help="A digest kept from earlier; the chain must pass through it. 先前留存的摘要，链必须经过它。"),
    ] = "",
    as_json: _Json = False,
) -> None:
    """Walk every block: checksums, positions, hash chain, seals. 逐块校验：校验和、位置、哈希链、封存。

    Status 0: whole. Status 1: something is wrong, each finding on a line with segment, offset and position.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    from tarim.journal import verify

    bytes_total = sum(path.stat().st_size for path in folder.glob("*.seg"))
    columns = ("[progress.description]{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("verify", total=bytes_total)
        report = verify(folder, expect=expect, progress=lambda done: progress.advance(task, done))
    if as_json:
        typer.echo(json.dumps({"ok": report.ok, **asdict(report)}))
    else:
        for finding in report.findings:
            typer.echo(f"WRONG {finding}")
        if report.tail_bytes:
            typer.echo(f"note: {report.tail_bytes} bytes after the last whole block (a writer at work, or a torn tail)")
        if report.expected_seq is not None:
            typer.echo(f"the expected digest is the chain's digest at position {report.expected_seq}")
        typer.echo(
            f"{'whole' if report.ok else 'DAMAGED'}: {report.segments_count} segments, {report.records_count} records, "
            f"positions {report.first_seq} to {report.next_seq - 1}, {report.bytes_count} bytes, digest {report.digest}"
        )
    if not report.ok:
        raise typer.Exit(1)


def info_command(folder: _Folder, as_json: _Json = False) -> None:
    """Print segments, positions, sizes, and how many records of each kind. 显示分段、位置、大小及各类记录数。"""
    from rich.console import Console
    from rich.table import Table

    from tarim.journal import describe

    info = describe(folder)
    if as_json:
        typer.echo(json.dumps(asdict(info)))
        return
    table = Table("segment", "first position", "positions", "used bytes", "sealed")
    for segment in info.segments:
        table.add_row(
            segment.name,
            str(segment.first_seq),
            str(segment.next_seq - segment.first_seq),
            str(segment.used_bytes),
            "yes" if segment.sealed else "no",
        )
    console = Console()
    console.print(table)
    kinds = Table("kind", "records", "positions")
    for kind, records_count in info.records_by_kind.items():
        kinds.add_row(str(kind), str(records_count), str(info.positions_by_kind[kind]))
    console.print(kinds)
    console.print(f"journal {info.journal_id}, durable up to position {info.durable_seq}")
