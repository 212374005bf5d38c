"""What a run learns from: rows in time, with the instant at which each label became known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError, TooLarge
from tarim.models.datasets import Dataset
from tarim.models.domain import FEATURES_MAX

ROWS_MAX: Final = 20_000_000
ROLES: Final = ("training", "validation", "test", "trial")
SEGMENTS_MAX: Final = 20

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]
"""Numbers of rows, ascending."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Rows of a dataset, in any order.  NaN in `features` (n, F) is missing; labels are 1 fraud, 0 genuine.

    Instants are ms since the epoch.  `known_ms`: when the row's label became known.  `customer`: tokens.  `weight`: how many
    events a row stands for.  `role`: one of ROLES
    a row, or empty texts where the run is to split by time.  `segments`: values by which figures are told apart.
    """

    features: Floats
    labels: Ints
    names: tuple[str, ...]
    occurred_ms: Ints
    known_ms: Ints
    amount_fen: Ints
    customer: Ints
    role: npt.NDArray[Any]
    weight: Floats
    digest: str
    feature_version: str
    segments: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or self.features.shape != (len(self.labels), len(self.names)):
            raise InputError("features must be of shape (labels, names)")
        if len(self.labels) > ROWS_MAX:
            raise TooLarge(f"a run takes at most {ROWS_MAX:,} rows")
        if not 1 <= len(self.names) <= FEATURES_MAX or len(set(self.names)) != len(self.names):
            raise InputError(f"a run needs 1 to {FEATURES_MAX} features of different names")
        own = (self.occurred_ms, self.known_ms, self.amount_fen, self.customer, self.role, self.weight)
        columns = (*own, *self.segments.values())
        if any(len(column) != len(self.labels) for column in columns):
            raise InputError("every column must have a value a row")
        if len(self.segments) > SEGMENTS_MAX:
            raise TooLarge(f"a run tells at most {SEGMENTS_MAX} kinds of segments apart")
        if not np.isin(self.labels, (0, 1)).all():
            raise InputError("labels must be 0 (genuine) or 1 (fraud)")
        if not (np.isfinite(self.weight).all() and (self.weight > 0).all()):
            raise InputError("a row must stand for some events: weights are above 0")
        if (self.known_ms < self.occurred_ms).any():
            raise InputError("a label is known before its event occurred")

    def __len__(self) -> int:
        return len(self.labels)


def samples_of(dataset: Dataset) -> Samples:
    """What a run learns from, out of a signed training set.  Raises InputError."""
    return Samples(
        features=dataset.features,
        labels=dataset.labels,
        names=dataset.names,
        occurred_ms=dataset.occurred_ms,
        known_ms=dataset.known_ms,
        amount_fen=dataset.amount_fen,
        customer=dataset.customer,
        role=dataset.role,
        weight=dataset.weight,
        digest=dataset.digest,
        feature_version=dataset.manifest.features.version,
        segments=dataset.segments,
    )
