"""Pages of cases and overdue reviews, read off indexes: as quick at a million as at a hundred."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Select, String, and_, or_, select

from tarim.cases.adapters.sifting import sifted
from tarim.cases.adapters.store import value_of
from tarim.cases.adapters.tables import ALERT, CASE, DIARY, TAG
from tarim.cases.domain.case import Case, CaseAlert
from tarim.cases.domain.listing import Filter, Page, Sort, cursor_of, values_of

_C: Final = CASE.c
_ORDERS: Final[dict[Sort, tuple[tuple[Column[Any], ...], bool]]] = {
    Sort.WORK: ((_C.priority, _C.act_by_ms, _C.no), False),
    Sort.DUE: ((_C.due_ms, _C.no), False),
    Sort.NEWEST: ((_C.opened_ms, _C.no), True),
    Sort.CHANGED: ((_C.changed_ms, _C.no), True),
    Sort.MONEY: ((_C.money_fen, _C.no), True),
}
"""Columns of an order, and whether it runs down."""

COUNTED_MAX: Final = 1_000
"""A list says how many cases fit, up to this many."""


def page_of_cases(connection: Connection, wanted: Filter, page: Page) -> tuple[list[Case], str, int]:
    """The cases, the cursor of the next page ("" when there is none), and how many fit, at most COUNTED_MAX.

    First the cases that fit are looked for by the filter's own index, or the one of coarse filters.  Where there are few, they
    are all of the list, and are sorted; where there are many, the order's index is walked, and soon meets enough of them.
    Either way the work has a bound.
    Raises FieldError for a wrong cursor.
    """
    columns, falling = _ORDERS[page.sort]
    if wanted.is_coarse:
        few = sifted(connection, wanted, page.sort).limit(COUNTED_MAX + 1)
    else:
        by_tag = bool(wanted.tag)
        few = _filtered(select(_C.no), wanted, page.sort, hide_open=wanted.is_narrow, hide_own=by_tag)
        few = few.limit(COUNTED_MAX + 1)
    numbers = list(connection.execute(few).scalars())
    if len(numbers) <= COUNTED_MAX:
        chosen = select(CASE).where(_C.no.in_(numbers))
    else:
        walked = page.sort is not Sort.WORK
        chosen = _filtered(
            select(CASE), wanted, page.sort, hide_open=walked and page.sort is not Sort.DUE, hide_own=walked
        )
    if page.cursor:
        chosen = chosen.where(_after(columns, values_of(page.sort, page.cursor, len(columns)), falling))
    chosen = chosen.order_by(*(column.desc() if falling else column for column in columns)).limit(page.limit + 1)
    rows = [value_of(Case, row) for row in connection.execute(chosen)]
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    last = tuple(int(getattr(rows[-1], column.name)) for column in columns) if more else ()
    return rows, cursor_of(page.sort, last) if more else "", min(len(numbers), COUNTED_MAX)


def overdue_reviews(
    connection: Connection, kind: str, now_ms: int, wanted: Filter, limit: int
) -> list[tuple[Case, CaseAlert]]:
    """Alerts of a kind whose review was due before now, the longest overdue first, with their cases."""
    chosen = (
        select(ALERT.c.seq, ALERT.c.case_no)
        .join(CASE, CASE.c.no == ALERT.c.case_no)
        .where(ALERT.c.kind == kind, ALERT.c.verdict == "", ALERT.c.due_ms < now_ms, ALERT.c.repeat_of == 0)
    )
    chosen = _scoped(chosen, wanted).order_by(ALERT.c.due_ms, ALERT.c.seq).limit(limit)
    found = [(row.seq, row.case_no) for row in connection.execute(chosen)]
    alerts = {
        row.seq: value_of(CaseAlert, row)
        for row in connection.execute(select(ALERT).where(ALERT.c.seq.in_([seq for seq, _ in found])))
    }
    cases = {
        row.no: value_of(Case, row)
        for row in connection.execute(select(CASE).where(CASE.c.no.in_(sorted({no for _, no in found}))))
    }
    return [(cases[no], alerts[seq]) for seq, no in found]


def follow_ups(connection: Connection, person: str, wanted: Filter, limit: int) -> list[tuple[str, int, int]]:
    """(ref, entry, due_ms) of a person's dates that are not done, the earliest first."""
    chosen = (
        select(CASE.c.ref, DIARY.c.id, DIARY.c.due_ms)
        .join(CASE, CASE.c.no == DIARY.c.case_no)
        .where(DIARY.c.person == person, DIARY.c.done_ms == 0)
    )
    chosen = _scoped(chosen, wanted).order_by(DIARY.c.due_ms, DIARY.c.id).limit(limit)
    return [(row.ref, row.id, row.due_ms) for row in connection.execute(chosen)]


def case_of_decision(connection: Connection, seq: int, wanted: Filter) -> Case | None:
    """The case that the alert of the decision at a journal position is in; None for none, or none within the filter's reach."""
    chosen = select(CASE).join(ALERT, ALERT.c.case_no == CASE.c.no).where(ALERT.c.seq == seq)
    row = connection.execute(_scoped(chosen, wanted)).first()
    return None if row is None else value_of(Case, row)


def _scoped(chosen: Select[Any], wanted: Filter, *, hide: bool = False) -> Select[Any]:
    for column, allowed in ((_C.branch, wanted.branches), (_C.queue, wanted.queues)):
        if allowed is not None:
            chosen = chosen.where((_hidden(column) if hide else column).in_(sorted(allowed)))
    return chosen


def _filtered(
    chosen: Select[Any], wanted: Filter, sort: Sort, *, hide_open: bool = False, hide_own: bool = False
) -> Select[Any]:
    """hide_open, hide_own: keep the planner from taking an index of `done` and `due_ms`, of the filter's own columns."""
    chosen = _scoped(chosen, wanted, hide=hide_own)
    done, due_ms = (_hidden(_C.done), _hidden(_C.due_ms)) if hide_open else (_C.done, _C.due_ms)
    if wanted.open_only:
        chosen = chosen.where(done == 0)
    for column, value in (
        (_C.state, wanted.state),
        (_C.queue, wanted.queue),
        (_C.branch, wanted.branch),
        (_C.scenario, wanted.scenario),
        (_C.priority, wanted.priority),
        (_C.ring, wanted.ring),
        (_C.customer, wanted.customer),
        (_C.assignee, wanted.assignee),
    ):
        if value or (column is _C.assignee and value is not None):
            leads = column is _C.customer or (column is _C.priority and sort is Sort.MONEY and not wanted.tag)
            chosen = chosen.where((_hidden(column) if hide_own and not leads else column) == value)
    if wanted.overdue_at_ms or sort is Sort.DUE:
        chosen = chosen.where(due_ms > 0)
    if wanted.overdue_at_ms:
        chosen = chosen.where(due_ms < wanted.overdue_at_ms)
    if wanted.tag:
        chosen = chosen.where(_C.no.in_(select(TAG.c.case_no).where(TAG.c.tag == wanted.tag)))
    return chosen


def _hidden(column: Column[Any]) -> ColumnElement[Any]:
    """The same value as an expression, for which no database has an index."""
    return column.concat("") if isinstance(column.type, String) else column + 0


def _after(columns: tuple[Column[Any], ...], values: tuple[int, ...], falling: bool) -> Any:
    """Rows after these values in the order; spelt out, so that both databases walk the index from there."""
    first, *rest = [
        and_(
            *(column == value for column, value in zip(columns[:at], values, strict=False)),
            _beyond(columns[at], values[at], falling),
        )
        for at in range(len(columns))
    ]
    edge = columns[0] <= values[0] if falling else columns[0] >= values[0]
    return and_(edge, or_(first, *rest))


def _beyond(column: Column[Any], value: int, falling: bool) -> Any:
    return column < value if falling else column > value
