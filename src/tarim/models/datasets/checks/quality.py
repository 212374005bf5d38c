"""Completeness, ranges, outliers, duplicates, features that say nothing (AS-08)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.models.datasets.checks.findings import Checked, Finding, Weight, named

MISSING_SHARE: Final = 0.5
"""From this share of missing values on a feature is named."""
MISSING_CHANGE: Final = 0.2
"""Change of that share between the first and the last role that is named."""
SAME_SHARE: Final = 0.9999
"""A feature with one value in more than this share of the rows says nothing."""
OUTLIER_DEVIATIONS: Final = 10.0
"""Robust standard deviations of the signed logarithm, from which on a value is an outlier."""
OUTLIERS_SHARE_MAX: Final = 1e-3
"""More than this share is a tail of the distribution, not outliers."""
LATE_SHARE: Final = 0.05
"""Share of the frauds that became known after the delay only, from which on it is named."""
LATE_SHARE_ALARM: Final = 0.5
_NORMAL_MAD: Final = 1.4826
_ROWS_MIN: Final = 100

_AT_LEAST_0: Final = frozenset({"count", "sum", "max", "std", "distinct", "since", "first", "share", "rate"})
_AT_MOST_1: Final = frozenset({"share", "rate"})


def bounds_of(name: str) -> tuple[float, float]:
    """The least and the largest value a feature can have by its operation, which its name bears (docs/reference/features)."""
    if "_is_new_" in name or "_first_seen_" in name:
        return 0.0, 1.0
    words = set(name.split("_"))
    low = 0.0 if words & _AT_LEAST_0 else -np.inf
    return low, 1.0 if words & _AT_MOST_1 else np.inf


def check_quality(checked: Checked) -> Iterator[Finding]:
    """Findings feature by feature, then those about rows."""
    for at, name in enumerate(checked.names):
        values = checked.features[:, at]
        missing = np.isnan(values)
        yield from _completeness(checked, name, missing)
        yield from _range(checked, name, values)
        known = values[~missing]
        if len(known) >= _ROWS_MIN:
            yield from _degenerate(checked, name, known)
            yield from _outliers(checked, name, values, missing)
    yield from _duplicates(checked)
    yield from _labels(checked)


def _completeness(checked: Checked, name: str, missing: npt.NDArray[np.bool_]) -> Iterator[Finding]:
    share = float(missing.mean())
    if share == 1.0:
        yield Finding(
            "completeness", Weight.ALARM, name, {"missing": 1.0}, len(checked), [],
            "has no value in any row", "在所有行中均缺失",
        )  # fmt: skip
        return
    if share >= MISSING_SHARE:
        yield Finding(
            "completeness", Weight.NOTICE, name, {"missing": share}, int(missing.sum()), [],
            f"is missing in {share:.0%} of the rows", f"在 {share:.0%} 的行中缺失",
        )  # fmt: skip
    first, last = checked.role == checked.role.min(), checked.role == checked.role.max()
    change = float(missing[last].mean() - missing[first].mean())
    if abs(change) >= MISSING_CHANGE:
        yield Finding(
            "completeness", Weight.NOTICE, name, {"change": change}, int(missing[last].sum()), [],
            f"is missing {change:+.0%} more often in the last role than in the first",
            f"末段样本的缺失率比首段变化 {change:+.0%}",
        )  # fmt: skip


def _range(checked: Checked, name: str, values: npt.NDArray[np.float64]) -> Iterator[Finding]:
    low, high = bounds_of(name)
    outside = np.flatnonzero((values < low) | (values > high) | np.isinf(values))
    if len(outside):
        yield Finding(
            "ranges", Weight.ALARM, name, {"low": low if np.isfinite(low) else -1e308, "high": min(high, 1e308)},
            len(outside), named(checked, outside),
            f"has {len(outside):,} values that its operation cannot give", f"有 {len(outside):,} 个超出定义域的取值",
        )  # fmt: skip


def _degenerate(checked: Checked, name: str, known: npt.NDArray[np.float64]) -> Iterator[Finding]:
    middle = np.median(known)
    share = float((known == middle).mean())
    if share > SAME_SHARE:
        yield Finding(
            "degenerate", Weight.NOTICE, name, {"share": share}, len(checked), [],
            f"has one value in {share:.2%} of the rows: it tells nothing apart", f"{share:.2%} 的行取同一值，无区分力",
        )  # fmt: skip


def _outliers(
    checked: Checked, name: str, values: npt.NDArray[np.float64], missing: npt.NDArray[np.bool_]
) -> Iterator[Finding]:
    logged = np.copysign(np.log1p(np.abs(values)), values)
    known = logged[~missing]
    middle = np.median(known)
    spread = _NORMAL_MAD * float(np.median(np.abs(known - middle)))
    if spread == 0.0:
        return
    far = np.flatnonzero(np.abs(logged - middle) > OUTLIER_DEVIATIONS * spread)  # false where missing
    if 0 < len(far) <= OUTLIERS_SHARE_MAX * len(values):
        worst = float(values[far[np.argmax(np.abs(logged[far] - middle))]])
        yield Finding(
            "outliers", Weight.NOTICE, name, {"worst": worst, "median": float(np.median(values[~missing]))}, len(far),
            named(checked, far),
            f"has {len(far):,} values far from all others, such as {worst:.6g}",
            f"有 {len(far):,} 个远离总体的取值，如 {worst:.6g}",
        )  # fmt: skip


def _duplicates(checked: Checked) -> Iterator[Finding]:
    _, first, counts = np.unique(checked.seq, return_index=True, return_counts=True)
    twice = first[counts > 1]
    if len(twice):
        yield Finding(
            "duplicates", Weight.ALARM, "seq", {}, len(twice), named(checked, twice),
            f"{len(twice):,} events are in the set more than once", f"{len(twice):,} 个事件重复出现",
        )  # fmt: skip
    keys = np.stack([checked.customer, checked.occurred_ms], axis=1)
    _, place, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    again = np.flatnonzero(counts[place.ravel()] > 1)
    if not len(again):
        return
    rows = np.concatenate([keys[again], np.ascontiguousarray(checked.features[again]).view(np.int64)], axis=1)
    _, first, counts = np.unique(rows, axis=0, return_index=True, return_counts=True)
    same = again[first[counts > 1]]
    if len(same):
        yield Finding(
            "duplicates", Weight.NOTICE, "rows", {}, len(same), named(checked, same),
            f"{len(same):,} rows of one customer and instant are there again with the same features",
            f"{len(same):,} 行与同一客户同一时刻的另一行特征完全相同",
        )  # fmt: skip


def _labels(checked: Checked) -> Iterator[Finding]:
    early = np.flatnonzero(checked.known_ms < checked.occurred_ms)
    if len(early):
        yield Finding(
            "labels", Weight.ALARM, "known_ms", {}, len(early), named(checked, early),
            f"{len(early):,} labels were known before their event happened", f"{len(early):,} 个标签早于事件本身",
        )  # fmt: skip


def late_frauds(late: int, frauds: int) -> Iterator[Finding]:
    """Frauds that became known after their label delay, beside those known in time."""
    share = late / max(1, late + frauds)
    if share >= LATE_SHARE:
        weight = Weight.ALARM if share >= LATE_SHARE_ALARM else Weight.NOTICE
        yield Finding(
            "labels", weight, "label delay", {"share": share, "in_time": frauds}, late, [],
            f"{late:,} frauds became known after the label delay and count as if nobody had said so ({share:.0%} of all): "
            "a longer delay would have them",
            f"{late:,} 笔欺诈（占 {share:.0%}）在标签延迟之后才确认，按未报处理；宜延长标签延迟",
        )  # fmt: skip
