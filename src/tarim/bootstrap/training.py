"""Training on a data folder: a signed training set in, a signed run out, in the name of the person at the command line.

Works beside a running service: it reads `DATA/datasets`, writes `DATA/runs`, and gives way to everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError, InputError, TarimError, Unavailable
from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, Clock
from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.datasets import signer_of
from tarim.bootstrap.marks import MARK_FILE, Marker, mark_key
from tarim.bootstrap.operators import operator_of
from tarim.bootstrap.places import Places
from tarim.bootstrap.rule_drafts import draft_of
from tarim.identity import KeyId, Scope
from tarim.models import average_precision, find_dataset, load_dataset
from tarim.models.datasets import Operator
from tarim.models.intervals import Evidence, Measure, differences
from tarim.models.lab import (
    CHOICE,
    Budget,
    Caps,
    Choice,
    Plan,
    RunRecord,
    Samples,
    alternative,
    choice_of,
    every_run,
    find_run,
    give_way,
    make_comparison,
    make_report,
    put_run,
    read_model,
    read_run,
    samples_of,
    split_by_time,
    test_rows,
    train,
    train_again,
    tree_rules,
)
from tarim.models.lab.choice import SIGNATURE as CHOICE_SIGNATURE
from tarim.models.model import model_from_bytes
from tarim.models.registry import CURVES, CURVES_SIGNATURE
from tarim.stream import FeatureSet

MARKED_ROWS: Final = 100_000
"""Genuine rows, about, on which it is seen what a mark costs; frauds all."""

Stage = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Again:
    """A run that was done again: is the model the same, and what was not the same beneath it."""

    record: RunRecord
    same: bool
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """A run beside the first: paired differences in its favour, or why there are none."""

    record: RunRecord
    differences: Mapping[str, Measure]
    why_not: str


class Laboratory:
    """Runs of one data folder."""

    def __init__(self, places: Places, environment: Mapping[str, str], clock: Clock | None = None) -> None:
        self._places = places
        self._environment = environment
        self._clock = clock or SystemClock()
        self._signer = signer_of(places, environment)

    def train(
        self,
        dataset: str,
        plan: Plan,
        caps: Caps,
        budget: Budget | None = None,
        *,
        report: bool = True,
        stage: Stage = lambda name: None,
    ) -> tuple[Path, RunRecord]:
        """A run on the set whose digest begins with `dataset`, kept with its report; `budget`: look for parameters first.

        Raises NotAllowed without a key of scope models, NotFound, Damaged for a set that is not as signed, InputError,
        DefinitionError, Unavailable.
        """
        operator = self._engineer()
        give_way(caps.nice)
        stage("load")
        samples = self._samples(dataset)
        own = Operator(operator.id, operator.name)
        marker = self._marker(samples, plan)
        run = train(samples, plan, own, self._clock, caps=caps, budget=budget, stage=stage, finish=marker)
        extra = marker.files
        if report:
            stage("report")
            extra |= self._signed(make_report(run.record, run.content, samples))
        return put_run(self._places.runs, run.record, run.content, self._signer, extra), run.record

    def again(self, run: str, caps: Caps, stage: Stage = lambda name: None) -> Again:
        """A run done once more from its record.  Raises as `train`."""
        self._engineer()
        give_way(caps.nice)
        folder = find_run(self._places.runs, run)
        record = read_run(folder, self._signer)
        stage("load")
        samples = self._samples(record.dataset)
        stage("fit")
        if (folder / MARK_FILE).exists():
            same, changed = train_again(samples, record, self._marker(samples, record.plan))
        else:
            same, changed = train_again(samples, record)
        return Again(record, same, changed)

    def report(self, run: str, out: Path | None = None, stage: Stage = lambda name: None) -> Path:
        """The report of a run, drawn anew into its folder or `out`; the page's path.  Raises NotFound, Damaged, Unavailable."""
        folder = find_run(self._places.runs, run)
        record = read_run(folder, self._signer)
        stage("load")
        files = self._signed(make_report(record, read_model(folder, record), self._samples(record.dataset), stage))
        target = out or folder
        _write_files(files, target)
        return target / "report.html"

    def runs(self) -> list[tuple[Path, RunRecord | TarimError]]:
        """Every run with its record, or with what is wrong with it, oldest first."""
        return list(every_run(self._places.runs, self._signer))

    def record(self, run: str) -> RunRecord:
        """The checked record of the run whose id begins so.  Raises NotFound, InputError, Damaged."""
        return read_run(find_run(self._places.runs, run), self._signer)

    def compare(self, runs: Sequence[str], stage: Stage = lambda name: None) -> list[Compared]:
        """Runs beside the first of them, on the first one's test part.

        Raises InputError for fewer than two, NotFound, Damaged.
        """
        if len(runs) < 2:
            raise InputError("to compare, name two runs or more")
        folders = [find_run(self._places.runs, run) for run in runs]
        records = [read_run(folder, self._signer) for folder in folders]
        first = records[0]
        found = [Compared(first, {}, "")]
        same = [record for record in records[1:] if record.dataset == first.dataset]
        if same:
            stage("load")
            samples = self._samples(first.dataset)
            rows = test_rows(samples, first)
            evidence = Evidence(
                samples.labels[rows],
                samples.amount_fen[rows],
                samples.customer[rows],
                (samples.occurred_ms[rows] + CHINA_OFFSET_MS) // DAY_MS,
            )
            base = _scores(samples, rows, folders[0], first)
        for folder, record in zip(folders[1:], records[1:], strict=True):
            stage(record.run_id)
            if record.dataset != first.dataset:
                found.append(
                    Compared(record, {}, "another training set, so nothing can be paired. 训练集不同，无法配对。")
                )
            elif not np.array_equal(rows, test_rows(samples, record)):
                found.append(
                    Compared(record, {}, "another test part, so nothing can be paired. 测试样本不同，无法配对。")
                )
            else:
                thresholds = (first.thresholds[0].score, record.thresholds[0].score)
                scores = (base, _scores(samples, rows, folder, record))
                plan = first.plan
                paired = differences(
                    scores, thresholds, evidence, top=plan.daily_capacity, replicates=plan.replicates, seed=plan.seed
                )
                found.append(Compared(record, paired, ""))
        return found

    def comparison(self, found: Sequence[Compared], out: Path) -> Path:
        """What `compare` found as a page with a picture in a folder; the page's path.  Raises Unavailable."""
        return _write_files(make_comparison(found), out)[0]

    def choose(self, run: str, over: Sequence[str], reason: str, stage: Stage = lambda name: None) -> Choice:
        """Why this run was taken and not `over`, written beside it and signed.

        Raises NotAllowed without a key of scope models, NotFound, Damaged, InputError when nothing was compared, Unavailable.
        """
        operator = self._engineer()
        record = self.record(run)
        others = self.compare([run, *over], stage)[1:] if over else []
        alternatives = tuple(alternative(each.record, each.differences, each.why_not) for each in others)
        made = choice_of(record, alternatives, reason, Operator(operator.id, operator.name), self._clock.now_ms())
        content = made.content
        files = {CHOICE: content, CHOICE_SIGNATURE: self._signer.sign(content)}
        _write_files(files, find_run(self._places.runs, run))
        return made

    def rules(
        self, dataset: str, features: FeatureSet, *, depth: int, count: int, chosen: Sequence[str], seed: int
    ) -> tuple[str, int]:
        """Rules read off a tree over a set, as a draft for an analyst, and how many they are.

        Raises NotAllowed without a key of scope models, NotFound, Damaged, InputError, DefinitionError for features of another
        version than the set in force.
        """
        self._engineer()
        samples = self._samples(dataset)
        if samples.feature_version != features.version:
            raise DefinitionError(
                f"the training set has features of version {samples.feature_version[:16]}, this house computes "
                f"{features.version[:16]}: cut the training set again"
            )
        found = tree_rules(samples, depth=depth, count=count, features=chosen, seed=seed)
        return draft_of(found, features, samples.digest, len(samples)), len(found)

    def _signed(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """A report's files, the numbers that people agree to models by signed by the house."""
        return {**files, CURVES_SIGNATURE: self._signer.sign(files[CURVES])}

    def _engineer(self) -> KeyId:
        return operator_of(self._places, self._environment, Scope.MODELS, self._clock)

    def _marker(self, samples: Samples, plan: Plan) -> Marker:
        """Marks as strongly as the average precision before the test part allows; validation alone has too few frauds."""
        split = split_by_time(samples, plan.validation_share, plan.test_share)
        rows = np.concatenate([split.training, split.validation])
        frauds, genuine = (rows[samples.labels[rows] == label] for label in (1, 0))
        rows = np.concatenate([frauds, genuine[:: max(1, len(genuine) // MARKED_ROWS)]])
        table = np.ascontiguousarray(samples.features[rows])

        def quality(content: bytes) -> float:
            found = np.empty(len(rows))
            model_from_bytes(content, samples.names).score(table, found)
            return average_precision(found, samples.labels[rows])

        return Marker(mark_key(self._places, self._environment), quality)

    def _samples(self, dataset: str) -> Samples:
        return samples_of(load_dataset(find_dataset(self._places.datasets, dataset), self._signer))


def _write_files(files: Mapping[str, bytes], folder: Path) -> list[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise Unavailable(f"files cannot be written to {folder}: {error.strerror}") from None
    return [folder / name for name in files]


def _scores(samples: Samples, rows: npt.NDArray[np.int64], folder: Path, record: RunRecord) -> npt.NDArray[np.float64]:
    out = np.empty(len(rows))
    model_from_bytes(read_model(folder, record), samples.names).score(np.ascontiguousarray(samples.features[rows]), out)
    return out
