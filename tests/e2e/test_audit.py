"""The trail of a running service: every act, before and after; local commands; alteration found; one decision traced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from bench.serving import Served, new_data, serving
from tarim.audit import Chained, Result
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.audit_settings import AuditSettings
from tarim.bootstrap.places import Places
from tarim.cli import build_app

EVENT = {
    "event_id": "audited-1",
    "source": "core",
    "kind": "payment",
    "occurred_at": "2026-01-05T10:00:00+08:00",
    "customer": "C-1",
    "account": "6222020200112233",
    "amount_fen": 1_000,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("audited") / "data"
    keys = new_data(data)
    with serving(data, keys, TARIM_AUDIT_ANCHOR_EVERY_S="1") as running:
        yield running


def entries(data: Path) -> list[Chained]:
    with OpenTrail.open(AuditSettings(), Places(data), {}) as trail:
        return list(trail.store.read())


def run(*words: str, key: str = "", data: Path | None = None) -> tuple[int, str]:
    place = ["--data", str(data)] if data else []
    done = CliRunner().invoke(build_app(["audit"]), ["audit", *words, *place], env={"TARIM_KEY": key})
    return done.exit_code, done.output


def test_an_act_is_announced_and_its_outcome_follows(served: Served) -> None:
    """What it was done to is known by the second entry; a reason has no numbers of persons."""
    with served.client("author") as author:
        body = {"what": "shadow", "target": "large_to_new_payee", "value": 1, "reason": "复核 13812345678"}
        proposal = author.post("/v1/switches", json=body).json()
    intent, outcome = entries(served.data)[-2:]
    assert (intent.entry.result, outcome.entry.result) == (Result.INTENDED, Result.DONE)
    assert outcome.entry.detail == {"intent": intent.seq}
    assert outcome.entry.object == f"proposal:{proposal['id']}"
    assert (outcome.entry.who, outcome.entry.kind, outcome.entry.act) == ("author", "key", "propose_switch")
    assert outcome.entry.address == "127.0.0.1" and len(outcome.entry.session) == 12
    assert outcome.entry.reason == "复核 […]"


@pytest.mark.parametrize(
    ("scope", "method", "path", "body", "status", "who"),
    [
        ("", "POST", "/v1/rulesets:rollback", {"reason": "x"}, 401, ""),
        ("read", "POST", "/v1/rulesets:rollback", {"reason": "x"}, 403, "read"),
        ("read", "GET", "/v1/probing", None, 403, "read"),
        ("author", "DELETE", "/v1/proposals/13812345678", None, 404, "author"),
        ("operate", "POST", "/v1/rulesets:rollback", {"reason": "x"}, 409, "operate"),
        ("operate", "POST", "/v1/rulesets:rollback", {"grund": "x"}, 422, "operate"),
    ],
)
def test_a_refusal_is_on_the_trail(
    served: Served, scope: str, method: str, path: str, body: object, status: int, who: str
) -> None:
    """With its status, and without what somebody typed in the place of an id."""
    with served.client(scope) as client:
        assert client.request(method, path, json=body).status_code == status
    last = entries(served.data)[-1].entry
    assert (last.result, last.who, last.detail["status"]) == (Result.REFUSED, who, status)
    assert "138" not in last.object


def test_plain_reading_and_decisions_are_not_entries(served: Served) -> None:
    """The journal is the trail of decisions."""
    with served.client("read") as reader, served.client("decide") as sender:
        count = len(entries(served.data))
        assert reader.get("/v1/proposals").status_code == 200
        assert sender.post("/v1/decisions", json=EVENT).status_code == 200
    assert len(entries(served.data)) == count


def test_one_decision_is_traced(served: Served) -> None:
    with served.client("decide") as sender:
        assert sender.post("/v1/decisions", json=EVENT).status_code == 200
        label = EVENT | {"event_id": "audited-label", "kind": "label", "refers_to": "audited-1", "label": "fraud"}
        assert sender.post("/v1/decisions", json=label).status_code == 200
    with served.client("author") as author:
        change = {"event_id": "audited-1", "source": "core", "outcome": "block", "reason": "客户报案"}
        proposal = author.post("/v1/overrides", json=change).json()
    with served.client("approve") as other:
        verdict = {"verdict": "approve", "digest": proposal["digest"]}
        assert other.post(f"/v1/proposals/{proposal['id']}", json=verdict).status_code == 200
    status, said = run("trace", "audited-1", "--source", "core", data=served.data)
    assert status == 0, said
    for part in (
        "audited-1: pass",
        "ruleset",
        "label",
        "fraud",
        "block: 客户报案",
        "propose_override",
        "decide_on_proposal",
    ):
        assert part in said, said


def test_strangers_do_not_fill_the_trail(served: Served) -> None:
    """The first refusals of a minute are entries, further ones are counted and come as one."""
    count = len(entries(served.data))
    with served.client("") as stranger:
        for _ in range(60):
            assert stranger.post("/v1/switches", json={}).status_code == 401
    assert len(entries(served.data)) - count <= 20


def test_local_work_is_on_the_trail_in_its_operators_name(served: Served) -> None:
    app = build_app(["keys"])
    words = ["keys", "create", "--name", "till", "--scope", "read", "--data", str(served.data)]
    assert CliRunner().invoke(app, words, env={"TARIM_KEY": served.keys["author"]}).exit_code == 0
    last = entries(served.data)[-1].entry
    assert (last.act, last.who, last.kind, last.result) == ("keys.create", "author", "key", Result.DONE)
    assert last.object.startswith("key:") and last.detail["scopes"] == "read"
    words = ["keys", "revoke", "13812345678", "--data", str(served.data)]
    assert CliRunner().invoke(app, words, env={"TARIM_KEY": ""}).exit_code != 0
    last = entries(served.data)[-1].entry
    assert (last.kind, last.result) == ("local", Result.REFUSED) and "138" not in last.object


def test_an_act_is_refused_when_the_trail_cannot_be_written(tmp_path: Path) -> None:
    """Nothing is done; when only the outcome cannot be written, the answer says so."""
    data = tmp_path / "data"
    keys = new_data(data)
    with serving(data, keys) as running, running.client("author") as author:
        body = {"what": "shadow", "target": "large_to_new_payee", "value": 1, "reason": "x"}
        sql(data, "CREATE TRIGGER full BEFORE INSERT ON audit_entries BEGIN SELECT RAISE(ABORT, 'disk'); END")
        refused = author.post("/v1/switches", json=body)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        sql(data, "DROP TRIGGER full")
        assert running.client("read").get("/v1/proposals").json()["proposals"] == []
        when = "WHEN NEW.result = 'done' BEGIN SELECT RAISE(ABORT, 'disk'); END"
        sql(data, f"CREATE TRIGGER full BEFORE INSERT ON audit_entries {when}")
        refused = author.post("/v1/switches", json=body)
        assert (refused.status_code, refused.json()["code"]) == (503, "unrecorded")
        assert "retry-after" not in refused.headers
        sql(data, "DROP TRIGGER full")
        assert len(running.client("read").get("/v1/proposals").json()["proposals"]) == 1
    status, said = run("verify", data=data)
    assert status == 0 and "no outcome of entry 1: propose_switch by author" in said, said


def sql(data: Path, statement: str) -> None:
    with OpenTrail.open(AuditSettings(), Places(data), {}) as trail, trail.store.database.writing() as connection:
        connection.execute(text(statement))


def test_commands_find_alteration_and_print_lines(served: Served) -> None:
    """Last: it leaves the trail altered."""
    status, said = run("verify", data=served.data)
    assert status == 0, said
    status, said = run("anchor", data=served.data)
    assert json.loads(said)["seq"] == len(entries(served.data))
    status, said = run("tail", "--since", "2", data=served.data)
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["event.sequence"] for line in lines] == list(range(2, len(lines) + 2))
    sql(served.data, "UPDATE audit_entries SET who = 'nobody.else' WHERE seq = 2")
    status, said = run("verify", data=served.data)
    assert status == 1 and "altered" in said and " 2 - 2 " in said.replace("  ", " "), said
