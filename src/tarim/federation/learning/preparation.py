"""What a party looks at in its own columns, alone, before anything is computed together: gaps, outliers, bins, stability.

Bins hold at least so many rows each: neighbours are joined until they do.  So a figure that is opened about a bin never is one
about a handful of people.  Missing numbers have a bin of their own, the last; texts have one each, the most frequent first, and
the rest one together.

Nothing here goes to the other party.  Source of the stability index: Siddiqi, "Credit Risk Scorecards", 2006 (ML-10, ML-13).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.federation.learning.screening import LEVEL_BITS

TAIL: Final = 0.005
"""Share of the smallest and of the greatest numbers that are drawn in to the rest before they are correlated."""
_SPREADS: Final = 3.0
"""Numbers so many times the distance of the quartiles beyond them are outliers (Tukey, "Exploratory Data Analysis", 1977)."""

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]
Codes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]


class Profile(msgspec.Struct, frozen=True):
    """What a party learns of one of its columns.  Shares are in [0, 1].

    bins: as it is screened.  stability_of_common: PSI of the common customers against all own rows.  stability_in_order: PSI of
    the second half of the common customers against the first, as the file lists them.
    """

    name: str
    kind: str
    missing_share: float
    outlier_share: float
    bins: int
    stability_of_common: float
    stability_in_order: float


@dataclass(frozen=True)
class Coarse:
    """How a column is cut into few bins, learned on some rows and applied to any.

    edges: of a number's bins; values: texts that have a place of their own; joined: bin of each place.
    """

    edges: Floats
    values: tuple[str, ...]
    joined: Places

    @property
    def bins(self) -> int:
        """How many."""
        return int(self.joined.max()) + 1

    def codes(self, column: Floats | Texts) -> Codes:
        """The bin of each value."""
        return self.joined[_places_of(column, self.edges, self.values)].astype(np.uint8)


def coarse(column: Floats | Texts, bins: int, least_rows: int) -> Coarse:
    """At most `bins` bins of at least `least_rows` of these rows each, if there are as many rows."""
    edges, values = np.empty(0), ()
    if column.dtype.kind == "f":
        edges = _edges(column.astype(np.float64), bins)
        count = len(edges) + 2
    else:
        texts, counts = np.unique(column, return_counts=True)
        values = tuple(texts[np.argsort(-counts, kind="stable")][: bins - 1].tolist())
        count = len(values) + 1
    filled = np.bincount(_places_of(column, edges, values), minlength=count)
    return Coarse(edges, values, _joined(filled.tolist(), least_rows))


def _edges(column: Floats, bins: int) -> Floats:
    known = column[np.isfinite(column)]
    distinct = np.unique(known)
    if len(distinct) <= bins:
        between: Floats = (distinct[:-1] + distinct[1:]) / 2
        return between
    return np.unique(np.quantile(known, np.arange(1, bins) / bins))


def _places_of(column: Floats | Texts, edges: Floats, values: Sequence[str]) -> Places:
    if column.dtype.kind == "f":
        found = np.searchsorted(edges, column, side="right")
        return np.where(np.isfinite(column), found, len(edges) + 1).astype(np.int64)
    places = np.full(len(column), len(values), np.int64)
    for place, value in enumerate(values):
        places[column == value] = place
    return places


def _joined(counts: list[int], least: int) -> Places:
    """The bin of each place: the smallest is joined with the smaller of its neighbours until none is too small."""
    groups = [[place] for place in range(len(counts))]
    sizes = list(counts)
    while len(sizes) > 1 and min(sizes) < least:
        small = sizes.index(min(sizes))
        beside = [place for place in (small - 1, small + 1) if 0 <= place < len(sizes)]
        other = min(beside, key=lambda place: sizes[place])
        low, high = sorted((small, other))
        groups[low : high + 1] = [groups[low] + groups[high]]
        sizes[low : high + 1] = [sizes[low] + sizes[high]]
    found = np.empty(len(counts), np.int64)
    for number, group in enumerate(groups):
        found[group] = number
    return found


def stability(then: Codes, now: Codes, bins: int) -> float:
    """Population stability index, at least 0; a bin that is empty in one of them counts half a row there."""
    if not len(then) or not len(now):
        return 0.0
    counts = [np.maximum(np.bincount(each, minlength=bins), 0.5) / len(each) for each in (then, now)]
    return float(((counts[1] - counts[0]) * np.log(counts[1] / counts[0])).sum())


def profile(name: str, column: Floats | Texts, rows: Places, cut: Coarse) -> Profile:
    """What there is to say of a column.  rows: own rows of the common customers."""
    number = column.dtype.kind == "f"
    missing = ~np.isfinite(column) if number else column == ""
    outliers = 0.0
    if number and not missing.all():
        low, high = np.quantile(column[~missing], (0.25, 0.75))
        beyond = _SPREADS * (high - low)
        outliers = float(np.mean(~missing & ((column < low - beyond) | (column > high + beyond)))) if beyond else 0.0
    common = cut.codes(column[np.sort(rows)])
    half = len(common) // 2
    return Profile(
        name,
        "number" if number else "text",
        round(float(missing.mean()), 4),
        round(outliers, 4),
        cut.bins,
        round(stability(cut.codes(column), common, cut.bins), 4),
        round(stability(common[:half], common[half:], cut.bins), 4),
    )


def drawn_in(column: Floats) -> Floats:
    """Numbers with their gaps filled by the median and their tails drawn in, so that no single row makes a correlation."""
    known = column[np.isfinite(column)]
    filled = np.where(np.isfinite(column), column, np.median(known) if len(known) else 0.0)
    if len(np.unique(filled)) <= 2:
        return filled
    low, high = np.quantile(filled, (TAIL, 1 - TAIL))
    found: Floats = np.clip(filled, low, high) if low < high else filled
    return found


def levels(column: Floats) -> tuple[int, Codes]:
    """Width in bits and whole numbers of a column that is not constant: one bit for two values, LEVEL_BITS over its range."""
    low, high = column.min(), column.max()
    width = 1 if len(np.unique(column)) == 2 else LEVEL_BITS
    return width, np.rint((column - low) / (high - low) * ((1 << width) - 1)).astype(np.uint8)
