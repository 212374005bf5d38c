"""A party's data sets: a file, known by its digest, with what may be done with it.

A data set is Parquet or CSV.  It is registered once; every run reads it anew and refuses a file that has changed since (DS-21,
AS-14).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from tarim.base.errors import DefinitionError, NotFound, TooLarge
from tarim.federation.errors import ContractBreach
from tarim.federation.node.contract import ColumnName, Columns, Name, Words
from tarim.federation.node.terms import Digest

BYTES_MAX: Final = 8 << 30
ROWS_MAX: Final = 1 << 24
_PIECE: Final = 1 << 20
_SUFFIXES: Final = (".parquet", ".csv")


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column: its name, `number`, `text` or `key`, and the class of what it holds (JR/T 0171: C1, C2 or C3)."""

    name: ColumnName
    kind: Annotated[str, Meta(pattern="^(number|text|key)$")]
    data_class: Annotated[str, Meta(pattern="^C[123]$")] = "C2"


class DataSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a party says of a data set.

    purposes: what it may be used for, as contracts write it.  contract_number, acquired, medium: under which contract it was
    got, when and on what (AS-14).
    """

    name: Name
    digest: Digest
    path: str
    rows: Annotated[int, Meta(ge=1, le=ROWS_MAX)]
    columns: tuple[Column, ...]
    purposes: Annotated[tuple[Words, ...], Meta(min_length=1, max_length=32)]
    contract_number: Annotated[str, Meta(min_length=1, max_length=64)]
    acquired: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    medium: Annotated[str, Meta(min_length=1, max_length=64)]

    def offered(self) -> DataSet:
        """What the other party is shown: all but where the file lies."""
        shown: DataSet = msgspec.structs.replace(self, path="")
        return shown

    def require(self, wanted: Columns, purpose: str) -> None:
        """Nothing when the contract uses what is there, for the data set's purpose.  Raises ContractBreach."""
        known = {column.name: column for column in self.columns}
        for name in (wanted.key, *wanted.features, *([wanted.label] if wanted.label else [])):
            if name not in known:
                raise ContractBreach(f"the data set {self.name} has no column {name}", known=True)
        if known[wanted.key].kind != "key" or any(known[name].kind == "key" for name in wanted.features):
            raise ContractBreach("a key is what customers are found by, and nothing that is learned from", known=True)
        if any(known[name].data_class == "C3" for name in wanted.features):
            raise ContractBreach("authentication data (class C3) is never learned from", known=True)
        if purpose not in self.purposes:
            raise ContractBreach(f"the data set {self.name} may be used for another purpose only", known=True)


def registered(
    path: Path, name: str, key: str, *, purposes: tuple[str, ...], contract_number: str, acquired: str, medium: str,
    classes: dict[str, str] | None = None,
) -> DataSet:  # fmt: skip
    """A data set for the book.  Raises NotFound, DefinitionError, TooLarge."""
    if path.suffix not in _SUFFIXES:
        raise DefinitionError(f"a data set is a file that ends in {' or '.join(_SUFFIXES)}")
    table = _table(path)
    if key not in table.column_names:
        raise DefinitionError(f"the data set has no column {key}")
    if unknown := sorted(set(classes or {}) - set(table.column_names)):
        raise DefinitionError(f"a class is given to {', '.join(unknown)}, and the data set has no such column")
    import pyarrow as pa

    def kind(column: str) -> str:
        if column == key:
            return "key"
        of = table.schema.field(column).type
        number = pa.types.is_integer(of) or pa.types.is_floating(of) or pa.types.is_boolean(of)
        return "number" if number or pa.types.is_decimal(of) else "text"

    columns = tuple(Column(each, kind(each), (classes or {}).get(each, "C2")) for each in table.column_names)
    found = DataSet(
        name,
        file_digest(path),
        str(path.resolve()),
        table.num_rows,
        columns,
        purposes,
        contract_number,
        acquired,
        medium,
    )
    try:
        return msgspec.convert(msgspec.to_builtins(found), DataSet)
    except msgspec.ValidationError as error:
        raise DefinitionError(f"a data set cannot be registered like that: {error}") from None


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hex.  Raises NotFound, TooLarge."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                size += len(piece)
                if size > BYTES_MAX:
                    raise TooLarge(f"{path} is larger than {BYTES_MAX} bytes")
                digest.update(piece)
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from None
    return digest.hexdigest()


class Raw(NamedTuple):
    """A feature as it lies in the file: numbers with NaN where one is missing, texts with "" there, (rows,)."""

    name: str
    values: npt.NDArray[np.float64] | npt.NDArray[np.str_]


class Rows:
    """The columns a contract names, of a data set as it was registered."""

    def __init__(self, data_set: DataSet, wanted: Columns) -> None:
        """Raises ContractBreach when the file is another one by now, NotFound."""
        if file_digest(Path(data_set.path)) != data_set.digest:
            raise ContractBreach(f"the data set {data_set.name} has changed since it was registered", known=True)
        names = list(dict.fromkeys([wanted.key, *wanted.features, *([wanted.label] if wanted.label else [])]))
        self._table = _table(Path(data_set.path), names)
        self._wanted = wanted
        self._kinds = {column.name: column.kind for column in data_set.columns}

    def __len__(self) -> int:
        rows: int = self._table.num_rows
        return rows

    def keys(self) -> list[str]:
        """The key of each row, as text."""
        return ["" if each is None else str(each) for each in self._table[self._wanted.key].to_pylist()]

    def labels(self) -> npt.NDArray[np.uint8]:
        """0 or 1 of each row: numbers above 0, and the texts yes, true and 1, are 1.  Raises DefinitionError."""
        values = self._table[self._wanted.label].to_pylist()
        if any(value is None for value in values):
            raise DefinitionError("the label has missing values")
        if self._kinds[self._wanted.label] == "number":
            return (np.array(values, np.float64) > 0).astype(np.uint8)
        return np.array([str(value).strip().lower() in ("yes", "true", "1", "是") for value in values], np.uint8)

    def raw(self) -> list[Raw]:
        """The features, with their gaps."""
        found = []
        for name in self._wanted.features:
            values = self._table[name].to_pylist()
            if self._kinds[name] == "number":
                found.append(Raw(name, np.array([np.nan if each is None else float(each) for each in values])))
            else:
                found.append(Raw(name, np.array(["" if each is None else str(each) for each in values])))
        return found

    def numbers(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The features of these rows, (rows, columns); a missing number is nought.  Raises DefinitionError for a text."""
        found = []
        for name, values in self.raw():
            if values.dtype.kind != "f":
                raise DefinitionError(
                    f"the column {name} holds text: this is computed on numbers, yes and no as 1 and 0"
                )
            found.append(np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf)[places])
        return np.stack(found, axis=1)

    def features(self, training: npt.NDArray[np.int64], *, apart: bool) -> list[npt.NDArray[np.float64]]:
        """The features as numbers (rows,): missing numbers become the median of the training rows.

        apart: texts become one yes-or-no column for each value but the first that training rows have; otherwise the place of
        their value.
        """
        found: list[npt.NDArray[np.float64]] = []
        for _, values in self.raw():
            if values.dtype.kind == "f":
                found.append(_filled(values.astype(np.float64), training))
                continue
            known = np.unique(values[training])
            if apart:
                found += [(values == each).astype(np.float64) for each in known[1:]]
            else:
                found.append(np.searchsorted(known, values).astype(np.float64))
        return found


def _filled(values: npt.NDArray[np.float64], training: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    finite = np.isfinite(values)
    if finite.all():
        return values
    seen = values[training][finite[training]]
    filled: npt.NDArray[np.float64] = np.where(finite, values, np.median(seen) if len(seen) else 0.0)
    return filled


def _table(path: Path, columns: list[str] | None = None) -> Any:
    import pyarrow as pa
    import pyarrow.csv as pcsv
    import pyarrow.parquet as pq

    try:
        if path.suffix == ".parquet":
            table = pq.read_table(path, columns=columns)
        else:
            options = pcsv.ConvertOptions(include_columns=columns) if columns else None
            table = pcsv.read_csv(path, convert_options=options)
    except FileNotFoundError:
        raise NotFound(f"{path} cannot be read: it does not exist") from None
    except (pa.ArrowException, OSError) as error:
        raise DefinitionError(f"{path} cannot be read as a table: {type(error).__name__}") from None
    if not 1 <= table.num_rows <= ROWS_MAX:
        raise TooLarge(f"a data set has 1 to {ROWS_MAX} rows")
    return table
