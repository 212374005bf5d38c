"""The vault: raw personal values, encrypted under data keys that belong to one customer each.

    keys.sqlite     data keys by number, each wrapped with AES-256-GCM by the vault key of the master key, and which customer
                    owns which; which customers were destroyed (`keyring.py`)
    index.sqlite    customer token -> sealed bytes and their journal positions; can be rebuilt from the journal at any time
                    (`sealed_index.py`)

The sealed bytes themselves travel in the journal, beside the event they came with:

    1 byte   format, 1
    8 bytes  number of the data key, little-endian
    12 bytes nonce, random
    n bytes  ciphertext of one or more bundles (`sealing.py`) and 16 bytes tag; additional data: customer token and the 9
             bytes above

**Durability without waiting.**  Keys are made ahead of use and lie on the disk (SQLite, WAL, synchronous=FULL) before one
is handed out, so a new customer costs no wait for the disk.  Who owns a key is written with the index, some seconds later.
If the process dies in between, the journal still says it: sealed bytes name their key, and they are bound to their
customer.  So after a start the journal is given to `index` again from `applied_seq`, with `recovering=True`; the index
never says it is further than the owners are written.  Keys handed out by an earlier process are never handed out again.

**Destroying** a customer overwrites every key they own; what was sealed under them becomes unreadable, in the journal, in
the index and in backups of both; a backup of keys.sqlite has to be kept apart and renewed.  A customer who appears again
after that gets another key: a new person record, to which nothing of the old one belongs.

One process at a time has a vault open (a lock file says so).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tarim.base.errors import Damaged, DefinitionError, NotFound, Unavailable
from tarim.privacy.keyring import KEY_BYTES, NONCE_BYTES, TAG_BYTES, Keyring
from tarim.privacy.master import MasterKey
from tarim.privacy.openssl import bulk_sealer
from tarim.privacy.sealed_index import SealedIndex
from tarim.privacy.sealing import SealedBefore, SealKeys, pack_fields, unpack_bundles
from tarim.privacy.vault_limits import VaultLimits

Tokens = npt.NDArray[np.int64]

FORMAT: Final = 1
HEAD: Final = Struct("<Bq")
SEALED_BYTES_MIN: Final = HEAD.size + NONCE_BYTES + TAG_BYTES
_BLOB_AAD: Final = Struct("<qBq")
_BLOB_AADS: Final = np.dtype([("customer", "<i8"), ("format", "u1"), ("number", "<i8")])
"""The same as rows of an array; packed, so without gaps."""

_HEAD_AT: Final = _BLOB_AAD.size - HEAD.size
"""The head is the end of the additional data."""

_NONE: Final = np.zeros(0, np.int64)
_MANY: Final = 256
"""From so many bundles on they are sealed in one call, and no ciphers kept: the next such group has other customers."""

assert _BLOB_AADS.itemsize == _BLOB_AAD.size


class Vault:
    """Seals and opens raw values.  Any thread may call it."""

    def __init__(self, folder: Path, master: MasterKey, limits: VaultLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._lock_file = _locked(folder)
        try:
            self._keys = Keyring(folder / "keys.sqlite", master, limits.ready_keys, limits.keys_max)
            try:
                self._index = SealedIndex(
                    folder / "index.sqlite",
                    limits.index_batches_max,
                    limits.index_cached_bytes_max,
                    self._keys.write_owners,
                )
            except BaseException:
                self._keys.close()
                raise
        except BaseException:
            os.close(self._lock_file)
            raise
        self._lock = threading.Lock()
        self._ciphers: dict[int, AESGCM] = {}
        """By number of a key, to open with."""
        self._sealers: dict[int, tuple[int, AESGCM]] = {}
        """By customer, to seal with: number and cipher of the key."""
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
            self._sealers.clear()
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
        return self._keys.numbers_of(customers)[1]

    def has_key(self, customer: int) -> bool:
        """Whether the customer has a data key at present."""
        return self._keys.owned_by(customer)

    def destroy(self, customer: int, at_ms: int, through_seq: int) -> int:
        """Overwrite every data key of a customer for good, on the disk and in memory; how many there were.

        through_seq: the journal's next position.  Raises Unavailable while the index has not been given the journal up
        to there (a key could be missed), NotFound when the customer has no key.  What is sealed afterwards belongs to
        a new person record.
        """
        self._index.flush()
        if self._index.applied_seq < through_seq:
            raise Unavailable(f"the vault's index stands at {self._index.applied_seq}, the journal at {through_seq}")
        with self._lock:
            count = self._keys.destroy(customer, at_ms)
            self._ciphers.clear()
            self._sealers.clear()
            self._sealed_before.clear()
        return count

    def destroyed_at(self, customer: int, at_ms: int) -> int | None:
        """How many keys of a customer were destroyed under an instant; None when none were."""
        return self._keys.destroyed_at(customer, at_ms)

    def was_destroyed(self, customers: Tokens) -> npt.NDArray[np.bool_]:
        """Which of these customers were destroyed at some time, shape (n,)."""
        return self._keys.was_destroyed(customers)

    # --------------------------------------------------------------------------------------------------- seal and open

    def seal(self, customer: int, values: Mapping[str, str]) -> bytes:
        """Sealed bytes of raw values by field name; the data key is durable when this returns."""
        return self.seal_bundles(np.array([customer], np.int64), [pack_fields(values)])[0]

    def seal_bundles(self, customers: Tokens, bundles: Sequence[bytes]) -> list[bytes]:
        """Sealed bytes of each bundle (`pack_bundle`, or several of them joined) under its customer's key.

        customers: shape (n,).  Raises Unavailable.
        """
        if len(customers) != len(bundles):
            raise DefinitionError("there must be as many customers as bundles")
        while True:
            try:
                if len(bundles) < _MANY:
                    return self._seal_few(customers.tolist(), bundles)
                numbers, _ = self._keys.numbers_of(customers)
                return self._seal_all(customers, numbers, bundles)
            except NotFound:  # a key was destroyed since then: there is another one now
                continue

    def _seal_few(self, customers: Sequence[int], bundles: Sequence[bytes]) -> list[bytes]:
        """With ciphers that are kept for the next time.  Raises NotFound before anything is sealed when a key was destroyed."""
        try:
            sealers = [self._sealers[customer] for customer in customers]
        except KeyError:
            sealers = self._make_sealers(customers)
        return _sealed(customers, sealers, bundles)

    def _make_sealers(self, customers: Sequence[int]) -> list[tuple[int, AESGCM]]:
        """Number and cipher of each customer's key.  Raises NotFound, Damaged, Unavailable."""
        numbers = self._keys.numbers_of(np.array(customers, np.int64))[0].tolist()
        with self._lock:  # so that none is kept beyond `destroy`
            if len(self._sealers) + len(customers) > self._limits.unwrapped_keys_max:
                for oldest in list(islice(self._sealers, self._limits.unwrapped_keys_max // 8 + len(customers))):
                    del self._sealers[oldest]
            sealers = []
            for customer, number in zip(customers, numbers, strict=True):
                sealer = self._sealers.get(customer)
                if sealer is None:
                    sealer = self._sealers[customer] = (number, AESGCM(self._keys.key(number)))
                sealers.append(sealer)
        return sealers

    def _seal_all(self, customers: Tokens, numbers: Tokens, bundles: Sequence[bytes]) -> list[bytes]:
        """In one call where that can be done.  Raises NotFound before anything is sealed when a key was destroyed."""
        keys = self._keys.keys_of(numbers)
        sealed = self._seal_many(customers, numbers, keys, bundles)
        if sealed is not None:
            return sealed
        ciphers = [AESGCM(keys[at : at + KEY_BYTES]) for at in range(0, len(keys), KEY_BYTES)]
        return _sealed(customers.tolist(), list(zip(numbers.tolist(), ciphers, strict=True)), bundles)

    def _seal_many(
        self, customers: Tokens, numbers: Tokens, keys: bytes, bundles: Sequence[bytes]
    ) -> list[bytes] | None:
        """The same in one call; None where that cannot be done."""
        sealer = bulk_sealer()
        if sealer is None:
            return None
        aads = np.empty(len(bundles), _BLOB_AADS)
        aads["customer"], aads["format"], aads["number"] = customers, FORMAT, numbers
        nonces = os.urandom(NONCE_BYTES * len(bundles))
        ends = np.zeros(len(bundles) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, bundles), np.int64, len(bundles)), out=ends[1:])
        found = sealer.seal(
            np.frombuffer(keys, np.uint8).reshape(-1, KEY_BYTES),
            np.frombuffer(nonces, np.uint8).reshape(-1, NONCE_BYTES),
            aads.view(np.uint8).reshape(-1, _BLOB_AAD.size),
            b"".join(bundles),
            ends,
        )
        if found is None:
            return None
        sealed, cuts = found
        return [sealed[begin:end] for begin, end in pairwise(cuts.tolist())]

    def _aead(self, number: int) -> AESGCM:
        """The cipher of one key, kept for the next time.  Raises NotFound, Damaged."""
        aead = self._ciphers.get(number)
        if aead is None:
            with self._lock:  # so that none is kept beyond `destroy`
                aead = self._ciphers[number] = AESGCM(self._keys.key(number))
                if len(self._ciphers) > self._limits.unwrapped_keys_max:
                    for oldest in list(islice(self._ciphers, self._limits.unwrapped_keys_max // 8 + 1)):
                        del self._ciphers[oldest]
        return aead

    def open_sealed(self, customer: int, blob: bytes) -> dict[str, list[str]]:
        """Raw values by field name, of each field the different ones in the order they were sealed.

        Raises NotFound when the key it was sealed under was destroyed, Damaged when the bytes are not what was sealed
        for this customer.
        """
        return open_blob(customer, blob, self._aead)

    def seal_bytes(self, customer: int, content: bytes) -> bytes:
        """Sealed bytes of anything else than fields, a note for example; the data key is durable when this returns."""
        return self.seal_bundles(np.array([customer], np.int64), [content])[0]

    def open_bytes(self, customer: int, blob: bytes) -> bytes:
        """What `seal_bytes` sealed.  Raises NotFound when the key was destroyed, Damaged."""
        return decrypted(customer, blob, self._aead)

    # ------------------------------------------------------------------------------------------- what was sealed before

    def unsealed(self, tokens: Tokens, texts: Tokens, need: Tokens) -> SealKeys:
        """What of these events does not lie sealed in the journal, as far as is remembered (`SealedBefore.unsealed`)."""
        return self._sealed_before.unsealed(tokens, texts, need)

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
        if not any(blobs):
            self._index.put(_NONE, _NONE, (), applied_seq)
            return
        there = [blob for blob in blobs if blob is not None]
        chosen = np.array([blob is not None for blob in blobs], np.bool_)
        seqs, customers = seqs[chosen], customers[chosen]
        numbers = np.frombuffer(b"".join([blob[1 : HEAD.size] for blob in there]), np.int64)
        if recovering:
            self._learn(customers, numbers, there)
        # A label stands in the journal under the customer of the event it is about, its key says whose blob it is.
        owners = self._keys.owners_of(numbers)
        self._index.put(seqs, np.where(owners != 0, owners, customers), there, applied_seq)

    def _learn(self, customers: Tokens, numbers: Tokens, blobs: Sequence[bytes]) -> None:
        """Take the journal's word for who owns a key, where nobody does and a blob under it opens as theirs."""
        true: dict[int, int] = {}
        for place in np.flatnonzero(self._keys.owners_of(numbers) == 0).tolist():
            number, customer = int(numbers[place]), int(customers[place])
            if number not in true:
                with contextlib.suppress(NotFound, Damaged):
                    self.open_bytes(customer, blobs[place])
                    true[number] = customer
        if true:
            self._keys.learn(np.array(list(true.values()), np.int64), np.array(list(true), np.int64))

    @property
    def applied_seq(self) -> int:
        """The journal position up to which the index is written: index the journal again from here after a start."""
        return self._index.applied_seq

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
        return self._opened((customer, blob) for _, blob in self._index.of_customer(customer))

    def reveal_event(self, seq: int) -> dict[str, list[str]]:
        """The raw values that were sealed with the event at one journal position; empty when none were.

        What a table's events of one customer bring new may lie with the first of these events.
        """
        return self._opened(self._index.of_event(seq))

    def _opened(self, sealed: Iterable[tuple[int, bytes]]) -> dict[str, list[str]]:
        found: dict[str, dict[str, None]] = {}
        for customer, blob in sealed:
            try:
                values = self.open_sealed(customer, blob)
            except NotFound:  # of a person record that was destroyed
                continue
            for name, raws in values.items():
                found.setdefault(name, {}).update(dict.fromkeys(raws))
        return {name: list(raws) for name, raws in found.items()}


def _sealed(customers: Sequence[int], sealers: Sequence[tuple[int, AESGCM]], bundles: Sequence[bytes]) -> list[bytes]:
    """Sealed bytes of each bundle under its customer's key; sealers: number and cipher of that."""
    nonces = os.urandom(NONCE_BYTES * len(bundles))
    sealed = []
    at = 0
    for customer, (number, aead), bundle in zip(customers, sealers, bundles, strict=True):
        aad = _BLOB_AAD.pack(customer, FORMAT, number)
        nonce = nonces[at : at + NONCE_BYTES]
        sealed.append(aad[_HEAD_AT:] + nonce + aead.encrypt(nonce, bundle, aad))
        at += NONCE_BYTES
    return sealed


def open_blob(customer: int, blob: bytes, cipher: Callable[[int], AESGCM]) -> dict[str, list[str]]:
    """Raw values by field name of sealed bytes; cipher: of a key by number.  Raises Damaged, and what `cipher` raises."""
    found: dict[str, dict[str, None]] = {}
    for values in unpack_bundles(decrypted(customer, blob, cipher)):
        for name, raw in values.items():
            found.setdefault(name, {})[raw] = None
    return {name: list(raws) for name, raws in found.items()}


def decrypted(customer: int, blob: bytes, cipher: Callable[[int], AESGCM]) -> bytes:
    """What was sealed; cipher: of a key by number.  Raises Damaged, and what `cipher` raises."""
    if len(blob) < SEALED_BYTES_MIN:
        raise Damaged("sealed bytes are too short")
    version, number = HEAD.unpack_from(blob)
    if version != FORMAT:
        raise Damaged(f"sealed bytes are of format {version}, this program knows {FORMAT}")
    aead = cipher(number)
    nonce_end = HEAD.size + NONCE_BYTES
    aad = _BLOB_AAD.pack(customer, FORMAT, number)
    try:
        return aead.decrypt(bytes(blob[HEAD.size : nonce_end]), bytes(blob[nonce_end:]), aad)
    except InvalidTag:
        raise Damaged("sealed bytes do not open: they were altered, or belong to another customer") from None


def _locked(folder: Path) -> int:
    """The descriptor of the lock file, locked for this process.  Raises Unavailable when another one has it."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Unavailable(f"the vault in {folder} is open in another process") from None
    return descriptor
