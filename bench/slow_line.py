"""A slow line between two processes of one machine: a relay that holds every byte back as a line of that rate and delay would.

Stands in for the kernel's `netem`, which is not there on every machine.  Each direction of each connection has its own queue;
all connections share the rate of their direction, as they would on one line.  What has not left yet waits in a buffer of about
what the line holds, as in a router, and not in megabytes of the relay's sockets.
"""

from __future__ import annotations

import multiprocessing
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_PIECE = 64 << 10
_AHEAD = 64
"""Pieces under way in a direction of a connection: what a window of 4 MiB would hold."""
_BUFFER_BYTES = 128 << 10
"""Of a socket; the kernel takes twice as much."""


@dataclass(frozen=True)
class Speed:
    """rate_mbit_s: of each direction; round_trip_ms: there and back."""

    rate_mbit_s: float
    round_trip_ms: float


class _Direction:
    """Bytes of one direction share its rate."""

    def __init__(self, speed: Speed) -> None:
        self._bytes_s = speed.rate_mbit_s * 1e6 / 8
        self.delay_s = speed.round_trip_ms / 2_000
        self._free_at = 0.0
        self._lock = threading.Lock()

    def leaves_at(self, size: int) -> float:
        """When the last byte of a piece that comes now has left the sender."""
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + size / self._bytes_s
            return self._free_at


def _carry(source: socket.socket, sink: socket.socket, direction: _Direction) -> None:
    waiting: queue.Queue[tuple[float, bytes]] = queue.Queue(_AHEAD)

    def deliver() -> None:
        while True:
            at, piece = waiting.get()
            time.sleep(max(0.0, at - time.monotonic()))
            try:
                sink.sendall(piece) if piece else sink.shutdown(socket.SHUT_WR)
            except OSError:
                return
            if not piece:
                return

    threading.Thread(target=deliver, daemon=True).start()
    while True:
        try:
            piece = source.recv(_PIECE)
        except OSError:
            piece = b""
        left_at = direction.leaves_at(len(piece))
        time.sleep(max(0.0, left_at - time.monotonic()))
        waiting.put((left_at + direction.delay_s, piece))
        if not piece:
            return


def _relay(port: int, speed: Speed, told: Any) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    told.put(listener.getsockname()[1])
    there, back = _Direction(speed), _Direction(speed)
    while True:
        near, _ = listener.accept()
        far = socket.socket()
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        far.connect(("127.0.0.1", port))
        for each in (near, far):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, sink, direction in ((near, far, there), (far, near, back)):
            threading.Thread(target=_carry, args=(source, sink, direction), daemon=True).start()


@contextmanager
def slow_line(port: int, speed: Speed) -> Iterator[int]:
    """A port that leads to `port` of this machine over such a line."""
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    relay = context.Process(target=_relay, args=(port, speed, told), daemon=True)
    relay.start()
    try:
        yield told.get(timeout=30)
    finally:
        relay.kill()
        relay.join()
