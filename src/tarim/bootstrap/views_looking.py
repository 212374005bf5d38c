"""One decided event in full, read beside the running service: the journal's record, and what lies sealed of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tarim.base.errors import NotFound, Unavailable
from tarim.bootstrap.journal_looking import JournalLook
from tarim.decisions import Decided
from tarim.privacy import FIELDS, CustomerReader, MasterKey, Role, Tokenizer
from tarim.stream import COLUMN_OF_FIELD, Col, Kind, Rows

_WITH_PAYEE: Final = ("payee_name", "payee_phone")
SPACES: Final[Mapping[str, str]] = {field.name: field.space for field in FIELDS.values() if field.role is Role.TOKEN}
"""Identifiers of the envelope, with the space of their tokens."""


@dataclass(frozen=True, slots=True)
class Looked:
    """One event with its decision.

    notes: business texts.  personal: raw values by field, as far as they can be opened: identifiers whose token is the
    event's, and what was sealed with them.  refers_to: id of the event that this one is about, "" for none.
    """

    decided: Decided
    notes: Mapping[str, str]
    personal: Mapping[str, str]
    refers_to: str


class DecisionLook:
    """Looks events up by position.  Any thread may call it."""

    def __init__(self, journal: Path, vault: Path, master: MasterKey) -> None:
        self._journal = JournalLook(journal)
        self._reader = CustomerReader(vault, master)
        self._tokenizer = Tokenizer(master.derive("tokens"))
        self._token_lock = threading.Lock()

    def close(self) -> None:
        """Let the journal's files go."""
        self._journal.close()

    def names_of(self, seqs: list[int]) -> list[tuple[str, str]]:
        """(source, event id) of the events at these positions.  Raises NotFound, Damaged, Unavailable."""
        found = []
        with self._journal.looking() as (_, records):
            for seq in seqs:
                events, index = records.at(seq)
                found.append((events.side.source(index), events.side.event_ids[index]))
        return found

    def decided(self, seq: int) -> Decided:
        """The event at a position with its decision.  Raises NotFound, Damaged, Unavailable."""
        with self._journal.looking() as (_, records):
            return records.decided(seq)

    def token(self, space: str, identifier: str) -> int:
        """Token, signed, of a full identifier."""
        with self._token_lock:
            return self._tokenizer.token(space, identifier)

    def whole(self, seq: int) -> Looked:
        """The event at a position with everything.  Raises NotFound, Damaged, Unavailable."""
        with self._journal.looking() as (_, records):
            events, index = records.at(seq)
            side = events.side
            notes = side.note(index) or {}
            sealed = side.sealed[index] if side.sealed is not None else None
            decided = records.decided(seq)
            refers_seq = int(decided.row[Col.REFERS_SEQ])
            refers_to = records.decided(refers_seq).event_id if refers_seq >= 0 else ""
        return Looked(decided, notes, self._personal(decided.row, sealed), refers_to)

    def _personal(self, row: Rows, sealed: bytes | None) -> dict[str, str]:
        """Raw values of one event: of its own bundle, and of others of the customer as far as the tokens are the same."""
        if row[Col.KIND] == Kind.LABEL:  # it stands under the customer of the event it is about
            return {}
        customer = int(row[Col.CUSTOMER])
        try:
            own = self._reader.open(customer, sealed) if sealed is not None else []
            others = self._reader.bundles(customer)
        except (NotFound, Unavailable):  # destroyed, or there is no vault beside this journal
            return {}
        found = {
            name: value
            for bundle in own
            for name, value in bundle.items()
            if name in FIELDS and FIELDS[name].role is Role.SEALED
        }
        for bundle in (*own, *(bundle for _, bundle in reversed(others))):
            ours = [name for name in SPACES if name in bundle and self._is_of(row, name, bundle[name])]
            if "payee_account" in ours:
                ours += [name for name in _WITH_PAYEE if name in bundle]
            for name in ours:
                found.setdefault(name, bundle[name])
        return found

    def _is_of(self, row: Rows, name: str, value: str) -> bool:
        return self.token(SPACES[name], value) == int(row[COLUMN_OF_FIELD[name]])
