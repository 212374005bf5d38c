"""Columns that become words of the row: codes, flags, instants, amounts and free numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tarim.intake import checks
from tarim.intake import domain as rules
from tarim.intake.assemble import CNY, Assembler
from tarim.intake.columns.work import Ints, Work, by_value, int_or_text, ints, is_present, is_text, mask, milliseconds
from tarim.intake.domain import OCCURRED_MS_END, OCCURRED_MS_MIN
from tarim.stream import AMOUNT_FEN_MAX, Col, Flag

_OCCURRED: Final = f"^{checks.OCCURRED}$"


def _code_column(work: Work, name: str, col: Col, convert: Callable[[Any], int], absent: int) -> None:
    if name in work.columns:
        converted, indices = by_value(work, name, convert, absent)
        work.rows[:, col] = np.array(converted, np.int64)[indices]
    else:
        work.rows[:, col] = absent


def _named(names: Mapping[str, int]) -> Callable[[Any], int]:
    return lambda value: _known(names, value)


def _known(names: Mapping[str, int], value: Any) -> int:
    code = names.get(value)
    if code is None:
        raise ValueError
    return code


def _truth(value: Any) -> bool:
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise ValueError


def _individual(value: Any) -> int:
    if value != "individual":
        raise ValueError
    return 0


def _city(value: Any) -> int:
    return checks.city(int_or_text(value))


def _category(value: Any) -> int:
    return checks.merchant_category(int_or_text(value))


def _verification(value: Any) -> int:
    return checks.verification_bits(value.split("|") if value else [])


def take_codes(work: Work) -> None:
    """Columns with few different values."""
    rows, columns = work.rows, work.columns
    _code_column(work, "kind", Col.KIND, _named(rules.KINDS), 0)
    work.doubtful |= rows[:, Col.KIND] == 0
    _code_column(work, "channel", Col.CHANNEL, _named(rules.CHANNELS), 0)
    _code_column(work, "result", Col.RESULT, _named(rules.RESULTS), 0)
    _code_column(work, "network_kind", Col.NETWORK_KIND, _named(rules.NETWORK_KINDS), 0)
    _code_column(work, "label", Col.LABEL, _named(rules.LABELS), -1)
    _code_column(work, "currency", Col.CURRENCY, checks.currency_code, CNY)
    _code_column(work, "city", Col.CITY, _city, 0)
    _code_column(work, "merchant_category", Col.MERCHANT_CATEGORY, _category, 0)
    if "customer_type" in columns:
        by_value(work, "customer_type", _individual, 0)
    if "verification" in columns:
        column = columns["verification"]
        if pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type):
            joined = pc.binary_join(column, "|")
            work.doubtful |= is_present(column) & ~is_present(joined)
            work = Work({**columns, "verification": joined}, rows, work.doubtful, work.texts, work.hashes)
        elif is_text(column):
            work.doubtful |= mask(pc.equal(column, ""))
        _code_column(work, "verification", Col.VERIFICATION, _verification, 0)
    flags = np.full(len(rows), int(Flag.HISTORY_AUTHORISED), np.int64)
    for name, flag, absent in (
        ("history_authorised", Flag.HISTORY_AUTHORISED, True),
        ("location_permitted", Flag.LOCATION_PERMITTED, False),
    ):
        if name in columns:
            converted, indices = by_value(work, name, _truth, absent)
            said = np.array(converted, np.bool_)[indices]
            flags = np.where(said, flags | int(flag), flags & ~int(flag))
    rows[:, Col.FLAGS] = flags


def take_instants(work: Work, received: Ints, assembler: Assembler) -> None:
    """Instants from timestamps with a zone or from RFC 3339 text."""
    column = work.columns["occurred_at"]
    at_ms = np.zeros(len(column), np.int64)
    good = np.zeros(len(column), np.bool_)
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        at_ms = ints(milliseconds(column))
        good = is_present(column)
    elif is_text(column):
        good = mask(pc.match_substring_regex(column, _OCCURRED)) & mask(pc.less(pc.binary_length(column), 36))
        if good.any():
            try:
                asked = column if good.all() else column.filter(pa.array(good))
                moments = pc.cast(pc.utf8_upper(asked), pa.timestamp("ns", "UTC"))
                at_ms[good] = ints(milliseconds(moments))
            except pa.ArrowInvalid:  # a day that does not exist somewhere: each row by itself
                good[:] = False
    limits = assembler.limits
    good &= (at_ms >= OCCURRED_MS_MIN) & (at_ms < OCCURRED_MS_END)
    good &= (at_ms <= received + limits.future_tolerance_ms) & (at_ms >= received - limits.age_ms_max)
    work.doubtful |= ~good
    work.rows[:, Col.OCCURRED_MS] = at_ms


def take_numbers(work: Work) -> None:
    """Amount and free numbers."""
    for name, col, low, high in (
        ("amount_fen", Col.AMOUNT_FEN, 0, AMOUNT_FEN_MAX),
        ("extra_0", Col.EXTRA_0, -rules.EXTRA_MAX, rules.EXTRA_MAX),
        ("extra_1", Col.EXTRA_1, -rules.EXTRA_MAX, rules.EXTRA_MAX),
        ("extra_2", Col.EXTRA_2, -rules.EXTRA_MAX, rules.EXTRA_MAX),
        ("extra_3", Col.EXTRA_3, -rules.EXTRA_MAX, rules.EXTRA_MAX),
    ):
        column = work.columns.get(name)
        if column is None:
            continue
        present = is_present(column)
        values = np.zeros(len(column), np.int64)
        good = np.zeros(len(column), np.bool_)
        if pa.types.is_uint64(column.type):
            wide = column.fill_null(0).to_numpy(zero_copy_only=False)
            good = wide <= np.uint64(high)
            values = np.where(good, wide, 0).astype(np.int64)
        elif pa.types.is_integer(column.type):
            values = ints(column)
            good = (values >= low) & (values <= high)
        elif is_text(column):
            good = mask(pc.match_substring_regex(column, r"^-?(0|[1-9][0-9]{0,15})$"))
            values[good] = ints(column.filter(pa.array(good)).cast(pa.int64()))
            good &= (values >= low) & (values <= high)
        work.doubtful |= present & ~good
        work.rows[:, col] = np.where(good, values, 0)
