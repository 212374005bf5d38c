"""A report with a fault is refused with the rule quoted; one without validates against the schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tarim.base.errors import Damaged, DefinitionError
from tarim.reporting import Context, check_message, faults_of, message_of, packaged_codes, read_codes, read_divisions
from tarim.reporting.adapters import reference
from tarim.reporting.adapters.schema import make_schema
from tarim.reporting.domain.fields import SHAPES
from tests.fakes.suspicious import CONTEXT, NOW, PLANTED, report_of, sample, spoiled

NUMBER = "STR-2026-000001"


def test_the_sample_has_no_fault_and_its_message_keeps_to_the_schema() -> None:
    report = report_of(sample())
    assert faults_of(report, CONTEXT) == ()
    content = message_of(report, NUMBER)
    check_message(content)
    assert content == message_of(report, NUMBER)


@pytest.mark.parametrize(
    ("place", "value", "fault_at", "rule"), PLANTED, ids=[f"{i}-{p[3]}" for i, p in enumerate(PLANTED)]
)
def test_every_planted_fault_is_refused_with_its_rule(place: str, value: Any, fault_at: str, rule: str) -> None:
    """In both languages, at its place and element, without the value."""
    faults = faults_of(spoiled(place, value), CONTEXT)
    found = [fault for fault in faults if fault.path == (fault_at or place) and fault.rule == rule]
    assert len(found) == 1, faults
    [fault] = found
    assert fault.zh and fault.en and fault.element.isupper() and fault.field_zh and fault.field_en
    if isinstance(value, str) and len(value) > 6:
        assert value not in str(faults)


def test_a_fault_is_told_once_per_place() -> None:
    """A broken field is not also broken by what leans on it at the same place."""
    for place, value, _, _ in PLANTED:
        faults = faults_of(spoiled(place, value), CONTEXT)
        assert len({fault.path for fault in faults}) == len(faults)


@pytest.mark.parametrize("what", [b"<BSTR/>", b"<a", b"\xff", b"<!DOCTYPE a [<!ENTITY b 'c'>]><BSTR>&b;</BSTR>"])
def test_what_is_no_report_breaks_the_schema(what: bytes) -> None:
    with pytest.raises(Damaged):
        check_message(what)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<CRAT>49999.00</CRAT>", "<CRAT>a lot</CRAT>"),
        ("<RICD>F1008933000019</RICD>", ""),
        ("<TSDR>01</TSDR>", "<TSDR>01</TSDR><XXXX>1</XXXX>"),
        (f'number="{NUMBER}"', 'number="1"'),
        ('<SCTL seqno="1">13900000000</SCTL>', '<SCTL seqno="1">@N</SCTL>'),
    ],
)
def test_a_message_altered_by_hand_breaks_the_schema(before: str, after: str) -> None:
    content = message_of(report_of(sample()), NUMBER).decode()
    assert content.count(before) == 1
    with pytest.raises(Damaged, match="schema"):
        check_message(content.replace(before, after).encode())


def test_the_shipped_schema_is_current() -> None:
    """Otherwise: python -m tarim.reporting.adapters.schema."""
    from tarim.reporting import schema_text

    assert schema_text() == make_schema()


def test_every_text_of_every_structure_is_in_the_table_of_fields() -> None:
    for shape, items in SHAPES.items():
        assert sorted(shape.__struct_fields__) == sorted(item.attribute for item in items)


def test_a_bank_puts_its_own_codes_in_place_of_ours() -> None:
    codes = read_codes('[crime]\n"0101" = ["测试", "test"]\n', packaged_codes())
    assert codes["crime"].mark == "bank" and codes["urgency"].mark == "secondary"
    assert [fault.path for fault in faults_of(report_of(sample()), Context(codes, NOW))] == ["crimes[0]", "crimes[1]"]
    for text, told in (
        ("[crimes]\n", "no code table"),
        ("[crime]\n", "empty"),
        ("crime = 1", "table of"),
        ("[", "read"),
    ):
        with pytest.raises(DefinitionError, match=told):
            read_codes(text, packaged_codes())


def test_division_codes_of_a_file_are_looked_up() -> None:
    divisions = read_divisions('code,name\n650102,"天山区"\n')
    codes = read_codes("", packaged_codes(), divisions)
    assert codes.is_division("650102") and codes.is_division("650000") and not codes.is_division("650199")
    assert packaged_codes().is_division("650199") and not packaged_codes().is_division("990102")
    with pytest.raises(DefinitionError):
        read_divisions("code,name\n")


def test_the_page_of_fields_and_codes_is_current() -> None:
    """Otherwise: python -m tarim.reporting.adapters.reference docs/reference."""
    assert (Path(__file__).parents[3] / "docs/reference" / reference.PAGE).read_text(
        encoding="utf-8"
    ) == reference.page()
