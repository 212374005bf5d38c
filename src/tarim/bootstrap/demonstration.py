"""The demonstration: a simulated bank learned from, then judged, in a data folder that a service can go on with.

    simulate               DATA/bank/      events of every day, and the truth
    learn (days 1 to n)    DATA/learned/   replayed by rules alone; features and the labels that arrived train a model
    judge (the rest)       DATA/judged/    replayed by rules and model, then compared with the truth

The model reads features and label events of the first part only.  The truth is opened afterwards, to count.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tarim.base.errors import Conflict, DefinitionError
from tarim.bootstrap.house import House
from tarim.bootstrap.places import Places, make_data_folder
from tarim.bootstrap.replaying import ALERT, Summary, replay
from tarim.bootstrap.settings import settings_of
from tarim.decisions import Language, Snapshots
from tarim.identity import Scope, create_key
from tarim.intake import event_key, read_file
from tarim.models import auc, average_precision, fit_model
from tarim.simulation import CRIMES, FileFormat, SimulatedDay, SimulationSettings, Written, write_days
from tarim.stream import Outcome

LEARNED_SHARE: Final = 2 / 3
"""Of the days, for learning; the rest is judged."""
UNRIPE_DAYS_MAX: Final = 3
"""The last days before the model is made are left out of training: most of their crime is not known yet."""
TREES: Final = 100
LEAVES: Final = 63
DAYS_MIN: Final = 6
GENUINE_ONE_IN: Final = 8
"""Of the events not known to be criminal one in so many is trained on: crime is rare, and scores shift towards the bands."""
FRAUDS_MIN: Final = 20
EXAMPLES: Final = 3
_SETTINGS: Final = """\
[service]
port = {port}

[identity]
proxies = "127.0.0.1"  # the console's address: the services believe it where a request came from

[reports]
institution_code = "F1008933000019"  # invented
branch_code = "F1"
division_code = "330100"
"""
MARK: Final = "demo.json"
"""Only a folder with this file is ever replaced."""


class Stage(Protocol):
    """Told how far the work is."""

    def begin(self, name: str, total: int | None) -> None:
        """A stage begins: simulate (days), open, learn (events), train, judge (events), count; total None: not known."""

    def advance(self, done: int) -> None:
        """So much more of it is done."""


@dataclass(frozen=True, slots=True)
class Example:
    """A decision as it lies in the journal; `crime` is empty for a customer who was stopped without need."""

    event_id: str
    source: str
    kind: str
    crime: str
    amount_fen: int
    outcome: Outcome
    score: float
    reasons_zh: tuple[str, ...]
    reasons_en: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CrimeCount:
    """Criminal events of one kind in the judged part, by outcome; what those moved, and what of it was stopped."""

    crime: str
    by_outcome: tuple[int, ...]
    moved_fen: int
    stopped_fen: int

    @property
    def events(self) -> int:
        """All of them."""
        return sum(self.by_outcome)

    @property
    def stopped(self) -> int:
        """Those of outcome challenge or stronger."""
        return sum(self.by_outcome[ALERT:])


@dataclass(frozen=True, slots=True)
class Learned:
    """What the model was made of, and how well it scores the judged part (NaN when that holds no crime)."""

    rows: int
    frauds: int
    days: int
    took_s: float
    auc: float
    average_precision: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the demonstration found out.  Label events are left out of `by_outcome` and of the crime counts."""

    settings: SimulationSettings
    written: Written
    simulate_s: float
    first: Summary
    learned: Learned
    second: Summary
    judged_days: int
    crimes: tuple[CrimeCount, ...]
    by_outcome: tuple[int, ...]
    crime_by_outcome: tuple[int, ...]
    examples: tuple[Example, ...]
    sample: Mapping[str, Any]
    key: str

    def plain(self) -> dict[str, Any]:
        """Plain values for a file, without the key."""
        names = [outcome.name.lower() for outcome in Outcome]
        learned = {name: getattr(self.learned, name) for name in Learned.__slots__}
        return {
            "simulated": True,
            "seed": self.settings.seed,
            "start": self.settings.start.isoformat(),
            "days": self.settings.days,
            "customers": self.settings.customers,
            "events": self.written.events,
            "simulate_s": self.simulate_s,
            "learned": {k: None if v != v else v for k, v in learned.items()},
            "first_events_per_s": self.first.events_per_s,
            "second_events_per_s": self.second.events_per_s,
            "judged_days": self.judged_days,
            "events_by_outcome": dict(zip(names, self.by_outcome, strict=True)),
            "criminal_events_by_outcome": dict(zip(names, self.crime_by_outcome, strict=True)),
            "crimes": {
                each.crime: {
                    "by_outcome": dict(zip(names, each.by_outcome, strict=True)),
                    "moved_fen": each.moved_fen,
                    "stopped_fen": each.stopped_fen,
                }
                for each in self.crimes
            },
        }

    def precision(self, outcome: Outcome) -> float:
        """Share of crime among the events of an outcome, NaN without any."""
        count = self.by_outcome[outcome]
        return self.crime_by_outcome[outcome] / count if count else float("nan")


def learned_days(days: int) -> int:
    """Days for learning of so many.  Raises DefinitionError for too few."""
    if days < DAYS_MIN:
        raise DefinitionError(f"the demonstration needs at least {DAYS_MIN} days, not {days}")
    return int(days * LEARNED_SHARE)


def require_replaceable(data: Path) -> None:
    """Raises Conflict when `data` holds something that no demonstration made."""
    if data.exists() and not (data.is_dir() and ((data / MARK).exists() or not any(data.iterdir()))):
        raise Conflict(f"{data} is not a demonstration, so it is left alone; choose another folder")


def demonstrate(settings: SimulationSettings, data: Path, port: int, stage: Stage) -> Report:
    """Make the data folder of a demonstration and say what came out.  A former demonstration there is replaced.

    Everything is made beside it and renamed at the end, so that a stop at any moment leaves nothing half and the former
    one as it was.  Raises Conflict when the folder is something else, DefinitionError.
    """
    split = learned_days(settings.days)
    require_replaceable(data)
    data = data.absolute()
    new, old = data.with_name(f".{data.name}.new"), data.with_name(f".{data.name}.old")
    shutil.rmtree(new, ignore_errors=True)
    try:
        report = _make(settings, split, new, stage)
        (new / "settings.toml").write_text(_SETTINGS.format(port=port), encoding="utf-8")
        (new / MARK).write_text(json.dumps(report.plain(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(old, ignore_errors=True)
        if data.exists():
            data.rename(old)
        new.rename(data)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)
    return report


def _make(settings: SimulationSettings, split: int, data: Path, stage: Stage) -> Report:
    places = make_data_folder(data)
    bank, model_file = data / "bank", data / "model.txt"
    begin = perf_counter()
    stage.begin("simulate", settings.days)

    def day_written(_day: SimulatedDay) -> None:
        stage.advance(1)

    written = write_days(settings, bank, FileFormat.PARQUET, day_written)
    simulate_s = perf_counter() - begin
    files = sorted(bank.glob("events-*.parquet"))
    assert len(files) == settings.days

    with _opened(places, {}, stage) as house:
        key = _api_key(house)
        stage.begin("learn", _rows(files[:split]))
        first = replay(house, _tables(house, files[:split]), data / "learned", progress=stage.advance)
        names = house.features.names
        _snapshot(house)
    stage.begin("train", None)
    begin = perf_counter()
    ripe_days = split - min(UNRIPE_DAYS_MAX, split // 2)
    features, labels = _lesson(data / "learned", files[:split], ripe_days, names)
    if int(labels.sum()) < FRAUDS_MIN:
        raise DefinitionError(
            f"only {int(labels.sum())} criminal events are known after the first part, too few to learn from; "
            "simulate a larger bank, more days, or more crime"
        )
    params = {"num_trees": TREES, "num_leaves": LEAVES}
    fitted = fit_model(features, labels, names, "lightgbm", params=params, seed=settings.seed % 2**31)
    model_file.write_bytes(fitted.content)
    train_s = perf_counter() - begin
    rows, frauds = len(labels), int(labels.sum())
    del features, labels

    truth = pq.read_table(bank / "truth.parquet")
    ids = frozenset(truth["event_id"].to_pylist())
    with _opened(places, {}, stage) as house:
        house.install_model(fitted.content, model_file.name, "demo", "demo", "demo")
        stage.begin("judge", _rows(files[split:]))
        second = replay(house, _tables(house, files[split:]), data / "judged", truth=ids, progress=stage.advance)
        _snapshot(house)
        stage.begin("count", None)
        judged = _Judged(data / "judged", files[split:], truth)
        examples = judged.examples(house)
    quality = judged.quality()
    return Report(
        settings,
        written,
        simulate_s,
        first,
        Learned(rows, frauds, ripe_days, train_s, *quality),
        second,
        settings.days - split,
        judged.crimes(),
        judged.by_outcome(judged.transactions),
        judged.by_outcome(judged.transactions & judged.fraud),
        examples,
        judged.sample(),
        key,
    )


def _opened(places: Places, environment: Mapping[str, str], stage: Stage) -> House:
    stage.begin("open", None)
    return House(settings_of(places.data, environment), places, environment, lenient=True)


def _api_key(house: House) -> str:
    scopes = (Scope.DECIDE, Scope.READ, Scope.METRICS)
    _, secret = create_key(house.places.api_keys, "demo", scopes, house.clock.now_ms())
    path = house.places.data / "api-key.txt"
    path.touch(mode=0o600)
    path.write_text(secret + "\n", encoding="ascii")
    return secret


def _tables(house: House, files: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    for path in files:
        yield from read_file(path, limits=house.settings.intake)


def _rows(files: Sequence[Path]) -> int:
    return sum(int(pq.read_metadata(path).num_rows) for path in files)


def _snapshot(house: House) -> None:
    Snapshots(house.places.snapshots).write(house.state)


def _lesson(
    folder: Path, files: Sequence[Path], days: int, names: Sequence[str]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Features and labels of the first `days` files' events, with the labels that had arrived by the last file.

    All events known to be criminal, and one in GENUINE_ONE_IN of the others.
    """
    count = 0
    for path in files[:days]:
        count += int(pq.read_metadata(path).num_rows)
    said = pa.concat_tables([pq.read_table(path, columns=["label", "refers_to"]) for path in files])
    known = said.filter(pc.equal(said["label"], "fraud"))["refers_to"].combine_chunks()
    kinds = pq.read_table(folder / "decisions.parquet", columns=["kind"])["kind"].cast(pa.string())
    table = pq.read_table(folder / "features.parquet", columns=["event_id", *names])
    assert table.num_rows == len(kinds) >= count
    taken = pc.not_equal(kinds.slice(0, count), "label")
    table = table.slice(0, count).filter(taken)
    features = np.empty((table.num_rows, len(names)))
    for index, name in enumerate(names):
        features[:, index] = table[name].to_numpy()
    labels = np.asarray(pc.is_in(table["event_id"], value_set=known).to_numpy(), np.int64)
    kept = (labels == 1) | (np.arange(len(labels)) % GENUINE_ONE_IN == 0)
    return features[kept], labels[kept]


class _Judged:
    """The decisions of the second part, beside what truly happened."""

    def __init__(self, folder: Path, files: Sequence[Path], truth: pa.Table) -> None:
        columns = ["event_id", "source", "kind", "outcome", "score"]
        table = pq.read_table(folder / "decisions.parquet", columns=columns).combine_chunks()
        names = [outcome.name.lower() for outcome in Outcome]
        self._ids = table["event_id"]
        self._sources = table["source"].cast(pa.string())
        self._kinds = table["kind"].cast(pa.string())
        of_outcome = pc.index_in(table["outcome"].cast(pa.string()), value_set=pa.array(names))
        self._outcomes: npt.NDArray[np.int64] = of_outcome.to_numpy().astype(np.int64)
        self._scores: npt.NDArray[np.float64] = table["score"].to_numpy()
        self.transactions: npt.NDArray[np.bool_] = np.asarray(pc.not_equal(self._kinds, "label").to_numpy(), np.bool_)
        place = pc.index_in(self._ids, value_set=truth["event_id"].combine_chunks())
        self.fraud: npt.NDArray[np.bool_] = np.asarray(pc.is_valid(place).to_numpy(), np.bool_)
        crime = pc.index_in(truth["crime"], value_set=pa.array(CRIMES)).to_numpy()
        self._crimes = np.full(len(self._outcomes), -1)
        self._crimes[self.fraud] = crime[place.drop_null().to_numpy()]
        said = pa.concat_tables(
            [pq.read_table(path, columns=["event_id", "amount_fen", *_SAMPLE_COLUMNS]) for path in files]
        )
        self._said = said
        amount = pc.fill_null(said["amount_fen"], 0)
        at = pc.index_in(self._ids, value_set=said["event_id"].combine_chunks())
        self._said_at: npt.NDArray[np.int64] = at.to_numpy().astype(np.int64)
        self._amounts: npt.NDArray[np.int64] = amount.to_numpy()[self._said_at]

    def by_outcome(self, chosen: npt.NDArray[np.bool_]) -> tuple[int, ...]:
        """How many of the chosen events have each outcome."""
        return tuple(np.bincount(self._outcomes[chosen], minlength=len(Outcome)).tolist())

    def quality(self) -> tuple[float, float]:
        """AUC and average precision of the model's score over the part."""
        scores, fraud = self._scores[self.transactions], self.fraud[self.transactions].astype(np.int64)
        if not 0 < fraud.sum() < len(fraud):
            return float("nan"), float("nan")
        return auc(scores, fraud), average_precision(scores, fraud)

    def crimes(self) -> tuple[CrimeCount, ...]:
        """One count for each kind of crime, those that did not happen included."""
        counts = []
        for index, name in enumerate(CRIMES):
            chosen = self._crimes == index
            stopped = chosen & (self._outcomes >= ALERT)
            sums = (int(self._amounts[chosen].sum()), int(self._amounts[stopped].sum()))
            counts.append(CrimeCount(name, self.by_outcome(chosen), *sums))
        return tuple(counts)

    def examples(self, house: House) -> tuple[Example, ...]:
        """Of different crimes the one stopped with most reasons, and, last, somebody stopped without need."""
        stopped = self.transactions & (self._outcomes >= ALERT)
        chosen: list[Example] = []
        for index in range(len(CRIMES)):
            if len(chosen) < EXAMPLES:
                chosen += self._clearest(house, stopped & (self._crimes == index))
        return (*chosen, *self._clearest(house, stopped & ~self.fraud))

    def _clearest(self, house: House, among: npt.NDArray[np.bool_]) -> list[Example]:
        places = np.flatnonzero(among)[:50].tolist()
        shown = [self._example(house, place) for place in places]
        return sorted(shown, key=lambda each: (-len(each.reasons_en), -each.outcome))[:1]

    def _example(self, house: House, place: int) -> Example:
        event_id, source = self._ids[place].as_py(), self._sources[place].as_py()
        decided = house.service.decided(event_key(source, event_id))
        explain = house.explainer(decided.versions).explain
        texts = [
            tuple(reason.text for reason in explain(decided.decision, language))
            for language in (Language.ZH, Language.EN)
        ]
        crime = int(self._crimes[place])
        return Example(
            event_id,
            source,
            self._kinds[place].as_py(),
            CRIMES[crime] if crime >= 0 else "",
            int(self._amounts[place]),
            Outcome(int(self._outcomes[place])),
            float(self._scores[place]),
            texts[0],
            texts[1],
        )

    def sample(self) -> dict[str, Any]:
        """Fields of an event to try: a customer sends much money to an account that a criminal used lately."""
        transfers = np.asarray(pc.equal(self._kinds, "transfer").to_numpy(), np.bool_)
        caught = np.flatnonzero(transfers & self.fraud & (self._outcomes >= ALERT))
        used = caught if len(caught) else np.flatnonzero(transfers & self.fraud)
        innocent = np.flatnonzero(transfers & ~self.fraud)
        to = self._fields(int(used[-1])) if len(used) else self._fields(int(innocent[-2]))
        sender = self._fields(int(innocent[-1]))
        return {
            "kind": "transfer",
            **{name: sender[name] for name in ("customer", "account") if sender[name]},
            "payee_account": to["payee_account"],
            "amount_fen": 6_000_000,
            "channel": "mobile",
            "verification": ["password", "sms_code"],
        }

    def _fields(self, place: int) -> dict[str, Any]:
        row: dict[str, Any] = self._said.slice(int(self._said_at[place]), 1).to_pylist()[0]
        return row


_SAMPLE_COLUMNS: Final = ("customer", "account", "payee_account")
