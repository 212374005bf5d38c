"""Use cases around lists: propose, preview, decide by another person, look up as at any instant, export, count hits.

    propose ──► proposals.sqlite ──► another person approves exactly this content
                                          │  parts, then the closing record, into the journal between two events
                                          ▼
                      Membership (decisions ask it)     history.sqlite (people ask it)

A proposal says what becomes of the entries it names, whatever else happens to the list before it is approved.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from tarim.base.errors import Conflict, FieldError, InputError, Unavailable
from tarim.base.four_eyes import Proposal, require_person
from tarim.base.instants import Clock
from tarim.privacy import FIELDS, Tokenizer
from tarim.screening.lists.codec import PART_ENTRIES, Closing, decode_record, encode_closing, encode_part
from tarim.screening.lists.domain import (
    FOREVER_S,
    LISTS_MAX,
    REASON_CHARACTERS_MAX,
    REMOVED,
    Entries,
    ListDefinition,
    canonical,
    checked_text,
    period_of,
)
from tarim.screening.lists.history import Compared, Difference, Entry, History, Row
from tarim.screening.lists.membership import Membership
from tarim.screening.lists.proposals import ListProposal, ProposalBook
from tarim.screening.lists.reading import RawRow, RefusedRow, Wanted, check_row

REFUSED_SHOWN_MAX: Final = 100
EXAMPLES_SHOWN_MAX: Final = 20
HISTORY_FILE: Final = "history.sqlite"
PROPOSALS_FILE: Final = "proposals.sqlite"
REPLACED_SOURCE: Final = "import"
SETTLED_HERE_MAX: Final = 5_000
"""Entries of a change that the thread that asks writes into the history itself, in a tenth of a second."""
_ID_BYTES: Final = 8
Aside = Callable[[int, int], None]
"""Has another process write into the history what the journal holds from the first position up to the second."""
_RULES: Final = {
    Difference.TWICE: "must not be given twice",
    Difference.ABSENT: "cannot be removed: it is not on the list",
}


@dataclass(slots=True)
class Preview:
    """What a change would do: how many entries of each difference, examples of them, and what was refused."""

    counts: Counter[Difference] = field(default_factory=Counter)
    examples: dict[Difference, list[Compared]] = field(default_factory=dict)
    refused_count: int = 0
    refused: list[RefusedRow] = field(default_factory=list)

    def refuse(self, row: int, column: str, rule: str) -> None:
        """Note a refused row; the first hundred are kept."""
        self.refused_count += 1
        if len(self.refused) < REFUSED_SHOWN_MAX:
            self.refused.append(RefusedRow(row, column, rule))

    def see(self, compared: Compared) -> None:
        """Count what becomes of one entry."""
        if compared.what in _RULES:
            self.refuse(compared.row, "value", _RULES[compared.what])
            return
        self.counts[compared.what] += 1
        shown = self.examples.setdefault(compared.what, [])
        if len(shown) < EXAMPLES_SHOWN_MAX:
            shown.append(compared)

    @property
    def changes(self) -> int:
        """Entries that would be other than they are."""
        return self.counts.total() - self.counts[Difference.UNCHANGED]


@dataclass(frozen=True, slots=True)
class Approval:
    """A proposal that another person agreed to, and what it became."""

    found: ListProposal
    proposal: Proposal
    closing: bytes


@dataclass(frozen=True, slots=True)
class AsAt:
    """What was known about a value at an instant.  member: whether an event received then would have found it."""

    member: bool
    entry: Entry | None
    versions: list[Entry]


class ListBook:
    """The lists of one bank: what people do with them.  Any thread may call, with a tokenizer of their own."""

    def __init__(self, folder: Path, membership: Membership, tokenizer: Tokenizer, clock: Clock) -> None:
        self.membership = membership
        self.history = History(folder / HISTORY_FILE)
        self._proposals = ProposalBook(folder / PROPOSALS_FILE)
        self._tokenizer = tokenizer
        self._clock = clock
        self._approving = ""
        self._deciding = threading.Lock()
        self._behind = False
        self._tokenizing = threading.Lock()

    def close(self) -> None:
        """Let go of the files."""
        self._proposals.close()
        self.history.close()

    # ---- proposing -------------------------------------------------------------------------------------------------

    def propose_list(self, definition: ListDefinition, person: str, reason: str) -> ListProposal:
        """Propose a new list.  Raises Conflict when there is one of that name, DefinitionError, Unavailable."""
        known = self.history.lists()
        if definition.name in known:
            raise Conflict(f"there is a list {definition.name} already")
        if len(known) >= LISTS_MAX:
            raise Unavailable(f"there are {LISTS_MAX} lists already")
        return self._proposals.add(
            self._proposal(self.new_id(), "list", person, reason), definition.name, definition, ()
        )

    def preview(self, name: str, rows: Iterable[RawRow], source: str, reason: str, *, replace: bool = False) -> Preview:
        """What rows would do to a list.  Raises NotFound, and InputError when the rows cannot be read at all."""
        preview = Preview()
        for compared in self._compared(name, rows, source, reason, preview, replace=replace):
            preview.see(compared)
        return preview

    def propose_entries(
        self, name: str, rows: Iterable[RawRow], person: str, source: str, reason: str, *, replace: bool = False
    ) -> tuple[ListProposal, Preview]:
        """Propose what rows say, and what that would do now.

        replace: entries the rows do not name are taken off.  Raises NotFound, InputError (a row was refused, with the first
        of them), Conflict when nothing would change, DefinitionError, Unavailable.
        """
        proposal = self.new_proposal(self.new_id(), person, reason)
        preview = Preview()
        parts = self.parts(proposal.id, name, rows, source, reason, preview, replace=replace)
        return self.keep(proposal, name, parts), preview

    @staticmethod
    def new_id() -> str:
        """An id for a proposal that is to be made."""
        return secrets.token_hex(_ID_BYTES)

    def new_proposal(self, proposal_id: str, person: str, reason: str) -> Proposal:
        """A proposal for entries, not kept yet.  Raises DefinitionError, FieldError."""
        return self._proposal(proposal_id, "entries", person, reason)

    def parts(
        self,
        proposal_id: str,
        name: str,
        rows: Iterable[RawRow],
        source: str,
        reason: str,
        preview: Preview,
        *,
        replace: bool = False,
    ) -> Iterator[tuple[bytes, int]]:
        """What a proposal of these rows consists of: (payload, entries) of each part; what it would do is noted in `preview`.

        Reads the history only, so that another process than the one that decides may do it.  Raises as `propose_entries`.
        """
        compared = self._compared(name, rows, source, reason, preview, replace=replace)
        for index, entries in enumerate(_batches(_changing(compared, preview))):
            yield encode_part(proposal_id, name, index, entries), len(entries)
        if preview.refused_count:
            first = preview.refused[0]
            raise InputError(f"{preview.refused_count} rows are refused; row {first.row}, {first.field}: {first.rule}")
        if not preview.changes:
            raise Conflict(f"nothing would change on list {name}")

    def keep(self, proposal: Proposal, name: str, parts: Iterable[tuple[bytes, int]]) -> ListProposal:
        """Keep a proposal that consists of these parts.  Raises Unavailable, also when the lists have no room for them."""

        def with_room() -> Iterator[tuple[bytes, int]]:
            entries = 0
            for payload, count in parts:
                entries += count
                yield payload, count
            self.membership.require_room(entries)

        return self._proposals.add(proposal, name, None, with_room())

    def _proposal(self, proposal_id: str, what: str, person: str, reason: str) -> Proposal:
        require_person(person)
        reason = checked_text("reason", reason, REASON_CHARACTERS_MAX)
        return Proposal(proposal_id, what, "", person, self._clock.now_ms(), reason)

    def _compared(
        self, name: str, rows: Iterable[RawRow], source: str, reason: str, preview: Preview, *, replace: bool
    ) -> Iterator[Compared]:
        definition = self.history.definition(name)

        def good() -> Iterator[Row]:
            for raw in rows:
                try:
                    wanted = check_row(definition, raw, source, reason)
                except FieldError as error:
                    preview.refuse(raw.row, error.field, error.rule)
                    continue
                customer, token = self._tokens(definition, wanted)
                yield (
                    wanted.row,
                    customer,
                    token,
                    wanted.from_s,
                    wanted.to_s,
                    wanted.source,
                    wanted.reason,
                    wanted.masked,
                )

        return self.history.compare(name, good(), replace=replace, removal=(REPLACED_SOURCE, reason))

    def _tokens(self, definition: ListDefinition, wanted: Wanted) -> tuple[int, int]:
        token = wanted.token or self._token(definition.field, wanted.value)
        if not definition.per_customer:
            return 0, token
        return wanted.customer_token or self._token("customer", wanted.customer), token

    def _token(self, field_name: str, identifier: str) -> int:
        with self._tokenizing:
            return self._tokenizer.token(FIELDS[field_name].space, identifier)

    # ---- deciding --------------------------------------------------------------------------------------------------

    def proposals(self, *, only_open: bool = True) -> list[ListProposal]:
        """Proposals, newest first."""
        return self._proposals.all(only_open=only_open)

    def proposal(self, proposal_id: str) -> ListProposal:
        """A proposal.  Raises NotFound."""
        return self._proposals.get(proposal_id)

    def preview_of(self, found: ListProposal) -> Preview:
        """What an open proposal would do now.  Raises NotFound when it is decided."""
        preview = Preview()
        if found.definition is None:
            for compared in self.history.compare(
                found.list_name, self._rows_of(found), replace=False, removal=(REPLACED_SOURCE, "")
            ):
                preview.see(compared)
        return preview

    def _rows_of(self, found: ListProposal) -> Iterator[Row]:
        row = 0
        for payload in self._proposals.parts_of(found):
            part = decode_record(payload)
            assert not isinstance(part, Closing)
            entries = part.entries()
            columns = (entries.customers.tolist(), entries.tokens.tolist(), entries.periods.tolist())
            texts = (entries.sources, entries.reasons, entries.masked)
            for customer, token, period, source, reason, shown in zip(*columns, *texts, strict=True):
                row += 1
                word = period & (1 << 64) - 1
                yield row, customer, token, word >> 32, word & FOREVER_S, source, reason, shown

    @property
    def approving(self) -> bool:
        """Whether a change is being put in force now."""
        return bool(self._approving)

    @contextmanager
    def one_approval(self, proposal_id: str) -> Iterator[None]:
        """While a proposal is put in force, from its approval until it is settled; nobody else can decide on it meanwhile.

        Raises Conflict while another one is, Unavailable when the history is behind the journal.
        """
        with self._deciding:
            if self._approving:
                raise Conflict("another change of lists is being put in force; try again in a moment")
            if self._behind:
                raise Unavailable("the history of lists could not be written; restart the service when it can")
            self._approving = proposal_id
        try:
            yield
        finally:
            self._approving = ""

    def approve(self, proposal_id: str, person: str, digest: str, note: str = "") -> Approval:
        """The approval of exactly this content; it counts when its records are in the journal.

        Raises NotFound, NotAllowed for the author, Conflict (other content, decided, the list is no longer as it has to be),
        Unavailable.
        """
        found = self.proposal(proposal_id)
        approved = found.proposal.approve(person, digest, self._clock.now_ms(), note)
        exists = found.list_name in self.membership.lists
        if exists is (found.definition is not None):
            raise Conflict(f"list {found.list_name} {'is there already' if exists else 'is not there'}")
        self.membership.require_room(found.entries)
        closing = Closing(
            approved.id,
            found.list_name,
            found.definition,
            found.parts,
            found.entries,
            approved.digest,
            approved.author,
            approved.decider,
            approved.reason,
            approved.note,
            approved.proposed_ms,
            max(approved.decided_ms, self.history.last_at_ms()),
        )
        return Approval(found, approved, encode_closing(closing))

    def records(self, approval: Approval) -> Iterator[bytes]:
        """The records of an approved change: each goes into the journal and then to `Membership.apply`.

        Between two of them events may be decided: they see the list as it was.
        """
        yield from self._proposals.parts_of(approval.found)
        yield approval.closing

    def settle(self, approval: Approval, seqs: Sequence[int], aside: Aside | None = None) -> None:
        """Once the journal is durable: write the change into the history, and close its proposal.

        seqs: positions of the records, in their order.  aside: writes a large change.
        """
        self._behind = True
        if aside is not None and approval.found.entries > SETTLED_HERE_MAX:
            aside(seqs[0], seqs[-1] + 1)
        else:
            for seq, payload in zip(seqs, self.records(approval), strict=True):
                self.history.put(seq, payload)
        self._behind = False
        self._proposals.decided(approval.proposal)

    def reconcile(self) -> None:
        """Close proposals that the journal knows as approved: a process ended between the two."""
        for found in self._proposals.all(only_open=True):
            approval = self.history.approval_of(found.proposal.id)
            if approval is not None:
                approver, at_ms, note = approval
                self._proposals.decided(found.proposal.approve(approver, found.proposal.digest, at_ms, note))

    def reject(self, proposal_id: str, person: str, note: str) -> Proposal:
        """Reject a proposal, with why.  Raises NotFound, NotAllowed for its author, Conflict, DefinitionError."""
        return self._closed(proposal_id, lambda proposal: proposal.reject(person, self._clock.now_ms(), note))

    def withdraw(self, proposal_id: str, person: str) -> Proposal:
        """Take back one's own proposal.  Raises NotFound, NotAllowed, Conflict."""
        return self._closed(proposal_id, lambda proposal: proposal.withdraw(person, self._clock.now_ms()))

    def _closed(self, proposal_id: str, close: Callable[[Proposal], Proposal]) -> Proposal:
        with self._deciding:
            if self._approving == proposal_id:
                raise Conflict(f"proposal {proposal_id} is being put in force")
            closed = close(self.proposal(proposal_id).proposal)
            self._proposals.decided(closed)
            return closed

    # ---- looking up ------------------------------------------------------------------------------------------------

    def as_at(self, name: str, value: str, customer: str, at_ms: int) -> AsAt:
        """What list `name` said about a value at an instant, and all it ever said.

        customer: whose entry, on a list of customers' own entries.  Raises NotFound, FieldError.
        """
        definition = self.history.definition(name)
        token = self._token(definition.field, canonical(definition.field, value))
        owner = 0
        if definition.per_customer:
            owner = self._token("customer", canonical("customer", customer))
        elif customer:
            raise FieldError("customer", "is only for lists of customers' own entries")
        entry = self.history.entry_at(name, owner, token, self.history.change_at(at_ms))
        member = entry is not None and entry.valid_at(at_ms)
        return AsAt(member, entry, self.history.versions_of(name, owner, token))

    def entries(
        self, name: str, at_ms: int, after: tuple[int, int] | None = None, limit: int | None = None
    ) -> list[Entry]:
        """Entries as at an instant, valid or not, in the order of (customer, token), behind `after`."""
        return list(self.history.entries_at(name, self.history.change_at(at_ms), after, limit))


def _changing(compared: Iterable[Compared], preview: Preview) -> Iterator[Compared]:
    """Entries that change; `preview` sees them all."""
    for each in compared:
        preview.see(each)
        if each.what in (Difference.ADDED, Difference.CHANGED, Difference.REMOVED):
            yield each


def _batches(compared: Iterable[Compared]) -> Iterator[Entries]:
    """Entries in columns, as many at a time as a part holds."""
    iterator = iter(compared)
    while rows := list(islice(iterator, PART_ENTRIES)):
        yield Entries(
            np.array([each.customer for each in rows], np.int64),
            np.array([each.token for each in rows], np.int64),
            np.array([period_of(each.from_s, each.to_s) if each.to_s else REMOVED for each in rows], np.int64),
            [each.source for each in rows],
            [each.reason for each in rows],
            [each.masked for each in rows],
        )
