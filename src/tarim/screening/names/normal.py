"""A name as written, made comparable: script, case, marks, titles, initials, Chinese characters to pinyin.

One text gives one `PreparedName`, or a few when a character has several readings (曾 is zeng and ceng).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tarim.base.errors import FieldError
from tarim.screening.names.folding import FORMS, TITLES, Word, word_of
from tarim.screening.names.syllables import READ_OFF, SYLLABLES_MAX, may_be_surname, split_syllables

NAME_CHARACTERS_MAX: Final = 512
WORDS_MAX: Final = 24
READINGS_MAX: Final = 6

_APOSTROPHES: Final = str.maketrans(dict.fromkeys("\u2018\u2019\u02bb\u02bc\u02bf\u02be`\u00b4\u02b9\u2032", "'"))
_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "đ": "d", "ð": "d", "þ": "th", "ə": "a", "ħ": "h"}
    | dict(zip("абвгдзийклмнопрстуфыэёїўқғҳ", "abvgdziyklmnoprstufyeeiuqgh", strict=True))
    | {"е": "e", "ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch"}
    | {"ъ": "", "ь": "", "ю": "yu", "я": "ya"}
    | {"і": "i", "є": "ye", "ґ": "g", "ҷ": "j"}
    | {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ة": "ه", "ە": "ه", "ک": "ك", "ـ": ""}
)
_HAN: Final = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_DOTTED: Final = re.compile(r"(?<![^\W_])(?:[^\W\d_]\.){2,}(?:[^\W\d_](?![^\W_]))?")
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*'?")
_INNER_CAPITAL: Final = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")
_HAN_NOISE: Final = re.compile(
    "(?:股份有限公司|有限责任公司|有限責任公司|有限公司|集团|集團|公司|先生|女士|小姐|博士|教授)$"
)


@dataclass(frozen=True, slots=True, repr=False)
class PreparedName:
    """A name ready to be compared.

    words: in the order written; a second reading of characters has none.  syllables: the whole name as East Asian syllables (a
    single letter is an initial), or () when it is not of that kind.  han: its characters, one for each syllable, when it was
    written in them alone, else "".
    """

    words: tuple[Word, ...]
    syllables: tuple[str, ...]
    han: str


@lru_cache(maxsize=65_536)
def prepare_name(text: str) -> tuple[PreparedName, ...]:
    """The name in comparable form, most likely reading first; () when nothing comparable is in it.

    Raises FieldError for a name of more than 512 characters; the error does not repeat it.
    """
    if len(text) > NAME_CHARACTERS_MAX:
        raise FieldError("name", f"has at most {NAME_CHARACTERS_MAX} characters", f"{len(text)} characters")
    plain = _plain(text)
    compact = "".join(plain.split())
    if compact and _HAN.fullmatch(core := re.sub(r"[^\w]|_", "", compact)):
        return _of_characters(core)
    if _HAN.search(plain):
        plain = _HAN.sub(lambda match: f" {' '.join(_readings(match[0])[0])} ", plain)
    pieces = _pieces(plain)[:WORDS_MAX]
    words = tuple(word_of(piece.replace("'", "")) for piece in pieces)
    whole = len(pieces) > 1 or _INNER_CAPITAL.search(text) is not None  # ZhangWei, but not HUJI
    return (PreparedName(words, _syllables(pieces) if whole else (), ""),) if words else ()


def _plain(text: str) -> str:
    """NFKC, lower case, no marks; Cyrillic in Latin letters, Arabic letters without their variants."""
    folded = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold().translate(_LETTERS)
    apart = unicodedata.normalize("NFKD", folded)
    return unicodedata.normalize("NFC", "".join(c for c in apart if not unicodedata.combining(c))).translate(_LETTERS)


def _pieces(plain: str) -> list[str]:
    """Words with their inner apostrophes; a dotted abbreviation is one word when it is a company form, else initials."""

    def undotted(match: re.Match[str]) -> str:
        letters = match[0].replace(".", "")
        return f" {letters} " if letters in FORMS else f" {' '.join(letters)} "

    pieces = [match[0].strip("'") for match in _WORD.finditer(_DOTTED.sub(undotted, plain))]
    return [piece for piece in pieces if piece]


def _syllables(pieces: list[str]) -> tuple[str, ...]:
    """The pieces cut into syllables, titles left out; () unless all of it can be cut and a surname stands at an end."""
    found: list[str] = []
    starts = {0}
    named = [piece for piece in pieces if piece not in TITLES]
    if len(named) > SYLLABLES_MAX:
        return ()
    for piece in named:
        starts.add(len(found))
        cut = (piece,) if len(piece) == 1 and piece.isalpha() else _cut(piece)
        if not cut or len(found) + len(cut) > SYLLABLES_MAX:
            return ()
        found += cut
    full = [i for i, syllable in enumerate(found) if len(syllable) > 1]
    if len(found) < 2 or not full:
        return ()
    ends = {i for i in (full[0], full[-1], max(starts)) if len(found[i]) > 1}
    if not any(may_be_surname(found[i]) for i in ends):
        return ()
    return tuple(found)


def _cut(piece: str) -> tuple[str, ...]:
    if len(piece) > SYLLABLES_MAX * 7 or not piece.isascii():
        return ()
    return split_syllables(piece) or (split_syllables(piece.replace("'", "")) if "'" in piece else ())


def _of_characters(characters: str) -> tuple[PreparedName, ...]:
    core = _HAN_NOISE.sub("", characters)
    core = core if len(core) >= 2 else characters
    named = 2 <= len(core) <= SYLLABLES_MAX
    usual, *others = _readings(core)
    first = PreparedName(tuple(map(word_of, usual[:WORDS_MAX])), _read_off(usual) if named else (), core)
    return (first, *(PreparedName((), _read_off(reading), core) for reading in others if named))


def _read_off(reading: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(READ_OFF + syllable for syllable in reading)


def _readings(characters: str) -> list[tuple[str, ...]]:
    """The usual reading, then those with one character read differently."""
    of_each = [_character_readings(character) for character in characters]
    usual = tuple(readings[0] for readings in of_each)
    found = [usual]
    if len(characters) > SYLLABLES_MAX:
        return found
    for place, readings in enumerate(of_each):
        found += [(*usual[:place], other, *usual[place + 1 :]) for other in readings[1:]]
    return found[:READINGS_MAX]


@lru_cache(maxsize=65_536)
def _character_readings(character: str) -> tuple[str, ...]:
    """Pinyin without tone of one character, the usual first; a character without a reading stands for itself."""
    from pypinyin import Style, pinyin  # its tables take a third of a second to load

    return tuple(dict.fromkeys(pinyin(character, style=Style.NORMAL, heteronym=True)[0]))
