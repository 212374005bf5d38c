"""A case's way: taken, given, worked, submitted, decided by a second person, reopened, escalated, locked (RM-04)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from tarim.base.errors import DefinitionError, NotAllowed
from tarim.cases.acting import Acting, refuse_when
from tarim.cases.domain.case import LOCK_MS_MAX, Case
from tarim.cases.domain.four_eyes import require_second
from tarim.cases.domain.states import CaseEvent, CaseState, Wish
from tarim.desk import Draft
from tarim.identity import Scope

E = CaseEvent


def assign(acting: Acting, connection: Connection, to: str) -> Sequence[Draft]:
    """Give the case to a person; anybody who works may take a new one.  Raises NotAllowed, Conflict, NotFound."""
    case = acting.case(connection)
    taking = to == acting.person and case.stands in (CaseState.NEW, CaseState.REOPENED)
    if not taking:
        acting.caller.require(Scope.CASES_ASSIGN)
    case.require_unlocked(acting.person, acting.means.now_ms())
    refuse_when(case.assignee == to, f"case {case.ref} is {to}'s already")
    if not acting.means.people.may_work(to, case.branch, case.queue):
        raise DefinitionError(f"{to} does not work on cases of this branch and queue")
    if case.stands is CaseState.ESCALATED:  # a higher level: not who passed it up
        hands = acting.means.reading.hands(connection, case.no)
        require_second(to, hands, acting.means.people.names_of, "an escalated case")
    return [acting.draft(case, "assign", E.ASSIGN, to=to)]


def unassign(acting: Acting, connection: Connection, reason: str) -> Sequence[Draft]:
    """Put the case back into its queue: its own person, or one who gives cases out."""
    case = acting.case(connection)
    if case.assignee != acting.person:
        acting.caller.require(Scope.CASES_ASSIGN)
    case.require_unlocked(acting.person, acting.means.now_ms())
    return [acting.draft(case, "unassign", E.UNASSIGN, reason=acting.sealed(case, reason))]


def start(acting: Acting, connection: Connection) -> Sequence[Draft]:
    """Begin, or go on after it was returned."""
    case = acting.mine(connection)
    return [acting.draft(case, "start", E.START)]


def lock(acting: Acting, connection: Connection, minutes: int) -> Sequence[Draft]:
    """Keep others from changing the case for a while; again makes it longer."""
    case = acting.mine(connection)
    if not 1 <= minutes * 60_000 <= LOCK_MS_MAX:
        raise DefinitionError(f"a case is locked for 1 to {LOCK_MS_MAX // 60_000} minutes")
    until_ms = acting.means.now_ms() + minutes * 60_000
    return [acting.draft(case, "lock", E.LOCK, until_ms=until_ms)]


def unlock(acting: Acting, connection: Connection) -> Sequence[Draft]:
    """Take one's own lock off; anybody else's ends by time."""
    case = acting.case(connection)
    refuse_when(not case.lock_person, f"case {case.ref} is not locked")
    case.require_unlocked(acting.person, acting.means.now_ms())
    return [acting.draft(case, "unlock", E.UNLOCK)]


def submit(acting: Acting, connection: Connection, wish: Wish, reason: str) -> Sequence[Draft]:
    """Ask for the case to be closed or reported.  Every alert has its verdict by then, and no release is left open."""
    case = acting.mine(connection)
    refuse_when(bool(case.unreviewed), f"case {case.ref} has {case.unreviewed} alerts without a verdict")
    open_releases = acting.means.reading.releases_open(connection, case.no)
    refuse_when(bool(open_releases), f"case {case.ref} has {open_releases} releases that wait for a second person")
    refuse_when(wish is Wish.REPORT and bool(case.reported_ms), f"case {case.ref} is reported already")
    return [acting.draft(case, "submit", E.SUBMIT, wish=wish.value, reason=acting.sealed(case, reason))]


def withdraw(acting: Acting, connection: Connection) -> Sequence[Draft]:
    """Take back what one submitted."""
    case = acting.case(connection)
    if case.stands is CaseState.SUBMITTED and case.submitted_by != acting.person:
        raise NotAllowed(f"only {case.submitted_by} can withdraw case {case.ref}", known=True)
    return [acting.draft(case, "withdraw", E.WITHDRAW)]


def send_back(acting: Acting, connection: Connection, reason: str) -> Sequence[Draft]:
    """Return a submitted case to its worker, as a second person."""
    case = acting.case(connection)
    draft = acting.draft(case, "return", E.RETURN, reason=acting.sealed(case, reason))
    acting.require_second(connection, case, "returning a case")
    return [draft]


def approve(acting: Acting, connection: Connection, reason: str) -> Sequence[Draft]:
    """Agree, as a second person, to what is asked for: close or report.  The version seen has to be the present one."""
    case = _seen(acting, connection)
    event = E.APPROVE_REPORT if case.wish == Wish.REPORT.value else E.APPROVE_CLOSE
    draft = acting.draft(case, "approve", event, wish=case.wish, reason=acting.sealed(case, reason))
    acting.require_second(connection, case, "closing or reporting a case")
    return [draft]


def ask_reopen(acting: Acting, connection: Connection, reason: str) -> Sequence[Draft]:
    """Ask for a closed case to be opened again."""
    case = acting.case(connection)
    return [acting.draft(case, "ask_reopen", E.ASK_REOPEN, reason=acting.sealed(case, reason))]


def decide_reopen(acting: Acting, connection: Connection, agreed: bool, reason: str) -> Sequence[Draft]:
    """Agree to it or not, as a second person."""
    case = _seen(acting, connection)
    event = E.APPROVE_REOPEN if agreed else E.REFUSE_REOPEN
    draft = acting.draft(case, "decide_reopen", event, agreed=agreed, reason=acting.sealed(case, reason))
    acting.require_second(connection, case, "reopening a case")
    return [draft]


def escalate(acting: Acting, connection: Connection, reason: str) -> Sequence[Draft]:
    """Hand the case to a higher level: whoever has it, or one who gives cases out."""
    case = acting.case(connection)
    if case.assignee != acting.person:
        acting.caller.require(Scope.CASES_ASSIGN)
    case.require_unlocked(acting.person, acting.means.now_ms())
    return [acting.draft(case, "escalate", E.ESCALATE, reason=acting.sealed(case, reason))]


def _seen(acting: Acting, connection: Connection) -> Case:
    """The case, with the version the second person saw: nobody agrees to what he did not see.  Raises DefinitionError."""
    if not acting.version:
        raise DefinitionError("version: the version of the case that was looked at is needed to decide on it")
    return acting.case(connection)
