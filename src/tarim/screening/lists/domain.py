"""What a list is, what an entry is, and what people type in: no raw identifier gets further than this module.

A list holds values of one field of the envelope.  An entry is a token, of everybody or (`per_customer`) of one customer, with
a source, a reason and a validity in whole seconds.  Validity is judged at the second an event was received.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum
from ipaddress import IPv6Address, ip_address
from types import MappingProxyType
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError, FieldError
from tarim.base.instants import CHINA_OFFSET_MS, SECOND_MS, instant_ms
from tarim.privacy import FIELDS

NAME_PATTERN: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
LISTS_MAX: Final = 1_000
TITLE_CHARACTERS_MAX: Final = 100
SOURCE_CHARACTERS_MAX: Final = 64
REASON_CHARACTERS_MAX: Final = 200
MASK_SHOWN_MAX: Final = 4
"""Characters of an identifier that people get to see, at its end."""

FOREVER_S: Final = (1 << 32) - 1
"""`to_s` of an entry without an end; the last second there is (the year 2106) is never the end of a validity."""

REMOVED: Final = 0
"""The period of an entry that is taken off a list."""

_INVISIBLE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2069\u3000\ufeff]")
_CHINA: Final = timezone(timedelta(milliseconds=CHINA_OFFSET_MS))

Words = npt.NDArray[np.int64]


class ListKind(StrEnum):
    """What a list says about its entries."""

    BLACK = "black"
    """黑名单: known to be bad."""
    WHITE = "white"
    """白名单: known to be good."""
    GREY = "grey"
    """灰名单: to be looked at."""
    TRUSTED_PAYEES = "trusted_payees"
    """可信收款人: payees a customer trusts."""
    TRUSTED_DEVICES = "trusted_devices"
    """可信设备: devices a customer manages himself (RM-23)."""
    PAYEE_ROSTER = "payee_roster"
    """收款人名册: payees of a customer's past transfers (IN-13)."""
    SUSPECT_ADDRESSES = "suspect_addresses"
    """可疑地址: network addresses."""


FIELDS_OF_LISTS: Final = ("customer", "account", "payee_account", "device_id", "ip", "merchant_id")
"""Fields whose values can be on a list."""

_FIXED: Final[Mapping[ListKind, tuple[str, bool]]] = MappingProxyType(
    {
        ListKind.TRUSTED_PAYEES: ("payee_account", True),
        ListKind.TRUSTED_DEVICES: ("device_id", True),
        ListKind.PAYEE_ROSTER: ("payee_account", True),
        ListKind.SUSPECT_ADDRESSES: ("ip", False),
    }
)
"""Field, and whether entries are a customer's own, of kinds that leave no choice."""


class ListDefinition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list.  per_customer: an entry is a pair of a customer and a value, and counts for that customer's events only."""

    name: str
    kind: ListKind
    field: str
    per_customer: bool
    title_zh: str
    title_en: str


def define_list(
    name: str, kind: str, field: str = "", title_zh: str = "", title_en: str = "", *, per_customer: bool | None = None
) -> ListDefinition:
    """A list, checked; kinds of trust and suspicion know their field and whose entries they hold.

    Titles default to the name.  Raises DefinitionError.
    """
    require_list_name(name)
    if kind not in ListKind._value2member_map_:
        raise DefinitionError(f"a list's kind is one of {', '.join(ListKind)}")
    of_kind = ListKind(kind)
    fixed_field, fixed_owner = _FIXED.get(of_kind, ("", None))
    field = field or fixed_field
    if field not in FIELDS_OF_LISTS:
        raise DefinitionError(f"a list's field is one of {', '.join(FIELDS_OF_LISTS)}")
    own = bool(per_customer) if per_customer is not None else bool(fixed_owner)
    if fixed_field and (field != fixed_field or own is not fixed_owner):
        whose = "a customer's own" if fixed_owner else "everybody's"
        raise DefinitionError(f"a list of kind {of_kind.value} holds {fixed_field}, {whose}")
    if own and field == "customer":
        raise DefinitionError("a list of customers cannot be a customer's own")
    for title in (title_zh, title_en):
        _require_text("title", title or name, TITLE_CHARACTERS_MAX)
    return ListDefinition(name, of_kind, field, own, title_zh or name, title_en or name)


def require_list_name(name: str) -> str:
    """The name, if a list may be called so.  Raises DefinitionError."""
    if NAME_PATTERN.fullmatch(name) is None:
        raise DefinitionError("a list's name has 1 to 64 lower-case letters, digits and underscores, a letter first")
    return name


@dataclass(frozen=True, slots=True)
class Entries:
    """What becomes of n entries of a list, as columns.  Keys (customer, token) are different from one another.

    customers, tokens: int64[n]; a customer is 0 on a list of everybody.  periods: int64[n], see `period_of`; REMOVED takes
    the entry off.  sources, reasons, masked: texts of each.
    """

    customers: Words
    tokens: Words
    periods: Words
    sources: list[str]
    reasons: list[str]
    masked: list[str]

    def __len__(self) -> int:
        return len(self.masked)

    def __repr__(self) -> str:
        return f"<Entries, {len(self)}>"


def period_of(from_s: int, to_s: int) -> int:
    """A validity as one signed 64-bit word: from `from_s`, up to but without `to_s`."""
    assert 0 <= from_s < to_s <= FOREVER_S
    word = from_s << 32 | to_s
    return word - (1 << 64) if word >> 63 else word


def period_bounds(period: int) -> tuple[int, int]:
    """(first second, second after the last) of a period; (0, 0) of a removed entry."""
    word = period & (1 << 64) - 1
    return word >> 32, word & FOREVER_S


def validity(valid_from: str, valid_to: str) -> tuple[int, int]:
    """Seconds of a validity that people wrote: RFC 3339 with a zone, or a day (its beginning in China); "" is no bound.

    Raises FieldError.
    """
    from_s = instant_s("valid_from", valid_from) if valid_from else 0
    to_s = instant_s("valid_to", valid_to) if valid_to else FOREVER_S
    if from_s >= to_s:
        raise FieldError("valid_to", "must be later than valid_from", "not later")
    return from_s, to_s


def instant_s(field: str, text: str) -> int:
    """Seconds since the epoch of a day or an instant, rounded down.  Raises FieldError."""
    return written_ms(field, text) // SECOND_MS


def written_ms(field: str, text: str) -> int:
    """Milliseconds since the epoch of a day (its beginning in China) or an RFC 3339 instant with a zone.  Raises FieldError."""
    rule = "must be a day such as 2026-01-31, or RFC 3339 with a zone such as 2026-01-31T12:00:00+08:00"
    try:
        if len(text) == 10:
            moment = datetime.combine(date.fromisoformat(text), time(), _CHINA)
        else:
            moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise FieldError(field, rule, f"text of {len(text)} characters") from None
    if moment.tzinfo is None:
        raise FieldError(field, rule, "an instant without a zone")
    if not 2000 <= moment.year <= 2100:
        raise FieldError(field, "must be in the years 2000 to 2100", "another year")
    return instant_ms(moment)


def canonical(field: str, value: str) -> str:
    """The form of an identifier that its token is made of, the same as at intake.  Raises FieldError."""
    value = value.strip(" ")
    if not 1 <= len(value) <= FIELDS[field].length_max:
        raise FieldError(
            field, f"must have 1 to {FIELDS[field].length_max} characters", f"text of {len(value)} characters"
        )
    if field == "ip":
        return _address(value)
    if _INVISIBLE.search(value):
        raise FieldError(
            field, "must have no spaces, control or invisible characters inside", "text with such a character"
        )
    return value


def _address(value: str) -> str:
    try:
        if "%" in value:
            raise ValueError
        parsed = ip_address(value)
    except ValueError:
        raise FieldError("ip", "must be an IPv4 or IPv6 address", f"text of {len(value)} characters") from None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)


def masked(value: str) -> str:
    """What people get to see of an identifier: its last quarter, four characters at most."""
    shown = min(MASK_SHOWN_MAX, len(value) // 4)
    return "****" + value[len(value) - shown :]


def checked_text(field: str, text: str, characters_max: int) -> str:
    """A text people wrote, without spaces around it.  Raises FieldError when it is empty, too long or not printable."""
    text = text.strip()
    if not 1 <= len(text) <= characters_max or not text.isprintable():
        raise FieldError(
            field, f"must have 1 to {characters_max} printable characters", f"text of {len(text)} characters"
        )
    return text


def _require_text(what: str, text: str, characters_max: int) -> None:
    if not 1 <= len(text) <= characters_max or not text.isprintable():
        raise DefinitionError(f"a list's {what} has 1 to {characters_max} printable characters")
