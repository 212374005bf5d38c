"""Shapley values of one tree from their definition: every subset of features, each weighed by its place in the orders."""

from __future__ import annotations

import math
from itertools import combinations

from tarim.models.domain import Missing, Tree
from tests.naive.forest_walk import ZERO


def goes_left(tree: Tree, node: int, value: float) -> bool:
    """As LightGBM's Tree::Predict decides."""
    missing = int(tree.missing[node])
    if abs(value) <= ZERO or (math.isnan(value) and missing != Missing.NAN):
        value = 0.0
    if (missing == Missing.ZERO and value == 0) or (missing == Missing.NAN and math.isnan(value)):
        return bool(tree.default_left[node])
    return value <= tree.threshold[node]


def mean(tree: Tree, values, known: frozenset[int]) -> float:
    """The tree's value when only the features in `known` are: elsewhere both branches, by their training rows."""

    def below(child: int) -> tuple[float, float]:
        if child < 0:
            return float(tree.leaf_value[~child]), float(tree.leaf_count[~child])
        left, right = below(int(tree.left[child])), below(int(tree.right[child]))
        feature, rows = int(tree.feature[child]), left[1] + right[1]
        if feature in known:
            return (left if goes_left(tree, child, float(values[feature])) else right)[0], rows
        return (left[0] * left[1] + right[0] * right[1]) / rows, rows

    return below(0 if len(tree.feature) else ~0)[0]


def contributions(tree: Tree, values, count: int) -> list[float]:
    """Shapley values by the file's feature index, and the mean when nothing is known.  2**(features of the tree) means."""
    features = sorted({int(feature) for feature in tree.feature})
    subsets = [frozenset(chosen) for size in range(len(features) + 1) for chosen in combinations(features, size)]
    means = {known: mean(tree, values, known) for known in subsets}
    found = [0.0] * count + [means[frozenset()]]
    for feature in features:
        others = [each for each in features if each != feature]
        for size in range(len(others) + 1):
            weight = 1 / (len(features) * math.comb(len(others), size))
            for chosen in combinations(others, size):
                known = frozenset(chosen)
                found[feature] += weight * (means[known | {feature}] - means[known])
    return found
