"""Backtest: drafts against a span of the journal, or against a file, judged as the engine would have judged them.

    reader thread          engine thread            this thread
    records, digests  ─►   features, as they  ─►    the drafts' rules, the measures
    checked, chunks        were computed live

A span is a contiguous piece of the journal: from the first event that happened at or after `from_ms`, up to the first that
happened at or after `to_ms`.  A late event lies where it arrived.  Events before the span go through the engine too, from
the newest snapshot before it or from the journal's start, so that every window is full; they are not measured.  The score is
the recorded one, and lists are as they were at each event.  Nothing is locked: the service may run.

A file is first decided as `tarim replay` would decide it, by the ruleset, model and lists in force, into a journal of its
own that is thrown away, and then looked at in the same way.

The result is kept under DATA/backtests by the SHA-256 of its bytes.  It names what went in by digest and says nothing about
when it was made, so whoever repeats it gets the same file.
"""

from __future__ import annotations

import hashlib
import itertools
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tarim.base.errors import Conflict, Damaged, InputError, NotFound, Unavailable
from tarim.bootstrap.house import Artefacts, Places, SystemClock, feature_set, load_policy
from tarim.bootstrap.lists import membership_before
from tarim.bootstrap.replaying import Ahead
from tarim.bootstrap.settings import Settings
from tarim.decisions import (
    DECISION_WORDS,
    Backtest,
    DecisionService,
    Draft,
    Events,
    FeatureEngine,
    Governance,
    Labels,
    LogRecord,
    Measured,
    RecordKind,
    Records,
    Seen,
    Snapshots,
    decode_events,
)
from tarim.intake import Intake
from tarim.journal import FolderReader, Journal
from tarim.privacy import Tokenizer, load_master_key
from tarim.rules import Rule, check_ruleset, compile_ruleset
from tarim.screening import Membership
from tarim.stream import ROW_WORDS, Col, Engine, FeatureSet, Kind

FOLDER: Final = "backtests"
FORMAT: Final = 1
CHUNK_EVENTS: Final = 16_384
_CHUNKS: Final = 8
"""In turn: one being filled, two waiting, one in the engine, two waiting, one being measured, and one to spare."""

Progress = Callable[[int, int], None]
"""Told how many events of how many are through."""
Words = npt.NDArray[np.int64]


class Known(StrEnum):
    """Which labels count."""

    THEN = "then"
    """Those in the journal before the span's end."""
    NOW = "now"
    """All that are in the journal."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be tested: texts of one or two rulesets, one rule of them or all (""), a span, and which labels count.

    from_ms, to_ms: instants, None for the beginning and the end; `to_ms` itself is outside.
    """

    drafts: tuple[str, ...]
    rule: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    known: Known = Known.THEN


class Source(msgspec.Struct, frozen=True):
    """Where the events are from.

    kind: journal or files.  first_seq, end_seq: the span, end outside.  labels_seq: labels before this position count.
    digest: the journal's chain after the last position read, hexadecimal.  files: SHA-256 of each, hexadecimal; for them the
    positions count the accepted events, `refused` those that were not, and `digest` is the chain of the data folder's journal
    after its last change of lists ("" for none).
    """

    kind: str
    first_seq: int
    end_seq: int
    labels_seq: int
    digest: str
    files: list[str]
    refused: int


class Core(msgspec.Struct, frozen=True):
    """The whole result: a function of what went in.  `features`: version of the feature set; instants as they were asked."""

    format: int
    features: str
    from_ms: int | None
    to_ms: int | None
    known: str
    source: Source
    measured: Measured


@dataclass(frozen=True, slots=True)
class Tested:
    """A result as it is kept: `content` are the bytes of a Core, `digest` their SHA-256, and `path` their place."""

    core: Core
    content: bytes
    digest: str
    path: Path
    events: int
    took_s: float


class Cancelled(Conflict):
    """Somebody broke the backtest off; nothing was kept."""

    code = "cancelled"


def backtest(
    settings: Settings,
    places: Places,
    asked: Asked,
    *,
    progress: Progress = lambda _done, _all: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Tested:
    """Test drafts against a span of the journal of a data folder.

    Raises RulesetInvalid, DefinitionError for an unknown rule, NotFound (no journal, an artefact that is gone), InputError
    for a span without events, Unavailable when the journal no longer reaches back far enough, Damaged, Cancelled.
    """
    begun = time.perf_counter()
    features = feature_set(settings.engine.features)
    drafts = _drafts(asked, features, places)
    with (
        _reader(places.journal, settings, check=True) as reader,
        _reader(places.journal, settings, check=False) as fast,
    ):
        span = find_span(fast, asked, reader.durable_seq)
        engine = _engine_before(span.first_seq, reader, settings, places, features)
        asking = any(draft.ruleset.probes for draft in drafts)
        lists = membership_before(fast, engine.offset) if asking else None
        run = _Run(places, features, drafts, span, stopped, lists)
        measured = run.measured(engine, reader, progress)
        source = Source(
            "journal",
            span.first_seq,
            span.end_seq,
            span.labels_seq,
            reader.digest_at(max(span.end_seq, span.labels_seq) - 1),
            [],
            0,
        )
    core = Core(FORMAT, features.version, asked.from_ms, asked.to_ms, asked.known, source, measured)
    return _kept(places, core, run.events, begun)


def backtest_files(
    settings: Settings,
    places: Places,
    asked: Asked,
    tables: Iterable[pa.RecordBatch],
    digests: Sequence[str],
    environment: Mapping[str, str],
    *,
    source: str | None = None,
    events: int = 0,
    progress: Progress = lambda _done, _all: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Tested:
    """Test drafts against the events of files, whose digests are given; the data folder gives the rest.

    events: how many there are, for the progress; 0 when unknown.  source: for files without that column.  Raises what
    `backtest` raises, and what intake raises.
    """
    begun = time.perf_counter()
    features = feature_set(settings.engine.features)
    drafts = _drafts(asked, features, places)
    places.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="backtest-", dir=places.cache) as folder:
        journal = Path(folder) / "journal"
        deciding = _Deciding(settings, places, features, environment, stopped)
        taken, refused = deciding.decide(journal, tables, source, lambda done: progress(done, 2 * max(events, done)))
        with _reader(journal, settings, check=False) as reader:
            span = find_span(reader, asked, reader.durable_seq)
            run = _Run(places, features, drafts, span, stopped, deciding.lists, deciding.live)
            engine = Engine(features, memory_bytes_max=settings.engine.memory_bytes_max)
            measured = run.measured(engine, reader, lambda done, of: progress(taken + done, taken + of))
    where = Source(
        "files", span.first_seq, span.end_seq, span.labels_seq, deciding.lists_digest, list(digests), refused
    )
    core = Core(FORMAT, features.version, asked.from_ms, asked.to_ms, asked.known, where, measured)
    return _kept(places, core, run.events, begun)


def kept_backtest(places: Places, digest: str) -> bytes:
    """A result that was kept.  Raises NotFound."""
    return Artefacts(places.data / FOLDER).get(digest)


def _kept(places: Places, core: Core, events: int, begun: float) -> Tested:
    content = msgspec.json.format(msgspec.json.encode(core), indent=1) + b"\n"
    folder = places.data / FOLDER
    digest = Artefacts(folder).keep(content)
    return Tested(core, content, digest, folder / digest, events, time.perf_counter() - begun)


def _drafts(asked: Asked, features: FeatureSet, places: Places) -> list[Draft]:
    rulesets = [compile_ruleset(text, features.names, places.cache / "rules") for text in asked.drafts]
    if len(rulesets) == 1:
        return [Draft(rulesets[0], asked.rule)]
    having = [asked.rule in ("", *(rule.id for rule in ruleset.rules)) for ruleset in rulesets]
    # Side by side a rule may be in one of them only: then it is compared with the whole of the other.
    return [
        Draft(ruleset, asked.rule if has or not any(having) else "")
        for ruleset, has in zip(rulesets, having, strict=True)
    ]


def _reader(folder: Path, settings: Settings, *, check: bool) -> FolderReader:
    if not folder.is_dir():
        raise NotFound(f"there is no journal in {folder.parent}")
    return FolderReader(folder, index_stride_bytes=settings.journal.index_stride_bytes, check=check)


# ---- the span --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """Positions first_seq ... end_seq - 1, and what is known of their events from labels before `labels_seq`."""

    first_seq: int
    end_seq: int
    labels_seq: int
    labels: Labels


def find_span(reader: FolderReader, asked: Asked, durable_seq: int) -> Span:
    """Read what is kept of the journal once, for instants and labels.  Raises InputError for a span without events."""
    first_seq = -1 if asked.from_ms is not None else reader.first_seq
    end_seq = -1 if asked.to_ms is not None else durable_seq
    found: list[Words] = []
    events_end = 0
    for record in reader.read(reader.first_seq, durable_seq):
        if record.kind != RecordKind.EVENTS:
            continue
        rows = decode_events(record).rows
        events_end = record.first_seq + record.count
        occurred_ms = rows[:, Col.OCCURRED_MS]
        if first_seq < 0 and asked.from_ms is not None:
            first_seq = _first(record, occurred_ms >= asked.from_ms)
        if end_seq < 0 and asked.to_ms is not None:
            end_seq = _first(record, occurred_ms >= asked.to_ms)
        labels = rows[:, Col.KIND] == Kind.LABEL
        if labels.any():
            found.append(rows[labels][:, [Col.SEQ, Col.REFERS_SEQ, Col.LABEL]])
        if end_seq >= 0 and asked.known is Known.THEN and record.first_seq >= end_seq:
            break
    if first_seq < 0 or first_seq >= events_end:
        raise InputError("the journal holds no event at or after the beginning of the span")
    end_seq = min(end_seq, events_end) if end_seq >= 0 else events_end
    if end_seq <= first_seq:
        raise InputError("the span holds no event: its end lies before its beginning")
    labels_seq = durable_seq if asked.known is Known.NOW else end_seq
    known = np.concatenate(found) if found else np.zeros((0, 3), np.int64)
    known = known[known[:, 0] < labels_seq]
    return Span(first_seq, end_seq, labels_seq, Labels.of(known[:, 1], known[:, 2]))


def _first(record: LogRecord, where: npt.NDArray[np.bool_]) -> int:
    """Position of the first event for which it is true, -1 for none."""
    return record.first_seq + int(where.argmax()) if where.any() else -1


def _engine_before(
    first_seq: int, reader: FolderReader, settings: Settings, places: Places, features: FeatureSet
) -> FeatureEngine:
    """The engine as it stood at a position at or before `first_seq`, as near as a snapshot allows."""
    memory = settings.engine.memory_bytes_max
    snapshots = Snapshots(places.snapshots)
    for offset in snapshots.offsets():
        if reader.first_seq <= offset <= first_seq:
            try:
                restored = snapshots.load(
                    offset,
                    lambda path: Engine.restore(path, features, memory_bytes_max=memory),
                    Seen(settings.seen.events_max),
                )
            except (Damaged, Unavailable):
                continue
            return restored.engine
    if reader.first_seq:
        raise Unavailable(
            f"the journal starts at {reader.first_seq} and no snapshot lies between there and the span: its windows "
            "cannot be filled"
        )
    return Engine(features, memory_bytes_max=memory)


# ---- the run ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Chunk:
    """Events decided under one ruleset, and the control records that lie before them."""

    rows: Words
    decisions: Words
    features: npt.NDArray[np.float64]
    count: int = 0
    version: str = ""
    before: list[LogRecord] = field(default_factory=list)

    @classmethod
    def of(cls, features_count: int) -> _Chunk:
        return cls(
            np.empty((CHUNK_EVENTS, ROW_WORDS), np.int64),
            np.empty((CHUNK_EVENTS, DECISION_WORDS), np.int64),
            np.empty((CHUNK_EVENTS, features_count)),
        )

    def clear(self) -> _Chunk:
        self.count, self.version, self.before = 0, "", []
        return self

    def add(self, events: Events, start: int, end: int) -> int:
        """Take in events from `start` up to `end`, as many as there is room for; the index after the last one."""
        if events.decisions.shape[1] != DECISION_WORDS:
            raise Damaged(f"decisions at {events.first_seq} have another width than this version's")
        stop = min(end, start + CHUNK_EVENTS - self.count)
        into = slice(self.count, self.count + stop - start)
        self.rows[into] = events.rows[start:stop]
        self.decisions[into] = events.decisions[start:stop]
        self.count += stop - start
        return stop


class _Run:
    """One walk through the journal that measures the span."""

    def __init__(
        self,
        places: Places,
        features: FeatureSet,
        drafts: Sequence[Draft],
        span: Span,
        stopped: Callable[[], bool],
        lists: Membership | None,
        live: Mapping[str, Sequence[Rule]] | None = None,
    ) -> None:
        self._features = features
        self._drafts = drafts
        self._span = span
        self._stopped = stopped
        self._lists = lists
        self._artefacts = Artefacts(places.artefacts)
        self._live = live or {}
        self.events = 0

    def measured(self, engine: FeatureEngine, reader: FolderReader, progress: Progress) -> Measured:
        """Bring the engine to the span's end, and measure the span.  Raises Cancelled."""
        span = self._span
        start, end = engine.offset, span.end_seq
        test = Backtest(self._drafts, span.labels, self._features.names, self._rules, self._lists)
        with (
            Ahead("backtest-reader", self._chunks(reader, start, end)) as chunks,
            Ahead("backtest-engine", _processed(engine, chunks)) as processed,
        ):
            for chunk in processed:
                if self._stopped():
                    raise Cancelled("the backtest was broken off")
                for record in chunk.before:
                    if self._lists is not None and record.kind == RecordKind.LIST:
                        self._lists.apply(record.payload)
                count = chunk.count
                first = int(np.searchsorted(chunk.rows[:count, Col.SEQ], span.first_seq))
                if first < count:
                    part = slice(first, count)
                    test.take(chunk.rows[part], chunk.features[part], chunk.decisions[part], chunk.version)
                self.events += count
                if count:
                    progress(int(chunk.rows[count - 1, Col.SEQ]) + 1 - start, end - start)
        records = Records(reader)

        def identity(seq: int) -> tuple[str, str]:
            decided = records.decided(seq)
            return decided.event_id, decided.source

        return test.measured(identity)

    def _rules(self, version: str) -> Sequence[Rule]:
        """The rules of a ruleset that was in force.  Raises NotFound when its text is gone."""
        if version in self._live:
            return self._live[version]
        return check_ruleset(self._artefacts.get(version).decode("utf-8"), self._features.names).rules

    def _chunks(self, reader: FolderReader, start: int, end: int) -> Iterator[_Chunk]:
        chunks = itertools.cycle([_Chunk.of(len(self._features.names)) for _ in range(_CHUNKS)])
        chunk = next(chunks).clear()
        for record in reader.read(start, end):
            if record.kind != RecordKind.EVENTS:
                if chunk.count:
                    yield chunk
                    chunk = next(chunks).clear()
                chunk.before.append(record)
                continue
            events = decode_events(record)
            version = events.side.versions.ruleset
            if chunk.count and version != chunk.version:
                yield chunk
                chunk = next(chunks).clear()
            chunk.version = version
            at, stop = 0, min(len(events), end - record.first_seq)
            while at < stop:
                at = chunk.add(events, at, stop)
                if chunk.count == CHUNK_EVENTS:
                    yield chunk
                    chunk = next(chunks).clear()
                    chunk.version = version
        yield chunk


def _processed(engine: FeatureEngine, chunks: Iterable[_Chunk]) -> Iterator[_Chunk]:
    for chunk in chunks:
        for record in chunk.before:
            engine.pass_over(record.first_seq, record.count)
        engine.process(chunk.rows[: chunk.count], chunk.features[: chunk.count])
        yield chunk


# ---- files -----------------------------------------------------------------------------------------------------------


class _Deciding:
    """Decides the events of files into a journal of their own, as the data folder would, without switches."""

    def __init__(
        self,
        settings: Settings,
        places: Places,
        features: FeatureSet,
        environment: Mapping[str, str],
        stopped: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._features = features
        self._stopped = stopped
        self.lists = Membership()
        self.lists_digest = ""
        governance = Governance()
        if places.journal.is_dir():
            with _reader(places.journal, settings, check=False) as reader:
                for record in reader.read(reader.first_seq, reader.durable_seq):
                    if record.kind == RecordKind.RULESET:
                        governance.take(record)
                    elif record.kind == RecordKind.LIST:
                        self.lists.apply(record.payload)
                        self.lists_digest = reader.digest_at(record.first_seq)
        artefacts = Artefacts(places.artefacts)
        cache = places.cache / "rules"
        self._policy = load_policy(settings, features, cache, artefacts, governance.ruleset, self.lists)
        self._tokenizer = Tokenizer(load_master_key(places.master_key, environment).derive("tokens"))
        decider = self._policy.decider
        self.live = {decider.ruleset_version: decider.ruleset.rules}

    def decide(
        self, journal: Path, tables: Iterable[pa.RecordBatch], source: str | None, progress: Callable[[int], None]
    ) -> tuple[int, int]:
        """Events accepted and refused.  Raises Cancelled, and what intake raises about a file as a whole."""
        taken = refused = 0
        intake = Intake(self._tokenizer, None, self._settings.intake, clock=SystemClock())
        engine = Engine(self._features, memory_bytes_max=self._settings.engine.memory_bytes_max)
        log = Journal.open(journal, self._settings.journal)
        try:
            seen = Seen(self._settings.seen.events_max)
            service = DecisionService(log, engine, self._policy.decider, seen, lenient=True)
            for table in tables:
                for start in range(0, table.num_rows, CHUNK_EVENTS):
                    if self._stopped():
                        raise Cancelled("the backtest was broken off")
                    batch, refusals = intake.table(table.slice(start, CHUNK_EVENTS), source=source)
                    refused += len(refusals)
                    if len(batch):
                        decided = service.take(batch)
                        taken += len(decided.rows)
                        refused += len(decided.refused)
                    progress(taken)
            service.commit()
        finally:
            log.close()
        return taken, refused


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
