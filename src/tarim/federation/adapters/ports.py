"""Where connections of a link come from: one party dials, the other one listens."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from tarim.federation.adapters.frames import Kind, head, read_frame
from tarim.federation.adapters.line import cut, reading
from tarim.federation.adapters.pinning import PeerUnknown, Pinned, shown_by
from tarim.federation.errors import FederationError, PeerLost, ProtocolBroken

RUN_ID_BYTES: Final = 16
HELLO_S: Final = 10.0
"""A connection that has not said by then what it is for is closed."""
ACCEPTED_MAX: Final = 64
"""Connections greeted at a time."""
RUNS_MAX: Final = 256
"""Runs under way at a time."""
_AGAIN_S: Final = 0.25
_GONE_S: Final = 1.0
_UNSENT_BYTES: Final = 32 << 10
_SENDS, _RECEIVES = b"sends\0\0\0", b"receives"


class Dialler:
    """Connects to the other party, again and again until the deadline."""

    def __init__(self, host: str, port: int, pinned: Pinned, run_id: bytes) -> None:
        assert len(run_id) == RUN_ID_BYTES
        self._address = (host, port)
        self._pinned = pinned
        self._run_id = run_id

    def __call__(self, sends: bool, deadline: float, *, again: bool = False) -> ssl.SSLSocket:
        """A connection of this direction.  again: of a run that was answered before.  Raises PeerLost, PeerUnknown."""
        while True:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise PeerLost(f"no connection to {self._address[0]} port {self._address[1]} in time")
            try:
                connection = socket.create_connection(self._address, timeout=min(left_s, HELLO_S))
                secured = self._pinned.wrapped(_tuned(connection), server=False)
                tag = _SENDS if sends else _RECEIVES
                secured.sendall(head(Kind.HELLO, tag, int(again), RUN_ID_BYTES) + self._run_id)
                secured.settimeout(None)
                return secured
            except PeerUnknown:
                raise
            except OSError:
                time.sleep(min(_AGAIN_S, max(0.0, left_s)))


class Arrival(NamedTuple):
    """A run that a peer has begun.  peer: fingerprint of its certificate."""

    run_id: bytes
    peer: str


class Listening:
    """Takes connections for all runs of this node.  Close it, or use it as a context."""

    def __init__(
        self, host: str, port: int, pinned: Callable[[], Pinned], stranger: Callable[[str], None] = lambda _: None
    ) -> None:
        """pinned: asked at each connection, so that a peer is known as soon as it was added.

        stranger: told the address of whoever came without a pinned certificate.
        """
        self._stranger = stranger
        self._pinned = pinned
        self._listener = socket.create_server((host, port))
        self._waiting: defaultdict[tuple[bytes, bool], queue.Queue[ssl.SSLSocket]] = defaultdict(queue.Queue)
        self._latest: dict[tuple[bytes, bool], ssl.SSLSocket] = {}
        self._peers: dict[bytes, str] = {}
        self.arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        """Runs that a peer has begun and nobody here has asked for."""
        self._lock = threading.Lock()
        self._greeting = threading.BoundedSemaphore(ACCEPTED_MAX)
        self.refused: list[str] = []
        """Why connections were refused, the last ones: for the audit trail."""
        threading.Thread(target=self._accept, name="federation-listener", daemon=True).start()

    def __enter__(self) -> Listening:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take nothing more."""
        self._listener.close()

    @property
    def port(self) -> int:
        """The port taken."""
        port: int = self._listener.getsockname()[1]
        return port

    def run(self, run_id: bytes) -> Answering:
        """Where the connections of one run arrive."""
        with self._lock:
            self._peers.setdefault(run_id, "")
        return Answering(self, run_id)

    def forget(self, run_id: bytes) -> None:
        """Nothing more is expected of this run."""
        with self._lock:
            self._peers.pop(run_id, None)
            for sends in (True, False):
                self._latest.pop((run_id, sends), None)
                self._waiting.pop((run_id, sends), None)

    def wait(self, run_id: bytes, sends: bool, deadline: float) -> ssl.SSLSocket:
        """The next connection of a run on which this side sends, or receives.  Raises PeerLost."""
        try:
            return self._waiting[run_id, sends].get(timeout=max(0.01, deadline - time.monotonic()))
        except queue.Empty:
            raise PeerLost("the other party did not connect in time") from None

    def _accept(self) -> None:
        while True:
            try:
                connection, (address, *_) = self._listener.accept()
            except OSError:
                return
            self._greeting.acquire()
            threading.Thread(target=self._greet, args=(connection, address), daemon=True).start()

    def _knows(self, run_id: bytes) -> bool:
        with self._lock:
            return run_id in self._peers

    def _take(self, run_id: bytes, sends: bool, connection: ssl.SSLSocket) -> None:
        """Have a connection used, instead of an earlier one whose end nobody may have noticed here yet."""
        peer = shown_by(connection)
        with self._lock:
            begun = run_id not in self._peers
            if begun and len(self._peers) >= RUNS_MAX:
                raise ProtocolBroken(f"{RUNS_MAX} runs are under way already")
            if self._peers.setdefault(run_id, peer) not in ("", peer):
                raise PeerUnknown("the run is another peer's")
            if begun:
                self.arrivals.put(Arrival(run_id, peer))
            earlier = self._latest.get((run_id, sends))
            self._latest[run_id, sends] = connection
        if earlier is not None:
            cut(earlier)
        self._waiting[run_id, sends].put(connection)

    def _greet(self, connection: socket.socket, address: str) -> None:
        try:
            connection.settimeout(HELLO_S)
            secured = self._pinned().wrapped(_tuned(connection), server=True)
            frame = read_frame(reading(secured), length_max=RUN_ID_BYTES)
            if frame.kind is not Kind.HELLO or len(frame.body) != RUN_ID_BYTES or frame.tag not in (_SENDS, _RECEIVES):
                raise ProtocolBroken("the connection did not say what it is for")
            run_id = bytes(frame.body)
            if frame.number and not self._knows(run_id):
                _say_gone(secured)
                raise ProtocolBroken("a run that is not known here any more was to go on")
            secured.settimeout(None)
            self._take(run_id, frame.tag == _RECEIVES, secured)
        except (FederationError, OSError, EOFError) as error:
            if isinstance(error, PeerUnknown):
                self._stranger(address)
            self.refused = [*self.refused[-99:], str(error)]
            connection.close()
        finally:
            self._greeting.release()


def _say_gone(connection: ssl.SSLSocket) -> None:
    """Tell the dialling side, and let it read that before the connection ends."""
    with suppress(OSError):
        connection.sendall(head(Kind.GONE, bytes(8), 0, 0))
        connection.settimeout(_GONE_S)
        while connection.recv(1 << 10):
            pass


class Answering:
    """The listening side's connections of one run."""

    def __init__(self, listening: Listening, run_id: bytes) -> None:
        self._listening = listening
        self._run_id = run_id

    def __call__(self, sends: bool, deadline: float, *, again: bool = False) -> ssl.SSLSocket:
        """A connection of this direction; `again` is the dialling side's to know.  Raises PeerLost."""
        return self._listening.wait(self._run_id, sends, deadline)


def _tuned(connection: socket.socket) -> socket.socket:
    """Without delay for small messages, and with a dead line noticed within about twenty seconds.

    What waits in the kernel cannot be passed by anything more urgent, so little may.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        (socket.TCP_KEEPIDLE, 5),
        (socket.TCP_KEEPINTVL, 5),
        (socket.TCP_KEEPCNT, 3),
        (socket.TCP_USER_TIMEOUT, 20_000),
    ):
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
    return connection
