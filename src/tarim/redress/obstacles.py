"""What stands in the way of deleting a customer: asked in the very command that would go on with it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from tarim.base.instants import DAY_MS, instant_text
from tarim.redress.adapters.rows import Filter, is_held, list_files
from tarim.redress.domain.catalogue import KINDS
from tarim.redress.domain.erasure import Erasure, NotErasable, Obstacle
from tarim.redress.domain.files import File
from tarim.redress.ports import OpenCases

BLOCKING: Final = ("complaint", "loss", "dispute", "request")
"""Kinds of files that need the customer's data until they are closed."""
_NAMED_MAX: Final = 5


def require_erasable(
    connection: Connection, file: File, last_ms: int, retention_days: int, now_ms: int, open_cases: OpenCases
) -> None:
    """Nothing when the customer of an erasure may be deleted.  last_ms: of their newest event, 0 = none is kept.

    Raises NotErasable: for a legal hold, before the time for keeping is over, while a case or another file is open.
    """
    assert isinstance(file, Erasure), "only of a deletion it is asked"
    if is_held(connection, file.customer):
        raise NotErasable(
            Obstacle.LEGAL_HOLD,
            "a legal hold of this customer stands: nothing is deleted until it is released. 该客户处于法律保全，不得删除。",
        )
    until_ms = max(last_ms, file.ended_ms) + retention_days * DAY_MS
    if now_ms < until_ms:
        raise NotErasable(
            Obstacle.RETENTION,
            f"data of this customer have to be kept until {instant_text(until_ms)}: {retention_days} days from the end of the "
            "relationship and from the last event (desk.retention_days). 仍在法定保存期内，不得删除。",
        )
    cases = open_cases(connection, file.customer)
    if cases:
        raise NotErasable(
            Obstacle.OPEN_CASE,
            f"cases of this customer are open: {', '.join(cases[:_NAMED_MAX])}; close them first. 该客户有未办结案件。",
        )
    for name in BLOCKING:
        found = list_files(connection, Filter(name, customer=file.customer, ended=False), _NAMED_MAX)
        if found:
            ids = ", ".join(each.id for _, each in found if each.state not in KINDS[name].ends)
            raise NotErasable(
                Obstacle.OPEN_FILE, f"files of this customer are open: {ids}; close them first. 该客户有未办结档案。"
            )
