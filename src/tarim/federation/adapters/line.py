"""What both directions of a link need: where a connection comes from, how long it is waited for, reading and ending it."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from tarim.federation.adapters.frames import Frame, Kind
from tarim.federation.errors import PeerLost

_READ_BYTES: Final = 1 << 20


class Connect(Protocol):
    """Where connections come from."""

    def __call__(self, sends: bool, deadline: float, *, again: bool = False) -> ssl.SSLSocket:
        """A new connection on which this side sends or receives, at the latest at this time.monotonic().

        again: the other side has answered on this direction before.  Raises PeerLost, PeerUnknown.
        """


class Patience:
    """How long a broken line is waited for: from its first break since something last arrived."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.answered = False
        """Whether the other side has ever answered."""
        self._broke_at: float | None = None
        self._opened_at = 0.0

    def deadline(self) -> float:
        """The line is broken, or not there yet: until when another one is looked for."""
        now = time.monotonic()
        if self._broke_at is None or (self.answered and now - self._opened_at > self.seconds):
            self._broke_at = now
        return self._broke_at + self.seconds

    def opened(self) -> None:
        """There is a connection."""
        self._opened_at = time.monotonic()

    def heard(self) -> None:
        """Something arrived that had not arrived before."""
        self.answered, self._broke_at = True, None


def require_known(frame: Frame) -> None:
    """Nothing unless the other side says that it does not know the run.  Raises PeerLost."""
    if frame.kind is Kind.GONE:
        raise PeerLost("the other party does not know the run any more: it is over there, or its process ended")


def cut(connection: ssl.SSLSocket) -> None:
    """End a connection that another thread is using, which then finds it closed.

    By the socket's own method: that of SSLSocket lays TLS aside first, and a thread that is writing would go on in the clear.
    """
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def reading(connection: ssl.SSLSocket) -> Callable[[int], bytearray]:
    """Reads exactly so many bytes from a connection."""

    def read(count: int) -> bytearray:
        found = bytearray(count)
        view, at = memoryview(found), 0
        while at < count:
            got = connection.recv_into(view[at : at + _READ_BYTES])
            if not got:
                raise EOFError("the connection ended")
            at += got
        return found

    return read
