"""The record of a run: who, when, from what, how, with which result.  Signed, and enough to do it again.

DATA/runs/<run_id>/
    run.json              RunRecord as canonical JSON
    run.sig               the house's signature over run.json
    model.txt|model.json  what `load_model` reads; its SHA-256 is in the record
    report.html, *.png    for people; made from the record and the dataset
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from importlib import metadata, resources
from pathlib import Path
from typing import Final

import msgspec

from tarim import __version__
from tarim.base.canonical import canonical_json
from tarim.base.errors import Conflict, Damaged, InputError, NotFound, TarimError, Unavailable
from tarim.base.files import content_of
from tarim.models.datasets import Operator
from tarim.models.histograms import Histogram
from tarim.models.intervals import Assessment
from tarim.models.lab.coverage import Coverage
from tarim.models.lab.crossval import CrossValidation
from tarim.models.lab.plan import Plan
from tarim.models.lab.selection import FeatureNote
from tarim.models.lab.thresholds import Threshold
from tarim.models.lab.tuning import Tuning
from tarim.models.rules_only import RulesOnly
from tarim.privacy import SIGNATURE_BYTES, Signer

FORMAT: Final = "tarim.run/1"
RECORD: Final = "run.json"
SIGNATURE: Final = "run.sig"
RECORD_BYTES_MAX: Final = 64 << 20
LIBRARIES: Final = ("lightgbm", "numpy", "numba", "optuna", "scikit-learn", "scipy", "tarim")


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of one role, from the first event to the last, ms since the epoch."""

    rows: int
    frauds: int
    first_ms: int
    last_ms: int


class SegmentResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures of one value of one segment, on the test part; None where it has too few of either label to measure."""

    segment: str
    value: str
    rows: int
    frauds: int
    assessment: Assessment | None


class Gap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far the best and worst values of a segment lie apart in a measure.

    apart: whether their intervals of 95 % do not touch.
    """

    segment: str
    measure: str
    best: str
    worst: str
    gap: float
    apart: bool


class Stability(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PSI of the score (name empty) or a feature in a period against the training rows (the score: validation rows)."""

    name: str
    period: str
    rows: int
    psi: float


class RunRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about a run but the model's bytes.

    started_ms, ended_ms: ms since the epoch.  iterations: trees kept, or steps of the regression; iteration_log: a line each.
    script: SHA-256 of the plan's canonical JSON; code: SHA-256 over the modelling code, `code_version` its release.
    model: SHA-256 of the model file `model_file`.  calibration: raw and calibrated error on the test part.
    baseline: histograms of each feature over the training rows, and of the score over the validation rows under "".
    coverage: segments too thin to learn from, and which of them are left to rules; None of a run before they were looked for.
    fit_cpu_s: processor time of the fit with its calibration, seconds; 0 of a run before it was measured.
    """

    format: str
    run_id: str
    operator: Operator
    started_ms: int
    ended_ms: int
    dataset: str
    feature_version: str
    features: tuple[str, ...]
    plan: Plan
    settings: dict[str, float]
    script: str
    code: str
    code_version: str
    libraries: dict[str, str]
    parts: dict[str, Part]
    unripe: int
    iterations: int
    iteration_log: tuple[dict[str, float], ...]
    model: str
    model_file: str
    notes: tuple[FeatureNote, ...]
    thresholds: tuple[Threshold, ...]
    metrics: Assessment
    at_capacity: Assessment
    uncalibrated_error: float
    segments: tuple[SegmentResult, ...]
    gaps: tuple[Gap, ...]
    cross_validation: CrossValidation | None
    tuning: Tuning | None
    stability: tuple[Stability, ...]
    baseline: dict[str, Histogram]
    coverage: Coverage | None = None
    fit_cpu_s: float = 0.0

    @property
    def content(self) -> bytes:
        """The bytes that are signed."""
        return canonical_json(self) + b"\n"

    @property
    def rules_only(self) -> RulesOnly:
        """Where the model is not asked."""
        return RulesOnly(self.coverage.rules_only if self.coverage is not None else ())

    @property
    def kind(self) -> str:
        """lightgbm, logistic or woe."""
        return self.plan.kind


def libraries() -> dict[str, str]:
    """Versions of what the result depends on."""
    return {name: metadata.version(name) for name in LIBRARIES}


def code_digest() -> str:
    """SHA-256 over every module of the models, so that a run says which code made it even between releases."""
    digest = hashlib.sha256()
    root = resources.files("tarim.models")
    assert isinstance(root, Path)
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def script_digest(plan: Plan) -> str:
    """SHA-256 of a plan."""
    return hashlib.sha256(canonical_json(plan)).hexdigest()


def code_version() -> str:
    """The release."""
    return __version__


def put_run(runs: Path, record: RunRecord, model: bytes, signer: Signer, extra: Mapping[str, bytes]) -> Path:
    """Write a run's folder whole or not at all; `extra` are further files by name.  Raises Conflict, Unavailable."""
    content = record.content
    if len(content) > RECORD_BYTES_MAX:
        raise InputError(f"the record would be larger than {RECORD_BYTES_MAX} bytes; choose fewer features or segments")
    assert hashlib.sha256(model).hexdigest() == record.model
    files = {RECORD: content, SIGNATURE: signer.sign(content), record.model_file: model, **extra}
    folder, making = runs / record.run_id, runs / f".{record.run_id}.new"
    try:
        making.mkdir(parents=True)
        for name, each in files.items():
            with (making / name).open("wb") as file:
                file.write(each)
                file.flush()
                os.fsync(file.fileno())
        if folder.exists():
            raise Conflict(f"there is a run {record.run_id} already")
        making.rename(folder)
    except OSError as error:
        raise Unavailable(f"the run cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return folder


def find_run(runs: Path, prefix: str) -> Path:
    """The folder of the run whose id begins with `prefix`.  Raises NotFound, InputError when several do."""
    found = [path for path in run_folders(runs) if prefix and path.name.startswith(prefix)]
    exact = [path for path in found if path.name == prefix]
    if len(found) > 1 and not exact:
        raise InputError(f"{prefix[:64]} begins the ids of {len(found)} runs: give more characters")
    if not found:
        raise NotFound(f"there is no run {prefix[:64]}")
    return (exact or found)[0]


def run_folders(runs: Path) -> list[Path]:
    """Folders of the runs, oldest first."""
    if not runs.is_dir():
        return []
    return sorted(path for path in runs.iterdir() if path.is_dir() and not path.name.startswith("."))


def read_run(folder: Path, signer: Signer) -> RunRecord:
    """The record of a run, its signature, its name and its model's digest checked.  Raises NotFound, Damaged."""
    content = _read(folder / RECORD, RECORD_BYTES_MAX)
    signer.verify(content, _read(folder / SIGNATURE, SIGNATURE_BYTES))
    try:
        record = msgspec.json.decode(content, type=RunRecord)
    except (msgspec.MsgspecError, InputError) as error:
        raise Damaged(f"{folder.name}: the record cannot be read: {error}") from None
    if record.format != FORMAT or record.run_id != folder.name or Path(record.model_file).name != record.model_file:
        raise Damaged(f"{folder.name}: the record is of another run or another format than {FORMAT}")
    read_model(folder, record)
    return record


def read_model(folder: Path, record: RunRecord) -> bytes:
    """The run's model file.  Raises NotFound, Damaged unless it is the one that the record names."""
    from tarim.models.domain import MODEL_BYTES_MAX

    content = _read(folder / record.model_file, MODEL_BYTES_MAX)
    if hashlib.sha256(content).hexdigest() != record.model:
        raise Damaged(f"{folder.name}: {record.model_file} is not the model that the run made")
    return content


def every_run(runs: Path, signer: Signer) -> Iterator[tuple[Path, RunRecord | TarimError]]:
    """Each run's folder with its record, or with what is wrong with it."""
    for folder in run_folders(runs):
        try:
            yield folder, read_run(folder, signer)
        except TarimError as error:
            yield folder, error


def _read(path: Path, bytes_max: int) -> bytes:
    return content_of(path, bytes_max, f"{path.name} of the run {path.parent.name}")
