"""The slow, obvious meaning of a LightGBM tree: one event, one node at a time, as the library's Tree::Predict reads."""

from __future__ import annotations

import math

from tarim.models.domain import Missing

ZERO = 1.0000000180025095e-35


def raw_score(forest, values) -> float:
    """Sum of the leaves, in the trees' order; values by the file's feature index."""
    total = 0.0
    for tree in forest.trees:
        node = 0 if len(tree.feature) else -1
        while node >= 0:
            value = float(values[tree.feature[node]])
            missing = int(tree.missing[node])
            if abs(value) <= ZERO:
                value = 0.0
            if math.isnan(value) and missing != Missing.NAN:
                value = 0.0
            if (missing == Missing.ZERO and value == 0) or (missing == Missing.NAN and math.isnan(value)):
                left = bool(tree.default_left[node])
            else:
                left = value <= tree.threshold[node]
            node = int(tree.left[node] if left else tree.right[node])
        total += float(tree.leaf_value[~node])
    return total
