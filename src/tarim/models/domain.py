"""Values of a model: trees as read, and limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

MODEL_BYTES_MAX: Final = 64 * 1024 * 1024
TREES_MAX: Final = 10_000
LEAVES_MAX: Final = 32_768
"""Leaves of one tree."""
FEATURES_MAX: Final = 4_096


class Missing(IntEnum):
    """What a split takes for missing, numbered as LightGBM does."""

    NONE = 0
    """Nothing; NaN counts as 0."""
    ZERO = 1
    """0 and NaN."""
    NAN = 2
    """NaN."""


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree as LightGBM writes it: arrays by internal node, children below 0 are leaves (`~child` is the leaf's index).

    A child that is a node has a larger index than its parent.  A missing value goes left where `default_left`, any other
    goes left when it is `<= threshold`.  A tree of one leaf has no nodes.  node_count, leaf_count: training rows that came
    there, empty when the file does not say; reasons need them, scores do not.
    """

    feature: npt.NDArray[np.int64]
    threshold: npt.NDArray[np.float64]
    missing: npt.NDArray[np.int64]
    default_left: npt.NDArray[np.bool_]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    leaf_value: npt.NDArray[np.float64]
    depth: int
    node_count: npt.NDArray[np.int64]
    leaf_count: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees over named features; the raw score is the sum of the leaves in the trees' order.

    The score is 1 / (1 + exp(-sigmoid * raw)).
    """

    feature_names: tuple[str, ...]
    trees: tuple[Tree, ...]
    sigmoid: float
