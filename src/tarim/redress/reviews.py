"""Looking over many files: half-yearly statistics of complaints (CM-08), losses whose files are incomplete (TS-22)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec
from sqlalchemy import Connection

from tarim.base.errors import Conflict
from tarim.base.instants import instant_text
from tarim.deadlines import ClockKind
from tarim.desk import Draft
from tarim.identity import Caller, Scope
from tarim.redress.adapters.rows import FILES_MAX, Filter, came_ms, complaints_between, find_file
from tarim.redress.book import opened, opening_draft
from tarim.redress.domain.files import ClockUse, Hand, Home
from tarim.redress.domain.half_year import HALF_YEAR, HalfYear, Sign, Statistics, bounds_ms, draft, previous, statistics
from tarim.redress.domain.loss import Loss
from tarim.redress.views import ClockView, clock_view
from tarim.redress.work import HEAD_OFFICE, Redress

REPORTING_DEPARTMENT = "customer-care"


class HalfYearView(msgspec.Struct, frozen=True):
    """A half year: counts, the report's draft, its digest; signed_by: "" while nobody has, and the clock of signing."""

    period: str
    counts: Statistics
    before: Statistics
    draft: str
    digest: str
    signed_by: str
    signed_at: str
    clock: ClockView


class IncompleteLoss(msgspec.Struct, frozen=True):
    """A loss and the parts its file lacks."""

    id: str
    state: str
    owner: str
    missing: list[str]


class LapsedRule(msgspec.Struct, frozen=True):
    """A rule that was to keep a loss from happening again and is not in force any more.

    ruleset: of then; person, since_at: who named it, and when.
    """

    id: str
    state: str
    owner: str
    rule: str
    ruleset: str
    person: str
    since_at: str


class Reviews:
    """Reads over all files.  Waits, like `Redress`."""

    def __init__(self, redress: Redress) -> None:
        self._redress = redress
        self._desk = redress.parts.desk
        self._schedule = redress.parts.schedule

    def half_year(self, caller: Caller, period: str) -> HalfYearView:
        """The counts of a half year as they are now, or as they were signed.  Raises DefinitionError."""
        caller.require(Scope.REDRESS_READ)
        return self._desk.read(lambda connection: self._half_year(connection, period)).result()

    def sign(self, caller: Caller, period: str, digest: str, text: str) -> str:
        """Answer for a half year's counts, with what was found and what will be done; the id of the signed version.

        digest: of the draft that was read.  Raises Conflict when the counts have changed since or it was signed before.
        """
        caller.require(Scope.REDRESS_DECIDE)
        file_id = f"{HALF_YEAR.prefix}-{period}"
        sealed = self._desk.texts.seal(int.from_bytes(sha256(file_id.encode()).digest()[:8], "little"), text)
        home = Home(0, HEAD_OFFICE, REPORTING_DEPARTMENT, caller.name)

        def command(connection: Connection) -> Sequence[Draft]:
            now = self._half_year(connection, period)
            if now.signed_by:
                raise Conflict(f"{period} is signed already. 已签署。")
            if now.digest != digest:
                raise Conflict(
                    "the counts have changed since they were read; read them again. 统计已变化，请重新查看。"
                )
            event = Sign(period, now.draft, now.counts, sealed)
            opened(HALF_YEAR, file_id, event, home, Hand(caller.name, self._desk.now_ms()))
            return [opening_draft(HALF_YEAR, file_id, event, home)]

        return self._desk.perform(caller.name, command)[0].subject

    def incomplete_losses(self, caller: Caller) -> list[IncompleteLoss]:
        """Losses whose files lack parts, the one confirmed first first; at most 1,000 losses are looked at."""
        files = self._redress.files(caller, Filter("loss", ended=False), FILES_MAX)
        return [
            IncompleteLoss(file.id, file.state, file.owner, [part.value for part in file.missing])
            for _, file in files
            if isinstance(file, Loss) and file.missing
        ]

    def lapsed_rules(self, caller: Caller) -> list[LapsedRule]:
        """Containments whose rule the ruleset that judged the newest event does not hold, closed losses too (RM-14).

        A loss with another rule that is in force is contained, and left out.  Raises NotFound while nothing was judged yet,
        Unavailable.
        """
        _, rules = self._redress.parts.decisions.rules_in_force()
        found: list[LapsedRule] = []
        after: tuple[int, str] | None = None
        while True:
            files = self._redress.files(caller, Filter("loss", after=after), FILES_MAX)
            for _, file in files:
                if isinstance(file, Loss) and not any(each.rule in rules for each in file.containments):
                    found += [
                        LapsedRule(
                            *(file.id, file.state, file.owner, each.rule, each.ruleset, each.person),
                            since_at=instant_text(each.at_ms),
                        )
                        for each in file.containments
                    ]
            if len(files) < FILES_MAX:
                return found
            after = (came_ms(files[-1][1]), files[-1][1].id)

    def _half_year(self, connection: Connection, period: str) -> HalfYearView:
        now_ms = self._desk.now_ms()
        bounds_ms(period)
        signed = _signed(connection, period)
        before, counts = self._counts(connection, previous(period), now_ms), self._counts(connection, period, now_ms)
        text = signed.draft if signed else draft(counts, before)
        use = ClockUse(ClockKind.HALF_YEAR_STATISTICS, bounds_ms(period)[1] - 1, signed.opened_ms if signed else None)
        return HalfYearView(
            period=period,
            counts=counts,
            before=before,
            draft=text,
            digest=sha256(text.encode()).hexdigest(),
            signed_by=signed.opened_by if signed else "",
            signed_at=instant_text(signed.opened_ms) if signed else "",
            clock=clock_view(use, self._schedule, now_ms),
        )

    def _counts(self, connection: Connection, period: str, now_ms: int) -> Statistics:
        """As they were signed, else as they are now."""
        signed = _signed(connection, period)
        if signed is not None:
            return signed.counts
        return statistics(period, complaints_between(connection, *bounds_ms(period)), self._schedule, now_ms)


def _signed(connection: Connection, period: str) -> HalfYear | None:
    found = find_file(connection, f"{HALF_YEAR.prefix}-{period}")
    return found if isinstance(found, HalfYear) else None
