"""`tarim keys create|list|revoke`: API keys of a data folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

_Data = Annotated[Path, typer.Option(help="The data folder. 数据目录。")]
_FILE_NAME = "keys.json"


def register(app: typer.Typer) -> None:
    """Add the group `keys`."""
    group = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys. 创建、列出、吊销API密钥。")
    group.command("create")(create_command)
    group.command("list")(list_command)
    group.command("revoke")(revoke_command)
    app.add_typer(group, name="keys")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def create_command(
    name: Annotated[str, typer.Option(help="Who or what will use the key. 使用者名称。")],
    scope: Annotated[
        list[str], typer.Option(help="decide, read, score, metrics, operate ...; may be repeated. 权限范围，可重复。")
    ],
    data: _Data = Path("var/tarim"),
    expires_in: Annotated[str, typer.Option(help="Such as 90d; never if left out. 有效期，例如90d；默认不过期。")] = "",
    events_per_s: Annotated[int, typer.Option(min=0, help="Its own limit; 0: the common one. 每秒事件上限。")] = 0,
    events_per_day: Annotated[int, typer.Option(min=0, help="Its own limit; 0: the common one. 每日事件上限。")] = 0,
    answer: Annotated[
        list[str] | None,
        typer.Option(
            help="A field that its answers may hold; may be repeated; all if none. 应答可含字段，可重复；默认全部。",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a key and print it, this once. 创建密钥并仅显示一次。"""
    import os

    from tarim.base.instants import duration_ms
    from tarim.bootstrap.audit import recorded
    from tarim.bootstrap.places import Places
    from tarim.identity import create_key

    if answer:
        _check_fields(answer)
    now_ms = _now_ms()
    expires_ms = now_ms + duration_ms(expires_in) if expires_in else 0
    with recorded(Places(data), os.environ, "keys.create") as act:
        made, secret = create_key(
            data / _FILE_NAME,
            name,
            scope,
            now_ms,
            expires_ms,
            events_per_s_max=events_per_s,
            events_per_day_max=events_per_day,
            answer_fields=answer or [],
        )
        act.kind, act.id, act.detail["scopes"] = "key", made.id, " ".join(made.scopes)[:128]
    typer.echo(f"key {made.id} for {made.name}: {', '.join(made.scopes)}", err=True)
    typer.echo("It is shown this once and stored nowhere. 仅显示一次，不作保存。", err=True)
    typer.echo(secret)


def _check_fields(fields: list[str]) -> None:
    from tarim.api import ANSWER_FIELDS
    from tarim.base.errors import InputError

    unknown = sorted(set(fields) - set(ANSWER_FIELDS))
    if unknown:
        raise InputError(f"an answer has no field {unknown[0][:64]!r}; it has {', '.join(ANSWER_FIELDS)}")


def list_command(data: _Data = Path("var/tarim")) -> None:
    """List the keys, without their secrets. 列出密钥（不含密文）。"""
    from tarim.base.instants import instant_text
    from tarim.identity import read_keys

    now_ms = _now_ms()
    for key in read_keys(data / _FILE_NAME):
        expires = instant_text(key.expires_ms) if key.expires_ms else "never"
        told = f"  tells {','.join(key.answer_fields)}" if key.answer_fields else ""
        typer.echo(
            f"{key.id}  {key.state(now_ms):8}  made {instant_text(key.created_ms)}  expires {expires}  "
            f"{','.join(key.scopes)}  {key.name}{told}"
        )


def revoke_command(
    key_id: Annotated[str, typer.Argument(help="The key's id, as listed. 密钥编号。", show_default=False)],
    data: _Data = Path("var/tarim"),
) -> None:
    """Revoke a key; a running service knows within a second. 吊销密钥，运行中的服务一秒内生效。"""
    import os

    from tarim.bootstrap.audit import recorded
    from tarim.bootstrap.places import Places
    from tarim.identity import revoke_key

    with recorded(Places(data), os.environ, "keys.revoke", about=("key", key_id)):
        revoked = revoke_key(data / _FILE_NAME, key_id, _now_ms())
    typer.echo(f"revoked key {revoked.id} of {revoked.name}")
