"""Custodians as processes of their own: shares of every step, and a training that goes on after a company lost its folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarim.identity import create_key
from tests.e2e.test_party import Company, agreed, made_up, wait_until, written

ROOT_FILES = ("party.toml", "master.key", "key.pem", "certificate.pem", "keys.json")
"""What a company backs up apart: its identity, and who works there."""


def company(home: Path, name: str, *kind: str) -> Company:
    made = Company(name, home / name, {})
    made.tarim(*kind, "init", "--name", name)
    with (made.folder / "party.toml").open("a") as settings:
        settings.write("patience_s = 3.0\n" + ("" if kind else f'custodian = "vault-{name}"\n'))
    for person, scopes in (("engineer", ["models"]), ("officer", ["approve"])):
        made.keys[person] = create_key(made.folder / "keys.json", f"{person}.{name}", scopes, 1)[1]
    return made


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[dict[str, Company]]:
    found = {name: company(tmp_path, name) for name in ("data", "bank")}
    found |= {name: company(tmp_path, name, "custodian") for name in ("vault-data", "vault-bank")}
    for each in found.values():
        each.serve()
    introduce(found)
    yield found
    for each in found.values():
        if each.serving is not None:
            each.serving.terminate()
            each.serving.wait(20)


def introduce(nodes: dict[str, Company]) -> None:
    data, bank = nodes["data"], nodes["bank"]
    pairs = [(data, bank), (data, nodes["vault-data"]), (bank, nodes["vault-bank"])]
    for one, other in pairs:
        one.meet(other)
        other.meet(one)


def register(node: Company, file: Path) -> None:
    node.tarim("data", "add", str(file), "--name", file.stem, "--key", "phone", "--purpose", PURPOSE, "--contract-number",
               "2026-1", "--acquired", "2026-01-31", "--medium", "sftp", person="engineer")  # fmt: skip


PURPOSE = "term deposits: who is likely to want one"


def steps_at(vault: Company) -> list[tuple[str, int]]:
    """(run, steps) of what a custodian holds."""
    return [(run, int(steps)) for run, steps in re.findall(r"^(\w{64}) .*?(\d+) steps", vault.tarim("custodian", "list"),
                                                           re.MULTILINE)]  # fmt: skip


@pytest.mark.slow
def test_a_training_goes_on_after_a_company_lost_its_folder(nodes: dict[str, Company], tmp_path: Path) -> None:
    data, bank = nodes["data"], nodes["bank"]
    made_up(tmp_path)
    register(data, tmp_path / "customers.parquet")
    register(bank, tmp_path / "calls.parquet")
    text = Path(written(tmp_path, "logistic", outputs='what = "curve"\nto = "bank"', uses=1,
                        parameters="epochs = 30\nbatch_rows = 256\ncustody_steps = 2"))  # fmt: skip
    text.write_text(text.read_text().replace("expires", "custody = true\nexpires", 1))
    digest = agreed(data, bank, str(text))
    running = subprocess.Popen(
        [sys.executable, "-m", "tarim.cli", "party", "run", digest, "--data", str(bank.folder)],
        env=os.environ | {"TARIM_KEY": bank.keys["engineer"]}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(
        lambda: all(held and held[0][1] >= 2 for held in (steps_at(nodes["vault-data"]), steps_at(nodes["vault-bank"])))
    )
    running.kill()
    running.wait(20)
    wait_until(lambda: "failed" in data.tarim("runs"))
    run = steps_at(nodes["vault-bank"])[0][0]
    for vault in ("vault-data", "vault-bank"):
        contents = b"".join(path.read_bytes() for path in (nodes[vault].folder / "custody").rglob("*.share"))
        assert b"places" not in contents and b"weights" not in contents, "sealed, names of fields too"

    # Everything of the data company is gone but what it backed up apart: its identity.
    assert data.serving is not None
    data.serving.terminate()
    data.serving.wait(20)
    saved = {name: (data.folder / name).read_bytes() for name in ROOT_FILES}
    shutil.rmtree(data.folder)
    (data.folder / "peers").mkdir(parents=True)
    for name, content in saved.items():
        (data.folder / name).write_bytes(content)
        (data.folder / name).chmod(0o600)
    data.serve(data.port)
    data.meet(bank)
    data.meet(nodes["vault-data"])
    register(data, tmp_path / "customers.parquet")
    bank.tarim("contract", "sign", digest, person="officer")
    data.tarim("contract", "sign", digest, person="officer")

    assert "bank has not allowed" in bank.tarim("run", digest, "--resume", run, person="engineer", status=2)
    bank.tarim("custody", "allow", run, person="officer")
    assert "data has not allowed" in bank.tarim("run", digest, "--resume", run, person="engineer", status=2)
    data.tarim("custody", "allow", run, person="officer")
    said = bank.tarim("run", digest, "--resume", run, person="engineer")
    assert float(re.search(r"auc = ([\d.]+)", said)[1]) > 0.8
    again = re.search(r"model 模型: (\w{64})", said)[1]
    for node, vault in ((data, "vault-data"), (bank, "vault-bank")):
        transcript = json.loads(node.tarim("transcript", again))
        assert transcript["resumes"] == run and transcript["state"] == "done"
        steps = [each["step"] for each in transcript["custody"]]
        assert steps[0] >= 3 and steps[-1] == 30 * 3, "six steps an epoch; it went on, and did not begin anew"
        assert transcript["iterations"] == {"steps": 30 * 6, "epochs": 30}
        assert {each["custodian"] for each in transcript["custody"]} == {vault}
        assert [step["name"] for step in transcript["steps"]] == ["session", "training", "judging"]
    assert "came to its end" in bank.tarim("run", digest, "--resume", again, person="engineer", status=2)
    assert "came to their end" in bank.tarim("run", digest, "--resume", run, person="engineer", status=2)
    assert "another custodian" in wrong_vault(nodes, digest)


def wrong_vault(nodes: dict[str, Company], digest: str) -> str:
    """What the bank's custodian says to somebody who asks for the data company's shares."""
    from tarim.bootstrap.clock import SystemClock
    from tarim.federation import Party
    from tarim.federation.errors import ContractBreach
    from tarim.federation.node.conversations import GiveShares

    with (
        Party(nodes["vault-bank"].folder, {}, SystemClock()) as vault,
        Party(nodes["data"].folder, {}, SystemClock()) as data,
    ):
        kept = data.book.contract(digest)
        run = steps_at(nodes["vault-bank"])[0][0]
        consent = data.shares.consent(kept.signed.contract, run)
        hello = GiveShares(kept.signed, run, (consent, consent))
        theirs = next(peer for peer in vault.book.peers() if peer.name == "bank")
        with pytest.raises(ContractBreach, match="signature of bank"):
            vault.holding.allowed(hello, theirs)
        from dataclasses import replace

        with pytest.raises(ContractBreach) as refused:
            vault.holding.allowed(hello, replace(theirs, certificate=data.certificate))
        return refused.value.detail
