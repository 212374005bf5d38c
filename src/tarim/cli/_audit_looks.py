"""Hidden commands of `tarim audit`: what the desk starts in processes of their own to look at a whole trail or journal.

They print JSON for the desk, trouble as `{"code": ..., "detail": ...}`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from tarim.base.errors import TarimError
from tarim.cli._audit_exports import DATA_DEFAULT, Data, open_trail

if TYPE_CHECKING:
    from tarim.bootstrap.audit_looking import Found

_NICE = 10


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("examined", hidden=True)(examined_command)
    group.command("traced", hidden=True)(traced_command)


def examined_command(data: Data = DATA_DEFAULT) -> None:
    """Examine the chain; for the desk. 供工作台调用：校验审计链。"""
    from tarim.bootstrap.audit_looking import examined

    def look() -> Found:
        with open_trail(data) as trail:
            return examined(trail)

    _print(look)


def traced_command(
    event_id: Annotated[str, typer.Argument(help="The source's id of the event. 事件编号。")],
    source: Annotated[str, typer.Option(help="The system that sent it. 来源系统。")],
    data: Data = DATA_DEFAULT,
) -> None:
    """Trace a decision; for the desk. 供工作台调用：追溯一笔决策。"""
    from tarim.bootstrap.audit_looking import traced
    from tarim.bootstrap.places import Places

    def look() -> Found:
        with open_trail(data) as trail:
            return traced(Places(data), os.environ, trail, source, event_id)

    _print(look)


def _print(look: Callable[[], Found]) -> None:
    import msgspec

    os.nice(_NICE)
    try:
        found = look()
    except TarimError as error:
        print(json.dumps({"code": error.code, "detail": error.detail}, ensure_ascii=False), flush=True)
        raise typer.Exit(1) from None
    sys.stdout.buffer.write(msgspec.json.encode(found))
