"""Acts that are about more than one case, turned into rows: restrictions of customers, assignment rules, rings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, delete, insert, update

from tarim.cases.adapters.applying import Apply, had_a_hand, step
from tarim.cases.adapters.in_force import IN_FORCE
from tarim.cases.adapters.tables import RESTRICTION, RING, RULES
from tarim.cases.domain.assignment import read_assignment
from tarim.cases.domain.states import CaseEvent
from tarim.desk import Act


def _restrict(connection: Connection, act: Act) -> None:
    had_a_hand(connection, act)
    body = act.body
    step(connection, act, CaseEvent.RESTRICT, about=body["measure"])
    row = {
        "id": act.seq,
        "case_no": int(body["case"]),
        "customer": body["customer"],
        "measure": body["measure"],
        "basis": body["basis"],
        "article": body["article"],
        "state": "asked",
        "asked_by": act.person,
        "asked_ms": act.at_ms,
        "decided_by": "",
        "decided_ms": 0,
        "lift_asked_by": "",
        "lifted_by": "",
        "lifted_ms": 0,
    }
    connection.execute(insert(RESTRICTION), row)


def _decide_restriction(connection: Connection, act: Act) -> None:
    state = IN_FORCE if act.body["agreed"] else "refused"
    _restriction(connection, act, state=state, decided_by=act.person, decided_ms=act.at_ms)


def _ask_lift(connection: Connection, act: Act) -> None:
    _restriction(connection, act, lift_asked_by=act.person)


def _decide_lift(connection: Connection, act: Act) -> None:
    if act.body["agreed"]:
        _restriction(connection, act, state="lifted", lifted_by=act.person, lifted_ms=act.at_ms)
    else:
        _restriction(connection, act, lift_asked_by="")


def _restriction(connection: Connection, act: Act, **changes: object) -> None:
    connection.execute(update(RESTRICTION).where(RESTRICTION.c.id == act.body["restriction"]).values(**changes))
    step(connection, act, CaseEvent.DECIDE_RESTRICTION, about=act.subject)


def _propose_rules(connection: Connection, act: Act) -> None:
    row = {"id": act.seq, "text": act.body["text"], "version": read_assignment(act.body["text"]).version}
    row |= {"state": "proposed", "author": act.person, "proposed_ms": act.at_ms, "decided_by": "", "decided_ms": 0}
    connection.execute(insert(RULES), row)


def _decide_rules(connection: Connection, act: Act) -> None:
    decided = {"decided_by": act.person, "decided_ms": act.at_ms}
    if act.body["agreed"]:
        connection.execute(update(RULES).where(RULES.c.state == IN_FORCE).values(state="past"))
    state = IN_FORCE if act.body["agreed"] else "refused"
    connection.execute(update(RULES).where(RULES.c.id == act.body["rules"]).values(state=state, **decided))


def _rings(connection: Connection, act: Act) -> None:
    """Accounts of rings; a ring of "" takes an account out of its ring."""
    rings = {int(account, 16): ring for account, ring in act.body["rings"].items()}
    connection.execute(delete(RING).where(RING.c.account.in_(sorted(rings))))
    rows = [{"account": account, "ring": ring} for account, ring in sorted(rings.items()) if ring]
    if rows:
        connection.execute(insert(RING), rows)


APPLY_RULES: Final[Mapping[str, Apply]] = MappingProxyType(
    {
        "cases.restrict": _restrict,
        "cases.decide_restriction": _decide_restriction,
        "cases.ask_lift": _ask_lift,
        "cases.decide_lift": _decide_lift,
        "cases.propose_rules": _propose_rules,
        "cases.decide_rules": _decide_rules,
        "cases.rings": _rings,
    }
)
