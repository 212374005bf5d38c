"""The rules of single values: each function returns the value in its one canonical form or raises FieldError.

A rule that is written here is checked nowhere else in another way: the table path hands every value that its column
check does not recognise as surely good to these functions.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

from tarim.base.errors import FieldError
from tarim.intake import domain as rules
from tarim.intake.domain import OCCURRED_MS_END, OCCURRED_MS_MIN
from tarim.privacy import FIELDS
from tarim.stream import AMOUNT_FEN_MAX

CONTROL: Final = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff"
"""Control, line-separator and text-direction characters: a name with them is not what it looks like."""

INVISIBLE: Final = CONTROL + r"\u0020\u00a0\u1680\u2000-\u200f\u202f\u205f-\u2064\u3000"
"""Those and every kind of space: not inside an identifier."""

_CONTROL: Final = re.compile(f"[{CONTROL}]")
_INVISIBLE: Final = re.compile(f"[{INVISIBLE}]")
_SOURCE: Final = re.compile(r"[a-z0-9-]{1,32}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
OCCURRED: Final = (
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
_OCCURRED: Final = re.compile(OCCURRED)
_CITY: Final = re.compile(r"[1-9][0-9]{5}")
_CATEGORY: Final = re.compile(r"[0-9]{4}")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_DEGREES: Final = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{1,12})?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EVENT_ID_MAX: Final = 64
_LENGTH_MAX: Final = {name: field.length_max for name, field in FIELDS.items()}


def text(name: str, value: str) -> str:
    """A text of the field's length without control characters; nothing is stripped."""
    _length(name, value)
    if not (value.isascii() and value.isprintable()) and _CONTROL.search(value):
        raise FieldError(name, rules.NO_CONTROL, "text with such a character")
    return value


def identifier(name: str, value: str) -> str:
    """An identifier without the spaces around it; inside it has neither spaces nor invisible characters."""
    if 1 <= len(value) <= _LENGTH_MAX[name] and value.isascii() and value.isprintable() and " " not in value:
        return value
    value = value.strip(" ")
    _length(name, value)
    if (not (value.isascii() and value.isprintable()) or " " in value) and _INVISIBLE.search(value):
        raise FieldError(name, rules.NO_SPACE, "text with such a character")
    return value


def _length(name: str, value: str) -> None:
    if not 1 <= len(value) <= _LENGTH_MAX[name]:
        raise FieldError(name, rules.LENGTHS[name], f"text of {len(value)} characters")


def event_id(name: str, value: str) -> str:
    """An event's name within its source."""
    if not 1 <= len(value) <= EVENT_ID_MAX or not value.isascii() or not value.isprintable() or " " in value:
        raise FieldError(name, rules.EVENT_ID, f"text of {len(value)} characters")
    return value


@lru_cache(1024)
def source(value: str) -> str:
    """The name of the system that sent the event."""
    if _SOURCE.fullmatch(value) is None:
        raise FieldError("source", rules.SOURCE, f"text of {len(value)} characters")
    return value


def occurred_ms(value: str) -> int:
    """Milliseconds since the epoch of RFC 3339 text with a zone, rounded down.  A leap second is refused."""
    if _OCCURRED.fullmatch(value) is None:
        raise FieldError("occurred_at", rules.OCCURRED_SHAPE, f"text of {len(value)} characters")
    try:
        span = datetime.fromisoformat(value.upper()) - _EPOCH
    except (ValueError, OverflowError):  # 31 April, or a year that the zone takes below 1
        raise FieldError("occurred_at", rules.OCCURRED_SHAPE, "a day that does not exist") from None
    return span.days * 86_400_000 + span.seconds * 1000 + span.microseconds // 1000


def occurred_within(at_ms: int, received_ms: int, future_tolerance_ms: int, age_ms_max: int) -> int:
    """`at_ms`, if its year and its distance from the moment of receipt are accepted."""
    if not OCCURRED_MS_MIN <= at_ms < OCCURRED_MS_END:
        raise FieldError("occurred_at", rules.OCCURRED_YEARS)
    if at_ms > received_ms + future_tolerance_ms:
        raise FieldError("occurred_at", rules.OCCURRED_FUTURE, f"{at_ms - received_ms} ms after it was received")
    if at_ms < received_ms - age_ms_max:
        raise FieldError("occurred_at", rules.OCCURRED_AGE)
    return at_ms


def amount_fen(value: int) -> int:
    """An amount in minor units."""
    if not 0 <= value <= AMOUNT_FEN_MAX:
        raise FieldError("amount_fen", rules.AMOUNT, "a negative number" if value < 0 else "a larger number")
    return value


def free_number(name: str, value: int) -> int:
    """A free number."""
    if not -rules.EXTRA_MAX <= value <= rules.EXTRA_MAX:
        raise FieldError(name, rules.EXTRA, "a number out of range")
    return value


@lru_cache(1024)
def currency_code(value: str) -> int:
    """Three letters packed base 256."""
    if _CURRENCY.fullmatch(value) is None:
        raise FieldError("currency", rules.CURRENCY, f"text of {len(value)} characters")
    return int.from_bytes(value.encode(), "big")


def city(value: int | str) -> int:
    """A six-digit division code as a number."""
    if isinstance(value, str):
        if _CITY.fullmatch(value) is None:
            raise FieldError("city", rules.CITY, f"text of {len(value)} characters")
        return int(value)
    if not 100_000 <= value <= 999_999:
        raise FieldError("city", rules.CITY, "a number out of range")
    return value


def merchant_category(value: int | str) -> int:
    """A four-digit category code as a number; 0000 is no category."""
    if isinstance(value, str):
        if _CATEGORY.fullmatch(value) is None or value == "0000":
            raise FieldError("merchant_category", rules.MERCHANT_CATEGORY, f"text of {len(value)} characters")
        return int(value)
    if not 1 <= value <= 9999:
        raise FieldError("merchant_category", rules.MERCHANT_CATEGORY, "a number out of range")
    return value


def address(value: str) -> str:
    """A network address in its shortest form; an IPv4 address wrapped in IPv6 comes out as IPv4."""
    try:
        return _address(value.strip(" "))
    except ValueError:
        raise FieldError("ip", rules.IP, f"text of {len(value)} characters") from None


@lru_cache(65_536)
def _address(value: str) -> str:
    if len(value) > FIELDS["ip"].length_max or "%" in value:
        raise ValueError
    parsed = ip_address(value)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)


def port(value: int | str) -> str:
    """A port as text."""
    if isinstance(value, str):
        if _PORT.fullmatch(value) is None:
            raise FieldError("ip_port", rules.IP_PORT, f"text of {len(value)} characters")
        value = int(value)
    if not 1 <= value <= 65_535:
        raise FieldError("ip_port", rules.IP_PORT, "a number out of range")
    return str(value)


def degrees(name: str, value: float | str) -> str:
    """A coordinate as text with at most 7 decimals (a centimetre)."""
    bound, rule = (90, rules.LATITUDE) if name == "latitude" else (180, rules.LONGITUDE)
    if isinstance(value, str):
        if _DEGREES.fullmatch(value) is None:
            raise FieldError(name, rule, f"text of {len(value)} characters")
        value = float(value)
    if not -bound <= value <= bound:  # NaN too
        raise FieldError(name, rule, "a number out of range")
    shown = f"{value:.7f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown


def verification_bits(names: list[str]) -> int:
    """The bit set of different method names."""
    bits = 0
    for name in names:
        bit = rules.VERIFICATIONS.get(name, 0)
        if not bit or bits & bit:
            raise FieldError("verification", rules.VERIFICATION, f"a list of {len(names)}")
        bits |= bit
    return bits
