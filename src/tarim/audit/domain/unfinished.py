"""Acts begun of which no outcome is on the trail: the process ended in between, or the trail could not be written.

Whether such an act took place has to be looked up where it would have left its mark (the journal, a case).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from tarim.audit.domain.chain import Chained
from tarim.audit.domain.entry import Result

INTENT: Final = "intent"
"""In the detail of an outcome: the number of the entry that announced it."""
OPEN_MAX: Final = 10_000


class Unfinished:
    """Sees entries pass by; `open` are those announced whose outcome has not passed, the oldest first, OPEN_MAX at most."""

    def __init__(self) -> None:
        self.open: dict[int, Chained] = {}

    def watch(self, entries: Iterable[Chained]) -> Iterator[Chained]:
        """The same entries."""
        for each in entries:
            if each.entry.result is Result.INTENDED:
                if len(self.open) < OPEN_MAX:
                    self.open[each.seq] = each
            elif (intent := each.entry.detail.get(INTENT)) is not None:
                self.open.pop(int(intent), None)
            yield each
