"""The suspicious transaction report as values: who reports, on whom, which transactions, and why (RM-29).

The elements and their nesting are those of the central bank's message for banks (BSTR) as public repositories show it; its own
text was not at hand (docs/reference/suspicious-transaction-report.md).  Every value is text, "" when there is none; dates
are `yyyyMMdd`, times `yyyyMMddHHmmss` in China's zone, amounts decimal in major units.
"""

from __future__ import annotations

from typing import Final

import msgspec

SUBJECTS_MAX: Final = 50
TRANSACTIONS_MAX: Final = 5_000
LISTED_MAX: Final = 20


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document that names somebody.  kind_other: its name in words, when `kind` is one of the codes of "other"."""

    kind: str = ""
    kind_other: str = ""
    number: str = ""


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody with a document."""

    name: str = ""
    document: Document = Document()


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A suspected customer.  occupation: of a person (GB/T 6565) or the industry of an organisation (GB/T 4754)."""

    customer: str = ""
    occupation: str = ""
    identity: Named = Named()
    nationalities: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    representative: Named = Named()
    controller: Named = Named()


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The customer's account.  closed_at: "" while it is open."""

    kind: str = ""
    number: str = ""
    opened_at: str = ""
    closed_at: str = ""
    card_kind: str = ""
    card_kind_other: str = ""
    card: str = ""


class Agent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who acted for the customer; all "" when nobody did."""

    name: str = ""
    document: Document = Document()
    nationality: str = ""


class Counterparty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The other side, as far as known."""

    bank_name: str = ""
    bank_code_kind: str = ""
    bank_code: str = ""
    bank_place: str = ""
    name: str = ""
    document: Document = Document()
    account_kind: str = ""
    account: str = ""


class Transaction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One transaction of a subject.  place: country and division, `CHN650100`; `USA000000` abroad."""

    branch: str = ""
    relation: str = ""
    customer: str = ""
    identity: Named = Named()
    account: Account = Account()
    agent: Agent = Agent()
    at: str = ""
    place: str = ""
    business_id: str = ""
    match_kind: str = ""
    match_number: str = ""
    method: str = ""
    non_counter: str = ""
    non_counter_other: str = ""
    device: str = ""
    payment_code: str = ""
    cross_border_code: str = ""
    flow: str = ""
    purpose: str = ""
    currency: str = ""
    amount: str = ""
    counterparty: Counterparty = Counterparty()
    remarks: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A report as it is filed.  times: 1 for a first report; first_name names the first message of a later one."""

    institution: str = ""
    branch: str = ""
    urgency: str = ""
    times: str = "1"
    first_name: str = ""
    direction: str = ""
    direction_other: str = ""
    trigger: str = ""
    trigger_other: str = ""
    conduct: str = ""
    analysis: str = ""
    crimes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    reporter: str = ""
    correction: str = ""
    subjects: tuple[Subject, ...] = ()
    transactions: tuple[Transaction, ...] = ()
