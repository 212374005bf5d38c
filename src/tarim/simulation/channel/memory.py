"""What the reference channel remembers: its customers' orders, and every message it took, each once, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from tarim.base.errors import Conflict, NotFound

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS orders (event_id TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS messages (
    place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, event_id TEXT NOT NULL,
    digest TEXT NOT NULL, content TEXT NOT NULL, times INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS messages_event ON messages (event_id, place);
"""


class Memory:
    """Durable when a method returns.  Any thread may call it."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let the file go."""
        self._db.close()

    def put_order(self, event_id: str, content: dict[str, Any]) -> None:
        """Remember an order."""
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO orders VALUES (?, ?)", (event_id, json.dumps(content)))

    def order(self, event_id: str) -> dict[str, Any]:
        """An order.  Raises NotFound."""
        with self._lock:
            row = self._db.execute("SELECT content FROM orders WHERE event_id = ?", (event_id,)).fetchone()
        if row is None:
            raise NotFound("no order of that id was given here")
        found: dict[str, Any] = json.loads(row[0])
        return found

    def take(self, message_id: str, kind: str, content: bytes) -> bool:
        """Take a message; False when it was taken before.  Raises Conflict for other content under its id."""
        digest, body = sha256(content).hexdigest(), json.loads(content)
        with self._lock:
            known = self._db.execute("SELECT digest FROM messages WHERE id = ?", (message_id,)).fetchone()
            if known is not None and known[0] != digest:
                raise Conflict("another message came under that id")
            if known is not None:
                self._db.execute("UPDATE messages SET times = times + 1 WHERE id = ?", (message_id,))
                return False
            self._db.execute(
                "INSERT INTO messages (id, kind, event_id, digest, content, times) VALUES (?, ?, ?, ?, ?, 1)",
                (message_id, kind, body.get("event_id", ""), digest, content.decode()),
            )
            return True

    def messages(self, event_id: str = "", kind: str = "") -> list[dict[str, Any]]:
        """Messages in the order they were taken: {kind, times (how often they came), content}; "" = all."""
        with self._lock:
            rows = self._db.execute(
                "SELECT kind, times, content FROM messages "
                "WHERE (? = '' OR event_id = ?) AND (? = '' OR kind = ?) ORDER BY place",
                (event_id, event_id, kind, kind),
            ).fetchall()
        return [{"kind": row[0], "times": row[1], "content": json.loads(row[2])} for row in rows]
