"""Two parties in one process: a pair of channels over queues, and both sides of a protocol run in two threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from tarim.federation import ProtocolBroken, Role, Session, Spec

T = TypeVar("T")


class QueueChannel:
    """One end.  `sent` keeps every message, for tests that look at what went over the line."""

    def __init__(self, out: queue.Queue[Any], inn: queue.Queue[Any]) -> None:
        self._out, self._inn = out, inn
        self.sent: list[tuple[str, bytes]] = []
        self.peer: QueueChannel | None = None
        self.second: QueueChannel | None = None

    def send(self, step: str, *arrays: Any) -> None:
        parts = [bytearray(np.ascontiguousarray(array).tobytes()) for array in arrays]
        self.sent.append((step, b"".join(parts)))
        self._out.put((step, parts))

    def receive(self, step: str, *specs: Spec) -> Sequence[Any]:
        came = self._inn.get(timeout=60)
        if came is None:
            raise ProtocolBroken("the other side ended")
        said, parts = came
        if said != step or len(parts) != len(specs):
            raise ProtocolBroken(f"{step!r} was expected, {said!r} came")
        return [np.frombuffer(part, kind).reshape(shape) for part, (kind, shape) in zip(parts, specs, strict=True)]

    def beside(self) -> QueueChannel:
        """A second pair of queues; whoever comes first makes it for both."""
        with _PAIRING:
            if self.second is None:
                assert self.peer is not None
                self.second, self.peer.second = _pair()
        return self.second


_PAIRING = threading.Lock()


def _pair() -> tuple[QueueChannel, QueueChannel]:
    there, back = queue.Queue[Any](), queue.Queue[Any]()
    one, other = QueueChannel(there, back), QueueChannel(back, there)
    one.peer, other.peer = other, one
    return one, other


def channels() -> tuple[QueueChannel, QueueChannel]:
    return _pair()


def together(first: Callable[[QueueChannel], T], second: Callable[[QueueChannel], T]) -> tuple[T, T]:
    """What both sides return; the first error of either is raised, and the other side is told that it is over."""
    ends = channels()
    results: list[Any] = [None, None]
    errors: list[BaseException] = []

    def side(index: int, act: Callable[[QueueChannel], T]) -> None:
        try:
            results[index] = act(ends[index])
        except BaseException as error:
            errors.append(error)
            ends[index]._out.put(None)
            ends[index].beside()._out.put(None)

    threads = [threading.Thread(target=side, args=(index, act)) for index, act in enumerate((first, second))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results[0], results[1]


def in_session(act: Callable[[Session], T]) -> tuple[T, T]:
    """What `act` returns on both sides of a fresh session."""
    return together(lambda end: act(Session(end, Role.FIRST)), lambda end: act(Session(end, Role.SECOND)))
