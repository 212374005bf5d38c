"""Bins of a feature in which the share of fraud rises or falls throughout, their weight of evidence, and information value.

    woe of a bin   ln( share of all frauds in it / share of all genuine events in it )      above 0 leans to fraud
    iv             sum over bins of (share of frauds - share of genuine events) * woe

Half an event is added to every count, so that a bin without fraud has a finite weight.  Missing values are a bin of their own.
Source: N. Siddiqi, Credit Risk Scorecards, Wiley 2006, chapter 6; what an information value means is his too: below 0.02 none,
to 0.1 weak, to 0.3 medium, above strong, above 0.5 to be suspected of knowing the future.

Why not a library: docs/decisions/0012-binning-and-charts.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.models.histograms import bins_of, edges_of

FINE_BINS: Final = 50
BINS_DEFAULT: Final = 8
SHARE_DEFAULT: Final = 0.01
WEAK_IV: Final = 0.02
MEDIUM_IV: Final = 0.1
STRONG_IV: Final = 0.3
SUSPECT_IV: Final = 0.5
_HALF: Final = 0.5

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins between ascending `edges` (k,), then that of missing values: frauds, genuine, woe of shape (k + 2,)."""

    edges: Floats
    frauds: Ints
    genuine: Ints
    woe: Floats
    iv: float

    def weigh(self, values: Floats) -> Floats:
        """The weight of evidence of each value's bin."""
        return self.woe[bins_of(values, self.edges)]


def cut(values: Floats, labels: Ints, bins_max: int = BINS_DEFAULT, share_min: float = SHARE_DEFAULT) -> Bins:
    """At most `bins_max` bins of `values` (n,), each with at least `share_min` of the rows.

    From fifty quantile bins, neighbours are merged: first those that break the order (pool adjacent violators), then bins that
    are too small, into the neighbour with the nearer share of fraud, then the two whose merging costs least information.
    """
    fine = edges_of(values, FINE_BINS)
    place = bins_of(values, fine)
    frauds = np.bincount(place, weights=labels, minlength=len(fine) + 2).astype(np.int64)
    genuine = np.bincount(place, minlength=len(fine) + 2) - frauds
    groups = _ordered(list(zip(frauds[:-1].tolist(), genuine[:-1].tolist(), range(len(fine) + 1), strict=True)))
    least = share_min * len(values)
    while len(groups) > 1 and min(f + g for f, g, _ in groups) < least:
        small = min(range(len(groups)), key=lambda k: groups[k][0] + groups[k][1])
        near = [k for k in (small - 1, small + 1) if 0 <= k < len(groups)]
        other = min(near, key=lambda k: abs(_rate(groups[k]) - _rate(groups[small])))
        _merge(groups, min(small, other))
    while len(groups) > bins_max:
        _merge(groups, min(range(len(groups) - 1), key=lambda k: _loss(groups, k)))
    edges = fine[[last for _, _, last in groups[:-1]]]
    counted_frauds = np.array([f for f, _, _ in groups] + [frauds[-1]], np.int64)
    counted_genuine = np.array([g for _, g, _ in groups] + [genuine[-1]], np.int64)
    woe, iv = evidence(counted_frauds, counted_genuine)
    return Bins(edges, counted_frauds, counted_genuine, woe, iv)


def evidence(frauds: Ints, genuine: Ints) -> tuple[Floats, float]:
    """Weight of evidence of each bin, and information value; an empty bin weighs nothing."""
    filled = frauds + genuine > 0
    if not filled.any():
        return np.zeros(len(frauds)), 0.0
    f, g = frauds + _HALF, genuine + _HALF
    p, q = f / f[filled].sum(), g / g[filled].sum()
    woe = np.where(filled, np.log(p / q), 0.0)
    return woe, float(((p - q) * woe)[filled].sum())


_Group = tuple[int, int, int]
"""Frauds, genuine, number of its last fine bin."""


def _rate(group: _Group) -> float:
    return (group[0] + _HALF) / (group[0] + group[1] + 2 * _HALF)


def _merge(groups: list[_Group], k: int) -> None:
    """Merge group k with the one after it."""
    first, second = groups[k], groups[k + 1]
    groups[k : k + 2] = [(first[0] + second[0], first[1] + second[1], second[2])]


def _ordered(groups: list[_Group]) -> list[_Group]:
    """Neighbours pooled until the share of fraud rises, or falls, throughout: whichever keeps more information."""
    return max((_pooled(groups, sign) for sign in (1, -1)), key=_information)


def _pooled(groups: list[_Group], sign: int) -> list[_Group]:
    pooled: list[_Group] = []
    for group in groups:
        pooled.append(group)
        while len(pooled) > 1 and sign * (_rate(pooled[-1]) - _rate(pooled[-2])) <= 0:
            _merge(pooled, len(pooled) - 2)
    return pooled


def _information(groups: list[_Group]) -> float:
    return evidence(np.array([f for f, _, _ in groups]), np.array([g for _, g, _ in groups]))[1]


def _loss(groups: list[_Group], k: int) -> float:
    merged = list(groups)
    _merge(merged, k)
    return _information(groups) - _information(merged)
