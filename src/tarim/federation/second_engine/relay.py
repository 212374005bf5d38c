"""Carries what a worker says to one other node over the link to that node, and back; bytes as they come.

Both directions end with an empty message, after which the link is free for whatever the two nodes do next.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import numpy as np

from tarim.federation.channel import Channel

STEP: Final = "second engine"
_READ_BYTES: Final = 1 << 20


class Relay:
    """Between one socket and one link; two threads, one a direction.  failure: why it ended before its time."""

    def __init__(self, channel: Channel, near: socket.socket, failed: Callable[[], None]) -> None:
        """failed: told of a failure, to end the worker."""
        self._channel, self._near, self._failed = channel, near, failed
        self.failure: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._carry, args=(way,), name="relay", daemon=True)
            for way in (self._out, self._back)
        ]
        for thread in self._threads:
            thread.start()

    def finish(self, wait_s: float | None = None) -> None:
        """Wait until both directions have ended; with `wait_s`, no longer than that."""
        for thread in self._threads:
            thread.join(wait_s)
        self._near.close()

    def _carry(self, way: object) -> None:
        assert callable(way)
        try:
            way()
        except BaseException as error:
            self.failure = self.failure or error
            with suppress(OSError):
                self._near.shutdown(socket.SHUT_RDWR)
            self._failed()

    def _out(self) -> None:
        while True:
            content = self._near.recv(_READ_BYTES)
            self._channel.send(STEP, np.frombuffer(content, np.uint8))
            if not content:
                return

    def _back(self) -> None:
        while True:
            (content,) = self._channel.receive(STEP, (np.uint8, (-1,)))
            if not content.size:
                self._near.shutdown(socket.SHUT_WR)
                return
            self._near.sendall(content.data)
