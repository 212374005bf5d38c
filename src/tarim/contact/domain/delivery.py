"""A message on its way to a channel or to the decisions: when it is tried again, and when no more (RM-06, RM-30).

A message has one id for ever; who receives it twice takes it once.  So it is sent until it is taken, and what the sender has
to remember durably is only that it was.

    queued ──taken──► delivered
       ├─────refused──► refused      the receiver says that it never will: a person has to look
       └─────time over─► given_up    nobody took it while it was still worth something
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from tarim.base.instants import DAY_MS

RETRY_MS_MIN: Final = 500
RETRY_MS_MAX: Final = 60_000
_PASSING: Final = frozenset({401, 403, 404, 408, 425, 429})
DECISIONS: Final = "decisions"
"""The destination of events; every other destination is a channel's source."""


class MessageKind(StrEnum):
    """What is sent.  To a channel, all but EVENT; each kind has its own path there."""

    CHALLENGE = "challenge"
    CODE = "code"
    NOTICE = "notice"
    HOLD = "hold"
    RESTRICTION = "restriction"
    EVENT = "event"
    """A confirmation, a denial or a label, to the decisions service."""


PATHS: Final[Mapping[MessageKind, str]] = MappingProxyType(
    {
        MessageKind.CHALLENGE: "/challenges",
        MessageKind.CODE: "/codes",
        MessageKind.NOTICE: "/notices",
        MessageKind.HOLD: "/holds",
        MessageKind.RESTRICTION: "/restrictions",
    }
)
"""Below the channel's URL."""

USEFUL_MS: Final[Mapping[MessageKind, int]] = MappingProxyType(
    {
        MessageKind.NOTICE: DAY_MS,
        MessageKind.HOLD: 7 * DAY_MS,
        MessageKind.RESTRICTION: 7 * DAY_MS,
        MessageKind.EVENT: 30 * DAY_MS,
    }
)
"""How long a message is worth sending; a challenge and a code say it themselves."""


class DeliveryState(StrEnum):
    """Where a message stands."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    REFUSED = "refused"
    GIVEN_UP = "given_up"


def retry_ms(message_id: str, attempts: int) -> int:
    """How long to wait after `attempts` failed ones: doubling, a minute at most, and spread by id so that messages that failed
    together do not come together again.
    """
    assert attempts >= 1
    whole = min(RETRY_MS_MAX, RETRY_MS_MIN << min(attempts - 1, 16))
    share = int.from_bytes(sha256(f"{message_id}/{attempts}".encode()).digest()[:2], "big") / 65_536
    return int(whole * (0.5 + share / 2))


def verdict(status: int) -> DeliveryState:
    """What an HTTP status means for the message; QUEUED: it is tried again.

    What a person can put right at the receiver without us (a key, a path, a lack of room) is worth another try; a 400, 409 or
    422 says that the message itself is wrong there, and stays so.
    """
    if 200 <= status < 300:
        return DeliveryState.DELIVERED
    if 400 <= status < 500 and status not in _PASSING:
        return DeliveryState.REFUSED
    return DeliveryState.QUEUED
