"""Who was on a list at any past instant, why and from whom: a reading copy of the journal's LIST records.

history.sqlite can be deleted: it is made again from the journal, as long as that is whole.  It holds the records themselves,
so that the table of members can be made again when old segments of the journal are gone, and every version of every entry
under the number of the change it came with; the state at an instant is what the last change before it left.

    applied_seq   all of the journal below it is in, but parts of a change that is not closed
    hits_seq      events below it are counted
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from tarim.base.errors import Damaged, NotFound, Unavailable
from tarim.base.instants import SECOND_MS
from tarim.screening.lists.codec import Closing, Part, decode_record, encode_closing
from tarim.screening.lists.database import Reader, open_database, reading
from tarim.screening.lists.domain import ListDefinition, period_bounds

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS records (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS lists (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, definition BLOB NOT NULL, change INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS changes (
    change INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, list INTEGER NOT NULL, seq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, author TEXT NOT NULL, approver TEXT NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL,
    proposed_ms INTEGER NOT NULL, entries INTEGER NOT NULL, digest TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS changes_by_time ON changes (at_ms);
CREATE TABLE IF NOT EXISTS texts (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, reason TEXT NOT NULL, UNIQUE (source, reason)
) STRICT;
CREATE TABLE IF NOT EXISTS versions (
    list INTEGER, customer INTEGER, token INTEGER, change INTEGER, from_s INTEGER NOT NULL, to_s INTEGER NOT NULL,
    text INTEGER NOT NULL, masked TEXT NOT NULL, PRIMARY KEY (list, customer, token, change)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hits (
    list INTEGER, customer INTEGER, token INTEGER, hits INTEGER NOT NULL, first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL, PRIMARY KEY (list, customer, token)
) STRICT, WITHOUT ROWID;
"""

_TABLES: Final = ("meta", "records", "lists", "changes", "texts", "versions", "hits")
_STANDING: Final = """
    v.change = (SELECT max(w.change) FROM versions w WHERE w.list = v.list AND w.customer = v.customer
                AND w.token = v.token AND w.change <= :change) AND v.to_s > 0
"""
_ENTRY: Final = """
    SELECT v.customer, v.token, v.from_s, v.to_s, t.source, t.reason, v.masked, c.author, c.approver, c.at_ms, c.reason
    FROM versions v JOIN texts t ON t.id = v.text JOIN changes c ON c.change = v.change
"""

Row = tuple[int, int, int, int, int, str, str, str]
"""What somebody wants of an entry: row, customer, token, from_s, to_s (0 to take it off), source, reason, masked."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it stood.  from_s, to_s: validity in seconds.  added_ms: when the change that says so became effective."""

    customer: int
    token: int
    from_s: int
    to_s: int
    source: str
    reason: str
    masked: str
    author: str
    approver: str
    added_ms: int
    change_reason: str

    @property
    def removed(self) -> bool:
        """Whether this version takes the entry off the list."""
        return self.to_s == 0

    def valid_at(self, at_ms: int) -> bool:
        """Whether an event received then would find it."""
        return self.from_s <= at_ms // SECOND_MS < self.to_s


@dataclass(frozen=True, slots=True)
class Change:
    """A change that became effective."""

    number: int
    id: str
    list_name: str
    seq: int
    at_ms: int
    author: str
    approver: str
    reason: str
    entries: int


class Difference(StrEnum):
    """What becomes of an entry."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    UNCHANGED = "unchanged"
    TWICE = "twice"
    """Given twice."""
    ABSENT = "absent"
    """To be taken off, and not on the list."""


class Compared(NamedTuple):
    """One entry and what becomes of it.  row: where it came from, 0 for what the rows do not name."""

    what: Difference
    row: int
    customer: int
    token: int
    from_s: int
    to_s: int
    source: str
    reason: str
    masked: str


class Hits(NamedTuple):
    """How often an entry was met by events, and when first and last received."""

    customer: int
    token: int
    masked: str
    hits: int
    first_ms: int
    last_ms: int


class Counted(NamedTuple):
    """A list in figures.  entries: that stand, expired ones too.  hits: events counted that met one; last_ms: the last of them,
    0 for none.  changed_ms: when the last change became effective.
    """

    entries: int
    hits: int
    last_ms: int
    changed_ms: int


class History:
    """The file and its one writer; questions may be asked by any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = open_database(path, _SCHEMA, "NORMAL")
        self._lock = threading.Lock()
        self._reader = Reader(path)
        self._staged: list[tuple[int, str, bytes | memoryview]] = []
        self._sizes: dict[str, tuple[int, int]] = {}

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()
        self._db.close()

    # ---- writing ---------------------------------------------------------------------------------------------------

    @property
    def applied_seq(self) -> int:
        """The journal position up to which everything is in."""
        return self._meta("applied_seq")

    @property
    def hits_seq(self) -> int:
        """The journal position up to which events are counted."""
        return self._meta("hits_seq")

    def _meta(self, name: str) -> int:
        row = self._reader.one("SELECT value FROM meta WHERE name = ?", (name,))
        return 0 if row is None else int(row[0])

    def clear(self) -> None:
        """Forget everything, so that it is made again from the journal's start."""
        with self._lock, self._db as db:
            for table in _TABLES:
                db.execute(f"DELETE FROM {table}")  # noqa: S608  our own names
        self._staged = []
        self._sizes = {}

    def put(self, seq: int, payload: bytes | memoryview) -> None:
        """Take in the LIST record at a position; what it changes is written with its closing record.

        Records come in the journal's order.  Raises Damaged, Unavailable.
        """
        record = decode_record(payload)
        if isinstance(record, Part):
            if record.index == 0:
                self._staged = []
            self._staged.append((seq, record.change, payload))
            return
        self._staged = [staged for staged in self._staged if staged[1] == record.change]
        if len(self._staged) != record.parts:
            raise Damaged(f"change {record.change} of list {record.list_name} has lost some of its parts")
        try:
            with self._lock, self._db as db:
                self._write(db, seq, record)
        except sqlite3.Error as error:
            raise Unavailable(f"the history of lists cannot be written: {error}") from None
        self._staged = []

    def note_applied(self, seq: int) -> None:
        """All of the journal below `seq` was given; parts of a change that is not closed will be given again."""
        upto = min([seq, *(at for at, _, _ in self._staged[:1])])
        with self._lock, self._db as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('applied_seq', ?)", (upto,))

    def _write(self, db: sqlite3.Connection, seq: int, closing: Closing) -> None:
        if closing.definition is not None:
            db.execute(
                "INSERT INTO lists (name, definition, change) VALUES (?, ?, (SELECT count(*) + 1 FROM changes))",
                (closing.list_name, msgspec.json.encode(closing.definition)),
            )
        of_list = self._list_id(db, closing.list_name)
        (change,) = db.execute("SELECT count(*) + 1 FROM changes").fetchone()
        db.execute(
            "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                change,
                closing.change,
                of_list,
                seq,
                closing.at_ms,
                closing.author,
                closing.approver,
                closing.reason,
                closing.note,
                closing.proposed_ms,
                closing.entries,
                closing.digest,
            ),
        )
        for _, _, payload in self._staged:
            db.executemany(
                "INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                _version_rows(db, of_list, change, payload),
            )
        given = [*((at, payload) for at, _, payload in self._staged), (seq, encode_closing(closing))]
        db.executemany("INSERT OR REPLACE INTO records VALUES (?, ?)", given)
        db.execute("INSERT OR REPLACE INTO meta VALUES ('applied_seq', ?)", (seq + 1,))

    # ---- lists and changes -----------------------------------------------------------------------------------------

    def record_seqs(self) -> list[int]:
        """Positions of the records of all changes that were closed, in order."""
        return [seq for (seq,) in self._reader.all("SELECT seq FROM records ORDER BY seq")]

    def records(self, to_seq: int = 1 << 62) -> Iterator[bytes]:
        """The records of all changes that were closed, those that lie before `to_seq`, in order."""
        with reading(self._path) as db:
            for (payload,) in db.execute("SELECT payload FROM records WHERE seq < ? ORDER BY seq", (to_seq,)):
                yield payload

    def lists(self) -> Mapping[str, ListDefinition]:
        """The lists there are, by name, in alphabetical order."""
        rows = self._reader.all("SELECT name, definition FROM lists ORDER BY name")
        return {name: msgspec.json.decode(definition, type=ListDefinition) for name, definition in rows}

    def definition(self, name: str) -> ListDefinition:
        """A list.  Raises NotFound."""
        found = self.lists().get(name)
        if found is None:
            raise NotFound(f"there is no list {name}")
        return found

    def changes(self, name: str, limit: int) -> list[Change]:
        """The last changes of a list, newest first."""
        rows = self._reader.all(
            "SELECT c.change, c.id, l.name, c.seq, c.at_ms, c.author, c.approver, c.reason, c.entries FROM changes c "
            "JOIN lists l ON l.id = c.list WHERE l.name = ? ORDER BY c.change DESC LIMIT ?",
            (name, limit),
        )
        return [Change(*row) for row in rows]

    def approval_of(self, change_id: str) -> tuple[str, int, str] | None:
        """Approver, instant and note of a change, None when it never became effective."""
        row = self._reader.one("SELECT approver, at_ms, note FROM changes WHERE id = ?", (change_id,))
        return None if row is None else (row[0], row[1], row[2])

    def last_at_ms(self) -> int:
        """When the last change became effective, 0 without one."""
        return int(self._reader.one("SELECT coalesce(max(at_ms), 0) FROM changes")[0])

    def change_at(self, at_ms: int) -> int:
        """Number of the last change effective at an instant, 0 before the first."""
        row = self._reader.one("SELECT coalesce(max(change), 0) FROM changes WHERE at_ms <= ?", (at_ms,))
        return int(row[0])

    def change_before(self, seq: int) -> int:
        """Number of the last change that stood in the journal before a position, 0 before the first."""
        row = self._reader.one("SELECT coalesce(max(change), 0) FROM changes WHERE seq < ?", (seq,))
        return int(row[0])

    # ---- entries ---------------------------------------------------------------------------------------------------

    def entry_at(self, name: str, customer: int, token: int, change: int) -> Entry | None:
        """The entry as change number `change` left it, valid or not; None when it was not on the list."""
        row = self._reader.one(
            _ENTRY + "JOIN lists l ON l.id = v.list WHERE l.name = :name AND v.customer = :customer "
            "AND v.token = :token AND " + _STANDING,
            {"name": name, "customer": customer, "token": token, "change": change},
        )
        return None if row is None else Entry(*row)

    def versions_of(self, name: str, customer: int, token: int) -> list[Entry]:
        """All versions of an entry, oldest first."""
        rows = self._reader.all(
            _ENTRY + "JOIN lists l ON l.id = v.list WHERE l.name = ? AND v.customer = ? AND v.token = ? "
            "ORDER BY v.change",
            (name, customer, token),
        )
        return [Entry(*row) for row in rows]

    def entries_at(
        self, name: str, change: int, after: tuple[int, int] | None = None, limit: int | None = None
    ) -> Iterator[Entry]:
        """Entries as change number `change` left them, in the order of (customer, token), from behind `after` on."""
        low = after or (-(1 << 63), -(1 << 63))
        with reading(self._path) as db:
            rows = db.execute(
                _ENTRY
                + "WHERE v.list = :list AND (v.customer, v.token) > (:customer, :token) AND "
                + _STANDING
                + "ORDER BY v.customer, v.token LIMIT :limit",
                {
                    "list": self._list_id(db, name),
                    "customer": low[0],
                    "token": low[1],
                    "change": change,
                    "limit": -1 if limit is None else limit,
                },
            )
            for row in rows:
                yield Entry(*row)

    def compare(self, name: str, rows: Iterable[Row], *, replace: bool, removal: tuple[str, str]) -> Iterator[Compared]:
        """What rows would do to a list as it is now, in the order of (customer, token).

        replace: entries the rows do not name are taken off as well, with source and reason `removal`.
        """
        with reading(self._path) as db:
            of_list = self._list_id(db, name)
            db.execute(
                "CREATE TEMP TABLE incoming (row INTEGER PRIMARY KEY, customer INTEGER, token INTEGER, from_s INTEGER, "
                "to_s INTEGER, source TEXT, reason TEXT, masked TEXT)"
            )
            db.executemany("INSERT INTO incoming VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            db.execute("CREATE INDEX temp.incoming_key ON incoming (customer, token)")
            yield from _joined(db, of_list)
            if replace:
                gone = db.execute(
                    "SELECT v.customer, v.token, v.masked FROM versions v WHERE v.list = :list AND "  # noqa: S608
                    + _STANDING
                    + "AND NOT EXISTS (SELECT 1 FROM incoming i WHERE i.customer = v.customer AND i.token = v.token) "
                    "ORDER BY v.customer, v.token",
                    {"list": of_list, "change": 1 << 62},
                )
                for customer, token, masked in gone:
                    yield Compared(Difference.REMOVED, 0, customer, token, 0, 0, *removal, masked)

    @staticmethod
    def _list_id(db: sqlite3.Connection, name: str) -> int:
        row = db.execute("SELECT id FROM lists WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise NotFound(f"there is no list {name}")
        return int(row[0])

    # ---- hits ------------------------------------------------------------------------------------------------------

    def add_hits(self, found: Iterable[tuple[str, int, int, int, int, int]], hits_seq: int) -> None:
        """Count hits (list, customer, token, hits, first_ms, last_ms); events below `hits_seq` are counted with them."""
        with self._lock, self._db as db:
            ids = dict(db.execute("SELECT name, id FROM lists").fetchall())
            db.executemany(
                "INSERT INTO hits VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET hits = hits + excluded.hits, "
                "first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms)",
                [(ids[name], *rest) for name, *rest in found],
            )
            db.execute("INSERT OR REPLACE INTO meta VALUES ('hits_seq', ?)", (hits_seq,))

    def hits(self, name: str, limit: int) -> list[Hits]:
        """Entries of a list that were met, most often first; those since removed as well."""
        with reading(self._path) as db:
            rows = db.execute(
                "SELECT h.customer, h.token, (SELECT v.masked FROM versions v WHERE v.list = h.list AND "
                "v.customer = h.customer AND v.token = h.token ORDER BY v.change DESC LIMIT 1), "
                "h.hits, h.first_ms, h.last_ms FROM hits h WHERE h.list = ? "
                "ORDER BY h.hits DESC, h.customer, h.token LIMIT ?",
                (self._list_id(db, name), limit),
            ).fetchall()
        return [Hits(*row) for row in rows]

    def counted(self) -> dict[str, Counted]:
        """Each list in figures, by name.  Entries are counted when the list has changed since: 0.4 s a million."""
        with reading(self._path) as db:
            lists = db.execute(
                "SELECT l.id, l.name, max(c.change), max(c.at_ms) FROM lists l JOIN changes c ON c.list = l.id "
                "GROUP BY l.id ORDER BY l.name"
            ).fetchall()
            met: dict[int, tuple[int, int]] = {
                of_list: (hits, last_ms)
                for of_list, hits, last_ms in db.execute("SELECT list, sum(hits), max(last_ms) FROM hits GROUP BY list")
            }
            return {
                name: Counted(self._size(db, of_list, name, change), *met.get(of_list, (0, 0)), changed_ms)
                for of_list, name, change, changed_ms in lists
            }

    def _size(self, db: sqlite3.Connection, of_list: int, name: str, change: int) -> int:
        known = self._sizes.get(name)
        if known is None or known[0] != change:
            # SQLite gives to_s of the row that has the greatest change; the primary key has them in this order
            (entries,) = db.execute(
                "SELECT count(*) FROM (SELECT to_s, max(change) FROM versions WHERE list = ? GROUP BY customer, token) "
                "WHERE to_s > 0",
                (of_list,),
            ).fetchone()
            known = self._sizes[name] = (change, int(entries))
        return known[1]


def _version_rows(
    db: sqlite3.Connection, of_list: int, change: int, payload: bytes | memoryview
) -> Iterator[tuple[Any, ...]]:
    part = decode_record(payload)
    assert isinstance(part, Part)
    db.executemany("INSERT OR IGNORE INTO texts (source, reason) VALUES (?, ?)", part.texts)
    places = {
        pair: db.execute("SELECT id FROM texts WHERE source = ? AND reason = ?", pair).fetchone()[0]
        for pair in dict.fromkeys(map(tuple, part.texts))
    }
    entries = part.entries()
    for customer, token, period, source, reason, masked in zip(
        entries.customers.tolist(),
        entries.tokens.tolist(),
        entries.periods.tolist(),
        entries.sources,
        entries.reasons,
        entries.masked,
        strict=True,
    ):
        yield (of_list, customer, token, change, *period_bounds(period), places[source, reason], masked)


def _joined(db: sqlite3.Connection, of_list: int) -> Iterator[Compared]:
    """Every incoming row beside what stands now."""
    rows = db.execute(
        "SELECT i.row, i.customer, i.token, i.from_s, i.to_s, i.source, i.reason, i.masked, "  # noqa: S608
        "v.from_s, v.to_s, t.source, t.reason FROM incoming i "
        "LEFT JOIN versions v ON v.list = :list AND v.customer = i.customer AND v.token = i.token AND "
        + _STANDING
        + "LEFT JOIN texts t ON t.id = v.text ORDER BY i.customer, i.token, i.row",
        {"list": of_list, "change": 1 << 62},
    )
    before: tuple[int, int] | None = None
    for row, customer, token, from_s, to_s, source, reason, masked, *present in rows:
        if (customer, token) == before:
            what = Difference.TWICE
        elif to_s == 0:
            what = Difference.ABSENT if present[1] is None else Difference.REMOVED
        elif present[1] is None:
            what = Difference.ADDED
        else:
            what = Difference.UNCHANGED if [from_s, to_s, source, reason] == present else Difference.CHANGED
        before = (customer, token)
        yield Compared(what, row, customer, token, from_s, to_s, source, reason, masked)
