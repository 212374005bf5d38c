"""A file as it is shown: without free text, with its clocks, its history and what may happen next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tarim.base.instants import instant_text
from tarim.deadlines import Schedule, Standing, YearMissing
from tarim.redress.adapters.rows import Step, came_ms
from tarim.redress.domain.files import ClockUse, File, Kind
from tarim.redress.domain.fund import Fund
from tarim.redress.domain.loss import Loss

SEALED: Final = "***"
"""Where a free text is."""


class ClockView(msgspec.Struct, frozen=True):
    """A clock.  due_at: "" while a pause lasts, or while a year's holidays are not known (`missing_year`, else 0)."""

    kind: str
    title_zh: str
    title_en: str
    source: str
    started_at: str
    due_at: str
    standing: str
    warnings: int
    missing_year: int = 0


class FileLine(msgspec.Struct, frozen=True):
    """A file in a list."""

    id: str
    kind: str
    state: str
    branch: str
    department: str
    owner: str
    came_at: str
    waits_for_second: bool
    clocks: list[ClockView]


class StepView(msgspec.Struct, frozen=True):
    """A step of a file's history."""

    n: int
    event: str
    before: str
    after: str
    owner: str
    person: str
    at: str


class FileView(msgspec.Struct, frozen=True):
    """A file.  content: everything else it holds, free text as `***`.  digest: of what waits for a second person, if any."""

    id: str
    kind: str
    state: str
    branch: str
    department: str
    owner: str
    came_at: str
    waits_for: str
    digest: str
    clocks: list[ClockView]
    possible: list[str]
    content: dict[str, Any]
    history: list[StepView]


def line(kind: Kind, file: File, schedule: Schedule, now_ms: int) -> FileLine:
    """A file in a list."""
    clocks = clocks_of(kind, file, schedule, now_ms)
    at = instant_text(came_ms(file))
    return FileLine(
        *(file.id, kind.name, file.state, file.branch, file.department, file.owner, at, file.waits_for_second, clocks)
    )


def view(kind: Kind, file: File, steps: Sequence[Step], schedule: Schedule, now_ms: int) -> FileView:
    """A file, shown."""
    waits = file.proposal if file.waits_for_second else None
    content = masked(msgspec.to_builtins(file))
    for name in _SHOWN:
        content.pop(name, None)
    if file.customer:
        content["customer"] = f"{file.customer:016x}"
    if isinstance(file, Loss):
        content |= {"missing": [part.value for part in file.missing], "owed_fen": file.owed_fen}
        content |= {"paid_fen": file.paid_fen, "recovered_fen": file.recovered_fen}
    if isinstance(file, Fund):
        content["left_fen"] = file.left_fen
    return FileView(
        id=file.id,
        kind=kind.name,
        state=file.state,
        branch=file.branch,
        department=file.department,
        owner=file.owner,
        came_at=instant_text(came_ms(file)),
        waits_for=waits.what if waits else "",
        digest=waits.digest if waits else "",
        clocks=clocks_of(kind, file, schedule, now_ms),
        possible=["approve", "reject", "withdraw", "note"] if waits else offered(kind, file.state),
        content=content,
        history=[
            StepView(each.n, each.event, each.before, each.after, each.owner, each.person, instant_text(each.at_ms))
            for each in steps
        ],
    )


def offered(kind: Kind, state: str) -> list[str]:
    """Events that a person can bring about in a state, but for decisions on wishes."""
    deciding = ("approve", "reject", "withdraw")
    return [tag for tag in kind.possible(state) if tag not in deciding and not kind.events[tag].inner]


def clocks_of(kind: Kind, file: File, schedule: Schedule, now_ms: int) -> list[ClockView]:
    """The file's clocks as they stand."""
    return [clock_view(use, schedule, now_ms) for use in kind.clocks(file)]


def clock_view(use: ClockUse, schedule: Schedule, now_ms: int) -> ClockView:
    """One clock as it stands.  Where a year's holidays are missing it says so and runs on: nothing is lost meanwhile."""
    rule = schedule.rules[use.kind]
    names = (use.kind.value, rule.title_zh, rule.title_en, rule.source)
    try:
        deadline = schedule.deadline(use.kind, use.from_ms, use.pauses)
    except YearMissing as error:
        return ClockView(*names, instant_text(use.from_ms), "", Standing.RUNNING.value, 0, error.year)
    return ClockView(
        *names,
        started_at=instant_text(deadline.started_ms),
        due_at="" if deadline.due_ms is None else instant_text(deadline.due_ms),
        standing=deadline.standing(now_ms, use.done_ms).value,
        warnings=deadline.warnings_given(now_ms if use.done_ms is None else use.done_ms),
    )


def masked(value: Any) -> Any:
    """A value with every sealed text in it replaced."""
    if isinstance(value, dict):
        if value.keys() == {"of", "sealed"}:
            return SEALED
        return {name: masked(each) for name, each in value.items()}
    return [masked(each) for each in value] if isinstance(value, list | tuple) else value


def sealed_texts(value: Any, where: str = "") -> list[tuple[str, dict[str, Any]]]:
    """(place, sealed text) of every sealed text in a value, keys of documents left out."""
    if isinstance(value, dict):
        if value.keys() == {"of", "sealed"}:
            return [(where, value)]
        parts = [(f"{where}.{name}" if where else name, each) for name, each in value.items() if name != "key"]
        return [found for place, each in parts for found in sealed_texts(each, place)]
    if isinstance(value, list | tuple):
        return [found for n, each in enumerate(value) for found in sealed_texts(each, f"{where}[{n}]")]
    return []


_SHOWN: Final = ("id", "state", "branch", "department", "owner")
