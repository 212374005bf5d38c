"""How many passes over the rows joint logistic regression needs, first and second order, all in the clear.

    python -m bench.second_order [--shared FOLDER] [--seeds N]

UCI bank marketing as in `bench.federation`: the quantised columns and the clipped sigmoid of joint training, floating point
else.  For each way of descent the first pass after which the AUC on the judged rows is, and stays for the rest of PASSES,
within each of TOLERANCES of the one that the descent converges to, null for none; one line a seed.

    mini-batches   as `learning.logistic_in_the_clear`, batches of 1,024 rows, by learning rate
    all rows       the same with full batches
    fixed Hessian  full batches, the gradient times the inverse of X^T X / 4 n, computed once (Böhning, Lindsay, 1988)
    own columns    the same without the products of one party's columns and the other's: each inverts its own block alone
    Newton         full batches, the Hessian anew in each pass, of the clipped sigmoid's slope
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from bench.federation import Marketing, shared_folder
from tarim.federation import Role
from tarim.federation.learning.sigmoid import clipped_sigmoid
from tarim.models import auc

TOLERANCES: Final = (0.0005, 0.002)
PASSES: Final = 40
CONVERGED_PASSES: Final = 400
PENALTY: Final = 1e-4
"""Added to the diagonal of a Hessian, so that it has an inverse."""
BATCH_ROWS: Final = 1_024

Floats = npt.NDArray[np.float64]
Passes = Iterator[Floats]


def descended(x: Floats, y: Floats, batch: int, rate: float) -> Passes:
    """The weights after each pass of first-order descent; rows beyond the last whole batch are left out."""
    weights = np.zeros(x.shape[1])
    while True:
        for start in range(0, len(x) // batch * batch, batch):
            part = slice(start, start + batch)
            weights = weights - rate * x[part].T @ (clipped_sigmoid(x[part] @ weights) - y[part]) / batch
        yield weights


def fixed_hessian(x: Floats, y: Floats, blocks: list[slice]) -> Passes:
    """The weights after each pass with the inverse of X^T X / 4 n, of which only these blocks on the diagonal are not zero."""
    inverse, weights = np.zeros((x.shape[1], x.shape[1])), np.zeros(x.shape[1])
    for block in blocks:
        part = x[:, block]
        inverse[block, block] = np.linalg.inv(part.T @ part / 4 / len(x) + PENALTY * np.eye(part.shape[1]))
    while True:
        weights = weights - inverse @ x.T @ (clipped_sigmoid(x @ weights) - y) / len(x)
        yield weights


def newton(x: Floats, y: Floats) -> Passes:
    """The weights after each pass with the Hessian of that pass."""
    weights = np.zeros(x.shape[1])
    while True:
        z = x @ weights
        inside = x[np.abs(z) < 2]
        hessian = inside.T @ inside / 4 / len(x) + PENALTY * np.eye(x.shape[1])
        weights = weights - np.linalg.solve(hessian, x.T @ (clipped_sigmoid(z) - y) / len(x))
        yield weights


def ways(x: Floats, y: Floats, first: int) -> dict[str, Callable[[], Passes]]:
    """Every way of descent by its name.  first: the first party's columns, after the bias."""
    whole, own = [slice(0, x.shape[1])], [slice(0, 1 + first), slice(1 + first, x.shape[1])]
    found: dict[str, Callable[[], Passes]] = {}
    for log2 in (0, 1, 2):
        found[f"mini-batches, rate {2**log2}"] = partial(descended, x, y, BATCH_ROWS, 2.0**log2)
    for log2 in (1, 2, 3):
        found[f"all rows, rate {2**log2}"] = partial(descended, x, y, len(x), 2.0**log2)
    found["fixed Hessian"] = partial(fixed_hessian, x, y, whole)
    found["fixed Hessian, own columns"] = partial(fixed_hessian, x, y, own)
    found["Newton"] = partial(newton, x, y)
    return found


def measured(shared: Path, seed: int) -> dict[str, object]:
    """Passes of every way, for each tolerance."""
    data = Marketing(shared, seed)
    (one, one_judged), (other, other_judged) = (data.encoded(role) for role in Role)
    x = np.column_stack([np.ones(len(one)), one.values, other.values])
    judged = np.column_stack([np.ones(len(one_judged)), one_judged.values, other_judged.values])
    y, events = data.labels[data.train].astype(np.float64), data.labels[data.test] == 1
    best = fixed_hessian(x, y, [slice(0, x.shape[1])])
    for _ in range(CONVERGED_PASSES):
        weights = next(best)
    goal = auc(judged @ weights, events)
    found: dict[str, object] = {"seed": seed, "rows": len(x), "columns": x.shape[1], "converged AUC": round(goal, 4)}
    for name, begin in ways(x, y, len(one.widths)).items():
        descent = begin()
        off = [abs(auc(judged @ next(descent), events) - goal) for _ in range(PASSES)]
        found[name] = [_settled(off, each) for each in TOLERANCES]
    return found


def _settled(off: list[float], tolerance: float) -> int | None:
    """The first pass from which on it is never further off."""
    if off[-1] > tolerance:
        return None
    return max((number for number, each in enumerate(off, 1) if each > tolerance), default=0) + 1


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--shared", type=Path, default=shared_folder())
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    for seed in range(arguments.seeds):
        print(json.dumps(measured(arguments.shared, seed)), flush=True)


if __name__ == "__main__":
    main()
