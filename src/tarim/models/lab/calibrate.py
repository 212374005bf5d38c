"""Learn a calibration from raw scores of events that the model has not learned from."""

from __future__ import annotations

from typing import Final

import numpy as np

from tarim.base.errors import DefinitionError, InputError
from tarim.models.calibration import METHODS, Calibration
from tarim.models.lab.samples import Floats, Ints

BLOCK_ROWS_MIN: Final = 25
"""Of one step of the isotonic way; a step of fewer rows would be noise."""
STEPS_MAX: Final = 500
_SLOPE_MIN: Final = 1e-6


def calibrate(raw: Floats, labels: Ints, method: str) -> Calibration:
    """A strictly rising curve from `raw` (n,) to log odds of fraud, learned from labels (n,) of 0 and 1.

    platt: the straight line of greatest likelihood, over targets drawn in a little from 0 and 1 as Platt does.
    isotonic: pooled steps, each of at least BLOCK_ROWS_MIN rows and a STEPS_MAX-th of all, joined by straight lines between
    their centres; half a fraud and half a genuine event are added to each, so that no event is certain.  Beyond the first and
    last step it goes on as Platt's line.
    Raises InputError unless both labels occur, and when high scores are not more often frauds than low ones.
    """
    if method not in METHODS:
        raise DefinitionError(f"calibration must be one of {', '.join(METHODS)}")
    frauds = int(labels.sum())
    if not 0 < frauds < len(labels):
        raise InputError("both frauds and genuine events are needed to calibrate")
    slope, offset = _platt(raw, labels)
    if slope < _SLOPE_MIN:
        raise InputError("high scores are not more often frauds than low ones: there is nothing to calibrate")
    if method == "platt":
        centre = float(raw.mean())
        return Calibration(method, np.array([centre]), np.array([slope * centre + offset]), slope, slope)
    at, to = _isotonic(raw, labels)
    return Calibration(method, at, to, slope, slope)


def _platt(raw: Floats, labels: Ints) -> tuple[float, float]:
    """Slope and offset of greatest likelihood, by Newton's method with step halving."""
    frauds, genuine = int(labels.sum()), int(len(labels) - labels.sum())
    target = np.where(labels == 1, (frauds + 1) / (frauds + 2), 1 / (genuine + 2))
    centre, spread = float(raw.mean()), float(raw.std()) or 1.0
    x = np.column_stack([(raw - centre) / spread, np.ones(len(raw))])
    weights = np.array([0.0, np.log((frauds + 1) / (genuine + 1))])

    def loss(candidate: Floats) -> float:
        z = x @ candidate
        return float((np.logaddexp(0, z) - target * z).sum())

    now = loss(weights)
    for _ in range(100):
        p = 1 / (1 + np.exp(-(x @ weights)))
        gradient = x.T @ (p - target)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-12 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        scale = 1.0
        while loss(weights - scale * step) > now and scale > 1e-10:
            scale /= 2
        weights = weights - scale * step
        before, now = now, loss(weights)
        if before - now < 1e-10 * (1 + abs(before)):
            break
    slope = float(weights[0] / spread)
    return slope, float(weights[1] - slope * centre)


def _isotonic(raw: Floats, labels: Ints) -> tuple[Floats, Floats]:
    """Centres of the steps, and the log odds there, both ascending strictly."""
    values, place = np.unique(raw, return_inverse=True)
    rows = np.bincount(place)
    frauds = np.bincount(place, weights=labels)
    least = max(BLOCK_ROWS_MIN, len(raw) / STEPS_MAX)
    steps: list[list[float]] = []
    for value, count, hits in zip(values.tolist(), rows.tolist(), frauds.tolist(), strict=True):
        steps.append([count, hits, value * count])
        while len(steps) > 1 and (steps[-2][0] < least or _odds(steps[-1]) <= _odds(steps[-2])):
            _pool(steps)
    while len(steps) > 1 and (steps[-1][0] < least or _odds(steps[-1]) <= _odds(steps[-2])):
        _pool(steps)
    at, to = np.array([step[2] / step[0] for step in steps]), np.array([_odds(step) for step in steps])
    return at, to


def _pool(steps: list[list[float]]) -> None:
    last = steps.pop()
    steps[-1] = [before + own for before, own in zip(steps[-1], last, strict=True)]


def _odds(step: list[float]) -> float:
    """Log odds of fraud in a step, half a fraud and half a genuine event added."""
    count, hits, _ = step
    return float(np.log((hits + 0.5) / (count - hits + 0.5)))
