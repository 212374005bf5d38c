"""The courier: sends what the outbox holds until it is taken.

Nothing durable is kept of an attempt that failed: after a kill the courier begins anew, the receivers know the ids, and so a
message is taken exactly once.  Messages of a kind about one payment go in order: a later one waits for the one before it.
Nothing else waits: each receiver has its own places, and one that does not answer gets one message at a time, less and less
often, until it does.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import structlog
from sqlalchemy import Connection

from tarim.base.errors import TarimError, Unavailable
from tarim.contact.adapters import rows
from tarim.contact.adapters.rows import Message, Payment
from tarim.contact.book import SENT
from tarim.contact.channels import Channels
from tarim.contact.domain.challenge import Challenge
from tarim.contact.domain.delivery import DECISIONS, PATHS, DeliveryState, MessageKind, retry_ms, verdict
from tarim.contact.ports import RawValues, Sent, Wire
from tarim.contact.signatures import TO_CHANNEL, signed_headers
from tarim.contact.usher import usher
from tarim.contact.writing import needs_raw, payload
from tarim.desk import SYSTEM, Desk, Draft

EVENTS_PATH: Final = "/v1/decisions"
TROUBLE_CHARACTERS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Decisions:
    """Where events go: the decisions service, and what gives the API key (scope decide) that the desk has there."""

    url: str
    key: Callable[[], str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CourierLimits:
    """every_ms: between two looks at the outbox.  each_at_once: messages under way to one receiver.  at_once: altogether.
    looked_at: of the queue of one receiver and kind at a time.
    """

    every_ms: int = 100
    each_at_once: int = 4
    at_once: int = 32
    looked_at: int = 200


@dataclass(slots=True)
class _Try:
    """What is remembered of a message, or a receiver, that failed."""

    attempts: int = 0
    next_ms: int = 0


@dataclass(frozen=True, slots=True)
class _Letter:
    """A message with everything it takes to write it."""

    message: Message
    payment: Payment
    challenge: Challenge | None


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of a letter: its end, or None when it is tried again.  answered: whether the receiver works."""

    message: Message
    end: tuple[str, str, str, str] | None
    answered: bool
    trouble: str


class Courier:
    """See the module.  `start` gives it a thread; `round` may be called without."""

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
        self._receivers: dict[str, _Try] = {}
        self._under_way: dict[str, Message] = {}
        self._results: queue.Queue[_Result] = queue.Queue()
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
        """Wait for what is under way; what became of it is found out by sending it again."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        self._pool.shutdown()

    @property
    def down(self) -> int:
        """How many channels, the decisions service among them, do not take what is sent to them at present."""
        return len(self._receivers)

    def _work(self) -> None:
        while not self._closing.is_set():
            busy = False
            try:
                busy = self.round()
            except TarimError as error:  # the supervisor: said, and tried again
                self._log.warning("contact waits", trouble=error.detail)
            except Exception:
                self._log.exception("contact stumbled")
            if not busy:
                self._closing.wait(self._limits.every_ms / 1_000)

    def round(self) -> bool:
        """Usher, note what ended, and send what is due; whether there was anything to do.  Raises Unavailable."""
        ushered = usher(self._desk, self._channels)
        ended = self._note()
        letters = self._desk.read(self._due).result()
        for letter in letters:
            self._under_way[letter.message.id] = letter.message
            self._pool.submit(self._carry, letter)
        return bool(ushered or ended or letters)

    # ---- choosing ----------------------------------------------------------------------------------------------------------

    def _due(self, connection: Connection) -> list[_Letter]:
        now_ms = self._desk.now_ms()
        places = Counter(message.destination for message in self._under_way.values())
        chosen: list[Message] = []
        for destination, kind in rows.queues(connection, [*self._channels.by_source, DECISIONS]):
            receiver = self._receivers.get(destination)
            places_max = self._limits.each_at_once
            if receiver is not None:
                places_max = 1 if receiver.next_ms <= now_ms else 0
            waiting = rows.queued_messages(connection, destination, kind, self._limits.looked_at)
            for message in self._first_of_each(waiting, now_ms):
                late = now_ms >= message.useful_until_ms
                if late or (places[destination] < places_max and len(self._under_way) < self._limits.at_once):
                    places[destination] += not late
                    chosen.append(message)
        seqs = {message.seq for message in chosen}
        payments, challenges = rows.payments_at(connection, seqs), rows.challenges_at(connection, seqs)
        return [_Letter(message, payments[message.seq], challenges.get(message.seq)) for message in chosen]

    def _first_of_each(self, waiting: list[Message], now_ms: int) -> Iterator[Message]:
        """The first message about each payment, when it is due and not under way."""
        before: set[int] = set()
        for message in waiting:
            known = self._tries.get(message.id)
            waits = known is not None and known.next_ms > now_ms and now_ms < message.useful_until_ms
            if message.seq not in before and message.id not in self._under_way and not waits:
                yield message
            before.add(message.seq)

    # ---- sending, in a thread of the pool ------------------------------------------------------------------------------------

    def _carry(self, letter: _Letter) -> None:
        try:
            result = self._sent(letter)
        except Exception as error:  # the supervisor of one letter: it is tried again
            self._log.exception("a message could not be sent", id=letter.message.id)
            result = _Result(letter.message, None, True, type(error).__name__)
        self._results.put(result)

    def _sent(self, letter: _Letter) -> _Result:
        message = letter.message
        if self._desk.now_ms() >= message.useful_until_ms:
            end = (message.id, DeliveryState.GIVEN_UP.value, "", "nobody took it in time")
            return _Result(message, end, True, "")
        try:
            content = self._written(letter)
        except Unavailable as error:
            return _Result(message, None, True, error.detail)
        except TarimError as error:  # destroyed with the customer's key, or not to be shown: no repetition mends it
            trouble = error.detail[:TROUBLE_CHARACTERS_MAX]
            return _Result(message, (message.id, DeliveryState.REFUSED.value, "", trouble), True, trouble)
        sent = self._posted(message, content)
        state = verdict(sent.status)
        works = 0 < sent.status < HTTPStatus.INTERNAL_SERVER_ERROR
        if state is DeliveryState.QUEUED:
            return _Result(message, None, works, sent.trouble)
        return _Result(
            message, (message.id, state.value, sha256(content).hexdigest(), sent.trouble), works, sent.trouble
        )

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

    # ---- noting --------------------------------------------------------------------------------------------------------------

    def _note(self) -> bool:
        """Record how messages ended; whether any did.  Raises Unavailable: then they are sent again, under their ids."""
        results: list[_Result] = []
        while True:
            try:
                results.append(self._results.get_nowait())
            except queue.Empty:
                break
        ended = [result.end for result in results if result.end is not None]
        try:
            if ended:
                self._desk.perform(SYSTEM, lambda _: [Draft(SENT, "outbox", {"messages": ended})])
        finally:
            for result in results:
                self._under_way.pop(result.message.id, None)
                self._learn(result)
        return bool(ended)

    def _learn(self, result: _Result) -> None:
        """Remember when to try again, the message and its receiver."""
        message = result.message
        if result.answered:
            self._receivers.pop(message.destination, None)
        else:
            self._fail(self._receivers, message.destination)
        if result.end is not None:
            self._tries.pop(message.id, None)
            return
        wait_ms = self._fail(self._tries, message.id)
        self._log.warning("message not taken", id=message.id, wait_ms=wait_ms, trouble=result.trouble)

    def _fail(self, tries: dict[str, _Try], name: str) -> int:
        known = tries.setdefault(name, _Try())
        known.attempts += 1
        wait_ms = retry_ms(name, known.attempts)
        known.next_ms = self._desk.now_ms() + wait_ms
        return wait_ms
