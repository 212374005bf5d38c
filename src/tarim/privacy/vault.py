"""The vault: raw personal values, encrypted under data keys that belong to one customer each.

    keys.sqlite     data keys by number, each wrapped with AES-256-GCM by the vault key of the master key (additional data:
                    the number); which customer owns which numbers; which customers were destroyed
    index.sqlite    journal position -> customer token, sealed bytes; can be rebuilt from the journal at any time

The sealed bytes themselves travel in the journal, beside the event they came with:

    1 byte   format, 1
    8 bytes  number of the data key, little-endian
    12 bytes nonce, random
    n bytes  ciphertext of a bundle (`sealing.py`) and 16 bytes tag; additional data: customer token and the 9 bytes above

**Durability without waiting.**  Keys are made ahead of use and lie on the disk (SQLite, WAL, synchronous=FULL) before one
is handed out, so a new customer costs no wait for the disk.  Who owns a key is written a moment later in the background.
If the process dies in between, the journal still says it: sealed bytes name their key, and they are bound to their
customer.  So after a start the journal is given to `index` again from `applied_seq`, with `recovering=True`; the index
never says it is further than the owners are written.  Keys handed out by an earlier process are never handed out again.

**Destroying** a customer deletes every key they own; what was sealed under them becomes unreadable, in the journal and in
backups of the journal; a backup of keys.sqlite has to be kept apart and renewed.  A customer who appears again after that
gets another key: a new person record, to which nothing of the old one belongs.

One process at a time has a vault open (a lock file says so).  Unwrapped keys are kept in memory, at most
`unwrapped_keys_max`, about 2.4 KB each.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tarim.base.errors import Damaged, DefinitionError, NotFound, Unavailable
from tarim.privacy.master import MasterKey
from tarim.privacy.sealing import SealedBefore, SealKeys, pack_fields, unpack_fields

Tokens = npt.NDArray[np.int64]

FORMAT: Final = 1
HEAD: Final = Struct("<Bq")
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
SEALED_BYTES_MIN: Final = HEAD.size + NONCE_BYTES + TAG_BYTES
_KEY_AAD: Final = Struct("<16sq")
_BLOB_AAD: Final = Struct("<qBq")
_KEY_LABEL: Final = b"tarim data key 1"
_KEY_BYTES: Final = 32
_INDEX_GROUP: Final = 64
_SORTED_FROM: Final = 256
_WRAPPED_BYTES: Final = NONCE_BYTES + _KEY_BYTES + TAG_BYTES

_KEYS_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS keys (id INTEGER PRIMARY KEY AUTOINCREMENT, wrapped BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS owners (customer INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (customer, id))
STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS destroyed (customer INTEGER NOT NULL, at_ms INTEGER NOT NULL, keys INTEGER NOT NULL) STRICT;
"""
_INDEX_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sealed (seq INTEGER PRIMARY KEY, customer INTEGER NOT NULL, blob BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS sealed_by_customer ON sealed (customer, seq);
"""


@dataclass(frozen=True, slots=True)
class VaultLimits:
    """Sizes of the vault's memory."""

    unwrapped_keys_max: int = 1 << 16
    ready_keys: int = 1 << 12
    """Keys made ahead at a time; half as many left start the making of more."""
    sealed_before_slots: int = 1 << 22
    index_batches_max: int = 256
    """Batches waiting for the index; the caller of `index` waits when there are more."""


class _Cipher(NamedTuple):
    """One data key at work for one customer: its number, the head of what it seals, the additional data."""

    aead: AESGCM
    head: bytes
    aad: bytes

    def __repr__(self) -> str:
        return "<data key>"


class Vault:
    """Seals and opens raw values.  Any thread may call it."""

    def __init__(self, folder: Path, master: MasterKey, limits: VaultLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._lock_file = _locked(folder)
        try:
            self._keys = _Keys(folder / "keys.sqlite", master, limits.ready_keys)
            self._index = _Index(folder / "index.sqlite", limits.index_batches_max, self._keys.write_owners)
        except BaseException:
            os.close(self._lock_file)
            raise
        self._lock = threading.RLock()
        self._ciphers: dict[int, _Cipher] = {}
        self._sealed_before = SealedBefore(limits.sealed_before_slots)

    def __repr__(self) -> str:
        return f"<Vault in {self._folder}>"

    @classmethod
    def open(cls, folder: Path, master: MasterKey, limits: VaultLimits | None = None) -> Vault:
        """The vault in `folder`, made if there is none.

        Raises DefinitionError when it was made with another master key, Unavailable when another process has it open
        or the disk cannot be written, Damaged when its files are not databases.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(folder, master, limits or VaultLimits())
        except (sqlite3.OperationalError, OSError) as error:
            raise Unavailable(f"the vault in {folder} cannot be opened: {error}") from None
        except sqlite3.DatabaseError as error:
            raise Damaged(f"the vault in {folder} is damaged: {error}") from None

    def close(self) -> None:
        """Finish what is still to be written, and let go of the files."""
        self._index.close()
        self._keys.close()
        with self._lock:
            self._ciphers.clear()
        os.close(self._lock_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------------------- data keys

    def ensure_keys(self, customers: Tokens) -> int:
        """Have a data key for every customer, durable as a key and soon as theirs; how many customers were new.

        customers: shape (n,), repetition allowed.  Raises Unavailable when the disk cannot be written.
        """
        with self._lock:
            known = self._ciphers
            wanted = dict.fromkeys(customers.tolist())
            missing = [customer for customer in wanted if customer not in known]
            if not missing:
                return 0
            fresh, made = self._keys.of_customers(missing)
            over = len(known) + len(fresh) - self._limits.unwrapped_keys_max
            if over > 0:  # the oldest go; a group larger than the limit exceeds it until the next
                for customer in list(islice(known, max(over, self._limits.unwrapped_keys_max // 8))):
                    if customer not in wanted:
                        del known[customer]
            known.update(fresh)
            return made

    def has_key(self, customer: int) -> bool:
        """Whether the customer has a data key at present."""
        return self._keys.owned_by(customer)

    def destroy(self, customer: int, at_ms: int, through_seq: int) -> int:
        """Delete every data key of a customer for good, overwriting them on the disk; how many there were.

        through_seq: the journal's next position.  Raises Unavailable while the index has not been given the journal up
        to there (a key could be missed), NotFound when the customer has no key.  What is sealed afterwards belongs to
        a new person record.
        """
        self._index.flush()
        if self._index.applied_seq() < through_seq:
            raise Unavailable(f"the vault's index stands at {self._index.applied_seq()}, the journal at {through_seq}")
        with self._lock:
            self._ciphers.pop(customer, None)
            count = self._keys.destroy(customer, at_ms)
            self._sealed_before.clear()
        self._index.forget(customer)
        return count

    # --------------------------------------------------------------------------------------------------- seal and open

    def seal(self, customer: int, values: Mapping[str, str]) -> bytes:
        """Sealed bytes of raw values by field name; the data key is durable when this returns."""
        return self.seal_bundles(np.array([customer], np.int64), [pack_fields(values)])[0]

    def seal_bundles(self, customers: Tokens, bundles: Sequence[bytes]) -> list[bytes]:
        """Sealed bytes of each bundle (`pack_bundle`) under its customer's key.  Raises Unavailable.

        customers: shape (n,).  About 2 microseconds each when the keys are in memory.
        """
        if len(customers) != len(bundles):
            raise DefinitionError("there must be as many customers as bundles")
        with self._lock:
            sealed: list[bytes] = []
            step = self._limits.unwrapped_keys_max  # so that a group's keys are in memory together
            for start in range(0, len(bundles), step):
                some = customers[start : start + step]
                self.ensure_keys(some)
                sealed += self._seal_some(some.tolist(), bundles[start : start + step])
            return sealed

    def _seal_some(self, customers: list[int], bundles: Sequence[bytes]) -> list[bytes]:
        nonces = os.urandom(NONCE_BYTES * len(bundles))
        ciphers = self._ciphers
        sealed: list[bytes] = [b""] * len(bundles)
        order: Sequence[int] = range(len(bundles))
        if len(bundles) >= _SORTED_FROM:  # a cipher is 2.4 KB: a customer's bundles go one after the other
            order = np.argsort(np.array(customers, np.int64)).tolist()
        at = 0
        for place in order:
            nonce = nonces[at : at + NONCE_BYTES]
            at += NONCE_BYTES
            aead, head, aad = ciphers[customers[place]]
            sealed[place] = head + nonce + aead.encrypt(nonce, bundles[place], aad)
        return sealed

    def open_sealed(self, customer: int, blob: bytes) -> dict[str, str]:
        """Raw values by field name.

        Raises NotFound when the key it was sealed under was destroyed, Damaged when the bytes are not what was sealed
        for this customer.
        """
        if len(blob) < SEALED_BYTES_MIN:
            raise Damaged("sealed bytes are too short")
        version, number = HEAD.unpack_from(blob)
        if version != FORMAT:
            raise Damaged(f"sealed bytes are of format {version}, this program knows {FORMAT}")
        with self._lock:
            cipher = self._ciphers.get(customer)
        if cipher is None or cipher.head != blob[: HEAD.size]:
            cipher = self._keys.cipher(customer, number)
        nonce_end = HEAD.size + NONCE_BYTES
        try:
            bundle = cipher.aead.decrypt(bytes(blob[HEAD.size : nonce_end]), bytes(blob[nonce_end:]), cipher.aad)
        except InvalidTag:
            raise Damaged("sealed bytes do not open: they were altered, or belong to another customer") from None
        return unpack_fields(bundle)

    # ------------------------------------------------------------------------------------------- what was sealed before

    def known(self, key: int) -> bool:
        """Whether the combination (`seal_key`) lies sealed in the journal, as far as is remembered."""
        return self._sealed_before.known(key)

    def needs_sealing(self, keys: SealKeys) -> npt.NDArray[np.bool_]:
        """Which combinations are not known, shape (n,); of equal ones only one is marked."""
        return self._sealed_before.needs_sealing(keys)

    def remember(self, keys: SealKeys) -> None:
        """The combinations lie sealed in the journal from now on."""
        self._sealed_before.remember(keys)

    # -------------------------------------------------------------------------------------------------------- the index

    def index(
        self,
        seqs: Tokens,
        customers: Tokens,
        blobs: Sequence[bytes | None],
        applied_seq: int,
        *,
        recovering: bool = False,
    ) -> None:
        """Make sealed bytes findable by customer, in the background.

        seqs, customers: shape (n,); a blob of None is left out.  `applied_seq` is the journal position up to which all
        has been given (the position after the last event).  Waits when `index_batches_max` batches are waiting.
        recovering: the blobs come from the journal of an earlier process; who owns their keys is learned from them.
        """
        rows = [
            (seq, customer, bytes(blob))
            for seq, customer, blob in zip(seqs.tolist(), customers.tolist(), blobs, strict=True)
            if blob is not None
        ]
        if recovering:
            self._keys.learn({(customer, HEAD.unpack_from(blob)[1]) for _, customer, blob in rows})
        self._index.put(rows, applied_seq)

    @property
    def applied_seq(self) -> int:
        """The journal position up to which the index is written: index the journal again from here after a start."""
        return self._index.applied_seq()

    def flush(self) -> None:
        """Wait until everything given so far is written.  Raises Unavailable when it could not be."""
        self._keys.write_owners()
        self._index.flush()

    def reveal(self, customer: int) -> dict[str, list[str]]:
        """Every raw value of a customer: for each field the different values, in the order they were first seen.

        Raises NotFound when the customer has no data key: never seen, or destroyed.
        """
        if not self.has_key(customer):
            raise NotFound("this customer has no data key: never seen, or destroyed")
        found: dict[str, dict[str, None]] = {}
        for _, blob in self._index.of_customer(customer):
            try:
                values = self.open_sealed(customer, blob)
            except NotFound:  # of a person record that was destroyed, met again while the index was rebuilt
                continue
            for name, raw in values.items():
                found.setdefault(name, {})[raw] = None
        return {name: list(raws) for name, raws in found.items()}

    def reveal_event(self, seq: int) -> dict[str, str]:
        """The raw values that were sealed with the event at one journal position; empty when none were."""
        row = self._index.of_event(seq)
        return {} if row is None else self.open_sealed(*row)


class _Keys:
    """keys.sqlite: makes keys ahead, hands them out, writes their owners down behind.

    Two connections: reading never waits for a writer's disk.  `_lock` guards the memory and the reader, `_write_lock`
    the writer; `_write_lock` is taken first where both are.
    """

    def __init__(self, path: Path, master: MasterKey, ready_keys: int) -> None:
        if ready_keys < 2:
            raise DefinitionError("ready_keys must be at least 2")
        self._wrapper = AESGCM(master.derive("vault"))
        self._writer = _database(path, _KEYS_SCHEMA, "FULL")
        _check_master(self._writer, master)
        self._reader = sqlite3.connect(path, check_same_thread=False, timeout=10)
        self._reader.execute("PRAGMA query_only=ON")
        self._reader.execute("PRAGMA cache_size=-65536")
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._ready: deque[tuple[int, bytes]] = deque()
        self._ready_keys = ready_keys
        self._unwritten: dict[int, tuple[int, bytes]] = {}
        self._wanted = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="vault-keys", daemon=True)
        self._thread.start()
        self._wanted.set()

    def of_customers(self, missing: Sequence[int]) -> tuple[dict[int, _Cipher], int]:
        """The ciphers of customers, new keys for those that have none, and how many those are."""
        fresh: dict[int, _Cipher] = {}
        with self._lock:
            stored = self._stored(missing)
            absent = [customer for customer in missing if customer not in stored]
        while len(self._ready) < len(absent):
            self._make(max(self._ready_keys, len(absent) - len(self._ready)))
        with self._lock:
            for customer in absent:
                number, key = self._ready.popleft()
                self._unwritten[customer] = (number, key)
                fresh[customer] = _cipher(key, customer, number)
        if absent:
            self._wanted.set()
        for customer, (number, wrapped) in stored.items():
            key = wrapped if len(wrapped) == _KEY_BYTES else self._unwrap(number, wrapped)
            fresh[customer] = _cipher(key, customer, number)
        return fresh, len(absent)

    def _stored(self, customers: Sequence[int]) -> dict[int, tuple[int, bytes]]:
        """Number and wrapped key (or plain key, if its owner is not written yet) of each customer that has one."""
        found = {customer: self._unwritten[customer] for customer in customers if customer in self._unwritten}
        asked = [customer for customer in customers if customer not in found]
        query = (
            "SELECT owners.customer, owners.id, keys.wrapped FROM owners JOIN keys ON keys.id = owners.id "
            "WHERE owners.customer IN (SELECT value FROM json_each(?)) ORDER BY owners.id"
        )
        for customer, number, wrapped in self._reader.execute(query, ("[" + ",".join(map(str, asked)) + "]",)):
            found[customer] = (number, wrapped)
        return found

    def _make(self, count: int) -> None:
        """Have `count` more durable keys ready.  Raises Unavailable."""
        keys = os.urandom(_KEY_BYTES * count)
        nonces = os.urandom(NONCE_BYTES * count)
        wrap = self._wrapper.encrypt
        made: list[tuple[int, bytes]] = []
        rows: list[tuple[int, bytes]] = []
        with self._write_lock:
            try:
                with self._writer as db:
                    (last,) = db.execute(
                        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'keys'), 0)"
                    ).fetchone()
                    for place in range(count):
                        number = last + 1 + place
                        key = keys[place * _KEY_BYTES : (place + 1) * _KEY_BYTES]
                        nonce = nonces[place * NONCE_BYTES : (place + 1) * NONCE_BYTES]
                        rows.append((number, nonce + wrap(nonce, key, _KEY_AAD.pack(_KEY_LABEL, number))))
                        made.append((number, key))
                    db.executemany("INSERT INTO keys VALUES (?, ?)", rows)
            except sqlite3.OperationalError as error:
                raise Unavailable(f"the vault cannot write its keys: {error}") from None
            with self._lock:
                self._ready.extend(made)

    def _work(self) -> None:
        """Keep keys ready and owners written; a trouble here shows when the next key is needed or the next flush."""
        while not self._closing:
            self._wanted.wait()
            self._wanted.clear()
            with contextlib.suppress(Unavailable):
                if len(self._ready) < self._ready_keys // 2:
                    self._make(self._ready_keys)
                self.write_owners()

    def write_owners(self) -> None:
        """Have it on the disk who owns every key handed out so far.  Raises Unavailable."""
        with self._write_lock:
            with self._lock:
                rows = [(customer, number) for customer, (number, _) in self._unwritten.items()]
            if not rows:
                return
            self._insert_owners(rows)
            with self._lock:
                for customer, number in rows:
                    if customer in self._unwritten and self._unwritten[customer][0] == number:
                        del self._unwritten[customer]

    def _insert_owners(self, rows: Sequence[tuple[int, int]]) -> None:
        try:
            with self._writer as db:
                db.executemany("INSERT OR IGNORE INTO owners VALUES (?, ?)", sorted(rows))
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the vault cannot write who owns its keys: {error}") from None

    def learn(self, owned: set[tuple[int, int]]) -> None:
        """Owners found in an earlier process's journal; keys destroyed since then stay destroyed."""
        with self._write_lock:
            asked = "[" + ",".join(str(number) for _, number in owned) + "]"
            query = "SELECT id FROM keys WHERE id IN (SELECT value FROM json_each(?))"
            there = {number for (number,) in self._writer.execute(query, (asked,))}
            self._insert_owners([(customer, number) for customer, number in owned if number in there])

    def owned_by(self, customer: int) -> bool:
        """Whether the customer owns a key."""
        with self._lock:
            return bool(self._stored([customer]))

    def cipher(self, customer: int, number: int) -> _Cipher:
        """The cipher of one key by number.  Raises NotFound when there is no such key."""
        with self._lock:
            unwritten = self._unwritten.get(customer)
            row = self._reader.execute("SELECT wrapped FROM keys WHERE id = ?", (number,)).fetchone()
        if row is None:
            raise NotFound("the data key it was sealed under was destroyed")
        key = unwritten[1] if unwritten is not None and unwritten[0] == number else self._unwrap(number, row[0])
        return _cipher(key, customer, number)

    def _unwrap(self, number: int, wrapped: bytes) -> bytes:
        if len(wrapped) != _WRAPPED_BYTES:
            raise Damaged("a wrapped data key has the wrong length")
        try:
            return self._wrapper.decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _KEY_AAD.pack(_KEY_LABEL, number)
            )
        except InvalidTag:
            raise Damaged("a wrapped data key does not open: it was altered, or stands under another number") from None

    def destroy(self, customer: int, at_ms: int) -> int:
        """Delete the customer's keys; how many.  Raises NotFound, Unavailable."""
        self.write_owners()
        with self._write_lock, self._lock:
            try:
                with self._writer as db:
                    count = db.execute(
                        "DELETE FROM keys WHERE id IN (SELECT id FROM owners WHERE customer = ?)", (customer,)
                    ).rowcount
                    db.execute("DELETE FROM owners WHERE customer = ?", (customer,))
                    if count == 0:
                        raise NotFound("this customer has no data key: never seen, or destroyed")
                    db.execute("INSERT INTO destroyed VALUES (?, ?, ?)", (customer, at_ms, count))
                # Pages of the log still hold the wrapped keys until it is copied back and cut.
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.OperationalError as error:
                raise Unavailable(f"the vault cannot destroy a key: {error}") from None
        return count

    def close(self) -> None:
        """Write the owners, drop the keys that nobody got."""
        self._closing = True
        self._wanted.set()
        self._thread.join()
        with contextlib.suppress(Unavailable):
            self.write_owners()
        with self._write_lock, self._lock:
            with contextlib.suppress(sqlite3.Error), self._writer as db:
                db.executemany("DELETE FROM keys WHERE id = ?", [(number,) for number, _ in self._ready])
            self._ready.clear()
            self._reader.close()
            self._writer.close()


class _Index:
    """The background writer of index.sqlite, and its readers."""

    def __init__(self, path: Path, batches_max: int, before_commit: Callable[[], None]) -> None:
        self._db = _database(path, _INDEX_SCHEMA, "NORMAL")
        self._db_lock = threading.Lock()
        self._queue: queue.Queue[tuple[list[tuple[int, int, bytes]], int] | None] = queue.Queue(batches_max)
        self._before_commit = before_commit
        self._trouble = ""
        self._thread = threading.Thread(target=self._work, name="vault-index", daemon=True)
        self._thread.start()

    def put(self, rows: list[tuple[int, int, bytes]], applied_seq: int) -> None:
        if self._trouble:
            raise Unavailable(f"the vault's index cannot be written: {self._trouble}")
        self._queue.put((rows, applied_seq))

    def _work(self) -> None:
        running = True
        while running:
            batches = [self._queue.get()]
            while len(batches) < _INDEX_GROUP:
                try:
                    batches.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            given = [batch for batch in batches if batch is not None]
            running = len(given) == len(batches)
            if given and not self._trouble:  # after a trouble nothing is written, so that applied_seq stays true
                try:
                    self._write(given)
                except (sqlite3.Error, Unavailable) as error:
                    self._trouble = str(error)
            for _ in batches:
                self._queue.task_done()

    def _write(self, given: Sequence[tuple[list[tuple[int, int, bytes]], int]]) -> None:
        self._before_commit()
        applied_seq = max(seq for _, seq in given)
        with self._db_lock, self._db as db:
            for rows, _ in given:
                db.executemany("INSERT OR REPLACE INTO sealed VALUES (?, ?, ?)", rows)
            db.execute(
                "INSERT INTO meta VALUES ('applied_seq', ?) ON CONFLICT (name) DO UPDATE SET value = max(value, ?)",
                (applied_seq, applied_seq),
            )

    def flush(self) -> None:
        self._queue.join()
        if self._trouble:
            raise Unavailable(f"the vault's index cannot be written: {self._trouble}")

    def applied_seq(self) -> int:
        with self._db_lock:
            row = self._db.execute("SELECT value FROM meta WHERE name = 'applied_seq'").fetchone()
        return 0 if row is None else int(row[0])

    def of_customer(self, customer: int) -> list[tuple[int, bytes]]:
        self.flush()
        with self._db_lock:
            return self._db.execute(
                "SELECT seq, blob FROM sealed WHERE customer = ? ORDER BY seq", (customer,)
            ).fetchall()

    def of_event(self, seq: int) -> tuple[int, bytes] | None:
        self.flush()
        with self._db_lock:
            row = self._db.execute("SELECT customer, blob FROM sealed WHERE seq = ?", (seq,)).fetchone()
        return None if row is None else (row[0], row[1])

    def forget(self, customer: int) -> None:
        self.flush()
        with self._db_lock, self._db as db:
            db.execute("DELETE FROM sealed WHERE customer = ?", (customer,))

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self._db.close()


def _locked(folder: Path) -> int:
    """The descriptor of the lock file, locked for this process.  Raises Unavailable when another one has it."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Unavailable(f"the vault in {folder} is open in another process") from None
    return descriptor


def _database(path: Path, schema: str, synchronous: str) -> sqlite3.Connection:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # SQLite alone would follow the umask
    os.close(descriptor)
    db = sqlite3.connect(path, check_same_thread=False, timeout=10)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(f"PRAGMA synchronous={synchronous}")
    db.execute("PRAGMA secure_delete=ON")
    db.execute("PRAGMA cache_size=-65536")
    db.executescript(schema)
    return db


def _check_master(db: sqlite3.Connection, master: MasterKey) -> None:
    """Refuse another key than the one this vault was made with."""
    with db:
        db.execute("INSERT OR IGNORE INTO meta VALUES ('master_key_check', ?)", (master.check,))
    (stored,) = db.execute("SELECT value FROM meta WHERE name = 'master_key_check'").fetchone()
    if stored != master.check:
        raise DefinitionError(
            f"this vault was made with the master key whose check is {stored}, the key given has {master.check}; "
            "with another key every token would be another and nothing sealed could be opened"
        )


def _cipher(key: bytes, customer: int, number: int) -> _Cipher:
    return _Cipher(AESGCM(key), HEAD.pack(FORMAT, number), _BLOB_AAD.pack(customer, FORMAT, number))
