"""Where things lie: the header's words of a plan, and the Python text of keys and conditions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tarim.stream.definitions import Condition
from tarim.stream.events import COLUMN_OF_FIELD
from tarim.stream.kernels import arena
from tarim.stream.plan import Acc, Plan, Role

BLOCK: Final = 64
"""Events taken at a time, one entity kind after the other, so that what they need is fetched before it is used."""


class Writer:
    """Lines of Python with an indentation."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 0

    def __call__(self, line: str = "") -> None:
        self.lines.append("    " * self.depth + line if line else "")

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self(head)
        self.depth += 1
        start = len(self.lines)
        yield
        if len(self.lines) == start:
            self("pass")
        self.depth -= 1


def header_words(plan: Plan) -> int:
    """Words of the arena's header."""
    return graph_word(plan) + (plan.graph.header_words if plan.graph else 0)


def graph_word(plan: Plan) -> int:
    """First header word of the graph, if there is one."""
    return scratch_word(plan, 4 + len(plan.crosses))


def role_word(plan: Plan, role: int) -> int:
    """Header words of a role: event time of its next sweep, hash slot it visits, place of the newest event, spare."""
    return arena.DIRECTORY + len(plan.directories) * arena.SLOTS * 3 + role * arena.ROLE_WORDS


def scratch_word(plan: Plan, column: int) -> int:
    """First word of a column of BLOCK scratch words: 0 watermark, 1 lateness code, 2 key, 3 home entry, 4.. cross sums."""
    return role_word(plan, len(plan.roles)) + column * BLOCK


def condition_source(condition: Condition, outcome: str = "") -> str:
    """Python expression over R[i, ...] and t; `outcome` names the variable that holds the outcome, if known."""
    parts = []
    for column, op, value in condition.tests:
        if column == "outcome":
            left = outcome
        elif column == "hour":
            left = "(t + 28800000) // 3600000 % 24"
        elif column == "weekday":
            left = "((t + 28800000) // 86400000 + 3) % 7"
        else:
            left = f"R[i, {int(COLUMN_OF_FIELD[column])}]"
        if op == "in":
            assert isinstance(value, tuple)
            parts.append("(" + " or ".join(f"{left} == {item}" for item in value) + ")")
        elif op == "multiple_of":
            parts.append(f"{left} % {value} == 0")
        elif op == "has":
            parts.append(f"({left} & {value}) != 0")
        else:
            parts.append(f"{left} {op} {value}")
    return " and ".join(parts)


def key_source(role: Role, row: str = "i") -> str:
    """Python expression for a role's key of row `row`; 0 where absent."""
    columns = [f"R[{row}, {int(COLUMN_OF_FIELD[part])}]" for part in role.entity.key_fields]
    return columns[0] if len(columns) == 1 else f"pair_key({columns[0]}, {columns[1]})"


def acc_name(acc: Acc) -> str:
    """An aggregate as part of a local's name."""
    return "_".join(str(part) for part in acc).replace("-1", "x")
