"""A list's life in a real service: created and filled by two persons, asked by a rule, looked up, counted, after a kill too."""

from __future__ import annotations

import base64
import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from bench.serving import Served, new_data, serving
from tarim.bootstrap.places import API_KEYS_FILE, Places
from tarim.bootstrap.rebuilding import Archive
from tarim.bootstrap.settings import settings_of
from tarim.cli import build_app
from tarim.identity import Scope, create_key
from tarim.screening.lists.service import SETTLED_HERE_MAX

RULESET = """name = "lists"

[[rule]]
id = "suspect_payee"
when = 'payee_account in list "mules"'
outcome = "block"
weight = 90
scenario = "telecom_fraud"
reason = "收款方在涉诈名单上"
reason_en = "the payee is on the list of mules"

[[rule]]
id = "unknown_device"
when = 'device_id not in list "devices"'
outcome = "challenge"
weight = 20
scenario = "account_takeover"
reason = "非客户可信设备"
reason_en = "not a device the customer trusts"
"""
MULE, GOOD = "6222020200112233", "6222020200998877"


def event(number: int, payee: str = MULE, device: str = "D1", customer: str = "C1") -> dict[str, Any]:
    return {
        "event_id": f"l-{number}",
        "source": "test",
        "kind": "transfer",
        "occurred_at": "2026-10-01T12:00:00+08:00",
        "customer": customer,
        "account": "6222020200000001",
        "payee_account": payee,
        "payee_name": "x",
        "device_id": device,
        "amount_fen": 100,
    }


class Bank:
    """A service and the persons who work with it."""

    def __init__(self, served: Served) -> None:
        self.served = served

    def ask(self, who: str, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.served.keys[who]}"}
        return httpx.request(method, self.served.url + path, json=body, headers=headers, timeout=60)

    def outcome(self, number: int, **of: str) -> str:
        answer = self.ask("decide", "POST", "/v1/decisions", event(number, **of))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["outcome"])

    def approved(self, proposed: httpx.Response) -> None:
        body = proposed.json()
        body = body.get("proposal", body)
        path = f"/v1/list-proposals/{body['id']}"
        verdict = {"verdict": "approve", "digest": body["digest"]}
        answer = self.ask("approve", "POST", path, verdict)
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == "approved"

    def cli(self, who: str, *words: str) -> tuple[int, str]:
        """Status and output of a command, in this process."""
        environment = {"TARIM_KEY": self.served.keys[who], "TARIM_URL": self.served.url}
        result = CliRunner().invoke(build_app(["lists"]), ["lists", *words], env=environment)
        return result.exit_code, result.output


def imported(bank: Bank, who: str, name: str, text: str, **more: object) -> httpx.Response:
    content = base64.b64encode(text.encode()).decode()
    body = {"name": name, "format": "csv", "content": content, "source": "police", "reason": "mules of October", **more}
    return bank.ask(who, "POST", "/v1/lists:import", body)


def test_a_list_is_made_by_two_persons_and_every_decision_asks_it(tmp_path: Path) -> None:
    """Nothing counts before it is approved by somebody else; then the next event is judged by it, after a kill as well."""
    data = tmp_path / "data"
    rules = tmp_path / "rules.toml"
    rules.write_text(RULESET, encoding="utf-8")
    keys = new_data(data)
    scopes = [Scope.AUTHOR, Scope.APPROVE, Scope.READ]
    keys |= {"both": create_key(data / API_KEYS_FILE, "zhang.san", scopes, 1)[1]}
    settings = {"TARIM_POLICY_RULES_FILE": str(rules)}
    with serving(data, keys, **settings) as served:
        bank = Bank(served)
        assert bank.outcome(1) == "challenge"
        new = {"name": "mules", "kind": "black", "field": "payee_account", "reason": "telecom fraud"}
        proposed = bank.ask("both", "POST", "/v1/lists", new)
        assert proposed.status_code == 201, proposed.text
        path = f"/v1/list-proposals/{proposed.json()['id']}"
        verdict = {"verdict": "approve", "digest": proposed.json()["digest"]}
        assert bank.ask("both", "POST", path, verdict).status_code == 403
        assert bank.ask("approve", "POST", path, verdict | {"digest": "0" * 64}).status_code == 409
        bank.approved(proposed)
        devices = {"name": "devices", "kind": "trusted_devices", "reason": "RM-23"}
        bank.approved(bank.ask("author", "POST", "/v1/lists", devices))

        look = imported(bank, "both", "mules", f"value\n{MULE}\n6222020200112244\n")
        assert (look.json()["preview"]["added"], look.json()["proposal"]) == (2, None)
        refused = imported(bank, "both", "mules", f"value,valid_to\n{MULE},yesterday\n", propose=True)
        assert refused.status_code == 422
        assert MULE not in refused.text
        assert "row 2, valid_to" in refused.json()["detail"]
        filled = imported(bank, "both", "mules", f"value\n{MULE}\n6222020200112244\n", propose=True)
        assert bank.outcome(2) == "challenge"
        bank.approved(filled)
        assert bank.outcome(3) == "block"
        entries = {"source": "customer", "reason": "registered", "entries": [{"value": "D1", "customer": "C1"}]}
        bank.approved(bank.ask("author", "POST", "/v1/lists/devices/entries", entries))
        assert bank.outcome(4, payee=GOOD) == "pass"
        assert bank.outcome(5, payee=GOOD, customer="C2") == "challenge"
        os.kill(served.process.pid, signal.SIGKILL)
        served.process.wait()
    (data / "lists" / "history.sqlite").unlink()  # it is made again from the journal
    for left in (data / "lists").glob("history.sqlite-*"):
        left.unlink()
    with serving(data, keys, **settings) as served:
        bank = Bank(served)
        assert bank.outcome(6) == "block"
        assert bank.outcome(7, payee=GOOD) == "pass"
        found = bank.ask("read", "POST", "/v1/lists/mules/as-at", {"value": MULE}).json()
        assert found["member"]
        assert found["entry"]["masked"] == "****2233"
        assert (found["entry"]["added_by"], found["entry"]["approved_by"]) == ("zhang.san", "approve")
        before = bank.ask("read", "POST", "/v1/lists/mules/as-at", {"value": MULE, "at": "2026-01-01"}).json()
        assert (before["member"], before["entry"], len(before["history"])) == (False, None, 1)
        hits = bank.ask("read", "GET", "/v1/lists/mules/hits").json()["hits"]
        assert [(each["masked"], each["hits"]) for each in hits] == [("****2233", 2)]
        page = bank.ask("read", "GET", "/v1/lists/mules/entries").json()
        assert MULE not in json.dumps(page)
        assert len(page["entries"]) == 2
        (figures,) = [
            each for each in bank.ask("read", "GET", "/v1/list-figures").json()["lists"] if each["name"] == "mules"
        ]
        assert (figures["entries"], figures["hits"], figures["waiting"]) == (2, 2, 0)
        (shown,) = [each for each in page["entries"] if each["masked"] == "****2233"]
        named = {"token": shown["token"], "masked": shown["masked"], "operation": "remove"}
        removal = {"source": "police", "reason": "cleared", "entries": [named]}
        bank.approved(bank.ask("author", "POST", "/v1/lists/mules/entries", removal))
        assert bank.outcome(8, payee=MULE) == "pass"

        new = {"name": "grey", "kind": "grey", "field": "payee_account", "reason": "complaints"}
        bank.approved(bank.ask("author", "POST", "/v1/lists", new))
        many = SETTLED_HERE_MAX + 1  # a child writes so many into the history
        rows = "".join(f"{6_222_000_000_000_000 + number}\n" for number in range(many))
        bank.approved(imported(bank, "author", "grey", "value\n" + rows, propose=True))
        (figures,) = [
            each for each in bank.ask("read", "GET", "/v1/list-figures").json()["lists"] if each["name"] == "grey"
        ]
        assert figures["entries"] == many
        last = {"value": str(6_222_000_000_000_000 + many - 1)}
        found = bank.ask("read", "POST", "/v1/lists/grey/as-at", last).json()
        assert found["member"]
        assert (found["entry"]["added_by"], found["entry"]["approved_by"]) == ("author", "approve")

        out = tmp_path / "out.csv"
        assert bank.cli("read", "export", "mules", "--out", str(out))[0] == 0
        status, text = bank.cli("author", "diff", "mules", str(out), "--replace")
        assert status == 0, text
        assert "unchanged 不变 1" in text
        _, text = bank.cli("author", "propose", "mules", "--add", GOOD, "--source", "police", "--reason", "new")
        proposal_id, digest = text.split("proposal ")[1].split()[0], text.split()[-1]
        assert bank.cli("approve", "approve", proposal_id, "--digest", "0" * 64)[0] == 1
        assert bank.cli("author", "approve", proposal_id, "--digest", digest)[0] == 1
        assert bank.cli("approve", "approve", proposal_id, "--digest", digest)[0] == 0
        assert bank.cli("read", "as-at", "mules", GOOD)[0] == 0
        assert bank.cli("read", "as-at", "mules", GOOD, "--at", "2026-01-01")[0] == 1
        assert GOOD not in bank.cli("read", "show", "mules")[1]
    archive = Archive(settings_of(data, os.environ | settings), Places(data))
    for number in (3, 8):
        assert archive.rebuild(archive.find("test", f"l-{number}")).equal
    log = (data / "service.log").read_text()
    assert MULE not in log
    assert GOOD not in log
