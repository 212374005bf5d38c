"""SPU's messages to one other node, over an inherited socket.

    a message    head: bytes of the key, bytes of the body (little endian); the key in UTF-8; the body

SPU asks for a message by its key, and may have sent several before it asks for the first: a thread reads all there are.
The class answers to the names of C++, which the binding calls (`IChannel` of yacl, through pybind11).
"""

from __future__ import annotations

import socket
import struct
import threading
from typing import Final

from spu.libspu import link

KEY_BYTES_MAX: Final = 1 << 10
BODY_BYTES_MAX: Final = 1 << 31
_HEAD: Final = struct.Struct("<IQ")
_READ_BYTES: Final = 1 << 20
_COPY_BYTES: Final = 1 << 14
"""A smaller body is written together with its head."""


class Line(link.IChannel):  # type: ignore[misc]
    """The way to one other node and back.  recv raises ConnectionError when the other node is gone."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self._arrived: dict[str, bytes] = {}
        self._changed = threading.Condition()
        self._over = ""
        self._writing = threading.Lock()
        self.sent_bytes = 0
        threading.Thread(target=self._read, name="line", daemon=True).start()

    def finish(self) -> None:
        """Say that nothing more comes, and wait until the other node has said so."""
        self._connection.shutdown(socket.SHUT_WR)
        with self._changed:
            self._changed.wait_for(lambda: bool(self._over))

    # ---- what SPU calls --------------------------------------------------------------------------------------------

    def Send(self, key: str, body: bytes) -> None:  # noqa: N802
        name = key.encode()
        head = _HEAD.pack(len(name), len(body)) + name
        with self._writing:
            if len(body) < _COPY_BYTES:
                self._connection.sendall(head + body)
            else:
                self._connection.sendall(head)
                self._connection.sendall(body)
            self.sent_bytes += len(body)

    SendAsync = SendAsyncThrottled = Send

    def Recv(self, key: str) -> bytes:  # noqa: N802
        with self._changed:
            self._changed.wait_for(lambda: key in self._arrived or bool(self._over))
            if key not in self._arrived:
                raise ConnectionError(self._over)
            return self._arrived.pop(key)

    def TestSend(self, _timeout_ms: int) -> None:  # noqa: N802
        """The socket stands: there is nothing to try."""

    def TestRecv(self) -> None:  # noqa: N802
        """As TestSend."""

    def SetRecvTimeout(self, _timeout_ms: int) -> None:  # noqa: N802
        """How long is waited for a lost node is the link's matter, which closes the socket."""

    def GetRecvTimeout(self) -> int:  # noqa: N802
        return 2**32

    def WaitLinkTaskFinish(self) -> None:  # noqa: N802
        """Sending returns when all is written."""

    def Abort(self) -> None:  # noqa: N802
        self._connection.close()

    def SetThrottleWindowSize(self, _size: int) -> None:  # noqa: N802
        """The link has a window of its own."""

    def SetChunkParallelSendSize(self, _size: int) -> None:  # noqa: N802
        """Nothing is cut."""

    # ---- reading ---------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            while True:
                head = self._exactly(_HEAD.size)
                key_bytes, body_bytes = _HEAD.unpack(head)
                if key_bytes > KEY_BYTES_MAX or body_bytes > BODY_BYTES_MAX:
                    raise ConnectionError("the other node sent a message larger than one may be")
                key = bytes(self._exactly(key_bytes)).decode()
                body = bytes(self._exactly(body_bytes))
                with self._changed:
                    self._arrived[key] = body
                    self._changed.notify_all()
        except (OSError, ValueError) as error:
            with self._changed:
                self._over = str(error) or "the connection to another node ended"
                self._changed.notify_all()

    def _exactly(self, count: int) -> bytearray:
        found = bytearray(count)
        view, at = memoryview(found), 0
        while at < count:
            got = self._connection.recv_into(view[at : at + _READ_BYTES])
            if not got:
                raise ConnectionError("the other node ended the computation")
            at += got
        return found
