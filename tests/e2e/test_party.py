"""Two companies as two processes: certificates exchanged, a contract signed by both, common customers, a model, questions."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tarim.base.errors import TarimError
from tarim.cli import build_app
from tarim.identity import create_key
from tarim.models import auc

PURPOSE = "term deposits: who is likely to want one"
ROWS = 3_000


@dataclass
class Company:
    """One company's folder and its persons' keys."""

    name: str
    folder: Path
    keys: dict[str, str]
    serving: subprocess.Popen[str] | None = None
    port: int = 0

    def tarim(self, *arguments: str, person: str = "", given: str | None = None, status: int = 0) -> str:
        """What a command prints; of one that fails, why.  In this process: only the nodes have to be others."""
        environment = {"TARIM_KEY": self.keys[person] if person else ""}
        command = ["party", *arguments, "--data", str(self.folder)]
        done = CliRunner().invoke(build_app(["party"]), command, env=environment, input=given)
        if isinstance(done.exception, TarimError):
            assert status == 2, done.exception.detail
            return done.exception.detail
        assert (done.exit_code, done.exception) == (status, None), (done.output, done.exception)
        return done.stdout

    def serve(self, port: int = 0) -> None:
        self.serving = subprocess.Popen(
            [sys.executable, "-m", "tarim.cli", "party", "serve", "--port", str(port), "--data", str(self.folder)],
            stdout=subprocess.PIPE, stderr=(self.folder / "log").open("w"), text=True,
        )  # fmt: skip
        assert self.serving.stdout is not None
        found = re.search(r"port (\d+)", self.serving.stdout.readline())
        assert found, (self.folder / "log").read_text()
        self.port = int(found[1])

    def meet(self, other: Company) -> None:
        """Add the other company as a peer."""
        card = self.folder / f"{other.name}.card.json"
        card.write_text(other.tarim("card"))
        fingerprint = json.loads(card.read_text())["member"]["certificate"]
        self.tarim(
            "peers", "add", str(card), "--fingerprint", fingerprint, "--host", "127.0.0.1", "--port", str(other.port),
            person="engineer",
        )  # fmt: skip


def made_up(folder: Path) -> dict[str, np.ndarray]:
    """Customers of two companies, two thirds in common; who wants the deposit follows from both companies' columns."""
    draw = np.random.default_rng(5)
    people = 13_000_000_000 + np.arange(4 * ROWS // 3)
    income, age = draw.normal(0, 1, len(people)), draw.normal(40, 12, len(people)).round()
    city = draw.choice(["BJ", "SH", "GZ"], len(people))
    balance, calls = draw.normal(0, 1, len(people)), draw.integers(0, 5, len(people))
    chance = 1 / (1 + np.exp(-(1.6 * income + 1.2 * balance + 0.8 * (city == "SH") - 1.5)))
    wants = np.where(draw.random(len(people)) < chance, "yes", "no")
    theirs, ours = np.arange(ROWS), np.arange(len(people) - ROWS, len(people))
    theirs = theirs[draw.permutation(ROWS)]
    pq.write_table(
        pa.table(
            {
                "phone": [f"+86 {p}" for p in people[theirs]],
                "income": income[theirs],
                "age": age[theirs],
                "city": city[theirs],
            }
        ),
        folder / "customers.parquet",
    )
    pq.write_table(
        pa.table(
            {
                "phone": people[ours],
                "balance": balance[ours],
                "calls": calls[ours],
                "wants": wants[ours],
                "offered": (calls[ours] == 2).astype(int),
                "few": (ours % 500 == 0).astype(int),
            }
        ),
        folder / "calls.parquet",
    )
    return {"common": people[len(people) - ROWS : ROWS], "wants": wants[len(people) - ROWS : ROWS]}


@pytest.fixture(scope="module")
def companies(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Company, Company, dict[str, np.ndarray], Path]]:
    home = tmp_path_factory.mktemp("companies")
    both = []
    for name, columns in (("data", "customers"), ("bank", "calls")):
        company = Company(name, home / name, {})
        company.tarim("init", "--name", name)
        with (company.folder / "party.toml").open("a") as settings:
            settings.write("patience_s = 3.0\n")
        for person, scopes in (("engineer", ["models"]), ("officer", ["approve"])):
            company.keys[person] = create_key(company.folder / "keys.json", f"{person}.{name}", scopes, 1)[1]
        both.append((company, columns))
    truth = made_up(home)
    data, bank = both[0][0], both[1][0]
    for company, columns in both:
        company.tarim(
            "data", "add", str(home / f"{columns}.parquet"), "--name", columns, "--key", "phone", "--purpose", PURPOSE,
            "--contract-number", "C-7", "--acquired", "2026-01-31", "--medium", "sftp", person="engineer",
        )  # fmt: skip
        company.serve()
    for one, other in ((data, bank), (bank, data)):
        one.meet(other)
    yield data, bank, truth, home
    for company, _ in both:
        assert company.serving is not None
        company.serving.terminate()
        company.serving.wait(20)


def written(
    home: Path, algorithm: str, *, outputs: str, parameters: str = "", uses: int = 2, label: bool = True
) -> str:
    path = home / f"{algorithm}.toml"
    path.write_text(f"""
number = "2026-014"
purpose = "{PURPOSE}"
algorithm = "{algorithm}"
uses = {uses}
expires = "2099-12-31"
[first]
party = "data"
data_set = "customers"
key = "phone"
key_kind = "phone"
features = ["income", "age", "city"]
[second]
party = "bank"
data_set = "calls"
key = "phone"
key_kind = "phone"
features = ["balance", "calls"]
{'label = "wants"' if label else ""}
[parameters]
{parameters}
[[outputs]]
{outputs}
""")
    return str(path)


def agreed(data: Company, bank: Company, file: str) -> str:
    digest = bank.tarim("contract", "propose", file, person="engineer").strip()
    bank.tarim("contract", "sign", digest, person="officer")
    assert "signed by both" in data.tarim("contract", "sign", digest[:16], person="officer")
    return digest


def test_from_common_customers_to_questions(companies: tuple[Company, Company, dict[str, np.ndarray], Path]) -> None:
    data, bank, truth, home = companies
    digest = agreed(data, bank, written(home, "logistic", outputs='what = "curve"\nto = "bank"',
                                        parameters="epochs = 3\nbatch_rows = 256"))  # fmt: skip
    assert "1 packets ready" in bank.tarim("prepare", digest, "--rows", "4000", person="engineer")
    said = bank.tarim("run", digest, person="engineer")
    assert "opened 公开 curve -> bank" in said
    for company in (bank, data):
        assert "made ahead" not in company.tarim("status"), "the first of three epochs has used it"
    result = dict(re.findall(r"(\w+) = ([\d.]+)", said))
    assert float(result["auc"]) > 0.8, "both companies' columns tell"
    run = re.search(r"model 模型: (\w{64})", said)
    assert run
    theirs = json.loads(data.tarim("transcript", run[1]))
    ours = json.loads(bank.tarim("transcript", run[1]))
    assert theirs["state"] == ours["state"] == "done"
    assert theirs["result"] == {}, "only the bank learns how good it is"
    assert theirs["rows"]["common"] == ours["rows"]["common"] == len(truth["common"])
    assert (theirs["operator"], ours["operator"]) == ("engineer.bank", "engineer.bank")
    assert [step["name"] for step in ours["steps"]] == ["common customers", "session", "training", "judging"]

    asking = agreed(data, bank, written(home, "query", outputs='what = "answer"\nto = "bank"', uses=314, label=False,
        parameters=f'question = "decision"\nmodels = ["{run[1]}"]\ncut = -0.5\na_customer_a_day_max = 2'))  # fmt: skip
    wanted = [str(each) for each in truth["common"][:300]]
    answers = bank.tarim("query", asking, "--keys", "-", person="engineer", given="\n".join(wanted)).split()
    assert len(answers) == 300
    right = np.mean(
        [(answer == "1") == (want == "yes") for answer, want in zip(answers, truth["wants"][:300], strict=True)]
    )
    assert right > 0.65
    assert "1 packets ready" in bank.tarim("prepare", asking, "--rows", "5", person="engineer")
    for company in (bank, data):
        assert "1 packets 份, 256 of" in company.tarim("status")
    (packet,) = (bank.folder / "stock").rglob("*.packet")
    again = bank.tarim("query", asking, "--keys", "-", person="engineer", given="\n".join(wanted[200:203])).split()
    assert again == answers[200:203], "from the stock"
    for company in (bank, data):
        assert "1 packets 份, 253 of" in company.tarim("status")
    packet.write_bytes(packet.read_bytes()[:-1])
    assert bank.tarim("query", asking, "--keys", "-", person="engineer", given=wanted[203]).split() == answers[203:204]
    assert "made ahead" not in bank.tarim("status"), (
        "what does not open is removed, and the question answered without it"
    )
    assert "253 of" in data.tarim("status")
    stranger = bank.tarim("query", asking, "--keys", "-", person="engineer", given="13999999999\n", status=2)
    assert "not one that both parties have" in stranger
    assert "13999999999" not in stranger
    bank.keys["nobody"] = "A" * 43
    bank.tarim("query", asking, "--keys", "-", person="nobody", given=wanted[0], status=2)
    bank.tarim("query", asking, "--keys", "-", person="engineer", given=wanted[0])
    assert "one customer" in bank.tarim("query", asking, "--keys", "-", person="engineer", given=wanted[0], status=2)
    assert "9 are left" in bank.tarim("query", asking, "--keys", "-", person="engineer",
                                      given="\n".join(wanted[1:11]), status=2)  # fmt: skip
    alarms = bank.tarim("alarms")
    counted = {kind: int(count) for count, kind in re.findall(r"^ +(\d+)  ([\w-]+)", alarms, re.MULTILINE)}
    assert counted == {
        "unpinned-certificate": 0, "unassigned-key": 1, "unassigned-customer": 1, "limit": 2, "sweep": 0, "stock": 1,
    }  # fmt: skip
    assert "13999999999" not in alarms and "engineer.bank" in alarms

    assert re.search(rf"TM\d{{6}}-\d\d  in use +{run[1]}", bank.tarim("models", "list"))
    ledger = data.tarim("models", "ledger", run[1])
    assert re.findall(r"model\.\S+", ledger) == ["model.kept", "model.deployed"]
    assert f"contract={asking}" in ledger
    data.tarim("models", "retire", run[1], "--reason", "customers changed", person="officer")
    assert "customers changed" in data.tarim("models", "ledger", run[1])
    refused = bank.tarim("query", asking, "--keys", "-", person="engineer", given=wanted[20], status=2)
    assert "a model of the contract was retired" in refused
    assert "retired already" in data.tarim("models", "retire", run[1], "--reason", "again", person="officer", status=2)
    assert "in use" in bank.tarim("models", "list"), "each house decides for itself"


def test_sums_over_a_campaigns_groups_go_to_whom_they_are_opened(
    companies: tuple[Company, Company, dict[str, np.ndarray], Path],
) -> None:
    data, bank, truth, home = companies
    draft = Path(written(home, "campaign-sums", outputs='what = "campaign-sums"\nto = "bank"', label=False,
                         parameters="least = 30\nfraction_bits = 10"))  # fmt: skip
    draft.write_text(draft.read_text().replace(', "city"', "").replace('"balance", "calls"', '"offered", "few"'))
    digest = agreed(data, bank, str(draft))
    said = bank.tarim("run", digest, person="engineer")
    assert "opened 公开 campaign-sums -> bank" in said and "few: withheld = 1.0" in said
    found = dict(re.findall(r"(offered: \w+) = (-?[\d.]+)", said))
    customers = pq.read_table(home / "customers.parquet").to_pydict()
    income = {int(phone[-11:]): value for phone, value in zip(customers["phone"], customers["income"], strict=True)}
    calls = pq.read_table(home / "calls.parquet").to_pydict()
    inside = {phone for phone, flag in zip(calls["phone"], calls["offered"], strict=True) if flag}
    inside &= set(truth["common"].tolist())
    assert float(found["offered: customers"]) == len(inside) > 100
    expected = sum(round(1024 * income[phone]) for phone in inside) / 1024
    assert float(found["offered: income"]) == pytest.approx(expected, abs=1e-9)
    run = re.search(r"run 计算 (\w+)", said)[1]
    assert json.loads(data.tarim("transcript", run))["result"] == {}, "the data company learns no sum"


def test_nothing_without_a_contract_of_both(companies: tuple[Company, Company, dict[str, np.ndarray], Path]) -> None:
    data, bank, _, home = companies
    file = written(home, "intersection", outputs='what = "common-customers"\nto = "bank"', uses=1, label=False)
    digest = bank.tarim("contract", "propose", file, person="engineer").strip()
    assert "not signed by both" in bank.tarim("run", digest, person="engineer", status=2)
    assert "no scope approve" in bank.tarim("contract", "sign", digest, person="engineer", status=2)
    bank.tarim("contract", "sign", digest, person="officer")
    assert "not signed by both" in bank.tarim("run", digest, person="engineer", status=2)
    data.tarim("contract", "sign", digest, person="officer")
    said = bank.tarim("run", digest, person="engineer")
    assert "common-customers -> bank" in said
    assert "of the contract's 1 uses 0 are left" in bank.tarim("run", digest, person="engineer", status=2)
    (result,) = ((bank.folder / "results").glob("*.json"),)
    assert any(len(json.loads(each.read_text())) == 2 * ROWS // 3 for each in result)
    assert not (data.folder / "results").exists(), "the data company was to learn nothing"


def test_a_data_set_that_changed_ends_the_run(companies: tuple[Company, Company, dict[str, np.ndarray], Path]) -> None:
    data, bank, truth, home = companies
    file = written(home, "boosting", outputs='what = "curve"\nto = "bank"', parameters="trees = 1\ndepth = 2")
    digest = agreed(data, bank, file)
    path = home / "customers.parquet"
    before = path.read_bytes()
    try:
        path.write_bytes(before + b" ")
        said = bank.tarim("run", digest, person="engineer", status=2)
        assert "the other party ended the run" in said
        failed = json.loads(data.tarim("transcript", data.tarim("runs").split()[0]))
        assert (failed["state"], "has changed" in failed["error"]) == ("failed", True)
    finally:
        path.write_bytes(before)
    said = bank.tarim("run", digest, person="engineer")
    assert float(re.search(r"auc = ([\d.]+)", said)[1]) > 0.6
    model = re.search(r"model 模型: (\w{64})", said)[1]
    asking = agreed(data, bank, written(home, "query", outputs='what = "answer"\nto = "bank"', uses=200, label=False,
                                        parameters=f'question = "score"\nmodels = ["{model}"]'))  # fmt: skip
    wanted = "\n".join(str(each) for each in truth["common"][:200])
    scores = [
        float(each) for each in bank.tarim("query", asking, "--keys", "-", person="engineer", given=wanted).split()
    ]
    assert 1 < len(set(scores)) <= 4, "the leaves of one tree of depth 2"
    assert auc(np.array(scores), truth["wants"][:200] == "yes") > 0.6


def test_a_run_whose_process_is_killed_has_a_transcript_on_both_sides(
    companies: tuple[Company, Company, dict[str, np.ndarray], Path],
) -> None:
    data, bank, _, home = companies
    digest = agreed(data, bank, written(home, "logistic", outputs='what = "curve"\nto = "bank"', uses=1,
                                        parameters="epochs = 40\nbatch_rows = 256"))  # fmt: skip
    running = subprocess.Popen(
        [sys.executable, "-m", "tarim.cli", "party", "run", digest, "--data", str(bank.folder)],
        env=os.environ | {"TARIM_KEY": bank.keys["engineer"]}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def newest(company: Company) -> str:
        return next(iter(company.tarim("runs").splitlines()), "")

    wait_until(lambda: "under way" in newest(bank) and "under way" in newest(data))
    assert "under way" in newest(bank), "it is carried out by a living process: looking at it changes nothing"
    running.kill()
    running.wait(20)
    wait_until(lambda: "failed" in newest(data))
    for company, why in ((bank, "the process that carried it out ended"), (data, "")):
        line = newest(company)
        assert digest[:12] in line and "failed" in line
        transcript = json.loads(company.tarim("transcript", line.split()[0]))
        assert transcript["state"] == "failed"
        assert why in transcript["error"] and transcript["error"]


def test_a_training_of_two_processes_stops_early_and_both_transcripts_say_so(
    companies: tuple[Company, Company, dict[str, np.ndarray], Path],
) -> None:
    data, bank, _, home = companies
    stop = "[parameters.early_stop]\npatience = 2\nshare = 0.2\nleast_log2 = -4"
    digest = agreed(data, bank, written(home, "logistic", outputs='what = "curve"\nto = "bank"', uses=1,
                                        parameters=f"epochs = 20\nbatch_rows = 64\n{stop}"))  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-m", "tarim.cli", "party", "run", digest, "--data", str(bank.folder)],
        env=os.environ | {"TARIM_KEY": bank.keys["engineer"]}, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert float(re.search(r"auc = ([\d.]+)", ran.stdout)[1]) > 0.8, "the model before the epochs that brought nothing"
    run = re.search(r"model 模型: (\w{64})", ran.stdout)[1]
    ours, theirs = (json.loads(company.tarim("transcript", run)) for company in (bank, data))
    assert ours["state"] == theirs["state"] == "done"
    batches = ours["rows"]["training"] // 64
    steps = batches - int(batches * 0.2)
    epochs = ours["iterations"]["epochs"]
    assert 3 <= epochs < 20, "two epochs more than the model's, and not all that the contract allows"
    assert ours["iterations"] == theirs["iterations"] == {"steps": epochs * steps, "epochs": epochs}
    assert f"training 训练: {epochs} epochs, {epochs * steps} steps" in ran.stdout
    opened = [(each["what"], each["to"]) for each in ours["opened"]]
    assert opened == [(each["what"], each["to"]) for each in theirs["opened"]]
    told = [("whether to stop early", name) for name in ("data", "bank")] * (epochs - 2)
    assert opened == [("common-customers", "data"), ("common-customers", "bank"), *told, ("curve", "bank")]


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Look again and again until it holds; a failure after that many seconds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it never came about"
        time.sleep(0.1)


def test_columns_are_screened_and_only_the_agreed_figures_are_opened(
    companies: tuple[Company, Company, dict[str, np.ndarray], Path],
) -> None:
    data, bank, truth, home = companies
    digest = agreed(data, bank, written(home, "screening", parameters="bins = 5\ncorrelation_rows = 1500",
        outputs='what = "information-values"\nto = "bank"\n[[outputs]]\nwhat = "correlations"\nto = "data"'))  # fmt: skip
    run = re.search(r"run 计算 (\w+)", bank.tarim("run", digest, person="engineer"))[1]
    ours, theirs = bank.tarim("screening", run), data.tarim("screening", run)
    values = {name: float(value) for name, value in re.findall(r"iv (\w+) = ([\d.]+)", ours)}
    table = pq.read_table(home / "customers.parquet").to_pydict()
    place = {int(phone[-11:]): row for row, phone in enumerate(table["phone"])}
    rows = [place[int(phone)] for phone in truth["common"]]
    wants = (truth["wants"] == "yes").astype(np.uint8)
    for name, column in (("income", np.array(table["income"])), ("city", np.array(table["city"]))):
        bins = np.searchsorted(np.quantile(column[rows], (0.2, 0.4, 0.6, 0.8)), column[rows], side="right") \
            if name == "income" else np.unique(column[rows], return_inverse=True)[1]  # fmt: skip
        events, inside = np.bincount(bins, wants) + 0.5, np.bincount(bins)
        p, q = events / events.sum(), (inside - events + 1) / (inside - events + 1).sum()
        assert values[name] == pytest.approx(((p - q) * np.log(p / q)).sum(), abs=2e-3), name
    assert values.keys() == {"income", "age", "city"} and "opened 公开 r " not in ours
    found = {pair: float(value) for pair, value in re.findall(r"r (\w+ / \w+) = (-?[\d.]+)", theirs)}
    assert found.keys() == {f"{one} / {other}" for one in ("income", "age") for other in ("balance", "calls", "wants")}
    assert found["income / wants"] > 0.25 > abs(found["age / balance"]) and "iv " not in theirs
    for line in (ours, theirs):
        assert "PSI" in line
    opened = json.loads(data.tarim("transcript", run))["opened"]
    assert [(each["what"], each["to"]) for each in opened] == [
        ("common-customers", "data"), ("common-customers", "bank"), ("information-values", "bank"), ("correlations", "data"),
    ]  # fmt: skip


def test_who_is_not_pinned_is_refused(
    companies: tuple[Company, Company, dict[str, np.ndarray], Path], tmp_path: Path
) -> None:
    _, bank, _, _ = companies
    stranger = Company("stranger", tmp_path / "stranger", {})
    stranger.tarim("init", "--name", "stranger")
    stranger.keys["engineer"] = create_key(stranger.folder / "keys.json", "x", ["models"], 1)[1]
    stranger.meet(bank)
    assert "certificate" in stranger.tarim("peers", "sets", "bank", status=2)
    wait_until(lambda: re.search(r"unpinned-certificate  127\.0\.0\.1", bank.tarim("alarms")) is not None)
    card = stranger.folder / "bank.card.json"
    wrong = stranger.tarim(
        "peers", "add", str(card), "--fingerprint", "0" * 64, "--host", "127.0.0.1", person="engineer", status=2
    )
    assert "another one than the fingerprint says" in wrong


@pytest.mark.parametrize("learner", ["bank", "data"])
def test_scores_of_a_scorecard_that_stays_with_its_party(
    companies: tuple[Company, Company, dict[str, np.ndarray], Path], learner: str
) -> None:
    """Either may learn them: the bank, which has the scorecard, or the data company, which has the columns."""
    data, bank, truth, home = companies
    card = home / "scorecard.json"
    card.write_text('{"bias": -1.5, "weights": {"income": 0.75, "age": 0.5}}')
    scorecard = bank.tarim("scorecards", "add", str(card), "--name", "deposits", person="engineer").strip()
    assert f"deposits  {scorecard}  income, age" in bank.tarim("scorecards", "list")
    assert "0.75" not in data.tarim("scorecards", "list")
    draft = Path(written(home, "encrypted-scores", outputs=f'what = "scores"\nto = "{learner}"', label=False,
                         parameters=f'scorecard = "{scorecard}"\nscales = [1.0, 10.0]'))  # fmt: skip
    text = draft.read_text().replace(', "city"', "").replace('"balance", "calls"', "")
    draft.write_text(text.replace('"income", "age"', '"age", "income"'))
    assert "other columns than the scorecard" in bank.tarim(
        "contract", "propose", str(draft), person="engineer", status=2
    )
    draft.write_text(text)
    said = bank.tarim("run", agreed(data, bank, str(draft)), person="engineer")
    assert f"opened 公开 scores -> {learner}" in said
    own, other = (bank, data) if learner == "bank" else (data, bank)
    run = re.search(r"run 计算 (\w+)", said)[1]
    assert "opened no scores" in other.tarim("scorecards", "scores", run, status=2)
    lines = [line.rsplit(",", 1) for line in own.tarim("scorecards", "scores", run).splitlines()]
    found = {int(key[-11:]): float(score) for key, score in lines}
    assert sorted(found) == sorted(truth["common"].tolist())
    customers = pq.read_table(home / "customers.parquet").to_pydict()
    for phone, income, age in zip(customers["phone"], customers["income"], customers["age"], strict=True):
        if int(phone[-11:]) in found:
            expected = 0.75 * round(income * 2**12) / 2**12 + 0.5 * round(age / 10 * 2**12) / 2**12 - 1.5
            assert found[int(phone[-11:])] == pytest.approx(expected, abs=1e-9)
    assert all(json.loads(each.tarim("transcript", run))["result"] == {} for each in (data, bank))
