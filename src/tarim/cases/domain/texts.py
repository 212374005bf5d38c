"""What people write into a case, checked: notes, tags, reasons, references, diary entries."""

from __future__ import annotations

import re
from typing import Final

from tarim.base.errors import DefinitionError

NOTE_CHARACTERS_MAX: Final = 4_000
REASON_CHARACTERS_MAX: Final = 500
TAGS_OF_CASE_MAX: Final = 20
NOTES_OF_CASE_MAX: Final = 2_000
LINKS_OF_CASE_MAX: Final = 200
DIARY_OF_CASE_MAX: Final = 100
DIARY_AHEAD_MS_MAX: Final = 366 * 86_400_000
_TAG: Final = re.compile(r"[0-9a-z\u4e00-\u9fff][0-9a-z\u4e00-\u9fff_-]{0,31}")
_REF: Final = re.compile(r"CASE-[0-9]{4}-[0-9]{6,9}")


def checked_note(text: str) -> str:
    """A note.  Raises DefinitionError for an empty or too long one, or one with control characters."""
    if not text.strip() or len(text) > NOTE_CHARACTERS_MAX:
        raise DefinitionError(f"a note has 1 to {NOTE_CHARACTERS_MAX} characters")
    if any(ord(each) < 32 and each not in "\t\n" for each in text):
        raise DefinitionError("a note has no control characters but tabs and new lines")
    return text


def checked_reason(text: str) -> str:
    """A reason.  Raises DefinitionError."""
    if not text.strip() or len(text) > REASON_CHARACTERS_MAX or not text.isprintable():
        raise DefinitionError(f"a reason of 1 to {REASON_CHARACTERS_MAX} printable characters is needed")
    return text


def checked_tag(tag: str) -> str:
    """A tag.  Raises DefinitionError."""
    if not _TAG.fullmatch(tag):
        raise DefinitionError("a tag has 1 to 32 small letters, digits, Chinese characters, - or _")
    return tag


def checked_follow_up(due_ms: int, now_ms: int) -> int:
    """A date to come back to a case.  Raises DefinitionError for the past, or for more than a year ahead."""
    if not now_ms < due_ms <= now_ms + DIARY_AHEAD_MS_MAX:
        raise DefinitionError("a follow-up lies in the future, at most a year ahead")
    return due_ms


def case_ref(number: int, year: int) -> str:
    """The name people use for a case: `CASE-2026-000123`."""
    return f"CASE-{year}-{number:06d}"


def is_case_ref(text: str) -> bool:
    """Whether a text can be the name of a case."""
    return _REF.fullmatch(text) is not None
