"""Divisions of the population, and how far a role stands for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import TooLarge
from tarim.models.datasets.manifest import DIVISIONS, SOURCES_MAX, Representation, SegmentShare
from tarim.models.divisions import CODES, ROW_DIVISIONS, VALUES, row_codes
from tarim.stream import Rows

Words = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

PSI_PARTLY: Final = 0.10
PSI_NOT: Final = 0.25
_SHARE_LEAST: Final = 1e-4
"""Stands in for a share of nothing in a logarithm."""

FIXED_VALUES: Final[dict[str, tuple[str, ...]]] = {**VALUES, "listed": ("no", "yes")}
"""Values of each division but `source`, by code."""


def segment_codes(rows: Rows, sources: Words, listed: npt.NDArray[np.bool_]) -> Codes:
    """Codes of the rows' values in each division, shape (n, len(DIVISIONS)); sources: their numbers."""
    found = np.empty((len(rows), len(DIVISIONS)), np.int32)
    found[:, : len(ROW_DIVISIONS)] = row_codes(rows)
    found[:, 4] = sources
    found[:, 5] = listed
    return found


class Tally:
    """Weights by value of each division."""

    def __init__(self) -> None:
        self._counts: list[npt.NDArray[np.float64]] = [np.zeros(0) for _ in DIVISIONS]

    def add(self, codes: Codes, weights: npt.NDArray[np.float64] | None = None) -> None:
        """Count rows, each once or by its weight.  Raises TooLarge for too many sources."""
        for at in range(len(DIVISIONS)):
            fresh = np.bincount(codes[:, at], weights)
            if len(fresh) > max(SOURCES_MAX, CODES):
                raise TooLarge(f"the span has events of more than {SOURCES_MAX} sources; choose some of them")
            if len(fresh) > len(self._counts[at]):
                self._counts[at] = np.pad(self._counts[at], (0, len(fresh) - len(self._counts[at])))
            self._counts[at][: len(fresh)] += fresh

    def of(self, division: int, size: int) -> npt.NDArray[np.float64]:
        """Weights by code of one division, shape (size,)."""
        counts = self._counts[division][:size]
        return np.pad(counts, (0, size - len(counts)))


def values_of(division: str, sources: Sequence[str]) -> tuple[str, ...]:
    """Values of a division by code."""
    return tuple(sources) if division == "source" else FIXED_VALUES[division]


def shares(population: Tally, rows: Tally, weights: Tally, frauds: Tally, sources: Sequence[str]) -> list[SegmentShare]:
    """Every value that occurs, in the order of divisions and codes."""
    found = []
    for at, division in enumerate(DIVISIONS):
        values = values_of(division, sources)
        columns = [tally.of(at, len(values)) for tally in (population, rows, weights, frauds)]
        for code, value in enumerate(values):
            if columns[0][code] or columns[1][code]:
                counted = [float(column[code]) for column in columns]
                found.append(
                    SegmentShare(division, value, int(counted[0]), int(counted[1]), counted[2], int(counted[3]))
                )
    return found


def psi(expected: npt.NDArray[np.float64], actual: npt.NDArray[np.float64]) -> float:
    """Population stability index of two tables of counts of one shape; 0 for equal shares.  Empty tables give infinity."""
    if not expected.sum() or not actual.sum():
        return float("inf")
    used = (expected > 0) | (actual > 0)
    p = np.maximum(actual[used] / actual.sum(), _SHARE_LEAST)
    q = np.maximum(expected[used] / expected.sum(), _SHARE_LEAST)
    return float(np.sum((p - q) * np.log(p / q)))


def representation(found: Sequence[SegmentShare]) -> list[Representation]:
    """The mark of each division, by weight against the population.  An empty role is marked `not` with index 1e9."""
    marks = []
    for division in DIVISIONS:
        of_it = [each for each in found if each.division == division]
        index = psi(np.array([float(each.population) for each in of_it]), np.array([each.weight for each in of_it]))
        mark = "representative" if index < PSI_PARTLY else "partly" if index < PSI_NOT else "not"
        marks.append(Representation(division, min(round(index, 6), 1e9), mark))
    return marks


def notes(marks: Sequence[Representation]) -> tuple[str, str, str]:
    """Mark of the whole (that of its worst division), and the reason in English and Chinese."""
    odd = [each for each in marks if each.mark != "representative"]
    if not odd:
        return "representative", "stands for the population in every division", "各维度分布与总体一致"
    worst = max(odd, key=lambda each: each.psi)
    where = ", ".join(f"{each.division} (PSI {each.psi:.3g})" for each in odd)
    where_zh = "、".join(f"{each.division}（PSI {each.psi:.3g}）" for each in odd)
    return worst.mark, f"differs from the population by {where}", f"与总体分布有差异的维度：{where_zh}"
