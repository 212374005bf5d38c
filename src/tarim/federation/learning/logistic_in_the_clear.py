"""The plaintext twin of joint logistic regression: the same quantised columns, batches and sigmoid, in floating point."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tarim.federation.learning.encoding import Encoded
from tarim.federation.learning.logistic_plan import Plan
from tarim.federation.learning.sigmoid import clipped_sigmoid
from tarim.federation.learning.stopping import stops_in_the_clear
from tarim.federation.randomness import Bits


def trained_in_the_clear(first: Encoded, second: Encoded, labels: Bits, plan: Plan) -> npt.NDArray[np.float64]:
    """The weights (bias, first party's, second party's) that the same training gives in floating point."""
    plan.check(len(labels))
    course = plan.course(len(labels))
    x = np.column_stack([np.ones(len(labels)), first.values, second.values])
    weights = np.zeros(x.shape[1])
    rate = 2.0**plan.learning_rate_log2
    penalty = 0.0 if plan.l2_log2 is None else 2.0**plan.l2_log2
    known, losses = [weights.copy()], list[float]()
    for _ in range(plan.epochs):
        for start in range(0, course.trained, course.batch):
            part = slice(start, start + course.batch)
            residual = clipped_sigmoid(x[part] @ weights) - labels[part]
            decay = penalty * weights
            decay[0] = 0.0
            weights -= rate * (x[part].T @ residual / course.batch + decay)
        known.append(weights.copy())
        if plan.stop is not None:
            held = slice(course.trained, course.rows)
            z, y = x[held] @ weights, labels[held]
            p = clipped_sigmoid(z)
            losses.append(float(((p - y) * z + 2 * p * (1 - p)).mean()))
            if stops_in_the_clear(losses, plan.stop.patience, 2.0**plan.stop.least_log2):
                return known[-1 - plan.stop.patience]
    return weights
