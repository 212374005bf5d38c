"""What a challenger would have caught, and whom it would have troubled for nothing, beside the champion (RM-07).

A *trial* is a stretch of the journal in which one challenger stands beside one champion with one share of the customers; it
is known by the position of its first event.  Figures of a trial are counted twice, and never mixed:

by score      both models on the same events: would the score bands of the ruleset in force have stopped or delayed it?
by judgement  each model on the customers that it judged: did the decision, rules included, stop or delay it?

Counted are events old enough for their labels to have come (`WatchSettings.label_delay_days`, by the journal's own time); what
has no label by then is genuine.  A payment that was stopped may never become a fraud that somebody reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import TooLarge
from tarim.base.instants import DAY_MS
from tarim.models.watch.maturity import ALL, EVENTS_MAX, FRAUDS_MIN, Maturity
from tarim.models.watch.settings import WatchSettings
from tarim.stream import Channel, Col, Kind, Rows

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.bool_]

TRIALS_KEPT_MAX: Final = 500
"""Trials whose figures are kept; the oldest go first."""


class TrialFigures(msgspec.Struct, frozen=True):
    """How one model of a trial did in one segment (a channel, or `all`).

    trial: position of the trial's first event.  model: whom this is about, the champion or the challenger.  share: of the
    customers whom the challenger judges, hundredths of a percent; 0 when it only scores.  from_ms, to_ms: first and last
    event.  labels_ms: the journal's time up to which labels are known.  events: that both models scored; mature: those of
    them old enough to count.

    By score: compared of the mature ones, under rulesets whose score bands stop or delay; fraud, fraud_fen: frauds among
    them; alerts, caught, caught_fen: what the model's own score would have stopped or delayed.
    By judgement: judged of the mature ones, by this model; judged_fraud; stopped, stopped_fraud: stopped or delayed.
    """

    trial: int
    champion: str
    challenger: str
    model: str
    share: int
    segment: str
    from_ms: int
    to_ms: int
    labels_ms: int
    events: int
    mature: int
    compared: int
    fraud: int
    fraud_fen: int
    alerts: int
    caught: int
    caught_fen: int
    judged: int
    judged_fraud: int
    stopped: int
    stopped_fraud: int

    @property
    def interception(self) -> float | None:
        """Share of the frauds that the score would have caught; None with fewer than FRAUDS_MIN."""
        return _share(self.caught, self.fraud, FRAUDS_MIN)

    @property
    def interception_amount(self) -> float | None:
        """The same by amount."""
        return _share(self.caught_fen, self.fraud_fen) if self.fraud >= FRAUDS_MIN else None

    @property
    def false_alerts(self) -> float | None:
        """Share of the genuine events that the score would have stopped or delayed."""
        return _share(self.alerts - self.caught, self.compared - self.fraud)

    @property
    def judged_interception(self) -> float | None:
        """Share of the frauds among those it judged that were stopped or delayed; None with fewer than FRAUDS_MIN."""
        return _share(self.stopped_fraud, self.judged_fraud, FRAUDS_MIN)

    @property
    def judged_false_alerts(self) -> float | None:
        """Share of the genuine events among those it judged that were stopped or delayed."""
        return _share(self.stopped - self.stopped_fraud, self.judged - self.judged_fraud)


@dataclass(slots=True)
class _Part:
    """Events of one trial, as they came; `would` has a column for the champion and one for the challenger."""

    seqs: Ints
    occurred_ms: Ints
    amounts_fen: Ints
    channels: npt.NDArray[np.int8]
    banded: bool
    would: Bits
    by_challenger: Bits
    by_champion: Bits
    stopped: Bits


@dataclass(slots=True)
class _Trial:
    first_seq: int
    champion: str
    challenger: str
    share: int
    parts: list[_Part]


class Trials:
    """Collects the events of trials in journal order."""

    def __init__(self, settings: WatchSettings) -> None:
        self._settings = settings
        self._trials: list[_Trial] = []
        self._open: dict[tuple[str, str, int], _Trial] = {}
        self._count = 0

    def take(
        self,
        rows: Rows,
        versions: Sequence[str],
        shares: Sequence[int],
        scores: Floats,
        would: Bits | None,
        judged: npt.NDArray[np.uint8],
        stopped: Bits,
    ) -> None:
        """Events under one line-up; without challengers, whatever trials there were are over.

        rows: (n, 32); labels are passed over.  versions: the champion's ("" = none), then the challengers'; shares: the
        challengers'.  scores: (n, versions), NaN where a model was not asked.  would: (n, versions), whether the ruleset's
        bands stop or delay at that score, None for a ruleset without such bands.  judged: (n,), by whom, 0 the champion.
        stopped: (n,), whether the decision stopped or delayed.  Raises TooLarge beyond EVENTS_MAX.
        """
        champion = versions[0]
        keys = [(champion, version, share) for version, share in zip(versions[1:], shares, strict=True)]
        self._open = {key: trial for key, trial in self._open.items() if key in keys}
        speaks = rows[:, Col.KIND] == Kind.LABEL
        for number, key in enumerate(keys, 1):
            both = ~speaks & ~np.isnan(scores[:, number])
            if champion:
                both &= ~np.isnan(scores[:, 0])
            chosen = np.flatnonzero(both)
            self._count += len(chosen)
            if self._count > EVENTS_MAX:
                raise TooLarge(f"more than {EVENTS_MAX:,} events of trials; choose a shorter journal")
            if not len(chosen):
                continue
            of = rows[chosen]
            if key not in self._open:
                self._open[key] = _Trial(int(of[0, Col.SEQ]), *key, [])
                self._trials.append(self._open[key])
            self._open[key].parts.append(
                _Part(
                    of[:, Col.SEQ].copy(),
                    of[:, Col.OCCURRED_MS].copy(),
                    of[:, Col.AMOUNT_FEN].copy(),
                    of[:, Col.CHANNEL].astype(np.int8),
                    would is not None,
                    would[chosen][:, [0, number]] if would is not None else np.zeros((len(chosen), 2), np.bool_),
                    judged[chosen] == number,
                    judged[chosen] == 0,
                    stopped[chosen],
                )
            )

    def figures(self, labels: Maturity) -> list[TrialFigures]:
        """By trial, segment and model, the newest trial first.  labels: has been shown every event of the journal."""
        found = [each for trial in self._trials for each in self._of(trial, labels)]
        return sorted(found, key=lambda each: (-each.trial, each.challenger, each.segment != ALL, each.segment))

    def _of(self, trial: _Trial, labels: Maturity) -> Iterator[TrialFigures]:
        def joined(name: str) -> npt.NDArray[Any]:
            return np.concatenate([getattr(part, name) for part in trial.parts])

        occurred, amounts, channels = joined("occurred_ms"), joined("amounts_fen"), joined("channels")
        fraud = labels.known(joined("seqs")) == 1
        mature = occurred + self._settings.label_delay_days * DAY_MS <= labels.until_ms
        banded = np.concatenate([np.full(len(part.seqs), part.banded) for part in trial.parts])
        would, stopped = joined("would"), joined("stopped")
        segments = [(ALL, np.ones(len(occurred), np.bool_))]
        segments += [(Channel(int(code)).name.lower(), channels == code) for code in np.unique(channels)]
        sides = [(1, trial.challenger, joined("by_challenger"))]
        if trial.champion:
            sides.append((0, trial.champion, joined("by_champion")))
        for segment, inside in segments:
            compared = inside & mature & banded
            for column, model, by in sides:
                alerts, judged = compared & would[:, column], inside & mature & by
                yield TrialFigures(
                    trial.first_seq,
                    trial.champion,
                    trial.challenger,
                    model,
                    trial.share,
                    segment,
                    int(occurred[inside].min()),
                    int(occurred[inside].max()),
                    labels.until_ms,
                    int(inside.sum()),
                    int((inside & mature).sum()),
                    int(compared.sum()),
                    int((compared & fraud).sum()),
                    int(amounts[compared & fraud].sum()),
                    int(alerts.sum()),
                    int((alerts & fraud).sum()),
                    int(amounts[alerts & fraud].sum()),
                    int(judged.sum()),
                    int((judged & fraud).sum()),
                    int((judged & stopped).sum()),
                    int((judged & stopped & fraud).sum()),
                )


def together(before: Sequence[TrialFigures], now: Sequence[TrialFigures], first_seq: int) -> list[TrialFigures]:
    """Figures of now, and those kept before of trials that began before the journal does; TRIALS_KEPT_MAX trials at most."""
    found = [*now, *(each for each in before if each.trial < first_seq)]
    newest = sorted({(each.trial, each.challenger) for each in found}, reverse=True)[:TRIALS_KEPT_MAX]
    return [each for each in found if (each.trial, each.challenger) in set(newest)]


def _share(part: int, whole: int, whole_min: int = 1) -> float | None:
    return round(part / whole, 6) if whole >= whole_min else None
