"""What the simulator and the ledgers produce is what intake takes: every row, with nothing lost in between."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tarim.bootstrap.replaying import read_truth
from tarim.intake import Intake
from tarim.privacy import Tokenizer
from tarim.simulation import (
    CrimeSettings,
    FileFormat,
    LateBatch,
    SimulationSettings,
    gentex_events,
    handbook_events,
    simulate_days,
    write_days,
)
from tarim.stream import Col, Kind

SETTINGS = SimulationSettings(
    customers=3_000,
    events_per_day=3_000,
    days=8,
    start=date(2026, 3, 1),
    label_events=True,
    genuine_label_share=0.01,
    out_of_order_share=0.02,
    late_batch=LateBatch(2, 200),
    crime=CrimeSettings(share=0.02),
)


class LaterClock:
    """A clock that stands after everything simulated here."""

    def now_ms(self) -> int:
        return 1_900_000_000_000


def intake() -> Intake:
    return Intake(Tokenizer(b"k" * 32), clock=LaterClock())


def shared(name: str) -> Path:
    path = Path(os.environ.get("TARIM_SHARED", "../shared")) / "data" / name
    if not path.exists():
        pytest.skip(f"needs {path}; set TARIM_SHARED to the folder with the public data")
    return path


@pytest.mark.parametrize("scenarios", ["core", "all"])
def test_every_simulated_row_is_taken(scenarios: str) -> None:
    """No refusal over days with every option on; times, amounts and labels arrive unchanged, labels find their event."""
    door = intake()
    keys: set[int] = set()
    labels = 0
    for day in simulate_days(replace(SETTINGS, scenarios=scenarios)):
        for batch in day.events.to_batches():
            taken, refusals = door.table(batch)
            assert refusals == []
            rows = taken.rows
            assert len(rows) == len(batch)
            assert (rows[:, Col.OCCURRED_MS] == batch["occurred_at"].cast(pa.int64()).to_numpy()).all()
            assert (rows[:, Col.AMOUNT_FEN] == pc.fill_null(batch["amount_fen"], 0).to_numpy()).all()
            assert [Kind(kind).name.lower() for kind in rows[:, Col.KIND]] == batch["kind"].to_pylist()
            keys.update(rows[:, Col.EVENT_KEY].tolist())
            referring = rows[rows[:, Col.KIND] == Kind.LABEL]
            assert set(referring[:, Col.REFERS_KEY].tolist()) <= keys
            labels += len(referring)
    assert labels > 50


@pytest.mark.parametrize("scenarios", ["core", "all"])
def test_json_lines_of_a_simulation_are_taken_one_by_one(tmp_path: Path, scenarios: str) -> None:
    """Each line is a message, and gives the row that the table gives."""
    settings = SimulationSettings(
        customers=500,
        events_per_day=400,
        days=3,
        label_events=True,
        genuine_label_share=0.1,
        crime=CrimeSettings(share=0.05),
        scenarios=scenarios,
    )
    write_days(settings, tmp_path, FileFormat.JSONL)
    one, other = intake(), intake()
    for day in simulate_days(settings):
        table, refusals = other.table(day.events.combine_chunks().to_batches()[0])
        assert refusals == []
        lines = (tmp_path / f"events-{day.date}.jsonl").read_bytes().splitlines()
        rows = np.concatenate([one.message(line).rows for line in lines])
        assert (rows == table.rows).all()


def test_what_only_looks_like_crime_is_no_fraud_of_the_truth(tmp_path: Path) -> None:
    """Read back for a replay, the truth holds the criminal events alone."""
    settings = SimulationSettings(customers=500, events_per_day=2_000, days=3, scenarios="all", pattern_share=0.1)
    written = write_days(settings, tmp_path, FileFormat.PARQUET)
    rows = [row for day in simulate_days(settings) for row in day.truth.to_pylist()]
    assert read_truth(tmp_path / "truth.parquet") == {row["event_id"] for row in rows if row["crime"]}
    assert sum(written.by_crime.values()) == sum(row["crime"] is not None for row in rows) < len(rows)
    assert written.rings == len({row["ring"] for row in rows if row["crime"]})


@pytest.mark.parametrize("source", ["handbook", "gentex"])
def test_the_first_batch_of_each_ledger_is_taken(source: str) -> None:
    """Published ledgers pass the same door; all of the first batch, labels included where there are some."""
    batches = (
        handbook_events(shared("fraud_handbook_transactions.parquet"), label_delay_ms=3_600_000)
        if source == "handbook"
        else gentex_events(shared("aml_gentex_dev_transactions.parquet"))
    )
    first = next(iter(batches))
    taken, refusals = intake().table(first)
    assert refusals == [] and len(taken) == len(first) >= 59_000
    assert (taken.rows[:, Col.AMOUNT_FEN] == pc.fill_null(first["amount_fen"], 0).to_numpy()).all()
