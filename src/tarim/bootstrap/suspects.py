"""Which events touch a list that speaks against somebody, with the lists as they were at each event."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.screening import ListKind, ListProbe, Membership
from tarim.screening.lists.membership import MEMBER_WORDS, PROBES_MAX
from tarim.stream import COLUMN_OF_FIELD

SUSPECT_LISTS: Final = frozenset({ListKind.BLACK, ListKind.GREY, ListKind.SUSPECT_ADDRESSES})


class Suspects:
    """Whether a value of an event is on a list that speaks against it, with the lists as they are at that event."""

    def __init__(self, lists: Membership) -> None:
        self._lists = lists
        self._groups: list[tuple[ListProbe, ...]] = []
        self._look()

    def apply(self, payload: bytes | memoryview) -> None:
        """Take in a LIST record."""
        known = len(self._lists.lists)
        self._lists.apply(payload)
        if len(self._lists.lists) != known:
            self._look()

    def _look(self) -> None:
        probes = [
            ListProbe(COLUMN_OF_FIELD[each.field], name)
            for name, each in self._lists.lists.items()
            if each.kind in SUSPECT_LISTS
        ]
        self._groups = [tuple(probes[at : at + PROBES_MAX]) for at in range(0, len(probes), PROBES_MAX)]

    def listed(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Shape (n,)."""
        found = np.zeros(len(rows), np.bool_)
        bits = np.zeros((len(rows), MEMBER_WORDS), np.uint64)
        for probes in self._groups:
            self._lists.members(rows, probes, bits)
            found |= bits.any(axis=1)
        return found
