"""Until when an alert has to be reviewed: blocks and holds have a limit of their own each (RM-10, RM-11)."""

from __future__ import annotations

from typing import Final

from tarim.base.instants import DAY_MS, HOUR_MS
from tarim.cases.domain.alerts import AlertKind
from tarim.deadlines import ClockKind, Schedule, Unit, YearMissing

CLOCK_OF: Final = {
    AlertKind.BLOCK: ClockKind.BLOCK_REVIEW,
    AlertKind.HOLD: ClockKind.HOLD_REVIEW,
    AlertKind.CHALLENGE: ClockKind.HOLD_REVIEW,
    AlertKind.NOTICE: ClockKind.NOTICE_REVIEW,
}


def review_due_ms(schedule: Schedule, kind: AlertKind, decided_ms: int) -> int:
    """The last instant at which the review is in time.

    Where the calendar lacks a year's holidays the period is counted without any, which ends no later than the right one: work
    goes on, and `Schedule.warning` says what is missing.
    """
    clock = CLOCK_OF[kind]
    try:
        due_ms = schedule.deadline(clock, decided_ms).due_ms
        assert due_ms is not None, "only a pause leaves a deadline open"
        return due_ms
    except YearMissing:
        rule = schedule.rules[clock]
        unit_ms = HOUR_MS if rule.unit in (Unit.HOURS, Unit.WORKING_HOURS) else DAY_MS
        return decided_ms + rule.length * unit_ms
