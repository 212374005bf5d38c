"""What people look at before they agree to a model: the figures of its run, and the curves of its scores.

Both are signed files of the run's folder, read here without the laboratory that made them, which the serving process does not
load.  `RunFigures` is a part of the signed record, `Curves` the numbers behind the report's charts (ML-07, ML-20).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from tarim.base.errors import Damaged

CURVES_FORMAT: Final = "tarim.curves/1"
CURVES: Final = "curves.json"
CURVES_SIGNATURE: Final = "curves.sig"
CURVES_BYTES_MAX: Final = 4 << 20


class Interval(msgspec.Struct, frozen=True):
    """A figure and its interval of 95 %; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


class Assessed(msgspec.Struct, frozen=True):
    """Figures by name (auc, gini, ks, average_precision, ...) of the alerts at `threshold`; `top`: of card_precision."""

    rows: int
    frauds: int
    alerts: int
    threshold: float
    top: int
    measures: Mapping[str, Interval]


class RunPart(msgspec.Struct, frozen=True):
    """Rows of one role (training, validation, test); first and last event, ms since the epoch."""

    rows: int
    frauds: int
    first_ms: int
    last_ms: int


class ChosenThreshold(msgspec.Struct, frozen=True):
    """A threshold chosen on the validation part, by `cost` or `capacity`."""

    chosen_by: str
    score: float
    alerts_per_day: float


class FeatureShown(msgspec.Struct, frozen=True):
    """A feature: kept or not and why, information value, share missing, share of gain, fall in average precision."""

    name: str
    chosen: bool
    reason_en: str
    reason_zh: str
    words: str
    iv: float
    missing: float
    gain: float | None
    permutation: float | None


class GroupShown(msgspec.Struct, frozen=True):
    """Figures of one value of one segment on the test part; None where it has too few of either label."""

    segment: str
    value: str
    rows: int
    frauds: int
    assessment: Assessed | None


class GroupGap(msgspec.Struct, frozen=True):
    """How far the best and worst values of a segment lie apart; apart: whether their intervals do not touch."""

    segment: str
    measure: str
    best: str
    worst: str
    gap: float
    apart: bool


class PeriodShift(msgspec.Struct, frozen=True):
    """PSI of the score (name empty) or a feature in a period."""

    name: str
    period: str
    rows: int
    psi: float


class RunFigures(msgspec.Struct, frozen=True):
    """The part of a run's record that people look at; ms since the epoch, shares in [0, 1].

    stability: of the score in every period; of each feature its worst period, the largest first.
    """

    run_id: str
    started_ms: int
    ended_ms: int
    dataset: str
    model: str
    parts: dict[str, RunPart]
    iterations: int
    libraries: dict[str, str]
    notes: tuple[FeatureShown, ...]
    thresholds: tuple[ChosenThreshold, ...]
    metrics: Assessed
    uncalibrated_error: float
    segments: tuple[GroupShown, ...]
    gaps: tuple[GroupGap, ...]
    stability: tuple[PeriodShift, ...]


class RankingPoints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thresholds from the highest score down, each with what it would have done on the test part.

    alerts: events that score at least so much; caught: frauds among them; caught_fen: the frauds' money among them.
    """

    score: list[float]
    alerts: list[int]
    caught: list[int]
    caught_fen: list[int]


class CalibrationPoints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Predicted against found probability by bin; low, high: Wilson's interval of 95 % of what was found."""

    predicted: list[float]
    found: list[float]
    low: list[float]
    high: list[float]
    rows: list[int]


class Curves(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers behind the charts of a run's report, on its test part.

    model, dataset: digests.  rows, frauds, frauds_fen, days: of the test part.  best: place in `ranking` where Kolmogorov and
    Smirnov's distance is largest.
    """

    format: str
    model: str
    dataset: str
    rows: int
    frauds: int
    frauds_fen: int
    days: float
    best: int
    ranking: RankingPoints
    calibration: CalibrationPoints


def read_figures(content: bytes) -> RunFigures:
    """The figures in the bytes of a run's record.  Raises Damaged."""
    try:
        found = msgspec.json.decode(content, type=RunFigures)
    except msgspec.MsgspecError:
        raise Damaged("the run's record cannot be read") from None
    return msgspec.structs.replace(found, stability=_worst(found.stability))


def read_curves(content: bytes, model: str, dataset: str) -> Curves:
    """The curves in these bytes.  Raises Damaged unless they are of this model and training set."""
    try:
        found = msgspec.json.decode(content, type=Curves)
    except msgspec.MsgspecError:
        raise Damaged(f"{CURVES} cannot be read; draw the report again: tarim models report") from None
    if (found.format, found.model, found.dataset) != (CURVES_FORMAT, model, dataset):
        raise Damaged(f"{CURVES} is of another model, training set or format than the run")
    return found


def _worst(shifts: tuple[PeriodShift, ...]) -> tuple[PeriodShift, ...]:
    """All of the score; of each feature the worst period."""
    worst: dict[str, PeriodShift] = {}
    for each in shifts:
        if each.name and (each.name not in worst or each.psi > worst[each.name].psi):
            worst[each.name] = each
    ranked = sorted(worst.values(), key=lambda each: -each.psi)
    return (*(each for each in shifts if not each.name), *ranked)
