"""The inner loop of the load generator, compiled: sends requests at their moments and notes when each answer is whole.

It speaks to the C library itself (`send`, `recv`, `epoll_wait`, `ppoll`), because the interpreter would take four times
as long for a request, on processors that the service needs.  It sleeps until shortly before a request is due and spins
for the rest, so that its own waking up is not counted as the service's latency.  Linux only.
"""

from __future__ import annotations

import ctypes
import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numba as nb
import numpy as np

ANSWER_BYTES_MAX: Final = 1 << 16
SPIN_NS: Final = 30_000
"""So long before a moment sleeping ends; waking up takes about as long."""
_EVENTS: Final = 64
_EVENT_BYTES: Final = 12
"""`struct epoll_event` is packed on x86-64: uint32 events, uint64 data."""
_IDLE_NS: Final = 50_000_000
_TIMER_SLACK: Final = 29
_CLOSED: Final = -1
_UNREADABLE: Final = -2

_libc: Final = ctypes.CDLL(None, use_errno=True)


def _function(name: str, result: Any, *arguments: Any) -> Any:
    found = _libc[name]
    found.restype, found.argtypes = result, arguments
    return found


_send: Final = _function("send", ctypes.c_ssize_t, ctypes.c_int, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int)
_recv: Final = _function("recv", ctypes.c_ssize_t, ctypes.c_int, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int)
_epoll_wait: Final = _function("epoll_wait", ctypes.c_int, ctypes.c_int, ctypes.c_size_t, ctypes.c_int, ctypes.c_int)
_ppoll: Final = _function(
    "ppoll", ctypes.c_int, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_size_t
)
_clock: Final = _function("clock_gettime", ctypes.c_int, ctypes.c_int, ctypes.c_size_t)
_MONOTONIC: Final = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """All int64 of shape (n,), nanoseconds from the start.  answered_ns: -1 = never.  took_ns: of the whole run.

    started_ns: when that was, CLOCK_MONOTONIC.
    """

    answered_ns: np.ndarray
    late_ns: np.ndarray
    statuses: np.ndarray
    took_ns: int
    started_ns: int


def send(sockets: Sequence[socket.socket], requests: Sequence[bytes], due_ns: np.ndarray, drain_ns: int) -> Sent:
    """Send each request at its moment over the first free connection; wait `drain_ns` after the last for answers.

    Raises ConnectionError.
    """
    count = len(requests)
    ends = np.zeros(count + 1, np.int64)
    np.cumsum([len(each) for each in requests], out=ends[1:])
    data = np.frombuffer(b"".join(requests), np.uint8)
    answered_ns = np.full(count, -1, np.int64)
    late_ns, statuses = np.zeros(count, np.int64), np.zeros(count, np.int64)
    fds = np.array([each.fileno() for each in sockets], np.int64)
    started_ns = np.zeros(1, np.int64)
    _libc.prctl(_TIMER_SLACK, 1, 0, 0, 0)
    with select.epoll() as poll:
        for fd in fds.tolist():
            poll.register(fd, select.EPOLLIN)
        buffers = np.zeros((len(fds), ANSWER_BYTES_MAX), np.uint8)
        took_ns = _loop()(
            poll.fileno(), fds, data, ends, due_ns, drain_ns, buffers, answered_ns, late_ns, statuses, started_ns
        )
    if took_ns < 0:
        raise ConnectionError(
            "the service closed a connection with a request under way, or took only a part of one"
            if took_ns == _CLOSED
            else "an answer has no length, is too long, or was not asked for"
        )
    return Sent(answered_ns, late_ns, statuses, took_ns, int(started_ns[0]))


def warm_up() -> None:
    """Compile, before anything is timed."""
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        send([near], [b"x"], np.zeros(1, np.int64), 1)


@nb.njit
def _now_ns(spec: np.ndarray) -> int:
    _clock(_MONOTONIC, spec.ctypes.data)
    return int(spec[0] * 1_000_000_000 + spec[1])


@nb.njit
def _answer_length(buffer: np.ndarray, have: int) -> int:
    """Whole length of the answer at the start of `buffer`, 0 while its head is not complete, -2 when it has no length."""
    name = b"\ncontent-length:"
    value = -1
    for at in range(have - 3):
        if buffer[at] == 13 and buffer[at + 2] == 13 and buffer[at + 1] == 10 and buffer[at + 3] == 10:
            return _UNREADABLE if value < 0 else at + 4 + value
        if buffer[at] != 10 or at + len(name) >= have:
            continue
        same = 0
        while (
            same < len(name) and (buffer[at + same] | 32 if buffer[at + same] > 64 else buffer[at + same]) == name[same]
        ):
            same += 1
        if same == len(name):
            value = 0
            digit = at + same
            while digit < have and (buffer[digit] == 32 or 48 <= buffer[digit] <= 57):
                if buffer[digit] != 32:
                    value = value * 10 + buffer[digit] - 48
                digit += 1
    return 0


@cache
def _loop() -> Any:
    """The loop; compiled when first asked for, so that importing this module costs nothing.

    It runs without the interpreter's lock: what a bench does in another thread meanwhile, publishing for instance, goes on.
    """
    return nb.njit(nogil=True)(_send_all)


def _send_all(
    poll_fd: int,
    fds: np.ndarray,
    data: np.ndarray,
    ends: np.ndarray,
    due_ns: np.ndarray,
    drain_ns: int,
    buffers: np.ndarray,
    answered_ns: np.ndarray,
    late_ns: np.ndarray,
    statuses: np.ndarray,
    started_ns: np.ndarray,
) -> int:
    """Nanoseconds taken, or one of the negative reasons."""
    count, connections = len(due_ns), len(fds)
    spec, wait_spec = np.zeros(2, np.int64), np.zeros(2, np.int64)
    polled = np.array([poll_fd | (1 << 32)], np.int64)  # struct pollfd: int fd, short events = POLLIN, short revents
    events = np.zeros(_EVENTS * _EVENT_BYTES, np.uint8)
    place_of_fd = np.full(fds.max() + 1, -1, np.int64)
    free, have, need, request = (
        np.arange(connections),
        np.zeros(connections, np.int64),
        np.zeros(connections, np.int64),
        np.full(connections, -1, np.int64),
    )
    for place in range(connections):
        place_of_fd[fds[place]] = place
    free_count, sent, done = connections, 0, 0
    start = started_ns[0] = _now_ns(spec)
    deadline = due_ns[-1] + drain_ns
    while done < count:
        now = _now_ns(spec) - start
        if now > deadline:
            break
        while sent < count and free_count and due_ns[sent] <= now:
            free_count -= 1
            place = free[free_count]
            request[place] = sent
            length = ends[sent + 1] - ends[sent]
            if _send(fds[place], data.ctypes.data + ends[sent], length, 0) != length:
                return _CLOSED
            now = _now_ns(spec) - start
            late_ns[sent] = now - due_ns[sent]
            sent += 1
        wait = due_ns[sent] - now if sent < count and free_count else _IDLE_NS
        if wait > SPIN_NS:
            wait_spec[0], wait_spec[1] = (wait - SPIN_NS) // 1_000_000_000, (wait - SPIN_NS) % 1_000_000_000
            _ppoll(polled.ctypes.data, 1, wait_spec.ctypes.data, 0, 0)
        ready = _epoll_wait(poll_fd, events.ctypes.data, _EVENTS, 0)
        for which in range(ready):
            at = which * _EVENT_BYTES + 4
            fd = events[at] | (np.int64(events[at + 1]) << 8)
            place = place_of_fd[fd]
            buffer = buffers[place]
            got = _recv(fd, buffer.ctypes.data + have[place], ANSWER_BYTES_MAX - have[place], 0)
            if got <= 0:
                return _CLOSED
            have[place] += got
            if not need[place]:
                need[place] = _answer_length(buffer, have[place])
            if (need[place] and have[place] < need[place] <= ANSWER_BYTES_MAX) or not need[place]:
                continue
            if need[place] != have[place] or request[place] < 0:
                return _UNREADABLE
            answered_ns[request[place]] = _now_ns(spec) - start
            statuses[request[place]] = (buffer[9] - 48) * 100 + (buffer[10] - 48) * 10 + buffer[11] - 48
            have[place] = need[place] = 0
            request[place] = -1
            free[free_count] = place
            free_count += 1
            done += 1
    took_ns: int = _now_ns(spec) - start
    return took_ns
