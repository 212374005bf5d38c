"""`tarim snapshot`: bring the newest snapshot up to the journal's durable end; may run beside the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("snapshot")(snapshot_command)


def snapshot_command(
    data: Annotated[Path, typer.Option(help="The data folder. 数据目录。")] = Path("var/tarim"),
    nice: Annotated[int, typer.Option(min=0, max=19, help="Niceness of this process. 进程优先级。")] = 0,
) -> None:
    """Write a snapshot: load the newest, take in the rest of the journal, write. 生成快照：每次都是一次恢复演练。"""
    import os

    from tarim.bootstrap.house import feature_set, recover_state
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.decisions import Snapshots
    from tarim.journal import FolderReader

    if nice:
        os.nice(nice)
    settings = settings_of(data, os.environ)
    places = Places(data)
    with FolderReader(places.journal, index_stride_bytes=settings.journal.index_stride_bytes) as reader:
        recovered = recover_state(reader, settings, places, feature_set(settings.engine.features))
    state, replayed = recovered.state, recovered.replayed
    if recovered.snapshot_offset == state.offset:
        typer.echo(f"the snapshot at {state.offset} is up to date")
        return
    folder = Snapshots(places.snapshots).write(state)
    typer.echo(f"{folder}: {replayed.events} events after {recovered.snapshot_offset}, {replayed.took_s:.2f} s")
