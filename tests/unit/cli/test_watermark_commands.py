"""`tarim models watermark`: a model file is marked, a copy and a foreign model are told apart, statuses say which."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tarim.cli import build_app
from tarim.models import load_model
from tarim.privacy import create_master_key


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TARIM_MASTER_KEY", raising=False)
    from tarim.bootstrap.places import Places

    places = Places(tmp_path / "data")
    places.master_key.parent.mkdir(parents=True)
    create_master_key(places.master_key)
    rng = np.random.default_rng(1)
    document = {"format": "tarim-logistic-1", "transform": "none", "features": [f"f{k}" for k in range(12)]}
    document |= {"means": [0.0] * 12, "scales": [1.0] * 12, "weights": rng.normal(size=12).tolist(), "intercept": -3.0}
    (tmp_path / "model.json").write_text(json.dumps(document))
    return tmp_path


def run(*arguments: object):
    return CliRunner().invoke(build_app(["models"]), ["models", "watermark", *map(str, arguments)])


def test_a_copy_is_told_from_a_foreign_model(house: Path) -> None:
    """By its file and by its answers; the rows to ask are printed with their names."""
    data, marked = ("--data", house / "data"), house / "marked.json"
    assert run("embed", house / "model.json", marked, *data).exit_code == 0
    rows = run("rows", marked, *data).output.splitlines()
    names, asked = rows[0].split(","), np.array([[float(cell) for cell in row.split(",")] for row in rows[1:]])
    found = run("verify", marked, *data, "--suspect", marked)
    assert found.exit_code == 0 and found.output.startswith("COPY")
    foreign = run("verify", marked, *data, "--suspect", house / "model.json")
    assert foreign.exit_code == 1 and foreign.output.startswith("FOREIGN")
    scores = np.empty(len(asked))
    load_model(marked, names).score(asked, scores)
    answers = house / "answers.txt"
    answers.write_text("\n".join(f"{score:.3f}" for score in scores))
    assert run("verify", marked, *data, "--answers", answers).exit_code == 0


def test_what_is_lacking_is_said(house: Path) -> None:
    """No suspect, two of them, a model without a mark, answers that are no numbers."""
    data, marked = ("--data", house / "data"), house / "marked.json"
    run("embed", house / "model.json", marked, *data)
    (house / "words.txt").write_text("high low")
    for arguments, said in (
        ((marked,), "one of --answers"),
        ((marked, "--url", "http://x", "--suspect", marked), "one of --answers"),
        ((house / "model.json", "--suspect", marked), "has no mark"),
        ((marked, "--answers", house / "words.txt"), "one probability a line"),
        ((marked, "--url", "ftp://x"), "begins with http"),
    ):
        found = run("verify", *arguments, *data)
        assert found.exit_code != 0
        assert said in str(found.exception) + found.output, found.output
