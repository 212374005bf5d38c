"""What questions and trainings need, made ahead and kept on disk until it is used: sealed, in packets, each row at most once.

FOLDER/CONTRACT/
    PACKET.packet    a pool of PACKET_ROWS rows (`queries.QueryPool.arrays`), or a block's sigmoid in as many parts that are
                     claimed together (`sigmoids`); sealed with AES-256-GCM under a key derived from the node's master key, with
                     contract, role and packet bound to it.  The contract names both certificates and the models, so what was
                     made with another peer, other keys or for other models does not open.
    PACKET.used      the rows claimed so far, 8 bytes a claim: the number and its CRC-32, little-endian; the last one counts

A row is claimed before anything about it is sent: the claim is written and synced, under a lock, and then the packet is
read.  So a crash at any moment loses rows and never uses one twice.  A packet whose claims are lost counts as used up.  A
used-up packet is removed.  A folder that is put back from a backup would forget claims: remove `stock` before such a start
(the other side refuses rows that it knows as used, which is the second line of defence and not the first).
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tarim.base.errors import Damaged, NotFound, TooLarge
from tarim.federation.channel import Array
from tarim.federation.node.conversations import Piece, Ready, hear, say
from tarim.federation.session import Role, Session
from tarim.privacy import MasterKey

PACKET_ROWS: Final = 256
PACKET_BYTES_MAX: Final = 256 << 20
ROWS_MAX: Final = 1 << 18
"""Of one contract."""
BYTES_MAX: Final = 8 << 30
"""Of all contracts."""
_NONCE_BYTES: Final = 12
_CLAIM: Final = struct.Struct("<II")
_KINDS: Final = ("uint8", "uint32", "uint64", "int64")


class Level(NamedTuple):
    """What is left of a contract's stock."""

    rows: int
    packets: int
    bytes: int


class _Stored(msgspec.Struct, frozen=True):
    kind: str
    shape: tuple[int, ...]
    content: bytes


class Stock:
    """A node's stock.  Several processes may use it."""

    def __init__(self, folder: Path, master: MasterKey, damaged: Callable[[str], None] = lambda _: None) -> None:
        """damaged: told the contract of a packet that does not open."""
        self._folder, self._damaged = folder, damaged
        self._key = AESGCM(master.derive("party-stock"))

    def contracts(self) -> list[str]:
        """Digests of the contracts that there is something for."""
        return sorted(each.name for each in self._folder.iterdir()) if self._folder.is_dir() else []

    def level(self, contract: str) -> Level:
        """What is left; packets that are used up are removed on the way."""
        rows = packets = size = 0
        for packet in self._packets(contract):
            left = PACKET_ROWS - self._used(contract, packet)
            if left <= 0:
                self.drop(contract, packet)
                continue
            rows, packets = rows + left, packets + 1
            size += _size(self._path(contract, packet))
        return Level(rows, packets, size)

    def require_room(self, contract: str, rows: int) -> None:
        """Nothing when so many rows more may be made.  Raises TooLarge."""
        if rows < 1 or self.level(contract).rows + rows > ROWS_MAX:
            raise TooLarge(f"1 to {ROWS_MAX} rows are kept for a contract")
        self._require_bytes(0)

    def keep(self, contract: str, role: Role, packet: str, arrays: dict[str, Array]) -> None:
        """Keep a packet, durably, with nothing of it claimed.  Raises TooLarge."""
        stored = {
            name: _Stored(each.dtype.name, each.shape, np.ascontiguousarray(each).tobytes())
            for name, each in arrays.items()
        }
        content, nonce = msgspec.msgpack.encode(stored), os.urandom(_NONCE_BYTES)
        if len(content) > PACKET_BYTES_MAX:
            raise TooLarge(f"a packet of {len(content)} bytes is more than the {PACKET_BYTES_MAX} that are kept")
        self._require_bytes(len(content))
        (self._folder / contract).mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(contract, packet)
        _written(path.with_suffix(".used"), _claim(0))
        _written(path.with_suffix(".new"), nonce + self._key.encrypt(nonce, content, _bound(contract, role, packet)))
        path.with_suffix(".new").rename(path)
        _sync_folder(path.parent)

    def keep_together(self, session: Session, contract: str, packet: str, arrays: dict[str, Array]) -> None:
        """Keep this side's half of a packet, and go on when the other side has kept its own.

        What one side has alone is never used: see `Ready.from_stock`.
        """
        self.keep(contract, session.role, packet, arrays)
        say(session.channel, "packet kept", Ready())
        hear(session.channel, "packet kept", Ready)

    def claim(self, contract: str, rows: int) -> tuple[Piece, ...]:
        """So many rows, claimed for good; none at all when there are not so many."""
        packets, there = [], 0
        for packet in self._packets(contract):
            packets.append(packet)
            there += max(0, PACKET_ROWS - self._used(contract, packet))
            if there >= rows:
                break
        else:
            return ()
        pieces: list[Piece] = []
        for packet in packets:
            with self._ledger(contract, packet) as ledger:
                used = _claimed(ledger)
                count = min(rows, PACKET_ROWS - used)
                if count <= 0:
                    continue
                _write_claim(ledger, used + count)
            pieces.append(Piece(packet, used, count))
            rows -= count
            if not rows:
                return tuple(pieces)
        return ()  # another process took the last ones in the meantime; what was claimed is lost

    def claim_those(self, contract: str, pieces: tuple[Piece, ...]) -> bool:
        """Claim the very rows that the other side claimed; whether they are here and none of them was claimed before."""
        for piece in pieces:
            if piece.start + piece.rows > PACKET_ROWS or not self._path(contract, piece.packet).exists():
                return False
            with self._ledger(contract, piece.packet) as ledger:
                if piece.start < _claimed(ledger):
                    return False
                _write_claim(ledger, piece.start + piece.rows)
        return bool(pieces)

    def load(self, contract: str, role: Role, packet: str) -> dict[str, Array]:
        """A packet of which rows were claimed; it is removed when none is left.  Raises NotFound, Damaged."""
        path = self._path(contract, packet)
        try:
            if path.stat().st_size > 2 * PACKET_BYTES_MAX:
                raise Damaged("a packet of the stock is larger than any that was kept")
            sealed = path.read_bytes()
        except OSError:
            raise NotFound("this node has no such packet in stock") from None
        try:
            content = self._key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(contract, role, packet))
        except (InvalidTag, ValueError):
            raise Damaged(
                "a packet of the stock does not open: it was altered, or made with another peer or key; prepare anew"
            ) from None
        if self._used(contract, packet) >= PACKET_ROWS:
            self.drop(contract, packet)
        stored = msgspec.msgpack.decode(content, type=dict[str, _Stored])
        return {name: _array(each) for name, each in stored.items()}

    def opened(self, contract: str, role: Role, pieces: Sequence[Piece]) -> list[tuple[Piece, dict[str, Array]]]:
        """Claimed pieces with what their packets hold; none at all when one does not open, which is removed then."""
        found = []
        for piece in pieces:
            try:
                found.append((piece, self.load(contract, role, piece.packet)))
            except (Damaged, NotFound):
                self._damaged(contract)
                self.drop(contract, piece.packet)
                return []
        return found

    def drop(self, contract: str, packet: str) -> None:
        """Remove a packet."""
        path = self._path(contract, packet)
        path.unlink(missing_ok=True)  # first what is secret, then what says that it was used
        path.with_suffix(".used").unlink(missing_ok=True)

    def remove(self, contract: str) -> None:
        """Remove all there is for a contract."""
        for packet in self._packets(contract):
            self.drop(contract, packet)
        for left in (self._folder / contract).glob("*"):  # of a process that ended while it kept a packet
            left.unlink(missing_ok=True)
        (self._folder / contract).rmdir()

    def _require_bytes(self, more: int) -> None:
        if more + sum(_size(each) for each in self._folder.glob("*/*.packet")) > BYTES_MAX:
            raise TooLarge(f"the stock may hold {BYTES_MAX} bytes and no more; use it, or remove what is not needed")

    def _packets(self, contract: str) -> list[str]:
        return sorted(path.stem for path in (self._folder / contract).glob("*.packet"))

    def _path(self, contract: str, packet: str) -> Path:
        return self._folder / contract / f"{packet}.packet"

    def _used(self, contract: str, packet: str) -> int:
        with self._ledger(contract, packet) as ledger:
            return _claimed(ledger)

    @contextmanager
    def _ledger(self, contract: str, packet: str) -> Iterator[int]:
        """The packet's claims, locked; one that was lost is made anew and says that all is used."""
        path = self._path(contract, packet).with_suffix(".used")
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def _bound(contract: str, role: Role, packet: str) -> bytes:
    return f"tarim stock 2|{contract}|{role.name}|{packet}".encode()


def _size(path: Path) -> int:
    """Of a file; 0 when another process has just removed it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _claim(used: int) -> bytes:
    return _CLAIM.pack(used, zlib.crc32(used.to_bytes(4, "little")))


def _claimed(ledger: int) -> int:
    """Rows claimed, by the last whole entry; all of them when there is none."""
    content = os.pread(ledger, os.fstat(ledger).st_size, 0)
    whole = [used for used, sum_ in _CLAIM.iter_unpack(content[: len(content) // _CLAIM.size * _CLAIM.size])
             if sum_ == zlib.crc32(used.to_bytes(4, "little"))]  # fmt: skip
    return max(whole, default=PACKET_ROWS)


def _write_claim(ledger: int, used: int) -> None:
    size = os.fstat(ledger).st_size
    os.pwrite(ledger, _claim(used), size // _CLAIM.size * _CLAIM.size)
    os.fsync(ledger)


def _array(stored: _Stored) -> Array:
    if stored.kind not in _KINDS:
        raise Damaged("a packet of the stock holds what no packet holds")
    return np.frombuffer(bytearray(stored.content), stored.kind).reshape(stored.shape)


def _written(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
