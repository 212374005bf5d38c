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
from tarim.base.kernels.bound import Bound, bind
from tarim.models.calibration import UNCHANGED, Calibration
from tarim.models.domain import MODEL_BYTES_MAX, Forest
from tarim.models.kernels import scoring as kernel
from tarim.models.kernels import shap as shap_kernel
from tarim.models.kernels import shap_lanes as lanes_kernel
from tarim.models.layout import (
    COMPLETE_DEPTH_MAX,
    Column,
    Columns,
    can_sweep,
    columns_of,
    describe_columns,
    lay_any,
    lay_complete,
    lay_ranks,
    lay_swept,
)
from tarim.models.lightgbm_text import read_calibration, read_forest, read_rules_only
from tarim.models.logistic_json import read_logistic, require
from tarim.models.rules_only import RulesOnly
from tarim.models.shap_layout import Shares, Steps, lay_shares, lay_steps
from tarim.models.shap_records import bind_records

LANES_EVENTS_MIN: Final = 32
"""From so many events on, contributions of a block (even partly empty) are cheaper side by side than one after the other."""
LANES_DEPTH_MAX: Final = 64
"""Deeper trees, which nobody trains for this, would take more memory side by side than they are worth."""

NOWHERE: Final = RulesOnly()

Floats = npt.NDArray[np.float64]


class _Evaluator(Protocol):
    """bound: the kernel of raw scores, one of `kernels.scoring`."""

    sigmoid: float
    bound: Bound

    def contributions(self, features: Floats, out: Floats) -> None: ...


class Model:
    """Scores events.  Holds scratch memory: one thread at a time.

    `version` is the SHA-256 of the file in hex, `feature_names` the columns that `score` expects, `reads` those it uses.
    `bound` is the kernel of `score`, for callers that are compiled themselves.
    `rules_only` are the segments in which rules alone decide: whoever has the event's row asks there for no score.
    A score depends on its event's features only: batches may be cut anywhere.
    """

    __slots__ = ("_evaluator", "bound", "calibration", "feature_names", "kind", "reads", "rules_only", "version")

    def __init__(
        self,
        kind: str,
        version: str,
        feature_names: tuple[str, ...],
        reads: tuple[str, ...],
        evaluator: _Evaluator,
        calibration: Calibration | None = None,
        rules_only: RulesOnly = NOWHERE,
    ) -> None:
        self.kind = kind
        self.version = version
        self.feature_names = feature_names
        self.reads = reads
        self._evaluator = evaluator
        self.calibration = calibration
        self.rules_only = rules_only
        curve, sigmoid = (UNCHANGED, evaluator.sigmoid) if calibration is None else (calibration, 1.0)
        self.bound = bind(
            kernel.score, evaluator.bound, sigmoid, curve.at, curve.to, curve.left_slope, curve.right_slope
        )

    @property
    def left_to_rules(self) -> npt.NDArray[np.uint8]:
        """The codes of those segments, as `RulesOnly.table` has them."""
        return self.rules_only.table

    def score(self, features: Floats, out: Floats) -> None:
        """Write each event's probability of fraud: features (n, F) C-contiguous, NaN is missing; out (n,).

        The calibrated one where the file holds a calibration.
        """
        assert features.ndim == 2 and features.shape == (len(out), len(self.feature_names))
        kernel.score(self.bound.table, features, out)

    def raw_score(self, features: Floats, out: Floats) -> None:
        """Write each event's score before calibration and sigmoid."""
        assert features.ndim == 2 and features.shape == (len(out), len(self.feature_names))
        kernel.raw_score(self.bound.table, features, out)

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
        logistic, reads, calibration, rules_only = read_logistic(text, names)
        return Model("logistic", version, names, reads, logistic, calibration, rules_only)
    text = text.replace("\r\n", "\n")
    forest, calibration = read_forest(text), read_calibration(text)
    used = sorted({int(feature) for tree in forest.trees for feature in tree.feature})
    reads = tuple(forest.feature_names[feature] for feature in used)
    require(reads, names)
    index_of = {name: index for index, name in enumerate(names)}
    place_of = [index_of.get(name, -1) for name in forest.feature_names]
    evaluator = ForestEvaluator(forest, place_of)
    return Model("lightgbm", version, names, reads, evaluator, calibration, read_rules_only(text))


def _bind_walk(forest: Forest, columns: list[Column], described: Columns, depth: int) -> Bound:
    about_columns = (described.features, described.modes, described.values)
    if depth <= COMPLETE_DEPTH_MAX:
        c = lay_complete(forest, columns)
        return bind(kernel.walk_complete, *about_columns, c.depth, c.thresholds, c.columns, c.leaf_values)
    a = lay_any(forest, columns)
    return bind(
        kernel.walk_any, *about_columns, a.roots, a.columns, a.thresholds, a.lefts, a.rights, a.leaf_starts, a.leaf_values
    )  # fmt: skip


def _bind_sweep(forest: Forest, columns: list[Column], place_of: list[int]) -> Bound:
    r, s = lay_ranks(forest, columns, place_of), lay_swept(forest, columns)
    return bind(
        kernel.sweep, r.used, r.starts, r.steps, r.thresholds, r.column_ends, r.nan_codes, r.zero_codes, r.codes, r.values,
        r.ranks, s.columns, s.bounds, s.lefts, s.rights, s.tree_starts, s.roots, s.leaf_values, s.places, s.sums,
    )  # fmt: skip


class ForestEvaluator:
    """A forest laid out for the kernels; small batches are walked, large ones swept (None where it cannot be)."""

    def __init__(self, forest: Forest, place_of: list[int]) -> None:
        self.sigmoid = forest.sigmoid
        self._forest, self._place_of = forest, place_of
        columns = columns_of(forest)
        described = describe_columns(columns, place_of)
        self._depth = max(tree.depth for tree in forest.trees)
        self.walked = _bind_walk(forest, columns, described, self._depth)
        self.swept = _bind_sweep(forest, columns, place_of) if can_sweep(forest) else None
        self.bound = bind(kernel.forest_score, self.walked, self.swept or self.walked, int(self.swept is not None))

    @cached_property
    def _shares(self) -> Shares:
        """Laid out when first asked for: most of the time nobody asks."""
        return lay_shares(self._forest, columns_of(self._forest), self._place_of)

    @cached_property
    def _records(self) -> Bound:
        return bind_records(self._shares)

    @cached_property
    def _steps(self) -> Steps:
        return lay_steps(self._shares)

    def contributions(self, features: Floats, out: Floats) -> None:
        """What each feature adds, by whichever way is cheapest for so many events.  Raises DefinitionError."""
        count = len(out)
        if count < LANES_EVENTS_MIN or self._depth > LANES_DEPTH_MAX:
            self.contribute_one_by_one(features, out)
            return
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
        shap_kernel.contribute(self._records.table, features, out)
