"""Raw values of one payment, opened beside the running service: from the vault's index, and from the journal's newest end."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

import numpy as np

from tarim.base.errors import NotFound
from tarim.bootstrap.journal_looking import JournalLook
from tarim.contact import RawPayment
from tarim.decisions import RecordKind, decode_events
from tarim.privacy import CustomerReader, MasterKey, Tokenizer
from tarim.stream import Col, Kind

_HALF: Final = 1 << 63
_WHOLE: Final = 1 << 64
_NAMES_MAX: Final = 16
"""Names that one payee may have had for one customer."""


class JournalValues:
    """See `tarim.contact.RawValues`.  Any thread may call it."""

    def __init__(self, journal: Path, vault: Path, master: MasterKey) -> None:
        self._journal = JournalLook(journal)
        self._reader = CustomerReader(vault, master)
        self._tokenizer = Tokenizer(master.derive("tokens"))
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let the journal's files go."""
        self._journal.close()

    def device(self, device_id: str) -> int:
        """Token, unsigned, of a device; 0 of ""."""
        with self._lock:
            return self._tokenizer.token("device", device_id) % _WHOLE if device_id else 0

    def of_payment(self, seq: int, customer: int) -> RawPayment:
        """See `tarim.contact.RawValues`."""
        signed = (customer + _HALF) % _WHOLE - _HALF
        with self._lock:
            applied_seq = self._reader.applied_seq
            bundles = self._reader.bundles(signed)
            account, payee, newer = self._of_journal(seq, signed, applied_seq)
            bundles += newer
            names: dict[str, None] = {}
            own: dict[str, None] = {}
            numbers = accounts = payees = ""
            for at, bundle in bundles:
                numbers = bundle.get("customer", numbers)
                accounts = self._matching("account", bundle, account) or accounts
                found = self._matching("payee_account", bundle, payee)
                payees = found or payees
                if found and "payee_name" in bundle:
                    names[bundle["payee_name"]] = None
                    if at == seq:
                        own[bundle["payee_name"]] = None
        if not numbers or (account and not accounts) or (payee and not payees):
            raise NotFound("what was sealed with this payment was destroyed")
        return RawPayment(numbers, accounts, payees, tuple(own) or ("", *tuple(names)[:_NAMES_MAX]))

    def _matching(self, name: str, bundle: dict[str, str], token: int) -> str:
        """The bundle's value of a field, if it is the one with this token."""
        value = bundle.get(name, "")
        return value if value and self._tokenizer.token("account", value) == token else ""

    def _of_journal(self, seq: int, customer: int, from_seq: int) -> tuple[int, int, list[tuple[int, dict[str, str]]]]:
        """Tokens of account and payee of the event at `seq`, and the customer's bundles from `from_seq` up to it."""
        found: list[tuple[int, dict[str, str]]] = []
        account = payee = 0
        with self._journal.looking() as (log, _):
            for record in log.read(min(seq, from_seq), seq + 1):
                if record.kind != RecordKind.EVENTS:
                    continue
                events = decode_events(record)
                if record.first_seq <= seq < record.first_seq + record.count:
                    row = events.rows[seq - record.first_seq]
                    account, payee = int(row[Col.ACCOUNT]), int(row[Col.PAYEE])
                if events.side.sealed is None or record.first_seq + record.count <= from_seq:
                    continue
                # A label stands under the customer of the event it is about, and its blob may be somebody else's.
                own = (events.rows[:, Col.CUSTOMER] == customer) & (events.rows[:, Col.KIND] != Kind.LABEL)
                for index in np.flatnonzero(own).tolist():
                    blob = events.side.sealed[index]
                    if blob is not None and record.first_seq + index >= from_seq:
                        at = record.first_seq + index
                        found += [(at, bundle) for bundle in self._reader.open(customer, blob)]
        return account, payee, found
