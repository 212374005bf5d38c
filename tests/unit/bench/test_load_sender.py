"""The load generator leaves the interpreter to others: what a bench does meanwhile in another thread goes on."""

from __future__ import annotations

import socket
import threading

import numpy as np

from bench import load_sender

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def test_another_thread_runs_while_requests_are_under_way() -> None:
    """The answer comes from a thread of this very process: nothing is answered if the sender keeps the interpreter."""
    near, far = socket.socketpair()

    def answer() -> None:
        far.recv(1)
        far.sendall(_ANSWER)

    load_sender.warm_up()
    with near, far:
        near.setblocking(False)
        thread = threading.Thread(target=answer)
        thread.start()
        sent = load_sender.send([near], [b"x"], np.zeros(1, np.int64), 10_000_000_000)
        thread.join()
    assert sent.statuses.tolist() == [200] and sent.answered_ns[0] >= 0
