"""Rules read off a tree: each leaf of a shallow tree where frauds crowd is a condition that people can read (ML-14).

The leaf of a decision tree is a conjunction of comparisons (L. Breiman and others, Classification and Regression Trees, 1984).
Candidates are found on the training part, chosen by the validation part, and measured on the test part, each with the very
conditions that are written down: thresholds are rounded as far as no training row changes sides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError
from tarim.models.lab.samples import Floats, Rows, Samples
from tarim.models.lab.split import Split, split_by_time

DEPTH_MAX: Final = 5
COUNT_MAX: Final = 30
ROWS_MIN: Final = 20
"""Training rows of a leaf; fewer are anecdotes."""
LIFT_MIN: Final = 3.0
"""How many times more frauds than everywhere a leaf has to have, on the training and on the validation part."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One comparison: the feature's value is above, or at most, the threshold; missing: or there is none.

    Above infinity is only what is missing, and at most infinity only what is not.
    """

    feature: str
    above: bool
    threshold: float
    missing: bool

    def holds(self, values: Floats) -> npt.NDArray[np.bool_]:
        """By row."""
        found = values > self.threshold if self.above else values <= self.threshold  # a missing value is neither
        return found | np.isnan(values) if self.missing else found


@dataclass(frozen=True, slots=True)
class Measured:
    """What a rule does on a part: rows, frauds there, rows it names, frauds among them."""

    rows: int
    frauds: int
    named: int
    caught: int

    @property
    def precision(self) -> float:
        """Share of frauds among what it names; 0 when it names nothing."""
        return self.caught / self.named if self.named else 0.0

    @property
    def recall(self) -> float:
        """Share of the frauds that it names."""
        return self.caught / self.frauds if self.frauds else 0.0

    @property
    def lift(self) -> float:
        """Precision by the share of frauds in the part."""
        return self.precision * self.rows / self.frauds if self.frauds else 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule: all bounds hold.  measured: by part."""

    bounds: tuple[Bound, ...]
    measured: dict[str, Measured]


def tree_rules(
    samples: Samples,
    *,
    depth: int = 3,
    count: int = 8,
    features: Sequence[str] = (),
    seed: int = 0,
    validation_share: float = 0.2,
    test_share: float = 0.2,
) -> list[Candidate]:
    """At most `count` rules of at most `depth` splits over some features (all when empty), those best on validation first.

    Best is the largest harmonic mean of precision and recall.  Raises InputError for what is out of range or unknown, and when
    the data do not suffice.
    """
    if not (1 <= depth <= DEPTH_MAX and 1 <= count <= COUNT_MAX):
        raise InputError(f"depth is 1 to {DEPTH_MAX}, and count 1 to {COUNT_MAX}")
    unknown = sorted(set(features) - set(samples.names))
    if unknown:
        raise InputError(f"the training set has no feature {unknown[0][:64]!r}")
    split = split_by_time(samples, validation_share, test_share)
    names = tuple(features) or samples.names
    columns = np.array([samples.names.index(name) for name in names], np.int64)
    learned = np.ascontiguousarray(samples.features[np.ix_(split.training, columns)])
    tree = _fit(learned, samples.labels[split.training], samples.weight[split.training], depth, seed)
    found: dict[tuple[Bound, ...], Candidate] = {}
    for path in _leaves(tree):
        bounds = _bounds(path, names, learned)
        found.setdefault(bounds, Candidate(bounds, _measure(samples, split, bounds)))
    good = [each for each in found.values() if _is_good(each)]
    return sorted(good, key=lambda each: (-_harmonic(each.measured["validation"]), len(each.bounds)))[:count]


def _fit(features: Floats, labels: npt.NDArray[np.int64], weights: Floats, depth: int, seed: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    frauds = float(weights[labels == 1].sum())
    balanced = np.where(labels == 1, weights / frauds, weights / float(weights[labels == 0].sum()))
    finite = np.clip(features, -np.finfo(np.float32).max, np.finfo(np.float32).max)  # missing stays missing
    model = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=ROWS_MIN, random_state=seed)
    return model.fit(finite, labels, sample_weight=balanced).tree_


def _leaves(tree: Any) -> Iterator[list[tuple[int, bool, float, bool]]]:
    """Ways to the leaves: of each split its column, whether the way goes above, the threshold, whether missing values do."""
    waiting: list[tuple[int, list[tuple[int, bool, float, bool]]]] = [(0, [])]
    while waiting:
        node, path = waiting.pop()
        if tree.children_left[node] < 0:
            if path:
                yield path
            continue
        column, threshold = int(tree.feature[node]), float(tree.threshold[node])
        missing_left = bool(tree.missing_go_to_left[node])
        waiting.append((int(tree.children_right[node]), [*path, (column, True, threshold, not missing_left)]))
        waiting.append((int(tree.children_left[node]), [*path, (column, False, threshold, missing_left)]))


def _bounds(path: list[tuple[int, bool, float, bool]], names: Sequence[str], learned: Floats) -> tuple[Bound, ...]:
    """The narrowest bound of each feature on each side, features in the order of the way down; rounded."""
    closest: dict[tuple[int, bool], float] = {}
    along: dict[int, bool] = {}
    for column, above, threshold, missing in path:
        known = closest.get((column, above), threshold)
        closest[column, above] = max(known, threshold) if above else min(known, threshold)
        along[column] = along.get(column, True) and missing
    found = []
    order = list(along)
    for (column, above), threshold in sorted(closest.items(), key=lambda each: order.index(each[0][0])):
        values = learned[:, column]
        missing = along[column] and bool(np.isnan(values).any())
        found.append(Bound(names[column], above, _rounded(threshold, values), missing))
    return tuple(found)


def _rounded(threshold: float, values: Floats) -> float:
    """The roundest number that parts the values as the threshold does; infinity, which parts off what is missing, as it is."""
    if math.isinf(threshold):
        return threshold
    known = values[~np.isnan(values)]
    below, above = known[known <= threshold], known[known > threshold]
    low = float(below.max()) if len(below) else -math.inf
    high = float(above.min()) if len(above) else math.inf
    for exponent in range(12, -10, -1):
        step = 10.0**exponent
        for place in (math.floor(threshold / step), math.floor(threshold / step) + 1):
            number = float(f"{place}e{exponent}")
            if low <= number < high:
                return number
    return threshold


def _measure(samples: Samples, split: Split, bounds: tuple[Bound, ...]) -> dict[str, Measured]:
    parts = {"training": split.training, "validation": split.validation, "test": split.test}
    return {name: _measured(samples, rows, bounds) for name, rows in parts.items()}


def _measured(samples: Samples, rows: Rows, bounds: tuple[Bound, ...]) -> Measured:
    named = np.ones(len(rows), bool)
    for bound in bounds:
        named &= bound.holds(samples.features[rows, samples.names.index(bound.feature)])
    labels = samples.labels[rows]
    return Measured(len(rows), int(labels.sum()), int(named.sum()), int(labels[named].sum()))


def _is_good(candidate: Candidate) -> bool:
    return all(candidate.measured[part].lift >= LIFT_MIN for part in ("training", "validation"))


def _harmonic(measured: Measured) -> float:
    both = measured.precision + measured.recall
    return 2 * measured.precision * measured.recall / both if both else 0.0
