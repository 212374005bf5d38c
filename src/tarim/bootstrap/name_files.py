"""Publishers' files on their way into force: read, compared and kept by a child process, because reading takes seconds.

request ──► a folder that only we can read ──► child: entries, edition, difference ──► DATA/artefacts

Decoding the largest request alone would hold decisions up for a tenth of a second, so it goes to the child as it came.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tarim.base.errors import FieldError, InputError, Unavailable
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.asked import decode_asked
from tarim.bootstrap.children import answer_of
from tarim.bootstrap.places import Places
from tarim.decisions import REASON_CHARACTERS_MAX
from tarim.screening import EditionDiff, NameList, decode_edition, diff_editions, encode_edition, load_list

FILES_MAX: Final = 3
FILES_BYTES_MAX: Final = 48 << 20
"""Of the files of one import together; OFAC's three have about 10 MB."""
FILE_NAMES: Final = ("sdn.csv", "alt.csv", "add.csv", "own.csv", "consolidated.xml")
"""Names under which files may come over HTTP; the Parquet tables are for the command line."""
PREPARE_S_MAX: Final = 300
_NICE: Final = 5
_MAIN: Final = ("sdn.csv", "own.csv", "consolidated.xml")
_ASKED: Final = "asked.json"
_IN_FORCE: Final = "in-force.json"
_GIVEN: Final = "given"


class ImportBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A publisher's files.  files: base64 by name: sdn.csv, alt.csv and add.csv; or consolidated.xml; or own.csv.

    propose: false only looks.
    """

    list_name: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,31}$")]
    files: Annotated[dict[str, bytes], Meta(min_length=1, max_length=FILES_MAX)]
    reason: Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]
    propose: bool = False


class Prepared(msgspec.Struct, frozen=True):
    """An edition that was read.  digest: under which it is kept; replaces: the one it was compared with, "" for none.

    reason, propose: as it was asked.
    """

    list_name: str
    digest: str
    replaces: str
    source_digest: str
    dated: str
    diff: EditionDiff
    reason: str
    propose: bool


_one: Final = threading.Lock()
_asked_decoder: Final = msgspec.json.Decoder(ImportBody)
_in_force_decoder: Final = msgspec.json.Decoder(dict[str, str])
_prepared_decoder: Final = msgspec.json.Decoder(Prepared)
_diff_decoder: Final = msgspec.json.Decoder(EditionDiff)


# ---- the child -------------------------------------------------------------------------------------------------------


def prepare_edition(places: Places, folder: Path) -> Prepared:
    """Read what is asked in `folder`, keep it as an edition, and compare it.

    Raises InputError, TooLarge, NotFound, Damaged.
    """
    asked = _asked((folder / _ASKED).read_bytes())
    replaces = _in_force_decoder.decode((folder / _IN_FORCE).read_bytes()).get(asked.list_name, "")
    given = _loaded(asked.files, folder / _GIVEN)
    artefacts = Artefacts(places.artefacts)
    content = encode_edition(asked.list_name, given)
    before = decode_edition(artefacts.get(replaces)) if replaces else None
    kept = artefacts.keep(content)
    diff = diff_editions(before, decode_edition(content))
    return Prepared(asked.list_name, kept, replaces, given.digest, given.dated, diff, asked.reason, asked.propose)


def _asked(content: bytes) -> ImportBody:
    """What was asked for.  Raises FieldError, InputError."""
    asked = decode_asked(_asked_decoder, content, "import_name_list")
    if sum(map(len, asked.files.values())) > FILES_BYTES_MAX:
        raise FieldError("files", f"must have at most {FILES_BYTES_MAX} bytes together")
    if set(asked.files) - set(FILE_NAMES) or sum(each in asked.files for each in _MAIN) != 1:
        raise InputError(
            "give sdn.csv with alt.csv and add.csv (OFAC), or consolidated.xml (UN), or own.csv (the bank's own), and no other"
        )
    return asked


def _loaded(files: Mapping[str, bytes], folder: Path) -> NameList:
    folder.mkdir(mode=0o700)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return load_list(folder / next(name for name in _MAIN if name in files))


def compare_kept(places: Places, before: str, after: str) -> EditionDiff:
    """The difference of two kept editions; before: "" for none.  Raises NotFound, Damaged."""
    artefacts = Artefacts(places.artefacts)
    old: NameList | None = decode_edition(artefacts.get(before)) if before else None
    return diff_editions(old, decode_edition(artefacts.get(after)))


# ---- the parent ------------------------------------------------------------------------------------------------------


async def prepare_aside(places: Places, in_force: Mapping[str, str], body: Sequence[bytes]) -> Prepared:
    """The same in a child process.  in_force: digest of the edition in force by list; body: of the request, in pieces.

    Raises InputError, TooLarge, NotFound, Unavailable.
    """

    def run() -> bytes:
        with tempfile.TemporaryDirectory(prefix="tarim-names-") as name:  # only its owner may look into it
            folder = Path(name)
            with (folder / _ASKED).open("wb", buffering=0) as asked:
                for piece in body:
                    asked.write(piece)
            (folder / _IN_FORCE).write_bytes(msgspec.json.encode(in_force))
            return _child(places, ["prepare", name])

    return _prepared_decoder.decode(await asyncio.get_running_loop().run_in_executor(None, run))


async def compare_aside(places: Places, before: str, after: str) -> EditionDiff:
    """The difference of two kept editions, made by a child process.  Raises NotFound, Unavailable."""
    arguments = ["compare", after, *(("--before", before) if before else ())]
    return _diff_decoder.decode(await asyncio.get_running_loop().run_in_executor(None, _child, places, arguments))


def _child(places: Places, arguments: Sequence[str]) -> bytes:
    """What a hidden command prints, one command at a time.

    Raises what the child refused with, and Unavailable while another one runs.
    """
    if not _one.acquire(blocking=False):
        raise Unavailable("another list is being read; try again in a moment")
    try:
        return answer_of(
            ["names", *arguments, "--data", str(places.data), "--nice", str(_NICE)],
            purpose="the list could not be read",
            seconds_max=PREPARE_S_MAX,
        )
    finally:
        _one.release()
