"""Contracts that name the second engine, at two nodes and at three; needs SPU (`make test-spu`)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tarim.federation import second_engine_readiness
from tarim.identity import create_key
from tests.e2e.test_party import ROWS, Company, agreed, companies, made_up, wait_until, written
from tests.e2e.test_party_custody import nodes, register, steps_at

__all__ = ["companies", "nodes"]
Companies = tuple[Company, Company, dict[str, np.ndarray], Path]


@pytest.fixture(scope="module")
def engine() -> None:
    if not (found := second_engine_readiness()).ready:
        pytest.skip(f"tarim[spu] is not installed: {found.why_not}")


@pytest.fixture(scope="module")
def vault(engine: None, companies: Companies) -> Iterator[Company]:
    """A custodian that both companies know."""
    data, bank, _, home = companies
    node = Company("vault", home / "vault", {})
    node.tarim("custodian", "init", "--name", "vault")
    with (node.folder / "party.toml").open("a") as settings:
        settings.write("patience_s = 3.0\n")
    for person, scopes in (("engineer", ["models"]), ("officer", ["approve"])):
        node.keys[person] = create_key(node.folder / "keys.json", f"{person}.vault", scopes, 1)[1]
    node.serve()
    for company in (data, bank):
        company.meet(node)
        node.meet(company)
    yield node
    assert node.serving is not None
    node.serving.terminate()
    node.serving.wait(20)


def by(engine: str, path: str) -> str:
    """A contract's draft with an engine."""
    file = Path(path)
    file.write_text(file.read_text().replace("expires", f"{engine}\nexpires", 1))
    return path


@pytest.mark.slow
def test_common_customers_by_the_second_engine(engine: None, companies: Companies) -> None:
    data, bank, _, home = companies
    file = written(home, "intersection", outputs='what = "common-customers"\nto = "bank"', label=False,
                   parameters='method = "rr22"')  # fmt: skip
    said = bank.tarim("run", agreed(data, bank, file), person="engineer")
    assert "opened 公开 common-customers -> bank" in said
    run = re.search(r"run 计算 (\w+)", said)[1]
    sides = [json.loads(company.tarim("transcript", run)) for company in (data, bank)]
    (sent, received), (heard, answered) = (
        [side["steps"][0][way] for way in ("sent_bytes", "received_bytes")] for side in sides
    )
    assert (sent, received) == (answered, heard) and sent > 10_000
    assert any(len(json.loads(each.read_text())) == 2 * ROWS // 3 for each in (bank.folder / "results").glob("*.json"))
    assert not (data.folder / "results").exists(), "the data company was to learn nothing"


@pytest.mark.slow
def test_three_nodes_train_under_one_contract(companies: Companies, vault: Company) -> None:
    data, bank, truth, home = companies
    file = by('protocol = "aby3"\nthird = "vault"\nfinding = "rr22"', written(
        home, "logistic", outputs='what = "curve"\nto = "bank"', parameters="epochs = 3\nbatch_rows = 256", uses=1,
    ))  # fmt: skip
    digest = bank.tarim("contract", "propose", file, person="engineer").strip()
    for company in (bank, data):
        assert "not yet" in company.tarim("contract", "sign", digest, person="officer")
    assert "vault has not" in bank.tarim("run", digest, person="engineer", status=2)
    assert "signed by all three" in vault.tarim("contract", "sign", digest, person="officer")
    assert "nothing is made ahead for aby3" in bank.tarim(
        "prepare", digest, "--rows", "10", person="engineer", status=2
    )
    said = bank.tarim("run", digest, person="engineer")
    assert float(re.search(r"auc = ([\d.]+)", said)[1]) > 0.8
    run = re.search(r"model 模型: (\w{64})", said)[1]
    ours, theirs, held = (json.loads(node.tarim("transcript", run)) for node in (bank, data, vault))
    assert {each["third"] for each in (ours, theirs, held)} == {"vault"}
    assert {each["state"] for each in (ours, theirs, held)} == {"done"}
    assert {each["operator"] for each in (ours, theirs, held)} == {"engineer.bank"}
    assert ours["inputs"] == theirs["inputs"] == held["inputs"]
    assert ours["rows"]["training"] == held["rows"]["training"] and "own" not in held["rows"]
    assert held["opened"] == [] and held["result"] == {} and held["model"] == ""
    steps = {each["name"]: each for each in held["steps"]}
    for side, name in ((ours, "bank"), (theirs, "data")):
        third = next(each for each in side["steps"] if each["name"] == "third node")
        # the company counts what it says of the columns too
        assert 0 <= third["sent_bytes"] - steps[f"with {name}"]["received_bytes"] < 1_000
        assert third["received_bytes"] == steps[f"with {name}"]["sent_bytes"]
    assert all(sum(each[way] for each in held["steps"]) > 100_000 for way in ("sent_bytes", "received_bytes"))
    assert "1/1" in vault.tarim("contract", "list")
    assert "0 are left" in bank.tarim("run", digest, person="engineer", status=2)
    for folder in ("models", "results", "custody"):
        assert not (vault.folder / folder).exists(), "the custodian keeps nothing"
    asking = agreed(data, bank, written(home, "query", outputs='what = "answer"\nto = "bank"', uses=10, label=False,
        parameters=f'question = "decision"\nmodels = ["{run}"]\ncut = -0.5'))  # fmt: skip
    wanted = "\n".join(str(each) for each in truth["common"][:10])
    answers = bank.tarim("query", asking, "--keys", "-", person="engineer", given=wanted).split()
    assert len(answers) == 10, "asked of the two companies' parts, without the custodian"


@pytest.mark.slow
def test_trees_of_three_nodes_open_their_splits_to_their_owners(companies: Companies, vault: Company) -> None:
    data, bank, _, home = companies
    file = by('protocol = "aby3"\nthird = "vault"', written(
        home, "boosting", outputs='what = "curve"\nto = "bank"', parameters="trees = 2\ndepth = 2",
    ))  # fmt: skip
    digest = bank.tarim("contract", "propose", file, person="engineer").strip()
    for node in (bank, data, vault):
        node.tarim("contract", "sign", digest, person="officer")
    said = data.tarim("run", digest, person="engineer")
    run = re.search(r"model 模型: (\w{64})", said)[1]
    opened = [json.loads(node.tarim("transcript", run))["opened"] for node in (bank, data, vault)]
    splits = [{"what": "splits of the trees", "to": name, "shape": [2, 3]} for name in ("data", "bank")]
    assert opened[2] == splits and all(each in side for side in opened for each in splits)
    assert json.loads(bank.tarim("transcript", run))["result"]["auc"] > 0.7


@pytest.mark.slow
def test_two_nodes_train_by_cheetah_and_custodians_hold_the_parts(
    engine: None, nodes: dict[str, Company], tmp_path: Path
) -> None:
    data, bank = nodes["data"], nodes["bank"]
    made_up(tmp_path)
    register(data, tmp_path / "customers.parquet")
    register(bank, tmp_path / "calls.parquet")
    file = by('protocol = "cheetah"\ncustody = true', written(
        tmp_path, "logistic", outputs='what = "curve"\nto = "bank"', parameters="epochs = 1\nbatch_rows = 512",
    ))  # fmt: skip
    said = bank.tarim("run", agreed(data, bank, file), person="engineer")
    assert float(re.search(r"auc = ([\d.]+)", said)[1]) > 0.75
    run = re.search(r"model 模型: (\w{64})", said)[1]
    for name in ("data", "bank"):
        assert steps_at(nodes[f"vault-{name}"]) == [(run, 1)], "the finished part, one step that counts as all"
        (held,) = json.loads(nodes[name].tarim("transcript", run))["custody"]
        assert (held["step"], held["custodian"]) == (1, f"vault-{name}")


@pytest.mark.slow
def test_a_third_node_that_dies_ends_the_run_at_both_companies(companies: Companies, vault: Company) -> None:
    """Its patience is three seconds; nothing is half opened, no model is kept.  Last: the custodian is gone then."""
    data, bank, _, home = companies
    file = by('protocol = "aby3"\nthird = "vault"', written(
        home, "logistic", outputs='what = "curve"\nto = "bank"', parameters="epochs = 500\nbatch_rows = 64",
    ))  # fmt: skip
    digest = bank.tarim("contract", "propose", file, person="engineer").strip()
    for node in (bank, data, vault):
        node.tarim("contract", "sign", digest, person="officer")
    running = subprocess.Popen(
        [sys.executable, "-m", "tarim.cli", "party", "run", digest, "--data", str(bank.folder)],
        env=os.environ | {"TARIM_KEY": bank.keys["engineer"]}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: ", 1 under way" in vault.tarim("status") or running.poll() is not None, 300.0)
    time.sleep(3.0)
    assert vault.serving is not None and running.poll() is None
    vault.serving.kill()
    assert running.communicate(timeout=90)[1]
    assert running.returncode == 2
    wait_until(lambda: "failed" in data.tarim("runs").splitlines()[0])
    for company in (data, bank):
        run = company.tarim("runs").split()[0]
        transcript = json.loads(company.tarim("transcript", run))
        assert (transcript["state"], transcript["model"], transcript["result"]) == ("failed", "", {})
        assert not any(each["what"] == "curve" for each in transcript["opened"])
