"""The service over HTTP: answers, refusals, the connection itself, a stop and a start."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.serving import Served, new_data, serving

EVENT = {
    "event_id": "e1",
    "source": "core",
    "kind": "transfer",
    "occurred_at": "2026-01-05T10:00:00+08:00",
    "customer": "C-canary-77",
    "account": "6222-canary-01",
    "payee_account": "6222-canary-02",
    "amount_fen": 1234,
    "device_id": "canary-device",
    "ip": "10.20.30.40",
}


def event(event_id: str, **changed: object) -> dict[str, object]:
    return EVENT | {"event_id": event_id} | changed


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("served") / "data"
    with serving(
        data, new_data(data), TARIM_SERVICE_WAITING_REQUESTS_MAX="64", TARIM_PROBING_UNKNOWN_KEYS_MAX="0"
    ) as running:
        yield running


def test_an_event_is_decided_and_can_be_read_again(served: Served) -> None:
    """Answer, retry and look-up have the same body; only the head says that it is a repetition."""
    with served.client() as client, served.client("read") as reader:
        first = client.post("/v1/decisions", json=event("a1"))
        again = client.post("/v1/decisions", json=event("a1"))
        read = reader.get("/v1/decisions/a1", params={"source": "core"})
    assert first.status_code == again.status_code == read.status_code == 200
    assert first.content == again.content == read.content
    assert "tarim-replayed" not in first.headers and again.headers["tarim-replayed"] == "true"
    body = first.json()
    assert (body["event_id"], body["outcome_zh"], body["late"]) == ("a1", "通过", False)
    assert set(body["versions"]) == {"features", "ruleset", "model"}


def test_other_content_under_the_same_id_is_a_conflict(served: Served) -> None:
    """409 as problem details, in both languages."""
    with served.client() as client:
        client.post("/v1/decisions", json=event("c1"))
        refused = client.post("/v1/decisions", json=event("c1", amount_fen=99))
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "conflict" and refused.json()["title_zh"]


def test_a_batch_is_decided_in_order_and_malformed_as_a_whole_refused(served: Served) -> None:
    """Each event has its result; one malformed event refuses them all and is named by its index."""
    with served.client() as client:
        client.post("/v1/decisions", json=event("b2"))
        batch = [event("b1"), event("b2"), event("b2", amount_fen=5), event("b3")]
        results = client.post("/v1/decisions:batch", json=batch).json()["results"]
        assert [result.get("decision", {}).get("event_id") for result in results] == ["b1", "b2", None, "b3"]
        assert results[2]["problem"]["status"] == 409
        refused = client.post("/v1/decisions:batch", json={"events": [event("b4"), event("b5", amount_fen=-1)]})
        assert refused.status_code == 422
        assert (refused.json()["index"], refused.json()["field"]) == (1, "amount_fen")
    with served.client("read") as reader:
        assert reader.get("/v1/decisions/b4", params={"source": "core"}).status_code == 404


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{", {}, 422, "invalid-field"),
        (b'{"event_id": 5}', {}, 422, "invalid-field"),
        (json.dumps(event("x", pin="1234")).encode(), {}, 422, "invalid-field"),
        (json.dumps(event("x", customer_type="corporate")).encode(), {}, 422, "out-of-scope"),
        (json.dumps(event("x")).encode(), {"content-type": "text/plain"}, 415, "unsupported-media-type"),
        (json.dumps(event("x")).encode(), {"content-digest": "sha-256=:AAAA:"}, 422, "invalid-field"),
        (b" " * 20_000 + b"{}", {}, 413, "too-large"),
    ],
)
def test_what_is_wrong_is_said_without_values(
    served: Served, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """Problem details with a code; nothing personal comes back."""
    with served.client() as client:
        refused = client.post("/v1/decisions", content=content, headers={"content-type": "application/json"} | headers)
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    assert "canary" not in refused.text and "1234" not in refused.text


def test_a_true_digest_is_accepted(served: Served) -> None:
    """Content-Digest of the very bytes."""
    body = json.dumps(event("d1")).encode()
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    with served.client() as client:
        headers = {"content-type": "application/json", "content-digest": f"sha-256=:{digest}:"}
        assert client.post("/v1/decisions", content=body, headers=headers).status_code == 200


def test_every_route_but_two_needs_a_key_with_its_scope(served: Served) -> None:
    """Walks all documented routes: 401 without a key or with a wrong one, 403 with a key of another scope."""
    paths = httpx.get(f"{served.url}/openapi.json").json()["paths"]
    walked = 0
    for path, methods in paths.items():
        for method, operation in methods.items():
            url = re.sub(r"\{[a-z_]+\}", "e1", path) + ("?source=core" if "{" in path else "")
            needed = re.search(r"scope `([a-z]+)`", operation.get("description", ""))
            other = "metrics" if needed and needed[1] == "operate" else "operate"
            walked += 1
            for scope, statuses in (("", {401}), (other, {403})):
                with served.client(scope) as client:
                    answer = client.request(method, url, content=b"{}")
                if path in ("/v1/health", "/openapi.json"):
                    assert answer.status_code == 200
                else:
                    assert answer.status_code in statuses, (path, scope, answer.text)
            with httpx.Client(base_url=served.url, headers={"Authorization": "Bearer nonsense"}) as client:
                expected = 200 if path in ("/v1/health", "/openapi.json") else 401
                assert client.request(method, url, content=b"{}").status_code == expected
    assert walked > 6


def test_metrics_count_and_name_nobody(served: Served) -> None:
    """Figures move; no identifier is among them."""
    with served.client() as client, served.client("metrics") as watcher:
        client.post("/v1/decisions", json=event("m1"))
        text = watcher.get("/metrics").text
    figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(figures['tarim_decisions_total{outcome="pass"}']) >= 1
    assert float(figures["tarim_journal_durable_seq"]) >= 1
    assert float(figures["tarim_decision_seconds_count"]) >= 1
    assert "canary" not in text


# The connection ---------------------------------------------------------------------------------------------------------


def _raw(served: Served, body: bytes, *headers: str, path: str = "/v1/decisions") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {served.keys['decide']}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _answers(served: Served, sent: bytes, count: int, *, step: int = 0) -> list[tuple[int, bytes]]:
    """Send bytes (in pieces of `step`), read `count` answers or up to the end."""
    with served.connect() as connection:
        if step:
            for at in range(0, len(sent), step):
                connection.sendall(sent[at : at + step])
                time.sleep(0.001)
        else:
            connection.sendall(sent)
        data, answers = b"", []
        while len(answers) < count:
            piece = connection.recv(65536)
            if not piece:
                break
            data += piece
            while (head_end := data.find(b"\r\n\r\n")) >= 0:
                head = data[:head_end].lower()
                if b" 100 continue" in head:
                    answers.append((100, b""))
                    data = data[head_end + 4 :]
                    continue
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                if len(data) < head_end + 4 + length:
                    break
                answers.append((int(head[9:12]), data[head_end + 4 : head_end + 4 + length]))
                data = data[head_end + 4 + length :]
        return answers


def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    """Decisions, a refusal and another route, sent in one piece."""
    sent = b""
    for number in range(40):
        body = json.dumps(event(f"p{number}", amount_fen=1 if number != 7 else -1)).encode()
        sent += _raw(served, body, f"Content-Length: {len(body)}")
        if number == 20:
            sent += b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n"
    answers = _answers(served, sent, 41)
    ids = [json.loads(body).get("event_id") for _, body in answers]
    expected: list[str | None] = [f"p{number}" if number != 7 else None for number in range(40)]
    expected.insert(21, None)
    assert ids == expected
    assert [status for status, _ in answers] == [422 if number == 7 else 200 for number in range(41)]


def test_a_request_may_come_byte_by_byte_and_in_chunks(served: Served) -> None:
    """However the bytes are cut, the request is the same."""
    body = json.dumps(event("q1")).encode()
    assert _answers(served, _raw(served, body, f"Content-Length: {len(body)}"), 1, step=3)[0][0] == 200
    body = json.dumps(event("q2")).encode()
    chunked = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (10, body[:10], len(body) - 10, body[10:])
    assert _answers(served, _raw(served, chunked, "Transfer-Encoding: chunked"), 1)[0][0] == 200


def test_expect_continue_is_honoured(served: Served) -> None:
    """100 first, then the answer."""
    body = json.dumps(event("x100")).encode()
    sent = _raw(served, body, f"Content-Length: {len(body)}", "Expect: 100-continue")
    assert [status for status, _ in _answers(served, sent, 2)] == [100, 200]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST /v1/decisions HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /v1/health HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 20_000, 431),
        (b"GET /v1/decisions HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"DELETE /v1/health HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"POST /v1/health HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n", 413),
    ],
)
def test_malformed_or_oversized_heads_are_refused(served: Served, sent: bytes, status: int) -> None:
    """With a status, before anything else is read."""
    assert [each for each, _ in _answers(served, sent, 1)] == [status]


def test_an_endless_body_is_cut_off(served: Served) -> None:
    """Chunk after chunk without an end: refused at the limit."""
    sent = _raw(served, (b"1000\r\n" + b"a" * 4096 + b"\r\n") * 8, "Transfer-Encoding: chunked")
    assert _answers(served, sent, 1)[0][0] == 413


def test_load_beyond_the_queue_is_shed(served: Served) -> None:
    """With 64 requests waiting at most, a burst gets 503 for what is too much, and an answer for the rest."""
    statuses: list[int] = []

    def burst(worker: int) -> None:
        sent = b""
        for number in range(16):
            body = json.dumps(event(f"burst-{worker}-{number}")).encode()
            sent += _raw(served, body, f"Content-Length: {len(body)}")
        statuses.extend(status for status, _ in _answers(served, sent, 16))

    threads = [threading.Thread(target=burst, args=(worker,)) for worker in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 24 * 16
    assert set(statuses) <= {200, 503}
    assert 200 in statuses


def test_a_service_told_to_stop_as_it_begins_stops(tmp_path: Path) -> None:
    """SIGTERM right after the address was told, before the first connection."""
    data = tmp_path / "data"
    with serving(data, new_data(data)) as served:
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(20) == 0


def test_a_stop_answers_what_is_under_way_and_a_start_remembers(tmp_path: Path) -> None:
    """SIGTERM in the middle of requests: each answered one is found after the restart, with the same answer."""
    data = tmp_path / "data"
    keys = new_data(data)
    answered: dict[str, bytes] = {}
    with serving(data, keys) as running:

        def ask() -> None:
            with running.client() as client:
                for number in range(2_000):
                    try:
                        answer = client.post("/v1/decisions", json=event(f"s{number}", amount_fen=number))
                    except httpx.TransportError:
                        return
                    if answer.status_code != 200:
                        return
                    answered[f"s{number}"] = answer.content

        thread = threading.Thread(target=ask)
        thread.start()
        deadline = time.monotonic() + 60
        while len(answered) <= 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0
        thread.join()
    assert len(answered) > 10
    with serving(data, keys) as running, running.client("read") as reader, running.client() as client:
        for event_id, content in list(answered.items())[-20:]:
            assert reader.get(f"/v1/decisions/{event_id}", params={"source": "core"}).content == content
            number = int(event_id[1:])
            again = client.post("/v1/decisions", json=event(event_id, amount_fen=number))
            assert again.content == content and again.headers["tarim-replayed"] == "true"
    for path in data.rglob("*"):
        if path.is_file() and "canary" in path.read_bytes().decode("latin-1"):
            raise AssertionError(f"a raw identifier lies in {path.name}")
