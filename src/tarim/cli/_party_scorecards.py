"""`tarim party scorecards add`, `list` and `scores`: linear models of this party alone, and what a run scored by one."""

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


def register(group: typer.Typer) -> None:
    """Add the group `scorecards`."""
    cards = typer.Typer(no_args_is_help=True, help="Linear models of this party, for encrypted scores. 本方评分卡。")
    cards.command("add")(add_command)
    cards.command("list")(list_command)
    cards.command("scores")(scores_command)
    group.add_typer(cards, name="scorecards")


def add_command(
    file: Annotated[Path, typer.Argument(help="JSON: bias and weights. 评分卡文件。", exists=True, dir_okay=False)],
    name: Annotated[str, typer.Option(help="What it is called here. 名称。")],
    data: _Data = _DATA_DEFAULT,
) -> None:
    """Keep a scorecard, sealed; contracts name its digest. 密封保存评分卡，合约以摘要引用。"""
    from tarim.federation import read_scorecard

    scorecard = read_scorecard(file, name)
    with _party(data) as party:
        party.keep_scorecard(scorecard, person_of(data, "models"))
    typer.echo(scorecard.digest)


def list_command(data: _Data = _DATA_DEFAULT) -> None:
    """List the scorecards: name, digest, columns. 列出评分卡：名称、摘要、字段。"""
    with _party(data) as party:
        for each in party.scorecards.all():
            typer.echo(f"{each.name}  {each.digest}  {', '.join(each.columns)}")


def scores_command(
    run: Annotated[str, typer.Argument(help="The run's id, or its beginning. 计算编号（可只写开头）。")],
    data: _Data = _DATA_DEFAULT,
) -> None:
    """What a run scored, if this party was to learn it: key and score, a line each. 某次计算的评分：客户标识与分值。"""
    with _party(data) as party:
        for key, score in party.records.scores(run):
            typer.echo(f"{key},{score!r}")


@contextmanager
def _party(data: Path) -> Iterator[Party]:
    from tarim.bootstrap.clock import SystemClock
    from tarim.federation import Party

    with Party(data, os.environ, SystemClock()) as party:
        yield party
