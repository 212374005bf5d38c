"""`tarim console`: the pages people work in."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("console")(console_command)


def console_command(
    host: Annotated[str | None, typer.Option(help="Address to listen on. 监听地址。")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one. 监听端口。")] = None,
    serve: Annotated[str | None, typer.Option(help="The decisions service. 决策服务地址。")] = None,
    desk: Annotated[str | None, typer.Option(help="The desk. 处置工作台服务地址。")] = None,
    views: Annotated[str | None, typer.Option(help="The views of the journal. 日志视图服务地址。")] = None,
    environment: Annotated[
        str | None, typer.Option(help="Badge in the top bar: production, test, demo. 环境标识。")
    ] = None,
) -> None:
    """Serve the console's pages until told to stop. 提供控制台页面。

    It asks `tarim serve`, `tarim desk` and `tarim views`, and needs no data folder.  Options are stronger than the environment
    (TARIM_CONSOLE_PORT, ...).  The services believe its X-Forwarded-For where `identity.proxies` names its address.
    """
    import os

    from tarim.base.listening import log_to_stderr
    from tarim.console.server import serve_console
    from tarim.console.settings import console_settings

    log_to_stderr()
    given = {
        "host": host, "port": port, "serve_url": serve, "desk_url": desk, "views_url": views, "environment": environment
    }  # fmt: skip
    settings = console_settings(os.environ, given)
    serve_console(settings, lambda url: typer.echo(f"listening on {url}", err=True))
    typer.echo("stopped", err=True)
