"""The desk beside the service, as processes: decisions become facts, verdicts labels, a kill loses nothing."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.serving import Served, desk_serving, new_data, serving
from tarim.bootstrap.desk import DeskHouse
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import load_settings
from tarim.desk import label_draft, label_of
from tests.e2e.test_service import event


def _until(found: Callable[[], bool]) -> None:
    for _ in range(300):
        if found():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def _states(desk: Served) -> dict[str, str]:
    with desk.client("cases:read") as client:
        return {
            label["event_id"]: state
            for state in ("waiting", "refused", "accepted")
            for label in client.get("/v1/labels", params={"state": state}).json()["labels"]
        }


@pytest.mark.slow
def test_verdicts_reach_the_service_once_over_kills_of_the_desk(tmp_path: Path) -> None:
    """Two verdicts are recorded while the service is away; the desk is killed twice before they are told."""
    data = tmp_path / "data"
    keys = new_data(data)
    with serving(data, keys) as service, service.client() as client:
        for number in range(2):
            assert client.post("/v1/decisions", json=event(f"e{number}", amount_fen=100 + number)).status_code == 200
    with DeskHouse(load_settings(None, {}), Places(data), {}) as house:
        house.desk.catch_up()
        house.desk.start()
        acts = house.desk.perform(
            "li.na",
            lambda _connection: [
                label_draft(0, "core", "e0", fraud=True),
                label_draft(1, "core", "e1", fraud=False),
                label_draft(7, "core", "never-sent", fraud=True),
            ],
        )
    away = {"TARIM_DESK_SERVICE_URL": "http://127.0.0.1:9", "TARIM_DESK_LABEL_RETRY_S_MAX": "1"}
    for _ in range(2):
        with desk_serving(data, keys, **away) as desk:
            assert _states(desk) == {"e0": "waiting", "e1": "waiting", "never-sent": "waiting"}
            desk.process.send_signal(signal.SIGKILL)
            desk.process.wait(30)
    with serving(data, keys) as service, desk_serving(data, keys, TARIM_DESK_SERVICE_URL=service.url) as desk:
        _until(lambda: _states(desk) == {"e0": "accepted", "e1": "accepted", "never-sent": "refused"})
        with desk.client("cases:review") as client:
            taken = [client.post(f"/v1/labels/{act.seq}/retry").status_code for act in acts]
            assert taken == [409, 409, 200], "only a refused one is told again"
        with desk.client("metrics") as client:
            assert client.get("/v1/health").json()["status"] == "ok"
            figures = client.get("/metrics").text
        assert "tarim_desk_followed_seq" in figures and "tarim_desk_broken 0.0" in figures
        with desk.client("decide") as client:
            assert client.get("/v1/labels").status_code == 403
        with service.client("read") as client:
            told = client.get(f"/v1/decisions/tarim-verdict-{acts[0].seq}", params={"source": "core"})
            assert told.status_code == 200
    with DeskHouse(load_settings(None, {}), Places(data), {}) as house:
        house.desk.rebuild()
        accepted = house.desk.read(lambda connection: label_of(connection, acts[1].seq)).result()
        assert accepted.state == "accepted" and not accepted.fraud
