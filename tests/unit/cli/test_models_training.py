"""`tarim models train|tune|compare|report|runs` as a model engineer meets them, on a signed training set of made-up rows."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from bench.model_runs import put_training_set
from bench.serving import new_data
from tarim.base.errors import Damaged, DefinitionError, InputError, NotAllowed, NotFound
from tarim.bootstrap.places import API_KEYS_FILE
from tarim.cli import build_app
from tarim.identity import create_key

runner = CliRunner()
QUICK = "folds = 0\nreplicates = 20\nearly_stop = 10\n"
PLAN = QUICK + "[params]\nnum_trees = 20\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    data = tmp_path_factory.mktemp("models") / "data"
    new_data(data)
    dataset = put_training_set(data)
    keys = {scope: create_key(data / API_KEYS_FILE, f"li.{scope}", [scope], 1)[1] for scope in ("models", "read")}
    plan = data.parent / "plan.toml"
    plan.write_text(PLAN)
    (data.parent / "quick.toml").write_text(QUICK)
    return data, dataset.name, keys, plan


def run(home, *arguments, key="models"):
    data, _, keys, _ = home
    environment = {"TARIM_KEY": keys[key] if key else ""}
    if arguments[0] in ("train", "tune"):
        arguments += ("--nice", 0)  # what gives way in this process would do so to the end of the tests
    return runner.invoke(build_app(["models"]), ["models", *map(str, arguments), "--data", str(data)], env=environment)


def test_a_run_is_made_listed_repeated_and_compared(home):
    data, dataset, _, plan = home
    first = run(home, "train", dataset[:6], "--plan", plan, "--seed", 5)
    assert first.exit_code == 0, (first.output, first.exception)
    assert "average precision 0." in first.output and "测试样本" in first.output and "least cost" in first.output
    second = run(
        home, "train", dataset, "--kind", "woe", "--set", "bins=5", "--set", "c=0.5", "--no-report", "--seed", 1
    )
    ids = [result.output.split()[1].rstrip(",") for result in (first, second)]
    folder = data / "runs" / ids[0]
    assert {"run.json", "run.sig", "model.txt", "report.html", "roc.png"} <= {path.name for path in folder.iterdir()}
    record = json.loads((folder / "run.json").read_text())
    assert record["operator"]["name"] == "li.models" and record["plan"]["seed"] == 5

    listed = json.loads(run(home, "runs", "--json", key="read").output)
    assert [each["run"] for each in listed] == sorted(ids) and listed[0]["operator"] == "li.models"
    assert ids[1] in run(home, "runs").output

    again = run(home, "train", "--again", ids[0])
    assert again.exit_code == 0 and "the same model" in again.output and "一致" in again.output

    compared = json.loads(run(home, "compare", *ids, "--json").output)
    assert compared[0]["better_by"] == {}
    gap = compared[1]["better_by"]["auc"]
    assert gap["low"] <= gap["value"] <= gap["high"]
    assert gap["value"] == pytest.approx(
        compared[1]["measures"]["auc"]["value"] - compared[0]["measures"]["auc"]["value"]
    )
    assert "paired" in run(home, "compare", *ids).output

    content = (folder / "model.txt").read_bytes()
    (folder / "model.txt").write_bytes(content.replace(b"shrinkage=", b"shrinkagE=", 1))
    damaged = run(home, "runs")
    assert damaged.exit_code == 1 and "not the model that the run made" in damaged.output
    assert isinstance(run(home, "compare", *ids).exception, Damaged)
    (folder / "model.txt").write_bytes(content)


@pytest.mark.slow
def test_a_report_is_drawn_anew(home, tmp_path):
    _, dataset, _, plan = home
    made = run(home, "train", dataset, "--plan", plan, "--no-report").output.split()[1].rstrip(",")
    drawn = run(home, "report", made, "--out", tmp_path / "out")
    assert drawn.exit_code == 0 and (tmp_path / "out" / "report.html").exists()


def test_parameters_are_looked_for_within_a_budget(home):
    data, dataset, _, _ = home
    quick = data.parent / "quick.toml"
    result = run(home, "tune", dataset, "--plan", quick, "--kind", "woe", "--trials", 2, "--seconds", 60, "--no-report")
    assert result.exit_code == 0, (result.output, result.exception)
    assert "best of 2 trials" in result.output and "bin_share=" in result.output
    record = run(home, "runs", "--json")
    run_id = json.loads(record.output)[-1]["run"]
    assert run(home, "train", "--again", run_id).exit_code == 0


def test_an_anonymous_run_is_refused(home):
    _, dataset, _, _ = home
    refused = run(home, "train", dataset, key=None).exception
    assert isinstance(refused, NotAllowed) and "anonymous" in refused.detail
    refused = run(home, "train", dataset, key="read").exception
    assert isinstance(refused, NotAllowed) and "no scope models" in refused.detail


def test_what_cannot_be_done_is_said(home, tmp_path):
    _, dataset, _, _ = home
    assert isinstance(run(home, "train", "ffff").exception, NotFound)
    assert isinstance(run(home, "train").exception, InputError)
    assert isinstance(run(home, "train", dataset, "--set", "trees").exception, InputError)
    assert isinstance(run(home, "train", dataset, "--set", "trees=5").exception, DefinitionError)
    assert isinstance(run(home, "train", dataset, "--plan", tmp_path / "none.toml").exception, NotFound)
    (tmp_path / "bad.toml").write_text("kind = ")
    assert isinstance(run(home, "train", dataset, "--plan", tmp_path / "bad.toml").exception, DefinitionError)
    assert isinstance(run(home, "compare", "x").exception, InputError)
    assert isinstance(run(home, "report", "1999").exception, NotFound)
