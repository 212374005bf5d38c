"""`tarim party alarms`: what was refused and looked like an attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from tarim.base.instants import instant_text

if TYPE_CHECKING:
    from tarim.federation import Alarms


def say_alarms(alarms: Alarms) -> None:
    """Figures, then the newest alarms."""
    from tarim.federation import ALARM_TEXTS

    for kind, count in alarms.counts().items():
        english, chinese = ALARM_TEXTS[kind]
        typer.echo(f"{count:>6}  {kind:<22} {chinese} {english}")
    for each in alarms.newest():
        where = "  ".join(part for part in (each.who, each.peer, each.address, each.contract[:12]) if part)
        typer.echo(f"{instant_text(each.at_ms)}  {each.kind}  {where}")
