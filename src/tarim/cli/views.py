"""`tarim views`: the process that people look at decisions by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Option(help="The data folder (see tarim init). 数据目录。")]
DATA_DEFAULT = Path("var/tarim")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("views")(views_command)


def views_command(
    data: Data = DATA_DEFAULT,
    host: Annotated[str | None, typer.Option(help="Address to listen on. 监听地址。")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one. 监听端口。")] = None,
) -> None:
    """Serve views of the decisions over HTTP until told to stop: live feed, one in full, search. 提供决策查询视图服务。

    Reads the journal from its beginning at each start. Options are stronger than the environment (TARIM_VIEWS_PORT, ...), and
    that than DATA/settings.toml.
    """
    import os
    import time

    from tarim.api.views_server import serve_views
    from tarim.base.listening import log_to_stderr
    from tarim.bootstrap.audit import OpenTrail
    from tarim.bootstrap.identity import FoundIdentity, OpenIdentity
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.bootstrap.views import ViewsHouse
    from tarim.cli._progress import Bar
    from tarim.identity import KeyRing

    given = {"TARIM_VIEWS_HOST": host, "TARIM_VIEWS_PORT": port}
    environment = dict(os.environ) | {name: str(value) for name, value in given.items() if value is not None}
    log_to_stderr()
    settings, places = settings_of(data, environment), Places(data)
    os.nice(settings.views.nice)
    with ViewsHouse(settings, places, environment) as house:
        begun = time.monotonic()
        with Bar() as bar:
            house.views.catch_up(bar.progress)
        state = house.views.state
        took_s = time.monotonic() - begun
        typer.echo(
            f"views: positions {state.from_seq:,} to {state.followed_seq:,} of the decisions' journal in {took_s:.1f} s"
        )
        with OpenTrail.open(settings.audit, places, environment, house.clock) as trail:
            keys = KeyRing.load(places.api_keys, house.clock)

            def identity() -> OpenIdentity:
                return OpenIdentity.open(settings, places, environment, trail.store.record, house.clock)

            persons = FoundIdentity(settings, places, identity)
            try:
                serve_views(house, trail, persons, keys, lambda url: typer.echo(f"listening on {url}"))
            finally:
                persons.close()
    typer.echo("stopped")
