"""What an entry may hold, and how it leaves the house."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarim.audit import Entry, Result, chained_of, line_of, plain, without_numbers
from tarim.base.errors import Damaged, DefinitionError
from tests.fakes.audit import chain, entry


@pytest.mark.parametrize(
    "changed",
    [
        {"who": "x" * 65},
        {"object": "a\nb"},
        {"act": ""},
        {"at_ms": -1},
        {"detail": {str(number): 1 for number in range(17)}},
        {"detail": {"text": "x" * 129}},
        {"detail": {"text": "\x00"}},
    ],
)
def test_what_does_not_fit_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(DefinitionError):
        entry(1, **changed)


@given(st.text(max_size=200), st.integers(0, 64))
def test_plain_text_always_fits(text: str, characters_max: int) -> None:
    """Surrogates, zero bytes and line ends too."""
    found = plain(text, characters_max)
    assert len(found) <= characters_max and (not found or found.isprintable())
    assert Entry(1, found, "key", "act").who == found


@pytest.mark.parametrize(
    "number",
    [
        "13812345678",
        "+86 138 1234 5678",
        "6222 0202 0011 2233",
        "6222-0202-0011-2233-445",
        "11010119900307123X",
        "010-62771234",
        "wang.fang@example.com",
    ],
)
def test_numbers_of_persons_are_taken_out_of_reasons(number: str) -> None:
    """And what reads on stays."""
    assert without_numbers(f"客户来电 {number} 要求复核, rule 12 of 2026") == "客户来电 […] 要求复核, rule 12 of 2026"


def test_a_line_has_stable_names_and_gives_the_entry_back() -> None:
    each = chain(3)[2]
    line = line_of(each)
    assert chained_of(line) == each
    assert set(json.loads(line)) == {
        "@timestamp",
        "event.action",
        "event.dataset",
        "event.outcome",
        "event.reason",
        "event.sequence",
        "source.address",
        "tarim.at_ms",
        "tarim.before",
        "tarim.detail",
        "tarim.digest",
        "tarim.kind",
        "tarim.object",
        "tarim.result",
        "tarim.session",
        "user.name",
    }
    assert b"\n" not in line
    assert [json.loads(line_of(each))["event.outcome"] for each in chain(2)] == ["failure", "success"]


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"x" * 20_000, b'{"event.sequence": 1}'])
def test_other_lines_are_no_entries(line: bytes) -> None:
    with pytest.raises(Damaged):
        chained_of(line)


def test_results_have_an_outcome_each() -> None:
    for result in Result:
        assert json.loads(line_of(chain(1)[0].__class__(1, entry(1, result=result), b"a" * 32, b"b" * 32)))
