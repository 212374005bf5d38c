"""The data keys of a vault: made ahead, handed out in order, and destroyed for good.

keys.sqlite holds blocks of keys.  Keys are numbered 1, 2, 3, ... without gaps:

    first      number of the block's first key
    wrapped    60 bytes a key: nonce, key and tag, AES-256-GCM by the vault key of the master key (additional data: the
               number); all zero where the key was destroyed
    owners     8 bytes a key: the customer token, little-endian; 0 = nobody's, or not written yet

Everything is in memory too, 68 bytes a key and 4 to 16 for finding it by customer; a key is unwrapped when it is first
used.  So sealing asks the disk for nothing but a new block of keys now and then.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from pathlib import Path
from struct import Struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tarim.base.errors import Damaged, DefinitionError, NotFound, Unavailable
from tarim.privacy.kernels import owners as kernels
from tarim.privacy.master import MasterKey

Tokens = npt.NDArray[np.int64]

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
WRAPPED_BYTES: Final = NONCE_BYTES + KEY_BYTES + TAG_BYTES
_OWNER_BYTES: Final = 8
_KEY_AAD: Final = Struct("<16sq")
_KEY_LABEL: Final = b"tarim data key 1"
LAYOUT: Final = "2"

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS blocks (first INTEGER PRIMARY KEY, wrapped BLOB NOT NULL, owners BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS destroyed (customer INTEGER NOT NULL, at_ms INTEGER NOT NULL, keys INTEGER NOT NULL) STRICT;
"""


class Keyring:
    """Data keys by number and by customer.  Any thread may call it.

    `_lock` guards the memory, `_write_lock` the database; `_write_lock` is taken first where both are.
    """

    def __init__(self, path: Path, master: MasterKey, ready_keys: int, keys_max: int) -> None:
        if ready_keys < 2:
            raise DefinitionError("ready_keys must be at least 2")
        self._wrapper = AESGCM(master.derive("vault"))
        self._db = database(path, _SCHEMA, "FULL")
        try:
            _check(self._db, "layout", LAYOUT, "this vault was made by a version with another layout ({stored})")
            _check(
                self._db,
                "master_key_check",
                master.check,
                "this vault was made with the master key whose check is {stored}, the key given has {given}; "
                "with another key every token would be another and nothing sealed could be opened",
            )
            self._load()
        except BaseException:
            self._db.close()
            raise
        self._ready_keys = ready_keys
        self._keys_max = keys_max
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._wanted = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="vault-keys", daemon=True)
        self._thread.start()
        self._wanted.set()

    def __repr__(self) -> str:
        return f"<Keyring of {self._handed} keys>"

    def _load(self) -> None:
        """Read every block.  Keys of an earlier process are never handed out, owned or not.  Raises Damaged."""
        wrapped: list[bytes] = []
        owners: list[bytes] = []
        self._blocks: list[int] = []
        count = 0
        for first, some, whose in self._db.execute("SELECT first, wrapped, owners FROM blocks ORDER BY first"):
            keys = len(some) // WRAPPED_BYTES
            if first != count + 1 or len(some) != keys * WRAPPED_BYTES or len(whose) != keys * _OWNER_BYTES:
                raise Damaged(f"the block of data keys from number {first} is not whole")
            self._blocks.append(first)
            wrapped.append(some)
            owners.append(whose)
            count += keys
        room = max(1_024, count)
        self._wrapped = np.zeros((room, WRAPPED_BYTES), np.uint8)
        self._wrapped[:count] = np.frombuffer(b"".join(wrapped), np.uint8).reshape(count, WRAPPED_BYTES)
        self._open = np.zeros(room, np.bool_)
        """Whether the key was unwrapped: the first 32 bytes of its row are the key then."""
        self._owners = np.zeros(room, np.int64)
        self._owners[:count] = np.frombuffer(b"".join(owners), np.int64)
        self._made = self._handed = self._written = count
        self._slots = np.zeros(0, np.int32)
        self._index(count)

    def _index(self, customers: int) -> None:
        """Make the table of customers anew, with room for so many."""
        self._slots = np.zeros(1 << max(10, (2 * customers).bit_length()), np.int32)
        kernels.enter(self._slots, self._owners, self._handed)

    # ------------------------------------------------------------------------------------------------------ handing out

    def numbers_of(self, customers: Tokens) -> tuple[Tokens, int]:
        """Numbers of the customers' keys, shape (n,), and how many of those are new.  Raises Unavailable.

        A new key is durable as a key; who owns it is written soon, and stands in the journal besides.
        """
        numbers = np.empty(len(customers), np.int64)
        customers = np.ascontiguousarray(customers)
        made = 0
        while True:
            with self._lock:
                missing = kernels.find(self._slots, self._owners, customers, numbers)
                if not missing:
                    return numbers, made
                room = self._handed + min(missing, self._made - self._handed)
                if 2 * room >= len(self._slots):
                    self._index(2 * room)
                last = kernels.hand_out(self._slots, self._owners, customers, self._handed, self._made, numbers)
                made += last - self._handed
                self._handed = last
                missing = len(np.unique(customers[numbers == 0]))
                low = self._made - last < self._ready_keys // 2
            if not missing:
                if low:
                    self._wanted.set()
                return numbers, made
            self._make(max(self._ready_keys, missing))

    def keys_of(self, numbers: Tokens) -> bytes:
        """The plain keys, 32 bytes each, one after the other.  Raises NotFound for a destroyed one, Damaged."""
        places = numbers - 1
        with self._lock:
            closed = places[~self._open[places]]
            for place in np.unique(closed).tolist():
                self._unwrap(place)
            return self._wrapped[places, :KEY_BYTES].tobytes()

    def key(self, number: int) -> bytes:
        """One plain key.  Raises NotFound when there is no such key, Damaged."""
        with self._lock:
            if not 1 <= number <= self._made:
                raise NotFound("the data key it was sealed under was destroyed")
            if not self._open[number - 1]:
                self._unwrap(number - 1)
            return self._wrapped[number - 1, :KEY_BYTES].tobytes()

    def _unwrap(self, place: int) -> None:
        wrapped = self._wrapped[place].tobytes()
        if not any(wrapped):
            raise NotFound("the data key it was sealed under was destroyed")
        try:
            key = unwrapped(self._wrapper, place + 1, wrapped)
        except InvalidTag:
            raise Damaged("a wrapped data key does not open: it was altered, or stands under another number") from None
        self._wrapped[place, :KEY_BYTES] = np.frombuffer(key, np.uint8)
        self._open[place] = True

    def owned_by(self, customer: int) -> bool:
        """Whether the customer owns a key."""
        number = np.empty(1, np.int64)
        with self._lock:
            return bool(kernels.find(self._slots, self._owners, np.array([customer], np.int64), number) == 0)

    def owners_of(self, numbers: Tokens) -> Tokens:
        """Customer tokens of keys by number, shape (n,); 0 where there is no such key or nobody has it."""
        with self._lock:
            there = (numbers >= 1) & (numbers <= self._handed)
            owners: Tokens = np.where(there, self._owners[np.where(there, numbers - 1, 0)], 0)
            return owners

    # ------------------------------------------------------------------------------------------------------------ writing

    def _make(self, count: int) -> None:
        """Have `count` more durable keys ready.  Raises Unavailable."""
        keys = os.urandom(KEY_BYTES * count)
        nonces = os.urandom(NONCE_BYTES * count)
        wrap, pack = self._wrapper.encrypt, _KEY_AAD.pack
        with self._write_lock:
            first = self._made + 1
            if self._made + count > self._keys_max:
                raise Unavailable(
                    f"the vault holds {self._made} data keys and may hold {self._keys_max} (vault.keys_max)"
                )
            wrapped: list[bytes] = []
            for place in range(count):
                nonce = nonces[place * NONCE_BYTES : (place + 1) * NONCE_BYTES]
                key = keys[place * KEY_BYTES : (place + 1) * KEY_BYTES]
                wrapped += (nonce, wrap(nonce, key, pack(_KEY_LABEL, first + place)))
            try:
                with self._db as db:
                    db.execute(
                        "INSERT INTO blocks VALUES (?, ?, zeroblob(?))",
                        (first, b"".join(wrapped), count * _OWNER_BYTES),
                    )
            except sqlite3.OperationalError as error:
                raise Unavailable(f"the vault cannot write its keys: {error}") from None
            self._blocks.append(first)
            with self._lock:
                end = self._made + count
                if end > len(self._owners):
                    room = max(end, len(self._owners) * 3 // 2)
                    self._owners = _longer(self._owners, room)
                    self._wrapped = _longer(self._wrapped, room)
                    self._open = _longer(self._open, room)
                self._wrapped[self._made : end, :KEY_BYTES] = np.frombuffer(keys, np.uint8).reshape(count, KEY_BYTES)
                self._open[self._made : end] = True
                self._made = end

    def _work(self) -> None:
        """Keep keys ready; a trouble here shows when the next key is needed."""
        while not self._closing:
            self._wanted.wait()
            self._wanted.clear()
            with contextlib.suppress(Unavailable):
                if self._made - self._handed < self._ready_keys // 2:
                    self._make(min(self._ready_keys, self._keys_max - self._made))

    def write_owners(self) -> None:
        """Have it on the disk who owns every key handed out so far.  Raises Unavailable."""
        with self._write_lock:
            with self._lock:
                begin, owners = self._written, self._owners[self._written : self._handed].copy()
            if len(owners):
                self._write(begin, owners)
                self._written = begin + len(owners)

    def _write(self, begin: int, owners: Tokens) -> None:
        """Write the owners of the keys from place `begin` on.  Raises Unavailable."""
        blocks = np.array(self._blocks, np.int64)
        try:
            with self._db as db:
                db.execute("BEGIN")  # writing into a blob does not begin a transaction by itself
                at = 0
                while at < len(owners):
                    block = int(np.searchsorted(blocks, begin + at + 1, side="right")) - 1
                    end = int(blocks[block + 1]) - 1 if block + 1 < len(blocks) else begin + len(owners)
                    part = owners[at : end - begin]
                    with db.blobopen("blocks", "owners", self._blocks[block]) as blob:
                        blob.seek((begin + at + 1 - self._blocks[block]) * _OWNER_BYTES)
                        blob.write(part.tobytes())
                    at += len(part)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the vault cannot write who owns its keys: {error}") from None

    def learn(self, customers: Tokens, numbers: Tokens) -> None:
        """Owners found in an earlier process's journal, shape (n,) each; destroyed keys stay destroyed."""
        with self._write_lock:
            with self._lock:
                there = (numbers >= 1) & (numbers <= self._written)
                customers, numbers = customers[there], numbers[there]
                new = (self._owners[numbers - 1] == 0) & self._wrapped[numbers - 1].any(axis=1)
                customers, numbers = customers[new], numbers[new]
                if not len(numbers):
                    return
                self._owners[numbers - 1] = customers
                self._index(self._handed)
                changed = np.unique(numbers - 1)
                runs = np.split(changed, np.flatnonzero(np.diff(changed) > 1) + 1)
                parts = [(int(run[0]), self._owners[run]) for run in runs]
            for begin, owners in parts:
                self._write(begin, owners)

    def destroy(self, customer: int, at_ms: int) -> int:
        """Overwrite the customer's keys, on the disk and in memory; how many.  Raises NotFound, Unavailable."""
        self.write_owners()
        with self._write_lock, self._lock:
            places = np.flatnonzero(self._owners[: self._handed] == customer).tolist()
            if not places:
                raise NotFound("this customer has no data key: never seen, or destroyed")
            try:
                with self._db as db:
                    db.execute("BEGIN")
                    for place in places:
                        first = self._blocks[int(np.searchsorted(self._blocks, place + 1, side="right")) - 1]
                        for column, width in (("wrapped", WRAPPED_BYTES), ("owners", _OWNER_BYTES)):
                            with db.blobopen("blocks", column, first) as blob:
                                blob.seek((place + 1 - first) * width)
                                blob.write(bytes(width))
                    db.execute("INSERT INTO destroyed VALUES (?, ?, ?)", (customer, at_ms, len(places)))
                # Pages of the log still hold the wrapped keys until it is copied back and cut.
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.OperationalError as error:
                raise Unavailable(f"the vault cannot destroy a key: {error}") from None
            self._wrapped[places] = 0
            self._open[places] = False
            self._owners[places] = 0
            self._index(self._handed)
            return len(places)

    def destroyed_at(self, customer: int, at_ms: int) -> int | None:
        """How many keys of a customer were destroyed under an instant; None when none were.  Raises Unavailable."""
        found = self._destroyed("SELECT keys FROM destroyed WHERE customer = ? AND at_ms = ?", (customer, at_ms))
        return found[0] if found else None

    def was_destroyed(self, customers: Tokens) -> npt.NDArray[np.bool_]:
        """Which of these customers were destroyed at some time, shape (n,).  Raises Unavailable."""
        gone = np.array(self._destroyed("SELECT DISTINCT customer FROM destroyed"), np.int64)
        return np.isin(customers, gone)

    def _destroyed(self, query: str, values: tuple[int, ...] = ()) -> list[int]:
        with self._write_lock:
            try:
                return [int(row[0]) for row in self._db.execute(query, values)]
            except sqlite3.OperationalError as error:
                raise Unavailable(f"the vault cannot say what was destroyed: {error}") from None

    def close(self) -> None:
        """Write the owners, drop the keys that nobody got."""
        self._closing = True
        self._wanted.set()
        self._thread.join()
        with contextlib.suppress(Unavailable):
            self.write_owners()
        with self._write_lock, self._lock:
            with contextlib.suppress(sqlite3.Error):
                self._drop_unused()
            self._wrapped[:] = 0
            self._open[:] = False
            self._db.close()

    def _drop_unused(self) -> None:
        with self._db as db:
            db.execute("DELETE FROM blocks WHERE first > ?", (self._handed,))
            for first, keys in db.execute(
                "SELECT first, length(owners) / ? FROM blocks ORDER BY first DESC LIMIT 1", (_OWNER_BYTES,)
            ).fetchall():
                kept = self._handed + 1 - first
                if kept < keys:
                    db.execute(
                        "UPDATE blocks SET wrapped = substr(wrapped, 1, ?), owners = substr(owners, 1, ?) WHERE first = ?",
                        (kept * WRAPPED_BYTES, kept * _OWNER_BYTES, first),
                    )


def unwrapped(wrapper: AESGCM, number: int, wrapped: bytes) -> bytes:
    """The plain key of a number.  Raises InvalidTag."""
    key: bytes = wrapper.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _KEY_AAD.pack(_KEY_LABEL, number))
    return key


def database(path: Path, schema: str, synchronous: str) -> sqlite3.Connection:
    """An SQLite file with a write-ahead log, readable by its owner only."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # SQLite alone would follow the umask
    os.close(descriptor)
    db = sqlite3.connect(path, check_same_thread=False, timeout=10)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(f"PRAGMA synchronous={synchronous}")
    db.execute("PRAGMA secure_delete=ON")
    db.executescript(schema)
    return db


def _check(db: sqlite3.Connection, name: str, given: str, trouble: str) -> None:
    """Refuse a vault that was made with another value.  Raises DefinitionError."""
    with db:
        db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, given))
    (stored,) = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    if stored != given:
        raise DefinitionError(trouble.format(stored=stored, given=given))


def _longer(array: npt.NDArray[Any], room: int) -> npt.NDArray[Any]:
    longer = np.zeros((room, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer
