"""The folder of a journal: which segments are in it, and the small files beside them.

00000000000000000000.seg   segments, named by their first position
durable                    the durable mark: how far commits have come, for readers in other processes
anchor                     where the chain starts after retention: position and digest, hexadecimal
lock                       locked by the one writer
*.tmp                      a segment being made; removed at the next opening
"""

from __future__ import annotations

import mmap
import os
import re
from pathlib import Path
from typing import Final, Self
from zlib import crc32

from tarim.base.errors import Damaged, Unavailable

_NAME: Final = re.compile(r"([0-9]{20})\.seg")
_MARK_BYTES: Final = 8
_MARK_SEQ_BITS: Final = 48
SEQ_MAX: Final = (1 << _MARK_SEQ_BITS) - 1
"""Largest position: a million events a second for nine years."""
_ANCHOR: Final = re.compile(r"([0-9]{1,20}) ([0-9a-f]{64})\n")


def list_segments(folder: Path) -> list[int]:
    """First positions of the segments in a folder, ascending.  Raises Unavailable when it cannot be read."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise cannot("read", folder, error) from error
    return sorted(int(match[1]) for name in names if (match := _NAME.fullmatch(name)))


def cannot(act: str, path: Path, error: OSError) -> Unavailable:
    """The refusal that names what was tried, the place and the system's reason."""
    return Unavailable(f"cannot {act} {path}: {os.strerror(error.errno or 0)}; nothing was changed")


def sync_folder(folder: Path) -> None:
    """Make names in the folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file so that it is there whole or not at all, durably."""
    part = path.with_name(path.name + ".tmp")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    try:
        os.write(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)
    part.rename(path)
    sync_folder(path.parent)


class Mark:
    """The durable mark: one mapped 64-bit word, 48 bits of position under 16 bits of check, stored and loaded whole.

    The writer stores it after every commit; that costs nothing and is not synced, so after a power cut it may be behind,
    never ahead.  It tells readers how far they may go, and recovery what must not be missing.
    """

    def __init__(self, fd: int, *, writable: bool) -> None:
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        self._map = mmap.mmap(fd, _MARK_BYTES, access=access)
        self._bytes = memoryview(self._map)
        self._words = self._bytes.cast("Q")  # a native cast: one machine store, a reader never sees half of it
        os.close(fd)

    @classmethod
    def make(cls, folder: Path) -> Self:
        """The mark of the writer, created when there is none."""
        fd = os.open(folder / "durable", os.O_RDWR | os.O_CREAT, 0o640)
        if os.fstat(fd).st_size != _MARK_BYTES:
            os.ftruncate(fd, 0)
            os.pwrite(fd, bytes(_MARK_BYTES), 0)
            os.fsync(fd)  # allocated now, so that storing through the map never meets a full disk
        return cls(fd, writable=True)

    @classmethod
    def look(cls, folder: Path) -> Self | None:
        """The mark for a reader; None when there is none."""
        try:
            fd = os.open(folder / "durable", os.O_RDONLY)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise cannot("read", folder / "durable", error) from error
        if os.fstat(fd).st_size != _MARK_BYTES:
            os.close(fd)
            return None
        return cls(fd, writable=False)

    def put(self, seq: int) -> None:
        """Say that positions below `seq` are durable."""
        assert 0 <= seq <= SEQ_MAX
        self._words[0] = seq | _mark_check(seq) << _MARK_SEQ_BITS

    def get(self) -> int:
        """Positions below this are durable; 0 when the mark was never set.  Raises Damaged."""
        word = self._words[0]
        seq = word & SEQ_MAX
        if word and word >> _MARK_SEQ_BITS != _mark_check(seq):
            raise Damaged("durable: the mark does not agree with its check")
        return seq

    def close(self) -> None:
        """Unmap."""
        self._words.release()
        self._bytes.release()
        self._map.close()


def _mark_check(seq: int) -> int:
    return crc32(seq.to_bytes(8, "little")) & 0xFFFF


def read_anchor(folder: Path) -> tuple[int, bytes] | None:
    """(first position kept, digest of the block before it) after retention; None when nothing was dropped."""
    try:
        text = (folder / "anchor").read_text("ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Damaged(f"anchor: cannot be read ({type(error).__name__})") from error
    match = _ANCHOR.fullmatch(text)
    if match is None:
        raise Damaged("anchor: not a position and a digest")
    return int(match[1]), bytes.fromhex(match[2])


def write_anchor(folder: Path, first_seq: int, digest: bytes) -> None:
    """Keep the chain's start, durably, before what lies before it is removed."""
    write_whole(folder / "anchor", f"{first_seq} {digest.hex()}\n".encode("ascii"))
