"""Watching models over a journal: baselines, the watch beside the service and the same by replay, and figures by period.

The watch lives in the process that decides, because features lie nowhere else.  It is kept now and then, and after a snapshot;
at a start it is taken from there, and shown what the engine takes in again while it recovers, so a restart loses nothing.
Figures by period need no features: a process of its own reads them from the journal, now and then.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import NotFound
from tarim.base.instants import instant_text
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.house import feature_set
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import Settings
from tarim.bootstrap.walking import Progress, SourceNames, engine_before, open_reader, survey, walk
from tarim.bootstrap.watch_files import Measured, Tried, WatchPlaces, days_of
from tarim.decisions import Events, RecordKind, Word, champion_scores, decode_events
from tarim.decisions.kernels.decide import hide_history
from tarim.models import (
    Baseline,
    BaselineMaker,
    Drift,
    Maturity,
    Sample,
    Trials,
    read_baseline,
    trials_together,
)
from tarim.rules import score_bands
from tarim.stream import Col, Outcome, Rows

_ALERT: Final = Outcome.CHALLENGE
_BATCH_EVENTS: Final = 1 << 16

Floats = npt.NDArray[np.float64]
See = Callable[[Rows, Floats, Floats, str], None]


def make_baseline(
    settings: Settings,
    places: Places,
    from_ms: int,
    to_ms: int,
    *,
    progress: Progress = lambda _done, _all: None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[str, Baseline]:
    """A baseline out of the journal between two midnights in China, kept and in use; its digest, and itself.

    The journal is walked twice: for the bins, and to count.  Scores are those of the model that is champion at the span's end.
    Raises NotFound, InputError for a span that is too short or has hardly any events, Unavailable, Damaged, Cancelled.
    """
    features = feature_set(settings.engine.features)
    sample = Sample(len(features.names))
    last = {"model": ""}

    def look(rows: Rows, values: Floats, scores: Floats, model: str) -> None:
        last["model"] = model
        sample.take(rows, values, scores)

    seen = _replay(settings, places, from_ms, to_ms, look, lambda done, of: progress(done, 2 * of), stopped)
    maker = BaselineMaker(sample, features.names, from_ms, to_ms, settings.watch, days_of(places.data))

    def count(rows: Rows, values: Floats, scores: Floats, model: str) -> None:
        maker.take(rows, values, scores if model == last["model"] else np.full(len(scores), np.nan))

    _replay(settings, places, from_ms, to_ms, count, lambda done, of: progress(of + done, 2 * of), stopped)
    content = maker.made(features.version, last["model"], f"journal {seen[0]} to {seen[1]}, {instant_text(from_ms)}")
    digest = WatchPlaces(places.watch).keep_baseline(content)
    return digest, read_baseline(content)


def watch_span(
    settings: Settings,
    places: Places,
    from_ms: int | None,
    to_ms: int | None,
    *,
    progress: Progress = lambda _done, _all: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Drift:
    """The watch over a span of the journal, by replay: what it would have seen, and said, live.

    Raises NotFound without a baseline, and what `make_baseline` raises.
    """
    features = feature_set(settings.engine.features)
    baseline = WatchPlaces(places.watch).baseline()
    if baseline is None or baseline.file.features != features.version:
        raise NotFound("there is no baseline of this feature set; make one with: tarim models baseline")
    drift = Drift(baseline, settings.watch, days_of(places.data))
    _replay(settings, places, from_ms, to_ms, drift.take, progress, stopped)
    return drift


def _replay(
    settings: Settings,
    places: Places,
    from_ms: int | None,
    to_ms: int | None,
    see: See,
    progress: Progress,
    stopped: Callable[[], bool],
) -> tuple[int, int]:
    """Show a span's events as they were judged; its positions."""
    features = feature_set(settings.engine.features)
    with (
        open_reader(places.journal, settings, check=True) as reader,
        open_reader(places.journal, settings, check=False) as fast,
    ):
        span = survey(fast, from_ms, to_ms, reader.durable_seq)
        engine = engine_before(span.first_seq, reader, settings, places, features)
        chunks = walk(engine, reader, span.end_seq, SourceNames(), what="watch", progress=progress, stopped=stopped)
        with closing(chunks):
            for chunk in chunks:
                count = chunk.count
                rows, values = chunk.rows[:count], chunk.features[:count]
                first = int(np.searchsorted(rows[:, Col.SEQ], span.first_seq))
                if first < count:
                    hide_history(rows, values)
                    see(rows[first:], values[first:], chunk.scores[first:count], chunk.champion)
    return span.first_seq, span.end_seq


def measure(settings: Settings, places: Places, *, progress: Progress = lambda _done, _all: None) -> Measured:
    """AUC, KS, AP and alert precision by period, model and segment, and figures of trials, from the journal; kept.

    Each model counts with the score it gave itself; an alert counts for the model whose score decided.
    Raises NotFound, Damaged, TooLarge.
    """
    figures = _Figures(settings, places)
    with open_reader(places.journal, settings, check=False) as reader:
        end, first = reader.durable_seq, reader.first_seq
        gathered: list[Events] = []
        for record in reader.read(first, end):
            if record.kind != RecordKind.EVENTS:
                continue
            events = decode_events(record)
            if gathered and (
                events.side.versions != gathered[0].side.versions or sum(map(len, gathered)) >= _BATCH_EVENTS
            ):
                figures.take(gathered)
                progress(record.first_seq, end)
                gathered = []
            gathered.append(events)
        if gathered:
            figures.take(gathered)
    found = Measured(end, settings.watch.label_delay_days, figures.maturity.measures())
    files = WatchPlaces(places.watch)
    files.keep_measured(found)
    before = files.tried()
    trials = trials_together(before.figures if before else [], figures.trials.figures(figures.maturity), first)
    if trials or before is not None:
        files.keep_tried(Tried(end, settings.watch.label_delay_days, trials))
    return found


class _Figures:
    """Counts what each model said of records."""

    def __init__(self, settings: Settings, places: Places) -> None:
        self.maturity = Maturity(settings.watch)
        self.trials = Trials(settings.watch)
        self._artefacts = Artefacts(places.artefacts)
        self._bands: dict[str, tuple[Floats, npt.NDArray[np.bool_]] | None] = {}

    def take(self, gathered: list[Events]) -> None:
        """Records of one line-up."""
        versions = gathered[0].side.versions
        rows = np.concatenate([events.rows for events in gathered])
        decisions = np.concatenate([events.decisions for events in gathered])
        alerted = decisions[:, Word.OUTCOME] >= _ALERT
        self.maturity.labels(rows)
        shares = [share for _, share in versions.challengers]
        if not shares:
            self.maturity.take(rows, champion_scores(decisions, None), alerted, versions.model)
            nobody = np.zeros(len(rows), np.uint8)
            self.trials.take(rows, versions.lineup.versions, shares, np.zeros((len(rows), 1)), None, nobody, alerted)
            return
        beside = [events.beside for events in gathered if events.beside is not None]
        judged = np.concatenate([each.judged for each in beside])
        scores = np.concatenate([each.scores for each in beside]).astype(np.float64)
        for number, version in enumerate(versions.lineup.versions):
            self.maturity.take(rows, scores[:, number], alerted & (judged == number), version)
        would = self._would(versions.ruleset, scores)
        self.trials.take(rows, versions.lineup.versions, shares, scores, would, judged, alerted)

    def _would(self, ruleset: str, scores: Floats) -> npt.NDArray[np.bool_] | None:
        """Whether the bands of a ruleset stop or delay at these scores, None when none of them does."""
        if ruleset not in self._bands:
            bands = score_bands(self._artefacts.get(ruleset).decode("utf-8"))
            stops = np.array([False, *(band.outcome >= _ALERT for band in bands)])
            starts = np.array([band.at_least for band in bands], np.float64)
            self._bands[ruleset] = (starts, stops) if stops.any() else None
        known = self._bands[ruleset]
        if known is None:
            return None
        starts, stops = known
        at = np.searchsorted(starts, scores, side="right")  # NaN sorts last, and is not looked at
        return stops[at]
