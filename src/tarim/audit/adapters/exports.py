"""Exports that a second person approves, and dropping what is over: only what lies in an approved export, below an anchor.

An export is a range of entries as lines (`line_of`), each with its digest, so that whoever has it checks it alone.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Row, insert, select, update

from tarim.audit.adapters.keeper import Keeper
from tarim.audit.adapters.tables import EXPORTS
from tarim.audit.domain.anchors import Bridge, signed_bridge
from tarim.audit.domain.entry import KEEP_DAYS_LEAST
from tarim.audit.domain.examine import examine
from tarim.audit.domain.lines import line_of
from tarim.base.canonical import canonical_json
from tarim.base.errors import Conflict, Damaged, DefinitionError, NotAllowed, NotFound, Unavailable
from tarim.base.four_eyes import NOTE_CHARACTERS_MAX, Proposal, ProposalState, require_person
from tarim.base.instants import DAY_MS, Clock

EXPORT_ENTRIES_MAX: Final = 5_000_000
EXPORTS_OPEN_MAX: Final = 100
EXPORTS_LISTED_MAX: Final = 200
LINES_MAX: Final = 1_000
"""Lines of one page of an export."""


@dataclass(frozen=True, slots=True)
class Export:
    """Entries `first_seq` to `last_seq`; lines_sha256: digest of all lines with their ends, "" until it is approved."""

    proposal: Proposal
    first_seq: int
    last_seq: int
    lines_sha256: str


class Exports:
    """Asked for by one person, approved by another, read after that."""

    def __init__(self, keeper: Keeper, clock: Clock) -> None:
        self._keeper = keeper
        self._store = keeper.store
        self._clock = clock

    def propose(self, first_seq: int, last_seq: int, person: str, reason: str) -> Export:
        """An export that waits for another person.  Raises NotFound, DefinitionError, Unavailable (too many wait)."""
        require_person(person)
        if not reason.strip() or len(reason) > NOTE_CHARACTERS_MAX:
            raise DefinitionError(f"an export needs a reason of at most {NOTE_CHARACTERS_MAX} characters")
        if not 0 <= last_seq - first_seq < EXPORT_ENTRIES_MAX:
            raise DefinitionError(f"an export has 1 to {EXPORT_ENTRIES_MAX} entries, the first one first")
        if len([each for each in self.listed() if each.proposal.state is ProposalState.PROPOSED]) >= EXPORTS_OPEN_MAX:
            raise Unavailable(f"{EXPORTS_OPEN_MAX} exports wait for a decision already")
        content = self._content(first_seq, last_seq)
        proposal = Proposal(secrets.token_hex(8), "audit-export", content, person, self._clock.now_ms(), reason)
        with self._store.database.writing() as connection:
            values = {"first_seq": first_seq, "last_seq": last_seq, "proposed_ms": proposal.proposed_ms}
            connection.execute(insert(EXPORTS), [_of(proposal) | values | {"lines_sha256": ""}])
        return Export(proposal, first_seq, last_seq, "")

    def approve(self, export_id: str, person: str, digest: str, note: str = "") -> Export:
        """The export, which may now be read.  Raises NotAllowed (its own author), Conflict, NotFound, Damaged."""
        export = self.get(export_id)
        approved = export.proposal.approve(person, digest, self._clock.now_ms(), note)
        if self._content(export.first_seq, export.last_seq) != digest:
            raise Damaged("the entries are not those that were to be exported; look with: tarim audit verify")
        sha256 = hashlib.sha256()
        for line in self._lines(export.first_seq, export.last_seq):
            sha256.update(line + b"\n")
        return self._decided(export, approved, sha256.hexdigest())

    def reject(self, export_id: str, person: str, note: str) -> Export:
        """The export refused.  Raises NotAllowed (its own author), Conflict, DefinitionError (no note), NotFound."""
        export = self.get(export_id)
        return self._decided(export, export.proposal.reject(person, self._clock.now_ms(), note), "")

    def get(self, export_id: str) -> Export:
        """One export.  Raises NotFound."""
        with self._store.database.reading() as connection:
            row = connection.execute(select(EXPORTS).where(EXPORTS.c.id == export_id)).first()
        if row is None:
            raise NotFound("there is no such export of the audit trail")
        return _export(row)

    def listed(self) -> list[Export]:
        """The newest exports, newest first."""
        chosen = select(EXPORTS).order_by(EXPORTS.c.proposed_ms.desc(), EXPORTS.c.id).limit(EXPORTS_LISTED_MAX)
        with self._store.database.reading() as connection:
            return [_export(row) for row in connection.execute(chosen)]

    def lines(self, export_id: str, from_seq: int = 0) -> list[bytes]:
        """Lines of an approved export from entry `from_seq` on, LINES_MAX at most.  Raises NotFound, NotAllowed (403)."""
        export = self.get(export_id)
        if export.proposal.state is not ProposalState.APPROVED:
            raise NotAllowed("another person has to approve this export first", known=True)
        first = max(from_seq, export.first_seq)
        return list(self._lines(first, min(export.last_seq, first + LINES_MAX - 1)))

    def drop(self, export_id: str, before_ms: int, person: str, keep_days_min: int) -> Bridge:
        """Drop the entries older than `before_ms`, all of which lie in this export, and leave a signed bridge.

        Raises DefinitionError (too young), Conflict (not exported, not approved, not anchored), NotFound (none is that old),
        Damaged (the trail is not as it was written: then nothing is dropped).
        """
        now_ms = self._clock.now_ms()
        keep_days = max(keep_days_min, KEEP_DAYS_LEAST)
        if before_ms > now_ms - keep_days * DAY_MS:
            raise DefinitionError(f"entries are kept for {keep_days} days at least")
        first, last = next(self._store.read(), None), self._store.at(self._store.last_before(before_ms))
        if first is None or last is None:
            raise NotFound("no entry is older than that")
        export = self.get(export_id)
        if (
            export.proposal.state is not ProposalState.APPROVED
            or export.first_seq > first.seq
            or export.last_seq < last.seq
        ):
            raise Conflict(f"the export is not an approved one of entries {first.seq} to {last.seq}")
        bridges, anchors = self._store.bridges(), self._keeper.anchors.read()
        report = examine(self._store.read(), anchors, bridges, self._store.head(), self._keeper.seal)
        if not report.sound:
            raise Damaged(
                "the audit trail is not as it was written, so nothing is dropped; look with: tarim audit verify"
            )
        if report.anchored_seq < last.seq:
            raise Conflict(f"entries are anchored up to {report.anchored_seq} only; anchor first: tarim audit anchor")
        bare = Bridge(
            first.seq,
            last.seq,
            first.before.hex(),
            last.digest.hex(),
            export_id,
            export.lines_sha256,
            person,
            now_ms,
            "",
        )
        bridge = signed_bridge(bare, self._keeper.seal)
        with self._store.database.writing() as connection:
            self._store.drop(connection, bridge)
        return bridge

    def _content(self, first_seq: int, last_seq: int) -> str:
        """The digest that an approval has to name: which entries, up to which digest of their chain."""
        first, last = self._store.at(first_seq), self._store.at(last_seq)
        if first is None or last is None:
            raise NotFound(f"the trail does not hold entries {first_seq} to {last_seq}")
        named = {"first_seq": first_seq, "last_seq": last_seq, "before": first.before.hex(), "head": last.digest.hex()}
        return hashlib.sha256(canonical_json(named)).hexdigest()

    def _lines(self, first_seq: int, last_seq: int) -> Iterator[bytes]:
        return (line_of(each) for each in self._store.read(first_seq, last_seq))

    def _decided(self, export: Export, proposal: Proposal, lines_sha256: str) -> Export:
        chosen = EXPORTS.c.id == proposal.id, EXPORTS.c.state == ProposalState.PROPOSED.value
        with self._store.database.writing() as connection:
            values = _of(proposal) | {"lines_sha256": lines_sha256}
            if connection.execute(update(EXPORTS).where(*chosen).values(values)).rowcount != 1:
                raise Conflict("somebody else has decided on this export meanwhile")
        return Export(proposal, export.first_seq, export.last_seq, lines_sha256)


def _of(proposal: Proposal) -> dict[str, Any]:
    return {"id": proposal.id, "proposal": msgspec.to_builtins(proposal), "state": proposal.state.value}


def _export(row: Row[Any]) -> Export:
    return Export(msgspec.convert(row.proposal, Proposal), row.first_seq, row.last_seq, row.lines_sha256)
