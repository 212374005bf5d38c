"""A session: two parties, one connection, and the secrets that all protocols between them draw on.

A session's secrets are made anew each time: whoever comes back after a crash begins another session, so no pad can ever be used
for two things.  What is stored of one (`node.stock`) is its pads alone, each claimed for good before it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np

from tarim.federation.channel import Channel, receive_one
from tarim.federation.hashing import SALT_BYTES, Hashing, Uses
from tarim.federation.randomness import fresh_seed
from tarim.federation.transfer import TransferReceiver, TransferSender

_USES_BESIDE: Final = 1 << 48
"""Uses of a session before those of the first one beside it."""


class Role(IntEnum):
    """Which of the two parties this is.  FIRST garbles; SECOND evaluates."""

    FIRST = 0
    SECOND = 1


class Opening(NamedTuple):
    """A value that was opened."""

    what: str
    recipient: Role
    shape: tuple[int, ...]


class Meeting:
    """One side of a connection, without secrets: enough to use what was made ahead.

    openings: what was opened, to whom and how large, in order, for the transcript.
    """

    def __init__(self, channel: Channel, role: Role, noted: Callable[[Opening], None] = lambda _: None) -> None:
        """Sends nothing.  noted: told of each opening before anything of it is sent."""
        self.channel = channel
        self.role = role
        self.openings: list[Opening] = []
        self._noted = noted

    def note_opening(self, what: str, recipient: Role, shape: tuple[int, ...]) -> None:
        """Note that a value is opened; called before it is."""
        self.openings.append(Opening(what, recipient, shape))
        self._noted(self.openings[-1])

    @property
    def first(self) -> bool:
        """Whether this is the first party."""
        return self.role is Role.FIRST


class Session(Meeting):
    """The state of one side.  Both sides call the same protocols in the same order.

    sender, receiver: of transfers towards and from the other side.  uses: both sides count alike.
    """

    def __init__(self, channel: Channel, role: Role, noted: Callable[[Opening], None] = lambda _: None) -> None:
        """Agree on a salt and run the base transfers both ways: about 0.2 s."""
        super().__init__(channel, role, noted)
        self.uses = Uses()
        self._besides = 0
        mine = np.frombuffer(fresh_seed(), np.uint8)
        channel.send("session, half of the salt", mine)
        salt = mine ^ receive_one(channel, "session, half of the salt", np.uint8, SALT_BYTES)
        self.hashing = Hashing(salt.tobytes())
        if role is Role.FIRST:
            self.sender = TransferSender(channel)
            self.receiver = TransferReceiver(channel)
        else:
            self.receiver = TransferReceiver(channel)
            self.sender = TransferSender(channel)

    def beside(self) -> Session:
        """A session of the same secrets for one other thread, on the channel beside this one's; both sides, one at a time.

        Its transfers come from streams of their own and its uses from numbers of their own, so that neither thread has to
        wait for the other to keep both sides in step.  What is made there may be used here.
        """
        self._besides += 1
        found, channel = copy(self), self.channel.beside()
        found.channel, found.uses = channel, Uses(self._besides * _USES_BESIDE)
        found.sender = self.sender.beside(channel, self._besides)
        found.receiver = self.receiver.beside(channel, self._besides)
        return found
