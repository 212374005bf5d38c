"""Check digits of the numbers that a report names.

resident identity number      GB 11643-1999, ISO 7064 MOD 11-2; 18 characters, or 15 digits of the old form without one
unified social credit code    GB 32100-2015, modulo 31 over 18 characters; its inner organisation code as below
organisation code             GB 11714-1997, modulo 11 over 9 characters
bank card number              ISO/IEC 7812-1 annex B (Luhn)
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

_RESIDENT: Final = re.compile(r"([0-9]{6})([0-9]{8})([0-9]{3})([0-9X])")
_RESIDENT_OLD: Final = re.compile(r"([0-9]{6})([0-9]{6})([0-9]{3})")
_CREDIT: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORGANISATION: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CREDIT_WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)


def resident_shape(number: str) -> bool:
    """18 characters (the last may be X) or the 15 digits of the old form."""
    return bool(_RESIDENT.fullmatch(number) or _RESIDENT_OLD.fullmatch(number))


def resident_check(number: str) -> bool:
    """The last character is the check digit of the 17 before it; true for the old form, which has none."""
    if not _RESIDENT.fullmatch(number):
        return bool(_RESIDENT_OLD.fullmatch(number))
    total = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17]


def resident_birth(number: str) -> date | None:
    """The birth date it names; None when there is no such day."""
    if not resident_shape(number):
        return None
    digits = number[6:14] if len(number) == 18 else "19" + number[6:12]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def credit_code_shape(code: str) -> bool:
    """18 characters of the alphabet without I, O, S, V and Z."""
    return len(code) == 18 and all(letter in _CREDIT for letter in code)


def credit_code_check(code: str) -> bool:
    """Its last character is right, and so is that of the organisation code at places 9 to 17."""
    if not credit_code_shape(code):
        return False
    total = sum(_CREDIT.index(letter) * weight for letter, weight in zip(code[:17], _CREDIT_WEIGHTS, strict=True))
    return _CREDIT[-total % 31] == code[17] and organisation_code_check(code[8:17])


def organisation_code_check(code: str) -> bool:
    """Nine characters without the hyphen, the last of them the check character (X for 10)."""
    if len(code) != 9 or not all(letter in _ORGANISATION for letter in code):
        return False
    total = sum(
        _ORGANISATION.index(letter) * weight for letter, weight in zip(code[:8], _ORGANISATION_WEIGHTS, strict=True)
    )
    return "0123456789X0"[11 - total % 11] == code[8]


def luhn_check(number: str) -> bool:
    """Whether the digits, the check digit among them, add up."""
    if not number.isascii() or not number.isdigit():
        return False
    digits = [int(digit) for digit in reversed(number)]
    doubled = sum(2 * digit - 9 * (digit > 4) for digit in digits[1::2])
    return (sum(digits[0::2]) + doubled) % 10 == 0
