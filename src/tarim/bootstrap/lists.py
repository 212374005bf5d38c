"""Lists of a data folder: brought up to the journal's end, changed between two events, counted.

DATA/lists/
    history.sqlite      who was on which list when; made again from the journal when it is not there
    proposals.sqlite    changes that wait for another person
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from tarim.base.errors import Conflict, Unavailable
from tarim.base.four_eyes import Proposal
from tarim.base.instants import Clock
from tarim.bootstrap.children import finished
from tarim.bootstrap.places import Places
from tarim.decisions import DecisionService, RecordKind, decode_events
from tarim.journal import FolderReader, Journal
from tarim.privacy import Tokenizer
from tarim.screening import HISTORY_FILE, History, ListBook, Membership, count_hits
from tarim.stream import Rows

SETTLE_S_MAX: Final = 600
_NICE: Final = 5


def open_lists(folder: Path, journal: Journal, tokenizer: Tokenizer, clock: Clock) -> ListBook:
    """The lists as the journal leaves them.  tokenizer: nobody else's.  Raises Unavailable, Damaged."""
    book = ListBook(folder, Membership(), tokenizer, clock)
    try:
        history = book.history
        if history.applied_seq > journal.durable_seq:
            history.clear()  # the journal was set back: what it no longer holds never happened
        if history.applied_seq < journal.first_seq:
            raise Unavailable("the history of lists is older than what is left of the journal; restore it from a copy")
        for record in journal.read(history.applied_seq):
            if record.kind == RecordKind.LIST:
                history.put(record.first_seq, record.payload)
        history.note_applied(journal.durable_seq)
        for payload in history.records():
            book.membership.apply(payload)
        book.reconcile()
    except BaseException:
        book.close()
        raise
    return book


def settle_history(places: Places, index_stride_bytes: int, from_seq: int, to_seq: int) -> None:
    """Write into the history the change that the journal holds between two positions; the child's part of `settle_aside`.

    Raises Damaged, Unavailable.
    """
    history = History(places.lists / HISTORY_FILE)
    try:
        with FolderReader(places.journal, index_stride_bytes=index_stride_bytes) as reader:
            for record in reader.read(from_seq, to_seq):
                if record.kind == RecordKind.LIST:
                    history.put(record.first_seq, record.payload)
    finally:
        history.close()


def settle_aside(places: Places, from_seq: int, to_seq: int) -> None:
    """Have a child write a large change into the history; blocks, so call it in a thread that may.  Raises Unavailable.

    SQLite takes and gives back the interpreter with every row, each time from the decisions.
    """
    purpose = "the change is in force; the history of lists is behind until the service is started again"
    command = ["lists", "settle", str(from_seq), str(to_seq), "--data", str(places.data), "--nice", str(_NICE)]
    child = finished(command, purpose=purpose, seconds_max=SETTLE_S_MAX)
    if child.status:
        raise Unavailable(f"{purpose}: {child.errors[-300:]}")


def membership_before(reader: FolderReader, seq: int) -> Membership:
    """Who was on which list for the event at a position; reads the journal from its start."""
    membership = Membership()
    for record in reader.read(0, seq):
        if record.kind == RecordKind.LIST:
            membership.apply(record.payload)
    return membership


class ListDesk:
    """Puts approved changes in force in a running service; called in the thread of the decisions."""

    def __init__(self, book: ListBook, service: DecisionService, places: Places | None = None) -> None:
        """places: of the data folder, for the child that writes large changes; without it they are written here."""
        self._book = book
        self._service = service
        self._aside = None if places is None else partial(settle_aside, places)

    async def approve(self, proposal_id: str, person: str, digest: str, note: str = "") -> Proposal:
        """Approve what has this digest, and have it in force, durably; events are decided between its records.

        Raises NotFound, NotAllowed for the author, Conflict, Unavailable.
        """
        book, service = self._book, self._service
        with book.one_approval(proposal_id):
            approval = book.approve(proposal_id, person, digest, note)
            seqs: list[int] = []
            for payload in book.records(approval):
                seqs.append(service.control(RecordKind.LIST, payload))
                try:
                    book.membership.apply(payload)
                except BaseException:
                    service.break_down("a change of lists was interrupted; the service must be restarted")
                    raise
                await asyncio.sleep(0)
            service.commit()
            await asyncio.get_running_loop().run_in_executor(None, book.settle, approval, seqs, self._aside)
        return approval.proposal


class HitCounter:
    """Counts how often entries are met by events, up to the journal's durable end; any thread, one at a time."""

    def __init__(self, book: ListBook, journal_folder: Path, index_stride_bytes: int) -> None:
        self._book = book
        self._folder = journal_folder
        self._stride = index_stride_bytes
        self._lock = threading.Lock()

    def count(self) -> int:
        """Count what came since the last time; how many events.  Reads the journal beside whoever writes it.

        Raises Conflict while a change of lists is being put in force.
        """
        with self._lock:
            reader = FolderReader(self._folder, index_stride_bytes=self._stride)
            history = self._book.history
            start, end = history.hits_seq, reader.durable_seq
            closed = set(history.record_seqs())
            if self._book.approving:
                raise Conflict("a change of lists is being put in force; ask again in a moment")
            if start >= end:
                return 0
            if start < reader.first_seq:
                raise Unavailable("events that were not counted are no longer in the journal")
            membership = Membership()
            for payload in history.records(start):
                membership.apply(payload)
            events = 0

            def steps() -> Iterator[bytes | memoryview | Rows]:
                nonlocal events
                for record in reader.read(start, end):
                    if record.kind == RecordKind.LIST:
                        if record.first_seq in closed:
                            yield record.payload
                    elif record.kind == RecordKind.EVENTS:
                        events += record.count
                        yield np.array(decode_events(record).rows)

            history.add_hits(count_hits(membership, steps()), end)
            return events
