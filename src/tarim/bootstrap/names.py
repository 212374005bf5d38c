"""Name screening of a running service: the payee's name of every event, editions coming into force, what people find.

An event's payee is screened before it is decided: by name token when the name was asked before, otherwise by the helper
process, for which its request steps aside for at most `names.wait_ms_max`.  The score goes into the event's row, so whoever
replays the journal needs neither names nor lists.  What changes the answer (an edition, a good guy) is a NAMES record between
two groups of events, and what was remembered of names is forgotten with it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
import structlog

from tarim.base.errors import Conflict, NotFound, TarimError, Unavailable
from tarim.base.four_eyes import Proposal, require_person
from tarim.base.instants import Clock
from tarim.base.later import Later
from tarim.bootstrap.name_helper import Answer, Hit, NameHelper
from tarim.bootstrap.name_marks import matches_of, score_customers
from tarim.bootstrap.name_settings import NameSettings
from tarim.decisions import DecisionService, Governor, RecordKind
from tarim.screening import (
    FOUND_MAX,
    MATCHES_MAX,
    Confirmed,
    Edition,
    Found,
    GoodGuy,
    GoodGuyEnd,
    Matches,
    NameBook,
    NamesState,
    Party,
    PartyKind,
    Record,
    Register,
    check_edition,
    check_good_guy,
    confirmed_by,
    decode_names,
    encode_names,
    require_reason,
)
from tarim.stream import Col, Flag, Rows

EDITION: Final = "name-list"
GOOD_GUY: Final = "good-guy"
NOTE_EVERY_S: Final = 0.5
LATE_PAYEES_MAX: Final = 100
"""Payees remembered of one name that was decided on before it was screened."""
RESTART_S: Final = 5.0
ANSWER_S_MAX: Final = 60.0
"""A helper that owes an answer for so long is ended and started again."""
SPARE_S_MAX: Final = 10.0
"""A helper that was made ready for an edition, and whose edition did not come into force, is ended after so long."""
PAST_MAX: Final = 1
"""Questions about past lists at a time; each loads lists of its own."""
T = TypeVar("T")
_NO_HITS: Final[tuple[Hit, ...]] = ()


@dataclass(slots=True)
class _Pending:
    """A name under way, since when.  overdue: events no longer wait for it; payees: of events that did not wait."""

    since_s: float
    waits: list[_Wait] = field(default_factory=list)
    overdue: bool = False
    payees: set[int] = field(default_factory=set)


class _Wait:
    """One request that waits for names."""

    __slots__ = ("again", "remaining", "timer")

    def __init__(self, remaining: set[int]) -> None:
        self.remaining = remaining
        self.again: Callable[[], None] | None = None
        self.timer: asyncio.TimerHandle | None = None


class NameDesk:
    """The live use cases; lives in the loop of the decisions.

    keep_sealed: told of a register record's position and content, so that the vault finds what was sealed.
    """

    def __init__(
        self,
        book: NameBook,
        service: DecisionService,
        governor: Governor,
        clock: Clock,
        data: Path,
        settings: NameSettings,
        keep_sealed: Callable[[int, Register], None],
    ) -> None:
        self.book = book
        self.settings = settings
        self._service = service
        self._governor = governor
        self._clock = clock
        self._data = data
        self._keep_sealed = keep_sealed
        self._loop = asyncio.get_running_loop()
        self._helper: NameHelper | None = None
        self._spares: dict[NameHelper, float] = {}
        self._past: set[NameHelper] = set()
        self._restart = False
        self._closed = False
        self._answers: dict[int, tuple[Hit, ...]] = {}
        self._pending: dict[int, _Pending] = {}
        self._noted: dict[tuple[Party, str, str], Found] = {}
        self._last_ms = 0
        self._log = structlog.get_logger("tarim.names")
        self.unscreened = 0
        """Events decided before their payee's name was screened."""
        self.screened = 0
        """Names the helper has answered."""
        governor.govern(EDITION, self._prepare_edition)
        governor.govern(GOOD_GUY, self._prepare_good_guy)

    @property
    def state(self) -> NamesState:
        """What is in force."""
        return self.book.state

    @property
    def pending(self) -> int:
        """Names under way."""
        return len(self._pending)

    @property
    def _editions(self) -> dict[str, str]:
        return {name: edition.digest for name, edition in self.state.in_force.items()}

    # ---- the helper's life -----------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Return when names can be screened; at once when no list is in force.  Raises Unavailable."""
        if self._editions:
            self._helper = await self._started(self._editions)

    async def run(self) -> None:
        """Beside the server until cancelled: note matches of payees, and start the helper again when it has ended."""
        while True:
            await asyncio.sleep(NOTE_EVERY_S)
            try:
                await self._note_matches()
                await self._look_after_helpers()
                if self._restart and not self._closed:
                    self._restart = False
                    self._helper = await self._started(self._editions)
                    self._log.info("name helper started again")
            except Unavailable as error:
                self._restart = self._helper is None and bool(self._editions)
                self._log.warning("names", detail=error.detail)
                await asyncio.sleep(RESTART_S)

    async def close(self) -> None:
        """Let all waiting requests go on, and end the helper."""
        self._closed = True
        for wait in {id(wait): wait for pending in self._pending.values() for wait in pending.waits}.values():
            self._give_up(wait)
        with contextlib.suppress(TarimError):
            await self._note_matches()
        for helper in {*self._spares, *self._past, *((self._helper,) if self._helper is not None else ())}:
            await helper.close()
        self._helper = None

    async def _look_after_helpers(self) -> None:
        """End one that owes an answer for too long, and those that nobody took."""
        now_s = self._loop.time()
        oldest = next(iter(self._pending.values()), None)
        if oldest is not None and now_s - oldest.since_s > ANSWER_S_MAX and self._helper is not None:
            stuck, self._helper = self._helper, None
            self._restart = True
            self._log.warning("name helper stuck")
            await stuck.close()
        for spare, since_s in list(self._spares.items()):
            if now_s - since_s > SPARE_S_MAX:
                del self._spares[spare]
                await spare.close()

    def _helper_of(self, editions: Mapping[str, str]) -> NameHelper:
        helper = NameHelper(self._data, editions, self.settings.threshold_percent, lambda: self._ended(helper))
        return helper

    async def _started(self, editions: Mapping[str, str]) -> NameHelper:
        helper = self._helper_of(editions)
        await helper.start()
        return helper

    def _ended(self, helper: NameHelper) -> None:
        if helper is self._helper:
            self._helper = None
            self._restart = True
            self._log.warning("name helper ended")

    async def helper_for(self, editions: Mapping[str, str]) -> NameHelper:
        """A helper for these editions: the one that runs, or one of its own until `let_go`.  Raises Unavailable."""
        if self._helper is not None and self._helper.editions == dict(editions):
            return self._helper
        if len(self._past) >= PAST_MAX:
            raise Unavailable("another question about past lists is being answered; try again in a moment")
        helper = self._helper_of(editions)
        self._past.add(helper)
        try:
            await helper.start()
        except BaseException:
            self._past.discard(helper)
            raise
        return helper

    async def let_go(self, helper: NameHelper) -> None:
        """The caller is through with a helper from `helper_for`."""
        if helper in self._past:
            self._past.discard(helper)
            await helper.close()

    # ---- events ----------------------------------------------------------------------------------------------------

    def is_answered(self, name_token: int) -> bool:
        """Whether nothing is to be waited for: the name is known, overdue, or no list is in force."""
        if name_token in self._answers or not self.state.editions:
            return True
        pending = self._pending.get(name_token)
        return pending is not None and pending.overdue

    def ask(self, names: Mapping[int, str]) -> Later | None:
        """Have names screened; None when they are not to be waited for (overload, no helper, shutting down)."""
        helper = self._helper
        if helper is None or self._closed or len(self._pending) + len(names) > self.settings.waiting_max:
            return None
        wait = _Wait(set(names))
        for token, name in names.items():
            pending = self._pending.get(token)
            if pending is None:
                pending = self._pending[token] = _Pending(self._loop.time())
                helper.ask(name, lambda answer, token=token: self._answered(helper, token, answer))  # type: ignore[misc]
            pending.waits.append(wait)

        def then(again: Callable[[], None]) -> None:
            wait.again = again
            wait.timer = self._loop.call_later(self.settings.wait_ms_max / 1_000, self._give_up, wait)
            self._settle(wait)

        return Later(then)

    def _answered(self, helper: NameHelper, token: int, answer: Answer | None) -> None:
        pending = self._pending.pop(token, None)
        if pending is None:
            return
        if answer is not None and helper is self._helper:
            self.screened += 1
            self._remember(token, tuple(answer.hits))
            for payee in pending.payees:
                self._note(payee, tuple(answer.hits))
        for wait in pending.waits:
            wait.remaining.discard(token)
            self._settle(wait)

    def _remember(self, token: int, hits: tuple[Hit, ...]) -> None:
        if len(self._answers) >= self.settings.remembered_max:
            for oldest in list(self._answers)[: self.settings.remembered_max // 8 + 1]:
                del self._answers[oldest]
        self._answers[token] = hits or _NO_HITS

    def _settle(self, wait: _Wait) -> None:
        if not wait.remaining and wait.again is not None:
            again, wait.again = wait.again, None
            if wait.timer is not None:
                wait.timer.cancel()
            self._loop.call_soon(again)

    def _give_up(self, wait: _Wait) -> None:
        """Its time is over: the names it waits for are answered by "not screened" until they are."""
        for token in wait.remaining:
            pending = self._pending.get(token)
            if pending is not None:
                pending.overdue = True
        wait.remaining = set()
        self._settle(wait)

    def mark(self, rows: Rows, name_tokens: npt.NDArray[np.int64]) -> None:
        """Write scores, and the flag of unscreened names, into rows that are about to be judged."""
        state = self.state
        if not state.editions:
            return
        for index in np.flatnonzero(name_tokens).tolist():
            row, token = rows[index], int(name_tokens[index])
            hits = self._answers.get(token)
            payee = int(row[Col.PAYEE])
            if hits is None:
                row[Col.FLAGS] |= Flag.NAME_UNSCREENED
                self.unscreened += 1
                pending = self._pending.get(token)
                if pending is not None and payee and len(pending.payees) < LATE_PAYEES_MAX:
                    pending.payees.add(payee)
            elif hits:
                found = self._note(payee, hits)
                score = state.counting(Party(PartyKind.PAYEE, payee), found, int(row[Col.RECEIVED_MS]))
                row[Col.PAYEE_NAME_SCORE] = score
        if state.matches:
            score_customers(state, rows)

    def _note(self, payee: int, hits: Sequence[Hit]) -> list[Found]:
        """The matches of a payee; new ones are written to the journal soon, as work for people."""
        found = matches_of(payee, hits)
        if payee:
            self._noted |= {
                (each.party, each.list_name, each.entry): each for each in found if self.state.is_news(each)
            }
        return found

    async def _note_matches(self) -> None:
        if self._noted and not self._service.broken:
            noted, self._noted = list(self._noted.values()), {}
            self.append_matches("", noted)
            self._service.commit()

    def append_matches(self, screening: str, found: Sequence[Found]) -> None:
        """Append matches, a record for as many as one holds; durable after a commit.

        Raises Unavailable, also when there would be more than MATCHES_MAX.
        """
        if self.state.match_count + len(found) > MATCHES_MAX:
            raise Unavailable(
                f"there are {MATCHES_MAX:,} matches of names; raise names.threshold_percent, or clear some"
            )
        for start in range(0, len(found), FOUND_MAX):
            self.append(Matches(screening, list(found[start : start + FOUND_MAX]), self.now_ms()))

    # ---- records ---------------------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        """The clock, never behind a record that was written."""
        self._last_ms = max(self._last_ms, self._clock.now_ms())
        return self._last_ms

    def append(self, record: Record) -> int:
        """Append a record and have what it says; its position.  Durable after a commit.  Raises Unavailable."""
        payload = encode_names(record)
        seq = self._service.control(RecordKind.NAMES, payload)
        try:
            self.book.take(seq, payload)
            if isinstance(record, Register):
                self._keep_sealed(seq, record)
        except BaseException:
            self._service.break_down("a record of name screening was interrupted; the service must be restarted")
            raise
        return seq

    async def aside(self, function: Callable[..., T], *arguments: Any) -> T:
        """What a function gives that takes longer than decisions may wait."""
        return await self._loop.run_in_executor(None, function, *arguments)

    @property
    def next_seq(self) -> int:
        """Position of the next record."""
        return self._service.next_seq

    def commit(self) -> None:
        """Have everything durable.  Raises Unavailable."""
        self._service.commit()

    # ---- what needs two persons ------------------------------------------------------------------------------------

    def propose_edition(self, edition: Edition) -> Proposal:
        """Propose an edition that is kept already.  Raises Conflict, DefinitionError, Unavailable."""
        check_edition(self.state, edition)
        return self._governor.propose(EDITION, encode_names(edition), edition.author, edition.reason)

    def edition_of(self, proposal_id: str) -> Edition:
        """The edition an open proposal is about.  Raises NotFound, Conflict when it is about something else."""
        found = self._governor.proposed(proposal_id)
        if found.proposal.what != EDITION:
            raise Conflict(f"proposal {proposal_id} is about a {found.proposal.what}")
        return _edition(found.content)

    async def _prepare_edition(self, approved: Proposal, content: bytes) -> Callable[[], None]:
        edition = msgspec.structs.replace(_edition(content), approver=approved.decider)
        check_edition(self.state, edition)
        editions = self._editions | {edition.list_name: edition.digest}
        helper = await self._started(editions)
        self._spares[helper] = self._loop.time()

        def put_in_force() -> None:
            if self._editions | {edition.list_name: edition.digest} != editions:
                raise Conflict("another list came into force meanwhile; approve this one again")
            check_edition(self.state, edition)
            self.append(msgspec.structs.replace(edition, at_ms=self.now_ms()))
            before, self._helper = self._helper, helper
            del self._spares[helper]
            self._answers.clear()
            if before is not None:
                self._spares[before] = 0.0  # ended with the next look after helpers; what it owes is asked again

        return put_in_force

    def propose_good_guy(self, wanted: GoodGuy) -> Proposal:
        """Propose that a match is false.  Raises DefinitionError, NotFound, Conflict, Unavailable."""
        check_good_guy(self.state, wanted, self.now_ms())
        return self._governor.propose(GOOD_GUY, encode_names(wanted), wanted.author, wanted.reason)

    async def _prepare_good_guy(self, approved: Proposal, content: bytes) -> Callable[[], None]:
        wanted = decode_names(content)
        assert isinstance(wanted, GoodGuy)

        def put_in_force() -> None:
            check_good_guy(self.state, wanted, self.now_ms())
            self.append(msgspec.structs.replace(wanted, approver=approved.decider, at_ms=self.now_ms()))

        return put_in_force

    # ---- what one person may do ------------------------------------------------------------------------------------

    def confirm(self, record: Confirmed) -> Confirmed:
        """Note that a match is true.  Raises NotFound, Conflict, DefinitionError, Unavailable."""
        record = msgspec.structs.replace(confirmed_by(self.state, record), at_ms=self.now_ms())
        self.append(record)
        self.commit()
        return record

    def end_good_guy(self, record: GoodGuyEnd) -> GoodGuyEnd:
        """Let a match count again before its good guy ends.  Raises NotFound, DefinitionError, Unavailable."""
        require_person(record.author)
        require_reason(record.reason)
        if (record.party, record.list_name, record.entry) not in self.state.good_guys:
            raise NotFound("no good guy is in force for that party and entry")
        record = msgspec.structs.replace(record, at_ms=self.now_ms())
        self.append(record)
        self.commit()
        return record


def _edition(content: bytes) -> Edition:
    found = decode_names(content)
    assert isinstance(found, Edition)
    return found
