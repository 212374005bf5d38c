"""Risk reports: by day, week and month on schedule, and of any period on demand (RM-03).

Figures come from the tables; the journal is counted beside them, and a report whose figures do not agree is not filed.  What is
filed (PDF, workbook, figures) is named by digests in the act that files it.

Methods wait for the desk and for files: call them in a thread that may wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import Connection

from tarim.base.canonical import canonical_json
from tarim.base.errors import Conflict, DefinitionError, NotFound, TarimError
from tarim.base.instants import MINUTE_MS
from tarim.desk import SYSTEM, Desk, Draft
from tarim.reporting.domain.days import Period, PeriodKind, due
from tarim.reporting.domain.figures import (
    CaseCounts,
    Counts,
    Difference,
    Figures,
    NotReconciled,
    differences,
    figures_of,
)
from tarim.reporting.ports import Counted, Letterhead, PlainFiles, RenderRisk, Tallies

TRIES: Final = 5
RETRY_MS: Final = 10 * MINUTE_MS
"""A scheduled report that failed is tried again so long after."""
EVERYTHING: Final = 1 << 62
"""A position beyond every journal."""
LISTED_MAX: Final = 500
FORMS: Final = {"pdf": "pdf", "xlsx": "workbook"}


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the tables say, at one position of the decisions' journal."""

    as_of_seq: int
    counts: Counts
    before: Counts
    cases: CaseCounts


class RiskReports:
    """Makes and files them."""

    def __init__(
        self,
        desk: Desk,
        counted: Counted,
        tallies: Tallies,
        files: PlainFiles,
        pages: RenderRisk,
        workbook: RenderRisk,
        letterhead: Letterhead,
        wait_s: float = 0.2,
    ) -> None:
        """wait_s: between two looks at figures that do not agree."""
        self._desk = desk
        self._counted = counted
        self._tallies = tallies
        self._files = files
        self._render = {"pdf": pages, "xlsx": workbook}
        self._letterhead = letterhead
        self._wait_s = wait_s
        self._troubles: dict[str, tuple[int, str]] = {}
        self._log = structlog.get_logger("tarim.reporting")

    # ---- figures -----------------------------------------------------------------------------------------------------

    def figures(self, period: Period) -> Figures:
        """The figures of a period that agree with the journal.  Raises NotReconciled, DefinitionError (not begun)."""
        if period.from_ms > self._desk.now_ms():
            raise DefinitionError("the period has not begun")
        found: list[Difference] = []
        for attempt in range(TRIES):
            if attempt:
                time.sleep(self._wait_s)  # the desk followed the journal just now: look again
            seen = self._seen(period)
            if seen is None:
                continue
            over = period.end_ms <= self._desk.now_ms()  # then nothing more comes in, however far the tables stand
            tally = self._tallies.count(period.from_ms, period.end_ms, EVERYTHING if over else seen.as_of_seq)
            found = differences(seen.counts, tally.counts, seen.cases.alerts)
            if not found:
                return figures_of(period, seen.as_of_seq, seen.counts, tally.events, seen.before, seen.cases)
        raise NotReconciled(found or [Difference("流水位置", "the tables move too fast to be counted", 0, 0)])

    def _seen(self, period: Period) -> _Seen | None:
        """What the tables say, None when they moved meanwhile."""

        def look(connection: Connection) -> _Seen | None:
            as_of_seq = self._counted.followed_seq(connection)
            before = self._counted.counts(connection, period.before())
            cases = self._counted.cases(connection, period, self._desk.now_ms())
            counts = self._counted.counts(connection, period)
            same = self._counted.followed_seq(connection) == as_of_seq
            return _Seen(as_of_seq, counts, before, cases) if same else None

        return self._desk.read(look).result()

    # ---- filing ------------------------------------------------------------------------------------------------------

    def file(self, person: str, period: Period) -> dict[str, Any]:
        """Make and file a report: the row of it.  Raises Conflict when it is filed already, NotReconciled, Unavailable."""
        figures = self.figures(period)
        name = figures.id
        if period.kind is PeriodKind.ON_DEMAND:
            name = f"{name}-{figures.as_of_seq}"
        elif period.end_ms > self._desk.now_ms():
            raise Conflict(f"the period of {name} is not over: ask for one on demand")
        figures = msgspec.structs.replace(figures, id=name)
        self._refuse_filed(name)
        at_ms = self._desk.now_ms()
        digests = {}
        for form, render in self._render.items():
            content = render(figures, period.kind, self._letterhead, person, at_ms)
            digests[FORMS[form]] = sha256(content).hexdigest()
            self._files.put(f"{name}-{digests[FORMS[form]][:16]}.{form}", content)
        plain = msgspec.to_builtins(figures, str_keys=True)
        body = {
            "kind": period.kind.value,
            "from_day": period.from_day,
            "to_day": period.to_day,
            "as_of_seq": figures.as_of_seq,
            "figures": plain,
            "digest": sha256(canonical_json(plain)).hexdigest(),
            **digests,
        }

        def command(connection: Connection) -> Sequence[Draft]:
            self._require_unfiled(connection, name)
            return [Draft("reports.filed", name, body)]

        self._desk.perform(person, command)
        return self.filed_one(name)

    def file_due(self, going_on: Callable[[], bool] = lambda: True) -> list[str]:
        """File what the schedule asks for by now; names of what was filed.  Trouble with one is logged, and tried next time."""
        filed = self._desk.read(self._counted.filed_ids).result()
        made = []
        now_ms = self._desk.now_ms()
        wanted = due(now_ms, filed)
        self._troubles = {period.id: self._troubles[period.id] for period in wanted if period.id in self._troubles}
        for period in wanted:
            tried_ms, told = self._troubles.get(period.id, (-RETRY_MS, ""))
            if now_ms - tried_ms < RETRY_MS:
                continue
            if not going_on():
                break
            try:
                made.append(str(self.file(SYSTEM, period)["id"]))
            except TarimError as error:
                if told != error.detail:  # said once, tried again and again
                    self._log.error("risk-report", report=period.id, detail=error.detail, code=error.code)
                self._troubles[period.id] = (now_ms, error.detail)
        return made

    # ---- looks -------------------------------------------------------------------------------------------------------

    def filed(self, count: int) -> list[dict[str, Any]]:
        """The newest filed reports, newest first, without their figures."""
        return self._desk.read(lambda connection: self._counted.filed(connection, min(count, LISTED_MAX))).result()

    def filed_one(self, name: str) -> dict[str, Any]:
        """A filed report with its figures.  Raises NotFound."""
        found = self._desk.read(lambda connection: self._counted.filed_one(connection, name)).result()
        if found is None:
            raise NotFound(f"there is no risk report {name[:40]}")
        return found

    def document(self, name: str, form: str) -> tuple[str, bytes]:
        """File name and bytes of a filed report, `pdf` or `xlsx`, as they were filed.  Raises NotFound, Damaged."""
        if form not in FORMS:
            raise DefinitionError("a risk report comes as pdf or xlsx")
        digest = self.filed_one(name)[FORMS[form]]
        return f"{name}.{form}", self._files.get(f"{name}-{digest[:16]}.{form}", digest)

    def _refuse_filed(self, name: str) -> None:
        self._desk.read(lambda connection: self._require_unfiled(connection, name)).result()

    def _require_unfiled(self, connection: Connection, name: str) -> None:
        if self._counted.filed_one(connection, name) is not None:
            raise Conflict(f"risk report {name} is filed already")
