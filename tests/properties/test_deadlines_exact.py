"""Deadlines equal a walk over the days of another project's calendar (all 10,000: `bench/people_deadlines.py`)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from tarim.deadlines import Calendar, load_schedule
from tests.naive.deadline_cases import differences


def test_random_clocks_end_where_the_walk_ends() -> None:
    assert list(differences(600, seed=20261122)) == []


def test_a_single_wrong_day_is_noticed() -> None:
    """Otherwise the comparison above could not fail."""
    notices = dict(load_schedule().calendar.notices)
    notices[2025] = replace(notices[2025], worked=notices[2025].worked - {date(2025, 4, 27)})
    assert list(differences(300, seed=20261122, calendar=Calendar(notices.values())))
