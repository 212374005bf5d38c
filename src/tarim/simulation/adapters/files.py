"""Simulated days as files: one of events for each day, the truth, and the settings that made them."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from tarim.base.errors import Conflict, InputError, Unavailable
from tarim.simulation.bank import SimulatedDay, simulate_days
from tarim.simulation.envelope import TRUTH_SCHEMA
from tarim.simulation.settings import SimulationSettings

TRUTH_FILE: Final = "truth.parquet"
SETTINGS_FILE: Final = "simulation.json"
LIST_SEPARATOR: Final = "|"
"""Between the names of a list in a CSV cell."""


class FileFormat(StrEnum):
    """How events are written."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class Written:
    """What lies in the folder: counts of events by kind and of criminal events by crime, rings, bytes, files."""

    events: int
    by_kind: dict[str, int]
    by_crime: dict[str, int]
    rings: int
    bytes_written: int
    files: int


def write_days(
    settings: SimulationSettings,
    folder: Path,
    file_format: FileFormat,
    after_day: Callable[[SimulatedDay], None] = lambda day: None,
) -> Written:
    """Simulate into `folder`: `events-DATE.FORMAT` a day, `truth.parquet`, `simulation.json`.

    A file appears whole or not at all.  `after_day` is called when a day's file is there.  Raises Conflict when the
    folder already holds a simulation, InputError when it cannot be a folder, Unavailable when it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{folder} is not a folder") from None
    except OSError as error:
        raise Unavailable(f"cannot make the folder {folder}: {error.strerror}") from None
    if any(folder.glob("events-*")) or (folder / TRUTH_FILE).exists() or (folder / SETTINGS_FILE).exists():
        raise Conflict(f"{folder} already holds a simulation; choose an empty folder")
    by_kind: Counter[str] = Counter()
    by_crime: Counter[str] = Counter()
    truths = []
    total = 0
    try:
        for day in simulate_days(settings):
            target = folder / f"events-{day.date.isoformat()}.{file_format.value}"
            total += _whole(target, lambda path, day=day: _WRITERS[file_format](day.events, path))  # type: ignore[misc]
            by_kind.update(_counts(day.events["kind"]))
            by_crime.update(_counts(day.truth["crime"]))
            truths.append(day.truth)
            after_day(day)
        truth = pa.concat_tables([TRUTH_SCHEMA.empty_table(), *truths]).combine_chunks()
        total += _whole(folder / TRUTH_FILE, lambda path: pq.write_table(truth, path, compression="zstd"))
        described = json.dumps(asdict(settings), default=str, indent=2, sort_keys=True) + "\n"
        total += _whole(folder / SETTINGS_FILE, lambda path: path.write_text(described, encoding="utf-8"))
    except OSError as error:
        raise Unavailable(f"cannot write into {folder}: {error.strerror or type(error).__name__}") from None
    rings = pc.count_distinct(truth.filter(pc.is_valid(truth["crime"]))["ring"]).as_py()
    return Written(sum(by_kind.values()), dict(by_kind), dict(by_crime), rings, total, len(truths) + 2)


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(column.drop_null()).to_pylist()}


def _whole(target: Path, write: Callable[[Path], object]) -> int:
    """Write beside the target, make it durable, then give it its name; bytes written."""
    part = target.with_name(target.name + ".part")
    try:
        write(part)
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        size = part.stat().st_size
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return size


def _write_parquet(events: pa.Table, path: Path) -> None:
    pq.write_table(events, path, compression="zstd", compression_level=1)


def _as_text(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column as text, as a message would say it; null stays null."""
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ")
    if pa.types.is_list(column.type):
        return pc.binary_join(column, LIST_SEPARATOR)
    return column.cast(pa.string())


def _write_csv(events: pa.Table, path: Path) -> None:
    texts = [_as_text(name, events[name]) for name in events.column_names]
    pa_csv.write_csv(pa.table(texts, names=events.column_names), path, pa_csv.WriteOptions(quoting_style="needed"))


def _write_jsonl(events: pa.Table, path: Path) -> None:
    """One JSON object a line, absent fields left out.  Every text of a simulation is free of quotes and backslashes."""
    pieces = []
    for name in events.column_names:
        column = events[name]
        text = _as_text(name, column)
        before, after = (f'"{name}":"', '"')
        if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
            before, after = (f'"{name}":', "")
        elif pa.types.is_list(column.type):
            text = pc.replace_substring(text, LIST_SEPARATOR, '","')
            before, after = (f'"{name}":["', '"]')
            empty = pc.equal(pc.list_value_length(column), 0)
            piece = pc.binary_join_element_wise(before, text, after, "")
            pieces.append(pc.if_else(empty, f'"{name}":[]', piece))
            continue
        pieces.append(pc.binary_join_element_wise(before, text, after, ""))
    fields = pc.binary_join_element_wise(*pieces, ",", null_handling="skip")
    lines = pc.binary_join_element_wise("{", fields, "}\n", "")
    with path.open("wb") as handle:
        for chunk in lines.chunks:
            ends = memoryview(chunk.buffers()[1]).cast("i")
            handle.write(memoryview(chunk.buffers()[2])[ends[chunk.offset] : ends[chunk.offset + len(chunk)]])


_WRITERS: Final[dict[FileFormat, Callable[[pa.Table, Path], None]]] = {
    FileFormat.PARQUET: _write_parquet,
    FileFormat.CSV: _write_csv,
    FileFormat.JSONL: _write_jsonl,
}
