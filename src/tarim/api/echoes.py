"""Refusals repeat nothing that may name a person: a telephone number in the place of an id is not sent back (DP-16)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from tarim.audit import is_ours

_HIDDEN: Final = "[…]"
_CHARACTERS_MIN: Final = 5
_CHARACTERS_MAX: Final = 256
_TEXTS_MAX: Final = 1_000
_PERSONAL: Final = re.compile(r"[^\x00-\x7f]|@|(?:[0-9].*){5}")


def not_repeating(detail: str, *asked: Any) -> str:
    """The detail without texts of what was asked (path, query and body as they were decoded) that may name a person.

    A text is looked for with its end cut off too.  Long texts, such as rulesets, are quoted by whoever reads them, with care.
    """
    for text in islice((text for each in asked for text in _texts(each)), _TEXTS_MAX):
        if len(text) > _CHARACTERS_MAX or is_ours(text) or not _PERSONAL.search(text):
            continue
        for length in range(len(text), min(_CHARACTERS_MIN, len(text)) - 1, -1):
            if text[:length] in detail:
                if _PERSONAL.search(text[:length]):
                    detail = detail.replace(text[:length], _HIDDEN)
                break
    return detail


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _texts(name)
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _texts(getattr(value, name))
