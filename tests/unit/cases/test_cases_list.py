"""Lists of cases: every order page by page, every filter, scope, and the index that each is read off."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert

from tarim.cases import (
    Case,
    Filter,
    Page,
    Sort,
    case_of_decision,
    contents,
    follow_ups,
    overdue_reviews,
    page_of_cases,
)
from tarim.cases.adapters.sifting import sifted
from tarim.cases.adapters.tables import CASE, TAG
from tests.fakes.cases import NOON_MS, CaseRoom, a_decision

EVERYTHING = Filter(None, None)
COUNT = 300


def _row(no: int, draw: random.Random) -> dict[str, Any]:
    done = draw.random() < 0.3
    row: dict[str, Any] = {column.name: 0 for column in CASE.columns}
    return row | {
        "no": no,
        "ref": f"CASE-2026-{no:06d}",
        "group_key": str(no),
        "customer": draw.randrange(20),
        "scenario": draw.choice(["mule", "fan_in"]),
        "ring": "",
        "branch": draw.choice(["hangzhou", "ningbo", "head-office"]),
        "queue": draw.choice(["fraud", "aml"]),
        "state": "closed" if done else draw.choice(["new", "working", "submitted"]),
        "done": int(done),
        "priority": draw.randrange(1, 5),
        "act_by_ms": NOON_MS + draw.randrange(10),
        "due_ms": 0 if done else NOON_MS + draw.randrange(10),
        "money_fen": draw.randrange(5),
        "assignee": draw.choice(["", "li.na", "bob"]),
        "lock_person": "",
        "submitted_by": "",
        "wish": "",
        "opened_ms": NOON_MS + draw.randrange(10),
        "changed_ms": NOON_MS + draw.randrange(10),
        "version": 1,
    }


@pytest.fixture
def either(database_url: str, tmp_path: Path) -> Iterator[CaseRoom]:
    made = CaseRoom(database_url, tmp_path)
    draw = random.Random(5)
    with made.database.writing() as connection:
        connection.execute(insert(CASE), [_row(no, draw) for no in range(1, COUNT + 1)])
        connection.execute(insert(TAG), [{"case_no": no, "tag": "urgent"} for no in range(1, COUNT, 7)])
    yield made
    made.database.close()


def _all(room: CaseRoom, wanted: Filter, sort: Sort, limit: int = 37) -> list[Case]:
    found: list[Case] = []
    cursor = ""
    with room.database.reading() as connection:
        while True:
            cases, cursor, _ = page_of_cases(connection, wanted, Page(sort, limit, cursor))
            found += cases
            if not cursor:
                return found


def test_every_order_and_filter_gives_each_case_once_and_in_order(either: CaseRoom) -> None:
    keys = {
        Sort.WORK: (lambda case: (case.priority, case.act_by_ms, case.no), False),
        Sort.DUE: (lambda case: (case.due_ms, case.no), False),
        Sort.NEWEST: (lambda case: (case.opened_ms, case.no), True),
        Sort.CHANGED: (lambda case: (case.changed_ms, case.no), True),
        Sort.MONEY: (lambda case: (case.money_fen, case.no), True),
    }
    draw = random.Random(5)
    cases = [Case(**_row(no, draw)) for no in range(1, COUNT + 1)]
    filters = [
        (EVERYTHING, lambda case: not case.done),
        (Filter(None, None, open_only=False), lambda case: True),
        (Filter(frozenset({"ningbo"}), frozenset({"aml"})), lambda c: not c.done and (c.branch, c.queue) == ("ningbo", "aml")),
        (Filter(None, None, state="working", assignee="bob"), lambda c: (c.state, c.assignee) == ("working", "bob")),
        (Filter(None, None, assignee="", scenario="mule", priority=2),
         lambda c: not c.done and (c.assignee, c.scenario, c.priority) == ("", "mule", 2)),
        (Filter(None, None, open_only=False, state="working", queue="aml"), lambda c: (c.state, c.queue) == ("working", "aml")),
        (Filter(None, None, scenario="mule", priority=2), lambda c: not c.done and (c.scenario, c.priority) == ("mule", 2)),
        (Filter(None, None, priority=4), lambda c: not c.done and c.priority == 4),
        (Filter(None, None, scenario="none", queue="aml"), lambda c: False),
        (Filter(None, None, tag="urgent"), lambda c: not c.done and c.no % 7 == 1),
        (Filter(None, None, overdue_at_ms=NOON_MS + 4), lambda c: not c.done and 0 < c.due_ms < NOON_MS + 4),
        (Filter(None, None, open_only=False, customer=3), lambda c: c.customer == 3),
        (Filter(frozenset(), None), lambda c: False),
    ]  # fmt: skip
    for wanted, fits in filters:
        for sort, (key, falling) in keys.items():
            there = [case for case in cases if fits(case) and (sort is not Sort.DUE or case.due_ms)]
            assert _all(either, wanted, sort) == sorted(there, key=key, reverse=falling), (wanted, sort)
        with either.database.reading() as connection:
            assert page_of_cases(connection, wanted, Page())[2] == sum(map(fits, cases))


def test_a_decision_leads_to_its_case_within_reach(either: CaseRoom) -> None:
    either.follow(a_decision(1))
    with either.database.reading() as connection:
        found = case_of_decision(connection, 1, EVERYTHING)
        assert found is not None and found.no == 301
        assert case_of_decision(connection, 1, Filter(frozenset({"x"}), None)) is None
        assert case_of_decision(connection, 99, EVERYTHING) is None


def test_overdue_reviews_are_listed_by_kind_and_scope(either: CaseRoom) -> None:
    either.follow(a_decision(1), a_decision(2), a_decision(3, customer=9))
    with either.database.reading() as connection:
        found = overdue_reviews(connection, "hold", NOON_MS + 40 * 3_600_000, EVERYTHING, 10)
        assert [(case.no, alert.seq) for case, alert in found] == [(301, 1), (301, 2), (302, 3)]
        assert overdue_reviews(connection, "block", NOON_MS + 40 * 3_600_000, EVERYTHING, 10) == []
        assert overdue_reviews(connection, "hold", NOON_MS + 40 * 3_600_000, Filter(frozenset({"x"}), None), 10) == []
        assert len(overdue_reviews(connection, "hold", NOON_MS + 26 * 3_600_000, EVERYTHING, 10)) == 1


def test_dates_to_come_back_are_listed_until_they_are_done(either: CaseRoom) -> None:
    for due_ms in (NOON_MS + 10**9, NOON_MS + 10**8):
        entry = either.do("li.na", contents.follow_up, due_ms, "ask again")[0].seq
    with either.database.reading() as connection:
        found = follow_ups(connection, "li.na", EVERYTHING, 10)
        assert [due_ms for _, _, due_ms in found] == [NOON_MS + 10**8, NOON_MS + 10**9]
        assert follow_ups(connection, "bob", EVERYTHING, 10) == []
        assert follow_ups(connection, "li.na", Filter(frozenset(), None), 10) == []
    either.do("li.na", contents.followed_up, entry)
    with either.database.reading() as connection:
        assert len(follow_ups(connection, "li.na", EVERYTHING, 10)) == 1


def test_a_page_is_read_off_an_index_without_sorting(tmp_path: Path) -> None:
    """By SQLite's plan; PostgreSQL's is looked at by bench/people_cases.py, at full size."""
    room = CaseRoom(f"sqlite:///{tmp_path / 'plan.db'}", tmp_path)
    every = Filter(None, None, open_only=False)
    draw, same = (
        random.Random(5),
        {"done": 0, "state": "submitted", "queue": "aml", "assignee": "bob", "due_ms": NOON_MS, "priority": 2},
    )
    with room.database.writing() as connection:
        connection.execute(insert(CASE), [_row(no, draw) | same for no in range(1, 1_100)])
    for wanted, sort, index in (
        (EVERYTHING, Sort.WORK, "cases_case_work"),
        (Filter(None, None, queue="aml"), Sort.WORK, "cases_case_queue"),
        (Filter(None, None, assignee="bob"), Sort.WORK, "cases_case_person"),
        (Filter(None, None, open_only=False, state="submitted"), Sort.WORK, "cases_case_state"),
        (EVERYTHING, Sort.DUE, "cases_case_due"),
        (every, Sort.NEWEST, "cases_case_opened"),
        (every, Sort.MONEY, "cases_case_money"),
        (Filter(None, None, priority=2), Sort.MONEY, "cases_case_level"),
    ):
        words = _plan(room, wanted, sort)
        assert index in words and "TEMP B-TREE" not in words, words
    room.database.close()


def test_filters_that_fit_nothing_together_are_sought_not_walked(tmp_path: Path) -> None:
    room = CaseRoom(f"sqlite:///{tmp_path / 'plan.db'}", tmp_path)
    with room.database.reading() as connection:
        for wanted in (Filter(None, None, scenario="a", queue="b"), Filter(None, None, open_only=False, priority=1)):
            for sort in Sort:
                asked = str(
                    sifted(connection, wanted, sort).compile(connection, compile_kwargs={"literal_binds": True})
                )
                words = " ".join(str(step[3]) for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}"))
                assert "cases_case_sieve (done=? AND state=? AND scenario=? AND queue=? AND priority=?" in words, words
    room.database.close()


def _plan(room: CaseRoom, wanted: Filter, sort: Sort) -> str:
    asked: list[tuple[str, Any]] = []

    def remember(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    with room.database.reading() as connection:
        event.listen(connection, "before_cursor_execute", remember)
        page_of_cases(connection, wanted, Page(sort, 50))
        event.remove(connection, "before_cursor_execute", remember)
        statement, parameters = asked[-1]
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return " ".join(str(step[3]) for step in steps)
