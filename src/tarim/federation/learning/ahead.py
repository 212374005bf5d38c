"""What another thread makes ahead: the next thing while the one before is used, never more than one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

_END: Final = object()


class Ahead(Generic[T]):
    """Iterates over what `things` yields.  Use it as a context: at its end nothing more is begun.

    What `things` raises is raised where the thing would have come.  A thread that waits for the other party when the context
    ends by an error is let go when the connection is.
    """

    def __init__(self, things: Iterator[T]) -> None:
        self._things = things
        self._ready: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._wanted = threading.Semaphore(1)
        self._ended = False
        self._thread = threading.Thread(target=self._make, name="federation-ahead", daemon=True)

    def __enter__(self) -> Ahead[T]:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ended = True
        self._wanted.release()
        if kind is None:
            self._thread.join()

    def __iter__(self) -> Iterator[T]:
        while (found := self._ready.get()) is not _END:
            if isinstance(found, BaseException):
                raise found
            self._wanted.release()
            yield found

    def _make(self) -> None:
        try:
            while True:
                self._wanted.acquire()
                if self._ended:
                    return
                self._ready.put(next(self._things))
        except StopIteration:
            self._ready.put(_END)
        except BaseException as error:
            self._ready.put(error)
