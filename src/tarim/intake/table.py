"""A table of events, a column at a time: the same rules as for one message, and the same rows word for word.

Every column check says of each value either "surely good", with its word, or "doubtful".  A row with a doubtful value is
taken out, made into a message and put through the very functions of the message path (`assemble.py`), which either
refuse it with field and rule or give its row.  So the fast checks may be as narrow as is convenient; they only have to
be right when they say "good".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tarim.base.errors import FieldError, InputError, TooLarge
from tarim.base.instants import instant_text
from tarim.intake import checks
from tarim.intake import domain as rules
from tarim.intake.assemble import (
    CNY,
    CONTENT_COLUMNS,
    CONTENT_FLAGS,
    CONTENT_SPACE,
    CONTENT_TEXTS,
    FREE_NOTES,
    SEAL_BIT,
    Assembler,
    Parts,
)
from tarim.intake.domain import OCCURRED_MS_END, OCCURRED_MS_MIN, Notes, Refusal
from tarim.intake.kernels.content import gather
from tarim.intake.message import convert_message, unknown_field
from tarim.privacy import FIELDS, SEALED_TEXTS, SEALED_TOKENS, ColumnDigester, Role, bytes_of
from tarim.stream import AMOUNT_FEN_MAX, Col, Flag, Kind, Rows, empty_rows

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

TABLE_REQUIRED: Final = ("event_id", "kind", "occurred_at", "customer")
"""Columns a table must have; `source` too, unless it is given for the whole table."""

FEW_VALUES: Final = (
    "source",
    "kind",
    "channel",
    "result",
    "network_kind",
    "currency",
    "city",
    "label",
    "customer_type",
)
"""Text columns that are looked at by value only, and may stay as dictionaries."""

_GRAPHIC: Final = r"[^\x21-\x7e]"
_CONTROL: Final = r"[\x00-\x1f\x7f-\x{9f}\x{2028}-\x{202e}\x{2066}-\x{2069}\x{feff}]"
_IPV4_PART: Final = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = rf"^{_IPV4_PART}\.{_IPV4_PART}\.{_IPV4_PART}\.{_IPV4_PART}$"
_INT_TEXT: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_OCCURRED: Final = f"^{checks.OCCURRED}$"
TOKEN_COLUMNS: Final = (
    ("customer", Col.CUSTOMER),
    ("account", Col.ACCOUNT),
    ("payee_account", Col.PAYEE),
    ("device_id", Col.DEVICE),
    ("ip", Col.ADDRESS),
    ("merchant_id", Col.MERCHANT),
)
_EVENT_KEYS: Final = ColumnDigester()
_CONTENT_COLUMNS: Final = np.array(CONTENT_COLUMNS, np.int64)
_NOTE_FACTORS: Final = np.array(
    [0x9E3779B97F4A7C15 * (2 * bit + 1) & (1 << 64) - 1 for bit in range(len(FIELDS))], np.uint64
)
"""Odd numbers, one for each kind of note."""

_SAMPLE_ROWS: Final = 512
_YEAR_1900_MS: Final = -2_208_988_800_000
_YEAR_9999_MS: Final = 253_402_300_799_999


@dataclass(slots=True, repr=False)
class TableParts:
    """The good rows of a table, in order, not sealed yet.

    rows: shape (n, ROW_WORDS).  places: shape (n,), the row each came from.  texts: for each sealable field that is
    present, its raw values (an Arrow string array of n values, null where absent).  text_hashes: shape (n, 2), keyed
    hashes of SEALED_TEXTS, 0 where absent.
    slow: parts of the rows that went the message's way, by place in the good rows; their entries in `texts` are void.
    """

    rows: Rows
    places: Ints
    event_ids: list[str]
    sources: list[str]
    notes: list[Notes | None]
    texts: dict[str, pa.Array]
    text_hashes: Ints
    slow: dict[int, Parts]
    refusals: list[Refusal]


@dataclass(slots=True, repr=False)
class _Work:
    """What is known of a table so far: the rows' words, which rows are doubtful, texts by field."""

    columns: Mapping[str, pa.Array]
    rows: Rows
    doubtful: Mask
    texts: dict[str, pa.Array] = field(default_factory=dict)
    hashes: dict[str, Ints] = field(default_factory=dict)


def read_table(
    batch: pa.RecordBatch, assembler: Assembler, received_ms: int | Ints, source: str | None, flags: int
) -> TableParts:
    """The good rows of a table and the refusals of the others.

    Raises FieldError about the table as a whole: a column that is not of the envelope, given twice, or missing.
    """
    columns = _columns(batch, source, assembler.limits.table_rows_max)
    count = batch.num_rows
    work = _Work(columns, empty_rows(count), np.zeros(count, np.bool_))
    received = np.broadcast_to(np.asarray(received_ms, np.int64), (count,))
    work.rows[:, Col.RECEIVED_MS] = received
    _codes(work)
    _occurred(work, received, assembler)
    _numbers(work)
    _identifiers(work, assembler)
    _texts(work, assembler)
    _together(work)
    _graphic(work, "event_id", checks.EVENT_ID_MAX)
    work.doubtful |= ~_present(columns["event_id"])
    sources = _event_keys(work, source)
    _content_keys(work, assembler)
    work.rows[:, Col.FLAGS] |= flags
    return _finish(work, assembler, received, sources, flags)


# ------------------------------------------------------------------------------------------------------------- columns


def _columns(batch: pa.RecordBatch, source: str | None, rows_max: int) -> dict[str, pa.Array]:
    """Columns by name, plain strings where text; columns of nothing but nulls are left out."""
    if batch.num_rows > rows_max:
        raise TooLarge(f"a table has at most {rows_max} rows at a time, this one has {batch.num_rows}")
    columns: dict[str, pa.Array] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name not in FIELDS:
            raise unknown_field(name)
        if name in columns:
            raise FieldError(name, rules.NOT_TWICE, "a second column")
        columns[name] = _plain(name, column)
    needed = TABLE_REQUIRED if source is not None else (*TABLE_REQUIRED, "source")
    for name in needed:
        if name not in columns:
            raise FieldError(name, rules.REQUIRED, "no such column")
    if source is not None:
        checks.source(source)
    return {name: column for name, column in columns.items() if column.null_count < len(column) or name in needed}


def _plain(name: str, column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind) and name in FEW_VALUES and pa.types.is_string(kind.value_type):
        _validate(name, column)
        return column
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_list(kind) and pa.types.is_null(kind.value_type):
        column = column.cast(pa.list_(pa.string()))
        kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        column = column.cast(pa.string())
        kind = column.type
    if pa.types.is_string(kind) or pa.types.is_list(kind):
        _validate(name, column)
    return column


def _validate(name: str, column: pa.Array) -> None:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        raise FieldError(name, rules.IS_TEXT, "bytes that are not UTF-8") from None


def _is_text(column: pa.Array) -> bool:
    return bool(pa.types.is_string(column.type))


def _mask(column: pa.Array) -> Mask:
    """A boolean column as an array, null as False."""
    found: Mask = column.fill_null(False).to_numpy(zero_copy_only=False)
    return found


def _present(column: pa.Array) -> Mask:
    return _mask(column.is_valid())


def _ints(column: pa.Array) -> Ints:
    """An integer column as int64, null as 0."""
    found: Ints = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return found


def _all_within(column: pa.Array, low: int, high: int) -> bool:
    """Whether every byte of a string column is from low to high."""
    held, ends = bytes_of(column)
    data = held[ends[0] : ends[-1]]
    return len(data) == 0 or bool(data.min() >= low and data.max() <= high)


# ------------------------------------------------------------------------------------------------------- single columns


def _by_value(work: _Work, name: str, convert: Callable[[Any], Any], absent: Any) -> tuple[list[Any], Ints]:
    """`convert` of each different value, spread over the rows; a value it refuses makes its rows doubtful."""
    column = work.columns[name]
    if pa.types.is_nested(column.type):
        work.doubtful |= _present(column)
        return [absent], np.zeros(len(column), np.int64)
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    converted: list[Any] = []
    refused: list[bool] = []
    for value in encoded.dictionary.to_pylist():
        try:
            converted.append(convert(value))
            refused.append(False)
        except (InputError, TypeError, AttributeError, ValueError):
            converted.append(absent)
            refused.append(True)
    converted.append(absent)
    refused.append(False)
    indices = _ints(encoded.indices.cast(pa.int64()).fill_null(len(converted) - 1))
    if any(refused):
        work.doubtful |= np.array(refused)[indices]
    return converted, indices


def _code_column(work: _Work, name: str, col: Col, convert: Callable[[Any], int], absent: int) -> None:
    if name in work.columns:
        converted, indices = _by_value(work, name, convert, absent)
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


def _whole(value: Any) -> int:
    """A whole number that is one, or the plain text of one."""
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int):
        return value
    if isinstance(value, str) and _INT_TEXT.fullmatch(value):
        return int(value)
    raise ValueError


def _individual(value: Any) -> int:
    if value != "individual":
        raise ValueError
    return 0


def _legal_basis(value: Any) -> str:
    if value not in rules.LEGAL_BASES:
        raise ValueError
    return str(value)


def _city(value: Any) -> int:
    return checks.city(_int_or_text(value))


def _category(value: Any) -> int:
    return checks.merchant_category(_int_or_text(value))


def _int_or_text(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError
    return value


def _verification(value: Any) -> int:
    return checks.verification_bits(value.split("|") if value else [])


def _codes(work: _Work) -> None:
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
        _by_value(work, "customer_type", _individual, 0)
    if "verification" in columns:
        column = columns["verification"]
        if pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type):
            joined = pc.binary_join(column, "|")
            work.doubtful |= _present(column) & ~_present(joined)
            work = _Work({**columns, "verification": joined}, rows, work.doubtful, work.texts, work.hashes)
        elif _is_text(column):
            work.doubtful |= _mask(pc.equal(column, ""))
        _code_column(work, "verification", Col.VERIFICATION, _verification, 0)
    flags = np.full(len(rows), int(Flag.HISTORY_AUTHORISED), np.int64)
    for name, flag, absent in (
        ("history_authorised", Flag.HISTORY_AUTHORISED, True),
        ("location_permitted", Flag.LOCATION_PERMITTED, False),
    ):
        if name in columns:
            converted, indices = _by_value(work, name, _truth, absent)
            said = np.array(converted, np.bool_)[indices]
            flags = np.where(said, flags | int(flag), flags & ~int(flag))
    rows[:, Col.FLAGS] = flags


def _occurred(work: _Work, received: Ints, assembler: Assembler) -> None:
    """Instants from timestamps with a zone or from RFC 3339 text."""
    column = work.columns["occurred_at"]
    at_ms = np.zeros(len(column), np.int64)
    good = np.zeros(len(column), np.bool_)
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        at_ms = _ints(_milliseconds(column))
        good = _present(column)
    elif _is_text(column):
        good = _mask(pc.match_substring_regex(column, _OCCURRED)) & _mask(pc.less(pc.binary_length(column), 36))
        if good.any():
            try:
                asked = column if good.all() else column.filter(pa.array(good))
                moments = pc.cast(pc.utf8_upper(asked), pa.timestamp("ns", "UTC"))
                at_ms[good] = _ints(_milliseconds(moments))
            except pa.ArrowInvalid:  # a day that does not exist somewhere: each row by itself
                good[:] = False
    limits = assembler.limits
    good &= (at_ms >= OCCURRED_MS_MIN) & (at_ms < OCCURRED_MS_END)
    good &= (at_ms <= received + limits.future_tolerance_ms) & (at_ms >= received - limits.age_ms_max)
    work.doubtful |= ~good
    work.rows[:, Col.OCCURRED_MS] = at_ms


def _milliseconds(column: pa.Array) -> pa.Array:
    """A timestamp column as int64 milliseconds, rounded down (values before 1970 are refused later anyway)."""
    per_unit = {"s": 1_000, "ms": 1, "us": 1_000, "ns": 1_000_000}[column.type.unit]
    raw = column.cast(pa.int64())
    if column.type.unit == "s":
        return pc.multiply(raw, per_unit)
    return raw if per_unit == 1 else pc.divide(raw, per_unit)


def _numbers(work: _Work) -> None:
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
        present = _present(column)
        values = np.zeros(len(column), np.int64)
        good = np.zeros(len(column), np.bool_)
        if pa.types.is_uint64(column.type):
            wide = column.fill_null(0).to_numpy(zero_copy_only=False)
            good = wide <= np.uint64(high)
            values = np.where(good, wide, 0).astype(np.int64)
        elif pa.types.is_integer(column.type):
            values = _ints(column)
            good = (values >= low) & (values <= high)
        elif _is_text(column):
            good = _mask(pc.match_substring_regex(column, r"^-?(0|[1-9][0-9]{0,15})$"))
            values[good] = _ints(column.filter(pa.array(good)).cast(pa.int64()))
            good &= (values >= low) & (values <= high)
        work.doubtful |= present & ~good
        work.rows[:, col] = np.where(good, values, 0)


def _graphic(work: _Work, name: str, length_max: int) -> None:
    """Doubt values that are not 1 to `length_max` visible ASCII characters."""
    column = work.columns[name]
    if not _is_text(column):
        work.doubtful |= _present(column)
        return
    lengths = _ints(pc.binary_length(column))
    present = _present(column)
    work.doubtful |= present & ((lengths < 1) | (lengths > length_max))
    if not _all_within(column, 0x21, 0x7E):
        work.doubtful |= _mask(pc.match_substring_regex(column, _GRAPHIC))


def _identifiers(work: _Work, assembler: Assembler) -> None:
    for name, col in TOKEN_COLUMNS:
        column = work.columns.get(name)
        if column is None:
            continue
        if name == "ip":
            column = _addresses(work, column)
        else:
            _graphic(work, name, FIELDS[name].length_max)
        if _is_text(column):
            work.rows[:, col] = assembler.tokenizer.tokens(FIELDS[name].space, column)
            work.texts[name] = column
    work.doubtful |= work.rows[:, Col.CUSTOMER] == 0


def _addresses(work: _Work, column: pa.Array) -> pa.Array:
    """Network addresses in their shortest form."""
    if not _is_text(column):
        work.doubtful |= _present(column)
        return column
    plain = _mask(pc.match_substring_regex(column, _IPV4))
    other = _present(column) & ~plain
    if not other.any():
        return column
    shortest = column.to_pylist()
    for place in np.flatnonzero(other).tolist():
        try:
            shortest[place] = checks.address(shortest[place])
        except FieldError:
            work.doubtful[place] = True
    return pa.array(shortest, pa.string())


def _texts(work: _Work, assembler: Assembler) -> None:
    """Texts that are in no word of the row: checked, and hashed for the content key."""
    permitted = (work.rows[:, Col.FLAGS] & int(Flag.LOCATION_PERMITTED)) != 0
    for name in CONTENT_TEXTS:
        column = work.columns.get(name)
        if column is None:
            continue
        if name == "legal_basis":
            column = _canonical(work, name, _legal_basis)
        elif name == "ip_port":
            column = _canonical(work, name, lambda value: checks.port(_int_or_text(value)))
        elif name in ("latitude", "longitude"):
            work.doubtful |= _present(column) & ~permitted
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
    return hashes[_ints(encoded.indices.cast(pa.int64()).fill_null(len(hashes) - 1))]


def _degrees_of(name: str) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        return checks.degrees(name, value)

    return convert


def _canonical(work: _Work, name: str, convert: Callable[[Any], str]) -> pa.Array:
    converted, indices = _by_value(work, name, convert, None)
    return pa.array(converted, pa.string()).take(pa.array(indices))


def _free_text(work: _Work, name: str, column: pa.Array) -> pa.Array | None:
    if not _is_text(column):
        work.doubtful |= _present(column)
        return None
    ascii_only = _all_within(column, 0x20, 0x7E)
    lengths = _ints(pc.binary_length(column) if ascii_only else pc.utf8_length(column))
    work.doubtful |= _present(column) & ((lengths < 1) | (lengths > FIELDS[name].length_max))
    if not ascii_only:
        work.doubtful |= _mask(pc.match_substring_regex(column, _CONTROL))
    return column


def _together(work: _Work) -> None:
    """Rules on several fields of an event."""
    rows = work.rows
    kind = rows[:, Col.KIND]
    money = np.isin(kind, [int(one) for one in rules.MONEY_KINDS])
    has_amount = _present(work.columns["amount_fen"]) if "amount_fen" in work.columns else np.zeros(len(rows), np.bool_)
    work.doubtful |= money & ((rows[:, Col.ACCOUNT] == 0) | ~has_amount)
    work.doubtful |= (kind == Kind.TRANSFER) & (rows[:, Col.PAYEE] == 0)
    is_label = kind == Kind.LABEL
    work.doubtful |= (rows[:, Col.LABEL] >= 0) != is_label
    column = work.columns.get("refers_to")
    if column is None:
        work.doubtful |= is_label
        return
    _graphic(work, "refers_to", checks.EVENT_ID_MAX)
    present = _present(column)
    work.doubtful |= present & ~np.isin(kind, [int(one) for one in rules.REFERRING_KINDS])
    work.doubtful |= is_label & ~present
    if _is_text(column):
        work.texts["refers_to"] = column


# ---------------------------------------------------------------------------------------------------------------- keys


def _event_keys(work: _Work, source: str | None) -> list[str]:
    """Fill in the keys of the events and of those they refer to; the source of each row."""
    count = len(work.rows)
    column = work.columns.get("source")
    if column is None or column.null_count == count:
        if source is None:
            work.doubtful[:] = True
            return [""] * count
        converted: list[Any] = [source]
        indices = np.zeros(count, np.int64)
    else:
        converted, indices = _by_value(work, "source", checks.source, source)
        work.doubtful |= np.array([one is None for one in converted])[indices]
    event_ids = work.columns["event_id"]
    refers = work.texts.get("refers_to")
    for number in np.unique(indices).tolist():
        if converted[number] is None:
            continue
        places = np.flatnonzero(indices == number)
        prefix = f"{converted[number]}\0".encode()
        taken = None if len(places) == count else pa.array(places)
        for ids, col in ((event_ids, Col.EVENT_KEY), (refers, Col.REFERS_KEY)):
            if ids is not None and _is_text(ids):
                asked = ids if taken is None else ids.take(taken)
                work.rows[places, col] = _EVENT_KEYS.of_column(asked, prefix=prefix)
    return [converted[number] or "" for number in indices.tolist()] if len(converted) > 1 else [source or ""] * count


def _content_keys(work: _Work, assembler: Assembler) -> None:
    count = len(work.rows)
    named = [(index, work.hashes[name]) for index, name in enumerate(CONTENT_TEXTS, 1) if name in work.hashes]
    hashes = np.zeros((len(named), count), np.int64)
    for at, (_, hashed) in enumerate(named):
        hashes[at] = hashed
    words = np.empty(count * (len(CONTENT_COLUMNS) + 2 * len(named)), np.int64)
    ends = np.empty(count + 1, np.int64)
    indices = np.array([index for index, _ in named], np.int64)
    gather(work.rows, _CONTENT_COLUMNS, int(Col.FLAGS), CONTENT_FLAGS, indices, hashes, words, ends)
    digester = assembler.tokenizer.columns(CONTENT_SPACE)
    work.rows[:, Col.CONTENT_KEY] = digester.of_bytes(words.view(np.uint8), ends)


# -------------------------------------------------------------------------------------------------------------- finish


def _finish(work: _Work, assembler: Assembler, received: Ints, sources: list[str], flags: int) -> TableParts:
    """Send the doubtful rows the message's way, and keep the good ones of both ways in order."""
    refusals: list[Refusal] = []
    by_row: dict[int, Parts] = {}
    good = ~work.doubtful
    names = [name for name in FIELDS if name in work.columns]
    for place in np.flatnonzero(work.doubtful).tolist():
        try:
            values = {name: _cell(work, name, place) for name in names}
            values = {name: value for name, value in values.items() if value is not None}
            if sources[place]:
                values.setdefault("source", sources[place])
            parts = assembler.parts(convert_message(values), int(received[place]), flags)
        except FieldError as error:
            refusals.append(Refusal(place, error.field, error.rule, error.got, error.code))
            continue
        by_row[place] = parts
        good[place] = True
        work.rows[place] = np.frombuffer(parts.row, np.int64)
    places = np.flatnonzero(good)
    notes = _notes(work, assembler)
    event_ids: list[str] = _strings(work.columns["event_id"])
    for place, parts in by_row.items():
        event_ids[place] = parts.event_id
        sources[place] = parts.source
        notes[place] = parts.notes
    texts = {name: work.texts[name] for name in work.texts if name in SEAL_BIT}
    hashes = np.zeros((len(work.rows), len(SEALED_TEXTS)), np.int64)
    for at, name in enumerate(SEALED_TEXTS):
        if name in work.hashes:
            hashes[:, at] = work.hashes[name]
    for place, parts in by_row.items():
        hashes[place] = parts.text_hashes
    rows = work.rows
    slow = by_row
    if refusals:
        chosen = places.tolist()
        rows = rows[places]
        event_ids = [event_ids[place] for place in chosen]
        sources = [sources[place] for place in chosen]
        notes = [notes[place] for place in chosen]
        taken = pa.array(places)
        texts = {name: column.take(taken) for name, column in texts.items()}
        hashes = hashes[places]
        slow = {int(np.searchsorted(places, place)): parts for place, parts in by_row.items()}
    return TableParts(rows, places, event_ids, sources, notes, texts, hashes, slow, refusals)


def _strings(column: pa.Array) -> list[str]:
    return column.to_pylist() if _is_text(column) else [""] * len(column)


def _cell(work: _Work, name: str, place: int) -> Any:
    """One value as a message would have it."""
    column = work.columns[name]
    if not column[place].is_valid:
        return None
    if pa.types.is_timestamp(column.type):
        at_ms = int(np.clip(_ints(_milliseconds(column.slice(place, 1)))[0], _YEAR_1900_MS, _YEAR_9999_MS))
        written = instant_text(at_ms)
        return written if column.type.tz is not None else written.removesuffix("Z")
    value = column[place].as_py()
    if isinstance(value, str):
        if name in _WHOLE_FIELDS and _INT_TEXT.fullmatch(value):
            return int(value)
        if name in _TRUTH_FIELDS and value in ("true", "false"):
            return value == "true"
        if name == "verification":
            return value.split("|")
    return value


_WHOLE_FIELDS: Final = frozenset({"amount_fen", "extra_0", "extra_1", "extra_2", "extra_3"})
_TRUTH_FIELDS: Final = frozenset({"history_authorised", "location_permitted"})


def _notes(work: _Work, assembler: Assembler) -> list[Notes | None]:
    """The notes of each row; events that say the same share one value.

    The same: texts of the same keyed hashes, and references of the same event key.
    """
    count = len(work.rows)
    named = [name for name in (*FREE_NOTES, "legal_basis", "refers_to") if name in work.texts]
    named = [name for name in FIELDS if name in named]
    notes: list[Notes | None] = [assembler.plain_notes] * count
    if not named:
        return notes
    default = assembler.limits.legal_basis_default
    mixed = np.zeros(count, np.uint64)
    for bit, name in enumerate(named):
        hashed = work.hashes[name] if name in work.hashes else work.rows[:, Col.REFERS_KEY]
        mixed += hashed.view(np.uint64) * _NOTE_FACTORS[bit]
    _, first, which = np.unique(mixed, return_index=True, return_inverse=True)
    places = pa.array(first)
    columns = [work.texts[name].take(places).to_pylist() for name in named]
    different: list[Notes | None] = []
    for values in zip(*columns, strict=True):
        said = {name: value for name, value in zip(named, values, strict=True) if value is not None}
        if said:
            said.setdefault("legal_basis", default)
        different.append(said or assembler.plain_notes)
    return [different[number] for number in which.tolist()]


assert tuple(name for name, _ in TOKEN_COLUMNS) == SEALED_TOKENS
assert {name for name, _ in TOKEN_COLUMNS} == {name for name, one in FIELDS.items() if one.role is Role.TOKEN}
