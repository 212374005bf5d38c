"""Replay: a file through the whole path, journal included, at the speed of a batch.

    reader thread       sealer thread       this thread                          finisher thread
    file → tables →  ─► new raw values  ─►  recognise, judge, append to the  ──► commit, once a chunk; tell the vault's
    rows, tokens        encrypted           journal                              index; decisions and features, Parquet

The compiled kernels, Arrow, OpenSSL and the disk release the interpreter, so the four overlap.  Queues hold two chunks
each.  A value counts as sealed once it is in the journal, so the few chunks on their way may seal one twice, and none is
lost with a chunk that is refused.
"""

from __future__ import annotations

import gc
import queue
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Generic, NamedTuple, Self, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tarim.base.errors import TarimError, Unavailable
from tarim.bootstrap.house import House
from tarim.decisions import OTHER, SAME, Decider, Taken, Word, hits_of
from tarim.intake import EventBatch, Refusal, TableParts
from tarim.stream import Col, Flag, Kind, Outcome

T = TypeVar("T")

CHUNK_EVENTS: Final = 32_768
REFUSALS_KEPT: Final = 100
_QUEUE_CHUNKS: Final = 2
_COPIES: Final = _QUEUE_CHUNKS + 2
"""Chunks waiting, the one being written and the one being copied."""
_TURNED_EVENTS: Final = 256
"""Events whose features are turned from rows into columns at a time: they stay in the processor's cache."""
_GARBAGE_AFTER: Final = 200_000
"""Objects until the next search for garbage in cycles, which a replay makes none of."""
_ROW_GROUP_EVENTS: Final = 1 << 20
ALERT: Final = Outcome.CHALLENGE
"""From this outcome on a decision stops or delays the customer; precision and recall are measured there."""

Truth = frozenset[str]
"""event_ids of the events that are fraud."""


@dataclass(slots=True)
class Summary:
    """What a replay did.  `fraud_*` count events of known truth: those named by the truth, or by label events."""

    events: int = 0
    repeated: int = 0
    conflicts: int = 0
    late: int = 0
    backfilled: int = 0
    took_s: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)
    fraud_events: int = 0
    fraud_alerted: int = 0
    alerted: int = 0

    @property
    def events_per_s(self) -> float:
        """Speed, everything included."""
        return self.events / self.took_s if self.took_s else 0.0

    @property
    def precision(self) -> float:
        """Share of fraud among the alerts, NaN without alerts."""
        return self.fraud_alerted / self.alerted if self.alerted else float("nan")

    @property
    def recall(self) -> float:
        """Share of the fraud that was alerted on, NaN without fraud."""
        return self.fraud_alerted / self.fraud_events if self.fraud_events else float("nan")


def read_truth(path: Path) -> Truth:
    """event_ids of a Parquet file with one row for each fraudulent event; a row with a column `crime` that is null is none."""
    table = pq.read_table(path)
    if "crime" in table.column_names:
        table = table.filter(pc.is_valid(table["crime"]))
    return frozenset(table["event_id"].to_pylist())


def replay(
    house: House,
    tables: Iterable[pa.RecordBatch],
    out: Path | None,
    *,
    truth: Truth | None = None,
    source: str | None = None,
    backfill: bool = False,
    received_ms: Callable[[pa.RecordBatch], int | npt.NDArray[np.int64] | None] = lambda _table: None,
    progress: Callable[[int], None] = lambda _events: None,
) -> Summary:
    """Take all tables through the path; decisions and features go to `out` as Parquet, if it is given.

    What was decided before is recognised, and neither decided nor written again.  Raises what intake, journal and engine
    raise; everything decided until then is durable.
    """
    summary = Summary()
    begin = time.perf_counter()
    switch_s, garbage = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(house.settings.service.thread_switch_us / 1e6)
    gc.set_threshold(_GARBAGE_AFTER, *garbage[1:])
    try:
        with (
            Ahead("replay-reader", _read(house, tables, source, backfill, received_ms)) as reader,
            Ahead("replay-sealer", _sealed(house, reader)) as sealer,
            _Finisher(house, out) as finisher,
        ):
            for batch, refusals in sealer:
                for refusal in refusals:
                    summary.refused[refusal.code] += 1
                summary.refusals += refusals[: REFUSALS_KEPT - len(summary.refusals)]
                if len(batch):
                    _take(house, batch, truth, summary, finisher)
                progress(finisher.finished())
        progress(finisher.finished())
        house.note_names()
    finally:
        sys.setswitchinterval(switch_s)
        gc.set_threshold(*garbage)
    summary.took_s = time.perf_counter() - begin
    return summary


def _take(house: House, batch: EventBatch, truth: Truth | None, summary: Summary, finisher: _Finisher) -> None:
    taken = house.service.take(batch)
    house.show_watch(taken)
    if len(taken.rows):
        # All it sealed is in the record, that of events left out too.  Without a record it is nowhere: sealed again.
        house.intake.accepted([batch])
    _count(summary, taken)
    fraud = _fraud(batch, taken, truth)
    if fraud is not None:
        _compare(summary, taken, fraud)
    finisher.finish(batch, taken, fraud)


def _count(summary: Summary, taken: Taken) -> None:
    summary.events += len(taken.rows)
    summary.repeated += int(np.count_nonzero(taken.states == SAME))
    summary.conflicts += int(np.count_nonzero(taken.states == OTHER)) - len(taken.refused)
    for error in taken.refused.values():
        summary.refused[error.code] += 1
    flags = taken.rows[:, Col.FLAGS]
    summary.late += int(np.count_nonzero(flags & Flag.LATE))
    summary.backfilled += int(np.count_nonzero(flags & Flag.BACKFILL))
    counts = np.bincount(taken.decisions[:, Word.OUTCOME], minlength=len(Outcome))
    summary.outcomes.update({outcome.name.lower(): int(counts[outcome]) for outcome in Outcome})


def _fraud(batch: EventBatch, taken: Taken, truth: Truth | None) -> npt.NDArray[np.bool_] | None:
    """Which of the new events are fraud, shape (m,); None when nothing is known."""
    if truth is None:
        return None
    flags = np.fromiter((each in truth for each in batch.event_ids), np.bool_, len(batch))
    return flags if len(taken.rows) == len(batch) else flags[_new(taken)]


def _new(taken: Taken) -> npt.NDArray[np.int64]:
    """Indices in the batch of its new events."""
    return np.flatnonzero(taken.states == 0)


def _compare(summary: Summary, taken: Taken, fraud: npt.NDArray[np.bool_]) -> None:
    alerted = taken.decisions[:, Word.OUTCOME] >= ALERT
    alerted &= taken.rows[:, Col.KIND] != Kind.LABEL
    summary.fraud_events += int(fraud.sum())
    summary.alerted += int(alerted.sum())
    summary.fraud_alerted += int((alerted & fraud).sum())


class Ahead(threading.Thread, Generic[T]):
    """Runs an iterator in a thread of its own, a few items ahead of who iterates over this."""

    def __init__(self, name: str, items: Iterator[T]) -> None:
        super().__init__(name=name, daemon=True)
        self._items = items
        self._queue: queue.Queue[T | BaseException | None] = queue.Queue(_QUEUE_CHUNKS)
        self._stopped = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        while self.is_alive():
            try:
                self._queue.get(timeout=0.05)
            except queue.Empty:
                continue
        self.join()

    def __iter__(self) -> Iterator[T]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def run(self) -> None:
        try:
            for item in self._items:
                if self._stopped:
                    return
                self._queue.put(item)
            self._queue.put(None)
        except BaseException as error:
            self._queue.put(error)


def _read(
    house: House,
    tables: Iterable[pa.RecordBatch],
    source: str | None,
    backfill: bool,
    received_ms: Callable[[pa.RecordBatch], int | npt.NDArray[np.int64] | None],
) -> Iterator[TableParts]:
    first_row = 0
    for table in tables:
        for start in range(0, table.num_rows, CHUNK_EVENTS):
            part = table.slice(start, CHUNK_EVENTS)
            parts = house.intake.read(part, source=source, received_ms=received_ms(part), backfill=backfill)
            parts.refusals = [_moved(refusal, first_row) for refusal in parts.refusals]
            yield parts
            first_row += part.num_rows


def _sealed(house: House, reader: Iterable[TableParts]) -> Iterator[tuple[EventBatch, list[Refusal]]]:
    for parts in reader:
        yield house.intake.seal(parts), parts.refusals


def _moved(refusal: Refusal, rows: int) -> Refusal:
    return Refusal(refusal.row + rows, refusal.field, refusal.rule, refusal.got, refusal.code)


class _Finished(NamedTuple):
    """A chunk that was judged and appended.  features: shape (F, m), each feature's values side by side."""

    batch: EventBatch
    taken: Taken
    features: npt.NDArray[np.float64]
    fraud: npt.NDArray[np.bool_] | None


class _Finisher(threading.Thread):
    """Makes chunks durable, has them indexed, and writes `decisions.parquet` and `features.parquet`.

    A file appears under its name when it is whole.
    """

    def __init__(self, house: House, out: Path | None) -> None:
        super().__init__(name="replay-finisher", daemon=True)
        self._house = house
        self._out = out
        self._decider: Decider = house.policy.decider
        self._names = house.features.names
        self._queue: queue.Queue[_Finished | None] = queue.Queue(_QUEUE_CHUNKS)
        self._copies = deque([np.empty((len(self._names), 0))] * _COPIES)
        self._failure: BaseException | None = None
        self._done = 0
        self._told = 0

    def __enter__(self) -> Self:
        if self._out is not None:
            try:
                self._out.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise Unavailable(f"{self._out}: {error.strerror}") from None
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self.join()
        if error is None:
            self._raise_failure()
            if self._out is not None:
                for name in ("decisions", "features"):
                    (self._out / f".{name}.parquet").replace(self._out / f"{name}.parquet")

    def finish(self, batch: EventBatch, taken: Taken, fraud: npt.NDArray[np.bool_] | None) -> None:
        """Have a chunk finished.  Waits when two wait already.  Raises what went wrong with an earlier one."""
        self._raise_failure()
        features = self._kept(taken.features) if self._out is not None else taken.features[:0]
        self._queue.put(_Finished(batch, taken, features, fraud))

    def _kept(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """A copy of features of shape (m, F), as columns; it stays as it is while `_COPIES` chunks are on their way."""
        count = len(features)
        self._copies.rotate()
        if self._copies[0].shape[1] < count:
            self._copies[0] = np.empty((len(self._names), max(count, CHUNK_EVENTS)))
        columns = self._copies[0][:, :count]
        for start in range(0, count, _TURNED_EVENTS):
            columns[:, start : start + _TURNED_EVENTS] = features[start : start + _TURNED_EVENTS].T
        return columns

    def finished(self) -> int:
        """Events that were finished since this was asked last."""
        done = self._done
        fresh, self._told = done - self._told, done
        return fresh

    def _raise_failure(self) -> None:
        if isinstance(self._failure, TarimError):
            raise self._failure
        if self._failure is not None:
            raise Unavailable(f"the results could not be written: {self._failure}") from self._failure

    def run(self) -> None:
        files: dict[str, pq.ParquetWriter] = {}
        while (chunk := self._queue.get()) is not None:  # to the end even after a failure, so that nobody waits
            self._try(lambda chunk=chunk: self._finish(chunk, files))  # type: ignore[misc]
        if not files and self._failure is None and self._out is not None:
            self._try(lambda: self._write(self._nothing(), files))
        for file in files.values():
            self._try(file.close)

    def _finish(self, chunk: _Finished, files: dict[str, pq.ParquetWriter]) -> None:
        try:
            self._house.journal.commit()
        except BaseException:
            self._house.service.break_down("the journal could not be written; replay again from a new start")
            raise
        if self._failure is not None:
            return
        self._house.index_accepted([(chunk.taken, chunk.batch)])
        if self._out is not None and len(chunk.taken.rows):
            self._write(self._columns(chunk), files)
        self._done += len(chunk.batch)

    def _columns(self, chunk: _Finished) -> dict[str, Any]:
        batch, taken = chunk.batch, chunk.taken
        ids, sources = batch.event_ids, batch.sources
        if len(taken.rows) != len(batch):
            new = _new(taken).tolist()
            ids, sources = [ids[i] for i in new], [sources[i] for i in new]
        return {
            "ids": ids,
            "sources": sources,
            "rows": taken.rows,
            "decisions": taken.decisions,
            "features": chunk.features,
            "fraud": chunk.fraud,
        }

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:
            self._failure = self._failure or error

    def _write(self, chunk: dict[str, Any], files: dict[str, pq.ParquetWriter]) -> None:
        head = self._head(chunk)
        tables = {"decisions": self._decisions(head, chunk), "features": self._features(head, chunk)}
        for name, table in tables.items():
            if name not in files:
                files[name] = self._open(name, table.schema)
            files[name].write_table(table, row_group_size=_ROW_GROUP_EVENTS)

    def _nothing(self) -> dict[str, Any]:
        """A chunk of no events, for files that would otherwise have no columns."""
        rows = np.zeros((0, len(Col)), np.int64)
        decisions = np.zeros((0, len(Word)), np.int64)
        features = np.zeros((len(self._names), 0))
        return {"ids": [], "sources": [], "rows": rows, "decisions": decisions, "features": features, "fraud": None}

    def _open(self, name: str, schema: pa.Schema) -> pq.ParquetWriter:
        assert self._out is not None
        return pq.ParquetWriter(
            self._out / f".{name}.parquet",
            schema,
            compression="snappy",
            use_dictionary=[field.name for field in schema if pa.types.is_dictionary(field.type)],
            write_statistics=["seq", "occurred_at"],
        )

    def _head(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """Columns of both files: which event, and what came of it."""
        rows, decisions = chunk["rows"], chunk["decisions"]
        names = pa.array([outcome.name.lower() for outcome in Outcome])
        outcomes = pa.array(decisions[:, Word.OUTCOME].astype(np.int8))
        head = {
            "seq": pa.array(np.ascontiguousarray(rows[:, Col.SEQ])),
            "event_id": pa.array(chunk["ids"], pa.string()),
            "source": pa.array(chunk["sources"], pa.string()).dictionary_encode(),
            "occurred_at": pa.array(np.ascontiguousarray(rows[:, Col.OCCURRED_MS])).cast(pa.timestamp("ms", "UTC")),
            "outcome": pa.DictionaryArray.from_arrays(outcomes, names),
            "score": pa.array(np.ascontiguousarray(decisions[:, Word.SCORE]).view(np.float64)),
        }
        if chunk["fraud"] is not None:
            head["label"] = pa.array(chunk["fraud"].astype(np.int8))
        return head

    def _decisions(self, head: dict[str, Any], chunk: dict[str, Any]) -> pa.Table:
        columns = dict(head)
        rows, decisions = chunk["rows"], chunk["decisions"]
        columns["received_at"] = pa.array(np.ascontiguousarray(rows[:, Col.RECEIVED_MS])).cast(
            pa.timestamp("ms", "UTC")
        )
        columns["kind"] = pa.DictionaryArray.from_arrays(
            pa.array((rows[:, Col.KIND] - 1).astype(np.int8)), pa.array([kind.name.lower() for kind in Kind])
        )
        columns["late"] = pa.array((rows[:, Col.FLAGS] & Flag.LATE) != 0)
        columns["backfill"] = pa.array((rows[:, Col.FLAGS] & Flag.BACKFILL) != 0)
        columns["rules"] = self._rules(decisions)
        return pa.table(columns)

    def _rules(self, decisions: npt.NDArray[np.int64]) -> pa.Array:
        """Ids of the rules that hold, a space between them."""
        hits = np.ascontiguousarray(decisions[:, Word.HITS_0 : Word.HITS_3 + 1])
        _, first, inverse = np.unique(hits.view("V32").ravel(), return_index=True, return_inverse=True)
        rules = self._decider.ruleset.rules
        texts = [" ".join(rules[index].id for index in hits_of(decisions[at])) for at in first.tolist()]
        return pa.DictionaryArray.from_arrays(pa.array(inverse.astype(np.int32)), pa.array(texts, pa.string()))

    def _features(self, head: dict[str, Any], chunk: dict[str, Any]) -> pa.Table:
        return pa.table(head | {name: pa.array(chunk["features"][index]) for index, name in enumerate(self._names)})
