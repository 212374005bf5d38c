"""`tarim party models`: joint models of this party, by service number; the ledger of each; taking one out of use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tarim.cli._party_person import person_of

if TYPE_CHECKING:
    from tarim.federation import Party

_Data = Annotated[Path, typer.Option(help="The party's folder. 参与方目录。")]
_DATA_DEFAULT = Path("var/party")
_Model = Annotated[str, typer.Argument(help="Service number, or the run. 服务编号或计算编号。")]


def register(group: typer.Typer) -> None:
    """Add the group `models`."""
    models = typer.Typer(no_args_is_help=True, help="Joint models of this party. 本方的联合模型。")
    models.command("list")(list_command)
    models.command("ledger")(ledger_command)
    models.command("retire")(retire_command)
    group.add_typer(models, name="models")


def list_command(data: _Data = _DATA_DEFAULT) -> None:
    """List the models: service number, standing, run. 列出模型：服务编号、状态、计算编号。"""
    with _party(data) as party:
        for each in party.registry.entries():
            typer.echo(f"{each.number}  {each.standing.value:<8}  {each.run}  {each.who}")


def ledger_command(model: _Model, data: _Data = _DATA_DEFAULT) -> None:
    """What was done with a model, by whom, when. 模型台账：何人何时做了什么。"""
    from tarim.base.instants import instant_text

    with _party(data) as party:
        for each in reversed(party.registry.ledger(party.registry.entry(model).run)):
            entry = each.entry
            detail = "  ".join(f"{name}={value}" for name, value in entry.detail.items())
            typer.echo(f"{instant_text(entry.at_ms)}  {entry.act}  {entry.who}  {detail}  {entry.reason}".rstrip())


def retire_command(
    model: _Model,
    reason: Annotated[str, typer.Option(help="Why. 原因。")],
    data: _Data = _DATA_DEFAULT,
) -> None:
    """Take a model out of use: no question is answered from it any more. 停用模型，不再应答查询。"""
    person = person_of(data, "approve")
    with _party(data) as party:
        found = party.registry.entry(model)
        party.registry.retire(found.run, person, reason)
    typer.echo(f"{found.number} retired 已停用")


@contextmanager
def _party(data: Path) -> Iterator[Party]:
    from tarim.bootstrap.clock import SystemClock
    from tarim.federation import Party

    with Party(data, os.environ, SystemClock()) as party:
        yield party
