"""What every command about a case begins with: the case as it stands, its scope, and whether somebody may.

A case outside the caller's branches and queues is not there for him (404, not 403), so its existence cannot be guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tarim.base.errors import Conflict, NotFound
from tarim.cases.domain.case import Case, CaseAlert
from tarim.cases.domain.four_eyes import require_second
from tarim.cases.domain.states import CaseEvent, advance
from tarim.cases.domain.texts import checked_reason, is_case_ref
from tarim.cases.ports import EvidenceStore, People, Reading, Sealing
from tarim.desk import Draft
from tarim.identity import Caller


@dataclass(frozen=True, slots=True)
class Means:
    """What the commands work with.  now_ms: the desk's clock."""

    reading: Reading
    texts: Sealing
    evidence: EvidenceStore
    people: People
    now_ms: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Acting:
    """One caller about to do something with one case.  version: of the case as he saw it, 0 when that does not matter."""

    means: Means
    caller: Caller
    ref: str
    version: int = 0

    @property
    def person(self) -> str:
        """The caller's name."""
        return self.caller.name

    def case(self, connection: Connection) -> Case:
        """The case.  Raises NotFound, also for one that is none of the caller's; Conflict when it has changed."""
        if not is_case_ref(self.ref):
            raise NotFound(f"there is no case {self.ref[:20]}")
        case = self.means.reading.case(connection, self.ref)
        if not self.caller.may_see(case.branch, case.queue):
            raise NotFound(f"there is no case {self.ref}")
        if self.version:
            case.require_version(self.version)
        return case

    def mine(self, connection: Connection) -> Case:
        """The case, of which the caller is in charge.  Raises NotAllowed, Conflict, NotFound."""
        case = self.case(connection)
        case.require_mine(self.person, self.means.now_ms())
        return case

    def alert(self, connection: Connection, case: Case, seq: int) -> CaseAlert:
        """An alert of the case.  Raises NotFound."""
        alert = self.means.reading.alert(connection, seq)
        if alert.case_no != case.no:
            raise NotFound(f"case {case.ref} has no alert {seq}")
        return alert

    def require_second(self, connection: Connection, case: Case, what: str, *more: str) -> None:
        """Nothing when the caller is a second person: had no hand in the case and is none of `more`, under no name.

        Raises SamePerson.
        """
        hands = self.means.reading.hands(connection, case.no) | {case.submitted_by, case.assignee, *more}
        require_second(self.person, hands - {""}, self.means.people.names_of, what)

    def sealed(self, case: Case, reason: str) -> dict[str, Any]:
        """A reason, checked and sealed.  Raises DefinitionError."""
        return self.means.texts.seal(case.customer, checked_reason(reason))

    def draft(self, case: Case, kind: str, event: CaseEvent | None = None, **body: Any) -> Draft:
        """The act `cases.<kind>`.  Raises IllegalTransition when `event` cannot happen to the case."""
        if event is not None:
            advance(case.stands, event)
        return Draft(f"cases.{kind}", case.ref, {"case": case.no, **body})


def refuse_when(condition: bool, detail: str) -> None:
    """Raise Conflict with this detail when the condition holds."""
    if condition:
        raise Conflict(detail)
