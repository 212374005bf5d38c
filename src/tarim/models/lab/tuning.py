"""Look for better parameters, by Optuna, within a budget of trials and of seconds.

Trials are asked for and judged by cross-validation going forward in time over the rows before the test part; the test part is
not looked at.  The same seed and number of processes ask for the same trials, unless the seconds end the search before the
trials do: what counts for doing a run again is the parameters that were found, and these are in its plan.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
import numpy as np

from tarim.base.errors import DefinitionError, InputError
from tarim.models.lab.crossval import try_fold
from tarim.models.lab.plan import Plan
from tarim.models.lab.samples import Rows, Samples
from tarim.models.lab.split import folds
from tarim.models.lab.workers import Caps, Workers, shared

TRIALS_MAX: Final = 1_000
SECONDS_MAX: Final = 7 * 86_400

_SPACE: Final[dict[str, dict[str, tuple[float, float, str]]]] = {
    "lightgbm": {
        "num_trees": (50, 800, "whole"),
        "num_leaves": (4, 128, "whole log"),
        "max_depth": (3, 10, "whole"),
        "learning_rate": (0.01, 0.2, "log"),
        "min_data_in_leaf": (5, 500, "whole log"),
        "feature_fraction": (0.3, 1.0, ""),
        "lambda_l2": (1e-2, 1e2, "log"),
    },
    "logistic": {"c": (1e-4, 1e2, "log"), "signed_log": (0, 1, "whole")},
    "woe": {"c": (1e-4, 1e2, "log"), "bins": (3, 15, "whole"), "bin_share": (0.001, 0.05, "log")},
}
"""Where to look; what a plan sets itself stays as it is."""


class Budget(msgspec.Struct, frozen=True):
    """When to stop: after so many trials, and not begin another round after so many seconds."""

    trials: int = 30
    seconds: float = 600

    def __post_init__(self) -> None:
        if not 1 <= self.trials <= TRIALS_MAX or not 0 < self.seconds <= SECONDS_MAX:
            raise DefinitionError(f"a budget is 1 to {TRIALS_MAX} trials and up to {SECONDS_MAX} seconds")


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters that were tried, the average precision of each fold, and the processor time of their fits in seconds."""

    number: int
    params: dict[str, float]
    average_precision: float
    folds: tuple[float, ...]
    cpu_s: float = 0.0


class Tuning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All trials in their order; `best` is the number of the one that was taken."""

    trials: tuple[Trial, ...]
    best: int
    budget_trials: int
    budget_seconds: float
    seconds: float


def tune(
    samples: Samples,
    rows: Rows,
    columns: Rows,
    plan: Plan,
    budget: Budget,
    caps: Caps,
    progress: Callable[[int, float], None] = lambda done, best: None,
) -> tuple[Plan, Tuning]:
    """The plan with the best parameters found, and how they were found.  progress: told of trials done and the best so far.

    Raises InputError when there are too few frauds for a single fold.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    cut = list(folds(samples, rows, max(1, plan.folds)))
    if not cut:
        raise InputError("there are too few frauds for a fold to judge parameters on: take a longer span")
    names = tuple(samples.names[column] for column in columns)
    space = {name: where for name, where in _SPACE[plan.kind].items() if name not in plan.params}
    if not space:
        raise DefinitionError("the plan sets every parameter itself, so there is nothing to look for")
    sampler = optuna.samplers.TPESampler(seed=plan.seed, n_startup_trials=8, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    begin, found = time.monotonic(), list[Trial]()
    with shared(samples, columns) as table, Workers(caps) as workers:
        while len(found) < budget.trials and (not found or time.monotonic() - begin < budget.seconds):
            asked = [study.ask() for _ in range(min(caps.processes, budget.trials - len(found)))]
            plans = [
                _plan_of(plan, {name: _suggest(trial, name, *where) for name, where in space.items()})
                for trial in asked
            ]
            calls = [
                (table, learned, tested, names, each, number, plan.seed)
                for each in plans
                for number, (learned, tested) in enumerate(cut)
            ]
            results = workers.run(try_fold, calls)
            for at, (trial, tried) in enumerate(zip(asked, plans, strict=True)):
                own = results[at * len(cut) : (at + 1) * len(cut)]
                scores, cpu_s = tuple(each.average_precision for each in own), sum(each.cpu_s for each in own)
                study.tell(trial, float(np.mean(scores)))
                found.append(Trial(trial.number, tried.settings, float(np.mean(scores)), scores, cpu_s))
            progress(len(found), max(trial.average_precision for trial in found))
    best = max(found, key=lambda trial: (trial.average_precision, -trial.number))
    tuning = Tuning(tuple(found), best.number, budget.trials, budget.seconds, time.monotonic() - begin)
    return msgspec.structs.replace(plan, params=best.params), tuning


def _plan_of(plan: Plan, params: dict[str, float]) -> Plan:
    return msgspec.structs.replace(plan, params={**plan.params, **params})


def _suggest(trial: Any, name: str, low: float, high: float, how: str) -> float:
    if "whole" in how:
        return float(trial.suggest_int(name, int(low), int(high), log="log" in how))
    return float(trial.suggest_float(name, low, high, log="log" in how))
