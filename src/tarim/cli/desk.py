"""`tarim desk`: the process in which people work, and its tables made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tarim.base.errors import Unavailable

Data = Annotated[Path, typer.Option(help="The data folder (see tarim init). 数据目录。")]
DATA_DEFAULT = Path("var/tarim")
URL_DEFAULT = "http://127.0.0.1:8090"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="What people do after a decision. 处置工作台服务。", no_args_is_help=False)
    group.callback(invoke_without_command=True)(desk_command)
    group.command("rebuild")(rebuild_command)
    group.command("status")(status_command)
    app.add_typer(group, name="desk")


def desk_command(
    context: typer.Context,
    data: Data = DATA_DEFAULT,
    host: Annotated[str | None, typer.Option(help="Address to listen on. 监听地址。")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one. 监听端口。")] = None,
    service: Annotated[str | None, typer.Option(help="The decisions service. 决策服务地址。")] = None,
) -> None:
    """Serve people's work over HTTP until told to stop. 提供处置工作台服务。

    Options are stronger than the environment (TARIM_DESK_PORT, ...), and that than DATA/settings.toml.
    """
    if context.invoked_subcommand is not None:
        return
    import os

    from tarim.api.desk_server import serve_desk
    from tarim.base.listening import log_to_stderr
    from tarim.bootstrap.audit import OpenTrail
    from tarim.bootstrap.desk import DeskHouse
    from tarim.bootstrap.identity import OpenIdentity
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.bootstrap.workspace import OpenWorkspace
    from tarim.identity import KeyRing

    given = {"TARIM_DESK_HOST": host, "TARIM_DESK_PORT": port, "TARIM_DESK_SERVICE_URL": service}
    environment = dict(os.environ) | {name: str(value) for name, value in given.items() if value is not None}
    log_to_stderr()
    settings = settings_of(data, environment)
    os.nice(settings.desk.nice)
    with DeskHouse(settings, Places(data), environment, say=typer.echo) as house:
        try:
            house.desk.catch_up()
            state = house.desk.state
            typer.echo(f"desk: {state.acts_seq:,} acts and the decisions' journal up to {state.followed_seq:,}")
        except Unavailable as error:  # it goes on trying; until then every command is refused
            typer.echo(f"desk: {error.detail}")
        with (
            OpenTrail.open(house.settings.audit, house.places, environment, house.clock) as trail,
            OpenIdentity.open(house.settings, house.places, environment, trail.store.record, house.clock) as identity,
            OpenWorkspace.open(house.settings, house.places, house.clock) as workspace,
        ):
            keys = KeyRing.load(house.places.api_keys, house.clock)
            serve_desk(house, trail, identity, workspace, keys, lambda url: typer.echo(f"listening on {url}"))
    typer.echo("stopped")


def rebuild_command(data: Data = DATA_DEFAULT) -> None:
    """Drop every table of people's work and make it anew from the journals; the desk must not run. 依据日志重建全部数据表。"""
    import os
    import time

    from tarim.bootstrap.desk import DeskHouse
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.cli._progress import Bar

    environment = dict(os.environ)
    begun = time.monotonic()
    with DeskHouse(settings_of(data, environment), Places(data), environment, say=typer.echo) as house:
        with Bar() as bar:
            house.desk.rebuild(bar.progress)
        state = house.desk.state
    typer.echo(
        f"{state.acts_seq:,} acts and {state.followed_seq:,} positions of the decisions' journal in "
        f"{time.monotonic() - begun:.1f} s. 已重建。"
    )


def status_command(
    url: Annotated[str, typer.Option(help="The running desk. 工作台服务地址。", envvar="TARIM_DESK_URL")] = URL_DEFAULT,
) -> None:
    """Where a running desk stands; ends with 1 when its tables stand still. 查看工作台状态。"""
    import json
    import urllib.error
    import urllib.parse
    import urllib.request

    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        typer.echo("the address begins with http:// or https://. 地址须以 http:// 或 https:// 开头。", err=True)
        raise typer.Exit(1)
    address = url.rstrip("/") + "/v1/health"
    broken = False
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310  checked above
            content = answer.read(1 << 20)
    except urllib.error.HTTPError as error:
        content, broken = error.read(1 << 20), True
    except OSError as error:
        typer.echo(
            f"the desk at {url} cannot be reached: {getattr(error, 'reason', error)}. 无法连接工作台。", err=True
        )
        raise typer.Exit(1) from None
    for name, value in json.loads(content).items():
        typer.echo(f"{name:18} {value}")
    if broken:
        raise typer.Exit(1)
