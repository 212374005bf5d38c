"""Heads of requests as they were parsed before: a client on a kept connection sends the same one again and again.

Nothing of one HTTP/1.1 message is left for the next (RFC 9112, section 9.3), so the same bytes at a connection's start of a
message have the same head.  What the parser said of it is remembered, never whether the caller may: the key and its limits
are looked at with every request.  A head that differs in every request, by a trace id for example, is parsed every time.

Memory is bounded: HEADS_MAX heads of HEAD_BYTES_MAX at most, of requests that were admitted.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Final, NamedTuple

HEADS_MAX: Final = 1_024
"""One client uses one head for each length of a body it sends."""
HEAD_BYTES_MAX: Final = 1_024
_END: Final = b"\r\n\r\n"


class Head(NamedTuple):
    """A head of a request whose body has `body_bytes`.  route: whom it asks; asked: what that route read in it."""

    route: Any
    asked: Any
    body_bytes: int

    def __repr__(self) -> str:
        return f"<Head before {self.body_bytes} bytes>"  # it holds a key


class Heads:
    """The heads remembered, by their bytes; the older half goes when there are too many.  One thread."""

    __slots__ = ("_heads",)

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}

    def __len__(self) -> int:
        return len(self._heads)

    def find(self, data: bytes) -> tuple[int, Head | None]:
        """Of bytes that begin a message: where its head ends, 0 when that is not known, and the head if `data` is a request.

        That is: all of one, with the body that the head announces, and nothing after it.
        """
        end = data.find(_END, 0, HEAD_BYTES_MAX) + len(_END)
        if end < len(_END):
            return 0, None
        head = self._heads.get(data[:end])
        if head is not None and len(data) - end != head.body_bytes:
            head = None
        return end, head

    def keep(self, data: bytes, head: Head) -> None:
        """Remember what was parsed of `data`, the bytes of a head with its end."""
        if len(self._heads) >= HEADS_MAX:
            for oldest in list(islice(self._heads, HEADS_MAX // 2)):
                del self._heads[oldest]
        self._heads[data] = head
