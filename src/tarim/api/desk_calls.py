"""From a request to the desk and back: commands in the caller's name, and looks at the tables."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from tarim.api.routes import Call
from tarim.desk import Act, Command, Desk, Once

T = TypeVar("T")


async def performed(desk: Desk, call: Call, command: Command) -> tuple[Act, ...]:
    """The acts of a command in the caller's name, recorded.

    With the header `Idempotency-Key` the same request again gives the first acts and does nothing.  Raises what the command
    raises, InputError for a key that is none, Conflict for one that was used for something else, Unavailable.
    """
    once = None
    if call.idempotency_key:
        once = Once.of(call.idempotency_key, [call.target, call.body])
    return await asyncio.wrap_future(desk.submit(call.person, command, once))


async def looked_at(desk: Desk, look: Callable[[Connection], T]) -> T:
    """What a function finds in the tables."""
    return await asyncio.wrap_future(desk.read(look))
