"""`tarim serve`: the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve_command)


def serve_command(
    data: Annotated[Path, typer.Option(help="The data folder (see tarim init). 数据目录。")] = Path("var/tarim"),
    host: Annotated[str | None, typer.Option(help="Address to listen on. 监听地址。")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one. 监听端口。")] = None,
    rules: Annotated[Path | None, typer.Option(help="Rules, TOML. 规则文件。")] = None,
    model: Annotated[Path | None, typer.Option(help="Model file. 模型文件。")] = None,
    features: Annotated[str | None, typer.Option(help="Feature set. 特征集。")] = None,
) -> None:
    """Serve decisions over HTTP until told to stop. 提供决策服务。

    Options are stronger than the environment (TARIM_SERVICE_PORT, ...), and that than DATA/settings.toml.
    """
    import os

    from tarim.api.server import serve
    from tarim.base.listening import log_to_stderr
    from tarim.bootstrap.audit import OpenTrail
    from tarim.bootstrap.house import House
    from tarim.bootstrap.identity import FoundIdentity, OpenIdentity
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.identity import KeyRing

    environment = dict(os.environ)
    given = {
        "TARIM_SERVICE_HOST": host,
        "TARIM_SERVICE_PORT": port,
        "TARIM_POLICY_RULES_FILE": rules,
        "TARIM_POLICY_MODEL_FILE": model,
        "TARIM_ENGINE_FEATURES": features,
    }
    environment |= {name: str(value) for name, value in given.items() if value is not None}
    log_to_stderr()
    with House(settings_of(data, environment), Places(data), environment, say=typer.echo) as house:
        if not (data / "keys.json").exists():
            typer.echo("there is no API key yet, so every request is refused: make one with `tarim keys create`")
        with OpenTrail.open(house.settings.audit, house.places, environment, house.clock) as trail:
            keys = KeyRing.load(house.places.api_keys, house.clock)

            def open_identity() -> OpenIdentity:
                return OpenIdentity.open(house.settings, house.places, environment, trail.store.record, house.clock)

            persons = FoundIdentity(house.settings, house.places, open_identity)
            try:
                serve(house, trail, persons, keys, lambda url: typer.echo(f"listening on {url}"))
            finally:
                persons.close()
    typer.echo("stopped")
