"""Suspicious transaction reports: drafted from a case, filled in, approved by a second person, exported, sent, receipted.

The content of a report is a file sealed under a token of the report itself: reports are kept by law for ten years, also when
the customer's other data is destroyed.  Acts name it by its digest, so that what was approved is what is exported.

Methods wait for the desk and for files: call them in a thread that may wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from tarim.base.errors import Conflict, DefinitionError, TooLarge
from tarim.base.four_eyes import require_person
from tarim.cases import require_second
from tarim.deadlines import ClockKind, Schedule, YearMissing
from tarim.desk import Act, Desk, Draft
from tarim.identity import Caller
from tarim.reporting.domain.case_facts import CaseFacts
from tarim.reporting.domain.days import local_datetime
from tarim.reporting.domain.filing import Filing, missing, number_of
from tarim.reporting.domain.states import ReportEvent, ReportState, advance
from tarim.reporting.domain.suspicious import Report
from tarim.reporting.domain.validation import Fault
from tarim.reporting.ports import CaseSource, Filings, Letterhead, Packing, People, RawValues
from tarim.reporting.service.contents import Contents
from tarim.reporting.service.drafting import draft_of

OPEN_OF_CASE_MAX: Final = 20
RECEIPT_BYTES_MAX: Final = 1 << 20
STAFF_MAX: Final = 2_000
_E: Final = ReportEvent


@dataclass(frozen=True, slots=True)
class Shown:
    """A report with its content, what is wrong with it, and who had a hand in it."""

    filing: Filing
    report: Report
    faults: tuple[Fault, ...]
    hands: tuple[str, ...]


class SuspiciousReports:
    """Everything people do with them."""

    def __init__(
        self,
        desk: Desk,
        filings: Filings,
        contents: Contents,
        pack: Packing,
        cases: CaseSource,
        values: RawValues,
        people: People,
        letterhead: Letterhead,
        schedule: Schedule,
    ) -> None:
        self._desk = desk
        self._filings = filings
        self._contents = contents
        self._pack = pack
        self._cases = cases
        self._values = values
        self._people = people
        self._letterhead = letterhead
        self._schedule = schedule

    # ---- looks -------------------------------------------------------------------------------------------------------

    def filing(self, caller: Caller, number: str) -> Filing:
        """Where a report stands.  Raises NotFound, also when it is none of the caller's business."""
        return self._desk.read(lambda connection: self._seen(connection, caller, number)).result()

    def listed(self, caller: Caller, state: str, before_no: int, limit: int) -> list[Filing]:
        """Reports that are there for a caller, the newest first."""
        names = self._names(caller)
        return self._desk.read(lambda c: self._filings.listed(c, caller, names, state, before_no, limit)).result()

    def history(self, caller: Caller, number: str) -> list[dict[str, Any]]:
        """What happened to a report, from its first day.  Reasons are opened."""

        def look(connection: Connection) -> list[dict[str, Any]]:
            return self._filings.history(connection, self._seen(connection, caller, number).no)

        found = self._desk.read(look).result()
        return [{**each, "reason": self._contents.opened(each["reason"])} for each in found]

    def shown(self, caller: Caller, number: str) -> Shown:
        """A report with its content in full: for callers who may see personal data, and on the trail."""

        def look(connection: Connection) -> tuple[Filing, tuple[str, ...]]:
            filing = self._seen(connection, caller, number)
            return filing, tuple(sorted(self._filings.hands(connection, filing.no)))

        filing, hands = self._desk.read(look).result()
        report = self._contents.of(filing)
        return Shown(filing, report, self._contents.faults(report), hands)

    def due(self, filing: Filing) -> tuple[int, str]:
        """When a report is to be sent, and where that stands (`tarim.deadlines.Standing`): counted from its first draft.

        0 and "" for a discarded one, and where the calendar of the year is not known yet.
        """
        if filing.stands is ReportState.DISCARDED:
            return 0, ""
        try:
            deadline = self._schedule.deadline(ClockKind.STR_FILING, filing.created_ms)
        except YearMissing:
            return 0, ""
        return deadline.due_ms or 0, deadline.standing(self._desk.now_ms(), filing.sent_ms or None).value

    # ---- acts --------------------------------------------------------------------------------------------------------

    def draft(self, caller: Caller, case_ref: str, customer: str) -> Filing:
        """A new report from a case.  customer: the bank's number of the subject, "" = to be filled in.

        Raises NotFound (no such case for the caller), Conflict, DefinitionError (the number is another customer's).
        """
        facts = self._desk.read(lambda connection: self._facts(connection, caller, case_ref)).result()
        if customer and self._values.customer_token(customer) != facts.customer:
            raise DefinitionError("this is not the number of the case's customer. 客户号与案件客户不符。")
        report = draft_of(facts, customer, self._values, self._letterhead, self._contents.codes, caller.name)
        content = self._contents.encoded(report)
        subjects = self._contents.subjects(report) | {f"{facts.customer:016x}"}

        def command(connection: Connection) -> Sequence[Draft]:
            branch, queue = self._cases.scope(connection, case_ref)
            if self._filings.own_customers(connection, self._names(caller)) & {int(each, 16) for each in subjects}:
                raise missing(case_ref)
            if self._filings.open_of_case(connection, case_ref) >= OPEN_OF_CASE_MAX:
                raise Conflict(f"case {case_ref} has {OPEN_OF_CASE_MAX} reports under way already")
            no = self._filings.next_no(connection)
            number = number_of(no, local_datetime(self._desk.now_ms()).year)
            body = {"no": no, "case_ref": case_ref, "branch": branch, "queue": queue}
            body["digest"] = self._contents.put(number, content)
            return [Draft("reports.draft", number, {**body, "subjects": sorted(subjects)})]

        [act] = self._desk.perform(caller.name, command)
        return self.filing(caller, act.subject)

    def edit(self, caller: Caller, number: str, version: int, report: Report) -> Shown:
        """Put another content in a draft's place; faults are told and do not hinder it."""
        filing = self.filing(caller, number)
        digest = self._contents.put(filing.number, self._contents.encoded(report))
        subjects = sorted(self._contents.subjects(report) | set(filing.subjects))
        event = _E.CORRECT if filing.stands is ReportState.RETURNED else _E.EDIT
        self._move(caller, number, version, event, {"digest": digest, "subjects": subjects})
        return self.shown(caller, number)

    def submit(self, caller: Caller, number: str, version: int) -> Filing:
        """Ask for approval.  Raises FaultyReport with every fault, so that only sound reports are ever approved."""
        self._contents.require_sound(self.filing(caller, number))
        return self._move(caller, number, version, _E.SUBMIT, {})

    def withdraw(self, caller: Caller, number: str, version: int) -> Filing:
        """Take one's own submission back.  Raises Conflict for somebody else's."""

        def own(connection: Connection, filing: Filing) -> None:
            if filing.submitted_by != caller.name:
                raise Conflict(
                    f"report {number} was submitted by {filing.submitted_by}, who alone can take it back. 只有提交人可以撤回。"
                )

        return self._move(caller, number, version, _E.WITHDRAW, {}, own)

    def approve(self, caller: Caller, number: str, version: int, digest: str, reason: str) -> Filing:
        """Agree to exactly this content.  Raises SamePerson, Conflict (other content), FaultyReport."""
        self._contents.require_sound(self.filing(caller, number))

        def same(connection: Connection, filing: Filing) -> None:
            self._require_second(connection, caller, filing, "approving a report")
            if filing.digest != digest:
                raise Conflict(
                    f"report {number} holds other content than what was looked at; look at it again. 内容已变化，请重新查看。"
                )

        return self._move(caller, number, version, _E.APPROVE, self._contents.reason(number, reason), same)

    def reject(self, caller: Caller, number: str, version: int, reason: str) -> Filing:
        """Send it back with why."""
        return self._move(
            caller, number, version, _E.REJECT, self._contents.reason(number, reason, needed=True), self._second(caller)
        )

    def discard(self, caller: Caller, number: str, version: int, reason: str) -> Filing:
        """Drop a draft for good: a second person's act, so that nobody makes a suspicion disappear alone."""
        return self._move(
            caller,
            number,
            version,
            _E.DISCARD,
            self._contents.reason(number, reason, needed=True),
            self._second(caller),
        )

    def export(self, caller: Caller, number: str, version: int) -> Filing:
        """Make the package: XML that keeps to its schema, PDF, manifest.  It is kept sealed, named by its digest."""
        filing = self.filing(caller, number)
        advance(filing.number, filing.stands, _E.EXPORT)
        package = self._pack(filing, self._contents.of(filing), self._contents.codes)
        return self._move(caller, number, version, _E.EXPORT, {"package": self._contents.put(filing.number, package)})

    def package(self, caller: Caller, number: str) -> tuple[str, bytes]:
        """Name and bytes of the exported package.  Raises Conflict before the export, Damaged."""
        filing = self.filing(caller, number)
        if not filing.package:
            raise Conflict(f"report {number} was not exported yet. 尚未生成报送包。")
        return f"{filing.number}.zip", self._contents.get(filing.number, filing.package)

    def sent(self, caller: Caller, number: str, version: int, message: str) -> Filing:
        """It was sent to the authority, as a message of this name."""
        if not 1 <= len(message) <= 64 or not message.isascii() or not message.isprintable():
            raise DefinitionError(
                "the name of a message has 1 to 64 printable ASCII characters. 报文名称为1至64个可打印ASCII字符。"
            )
        return self._move(caller, number, version, _E.SEND, {"message": message})

    def receipt(
        self, caller: Caller, number: str, version: int, *, accepted: bool, content: bytes, reason: str
    ) -> Filing:
        """What came back; the receipt itself is kept sealed, named by its digest."""
        if not content or len(content) > RECEIPT_BYTES_MAX:
            raise DefinitionError(f"a receipt has 1 to {RECEIPT_BYTES_MAX:,} bytes")
        digest = self._contents.put(self.filing(caller, number).number, content)
        event = _E.ACCEPT if accepted else _E.RETURN
        return self._move(
            caller,
            number,
            version,
            event,
            {"digest": digest, **self._contents.reason(number, reason, needed=not accepted)},
        )

    def let_in(self, caller: Caller, number: str, person: str, *, on: bool) -> Filing:
        """Let somebody read a report, or not any more; by who had a hand in it, or may approve it."""
        require_person(person)

        def command(connection: Connection) -> Sequence[Draft]:
            filing = self._seen(connection, caller, number)
            return [Draft("reports.let_in", filing.number, {"no": filing.no, "person": person, "on": on})]

        self._desk.perform(caller.name, command)
        return self.filing(caller, number)

    def register_staff(self, caller: Caller, staff: Sequence[tuple[str, str]]) -> int:
        """Take in which persons (names they sign in with) are customers (the bank's numbers): the whole register anew.

        Raises TooLarge.
        """
        if len(staff) > STAFF_MAX:
            raise TooLarge(f"the register has at most {STAFF_MAX:,} rows")
        for person, _ in staff:
            require_person(person)
        rows = sorted({(person, f"{self._values.customer_token(number):016x}") for person, number in staff})
        self._desk.perform(
            caller.name, lambda _: [Draft("reports.staff", "staff", {"staff": [list(row) for row in rows]})]
        )
        return len(rows)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _move(
        self,
        caller: Caller,
        number: str,
        version: int,
        event: ReportEvent,
        body: dict[str, Any],
        require: Callable[[Connection, Filing], None] = lambda _connection, _filing: None,
    ) -> Filing:
        def command(connection: Connection) -> Sequence[Draft]:
            filing = self._seen(connection, caller, number)
            filing.require_version(version)
            advance(filing.number, filing.stands, event)
            require(connection, filing)
            return [Draft(f"reports.{event.value}", filing.number, {"no": filing.no, **body})]

        acts: tuple[Act, ...] = self._desk.perform(caller.name, command)
        assert len(acts) == 1
        return self.filing(caller, number)

    def _seen(self, connection: Connection, caller: Caller, number: str) -> Filing:
        return self._filings.seen(connection, caller, self._names(caller), number)

    def _names(self, caller: Caller) -> set[str]:
        return {caller.name, *self._people.names_of(caller.name)}

    def _facts(self, connection: Connection, caller: Caller, case_ref: str) -> CaseFacts:
        facts = self._cases.facts(connection, case_ref)
        own = self._filings.own_customers(connection, self._names(caller))
        if facts.customer in own or not caller.may_see(*self._cases.scope(connection, case_ref)):
            raise missing(case_ref)
        return facts

    def _second(self, caller: Caller) -> Callable[[Connection, Filing], None]:
        return lambda connection, filing: self._require_second(connection, caller, filing, "deciding on a report")

    def _require_second(self, connection: Connection, caller: Caller, filing: Filing, what: str) -> None:
        hands = self._filings.hands(connection, filing.no) | {filing.author, filing.submitted_by} - {""}
        require_second(caller.name, hands, self._people.names_of, what)
