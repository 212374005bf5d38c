"""The slow, obvious meaning of a checked rule expression: a walk over the tree, one event at a time."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tarim.rules import checked
from tarim.rules.checked import Condition, Quantity
from tarim.stream import Col

_OPS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


@dataclass(frozen=True)
class Event:
    """One event: row int64[32], features float64[F], the model's score, the (column, list) pairs it is an entry of."""

    row: Any
    features: Any
    score: float
    entries: frozenset[tuple[int, str]]


def holds(node: Condition, event: Event) -> bool:
    """Whether a condition is true of one event."""
    match node:
        case checked.Always(value):
            return value
        case checked.Relation(op, left, right):
            return compare(op, number(left, event), number(right, event))
        case checked.OneOf(operand, choices, negated):
            values = [number(choice, event) for choice in choices]
            sought = number(operand, event)
            if negated:
                return all(compare("!=", sought, each) for each in values)
            return any(compare("==", sought, each) for each in values)
        case checked.Within(operand, low, high, negated):
            middle, lowest, highest = (number(each, event) for each in (operand, low, high))
            if math.isnan(middle) or math.isnan(lowest) or math.isnan(highest):
                return False
            return (lowest <= middle <= highest) != negated
        case checked.IsMissing(operand, negated):
            return math.isnan(number(operand, event)) != negated
        case checked.Bit(column, mask):
            return int(event.row[column]) & mask != 0
        case checked.Member(column, list_name, negated):
            if event.row[column] == 0:
                return False
            return ((column, list_name) in event.entries) != negated
        case checked.Opposite(operand):
            return not holds(operand, event)
        case checked.All(operands):
            return all(holds(operand, event) for operand in operands)
        case checked.Any(operands):
            return any(holds(operand, event) for operand in operands)
    raise AssertionError(node)


def compare(op: str, left: float, right: float) -> bool:
    return not math.isnan(left) and not math.isnan(right) and _OPS[op](left, right)


def number(node: Quantity, event: Event) -> float:
    """The value of a quantity; NaN is missing."""
    match node:
        case checked.Constant(value):
            return value
        case checked.Feature(index):
            return float(event.features[index])
        case checked.Word(column, absent):
            value = int(event.row[column])
            return math.nan if value == absent else float(value)
        case checked.LocalHour():
            return float(local_time(event.row)[1])
        case checked.LocalWeekday():
            return float(local_time(event.row)[0])
        case checked.Score():
            return float(event.score)
        case checked.ScoreBand(starts):
            reached = [index for index, start in enumerate(starts) if event.score >= start]
            return float(reached[-1]) if reached else math.nan
        case checked.Negated(operand):
            return -number(operand, event)
        case checked.Combined("/", left, right):
            below = number(right, event)
            above = number(left, event)
            return math.nan if below == 0 else float(np.float64(above) / np.float64(below))
        case checked.Combined(op, left, right):
            return float(_OPS[op](np.float64(number(left, event)), np.float64(number(right, event))))
    raise AssertionError(node)


def local_time(row: Any) -> tuple[int, int]:
    """Weekday (0 = Monday) and hour in China, by the calendar of datetime."""
    from datetime import UTC, datetime, timedelta

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(row[Col.OCCURRED_MS]), hours=8)
    return moment.weekday(), moment.hour
