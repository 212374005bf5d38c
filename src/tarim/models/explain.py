"""Why a score is what it is: each feature's part in it, and the heaviest reasons as sentences (ML-14, AS-12).

Parts are exact: with the mean over the training rows they add up to the raw score, the logarithm of the odds of fraud before
calibration.  A calibration rises everywhere, so it changes the score and not its reasons.  Sentences tell of those features
that raised the score, the heaviest first, and say values no finer than a reader needs (ML-23).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.models.kernels.reasons import heaviest
from tarim.models.model import Model
from tarim.models.sentences import OPERATIONS, Sentence, plain_sentence, wording
from tarim.stream import FeatureSet

TOP: Final = 3
"""Sentences an answer carries."""
SHARE_MIN: Final = 0.05
"""Of what raised the score altogether: a feature with less of it is no reason worth a sentence."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Part:
    """What one feature adds to the raw score; NaN as value is missing."""

    feature: str
    value: float
    contribution: float
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Explanation:
    """The parts of one score, heaviest first either way, and what they add up to.

    expected: the mean raw score over the training rows.  raw: log odds before calibration, as the engine computes it; expected
    and contributions add up to it but for rounding.  score: the probability that the decision was made on.
    """

    parts: tuple[Part, ...]
    expected: float
    raw: float
    score: float


class Explainer:
    """Explains scores of one model.  Holds scratch memory: one thread at a time, and `explain` scores, too."""

    def __init__(self, model: Model, features: FeatureSet) -> None:
        assert model.feature_names == features.names
        self._model = model
        self._say = [
            wording(feature).say if feature.op in OPERATIONS else partial(plain_sentence, feature.name)
            for feature in features.features
        ]
        self._chosen = np.zeros(TOP, np.int64)
        self._row = np.empty((1, len(features.names)))
        self._parts = np.empty((1, len(features.names) + 1))
        self._parts_of_row: Floats = self._parts[0]

    def _contributions(self, features: Floats) -> Floats:
        self._row[0] = features
        self._model.contributions(self._row, self._parts)
        return self._parts_of_row

    def top(self, features: Floats) -> list[Sentence]:
        """The heaviest reasons that raised the score, at most TOP: features of one event, shape (F,).

        Raises DefinitionError when the model's file does not say what reasons need.
        """
        count = heaviest(self._contributions(features), SHARE_MIN, self._chosen)
        return [self._say[index](float(features[index])) for index in self._chosen[:count].tolist()]

    def explain(self, features: Floats) -> Explanation:
        """All of it: features of one event, shape (F,).  Raises DefinitionError."""
        parts = self._contributions(features).tolist()
        raw, score = np.empty(1), np.empty(1)
        self._model.raw_score(self._row, raw)
        self._model.score(self._row, score)
        names, reads = self._model.feature_names, set(self._model.reads)
        used = [index for index, name in enumerate(names) if name in reads]
        used.sort(key=lambda index: -abs(parts[index]))
        return Explanation(
            tuple(Part(names[i], float(features[i]), parts[i], self._say[i](float(features[i]))) for i in used),
            parts[-1],
            float(raw[0]),
            float(score[0]),
        )
