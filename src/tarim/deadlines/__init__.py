"""Periods that run: working days of the official Chinese calendar, calendar days, hours, months; one engine for the product.

    schedule = load_schedule()
    deadline = schedule.deadline(ClockKind.COMPLAINT_HANDLING, started_ms, pauses)
    deadline.standing(now_ms)          running, warned, overdue, paused; met or missed once it is done

Which kinds there are, how long each runs and from what is one table, `CLOCKS`.  Nothing here reads a clock or keeps a
state: whoever has a clock running keeps its kind, its start and its pauses, and asks again.
"""

from tarim.deadlines.adapters.files import load_schedule
from tarim.deadlines.domain.calendar import Calendar, OfficeHours, YearMissing, YearNotice
from tarim.deadlines.domain.clocks import CLOCKS, ClockKind, ClockRule, StartEvent, Unit
from tarim.deadlines.domain.deadline import Deadline, Pause, Standing
from tarim.deadlines.domain.notation import read_calendar, read_rules
from tarim.deadlines.domain.schedule import Schedule

__all__ = [
    "CLOCKS",
    "Calendar",
    "ClockKind",
    "ClockRule",
    "Deadline",
    "OfficeHours",
    "Pause",
    "Schedule",
    "Standing",
    "StartEvent",
    "Unit",
    "YearMissing",
    "YearNotice",
    "load_schedule",
    "read_calendar",
    "read_rules",
]
