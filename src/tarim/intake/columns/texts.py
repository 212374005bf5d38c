"""Columns of text: identifiers, which become tokens, and what is only kept, which is checked and hashed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tarim.base.errors import FieldError
from tarim.intake import checks
from tarim.intake import domain as rules
from tarim.intake.assemble import CONTENT_TEXTS, Assembler
from tarim.intake.columns.work import Ints, Work, all_within, by_value, int_or_text, ints, is_present, is_text, mask
from tarim.privacy import FIELDS, SEALED_TOKENS, Role
from tarim.stream import Col, Flag

_GRAPHIC: Final = r"[^\x21-\x7e]"
_CONTROL: Final = r"[\x00-\x1f\x7f-\x{9f}\x{2028}-\x{202e}\x{2066}-\x{2069}\x{feff}]"
_IPV4_PART: Final = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = rf"^{_IPV4_PART}\.{_IPV4_PART}\.{_IPV4_PART}\.{_IPV4_PART}$"
TOKEN_COLUMNS: Final = (
    ("customer", Col.CUSTOMER),
    ("account", Col.ACCOUNT),
    ("payee_account", Col.PAYEE),
    ("device_id", Col.DEVICE),
    ("ip", Col.ADDRESS),
    ("merchant_id", Col.MERCHANT),
)
_SAMPLE_ROWS: Final = 512


def doubt_unless_graphic(work: Work, name: str, length_max: int) -> None:
    """Doubt values that are not 1 to `length_max` visible ASCII characters."""
    column = work.columns[name]
    if not is_text(column):
        work.doubtful |= is_present(column)
        return
    lengths = ints(pc.binary_length(column))
    present = is_present(column)
    work.doubtful |= present & ((lengths < 1) | (lengths > length_max))
    if not all_within(column, 0x21, 0x7E):
        work.doubtful |= mask(pc.match_substring_regex(column, _GRAPHIC))


def take_identifiers(work: Work, assembler: Assembler) -> None:
    """Checked identifiers, as tokens in the rows and as texts to be sealed."""
    for name, col in TOKEN_COLUMNS:
        column = work.columns.get(name)
        if column is None:
            continue
        if name == "ip":
            column = _addresses(work, column)
        else:
            doubt_unless_graphic(work, name, FIELDS[name].length_max)
        if is_text(column):
            work.rows[:, col] = assembler.tokenizer.tokens(FIELDS[name].space, column)
            work.texts[name] = column
    work.doubtful |= work.rows[:, Col.CUSTOMER] == 0


def _addresses(work: Work, column: pa.Array) -> pa.Array:
    """Network addresses in their shortest form."""
    if not is_text(column):
        work.doubtful |= is_present(column)
        return column
    plain = mask(pc.match_substring_regex(column, _IPV4))
    other = is_present(column) & ~plain
    if not other.any():
        return column
    shortest = column.to_pylist()
    for place in np.flatnonzero(other).tolist():
        try:
            shortest[place] = checks.address(shortest[place])
        except FieldError:
            work.doubtful[place] = True
    return pa.array(shortest, pa.string())


def _legal_basis(value: Any) -> str:
    if value not in rules.LEGAL_BASES:
        raise ValueError
    return str(value)


def take_texts(work: Work, assembler: Assembler) -> None:
    """Texts that are in no word of the row: checked, and hashed for the content key."""
    permitted = (work.rows[:, Col.FLAGS] & int(Flag.LOCATION_PERMITTED)) != 0
    for name in CONTENT_TEXTS:
        column = work.columns.get(name)
        if column is None:
            continue
        if name == "legal_basis":
            column = _canonical(work, name, _legal_basis)
        elif name == "ip_port":
            column = _canonical(work, name, lambda value: checks.port(int_or_text(value)))
        elif name in ("latitude", "longitude"):
            work.doubtful |= is_present(column) & ~permitted
            column = _canonical(work, name, _degrees_of(name))
        else:
            column = _free_text(work, name, column)
            if column is None:
                continue
        work.texts[name] = column
        work.hashes[name] = _hashes(column, assembler)


def _hashes(column: pa.Array, assembler: Assembler) -> Ints:
    """Keyed hashes of texts, shape (n,), 0 where there is none; of a column of few different texts, once each."""
    sample = column[:_SAMPLE_ROWS]
    if len(column) < 4 * _SAMPLE_ROWS or len(sample.unique()) > _SAMPLE_ROWS // 8:
        return assembler.tokenizer.texts(column)
    encoded = column.dictionary_encode()
    hashes = np.append(assembler.tokenizer.texts(encoded.dictionary), 0)
    return hashes[ints(encoded.indices.cast(pa.int64()).fill_null(len(hashes) - 1))]


def _degrees_of(name: str) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        return checks.degrees(name, value)

    return convert


def _canonical(work: Work, name: str, convert: Callable[[Any], str]) -> pa.Array:
    converted, indices = by_value(work, name, convert, None)
    return pa.array(converted, pa.string()).take(pa.array(indices))


def _free_text(work: Work, name: str, column: pa.Array) -> pa.Array | None:
    if not is_text(column):
        work.doubtful |= is_present(column)
        return None
    ascii_only = all_within(column, 0x20, 0x7E)
    lengths = ints(pc.binary_length(column) if ascii_only else pc.utf8_length(column))
    work.doubtful |= is_present(column) & ((lengths < 1) | (lengths > FIELDS[name].length_max))
    if not ascii_only:
        work.doubtful |= mask(pc.match_substring_regex(column, _CONTROL))
    return column


assert tuple(name for name, _ in TOKEN_COLUMNS) == SEALED_TOKENS
assert {name for name, _ in TOKEN_COLUMNS} == {name for name, one in FIELDS.items() if one.role is Role.TOKEN}
