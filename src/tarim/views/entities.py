"""Identifiers by their tokens: how many decisions they were part of.  Nothing can be read off a token without the key."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from tarim.views.blocks import Block
from tarim.views.kernels import tallying


@dataclass(frozen=True, slots=True)
class Tally:
    """Decisions an identifier was part of, and the position of the newest."""

    decisions: int
    newest_seq: int


class Entities:
    """A Consumer that counts decisions by customer, account, device, address and merchant.  Any thread may ask.

    24 bytes a slot.  When `entities_max` tokens are known, further ones are not counted, and `full` says so.
    """

    def __init__(self, entities_max: int) -> None:
        slots = 1 << (max(entities_max, 3) * 4 // 3).bit_length()
        self._tokens, self._counts, self._newest = (np.zeros(slots, np.int64) for _ in range(3))
        self._kept = np.zeros(2, np.int64)
        self._lock = threading.Lock()

    def take(self, block: Block) -> None:
        """See `Consumer`."""
        with self._lock:
            tallying.tally(block.rows, self._tokens, self._counts, self._newest, self._kept)

    def __len__(self) -> int:
        return int(self._kept[0])

    @property
    def full(self) -> bool:
        """Whether some identifiers are not counted for want of room."""
        return bool(self._kept[1])

    def find(self, token: int) -> Tally | None:
        """What is known of a token (signed), None for nothing."""
        with self._lock:
            slot = tallying.place_of(self._tokens, token)
            if not token or not self._tokens[slot]:
                return None
            return Tally(int(self._counts[slot]), int(self._newest[slot]))
