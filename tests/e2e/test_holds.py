"""Holds over HTTP and from the command line: a running service, channels that confirm, persons that decide."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bench import timers
from bench.serving import Served, new_data, serving
from tarim.base.instants import instant_text
from tarim.bootstrap.house import House
from tarim.bootstrap.places import make_data_folder
from tarim.bootstrap.settings import settings_of
from tarim.cli import build_app
from tarim.decisions import Control, Decider, Governor, default_treatment, read_treatment

LIMITS = """
[[verification.limits]]
methods = ["password"]
single_fen_max = 1_000
day_fen_max = 1_500
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data: Path = tmp_path_factory.mktemp("holding") / "data"
    keys = new_data(data)
    treatment = timers.TREATMENT.replace('"operate"]', '"operate", "author"]').replace(
        "alone_fen_max = 1_000_000", "alone_fen_max = 3_500"
    )
    (data / "rules.toml").write_text(timers.RULES, encoding="utf-8")
    (data / "treatment.toml").write_text(treatment.replace("2s", "1h") + LIMITS, encoding="utf-8")
    files = {
        "TARIM_POLICY_RULES_FILE": str(data / "rules.toml"),
        "TARIM_POLICY_TREATMENT_FILE": str(data / "treatment.toml"),
    }
    with serving(data, keys, **files) as running:
        yield running


def event(event_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "source": "core",
        "kind": "payment",
        "occurred_at": instant_text(time.time_ns() // 1_000_000),
        "customer": "C1",
        "account": "A1",
        "amount_fen": 100,
    } | fields


def test_a_delay_is_released_by_the_clock(served: Served) -> None:
    """The answer says until when; the channel polls the change, and nothing more happens to it."""
    with served.client() as client, served.client("read") as reader:
        since = reader.get("/v1/holds:changes", params={"limit": 1_000}).json()["next"]
        answer = client.post("/v1/decisions", json=event("d/1", amount_fen=2_000)).json()
        assert (answer["outcome"], answer["hold"]["kind"], answer["hold"]["id"]) == ("delay", "delay", answer["seq"])
        again = client.post("/v1/decisions", json=event("d/1", amount_fen=2_000, occurred_at=None)).status_code
        assert again == 422
        seen: list[dict[str, Any]] = []
        deadline = time.monotonic() + 10
        while len(seen) < 2 and time.monotonic() < deadline:
            page = reader.get("/v1/holds:changes", params={"since": since}).json()
            seen, since = seen + page["changes"], page["next"]
            time.sleep(0.1)
        assert [(each["id"], each["state"], each["cause"]) for each in seen] == [
            (answer["seq"], "waiting", "opened"),
            (answer["seq"], "released", "time_released"),
        ]
        hold = reader.get("/v1/holds/d/1", params={"source": "core"}).json()
        assert (hold["state"], hold["event_id"], hold["changed_seq"]) == ("released", "d/1", seen[1]["seq"])
        assert hold["until"] == answer["hold"]["until"] <= hold["changed_at"]


def test_a_suspended_payment_is_confirmed_by_its_customer(served: Served) -> None:
    """An event of kind confirmation that refers to it."""
    with served.client() as client, served.client("read") as reader:
        client.post("/v1/decisions", json=event("s1", amount_fen=3_000))
        waiting = reader.get("/v1/holds", params={"state": "waiting"}).json()["holds"]
        assert "s1" in [hold["event_id"] for hold in waiting]
        confirmation = event("s2", kind="confirmation", refers_to="s1", result="succeeded")
        assert client.post("/v1/decisions", json=confirmation).json()["hold"] is None
        assert reader.get("/v1/holds/s1", params={"source": "core"}).json()["cause"] == "confirmed"


def test_release_needs_rights_and_two_persons_above_the_amount(served: Served) -> None:
    """Persons are those of the API keys; the same one twice is refused."""
    verdict = {"verdict": "release", "reason": "the customer called"}
    where = {"source": "core"}
    with served.client() as client, served.client("operate") as person, served.client("read") as reader:
        client.post("/v1/decisions", json=event("r1", amount_fen=3_600))
        proposed = person.post("/v1/holds/r1", params=where, json=verdict).json()
        assert (proposed["state"], proposed["proposed_by"]) == ("waiting", "operate")
        twice = person.post("/v1/holds/r1", params=where, json=verdict)
        assert twice.status_code == 403 and "another person" in twice.json()["detail"]
        assert reader.post("/v1/holds/r1", params=where, json=verdict).status_code == 403
        refused = person.post("/v1/holds/r1", params=where, json=verdict | {"verdict": "refuse"}).json()
        assert (refused["state"], refused["cause"]) == ("refused", "refused_by_person")
        closed = person.post("/v1/holds/r1", params=where, json=verdict)
        assert closed.status_code == 409
        client.post("/v1/decisions", json=event("r2"))
        for event_id in ("r2", "none"):
            assert person.post(f"/v1/holds/{event_id}", params=where, json=verdict).status_code == 404
        assert person.post("/v1/holds/r1", params=where, json=verdict | {"reason": " "}).status_code == 422


def test_a_customer_sets_a_lower_limit_and_runs_into_it(served: Served) -> None:
    """RM-22: limit change, then over-limit attempt, with the reason in both languages."""
    own = {"customer": "C9", "methods": ["password"], "single_fen_max": 200, "day_fen_max": 300}
    payment = {"customer": "C9", "verification": ["password"], "amount_fen": 250}
    with served.client() as client:
        assert client.post("/v1/decisions", json=event("l1", **payment)).json()["outcome"] == "pass"
        assert client.put("/v1/limits", json=own | {"single_fen_max": 1_001}).status_code == 422
        assert client.put("/v1/limits", json=own).json()["single_fen_max"] == 200
        answer = client.post("/v1/decisions", json=event("l2", **payment)).json()
        assert (answer["outcome"], answer["hold"]["kind"]) == ("challenge", "challenge")
        (reason,) = [each for each in answer["reasons"] if each["id"] == "verification"]
        assert "至少 2 类" in reason["zh"] and "at least 2 kinds" in reason["en"]
        other = client.post("/v1/decisions", json=event("l3", **payment | {"customer": "C8"})).json()
        assert other["outcome"] == "pass"


def test_another_treatment_takes_two_persons(served: Served) -> None:
    """Proposed, shown, refused to its author and for another digest, approved by somebody else: it counts from then on."""
    with served.client("author") as author, served.client("approve") as other, served.client("read") as reader:
        text = reader.get("/v1/treatment").json()["text"]
        assert author.post("/v1/treatment", json={"text": text, "reason": "the same"}).status_code == 409
        faulty = author.post("/v1/treatment", json={"text": "[holds]", "reason": "faulty"})
        assert faulty.status_code == 422 and "holds.delay.lasts" in faulty.json()["detail"]
        wanted = text.replace('lasts = "1h"', 'lasts = "2h"')
        proposed = author.post("/v1/treatment", json={"text": wanted, "reason": "more time"}).json()
        shown = reader.get("/v1/treatment", params={"proposal": proposed["id"]}).json()
        assert (shown["text"], shown["version"]) == (wanted, proposed["digest"])
        where, verdict = f"/v1/proposals/{proposed['id']}", {"verdict": "approve", "digest": proposed["digest"]}
        assert author.post(where, json=verdict).status_code == 403
        assert other.post(where, json=verdict | {"digest": "0" * 64}).status_code == 409
        assert reader.get("/v1/treatment").json()["text"] == text
        assert other.post(where, json=verdict).json()["decider"] == "approve"
        assert reader.get("/v1/treatment").json() == shown
    with served.client() as client:
        answer = client.post("/v1/decisions", json=event("t1", amount_fen=3_000)).json()
    lasts = datetime.fromisoformat(answer["hold"]["until"]) - datetime.fromisoformat(answer["received_at"])
    assert lasts == timedelta(hours=2)


def test_the_commands_do_the_same(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """list, show, release, changes."""
    run, app = CliRunner(), build_app(["holds"])
    with served.client() as client:
        client.post("/v1/decisions", json=event("c1", amount_fen=3_100))
    monkeypatch.setenv("TARIM_URL", served.url)
    monkeypatch.setenv("TARIM_KEY", served.keys["read"])
    assert "c1" in run.invoke(app, ["holds", "list"]).output
    monkeypatch.setenv("TARIM_KEY", served.keys["operate"])
    released = run.invoke(app, ["holds", "release", "c1", "--source", "core", "--reason", "called back"])
    assert "released_by_person" in released.output, released.output
    assert run.invoke(app, ["holds", "refuse", "c1", "--source", "core", "-r", "no"]).exit_code == 1
    monkeypatch.setenv("TARIM_KEY", served.keys["read"])
    assert "released" in run.invoke(app, ["holds", "show", "c1", "--source", "core"]).output
    assert "released_by_person" in run.invoke(app, ["holds", "changes", "--limit", "1000"]).output


def test_an_approved_treatment_outlives_a_restart(tmp_path: Path) -> None:
    """The file that is set counts for the first start; afterwards the journal says what is in force."""
    data = tmp_path / "data"
    places = make_data_folder(data)
    wanted = default_treatment().replace('lasts = "15m"', 'lasts = "20m"')

    async def not_compiled(_control: Control) -> Decider:
        raise AssertionError("no ruleset is proposed")

    with House(settings_of(data, {}), places, {}) as house:
        assert house.service.treatment == read_treatment(default_treatment())
        governor = Governor(house.service, house.clock, house.artefacts.keep, not_compiled)
        proposal = governor.propose_treatment(wanted, "li", "longer challenges")
        asyncio.run(governor.approve(proposal.id, "wang", proposal.digest))
    (data / "other.toml").write_text(timers.TREATMENT, encoding="utf-8")
    environment = {"TARIM_POLICY_TREATMENT_FILE": str(data / "other.toml")}
    with House(settings_of(data, environment), places, environment) as house:
        assert house.service.treatment == read_treatment(wanted)
