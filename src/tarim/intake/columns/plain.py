"""The columns of a table by name, as the checks want them: known, given once, plain strings where text."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from tarim.base.errors import FieldError, TooLarge
from tarim.intake import checks
from tarim.intake import domain as rules
from tarim.intake.message import unknown_field
from tarim.privacy import FIELDS

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


def columns_of(batch: pa.RecordBatch, source: str | None, rows_max: int) -> dict[str, pa.Array]:
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
