"""Results as a table: one row an element, and from when on it was known.

The column `token` is that of list files, so that the accounts of a gang become a list (`tarim lists import`); whoever asks for
the list later asks as at an instant, and a membership begins when the change was approved, never earlier.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tarim.base.errors import Unavailable
from tarim.graph.domain import Element

TAG_COLUMNS: Final = (
    "token",
    "field",
    "group",
    "group_size",
    "group_convicted",
    "convicted",
    "hops",
    "via",
    "risk",
    "known_from",
)

ENTRY_COLUMNS: Final = ("token", "reason")


@dataclass(frozen=True, slots=True)
class Tag:
    """What was found about one element.

    group: number of its community or ring, from 1 on.  hops: from the nearest convicted account, -1 where nobody asked.
    via: token of the element it was reached from, 0 for none.  risk: in [0, 1], NaN where nobody asked.
    """

    kind: Element
    token: int
    group: int
    group_size: int
    group_convicted: int
    convicted: bool
    hops: int
    via: int
    risk: float


def write_tags(path: Path, tags: Iterable[Tag], known_from_ms: int) -> int:
    """Write a CSV file of TAG_COLUMNS, whole or not at all; how many rows.  Raises Unavailable when it cannot be written."""
    known_from = _instant(known_from_ms)
    rows = (
        (
            _hex(tag.token),
            tag.kind.field,
            tag.group,
            tag.group_size,
            tag.group_convicted,
            int(tag.convicted),
            "" if tag.hops < 0 else tag.hops,
            _hex(tag.via) if tag.via else "",
            "" if tag.risk != tag.risk else f"{tag.risk:.6g}",
            known_from,
        )
        for tag in tags
    )
    return _write(path, TAG_COLUMNS, rows)


def write_entries(path: Path, tags: Iterable[Tag], kind: Element, known_from_ms: int) -> int:
    """Write the elements of one kind as a file of entries for `tarim lists import`; how many.  Raises Unavailable."""
    known_from = _instant(known_from_ms)
    rows = (
        (
            _hex(tag.token),
            f"group {tag.group}, {tag.group_size} elements, {tag.group_convicted} convicted as at {known_from}",
        )
        for tag in tags
        if tag.kind is kind
    )
    return _write(path, ENTRY_COLUMNS, rows)


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> int:
    temporary = path.with_name(path.name + ".tmp")
    count = 0
    try:
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for row in rows:
                writer.writerow(row)
                count += 1
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise Unavailable(f"cannot write {path}: {error.strerror}") from None
    return count


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _hex(token: int) -> str:
    return f"{token & 0xFFFFFFFFFFFFFFFF:016x}"
