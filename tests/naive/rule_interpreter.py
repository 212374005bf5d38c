"""The slow, obvious meaning of a checked rule expression: a walk over the tree, one event at a time."""

from __future__ import annotations

import math
import operator

import numpy as np

from tarim.rules import checked
from tarim.stream import Col

_OPS = {
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


def holds(node, row, features) -> bool:
    """Whether a condition is true of one event: row int64[32], features float64[F]."""
    match node:
        case checked.Always(value):
            return value
        case checked.Relation(op, left, right):
            return compare(op, number(left, row, features), number(right, row, features))
        case checked.OneOf(operand, choices, negated):
            values = [number(choice, row, features) for choice in choices]
            value = number(operand, row, features)
            if negated:
                return all(compare("!=", value, each) for each in values)
            return any(compare("==", value, each) for each in values)
        case checked.Within(operand, low, high, negated):
            value, lowest, highest = (number(each, row, features) for each in (operand, low, high))
            if math.isnan(value) or math.isnan(lowest) or math.isnan(highest):
                return False
            return (lowest <= value <= highest) != negated
        case checked.IsMissing(operand, negated):
            return math.isnan(number(operand, row, features)) != negated
        case checked.Bit(column, mask):
            return int(row[column]) & mask != 0
        case checked.Opposite(operand):
            return not holds(operand, row, features)
        case checked.All(operands):
            return all(holds(operand, row, features) for operand in operands)
        case checked.Any(operands):
            return any(holds(operand, row, features) for operand in operands)
    raise AssertionError(node)


def compare(op, left, right) -> bool:
    return not math.isnan(left) and not math.isnan(right) and _OPS[op](left, right)


def number(node, row, features) -> float:
    """The value of a quantity; NaN is missing."""
    match node:
        case checked.Constant(value):
            return value
        case checked.Feature(index):
            return float(features[index])
        case checked.Word(column, absent):
            value = int(row[column])
            return math.nan if value == absent else float(value)
        case checked.LocalHour():
            return float(local_time(row)[1])
        case checked.LocalWeekday():
            return float(local_time(row)[0])
        case checked.Negated(operand):
            return -number(operand, row, features)
        case checked.Combined("/", left, right):
            below = number(right, row, features)
            above = number(left, row, features)
            return math.nan if below == 0 else float(np.float64(above) / np.float64(below))
        case checked.Combined(op, left, right):
            return float(_OPS[op](np.float64(number(left, row, features)), np.float64(number(right, row, features))))
    raise AssertionError(node)


def local_time(row) -> tuple[int, int]:
    """Weekday (0 = Monday) and hour in China, by the calendar of datetime."""
    from datetime import UTC, datetime, timedelta

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(row[Col.OCCURRED_MS]), hours=8)
    return moment.weekday(), moment.hour
