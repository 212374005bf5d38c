"""A customer is deleted on real processes: two persons, a hold in the way, both vaults, and journals that stay whole."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.serving import desk_serving, new_data, serving
from tarim.bootstrap.places import API_KEYS_FILE, Places
from tarim.identity import Scope, create_key
from tarim.journal import FolderReader
from tarim.privacy import CustomerReader, Tokenizer, load_master_key

S = Scope
CUSTOMER, OTHER, NAME = "C-TO-FORGET", "C-TO-KEEP", "孙悟空"
_WAIT_S = 30


def event(number: int, customer: str) -> dict[str, Any]:
    return {
        "event_id": f"x-{number}",
        "source": "test",
        "kind": "transfer",
        "occurred_at": "2026-10-01T12:00:00+08:00",
        "customer": customer,
        "account": "6222020200112233",
        "payee_account": "6222020200998877",
        "payee_name": NAME,
        "amount_fen": 80_000,
        "channel": "mobile",
    }


def asked(client: httpx.Client, method: str, path: str, body: object = None, status: int = 200) -> Any:
    answer = client.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.slow
def test_a_customer_is_forgotten_and_the_journals_stay_whole(tmp_path: Path) -> None:
    data = tmp_path / "data"
    keys = new_data(data)
    places = Places(data)
    scopes: Mapping[str, list[Scope]] = {
        "li.na": [S.REDRESS_READ, S.REDRESS_WORK, S.ERASURES_WORK, S.ERASURES_APPROVE, S.REQUESTS_WORK],
        "wang.wei": [S.REDRESS_READ, S.ERASURES_APPROVE, S.REDRESS_DECIDE],
    }
    secrets = {name: create_key(data / API_KEYS_FILE, name, wanted, 1)[1] for name, wanted in scopes.items()}
    master = load_master_key(places.master_key, {})
    reader, tokenizer = CustomerReader(places.vault, master), Tokenizer(master.derive("tokens"))
    token = {name: tokenizer.token("customer", name) for name in (CUSTOMER, OTHER)}

    def client(url: str, secret: str) -> httpx.Client:
        return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=60)

    def known(name: str) -> set[str]:
        return {value for _, bundle in reader.bundles(token[name]) for value in bundle.values()}

    with serving(data, keys) as served:
        with client(served.url, keys["decide"]) as deciding:
            first = asked(deciding, "POST", "/v1/decisions", event(1, CUSTOMER))
            asked(deciding, "POST", "/v1/decisions", event(2, OTHER))
            _until(lambda: NAME in known(CUSTOMER) and NAME in known(OTHER))
        with client(served.url, keys["erasures:order"]) as order:
            wanted = {
                "erasure": "ERASE-2026-000009", "customer": f"{token[CUSTOMER] % 2**64:016x}", "people": ["li.na", "li.na"],
                "through_seq": 9, "begun_ms": 7,
            }  # fmt: skip
            asked(order, "POST", "/v1/customers:erase", wanted, 409)
            asked(
                order, "POST", "/v1/customers:erase", wanted | {"people": ["li.na", "wang.wei"], "through_seq": 0}, 409
            )
        with client(served.url, keys["operate"]) as nobody:
            asked(nobody, "POST", "/v1/customers:erase", wanted, 403)
        assert NAME in known(CUSTOMER)

        settings = {"TARIM_DESK_SERVICE_URL": served.url, "TARIM_DESK_RETENTION_DAYS": "0"}
        with (
            desk_serving(data, keys, **settings) as desk,
            client(desk.url, secrets["li.na"]) as officer,
            client(desk.url, secrets["wang.wei"]) as second,
        ):
            held = {"file": {"ground": "investigation", "text": "keep"}, "customer": CUSTOMER}
            hold = asked(officer, "POST", "/v1/legal-holds", held, 201)["id"]
            new = {"file": {"basis": "period-over", "text": f"{NAME} left", "ended_ms": 1}, "customer": CUSTOMER}
            made = asked(officer, "POST", "/v1/erasures", new, 201)["id"]
            events, erase = f"/v1/erasures/{made}/events", {"event": "erase", "text": "nothing is open"}
            refused = asked(officer, "POST", events, erase, 409)
            assert refused["code"] == "not-erasable" and "legal hold" in refused["detail"]
            wish = asked(officer, "POST", f"/v1/legal-holds/{hold}/events", {"event": "release", "text": "over"})
            release = {"event": "approve", "digest": wish["digest"]}
            asked(second, "POST", f"/v1/legal-holds/{hold}/events", release)
            wish = asked(officer, "POST", events, erase)
            assert NAME not in str(wish), "what may name somebody is shown to nobody without a full view"
            approve = {"event": "approve", "digest": wish["digest"]}
            asked(officer, "POST", events, approve, 403)
            asked(second, "POST", events, approve)
            _until(lambda: asked(officer, "GET", f"/v1/erasures/{made}")["state"] == "erased")
            shown = asked(officer, "GET", f"/v1/erasures/{made}")
            assert (shown["content"]["asked_by"], shown["content"]["approved_by"]) == ("li.na", "wang.wei")
        assert known(CUSTOMER) == set() and NAME in known(OTHER), "one customer is gone, and nobody else"
        with client(served.url, keys["decide"]) as deciding:
            assert asked(deciding, "POST", "/v1/decisions", event(1, CUSTOMER))["outcome"] == first["outcome"]
        served.process.kill()
        served.process.wait()

    with FolderReader(places.journal) as journal:
        assert sum(1 for _ in journal.read(journal.first_seq)) >= 2, (
            "every block is read, and checked against the chain"
        )
    with serving(data, keys) as served, client(served.url, keys["decide"]) as deciding:
        assert known(CUSTOMER) == set(), (
            "a restart, which learns from the journal whose keys are whose, brings nothing back"
        )
        again = asked(deciding, "POST", "/v1/decisions", event(1, CUSTOMER))
        assert (again["outcome"], again["versions"]) == (first["outcome"], first["versions"])
        asked(deciding, "POST", "/v1/decisions", event(3, CUSTOMER))
        _until(lambda: NAME in known(CUSTOMER))
    kept = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert NAME.encode() not in kept and CUSTOMER.encode() not in kept


def _until(true: Any) -> None:
    end = time.monotonic() + _WAIT_S
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
