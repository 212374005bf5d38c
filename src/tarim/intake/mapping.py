"""Foreign tables: which of their columns is which field of the envelope, and what has to be done on the way.

In TOML:

    [constants]
    source = "handbook"
    kind = "payment"

    [fields.event_id]
    column = "TRANSACTION_ID"
    prefix = "t-"

    [fields.amount_fen]
    column = "TX_AMOUNT"
    scale = 100                  # currency units to minor units, exactly; rounding = "nearest" allows rounding

    [fields.occurred_at]
    column = "TX_DATETIME"
    zone = "+08:00"              # of instants without one; unit = "s" reads numbers since the epoch

    [fields.label]
    column = "TX_FRAUD"
    values = { "1" = "fraud", "0" = "genuine" }

    [[drop]]                     # rows that are no events
    column = "type"
    values = ["INITALBALANCE"]

Columns that are not named are left out.
"""

from __future__ import annotations

import collections.abc
import re
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tarim.base.errors import DefinitionError, FieldError
from tarim.intake import domain as rules
from tarim.privacy import FIELDS, Role

TEXT_BYTES_MAX: Final = 256 << 10
SCALE_END: Final = 10**12
_ZONE: Final = re.compile(r"([+-])(0[0-9]|1[0-4]):([0-5][0-9])")
_UNITS_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TEXT_ROLES: Final = (Role.TOKEN, Role.SEALED, Role.NOTE)
_NUMBERS: Final = frozenset({"amount_fen", "extra_0", "extra_1", "extra_2", "extra_3"})
_KEPT_TYPES: Final = frozenset({"location_permitted", "history_authorised", "verification", "latitude", "longitude"})
_FLOAT_ERROR: Final = 1e-6


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a field comes from.

    scale: a number is multiplied by it and must come out whole unless rounding is `nearest` (half to even).  prefix and
    suffix: put around texts.  values: texts replaced by others, every value must be among them.  unit and epoch: numbers
    are that many ms, s, m, h or d after the epoch (RFC 3339).  zone: of instants that state none.
    """

    column: str
    scale: int = 1
    rounding: str = "exact"
    prefix: str = ""
    suffix: str = ""
    values: dict[str, str] | None = None
    unit: str = ""
    epoch: str = "1970-01-01T00:00:00Z"
    zone: str = ""


class Drop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows whose column has one of the values are left out."""

    column: str
    values: list[str]


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    fields: dict[str, Column]
    constants: dict[str, str | int | bool] = {}
    drop: list[Drop] = []


@dataclass(frozen=True, slots=True)
class Mapping:
    """How a foreign table becomes envelope columns; checked when it is made.  Raises DefinitionError."""

    fields: collections.abc.Mapping[str, Column]
    constants: collections.abc.Mapping[str, str | int | bool]
    drop: collections.abc.Sequence[Drop] = ()

    def __post_init__(self) -> None:
        for name in (*self.fields, *self.constants):
            if name not in FIELDS:
                raise DefinitionError(f"mapping: {name!r} is not a field of the envelope")
        both = sorted(set(self.fields) & set(self.constants))
        if both:
            raise DefinitionError(f"mapping: {', '.join(both)} has both a column and a constant")
        for name, column in self.fields.items():
            _check(name, column)

    @classmethod
    def from_toml(cls, text: str) -> Mapping:
        """The mapping written in TOML."""
        if len(text) > TEXT_BYTES_MAX:
            raise DefinitionError(f"mapping: longer than {TEXT_BYTES_MAX} characters")
        try:
            document = msgspec.convert(tomllib.loads(text), _Document)
        except tomllib.TOMLDecodeError as error:
            raise DefinitionError(f"mapping: {error}") from None
        except msgspec.ValidationError as error:
            raise DefinitionError(f"mapping: {error}") from None
        return cls(document.fields, document.constants, document.drop)

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch in envelope columns.

        Raises FieldError naming the field when a column is not there, or a value cannot be mapped; never the value.
        """
        for drop in self.drop:
            texts = _as_text(_column(batch, drop.column, "drop"), "drop")
            dropped = pc.is_in(texts, pa.array(drop.values, pa.string()))
            batch = batch.filter(pc.invert(dropped))
        arrays: dict[str, pa.Array] = {}
        for name, how in self.fields.items():
            arrays[name] = _mapped(name, how, _column(batch, how.column, name))
        for name, value in self.constants.items():
            arrays[name] = pa.array([value], pa.string() if isinstance(value, str) else None).take(
                pa.array(np.zeros(batch.num_rows, np.int64))
            )
        names = [name for name in FIELDS if name in arrays]
        return pa.RecordBatch.from_arrays([arrays[name] for name in names], names)


def _check(name: str, column: Column) -> None:
    if not 1 <= column.scale < SCALE_END or (column.scale != 1 and name not in _NUMBERS):
        raise DefinitionError(f"mapping: {name} cannot have the scale {column.scale}")
    if column.rounding not in ("exact", "nearest"):
        raise DefinitionError(f"mapping: rounding of {name} is exact or nearest")
    if column.unit and (column.unit not in _UNITS_MS or name != "occurred_at"):
        raise DefinitionError(
            f"mapping: unit of {name} must be one of {', '.join(_UNITS_MS)}, and only for occurred_at"
        )
    if column.zone and (_ZONE.fullmatch(column.zone) is None or name != "occurred_at"):
        raise DefinitionError(f"mapping: zone of {name} must be like +08:00, and only for occurred_at")
    if column.values is not None and len(column.values) > 10_000:
        raise DefinitionError(f"mapping: {name} has more than 10000 values")


def _column(batch: pa.RecordBatch, wanted: str, name: str) -> pa.Array:
    places = batch.schema.get_all_field_indices(wanted)
    if len(places) != 1:
        raise FieldError(name, rules.REQUIRED, f"{len(places)} columns of the mapped name")
    column = batch.column(places[0])
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _as_text(column: pa.Array, name: str) -> pa.Array:
    """Numbers and texts as texts; a float that is whole is written as a whole number."""
    if pa.types.is_string(column.type):
        return column
    if pa.types.is_floating(column.type):
        column = _whole(column, name)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return column.cast(pa.string())


def _whole(column: pa.Array, name: str) -> pa.Array:
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        raise FieldError(name, rules.IS_WHOLE, "a number with a fraction, or out of range") from None


def _mapped(name: str, how: Column, column: pa.Array) -> pa.Array:
    if name == "occurred_at":
        return _instants(how, column)
    if how.values is not None:
        return _replaced(name, how.values, _as_text(column, name))
    if name in _NUMBERS:
        return _scaled(name, how, column)
    if name in _KEPT_TYPES and not how.prefix and not how.suffix:
        return column
    try:
        texts = _as_text(column, name)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise FieldError(name, rules.IS_TEXT, f"a column of {column.type}") from None
    if how.prefix or how.suffix:
        texts = pc.binary_join_element_wise(how.prefix, texts, how.suffix, "")
    if name in ("city", "merchant_category"):
        return texts
    assert FIELDS[name].role in (*_TEXT_ROLES, Role.FACT)
    return texts


def _replaced(name: str, values: collections.abc.Mapping[str, str], texts: pa.Array) -> pa.Array:
    places = pc.index_in(texts, pa.array(list(values), pa.string()))
    unknown = pc.and_(texts.is_valid(), pc.invert(places.is_valid()))
    if pc.any(unknown).as_py():
        raise FieldError(name, rules.KNOWN_FIELD, "a value that the mapping does not name")
    return pa.array(list(values.values()), pa.string()).take(places)


def _scaled(name: str, how: Column, column: pa.Array) -> pa.Array:
    """Whole numbers: `column` times the scale."""
    kind: Any = column.type
    if pa.types.is_string(kind) or pa.types.is_decimal(kind):
        try:
            exact = column.cast(pa.decimal128(25, 9))
            product = pc.multiply(exact, pa.scalar(Decimal(how.scale), pa.decimal128(12, 0)))
            rounded = pc.round(product, 0, round_mode="half_to_even")
            if how.rounding == "exact" and not pc.all(pc.equal(product, rounded)).as_py() and len(column):
                raise FieldError(name, rules.IS_WHOLE, "more decimals than the scale takes away")
            return rounded.cast(pa.int64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise FieldError(name, rules.IS_WHOLE, f"a column of {kind} with something else") from None
    if pa.types.is_integer(kind):
        try:
            return pc.multiply_checked(column.cast(pa.int64()), how.scale)
        except pa.ArrowInvalid:
            raise FieldError(name, rules.IS_WHOLE, "a number out of range") from None
    if not pa.types.is_floating(kind):
        raise FieldError(name, rules.IS_WHOLE, f"a column of {kind}")
    present = column.is_valid().to_numpy(zero_copy_only=False)
    values = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
    product_f = values * how.scale
    with np.errstate(invalid="ignore"):
        rounded_f = np.rint(product_f)
        # Currency units in float64 are a few units of the last place off; what is further off has more decimals.
        good = np.isfinite(product_f) & (np.abs(product_f) < 2.0**53)
        exact_f = np.abs(product_f - rounded_f) <= _FLOAT_ERROR * np.maximum(1.0, np.abs(product_f) * 1e-6)
    if not good[present].all():
        raise FieldError(name, rules.IS_WHOLE, "a number out of range")
    if how.rounding == "exact" and not exact_f[present].all():
        raise FieldError(name, rules.IS_WHOLE, "more decimals than the scale takes away")
    return pa.array(np.where(good, rounded_f, 0).astype(np.int64), pa.int64(), mask=~present)


def _zone_ms(zone: str) -> int:
    match = _ZONE.fullmatch(zone)
    if match is None:
        return 0
    minutes = int(match[2]) * 60 + int(match[3])
    return (-minutes if match[1] == "-" else minutes) * 60_000


def _instants(how: Column, column: pa.Array) -> pa.Array:
    """Instants as timestamps in UTC, or as the texts they were if those state a zone."""
    utc = pa.timestamp("ms", "UTC")
    kind = column.type
    if how.unit:
        from tarim.intake.checks import occurred_ms

        try:
            number = column.cast(pa.int64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise FieldError("occurred_at", rules.IS_WHOLE, f"a column of {kind}") from None
        return pc.add_checked(pc.multiply_checked(number, _UNITS_MS[how.unit]), occurred_ms(how.epoch)).cast(utc)
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return column
    if pa.types.is_string(kind):
        if not how.zone:
            return column
        return pc.binary_join_element_wise(pc.replace_substring(column, " ", "T"), how.zone, "")
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("ms"))
    elif not pa.types.is_timestamp(kind):
        raise FieldError("occurred_at", rules.OCCURRED_SHAPE, f"a column of {kind} without a unit")
    if not how.zone:
        raise FieldError("occurred_at", rules.OCCURRED_SHAPE, "instants without a zone; the mapping can name one")
    local = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    return pc.subtract(local, _zone_ms(how.zone)).cast(utc)
