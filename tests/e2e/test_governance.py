"""A rule's life in a real service: proposed, approved by somebody else, in force, after a kill too, and taken back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from bench.serving import Served, new_data, serving
from tarim.bootstrap.places import API_KEYS_FILE
from tarim.identity import Scope, create_key

RULESET = """name = "two"

[[rule]]
id = "tiny"
when = "amount_fen == {fen}"
outcome = "block"
weight = 60
scenario = "test"
reason = "金额特殊"
reason_en = "a special amount"

[[rule]]
id = "also_tiny"
when = "amount_fen == {fen}"
outcome = "notice"
weight = 10
scenario = "test"
reason = "同上"
reason_en = "the same"
"""


def event(number: int, amount_fen: int = 777, customer: str = "C1") -> dict[str, Any]:
    return {
        "event_id": f"g-{number}",
        "source": "test",
        "kind": "payment",
        "occurred_at": "2026-10-01T12:00:00+08:00",
        "customer": customer,
        "account": "6222020200112233",
        "merchant_id": "M1",
        "amount_fen": amount_fen,
    }


ASKING = r"account in list \"nowhere\""
"""In a TOML text."""


class People:
    """Three people with keys: one writes, one approves, one does both and is nobody's second pair of eyes."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.keys = dict(served.keys)
        self.keys["both"] = served.keys["both"]

    def ask(self, who: str, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys[who]}"}
        return httpx.request(method, self.served.url + path, json=body, headers=headers, timeout=60)

    def decided(self, number: int, amount_fen: int = 777, customer: str = "C1") -> dict[str, Any]:
        answer = self.ask("decide", "POST", "/v1/decisions", event(number, amount_fen, customer))
        return answer.json() | {"status": answer.status_code}


def keys_of(data: Path) -> dict[str, str]:
    keys = new_data(data)
    scopes = [Scope.AUTHOR, Scope.APPROVE, Scope.READ]
    return keys | {"both": create_key(data / API_KEYS_FILE, "zhang.san", scopes, 1)[1]}


def publish(people: People, text: str) -> str:
    proposed = people.ask("author", "POST", "/v1/rulesets", {"text": text, "reason": "new pattern"})
    assert proposed.status_code == 201, proposed.text
    body = proposed.json()
    approved = people.ask(
        "approve", "POST", f"/v1/proposals/{body['id']}", {"verdict": "approve", "digest": body["digest"]}
    )
    assert approved.status_code == 200, approved.text
    return people.ask("read", "GET", "/v1/rulesets").json()["rulesets"][0]["version"]


def test_a_rules_life(tmp_path: Path) -> None:
    data = tmp_path / "data"
    keys = keys_of(data)
    with serving(data, keys) as served:
        people = People(served)
        assert people.decided(1)["outcome"] == "pass"

        mine = people.ask("both", "POST", "/v1/rulesets", {"text": RULESET.format(fen=777), "reason": "new pattern"})
        assert mine.status_code == 201
        alone = {"verdict": "approve", "digest": mine.json()["digest"]}
        assert people.ask("both", "POST", f"/v1/proposals/{mine.json()['id']}", alone).status_code == 403
        assert people.decided(2)["outcome"] == "pass", "nothing counts that one person alone did"
        assert people.ask("author", "POST", f"/v1/proposals/{mine.json()['id']}", alone).status_code == 403
        assert people.ask("both", "DELETE", f"/v1/proposals/{mine.json()['id']}").status_code == 200

        first = publish(people, RULESET.format(fen=777))
        blocked = people.decided(3)
        assert (blocked["outcome"], blocked["versions"]["ruleset"]) == ("block", first)
        assert [reason["id"] for reason in blocked["reasons"]] == ["tiny", "also_tiny"]

        throw = {"what": "pause", "target": "tiny", "value": 1, "reason": "too many"}
        assert people.ask("operate", "POST", "/v1/switches:throw", throw).status_code == 200
        assert [reason["id"] for reason in people.decided(4)["reasons"]] == ["also_tiny"]
        assert people.ask("operate", "POST", "/v1/switches:throw", throw | {"what": "shadow"}).status_code == 409
        (review,) = people.ask("read", "GET", "/v1/switch-reviews").json()["reviews"]
        assert (review["target"], review["standing"], review["in_force"]) == ("tiny", "running", True)
        finding = {"verdict": "confirm", "note": "looked at its hits"}
        assert people.ask("operate", "POST", f"/v1/switch-reviews/{review['id']}", finding).status_code == 403

        until_ms = 4_000_000_000_000
        wanted = {
            "what": "suppress",
            "target": "*",
            "value": 1,
            "reason": "known",
            "customer": "C9",
            "until_ms": until_ms,
        }
        proposal = people.ask("author", "POST", "/v1/switches", wanted).json()
        told = people.ask("read", "GET", f"/v1/proposals/{proposal['id']}").json()
        assert (told["proposal"]["digest"], told["switch"]["target"]) == (proposal["digest"], "*")
        assert told["switch"]["customer"] and "C9" not in str(told), "who decides sees what it is about, not who it is"
        verdict = {"verdict": "approve", "digest": proposal["digest"]}
        assert people.ask("approve", "POST", f"/v1/proposals/{proposal['id']}", verdict).status_code == 200
        assert people.decided(5, customer="C9")["outcome"] == "pass"
        assert people.decided(6, customer="C8")["outcome"] == "notice"
        listed = people.ask("read", "GET", "/v1/switches").text
        assert "C9" not in listed, "a customer is shown as a token only"

        stop = {"what": "stop", "target": "payment", "value": 1, "reason": "incident"}
        assert people.ask("operate", "POST", "/v1/switches:throw", stop).status_code == 200
        refused = people.decided(7)
        assert (refused["status"], refused["code"]) == (503, "business-stopped")
        assert people.decided(6, customer="C8")["outcome"] == "notice", "what was accepted is answered again"

        served.process.send_signal(signal.SIGKILL)
        served.process.wait()

    with serving(data, keys) as served:
        people = People(served)
        assert people.decided(8)["code"] == "business-stopped"
        go_on = people.ask("author", "POST", "/v1/switches", stop | {"value": 0}).json()
        verdict = {"verdict": "approve", "digest": go_on["digest"]}
        assert people.ask("approve", "POST", f"/v1/proposals/{go_on['id']}", verdict).status_code == 200
        assert people.decided(9)["outcome"] == "notice", "the rule is still paused"
        assert people.decided(10, customer="C9")["outcome"] == "pass", "and the customer still spared"

        waiting = [each["id"] for each in people.ask("read", "GET", "/v1/switch-reviews").json()["reviews"]]
        assert waiting == [review["id"]], "the stop was ended by two, the pause waits after a kill too"
        told = people.ask("approve", "POST", f"/v1/switch-reviews/{review['id']}", finding).json()
        assert (told["state"], told["standing"]) == ("confirmed", "met")
        closed = people.ask("read", "GET", "/v1/switch-reviews?state=closed").json()["reviews"]
        assert [each["state"] for each in closed] == ["confirmed", "reverted"]

        second = publish(people, RULESET.format(fen=888))
        assert people.decided(11)["outcome"] == "pass"
        diff = people.ask("read", "GET", f"/v1/rulesets/{second}/diff?against={first}").json()
        assert (diff["added"], diff["removed"], diff["changed"]) == ([], [], ["tiny", "also_tiny"])
        late = {"text": RULESET.format(fen=999), "reason": "begun earlier", "base": first}
        refused = people.ask("author", "POST", "/v1/rulesets", late)
        assert (refused.status_code, refused.json()["code"]) == (409, "base-moved")
        merged = people.ask(
            "read", "POST", "/v1/rulesets:merge", {"text": RULESET.format(fen=777), "base": first}
        ).json()
        assert (merged["base"], merged["taken"], merged["both"]) == (second, ["tiny", "also_tiny"], [])
        current = people.ask("author", "POST", "/v1/rulesets", late | {"base": second})
        assert current.status_code == 201
        assert people.ask("author", "DELETE", f"/v1/proposals/{current.json()['id']}").status_code == 200
        back = people.ask("operate", "POST", "/v1/rulesets:rollback", {"reason": "worse"})
        assert back.json()["version"] == first
        assert people.decided(12)["outcome"] == "notice"

        change = {"event_id": "g-3", "source": "test", "outcome": "pass", "reason": "confirmed by phone"}
        proposal = people.ask("author", "POST", "/v1/overrides", change).json()
        about = people.ask("read", "GET", f"/v1/proposals/{proposal['id']}").json()["override"]
        assert (about["event_id"], about["recorded"], about["outcome"]) == ("g-3", "block", "pass")
        verdict = {"verdict": "approve", "digest": proposal["digest"]}
        assert people.ask("approve", "POST", f"/v1/proposals/{proposal['id']}", verdict).status_code == 200
        overridden = people.ask("read", "GET", "/v1/overrides?event_id=g-3&source=test").json()
        decided = people.ask("read", "GET", "/v1/proposals?state=decided").json()["proposals"]
        assert (decided[0]["id"], decided[0]["state"]) == (proposal["id"], "approved")
        assert (overridden["outcome"], overridden["author"], overridden["approver"]) == ("pass", "author", "approve")
        assert people.ask("read", "GET", "/v1/decisions/g-3?source=test").json()["outcome"] == "block"

    for number, word in ((3, "block"), (4, "notice"), (5, "pass"), (12, "notice")):
        rebuilt = tarim("decisions", "rebuild", f"g-{number}", "--source", "test", "--data", str(data))
        assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
        assert word in rebuilt.stdout


def test_the_commands_do_the_same(tmp_path: Path) -> None:
    data = tmp_path / "data"
    keys = keys_of(data)
    file = tmp_path / "rules.toml"
    file.write_text(RULESET.format(fen=777), encoding="utf-8")
    with serving(data, keys) as served:

        def rules(who: str, *words: str) -> subprocess.CompletedProcess[str]:
            return tarim("rules", *words, "--url", served.url, TARIM_KEY=keys[who])

        proposed = rules("author", "publish", str(file), "--reason", "new pattern")
        assert proposed.returncode == 0, proposed.stderr
        proposal_id = proposed.stdout.split()[1]
        digest = proposed.stdout.split()[-1]
        assert proposal_id in rules("read", "proposals").stdout
        refused = rules("both", "publish", str(tmp_path / "absent.toml"), "--reason", "x")
        assert refused.returncode == 1 and "cannot be read" in refused.stderr
        assert rules("approve", "approve", proposal_id, "--digest", "0" * 64).returncode == 1
        approved = rules("approve", "approve", proposal_id, "--digest", digest, "--note", "seen the backtest")
        assert approved.returncode == 0, approved.stderr
        assert "author / approve" in rules("read", "history").stdout
        assert rules("operate", "pause", "tiny", "--reason", "too many").returncode == 0
        assert "pause" in rules("read", "switches").stdout
        assert rules("author", "rollout", "also_tiny", "12.5", "--reason", "carefully").returncode == 0
        assert rules("operate", "stop", "label", "--reason", "x").returncode == 1
        without = tarim("rules", "proposals", "--url", served.url, TARIM_KEY="")
        assert without.returncode == 1 and "TARIM_KEY" in without.stderr


def tarim(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tarim.cli", *words],
        env=os.environ | {"PYTHONPATH": "src"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_malformed_proposal_names_the_place(tmp_path: Path) -> None:
    data = tmp_path / "data"
    keys = keys_of(data)
    with serving(data, keys) as served:
        people = People(served)
        wrong: list[tuple[object, str]] = [
            ({"text": 1, "reason": "x"}, "text"),
            ({"text": "name = 1", "reason": "x"}, ""),
            ({"text": RULESET.format(fen=1)}, "body"),
            ({"text": RULESET.format(fen=1), "reason": "x", "more": 1}, "body"),
            ({"text": RULESET.replace("amount_fen == {fen}", ASKING), "reason": "x"}, ""),
        ]
        for body, field in wrong:
            refused = people.ask("author", "POST", "/v1/rulesets", body)
            assert refused.status_code == 422, refused.text
            if field:
                assert refused.json()["field"] == field
        assert "do not exist: nowhere" in refused.text
        assert json.loads(people.ask("read", "GET", "/v1/proposals").text)["proposals"] == []
