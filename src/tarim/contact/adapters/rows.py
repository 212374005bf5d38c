"""Reading and writing the tables of contact."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from tarim.base.errors import NotFound
from tarim.contact.adapters.tables import CHALLENGES, MESSAGES, PAYMENTS, PENDING, RESTRICTIONS
from tarim.contact.domain.challenge import Challenge, ChallengeState
from tarim.contact.domain.delivery import DeliveryState, MessageKind

_AT_ONCE: Final = 500
"""Values in one IN (...)."""


class Payment(msgspec.Struct, frozen=True):
    """A payment that was not simply let through.  Tokens are unsigned, 0 = absent."""

    seq: int
    source: str
    event_id: str
    kind: str
    customer: int
    device: int
    amount_fen: int
    currency: str
    occurred_ms: int


class Pending(msgspec.Struct, frozen=True):
    """Something that happened to a payment or its customer, and nobody was told of.

    what: risk, opened, released, refused, restricted or lifted.
    """

    id: str
    seq: int
    held_seq: int
    source: str
    what: str
    at_ms: int
    content: dict[str, Any]


class Message(msgspec.Struct, frozen=True):
    """A message of the outbox.  seq: of the payment; payload_sha256: of what was sent, "" before."""

    id: str
    act_seq: int
    place: int
    destination: str
    kind: MessageKind
    seq: int
    state: DeliveryState
    created_ms: int
    useful_until_ms: int
    content: dict[str, Any]
    ended_ms: int = 0
    payload_sha256: str = ""
    trouble: str = ""


# ---- payments and what is pending --------------------------------------------------------------------------------------


def put_payments(connection: Connection, payments: Sequence[Payment]) -> None:
    """Note payments, each once."""
    if payments:
        connection.execute(insert(PAYMENTS), [msgspec.structs.asdict(each) for each in payments])


def payments_at(connection: Connection, seqs: Collection[int]) -> dict[int, Payment]:
    """Payments by position, those of them that are known."""
    wanted = sorted(seqs)
    found: dict[int, Payment] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        chosen = select(PAYMENTS).where(PAYMENTS.c.seq.in_(wanted[start : start + _AT_ONCE]))
        for row in connection.execute(chosen):
            found[row.seq] = Payment(**row._mapping)
    return found


def payment_at(connection: Connection, seq: int) -> Payment:
    """The payment at a position.  Raises NotFound."""
    found = payments_at(connection, [seq])
    if not found:
        raise NotFound("no payment at that position that was held, blocked or warned of")
    return found[seq]


def newest_payments(connection: Connection, customer: int) -> list[Payment]:
    """The newest payment of a customer from each source."""
    newest = select(func.max(PAYMENTS.c.seq)).where(PAYMENTS.c.customer == customer).group_by(PAYMENTS.c.source)
    found = connection.execute(select(PAYMENTS).where(PAYMENTS.c.seq.in_(newest)).order_by(PAYMENTS.c.seq))
    return [Payment(**row._mapping) for row in found]


def put_pending(connection: Connection, pending: Sequence[Pending]) -> None:
    """Note what is to be told."""
    if pending:
        connection.execute(insert(PENDING), [msgspec.structs.asdict(each) for each in pending])


def drop_pending_before(connection: Connection, at_ms: int) -> None:
    """Forget what nobody is told any more."""
    connection.execute(delete(PENDING).where(PENDING.c.at_ms < at_ms))


def drop_pending(connection: Connection, pending_id: str) -> None:
    """Forget what was told."""
    connection.execute(delete(PENDING).where(PENDING.c.id == pending_id))


def pending_of(connection: Connection, sources: Collection[str], count: int) -> list[Pending]:
    """What is to be told to these sources, in the order it happened."""
    chosen = select(PENDING).where(PENDING.c.source.in_(sorted(sources))).order_by(PENDING.c.seq, PENDING.c.id)
    return [Pending(**row._mapping) for row in connection.execute(chosen.limit(count))]


def is_pending(connection: Connection, pending_id: str) -> bool:
    """Whether it is still to be told."""
    return connection.execute(select(PENDING.c.id).where(PENDING.c.id == pending_id)).first() is not None


# ---- restrictions --------------------------------------------------------------------------------------------------------


class Restriction(msgspec.Struct, frozen=True):
    """A restriction of a customer, as it was asked for in a case.  id: position of that act."""

    id: int
    customer: int
    measure: str
    basis: str
    article: str


def put_restriction(connection: Connection, restriction: Restriction) -> None:
    """Note what was asked for."""
    connection.execute(insert(RESTRICTIONS), msgspec.structs.asdict(restriction))


def restriction_at(connection: Connection, restriction_id: int) -> Restriction:
    """A restriction.  Raises NotFound."""
    row = connection.execute(select(RESTRICTIONS).where(RESTRICTIONS.c.id == restriction_id)).first()
    if row is None:
        raise NotFound("no restriction of that number")
    return Restriction(**row._mapping)


# ---- challenges ----------------------------------------------------------------------------------------------------------


def put_challenge(connection: Connection, challenge: Challenge, *, new: bool) -> None:
    """Write a challenge as it is now."""
    content = msgspec.to_builtins(challenge)
    if new:
        connection.execute(
            insert(CHALLENGES),
            {
                "id": challenge.id,
                "seq": challenge.seq,
                "source": challenge.source,
                "event_id": challenge.event_id,
                "state": challenge.state.value,
                "opened_ms": challenge.opened_ms,
                "content": content,
            },
        )
    else:
        chosen = update(CHALLENGES).where(CHALLENGES.c.id == challenge.id)
        connection.execute(chosen.values(state=challenge.state.value, content=content))


def challenge_of(connection: Connection, challenge_id: str) -> Challenge:
    """A challenge by its id.  Raises NotFound."""
    row = connection.execute(select(CHALLENGES.c.content).where(CHALLENGES.c.id == challenge_id)).first()
    if row is None:
        raise NotFound("no challenge of that id")
    return msgspec.convert(row.content, Challenge)


def challenges_at(connection: Connection, seqs: Collection[int]) -> dict[int, Challenge]:
    """Challenges by position of their payments, of those that have one."""
    wanted = sorted(seqs)
    found: dict[int, Challenge] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        chosen = select(CHALLENGES.c.seq, CHALLENGES.c.content)
        for row in connection.execute(chosen.where(CHALLENGES.c.seq.in_(wanted[start : start + _AT_ONCE]))):
            found[row.seq] = msgspec.convert(row.content, Challenge)
    return found


def challenges_in(connection: Connection, state: ChallengeState, count: int) -> list[Challenge]:
    """Challenges of a state, the newest first."""
    chosen = select(CHALLENGES.c.content).where(CHALLENGES.c.state == state.value)
    ordered = chosen.order_by(CHALLENGES.c.opened_ms.desc(), CHALLENGES.c.id).limit(count)
    return [msgspec.convert(row.content, Challenge) for row in connection.execute(ordered)]


# ---- messages ------------------------------------------------------------------------------------------------------------


def put_messages(connection: Connection, messages: Sequence[Message]) -> None:
    """Queue messages."""
    if messages:
        connection.execute(insert(MESSAGES), [msgspec.to_builtins(each) for each in messages])


def end_messages(connection: Connection, ended: Iterable[tuple[str, str, str, str]], at_ms: int) -> None:
    """Note how messages ended: (id, state, SHA-256 of the payload, trouble) of each; one that has ended stays so."""
    rows = [
        {"of": message_id, "to": state, "digest": digest, "why": trouble, "at": at_ms}
        for message_id, state, digest, trouble in ended
    ]
    chosen = update(MESSAGES).where(MESSAGES.c.id == bindparam("of"), MESSAGES.c.state == DeliveryState.QUEUED.value)
    values: dict[str, Any] = {
        "state": bindparam("to"),
        "payload_sha256": bindparam("digest"),
        "trouble": bindparam("why"),
        "ended_ms": bindparam("at"),
    }
    if rows:
        connection.execute(chosen.values(values), rows)


def requeue_message(connection: Connection, message_id: str, useful_until_ms: int) -> None:
    """Send a message again that was refused or given up."""
    chosen = update(MESSAGES).where(MESSAGES.c.id == message_id)
    connection.execute(
        chosen.values(state=DeliveryState.QUEUED.value, useful_until_ms=useful_until_ms, ended_ms=0, trouble="")
    )


def queues(connection: Connection, destinations: Collection[str]) -> list[tuple[str, MessageKind]]:
    """Of these destinations, and of which kinds, messages are queued."""
    chosen = select(MESSAGES.c.destination, MESSAGES.c.kind).distinct()
    queued = chosen.where(
        MESSAGES.c.state == DeliveryState.QUEUED.value, MESSAGES.c.destination.in_(sorted(destinations))
    )
    return sorted((row.destination, MessageKind(row.kind)) for row in connection.execute(queued))


def queued_messages(connection: Connection, destination: str, kind: MessageKind, count: int) -> list[Message]:
    """Messages of a kind to be sent to a destination, the oldest first."""
    chosen = select(MESSAGES).where(
        MESSAGES.c.state == DeliveryState.QUEUED.value,
        MESSAGES.c.destination == destination,
        MESSAGES.c.kind == kind.value,
    )
    ordered = chosen.order_by(MESSAGES.c.act_seq, MESSAGES.c.place).limit(count)
    return [_message(row) for row in connection.execute(ordered)]


def messages_in(connection: Connection, state: DeliveryState, count: int) -> list[Message]:
    """Messages of a state, the newest first."""
    chosen = select(MESSAGES).where(MESSAGES.c.state == state.value)
    ordered = chosen.order_by(MESSAGES.c.act_seq.desc(), MESSAGES.c.place.desc()).limit(count)
    return [_message(row) for row in connection.execute(ordered)]


def message_of(connection: Connection, message_id: str) -> Message:
    """A message by its id.  Raises NotFound."""
    row = connection.execute(select(MESSAGES).where(MESSAGES.c.id == message_id)).first()
    if row is None:
        raise NotFound("no message of that id")
    return _message(row)


def message_counts(connection: Connection) -> dict[str, int]:
    """How many messages there are, by state."""
    chosen = select(MESSAGES.c.state, func.count().label("messages")).group_by(MESSAGES.c.state)
    return {row.state: row.messages for row in connection.execute(chosen)}


def _message(row: Row[Any]) -> Message:
    named = {
        str(name): value for name, value in row._mapping.items()
    }  # plain texts: SQLAlchemy's are of a class of its own
    return msgspec.convert(named, Message)
