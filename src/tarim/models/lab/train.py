"""One run: from samples and a plan to a model file and a record that says everything about it."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from tarim.base.errors import DefinitionError
from tarim.base.instants import CHINA_OFFSET_MS, Clock
from tarim.models.datasets import Operator
from tarim.models.histograms import Histogram, edges_of, histogram_of
from tarim.models.intervals import assess
from tarim.models.lab.calibrate import calibrate
from tarim.models.lab.coverage import asked, look_at_coverage
from tarim.models.lab.crossval import cross_validate
from tarim.models.lab.fit import calibrated, fit_model, leaving
from tarim.models.lab.groups import by_segment, gaps_of
from tarim.models.lab.importance import gains, permutation, scored
from tarim.models.lab.plan import Plan
from tarim.models.lab.record import (
    FORMAT,
    Part,
    RunRecord,
    code_digest,
    code_version,
    libraries,
    script_digest,
)
from tarim.models.lab.samples import Floats, Ints, Rows, Samples
from tarim.models.lab.selection import FeatureNote, look, weigh
from tarim.models.lab.split import Split, split_by_time
from tarim.models.lab.stability import stability_of
from tarim.models.lab.thresholds import DAY_MS, by_capacity, by_cost, days_of
from tarim.models.lab.tuning import Budget, tune
from tarim.models.lab.workers import Caps
from tarim.models.metrics import calibration_error
from tarim.models.model import model_from_bytes
from tarim.models.rules_only import RulesOnly

GAIN_ROWS_MAX: Final = 20_000
STEPS: Final = ("look", "tune", "fit", "measure", "cross-validate")

Stage = Callable[[str], None]
Finish = Callable[[bytes], bytes]
"""What is done to the fitted model's file before anything is measured: a mark is set into it."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is done: its record, and the model file's content."""

    record: RunRecord
    content: bytes


def train(
    samples: Samples,
    plan: Plan,
    operator: Operator,
    clock: Clock,
    *,
    caps: Caps | None = None,
    budget: Budget | None = None,
    stage: Stage = lambda name: None,
    finish: Finish = lambda content: content,
) -> Run:
    """Learn on the training part, choose on the validation part, measure once on the test part.

    The model that is measured is the model that comes out: it is not fitted again on everything.  `budget`: look for better
    parameters first.  `stage` is told the name of each step of STEPS as it begins.

    Raises InputError when the data do not suffice, DefinitionError for a plan that does not fit them.
    """
    caps = caps or Caps(threads=plan.threads)
    started_ms = clock.now_ms()
    split, covered = look_at_coverage(samples, split_by_time(samples, plan.validation_share, plan.test_share), plan)
    rules_only = RulesOnly(covered.rules_only)
    stage("look")
    notes = look(samples, split.training, plan)
    columns = np.array([k for k, note in enumerate(notes) if note.chosen], np.int64)
    names = tuple(samples.names[column] for column in columns)
    tuning = None
    seen = np.flatnonzero(samples.occurred_ms < split.test_from_ms)  # the test part stays unseen
    if budget is not None:
        stage("tune")
        plan, tuning = tune(samples, seen, columns, plan, budget, caps)
    stage("fit")
    begun_s = time.process_time()
    content, iterations, log = _fit(samples, split, columns, names, plan)
    fit_cpu_s = time.process_time() - begun_s
    content = finish(leaving(content, rules_only))
    stage("measure")
    model = model_from_bytes(content, samples.names)
    scores = scored(model, samples.features)
    validation, test = split.validation, split.test
    own = (scores[validation], samples.labels[validation], samples.amount_fen[validation])
    days = days_of(samples.occurred_ms[validation])
    thresholds = (
        by_cost(*own, days, plan.review_cost_fen),
        by_capacity(*own, days, plan.daily_capacity, plan.review_cost_fen),
    )
    local_days = (samples.occurred_ms + CHINA_OFFSET_MS) // DAY_MS
    at_cost, at_capacity = (
        assess(
            scores[test], samples.labels[test], threshold=threshold.score, amounts_fen=samples.amount_fen[test],
            customers=samples.customer[test], days=local_days[test], top=plan.daily_capacity, replicates=plan.replicates,
            seed=plan.seed,
        )
        for threshold in thresholds
    )  # fmt: skip
    segments = by_segment(samples, test, scores, thresholds[0].score, plan)
    raw = np.empty(len(test))
    model.raw_score(np.ascontiguousarray(samples.features[test]), raw)
    baseline = _baseline(samples, split, scores)
    stage("cross-validate")
    checked = cross_validate(samples, seen, columns, plan, caps)
    weighed = _weighed(samples, split, content, columns, names, notes, plan)
    stable = stability_of(samples, names, np.concatenate([validation, test]), scores, baseline)
    record = RunRecord(
        format=FORMAT,
        run_id=_run_id(started_ms),
        operator=operator,
        started_ms=started_ms,
        ended_ms=clock.now_ms(),
        dataset=samples.digest,
        feature_version=samples.feature_version,
        features=names,
        plan=plan,
        settings=plan.settings,
        script=script_digest(plan),
        code=code_digest(),
        code_version=code_version(),
        libraries=libraries(),
        parts={name: _part(samples, rows) for name, rows in _parts(split).items()},
        unripe=split.unripe,
        iterations=iterations,
        iteration_log=tuple(log),
        model=hashlib.sha256(content).hexdigest(),
        model_file="model.json" if content.startswith(b"{") else "model.txt",
        notes=tuple(weighed),
        thresholds=thresholds,
        metrics=at_cost,
        at_capacity=at_capacity,
        uncalibrated_error=calibration_error(1 / (1 + np.exp(-raw)), samples.labels[test]),
        segments=tuple(segments),
        gaps=tuple(gaps_of(segments)),
        cross_validation=checked,
        tuning=tuning,
        stability=tuple(stable),
        baseline=baseline,
        coverage=covered,
        fit_cpu_s=fit_cpu_s,
    )
    return Run(record, content)


def train_again(
    samples: Samples, record: RunRecord, finish: Finish = lambda content: content
) -> tuple[bool, tuple[str, ...]]:
    """Whether a record's plan gives the same model file over its dataset today; and what beneath it is not as it was then.

    The second names code and libraries that changed since; with none, a model that differs is a fault to look into.
    Raises DefinitionError for samples of another dataset.
    """
    if samples.digest != record.dataset:
        raise DefinitionError(
            f"the run {record.run_id} learned from the dataset {record.dataset[:16]}, not from this one"
        )
    split = split_of(samples, record)
    columns = np.array([samples.names.index(name) for name in record.features], np.int64)
    content, _, _ = _fit(samples, split, columns, record.features, record.plan)
    content = finish(leaving(content, record.rules_only))
    now = {**libraries(), "code": code_digest()}
    then = {**record.libraries, "code": record.code}
    changed = tuple(name for name in sorted({*now, *then}) if now.get(name) != then.get(name))
    return hashlib.sha256(content).hexdigest() == record.model, changed


def split_of(samples: Samples, record: RunRecord) -> Split:
    """The parts of a run over its dataset."""
    split = split_by_time(samples, record.plan.validation_share, record.plan.test_share)
    return asked(samples, split, record.rules_only)


def test_rows(samples: Samples, record: RunRecord) -> Rows:
    """Rows of the test part of a run over its dataset: what its model is asked about."""
    return split_of(samples, record).test


def _fit(
    samples: Samples, split: Split, columns: Rows, names: tuple[str, ...], plan: Plan
) -> tuple[bytes, int, list[dict[str, float]]]:
    """The model of the training part, stopped and calibrated on the validation part."""

    def part(rows: Rows) -> tuple[Floats, Ints]:
        return np.ascontiguousarray(samples.features[np.ix_(rows, columns)]), samples.labels[rows]

    fitted = fit_model(
        *part(split.training), names, plan.kind, params=plan.params, seed=plan.seed, fraud_weight=plan.fraud_weight,
        weights=samples.weight[split.training], threads=plan.threads, validation=part(split.validation),
        early_stop=plan.early_stop,
    )  # fmt: skip
    if plan.calibration == "none":
        return fitted.content, fitted.iterations, fitted.log
    table, labels = part(split.validation)
    raw = np.empty(len(labels))
    model_from_bytes(fitted.content, names).raw_score(table, raw)
    return calibrated(fitted.content, calibrate(raw, labels, plan.calibration)), fitted.iterations, fitted.log


def _weighed(
    samples: Samples,
    split: Split,
    content: bytes,
    columns: Rows,
    names: tuple[str, ...],
    notes: list[FeatureNote],
    plan: Plan,
) -> list[FeatureNote]:
    some = split.training[:: max(1, len(split.training) // GAIN_ROWS_MAX)]
    gained = gains(content, names, np.ascontiguousarray(samples.features[np.ix_(some, columns)]))
    tested = np.ascontiguousarray(samples.features[np.ix_(split.test, columns)])
    falls = permutation(content, names, tested, samples.labels[split.test], plan.seed)
    return weigh(notes, dict(zip(names, gained.tolist(), strict=True)), dict(zip(names, falls.tolist(), strict=True)))


def _baseline(samples: Samples, split: Split, scores: Floats) -> dict[str, Histogram]:
    found = {"": histogram_of(scores[split.validation], edges_of(scores[split.validation]))}
    for column, name in enumerate(samples.names):
        values = samples.features[split.training, column]
        found[name] = histogram_of(values, edges_of(values))
    return found


def _parts(split: Split) -> dict[str, Rows]:
    return {"training": split.training, "validation": split.validation, "test": split.test}


def _part(samples: Samples, rows: Rows) -> Part:
    occurred = samples.occurred_ms[rows]
    return Part(len(rows), int(samples.labels[rows].sum()), int(occurred.min()), int(occurred.max()))


def _run_id(started_ms: int) -> str:
    """Sorts by time; the random end tells apart what began in one second."""
    return f"{datetime.fromtimestamp(started_ms / 1000, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


__all__ = ["STEPS", "Run", "test_rows", "train", "train_again"]
