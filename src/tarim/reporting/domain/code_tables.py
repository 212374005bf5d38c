"""Code tables of the suspicious transaction report: what is packaged, and what a bank puts in its place.

`codes.toml` beside this file explains its form and says of every table how far it is known.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from tarim.base.errors import DefinitionError

TEXT_BYTES_MAX: Final = 4 << 20
CODES_MAX: Final = 20_000
MARKS: Final = frozenset({"standard", "secondary", "ours", "bank"})


@dataclass(frozen=True, slots=True)
class CodeTable:
    """Codes with their words.  mark: how far the table is known (`codes.toml`), or "bank" for the bank's own."""

    name: str
    mark: str
    words: Mapping[str, tuple[str, str]]

    def __contains__(self, code: object) -> bool:
        return code in self.words

    def zh(self, code: str) -> str:
        """The Chinese of a code; the code itself when it is unknown."""
        return self.words.get(code, (code, code))[0]

    def en(self, code: str) -> str:
        """The English of a code; the code itself when it is unknown."""
        return self.words.get(code, (code, code))[1]


@dataclass(frozen=True, slots=True)
class Codes:
    """All tables, countries (ISO 3166-1 alpha-3), currencies with their decimals (ISO 4217), and division codes.

    divisions: the six-digit codes in force, if the bank gave them; empty means that only province and form are checked.
    """

    tables: Mapping[str, CodeTable]
    countries: frozenset[str]
    currency_decimals: Mapping[str, int]
    divisions: frozenset[str] = frozenset()

    def __getitem__(self, name: str) -> CodeTable:
        return self.tables[name]

    def is_division(self, code: str) -> bool:
        """Whether it is a division code, as far as known (GB/T 2260)."""
        if len(code) != 6 or not code.isascii() or not code.isdigit() or code[:2] not in self["province"]:
            return False
        if code[2:4] == "00" and code[4:] != "00":
            return False
        return not self.divisions or code in self.divisions


@cache
def packaged_codes() -> Codes:
    """The tables this version comes with."""
    return read_codes((files(__package__) / "codes.toml").read_text(encoding="utf-8"), None)


def read_codes(text: str, under: Codes | None, divisions: frozenset[str] = frozenset()) -> Codes:
    """The tables of a TOML text over those of `under`.  Raises DefinitionError naming the table and what is wrong."""
    if len(text.encode()) > TEXT_BYTES_MAX:
        raise DefinitionError(f"code tables have at most {TEXT_BYTES_MAX:,} bytes")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f"the code tables cannot be read: {error}") from None
    lists = found.pop("lists", {})
    tables = dict(under.tables) if under else {}
    for name, content in found.items():
        if under is not None and name not in tables:
            raise DefinitionError(f"there is no code table {name!r}; they are {', '.join(sorted(tables))}")
        tables[name] = _table(name, content, own=under is not None)
    countries = frozenset(lists["countries"].split()) if "countries" in lists else under.countries if under else None
    decimals = _decimals(lists["currencies"]) if "currencies" in lists else under.currency_decimals if under else None
    assert countries is not None and decimals is not None, "the packaged tables have both lists"
    return Codes(
        MappingProxyType(tables), countries, decimals, divisions or (under.divisions if under else frozenset())
    )


def read_divisions(text: str) -> frozenset[str]:
    """Division codes of a CSV text whose first column holds them, with those above them.  Raises DefinitionError."""
    if len(text.encode()) > TEXT_BYTES_MAX:
        raise DefinitionError(f"a file of division codes has at most {TEXT_BYTES_MAX:,} bytes")
    codes = {line.split(",", 1)[0].strip().strip('"') for line in text.splitlines()}
    codes = {code for code in codes if len(code) == 6 and code.isascii() and code.isdigit()}
    if not codes:
        raise DefinitionError("the file of division codes has no six-digit code in its first column")
    above = {code[:2] + "0000" for code in codes} | {code[:4] + "00" for code in codes}
    return frozenset(codes | above)


def _table(name: str, content: Any, *, own: bool) -> CodeTable:
    if not isinstance(content, dict) or len(content) > CODES_MAX:
        raise DefinitionError(f"code table {name!r} is a table of at most {CODES_MAX:,} codes")
    mark = content.pop("mark", "bank" if own else "")
    if mark not in MARKS:
        raise DefinitionError(f"code table {name!r}: mark is one of {', '.join(sorted(MARKS))}")
    words: dict[str, tuple[str, str]] = {}
    for code, pair in content.items():
        good = (
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(word, str) and word.strip() for word in pair)
        )
        if not good or not code.isascii() or not code.isalnum() or len(code) > 16:
            raise DefinitionError(f'code table {name!r}: a code is like 01 = ["中文", "English"]')
        words[code] = (pair[0], pair[1])
    if not words:
        raise DefinitionError(f"code table {name!r} is empty")
    return CodeTable(name, mark, MappingProxyType(words))


def _decimals(text: str) -> Mapping[str, int]:
    pairs = (item.partition(":") for item in text.split())
    return MappingProxyType({code: int(digits or 2) for code, _, digits in pairs})
