"""Files of entries: CSV and Excel, strictly."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import Any

import openpyxl
import pytest

from tarim.base.errors import FieldError, InputError, TooLarge
from tarim.screening import ListDefinition, RawRow, define_list, read_entries, token_number, token_text
from tarim.screening.lists import reading

MULES = define_list("mules", "black", "payee_account")
DEVICES = define_list("devices", "trusted_devices")


def read_csv(text: str | bytes) -> list[RawRow]:
    content = text.encode() if isinstance(text, str) else text
    return list(read_entries(io.BytesIO(content), len(content), "csv"))


def xlsx(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read_xlsx(content: bytes) -> list[RawRow]:
    return list(read_entries(io.BytesIO(content), len(content), "xlsx"))


def checked(definition: ListDefinition, **cells: str) -> reading.Wanted:
    return reading.check_row(definition, RawRow(2, cells), "police", "fraud")


def test_both_kinds_of_file_say_the_same() -> None:
    text = "值,来源,失效\n0622,police,2026-01-31\n,,\n0623,,\n"
    same = xlsx(["值", "来源", "失效"], ["0622", "police", datetime(2026, 1, 31)], [None, None, None], ["0623"])
    rows = [(2, {"value": "0622", "source": "police", "valid_to": "2026-01-31"}), (4, {"value": "0623"})]
    assert [(row.row, dict(row.cells)) for row in read_csv("\ufeff" + text)] == rows
    assert [(row.row, dict(row.cells)) for row in read_xlsx(same)] == rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no header"),
        ("value,colour\n1,red\n", "row 1, column 2"),
        ("value,value\n1,2\n", "comes twice"),
        ("source\npolice\n", "value or token"),
        ("value,token\n1,2\n", "not both"),
        ("value\n1,2\n", "row 2 has 2 columns"),
        ('value\n"1', "after row 1"),
        (b"value\n\xff\xfe\n", "not UTF-8"),
        ("value\n" + "1" * 5_000 + "\n", "at most 4096 characters"),
    ],
)
def test_a_file_that_is_not_one_is_refused_with_the_place(text: str | bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_csv(text)
    assert said in caught.value.detail


def test_a_number_in_a_spreadsheet_is_refused() -> None:
    """Excel keeps fifteen digits and no leading zeros."""
    with pytest.raises(InputError, match="row 2, column 1"):
        read_xlsx(xlsx(["value"], [6222020200112233]))


def test_a_spreadsheet_that_is_not_one_is_refused() -> None:
    for content in (b"", b"value\n1\n", xlsx(["value"], ["1"])[:-40], _zipped(b"<x/>")):
        with pytest.raises(InputError):
            read_xlsx(content)


def _zipped(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", content)
    return out.getvalue()


def test_a_file_has_a_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ROWS_MAX", 2)
    assert len(read_csv("value\n1\n2\n")) == 2
    with pytest.raises(TooLarge):
        read_csv("value\n1\n2\n3\n")
    monkeypatch.setattr(reading, "XLSX_UNPACKED_BYTES_MAX", 100)
    with pytest.raises(TooLarge):
        read_xlsx(xlsx(["value"], ["1"]))
    with pytest.raises(TooLarge):
        list(read_entries(io.BytesIO(b""), reading.CSV_BYTES_MAX + 1, "csv"))
    with pytest.raises(InputError):
        list(read_entries(io.BytesIO(b""), 0, "ods"))


def test_a_good_row_is_canonical_and_masked() -> None:
    row = checked(DEVICES, value=" device-00112233 ", customer="C0000001", valid_from="2026-01-31", source="app")
    assert (row.value, row.customer, row.masked) == ("device-00112233", "C0000001", "****01 ****233")
    assert (row.source, row.reason) == ("app", "fraud")
    assert "device-00112233" not in repr(row)
    assert checked(MULES, value="1", operation="移除").to_s == 0


def test_an_export_is_taken_in_again() -> None:
    row = checked(DEVICES, token=token_text(-5), customer_token=token_text(7), masked="****01 ****2233")
    assert (row.token, row.customer_token, row.masked) == (-5, 7, "****01 ****2233")
    assert [token_number(text) for text in ("fffffffffffffffb", "xyz", "0" * 16)] == [-5, 0, 0]


@pytest.mark.parametrize(
    ("definition", "cells", "field"),
    [
        (MULES, {"value": "1", "operation": "drop"}, "operation"),
        (MULES, {"source": "x"}, "value"),
        (MULES, {"value": "1 2"}, "value"),
        (MULES, {"value": "1", "customer": "C"}, "customer"),
        (MULES, {"value": "1", "masked": "6222020200112233"}, "masked"),
        (MULES, {"token": "12", "masked": "****"}, "token"),
        (MULES, {"token": "0" * 16}, "token"),
        (MULES, {"token": "1" * 16, "masked": "6222020200112233"}, "masked"),
        (MULES, {"token": "1" * 16, "value": "1"}, "value"),
        (MULES, {"value": "1", "valid_from": "2026-01-31T00:00:00"}, "valid_from"),
        (MULES, {"value": "1", "valid_from": "1999-01-31"}, "valid_from"),
        (MULES, {"value": "1", "valid_from": "2026-01-31", "valid_to": "2026-01-31"}, "valid_to"),
        (MULES, {"value": "1", "reason": "x" * 201}, "reason"),
        (MULES, {"value": "1", "source": "x" * 65}, "source"),
        (DEVICES, {"value": "D"}, "customer"),
        (define_list("a", "suspect_addresses"), {"value": "10.0.0.256"}, "value"),
    ],
)
def test_a_wrong_row_is_refused_by_field_and_rule(
    definition: ListDefinition, cells: dict[str, str], field: str
) -> None:
    with pytest.raises(FieldError) as caught:
        checked(definition, **cells)
    assert caught.value.field == field
    assert not any(len(value) > 6 and value in caught.value.detail for value in cells.values())
