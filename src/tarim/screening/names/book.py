"""What the NAMES records of the journal say, kept where it is found quickly; made from the journal at any time.

names.sqlite:

    records     every record but those of the register, as it was written, by journal position
    customers   of each registered customer the newest sealed name, and the position it came with
    meta        applied_seq: the journal position up to which all is here

The fold over the records (`NamesState`) is in memory; as at a past instant it is made again from the records until then.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from tarim.base.errors import Unavailable
from tarim.screening.lists.database import Reader, open_database, reading
from tarim.screening.names.records import Record, Register, decode_record
from tarim.screening.names.state import NamesState

BOOK_FILE: Final = "names.sqlite"

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS records (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, payload BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS customers (
    customer INTEGER PRIMARY KEY, digest INTEGER NOT NULL, sealed BLOB NOT NULL, seq INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS customers_by_seq ON customers (seq);
"""


class Sealed(NamedTuple):
    """A registered customer: token, sealed name, journal position it came with."""

    customer: int
    sealed: bytes
    seq: int


class NameBook:
    """The file and the state.  `take` and the state belong to one thread; questions to the file to any, after `flush`."""

    def __init__(self, folder: Path) -> None:
        """Open the file in `folder`, made if there is none.  Raises Unavailable, Damaged."""
        self.path = folder / BOOK_FILE
        self._db = open_database(self.path, _SCHEMA, "NORMAL")
        self._writer = ThreadPoolExecutor(1, "names-book")
        self._trouble = ""
        self._reader = Reader(self.path)
        self.state = NamesState()
        self._register_state()

    def close(self) -> None:
        """Write what is still to be written, and let go of the file."""
        self._writer.shutdown()
        self._reader.close()
        self._db.close()

    def _register_state(self) -> None:
        row = self._reader.one("SELECT max(seq) FROM customers")
        self.state.register_seq = 0 if row[0] is None else row[0] + 1
        for seq, payload in self._reader.all("SELECT seq, payload FROM records ORDER BY seq"):
            self.state.take(seq, decode_record(payload))

    @property
    def applied_seq(self) -> int:
        """The journal position up to which all records are here."""
        row = self._reader.one("SELECT value FROM meta WHERE name = 'applied_seq'")
        return 0 if row is None else int(row[0])

    def take(self, seq: int, payload: bytes | memoryview) -> Record:
        """Take in the record at a position: the state at once, the file soon.  Raises Damaged, Unavailable."""
        if self._trouble:
            raise Unavailable(f"the book of name screening cannot be written: {self._trouble}")
        record = decode_record(payload)
        self.state.take(seq, record)
        self._writer.submit(self._write, seq, record, bytes(payload))
        return record

    def _write(self, seq: int, record: Record, payload: bytes) -> None:
        """In the one writing thread, in the journal's order; after a trouble nothing, so that applied_seq stays true."""
        if self._trouble:
            return
        try:
            with self._db as db:
                if isinstance(record, Register):
                    db.executemany(
                        "INSERT OR REPLACE INTO customers VALUES (?, ?, ?, ?)",
                        [(each.customer, each.digest, each.sealed, seq) for each in record.customers],
                    )
                else:
                    db.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", (seq, record.at_ms, payload))
                db.execute("INSERT OR REPLACE INTO meta VALUES ('applied_seq', ?)", (seq + 1,))
        except sqlite3.Error as error:
            self._trouble = str(error)

    def flush(self) -> None:
        """Wait until all that was taken in is in the file.  Raises Unavailable when it could not be written."""
        self._writer.submit(lambda: None).result()
        if self._trouble:
            raise Unavailable(f"the book of name screening cannot be written: {self._trouble}")

    def note_applied(self, seq: int) -> None:
        """The journal below this position was gone through.  Raises Unavailable."""
        self.flush()
        try:
            with self._db as db:
                db.execute("INSERT OR REPLACE INTO meta VALUES ('applied_seq', ?)", (seq,))
        except sqlite3.Error as error:
            raise Unavailable(f"the book of name screening cannot be written: {error}") from None

    def clear(self) -> None:
        """Forget everything: the journal was set back."""
        self.flush()
        with self._db as db:
            db.execute("DELETE FROM records")
            db.execute("DELETE FROM customers")
            db.execute("DELETE FROM meta")
        self.state = NamesState()

    # ---- asking ----------------------------------------------------------------------------------------------------

    def state_at(self, at_ms: int) -> NamesState:
        """What was in force at an instant: by the records until then.  Takes milliseconds for thousands of records."""
        self.flush()
        state = NamesState()
        for seq, payload in self._reader.all(
            "SELECT seq, payload FROM records WHERE at_ms <= ? ORDER BY seq", (at_ms,)
        ):
            state.take(seq, decode_record(payload))
        return state

    def digests(self, customers: Sequence[int]) -> dict[int, int]:
        """Keyed hashes of what these customers registered last; those who never did are left out."""
        self.flush()
        given = json.dumps(list(customers))
        query = "SELECT customer, digest FROM customers WHERE customer IN (SELECT value FROM json_each(?))"
        return dict(self._reader.all(query, (given,)))

    def sealed_of(self, customer: int) -> bytes | None:
        """The sealed name of a customer, None when there is none."""
        row = self._reader.one("SELECT sealed FROM customers WHERE customer = ?", (customer,))
        return None if row is None else row[0]

    def registered(self, from_seq: int, to_seq: int) -> list[int]:
        """Tokens of customers whose newest name came with a position in [from_seq, to_seq)."""
        self.flush()
        return [
            row[0]
            for row in self._reader.all(
                "SELECT customer FROM customers WHERE seq >= ? AND seq < ? ORDER BY customer", (from_seq, to_seq)
            )
        ]

    @property
    def customer_count(self) -> int:
        """How many customers are registered."""
        return int(self._reader.one("SELECT count(*) FROM customers")[0])


def read_register(folder: Path, to_seq: int) -> Iterator[Sealed]:
    """Registered customers before a journal position, in the order of their tokens; beside whoever writes the file."""
    with reading(folder / BOOK_FILE) as db:
        for row in db.execute("SELECT customer, sealed, seq FROM customers WHERE seq < ? ORDER BY customer", (to_seq,)):
            yield Sealed(*row)


def read_state(folder: Path, to_seq: int) -> NamesState:
    """The state of the records before a journal position; beside whoever writes the file."""
    state = NamesState()
    with reading(folder / BOOK_FILE) as db:
        for seq, payload in db.execute("SELECT seq, payload FROM records WHERE seq < ? ORDER BY seq", (to_seq,)):
            state.take(seq, decode_record(payload))
    return state
