"""Files and their history, read and written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, func, insert, select, tuple_, update

from tarim.base.errors import NotFound
from tarim.redress.adapters.tables import FILE, HISTORY
from tarim.redress.domain.catalogue import KINDS, counted_id, counted_prefix, kind_of
from tarim.redress.domain.complaint import Complaint
from tarim.redress.domain.files import File, Kind
from tarim.redress.domain.hold import HOLD
from tarim.redress.domain.hold import State as HoldState

FILES_MAX: Final = 1_000
"""Files of one page."""


class Step(msgspec.Struct, frozen=True):
    """One line of a file's history.  owner: who was in charge after it."""

    n: int
    event: str
    before: str
    after: str
    owner: str
    person: str
    at_ms: int


class Filter(msgspec.Struct, frozen=True):
    """Which files.  "" and None = any; after: (came_ms, id) of the last one of the page before."""

    kind: str
    state: str = ""
    owner: str = ""
    department: str = ""
    customer: int | None = None
    ended: bool | None = None
    waits: bool | None = None
    after: tuple[int, str] | None = None
    branches: frozenset[str] | None = None
    departments: frozenset[str] | None = None


def read_file(connection: Connection, file_id: str) -> tuple[Kind, File]:
    """A file and its kind.  Raises NotFound."""
    kind = kind_of(file_id)
    row = connection.execute(select(FILE.c.file).where(FILE.c.id == file_id)).one_or_none()
    if row is None:
        raise NotFound("there is no such file")
    return kind, _file(kind, row.file)


def find_file(connection: Connection, file_id: str) -> File | None:
    """A file, None when there is none."""
    try:
        return read_file(connection, file_id)[1]
    except NotFound:
        return None


def write_file(connection: Connection, kind: Kind, before: File | None, after: File, step: Step, act_seq: int) -> None:
    """The file as it stands now, and the step that led there."""
    values = {
        "kind": kind.name,
        "state": after.state,
        "ended": int(after.state in kind.ends),
        "waits": int(after.waits_for_second),
        "customer": after.customer,
        "branch": after.branch,
        "department": after.department,
        "owner": after.owner,
        "came_ms": came_ms(after),
        "steps": step.n,
        "file": msgspec.to_builtins(after),
    }
    if before is None:
        connection.execute(insert(FILE), {"id": after.id, **values})
    else:
        connection.execute(update(FILE).where(FILE.c.id == after.id).values(**values))
    connection.execute(insert(HISTORY), {"file": after.id, "act_seq": act_seq, **msgspec.structs.asdict(step)})


def steps_of(connection: Connection, file_id: str) -> int:
    """How many steps a file has had."""
    return int(connection.execute(select(func.count()).where(HISTORY.c.file == file_id)).scalar_one())


def history(connection: Connection, file_id: str) -> list[Step]:
    """Every step of a file, the first one first."""
    columns = [HISTORY.c[name] for name in Step.__struct_fields__]
    rows = connection.execute(select(*columns).where(HISTORY.c.file == file_id).order_by(HISTORY.c.n))
    return [Step(*row) for row in rows]


def list_files(connection: Connection, wanted: Filter, limit: int) -> list[tuple[Kind, File]]:
    """Files, the one that came first first."""
    kind = KINDS[wanted.kind]
    chosen = select(FILE.c.file).where(FILE.c.kind == wanted.kind)
    for name in ("state", "owner", "department"):
        if value := getattr(wanted, name):
            chosen = chosen.where(FILE.c[name] == value)
    for name in ("ended", "waits"):
        flag = getattr(wanted, name)
        if flag is not None:
            chosen = chosen.where(FILE.c[name] == int(flag))
    if wanted.customer is not None:
        chosen = chosen.where(FILE.c.customer == wanted.customer)
    if wanted.branches is not None:
        chosen = chosen.where(FILE.c.branch.in_(sorted(wanted.branches)))
    if wanted.departments is not None:
        chosen = chosen.where(FILE.c.department.in_(sorted(wanted.departments)))
    if wanted.after is not None:
        chosen = chosen.where(tuple_(FILE.c.came_ms, FILE.c.id) > wanted.after)
    rows: Iterable[Row[Any]] = connection.execute(chosen.order_by(FILE.c.came_ms, FILE.c.id).limit(limit))
    return [(kind, _file(kind, row.file)) for row in rows]


def complaints_between(connection: Connection, from_ms: int, to_ms: int) -> list[Complaint]:
    """Complaints that came in from `from_ms` (included) to `to_ms`."""
    chosen = select(FILE.c.file).where(FILE.c.kind == "complaint", FILE.c.came_ms >= from_ms, FILE.c.came_ms < to_ms)
    return [msgspec.convert(row.file, Complaint) for row in connection.execute(chosen)]


def counted_next(connection: Connection, kind: Kind, at_ms: int) -> str:
    """The id of the next file of a kind in the year of an instant; only the desk's writer may ask."""
    prefix = counted_prefix(kind, at_ms)
    last = connection.execute(select(func.max(FILE.c.id)).where(FILE.c.id.like(f"{prefix}%"))).scalar_one()
    return counted_id(kind, at_ms, int(last[len(prefix) :]) + 1 if last else 1)


def is_held(connection: Connection, customer: int) -> bool:
    """Whether a legal hold of the customer (unsigned token) stands."""
    chosen = select(FILE.c.id).where(
        FILE.c.customer == customer, FILE.c.kind == HOLD.name, FILE.c.state == HoldState.HELD.value
    )
    return connection.execute(chosen.limit(1)).first() is not None


def came_ms(file: File) -> int:
    """When what a file is about came to the bank; when it was opened where it did not come."""
    for name in ("received_ms", "confirmed_ms", "served_ms"):
        if found := getattr(file, name, 0):
            return int(found)
    return file.opened_ms


def _file(kind: Kind, stored: Any) -> File:
    found: File = msgspec.convert(stored, kind.file)
    return found
