"""`tarim models features`: what each feature of the set in force is, and who answers for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("features")(features_command)


def features_command(
    data: Annotated[Path, typer.Option(help="The data folder. 数据目录。")] = Path("var/tarim"),
    features: Annotated[
        str,
        typer.Option(help="This set instead of the one in force: reference, scenarios, package.module:NAME. 特征集。"),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON. 以 JSON 输出。")] = False,
) -> None:
    """The catalogue of features: meaning and owner of each. 特征目录：每个特征的含义与责任岗位。

    Status 1: somebody has to answer for a feature, and nobody does.
    """
    import os

    import msgspec

    from tarim.bootstrap.house import feature_set
    from tarim.bootstrap.settings import settings_of
    from tarim.models import feature_catalogue

    entries = feature_catalogue(feature_set(features or settings_of(data, os.environ).engine.features))
    if as_json:
        typer.echo(json.dumps([msgspec.structs.asdict(each) for each in entries], ensure_ascii=False))
    else:
        for each in entries:
            typer.echo(f"{each.name:44}  {each.owner or 'NOBODY 无人负责':16}  {each.zh}; {each.en}")
    unowned = sum(not each.owner for each in entries)
    if unowned:
        typer.echo(f"{unowned} features have no owner. {unowned} 个特征无责任岗位。", err=True)
        raise typer.Exit(1)
