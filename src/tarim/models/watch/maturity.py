"""AUC, KS, AP and alert precision by model and segment, once the labels have had time to arrive.

Events fall into periods of whole days in China.  A period is *mature* when `label_delay_days` have passed since its end, by
the journal's own time; what has no label by then counts as genuine.  Before that a period has counts and an instant at which it
will be mature, and no figures: frauds that nobody has reported yet would look like false alarms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import TooLarge
from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS
from tarim.models.metrics import auc, average_precision, ks
from tarim.models.watch.settings import WatchSettings
from tarim.stream import Channel, Col, Kind, Rows

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

EVENTS_MAX: Final = 50_000_000
"""Events measured at once, 18 bytes each."""
ALL: Final = "all"
FRAUDS_MIN: Final = 5
"""With fewer frauds a figure would be chance; it is left out."""


class Measure(msgspec.Struct, frozen=True):
    """How one model did in one period and segment (a channel, or `all`).

    mature: the labels have had time; matures_ms: when they will have had it.  alerts: decisions that stop or delay, of events
    that this model judged.  auc, ks, ap, alert_precision: None while immature, and where there are too few frauds or no alerts.
    alert_precision in [0, 1]: share of fraud among the alerts.  labelled: events with a label, fraud: those labelled as fraud.
    """

    model: str
    segment: str
    from_ms: int
    to_ms: int
    mature: bool
    matures_ms: int
    events: int
    labelled: int
    fraud: int
    alerts: int
    auc: float | None = None
    ks: float | None = None
    ap: float | None = None
    alert_precision: float | None = None


@dataclass(slots=True)
class _Part:
    """Events of one model, as they came."""

    model: int
    seqs: Ints
    occurred_ms: Ints
    scores: npt.NDArray[np.float32]
    channels: npt.NDArray[np.int8]
    alerted: npt.NDArray[np.bool_]


class Maturity:
    """Collects events with their scores, and labels, in journal order."""

    def __init__(self, settings: WatchSettings) -> None:
        settings.check()
        self._settings = settings
        self._models: dict[str, int] = {}
        self._parts: list[_Part] = []
        self._labels: list[tuple[Ints, Ints]] = []
        self._count = 0
        self._until_ms = 0

    def labels(self, rows: Rows) -> None:
        """What rows (n, 32) say of events before them, and what time it is."""
        if len(rows):
            self._until_ms = max(self._until_ms, int(rows[:, Col.OCCURRED_MS].max()))
        about = rows[rows[:, Col.KIND] == Kind.LABEL]
        if len(about):
            self._labels.append((about[:, Col.REFERS_SEQ].copy(), about[:, Col.LABEL].copy()))

    def take(self, rows: Rows, scores: Floats, alerted: npt.NDArray[np.bool_], model: str) -> None:
        """What the model of a version said: rows (n, 32), labels are passed over; scores (n,), NaN for none.

        alerted: shape (n,), decisions that stop or delay, where this model's score decided.  Raises TooLarge beyond EVENTS_MAX.
        """
        chosen = np.flatnonzero((rows[:, Col.KIND] != Kind.LABEL) & ~np.isnan(scores))
        self._count += len(chosen)
        if self._count > EVENTS_MAX:
            raise TooLarge(f"more than {EVENTS_MAX:,} events; choose a shorter span")
        if not model or not len(chosen):
            return
        self._parts.append(
            _Part(
                self._models.setdefault(model, len(self._models)),
                rows[chosen, Col.SEQ],
                rows[chosen, Col.OCCURRED_MS],
                scores[chosen].astype(np.float32),
                rows[chosen, Col.CHANNEL].astype(np.int8),
                alerted[chosen],
            )
        )

    @property
    def until_ms(self) -> int:
        """The journal's time, by the events shown so far."""
        return self._until_ms

    def known(self, seqs: Ints) -> Ints:
        """The last label of each position, 1 fraud, 0 genuine, -1 for none; shape (n,)."""
        return _look_up(self._labels_by_seq(), seqs)

    def measures(self) -> list[Measure]:
        """By period, model and segment, the newest period first."""
        labels = self._labels_by_seq()
        found = []
        for name, number in self._models.items():
            parts = [part for part in self._parts if part.model == number]
            seqs, occurred = _joined(part.seqs for part in parts), _joined(part.occurred_ms for part in parts)
            scores = np.concatenate([part.scores for part in parts]).astype(np.float64)
            channels, alerted = (
                np.concatenate([part.channels for part in parts]),
                np.concatenate([part.alerted for part in parts]),
            )
            known = _look_up(labels, seqs)
            length_ms = self._settings.period_days * DAY_MS
            periods = (occurred + CHINA_OFFSET_MS) // length_ms
            for period in np.unique(periods).tolist():
                inside = periods == period
                from_ms = period * length_ms - CHINA_OFFSET_MS
                segments = [(ALL, inside)]
                segments += [
                    (Channel(code).name.lower(), inside & (channels == code))
                    for code in np.unique(channels[inside]).tolist()
                ]
                found += [
                    self._measure(name, segment, from_ms, from_ms + length_ms, scores[of], known[of], alerted[of])
                    for segment, of in segments
                ]
        return sorted(found, key=lambda each: (-each.from_ms, each.model, each.segment != ALL, each.segment))

    def _measure(
        self,
        model: str,
        segment: str,
        from_ms: int,
        to_ms: int,
        scores: Floats,
        known: Ints,
        alerted: npt.NDArray[np.bool_],
    ) -> Measure:
        fraud = (known == 1).astype(np.int64)
        frauds, alerts = int(fraud.sum()), int(alerted.sum())
        matures_ms = to_ms + self._settings.label_delay_days * DAY_MS
        mature = self._until_ms >= matures_ms
        tells = mature and FRAUDS_MIN <= frauds < len(scores)
        return Measure(
            model,
            segment,
            from_ms,
            to_ms,
            mature,
            matures_ms,
            len(scores),
            int((known >= 0).sum()),
            frauds,
            alerts,
            _rounded(auc(scores, fraud)) if tells else None,
            _rounded(ks(scores, fraud)) if tells else None,
            _rounded(average_precision(scores, fraud)) if tells else None,
            _rounded(float(fraud[alerted].mean())) if mature and alerts else None,
        )

    def _labels_by_seq(self) -> tuple[Ints, Ints]:
        """Positions with their last label, ascending."""
        if not self._labels:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        seqs, labels = _joined(part[0] for part in self._labels), _joined(part[1] for part in self._labels)
        order = np.argsort(seqs, kind="stable")
        last = np.append(np.diff(seqs[order]) > 0, True)
        return seqs[order][last], labels[order][last]


def _joined(parts: Iterable[Ints]) -> Ints:
    return np.concatenate(list(parts))


def _look_up(labels: tuple[Ints, Ints], seqs: Ints) -> Ints:
    """Label of each position, -1 for none."""
    known, values = labels
    if not len(known):
        return np.full(len(seqs), -1, np.int64)
    at = np.minimum(np.searchsorted(known, seqs), len(known) - 1)
    return np.where(known[at] == seqs, values[at], -1)


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)


def latest_mature(measures: Sequence[Measure], model: str) -> Measure | None:
    """The newest mature figures of a model over all segments."""
    return next((each for each in measures if each.mature and each.model == model and each.segment == ALL), None)
