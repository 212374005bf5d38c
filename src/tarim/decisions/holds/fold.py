"""Holds as a fold over the journal: events open and answer them, ticks let their time pass, persons decide on them.

    EVENTS record   a decision challenge, delay or suspend opens a hold (Word.HOLD says how long); a confirmation or a
                    reversal that refers to the event, by the same customer, acts on it
    TICK record     every hold whose time is over at the tick's instant is fired, the earliest first
    HOLD record     what a person did (`Action`)
    OVERRIDE record two persons put another outcome in the decision's place: pass and notice release, block refuses

Nothing else moves a hold: no clock is read, so whatever moment a process dies, replaying the journal finds the same holds
in the same states.  Timers are a heap of (until_ms, id); entries of holds that have closed or changed are passed over.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import deque
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import Damaged, NotFound, TarimError
from tarim.decisions.holds.domain import HELD, Action, Cause, Change, Expiry, Hold, HoldState, IllegalTransition, Step
from tarim.decisions.kernels import treating as kernel
from tarim.decisions.verification import strength
from tarim.stream import Kind, Outcome, Result, Rows

OPEN_MAX: Final = 1 << 20
"""Open holds, about 600 bytes each; beyond it the service takes no more events until some are closed."""
CLOSED_KEPT: Final = 16_384
CHANGES_KEPT: Final = 16_384
FIRED_MAX: Final = 512
"""Holds fired by one tick, about 15 us each; what is due beyond that waits for the next one.  Replaying a journal depends on
it, so it is part of the format."""
_STALE_MIN: Final = 1_024
_OUTCOMES: Final = tuple(Outcome)
_EXPIRIES: Final = tuple(Expiry)
_CONFIRMATION, _REVERSAL = int(Kind.CONFIRMATION), int(Kind.REVERSAL)

Words = npt.NDArray[np.int64]


class HoldsState(msgspec.Struct, frozen=True, array_like=True):
    """What a snapshot keeps."""

    open: list[Hold]
    closed: list[Hold]
    changes: list[Change]
    changes_from_seq: int


class Holds:
    """All open holds, those that closed last, and what changed last; single-threaded."""

    def __init__(self, state: HoldsState | None = None) -> None:
        state = state or HoldsState([], [], [], 0)
        self._open = {hold.seq: hold for hold in state.open}
        self._closed = {hold.seq: hold for hold in state.closed}
        self._changes = deque(state.changes)
        self._changes_from_seq = state.changes_from_seq
        self._timers = [(hold.until_ms, hold.seq) for hold in state.open]
        heapq.heapify(self._timers)
        self._moves: Words = np.empty((256, kernel.MOVE_WORDS), np.int64)

    # ---- looking ---------------------------------------------------------------------------------------------------

    @property
    def open_count(self) -> int:
        """Open holds."""
        return len(self._open)

    @property
    def next_due_ms(self) -> int | None:
        """The earliest end of an open hold's time; None without one."""
        while self._timers and self._stale(self._timers[0]):
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def get(self, seq: int) -> Hold:
        """The hold of the event at `seq`.  Raises NotFound when there was none or it closed too long ago."""
        hold = self._open.get(seq) or self._closed.get(seq)
        if hold is None:
            raise NotFound("no hold for that event among the open ones and those that closed last")
        return hold

    def earliest(self, state: HoldState, count: int) -> list[Hold]:
        """Up to `count` open holds of a state, the earliest end first.  Walks the heap from its top."""
        found: list[Hold] = []
        frontier = [(self._timers[0], 0)] if self._timers else []
        given: set[int] = set()
        while frontier and len(found) < count:
            timer, place = heapq.heappop(frontier)
            for child in (2 * place + 1, 2 * place + 2):
                if child < len(self._timers):
                    heapq.heappush(frontier, (self._timers[child], child))
            if not self._stale(timer) and timer[1] not in given and self._open[timer[1]].state is state:
                given.add(timer[1])
                found.append(self._open[timer[1]])
        return found

    @property
    def changes_from_seq(self) -> int:
        """Changes at this position and after it are all kept."""
        return self._changes_from_seq

    def changes(self, since_seq: int, before_seq: int, count: int) -> list[Change]:
        """Changes at positions since_seq ... before_seq - 1, in order: about `count`, and always all of a position.

        Raises NotFound when some of them are no longer kept.
        """
        if since_seq < self._changes_from_seq:
            raise NotFound(
                f"changes before position {self._changes_from_seq} are no longer kept: "
                "read the open holds, and go on from there"
            )
        kept = list(self._changes)
        found: list[Change] = []
        for change in kept[bisect_left(kept, since_seq, key=lambda change: change.seq) :]:
            if change.seq >= before_seq or (len(found) >= count and change.seq != found[-1].seq):
                break
            found.append(change)
        return found

    def _stale(self, timer: tuple[int, int]) -> bool:
        hold = self._open.get(timer[1])
        return hold is None or hold.until_ms != timer[0]

    # ---- the fold --------------------------------------------------------------------------------------------------

    def take(self, rows: Rows, decisions: Words) -> None:
        """Take in decided events, in order: rows (n, 32) and decisions (n, DECISION_WORDS)."""
        if len(rows) > len(self._moves):
            self._moves = np.empty((len(rows), kernel.MOVE_WORDS), np.int64)
        count = kernel.concerning_holds(rows, decisions, self._moves)
        for move in self._moves[:count].tolist():
            kind = move[kernel.MOVE_KIND]
            if kind == _CONFIRMATION:
                self._confirm(move)
            elif kind == _REVERSAL:
                self._reverse(move)
            else:
                hold = _opened(move)
                heapq.heappush(self._timers, (hold.until_ms, hold.seq))
                self._put(hold)

    def _confirm(self, move: list[int]) -> None:
        """A confirmation that says nothing, comes from somebody else, too late or too weak, changes nothing."""
        hold = self._open.get(move[kernel.MOVE_REFERS_SEQ])
        if hold is None or move[kernel.MOVE_CUSTOMER] != hold.customer:
            return
        seq, at_ms = move[kernel.MOVE_SEQ], move[kernel.MOVE_RECEIVED_MS]
        if move[kernel.MOVE_RESULT] == Result.FAILED:
            if hold.state is HoldState.WAITING and hold.failures_left > 1:
                self._put(hold.after(Cause.ATTEMPT_FAILED, seq, at_ms, failures_left=hold.failures_left - 1))
            else:
                self._put(hold.after(Cause.DENIED, seq, at_ms, failures_left=0))
        elif move[kernel.MOVE_RESULT] == Result.SUCCEEDED and hold.state is HoldState.WAITING and at_ms < hold.until_ms:
            stated = move[kernel.MOVE_VERIFICATION]
            shown = strength(stated | hold.verification) if strength(stated) else 0
            if move[kernel.MOVE_OUTCOME] >= Outcome.CHALLENGE or shown < hold.strength:
                return
            if hold.kind is not Outcome.DELAY:
                self._put(hold.after(Cause.CONFIRMED, seq, at_ms, verified=True))
            elif hold.strength and not hold.verified:
                self._put(hold.after(Cause.VERIFIED, seq, at_ms, verified=True))

    def _reverse(self, move: list[int]) -> None:
        hold = self._open.get(move[kernel.MOVE_REFERS_SEQ])
        if (
            hold is not None
            and move[kernel.MOVE_CUSTOMER] == hold.customer
            and move[kernel.MOVE_RESULT] != Result.FAILED
        ):
            self._put(hold.after(Cause.REVERSED, move[kernel.MOVE_SEQ], move[kernel.MOVE_RECEIVED_MS]))

    def tick(self, seq: int, at_ms: int) -> int:
        """Fire what is due at `at_ms`, by a TICK record at `seq`; how many.  A timer fires once and is gone."""
        fired = 0
        while self._timers and self._timers[0][0] <= at_ms and fired < FIRED_MAX:
            timer = heapq.heappop(self._timers)
            if self._stale(timer):
                continue
            hold = self._open[timer[1]]
            cause = _at_the_end(hold)
            if cause is Cause.TIME_ESCALATED:
                hold = hold.after(cause, seq, at_ms, until_ms=at_ms + hold.escalation_ms)
                heapq.heappush(self._timers, (hold.until_ms, hold.seq))
            else:
                hold = hold.after(cause, seq, at_ms)
            self._put(hold)
            fired += 1
        return fired

    def override(self, held_seq: int, outcome: Outcome, seq: int, at_ms: int) -> None:
        """Follow another outcome for the event at `held_seq`, by an OVERRIDE record at `seq`; a closed hold stays closed."""
        hold = self._open.get(held_seq)
        if hold is None or outcome in HELD:
            return
        cause = Cause.OVERRIDDEN_TO_REFUSE if outcome is Outcome.BLOCK else Cause.OVERRIDDEN_TO_RELEASE
        self._put(hold.after(cause, seq, at_ms))

    def considered(self, action: Action, seq: int) -> Hold:
        """The hold after what a person did, found at `seq`; nothing is changed.

        Raises NotFound, IllegalTransition, NotAllowed (the second person is the first), Conflict.
        """
        hold = self.get(action.id)
        if not hold.is_open:
            raise IllegalTransition(f"the hold is {hold.state.name.lower()} already")
        if action.step is Step.REFUSE:
            return hold.after(Cause.REFUSED_BY_PERSON, seq, action.at_ms)
        proposal = hold.proposal()
        if proposal is not None:
            proposal.approve(action.person, hold.digest, action.at_ms)
        if action.step is Step.RELEASE:
            return hold.after(Cause.RELEASED_BY_PERSON, seq, action.at_ms)
        if proposal is not None:
            raise IllegalTransition("its release is proposed already")
        return hold.after(
            Cause.RELEASE_PROPOSED,
            seq,
            action.at_ms,
            proposer=action.person,
            proposed_ms=action.at_ms,
            proposed_reason=action.reason,
        )

    def act(self, action: Action, seq: int) -> Hold:
        """The hold after what a person did, by a HOLD record at `seq`.  Raises Damaged for a step that was not possible."""
        try:
            hold = self.considered(action, seq)
        except TarimError as error:
            raise Damaged(f"the hold record at {seq}: {error.detail}") from None
        self._put(hold)
        return hold

    def _put(self, hold: Hold) -> None:
        if hold.is_open:
            self._open[hold.seq] = hold
        else:
            self._open.pop(hold.seq, None)
            self._closed[hold.seq] = hold
            if len(self._closed) > CLOSED_KEPT:
                del self._closed[next(iter(self._closed))]
            if len(self._timers) > 2 * len(self._open) + _STALE_MIN:
                self._timers = [(each.until_ms, each.seq) for each in self._open.values()]
                heapq.heapify(self._timers)
        self._changes.append(
            Change(hold.changed_seq, hold.seq, hold.kind, hold.state, hold.cause, hold.changed_ms, hold.until_ms)
        )
        if len(self._changes) > CHANGES_KEPT:
            self._changes_from_seq = self._changes.popleft().seq + 1

    # ---- snapshots -------------------------------------------------------------------------------------------------

    def state(self) -> HoldsState:
        """For a snapshot."""
        return HoldsState(
            [self._open[seq] for seq in sorted(self._open)],
            list(self._closed.values()),
            list(self._changes),
            self._changes_from_seq,
        )


def _opened(move: list[int]) -> Hold:
    """The hold that an event opens."""
    (
        _,
        seq,
        customer,
        received_ms,
        outcome,
        verification,
        _,
        _,
        amount_fen,
        until_ms,
        expiry,
        escalation_ms,
        failures,
        needed,
    ) = move
    return Hold(
        seq,
        _OUTCOMES[outcome],
        HoldState.WAITING,
        Cause.OPENED,
        customer,
        amount_fen,
        received_ms,
        until_ms,
        _EXPIRIES[expiry],
        escalation_ms,
        failures,
        needed,
        verification,
        False,
        seq,
        received_ms,
    )


def _at_the_end(hold: Hold) -> Cause:
    """What the end of its time does to a hold; nothing weakly verified is ever released by time."""
    if hold.state is HoldState.ESCALATED or hold.expiry is Expiry.REFUSE:
        return Cause.TIME_REFUSED
    if hold.expiry is Expiry.ESCALATE:
        return Cause.TIME_ESCALATED
    return Cause.TIME_REFUSED if hold.strength and not hold.verified else Cause.TIME_RELEASED
