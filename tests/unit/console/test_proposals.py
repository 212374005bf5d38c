"""A form approves what was looked at, and nothing else; a refusal is shown beside the form where the form can mend it."""

from __future__ import annotations

import pytest

from tarim.console.proposals import verdict_of
from tarim.console.services import Refused, inline


def test_an_approval_names_the_digest_that_was_looked_at() -> None:
    form = {"verdict": "approve", "digest": "ab", "note": " fine ", "other": "x"}
    assert verdict_of(form) == {"verdict": "approve", "digest": "ab", "note": "fine"}


@pytest.mark.parametrize("verdict", ["reject", "", "Approve", "approve "])
def test_everything_else_is_a_rejection_and_names_none(verdict: str) -> None:
    assert verdict_of({"verdict": verdict, "digest": "ab"}) == {"verdict": "reject", "digest": "", "note": ""}
    assert verdict_of({})["verdict"] == "reject"


@pytest.mark.parametrize(
    ("status", "shown"), [(403, True), (409, True), (422, True), (401, False), (404, False), (503, False)]
)
def test_a_refusal_is_shown_beside_the_form_unless_it_is_not_about_it(status: int, shown: bool) -> None:
    refused = Refused(status, "code", "title", "detail")
    if shown:
        assert inline(refused) is refused
    else:
        with pytest.raises(Refused):
            inline(refused)
