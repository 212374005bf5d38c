"""Probe limits in the real service: bursts, sweeps, grids, unknown keys; and what an answer tells of a score."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from bench.serving import Served, new_data, serving
from tarim.bootstrap.places import API_KEYS_FILE
from tarim.identity import Scope, create_key

EVENT = {
    "source": "core",
    "kind": "transfer",
    "occurred_at": "2026-01-05T10:00:00+08:00",
    "account": "6222-canary-01",
    "payee_account": "6222-canary-02",
    "device_id": "canary-device",
    "amount_fen": 1_000,
}
MODEL = {
    "format": "tarim-logistic-1",
    "transform": "none",
    "features": ["payer_count_1h"],
    "means": [0.0],
    "scales": [1.0],
    "weights": [0.123_456],
    "intercept": -3.3,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("probed") / "data"
    keys = new_data(data)
    (data / "model.json").write_text(json.dumps(MODEL))
    now_ms = time.time_ns() // 1_000_000
    keys["tester"] = create_key(data / API_KEYS_FILE, "tester", [Scope.DECIDE], now_ms, events_per_s_max=5)[1]
    keys["rationed"] = create_key(data / API_KEYS_FILE, "rationed", [Scope.DECIDE], now_ms, events_per_day_max=4)[1]
    keys["fine"] = create_key(data / API_KEYS_FILE, "fine", [Scope.DECIDE, Scope.SCORE, Scope.READ], now_ms)[1]
    settings = {
        "TARIM_POLICY_MODEL_FILE": str(data / "model.json"),
        "TARIM_PROBING_SWEEP_VALUES_MAX": "30",
        "TARIM_PROBING_GRID_EVENTS_MAX": "100",
        "TARIM_PROBING_UNKNOWN_KEYS_MAX": "10",
    }
    with serving(data, keys, **settings) as running:
        yield running


def event(event_id: str, customer: str, **changed: object) -> dict[str, object]:
    return EVENT | {"event_id": event_id, "customer": customer} | changed


def alarms(served: Served) -> list[dict[str, str]]:
    with served.client("operate") as operator:
        return operator.get("/v1/probing").json()["alarms"]


def test_a_sweep_is_refused_with_when_to_come_again_and_others_go_on(served: Served) -> None:
    """429 as problem details; an alarm names the key and the field, nobody else."""
    with served.client() as client:
        answers = [client.post("/v1/decisions", json=event(f"s{i}", "C-1", amount_fen=1_000 + i)) for i in range(60)]
        statuses = [answer.status_code for answer in answers]
        assert statuses[:20] == [200] * 20 and set(statuses[-10:]) == {429}
        refused = answers[-1]
        assert refused.headers["content-type"] == "application/problem+json"
        assert 1 <= int(refused.headers["retry-after"]) <= 600
        assert refused.json()["code"] == "too-often" and refused.json()["title_zh"]
        assert client.post("/v1/decisions", json=event("o1", "C-2", device_id="another")).status_code == 200
        batch = [event("b1", "C-1"), event("b2", "C-3", device_id="third")]
        first, second = client.post("/v1/decisions:batch", json=batch).json()["results"]
        assert first["problem"]["status"] == 429 and second["decision"]["outcome"]
    told = alarms(served)[0]
    assert (told["kind"], told["key"], told["field"]) == ("sweep", "decide", "amount_fen") and told["text_zh"]
    assert "C-1" not in json.dumps(told)


def test_what_was_refused_is_not_in_the_journal(served: Served) -> None:
    """Nothing was decided."""
    with served.client() as client, served.client("read") as reader:
        for step in range(60):
            client.post("/v1/decisions", json=event(f"j{step}", "C-7", amount_fen=7_000 + step, device_id="j"))
        assert reader.get("/v1/decisions/j0", params={"source": "core"}).status_code == 200
        assert reader.get("/v1/decisions/j59", params={"source": "core"}).status_code == 404


def test_a_grid_is_refused(served: Served) -> None:
    """Several fields at once, in batches as well."""
    grid = [
        event(f"g{i}", "C-4", amount_fen=1_000 + i % 6, payee_account=f"6222-{i // 6 % 6}", device_id=f"d{i // 36}")
        for i in range(200)
    ]
    with served.client() as client:
        results = client.post("/v1/decisions:batch", json=grid[:100]).json()["results"]
        results += client.post("/v1/decisions:batch", json=grid[100:]).json()["results"]
    assert "decision" in results[0] and results[-1]["problem"]["code"] == "too-often"
    assert alarms(served)[0]["kind"] == "grid"


def test_a_burst_is_refused_for_that_key_alone(served: Served) -> None:
    """Its own limit of five a second with ten times as many at once."""
    with served.client("tester") as tester:
        statuses = [
            tester.post("/v1/decisions", json=event(f"t{i}", f"T-{i}", device_id=f"t{i}")).status_code
            for i in range(90)
        ]
        refused = tester.post("/v1/decisions", json=event("t99", "T-99"))
    assert statuses[0] == 200 and statuses.count(429) > 10 and refused.headers["retry-after"] == "1"
    assert any(each["kind"] == "burst" and each["key"] == "tester" for each in alarms(served))
    with served.client() as client:
        assert client.post("/v1/decisions", json=event("u1", "U-1", device_id="u")).status_code == 200


def test_a_days_ration_counts_the_events_of_a_batch(served: Served) -> None:
    """And says when the next day begins."""
    with served.client("rationed") as client:
        batch = [event(f"r{i}", f"R-{i}", device_id=f"r{i}") for i in range(6)]
        assert client.post("/v1/decisions:batch", json=batch).status_code == 200
        refused = client.post("/v1/decisions", json=event("r9", "R-9"))
    assert refused.status_code == 429 and 1 <= int(refused.headers["retry-after"]) <= 86_400


def test_keys_that_were_never_assigned_are_an_alarm_and_then_a_ban(served: Served) -> None:
    """On decision routes and others; a key that was assigned is never shut out by them."""
    with httpx.Client(base_url=served.url, headers={"Authorization": "Bearer never-assigned"}) as stranger:
        statuses = [stranger.post("/v1/decisions", json=event("x", "X")).status_code for _ in range(8)]
        statuses += [stranger.get("/v1/probing").status_code for _ in range(8)]
        banned = stranger.get("/metrics")
    assert statuses[:10] == [401] * 10 and set(statuses[11:]) == {429}
    assert banned.status_code == 429 and 1 <= int(banned.headers["retry-after"]) <= 60
    told = alarms(served)[0]
    assert (told["kind"], told["address"]) == ("unknown-keys", "127.0.0.1")
    assert httpx.get(f"{served.url}/metrics").status_code == 401  # no key at all is no attempt
    with served.client() as client:
        assert client.post("/v1/decisions", json=event("y1", "Y-1", device_id="y")).status_code == 200


def test_a_score_is_told_in_full_only_to_keys_for_it(served: Served) -> None:
    """Rounded for others; the same answer whoever asks again, as far as they may know it."""
    with served.client("decide") as client, served.client("fine") as fine, served.client("read") as reader:
        coarse = client.post("/v1/decisions", json=event("f1", "F-1", device_id="f")).json()
        full = fine.post("/v1/decisions", json=event("f1", "F-1", device_id="f")).json()
        read = reader.get("/v1/decisions/f1", params={"source": "core"}).json()
        read_fine = fine.get("/v1/decisions/f1", params={"source": "core"}).json()
    assert coarse == read and full == read_fine
    assert coarse["score"] == round(full["score"], 2) != full["score"]


def test_figures_count_alarms_by_kind(served: Served) -> None:
    """For the alarm rules of whoever watches."""
    with served.client("metrics") as watcher:
        text = watcher.get("/metrics").text
    figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    for kind in ("burst", "sweep", "grid", "unknown-keys"):
        assert float(figures[f'tarim_probes_total{{kind="{kind}"}}']) >= 1, kind
    assert float(figures["tarim_probing_subjects"]) >= 1
    assert float(figures['tarim_refused_total{code="too-often"}']) >= 1
