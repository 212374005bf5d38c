"""What channels and persons do: answer a challenge, ask for a code, look, send a message again.  Each is one command."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from tarim.base.errors import Conflict, Damaged
from tarim.contact.adapters import rows
from tarim.contact.adapters.rows import Message, Payment
from tarim.contact.book import ANSWERED, CODE, RETRIED
from tarim.contact.channels import Channel, Channels
from tarim.contact.domain.challenge import Challenge, ChallengeState, Happening
from tarim.contact.domain.delivery import USEFUL_MS, DeliveryState
from tarim.contact.domain.judging import Answer, Cause, Truth, judge, require_code
from tarim.contact.ports import RawValues
from tarim.contact.signatures import FROM_CHANNEL, Request, verify
from tarim.contact.writing import truth
from tarim.desk import Act, Desk, Draft, Once, label_draft

_LABELS = {Happening.CONFIRMED: False, Happening.DENIED: True}
"""What the customer's word says about the payment: fraud or not."""


class Contact:
    """The use cases.  Methods wait for the desk's writer: call them outside a loop."""

    def __init__(self, desk: Desk, channels: Channels, values: RawValues) -> None:
        self._desk = desk
        self._channels = channels
        self._values = values

    @property
    def channels(self) -> Channels:
        """The channels that take part."""
        return self._channels

    def device(self, device_id: str) -> int:
        """Token of a device, 0 of ""."""
        return self._values.device(device_id)

    def received(self, source: str, request: Request) -> str:
        """The id of a message that the channel of this source signed just now.  Raises NotAllowed."""
        channel: Channel = self._channels.get(source)
        return verify(request, {channel.key.id: channel.key}, FROM_CHANNEL, self._desk.now_ms())

    # ---- channels --------------------------------------------------------------------------------------------------------

    def answer(
        self, source: str, message_id: str, challenge_id: str, answer: Answer, asked: Any
    ) -> tuple[Challenge, Cause]:
        """Judge a customer's answer; the challenge after it, and why it did not count ("" when it did).

        asked: the message as it was decoded: the same id with other content is a conflict, with the same content the first
        answer.  Raises NotFound, NotAllowed (another channel's), IllegalTransition, Conflict, FieldError, Unavailable.
        """
        held_against = self._truth(source, challenge_id)  # a payment never changes, so this need not be in the command

        def command(connection: Connection) -> list[Draft]:
            challenge = self._own(connection, source, challenge_id)
            judged = judge(challenge, answer, held_against, self._desk.now_ms())
            body = {
                "happening": judged.happening.value,
                "method": judged.method,
                "cause": judged.cause.value,
                "spends_code": judged.spends_code,
            }
            drafts = [Draft(ANSWERED, challenge.id, body)]
            if judged.happening in _LABELS:
                fraud = _LABELS[judged.happening]
                drafts.append(label_draft(challenge.seq, challenge.source, challenge.event_id, fraud=fraud))
            return drafts

        acts = self._desk.perform(source, command, Once.of(f"answer/{message_id}", [challenge_id, asked]))
        return self._now(challenge_id), Cause(_of(acts, ANSWERED).body["cause"])

    def send_code(
        self, source: str, message_id: str, challenge_id: str, device: int, receiving_device: int, asked: Any
    ) -> Challenge:
        """Have a one-time code sent; the challenge after it.

        device: token of the device it is to be typed on; receiving_device: of the one it arrives on; 0 = unknown.  Raises as
        `answer`.
        """

        def command(connection: Connection) -> list[Draft]:
            challenge = self._own(connection, source, challenge_id)
            require_code(challenge, device, self._desk.now_ms())
            return [Draft(CODE, challenge.id, {"on_device": device != 0 and receiving_device == device})]

        self._desk.perform(source, command, Once.of(f"code/{message_id}", [challenge_id, asked]))
        return self._now(challenge_id)

    def challenge(self, challenge_id: str, source: str = "") -> Challenge:
        """A challenge as it is now; source: whose it has to be, "" for anybody's.  Raises NotFound."""
        if source:
            return self._desk.read(lambda connection: self._own(connection, source, challenge_id)).result()
        return self._now(challenge_id)

    # ---- persons ---------------------------------------------------------------------------------------------------------

    def challenges(self, state: ChallengeState, count: int) -> list[Challenge]:
        """Challenges of a state, the newest first."""
        return self._desk.read(lambda connection: rows.challenges_in(connection, state, count)).result()

    def messages(self, state: DeliveryState, count: int) -> list[Message]:
        """Messages of a state, the newest first."""
        return self._desk.read(lambda connection: rows.messages_in(connection, state, count)).result()

    def retry(self, person: str, message_id: str) -> Message:
        """Send a message again that was refused or given up; the message after it.  Raises NotFound, Conflict."""

        def command(connection: Connection) -> list[Draft]:
            message = rows.message_of(connection, message_id)
            if message.state not in (DeliveryState.REFUSED, DeliveryState.GIVEN_UP):
                raise Conflict(f"the message is {message.state.value.replace('_', ' ')}: nothing is to be sent again")
            if message.kind not in USEFUL_MS:
                raise Conflict(f"a {message.kind} is worth nothing any more")
            return [Draft(RETRIED, message.id, {})]

        self._desk.perform(person, command)
        return self._desk.read(lambda connection: rows.message_of(connection, message_id)).result()

    # ---- within ------------------------------------------------------------------------------------------------------------

    def _truth(self, source: str, challenge_id: str) -> Truth:
        def look(connection: Connection) -> tuple[Challenge, Payment]:
            challenge = self._own(connection, source, challenge_id)
            return challenge, rows.payment_at(connection, challenge.seq)

        challenge, payment = self._desk.read(look).result()
        raw = self._values.of_payment(payment.seq, payment.customer)
        return truth(payment, challenge, raw, self._channels.code_key)

    def _own(self, connection: Connection, source: str, challenge_id: str) -> Challenge:
        challenge = rows.challenge_of(connection, challenge_id)
        if challenge.source != source:
            return rows.challenge_of(connection, "")  # to another channel it is as if there were none
        return challenge

    def _now(self, challenge_id: str) -> Challenge:
        return self._desk.read(lambda connection: rows.challenge_of(connection, challenge_id)).result()


def _of(acts: tuple[Act, ...], kind: str) -> Act:
    """The act of a kind among those of one command."""
    for act in acts:
        if act.kind == kind:
            return act
    raise Damaged(f"a recorded command holds no act {kind}")
