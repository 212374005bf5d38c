"""Replay, backfill, snapshot and rebuilding through the command line, on a small simulated bank."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from bench.serving import new_data, serving


def tarim(*arguments: object, status: int = 0) -> str:
    """Run a command; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tarim.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": "src"},
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of a small bank, replayed once: bank/sim, bank/data, bank/out."""
    folder = tmp_path_factory.mktemp("bank")
    tarim("simulate", folder / "sim", "--customers", 2000, "--events-per-day", 1500, "--days", 3, "--crime-share", 0.02)
    files = sorted((folder / "sim").glob("events-*.parquet"))
    truth = folder / "sim" / "truth.parquet"
    printed = tarim("replay", *files, "--data", folder / "data", "--out", folder / "out", "--truth", truth)
    assert "recall" in printed
    return folder


def _events(folder: Path) -> int:
    return sum(pq.read_metadata(path).num_rows for path in (folder / "sim").glob("events-*.parquet"))


def test_decisions_and_features_lie_side_by_side(bank: Path) -> None:
    """One row an event in both files, in journal order, with the truth as label."""
    decisions, features = (pq.read_table(bank / "out" / f"{name}.parquet") for name in ("decisions", "features"))
    assert decisions.num_rows == features.num_rows == _events(bank)
    assert decisions["seq"].to_pylist() == sorted(decisions["seq"].to_pylist()) == features["seq"].to_pylist()
    assert sum(features["label"].to_pylist()) == pq.read_metadata(bank / "sim" / "truth.parquet").num_rows
    assert np.nanmax(features["payer_count_24h"].to_numpy()) >= 2


def test_a_second_replay_decides_nothing_twice(bank: Path, tmp_path: Path) -> None:
    """Every event is recognised."""
    data = tmp_path / "data"
    shutil.copytree(bank / "data", data)
    files = sorted((bank / "sim").glob("events-*.parquet"))
    printed = tarim("replay", *files, "--data", data)
    assert printed.startswith("0 events") and f"sent again {_events(bank):,}" in printed


def test_a_past_decision_is_shown_and_rebuilt(bank: Path) -> None:
    """Made once more from the journal, it comes out identical."""
    table = pq.read_table(bank / "out" / "decisions.parquet")
    row = table.slice(table.num_rows // 2, 1).to_pylist()[0]
    arguments = (row["event_id"], "--source", row["source"], "--data", bank / "data")
    shown = json.loads(tarim("decisions", "show", *arguments))
    assert (shown["seq"], shown["outcome"]) == (row["seq"], row["outcome"])
    rebuilt = tarim("decisions", "rebuild", *arguments)
    assert "identical" in rebuilt
    features = pq.read_table(bank / "out" / "features.parquet").slice(table.num_rows // 2, 1)
    line = next(line for line in rebuilt.splitlines() if "payer_sum_amount_fen_7d" in line)
    wanted = features["payer_sum_amount_fen_7d"][0].as_py()
    assert float(line.split()[-1]) == pytest.approx(wanted, nan_ok=True)
    tarim("decisions", "show", "nobody", "--source", "core", "--data", bank / "data", status=2)


@pytest.mark.slow
def test_recovery_comes_to_the_same_state_from_everywhere(bank: Path, tmp_path: Path) -> None:
    """With its snapshot, without one, and with a damaged one: the next decision is the same."""
    answers = []
    for way in ("snapshot", "none", "damaged"):
        data = tmp_path / way
        shutil.copytree(bank / "data", data)
        snapshots = list((data / "snapshots").iterdir())
        assert len(snapshots) == 1
        if way == "none":
            shutil.rmtree(snapshots[0])
        elif way == "damaged":
            path = snapshots[0] / "engine.bin"
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
        tarim("snapshot", "--data", data)
        events = pq.read_table(bank / "sim" / "truth.parquet")
        assert events.num_rows
        out = tmp_path / f"{way}-out"
        late = tmp_path / "late.jsonl"
        late.write_text(
            json.dumps(
                {
                    "event_id": "after",
                    "source": "core",
                    "kind": "login",
                    "occurred_at": "2026-01-07T12:00:00+08:00",
                    "customer": "C1",
                    "ip": "10.0.0.1",
                }
            )
            + "\n"
        )
        tarim("replay", late, "--data", data, "--out", out)
        table = pq.read_table(out / "features.parquet").to_pylist()[0]
        answers.append({name: str(value) for name, value in table.items()})
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.slow
def test_backfill_marks_and_feeds_only_what_is_missing(bank: Path, tmp_path: Path) -> None:
    """Two days were taken; the backfill of all three decides the third, marked, over a folder and over HTTP."""
    files = sorted((bank / "sim").glob("events-*.parquet"))
    data = tmp_path / "data"
    keys = new_data(data)
    tarim("replay", *files[:2], "--data", data)
    with serving(data, keys) as running:
        small = tmp_path / "part.parquet"
        pq.write_table(pq.read_table(files[2]).slice(0, 700), small)
        printed = tarim("backfill", small, "--url", running.url, "--key", keys["decide"])
        assert printed.startswith("700 events")
        tarim("backfill", small, "--url", running.url, "--key", keys["read"], status=2)
    third = pq.read_metadata(files[2]).num_rows
    printed = tarim("backfill", *files, "--data", data)
    assert printed.startswith(f"{third - 700:,} events")
    assert f"backfilled {third - 700:,}" in printed
