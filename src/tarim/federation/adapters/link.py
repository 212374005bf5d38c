"""A link: one run's connection to the other party, over two TLS connections, one for each direction.

    protocol ──send──► outgoing thread ══ TLS ══► the other side's incoming thread ──► its protocol
    protocol ◄─receive── incoming thread ◄══ TLS ══ the other side's outgoing thread

A TLS connection must not be read and written by two threads at once, so each direction has its own, and one thread on each
side owns it.  What was sent is kept until it is acknowledged (at most a window): when a connection breaks, the dialling
side dials again, both say what they have, and the rest is sent once more.  After `patience_s` without a connection, or with
connections that break again before anything has arrived, the run ends on both sides with PeerLost; at once when the other
side does not know the run any more, because its process was ended and began anew.

A second lane beside the first carries what may wait, cut into pieces; whatever is sent on the first lane passes it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tarim.federation.adapters.frames import FRAME_BYTES_MAX, LANES, Frame, Kind, tag_of
from tarim.federation.adapters.incoming import Incoming
from tarim.federation.adapters.line import Connect
from tarim.federation.adapters.outgoing import Outgoing
from tarim.federation.channel import Array, Spec
from tarim.federation.errors import PeerLost, ProtocolBroken


@dataclass(slots=True)
class Traffic:
    """What went over a link.

    rounds: how often the first lane waited for an answer after sending; waited_s: how long in all.
    """

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
        self._arrived: list[queue.SimpleQueue[Frame | BaseException]] = [queue.SimpleQueue() for _ in range(LANES)]
        self._outgoing = Outgoing(connect, patience_s, self._arrived)
        self._reader = Incoming(connect, patience_s, self._arrived)
        counting = threading.Lock()
        self._lanes = [
            _Lane(number, each, self._outgoing, self._reader, self.traffic, counting)
            for number, each in enumerate(self._arrived)
        ]
        self._outgoing.start()
        self._reader.start()

    def __enter__(self) -> Link:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(whole=kind is None)

    def close(self, *, whole: bool = True) -> None:
        """Say that nothing more comes, and let go.  whole: only after everything has arrived on both sides.

        Whoever still waits for a message on either lane is told with PeerLost.
        """
        self._outgoing.finish(whole=whole)
        self._reader.finish(whole=whole)
        for lane in self._arrived:
            lane.put(PeerLost("this side has ended the run"))

    def send(self, step: str, *arrays: Array) -> None:
        """Send arrays as one message.  Raises PeerLost."""
        self._lanes[0].send(step, *arrays)

    def receive(self, step: str, *specs: Spec) -> Sequence[Array]:
        """The next message.  Raises ProtocolBroken, PeerLost."""
        return self._lanes[0].receive(step, *specs)

    def beside(self) -> _Lane:
        """The second lane, for one other thread."""
        return self._lanes[1]


class _Lane:
    """A Channel; what the link does for one thread."""

    def __init__(
        self,
        number: int,
        arrived: queue.SimpleQueue[Frame | BaseException],
        outgoing: Outgoing,
        reader: Incoming,
        traffic: Traffic,
        counting: threading.Lock,
    ) -> None:
        self._number, self._arrived = number, arrived
        self._outgoing, self._reader = outgoing, reader
        self._traffic, self._counting = traffic, counting
        self._asked = False

    def send(self, step: str, *arrays: Array) -> None:
        """Send arrays as one message.  Raises PeerLost."""
        views = [np.ascontiguousarray(array).reshape(-1).view(np.uint8).data for array in arrays if array.size]
        size = sum(len(view) for view in views)
        if size > FRAME_BYTES_MAX:
            raise ProtocolBroken(f"a message of {size} bytes is too large to send; cut it into parts")
        self._outgoing.put(tag_of(step), views, size, self._number)
        with self._counting:
            self._traffic.sent_bytes += size
            self._traffic.sent_messages += 1
        self._asked = True

    def receive(self, step: str, *specs: Spec) -> Sequence[Array]:
        """The next message.  Raises ProtocolBroken, PeerLost."""
        begin = time.perf_counter()
        frame = self._arrived.get()
        if self._number == 0:
            self._traffic.waited_s += time.perf_counter() - begin
            self._traffic.rounds += self._asked
        self._asked = False
        if isinstance(frame, BaseException):
            self._arrived.put(frame)  # whoever asks again is told the same
            raise frame
        if frame.kind is Kind.BYE:
            self._arrived.put(frame)
            raise PeerLost(f"the other party ended the run; {step!r} was expected")
        self._reader.taken(len(frame.body))
        if frame.tag != tag_of(step):
            raise ProtocolBroken(f"the other party sent another step than {step!r}")
        with self._counting:
            self._traffic.received_bytes += len(frame.body)
            self._traffic.received_messages += 1
        return _arrays(step, frame.body, specs)

    def beside(self) -> _Lane:
        """There are two lanes, not more."""
        raise ProtocolBroken("a second lane has none beside it")


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
