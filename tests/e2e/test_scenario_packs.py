"""The scenario packs in force: a bank replayed from files gives, event for event, what the engine gives on its rows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tarim.rules import HIT_WORDS, compile_ruleset, scenario_pack
from tarim.simulation import CrimeSettings, FileFormat, SimulationSettings, simulate_labelled_rows, write_days
from tarim.stream import Engine, scenario_features

SETTINGS = SimulationSettings(
    customers=2_000, events_per_day=2_000, days=12, scenarios="all", crime=CrimeSettings(share=0.04), pattern_share=0.04
)


@pytest.mark.slow  # compiles the engine of 84 features, once a machine: about two minutes
def test_a_replay_through_the_house_holds_the_same_rules(tmp_path: Path) -> None:
    """The pack by `engine.features` and `policy.rules_file`; ids of the rules that hold are those of a bare evaluation."""
    write_days(SETTINGS, tmp_path / "bank", FileFormat.PARQUET)
    (tmp_path / "pack.toml").write_text(scenario_pack(), encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/settings.toml").write_text(
        f'[engine]\nfeatures = "scenarios"\n[policy]\nrules_file = "{tmp_path / "pack.toml"}"\n', encoding="utf-8"
    )
    files = [str(path) for path in sorted((tmp_path / "bank").glob("events-*.parquet"))]
    options = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    subprocess.run(
        [sys.executable, "-m", "tarim.cli", "replay", *files, *options],
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": "src"},
    )
    replayed = [
        set((text or "").split()) for text in pq.read_table(tmp_path / "out/decisions.parquet")["rules"].to_pylist()
    ]

    engine = Engine(scenario_features())
    ruleset = compile_ruleset(scenario_pack(), engine.names)
    expected: list[set[str]] = []
    for day in simulate_labelled_rows(SETTINGS):
        features = np.empty((len(day.rows), len(engine.names)))
        engine.process(day.rows, features)
        hits = np.zeros((len(day.rows), HIT_WORDS), np.uint64)
        scores = np.full(len(hits), np.nan)
        ruleset.evaluate(day.rows, features, scores, np.zeros_like(hits), hits)
        for words in hits.tolist():
            expected.append({rule.id for rule in ruleset.rules if words[rule.index // 64] >> rule.index % 64 & 1})
    assert len(replayed) == len(expected) > 20_000
    assert replayed == expected
    assert len(set().union(*expected)) > 15
