"""What replay and backfill share: opening the house and a progress bar."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import typer

from tarim.base.errors import NotFound
from tarim.bootstrap.house import House
from tarim.bootstrap.places import MASTER_KEY_FILE, Places, make_data_folder
from tarim.bootstrap.replaying import Summary, read_truth, replay
from tarim.bootstrap.settings import settings_of
from tarim.intake import Mapping, read_file
from tarim.privacy import ENVIRONMENT_NAME


def open_house(
    data: Path, rules: Path | None, model: Path | None, features: str | None, *, lenient: bool, make: bool
) -> House:
    """The house of a data folder, with options stronger than environment and file."""
    if make and not (data / MASTER_KEY_FILE).exists() and ENVIRONMENT_NAME not in os.environ:
        make_data_folder(data)
        typer.echo(f"made {data}", err=True)
    environment = dict(os.environ)
    given = {
        "TARIM_POLICY_RULES_FILE": rules,
        "TARIM_POLICY_MODEL_FILE": model,
        "TARIM_ENGINE_FEATURES": features,
    }
    environment |= {name: str(value) for name, value in given.items() if value is not None}
    settings = settings_of(data, environment)
    return House(settings, Places(data), environment, lenient=lenient, say=lambda text: typer.echo(text, err=True))


def run_files(
    house: House,
    sources: Sequence[Path],
    out: Path | None,
    *,
    truth: Path | None,
    source: str | None,
    backfill: bool,
    mapping: Path | None = None,
) -> Summary:
    """Replay the files behind a progress bar.  Raises NotFound before anything is decided when one is missing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    for path in sources:
        if not path.is_file():
            raise NotFound(f"{path} is not a file")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("events 事件", total=count_rows(sources))
        return replay(
            house,
            _tables(
                house, sources, None if mapping is None else Mapping.from_toml(mapping.read_text(encoding="utf-8"))
            ),
            out,
            truth=None if truth is None else read_truth(truth),
            source=source,
            backfill=backfill,
            progress=lambda events: bar.advance(task, events),
        )


def _tables(house: House, sources: Sequence[Path], mapping: Mapping | None) -> Iterator[pa.RecordBatch]:
    for path in sources:
        yield from read_file(path, mapping=mapping, limits=house.settings.intake)


def count_rows(sources: Sequence[Path]) -> int | None:
    """Rows of all files, None when one of them does not say."""
    import pyarrow.parquet as pq

    try:
        return sum(int(pq.read_metadata(path).num_rows) for path in sources)
    except (pa.ArrowInvalid, OSError):
        return None
