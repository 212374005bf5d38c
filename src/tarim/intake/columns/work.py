"""A table at work: what is known of it so far, and how one of its columns is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tarim.base.errors import InputError
from tarim.privacy import bytes_of
from tarim.stream import Rows

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(slots=True, repr=False)
class Work:
    """What is known of a table so far: the rows' words, which rows are doubtful, texts by field."""

    columns: Mapping[str, pa.Array]
    rows: Rows
    doubtful: Mask
    texts: dict[str, pa.Array] = field(default_factory=dict)
    hashes: dict[str, Ints] = field(default_factory=dict)


def is_text(column: pa.Array) -> bool:
    """Whether a column holds strings."""
    return bool(pa.types.is_string(column.type))


def mask(column: pa.Array) -> Mask:
    """A boolean column as an array, null as False."""
    found: Mask = column.fill_null(False).to_numpy(zero_copy_only=False)
    return found


def is_present(column: pa.Array) -> Mask:
    """Where a column has a value."""
    return mask(column.is_valid())


def ints(column: pa.Array) -> Ints:
    """An integer column as int64, null as 0."""
    found: Ints = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return found


def all_within(column: pa.Array, low: int, high: int) -> bool:
    """Whether every byte of a string column is from low to high."""
    held, ends = bytes_of(column)
    data = held[ends[0] : ends[-1]]
    return len(data) == 0 or bool(data.min() >= low and data.max() <= high)


def milliseconds(column: pa.Array) -> pa.Array:
    """A timestamp column as int64 milliseconds, rounded down (values before 1970 are refused later anyway)."""
    per_unit = {"s": 1_000, "ms": 1, "us": 1_000, "ns": 1_000_000}[column.type.unit]
    raw = column.cast(pa.int64())
    if column.type.unit == "s":
        return pc.multiply(raw, per_unit)
    return raw if per_unit == 1 else pc.divide(raw, per_unit)


def by_value(work: Work, name: str, convert: Callable[[Any], Any], absent: Any) -> tuple[list[Any], Ints]:
    """`convert` of each different value, spread over the rows; a value it refuses makes its rows doubtful."""
    column = work.columns[name]
    if pa.types.is_nested(column.type):
        work.doubtful |= is_present(column)
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
    indices = ints(encoded.indices.cast(pa.int64()).fill_null(len(converted) - 1))
    if any(refused):
        work.doubtful |= np.array(refused)[indices]
    return converted, indices


def int_or_text(value: Any) -> int | str:
    """A value that is one of these; True and False are not.  Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError
    return value
