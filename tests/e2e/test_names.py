"""Name screening in a real service: lists by two persons, payees before the decision, customers after a change, kills."""

from __future__ import annotations

import base64
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from bench.serving import Served, new_data, serving
from tarim.bootstrap.places import API_KEYS_FILE, Places
from tarim.bootstrap.rebuilding import Archive
from tarim.bootstrap.settings import settings_of
from tarim.cli import build_app
from tarim.identity import Scope, create_key
from tarim.stream import Col

RULESET = """name = "sanctions"

[[rule]]
id = "listed_payee"
when = "payee_name_score >= 82"
outcome = "block"
weight = 100
scenario = "sanctions"
reason = "收款人与制裁名单相似"
reason_en = "the payee is alike to a sanctioned party"

[[rule]]
id = "listed_customer"
when = "customer_name_score >= 82"
outcome = "suspend"
weight = 90
scenario = "sanctions"
reason = "客户与制裁名单相似"
reason_en = "the customer is alike to a sanctioned party"

[[rule]]
id = "unscreened"
when = "payee_name_unscreened"
outcome = "notice"
weight = 10
scenario = "sanctions"
reason = "收款人姓名未及时筛查"
reason_en = "the payee's name was not screened in time"
"""
OWN = "id,name,kind,birth,country\nX-1,Wladimir Kozhin,person,1959-02-28,RU\nX-2,Grand Bazaar Trading,entity,,\n"
CHANGED = OWN.replace("X-2,Grand Bazaar Trading,entity,,\n", "X-3,Zhang Sanfeng,person,,CN\n")
CANARIES = ("Kozhyn Volodymyr", "张三丰", "Quietus Canary")


class Bank:
    """A service and the persons who work with it."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.last_id = ""

    def ask(self, who: str, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.served.keys[who]}"}
        return httpx.request(method, self.served.url + path, json=body, headers=headers, timeout=120)

    def good(self, who: str, method: str, path: str, body: object = None) -> Any:
        answer = self.ask(who, method, path, body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def approved(self, proposal: dict[str, Any]) -> None:
        verdict = {"verdict": "approve", "digest": proposal["digest"]}
        assert self.good("second", "POST", f"/v1/proposals/{proposal['id']}", verdict)["state"] == "approved"

    def import_own(self, text: str) -> dict[str, Any]:
        body = {"list_name": "own", "files": {"own.csv": base64.b64encode(text.encode()).decode()}}
        found: dict[str, Any] = self.good(
            "first", "POST", "/v1/name-lists:import", body | {"reason": "x", "propose": True}
        )
        self.approved(found["proposal"])
        return found

    def outcome(self, name: str, payee: str = "6222020200112233", customer: str = "C1") -> str:
        self.last_id = f"n-{time.time_ns()}"
        event = {
            "event_id": self.last_id,
            "source": "test",
            "kind": "transfer",
            "occurred_at": "2026-11-01T12:00:00+08:00",
            "customer": customer,
            "account": "6222020200000001",
            "payee_account": payee,
            "payee_name": name,
            "amount_fen": 100,
        }
        return str(self.good("decide", "POST", "/v1/decisions", event)["outcome"])

    def matches(self, standing: str = "open") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.good("read", "GET", f"/v1/name-matches?standing={standing}")["matches"]
        return found

    def until(self, true: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, what
            time.sleep(0.1)

    def screened(self) -> None:
        """Wait until no screening of all customers is due."""
        self.until(lambda: not self.good("read", "GET", "/v1/name-lists")["behind"], "still behind")

    def cli(self, who: str, *words: str, text: str | None = None) -> tuple[int, str]:
        environment = {"TARIM_KEY": self.served.keys[who], "TARIM_URL": self.served.url}
        result = CliRunner().invoke(build_app(["names"]), ["names", *words], env=environment, input=text)
        return result.exit_code, result.output


def new_bank(data: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Keys, and settings of a service with the rules above."""
    keys = new_data(data)
    for person in ("first", "second"):
        keys[person] = create_key(data / API_KEYS_FILE, person, list(Scope), 1)[1]
    rules = data / "rules.toml"
    rules.write_text(RULESET, encoding="utf-8")
    return keys, {
        "TARIM_POLICY_RULES_FILE": str(rules),
        "TARIM_NAMES_RESCREEN_AFTER_S": "1",
        "TARIM_NAMES_WAIT_MS_MAX": "5000",
    }


def test_a_listed_payee_is_stopped_once_two_persons_put_the_list_in_force(tmp_path: Path) -> None:
    data = tmp_path / "data"
    keys, settings = new_bank(data)
    with serving(data, keys, **settings) as served:
        bank = Bank(served)
        assert bank.outcome("Kozhyn Volodymyr") == "pass", "no list is in force"
        bank.import_own(OWN)
        assert bank.outcome("Kozhyn Volodymyr") == "block"
        blocked = bank.last_id
        assert bank.outcome("王小明") == "pass"
        bank.until(lambda: len(bank.matches()) == 1, "the payee is work for people")
    _is_decided_the_same_again(data, blocked)
    _no_name_is_written(data)


@pytest.mark.slow
def test_a_names_life(tmp_path: Path) -> None:
    data = tmp_path / "data"
    keys, settings = new_bank(data)
    with serving(data, keys, **settings) as served:
        bank = Bank(served)
        assert bank.outcome("Kozhyn Volodymyr") == "pass", "no list is in force"
        customers = [
            {"customer": "C7", "name": "张三丰"},
            {"customer": "C8", "name": "Quietus Canary", "birth": "1970", "countries": ["CN"]},
        ]
        assert bank.good("decide", "POST", "/v1/names:register", {"customers": customers})["fresh"] == 2
        again = bank.good("decide", "POST", "/v1/names:register", {"customers": customers})
        assert again == {"fresh": 0, "changed": 0, "unchanged": 2}

        # What is no name changes nothing.
        refused = bank.ask(
            "decide", "POST", "/v1/names:register", {"customers": [{"customer": "C1", "name": "x" * 600}]}
        )
        assert refused.status_code == 422 and "xxx" not in refused.text
        assert bank.good("read", "GET", "/v1/name-lists")["lists"] == []

        # An edition counts from its record on, for the event's payee.
        before = time.time_ns() // 1_000_000
        time.sleep(0.01)
        diff = bank.import_own(OWN)["diff"]
        assert (diff["entries"], diff["added"], diff["changed"], diff["removed"]) == (2, 2, 0, 0)
        assert bank.outcome("Volodymyr Kozhin") == "block"
        assert bank.outcome("王小明") == "pass"
        assert bank.outcome("Volodymyr Kozhin", payee="6222020200999999") == "block"
        bank.until(lambda: len(bank.matches()) == 2, "the payees are work for people")
        assert {each["party"] for each in bank.matches()} == {"payee"}

        # Customers are screened by themselves, and again when the list changes.
        bank.screened()
        assert bank.outcome("王小明", customer="C7") == "pass"
        changed = bank.import_own(CHANGED)["diff"]
        assert (changed["added"], changed["removed"]) == (1, 1)
        bank.screened()
        (match,) = [each for each in bank.matches() if each["party"] == "customer"]
        assert (match["entry"], match["list_name"], match["masked"]) == ("X-3", "own", "张**")
        assert bank.outcome("王小明", customer="C7") == "suspend"
        assert bank.outcome("王小明", customer="C8") == "pass"

        # A good guy needs two, and one may end it.
        wanted = {
            "party": "customer",
            "token": match["token"],
            "list_name": "own",
            "entry": "X-3",
            "entry_digest": match["entry_digest"],
            "until": "2027-06-01",
            "reason": "another birthday",
        }
        proposal = bank.good("first", "POST", "/v1/name-matches:clear", wanted)
        alone = {"verdict": "approve", "digest": proposal["digest"]}
        assert bank.ask("first", "POST", f"/v1/proposals/{proposal['id']}", alone).status_code == 403
        assert bank.outcome("王小明", customer="C7") == "suspend"
        bank.approved(proposal)
        assert bank.outcome("王小明", customer="C7") == "pass"
        assert [each["entry"] for each in bank.matches("cleared")] == ["X-3"]
        end = {name: wanted[name] for name in ("party", "token", "list_name", "entry", "reason")}
        bank.good("first", "POST", "/v1/good-guys:end", end)
        assert bank.outcome("王小明", customer="C7") == "suspend"
        assert bank.good("first", "POST", "/v1/name-matches:confirm", end)["standing"] == "confirmed"

        # As at a past instant; a kept result; a person's question.
        at = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(before / 1000))}.{before % 1000:03d}Z"
        assert bank.good("read", "GET", f"/v1/name-lists?at={at}")["lists"] == []
        digest = bank.good("read", "GET", "/v1/name-lists")["screening"]
        kept = bank.good("read", "GET", f"/v1/name-screenings/{digest}")
        assert kept["customers"] == 2 and kept["found_count"] == 1
        status, output = bank.cli("read", "check", text="Zhang San Feng\n")
        assert status == 1 and "X-3" in output
        assert bank.ask("first", "POST", "/v1/name-screenings", {"full": True}).status_code == 202
        bank.until(lambda: bank.good("read", "GET", "/v1/name-screenings")["screenings"][0]["state"] == "done", "full")
        assert len(bank.matches("confirmed")) == 1, "found again, and still confirmed"
        served.process.send_signal(signal.SIGKILL)
        served.process.wait()

    with serving(data, keys, **settings) as served:
        bank = Bank(served)
        assert len(bank.matches("confirmed")) == 1
        assert bank.outcome("王小明", customer="C7") == "suspend"
        assert bank.outcome("Kozhyn Volodymyr") == "block", "the first event after a start is screened"
    _is_decided_the_same_again(data, bank.last_id)
    _no_name_is_written(data)


def _is_decided_the_same_again(data: Path, event_id: str) -> None:
    """From the journal alone: the score the decision used lies in the row."""
    archive = Archive(settings_of(data, {}), Places(data))
    recorded = archive.find("test", event_id)
    assert recorded.row[Col.PAYEE_NAME_SCORE] >= 82 and recorded.row[Col.CUSTOMER_NAME_SCORE] == 0
    assert archive.rebuild(recorded).equal


def _no_name_is_written(data: Path) -> None:
    for path in data.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for canary in CANARIES:
                assert canary.encode() not in content, f"{canary} in {path.relative_to(data)}"


@pytest.mark.slow
def test_a_screening_that_is_killed_leaves_nothing_half_done(tmp_path: Path) -> None:
    data = tmp_path / "data"
    keys, settings = new_bank(data)
    settings["TARIM_NAMES_RESCREEN_AFTER_S"] = "600"
    with serving(data, keys, **settings) as served:
        bank = Bank(served)
        body = {"list_name": "own", "files": {"own.csv": base64.b64encode(b"id,name\nX-1,A B\nX-2,\n").decode()}}
        refused = bank.ask("first", "POST", "/v1/name-lists:import", body | {"reason": "x", "propose": True})
        assert refused.status_code == 422 and "line 3" in refused.json()["detail"]
        bank.import_own(OWN)
        bank.import_own(CHANGED)
        then = bank.good("read", "GET", "/v1/name-lists/own")["editions"][1]["at"]
        assert bank.cli("read", "check", "--at", then, text="Zhang San Feng\n")[0] == 0, "by the lists of then"
        assert bank.cli("read", "check", text="Zhang San Feng\n")[0] == 1
        customers = [{"customer": f"K{number}", "name": "Wladimir Kozhin"} for number in range(20)]
        bank.good("decide", "POST", "/v1/names:register", {"customers": customers})
        job = bank.good("first", "POST", "/v1/name-screenings", {})
        cancelled = bank.good("first", "DELETE", f"/v1/name-screenings/{job['id']}")
        assert cancelled["state"] == "cancelled" and bank.matches() == []
        bank.good("first", "POST", "/v1/name-screenings", {})
        time.sleep(0.5)
        served.process.send_signal(signal.SIGKILL)
        served.process.wait()
    with serving(data, keys, **(settings | {"TARIM_NAMES_RESCREEN_AFTER_S": "1"})) as served:
        bank = Bank(served)
        bank.screened()
        assert len(bank.matches()) == 20


@pytest.mark.slow
def test_a_helper_that_dies_stops_no_decision(tmp_path: Path) -> None:
    data = tmp_path / "data"
    keys, settings = new_bank(data)
    with serving(data, keys, **settings) as served:
        bank = Bank(served)
        bank.import_own(OWN)
        assert bank.outcome("Wladimir Kozhin") == "block"
        for child in _children(served.process.pid):
            if b"helper" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(child, signal.SIGKILL)
        bank.until(lambda: bank.outcome(f"nobody {time.time_ns()}") == "notice", "flagged while there is no helper", 5)
        assert bank.outcome("Wladimir Kozhin") == "block", "what was answered is remembered"
        bank.until(lambda: bank.outcome(f"nobody {time.time_ns()}") == "pass", "screened again")


def _children(pid: int) -> list[int]:
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (thread / "children").read_text().split()]
    return found
