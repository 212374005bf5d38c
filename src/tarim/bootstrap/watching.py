"""Watching models over a journal: baselines, the watch beside the service and the same by replay, and figures by period.

DATA/watch/
    <digest>.json     baselines, canonical JSON by their SHA-256
    baseline          digest of the one in use
    state             the watch as it was kept last, with the position it had reached
    measures.json     AUC, KS, AP and alert precision by period, as they were computed last
    proposals/        proposals to train again, by digest

The watch lives in the process that decides, because features lie nowhere else.  It is kept now and then, and after a snapshot;
at a start it is taken from there, and shown what the engine takes in again while it recovers, so a restart loses nothing.
Figures by period need no features: a process of its own reads them from the journal, now and then.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import Damaged, NotFound, TooLarge
from tarim.base.instants import instant_text
from tarim.bootstrap.house import Artefacts, Places, feature_set
from tarim.bootstrap.settings import Settings
from tarim.bootstrap.walking import Progress, SourceNames, engine_before, open_reader, survey, walk
from tarim.decisions import Events, RecordKind, Word, champion_scores, decode_events
from tarim.decisions.kernels.decide import hide_history
from tarim.models import (
    Baseline,
    BaselineMaker,
    Drift,
    Maturity,
    Measure,
    Sample,
    WatchSettings,
    proposal_of,
    read_baseline,
)
from tarim.stream import Outcome, Rows

FOLDER: Final = "watch"
PROPOSALS: Final = "proposals"
PROPOSALS_SHOWN: Final = 100
BASELINE_BYTES_MAX: Final = 256 << 20
_BASELINE: Final = "baseline"
_STATE: Final = "state"
_MEASURES: Final = "measures.json"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_ALERT: Final = Outcome.CHALLENGE
_BATCH_EVENTS: Final = 1 << 16

Floats = npt.NDArray[np.float64]
See = Callable[[Rows, Floats, Floats, str], None]


class Measured(msgspec.Struct, frozen=True):
    """Figures as they were computed last.  end_seq: position before which the journal was read."""

    end_seq: int
    label_delay_days: int
    measures: list[Measure]


@dataclass(frozen=True, slots=True)
class WatchPlaces:
    """Files of the watch below a data folder."""

    folder: Path

    @classmethod
    def of(cls, places: Places) -> WatchPlaces:
        """Those of a data folder."""
        return cls(places.data / FOLDER)

    def baseline_digest(self) -> str:
        """Digest of the baseline in use, "" for none.  Raises Damaged."""
        try:
            digest = (self.folder / _BASELINE).read_text(encoding="ascii").strip()
        except OSError:
            return ""
        if not _DIGEST.fullmatch(digest):
            raise Damaged(f"{self.folder / _BASELINE} names no baseline")
        return digest

    def baseline(self) -> Baseline | None:
        """The baseline in use.  Raises NotFound when its file is gone, Damaged, TooLarge."""
        digest = self.baseline_digest()
        if not digest:
            return None
        path = self.folder / f"{digest}.json"
        try:
            if path.stat().st_size > BASELINE_BYTES_MAX:
                raise TooLarge(f"{path} is larger than {BASELINE_BYTES_MAX:,} bytes")
            found = read_baseline(path.read_bytes())
        except OSError:
            raise NotFound(f"the baseline {digest} is not kept") from None
        if found.digest != digest:
            raise Damaged(f"{path} is not what was kept")
        return found

    def keep_baseline(self, content: bytes) -> str:
        """Keep a baseline and use it from now on; its digest."""
        found = read_baseline(content)
        self.folder.mkdir(parents=True, exist_ok=True)
        _replace(self.folder / f"{found.digest}.json", content)
        _replace(self.folder / _BASELINE, found.digest.encode() + b"\n")
        return found.digest

    def drift(self, features: str, settings: WatchSettings) -> Drift | None:
        """The watch as it was kept last, or a fresh one; None without a baseline of this feature set (its version).

        Raises NotFound, Damaged, TooLarge.
        """
        baseline = self.baseline()
        if baseline is None or baseline.file.features != features:
            return None
        try:
            return Drift.decoded((self.folder / _STATE).read_bytes(), baseline, settings)
        except (OSError, Damaged):
            return Drift(baseline, settings)

    def keep_state(self, content: bytes) -> None:
        """Keep what `Drift.encoded` gave."""
        _replace(self.folder / _STATE, content)

    def measured(self) -> Measured | None:
        """Figures by period as they were computed last, None before the first time.  Raises Damaged."""
        try:
            return msgspec.json.decode((self.folder / _MEASURES).read_bytes(), type=Measured)
        except OSError:
            return None
        except msgspec.MsgspecError:
            raise Damaged(f"{self.folder / _MEASURES} cannot be read; compute it again: tarim models measure") from None

    def keep_proposal(self, drift: Drift) -> str:
        """Keep a proposal to train again, if there is reason for one; its digest, or ""."""
        measured = self.measured()
        content = proposal_of(drift, measured.measures if measured else [])
        return Artefacts(self.folder / PROPOSALS).keep(content) if content is not None else ""

    def proposals(self) -> list[str]:
        """Digests of proposals, the newest first, at most PROPOSALS_SHOWN."""
        folder = self.folder / PROPOSALS
        found = [each for each in folder.iterdir() if _DIGEST.fullmatch(each.name)] if folder.is_dir() else []
        found.sort(key=lambda path: (-path.stat().st_mtime_ns, path.name))
        return [path.name for path in found[:PROPOSALS_SHOWN]]

    def proposal(self, digest: str) -> bytes:
        """A proposal.  Raises NotFound."""
        if not _DIGEST.fullmatch(digest):
            raise NotFound("there is no such proposal")
        return Artefacts(self.folder / PROPOSALS).get(digest)


def _replace(path: Path, content: bytes) -> None:
    """The file with this content, as a whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


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
    maker = BaselineMaker(sample, features.names, from_ms, to_ms, settings.watch)

    def count(rows: Rows, values: Floats, scores: Floats, model: str) -> None:
        maker.take(rows, values, scores if model == last["model"] else np.full(len(scores), np.nan))

    _replay(settings, places, from_ms, to_ms, count, lambda done, of: progress(of + done, 2 * of), stopped)
    content = maker.made(features.version, last["model"], f"journal {seen[0]} to {seen[1]}, {instant_text(from_ms)}")
    digest = WatchPlaces.of(places).keep_baseline(content)
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
    baseline = WatchPlaces.of(places).baseline()
    if baseline is None or baseline.file.features != features.version:
        raise NotFound("there is no baseline of this feature set; make one with: tarim models baseline")
    drift = Drift(baseline, settings.watch)
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
                first = int(np.searchsorted(rows[:, 0], span.first_seq))
                if first < count:
                    hide_history(rows, values)
                    see(rows[first:], values[first:], chunk.scores[first:count], chunk.champion)
    return span.first_seq, span.end_seq


def measure(settings: Settings, places: Places, *, progress: Progress = lambda _done, _all: None) -> Measured:
    """AUC, KS, AP and alert precision by period, model and segment, from the journal; kept.

    Each model counts with the score it gave itself; an alert counts for the model whose score decided.
    Raises NotFound, Damaged, TooLarge.
    """
    maturity = Maturity(settings.watch)
    with open_reader(places.journal, settings, check=False) as reader:
        end = reader.durable_seq
        gathered: list[Events] = []
        for record in reader.read(reader.first_seq, end):
            if record.kind != RecordKind.EVENTS:
                continue
            events = decode_events(record)
            if gathered and (
                events.side.versions != gathered[0].side.versions or sum(map(len, gathered)) >= _BATCH_EVENTS
            ):
                _judge_models(maturity, gathered)
                progress(record.first_seq, end)
                gathered = []
            gathered.append(events)
        if gathered:
            _judge_models(maturity, gathered)
    found = Measured(end, settings.watch.label_delay_days, maturity.measures())
    folder = WatchPlaces.of(places).folder
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / _MEASURES, msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    return found


def _judge_models(maturity: Maturity, gathered: list[Events]) -> None:
    """Count what each model said of records of one line-up."""
    versions = gathered[0].side.versions
    rows = np.concatenate([events.rows for events in gathered])
    decisions = np.concatenate([events.decisions for events in gathered])
    alerted = decisions[:, Word.OUTCOME] >= _ALERT
    maturity.labels(rows)
    if not versions.challengers:
        maturity.take(rows, champion_scores(decisions, None), alerted, versions.model)
        return
    beside = [events.beside for events in gathered if events.beside is not None]
    judged = np.concatenate([each.judged for each in beside])
    scores = np.concatenate([each.scores for each in beside]).astype(np.float64)
    for number, version in enumerate(versions.lineup.versions):
        maturity.take(rows, scores[:, number], alerted & (judged == number), version)
