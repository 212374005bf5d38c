"""Payments that are held, and customers that are restricted: release takes two persons, refusal one (RM-04, RM-27).

The order goes to the decisions service as a verdict on the hold; what became of it is read from the decisions' journal.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from tarim.base.errors import NotAllowed, NotFound
from tarim.cases.acting import Acting, refuse_when
from tarim.cases.domain.case import Case, CaseAlert, RestrictionRow
from tarim.cases.domain.four_eyes import require_second
from tarim.cases.domain.restriction import Basis, Measure, check_restriction
from tarim.cases.domain.states import CaseEvent
from tarim.desk import Draft

E = CaseEvent


def ask_release(acting: Acting, connection: Connection, seq: int, reason: str) -> Sequence[Draft]:
    """Ask for a held payment to be released."""
    case = acting.mine(connection)
    alert = _held(acting, connection, case, seq)
    refuse_when(bool(alert.release_by), f"{alert.release_by} has asked for the release of alert {seq} already")
    return [acting.draft(case, "ask_release", E.ASK_RELEASE, alert=seq, reason=acting.sealed(case, reason))]


def approve_release(acting: Acting, connection: Connection, seq: int, reason: str) -> Sequence[Draft]:
    """Agree to it, as a second person: the order goes out."""
    case = acting.case(connection)
    alert = _held(acting, connection, case, seq)
    refuse_when(not alert.release_by, f"nobody has asked for the release of alert {seq}")
    draft = acting.draft(case, "approve_release", E.APPROVE_RELEASE, alert=seq, reason=acting.sealed(case, reason))
    acting.require_second(connection, case, "releasing money", alert.release_by)
    return [draft]


def drop_release(acting: Acting, connection: Connection, seq: int, reason: str) -> Sequence[Draft]:
    """Turn the wish down, as a second person."""
    case, alert = _asked(acting, connection, seq)
    acting.require_second(connection, case, "turning a release down", alert.release_by)
    return [acting.draft(case, "drop_release", E.DROP_RELEASE, alert=seq, reason=acting.sealed(case, reason))]


def withdraw_release(acting: Acting, connection: Connection, seq: int, reason: str) -> Sequence[Draft]:
    """Take back one's own wish.  Raises NotAllowed for another's."""
    case, alert = _asked(acting, connection, seq)
    if alert.release_by != acting.person:
        raise NotAllowed(f"only {alert.release_by} can take that back", known=True)
    return [acting.draft(case, "drop_release", E.DROP_RELEASE, alert=seq, reason=acting.sealed(case, reason))]


def refuse_payment(acting: Acting, connection: Connection, seq: int, reason: str) -> Sequence[Draft]:
    """Refuse a held payment; one person may."""
    case = acting.mine(connection)
    _held(acting, connection, case, seq)
    return [acting.draft(case, "refuse_payment", E.REFUSE_PAYMENT, alert=seq, reason=acting.sealed(case, reason))]


def order_failed(acting: Acting, connection: Connection, seq: int, trouble: str) -> Sequence[Draft]:
    """What the desk itself records when the decisions service will not carry an order out."""
    case = acting.case(connection)
    alert = acting.alert(connection, case, seq)
    if not alert.ordered or not alert.waits:
        return []
    return [acting.draft(case, "order_failed", E.ORDER_FAILED, alert=seq, reason=acting.sealed(case, trouble))]


def restrict(
    acting: Acting, connection: Connection, measure: Measure, basis: Basis, article: str, reason: str
) -> Sequence[Draft]:
    """Ask for a restriction of the case's customer, with the law it rests on.  Raises DefinitionError, Conflict."""
    case = acting.mine(connection)
    check_restriction(measure, basis, article)
    there = {each.measure for each in acting.means.reading.restrictions(connection, case.customer)}
    refuse_when(measure.value in there, f"{measure.value} is asked for or in force for this customer already")
    return [
        acting.draft(
            case,
            "restrict",
            E.RESTRICT,
            customer=case.customer,
            measure=measure.value,
            basis=basis.value,
            article=article,
            reason=acting.sealed(case, reason),
        )
    ]


def decide_restriction(
    acting: Acting, connection: Connection, number: int, agreed: bool, reason: str
) -> Sequence[Draft]:
    """Agree to a restriction or not, as a second person."""
    case, found = _restriction(acting, connection, number, "asked")
    acting.require_second(connection, case, "restricting a customer", found.asked_by)
    body = {"restriction": number, "agreed": agreed, "reason": acting.sealed(case, reason)}
    return [acting.draft(case, "decide_restriction", E.DECIDE_RESTRICTION, **body)]


def ask_lift(acting: Acting, connection: Connection, number: int, reason: str) -> Sequence[Draft]:
    """Ask for a restriction to be lifted."""
    case, found = _restriction(acting, connection, number, "in_force")
    refuse_when(bool(found.lift_asked_by), f"{found.lift_asked_by} has asked for that already")
    body = {"restriction": number, "reason": acting.sealed(case, reason)}
    return [acting.draft(case, "ask_lift", E.DECIDE_RESTRICTION, **body)]


def decide_lift(acting: Acting, connection: Connection, number: int, agreed: bool, reason: str) -> Sequence[Draft]:
    """Lift a restriction or let it stand, as a second person to whoever asked for it."""
    case, found = _restriction(acting, connection, number, "in_force")
    refuse_when(not found.lift_asked_by, f"nobody has asked for restriction {number} to be lifted")
    names_of = acting.means.people.names_of
    require_second(acting.person, {found.lift_asked_by}, names_of, "lifting a restriction")
    body = {"restriction": number, "agreed": agreed, "reason": acting.sealed(case, reason)}
    return [acting.draft(case, "decide_lift", E.DECIDE_RESTRICTION, **body)]


def _asked(acting: Acting, connection: Connection, seq: int) -> tuple[Case, CaseAlert]:
    case = acting.case(connection)
    alert = acting.alert(connection, case, seq)
    refuse_when(not alert.release_by or bool(alert.ordered), f"no release of alert {seq} waits for a second person")
    return case, alert


def _held(acting: Acting, connection: Connection, case: Case, seq: int) -> CaseAlert:
    alert = acting.alert(connection, case, seq)
    refuse_when(not alert.waits, f"the payment of alert {seq} is not held")
    refuse_when(bool(alert.ordered), f"the {alert.ordered} of alert {seq} is ordered already")
    return alert


def _restriction(acting: Acting, connection: Connection, number: int, state: str) -> tuple[Case, RestrictionRow]:
    case = acting.case(connection)
    found = acting.means.reading.restriction(connection, number)
    if found.case_no != case.no:
        raise NotFound(f"case {case.ref} has no restriction {number}")
    refuse_when(found.state != state, f"restriction {number} is {found.state}")
    return case, found
