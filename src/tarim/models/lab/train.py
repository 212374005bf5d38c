"""One run: from samples and a plan to a model file and a record that says everything about it."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import numpy as np

from tarim.base.errors import DefinitionError
from tarim.base.instants import Clock
from tarim.models.datasets import Operator
from tarim.models.lab.calibrate import calibrate
from tarim.models.lab.coverage import Coverage, asked, look_at_coverage
from tarim.models.lab.crossval import CrossValidation, cross_validate
from tarim.models.lab.fit import calibrated, fit_model, leaving
from tarim.models.lab.groups import gaps_of
from tarim.models.lab.importance import gains, permutation
from tarim.models.lab.measure import Measured, measure
from tarim.models.lab.plan import Plan
from tarim.models.lab.record import (
    FORMAT,
    Part,
    RunRecord,
    Stability,
    code_digest,
    code_version,
    libraries,
    script_digest,
)
from tarim.models.lab.samples import Floats, Ints, Rows, Samples
from tarim.models.lab.selection import FeatureNote, look, weigh
from tarim.models.lab.split import Split, split_by_time
from tarim.models.lab.stability import stability_of
from tarim.models.lab.tuning import Budget, Tuning, tune
from tarim.models.lab.workers import Caps
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
    course = _prepare(samples, plan, caps, budget, stage)
    stage("fit")
    fitted = _fit(samples, course.split, course.columns, course.names, course.plan)
    fitted = replace(fitted, content=finish(leaving(fitted.content, RulesOnly(course.covered.rules_only))))
    stage("measure")
    measured = measure(samples, course.split, course.plan, fitted.content)
    stage("cross-validate")
    checked = cross_validate(samples, course.seen, course.columns, course.plan, caps)
    notes = _weighed(samples, course, fitted.content)
    later = np.concatenate([course.split.validation, course.split.test])
    stability = stability_of(samples, course.names, later, measured.scores, measured.baseline)
    checks = _Checks(checked, notes, stability)
    spent_ms = (started_ms, clock.now_ms())
    return Run(_record(samples, course, fitted, measured, checks, operator, spent_ms), fitted.content)


@dataclass(frozen=True, slots=True)
class _Course:
    """What a run goes by.

    seen: rows before the test part, which stays unseen until it is measured; columns, names: features that are kept.
    """

    plan: Plan
    split: Split
    seen: Rows
    columns: Rows
    names: tuple[str, ...]
    notes: list[FeatureNote]
    covered: Coverage
    tuning: Tuning | None


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A model file, how many iterations it took, what each of them came to, and the processor time in s."""

    content: bytes
    iterations: int
    log: list[dict[str, float]]
    cpu_s: float


@dataclass(frozen=True, slots=True)
class _Checks:
    """What is found out about a model beside its measures."""

    cross_validation: CrossValidation | None
    notes: list[FeatureNote]
    stability: list[Stability]


def _prepare(samples: Samples, plan: Plan, caps: Caps, budget: Budget | None, stage: Stage) -> _Course:
    """The parts, the features that are kept, and with a budget better parameters."""
    split, covered = look_at_coverage(samples, split_by_time(samples, plan.validation_share, plan.test_share), plan)
    stage("look")
    notes = look(samples, split.training, plan)
    columns = np.array([k for k, note in enumerate(notes) if note.chosen], np.int64)
    seen = np.flatnonzero(samples.occurred_ms < split.test_from_ms)
    tuning = None
    if budget is not None:
        stage("tune")
        plan, tuning = tune(samples, seen, columns, plan, budget, caps)
    names = tuple(samples.names[column] for column in columns)
    return _Course(plan, split, seen, columns, names, notes, covered, tuning)


def _record(
    samples: Samples,
    course: _Course,
    fitted: _Fitted,
    measured: Measured,
    checks: _Checks,
    operator: Operator,
    spent_ms: tuple[int, int],
) -> RunRecord:
    plan, split = course.plan, course.split
    return RunRecord(
        format=FORMAT,
        run_id=_run_id(spent_ms[0]),
        operator=operator,
        started_ms=spent_ms[0],
        ended_ms=spent_ms[1],
        dataset=samples.digest,
        feature_version=samples.feature_version,
        features=course.names,
        plan=plan,
        settings=plan.settings,
        script=script_digest(plan),
        code=code_digest(),
        code_version=code_version(),
        libraries=libraries(),
        parts={name: _part(samples, rows) for name, rows in _parts(split).items()},
        unripe=split.unripe,
        iterations=fitted.iterations,
        iteration_log=tuple(fitted.log),
        model=hashlib.sha256(fitted.content).hexdigest(),
        model_file="model.json" if fitted.content.startswith(b"{") else "model.txt",
        notes=tuple(checks.notes),
        thresholds=measured.thresholds,
        metrics=measured.at_cost,
        at_capacity=measured.at_capacity,
        uncalibrated_error=measured.uncalibrated_error,
        segments=tuple(measured.segments),
        gaps=tuple(gaps_of(measured.segments)),
        cross_validation=checks.cross_validation,
        tuning=course.tuning,
        stability=tuple(checks.stability),
        baseline=measured.baseline,
        coverage=course.covered,
        fit_cpu_s=fitted.cpu_s,
    )


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
    fitted = _fit(samples, split, columns, record.features, record.plan)
    content = finish(leaving(fitted.content, record.rules_only))
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


def _fit(samples: Samples, split: Split, columns: Rows, names: tuple[str, ...], plan: Plan) -> _Fitted:
    """The model of the training part, stopped and calibrated on the validation part."""
    begun_s = time.process_time()

    def part(rows: Rows) -> tuple[Floats, Ints]:
        return np.ascontiguousarray(samples.features[np.ix_(rows, columns)]), samples.labels[rows]

    fitted = fit_model(
        *part(split.training), names, plan.kind, params=plan.params, seed=plan.seed, fraud_weight=plan.fraud_weight,
        weights=samples.weight[split.training], threads=plan.threads, validation=part(split.validation),
        early_stop=plan.early_stop,
    )  # fmt: skip
    content = fitted.content
    if plan.calibration != "none":
        table, labels = part(split.validation)
        raw = np.empty(len(labels))
        model_from_bytes(content, names).raw_score(table, raw)
        content = calibrated(content, calibrate(raw, labels, plan.calibration))
    return _Fitted(content, fitted.iterations, fitted.log, time.process_time() - begun_s)


def _weighed(samples: Samples, course: _Course, content: bytes) -> list[FeatureNote]:
    """The notes with what each feature turned out to be worth."""
    split, names, columns = course.split, course.names, course.columns
    some = split.training[:: max(1, len(split.training) // GAIN_ROWS_MAX)]
    gained = gains(content, names, np.ascontiguousarray(samples.features[np.ix_(some, columns)]))
    tested = np.ascontiguousarray(samples.features[np.ix_(split.test, columns)])
    falls = permutation(content, names, tested, samples.labels[split.test], course.plan.seed)
    by_gain, by_fall = (dict(zip(names, found.tolist(), strict=True)) for found in (gained, falls))
    return weigh(course.notes, by_gain, by_fall)


def _parts(split: Split) -> dict[str, Rows]:
    return {"training": split.training, "validation": split.validation, "test": split.test}


def _part(samples: Samples, rows: Rows) -> Part:
    occurred = samples.occurred_ms[rows]
    return Part(len(rows), int(samples.labels[rows].sum()), int(occurred.min()), int(occurred.max()))


def _run_id(started_ms: int) -> str:
    """Sorts by time; the random end tells apart what began in one second."""
    return f"{datetime.fromtimestamp(started_ms / 1000, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


__all__ = ["STEPS", "Run", "test_rows", "train", "train_again"]
