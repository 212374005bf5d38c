"""The scene of an incident, preserved: a copy of what the house holds, every file with its digest, the whole signed (SE-17).

    OUT/
        audit.jsonl     the trail, a line an entry
        files/          journals, lists, names, snapshots, artefacts, settings, anchors, as they lie in the data folder
        manifest.json   canonical JSON: who, when, why, and path, size and SHA-256 of every file above
        manifest.sig    64 bytes, Ed25519 over the bytes of manifest.json

No key and no index goes along: `master.key`, the vaults and API keys stay where they are, so the copy shows acts and digests,
and its sealed values stay sealed.  Services may run meanwhile; what grows is copied up to where it was.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from tarim.audit import Seal, line_of
from tarim.base.canonical import canonical_json
from tarim.base.errors import Conflict, Damaged, DefinitionError, Unavailable
from tarim.base.four_eyes import NOTE_CHARACTERS_MAX
from tarim.base.instants import Clock
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.places import Places

COPIED: Final = (
    "settings.toml",
    "journal",
    "desk/journal",
    "lists",
    "names",
    "snapshots",
    "artefacts",
    "registry",
    "watch",
    "anchors",
)
FILES_MAX: Final = 1_000_000
_FREE_BYTES: Final = 64 << 20
_PIECE_BYTES: Final = 1 << 20
_MANIFEST_BYTES_MAX: Final = 512 << 20


class Preserved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: path within the folder, bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str


class Scene(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The manifest.  entries: of the trail, with the digest of the last."""

    format: int
    at_ms: int
    who: str
    reason: str
    entries: int
    head: str
    key: str
    files: list[Preserved]


def preserve(places: Places, trail: OpenTrail, out: Path, who: str, reason: str, clock: Clock) -> tuple[Scene, str]:
    """The manifest of a new folder `out`, and its SHA-256.

    Raises Conflict when the folder exists, Unavailable when there is not enough room, DefinitionError without a reason.
    """
    if not reason.strip() or len(reason) > NOTE_CHARACTERS_MAX:
        raise DefinitionError(f"a reason of 1 to {NOTE_CHARACTERS_MAX} characters is needed")
    found = list(_files(places.data))
    needed = sum(path.stat().st_blocks * 512 for path in found) + _FREE_BYTES
    try:
        out.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise Conflict(f"{out} exists already; a scene is written once") from None
    if shutil.disk_usage(out).free < needed:
        raise Unavailable(f"{out} has not the {needed:,} free bytes that the scene needs")
    kept: list[Preserved] = []
    head, entries = trail.store.head(), 0
    with (out / "audit.jsonl").open("wb") as file:
        for each in trail.store.read(last=head.seq):
            file.write(line_of(each) + b"\n")
            entries += 1
    kept.append(_kept(out, out / "audit.jsonl"))
    for path in found:
        copy = out / "files" / path.relative_to(places.data)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
        kept.append(_kept(out, copy))
    seal = trail.keeper.seal
    scene = Scene(1, clock.now_ms(), who, reason, entries, head.digest.hex(), seal.public_key_hex, kept)
    content = canonical_json(scene)
    _write(out / "manifest.json", content)
    _write(out / "manifest.sig", seal.sign(content))
    return scene, hashlib.sha256(content).hexdigest()


def check(out: Path, seal: Seal) -> Scene:
    """The manifest of a preserved scene, when all is as it was written.  Raises Damaged naming the first that is not."""
    try:
        content, signature = (out / "manifest.json").read_bytes(), (out / "manifest.sig").read_bytes()
        if len(content) > _MANIFEST_BYTES_MAX:
            raise Damaged(f"{out} has a manifest of more than {_MANIFEST_BYTES_MAX} bytes")
        seal.verify(content, signature)
        scene = msgspec.json.decode(content, type=Scene)
        for file in scene.files:
            if _kept(out, out / file.path) != file:
                raise Damaged(f"{file.path} is not what was preserved")
    except OSError as error:
        raise Damaged(f"{error.filename} is gone, or cannot be read") from None
    except msgspec.MsgspecError:
        raise Damaged(f"{out} holds no manifest of a scene") from None
    there = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    more = there - {file.path for file in scene.files} - {"manifest.json", "manifest.sig"}
    if more:
        raise Damaged(f"{min(more)} was not there when the scene was preserved")
    return scene


def _files(data: Path) -> Iterator[Path]:
    count = 0
    for name in COPIED:
        place = data / name
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file() and not path.is_symlink():
                count += 1
                if count > FILES_MAX:
                    raise Unavailable(f"{data} holds more than {FILES_MAX} files")
                yield path


def _kept(out: Path, path: Path) -> Preserved:
    sha256, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            sha256.update(piece)
            size += len(piece)
    return Preserved(str(path.relative_to(out)), size, sha256.hexdigest())


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
