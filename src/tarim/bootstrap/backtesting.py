"""Backtest: drafts against a span of the journal, or against a file, judged as the engine would have judged them.

The events come from a walk through the journal (`walking`), those before the span too, so that every window is full; they
are not measured.  The score is the recorded one, and lists are as they were at each event.  Nothing is locked: the service
may run.

A file is first decided as `tarim replay` would decide it, by the ruleset, model and lists in force, into a journal of its
own that is thrown away, and then looked at in the same way.

The result is kept under DATA/backtests by the SHA-256 of its bytes.  It names what went in by digest and says nothing about
when it was made, so whoever repeats it gets the same file.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.file_journal import FileJournal
from tarim.bootstrap.house import feature_set
from tarim.bootstrap.lists import membership_before
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import Settings
from tarim.bootstrap.walking import Progress, SourceNames, engine_before, open_reader, survey, walk
from tarim.decisions import Backtest, Draft, FeatureEngine, Labels, Measured, RecordKind, Records
from tarim.journal import FolderReader
from tarim.rules import Rule, check_ruleset, compile_ruleset
from tarim.screening import Membership
from tarim.stream import Col, Engine, FeatureSet

FOLDER: Final = "backtests"
FORMAT: Final = 1
KEPT_LOOKED_AT: Final = 200


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
    after its last change of lists or names ("" for none).
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
        open_reader(places.journal, settings, check=True) as reader,
        open_reader(places.journal, settings, check=False) as fast,
    ):
        span = find_span(fast, asked, reader.durable_seq)
        engine = engine_before(span.first_seq, reader, settings, places, features)
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
        deciding = FileJournal(settings, places, features, environment, "backtest", stopped)
        taken, refused = deciding.decide(journal, tables, source, lambda done: progress(done, 2 * max(events, done)))
        with open_reader(journal, settings, check=False) as reader:
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


class _KeptDraft(msgspec.Struct):
    version: str


class _KeptMeasures(msgspec.Struct):
    drafts: list[_KeptDraft]


class _KeptCore(msgspec.Struct):
    measured: _KeptMeasures


def kept_backtests(places: Places, version: str) -> list[tuple[str, int]]:
    """Results whose first draft is the ruleset of this version: (digest, kept at in ms), the newest first.

    Looks at the newest KEPT_LOOKED_AT results; takes milliseconds for each, so not in the thread that decides.
    """
    folder = places.data / FOLDER
    if not folder.is_dir():
        return []
    files = [(each.stat().st_mtime_ns // 1_000_000, each) for each in folder.iterdir() if len(each.name) == 64]
    found = []
    for at_ms, path in sorted(files, reverse=True)[:KEPT_LOOKED_AT]:
        drafts = msgspec.json.decode(path.read_bytes(), type=_KeptCore).measured.drafts
        if drafts and drafts[0].version == version:
            found.append((path.name, at_ms))
    return found


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
    found = survey(reader, asked.from_ms, asked.to_ms, durable_seq, to_the_end=asked.known is Known.NOW)
    labels_seq = durable_seq if asked.known is Known.NOW else found.end_seq
    known = found.labels[found.labels[:, 0] < labels_seq]
    return Span(found.first_seq, found.end_seq, labels_seq, Labels.of(known[:, 1], known[:, 2]))


# ---- the run ---------------------------------------------------------------------------------------------------------


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
        test = Backtest(self._drafts, span.labels, self._features.names, self._rules, self._lists)
        walked = walk(
            engine, reader, span.end_seq, SourceNames(), what="backtest", progress=progress, stopped=self._stopped
        )
        with closing(walked) as chunks:
            for chunk in chunks:
                for record in chunk.before:
                    if self._lists is not None and record.kind == RecordKind.LIST:
                        self._lists.apply(record.payload)
                count = chunk.count
                first = int(np.searchsorted(chunk.rows[:count, Col.SEQ], span.first_seq))
                if first < count:
                    part = slice(first, count)
                    test.take(chunk.rows[part], chunk.features[part], chunk.decisions[part], chunk.version)
                self.events += count
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
