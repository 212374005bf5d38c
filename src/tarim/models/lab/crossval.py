"""Cross-validation going forward in time, each fold with several seeds: is the figure luck? (ML-09, AS-05)"""

from __future__ import annotations

import time

import msgspec
import numpy as np

from tarim.models.lab.fit import fit_model
from tarim.models.lab.plan import Plan
from tarim.models.lab.samples import Rows, Samples
from tarim.models.lab.split import folds
from tarim.models.lab.workers import Caps, Shared, Workers, shared
from tarim.models.metrics import auc, average_precision
from tarim.models.model import model_from_bytes


class FoldResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fold with one seed.  cpu_s: processor time of the fit, seconds."""

    fold: int
    seed: int
    training_rows: int
    test_rows: int
    test_frauds: int
    auc: float
    average_precision: float
    cpu_s: float = 0.0


class CrossValidation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All folds and seeds, with mean and standard deviation (over folds and seeds together)."""

    results: tuple[FoldResult, ...]
    auc_mean: float
    auc_std: float
    average_precision_mean: float
    average_precision_std: float


def cross_validate(samples: Samples, rows: Rows, columns: Rows, plan: Plan, caps: Caps) -> CrossValidation | None:
    """The plan tried on folds of `rows` over `columns`; None when it asks for none, or when frauds are too few for any.

    The rows are those up to the test part, which stays unseen.  Trees are as many as the plan says: without early stop, for a
    fold has no rows to spare.
    """
    cut = list(folds(samples, rows, plan.folds)) if plan.folds else []
    if not cut:
        return None
    names = tuple(samples.names[column] for column in columns)
    with shared(samples, columns) as table, Workers(caps) as workers:
        calls = [
            (table, learned, tested, names, plan, number, plan.seed + number_of_seed)
            for number, (learned, tested) in enumerate(cut)
            for number_of_seed in range(plan.fold_seeds)
        ]
        results = workers.run(try_fold, calls)
    areas, precisions = [each.auc for each in results], [each.average_precision for each in results]
    return CrossValidation(
        tuple(results),
        float(np.mean(areas)),
        float(np.std(areas)),
        float(np.mean(precisions)),
        float(np.std(precisions)),
    )


def try_fold(
    table: Shared, learned: Rows, tested: Rows, names: tuple[str, ...], plan: Plan, fold: int, seed: int
) -> FoldResult:
    """Learn from some rows and measure on others; for a process of its own."""
    features, labels, weights = table.read()
    begun_s = time.process_time()
    fitted = fit_model(
        features[learned], labels[learned], names, plan.kind, params=plan.params, seed=seed, fraud_weight=plan.fraud_weight,
        weights=weights[learned], threads=plan.threads,
    )  # fmt: skip
    cpu_s = time.process_time() - begun_s
    scores = np.empty(len(tested))
    model_from_bytes(fitted.content, names).raw_score(np.ascontiguousarray(features[tested]), scores)
    truth = np.asarray(labels[tested])
    figures = auc(scores, truth), average_precision(scores, truth)
    return FoldResult(fold, seed, len(learned), len(tested), int(truth.sum()), *figures, cpu_s)
