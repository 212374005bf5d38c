"""A Parquet file through intake, vault, journal, features, rules and model to decisions on disk, everything included.

    python -m bench.replay [--quick]

A simulated bank's first days are replayed into an empty data folder: every customer is new (`from_file_cold_per_s`).  Then
the days after that, in the same process: the customers are known, and what is new of them (payees, merchants, addresses)
is still sealed (`from_file_per_s`).  In: Parquet.  Out: a durable journal, and decisions and features as Parquet.  Judged
by the starter rules and a model of 200 trees, which holds as few as a bank would.  The clock is the one on the wall; nothing
is pinned.

The same file is also replayed in other ways, which must all give the same bytes (`replay_differing`).
"""

from __future__ import annotations

import functools
import hashlib
import os
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from bench import decide
from tarim.bootstrap import replaying
from tarim.bootstrap.house import House, feature_set, recover_state
from tarim.bootstrap.places import Places, make_data_folder
from tarim.bootstrap.replaying import Summary, replay
from tarim.bootstrap.settings import settings_of
from tarim.decisions import Aftermath, DecisionService, RecordKind, Snapshots, decode_events, pass_over
from tarim.intake import Intake, read_file
from tarim.journal import FolderReader, Journal
from tarim.privacy import Vault
from tarim.privacy.sealed_index import SealedIndex
from tarim.simulation import FileFormat, SimulationSettings, write_days
from tarim.stream import Col, Engine

USUAL_POSITIVES = 0.01
"""Share of the events that the model was taught to be fraud: what is held costs more than what passes."""

RECEIVED_MS = 1_800_000_000_000
"""When everything is received in the replays that are compared."""

Figures = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """Of the bank, and how many of its days are replayed before the measurement."""

    customers: int
    events_per_day: int
    days: int
    days_before: int
    compared_events: int


FULL = Size(100_000, 250_000, 8, 2, 150_000)
QUICK = Size(30_000, 75_000, 4, 2, 10_000)


def run(*, quick: bool) -> Figures:
    """Figures of one run; microseconds an event in `stages`."""
    size = QUICK if quick else FULL
    with tempfile.TemporaryDirectory(prefix="tarim-bench-") as folder:
        home = Path(folder)
        settings = SimulationSettings(
            customers=size.customers, events_per_day=size.events_per_day, days=size.days, seed=5
        )
        write_days(settings, home / "sim", FileFormat.PARQUET)
        files = sorted((home / "sim").glob("events-*.parquet"))
        model = home / "model.txt"
        _replay(home / "warm", home / "warm-out", _cut(read_file(files[0]), 60_000), None)
        model.write_bytes(_usual_model(home / "warm-out"))
        with _house(
            home / "data", model, home / "warm"
        ) as house:  # one process: what lies sealed is remembered until it ends
            cold, cold_stages = _measured(house, home / "cold", files[: size.days_before])
            steady, steady_stages = _measured(house, home / "steady", files[size.days_before :])
        compared = differing(home, files[0], model, size.compared_events)
    return {
        "from_file_per_s": round(steady.events_per_s),
        "from_file_cold_per_s": round(cold.events_per_s),
        "events": steady.events,
        "events_cold": cold.events,
        "customers": size.customers,
        "trees": decide.TREES,
        "share_held": round(
            sum(steady.outcomes[each] for each in ("challenge", "delay", "suspend")) / steady.events, 4
        ),
        "share_with_new_values": steady_stages.share_with_new_values,
        "share_with_new_values_cold": cold_stages.share_with_new_values,
        "sealed_per_event": steady_stages.sealed_per_event,
        "sealed_per_event_cold": cold_stages.sealed_per_event,
        "cpu_us": steady_stages.cpu_us,
        "stages": steady_stages.table(),
        "stages_cold": cold_stages.table(),
        "resident_mb_max": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        "replay_ways": len(compared),
        "replay_differing": [way for way, same in compared.items() if not same],
    }


def _usual_model(out: Path) -> bytes:
    """A model that finds as little as one event in a hundred out of the ordinary, as it is at a bank."""
    table = pq.read_table(out / "features.parquet", columns=list(feature_set("reference").names))
    return decide.reference_model(np.column_stack([column.to_numpy() for column in table.columns]), USUAL_POSITIVES)


# ---- speed -----------------------------------------------------------------------------------------------------------


@dataclass
class Stages:
    """Where the time of one replay went."""

    events: int = 0
    with_new_values: int = 0
    sealed: int = 0
    process_s: float = 0.0
    spent: dict[str, list[float]] = field(default_factory=dict)

    @property
    def share_with_new_values(self) -> float:
        """Share of the events that brought something to be sealed."""
        return round(self.with_new_values / self.events, 3)

    @property
    def sealed_per_event(self) -> float:
        """Sealed texts by events: the events of one customer share them."""
        return round(self.sealed / self.events, 3)

    @property
    def cpu_us(self) -> float:
        """Processor time of all threads."""
        return round(self.process_s / self.events * 1e6, 2)

    def table(self) -> dict[str, str]:
        """Processor time and wall time of each stage, microseconds an event.  Stages of different threads overlap."""
        return {
            name: f"{cpu / self.events * 1e6:.2f} cpu, {wall / self.events * 1e6:.2f} wall"
            for name, (cpu, wall) in self.spent.items()
        }


def _measured(house: House, out: Path, files: Sequence[Path]) -> tuple[Summary, Stages]:
    """Replay files, with the time of each stage."""
    stages = Stages()
    with watched(stages):
        started = time.process_time()
        summary = replay(house, _tables(files, stages), out)
        stages.process_s = time.process_time() - started
    stages.events = summary.events
    return summary, stages


def _tables(files: Iterable[Path], stages: Stages) -> Iterator[pa.RecordBatch]:
    for path in files:
        tables = read_file(path)
        while (table := _timed(stages, "file", lambda tables=tables: next(tables, None))) is not None:  # type: ignore[misc]
            yield table


def _timed(stages: Stages, name: str, call: Callable[[], Any]) -> Any:
    used, started = time.thread_time(), time.perf_counter()
    try:
        return call()
    finally:
        spent = stages.spent.setdefault(name, [0.0, 0.0])
        spent[0] += time.thread_time() - used
        spent[1] += time.perf_counter() - started


WATCHED: tuple[tuple[str, type[Any], str], ...] = (
    ("columns to rows and tokens", Intake, "read"),
    ("sealing", Intake, "seal"),
    ("recognise, judge, append", DecisionService, "take"),
    ("  of it features, rules, model", DecisionService, "_judge_rows"),
    ("  of it append to the journal", Journal, "append"),
    ("fdatasync", Journal, "commit"),
    ("vault's index, given", House, "index_accepted"),
    ("vault's index, written", SealedIndex, "_write"),
    ("decisions and features, Parquet", replaying._Finisher, "_write"),
)


@contextmanager
def watched(stages: Stages) -> Iterator[None]:
    """While it lasts, the stages of a replay are timed; a clock is read twice for each chunk and stage."""
    lock = threading.Lock()
    unsealed, seal_bundles = Vault.unsealed, Vault.seal_bundles

    def counted_need(vault: Vault, tokens: Any, texts: Any, need: Any) -> Any:
        keys = unsealed(vault, tokens, texts, need)
        stages.with_new_values += int(np.count_nonzero(need))
        return keys

    def counted_seal(vault: Vault, customers: npt.NDArray[np.int64], bundles: Sequence[bytes]) -> list[bytes]:
        with lock:
            stages.sealed += len(bundles)
        return seal_bundles(vault, customers, bundles)

    def wrapped(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        return functools.wraps(method)(lambda *args, **named: _timed(stages, name, lambda: method(*args, **named)))

    replaced: list[tuple[Any, str, Any]] = [
        (Vault, "unsealed", counted_need),
        (Vault, "seal_bundles", counted_seal),
        *((kind, method, wrapped(name, getattr(kind, method))) for name, kind, method in WATCHED),
    ]
    originals = [(owner, method, getattr(owner, method)) for owner, method, _ in replaced]
    try:
        for owner, method, stand_in in replaced:
            setattr(owner, method, stand_in)
        yield
    finally:
        for owner, method, original in originals:
            setattr(owner, method, original)


# ---- the same bytes --------------------------------------------------------------------------------------------------


def differing(home: Path, file: Path, model: Path, count: int) -> dict[str, bool]:
    """Whether features and decisions come out the same, byte for byte, in every way of replaying `count` events."""
    tables = list(_cut(read_file(file), count))
    whole = pa.Table.from_batches(tables).combine_chunks().to_batches()[0]
    like, first = home / "data", home / "first"
    _replay(first, home / "first-out", tables, model, like)
    wanted, features = _journalled(first), _features([home / "first-out"])
    found: dict[str, bool] = {}

    def way(name: str, parts: Sequence[Sequence[pa.RecordBatch]], between: Callable[[Path], None]) -> None:
        data = home / f"way-{len(found)}"
        outs = [home / f"way-{len(found)}-out-{number}" for number in range(len(parts))]
        for number, part in enumerate(parts):
            if number:
                between(data)
            _replay(data, outs[number], part, model, like)
        found[name] = _journalled(data) == wanted and _features(outs) == features
        for folder in (data, *outs):
            shutil.rmtree(folder)

    def nothing(_data: Path) -> None:
        pass

    rng = np.random.default_rng(3)
    stops = sorted(rng.integers(1, count, 2).tolist())
    way("once more, another folder", [tables], nothing)
    way("cut at random", [_sliced(whole, sorted(rng.integers(1, count, 40).tolist()))], nothing)
    way("restarted twice", [[part] for part in _sliced(whole, stops)], nothing)
    way(
        "restarted from a snapshot", [[part] for part in _sliced(whole, stops[:1])], lambda data: _snapshot(data, model)
    )
    found["the journal, made again"] = _again(first, model) == (wanted, features)
    shutil.rmtree(first)
    return found


def _snapshot(data: Path, model: Path) -> None:
    settings = settings_of(data, _environment(model))
    places = Places(data)
    with FolderReader(places.journal, index_stride_bytes=settings.journal.index_stride_bytes) as reader:
        Snapshots(places.snapshots).write(recover_state(reader, settings, places, feature_set("reference")).state)


def _journalled(data: Path) -> str:
    """Digest of all rows and decisions in the journal, in order, positions left out: a restart may take one."""
    rows, decisions = hashlib.sha256(), hashlib.sha256()
    with FolderReader(data / "journal") as reader:
        for record in reader.read():
            if record.kind == RecordKind.EVENTS:
                events = decode_events(record)
                rows.update(_placeless(events.rows).tobytes())
                decisions.update(events.decisions.tobytes())
    return rows.hexdigest() + decisions.hexdigest()


def _placeless(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    found = np.array(rows)
    found[:, [Col.SEQ, Col.REFERS_SEQ]] = 0
    return found


def _features(outs: Sequence[Path]) -> str:
    """Digest of all features, in order."""
    digest = hashlib.sha256()
    names = feature_set("reference").names
    tables = [pq.read_table(out / "features.parquet", columns=list(names)) for out in outs]
    for name in names:
        for table in tables:
            digest.update(np.ascontiguousarray(table[name].to_numpy()).tobytes())
    return digest.hexdigest()


def _again(data: Path, model: Path) -> tuple[str, str]:
    """The same two digests from the journal alone: an engine and a judge made anew go over the recorded rows."""
    rows_digest, decisions_digest = hashlib.sha256(), hashlib.sha256()
    features = feature_set("reference")
    engine, parts = Engine(features), []
    with House(settings_of(data, _environment(model)), Places(data), _environment(model)) as house:
        judge, aftermath, treatment = house.policy.decider, Aftermath(), house.service.treatment
        assert treatment is not None
        for record in house.journal.read():
            if record.kind != RecordKind.EVENTS:
                aftermath.take(record)
                pass_over(engine, record)
                continue
            events = decode_events(record)
            rows, computed = np.array(events.rows), np.empty((len(events), len(features.names)))
            engine.process(rows, computed)
            decisions = judge.decide(rows, computed)
            aftermath.treat(rows, decisions, treatment)
            aftermath.holds.take(rows, decisions)
            decisions_digest.update(decisions.tobytes())
            rows_digest.update(_placeless(rows).tobytes())
            parts.append(computed)
    digest = hashlib.sha256(np.ascontiguousarray(np.concatenate(parts).T).tobytes())
    return rows_digest.hexdigest() + decisions_digest.hexdigest(), digest.hexdigest()


def _cut(tables: Iterable[pa.RecordBatch], count: int) -> Iterator[pa.RecordBatch]:
    """The first `count` rows."""
    for table in tables:
        if count <= 0:
            return
        yield table.slice(0, count)
        count -= table.num_rows


def _sliced(table: pa.RecordBatch, stops: Sequence[int]) -> list[pa.RecordBatch]:
    ends = [0, *stops, table.num_rows]
    return [table.slice(low, high - low) for low, high in pairwise(ends) if high > low]


def _environment(model: Path | None) -> dict[str, str]:
    return {**os.environ, "TARIM_POLICY_MODEL_FILE": str(model or "")}


def _house(data: Path, model: Path | None, like: Path | None = None) -> House:
    """The house of a data folder, made if there is none; with the master key and compiled rules of another one."""
    if not data.exists():
        make_data_folder(data)
        if like is not None:
            shutil.copy2(like / "master.key", data / "master.key")
            shutil.copytree(like / "cache", data / "cache")
    environment = _environment(model)
    return House(settings_of(data, environment), Places(data), environment, lenient=True)


def _replay(
    data: Path, out: Path, tables: Iterable[pa.RecordBatch], model: Path | None, like: Path | None = None
) -> Summary:
    """Replay tables into a data folder, received at a moment that is always the same."""
    with _house(data, model, like) as house:
        return replay(house, tables, out, received_ms=lambda _table: RECEIVED_MS)


def table(found: Figures) -> str:
    """The figures as text."""
    lines = [
        f"known customers  {found['from_file_per_s']:>9,} events/s  {found['events']:,} events, "
        f"{found['share_with_new_values']:.0%} with new values, {found['share_held']:.1%} held, "
        f"{found['cpu_us']} us of processor time",
        f"all new          {found['from_file_cold_per_s']:>9,} events/s  {found['events_cold']:,} events, "
        f"{found['share_with_new_values_cold']:.0%} with new values",
        f"resident at most {found['resident_mb_max']:,} MB; ways of replaying that differ: "
        f"{len(found['replay_differing'])} of {found['replay_ways']}",
        "",
        *(f"  {name:<36}{spent} us an event" for name, spent in found["stages"].items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    print(table(run(quick="--quick" in sys.argv)))
