"""Drafts and saved views: values, their limits, and what they may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tarim.base.errors import Conflict, FieldError, TooLarge

DRAFTS_MAX: Final = 20
"""Drafts of one person; one more is refused."""
DRAFT_CHARACTERS_MAX: Final = 1_000_000
"""Of a draft's text, as of a ruleset's that is proposed."""
TITLE_CHARACTERS_MAX: Final = 64
SAVED_VIEWS_MAX: Final = 20
"""Views of one person for one page; one more is refused."""
NAME_CHARACTERS_MAX: Final = 32
FILTERS_MAX: Final = 20
FILTER_CHARACTERS_MAX: Final = 160
_ID: Final = re.compile(r"[0-9a-f]{16}")
_VERSION: Final = re.compile(r"[0-9a-f]{64}|")
_FILTER: Final = re.compile(r"[a-z][a-z_]{0,31}")


class Page(StrEnum):
    """A page with filters that can be kept."""

    CASES = "cases"
    LIVE = "live"
    LOG = "log"


class DraftMoved(Conflict):
    """Another page saved the draft after this one had opened it."""

    code = "draft-moved"


@dataclass(frozen=True, slots=True)
class Writing:
    """What a page wants kept.

    id, writer: 16 hex digits, made by the page: of the draft, and of the page itself, which saves many times.  opened: the
    revision that the page began from, 0 for a new draft.  base: version of the ruleset it was written from, "" for none.
    """

    id: str
    writer: str
    opened: int
    title: str
    text: str
    base: str

    def check(self) -> None:
        """Raises FieldError, TooLarge."""
        for name, value in (("id", self.id), ("writer", self.writer)):
            if not _ID.fullmatch(value):
                raise FieldError(name, "must be 16 hexadecimal digits")
        if not _VERSION.fullmatch(self.base):
            raise FieldError("base", "must be a version, 64 hexadecimal digits, or empty")
        if len(self.title) > TITLE_CHARACTERS_MAX or not self.title.isprintable():
            raise FieldError("title", f"must be one line of at most {TITLE_CHARACTERS_MAX} characters")
        if len(self.text) > DRAFT_CHARACTERS_MAX:
            raise TooLarge(f"a draft has at most {DRAFT_CHARACTERS_MAX:,} characters. 草稿过长。")
        if "\x00" in self.text:
            raise FieldError("text", "must be text without NUL characters")


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft as it is kept; text is "" in a list.  revision: 1 and one more each time; instants in ms since the epoch."""

    id: str
    title: str
    text: str
    base: str
    revision: int
    begun_ms: int
    saved_ms: int


@dataclass(frozen=True, slots=True)
class SavedView:
    """Filters of a page under a name.  default: what the page opens with when nothing is asked for."""

    id: str
    page: Page
    name: str
    filters: Mapping[str, str]
    default: bool
    saved_ms: int


def check_name(name: str) -> str:
    """The name without spaces around it.  Raises FieldError."""
    plain = name.strip()
    if not 1 <= len(plain) <= NAME_CHARACTERS_MAX or not plain.isprintable():
        raise FieldError("name", f"must be one line of 1 to {NAME_CHARACTERS_MAX} characters")
    return plain


def check_filters(filters: Mapping[str, str]) -> None:
    """Raises FieldError."""
    if len(filters) > FILTERS_MAX:
        raise FieldError("filters", f"must be at most {FILTERS_MAX}")
    for name, value in filters.items():
        if not _FILTER.fullmatch(name):
            raise FieldError("filters", "must have names of small letters and _")
        if not 1 <= len(value) <= FILTER_CHARACTERS_MAX or not value.isprintable():
            raise FieldError("filters", f"must have values of 1 to {FILTER_CHARACTERS_MAX} characters on one line")
