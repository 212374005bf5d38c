"""The book of contact on the desk: what acts and the decisions' journal make of its tables.

    contact.opened     a held payment's challenge, and the messages that begin it
    contact.told       a channel and a customer are to be told what became of a payment
    contact.code       one more one-time code is to be sent
    contact.answered   what the channel said about the customer's answer, as it was judged
    contact.sent       how messages ended
    contact.retried    a person wants a message sent again that was refused or given up

    cases.restrict, cases.decide_restriction, cases.decide_lift   a customer's restriction, which two persons decide in a case

A message's id is made of the act that caused it, so every life of the desk sends the same messages under the same ids.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from tarim.base.instants import DAY_MS
from tarim.contact.adapters import rows
from tarim.contact.adapters.rows import Message, Payment, Pending, Restriction
from tarim.contact.adapters.tables import MIGRATIONS
from tarim.contact.domain.challenge import Challenge, Happening
from tarim.contact.domain.delivery import DECISIONS, USEFUL_MS, DeliveryState, MessageKind
from tarim.contact.domain.notices import NoticeKind
from tarim.decisions import Cause, HoldState
from tarim.desk import Act, DecisionFact, Facts, HoldFact
from tarim.records import Migrations
from tarim.stream import Outcome

NAME: Final = "contact"
OPENED: Final = "contact.opened"
TOLD: Final = "contact.told"
CODE: Final = "contact.code"
ANSWERED: Final = "contact.answered"
SENT: Final = "contact.sent"
RETRIED: Final = "contact.retried"

PENDING_MS_MAX: Final = 7 * DAY_MS
"""What nobody was told of in that time nobody is told of any more: its channel is not one of contact's."""
_MOVEMENTS: Final = frozenset({"transfer", "payment", "withdrawal", "deposit"})
_ENDED: Final = {HoldState.RELEASED: "released", HoldState.REFUSED: "refused"}
_TOLD_OUTCOMES: Final = {Outcome.NOTICE: "risk", Outcome.BLOCK: "refused"}
_EVENTS: Final = {
    Happening.CONFIRMED: ("confirmation", "succeeded"),
    Happening.METHOD_FAILED: ("confirmation", "failed"),
    Happening.USED_UP: ("confirmation", "failed"),
    Happening.DENIED: ("reversal", "succeeded"),
}
"""Kind and result of the event that tells the decisions."""


class ContactBook:
    """Tables of contact, made from both journals and nothing else."""

    @property
    def name(self) -> str:
        """The first half of its acts' kinds."""
        return NAME

    @property
    def migrations(self) -> Migrations:
        """Its tables with their history."""
        return MIGRATIONS

    # ---- the decisions' journal ----------------------------------------------------------------------------------------

    def follow(self, connection: Connection, facts: Facts) -> None:
        """Note payments, and what there is to tell; close the challenges of holds that ended."""
        payments: dict[int, Payment] = {}
        pending: list[Pending] = []
        holds: list[HoldFact] = []
        newest_ms = 0
        for fact in facts.facts:
            if isinstance(fact, DecisionFact) and fact.kind in _MOVEMENTS:
                payments[fact.seq] = _payment(fact)
                newest_ms = max(newest_ms, fact.received_ms)
                what = _TOLD_OUTCOMES.get(fact.outcome)
                if what:
                    pending.append(_pending(fact.seq, payments[fact.seq], what, fact.received_ms, {}))
            elif isinstance(fact, HoldFact):
                holds.append(fact)
        rows.put_payments(connection, list(payments.values()))
        if holds:
            moved = {fact.held_seq for fact in holds}
            payments |= rows.payments_at(connection, moved - payments.keys())
            challenges = rows.challenges_at(connection, moved)
            for fact in holds:
                newest_ms = max(newest_ms, fact.at_ms)
                ended = _ENDED.get(fact.state)
                payment = payments.get(fact.held_seq)
                if payment is not None and (fact.cause is Cause.OPENED or ended):
                    content = {"hold": fact.outcome.name.lower(), "cause": fact.cause.name.lower()}
                    pending.append(_pending(fact.seq, payment, ended or "opened", fact.at_ms, content))
                challenge = challenges.get(fact.held_seq)
                if challenge is not None and challenge.is_open and ended:
                    challenges[fact.held_seq] = closed = challenge.after(Happening.HOLD_ENDED, "", fact.at_ms)
                    rows.put_challenge(connection, closed, new=False)
        rows.put_pending(connection, pending)
        if newest_ms:
            rows.drop_pending_before(connection, newest_ms - PENDING_MS_MAX)

    # ---- acts ------------------------------------------------------------------------------------------------------------

    def apply(self, connection: Connection, act: Act) -> None:
        """Take in one act; those of other books are passed over."""
        body = act.body
        match act.kind:
            case "contact.opened":
                challenge = msgspec.convert(body["challenge"], Challenge)
                rows.put_challenge(connection, challenge, new=True)
                rows.drop_pending(connection, body["pending"])
                queue = _Queue(act, challenge.seq, challenge.opened_ms)
                queue.add(challenge.source, MessageKind.CHALLENGE, {"challenge": challenge.id}, challenge.until_ms)
                queue.add(challenge.source, MessageKind.NOTICE, {"notice": NoticeKind.HELD.value})
                rows.put_messages(connection, queue.messages)
            case "contact.told":
                rows.drop_pending(connection, body["pending"])
                queue = _Queue(act, int(act.subject), body["happened_ms"])
                for kind, content in body["messages"]:
                    queue.add(body["source"], MessageKind(kind), content)
                rows.put_messages(connection, queue.messages)
            case "contact.code":
                challenge = rows.challenge_of(connection, act.subject)
                challenge = challenge.after_code(act.at_ms, on_device=body["on_device"])
                rows.put_challenge(connection, challenge, new=False)
                queue = _Queue(act, challenge.seq, act.at_ms)
                content = {"challenge": challenge.id, "issue": challenge.codes, "expires_ms": challenge.code_expires_ms}
                queue.add(challenge.source, MessageKind.CODE, content, challenge.code_expires_ms)
                rows.put_messages(connection, queue.messages)
            case "contact.answered":
                self._answered(connection, act)
            case "contact.sent":
                rows.end_messages(connection, body["messages"], act.at_ms)
            case "contact.retried":
                message = rows.message_of(connection, act.subject)
                rows.requeue_message(connection, message.id, act.at_ms + USEFUL_MS[message.kind])
            case "cases.restrict":
                restriction = Restriction(act.seq, body["customer"], body["measure"], body["basis"], body["article"])
                rows.put_restriction(connection, restriction)
            case "cases.decide_restriction" | "cases.decide_lift":
                if body["agreed"]:
                    self._restricted(connection, act, "lifted" if act.kind == "cases.decide_lift" else "restricted")
            case _:
                pass

    def _restricted(self, connection: Connection, act: Act, what: str) -> None:
        """What two persons put in force, or lifted, in a case is to be told to every channel that knows the customer."""
        restriction = rows.restriction_at(connection, act.body["restriction"])
        content = {"measure": restriction.measure, "basis": restriction.basis, "article": restriction.article}
        pending = [
            Pending(f"act-{act.seq}-{payment.seq}", act.seq, payment.seq, payment.source, what, act.at_ms, content)
            for payment in rows.newest_payments(connection, restriction.customer)
        ]
        rows.put_pending(connection, pending)

    def _answered(self, connection: Connection, act: Act) -> None:
        happening = Happening(act.body["happening"])
        challenge = rows.challenge_of(connection, act.subject)
        challenge = challenge.after(happening, act.body["method"], act.at_ms, spends_code=act.body["spends_code"])
        rows.put_challenge(connection, challenge, new=False)
        if happening in _EVENTS:
            kind, result = _EVENTS[happening]
            queue = _Queue(act, challenge.seq, act.at_ms)
            methods = challenge.passed if happening is Happening.CONFIRMED else 0
            queue.add(DECISIONS, MessageKind.EVENT, {"kind": kind, "result": result, "methods": methods})
            rows.put_messages(connection, queue.messages)


class _Queue:
    """Messages that one act causes.  happened_ms: what they tell of; from then on they grow old."""

    def __init__(self, act: Act, seq: int, happened_ms: int) -> None:
        self._act = act
        self._seq = seq
        self._happened_ms = happened_ms
        self.messages: list[Message] = []

    def add(self, destination: str, kind: MessageKind, content: dict[str, Any], until_ms: int = 0) -> None:
        """One more; until_ms: when it is worth nothing any more, 0 = as its kind says."""
        act, place = self._act, len(self.messages)
        self.messages.append(
            Message(
                f"tarim-{act.seq:012d}-{place}",
                act.seq,
                place,
                destination,
                kind,
                self._seq,
                DeliveryState.QUEUED,
                act.at_ms,
                until_ms or self._happened_ms + USEFUL_MS[kind],
                content,
            )
        )


def _payment(fact: DecisionFact) -> Payment:
    return Payment(
        fact.seq,
        fact.source,
        fact.event_id,
        fact.kind,
        fact.customer,
        fact.device,
        fact.amount_fen,
        fact.currency,
        fact.occurred_ms,
    )


def _pending(seq: int, payment: Payment, what: str, at_ms: int, content: dict[str, Any]) -> Pending:
    return Pending(f"{seq}-{payment.seq}-{what}", seq, payment.seq, payment.source, what, at_ms, content)
