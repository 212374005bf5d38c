"""Can one person alone publish, approve, import, override, let go on, retire or release anything?  Each path on a real service.

The person `one` has two keys of the same name with every scope.  For each path: propose with one key, approve with the
other and with the same; throw what needs two; release a held payment twice.  A path counts as walked alone when any of
these is accepted, or when what was asked for is in force afterwards.
"""

from __future__ import annotations

import base64
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from bench.acceptance import Line, Run, none
from bench.model_runs import put_trained_run, put_training_set
from bench.serving import Served, new_data, serving
from tarim.bootstrap.places import API_KEYS_FILE
from tarim.identity import Scope, create_key

ONE = "one.person"
TREATMENT = """
[holds.challenge]
lasts = "15m"
expiry = "refuse"
strength = 2
failures_max = 3

[holds.delay]
lasts = "24h"
expiry = "release"
strength = 0
failures_max = 1

[holds.suspend]
lasts = "72h"
expiry = "escalate"
escalated = "24h"
strength = 0
failures_max = 1

[[rights]]
role = "investigator"
people = ["one.person", "second.person"]
outcomes = ["challenge", "delay", "suspend"]
alone_fen_max = 100
together_fen_max = 100_000_000
"""
RULESET = """name = "four-eyes"

[[rule]]
id = "held"
when = "amount_fen == {fen}"
outcome = "suspend"
weight = 60
scenario = "test"
reason = "测试"
reason_en = "test"
"""


class Paths:
    """Walks paths and keeps those that one person got through."""

    def __init__(self, served: Served, keys: dict[str, str]) -> None:
        self._served = served
        self._keys = keys
        self.tried: list[str] = []
        self.alone: list[str] = []

    def ask(self, key: str, method: str, path: str, body: object = None) -> httpx.Response:
        """One request."""
        headers = {"Authorization": f"Bearer {self._keys[key]}"}
        return httpx.request(method, self._served.url + path, json=body, headers=headers, timeout=120)

    def propose(self, name: str, path: str, body: object, decide: str = "/v1/proposals") -> dict[str, Any]:
        """Propose and try to approve alone, with either key and as the author's second self."""
        answer = self.ask("first", "POST", path, body)
        assert answer.status_code in (200, 201), f"{name}: {answer.text}"
        found: dict[str, Any] = answer.json()
        proposal: dict[str, Any] = found.get("proposal") or found
        verdict = {"verdict": "approve", "digest": proposal["digest"], "note": "by myself"}
        for key in ("first", "again"):
            self.refused(
                f"{name}, approved with key {key}", self.ask(key, "POST", f"{decide}/{proposal['id']}", verdict)
            )
        return proposal

    def refused(self, name: str, answer: httpx.Response) -> None:
        """Note a path; a refusal of the person is 403, of an act that needs two 409."""
        self.tried.append(name)
        if answer.status_code not in (403, 409):
            self.alone.append(f"{name}: {answer.status_code}")

    def unchanged(self, name: str, unchanged: bool) -> None:
        """Note whether the state is what it was."""
        self.tried.append(name)
        if not unchanged:
            self.alone.append(name)


def run() -> dict[str, Any]:
    """tried: paths by name; alone: those that one person got through (none is right)."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        keys = new_data(data)
        file = data / API_KEYS_FILE
        for key in ("first", "again"):
            keys[key] = create_key(file, ONE, list(Scope), 1)[1]
        keys["other"] = create_key(file, "second.person", list(Scope), 1)[1]
        treatment = Path(folder) / "treatment.toml"
        treatment.write_text(TREATMENT, encoding="utf-8")
        run = put_trained_run(data, put_training_set(data), trees=3)
        with serving(data, keys, TARIM_POLICY_TREATMENT_FILE=str(treatment)) as served:
            paths = Paths(served, keys)
            _rulesets(paths)
            _treatment(paths)
            _switches(paths)
            _lists(paths)
            _names(paths)
            _models(paths, run)
            _holds(paths)
    return {"tried": paths.tried, "alone": paths.alone}


def _rulesets(paths: Paths) -> None:
    before = paths.ask("first", "GET", "/v1/rulesets").json()["rulesets"]
    paths.propose("publish a ruleset", "/v1/rulesets", {"text": RULESET.format(fen=777), "reason": "alone"})
    after = paths.ask("first", "GET", "/v1/rulesets").json()["rulesets"]
    paths.unchanged("publish a ruleset, in force", before == after)
    paths.refused(
        "go back where nothing was before", paths.ask("first", "POST", "/v1/rulesets:rollback", {"reason": "x"})
    )
    assert paths.ask("decide", "POST", "/v1/decisions", _event("override-me", 5)).status_code == 200
    change = {"event_id": "override-me", "source": "test", "outcome": "block", "reason": "alone"}
    paths.propose("override a decision", "/v1/overrides", change)
    found = paths.ask("first", "GET", "/v1/overrides?event_id=override-me&source=test")
    paths.unchanged("override a decision, in force", found.status_code == 404)


def _treatment(paths: Paths) -> None:
    before = paths.ask("first", "GET", "/v1/treatment").json()
    text = TREATMENT.replace('lasts = "24h"', 'lasts = "12h"')
    paths.propose("change what follows from an outcome", "/v1/treatment", {"text": text, "reason": "alone"})
    paths.unchanged("what follows from an outcome", before == paths.ask("first", "GET", "/v1/treatment").json())


def _switches(paths: Paths) -> None:
    rule = "large_to_new_payee"
    wanted: list[dict[str, Any]] = [
        {"what": "shadow", "target": rule, "value": 1},
        {"what": "shadow", "target": rule, "value": 0},
        {"what": "rollout", "target": rule, "value": 100},
        {"what": "rollout", "target": rule, "value": 10_000},
        {"what": "suppress", "target": "*", "value": 1, "customer": "C1", "until_ms": 4_000_000_000_000},
        {"what": "suppress", "target": rule, "value": 0, "customer": "C1"},
        {"what": "stop", "target": "transfer", "value": 0},
    ]
    for each in wanted:
        body = each | {"reason": "alone"}
        name = f"{each['what']} = {each['value']}"
        paths.refused(f"{name}, thrown", paths.ask("first", "POST", "/v1/switches:throw", body))
        paths.propose(name, "/v1/switches", body)
    paths.unchanged("switches", paths.ask("first", "GET", "/v1/switches").json()["switches"] == [])
    _reviews(paths, rule)


def _reviews(paths: Paths, rule: str) -> None:
    """Reviewing, afterwards, what one paused or stopped oneself; and ending a stop by its review alone."""
    for what, target in (("pause", rule), ("stop", "withdrawal")):
        body = {"what": what, "target": target, "value": 1, "reason": "alone"}
        assert paths.ask("first", "POST", "/v1/switches:throw", body).status_code == 200
        (review,) = paths.ask("first", "GET", "/v1/switch-reviews").json()["reviews"]
        address = f"/v1/switch-reviews/{review['id']}"
        for verdict in ("confirm", "revert"):
            for who in ("first", "again"):
                answer = paths.ask(who, "POST", address, {"verdict": verdict, "note": "mine"})
                paths.refused(f"{verdict} one's own {what} as {who}", answer)
        if what == "pause":
            resumed = paths.ask("first", "POST", "/v1/switches:throw", body | {"value": 0})
            assert resumed.status_code == 200, resumed.text
            left = paths.ask("first", "GET", "/v1/switch-reviews").json()["reviews"]
            paths.unchanged(
                "the review of a pause that its author ended", [each["id"] for each in left] == [review["id"]]
            )
            agreed = paths.ask("other", "POST", address, {"verdict": "confirm", "note": "seen"})
            assert agreed.status_code == 200, agreed.text
            continue
        undone = paths.ask("other", "POST", address, {"verdict": "revert", "note": "over"}).json()
        digest = next(
            each["digest"]
            for each in paths.ask("first", "GET", "/v1/proposals").json()["proposals"]
            if each["id"] == undone["proposal"]
        )
        alone = paths.ask(
            "other", "POST", f"/v1/proposals/{undone['proposal']}", {"verdict": "approve", "digest": digest}
        )
        paths.refused("end a stop by its review alone", alone)
        stopped = [each["what"] for each in paths.ask("first", "GET", "/v1/switches").json()["switches"]]
        paths.unchanged("a stop after its review by one", stopped == ["stop"])
        go_on = {"verdict": "approve", "digest": digest}
        assert paths.ask("first", "POST", f"/v1/proposals/{undone['proposal']}", go_on).status_code == 200
    assert paths.ask("first", "GET", "/v1/switch-reviews").json()["reviews"] == []


def _lists(paths: Paths) -> None:
    waiting = "/v1/list-proposals"
    body = {"name": "suspects", "kind": "black", "field": "account", "reason": "alone"}
    proposal = paths.propose("create a list", "/v1/lists", body, waiting)
    verdict = {"verdict": "approve", "digest": proposal["digest"]}
    agreed = paths.ask("other", "POST", f"{waiting}/{proposal['id']}", verdict)
    assert agreed.status_code == 200, agreed.text
    entries = {"source": "desk", "reason": "alone", "entries": [{"value": "6222020200112233"}]}
    paths.propose("add an entry", "/v1/lists/suspects/entries", entries, waiting)
    content = base64.b64encode(b"value\n6222020200112244\n").decode()
    imported = {
        "name": "suspects",
        "format": "csv",
        "content": content,
        "source": "desk",
        "reason": "alone",
        "propose": True,
    }
    paths.propose("import a file", "/v1/lists:import", imported, waiting)
    found = paths.ask("first", "GET", "/v1/lists/suspects/entries").json()["entries"]
    paths.unchanged("entries of the list", found == [])


def _models(paths: Paths, run: str) -> None:
    """Every way of a model into force, out of it, and out of the house."""

    def state() -> Any:
        return paths.ask("first", "GET", "/v1/models").json()

    def agreed(proposal: dict[str, Any]) -> None:
        verdict = {"verdict": "approve", "digest": proposal["digest"]}
        answer = paths.ask("other", "POST", f"/v1/proposals/{proposal['id']}", verdict)
        assert answer.status_code == 200, answer.text

    submitted = paths.propose("approve a model", "/v1/models", {"run": run, "reason": "alone"})
    paths.unchanged("approve a model, approved", state()["models"][0]["state"] == "submitted")
    number = state()["models"][0]["service"]
    for act in ("publish", "challenge", "retire"):
        answer = paths.ask("first", "POST", f"/v1/models:{act}", {"model": number, "reason": "before its approval"})
        paths.refused(f"{act} a model that nobody approved", answer)
    agreed(submitted)
    ways: list[tuple[str, dict[str, Any]]] = [
        ("publish", {"model": number}),
        ("challenge", {"model": number}),
        ("challenge", {"model": number, "share": 5_000}),
        ("retire", {"model": number}),
        ("exit", {}),
    ]
    proposals = []
    for act, body in ways:
        before = state()
        proposals.append(paths.propose(f"{act} a model {body}", f"/v1/models:{act}", body | {"reason": "alone"}))
        paths.unchanged(f"{act} a model {body}, in force", state() == before)
    agreed(proposals[0])
    before = state()
    for path in (":rollback", ":stand-down"):
        body = {"reason": "alone"} | ({"model": number} if path == ":stand-down" else {})
        paths.refused(f"the champion, {path}", paths.ask("first", "POST", "/v1/models" + path, body))
    only = {"what": "rules_only", "target": "*", "reason": "alone"}
    assert paths.ask("first", "POST", "/v1/switches:throw", only | {"value": 1}).status_code == 200, (
        "one person may stop"
    )
    paths.refused("end rules-only, thrown", paths.ask("first", "POST", "/v1/switches:throw", only | {"value": 0}))
    lifted = paths.propose("end rules-only", "/v1/switches", only | {"value": 0})
    paths.unchanged("rules-only", state()["rules_only"])
    agreed(lifted)
    paths.refused("take a model out", paths.ask("operate", "POST", "/v1/models:export", {"model": number}))
    paths.unchanged("models", state() == before)


def _names(paths: Paths) -> None:
    content = base64.b64encode(b"id,name\nX-1,Wladimir Kozhin\n").decode()
    body = {"list_name": "own", "files": {"own.csv": content}, "reason": "alone", "propose": True}
    proposal = paths.propose("import a watch list", "/v1/name-lists:import", body)
    paths.unchanged("watch lists", paths.ask("first", "GET", "/v1/name-lists").json()["lists"] == [])
    verdict = {"verdict": "approve", "digest": proposal["digest"]}
    agreed = paths.ask("other", "POST", f"/v1/proposals/{proposal['id']}", verdict)
    assert agreed.status_code == 200, agreed.text
    event = _event("listed", 5) | {
        "kind": "transfer",
        "payee_account": "6222020200998877",
        "payee_name": "Wladimir Kozhin",
    }
    assert paths.ask("decide", "POST", "/v1/decisions", event).status_code == 200
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 10
    while not found and time.monotonic() < deadline:
        time.sleep(0.1)
        found = paths.ask("first", "GET", "/v1/name-matches").json()["matches"]
    match = {name: found[0][name] for name in ("party", "token", "list_name", "entry", "entry_digest")}
    wanted = match | {"until": datetime.now(UTC).date().replace(day=1).isoformat(), "reason": "alone"}
    wanted["until"] = f"{int(wanted['until'][:4]) + 1}{wanted['until'][4:]}"
    paths.propose("clear a match as a good guy", "/v1/name-matches:clear", wanted)
    after = paths.ask("first", "GET", "/v1/name-matches").json()["matches"]
    paths.unchanged("the match", [each["standing"] for each in after] == ["open"])
    paths.unchanged("good guys", paths.ask("first", "GET", "/v1/good-guys").json()["good_guys"] == [])


def _holds(paths: Paths) -> None:
    proposal = paths.ask("first", "POST", "/v1/rulesets", {"text": RULESET.format(fen=888), "reason": "to hold"}).json()
    verdict = {"verdict": "approve", "digest": proposal["digest"]}
    agreed = paths.ask("other", "POST", f"/v1/proposals/{proposal['id']}", verdict)
    assert agreed.status_code == 200, agreed.text
    held = paths.ask("decide", "POST", "/v1/decisions", _event("held", 888))
    assert held.json()["outcome"] == "suspend", held.text
    place = "/v1/holds/held?source=test"
    first = paths.ask("first", "POST", place, {"verdict": "release", "reason": "alone"})
    paths.unchanged("release a payment", first.status_code == 200 and first.json()["state"] != "released")
    for key in ("first", "again"):
        answer = paths.ask(key, "POST", place, {"verdict": "release", "reason": "once more"})
        paths.refused(f"release a payment as one's own second, key {key}", answer)
    paths.unchanged("the payment", paths.ask("first", "GET", place).json()["state"] != "released")
    agreed = paths.ask("other", "POST", place, {"verdict": "release", "reason": "seen it too"})
    assert agreed.json()["state"] == "released", "two persons can"


def _event(event_id: str, amount_fen: int) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "source": "test",
        "kind": "payment",
        "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "customer": "C1",
        "account": "6222020200112233",
        "amount_fen": amount_fen,
    }


def lines(_run: Run) -> Iterator[Line]:
    """The bar."""
    found = run()
    note = f"of {len(found['tried'])} tried" + (f"; {found['alone']}" if found["alone"] else "")
    yield none("four eyes", "path walked alone", len(found["alone"]), note)


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
