"""Where a customer's sealed bytes are: the vault's index, which can be rebuilt from the journal at any time.

index.sqlite holds chunks of thousands of sealed values, each in the order of customer tokens, then journal positions:

    first_seq, last_seq   least and greatest journal position in the chunk
    customers, seqs       int64[n]     of each entry
    ends                  int64[n + 1] entry i is sealed[ends[i]:ends[i + 1]]
    sealed                the sealed bytes, one after the other

Entries are collected in memory and written when there are enough of them, after a few seconds, or on `flush`; together
with each chunk goes the journal position up to which all is written (`applied_seq`), so what a crash takes is indexed
again from there.  A destroyed customer's entries stay where they are: without the key they are noise.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tarim.base.errors import Unavailable
from tarim.privacy.keyring import database

Tokens = npt.NDArray[np.int64]

CHUNK_ENTRIES: Final = 8_192
"""As many collected entries are written at once."""

CHUNK_ENTRIES_MAX: Final = 1 << 16
FLUSH_S: Final = 2.0
"""So long entries wait for others at most."""

_WORD: Final = 8
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS chunks (
    id INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    customers BLOB NOT NULL, seqs BLOB NOT NULL, ends BLOB NOT NULL, sealed BLOB NOT NULL
) STRICT;
"""


class _Given(NamedTuple):
    """Entries on their way to the file: seqs, customers of shape (n,), n blobs."""

    seqs: Tokens
    customers: Tokens
    blobs: Sequence[bytes]


class SealedIndex:
    """The background writer of index.sqlite, and its readers.  Any thread may call it.

    before_commit: called before every write; what it raises is a trouble of the index.  cached_bytes_max: of the chunks'
    customers kept in memory for reading, 8 bytes an entry.
    """

    def __init__(self, path: Path, batches_max: int, cached_bytes_max: int, before_commit: Callable[[], None]) -> None:
        self._db = database(path, _SCHEMA, "NORMAL")
        self._db_lock = threading.Lock()
        row = self._db.execute("SELECT value FROM meta WHERE name = 'applied_seq'").fetchone()
        self._applied_seq = 0 if row is None else int(row[0])
        self._given_seq = self._applied_seq
        self._cached: OrderedDict[int, Tokens] = OrderedDict()
        self._cached_bytes = 0
        self._cached_bytes_max = cached_bytes_max
        self._queue: queue.Queue[_Given | threading.Event | None] = queue.Queue(batches_max)
        self._before_commit = before_commit
        self._trouble = ""
        self._thread = threading.Thread(target=self._work, name="vault-index", daemon=True)
        self._thread.start()

    @property
    def applied_seq(self) -> int:
        """The journal position up to which everything is written."""
        return self._applied_seq

    def put(self, seqs: Tokens, customers: Tokens, blobs: Sequence[bytes], applied_seq: int) -> None:
        """Take in entries; with them all of the journal below `applied_seq` was given.  Raises Unavailable.

        Calls come in the journal's order.  Without entries this only notes the position.
        """
        if self._trouble:
            raise Unavailable(f"the vault's index cannot be written: {self._trouble}")
        if len(blobs):
            self._queue.put(_Given(seqs, customers, blobs))
        self._given_seq = max(self._given_seq, applied_seq)

    def flush(self) -> None:
        """Wait until everything given so far is written.  Raises Unavailable when it could not be."""
        done = threading.Event()
        self._queue.put(done)
        done.wait()
        if self._trouble:
            raise Unavailable(f"the vault's index cannot be written: {self._trouble}")

    def close(self) -> None:
        """Write what is still to be written."""
        self._queue.put(None)
        self._thread.join()
        self._db.close()

    # ---------------------------------------------------------------------------------------------------------- writing

    def _work(self) -> None:
        waiting: list[_Given] = []
        entries, write_at = 0, 0.0
        closing = False
        while not closing:
            asked: list[threading.Event] = []
            try:
                item = self._queue.get(timeout=max(0.0, write_at - time.monotonic()) if waiting else FLUSH_S)
                if isinstance(item, _Given):
                    write_at = write_at if waiting else time.monotonic() + FLUSH_S
                    waiting.append(item)
                    entries += len(item.blobs)
                    if entries < CHUNK_ENTRIES:
                        continue
                closing = item is None
                asked += [item] if isinstance(item, threading.Event) else []
            except queue.Empty:
                pass
            given_seq = self._given_seq  # what is below it is in the queue by now, or was
            for item in self._at_once():
                if isinstance(item, _Given):
                    waiting.append(item)
                elif item is None:
                    closing = True
                else:
                    asked.append(item)
            self._try(waiting, given_seq)
            waiting, entries = [], 0
            for done in asked:
                done.set()

    def _at_once(self) -> Iterator[_Given | threading.Event | None]:
        """What is in the queue now."""
        for _ in range(self._queue.qsize()):
            try:
                yield self._queue.get_nowait()
            except queue.Empty:
                return

    def _try(self, given: Sequence[_Given], given_seq: int) -> None:
        if self._trouble or (not given and given_seq <= self._applied_seq):
            return  # after a trouble nothing is written, so that applied_seq stays true
        try:
            self._write(given, given_seq)
        except (sqlite3.Error, Unavailable) as error:
            self._trouble = str(error)

    def _write(self, given: Sequence[_Given], given_seq: int) -> None:
        self._before_commit()
        rows = self._rows(given) if given else []
        with self._db_lock, self._db as db:
            db.executemany(
                "INSERT INTO chunks (first_seq, last_seq, customers, seqs, ends, sealed) VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
            db.execute("INSERT OR REPLACE INTO meta VALUES ('applied_seq', ?)", (given_seq,))
        self._applied_seq = max(self._applied_seq, given_seq)

    def _rows(self, given: Sequence[_Given]) -> list[tuple[int, int, bytes, bytes, bytes, bytes]]:
        seqs = np.concatenate([each.seqs for each in given])
        customers = np.concatenate([each.customers for each in given])
        blobs = [blob for each in given for blob in each.blobs]
        rows = []
        for start in range(0, len(blobs), CHUNK_ENTRIES_MAX):
            part = slice(start, start + CHUNK_ENTRIES_MAX)
            rows.append(_chunk(seqs[part], customers[part], blobs[part]))
        return rows

    # ---------------------------------------------------------------------------------------------------------- reading

    def of_customer(self, customer: int) -> list[tuple[int, bytes]]:
        """(journal position, sealed bytes) of a customer, in the journal's order."""
        self.flush()
        found: list[tuple[int, bytes]] = []
        with self._db_lock:
            for (chunk,) in self._db.execute("SELECT id FROM chunks ORDER BY id").fetchall():
                customers = self._customers(chunk)
                low, high = (int(np.searchsorted(customers, customer, side=side)) for side in ("left", "right"))
                if low < high:
                    found += self._entries(chunk, low, high)
        return sorted(found, key=lambda entry: entry[0])

    def of_event(self, seq: int) -> list[tuple[int, bytes]]:
        """(customer, sealed bytes) that came with the event at one position."""
        self.flush()
        found: list[tuple[int, bytes]] = []
        query = "SELECT id, seqs FROM chunks WHERE ? BETWEEN first_seq AND last_seq ORDER BY id"
        with self._db_lock:
            for chunk, seqs in self._db.execute(query, (seq,)).fetchall():
                for place in np.flatnonzero(np.frombuffer(seqs, np.int64) == seq).tolist():
                    customer = int(self._customers(chunk)[place])
                    found += [(customer, blob) for _, blob in self._entries(chunk, place, place + 1)]
        return found

    def _customers(self, chunk: int) -> Tokens:
        customers = self._cached.get(chunk)
        if customers is None:
            (raw,) = self._db.execute("SELECT customers FROM chunks WHERE id = ?", (chunk,)).fetchone()
            customers = np.frombuffer(raw, np.int64)
            self._cached[chunk] = customers
            self._cached_bytes += customers.nbytes
            while self._cached_bytes > self._cached_bytes_max and len(self._cached) > 1:
                self._cached_bytes -= self._cached.popitem(last=False)[1].nbytes
        else:
            self._cached.move_to_end(chunk)
        return customers

    def _entries(self, chunk: int, low: int, high: int) -> list[tuple[int, bytes]]:
        """Entries low to high (not included) of a chunk."""
        seqs = np.frombuffer(self._slice(chunk, "seqs", low * _WORD, high * _WORD), np.int64).tolist()
        ends = np.frombuffer(self._slice(chunk, "ends", low * _WORD, (high + 1) * _WORD), np.int64).tolist()
        sealed = self._slice(chunk, "sealed", ends[0], ends[-1])
        return [
            (seq, sealed[begin - ends[0] : end - ends[0]])
            for seq, begin, end in zip(seqs, ends[:-1], ends[1:], strict=True)
        ]

    def _slice(self, chunk: int, column: str, begin: int, end: int) -> bytes:
        with self._db.blobopen("chunks", column, chunk, readonly=True) as blob:
            blob.seek(begin)
            return blob.read(end - begin)


def _chunk(seqs: Tokens, customers: Tokens, blobs: Sequence[bytes]) -> tuple[int, int, bytes, bytes, bytes, bytes]:
    """A row of entries, in order."""
    order = np.lexsort((seqs, customers))
    ordered = [blobs[place] for place in order.tolist()]
    ends = np.zeros(len(ordered) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, ordered), np.int64, len(ordered)), out=ends[1:])
    return (
        int(seqs.min()),
        int(seqs.max()),
        customers[order].tobytes(),
        seqs[order].tobytes(),
        ends.tobytes(),
        b"".join(ordered),
    )
