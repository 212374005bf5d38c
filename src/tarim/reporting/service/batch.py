"""The batch file of risky accounts: made by schedule, and made the same again by hand with the operator named (RS-06).

Account numbers are opened from the vault in the act and lie nowhere but in the file, which is of mode 0600.  Methods wait
for the desk and for files: call them in a thread that may wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from tarim.base.errors import Conflict, DefinitionError, TarimError, Unavailable
from tarim.base.four_eyes import NOTE_CHARACTERS_MAX
from tarim.base.instants import DAY_MS, MINUTE_MS
from tarim.cases import masked_text
from tarim.desk import SYSTEM, Desk, Draft
from tarim.reporting.domain.batch import Batch, batch_of, risky_accounts
from tarim.reporting.domain.days import SETTLED_MS, day_of, start_ms
from tarim.reporting.ports import BatchRuns, Outbox, RawValues, RiskySource
from tarim.reporting.service.contents import token_of

LISTED_MAX: Final = 500
RETRY_MS: Final = 10 * MINUTE_MS
"""A scheduled batch that failed is tried again so long after."""


class BatchDiffers(Conflict):
    """What would be made now is not what was made then, so nothing is written."""

    code = "batch-differs"


class RiskBatch:
    """Makes the file and knows its runs."""

    def __init__(self, desk: Desk, source: RiskySource, values: RawValues, runs: BatchRuns, outbox: Outbox) -> None:
        self._desk = desk
        self._source = source
        self._values = values
        self._runs = runs
        self._outbox = outbox
        self._trouble = (0, "")
        self._tried_ms = -RETRY_MS
        self._log = structlog.get_logger("tarim.reporting")

    def make(self, person: str, day: int, reason: str, *, by_hand: bool = True) -> dict[str, Any]:
        """Make the file of a day, or make it again exactly as it was: the row of the run.

        Raises DefinitionError (the day is not over), BatchDiffers, Unavailable, TooLarge.
        """
        if start_ms(day) + DAY_MS > self._desk.now_ms():
            raise DefinitionError(f"day {day} is not over")
        text = reason.strip()
        if by_hand and not 1 <= len(text) <= NOTE_CHARACTERS_MAX:
            raise DefinitionError(f"making a batch by hand needs a reason of at most {NOTE_CHARACTERS_MAX} characters")
        first = self._desk.read(lambda connection: self._runs.first(connection, day)).result()
        as_of_seq = first["as_of_seq"] if first else self._newest(day)
        batch = self._batch(day, as_of_seq)
        if first and batch.digest != first["digest"]:
            raise BatchDiffers(
                f"the batch of {day} would have {batch.rows:,} accounts and another digest than the {first['rows']:,} of "
                f"{first['digest'][:16]}; {batch.unresolved:,} accounts cannot be named any more because their customers' "
                "data was destroyed. Nothing was written. 重新生成的文件与原文件不一致，未写入。"
            )
        body = {
            "as_of_seq": as_of_seq,
            "rows": batch.rows,
            "digest": batch.digest,
            "by_hand": by_hand,
            "reason": self._desk.texts.seal(token_of(f"batch {day}"), text) if text else {},
        }

        def command(connection: Connection) -> Sequence[Draft]:
            begun = self._runs.first(connection, day)
            if begun is not None and begun["digest"] != batch.digest:
                raise Conflict(f"the batch of {day} was made by somebody else meanwhile; ask again")
            return [Draft("reports.batch", str(day), body)]

        [act] = self._desk.perform(person, command)
        self._outbox.put(batch)
        return self._run(act.seq)

    def make_due(self) -> list[int]:
        """Make yesterday's file when it is not there yet; trouble is logged, and tried next time."""
        now_ms = self._desk.now_ms()
        day = day_of(now_ms - SETTLED_MS - DAY_MS)
        if now_ms - self._tried_ms < RETRY_MS:
            return []
        if self._desk.read(lambda connection: self._runs.first(connection, day)).result() is not None:
            return []
        try:
            self.make(SYSTEM, day, "", by_hand=False)
        except TarimError as error:
            if self._trouble != (day, error.detail):  # said once, tried again and again
                self._log.error("risk-batch", day=day, detail=error.detail, code=error.code)
            self._trouble, self._tried_ms = (day, error.detail), now_ms
            return []
        return [day]

    def runs(self, count: int) -> list[dict[str, Any]]:
        """The newest runs, newest first, with their reasons and whether the file is in its place."""
        found = self._desk.read(lambda connection: self._runs.listed(connection, min(count, LISTED_MAX))).result()
        return [self._shown(row) for row in found]

    def _run(self, seq: int) -> dict[str, Any]:
        return next(row for row in self.runs(LISTED_MAX) if row["seq"] == seq)

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        reason = (self._desk.texts.open_or_none(row["reason"]) or "") if row["reason"] else ""
        return {**row, "reason": masked_text(reason), "in_place": self._outbox.holds(row["day"], row["digest"])}

    def _newest(self, day: int) -> int:
        """The position up to which numbers can be told, which has to lie beyond the day.  Raises Unavailable."""
        indexed_seq = self._values.indexed_seq()
        if not self._source.holds_day(day, indexed_seq):
            raise Unavailable(
                f"the vault's index stands at {indexed_seq:,}, within day {day}; ask again in some seconds"
            )
        return indexed_seq

    def _batch(self, day: int, as_of_seq: int) -> Batch:
        accounts = risky_accounts(self._source.of_day(day, as_of_seq))
        owners = {each.token: each.customers for each in accounts}
        return batch_of(day, as_of_seq, accounts, self._values.accounts(owners))
