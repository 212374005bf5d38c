"""What a data set may be used for: its columns, their classes, its purposes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tarim.base.errors import DefinitionError
from tarim.federation import ContractBreach, DataSet, registered
from tarim.federation.intersection import IdentifierKind
from tarim.federation.node.contract import Columns


def made(folder: Path, **classes: str) -> DataSet:
    path = folder / "rows.parquet"
    pq.write_table(pa.table({"phone": ["1", "2"], "age": [30, 40], "pin": [1234, 4321], "y": [0, 1]}), path)
    return registered(
        path, "rows", "phone", purposes=("p",), contract_number="c", acquired="2026-01-01", medium="m", classes=classes
    )


def test_a_contract_uses_what_is_there_for_its_purpose_and_never_authentication_data(tmp_path: Path) -> None:
    data_set = made(tmp_path, pin="C3", age="C1")
    wanted = Columns(data_set.digest, "phone", IdentifierKind.PHONE, ("age",), "y")
    data_set.require(wanted, "p")
    for changed, purpose, why in (
        ({"features": ("age", "pin")}, "p", "class C3"),
        ({"features": ("age", "phone")}, "p", "nothing that is learned from"),
        ({"features": ("income",)}, "p", "no column income"),
        ({"key": "age"}, "p", "found by"),
        ({}, "another purpose", "another purpose only"),
    ):
        with pytest.raises(ContractBreach, match=why):
            data_set.require(msgspec.structs.replace(wanted, **changed), purpose)


def test_a_class_of_a_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Otherwise a column that was meant to be kept out would be learned from."""
    with pytest.raises(DefinitionError, match="a class is given to pim"):
        made(tmp_path, pim="C3")
