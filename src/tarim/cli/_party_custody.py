"""`tarim party custodian`, `tarim party custody`: who holds shares of every training step, on whose word they come back."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Annotated

import typer

from tarim.cli._party_person import person_of

_Data = Annotated[Path, typer.Option(help="The node's folder. 节点目录。")]


def register(group: typer.Typer) -> None:
    """Add the groups `custodian` and `custody`."""
    custodian = typer.Typer(
        no_args_is_help=True, help="A node that holds sealed shares of training steps. 保管方：保管训练各步的密封分片。"
    )
    custodian.command("init")(init_command)
    custodian.command("list")(list_command)
    custody = typer.Typer(no_args_is_help=True, help="This party's shares with its custodian. 本方交保管方保管的分片。")
    custody.command("allow")(allow_command)
    group.add_typer(custodian, name="custodian")
    group.add_typer(custody, name="custody")


def init_command(
    name: Annotated[str, typer.Option(help="Small letters, digits, hyphens. 名称：小写字母、数字、连字符。")],
    data: _Data = Path("var/custodian"),
) -> None:
    """Make a custodian: its keys, its certificate; `tarim party serve` runs it. 创建保管方；用 tarim party serve 运行。"""
    from tarim.federation import Kind, make_party

    made = make_party(data, name, datetime.datetime.now(datetime.UTC), Kind.CUSTODIAN)
    typer.echo(f"{name}: {data}")
    typer.echo(f"certificate (read it to the party) 证书指纹（请与参与方核对）: {made}")


def list_command(data: _Data = Path("var/custodian")) -> None:
    """What is held: runs, whose shares, steps, bytes. 所保管的分片：计算、所属方、步数、字节数。"""
    from tarim.bootstrap.clock import SystemClock
    from tarim.federation import Party

    with Party(data, os.environ, SystemClock()) as node:
        for each in node.holding.runs():
            typer.echo(
                f"{each.run}  {each.party}  {each.contract[:12]}  {each.steps} steps 步  {each.bytes / 1e6:.1f} MB"
            )


def allow_command(
    run: Annotated[str, typer.Argument(help="The run's id, in full. 计算编号（完整）。")],
    data: _Data = Path("var/party"),
) -> None:
    """Allow that shares of a run come back; another person resumes it then. 同意取回某次计算的分片，由另一人恢复计算。"""
    from tarim.bootstrap.clock import SystemClock
    from tarim.federation import Party

    person = person_of(data, "approve")
    with Party(data, os.environ, SystemClock()) as party:
        party.consents.allow(run, person)
    typer.echo("allowed 已同意")
