"""ISO 20022 payment files: pain.001 (customer credit transfer initiation) and pacs.008 (the same between banks).

Every version and every national namespace is taken, since the elements read here have kept their names.  How a
transaction becomes an event of kind transfer:

    event_id        MsgId/X with X the first of EndToEndId (unless NOTPROVIDED), InstrId, TxId: EndToEndId alone is unique
                    to the debtor only.  If that is longer than 64 characters, has a space, or comes twice in the file,
                    `iso-` and 32 hexadecimal digits of a digest over MsgId, PmtInfId, those ids and the position
    occurred_at     CreDtTm of the group, else the requested execution date; without a zone it is in `zone`
    account         debtor's IBAN or other account number, without spaces
    customer        debtor's own number (PrvtId or OrgId), else the account
    payee_account   creditor's account; payee_name, payee_bank: creditor's name, BIC or clearing number
    amount_fen      pain.001 InstdAmt or EqvtAmt, pacs.008 IntrBkSttlmAmt, exactly in the currency's minor units
    order_id        EndToEndId

A party without an account (pacs.008 allows it) is known by a digest of its name and its bank: `party-` and 32 hexadecimal
digits.  A file with fewer transactions than its group's NbOfTxs is refused as not complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from tarim.base.errors import TooLarge
from tarim.intake.checks import EVENT_ID_MAX
from tarim.intake.domain import IntakeLimits, Integrity, UnsupportedFile

TAKEN: Final = "pain.001 and pacs.008 are"
DEPTH_MAX: Final = 64
_MESSAGES: Final = {"CstmrCdtTrfInitn": "pain.001", "FIToFICstmrCdtTrf": "pacs.008"}
_NAMESPACE: Final = re.compile(r"[a-z]{4}\.[0-9]{3}\.[0-9]{3}\.[0-9]{2}")
_AMOUNT: Final = re.compile(r"\+?[0-9]{1,18}(\.[0-9]{0,17})?|\+?\.[0-9]{1,17}")
_GRAPHIC: Final = re.compile(rf"[\x21-\x7e]{{1,{EVENT_ID_MAX}}}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ZONED: Final = re.compile(r"[zZ]|[+-][0-9]{2}:[0-9]{2}")
MINOR_DIGITS: Final = {
    **dict.fromkeys(["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"], 0),
    **dict.fromkeys(["RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"], 0),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
"""Decimals of the currencies that do not have two (ISO 4217)."""


@dataclass(slots=True, repr=False)
class _Reading:
    """Where the parser stands."""

    open: list[Element] = field(default_factory=list)
    message: str = ""
    group: Element | None = None
    payment: Element | None = None
    count: int = 0
    stated: str = ""
    ids: set[str] = field(default_factory=set)


def read_iso20022(path: Path, limits: IntakeLimits, zone: str = "+08:00") -> Iterator[dict[str, str | int]]:
    """Every transaction of a file as values by envelope field, in file order; `source` is left to the caller.

    zone: of instants that state none.  Raises UnsupportedFile for other messages and for what is not XML, TooLarge, and
    Integrity when the file has fewer transactions than it says.
    """
    size = path.stat().st_size
    if size > limits.xml_bytes_max:
        raise TooLarge(f"an XML file has at most {limits.xml_bytes_max} bytes, this one has {size}")
    at = _Reading()
    try:
        with path.open("rb") as file:
            for what, element in iterparse(file, ("start", "end"), forbid_dtd=True):
                if what == "start":
                    _start(at, element)
                else:
                    at.open.pop()
                    if _name(element) == "CdtTrfTxInf" and at.message:
                        at.count += 1
                        yield _transaction(at, element, zone)
                        element.clear()
                        if at.open:
                            at.open[-1].remove(element)
                    elif _name(element) == "PmtInf" and at.open:
                        at.open[-1].remove(element)
    except ParseError as error:
        line, column = error.position
        raise UnsupportedFile(f"{path.name} is not well-formed XML (line {line}, column {column})") from None
    except DefusedXmlException as error:
        raise UnsupportedFile(
            f"{path.name} has a document type or entities, which are refused ({_kind(error)})"
        ) from None
    except (ValueError, LookupError):
        raise UnsupportedFile(f"{path.name} is in an encoding that is not known") from None
    if not at.message:
        raise UnsupportedFile(f"{path.name} has no ISO 20022 document; {TAKEN} taken")
    if re.fullmatch(r"[0-9]{1,15}", at.stated) and at.count < int(at.stated):  # some senders' files state too few
        raise Integrity(f"{path.name} states {at.stated} transactions and has {at.count}: it is not complete")


def _kind(error: DefusedXmlException) -> str:
    return type(error).__name__


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _start(at: _Reading, element: Element) -> None:
    if len(at.open) >= DEPTH_MAX:
        raise UnsupportedFile(f"the XML is nested deeper than {DEPTH_MAX} elements")
    if at.open and _name(at.open[-1]) == "Document":
        kind = _MESSAGES.get(_name(element))
        if kind is None:
            stated = _NAMESPACE.search(element.tag)
            raise UnsupportedFile(f"{stated[0] if stated else 'this message'} is not taken; {TAKEN}")
        at.message, at.group, at.payment = kind, None, None
    elif _name(element) == "GrpHdr":
        at.group = element
    elif _name(element) == "PmtInf":
        at.payment = element
    at.open.append(element)


def _find(element: Element | None, *names: str) -> Element | None:
    """The first descendant along a path of names, whatever their namespace."""
    for name in names:
        if element is None:
            return None
        element = next((child for child in element if _name(child) == name), None)
    return element


def _text(element: Element | None, *names: str) -> str:
    found = _find(element, *names)
    return " ".join((found.text or "").split()) if found is not None else ""


def _transaction(at: _Reading, tx: Element, zone: str) -> dict[str, str | int]:
    order = at.payment if at.message == "pain.001" else tx
    at.stated = at.stated or _text(at.group, "NbOfTxs")
    values: dict[str, str | int] = {"kind": "transfer", "event_id": _event_id(at, tx)}
    values["occurred_at"] = _occurred_at(at, tx, zone)
    account = _account(order, "Dbtr")
    values["account"] = account
    values["customer"] = _number(_find(order, "Dbtr")) or account
    values["payee_account"] = _account(tx, "Cdtr")
    values["payee_name"] = _text(tx, "Cdtr", "Nm")
    values["payee_bank"] = _bank(_find(tx, "CdtrAgt", "FinInstnId"))
    end_to_end = _text(tx, "PmtId", "EndToEndId")
    values["order_id"] = "" if end_to_end == "NOTPROVIDED" else end_to_end
    amount = _find(tx, "IntrBkSttlmAmt") if at.message == "pacs.008" else _find(tx, "Amt", "InstdAmt")
    if amount is None:
        amount = _find(tx, "Amt", "EqvtAmt", "Amt")
    if amount is not None:
        currency = amount.get("Ccy") or "missing"  # an absent currency must not become the default one
        values["currency"] = currency
        values["amount_fen"] = minor_units((amount.text or "").strip(), currency)
    return {name: value for name, value in values.items() if value != ""}


def minor_units(text: str, currency: str) -> int | str:
    """The amount in the currency's minor units if it is a whole number of them, else the text for the check to refuse."""
    if _AMOUNT.fullmatch(text) is None:
        return text or "missing"
    try:
        scaled = Decimal(text).scaleb(MINOR_DIGITS.get(currency, 2))
    except InvalidOperation:
        return text
    return int(scaled) if scaled == scaled.to_integral_value() else text


def _event_id(at: _Reading, tx: Element) -> str:
    ids = [_text(tx, "PmtId", name) for name in ("EndToEndId", "InstrId", "TxId")]
    message = _text(at.group, "MsgId")
    own = next((one for one in ids if one and one != "NOTPROVIDED"), "")
    wanted = f"{message}/{own}"
    if not message or not own or not _GRAPHIC.fullmatch(wanted) or wanted in at.ids:
        parts = "\0".join((message, _text(at.payment, "PmtInfId"), *ids, str(at.count)))
        wanted = f"iso-{_digest(parts)}"
    at.ids.add(wanted)
    return wanted


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _occurred_at(at: _Reading, tx: Element, zone: str) -> str:
    stated = _text(at.group, "CreDtTm") or _text(at.group, "CreDt")
    if not stated:
        order = at.payment if at.message == "pain.001" else tx
        stated = _text(order, "ReqdExctnDt", "DtTm") or _text(order, "ReqdExctnDt", "Dt") or _text(order, "ReqdExctnDt")
        stated = stated or _text(tx, "IntrBkSttlmDt")
    if _DATE.fullmatch(stated):
        stated += "T00:00:00"
    if "T" in stated and not _ZONED.fullmatch(stated[-6:]) and not stated.endswith(("Z", "z")):
        stated += zone
    return stated


def _account(holder: Element | None, party: str) -> str:
    """The account number of a party, without spaces; for a party without one, a digest of its name and bank."""
    found = _find(holder, f"{party}Acct", "Id")
    number = _text(found, "IBAN").upper() or _text(found, "Othr", "Id") or _text(found, "BBAN")
    number = number or _text(found, "PrtryAcct", "Id") or _text(holder, f"{party}Acct", "Prxy", "Id")
    if number:
        return number.replace(" ", "")
    name = _text(holder, party, "Nm")
    if not name:
        return ""
    bank = _bank(_find(holder, f"{party}Agt", "FinInstnId"))
    return f"party-{_digest(name.casefold() + chr(0) + bank)}"


def _number(party: Element | None) -> str:
    """The party's own number, of whatever scheme."""
    for kind in ("PrvtId", "OrgId"):
        found = _find(party, "Id", kind)
        number = _text(found, "Othr", "Id") or _text(found, "AnyBIC") or _text(found, "BICOrBEI") or _text(found, "LEI")
        if number:
            return number.replace(" ", "")
    return ""


def _bank(institution: Element | None) -> str:
    for names in (("BICFI",), ("BIC",), ("ClrSysMmbId", "MmbId"), ("Othr", "Id")):
        found = _text(institution, *names)
        if found:
            return found
    return ""
