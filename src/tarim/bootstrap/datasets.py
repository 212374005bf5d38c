"""Cut training data: events of the journal, or of files, with the features production computed and labels as they were known.

    survey: where the span lies, labels and when each became known
    walk:   events through the engine, lists as they were  ─►  Cutter: roles, labels, sample  ─►  data.parquet
    put:    counts and digests into the manifest, signed; the folder gets its name

Nothing is locked: the service may run.  A file is first decided as `tarim replay` would decide it, into a journal of its own
that is thrown away.  A cut that fails leaves nothing.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tarim import __version__
from tarim.base.errors import NotAllowed, Unavailable
from tarim.base.four_eyes import require_person
from tarim.base.instants import DAY_MS, Clock
from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.cutting import take
from tarim.bootstrap.file_journal import FileJournal, file_digest
from tarim.bootstrap.house import feature_set
from tarim.bootstrap.lists import membership_before
from tarim.bootstrap.operators import operator_of
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import Settings
from tarim.bootstrap.walking import Progress, SourceNames, Surveyed, engine_before, open_reader, survey, walk
from tarim.decisions import FeatureEngine
from tarim.identity import KeyId, Scope
from tarim.journal import FolderReader
from tarim.models import datasets
from tarim.models.datasets import DatasetManifest, SampleRole, Unlabelled
from tarim.privacy import Signer, load_master_key
from tarim.screening import Membership
from tarim.stream import Engine, FeatureSet

FOLDER: Final = "datasets"
LABEL_DELAY_MS: Final = 7 * DAY_MS
"""The delay when nobody says: most fraud is known within a week."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What is wanted.  Instants in ms since the epoch, None for the beginning and the end; `to_ms` itself is outside.

    starts_ms: where validation, test and trial begin; empty: validation and test by shares of the span's time.  features:
    name of a feature set, "" for the one in force.  chosen: columns kept, empty for all.
    """

    name: str
    from_ms: int | None = None
    to_ms: int | None = None
    starts_ms: dict[SampleRole, int] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    entity: str = "customer"
    label_delay_ms: int = LABEL_DELAY_MS
    label_sources: tuple[str, ...] = ()
    unlabelled: Unlabelled = Unlabelled.GENUINE
    features: str = ""
    chosen: tuple[str, ...] = ()
    seed: int = 0
    genuine_share: float = 1.0


def signer_of(places: Places, environment: Mapping[str, str]) -> Signer:
    """The signer of a data folder.  Raises NotFound without a master key."""
    return Signer.of(load_master_key(places.master_key, environment))


def cut_dataset(
    settings: Settings,
    places: Places,
    environment: Mapping[str, str],
    cut: Cut,
    *,
    clock: Clock | None = None,
    progress: Progress = lambda _done, _all: None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Path, DatasetManifest]:
    """A training set out of the journal: its folder and manifest.

    Raises NotAllowed for an anonymous run or a source that is not registered, NotFound, DefinitionError, InputError,
    TooLarge, Unavailable, Damaged, Cancelled.
    """
    work = _Work(settings, places, environment, cut, clock or SystemClock())
    with (
        open_reader(places.journal, settings, check=True) as reader,
        open_reader(places.journal, settings, check=False) as fast,
    ):
        sources = SourceNames()
        found = survey(fast, cut.from_ms, cut.to_ms, reader.durable_seq, sources=sources)
        engine = engine_before(found.first_seq, reader, settings, places, work.features)
        lists = membership_before(fast, engine.offset)
        digest = reader.digest_at(found.end_seq - 1)
        return work.done(found, engine, reader, sources, lists, _Origin("journal", digest), progress, stopped)


def cut_files(
    settings: Settings,
    places: Places,
    environment: Mapping[str, str],
    cut: Cut,
    tables: Iterable[pa.RecordBatch],
    digests: Sequence[str],
    *,
    source: str | None = None,
    events: int = 0,
    clock: Clock | None = None,
    progress: Progress = lambda _done, _all: None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Path, DatasetManifest]:
    """A training set out of files of events, whose digests are given; ruleset, model and lists are those in force.

    events: how many there are, for the progress; 0 when unknown.  source: for files without that column.  Raises what
    `cut_dataset` raises, and what intake raises.
    """
    work = _Work(settings, places, environment, cut, clock or SystemClock())
    places.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="datasets-", dir=places.cache) as folder:
        journal = Path(folder) / "journal"
        deciding = FileJournal(settings, places, work.features, environment, "cut", stopped)
        taken, refused = deciding.decide(journal, tables, source, lambda done: progress(done, 2 * max(events, done)))
        origin = _Origin("files", deciding.lists_digest, list(digests), refused)
        with open_reader(journal, settings, check=False) as reader:
            sources = SourceNames()
            found = survey(reader, cut.from_ms, cut.to_ms, reader.durable_seq, sources=sources)
            engine = Engine(work.features, memory_bytes_max=settings.engine.memory_bytes_max)
            return work.done(
                found,
                engine,
                reader,
                sources,
                deciding.lists,
                origin,
                lambda done, of: progress(taken + done, taken + of),
                stopped,
            )


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where the events are from, as the manifest has it."""

    kind: str
    digest: str
    files: list[str] = dataclasses.field(default_factory=list)
    refused: int = 0


class _Work:
    """One cut, in somebody's name."""

    def __init__(
        self, settings: Settings, places: Places, environment: Mapping[str, str], cut: Cut, clock: Clock
    ) -> None:
        self._operator: KeyId = operator_of(places, environment, Scope.MODELS, clock)
        require_person(cut.name)
        self._signer = signer_of(places, environment)
        self._settings = settings
        self._cut = cut
        self._clock = clock
        self._began_ms = clock.now_ms()
        self._folder = places.data / FOLDER
        self.features: FeatureSet = feature_set(cut.features or settings.engine.features)
        self._recipe = datasets.Recipe(
            datasets.Filters(list(cut.kinds), list(cut.channels), list(cut.sources), cut.entity),
            datasets.LabelRule(cut.label_delay_ms, list(cut.label_sources), cut.unlabelled),
            datasets.Sampling(cut.seed, cut.genuine_share),
            self.features.names,
            cut.chosen or self.features.names,
        )
        datasets.columns_of(self._recipe.chosen_names)

    def done(
        self,
        found: Surveyed,
        engine: FeatureEngine,
        reader: FolderReader,
        sources: SourceNames,
        lists: Membership,
        origin: _Origin,
        progress: Progress,
        stopped: Callable[[], bool],
    ) -> tuple[Path, DatasetManifest]:
        """Walk, write, sign."""
        as_of_ms = found.clock_ms + 1 if self._cut.to_ms is None else self._cut.to_ms
        first_ms = found.first_ms if self._cut.from_ms is None else self._cut.from_ms
        spans = datasets.periods(first_ms, as_of_ms, self._cut.label_delay_ms, self._cut.starts_ms)
        known = found.labels[found.labels[:, 0] < found.end_seq]
        book = datasets.LabelBook(*self._counting(known, sources).T[1:4])
        self._make_folder()
        with tempfile.TemporaryDirectory(prefix=".cutting-", dir=self._folder, ignore_cleanup_errors=True) as made:
            cutting = Path(made) / "set"
            cutting.mkdir(mode=0o700)
            data = cutting / datasets.DATA
            with datasets.Cutter(self._recipe, spans, book, found.before_ms, data) as cutter:
                walked = walk(engine, reader, found.end_seq, sources, what="cut", progress=progress, stopped=stopped)
                with closing(walked) as chunks:
                    take(cutter, chunks, found.first_seq, sources, lists)
            joined_ms = self._clock.now_ms()
            self._require_registered(cutter.present_sources(), origin.kind)
            counts = datasets.LabelCounts(len(known), int((known[:, 1] < 0).sum()), cutter.frauds_late)
            manifest = self._manifest(cutter, data, self._span(found, as_of_ms, origin), counts, joined_ms)
            return datasets.put_dataset(self._folder, cutting, manifest, self._signer), manifest

    def _span(self, found: Surveyed, as_of_ms: int, origin: _Origin) -> datasets.Span:
        return datasets.Span(
            origin.kind,
            found.first_seq,
            found.end_seq,
            self._cut.from_ms,
            self._cut.to_ms,
            found.first_ms,
            as_of_ms,
            origin.digest,
            origin.files,
            origin.refused,
        )

    def _manifest(
        self,
        cutter: datasets.Cutter,
        data: Path,
        span: datasets.Span,
        label_counts: datasets.LabelCounts,
        joined_ms: int,
    ) -> DatasetManifest:
        """What the set says about itself.  joined_ms: when labels were joined; it ends now."""
        return DatasetManifest(
            format=datasets.FORMAT,
            name=self._cut.name,
            operator=datasets.Operator(self._operator.id, self._operator.name),
            span=span,
            filters=self._recipe.filters,
            labels=self._recipe.labels,
            features=datasets.FeatureUse(self.features.name, self.features.version, list(self._recipe.chosen_names)),
            sampling=self._recipe.sampling,
            roles=cutter.roles(),
            population=cutter.population,
            left_out=cutter.left_out(),
            label_counts=label_counts,
            sources=cutter.present_sources(),
            acquired_first_ms=cutter.received_first_ms,
            acquired_last_ms=cutter.received_last_ms,
            began_ms=self._began_ms,
            joined_ms=joined_ms,
            ended_ms=self._clock.now_ms(),
            medium=self._settings.datasets.medium or medium_of(self._folder),
            rows=cutter.rows,
            columns=cutter.columns,
            data_bytes=data.stat().st_size,
            data_digest=file_digest(data),
            software=datasets.software({"tarim": __version__}),
        )

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(f"{self._folder} cannot be made: {error.strerror}") from None

    def _counting(self, known: npt.NDArray[np.int64], sources: SourceNames) -> npt.NDArray[np.int64]:
        """The labels of the sources that count."""
        if not self._cut.label_sources:
            return known
        wanted = [at for at, name in enumerate(sources.names) if name in self._cut.label_sources]
        return known[np.isin(known[:, 4], wanted)]

    def _require_registered(self, present: Sequence[str], kind: str) -> None:
        """Nothing, if training data may come from these sources (AS-23)."""
        registered = self._settings.datasets.registered
        if not registered and kind == "journal":
            return
        strange = [name for name in present if name not in registered]
        if strange:
            raise NotAllowed(
                f"training data may not come from the source {strange[0]!r}: it is not registered in the setting "
                "datasets.sources",
                known=True,
            )


def medium_of(folder: Path) -> str:
    """What identifies the file system a folder lies on, for who has not set a name for the medium."""
    number = os.statvfs(folder).f_fsid
    return f"filesystem-{number:016x}" if number else f"device-{folder.stat().st_dev:x}"
