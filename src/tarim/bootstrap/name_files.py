"""Publishers' files on their way into force: read, compared and kept by a child process, because reading takes seconds.

files ──► a folder that only we can read ──► child: entries, edition, difference ──► DATA/artefacts
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tarim.base.errors import InputError, Unavailable
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.children import answer_of
from tarim.bootstrap.places import Places
from tarim.screening import EditionDiff, NameList, decode_edition, diff_editions, encode_edition, load_list

FILES_MAX: Final = 3
FILE_NAMES: Final = ("sdn.csv", "alt.csv", "add.csv", "own.csv", "consolidated.xml")
"""Names under which files may come over HTTP; the Parquet tables are for the command line."""
PREPARE_S_MAX: Final = 300
_NICE: Final = 5
_MAIN: Final = ("sdn.csv", "own.csv", "consolidated.xml")


class Prepared(msgspec.Struct, frozen=True):
    """An edition that was read.  digest: under which it is kept; replaces: the one it was compared with, "" for none."""

    list_name: str
    digest: str
    replaces: str
    source_digest: str
    dated: str
    diff: EditionDiff


_one: Final = threading.Lock()
_prepared_decoder: Final = msgspec.json.Decoder(Prepared)
_diff_decoder: Final = msgspec.json.Decoder(EditionDiff)


# ---- the child -------------------------------------------------------------------------------------------------------


def prepare_edition(places: Places, name: str, replaces: str, file: Path) -> Prepared:
    """Read a publisher's file, keep it as an edition, and compare it.  Raises InputError, NotFound, Damaged."""
    artefacts = Artefacts(places.artefacts)
    given = load_list(file)
    content = encode_edition(name, given)
    before = decode_edition(artefacts.get(replaces)) if replaces else None
    kept = artefacts.keep(content)
    after = decode_edition(content)
    return Prepared(name, kept, replaces, given.digest, given.dated, diff_editions(before, after))


def compare_kept(places: Places, before: str, after: str) -> EditionDiff:
    """The difference of two kept editions; before: "" for none.  Raises NotFound, Damaged."""
    artefacts = Artefacts(places.artefacts)
    old: NameList | None = decode_edition(artefacts.get(before)) if before else None
    return diff_editions(old, decode_edition(artefacts.get(after)))


# ---- the parent ------------------------------------------------------------------------------------------------------


async def prepare_aside(places: Places, name: str, replaces: str, files: Mapping[str, bytes]) -> Prepared:
    """The same in a child process.  files: content by name.  Raises InputError, TooLarge, NotFound, Unavailable."""
    unknown = sorted(set(files) - set(FILE_NAMES))
    main = [each for each in _MAIN if each in files]
    if unknown or len(main) != 1 or len(files) > FILES_MAX:
        raise InputError(
            "give sdn.csv with alt.csv and add.csv (OFAC), or consolidated.xml (UN), or own.csv (the bank's own), and no other"
        )
    loop = asyncio.get_running_loop()

    def run() -> bytes:
        with tempfile.TemporaryDirectory(prefix="tarim-names-") as folder:  # only its owner may look into it
            for each, content in files.items():
                (Path(folder) / each).write_bytes(content)
            arguments = ["prepare", name, str(Path(folder) / main[0])]
            return _child(places, [*arguments, *(("--replaces", replaces) if replaces else ())])

    return _prepared_decoder.decode(await loop.run_in_executor(None, run))


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
