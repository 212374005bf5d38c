"""The views beside the service, as processes: what arrives is shown, found and made again; a kill changes no answer."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench import timers
from bench.serving import Served, new_data, serving, views_serving
from tarim.base.instants import instant_text
from tarim.bootstrap.places import API_KEYS_FILE
from tarim.identity import Scope, create_key

EVENTS = 40
ACCOUNT = "6222020200112233445"


def event(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "event_id": f"v-{number}",
        "source": "core",
        "kind": "transfer",
        "occurred_at": instant_text(time.time_ns() // 1_000_000),
        "customer": "C-100200300",
        "account": ACCOUNT,
        "payee_account": f"6217000000000000{number:03}",
        "payee_name": "王小明",
        "payee_phone": "13800001234",
        "device_id": "device-serial-0001",
        "ip": "10.20.30.40",
        "device_model": "P60",
        "amount_fen": 1_000 + number,
        "channel": "mobile",
    } | fields


def until(found: Callable[[], bool]) -> None:
    for _ in range(200):
        if found():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served, dict[str, str]]]:
    data: Path = tmp_path_factory.mktemp("viewing") / "data"
    keys = new_data(data)
    now_ms = time.time_ns() // 1_000_000
    both = [Scope.READ, Scope.CASES_READ, Scope.SCORE]
    keys["analyst"] = create_key(data / API_KEYS_FILE, "analyst", both, now_ms)[1]
    (data / "rules.toml").write_text(timers.RULES, encoding="utf-8")
    (data / "treatment.toml").write_text(timers.TREATMENT, encoding="utf-8")
    files = {
        "TARIM_POLICY_RULES_FILE": str(data / "rules.toml"),
        "TARIM_POLICY_TREATMENT_FILE": str(data / "treatment.toml"),
    }
    with serving(data, keys, **files) as service, views_serving(data, keys) as views:
        with service.client() as client:
            for number in range(EVENTS):
                assert client.post("/v1/decisions", json=event(number)).status_code == 200
        with views.client("read") as client:
            until(lambda: client.get("/v1/health").json()["followed_seq"] >= EVENTS)
        yield service, views, keys


def test_the_feed_shows_what_was_decided_newest_first(world: tuple[Served, Served, dict[str, str]]) -> None:
    service, views, _ = world
    with views.client("read") as client, service.client("read") as asking:
        page = client.get("/v1/live", params={"limit": 5}).json()
        assert [each["event_id"] for each in page["decisions"]] == [f"v-{n}" for n in range(EVENTS - 1, EVENTS - 6, -1)]
        assert page["skipped"] == EVENTS - 5
        for each in page["decisions"]:
            told = asking.get(f"/v1/decisions/{each['event_id']}", params={"source": "core"}).json()
            assert (each["outcome"], each["seq"], each["received_at"]) == (
                told["outcome"], told["seq"], told["received_at"],
            )  # fmt: skip
            shown = [(reason["id"], reason["zh"], reason["en"], reason["weight"]) for reason in each["reasons"]]
            assert shown == [(why["id"], why["zh"], why["en"], why["weight"]) for why in told["reasons"]]
        assert ACCOUNT not in str(page) and "C-100200300" not in str(page)
        after = client.get("/v1/live", params={"after": page["after"]}).json()
        assert after["decisions"] == [] and after["after"] == page["after"]
        assert client.get("/v1/live", params={"scenario": "nowhere"}).status_code == 404
        assert client.get("/v1/live", params={"limit": 201}).status_code == 422
    with views.client("decide") as client:
        assert client.get("/v1/live").status_code == 403


def test_counts_add_up_to_what_was_decided(world: tuple[Served, Served, dict[str, str]]) -> None:
    _, views, _ = world
    with views.client("read") as client:
        listed = client.get("/v1/live", params={"limit": 200}).json()["decisions"]
        for window, steps in (("1h", 60), ("24h", 144), ("7d", 168)):
            counts = client.get("/v1/live/counts", params={"window": window}).json()
            assert {len(each["counts"]) for each in counts["outcomes"]} == {steps}
            by_outcome = {each["name"]: sum(each["counts"]) for each in counts["outcomes"]}
            assert sum(by_outcome.values()) == counts["span"]["decided"] == len(listed)
            for outcome, count in by_outcome.items():
                assert count == sum(each["outcome"] == outcome for each in listed)
            assert counts["before"] == {"decided": 0, "declined": 0, "decline_rate": None, "per_second": 0}


def test_a_decision_is_shown_whole_and_masked(world: tuple[Served, Served, dict[str, str]]) -> None:
    _, views, _ = world
    with views.client("analyst") as client:
        answer = client.get("/v1/decisions/v-3/view", params={"source": "core"})
        assert answer.status_code == 200
        for secret in (ACCOUNT, "C-100200300", "王小明", "13800001234", "device-serial-0001", "10.20.30.40"):
            assert secret not in answer.text
        shown = answer.json()
        fields = {each["name"]: each for each in shown["payload"]}
        assert fields["account"]["value"] == "****3445" and fields["account"]["masked"]
        assert fields["payee_name"]["value"] == "王**" and fields["payee_phone"]["value"] == "138****1234"
        assert fields["ip"]["value"] == "10.20.*.*" and fields["ip"]["data_class"] == "C2"
        assert fields["amount_fen"]["value"] == "1003" and not fields["amount_fen"]["masked"]
        assert fields["device_model"]["value"] == "P60" and fields["merchant_id"]["value"] is None
        assert shown["rules_known"] and shown["timings"] is None
        assert client.get("/v1/decisions/v-3/view", params={"source": "other"}).status_code == 404


def test_a_search_finds_ids_for_all_and_identifiers_for_those_who_may(
    world: tuple[Served, Served, dict[str, str]],
) -> None:
    _, views, _ = world
    with views.client("analyst") as client:
        found = client.post("/v1/search", json={"text": "v-7"}).json()
        assert [each["event_id"] for each in found["events"]] == ["v-7"] and found["entities"] == []
        (account,) = client.post("/v1/search", json={"text": ACCOUNT}).json()["entities"]
        assert (account["kind"], account["decisions"]) == ("account", EVENTS)
        assert account["newest"]["event_id"] == f"v-{EVENTS - 1}"
        (payee,) = client.post("/v1/search", json={"text": "6217000000000000005"}).json()["entities"]
        assert (payee["kind"], payee["decisions"]) == ("account", 1)
        assert client.post("/v1/search", json={"text": "x" * 129}).status_code == 422
    with views.client("read") as client:
        found = client.post("/v1/search", json={"text": ACCOUNT}).json()
        assert found["entities"] == [] and not found["entities_searched"]


def _rebuilt(client: httpx.Client, event_id: str) -> dict[str, Any]:
    begun = client.post(f"/v1/decisions/{event_id}:rebuild", params={"source": "core"})
    assert begun.status_code == 202, begun.text
    answer: dict[str, Any] = {}
    for _ in range(600):
        answer = client.get(f"/v1/rebuilds/{begun.json()['id']}").json()
        if answer["state"] != "running":
            return answer
        time.sleep(0.1)
    raise AssertionError(f"still running: {answer}")


def test_a_decision_is_made_again_bit_by_bit(world: tuple[Served, Served, dict[str, str]]) -> None:
    _, views, _ = world
    with views.client("explain") as client:
        answer = _rebuilt(client, "v-5")
        assert answer["state"] == "done" and answer["identical"] is True
        assert answer["again"]["outcome"] == answer["recorded"]["outcome"]
        units = {each["name"]: (each["unit"], each["window_ms"]) for each in answer["features"]}
        assert units["payer_count_10m"] == ("count", 600_000)
        assert units["payer_sum_amount_fen_24h"] == ("fen", 86_400_000)
        assert client.post("/v1/decisions/nowhere:rebuild", params={"source": "core"}).status_code == 404
    with views.client("read") as client:
        assert client.post("/v1/decisions/v-5:rebuild", params={"source": "core"}).status_code == 403


def test_every_described_route_asks_who_it_is(world: tuple[Served, Served, dict[str, str]]) -> None:
    _, views, _ = world
    with views.client("") as client:
        paths = client.get("/openapi.json").json()["paths"]
        assert {"/v1/live", "/v1/search", "/v1/decisions/{event_id}/view", "/v1/decisions/{event_id}:rebuild"} <= set(
            paths
        )
        for path, operations in paths.items():
            for method, operation in operations.items():
                answer = client.request(method, path.replace("{", "x").replace("}", "x"))
                assert answer.status_code == (401 if operation["security"] else 200), (method, path)


@pytest.mark.slow
def test_killed_views_give_the_same_answers_again(world: tuple[Served, Served, dict[str, str]]) -> None:
    service, views, keys = world
    paths = ("/v1/live?limit=200", "/v1/decisions/v-9/view?source=core")

    def answers(of: Served) -> list[Any]:
        with of.client("analyst") as client:
            found = [client.get(path).json() for path in paths]
            found.append(client.post("/v1/search", json={"text": ACCOUNT}).json())
            return found

    with views_serving(service.data, keys) as second:
        before = answers(second)
        second.process.send_signal(signal.SIGKILL)
        second.process.wait(30)
    with views_serving(service.data, keys) as third:
        assert answers(third) == before == answers(views)
