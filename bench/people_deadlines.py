"""Do deadlines equal an independent computation?  Random clocks over 2024 to 2026 against a walk over the days."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from bench.acceptance import Line, Run, none
from tests.naive.deadline_cases import differences

CASES, CASES_QUICK = 10_000, 3_000
EXAMPLES = 3


def lines(run: Run) -> Iterator[Line]:
    """The bar `deadlines`."""
    cases = run.pick(CASES, CASES_QUICK)
    found = list(differences(cases, seed=5))
    note = f"of {cases:,} random clocks over three years" + "".join(f"; {each}" for each in islice(found, EXAMPLES))
    yield none("deadlines, engine and walk", "deadline differs", len(found), note)
