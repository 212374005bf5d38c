"""The page of the rule language is current, and nothing of the language is left out of it."""

from __future__ import annotations

import re
from pathlib import Path

from tarim.rules import explain_names
from tarim.rules.check import check
from tarim.rules.parse import COMPARISONS, KEYWORDS, UNITS, parse
from tarim.rules.reference import PAGE, page
from tarim.rules.vocabulary import EVENT_NAMES
from tarim.stream import reference_features

NAMES = reference_features().names
DOCUMENT = Path(__file__).resolve().parents[3] / "docs/reference" / PAGE


def test_the_page_is_current():
    """Otherwise: make docs."""
    assert DOCUMENT.read_text(encoding="utf-8") == page()


def test_every_word_of_the_language_is_in_its_grammar():
    grammar = page().split("```ebnf")[1].split("```")[0]
    quoted = set(re.findall(r'"([^"]+)"', grammar))
    assert quoted >= KEYWORDS | COMPARISONS | set(UNITS) | {"list", "+", "-", "*", "/", "(", ")", ","}


def test_every_example_on_the_page_is_a_condition():
    rows = page().split("## Operators")[1].split("## Units")[0].splitlines()
    examples = [row.split(" | ")[-1].strip("| `") for row in rows if row.startswith("| `")]
    assert len(examples) == 11
    for example in examples:
        check(parse(example), NAMES)


def test_every_name_is_explained_in_both_languages():
    notes = explain_names(NAMES)
    assert [note.name for note in notes] == [*EVENT_NAMES, *NAMES]
    assert all(note.text_en and re.search("[\u4e00-\u9fff]", note.text_zh) for note in notes)
    told = {note.name: note for note in notes}
    assert told["amount_fen"].unit == told["payer_sum_amount_fen_24h"].unit == "fen"
    assert told["payer_since_last"].unit == "ms"
    assert "mobile" in told["channel"].values and told["payee_account"].kind == "identifier"
