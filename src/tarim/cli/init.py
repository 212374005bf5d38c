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
    key: Annotated[str, typer.Option(help="Name of a first API key to make. 首个接口密钥的名称。")] = "first",
) -> None:
    """Make a data folder with a master key and a first API key of its own. 创建数据目录、主密钥与首个接口密钥。"""
    from tarim.bootstrap.clock import SystemClock
    from tarim.bootstrap.places import make_data_folder
    from tarim.identity import Scope, create_key

    places = make_data_folder(data)
    typer.echo(f"made {data}")
    typer.echo(f"keep {places.master_key} safe and apart: without it the data cannot be read. 请妥善保管主密钥。")
    scopes = (Scope.DECIDE, Scope.READ, Scope.METRICS)
    made, secret = create_key(places.api_keys, key, scopes, SystemClock().now_ms())
    typer.echo(f"API key {made.id} ({', '.join(scopes)}), shown only now / 接口密钥仅显示一次:")
    typer.echo(secret)
