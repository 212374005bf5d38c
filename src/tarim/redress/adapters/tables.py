"""Tables of redress.  They are made from the desk's journal, and can be dropped and made again.

    redress_file      every file as it stands: what lists are sorted and filtered by, and the file itself as JSON
    redress_history   what happened to it, numbered from 1, with who and when (CM-07)

Free text in a file is sealed (`tarim.desk.Texts`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, SmallInteger, Table

from tarim.records import Migrations, instant, json_text, text_of, token

METADATA: Final = MetaData()


def _column(name: str, kind: Any, *, key: bool = False) -> Column[Any]:
    return Column(name, kind, primary_key=key, nullable=False, autoincrement=False)


FILE: Final = Table(
    "redress_file",
    METADATA,
    _column("id", text_of(40), key=True),
    _column("kind", text_of(16)),
    _column("state", text_of(16)),
    _column("ended", SmallInteger),
    _column("waits", SmallInteger),
    _column("customer", token()),
    _column("branch", text_of(32)),
    _column("department", text_of(32)),
    _column("owner", text_of(64)),
    _column("came_ms", instant()),
    _column("steps", Integer),
    _column("file", json_text()),
    Index("redress_file_work", "kind", "ended", "came_ms", "id"),
    Index("redress_file_owner", "owner", "ended", "came_ms", "id"),
    Index("redress_file_customer", "customer", "kind", "state"),
)

HISTORY: Final = Table(
    "redress_history",
    METADATA,
    _column("file", text_of(40), key=True),
    _column("n", Integer, key=True),
    _column("act_seq", BigInteger),
    _column("event", text_of(32)),
    _column("before", text_of(16)),
    _column("after", text_of(16)),
    _column("owner", text_of(64)),
    _column("person", text_of(64)),
    _column("at_ms", instant()),
)

MIGRATIONS: Final = Migrations("redress", Path(__file__).parent / "migrations", METADATA)
