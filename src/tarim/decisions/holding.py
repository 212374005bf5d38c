"""Deciding on holds while decisions go on: time passes, persons release and refuse, customers set their limits lower.

Everything here ends in a control record, and only the fold over the journal moves a hold, so what is answered is what a
restart finds.  Called in the thread of the decisions.
"""

from __future__ import annotations

from collections.abc import Sequence

from tarim.base.errors import Conflict, DefinitionError, NotAllowed, Unavailable
from tarim.base.four_eyes import require_person
from tarim.base.instants import Clock
from tarim.decisions.aftermath import Tick, encode_record
from tarim.decisions.holds import Action, Hold, Holds, HoldState, check_reason
from tarim.decisions.records import RecordKind
from tarim.decisions.service import DecisionService
from tarim.decisions.treatment import Treatment
from tarim.decisions.verification import METHODS, OwnLimit


class HoldDesk:
    """The use cases.  What persons and customers do is durable when a method returns; a tick is after a commit."""

    def __init__(self, service: DecisionService, clock: Clock) -> None:
        self._service = service
        self._clock = clock

    @property
    def holds(self) -> Holds:
        """All holds, as the journal has them."""
        return self._service.aftermath.holds

    @property
    def treatment(self) -> Treatment:
        """The policy in force.  Raises Unavailable without one."""
        if self._service.treatment is None:
            raise Unavailable("no treatment is in force")
        return self._service.treatment

    def tick(self) -> int | None:
        """Journal a tick if the earliest time is over; its position.  Raises Unavailable with nothing changed."""
        now_ms, due_ms = self._clock.now_ms(), self.holds.next_due_ms
        if due_ms is None or due_ms > now_ms or self._service.broken:
            return None
        return self._service.control(RecordKind.TICK, encode_record(Tick(now_ms)))

    def decide_on(self, seq: int, person: str, reason: str, *, release: bool) -> Hold:
        """The hold of the event at `seq` after this person released or refused it, or proposed its release.

        Raises NotFound, NotAllowed (no right, too large an amount, the second person is the first), IllegalTransition,
        DefinitionError, Unavailable.
        """
        require_person(person)
        check_reason(reason)
        self.tick()  # time that is over comes before what a person does now
        hold = self.holds.get(seq)
        step, role = self.treatment.step(hold, person, release=release)
        action = Action(seq, step, person, role, reason, self._clock.now_ms())
        self.holds.considered(action, self._service.next_seq)
        self._service.control(RecordKind.HOLD, encode_record(action))
        self._service.commit()
        return self.holds.get(seq)

    def carry_out(self, seq: int, people: Sequence[str], reason: str, *, release: bool) -> Hold:
        """The hold of the event at `seq` after these persons, who agreed elsewhere, released or refused it one after the other.

        Each needs the right to it here; what was done already counts, so the same order may come again.
        Raises NotFound, Conflict when one lacks the right or it ended otherwise, DefinitionError, Unavailable.
        """
        hold = self.holds.get(seq)
        wanted = HoldState.RELEASED if release else HoldState.REFUSED
        if hold.state is wanted:
            return hold
        try:
            for person in people:
                self.treatment.step(hold, person, release=release)
            for person in people:
                if hold.is_open and not (release and person == hold.proposer):
                    hold = self.decide_on(seq, person, reason, release=release)
        except NotAllowed as error:
            raise Conflict(error.detail) from None
        if hold.state is not wanted:
            still = "it takes another person to release it" if hold.is_open else "nothing more can happen to it"
            raise Conflict(f"the payment is {hold.state.name.lower()}: {still}")
        return hold

    def set_limit(
        self, customer: int, methods: Sequence[str], single_fen_max: int, day_fen_max: int, by: str
    ) -> OwnLimit:
        """Set a customer's own limits for payments verified by these methods.  Raises DefinitionError, Unavailable."""
        unknown = [name for name in methods if name not in METHODS]
        if unknown:
            raise DefinitionError(f"verification methods are {', '.join(METHODS)}")
        bits = sum({int(METHODS[name]) for name in methods})
        limit = OwnLimit(customer, bits, single_fen_max, day_fen_max, by, self._clock.now_ms())
        self._service.aftermath.spending.check_limit(limit, self.treatment.verification)
        self._service.control(RecordKind.LIMIT, encode_record(limit))
        self._service.commit()
        return limit
