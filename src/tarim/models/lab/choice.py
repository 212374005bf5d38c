"""Why this run and not another: what was compared, how it came out, and a person's reason (ML-04, AS-02).

DATA/runs/<run_id>/
    choice.json   Choice as canonical JSON
    choice.sig    the house's signature over choice.json

A run is signed before anybody can compare it, so the choice lies beside it.  It may be written anew until the model is
submitted; the card that is submitted holds what it said then.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from tarim.base.canonical import canonical_json
from tarim.base.errors import Damaged, DefinitionError, InputError, NotFound
from tarim.models.datasets import Operator
from tarim.models.intervals import Measure
from tarim.models.lab.record import RunRecord
from tarim.privacy import SIGNATURE_BYTES, Signer

FORMAT: Final = "tarim.choice/1"
CHOICE: Final = "choice.json"
SIGNATURE: Final = "choice.sig"
BYTES_MAX: Final = 1 << 20
REASON_CHARACTERS_MIN: Final = 20
REASON_CHARACTERS_MAX: Final = 4_000
ALTERNATIVES_MAX: Final = 50
_MEASURES: Final = ("auc", "average_precision")


class Alternative(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run that was compared and not chosen.

    better_by: its average precision less that of the chosen run, paired, None where nothing can be paired; `why_not` says why.
    """

    run_id: str
    kind: str
    settings: dict[str, float]
    measures: dict[str, Measure]
    fit_cpu_s: float
    better_by: Measure | None
    why_not: str


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The choice of a run.  trials: sets of parameters that were tried for it; at_ms: ms since the epoch."""

    format: str
    run_id: str
    model: str
    alternatives: tuple[Alternative, ...]
    trials: int
    reason: str
    operator: Operator
    at_ms: int

    @property
    def content(self) -> bytes:
        """The bytes that are signed."""
        return canonical_json(self) + b"\n"

    def listed(self) -> list[str]:
        """What was compared, a line each, as a model's card has it."""
        found = [
            f"{each.run_id} ({each.kind}): average precision {_told(each.measures.get('average_precision'))}, "
            + (f"difference {_told(each.better_by, '+')}" if each.better_by else "not paired")
            for each in self.alternatives
        ]
        return found + ([f"{self.trials} sets of parameters, the best by folds"] if self.trials else [])


def alternative(record: RunRecord, differences: Mapping[str, Measure], why_not: str) -> Alternative:
    """A run as one that was compared."""
    measures = {name: record.metrics.measures[name] for name in _MEASURES if name in record.metrics.measures}
    return Alternative(
        record.run_id,
        record.kind,
        record.settings,
        measures,
        record.fit_cpu_s,
        differences.get("average_precision"),
        why_not,
    )


def choice_of(
    record: RunRecord, alternatives: tuple[Alternative, ...], reason: str, operator: Operator, at_ms: int
) -> Choice:
    """The choice of a run.

    Raises InputError when nothing was compared, when too much was, or for a reason of fewer than REASON_CHARACTERS_MIN
    or more than REASON_CHARACTERS_MAX characters.
    """
    trials = len(record.tuning.trials) if record.tuning is not None else 0
    if not alternatives and trials < 2:
        raise InputError(
            "nothing was compared: name the runs that it was preferred to (--over), or let `tarim models tune` look for "
            "parameters"
        )
    if len(alternatives) > ALTERNATIVES_MAX:
        raise InputError(f"at most {ALTERNATIVES_MAX} runs are compared")
    if record.run_id in {each.run_id for each in alternatives}:
        raise InputError("a run is not preferred to itself")
    reason = reason.strip()
    if not REASON_CHARACTERS_MIN <= len(reason) <= REASON_CHARACTERS_MAX:
        raise InputError(f"a reason has {REASON_CHARACTERS_MIN} to {REASON_CHARACTERS_MAX} characters")
    return Choice(FORMAT, record.run_id, record.model, alternatives, trials, reason, operator, at_ms)


def read_choice(folder: Path, record: RunRecord, signer: Signer) -> Choice:
    """The choice beside a run, its signature checked.  Raises DefinitionError when there is none, Damaged."""
    try:
        content, signature = _read(folder / CHOICE, BYTES_MAX), _read(folder / SIGNATURE, SIGNATURE_BYTES)
    except NotFound:
        raise DefinitionError(
            f"nobody has written why run {record.run_id} was chosen; do it with: tarim models choose {record.run_id} "
            "--over OTHER --reason ..."
        ) from None
    signer.verify(content, signature)
    try:
        choice = msgspec.json.decode(content, type=Choice)
    except msgspec.MsgspecError:
        raise Damaged(f"{folder.name}: {CHOICE} cannot be read") from None
    if (choice.format, choice.run_id, choice.model) != (FORMAT, record.run_id, record.model):
        raise Damaged(f"{folder.name}: {CHOICE} is about another run or model, or of another format than {FORMAT}")
    return choice


def _told(measure: Measure | None, sign: str = "") -> str:
    if measure is None or measure.value is None:
        return "-"
    interval = "" if measure.low is None else f" [{measure.low:{sign}.4f}, {measure.high:{sign}.4f}]"
    return f"{measure.value:{sign}.4f}{interval}"


def _read(path: Path, bytes_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(bytes_max + 1)
    except OSError as error:
        raise NotFound(f"{path.name} of the run {path.parent.name} cannot be read: {error.strerror}") from None
