"""A model's life in a real service: submitted, approved, published, challenged, stepped back from, paused, taken out."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from bench.model_runs import put_trained_run, put_training_set
from bench.serving import serving
from tarim.bootstrap.house import House
from tarim.bootstrap.places import API_KEYS_FILE, Places
from tarim.bootstrap.rebuilding import Archive
from tarim.bootstrap.settings import settings_of
from tarim.bootstrap.tracing import trace
from tarim.identity import Scope, create_key
from tests.e2e.test_governance import People, keys_of, tarim


class Registry:
    """What people do with models."""

    def __init__(self, people: People) -> None:
        self.people = people

    def propose(self, who: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.people.ask(who, "POST", path, body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def agree(self, proposal: dict[str, Any], who: str = "approve") -> None:
        verdict = {"verdict": "approve", "digest": proposal["digest"]}
        answer = self.people.ask(who, "POST", f"/v1/proposals/{proposal['id']}", verdict)
        assert answer.status_code == 200, answer.text

    def do(self, act: str, model: str, **more: Any) -> None:
        self.agree(self.propose("models", f"/v1/models:{act}", {"model": model, "reason": "better"} | more))

    def approved(self, run: str) -> str:
        """The version of a run's model, submitted and approved."""
        self.agree(self.propose("models", "/v1/models", {"run": run, "reason": "better"}))
        return self.models()[-1]["version"]

    def models(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.people.ask("read", "GET", "/v1/models").json()["models"]
        return found

    def judge_of(self, number: int, customer: str = "C1") -> str:
        return self.people.decided(number, customer=customer)["versions"]["model"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], list[str]]:
    """A data folder with three runs over one training set; the third one's card is empty."""
    data = tmp_path_factory.mktemp("models") / "data"
    keys = keys_of(data)
    dataset = put_training_set(data)
    runs = [put_trained_run(data, dataset, seed=seed, trees=3, card=seed < 2) for seed in range(3)]
    return data, keys | {"li": create_key(data / API_KEYS_FILE, "li.na", list(Scope), 1)[1]}, runs


def test_a_models_life(trained: tuple[Path, dict[str, str], list[str]], tmp_path: Path) -> None:
    data, keys, runs = trained
    with serving(data, keys) as served:
        people = People(served)
        registry = Registry(people)
        assert registry.judge_of(1) == "" and registry.models() == []

        refused = people.ask("models", "POST", "/v1/models", {"run": runs[2], "reason": "x"})
        assert refused.status_code == 422 and "words.algorithm_rationale is missing" in refused.json()["detail"]
        assert people.ask("author", "POST", "/v1/models", {"run": runs[0], "reason": "x"}).status_code == 403

        mine = registry.propose("li", "/v1/models", {"run": runs[0], "name": "first", "reason": "better"})
        alone = {"verdict": "approve", "digest": mine["digest"]}
        assert people.ask("li", "POST", f"/v1/proposals/{mine['id']}", alone).status_code == 403
        assert registry.models()[0]["state"] == "submitted"
        registry.agree(mine)
        first = registry.models()[0]
        assert (first["state"], first["service"], first["name"]) == ("approved", "TM000001-95", "first")
        registry.do("publish", first["service"], script="#!/bin/sh\necho by hand\n")
        champion = first["version"]
        assert registry.judge_of(2) == champion

        second = registry.approved(runs[1])
        wanted = {"model": second[:12], "share": 5_000, "reason": "half"}
        challenge = registry.propose("models", "/v1/models:challenge", wanted)
        (shown,) = people.ask("read", "GET", "/v1/model-proposals").json()["proposals"]
        assert (shown["act"], shown["version"], shown["share"]) == ("challenge", second, 5_000)
        assert shown["digest"] == challenge["digest"], "who approves sees what"
        mistaken = registry.propose("models", "/v1/models:publish", {"model": second[:12], "reason": "too early"})
        other = f"/v1/model-proposals/{mistaken['id']}"
        assert people.ask("li", "DELETE", other).status_code == 403, "only one's own"
        assert people.ask("models", "DELETE", f"/v1/proposals/{mistaken['id']}").status_code == 403
        assert people.ask("models", "DELETE", other).json()["state"] == "withdrawn"
        switch = {"what": "rules_only", "target": "*", "value": 1, "reason": "a drill"}
        about_rules = registry.propose("author", "/v1/switches", switch)
        assert people.ask("models", "DELETE", f"/v1/model-proposals/{about_rules['id']}").status_code == 404
        assert people.ask("author", "DELETE", f"/v1/proposals/{about_rules['id']}").status_code == 200
        registry.agree(challenge)
        judged = {customer: registry.judge_of(10 + customer, f"C{customer}") for customer in range(12)}
        assert set(judged.values()) == {champion, second}, "half of the customers are the challenger's"
        assert registry.judge_of(30, "C3") == judged[3], "and stay so"
        both = people.ask("models", "POST", "/v1/models:challenge", {"model": champion, "reason": "x"})
        assert both.status_code == 409 and "cannot challenge itself" in both.text

        pause = {"what": "pause_model", "target": champion, "value": 1, "reason": "it does harm"}
        assert people.ask("operate", "POST", "/v1/switches:throw", pause).status_code == 200
        of_champion = next(f"C{customer}" for customer, model in judged.items() if model == champion)
        of_challenger = next(f"C{customer}" for customer, model in judged.items() if model == second)
        assert (registry.judge_of(31, of_champion), registry.judge_of(32, of_challenger)) == ("", second)
        only = {"what": "rules_only", "target": "*", "value": 1, "reason": "an emergency"}
        assert people.ask("operate", "POST", "/v1/switches:throw", only).status_code == 200
        assert registry.judge_of(33, of_challenger) == ""
        assert people.ask("operate", "POST", "/v1/switches:throw", only | {"value": 0}).status_code == 409
        served.process.send_signal(signal.SIGKILL)
        served.process.wait()

    with serving(data, keys, TARIM_POLICY_MODEL_FILE=str(data / "absent")) as served:
        people = People(served)
        registry = Registry(people)
        assert registry.judge_of(40, of_challenger) == "", "rules alone decide after a kill, too"
        registry.agree(registry.propose("author", "/v1/switches", only | {"value": 0}))
        assert registry.judge_of(41, of_challenger) == second
        assert people.ask("operate", "POST", "/v1/switches:throw", pause | {"value": 0}).status_code == 200
        registry.do("publish", second)
        assert registry.judge_of(42, of_champion) == second
        states = {each["version"]: (each["state"], each["role"]) for each in registry.models()}
        assert states == {champion: ("approved", ""), second: ("live", "champion")}
        back = people.ask("operate", "POST", "/v1/models:rollback", {"reason": "worse"})
        assert back.status_code == 200 and back.json()["version"] == champion
        assert registry.judge_of(43, of_challenger) == champion

        out = tmp_path / "model.txt"
        for who, status in (("operate", 1), ("models", 0)):
            words = ("export", champion[:16], "--out", str(out), "--url", served.url)
            # the models' key of this test may not read; who exports needs both
            key = keys["li"] if who == "models" else keys[who]
            assert tarim("models", *words, TARIM_KEY=key).returncode == status
        assert people.ask("operate", "POST", "/v1/models:export", {"model": champion}).status_code == 403
        assert out.read_bytes() == (Places(data).artefacts / champion).read_bytes()
        ledger = tarim("models", "ledger", "--url", served.url, TARIM_KEY=keys["read"]).stdout
        for line in ("publish", "rollback", "pause_model = 1", "rules_only = 0", "export", "refused", "TM000002-92"):
            assert line in ledger, ledger
        lines = people.ask("read", "GET", "/v1/model-ledger?count=1000").json()["lines"]
        scripts = [each["seq"] for each in lines if each["act"] == "publish" and each["script"]]
        kept = tarim("models", "ledger", "--script", str(scripts[-1]), "--url", served.url, TARIM_KEY=keys["read"])
        assert kept.stdout == "#!/bin/sh\necho by hand\n"

        assert people.ask("read", "GET", "/v1/models/trials").json()["counted"] == -1
        assert tarim("models", "measure", "--data", str(data)).returncode == 0
        trials = people.ask("read", "GET", f"/v1/models/trials?model={second[:12]}").json()["trials"]
        told = [(each["champion"], each["model"], each["share"], each["events"]) for each in trials]
        beside = [(champion, second, 5_000, 13), (champion, champion, 5_000, 13)]
        assert told == [("", second, 5_000, 1), ("", second, 5_000, 2), *beside], (
            "a pause ends a trial, so do rules alone"
        )
        told = tarim("models", "trials", "--model", second[:12], "--url", served.url, TARIM_KEY=keys["read"])
        assert f"trial 试验 {trials[-1]['trial']}  " in told.stdout, told.stderr
        assert "mature 成熟 0 of 13 events" in told.stdout and f"{second[:12]} challenger" in told.stdout

    archive = Archive(settings_of(data, {}), Places(data))
    for number in (2, 10, 15, 31, 32, 33, 42, 43):
        assert archive.rebuild(archive.find("test", f"g-{number}")).equal, number

    traced = tarim("models", "trace", "g-2", "--source", "test", "--data", str(data))
    assert traced.returncode == 0 and traced.stdout.count("\nok ") == 9, traced.stdout + traced.stderr
    (dataset,) = Places(data).datasets.iterdir()
    file = dataset / "data.parquet"
    content = file.read_bytes()
    file.write_bytes(content[:1000] + bytes([content[1000] ^ 1]) + content[1001:])
    troubles = [step.trouble for step in trace(settings_of(data, {}), Places(data), {}, "test", "g-2")]
    assert "data.parquet" in "".join(troubles)
    file.write_bytes(content)

    with serving(data, keys) as served:
        people = People(served)
        registry = Registry(people)
        registry.agree(registry.propose("models", "/v1/models:exit", {"reason": "the service closes"}))
        assert registry.judge_of(50) == ""
        assert {each["state"] for each in registry.models()} == {"retired"}
        assert people.ask("operate", "POST", "/v1/models:rollback", {"reason": "x"}).status_code == 409
        assert people.ask("models", "POST", "/v1/models", {"run": runs[0], "reason": "x"}).status_code in (404, 409)
        lines = people.ask("read", "GET", "/v1/model-ledger").json()["lines"]
        assert "files of models were overwritten and removed" in lines[0]["detail"]
    places = Places(data)
    assert not any((places.artefacts / version).exists() for version in (champion, second))
    assert not list(places.runs.glob("*/model.*"))
    with House(settings_of(data, {}), places, {}) as house:
        assert house.service.versions.lineup.versions == ("",) and house.recovered.state.governance.registry.closed
