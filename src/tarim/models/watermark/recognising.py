"""Recognising a copy: do a suspect's answers lean along the secret direction more than chance allows?

The answers are taken as log odds; what the unmarked model answers, any constant and any multiple of it are taken out (so a copy
whose scores were calibrated anew is a copy still), and what is left is laid into the space in which the mark can lie, of k
dimensions.  The statistic is the cosine between that and the secret direction.

For every model made without the key the direction is uniform on the sphere and independent of the answers, whatever they
are; so the chance of a cosine of c or more is exactly that of a random direction (the t distribution in disguise):

    chance(c) = integral from c to 1 of (1 - u^2)^((k - 3) / 2) du / B(1/2, (k - 1) / 2)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b, shake_256
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError

CHANCE_MAX: Final = 1e-6
"""A suspect is called a copy when chance would do this at most so often."""
PROBABILITY_MIN: Final = 5e-4
"""Answers are taken as if within this distance of 0 and 1: what an answer rounded to three decimals can mean."""
DIMENSIONS_MIN: Final = 5
_SMALL: Final = 0.03
"""Of the easiest change of answers: what is harder by more is not asked of a mark."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Verdict:
    """cosine: in [-1, 1].  chance: of so much or more for a model made without the key.  dimensions: of the sphere."""

    cosine: float
    chance: float
    dimensions: int

    @property
    def copied(self) -> bool:
        """Whether the suspect is a copy."""
        return self.chance <= CHANCE_MAX


def log_odds(probabilities: Floats) -> Floats:
    """Log odds of answers, ends cut off."""
    p = np.clip(probabilities, PROBABILITY_MIN, 1 - PROBABILITY_MIN)
    found: Floats = np.log(p / (1 - p))
    return found


def space_of(meets: Floats, costs: Floats, baseline: Floats) -> Floats:
    """An orthonormal basis, shape (n, k), of the changes of answers that a mark can make and calibration cannot."""
    known, _ = np.linalg.qr(np.column_stack([np.ones(len(baseline)), baseline]))
    free = meets / np.sqrt(np.maximum(costs, 1.0))
    free = free - known @ (known.T @ free)
    sizes, basis = np.linalg.eigh(free @ free.T)  # squared singular values, ascending, and left vectors
    # The sign of a singular vector is free; ours is that of its largest part, so that every machine finds the same basis.
    basis = basis * np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(basis.shape[1])])
    kept: Floats = basis[:, sizes > _SMALL**2 * max(float(sizes[-1]), 1e-300)]
    return np.ascontiguousarray(kept)


def direction_of(key: bytes, rows: Floats, baseline: Floats, dimensions: int) -> Floats:
    """The secret unit vector, shape (dimensions,), uniform on the sphere: from the key and what it is about."""
    about = blake2b(rows.tobytes() + baseline.tobytes(), digest_size=32, person=b"tarim-mark-1").digest()
    words = np.frombuffer(shake_256(key + about).digest(16 * dimensions), np.uint64).astype(np.float64)
    radius, angle = (words.reshape(2, -1) + 0.5) / 2.0**64
    drawn: Floats = np.sqrt(-2.0 * np.log(radius)) * np.cos(2.0 * math.pi * angle)  # Box and Muller 1958
    return drawn / float(np.linalg.norm(drawn))


def chance_of(cosine: float, dimensions: int) -> float:
    """The chance that a random direction in so many dimensions has this cosine or more."""
    if cosine >= 1.0:
        return 0.0
    beta = math.lgamma(0.5) + math.lgamma((dimensions - 1) / 2) - math.lgamma(dimensions / 2)
    points, weights = np.polynomial.legendre.leggauss(200)
    # Over the angle, whose cosine it is: no end of the integral is singular.
    angle = math.acos(max(-1.0, cosine))
    angles = angle * (points + 1) / 2
    return float(min(1.0, (weights * np.sin(angles) ** (dimensions - 2)).sum() * angle / 2 * math.exp(-beta)))


@dataclass(frozen=True, slots=True)
class Recogniser:
    """A mark opened with its key: what does not depend on the suspect, made once for any number of them.

    space      orthonormal basis, shape (n, k)
    baseline   log odds of the unmarked model's answers, shape (n,)
    direction  the secret unit vector, shape (k,)
    """

    space: Floats
    baseline: Floats
    direction: Floats

    def verdict(self, answers: Floats) -> Verdict:
        """The verdict on a suspect's probabilities for the mark's rows, shape (n,).

        Raises DefinitionError for other answers than one probability a row.
        """
        if answers.shape != self.baseline.shape or not ((answers >= 0) & (answers <= 1)).all():
            raise DefinitionError(f"{len(self.baseline)} probabilities are needed, one a row, each between 0 and 1")
        inside = self.space.T @ (log_odds(answers) - self.baseline)
        length = float(np.linalg.norm(inside))
        cosine = float(inside @ self.direction) / length if length > 0 else 0.0
        return Verdict(cosine, chance_of(cosine, len(self.direction)), len(self.direction))
