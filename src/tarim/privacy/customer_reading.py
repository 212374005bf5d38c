"""What lies sealed of one customer, read beside the process that has the vault: a few values for one use, kept nowhere.

Keys are looked up in their file every time, so a customer who was destroyed is gone here at once; of the index it is remembered
which entries are whose.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tarim.base.errors import Damaged, NotFound, Unavailable
from tarim.privacy.keyring import WRAPPED_BYTES, unwrapped
from tarim.privacy.master import MasterKey
from tarim.privacy.sealing import unpack_bundles
from tarim.privacy.vault import decrypted

Tokens = npt.NDArray[np.int64]

_WAIT_S: Final = 10
_WORD: Final = 8
_CACHED_BYTES_MAX: Final = 64 << 20
"""Of the index's customer tokens, 8 bytes a sealed value."""


class CustomerReader:
    """Reads a vault's files.  Any thread may call it."""

    def __init__(self, folder: Path, master: MasterKey) -> None:
        self._folder = folder
        self._wrapper = AESGCM(master.derive("vault"))
        self._cached: OrderedDict[tuple[int, int], Tokens] = OrderedDict()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<CustomerReader of {self._folder}>"

    @property
    def applied_seq(self) -> int:
        """The journal position up to which the index is written; what is newer lies in the journal only."""
        with self._opened("index.sqlite") as db:
            row = db.execute("SELECT value FROM meta WHERE name = 'applied_seq'").fetchone()
        return 0 if row is None else int(row[0])

    def bundles(self, customer: int) -> list[tuple[int, dict[str, str]]]:
        """(journal position, raw values by field name) of each bundle of a customer (signed token), in the journal's order.

        What was sealed under a destroyed key is left out.  Raises Unavailable, Damaged.
        """
        sealed: list[tuple[int, bytes]] = []
        with self._opened("index.sqlite") as db:
            file = (self._folder / "index.sqlite").stat().st_ino  # made anew it has other chunks under the same numbers
            for (chunk,) in db.execute("SELECT id FROM chunks ORDER BY id").fetchall():
                column = self._customers(db, file, chunk)
                low, high = (int(np.searchsorted(column, customer, side=side)) for side in ("left", "right"))
                if low < high:
                    sealed += _entries(db, chunk, low, high)
        found: list[tuple[int, dict[str, str]]] = []
        if not sealed:
            return found
        with self._opened("keys.sqlite") as db:
            for seq, blob in sorted(sealed):
                try:
                    opened = decrypted(customer, blob, lambda number: self._cipher_of(db, number))
                except NotFound:  # of a person record that was destroyed
                    continue
                found += [(seq, bundle) for bundle in unpack_bundles(opened)]
        return found

    def bundles_of(self, customers: Collection[int]) -> Iterator[tuple[int, dict[str, str]]]:
        """(customer, raw values by field name) of each bundle of these customers (signed tokens): one pass over the index.

        What was sealed under a destroyed key is left out.  Raises Unavailable, Damaged.
        """
        wanted = np.array(sorted(customers), np.int64)
        with self._opened("index.sqlite") as db:
            for chunk, column in db.execute("SELECT id, customers FROM chunks ORDER BY id").fetchall():
                owners = np.frombuffer(column, np.int64)
                for place in np.flatnonzero(np.isin(owners, wanted)).tolist():
                    owner = int(owners[place])
                    for _, blob in _entries(db, chunk, place, place + 1):
                        try:
                            bundles = self.open(owner, blob)
                        except NotFound:  # of a person record that was destroyed
                            continue
                        yield from ((owner, bundle) for bundle in bundles)

    def open(self, customer: int, blob: bytes) -> list[dict[str, str]]:
        """Raw values by field name, of each bundle in sealed bytes.  Raises NotFound (destroyed), Unavailable, Damaged."""
        return unpack_bundles(decrypted(customer, blob, self._cipher))

    def _customers(self, db: sqlite3.Connection, file: int, chunk: int) -> Tokens:
        """Customer tokens of a chunk's entries, ascending; a chunk never changes."""
        with self._lock:
            found = self._cached.get((file, chunk))
            if found is None:
                (raw,) = db.execute("SELECT customers FROM chunks WHERE id = ?", (chunk,)).fetchone()
                found = self._cached[file, chunk] = np.frombuffer(raw, np.int64)
                while len(self._cached) > 1 and sum(map(len, self._cached.values())) * _WORD > _CACHED_BYTES_MAX:
                    self._cached.popitem(last=False)
            self._cached.move_to_end((file, chunk))
            return found

    def _cipher(self, number: int) -> AESGCM:
        with self._opened("keys.sqlite") as db:
            return self._cipher_of(db, number)

    def _cipher_of(self, db: sqlite3.Connection, number: int) -> AESGCM:
        row = db.execute(
            "SELECT substr(wrapped, (? - first) * ? + 1, ?) FROM blocks WHERE first <= ? ORDER BY first DESC LIMIT 1",
            (number, WRAPPED_BYTES, WRAPPED_BYTES, number),
        ).fetchone()
        if row is None or not any(row[0]):
            raise NotFound("the data key it was sealed under was destroyed")
        try:
            return AESGCM(unwrapped(self._wrapper, number, row[0]))
        except InvalidTag:
            raise Damaged("a wrapped data key does not open: it was altered, or is of another master key") from None

    @contextmanager
    def _opened(self, name: str) -> Iterator[sqlite3.Connection]:
        path = self._folder / name
        if not path.exists():
            raise Unavailable(f"there is no vault in {self._folder} yet")
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_WAIT_S)) as db:
                yield db
        except sqlite3.Error as error:
            raise Unavailable(f"the vault in {self._folder} cannot be read: {error}") from None


def _entries(db: sqlite3.Connection, chunk: int, low: int, high: int) -> list[tuple[int, bytes]]:
    """(journal position, sealed bytes) of entries low to high (not included) of a chunk."""
    row = db.execute(
        "SELECT substr(seqs, ? + 1, ?), substr(ends, ? + 1, ?) FROM chunks WHERE id = ?",
        (low * _WORD, (high - low) * _WORD, low * _WORD, (high - low + 1) * _WORD, chunk),
    ).fetchone()
    seqs, ends = (np.frombuffer(part, np.int64).tolist() for part in row)
    (sealed,) = db.execute(
        "SELECT substr(sealed, ? + 1, ?) FROM chunks WHERE id = ?", (ends[0], ends[-1] - ends[0], chunk)
    ).fetchone()
    return [
        (seq, sealed[begin - ends[0] : end - ends[0]])
        for seq, begin, end in zip(seqs, ends[:-1], ends[1:], strict=True)
    ]
