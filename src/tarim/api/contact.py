"""Contact over HTTP: what channels call, signed, and what persons look at.

A channel's message is checked twice: its API key says who may call, and its signature says that exactly this was said just
now (`tarim.contact.signatures`).  The id of a signed message is what makes it count once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from tarim.api.routes import Call, Route
from tarim.base.instants import instant_text
from tarim.contact import (
    CAUSES,
    CODE_DIGITS,
    DIGEST_CHARACTERS,
    Answer,
    Challenge,
    ChallengeState,
    Contact,
    DeliveryState,
    Message,
    Outcome,
    Request,
)
from tarim.identity import Scope

LISTED_MAX: Final = 200
BODY_BYTES_MAX: Final = 8 << 10

_Digest = Annotated[str, Meta(pattern=f"^([0-9a-f]{{{DIGEST_CHARACTERS}}})?$")]
_Device = Annotated[str, Meta(max_length=128)]
_Limit = Annotated[int, Meta(ge=1, le=LISTED_MAX)]


class AnswerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the customer did with a challenge.

    outcome: passed, failed, refused (does not want this method; the others are left), or denied (the payment is not theirs).
    method: of the challenge's methods; "" for a denial.  shown_digest: of what stood on the screen.  device_id: the device it
    was given on.  code: of sms_code, as typed.  purpose: the one the method names, when the customer was told it.
    """

    outcome: Literal["passed", "failed", "refused", "denied"]
    method: Annotated[str, Meta(max_length=32)] = ""
    shown_digest: _Digest = ""
    device_id: _Device = ""
    code: Annotated[str, Meta(pattern=f"^([0-9]{{{CODE_DIGITS}}})?$")] = ""
    purpose: Annotated[str, Meta(max_length=100)] = ""


class CodeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A one-time code is wanted.  device_id: where it will be typed; receiving_device_id: where it arrives, if known."""

    device_id: _Device = ""
    receiving_device_id: _Device = ""


class ChallengeBody(msgspec.Struct, frozen=True):
    """A challenge as it is.

    missing: kinds of factors still needed.  passable: whether methods_left can still give them; if not, the customer needs a
    person.  code_until: "" without a code that may be typed.
    """

    id: str
    source: str
    event_id: str
    state: str
    until: str
    missing: int
    passable: bool
    methods_left: list[str]
    attempts_left: int
    codes: int
    code_until: str


class AnsweredBody(msgspec.Struct, frozen=True):
    """What came of an answer.  cause: why it did not count, or counted for less; "" when it did."""

    challenge: ChallengeBody
    cause: str
    zh: str
    en: str


class ChallengesBody(msgspec.Struct, frozen=True):
    """Challenges, the newest first."""

    challenges: list[ChallengeBody]


class MessageBody(msgspec.Struct, frozen=True):
    """A message of the outbox.  payload_sha256: of what was sent; trouble: why it was not taken."""

    id: str
    destination: str
    kind: str
    state: str
    created_at: str
    ended_at: str
    payload_sha256: str
    trouble: str


class MessagesBody(msgspec.Struct, frozen=True):
    """Messages, the newest first."""

    messages: list[MessageBody]


class ChallengesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which challenges."""

    state: Literal["open", "passed", "failed", "denied", "closed"] = "open"
    limit: _Limit = 50


class MessagesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which messages."""

    state: Literal["queued", "delivered", "refused", "given_up"] = "refused"
    limit: _Limit = 50


@dataclass(frozen=True, slots=True)
class ContactHandlers:
    """What answers channels and persons.  Every use case waits for the desk, so it runs in a thread."""

    contact: Contact

    async def answer(self, call: Call) -> AnsweredBody:
        def work() -> AnsweredBody:
            said: AnswerBody = call.body
            given = Answer(
                Outcome(said.outcome),
                said.method,
                said.shown_digest,
                self.contact.device(said.device_id),
                said.code,
                said.purpose,
            )
            asked = msgspec.structs.replace(said, code="")  # a code is worth nothing afterwards, and is kept nowhere
            challenge, cause = self.contact.answer(call.person, self._message_id(call), call.path["id"], given, asked)
            zh, en = CAUSES[cause]
            return AnsweredBody(_challenge(challenge), cause.value, zh, en)

        return await asyncio.to_thread(work)

    async def code(self, call: Call) -> ChallengeBody:
        def work() -> ChallengeBody:
            said: CodeBody = call.body
            device, receiving = self.contact.device(said.device_id), self.contact.device(said.receiving_device_id)
            sent = self.contact.send_code(call.person, self._message_id(call), call.path["id"], device, receiving, said)
            return _challenge(sent)

        return await asyncio.to_thread(work)

    async def own(self, call: Call) -> ChallengeBody:
        return _challenge(await asyncio.to_thread(self.contact.challenge, call.path["id"], call.person))

    async def challenges(self, call: Call) -> ChallengesBody:
        state = ChallengeState(call.query.state)
        found = await asyncio.to_thread(self.contact.challenges, state, call.query.limit)
        return ChallengesBody([_challenge(each) for each in found])

    async def messages(self, call: Call) -> MessagesBody:
        state = DeliveryState(call.query.state)
        found = await asyncio.to_thread(self.contact.messages, state, call.query.limit)
        return MessagesBody([_message(each) for each in found])

    async def retry(self, call: Call) -> MessageBody:
        return _message(await asyncio.to_thread(self.contact.retry, call.person, call.path["id"]))

    def _message_id(self, call: Call) -> str:
        method, _, path = call.target.partition(" ")
        return self.contact.received(call.person, Request(method, path, call.headers, call.content))


def contact_routes(contact: Contact) -> list[Route]:
    """The routes."""
    do = ContactHandlers(contact)
    of_challenge = "/v1/contact/challenges/{id}"
    return [
        Route("POST", f"{of_challenge}/answers", "answer_challenge", "What the customer did / 回传客户验证结果",
              Scope.CONTACT_CALLBACK, do.answer, AnsweredBody, AnswerBody, refusals=(409,), body_bytes_max=BODY_BYTES_MAX,
              signed=True),
        Route("POST", f"{of_challenge}/codes", "send_code", "Have a one-time code sent / 请求发送动态码",
              Scope.CONTACT_CALLBACK, do.code, ChallengeBody, CodeBody, status=202, refusals=(409,),
              body_bytes_max=BODY_BYTES_MAX, signed=True),
        Route("GET", of_challenge, "read_challenge", "A challenge of one's own / 查询本渠道的验证请求",
              Scope.CONTACT_CALLBACK, do.own, ChallengeBody),
        Route("GET", "/v1/contact/challenges", "list_challenges", "Challenges / 验证请求", Scope.OPERATE, do.challenges,
              ChallengesBody, query=ChallengesQuery),
        Route("GET", "/v1/contact/messages", "list_messages", "The outbox / 待发与已发消息", Scope.OPERATE, do.messages,
              MessagesBody, query=MessagesQuery),
        Route("POST", "/v1/contact/messages/{id}/retry", "retry_message",
              "Send again what was refused or given up / 重新发送", Scope.OPERATE, do.retry, MessageBody, refusals=(409,)),
    ]  # fmt: skip


def _challenge(challenge: Challenge) -> ChallengeBody:
    waits = challenge.is_open and challenge.codes and not challenge.code_spent
    return ChallengeBody(
        challenge.id,
        challenge.source,
        challenge.event_id,
        challenge.state.value,
        instant_text(challenge.until_ms),
        challenge.missing,
        challenge.is_passable,
        list(challenge.methods_left),
        challenge.attempts_left,
        challenge.codes,
        instant_text(challenge.code_expires_ms) if waits else "",
    )


def _message(message: Message) -> MessageBody:
    return MessageBody(
        message.id,
        message.destination,
        message.kind.value,
        message.state.value,
        instant_text(message.created_ms),
        instant_text(message.ended_ms) if message.ended_ms else "",
        message.payload_sha256,
        message.trouble,
    )
