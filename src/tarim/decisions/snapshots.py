"""Snapshots: the state of engine and index at a journal position, from which recovery starts.

    DATA/snapshots/00000000000001080000/
        engine.bin    the engine's words, checked by itself
        seen.npy      entries of the index of accepted events, int64[n, 3]
        holds.bin     holds with their timers, and what customers have spent
        about.json    position, feature set, checksums of the two before it, what was in force and who changed it

A folder is written under another name, synced and renamed, so a snapshot is there as a whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from tarim.base.errors import Damaged
from tarim.decisions.aftermath import Aftermath
from tarim.decisions.governance import Governance
from tarim.decisions.ports import FeatureEngine
from tarim.decisions.records import Control
from tarim.decisions.seen import Seen

KEPT: Final = 2
"""Snapshots kept: the newest, and one in case it turns out to be damaged."""

_FORMAT: Final = 6
_ENGINE: Final = "engine.bin"
_SEEN: Final = "seen.npy"
_HOLDS: Final = "holds.bin"
_ABOUT: Final = "about.json"
_TEMPORARY: Final = ".writing-"


@dataclass(slots=True)
class State:
    """Everything the journal has made so far: engine, index of accepted events, by record kind what is in force, who
    changed it, and what follows from decisions.
    """

    engine: FeatureEngine
    seen: Seen
    in_force: dict[int, Control]
    governance: Governance = field(default_factory=Governance)
    aftermath: Aftermath = field(default_factory=Aftermath)

    @property
    def offset(self) -> int:
        """The next journal position."""
        return self.engine.offset


class _About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    offset: int
    features: str
    seen_crc32: int
    holds_crc32: int
    in_force: dict[str, Control]
    governance: bytes


class Snapshots:
    """The folder of snapshots; any process may read, one at a time should write."""

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)

    def offsets(self) -> list[int]:
        """Positions of the snapshots there are, newest first."""
        if not self._folder.is_dir():
            return []
        return sorted((int(each.name) for each in self._folder.iterdir() if each.name.isdigit()), reverse=True)

    def load(self, offset: int, restore: Callable[[Path], FeatureEngine], seen: Seen) -> State:
        """The state at `offset`; `restore` makes the engine from its file, `seen` is empty and gets the index.

        Raises Damaged when something is not as it was written, or was written for another feature set.
        """
        folder = self._path(offset)
        try:
            about = msgspec.json.decode((folder / _ABOUT).read_bytes(), type=_About)
            if about.format != _FORMAT or about.offset != offset:
                raise Damaged(f"snapshot {offset} is of another format or position")
            entries = np.load(folder / _SEEN, allow_pickle=False)
            holds = (folder / _HOLDS).read_bytes()
        except (OSError, ValueError) as error:
            raise Damaged(f"snapshot {offset} cannot be read") from error
        if entries.dtype != np.int64 or entries.ndim != 2 or entries.shape[1] != 3:
            raise Damaged(f"snapshot {offset}: the index has another shape")
        if zlib.crc32(entries.data) != about.seen_crc32:
            raise Damaged(f"snapshot {offset}: the index is not what was written")
        if zlib.crc32(holds) != about.holds_crc32:
            raise Damaged(f"snapshot {offset}: the holds are not what was written")
        engine = restore(folder / _ENGINE)
        if engine.offset != offset:
            raise Damaged(f"snapshot {offset}: the engine stands at {engine.offset}")
        seen.fill(entries)
        in_force = {int(kind): control for kind, control in about.in_force.items()}
        return State(engine, seen, in_force, Governance.decoded(about.governance), Aftermath.decoded(holds))

    def write(self, state: State) -> Path:
        """Write the state, durably, and remove all but the newest; its folder."""
        offset = state.offset
        target = self._path(offset)
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f"{_TEMPORARY}{os.getpid()}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        state.engine.snapshot(temporary / _ENGINE)
        entries = state.seen.entries()
        np.save(temporary / _SEEN, entries, allow_pickle=False)
        holds = state.aftermath.encoded()
        (temporary / _HOLDS).write_bytes(holds)
        about = _About(
            _FORMAT,
            offset,
            state.engine.features.version,
            zlib.crc32(entries.data),
            zlib.crc32(holds),
            {str(kind): control for kind, control in sorted(state.in_force.items())},
            state.governance.encoded(),
        )
        (temporary / _ABOUT).write_bytes(json.dumps(msgspec.to_builtins(about), indent=1).encode())
        for path in temporary.iterdir():
            _sync(path)
        _sync(temporary)
        if target.exists():
            shutil.rmtree(target)
        temporary.rename(target)
        _sync(self._folder)
        self._prune()
        return target

    def _prune(self) -> None:
        for offset in self.offsets()[KEPT:]:
            shutil.rmtree(self._path(offset), ignore_errors=True)
        for left in self._leftovers():
            shutil.rmtree(left, ignore_errors=True)

    def _leftovers(self) -> Iterator[Path]:
        """Folders of writers that no longer run."""
        for path in self._folder.glob(f"{_TEMPORARY}*"):
            writer = path.name.removeprefix(_TEMPORARY)
            if not writer.isdigit() or not Path(f"/proc/{writer}").exists():
                yield path

    def _path(self, offset: int) -> Path:
        return self._folder / f"{offset:020d}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
