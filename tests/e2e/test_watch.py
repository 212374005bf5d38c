"""The watch of models over a journal: live, after restarts and by replay it sees the same; over HTTP; figures by period."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from bench.serving import new_data, serving
from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, instant_ms
from tarim.bootstrap.house import House
from tarim.bootstrap.places import Places
from tarim.bootstrap.replaying import replay
from tarim.bootstrap.settings import settings_of
from tarim.bootstrap.watch_files import WatchPlaces, days_of
from tarim.bootstrap.watching import make_baseline, measure, watch_span
from tarim.cli import build_app
from tarim.decisions import Snapshots
from tarim.simulation import SimulationSettings, simulate

START_MS = instant_ms(datetime(2026, 1, 5, tzinfo=UTC)) - CHINA_OFFSET_MS
FIRST_DAY, LAST_DAY = 8, 24
"""The baseline's days, the last one outside."""
MODEL = {
    "format": "tarim-logistic-1",
    "transform": "signed_log",
    "features": ["payer_count_1h", "payer_sum_amount_fen_24h"],
    "means": [1.0, 8.0],
    "scales": [1.0, 4.0],
    "weights": [1.0, 0.7],
    "intercept": -4.0,
}


class Bank:
    """A data folder and the days that are still to come."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.keys = new_data(data)
        (data / "model.json").write_text(json.dumps(MODEL))
        self.environment = os.environ | {
            "TARIM_POLICY_MODEL_FILE": str(data / "model.json"),
            "TARIM_WATCH_EVENTS_MIN": "100",
            "TARIM_WATCH_LABEL_DELAY_DAYS": "7",
        }
        self.settings, self.places = settings_of(data, self.environment), Places(data)
        self.days: Iterator[pa.Table] = simulate(
            SimulationSettings(customers=900, events_per_day=900, days=32, seed=77, label_events=True)
        )

    def house(self) -> House:
        return House(self.settings, self.places, self.environment, lenient=True)

    def live(self, house: House, count: int) -> None:
        for day in islice(self.days, count):
            replay(house, day.to_batches(), None)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """24 days decided without a watch, a baseline, then five days with stops of every kind."""
    bank = Bank(tmp_path_factory.mktemp("watched") / "data")
    with bank.house() as house:
        assert house.watch is None
        bank.live(house, LAST_DAY)
        Snapshots(bank.places.snapshots).write(house.state)
    make_baseline(bank.settings, bank.places, START_MS + FIRST_DAY * DAY_MS, START_MS + LAST_DAY * DAY_MS)
    with bank.house() as house:  # stopped as it should be
        bank.live(house, 2)
    house = bank.house()  # the process is gone: nothing is kept, the engine recovers from the older snapshot
    bank.live(house, 1)
    house.close()
    with bank.house() as house:  # a snapshot is written, and the watch kept
        bank.live(house, 1)
        Snapshots(bank.places.snapshots).write(house.state)
    with bank.house() as house:
        bank.live(house, 1)
    return bank


def test_what_was_seen_live_is_what_a_replay_sees(bank: Bank) -> None:
    """The kept state, byte for byte, after every kind of stop."""
    files = WatchPlaces(bank.places.watch)
    live = files.drift(files.baseline().file.features, bank.settings.watch, 10**12, days_of(bank.data))
    again = watch_span(bank.settings, bank.places, START_MS + LAST_DAY * DAY_MS, None)
    assert live is not None and live.missed == 0 and live.taken > 3_000
    assert live.encoded() == again.encoded()
    assert [each.column for each in live.standings() if each.column.startswith("payer_count")]
    score = next(each for each in live.standings() if each.column == "score")
    assert score.events > 500 and score.psi < score.threshold


def test_a_snapshot_beyond_the_kept_watch_is_counted_as_missed(bank: Bank) -> None:
    """Nothing is made up."""
    files = WatchPlaces(bank.places.watch)
    state = (bank.places.watch / "state").read_bytes()
    try:
        early = watch_span(bank.settings, bank.places, START_MS + LAST_DAY * DAY_MS, START_MS + (LAST_DAY + 1) * DAY_MS)
        files.keep_state(early.encoded())
        with bank.house() as house:
            assert house.watch is not None and house.watch.missed > 1_000
            assert house.watch.next_seq == watch_span(bank.settings, bank.places, None, None).next_seq
    finally:
        files.keep_state(state)


def test_the_commands_show_the_watch_and_the_figures(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """By replay, with a proposal only where something has shifted; figures by period, immature ones without."""
    for name, value in bank.environment.items():
        monkeypatch.setenv(name, value)
    runner = CliRunner()
    app = build_app(["models"])
    data = ["--data", str(bank.data)]
    begin = datetime.fromtimestamp((START_MS + LAST_DAY * DAY_MS + CHINA_OFFSET_MS) / 1_000, UTC).strftime("%Y-%m-%d")
    shown = runner.invoke(app, ["models", "watch", "--from", begin, "--propose", "--json", *data])
    body = json.loads(shown.stdout)
    assert shown.exit_code == (1 if any(not each["ended_at"] for each in body["alarms"]) else 0)
    assert body["taken"] > 3_000 and len(body["columns"]) > 60
    assert runner.invoke(app, ["models", "watch", *data]).exit_code in (0, 1)
    measured = runner.invoke(app, ["models", "measure", "--json", *data])
    assert measured.exit_code == 0, measured.output
    measures = json.loads(measured.stdout)["measures"]
    assert {each["mature"] for each in measures} == {True, False}
    assert all(each["auc"] is None for each in measures if not each["mature"])
    told = [each["auc"] for each in measures if each["segment"] == "all" and each["auc"] is not None]
    assert told and all(0 <= value <= 1 for value in told)
    anonymous = runner.invoke(app, ["models", "baseline", "--from", "2026-01-13", "--to", "2026-01-29", *data])
    assert anonymous.exit_code != 0


def test_a_baseline_by_command_needs_a_person(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key with the scope `operate`."""
    for name, value in bank.environment.items():
        monkeypatch.setenv(name, value)
    before = (bank.places.watch / "baseline").read_bytes()
    try:
        monkeypatch.setenv("TARIM_KEY", bank.keys["operate"])
        arguments = ["models", "baseline", "--from", "2026-01-13", "--to", "2026-01-29", "--data", str(bank.data)]
        made = CliRunner().invoke(build_app(["models"]), arguments)
        assert made.exit_code == 0 and "16 days" in made.stdout, made.output
    finally:
        (bank.places.watch / "baseline").write_bytes(before)


def test_the_service_shows_its_watch(bank: Bank) -> None:
    """Columns with their thresholds, figures, and metrics; a proposal that is not there is 404."""
    measure(bank.settings, bank.places)
    names = ("TARIM_POLICY_MODEL_FILE", "TARIM_WATCH_EVENTS_MIN")
    settings = {name: bank.environment[name] for name in names}
    with serving(bank.data, bank.keys, **settings) as served:
        with served.client("read") as reader:
            body = reader.get("/v1/models/watch", params={"segment": "all"}).json()
            assert reader.get(f"/v1/models/watch/proposals/{'0' * 64}").status_code == 404
        with served.client("metrics") as watcher:
            text = watcher.get("/metrics").text
        with served.client("decide") as nobody:
            assert nobody.get("/v1/models/watch").status_code == 403
    assert body["baseline"] and body["taken"] > 3_000 and body["missed"] == 0
    assert {each["segment"] for each in body["measures"]} == {"all"}
    assert next(each for each in body["columns"] if each["column"] == "city")["threshold"] > 0
    assert 'tarim_watch_psi{column="score"}' in text and "tarim_watch_alarms" in text
