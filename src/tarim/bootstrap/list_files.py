"""Files of entries on their way to a proposal: read, checked, tokenised and compared by a child process.

file ──► a folder that only we can read ──► child: rows, tokens, difference ──► parts in that folder ──► DATA/lists/proposals

Two hundred thousand rows take seconds of an interpreter, which in the service would be the one that decides.  The child reads
the history beside the service and writes nothing but the parts; the service keeps them.
"""

from __future__ import annotations

import asyncio
import os
import struct
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from tarim.base.errors import Unavailable
from tarim.bootstrap.children import answer_of
from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.places import Places
from tarim.privacy import Tokenizer, load_master_key
from tarim.screening import (
    Compared,
    Difference,
    ListBook,
    ListProposal,
    Membership,
    Preview,
    RefusedRow,
    read_entries,
)

READ_S_MAX: Final = 600
_NICE: Final = 5
_ENTRIES: Final = "entries"
_ASKED: Final = "asked.json"
_PARTS: Final = "parts"
_HEAD: Final = struct.Struct("<II")
"""Before each part: its bytes, its entries."""


class ListFile(msgspec.Struct, frozen=True):
    """A file of entries for a list.  format: csv or xlsx.  replace: entries it does not name are removed."""

    list_name: str
    format: str
    source: str
    reason: str
    replace: bool


class _Asked(msgspec.Struct, frozen=True):
    """What the child is to do.  proposal_id: of the proposal the parts are for, "" when nobody proposes it."""

    file: ListFile
    proposal_id: str


class _Seen(msgspec.Struct, frozen=True):
    """A preview, as it comes from the child."""

    counts: dict[Difference, int]
    examples: dict[Difference, list[Compared]]
    refused_count: int
    refused: list[RefusedRow]


_one: Final = threading.Lock()
_asked_decoder: Final = msgspec.json.Decoder(_Asked)
_seen_decoder: Final = msgspec.json.Decoder(_Seen)


# ---- the child -------------------------------------------------------------------------------------------------------


def read_list_file(places: Places, environment: Mapping[str, str], folder: Path) -> bytes:
    """Do what is asked in `folder`: parts into it, what they would do as JSON.

    Raises InputError, NotFound, Conflict, Unavailable.
    """
    asked = _asked_decoder.decode((folder / _ASKED).read_bytes())
    file = asked.file
    tokenizer = Tokenizer(load_master_key(places.master_key, environment).derive("tokens"))
    book = ListBook(places.lists, Membership(), tokenizer, SystemClock())
    try:
        with (folder / _ENTRIES).open("rb") as content:
            rows = read_entries(content, os.fstat(content.fileno()).st_size, file.format)
            if not asked.proposal_id:
                preview = book.preview(file.list_name, rows, file.source, file.reason, replace=file.replace)
            else:
                preview = Preview()
                parts = book.parts(
                    asked.proposal_id,
                    file.list_name,
                    rows,
                    file.source,
                    file.reason,
                    preview,
                    replace=file.replace,
                )
                with (folder / _PARTS).open("wb") as written:
                    for payload, entries in parts:
                        written.write(_HEAD.pack(len(payload), entries))
                        written.write(payload)
    finally:
        book.close()
    return msgspec.json.encode(_Seen(preview.counts, preview.examples, preview.refused_count, preview.refused))


# ---- the parent ------------------------------------------------------------------------------------------------------


async def preview_aside(places: Places, file: ListFile, content: bytes) -> Preview:
    """What a file would do to a list.  Raises InputError, NotFound, Unavailable (also while another file is being read)."""

    def run() -> Preview:
        with _folder(file, content, "") as folder:
            return _child(places, Path(folder))

    return await asyncio.get_running_loop().run_in_executor(None, run)


async def propose_aside(
    book: ListBook, places: Places, file: ListFile, content: bytes, person: str
) -> tuple[ListProposal, Preview]:
    """Propose what a file says, and what that would do now.  Raises as `ListBook.propose_entries`, and as `preview_aside`."""

    def run() -> tuple[ListProposal, Preview]:
        proposal = book.new_proposal(person, file.reason)
        with _folder(file, content, proposal.id) as folder:
            preview = _child(places, Path(folder))
            with (Path(folder) / _PARTS).open("rb") as parts:
                return book.keep(proposal, file.list_name, _parts(parts)), preview

    return await asyncio.get_running_loop().run_in_executor(None, run)


def _folder(file: ListFile, content: bytes, proposal_id: str) -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="tarim-list-")  # only its owner may look into it
    (Path(folder.name) / _ENTRIES).write_bytes(content)
    (Path(folder.name) / _ASKED).write_bytes(msgspec.json.encode(_Asked(file, proposal_id)))
    return folder


def _child(places: Places, folder: Path) -> Preview:
    if not _one.acquire(blocking=False):
        raise Unavailable("another file of entries is being read; try again in a moment")
    try:
        answer = answer_of(
            ["lists", "read", str(folder), "--data", str(places.data), "--nice", str(_NICE)],
            purpose="the file of entries could not be read",
            seconds_max=READ_S_MAX,
        )
    finally:
        _one.release()
    seen = _seen_decoder.decode(answer)
    return Preview(Counter(seen.counts), seen.examples, seen.refused_count, seen.refused)


def _parts(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    while head := file.read(_HEAD.size):
        size, entries = _HEAD.unpack(head)
        yield file.read(size), entries
