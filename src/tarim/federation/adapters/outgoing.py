"""The thread that owns the connection on which this side sends: in order, one lane before the other, once more after a cut."""

from __future__ import annotations

import queue
import select
import socket
import ssl
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Final, NamedTuple

from tarim.federation.adapters.frames import LANES, Frame, Kind, head, read_frame
from tarim.federation.adapters.line import Connect, Patience, reading, require_known
from tarim.federation.adapters.pinning import require_welcome
from tarim.federation.errors import FederationError, PeerLost, ProtocolBroken

WINDOW_BYTES: Final = 64 << 20
"""Of a lane: sent and not acknowledged."""
PIECE_BYTES: Final = 64 << 10
"""Of what lets other things pass: a message of a later lane is cut into frames of this size."""
LINGER_S: Final = 2.0
_AT_ONCE_BYTES: Final = 16_000
"""With the head less than a TLS record holds."""
_IDLE_S: Final = 0.2


class _Entry(NamedTuple):
    """A frame that waits, or was sent and is kept.  number: -1 before it is sent."""

    kind: Kind
    tag: bytes
    body: list[memoryview]
    size: int
    lane: int
    number: int = -1


class Outgoing(threading.Thread):
    """Sends what it is given until it is told to finish."""

    def __init__(
        self, connect: Connect, patience_s: float, told: list[queue.SimpleQueue[Frame | BaseException]]
    ) -> None:
        """`told` hears of a failure too: whoever waits for an answer must not wait for ever."""
        super().__init__(name="federation-outgoing", daemon=True)
        self._told = told
        self._connect = connect
        self._patience = Patience(patience_s)
        self._waiting: list[deque[_Entry]] = [deque() for _ in range(LANES)]
        self._kept: deque[_Entry] = deque()
        """Sent and not acknowledged."""
        self._bytes = [0] * LANES
        self._changed = threading.Condition()
        self._wakes, self._woken = socket.socketpair()
        self._wakes.setblocking(False)
        self._woken.setblocking(False)
        self._next = 0
        self._whole: bool | None = None
        """Whether it is to end after everything was acknowledged, or at once; None as long as it is not to end."""
        self._failure: BaseException | None = None
        self._socket: ssl.SSLSocket | None = None

    def put(self, tag: bytes, body: list[memoryview], size: int, lane: int) -> None:
        """Have a message sent; waits while too much of its lane is on its way.  Raises what ended the run."""
        entries = [_Entry(Kind.DATA, tag, body, size, lane)] if lane == 0 else _pieces(tag, body, size, lane)
        with self._changed:
            while self._bytes[lane] > WINDOW_BYTES and self._failure is None:
                self._changed.wait(_IDLE_S)
            if self._failure is not None:
                raise self._failure
            self._waiting[lane].extend(entries)
            self._bytes[lane] += size
        self._wake()

    def finish(self, *, whole: bool) -> None:
        """Say goodbye: after everything was acknowledged, or at once."""
        with self._changed:
            if not whole:
                for lane in self._waiting:
                    lane.clear()
                self._patience.seconds = 0.0
            self._whole = whole
            left = bool(self._kept or any(self._waiting))
        self._wake()
        self.join(self._patience.seconds if left else LINGER_S)

    def run(self) -> None:
        try:
            self._open()
            while self._step():
                pass
        except BaseException as error:
            self._failure = error if isinstance(error, FederationError) else PeerLost(str(error))
            for lane in self._told:
                lane.put(self._failure)
        finally:
            with self._changed:
                self._failure = self._failure or PeerLost("this side has ended the run")
                self._changed.notify_all()
            for each in (self._socket, self._wakes, self._woken):
                if each is not None:
                    each.close()

    def _wake(self) -> None:
        """End the wait of the thread; it has been told already where nothing fits any more."""
        with suppress(OSError):
            self._wakes.send(b"\0")

    def _taken(self) -> _Entry | None:
        """The next frame to send; it is kept until it is acknowledged."""
        with self._changed:
            for lane in self._waiting:
                if lane:
                    entry = lane.popleft()._replace(number=self._next)
                    self._next += 1
                    self._kept.append(entry)
                    return entry
        return None

    def _step(self) -> bool:
        """Send the next frame, or look for acknowledgements; whether there is more to do."""
        entry = self._taken()
        try:
            if entry is not None:
                self._write(entry)
                self._look(0.0)
            elif self._whole is None or (self._whole and self._kept):
                self._look(_IDLE_S)
            else:
                self._write(_Entry(Kind.BYE, bytes([self._whole] * 8), [], 0, 0, self._next))
                return False
        except (OSError, EOFError):
            if self._whole is not None and not self._kept:
                return False  # all has arrived, only the goodbye has not
            self._open()
        return True

    def _open(self) -> None:
        """Connect (again), and send what the other side does not have yet."""
        while True:
            if self._socket is not None:
                self._socket.close()
            deadline = self._patience.deadline()
            self._socket = self._connect(True, deadline, again=self._patience.answered)
            self._patience.opened()
            try:
                self._socket.settimeout(max(_IDLE_S, deadline - time.monotonic()))
                arrived = self._greet()
                self._socket.settimeout(None)
                if not self._patience.answered:
                    self._patience.heard()
                self._forget(arrived)
                for entry in list(self._kept):
                    self._write(entry)
                return
            except (OSError, EOFError) as error:
                require_welcome(error)

    def _greet(self) -> int:
        assert self._socket is not None
        frame = read_frame(reading(self._socket), length_max=0)
        require_known(frame)
        if frame.kind is not Kind.WELCOME or frame.number > self._next:
            raise ProtocolBroken("the other party claims to have what was never sent")
        return frame.number

    def _write(self, entry: _Entry) -> None:
        assert self._socket is not None
        parts: list[bytes | memoryview] = [
            head(entry.kind, entry.tag, entry.number, entry.size, entry.lane),
            *entry.body,
        ]
        if entry.size <= _AT_ONCE_BYTES:  # one record and one call, which is most of what a small message costs
            parts = [b"".join(parts)]
        for part in parts:
            self._socket.sendall(part)

    def _look(self, wait_s: float) -> None:
        """Take the acknowledgements that are there; wait for one, or for something to send, for so long."""
        assert self._socket is not None
        while True:
            readable: list[socket.socket] = [self._socket]
            if not self._socket.pending():
                readable = select.select([self._socket, self._woken], [], [], wait_s)[0]
            if self._woken in readable:
                with suppress(BlockingIOError):
                    self._woken.recv(1 << 12)
            if self._socket not in readable:
                return
            frame = read_frame(reading(self._socket), length_max=0)
            if frame.kind is not Kind.ACK or frame.number > self._next:
                raise ProtocolBroken("the other party acknowledged what was never sent")
            self._forget(frame.number)
            wait_s = 0.0

    def _forget(self, arrived: int) -> None:
        with self._changed:
            while self._kept and self._kept[0].number < arrived:
                entry = self._kept.popleft()
                self._bytes[entry.lane] -= entry.size
                self._patience.heard()
            self._changed.notify_all()


def _pieces(tag: bytes, body: list[memoryview], size: int, lane: int) -> list[_Entry]:
    """A message as frames of at most PIECE_BYTES, the last one DATA."""
    pieces = [view[at : at + PIECE_BYTES] for view in body for at in range(0, len(view), PIECE_BYTES)]
    kinds = [Kind.PART] * (len(pieces) - 1) + [Kind.DATA]
    if not pieces:
        return [_Entry(Kind.DATA, tag, [], 0, lane)]
    return [_Entry(kind, tag, [piece], len(piece), lane) for kind, piece in zip(kinds, pieces, strict=True)]
