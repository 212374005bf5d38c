"""The book of name screening of a data folder, brought up to the journal's end.

DATA/names/names.sqlite    register, editions, matches; made again from the journal when it is not there
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tarim.base.errors import Unavailable
from tarim.decisions import LogRecord, RecordKind
from tarim.journal import Journal
from tarim.privacy import Vault
from tarim.screening import NameBook, Register, decode_names


def open_names(folder: Path, journal: Journal) -> NameBook:
    """The book as the journal leaves it.  Raises Unavailable, Damaged."""
    book = NameBook(folder)
    try:
        if book.applied_seq > journal.durable_seq:
            book.clear()  # the journal was set back: what it no longer holds never happened
        if book.applied_seq < journal.first_seq:
            raise Unavailable(
                "the book of name screening is older than what is left of the journal; restore it from a copy"
            )
        for record in journal.read(book.applied_seq):
            if record.kind == RecordKind.NAMES:
                book.take(record.first_seq, record.payload)
        book.note_applied(journal.durable_seq)
    except BaseException:
        book.close()
        raise
    return book


def index_register(
    vault: Vault, seq: int, register: Register, applied_seq: int = 0, *, recovering: bool = False
) -> None:
    """Have the vault find what customers registered at a journal position; applied_seq as in `Vault.index`."""
    customers = np.array([each.customer for each in register.customers], np.int64)
    blobs = [each.sealed for each in register.customers]
    vault.index(np.full(len(customers), seq), customers, blobs, applied_seq, recovering=recovering)


def index_names_again(vault: Vault, record: LogRecord) -> None:
    """Give the vault's index what a NAMES record of the journal holds for it, after a start."""
    content = decode_names(record.payload)
    if isinstance(content, Register):
        index_register(vault, record.first_seq, content, record.first_seq + record.count, recovering=True)
