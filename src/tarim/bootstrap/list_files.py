"""Files of entries on their way to a proposal: read, checked, tokenised and compared by a child process.

request ──► a folder that only we can read ──► child: rows, tokens, difference ──► parts in that folder ──► DATA/lists/proposals

Two hundred thousand rows take seconds of an interpreter, which in the service would be the one that decides; even to decode
the largest request would hold decisions up for 60 ms, so it goes to the child as it came.  The child reads the history beside
the service and writes nothing but the parts; the service keeps them.
"""

from __future__ import annotations

import asyncio
import io
import struct
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import msgspec
from msgspec import Meta

from tarim.base.errors import FieldError, Unavailable
from tarim.bootstrap.asked import decode_asked
from tarim.bootstrap.children import answer_of
from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.places import Places
from tarim.privacy import Tokenizer, load_master_key
from tarim.screening import (
    REASON_CHARACTERS_MAX,
    SOURCE_CHARACTERS_MAX,
    Compared,
    Difference,
    ListBook,
    ListProposal,
    Membership,
    Preview,
    RefusedRow,
    read_entries,
)

FILE_BYTES_MAX: Final = 32 << 20
"""Largest file of entries; a larger one is cut in two."""
READ_S_MAX: Final = 600
_NICE: Final = 5
_ASKED: Final = "asked.json"
_PARTS: Final = "parts"
_HEAD: Final = struct.Struct("<II")
"""Before each part: its bytes, its entries."""


class ImportBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of entries.  content: base64.  replace: entries the file does not name are removed.  propose: false only looks."""

    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]
    format: Annotated[str, Meta(pattern="^(csv|xlsx)$")]
    content: bytes
    source: Annotated[str, Meta(min_length=1, max_length=SOURCE_CHARACTERS_MAX)]
    reason: Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]
    replace: bool = False
    propose: bool = False


class _Seen(msgspec.Struct, frozen=True):
    """What the child read and what that would do.  name, reason: of what is to be proposed, "" when it was only looked at."""

    name: str
    reason: str
    counts: dict[Difference, int]
    examples: dict[Difference, list[Compared]]
    refused_count: int
    refused: list[RefusedRow]


_one: Final = threading.Lock()
_asked_decoder: Final = msgspec.json.Decoder(ImportBody)
_seen_decoder: Final = msgspec.json.Decoder(_Seen)


# ---- the child -------------------------------------------------------------------------------------------------------


def read_list_file(places: Places, environment: Mapping[str, str], folder: Path, proposal_id: str) -> bytes:
    """Do what is asked in `folder`: parts into it, what they would do as JSON.

    proposal_id: of the proposal the parts are for, if one is asked for.
    Raises InputError, NotFound, Conflict, Unavailable.
    """
    file = _asked((folder / _ASKED).read_bytes())
    tokenizer = Tokenizer(load_master_key(places.master_key, environment).derive("tokens"))
    book = ListBook(places.lists, Membership(), tokenizer, SystemClock())
    try:
        rows = read_entries(io.BytesIO(file.content), len(file.content), file.format)
        if not file.propose:
            preview = book.preview(file.name, rows, file.source, file.reason, replace=file.replace)
        else:
            preview = Preview()
            parts = book.parts(proposal_id, file.name, rows, file.source, file.reason, preview, replace=file.replace)
            with (folder / _PARTS).open("wb") as written:
                for payload, entries in parts:
                    written.write(_HEAD.pack(len(payload), entries))
                    written.write(payload)
    finally:
        book.close()
    proposed = (file.name, file.reason) if file.propose else ("", "")
    return msgspec.json.encode(
        _Seen(*proposed, preview.counts, preview.examples, preview.refused_count, preview.refused)
    )


def _asked(content: bytes) -> ImportBody:
    """What was asked for.  Raises FieldError."""
    asked = decode_asked(_asked_decoder, content, "import_entries")
    if len(asked.content) > FILE_BYTES_MAX:
        raise FieldError("content", f"must have at most {FILE_BYTES_MAX} bytes; cut the file in two")
    return asked


# ---- the parent ------------------------------------------------------------------------------------------------------


async def import_aside(
    book: ListBook, places: Places, body: Sequence[bytes], person: str
) -> tuple[ListProposal | None, Preview]:
    """What a file would do to a list, and its proposal if that is asked for.  body: of the request, in pieces.

    Raises as `ListBook.propose_entries`, and Unavailable while another file is being read.
    """
    return await asyncio.get_running_loop().run_in_executor(None, _import, book, places, body, person)


def _import(book: ListBook, places: Places, body: Sequence[bytes], person: str) -> tuple[ListProposal | None, Preview]:
    if not _one.acquire(blocking=False):
        raise Unavailable("another file of entries is being read; try again in a moment")
    try:
        with tempfile.TemporaryDirectory(prefix="tarim-list-") as name:  # only its owner may look into it
            folder = Path(name)
            with (folder / _ASKED).open("wb", buffering=0) as asked:
                for piece in body:
                    asked.write(piece)
            proposal_id = book.new_id()
            answer = answer_of(
                ["lists", "read", name, proposal_id, "--data", str(places.data), "--nice", str(_NICE)],
                purpose="the file of entries could not be read",
                seconds_max=READ_S_MAX,
            )
            seen = _seen_decoder.decode(answer)
            preview = Preview(Counter(seen.counts), seen.examples, seen.refused_count, seen.refused)
            if not seen.name:
                return None, preview
            proposal = book.new_proposal(proposal_id, person, seen.reason)
            with (folder / _PARTS).open("rb") as parts:
                return book.keep(proposal, seen.name, _parts(parts)), preview
    finally:
        _one.release()


def _parts(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    while head := file.read(_HEAD.size):
        size, entries = _HEAD.unpack(head)
        yield file.read(size), entries
