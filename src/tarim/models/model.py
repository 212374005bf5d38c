"""A model that scores: a LightGBM text file or a logistic regression in JSON, over the engine's features by name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError, NotFound, TooLarge, Unavailable
from tarim.models.calibration import Calibration
from tarim.models.domain import MODEL_BYTES_MAX, Forest
from tarim.models.kernels import forest as forest_kernel
from tarim.models.kernels import shap as shap_kernel
from tarim.models.kernels import shap_lanes as lanes_kernel
from tarim.models.layout import (
    COMPLETE_DEPTH_MAX,
    can_sweep,
    columns_of,
    describe_columns,
    lay_any,
    lay_complete,
    lay_ranks,
    lay_swept,
)
from tarim.models.lightgbm_text import read_calibration, read_forest
from tarim.models.logistic_json import read_logistic, require
from tarim.models.shap_layout import Shares, Steps, lay_shares, lay_steps
from tarim.models.shap_records import Records, lay_records

SWEEP_EVENTS_MIN: Final = 128
"""From so many events on, sweeping a whole block (even partly empty) is cheaper than walking each."""
LANES_EVENTS_MIN: Final = 24
"""From so many events on, contributions of a block (even partly empty) are cheaper side by side than one after the other."""
LANES_DEPTH_MAX: Final = 64
"""Deeper trees, which nobody trains for this, would take more memory side by side than they are worth."""

Floats = npt.NDArray[np.float64]


class _Evaluator(Protocol):
    sigmoid: float

    def raw(self, features: Floats, out: Floats) -> None: ...
    def contributions(self, features: Floats, out: Floats) -> None: ...


class Model:
    """Scores events.  Holds scratch memory: one thread at a time.

    `version` is the SHA-256 of the file in hex, `feature_names` the columns that `score` expects, `reads` those it uses.
    A score depends on its event's features only: batches may be cut anywhere.
    """

    __slots__ = ("_evaluator", "calibration", "feature_names", "kind", "reads", "version")

    def __init__(
        self,
        kind: str,
        version: str,
        feature_names: tuple[str, ...],
        reads: tuple[str, ...],
        evaluator: _Evaluator,
        calibration: Calibration | None = None,
    ) -> None:
        self.kind = kind
        self.version = version
        self.feature_names = feature_names
        self.reads = reads
        self._evaluator = evaluator
        self.calibration = calibration

    def score(self, features: Floats, out: Floats) -> None:
        """Write each event's probability of fraud: features (n, F) C-contiguous, NaN is missing; out (n,).

        The calibrated one where the file holds a calibration.
        """
        self.raw_score(features, out)
        if self.calibration is None:
            forest_kernel.to_probability(out, self._evaluator.sigmoid)
        else:
            self.calibration.apply(out)
            forest_kernel.to_probability(out, 1.0)

    def raw_score(self, features: Floats, out: Floats) -> None:
        """Write each event's score before calibration and sigmoid."""
        assert features.ndim == 2 and features.shape == (len(out), len(self.feature_names))
        self._evaluator.raw(features, out)

    @property
    def explainable(self) -> bool:
        """Whether contributions can be told.  The first time everything for them is laid out: 50 ms for a large forest."""
        try:
            self.contributions(
                np.full((1, len(self.feature_names)), np.nan), np.empty((1, len(self.feature_names) + 1))
            )
        except DefinitionError:
            return False
        return True

    def contributions(self, features: Floats, out: Floats) -> None:
        """Write what each feature adds to each event's raw score, log odds: features (n, F), out (n, F + 1).

        The last column is the mean raw score over the training rows; each row sums up to the event's raw score.  For a forest
        Shapley values as LightGBM's `pred_contrib` has them, for a linear model weight times distance from the mean.
        Raises DefinitionError when the model's file does not say how many training rows its leaves had.
        """
        assert features.ndim == 2 and features.shape[1] == len(self.feature_names)
        assert out.shape == (len(features), len(self.feature_names) + 1)
        self._evaluator.contributions(features, out)


def load_model(path: Path, feature_names: Sequence[str]) -> Model:
    """The model in a file, reading its features from columns named `feature_names`.

    Raises NotFound, Unavailable, TooLarge, and DefinitionError when the file is damaged or asks for what is not there.
    """
    try:
        if path.stat().st_size > MODEL_BYTES_MAX:
            raise TooLarge(f"the model file is larger than {MODEL_BYTES_MAX} bytes")
        content = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"no model file {path.name!r}") from None
    except OSError as error:
        raise Unavailable(f"the model file cannot be read: {error.strerror}") from error
    return model_from_bytes(content, feature_names)


def model_from_bytes(content: bytes, feature_names: Sequence[str]) -> Model:
    """The model in a file's content.  Raises TooLarge, DefinitionError."""
    if len(content) > MODEL_BYTES_MAX:
        raise TooLarge(f"the model is larger than {MODEL_BYTES_MAX} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise DefinitionError("the model file is not UTF-8 text") from None
    names = tuple(feature_names)
    version = hashlib.sha256(content).hexdigest()
    if text.startswith("{"):
        logistic, reads, calibration = read_logistic(text, names)
        return Model("logistic", version, names, reads, logistic, calibration)
    text = text.replace("\r\n", "\n")
    forest, calibration = read_forest(text), read_calibration(text)
    used = sorted({int(feature) for tree in forest.trees for feature in tree.feature})
    reads = tuple(forest.feature_names[feature] for feature in used)
    require(reads, names)
    index_of = {name: index for index, name in enumerate(names)}
    place_of = [index_of.get(name, -1) for name in forest.feature_names]
    return Model("lightgbm", version, names, reads, ForestEvaluator(forest, place_of), calibration)


class ForestEvaluator:
    """A forest laid out for the kernels; small batches are walked, large ones swept."""

    def __init__(self, forest: Forest, place_of: list[int]) -> None:
        self.sigmoid = forest.sigmoid
        self._forest, self._place_of = forest, place_of
        columns = columns_of(forest)
        described = describe_columns(columns, place_of)
        self._columns = (described.features, described.modes, described.values)
        self._depth = max(tree.depth for tree in forest.trees)
        self._complete = lay_complete(forest, columns) if self._depth <= COMPLETE_DEPTH_MAX else None
        self._any = lay_any(forest, columns) if self._complete is None else None
        self._ranks = lay_ranks(forest, columns, place_of) if can_sweep(forest) else None
        self._swept = lay_swept(forest, columns) if self._ranks is not None else None

    def raw(self, features: Floats, out: Floats) -> None:
        """Raw scores, by whichever way is cheapest for so many events."""
        count, done = len(out), 0
        if self._swept is not None and count >= SWEEP_EVENTS_MIN:
            done = count - count % forest_kernel.BLOCK
            done = count if count - done >= SWEEP_EVENTS_MIN else done
            self.sweep(features, out, done)
        if done < count:
            self.walk(features[done:], out[done:])

    def sweep(self, features: Floats, out: Floats, count: int) -> None:
        """Raw scores of the first `count` events, a block at a time."""
        r, s = self._ranks, self._swept
        assert r is not None and s is not None
        for first in range(0, count, forest_kernel.BLOCK):
            size = min(forest_kernel.BLOCK, count - first)
            forest_kernel.encode(
                features, first, size, r.used, r.starts, r.steps, r.thresholds, r.column_ends, r.nan_codes,
                r.zero_codes, r.codes, r.values, r.ranks,
            )  # fmt: skip
            forest_kernel.sweep(
                s.columns, s.bounds, s.lefts, s.rights, s.tree_starts, s.roots, s.leaf_values, r.codes, s.places, s.sums
            )
            out[first : first + size] = s.sums[:size]

    def walk(self, features: Floats, out: Floats) -> None:
        """Raw scores, one event after the other."""
        if self._complete is not None:
            c = self._complete
            forest_kernel.walk_complete(features, out, *self._columns, c.depth, c.thresholds, c.columns, c.leaf_values)
        else:
            a = self._any
            assert a is not None
            forest_kernel.walk_any(
                features, out, *self._columns, a.roots, a.columns, a.thresholds, a.lefts, a.rights, a.leaf_starts,
                a.leaf_values,
            )  # fmt: skip

    @cached_property
    def _shares(self) -> Shares:
        """Laid out when first asked for: most of the time nobody asks."""
        return lay_shares(self._forest, columns_of(self._forest), self._place_of)

    @cached_property
    def _records(self) -> Records:
        return lay_records(self._shares)

    @cached_property
    def _steps(self) -> Steps:
        return lay_steps(self._shares)

    def contributions(self, features: Floats, out: Floats) -> None:
        """What each feature adds, by whichever way is cheapest for so many events.  Raises DefinitionError."""
        count, done = len(out), 0
        if self._depth <= LANES_DEPTH_MAX and count >= LANES_EVENTS_MIN:
            done = count - count % lanes_kernel.LANES
            done = count if count - done >= LANES_EVENTS_MIN else done
            self.contribute_side_by_side(features[:done], out[:done])
        if done < count:
            self.contribute_one_by_one(features[done:], out[done:])

    def contribute_side_by_side(self, features: Floats, out: Floats) -> None:
        """What each feature adds, blocks of events together."""
        s, p = self._shares, self._steps
        lanes_kernel.contribute_side_by_side(
            features, out, s.columns.features, s.columns.modes, s.weights, s.openness, s.outputs, s.node_columns,
            s.thresholds, s.ends, s.sides, s.repeats, s.repeated, s.leaf_values, s.expected, p.starts, p.kinds, p.nodes,
            p.depths, p.slots, p.ancestor_depths, p.signed_others, p.values, p.turns, p.trails, p.state, p.sums,
        )  # fmt: skip

    def contribute_one_by_one(self, features: Floats, out: Floats) -> None:
        """What each feature adds, one event after the other."""
        r = self._records
        shap_kernel.contribute(
            features, out, r.columns.features, r.columns.modes, r.columns.values, r.weights, r.pairs, r.inner_starts,
            r.last_starts, r.leaf_starts, r.inners, r.lasts, r.leaf_places, r.leaf_values, r.order, r.outputs, r.expected,
            r.notes, r.rows, r.turns, r.slopes, r.reach, r.below, r.sums,
        )  # fmt: skip
