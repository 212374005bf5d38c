"""Every word on a page, in the viewer's language.

Message ids are Chinese; the English of each stands in `words/*.po` (gettext), one file an area.  They are read once, when the
console starts; the language is that of the request under way.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeVar

from babel.messages.pofile import read_po

_T = TypeVar("_T")
Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
FOLDER: Final = Path(__file__).parent / "words"
_language: ContextVar[Language] = ContextVar("language", default="zh")


class ConflictingWords(Exception):
    """Two files translate the same message differently."""


@cache
def english() -> dict[str, str]:
    """Chinese to English, of all areas.  Raises ConflictingWords."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="en"):
                if not isinstance(message.id, str) or not message.id or not isinstance(message.string, str):
                    continue
                if found.setdefault(message.id, message.string) != message.string:
                    raise ConflictingWords(f"{path.name}: {message.id} is {found[message.id]!r} in another file")
    return found


def speak(language: Language) -> None:
    """Set the language of the request under way."""
    _language.set(language)


def spoken() -> Language:
    """The language of the request under way."""
    return _language.get()


def _(message: str) -> str:
    """The message in the viewer's language; a message without an English text stays as it is (a test finds those)."""
    if _language.get() == "zh":
        return message
    return english().get(message) or message


def either(chinese: str, foreign: str) -> str:
    """What a service gives in both languages, in the viewer's."""
    return chinese if _language.get() == "zh" else foreign


def each_language(make: Callable[[], _T]) -> Callable[[], _T]:
    """A table of words that is made once for each language, of `either`."""
    kept: dict[Language, _T] = {}

    def found() -> _T:
        language = spoken()
        if language not in kept:
            kept[language] = make()
        return kept[language]

    return found


def capital(text: str) -> str:
    """The text with a capital letter at its beginning, as a label has it."""
    return text[:1].upper() + text[1:]
