"""Kinds of columns, the same on both databases."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Dialect, String, Text
from sqlalchemy.types import TypeDecorator

_HALF: Final = 1 << 63
_WHOLE: Final = 1 << 64


def instant() -> BigInteger:
    """Milliseconds since the epoch; 0 is never."""
    return BigInteger()


def text_of(characters_max: int) -> String:
    """Text of at most so many characters.  SQLite does not check it: the domain does."""
    return String(characters_max)


class _JsonText(TypeDecorator[Any]):
    """JSON as text, keys sorted: the same value is the same text on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value, order="sorted").decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value)


def json_text() -> TypeDecorator[Any]:
    """A value of JSON.  Not searched inside."""
    return _JsonText()


class _Token(TypeDecorator[int]):
    """An unsigned 64-bit token in a signed column."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value is None else (int(value) + _HALF) % _WHOLE - _HALF

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value is None else value % _WHOLE


def token() -> TypeDecorator[int]:
    """A 64-bit token; read back unsigned, whichever way it was given."""
    return _Token()
