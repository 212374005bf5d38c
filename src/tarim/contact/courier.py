"""The courier: turns what happened to payments into messages, and sends the messages until they are taken.

Two steps, again and again.  `usher` asks the tables what nobody was told of, and records acts that queue messages.  `deliver`
sends what is queued and records how it ended.  Nothing durable is kept of an attempt that failed: after a kill the courier
begins anew, the receivers know the ids, and so a message is taken exactly once.

Messages about one payment to one receiver go in order: a later one waits for the one before it.  Another payment does not wait.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import structlog
from sqlalchemy import Connection

from tarim.base.errors import TarimError, Unavailable
from tarim.contact.adapters import rows
from tarim.contact.adapters.rows import Message, Payment, Pending
from tarim.contact.book import OPENED, SENT, TOLD
from tarim.contact.channels import Channels
from tarim.contact.domain.challenge import Challenge
from tarim.contact.domain.delivery import DECISIONS, PATHS, DeliveryState, MessageKind, retry_ms, verdict
from tarim.contact.domain.notices import TOLD_BASES, NoticeKind
from tarim.contact.ports import RawValues, Sent, Wire
from tarim.contact.signatures import TO_CHANNEL, signed_headers
from tarim.contact.writing import needs_raw, payload
from tarim.desk import SYSTEM, Desk, Draft, waiting_hold
from tarim.stream import Outcome

EVENTS_PATH: Final = "/v1/decisions"
_ASKED: Final = (Outcome.CHALLENGE, Outcome.SUSPEND)
"""Holds that wait for the customer."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """Where events go: the decisions service, and what gives the API key (scope decide) that the desk has there."""

    url: str
    key: Callable[[], str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CourierLimits:
    """every_ms: between two looks at the tables.  at_once: messages under way at a time.  looked_at: of the queue at a time.
    ushered: pending things turned into messages by one command.
    """

    every_ms: int = 100
    at_once: int = 8
    looked_at: int = 500
    ushered: int = 100


@dataclass(slots=True)
class _Try:
    """What is remembered of a message that was not taken yet."""

    attempts: int = 0
    next_ms: int = 0


@dataclass(frozen=True, slots=True)
class _Letter:
    """A message with everything it takes to write it."""

    message: Message
    payment: Payment
    challenge: Challenge | None


class Courier:
    """See the module.  `start` gives it a thread; `usher` and `deliver` may be called without."""

    def __init__(
        self,
        desk: Desk,
        channels: Channels,
        values: RawValues,
        wire: Wire,
        decisions: Decisions,
        limits: CourierLimits | None = None,
    ) -> None:
        self._desk = desk
        self._channels = channels
        self._values = values
        self._wire = wire
        self._decisions = decisions
        self._limits = limits or CourierLimits()
        self._key = ""
        self._tries: dict[str, _Try] = {}
        self._pool = ThreadPoolExecutor(self._limits.at_once, "contact-wire")
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = structlog.get_logger("tarim.contact")

    # ---- life ------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Work from now on, in a thread."""
        assert self._thread is None
        self._thread = threading.Thread(target=self._work, name="contact-courier", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish what is under way."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        self._pool.shutdown()

    def _work(self) -> None:
        while not self._closing.is_set():
            busy = 0
            try:
                busy = self.usher() + self.deliver()
            except TarimError as error:  # the supervisor: said, and tried again
                self._log.warning("contact waits", trouble=error.detail)
            except Exception:
                self._log.exception("contact stumbled")
            if not busy:
                self._closing.wait(self._limits.every_ms / 1_000)

    # ---- what nobody was told of -------------------------------------------------------------------------------------------

    def usher(self) -> int:
        """Queue messages about what happened; how many things.  Raises Unavailable."""
        sources = self._channels.by_source.keys()
        if not sources:
            return 0
        waiting = self._desk.read(
            lambda connection: rows.pending_of(connection, sources, self._limits.ushered)
        ).result()
        if waiting:
            self._desk.perform(SYSTEM, lambda connection: self._drafts(connection, waiting))
        return len(waiting)

    def _drafts(self, connection: Connection, waiting: Sequence[Pending]) -> list[Draft]:
        return [self._draft(connection, each) for each in waiting if rows.is_pending(connection, each.id)]

    def _draft(self, connection: Connection, pending: Pending) -> Draft:
        if pending.what == "opened":
            hold = waiting_hold(connection, pending.held_seq)
            if hold is not None and hold.kind in _ASKED:
                payment = rows.payment_at(connection, pending.held_seq)
                challenge = Challenge(
                    secrets.token_hex(16),
                    secrets.token_hex(16),
                    payment.seq,
                    payment.source,
                    payment.event_id,
                    hold.opened_ms,
                    hold.until_ms,
                    max(1, hold.strength),
                    hold.verification,
                    self._channels.get(payment.source).methods,
                    payment.device,
                    max(1, hold.failures_left),
                )
                body = {"pending": pending.id, "challenge": msgspec.to_builtins(challenge)}
                return Draft(OPENED, str(payment.seq), body)
            return _told(pending, [_notice(NoticeKind.HELD)] if hold is not None else [])
        if pending.what in ("restricted", "lifted"):
            notice = _notice(NoticeKind(pending.what), **pending.content)
            tells = pending.content["basis"] in TOLD_BASES
            content = {"state": pending.what, **pending.content}
            return _told(pending, [(MessageKind.RESTRICTION, content), *([notice] if tells else [])])
        ended = [(MessageKind.HOLD, {"state": pending.what, **pending.content})] if pending.content else []
        return _told(pending, [*ended, _notice(NoticeKind(pending.what))])

    # ---- messages ----------------------------------------------------------------------------------------------------------

    def deliver(self) -> int:
        """Send what is due; how many messages ended, one way or another.  Raises Unavailable."""
        letters = self._desk.read(self._due).result()
        if not letters:
            return 0
        ended = [end for end in self._pool.map(self._send, letters) if end is not None]
        if ended:
            self._desk.perform(SYSTEM, lambda _: [Draft(SENT, "outbox", {"messages": ended})])
            for message_id, *_ in ended:
                self._tries.pop(message_id, None)
        return len(ended)

    def _due(self, connection: Connection) -> list[_Letter]:
        destinations = [*self._channels.by_source, DECISIONS]
        now_ms = self._desk.now_ms()
        chosen: list[Message] = []
        before: set[tuple[str, int]] = set()
        for message in rows.queued_messages(connection, destinations, self._limits.looked_at):
            line = (message.destination, message.seq)
            waits = self._tries.get(message.id, _Try()).next_ms > now_ms and message.useful_until_ms > now_ms
            if line not in before and not waits and len(chosen) < self._limits.at_once:
                chosen.append(message)
            before.add(line)
        seqs = {message.seq for message in chosen}
        payments, challenges = rows.payments_at(connection, seqs), rows.challenges_at(connection, seqs)
        return [_Letter(message, payments[message.seq], challenges.get(message.seq)) for message in chosen]

    def _send(self, letter: _Letter) -> tuple[str, str, str, str] | None:
        """How a message ended: (id, state, SHA-256 of its payload, trouble); None when it is tried again."""
        message = letter.message
        if self._desk.now_ms() >= message.useful_until_ms:
            return message.id, DeliveryState.GIVEN_UP.value, "", "nobody took it in time"
        try:
            content = self._written(letter)
        except Unavailable as error:
            self._again(message, error.detail)
            return None
        except TarimError as error:  # destroyed with the customer's key, or not to be shown: no repetition mends it
            return message.id, DeliveryState.REFUSED.value, "", error.detail[:200]
        sent = self._posted(message, content)
        state = verdict(sent.status)
        if state is DeliveryState.QUEUED:
            self._again(message, sent.trouble)
            return None
        return message.id, state.value, sha256(content).hexdigest(), sent.trouble

    def _written(self, letter: _Letter) -> bytes:
        payment, message = letter.payment, letter.message
        raw = self._values.of_payment(payment.seq, payment.customer) if needs_raw(message) else None
        return payload(message, payment, letter.challenge, raw, self._channels.code_key)

    def _posted(self, message: Message, content: bytes) -> Sent:
        if message.kind is MessageKind.EVENT:
            key = self._key = self._key or self._decisions.key()
            url = self._decisions.url.rstrip("/") + EVENTS_PATH
            sent = self._wire.post(url, content, {"Authorization": f"Bearer {key}"})
            if sent.status == HTTPStatus.UNAUTHORIZED:  # it was revoked: the next try has another one
                self._key = ""
            return sent
        channel = self._channels.get(message.destination)
        url = channel.url + PATHS[message.kind]
        at_ms = self._desk.now_ms()
        headers = signed_headers(channel.key, TO_CHANNEL, "POST", urlsplit(url).path, content, message.id, at_ms)
        return self._wire.post(url, content, headers)

    def _again(self, message: Message, trouble: str) -> None:
        known = self._tries.setdefault(message.id, _Try())
        known.attempts += 1
        wait_ms = retry_ms(message.id, known.attempts)
        known.next_ms = self._desk.now_ms() + wait_ms
        self._log.warning("message not taken", id=message.id, attempts=known.attempts, wait_ms=wait_ms, trouble=trouble)


_Content = tuple[MessageKind, dict[str, Any]]


def _notice(kind: NoticeKind, **more: Any) -> _Content:
    return MessageKind.NOTICE, {"notice": kind.value, **more}


def _told(pending: Pending, messages: Sequence[_Content]) -> Draft:
    listed = [[kind.value, content] for kind, content in messages]
    return Draft(TOLD, str(pending.held_seq), {"pending": pending.id, "source": pending.source, "messages": listed})
