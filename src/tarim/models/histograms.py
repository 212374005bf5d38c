"""Histograms of a feature or a score, and how far two of them lie apart (PSI; CSI when it is a feature's).

Bins are cut once, where the training data has its quantiles, and kept with the run; what comes later is counted into the same
bins.  Population stability index: sum over bins of (q - p) * ln(q / p), with shares p of then and q of now.  Source:
N. Siddiqi, Credit Risk Scorecards, Wiley 2006; read as: below 0.1 stable, above 0.25 shifted.  Two samples of one
distribution have a PSI of about (bins - 1) * (1/n + 1/m) by chance alone, so small samples look shifted.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError

BINS_DEFAULT = 20

Floats = npt.NDArray[np.float64]


class Histogram(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Counts by bin: bin k holds the values above `edges[k - 1]` up to and with `edges[k]`; the last is of missing values."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def rows(self) -> int:
        """All values counted, missing ones too."""
        return sum(self.counts)


def edges_of(values: Floats, bins: int = BINS_DEFAULT) -> Floats:
    """At most `bins` - 1 ascending edges at the quantiles of what is neither missing nor infinite."""
    known = values[np.isfinite(values)]
    if not len(known):
        return np.empty(0)
    found = np.unique(np.quantile(known, np.arange(1, bins) / bins, method="inverted_cdf"))
    return np.asarray(found[found < known.max()], np.float64)


def bins_of(values: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    """The number of each value's bin; missing values have the bin after the last."""
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="left")).astype(np.int64)


def histogram_of(values: Floats, edges: Floats) -> Histogram:
    """Values (n,) counted into bins of ascending `edges`."""
    counts = np.bincount(bins_of(values, edges), minlength=len(edges) + 2)
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()))


def psi(then: Histogram, now: Histogram) -> float:
    """Population stability index of two histograms over the same bins, at least 0.

    A bin that is empty in one of them counts half a value there, so the index stays finite.  Bins empty in both are left out.
    Raises InputError for other bins, or for nothing counted.
    """
    if then.edges != now.edges:
        raise InputError("the two histograms have different bins")
    if not then.rows or not now.rows:
        raise InputError("a histogram of no values has no stability")
    total = 0.0
    for before, after in zip(then.counts, now.counts, strict=True):
        if before or after:
            p, q = max(before, 0.5) / then.rows, max(after, 0.5) / now.rows
            total += (q - p) * math.log(q / p)
    return total
