"""The trail of a running service: every act, before and after; local commands; alteration found; one decision traced."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from bench.serving import Served, desk_serving, new_data, serving
from tarim.audit import Chained, Result, chained_of, line_of
from tarim.base.errors import Damaged
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.audit_settings import AuditSettings
from tarim.bootstrap.desk import DeskHouse
from tarim.bootstrap.places import API_KEYS_FILE, Places
from tarim.bootstrap.preserving import check
from tarim.bootstrap.settings import settings_of
from tarim.cli import build_app
from tarim.identity import Scope, create_key
from tests.fakes.canary import TRACES, sent_everywhere

EVENT = {
    "event_id": "audited-1",
    "source": "core",
    "kind": "payment",
    "occurred_at": "2026-01-05T10:00:00+08:00",
    "customer": "C-1",
    "account": "6222020200112233",
    "amount_fen": 1_000,
}

SETTINGS = {
    "TARIM_AUDIT_ANCHOR_EVERY_S": "1",
    "TARIM_PROBING_UNKNOWN_KEYS_MAX": "100000",
    "TARIM_PROBING_SWEEP_VALUES_MAX": "400",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("audited") / "data"
    keys = new_data(data)
    keys["all"] = create_key(data / API_KEYS_FILE, "everything", list(Scope), 1)[1]
    with serving(data, keys, **SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def desk(served: Served) -> Iterator[Served]:
    with desk_serving(served.data, served.keys, **SETTINGS) as running:
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


def test_one_decision_is_traced_to_its_case(served: Served) -> None:
    """Message, rules, label, override with its approval, case, and what the trail has of them."""
    transfer = EVENT | {
        "kind": "transfer",
        "event_id": "traced",
        "amount_fen": 8_000_000,
        "payee_account": "6222020200998877",
    }
    with served.client("decide") as sender:
        assert sender.post("/v1/decisions", json=transfer).json()["outcome"] != "pass"
        label = EVENT | {"event_id": "traced-label", "kind": "label", "refers_to": "traced", "label": "fraud"}
        assert sender.post("/v1/decisions", json=label).status_code == 200
    with served.client("author") as author:
        change = {"event_id": "traced", "source": "core", "outcome": "block", "reason": "客户报案"}
        proposal = author.post("/v1/overrides", json=change).json()
    with served.client("approve") as other:
        verdict = {"verdict": "approve", "digest": proposal["digest"]}
        assert other.post(f"/v1/proposals/{proposal['id']}", json=verdict).status_code == 200
    with DeskHouse(settings_of(served.data, {}), Places(served.data), {}) as desk:
        desk.desk.catch_up()
    status, said = run("trace", "traced", "--source", "core", data=served.data)
    assert status == 0, said
    for part in ("traced: ", "ruleset", "label", "fraud", "block: 客户报案", "propose_override", "decide_on_proposal"):
        assert part in said, said
    assert re.search(r"desk CASE-\d{4}-\d{6} .* case ", said), said


def test_the_desk_examines_and_traces_beside_its_work(served: Served, desk: Served) -> None:
    """In processes of their own; a decision that is not there is said to be, and so is who looked."""

    def looked(asked: dict[str, str]) -> dict[str, Any]:
        begun = auditor.post("/v1/audit/looks", json=asked)
        assert begun.status_code == 201, begun.text
        deadline = time.monotonic() + 120
        while True:
            found: dict[str, Any] = auditor.get(f"/v1/audit/looks/{begun.json()['id']}").json()
            if found["state"] in ("done", "failed"):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.1)

    with desk.client("all") as auditor:
        found = looked({"what": "examine"})["examination"]
        assert found["sound"] and found["entries"] > 0 and found["first_seq"] == 1
        state = auditor.get("/v1/audit/state").json()
        assert state["seq"] >= found["last_seq"] and state["keep_days"] >= 183
        assert state["examined"]["by"] == "everything"
        traced = looked({"what": "trace", "source": "core", "event_id": "traced"})["trace"]
        assert traced["troubles"] == 0 and not traced["more"]
        said = {(mark["what"], mark["found"]) for mark in traced["marks"]}
        assert {("label", "fraud"), ("override", "block: 客户报案")} <= said
        assert any(what == "case" for what, _ in said)
        none = looked({"what": "trace", "source": "core", "event_id": "--data"})
        assert (none["state"], none["trouble"]) == ("failed", "no decision for that event")
        assert auditor.post("/v1/audit/looks", json={"what": "trace", "source": "core"}).status_code == 422
        assert auditor.get("/v1/audit/looks/13812345678").status_code == 404
    with desk.client("read") as other:
        assert other.post("/v1/audit/looks", json={"what": "examine"}).status_code == 403


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


def test_an_act_is_refused_when_the_trail_cannot_be_written(served: Served) -> None:
    """Nothing is done; when only the outcome cannot be written, the answer says so, and an examination names the act."""
    body = {"what": "shadow", "target": "large_to_new_payee", "value": 0, "reason": "x"}
    never = "CREATE TRIGGER full BEFORE INSERT ON audit_entries BEGIN SELECT RAISE(ABORT, 'disk'); END"
    with served.client("author") as author, served.client("read") as reader:
        before = reader.get("/v1/proposals").json()
        sql(served.data, never)
        refused = author.post("/v1/switches", json=body)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        sql(served.data, "DROP TRIGGER full")
        assert reader.get("/v1/proposals").json() == before
        sql(served.data, never.replace("BEGIN", "WHEN NEW.result = 'done' BEGIN", 1))
        refused = author.post("/v1/switches", json=body)
        assert (refused.status_code, refused.json()["code"]) == (503, "unrecorded")
        assert "retry-after" not in refused.headers
        sql(served.data, "DROP TRIGGER full")
        assert len(reader.get("/v1/proposals").json()["proposals"]) == len(before["proposals"]) + 1
    status, said = run("verify", data=served.data)
    assert status == 0 and re.search(r"no outcome of entry \d+: propose_switch by author", said), said


def test_a_scene_is_preserved_and_checked(served: Served, tmp_path: Path) -> None:
    """Signed, without keys; a changed byte is named."""
    status, said = run("preserve", str(tmp_path / "scene"), "--reason", "桌面推演", data=served.data)
    assert status == 0, said
    names = {path.name for path in (tmp_path / "scene").rglob("*")}
    assert (
        "audit.jsonl" in names and "anchors.jsonl" in names and not names & {"master.key", "keys.json", "keys.sqlite"}
    )
    status, said = run("preserve", str(tmp_path / "scene"), "--check", data=served.data)
    assert status == 0, said
    last = entries(served.data)[-1].entry
    assert (last.act, last.result, last.reason) == ("audit.preserve", Result.DONE, "桌面推演")
    with (tmp_path / "scene" / "audit.jsonl").open("r+b") as file:
        file.write(b"[")
    with (
        OpenTrail.open(AuditSettings(), Places(served.data), {}) as trail,
        pytest.raises(Damaged, match=r"audit\.jsonl"),
    ):
        check(tmp_path / "scene", trail.keeper.seal)


def sql(data: Path, statement: str) -> None:
    with OpenTrail.open(AuditSettings(), Places(data), {}) as trail, trail.store.database.writing() as connection:
        connection.execute(text(statement))


def test_exports_are_made_by_two_and_checked(served: Served, desk: Served, tmp_path: Path) -> None:
    """Search, proposal, approval and fetching by command, at the desk; each of them is on the trail."""
    group, keys = build_app(["audit"]), desk.keys

    def at_desk(key: str, *words: str) -> tuple[int, str]:
        done = CliRunner().invoke(group, ["audit", *words, "--url", desk.url], env={"TARIM_KEY": keys[key]})
        return done.exit_code, done.output

    status, said = at_desk("audit:read", "search", "--act", "propose_*", "--result", "done", "--limit", "5")
    assert status == 0 and "propose_switch" in said, said
    assert entries(desk.data)[-1].entry.detail == {"by": "act result"}
    status, said = at_desk("audit:export", "export", "--first", "1", "--last", "5", "--reason", "监管检查")
    assert status == 0, said
    export_id, digest = said.split()[0], said.split()[-1]
    assert at_desk("audit:export", "approve", export_id, "--digest", digest)[0] == 1, "by its author"
    assert at_desk("audit:export", "fetch", export_id, "--out", str(tmp_path / "early"))[0] == 1
    assert at_desk("all", "approve", export_id, "--digest", digest)[0] == 0
    status, said = at_desk("all", "fetch", export_id, "--out", str(tmp_path / "lines"))
    assert status == 0, said
    lines = [chained_of(line) for line in (tmp_path / "lines").read_bytes().splitlines()]
    assert lines == entries(desk.data)[:5]
    acts = [(each.entry.act, each.entry.result) for each in entries(desk.data)]
    assert ("decide_on_audit_export", Result.REFUSED) in acts and ("read_audit_export", Result.DONE) in acts
    with desk.client("audit:read") as auditor:
        assert auditor.get("/v1/audit/anchor").json()["seq"] > 5


@pytest.mark.parametrize("process", ["served", "desk"])
def test_what_is_planted_is_nowhere_afterwards(process: str, request: pytest.FixtureRequest) -> None:
    """A canary through every error path of every route (DP-16).

    Answers that are not refusals may give back what was sent to them; they are counted, not searched.

    Nor is the reason of an act that was carried out: it is a person's words about rules and models, with numbers taken out.
    """
    served: Served = request.getfixturevalue(process)
    statuses: dict[int, int] = {}
    leaks: list[str] = []
    for answer in sent_everywhere(served):
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        if answer.status_code >= 400:
            leaks += [
                f"{answer.request.method} {answer.request.url.path}: {answer.text}"
                for each in TRACES
                if each in answer.text
            ]
    assert not leaks, leaks[:10]
    assert {401, 403, 404, 422} <= set(statuses) and statuses[422] >= 50, statuses
    assert 500 not in statuses, statuses
    with served.client("metrics") as client:
        figures = client.get("/metrics").text
    with OpenTrail.open(AuditSettings(), Places(served.data), {}) as trail:
        found = [
            each if each.entry.result is not Result.DONE else replace(each, entry=replace(each.entry, reason=""))
            for each in trail.store.read()
        ]
    lines = [line_of(each).decode() for each in found]
    assert len(lines) > 100
    log = (served.data / "service.log").read_text(encoding="utf-8")
    for where, told in (("figures", figures), ("log", log), *(("trail", line) for line in lines)):
        for each in TRACES:
            assert each not in told, f"{where}: {told[:2_000]}"


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
