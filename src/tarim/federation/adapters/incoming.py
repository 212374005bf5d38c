"""The thread that owns the connection on which the other side sends: frames become messages, each in the queue of its lane."""

from __future__ import annotations

import queue
import select
import ssl
import threading
from typing import Final

from tarim.federation.adapters.frames import FRAME_BYTES_MAX, LANES, Frame, Kind, head, read_frame
from tarim.federation.adapters.line import Connect, Patience, cut, reading, require_known
from tarim.federation.adapters.outgoing import LINGER_S, WINDOW_BYTES
from tarim.federation.adapters.pinning import require_welcome
from tarim.federation.errors import FederationError, PeerLost, ProtocolBroken

ACK_BYTES: Final = 4 << 20
"""So much is received between two acknowledgements, at most; of small messages ACK_MESSAGES."""
ACK_MESSAGES: Final = 256
_QUIET_S: Final = 0.01
"""After so long without another message what has come is acknowledged: not between question and answer, where it would cost
time on both sides."""
_IDLE_S: Final = 0.2


class Incoming(threading.Thread):
    """Reads until the other side says goodbye.  More than WINDOW_BYTES that nobody asked for yet are not read."""

    def __init__(
        self, connect: Connect, patience_s: float, out: list[queue.SimpleQueue[Frame | BaseException]]
    ) -> None:
        super().__init__(name="federation-incoming", daemon=True)
        self._connect = connect
        self._patience = Patience(patience_s)
        self._out = out
        self._parts: list[bytearray] = [bytearray() for _ in range(LANES)]
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
            self.join(LINGER_S)
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
                self._tell_all(error if isinstance(error, FederationError) else PeerLost(str(error)))
        finally:
            if self._socket is not None:
                self._socket.close()

    def _tell_all(self, end: Frame | BaseException) -> None:
        for lane in self._out:
            lane.put(end)

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
        require_known(frame)
        if frame.kind is Kind.BYE:
            self._tell_all(frame)
            return False
        if frame.kind not in (Kind.DATA, Kind.PART) or frame.number > self._next:
            raise ProtocolBroken("a message is missing or out of order")
        if frame.number == self._next:  # a lower number was sent once more after a cut
            self._next += 1
            self._patience.heard()
            self._arrived(frame)
        self._unacknowledged += max(len(frame.body), ACK_BYTES // ACK_MESSAGES)
        if self._unacknowledged >= ACK_BYTES or not self._more_comes():
            self._acknowledge()
        with self._room:
            while self._untaken > WINDOW_BYTES and not self._stopping:
                self._room.wait(_IDLE_S)
        return True

    def _arrived(self, frame: Frame) -> None:
        """Put a whole message into its lane's queue, or keep a part of one."""
        parts = self._parts[frame.lane]
        if frame.kind is Kind.PART or parts:
            if len(parts) + len(frame.body) > FRAME_BYTES_MAX:
                raise ProtocolBroken(f"a message of more than {FRAME_BYTES_MAX} bytes came")
            parts += frame.body
            if frame.kind is Kind.PART:
                return
            frame = frame._replace(body=parts)
            self._parts[frame.lane] = bytearray()
        with self._room:
            self._untaken += len(frame.body)
        self._out[frame.lane].put(frame)

    def _more_comes(self) -> bool:
        assert self._socket is not None
        return bool(self._socket.pending() or select.select([self._socket], [], [], _QUIET_S)[0])

    def _acknowledge(self) -> None:
        assert self._socket is not None
        try:
            self._socket.sendall(head(Kind.ACK, bytes(8), self._next, 0))
            self._unacknowledged = 0
        except OSError:
            return  # the next read finds out
