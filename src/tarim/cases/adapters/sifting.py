"""Cases by coarse filters: each of them alone fits hundreds of thousands, together they may fit none.

An index of all of them begins with done, state, scenario, queue and priority.  What is not asked for stands in the question as
the list of its values, so that both databases seek every combination in the index and look at no case that does not fit; the
values are few, and are read off the index of their column a seek each.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Column, Connection, Select, func, select

from tarim.cases.adapters.tables import CASE
from tarim.cases.domain.listing import Filter, Sort
from tarim.cases.domain.priority import Priority
from tarim.cases.domain.states import CaseState

_C: Final = CASE.c
_STATES: Final = tuple(state.value for state in CaseState)
_PRIORITIES: Final = tuple(int(priority) for priority in Priority)


def sifted(connection: Connection, wanted: Filter, sort: Sort) -> Select[Any]:
    """Numbers of the cases that fit a coarse filter (`Filter.is_coarse`), in no order."""
    return select(_C.no).where(
        _C.done.in_((0,) if wanted.open_only else (0, 1)),
        _C.state.in_((wanted.state,) if wanted.state else _STATES),
        _C.scenario.in_((wanted.scenario,) if wanted.scenario else values_of(connection, _C.scenario)),
        _C.queue.in_((wanted.queue,) if wanted.queue else values_of(connection, _C.queue)),
        _C.priority.in_((wanted.priority,) if wanted.priority else _PRIORITIES),
        _C.due_ms > (0 if sort is Sort.DUE else -1),
    )


def values_of(connection: Connection, column: Column[Any]) -> list[Any]:
    """The different values of a column that leads an index, each found by a seek from the one before."""
    found = select(func.min(column).label("value")).cte("found", recursive=True)
    after = select(func.min(column)).where(column > found.c.value).scalar_subquery()
    found = found.union_all(select(after).where(found.c.value.is_not(None)))
    return list(connection.execute(select(found.c.value).where(found.c.value.is_not(None))).scalars())
