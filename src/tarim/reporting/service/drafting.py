"""The first draft of a suspicious transaction report, filled from a case as far as the bank's systems told us.

Filled: subject's customer number where it is known, transactions, accounts and counterparties, narrative, suggested codes.
Left open, because no event carries them: document, occupation, nationality, phone, address.  `faults_of` names each of them,
and a person fills them in from the bank's customer records.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from tarim.base.errors import Conflict
from tarim.reporting.domain.case_facts import CaseFacts, MovementFact
from tarim.reporting.domain.code_tables import Codes
from tarim.reporting.domain.days import local_datetime
from tarim.reporting.domain.narrative import analysis_text, conduct_text, suggested_codes
from tarim.reporting.domain.suspicious import (
    LISTED_MAX,
    TRANSACTIONS_MAX,
    Account,
    Counterparty,
    Report,
    Subject,
    Transaction,
)
from tarim.reporting.ports import Letterhead, RawValues

_URGENT: Final = frozenset({"block", "suspend"})
_METHODS: Final = {"deposit": "0001", "withdrawal": "0002", "transfer": "0003", "payment": "0005"}
_CHANNELS: Final = {"pc": "01", "mobile": "02", "atm": "03", "pos": "04", "api": "05"}


def draft_of(
    facts: CaseFacts, customer: str, values: RawValues, letterhead: Letterhead, codes: Codes, person: str
) -> Report:
    """The draft.  customer: the bank's number of the subject, "" when it is to be filled in.

    Raises Conflict for a case in which no money moved.
    """
    moves = sorted((move for move in facts.movements if move.amount_fen > 0), key=lambda move: (move.at_ms, move.seq))
    if not moves:
        raise Conflict(f"case {facts.ref} has no transaction with an amount: there is nothing to report as one")
    moves = moves[:TRANSACTIONS_MAX]
    features, crimes = suggested_codes(facts)
    parties = {token for move in moves for token in (move.account, move.counterparty) if token}
    owners = dict.fromkeys(parties, (facts.customer,))
    accounts = values.accounts(owners)
    names = values.names(facts.customer, {move.counterparty for move in moves})
    return Report(
        institution=letterhead.institution,
        branch=letterhead.branch,
        urgency="02" if any(move.outcome in _URGENT for move in moves) else "01",
        direction="01",
        trigger="01",
        conduct=conduct_text(facts),
        analysis=analysis_text(facts),
        crimes=tuple(code for code in crimes if code in codes["crime"])[:LISTED_MAX],
        features=tuple(code for code in features if code in codes["feature"])[:LISTED_MAX],
        reporter=person[:16],
        subjects=(Subject(customer=customer),),
        transactions=tuple(_transaction(move, customer, accounts, names, letterhead, codes) for move in moves),
    )


def amount_text(amount_fen: int, decimals: int) -> str:
    """Major units: `49999.00`; amounts are kept in hundredths whatever the currency."""
    return str((Decimal(amount_fen) / 100).quantize(Decimal(1).scaleb(-decimals)))


def _transaction(
    move: MovementFact,
    customer: str,
    accounts: Mapping[int, str],
    names: Mapping[int, str],
    letterhead: Letterhead,
    codes: Codes,
) -> Transaction:
    currency = move.currency
    return Transaction(
        branch=letterhead.branch,
        relation="00",
        customer=customer,
        account=Account(number=accounts.get(move.account, "")),
        at=f"{local_datetime(move.at_ms):%Y%m%d%H%M%S}",
        place=f"CHN{letterhead.division}" if letterhead.division else "",
        business_id=move.event_id,
        method=_METHODS.get(move.kind, "0099"),
        non_counter=_CHANNELS.get(move.channel, ""),
        flow="01" if move.incoming else "02",
        currency=currency,
        amount=amount_text(move.amount_fen, codes.currency_decimals.get(currency, 2)),
        counterparty=Counterparty(account=accounts.get(move.counterparty, ""), name=names.get(move.counterparty, "")),
    )
