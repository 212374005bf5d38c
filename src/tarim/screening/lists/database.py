"""SQLite files with a write-ahead log, readable by their owner only."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tarim.base.errors import Unavailable

WAIT_S = 10
CACHE_KIB = 65_536


def open_database(path: Path, schema: str, synchronous: str) -> sqlite3.Connection:
    """The file, made when it is not there; for one thread at a time.  Raises Unavailable."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite alone would follow the umask
        db = sqlite3.connect(path, check_same_thread=False, timeout=WAIT_S)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={synchronous}")
        db.execute("PRAGMA secure_delete=ON")
        db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        db.executescript(schema)
    except (OSError, sqlite3.Error) as error:
        raise Unavailable(f"{path.name} cannot be opened: {error}") from None
    return db


class Reader:
    """A connection for short questions, of any thread; it never waits for a writer, and sees what was committed."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, timeout=WAIT_S)
        self._lock = threading.Lock()

    def all(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """All rows."""
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def one(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """The first row, None when there is none."""
        with self._lock:
            return self._db.execute(query, values).fetchone()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of one's own, for a question that takes longer; it sees one state of the file."""
    with closing(sqlite3.connect(path, timeout=WAIT_S)) as db:
        db.execute("BEGIN")
        yield db
