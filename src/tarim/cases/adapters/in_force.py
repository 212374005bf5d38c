"""The assignment rules in force."""

from __future__ import annotations

from sqlalchemy import Connection, select

from tarim.cases.adapters.tables import RULES
from tarim.cases.domain.assignment import Assignment, default_assignment, read_assignment

IN_FORCE = "in_force"


def assignment_in_force(connection: Connection) -> Assignment:
    """The newest rules two persons put in force, or the built-in ones."""
    chosen = select(RULES.c.text).where(RULES.c.state == IN_FORCE).order_by(RULES.c.id.desc()).limit(1)
    text = connection.execute(chosen).scalar()
    return read_assignment(default_assignment() if text is None else text)
