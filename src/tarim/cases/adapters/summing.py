"""What a case says of its alerts as a whole, read off them: money at risk, earliest deadline, priority, how many."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, func, select, update

from tarim.cases.adapters.rows import PPM, parts
from tarim.cases.adapters.tables import ALERT, CASE
from tarim.cases.domain.priority import priority_of

_NEVER: Final = 0


def sum_up(connection: Connection, case_nos: Collection[int]) -> None:
    """Bring the sums of these cases up to date.

    A repeat counts for nothing but its number.  act_by_ms and due_ms are of alerts without a verdict; 0 when all have one.
    """
    rows: list[dict[str, Any]] = []
    open_first = (ALERT.c.verdict == "") & (ALERT.c.repeat_of == 0)
    for numbers in parts(sorted(case_nos)):
        found = connection.execute(
            select(
                ALERT.c.case_no,
                func.count().label("alerts"),
                func.sum(case((open_first, 1), else_=0)).label("unreviewed"),
                func.sum(ALERT.c.risk_fen).label("money_fen"),
                func.sum(case((ALERT.c.repeat_of == 0, ALERT.c.amount_fen), else_=0)).label("amount_fen"),
                func.sum(ALERT.c.savable).label("savable"),
                func.max(ALERT.c.score_ppm).label("score_ppm"),
                func.min(case((open_first, ALERT.c.act_by_ms))).label("act_by_ms"),
                func.min(case((open_first, ALERT.c.due_ms))).label("due_ms"),
                CASE.c.escalations,
            )
            .join(CASE, CASE.c.no == ALERT.c.case_no)
            .where(ALERT.c.case_no.in_(numbers))
            .group_by(ALERT.c.case_no, CASE.c.escalations)
        )
        for row in found:
            money_fen = int(row.money_fen)
            priority = priority_of(
                money_fen,
                can_be_saved=bool(row.savable),
                score=row.score_ppm / PPM,
                escalated=bool(row.escalations),
            )
            rows.append(
                {
                    "of": row.case_no,
                    "to_alerts": row.alerts,
                    "to_unreviewed": int(row.unreviewed),
                    "to_money_fen": money_fen,
                    "to_amount_fen": int(row.amount_fen),
                    "to_savable": int(row.savable),
                    "to_score_ppm": row.score_ppm,
                    "to_act_by_ms": row.act_by_ms or _NEVER,
                    "to_due_ms": row.due_ms or _NEVER,
                    "to_priority": int(priority),
                }
            )
    if rows:
        names = [name.removeprefix("to_") for name in rows[0] if name != "of"]
        values: dict[str, Any] = {name: bindparam(f"to_{name}") for name in names}
        connection.execute(update(CASE).where(CASE.c.no == bindparam("of")).values(values), rows)
