"""The trail in a database.  Several processes append to it: the chain's end is one row that is held while entries are added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from tarim.audit.adapters.tables import BRIDGES, ENTRIES, HEAD
from tarim.audit.domain.anchors import Bridge
from tarim.audit.domain.chain import Chained, Head, chained
from tarim.audit.domain.entry import CHARACTERS_MAX, Entry, Result
from tarim.audit.domain.query import Query
from tarim.base.canonical import canonical_json
from tarim.base.errors import Damaged, TarimError, Unavailable
from tarim.records import Database

READ_ENTRIES: Final = 1_000
"""Entries read from the database at a time."""
_LOCK: Final = "audit"
_TEXTS: Final = tuple(CHARACTERS_MAX)
_UNREADABLE: Final = Entry(0, "", "", "unreadable")


class Store:
    """A trail.  Threads and processes may share one; it is the port `Trail`."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # ---- writing ---------------------------------------------------------------------------------------------------

    def record(self, entry: Entry) -> int:
        """The entry's number; it is durable.  Raises Unavailable."""
        return self.record_all([entry])[0]

    def record_all(self, entries: Sequence[Entry]) -> list[int]:
        """Their numbers, in this order; all are durable, or none is written.  Raises Unavailable, Damaged."""
        try:
            with self.database.writing() as connection:
                return [each.seq for each in self.append(connection, entries)]
        except SQLAlchemyError as error:
            raise Unavailable(f"the audit trail cannot be written: {type(error).__name__}") from None

    def append(self, connection: Connection, entries: Sequence[Entry]) -> list[Chained]:
        """Add entries within a writing transaction.  Raises Damaged when the mark of the end is gone."""
        self.database.lock(connection, _LOCK)
        head = _head(connection)
        if head.seq == 0:
            if connection.execute(select(ENTRIES.c.seq).limit(1)).first() is not None:
                raise Damaged("the mark of the audit trail's end is gone; look with: tarim audit verify")
            connection.execute(insert(HEAD), [{"id": 1, "seq": 0, "digest": head.digest}])
        added: list[Chained] = []
        for entry in entries:
            added.append(chained(head, entry))
            head = Head(added[-1].seq, added[-1].digest)
        if added:
            connection.execute(insert(ENTRIES), [_values(each) for each in added])
            connection.execute(update(HEAD).values(seq=head.seq, digest=head.digest))
        return added

    def drop(self, connection: Connection, bridge: Bridge) -> None:
        """Take out what a bridge stands for, and keep the bridge."""
        self.database.lock(connection, _LOCK)
        connection.execute(insert(BRIDGES), [{"first_seq": bridge.first_seq, "bridge": msgspec.to_builtins(bridge)}])
        connection.execute(delete(ENTRIES).where(ENTRIES.c.seq <= bridge.last_seq))

    # ---- reading ---------------------------------------------------------------------------------------------------

    def head(self) -> Head:
        """The store's own mark of the chain's end."""
        with self.database.reading() as connection:
            return _head(connection)

    def ends(self) -> tuple[Head, int]:
        """(the store's mark of its end, the highest number of a row), as they are at one instant."""
        last = select(func.max(ENTRIES.c.seq)).scalar_subquery()
        with self.database.reading() as connection:
            found = connection.execute(select(HEAD.c.seq, HEAD.c.digest, last)).first()
            alone = connection.execute(select(last)).scalar() if found is None else found[2]
        return (Head() if found is None else Head(int(found.seq), bytes(found.digest))), int(alone or 0)

    def at(self, seq: int) -> Chained | None:
        """One entry."""
        return next(self.read(seq, seq), None)

    def read(self, first: int = 1, last: int | None = None) -> Iterator[Chained]:
        """Entries from `first` to `last`, both included, in order; without `last` up to the end as it is now.

        A row that cannot be read is given as an entry that fits no digest.  Raises Unavailable.
        """
        while last is None or first <= last:
            chosen = select(ENTRIES).where(ENTRIES.c.seq >= first).order_by(ENTRIES.c.seq).limit(READ_ENTRIES)
            if last is not None:
                chosen = chosen.where(ENTRIES.c.seq <= last)
            found = self._chunk(chosen)
            yield from found
            if len(found) < READ_ENTRIES:
                return
            first = found[-1].seq + 1

    def _chunk(self, chosen: Select[Any]) -> list[Chained]:
        try:
            with self.database.reading() as connection:
                return [_chained_of(row) for row in connection.execute(chosen)]
        except (SQLAlchemyError, TarimError, ValueError, TypeError):
            # Something in it cannot be read, or the database does not answer: one row after the other will tell.
            with self.database.reading() as connection:
                numbers = connection.execute(chosen.with_only_columns(ENTRIES.c.seq)).scalars().all()
            return [self._one(int(number)) for number in numbers]

    def _one(self, seq: int) -> Chained:
        try:
            with self.database.reading() as connection:
                return _chained_of(connection.execute(select(ENTRIES).where(ENTRIES.c.seq == seq)).one())
        except (SQLAlchemyError, TarimError, ValueError, TypeError):
            return Chained(seq, _UNREADABLE, b"", b"")

    def bridges(self) -> list[Bridge]:
        """What was dropped, the oldest first."""
        with self.database.reading() as connection:
            rows = connection.execute(select(BRIDGES.c.bridge).order_by(BRIDGES.c.first_seq)).all()
        return [msgspec.convert(row.bridge, Bridge) for row in rows]

    def search(self, query: Query) -> list[Chained]:
        """What the query asks for, the newest first."""
        columns = ENTRIES.c
        chosen = select(ENTRIES).order_by(columns.seq.desc()).limit(query.limit)
        for name in ("who", "address", "session"):
            if wanted := getattr(query, name):
                chosen = chosen.where(columns[name] == wanted)
        if query.act.endswith("*"):
            chosen = chosen.where(columns.act.startswith(query.act[:-1], autoescape=True))
        elif query.act:
            chosen = chosen.where(columns.act == query.act)
        if query.result is not None:
            chosen = chosen.where(columns.result == query.result.value)
        if query.objects:
            chosen = chosen.where(columns.object.in_(query.objects))
        if query.since_ms:
            chosen = chosen.where(columns.at_ms >= query.since_ms)
        if query.until_ms:
            chosen = chosen.where(columns.at_ms < query.until_ms)
        if query.below_seq:
            chosen = chosen.where(columns.seq < query.below_seq)
        with self.database.reading() as connection:
            return [_chained_of(row) for row in connection.execute(chosen)]

    def last_before(self, at_ms: int) -> int:
        """The number up to which every entry is older than an instant; 0 for none."""
        with self.database.reading() as connection:
            young = connection.execute(
                select(ENTRIES.c.seq).where(ENTRIES.c.at_ms >= at_ms).order_by(ENTRIES.c.seq).limit(1)
            ).scalar()
            end = _head(connection).seq
        return end if young is None else int(young) - 1


def _head(connection: Connection) -> Head:
    found = connection.execute(select(HEAD.c.seq, HEAD.c.digest)).first()
    return Head() if found is None else Head(int(found.seq), bytes(found.digest))


def _values(each: Chained) -> dict[str, Any]:
    entry = each.entry
    return {name: getattr(entry, name) for name in _TEXTS} | {
        "seq": each.seq,
        "at_ms": entry.at_ms,
        "result": entry.result.value,
        "detail": canonical_json(dict(entry.detail)).decode(),
        "before": each.before,
        "digest": each.digest,
    }


def _chained_of(row: Row[Any]) -> Chained:
    """The entry of a row as it is stored, whatever somebody may have made of it: the examination judges, not the reader."""
    entry = object.__new__(Entry)
    stored = {name: getattr(row, name) for name in _TEXTS} | {"at_ms": row.at_ms, "result": Result(row.result)}
    for name, value in stored.items():
        object.__setattr__(entry, name, value)
    detail = msgspec.json.decode(row.detail, type=dict[str, str | int])
    if canonical_json(detail).decode() != row.detail:
        raise Damaged("an audit entry's detail is not as it was written")
    object.__setattr__(entry, "detail", detail)
    return Chained(int(row.seq), entry, bytes(row.before), bytes(row.digest))
