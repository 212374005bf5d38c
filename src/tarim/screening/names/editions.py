"""Editions of a watch list: one form for every publisher's file, kept under its digest, and what differs between two.

An edition is canonical JSON, one list in one file: the same entries give the same bytes, whatever file they came from.  So
the digest that a second person approves, and that the journal names, is the digest of exactly these entries.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

import msgspec

from tarim.base.canonical import canonical_json
from tarim.base.errors import Damaged, DefinitionError, InputError
from tarim.screening.names.domain import BirthSpan, Kind, ListedName, ListEntry, NameList, Quality
from tarim.screening.names.screening import compare_editions

FORMAT: Final = 1
LIST_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
EXAMPLES_MAX: Final = 20


class _Name(msgspec.Struct, frozen=True, array_like=True):
    text: str
    quality: Quality


class _Span(msgspec.Struct, frozen=True, array_like=True):
    first: str
    last: str


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    id: str
    source: str
    programme: str
    kind: Kind
    names: list[_Name]
    births: list[_Span]
    countries: list[str]


class _Edition(msgspec.Struct, frozen=True):
    format: int
    list_name: str
    dated: str
    source_digest: str
    entries: list[_Entry]


_decoder: Final = msgspec.json.Decoder(_Edition)


def require_list_name(name: str) -> str:
    """The name, if a watch list may be called so.  Raises DefinitionError."""
    if LIST_NAME.fullmatch(name) is None:
        raise DefinitionError(
            "a watch list's name has 1 to 32 lower-case letters, digits and underscores, a letter first"
        )
    return name


def encode_edition(name: str, given: NameList) -> bytes:
    """The edition of list `name`, as it is kept.  Raises DefinitionError."""
    entries = [
        _Entry(
            entry.id,
            entry.source,
            entry.programme,
            entry.kind,
            [_Name(each.text, each.quality) for each in entry.names],
            [_Span(span.first.isoformat(), span.last.isoformat()) for span in entry.births],
            list(entry.countries),
        )
        for entry in sorted(given.entries, key=lambda entry: entry.id)
    ]
    return canonical_json(_Edition(FORMAT, require_list_name(name), given.dated, given.digest, entries))


def decode_edition(content: bytes) -> NameList:
    """The list of kept bytes; its digest is that of the bytes, its entries stand in the order of their ids.  Raises Damaged."""
    try:
        found = _decoder.decode(content)
        if found.format != FORMAT:
            raise Damaged(f"an edition of a watch list is of format {found.format}, this program knows {FORMAT}")
        entries = tuple(
            ListEntry(
                entry.id,
                entry.source,
                entry.programme,
                entry.kind,
                tuple(ListedName(name.text, name.quality) for name in entry.names),
                tuple(BirthSpan.parse_pair(span.first, span.last) for span in entry.births),
                tuple(entry.countries),
            )
            for entry in found.entries
        )
        return NameList(found.list_name, hashlib.sha256(content).hexdigest(), entries, found.dated)
    except (msgspec.MsgspecError, ValueError, InputError):
        raise Damaged("a kept edition of a watch list cannot be read") from None


class EntryShown(msgspec.Struct, frozen=True):
    """One entry, as a difference shows it."""

    id: str
    name: str
    kind: str
    programme: str


class EditionDiff(msgspec.Struct, frozen=True):
    """What an edition changes against another one: counts, and the first entries of each, in the order of their ids."""

    entries: int
    added: int
    changed: int
    removed: int
    added_examples: list[EntryShown]
    changed_examples: list[EntryShown]
    removed_examples: list[EntryShown]


@dataclass(frozen=True, slots=True)
class Differing:
    """Ids of entries that differ between two editions, in order."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def differing(before: NameList | None, after: NameList) -> Differing:
    """What `after` has otherwise than `before` (None: nothing was in force)."""
    if before is None:
        return Differing(tuple(entry.id for entry in after.entries), (), ())
    known = {entry.id for entry in before.entries}
    change = compare_editions(before, after)
    return Differing(
        tuple(entry.id for entry in change.changed if entry.id not in known),
        tuple(entry.id for entry in change.changed if entry.id in known),
        change.removed,
    )


def diff_editions(before: NameList | None, after: NameList) -> EditionDiff:
    """The difference as people look at it."""
    found = differing(before, after)
    present = {entry.id: entry for entry in after.entries}
    gone = {} if before is None else {entry.id: entry for entry in before.entries}

    def shown(ids: tuple[str, ...], of: dict[str, ListEntry]) -> list[EntryShown]:
        chosen = (of[entry_id] for entry_id in ids[:EXAMPLES_MAX])
        return [EntryShown(each.id, each.names[0].text, each.kind.value, each.programme) for each in chosen]

    return EditionDiff(
        len(after.entries),
        len(found.added),
        len(found.changed),
        len(found.removed),
        shown(found.added, present),
        shown(found.changed, present),
        shown(found.removed, gone),
    )
