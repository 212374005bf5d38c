"""`tarim init`: make a data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init_command)


def init_command(
    data: Annotated[Path, typer.Option(help="The data folder to make. 要创建的数据目录。")] = Path("var/tarim"),
) -> None:
    """Make a data folder with a master key of its own. 创建数据目录与主密钥。"""
    from tarim.bootstrap.house import make_data_folder

    places = make_data_folder(data)
    typer.echo(f"made {data}")
    typer.echo(f"keep {places.master_key} safe and apart: without it the data cannot be read. 请妥善保管主密钥。")
