"""Changes of lists that wait for another person.

What was agreed on is in the journal; what is only proposed is kept here, in proposals.sqlite, and goes with the disk it lies
on.  A proposal holds its parts exactly as the journal will, so the digest that was looked at is the digest that is checked.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from tarim.base.errors import NotFound, Unavailable
from tarim.base.four_eyes import Proposal, ProposalState
from tarim.screening.lists.codec import ContentDigest
from tarim.screening.lists.database import Reader, open_database
from tarim.screening.lists.domain import ListDefinition

PROPOSALS_OPEN_MAX: Final = 1_000
PROPOSALS_LISTED_MAX: Final = 1_000

_SCHEMA: Final = """
PRAGMA foreign_keys = ON;
CREATE TABLE IF NOT EXISTS proposals (
    id TEXT PRIMARY KEY, what TEXT NOT NULL, digest TEXT NOT NULL, author TEXT NOT NULL, proposed_ms INTEGER NOT NULL,
    reason TEXT NOT NULL, state TEXT NOT NULL, decider TEXT NOT NULL, decided_ms INTEGER NOT NULL, note TEXT NOT NULL,
    list_name TEXT NOT NULL, definition BLOB, parts INTEGER NOT NULL, entries INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS parts (
    proposal TEXT REFERENCES proposals (id), part INTEGER, payload BLOB NOT NULL, PRIMARY KEY (proposal, part)
) STRICT;
"""
_PROPOSAL: Final = "SELECT id, what, digest, author, proposed_ms, reason, state, decider, decided_ms, note"


@dataclass(frozen=True, slots=True)
class ListProposal:
    """A proposal and what it is about.  definition: of a new list, None for a change of entries."""

    proposal: Proposal
    list_name: str
    definition: ListDefinition | None
    parts: int
    entries: int


class ProposalBook:
    """The file; any thread may call."""

    def __init__(self, path: Path) -> None:
        self._db = open_database(path, _SCHEMA, "FULL")
        self._lock = threading.Lock()
        self._reader = Reader(path)

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()
        self._db.close()

    def add(
        self,
        proposal: Proposal,
        list_name: str,
        definition: ListDefinition | None,
        parts: Iterable[tuple[bytes, int]],
    ) -> ListProposal:
        """Keep a proposal with its parts (payload, entries); its digest is computed here.  Raises Unavailable."""
        content = ContentDigest()
        count = entries = 0
        with self._lock, self._db as db:
            (still_open,) = db.execute("SELECT count(*) FROM proposals WHERE state = 'proposed'").fetchone()
            if still_open >= PROPOSALS_OPEN_MAX:
                raise Unavailable(f"{PROPOSALS_OPEN_MAX} proposals are open; decide on some of them first")
            head = None if definition is None else msgspec.json.encode(definition)
            db.execute(
                "INSERT INTO proposals VALUES (?, ?, '', ?, ?, ?, ?, '', 0, '', ?, ?, 0, 0)",
                (
                    proposal.id,
                    proposal.what,
                    proposal.author,
                    proposal.proposed_ms,
                    proposal.reason,
                    proposal.state.value,
                    list_name,
                    head,
                ),
            )
            for payload, size in parts:
                content.add(payload)
                db.execute("INSERT INTO parts VALUES (?, ?, ?)", (proposal.id, count, payload))
                count += 1
                entries += size
            db.execute(
                "UPDATE proposals SET digest = ?, parts = ?, entries = ? WHERE id = ?",
                (content.hexdigest(definition), count, entries, proposal.id),
            )
        return self.get(proposal.id)

    def get(self, proposal_id: str) -> ListProposal:
        """A proposal.  Raises NotFound."""
        with self._lock:
            row = self._db.execute(
                f"{_PROPOSAL}, list_name, definition, parts, entries FROM proposals WHERE id = ?",
                (proposal_id,),
            ).fetchone()
        if row is None:
            raise NotFound("there is no proposal of that id")
        return _proposal(row)

    def all(self, *, only_open: bool) -> list[ListProposal]:
        """Proposals, newest first, the last thousand."""
        where = "WHERE state = 'proposed'" if only_open else ""
        with self._lock:
            rows = self._db.execute(
                f"{_PROPOSAL}, list_name, definition, parts, entries FROM proposals {where} "
                f"ORDER BY proposed_ms DESC, id LIMIT {PROPOSALS_LISTED_MAX}"
            ).fetchall()
        return [_proposal(row) for row in rows]

    def parts_of(self, found: ListProposal) -> Iterator[bytes]:
        """Its parts in order, while it is open."""
        for index in range(found.parts):
            row = self._reader.one(
                "SELECT payload FROM parts WHERE proposal = ? AND part = ?", (found.proposal.id, index)
            )
            if row is None:
                raise NotFound(f"proposal {found.proposal.id} is decided; its content is no longer kept here")
            yield row[0]

    def decided(self, proposal: Proposal) -> None:
        """Note what became of a proposal; its parts go.  Raises Unavailable."""
        assert proposal.state is not ProposalState.PROPOSED
        try:
            with self._lock, self._db as db:
                db.execute(
                    "UPDATE proposals SET state = ?, decider = ?, decided_ms = ?, note = ? WHERE id = ?",
                    (proposal.state.value, proposal.decider, proposal.decided_ms, proposal.note, proposal.id),
                )
                db.execute("DELETE FROM parts WHERE proposal = ?", (proposal.id,))
        except sqlite3.Error as error:
            raise Unavailable(f"proposals cannot be written: {error}") from None


def _proposal(row: tuple[Any, ...]) -> ListProposal:
    proposal_id, what, digest, author, proposed_ms, reason, state, decider, decided_ms, note = row[:10]
    list_name, definition, parts, entries = row[10:]
    proposal = Proposal(
        proposal_id, what, digest, author, proposed_ms, reason, ProposalState(state), decider, decided_ms, note
    )
    known = None if definition is None else msgspec.json.decode(definition, type=ListDefinition)
    return ListProposal(proposal, list_name, known, parts, entries)
