"""Calibration: the curve from a model's raw score to the logarithm of the odds of fraud, part of the model file.

Platt's way is one straight line (J. Platt, Probabilistic Outputs for Support Vector Machines, 1999), the isotonic way a rising
line of several pieces (B. Zadrozny and C. Elkan, Transforming Classifier Scores into Accurate Multiclass Probability
Estimates, KDD 2002); both are knots with slopes at the ends.  A curve rises strictly: it changes no order, no AUC, and no
reason, for reasons add up to the raw score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError

KNOTS_MAX: Final = 1_000
METHODS: Final = ("platt", "isotonic")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising curve of straight pieces; see `kernels.calibration` for what its numbers mean."""

    method: str
    at: Floats
    to: Floats
    left_slope: float
    right_slope: float

    def as_document(self) -> dict[str, Any]:
        """Plain values, fit for JSON; `calibration_of` reads them back."""
        return {
            "method": self.method,
            "at": self.at.tolist(),
            "to": self.to.tolist(),
            "left_slope": self.left_slope,
            "right_slope": self.right_slope,
        }


UNCHANGED: Final = Calibration("", np.zeros(0), np.zeros(0), 1.0, 1.0)
"""What a model without a calibration is bound with: no knots."""


def calibration_of(document: Any) -> Calibration:
    """The curve in a model file.  Raises DefinitionError unless it rises strictly over finite numbers."""
    if not isinstance(document, dict) or document.get("method") not in METHODS:
        raise DefinitionError(f"the model's calibration must have a method out of {', '.join(METHODS)}")
    at, to = document.get("at"), document.get("to")
    if not (isinstance(at, list) and isinstance(to, list) and 1 <= len(at) == len(to) <= KNOTS_MAX):
        raise DefinitionError(f"the model's calibration must have 1 to {KNOTS_MAX} knots, `at` and `to` of one length")
    ends = [document.get("left_slope"), document.get("right_slope")]
    if not all(_finite(value) for value in (*at, *to, *ends)):
        raise DefinitionError("the model's calibration holds something that is not a finite number")
    left, right = (float(value) for value in ends if value is not None)
    xs, ys = np.array(at, np.float64), np.array(to, np.float64)
    if (np.diff(xs) <= 0).any() or (np.diff(ys) <= 0).any() or left <= 0 or right <= 0:
        raise DefinitionError(
            "the model's calibration does not rise everywhere, so it would change the order of scores"
        )
    return Calibration(document["method"], xs, ys, left, right)


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
