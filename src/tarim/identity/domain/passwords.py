"""Which passwords are refused, and why (SE-07, TS-03; NIST SP 800-63B 5.1.1.2).

Length does more than odd characters, so length is asked first; then that it is no common password in any of its usual
disguises, no row of keys or digits, nothing of the person, and not one of the last few.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from tarim.base.errors import FieldError
from tarim.identity.domain.policy import IdentitySettings
from tarim.identity.domain.weak import WEAK_WORDS

PASSWORD_CHARACTERS_MAX: Final = 128
_LONG: Final = 20
"""From so many characters on, kinds of characters are not asked for."""
_KINDS_MIN: Final = 3
_ROW: Final = 4
_DIFFERENT_MIN: Final = 6
_PERSONAL_MIN: Final = 3
_DISGUISES: Final = str.maketrans("013457@$!|", "oleastasil")
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
)
RULES: Final = {
    "length": ("has too few or too many characters", "口令长度不符合要求"),
    "kinds": (
        "needs three of: small letters, capitals, digits, other characters",
        "须含大小写字母、数字、符号中的三类",
    ),
    "weak": ("is a common password, or one in disguise", "属于常见弱口令"),
    "row": ("is mostly a row of keys, letters or digits, or one character again and again", "含连续或重复字符过多"),
    "personal": ("holds the login, the name, the staff number or the phrase", "含账号、姓名、工号或预留信息"),
    "reused": ("was used before", "与近期使用过的口令相同"),
}
"""Every rule in English and Chinese."""


def normal(password: str) -> str:
    """The password as it is hashed: one form for what looks the same."""
    return unicodedata.normalize("NFKC", password)


def faults_of(password: str, personal: Iterable[str], settings: IdentitySettings) -> list[str]:
    """Names of the rules it breaks; [] for a good one.  personal: login, name, staff number, phrase."""
    password = normal(password)
    faults = []
    if not settings.password_characters_min <= len(password) <= PASSWORD_CHARACTERS_MAX:
        faults.append("length")
    if len(password) < _LONG and _kinds(password) < _KINDS_MIN:
        faults.append("kinds")
    plain = password.casefold()
    if _weak(plain):
        faults.append("weak")
    if _mostly_rows(plain) or len(set(plain)) < _DIFFERENT_MIN:
        faults.append("row")
    if _holds(plain, personal):
        faults.append("personal")
    return faults


def refuse(fault: str) -> FieldError:
    """The error for a broken rule."""
    english, chinese = RULES[fault]
    return FieldError("password", f"{english}. {chinese}。")


def _kinds(password: str) -> int:
    kinds = (str.islower, str.isupper, str.isdigit, lambda each: not each.isalnum())
    letters = any(
        each.isalpha() and not each.islower() and not each.isupper() for each in password
    )  # Chinese and the like
    return sum(any(kind(each) for each in password) for kind in kinds) + letters


def _weak(plain: str) -> bool:
    """Whether nothing but a common word and a tail of digits and signs is left when its disguise is taken off."""
    bare = re.sub(r"^[^a-z]+|[^a-z]+$", "", plain)
    for form in (plain, plain.translate(_DISGUISES), bare.translate(_DISGUISES)):
        letters = re.sub(r"[^a-z]", "", form)
        core = re.sub(r"^[^a-z]+|[^a-z]+$", "", form)
        halves = {letters[: len(letters) // 2]} if letters and letters == letters[: len(letters) // 2] * 2 else set()
        words = {form, letters, core, *halves}
        if words & WEAK_WORDS or any(letters == first + rest for first, rest in _pairs(letters)):
            return True
    return False


def _pairs(letters: str) -> list[tuple[str, str]]:
    """Cuts of the letters into two common words."""
    cuts = [(letters[:at], letters[at:]) for at in range(2, len(letters) - 1)]
    return [cut for cut in cuts if cut[0] in WEAK_WORDS and cut[1] in WEAK_WORDS]


def _mostly_rows(plain: str) -> bool:
    """Whether more than half of it lies in rows of four or more."""
    covered = [False] * len(plain)
    for at in range(len(plain) - _ROW + 1):
        piece = plain[at : at + _ROW]
        if len(set(piece)) == 1 or any(piece in row or piece in row[::-1] for row in _ROWS):
            covered[at : at + _ROW] = [True] * _ROW
    return 2 * sum(covered) > len(plain)


def _holds(plain: str, personal: Iterable[str]) -> bool:
    for text in personal:
        for word in (normal(text).casefold(), *re.split(r"[\s._-]+", normal(text).casefold())):
            long_enough = len(word) >= _PERSONAL_MIN or (len(word) >= 2 and not word.isascii())
            if long_enough and (word in plain or word[::-1] in plain):
                return True
    return False
