"""Checked trees → Python source of one kernel, fit for numba and readable by an auditor.

The module defines `evaluate(rows, features, scores, members, hits)`; it calls one function per block of BLOCK_RULES rules,
because compile time grows faster than the length of a function.  The same source runs without numba.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, HOUR_MS
from tarim.rules import checked
from tarim.rules.checked import Condition, Quantity
from tarim.rules.domain import HIT_WORDS, PROBES_MAX, RULES_MAX, Probe
from tarim.stream import Col

BLOCK_RULES: Final = 32
"""Divides 64, so that a block lies in one word of the hits."""

_ARGUMENTS: Final = "rows, features, scores, members, hits"
_HEADER: Final = '''"""Kernel of one ruleset, written by the rule compiler and named by the digest of its content; do not edit.

rows: int64 (n, 32), features: float64 (n, F), scores: float64 (n,), members and hits: uint64 (n, 4).  Bit p % 64 of
members[i, p // 64] says whether probe p found its entry; rule k sets bit k % 64 of hits[i, k // 64].
A missing number is NaN: every comparison with it is false.
"""

import numpy as np

NAN = float("nan")


def divide(a, b):
    return a / b if b != 0.0 else NAN

'''


def emit(conditions: Sequence[Condition], channels: Sequence[Sequence[int]], probes: Sequence[Probe]) -> str:
    """Source of the kernel for up to RULES_MAX conditions; `channels[k]` limits rule k to those channels (empty: all).

    `probes` holds every probe of the conditions; its order is that of the bits of `members`.
    """
    assert len(conditions) == len(channels) <= RULES_MAX
    assert len(probes) <= PROBES_MAX
    bits = {probe: bit for bit, probe in enumerate(probes)}
    parts = [_HEADER]
    starts = range(0, len(conditions), BLOCK_RULES)
    for start in starts:
        part = slice(start, start + BLOCK_RULES)
        parts.append(_block(start, conditions[part], channels[part], bits))
    parts.append(f"\ndef evaluate({_ARGUMENTS}):\n")
    parts.append("    for i in range(rows.shape[0]):\n")
    parts.extend(f"        hits[i, {word}] = np.uint64(0)\n" for word in range(HIT_WORDS))
    parts.extend(f"    block_{start // BLOCK_RULES}({_ARGUMENTS})\n" for start in starts)
    return "".join(parts)


def block_names(rule_count: int) -> tuple[str, ...]:
    """Names of the functions `evaluate` calls, for whoever compiles the module."""
    return tuple(f"block_{start // BLOCK_RULES}" for start in range(0, rule_count, BLOCK_RULES))


def _block(
    start: int, conditions: Sequence[Condition], channels: Sequence[Sequence[int]], bits: Mapping[Probe, int]
) -> str:
    writer = _Writer(bits)
    tests = []
    for offset, (condition, allowed) in enumerate(zip(conditions, channels, strict=True)):
        test = writer.condition(condition)
        if allowed:
            column = writer.word(int(Col.CHANNEL), None)
            test = f"({' or '.join(f'{column} == {float(channel)!r}' for channel in allowed)}) and {test}"
        tests.append(f"        if {test}:\n            word |= np.uint64({1 << ((start + offset) % 64):#x})\n")
    return (
        f"\ndef block_{start // BLOCK_RULES}({_ARGUMENTS}):\n"
        "    for i in range(rows.shape[0]):\n"
        + "".join(f"        {line}\n" for line in writer.loads.values())
        + f"        word = hits[i, {start // 64}]\n"
        + "".join(tests)
        + f"        hits[i, {start // 64}] = word\n\n"
    )


class _Writer:
    """Turns nodes into expressions over local names; `loads` are the statements that fill those names once an event."""

    def __init__(self, bits: Mapping[Probe, int]) -> None:
        self._bits = bits
        self.loads: dict[str, str] = {}

    def word(self, column: int, absent: int | None) -> str:
        if absent is None:
            name = f"r{column}"
            self.loads[name] = f"{name} = float(rows[i, {column}])"
        else:
            name = f"r{column}_known"
            self.loads[name] = f"{name} = float(rows[i, {column}]) if rows[i, {column}] != {absent} else NAN"
        return name

    def quantity(self, node: Quantity) -> str:
        match node:
            case checked.Constant():
                return repr(node.value)
            case checked.Feature():
                name = f"f{node.index}"
                self.loads[name] = f"{name} = features[i, {node.index}]"
                return name
            case checked.Word():
                return self.word(node.column, node.absent)
            case checked.LocalHour():
                self.loads["hour"] = (
                    f"hour = float((rows[i, {int(Col.OCCURRED_MS)}] + {CHINA_OFFSET_MS}) // {HOUR_MS} % 24)"
                )
                return "hour"
            case checked.LocalWeekday():
                # 1970-01-01 was a Thursday, day 3 of the week.
                self.loads["weekday"] = (
                    f"weekday = float(((rows[i, {int(Col.OCCURRED_MS)}] + {CHINA_OFFSET_MS}) // {DAY_MS} + 3) % 7)"
                )
                return "weekday"
            case checked.Score():
                self.loads["score"] = "score = scores[i]"
                return "score"
            case checked.Negated():
                return f"(-{self.quantity(node.operand)})"
            case checked.Combined(op="/"):
                return f"divide({self.quantity(node.left)}, {self.quantity(node.right)})"
            case checked.Combined():
                return f"({self.quantity(node.left)} {node.op} {self.quantity(node.right)})"

    def condition(self, node: Condition) -> str:
        match node:
            case checked.Always():
                return repr(node.value)
            case checked.Relation():
                return _relation(node.op, self.quantity(node.left), self.quantity(node.right))
            case checked.OneOf():
                operand = self.quantity(node.operand)
                op, joint = ("!=", " and ") if node.negated else ("==", " or ")
                return "(" + joint.join(_relation(op, operand, self.quantity(choice)) for choice in node.choices) + ")"
            case checked.Within():
                operand, low, high = self.quantity(node.operand), self.quantity(node.low), self.quantity(node.high)
                if node.negated:
                    return f"(({operand} < {low} or {operand} > {high}) and {low} == {low} and {high} == {high})"
                return f"({low} <= {operand} and {operand} <= {high})"
            case checked.IsMissing():
                operand = self.quantity(node.operand)
                return f"({operand} {'==' if node.negated else '!='} {operand})"
            case checked.Bit():
                return f"(rows[i, {node.column}] & {node.mask} != 0)"
            case checked.Member():
                bit = self._bits[Probe(node.column, node.list_name)]
                found = f"members[i, {bit // 64}] & np.uint64({1 << bit % 64:#x})"
                if node.negated:
                    return f"(rows[i, {node.column}] != 0 and {found} == 0)"
                return f"({found} != 0)"
            case checked.Opposite():
                return f"(not {self.condition(node.operand)})"
            case checked.All():
                return "(" + " and ".join(self.condition(operand) for operand in node.operands) + ")"
            case checked.Any():
                return "(" + " or ".join(self.condition(operand) for operand in node.operands) + ")"


def _relation(op: str, left: str, right: str) -> str:
    if op == "!=":  # `left != right` would be true for NaN
        return f"({left} < {right} or {left} > {right})"
    return f"({left} {op} {right})"
