"""Deleting a customer from the vault of the decisions, for the desk: two persons agreed to it there (RM-13)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tarim.api.routes import Call, Route
from tarim.base.errors import Conflict, NotFound
from tarim.identity import Scope

_HALF: Final = 1 << 63
_WHOLE: Final = 1 << 64
_Person = Annotated[str, Meta(min_length=1, max_length=64)]

LastEvent = Callable[[int, int], tuple[int, int]]
"""(token, position) → newest instant of the customer's events from there on, 0 for none; and how far was looked."""

Destroy = Callable[[int, int], int]
"""(signed token, instant) → how many keys were destroyed under that instant, now or before.  Raises NotFound, Unavailable."""


class EraseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A deletion that two persons of the desk agreed to.

    erasure: its file.  customer: token.  people: who asked and who approved, two different ones.  through_seq: of the journal,
    up to where the customer's events were looked at; begun_ms: the instant it is recorded under.
    """

    erasure: Annotated[str, Meta(pattern="^ERASE-[0-9]{4}-[0-9]{6}$")]
    customer: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    people: Annotated[list[_Person], Meta(min_length=2, max_length=2)]
    through_seq: Annotated[int, Meta(ge=0, le=1 << 53)]
    begun_ms: Annotated[int, Meta(ge=1, le=1 << 43)]


class ErasedBody(msgspec.Struct, frozen=True):
    """What was destroyed.  keys: of the customer in the vault, 0 when there were none."""

    erasure: str
    keys: int


def customer_routes(
    last_event: LastEvent, destroyed_at: Callable[[int, int], int | None], destroy: Destroy
) -> list[Route]:
    """The route.  Sent again it answers what it answered first."""

    def erased(token: int, through_seq: int, begun_ms: int) -> int:
        done = destroyed_at(token, begun_ms)
        if done is not None:
            return done
        if last_event(token, through_seq)[0]:
            raise Conflict(
                "the customer has done something since this was looked at; look again. 该客户此后有新业务，请重新核对。"
            )
        try:
            return destroy(token, begun_ms)
        except NotFound:
            return 0

    async def erase(call: Call) -> ErasedBody:
        asked: EraseBody = call.body
        if asked.people[0] == asked.people[1]:
            raise Conflict("two different persons have to agree to a deletion. 删除须由两人决定。")
        call.note.object = f"erasure:{asked.erasure}"
        call.note.detail |= {"asked_by": asked.people[0], "approved_by": asked.people[1], "customer": asked.customer}
        token = (int(asked.customer, 16) + _HALF) % _WHOLE - _HALF
        work = partial(erased, token, asked.through_seq, asked.begun_ms)
        keys = await asyncio.get_running_loop().run_in_executor(None, work)
        call.note.detail["keys"] = str(keys)
        return ErasedBody(asked.erasure, keys)

    return [
        Route("POST", "/v1/customers:erase", "erase_customer", "Delete a customer, as two agreed / 删除客户个人信息",
              Scope.ERASURES_ORDER, erase, ErasedBody, EraseBody, refusals=(409, 503)),
    ]  # fmt: skip
