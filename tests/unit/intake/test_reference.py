"""The reference pages say what the code does."""

from pathlib import Path

import pytest

import tarim.intake
from tarim.base.errors import TarimError
from tarim.intake import RULES_ZH, TITLES, problem
from tarim.intake.reference import envelope_page, errors_page, rules_of
from tarim.privacy import FIELDS
from tests.corpus.malformed import messages

DOCS = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize(("name", "page"), [("envelope.md", envelope_page()), ("errors.md", errors_page())])
def test_the_page_is_current(name: str, page: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == page, "run: python -m tarim.intake.reference docs/reference"


def test_every_error_has_its_titles() -> None:
    def kinds(base: type[TarimError]) -> set[type[TarimError]]:
        return {base}.union(*(kinds(child) for child in base.__subclasses__()))

    assert tarim.intake.Integrity in kinds(TarimError)
    codes = {kind.code for kind in kinds(TarimError) if kind.__module__.startswith(("tarim.base", "tarim.intake"))}
    assert codes == set(TITLES)


def test_the_rules_on_the_page_are_those_that_refuse() -> None:
    general = {"is required", "is required for this kind of event", "must not be given twice", "must be text"}
    for case in messages():
        if case.field in FIELDS and case.rule not in general and "list of names" not in case.rule:
            assert case.rule in rules_of(case.field), case.name


def test_every_rule_has_chinese() -> None:
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in text) for text in RULES_ZH.values())


def test_a_problem_of_an_unknown_kind_is_an_internal_one() -> None:
    class Odd(TarimError):
        code = "odd"

    assert problem(Odd("x"))["status"] == 500
