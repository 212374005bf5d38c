"""A link: one run's connection to the other party, over two TLS connections, one for each direction.

    protocol ──send──► outgoing thread ══ TLS ══► the other side's incoming thread ──► its protocol
    protocol ◄─receive── incoming thread ◄══ TLS ══ the other side's outgoing thread

A TLS connection must not be read and written by two threads at once, so each direction has its own, and one thread on each
side owns it.  What was sent is kept until it is acknowledged (at most WINDOW_BYTES): when a connection breaks, the dialling
side dials again, both say what they have, and the rest is sent once more.  After `patience_s` without a connection, or with
connections that break again before anything has arrived, the run ends on both sides with PeerLost; at once when the other
side does not know the run any more, because its process was ended and began anew.
"""

from __future__ import annotations

import queue
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from tarim.federation.adapters.frames import FRAME_BYTES_MAX, Frame, Kind, head, read_frame, tag_of
from tarim.federation.adapters.pinning import require_welcome
from tarim.federation.channel import Array, Spec
from tarim.federation.errors import FederationError, PeerLost, ProtocolBroken

WINDOW_BYTES: Final = 64 << 20
"""Sent and not acknowledged; received and not yet asked for."""
ACK_BYTES: Final = 4 << 20
"""So much is received between two acknowledgements, at most."""
_IDLE_S: Final = 0.2
_LINGER_S: Final = 2.0
_READ_BYTES: Final = 1 << 20


class Connect(Protocol):
    """Where connections come from."""

    def __call__(self, sends: bool, deadline: float, *, again: bool = False) -> ssl.SSLSocket:
        """A new connection on which this side sends or receives, at the latest at this time.monotonic().

        again: the other side has answered on this direction before.  Raises PeerLost, PeerUnknown.
        """


@dataclass(slots=True)
class Traffic:
    """What went over a link.  rounds: how often this side waited for an answer after sending."""

    sent_bytes: int = 0
    received_bytes: int = 0
    sent_messages: int = 0
    received_messages: int = 0
    rounds: int = 0
    waited_s: float = 0.0


class Link:
    """A Channel over two connections.  Used by one protocol thread; close it, or use it as a context."""

    def __init__(self, connect: Connect, *, patience_s: float = 60.0) -> None:
        self.traffic = Traffic()
        self._incoming: queue.SimpleQueue[Frame | BaseException] = queue.SimpleQueue()
        self._asked = False
        self._outgoing = _Outgoing(connect, patience_s, self._incoming)
        self._reader = _Incoming(connect, patience_s, self._incoming)
        self._number = 0
        self._outgoing.start()
        self._reader.start()

    def __enter__(self) -> Link:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(whole=kind is None)

    def close(self, *, whole: bool = True) -> None:
        """Say that nothing more comes, and let go.  whole: only after everything has arrived on both sides."""
        self._outgoing.finish(whole=whole)
        self._reader.finish(whole=whole)

    def send(self, step: str, *arrays: Array) -> None:
        """Send arrays as one message.  Raises PeerLost."""
        views = [np.ascontiguousarray(array).reshape(-1).view(np.uint8).data for array in arrays if array.size]
        size = sum(len(view) for view in views)
        if size > FRAME_BYTES_MAX:
            raise ProtocolBroken(f"a message of {size} bytes is too large to send; cut it into parts")
        self._outgoing.put(tag_of(step), views, size)
        self.traffic.sent_bytes += size
        self.traffic.sent_messages += 1
        self._asked = True

    def receive(self, step: str, *specs: Spec) -> Sequence[Array]:
        """The next message.  Raises ProtocolBroken, PeerLost."""
        begin = time.perf_counter()
        frame = self._incoming.get()
        self.traffic.waited_s += time.perf_counter() - begin
        self.traffic.rounds += self._asked
        self._asked = False
        if isinstance(frame, BaseException):
            self._incoming.put(frame)  # whoever asks again is told the same
            raise frame
        self._reader.taken(len(frame.body))
        if frame.kind is Kind.BYE:
            raise PeerLost(f"the other party ended the run; {step!r} was expected")
        if frame.tag != tag_of(step):
            raise ProtocolBroken(f"the other party sent another step than {step!r}")
        self.traffic.received_bytes += len(frame.body)
        self.traffic.received_messages += 1
        return _arrays(step, frame.body, specs)


def _arrays(step: str, body: bytearray, specs: Sequence[Spec]) -> list[Array]:
    """The arrays of a message.  One of them may have a first dimension of -1: as many rows as came."""
    found: list[Array] = []
    at = 0
    for kind, shape in specs:
        item = np.dtype(kind).itemsize
        if shape and shape[0] == -1:
            row = item * int(np.prod(shape[1:]))
            if (len(body) - at) % row:
                raise ProtocolBroken(f"the message of {step!r} has a part of a row")
            shape = ((len(body) - at) // row, *shape[1:])
        size = item * int(np.prod(shape))
        if at + size > len(body):
            raise ProtocolBroken(f"the message of {step!r} is shorter than it has to be")
        found.append(np.frombuffer(body, kind, size // item, at).reshape(shape))
        at += size
    if at != len(body):
        raise ProtocolBroken(f"the message of {step!r} is longer than it has to be")
    return found


class _Patience:
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


def _require_known(frame: Frame) -> None:
    if frame.kind is Kind.GONE:
        raise PeerLost("the other party does not know the run any more: it is over there, or its process ended")


class _Outgoing(threading.Thread):
    """Owns the connection on which this side sends."""

    def __init__(self, connect: Connect, patience_s: float, told: queue.SimpleQueue[Frame | BaseException]) -> None:
        """`told` hears of a failure too: whoever waits for an answer must not wait for ever."""
        super().__init__(name="federation-outgoing", daemon=True)
        self._told = told
        self._connect = connect
        self._patience = _Patience(patience_s)
        self._waiting: deque[tuple[Kind, bytes, list[memoryview], int]] = deque()
        self._kept: deque[tuple[int, bytes, list[memoryview], int]] = deque()
        """Sent and not acknowledged: number, tag, body, size."""
        self._bytes = 0
        self._changed = threading.Condition()
        self._next = 0
        self._failure: BaseException | None = None
        self._socket: ssl.SSLSocket | None = None

    def put(self, tag: bytes, body: list[memoryview], size: int) -> None:
        """Have a message sent; waits while too much is on its way."""
        with self._changed:
            while self._bytes > WINDOW_BYTES and self._failure is None:
                self._changed.wait(_IDLE_S)
            if self._failure is not None:
                raise self._failure
            self._waiting.append((Kind.DATA, tag, body, size))
            self._bytes += size
            self._changed.notify_all()

    def finish(self, *, whole: bool) -> None:
        """Say goodbye: after everything was acknowledged, or at once."""
        with self._changed:
            if not whole:
                self._waiting.clear()
                self._patience.seconds = 0.0
            self._waiting.append((Kind.BYE, bytes([whole] * 8), [], 0))
            self._changed.notify_all()
        self.join(self._patience.seconds if whole else _LINGER_S)

    def run(self) -> None:
        try:
            self._open()
            while self._step():
                pass
        except BaseException as error:
            with self._changed:
                self._failure = error if isinstance(error, FederationError) else PeerLost(str(error))
                self._changed.notify_all()
            self._told.put(self._failure)
        finally:
            if self._socket is not None:
                self._socket.close()

    def _step(self) -> bool:
        """Send the next message, or look for acknowledgements; whether there is more to do."""
        with self._changed:
            if not self._waiting and not self._kept:
                self._changed.wait(_IDLE_S)
            entry = self._waiting.popleft() if self._waiting else None
            if entry is not None and entry[0] is Kind.DATA:
                _, tag, body, size = entry
                number, self._next = self._next, self._next + 1
                self._kept.append((number, tag, body, size))
        try:
            if entry is None:
                self._look_for_acks(_IDLE_S if self._kept else 0.0)
                return True
            if entry[0] is Kind.BYE:
                while self._kept and entry[1][0]:
                    self._look_for_acks(_IDLE_S)
                self._write(Kind.BYE, entry[1], self._next, [], 0)
                return False
            self._write(Kind.DATA, tag, number, body, size)
            self._look_for_acks(0.0)
        except (OSError, EOFError):
            self._open()
            if entry is not None and entry[0] is Kind.BYE:
                with self._changed:
                    self._waiting.append(entry)
        return True

    def _open(self) -> None:
        """Connect (again), and send what the other side does not have yet."""
        while True:
            if self._socket is not None:
                self._socket.close()
            self._socket = self._connect(True, self._patience.deadline(), again=self._patience.answered)
            self._patience.opened()
            try:
                arrived = self._greet()
                if not self._patience.answered:
                    self._patience.heard()
                self._forget(arrived)
                for number, tag, body, size in list(self._kept):
                    self._write(Kind.DATA, tag, number, body, size)
                return
            except (OSError, EOFError) as error:
                require_welcome(error)

    def _greet(self) -> int:
        assert self._socket is not None
        frame = read_frame(reading(self._socket), length_max=0)
        _require_known(frame)
        if frame.kind is not Kind.WELCOME or frame.number > self._next:
            raise ProtocolBroken("the other party claims to have what was never sent")
        return frame.number

    def _write(self, kind: Kind, tag: bytes, number: int, body: list[memoryview], size: int) -> None:
        assert self._socket is not None
        self._socket.sendall(head(kind, tag, number, size))
        for view in body:
            self._socket.sendall(view)

    def _look_for_acks(self, wait_s: float) -> None:
        assert self._socket is not None
        while self._socket.pending() or select.select([self._socket], [], [], wait_s)[0]:
            frame = read_frame(reading(self._socket), length_max=0)
            if frame.kind is not Kind.ACK or frame.number > self._next:
                raise ProtocolBroken("the other party acknowledged what was never sent")
            self._forget(frame.number)
            wait_s = 0.0

    def _forget(self, arrived: int) -> None:
        with self._changed:
            while self._kept and self._kept[0][0] < arrived:
                self._bytes -= self._kept.popleft()[3]
                self._patience.heard()
            self._changed.notify_all()


class _Incoming(threading.Thread):
    """Owns the connection on which the other side sends."""

    def __init__(self, connect: Connect, patience_s: float, out: queue.SimpleQueue[Frame | BaseException]) -> None:
        super().__init__(name="federation-incoming", daemon=True)
        self._connect = connect
        self._patience = _Patience(patience_s)
        self._out = out
        self._next = 0
        self._unacknowledged = 0
        self._untaken = 0
        self._room = threading.Condition()
        self._stopping = False
        self._socket: ssl.SSLSocket | None = None

    def taken(self, size: int) -> None:
        """The protocol has taken a message of this size."""
        with self._room:
            self._untaken -= size
            self._room.notify_all()

    def finish(self, *, whole: bool) -> None:
        """Read nothing more; when the run is whole, let the other side say goodbye first."""
        if whole:
            self.join(_LINGER_S)
        with self._room:
            self._stopping = True
            self._room.notify_all()
        if self._socket is not None:
            cut(self._socket)

    def run(self) -> None:
        try:
            self._open()
            while not self._stopping and self._step():
                pass
        except BaseException as error:
            if not self._stopping:
                self._out.put(error if isinstance(error, FederationError) else PeerLost(str(error)))
        finally:
            if self._socket is not None:
                self._socket.close()

    def _open(self) -> None:
        while True:
            if self._socket is not None:
                self._socket.close()
            self._socket = self._connect(False, self._patience.deadline(), again=self._patience.answered)
            self._patience.opened()
            try:
                self._socket.sendall(head(Kind.WELCOME, bytes(8), self._next, 0))
                self._unacknowledged = 0
                return
            except OSError as error:
                require_welcome(error)

    def _step(self) -> bool:
        assert self._socket is not None
        try:
            frame = read_frame(reading(self._socket))
        except (OSError, EOFError) as error:
            require_welcome(error)
            if not self._stopping:
                self._open()
            return True
        _require_known(frame)
        if frame.kind is Kind.BYE:
            self._out.put(frame)
            return False
        if frame.kind is not Kind.DATA or frame.number > self._next:
            raise ProtocolBroken("a message is missing or out of order")
        if frame.number == self._next:  # a lower number was sent once more after a cut
            self._next += 1
            self._patience.heard()
            with self._room:
                self._untaken += len(frame.body)
            self._out.put(frame)
        self._unacknowledged += len(frame.body)
        if self._unacknowledged >= ACK_BYTES or not self._more_waits():
            self._acknowledge()
        with self._room:
            while self._untaken > WINDOW_BYTES and not self._stopping:
                self._room.wait(_IDLE_S)
        return True

    def _more_waits(self) -> bool:
        assert self._socket is not None
        return bool(self._socket.pending() or select.select([self._socket], [], [], 0)[0])

    def _acknowledge(self) -> None:
        assert self._socket is not None
        try:
            self._socket.sendall(head(Kind.ACK, bytes(8), self._next, 0))
            self._unacknowledged = 0
        except OSError:
            return  # the next read finds out


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
