"""What a person sees of personal values without a full view: enough to tell them apart, too little to use them (DP-06).

A field that is not named here is not shown at all.  Free text is searched for what looks like a telephone, card or document
number, and for the names that are known of the case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

MASK: Final = "*"
HIDDEN: Final = "****"
TOKEN_CHARACTERS: Final = 8
_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])\+?[0-9](?:[ \-]?[0-9]){5,22}[Xx]?(?![0-9A-Za-z])")
_MAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ADDRESS: Final = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.])")
_PHONE_DIGITS: Final = 11


def masked_name(value: str) -> str:
    """`王**`: the first character, and as many stars as to hide how long the rest is."""
    return value.strip()[:1] + MASK * 2


def masked_phone(value: str) -> str:
    """`138****5678`; a shorter number keeps its last two digits."""
    digits = re.sub(r"[^0-9]", "", value)[-_PHONE_DIGITS:]
    return digits[:3] + HIDDEN + digits[-4:] if len(digits) == _PHONE_DIGITS else HIDDEN + digits[-2:]


def masked_tail(value: str) -> str:
    """`****1234`: cards, accounts, numbers of customers and devices; nothing of one with less than eight characters."""
    value = value.strip()
    return HIDDEN + (value[-4:] if len(value) >= 8 else "")


def masked_document(value: str) -> str:
    """`3****************X`: the first and the last character of an identity document."""
    value = value.strip()
    return value[:1] + HIDDEN + value[-1:] if len(value) >= 8 else HIDDEN


def masked_address(value: str) -> str:
    """`10.1.*.*`: half of a network address, and no port."""
    parts = value.split(".")
    return ".".join([*parts[:2], MASK, MASK]) if len(parts) == 4 else value[:4] + HIDDEN


def masked_location(value: str) -> str:
    """`31.*, 121.*`: whole degrees, a hundred kilometres."""
    return ", ".join(f"{part.strip().split('.')[0]}.{MASK}" for part in value.split(","))


_MASKS: Final[dict[str, Callable[[str], str]]] = {
    "customer": masked_tail,
    "account": masked_tail,
    "payee_account": masked_tail,
    "payee_name": masked_name,
    "customer_name": masked_name,
    "payee_phone": masked_phone,
    "device_id": masked_tail,
    "merchant_id": masked_tail,
    "ip": masked_address,
    "location": masked_location,
}


def masked(field: str, value: str) -> str:
    """A value of a field of the envelope as it is shown."""
    return _MASKS[field](value) if field in _MASKS else HIDDEN


def short_token(token: int) -> str:
    """A token's first eight hexadecimal digits, for telling parties apart on a page; "" for an absent one."""
    return f"{token % (1 << 64):016x}"[:TOKEN_CHARACTERS] if token else ""


def masked_text(text: str, names: Iterable[str] = ()) -> str:
    """Free text with numbers of six digits and more, mail and network addresses, and these names masked."""
    for name in sorted({each.strip() for each in names}, key=len, reverse=True):
        if len(name) >= 2:
            text = text.replace(name, masked_name(name))
    text = _MAIL.sub(HIDDEN, text)
    text = _ADDRESS.sub(lambda found: masked_address(found[0]), text)
    return _NUMBER.sub(lambda found: _masked_number(found[0]), text)


def _masked_number(found: str) -> str:
    digits = re.sub(r"[^0-9Xx]", "", found)
    if len(digits) == _PHONE_DIGITS and digits[0] == "1":
        return masked_phone(digits)
    return masked_document(digits) if len(digits) in (15, 18) else masked_tail(digits)
