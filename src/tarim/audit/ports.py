"""What the rest of the house asks of the trail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tarim.audit.domain.entry import Entry


class Trail(Protocol):
    """Takes entries; they are durable when the call returns."""

    def record(self, entry: Entry) -> int:
        """The entry's number.  Raises Unavailable when it cannot be written."""

    def record_all(self, entries: Sequence[Entry]) -> list[int]:
        """Several together, in this order; all or none."""
