"""A held payment, its customer and a channel, with real processes: service, desk, and the reference channel."""

from __future__ import annotations

import json
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from bench.people_contact import FACE_PURPOSE, SOURCE, Stage, kill_again_and_again, payment, shown, stage, until
from tarim.cli import build_app
from tarim.simulation import hmac_key
from tarim.simulation.channel.signing import signed


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("contact")) as running:
        yield running


def face(played: Stage, event_id: str, **changed: Any) -> httpx.Response:
    return played.answer(event_id, outcome="passed", method="face", purpose=FACE_PURPOSE, shown=shown(**changed))


def test_from_a_held_payment_to_a_label(played: Stage) -> None:
    """Held, asked in the channel, a wrong code, the right one, released, told of the result, labelled genuine."""
    order = played.order("walk-1")
    assert order["outcome"] == "challenge"
    challenge = played.await_message("walk-1", "challenge")
    assert [each["method"] for each in challenge["methods"]] == ["password", "sms_code", "face"]
    wanted = httpx.post(
        f"{played.channel.url}/orders/walk-1/codes",
        json={"device_id": "phone-1", "receiving_device_id": "phone-2"},
        timeout=30,
    )
    assert wanted.status_code == 202 and wanted.json()["code_until"]
    code = played.await_message("walk-1", "code")["code"]
    typed = {"outcome": "passed", "method": "sms_code", "device_id": "phone-1", "shown": shown()}
    wrong = played.answer("walk-1", **typed, code=f"{(int(code) + 1) % 10**6:06d}").json()
    assert (wrong["cause"], wrong["challenge"]["attempts_left"]) == ("wrong_code", 2) and "动态码" in wrong["zh"]
    right = played.answer("walk-1", **typed, code=code).json()
    assert (right["cause"], right["challenge"]["state"]) == ("", "passed")
    until(lambda: played.hold("walk-1")["cause"] == "confirmed")
    assert played.await_message("walk-1", "hold")["state"] == "released"
    until(lambda: len(played.messages("walk-1", "notice")) == 2)
    notices = played.messages("walk-1", "notice")
    assert [each["notice"] for each in notices] == ["held", "released"]
    everything = json.dumps([notices, challenge], ensure_ascii=False)
    assert "****1111" in everything and not any(
        each in everything for each in ("6222020000001111", "张三", "C-100000007")
    )
    with played.desks.now.client("cases:read") as reader:
        label = until(lambda: reader.get("/v1/labels", params={"state": "accepted"}).json()["labels"])[0]
        assert (label["event_id"], label["label"]) == ("walk-1", "genuine")


def test_another_payee_on_the_screen_confirms_nothing(played: Stage) -> None:
    """RM-18: three confirmations of something else, and the decisions refuse the payment."""
    played.order("digest-1")
    played.await_message("digest-1", "challenge")
    for changed in ({"payee_account": "6222020000009999"}, {"payee_name": "李四"}, {"amount_fen": 8_000_01}):
        answer = face(played, "digest-1", **changed)
        assert answer.json().get("cause") == "other_digest", answer.text
    until(lambda: played.hold("digest-1")["cause"] == "denied")
    assert played.await_message("digest-1", "hold")["state"] == "refused"
    assert face(played, "digest-1").status_code == 409


def test_a_denial_refuses_at_once_and_is_a_label(played: Stage) -> None:
    played.order("denied-1")
    played.await_message("denied-1", "challenge")
    assert played.answer("denied-1", outcome="denied").json()["challenge"]["state"] == "denied"
    until(lambda: played.hold("denied-1")["cause"] == "reversed")
    with played.desks.now.client("cases:read") as reader:
        labels = until(
            lambda: [
                each
                for each in reader.get("/v1/labels", params={"state": "accepted"}).json()["labels"]
                if each["event_id"] == "denied-1"
            ]
        )
    assert labels[0]["label"] == "fraud"


def test_codes_are_bound_to_device_and_used_once_and_a_refused_method_leaves_others(played: Stage) -> None:
    """Another device, the ordering device as receiver (no further factor), a used code, and face in place of it."""
    played.order("code-1")
    played.await_message("code-1", "challenge")
    codes = f"{played.channel.url}/orders/code-1/codes"
    assert httpx.post(codes, json={"device_id": "phone-9"}, timeout=30).status_code == 409
    assert (
        httpx.post(codes, json={"device_id": "phone-1", "receiving_device_id": "phone-1"}, timeout=30).status_code
        == 202
    )
    code = played.await_message("code-1", "code")["code"]
    typed = {"outcome": "passed", "method": "sms_code", "shown": shown(), "code": code}
    assert played.answer("code-1", **typed, device_id="phone-9").json()["cause"] == "wrong_code"
    weak = played.answer("code-1", **typed, device_id="phone-1").json()
    assert (weak["cause"], weak["challenge"]["state"], weak["challenge"]["missing"]) == ("same_device", "open", 1)
    assert played.answer("code-1", **typed, device_id="phone-1").json()["cause"] == "code_used"
    refused = played.answer("code-1", outcome="refused", method="password").json()["challenge"]
    assert refused["methods_left"] == ["sms_code", "face"] and refused["attempts_left"] == 1
    no_purpose = played.answer("code-1", outcome="passed", method="face", shown=shown())
    assert no_purpose.status_code == 422
    assert face(played, "code-1").json()["challenge"]["state"] == "passed"
    until(lambda: played.hold("code-1")["state"] == "released")


def test_a_channel_cannot_confirm_around_the_desk(played: Stage) -> None:
    """Neither alone nor in a batch nor with the word escaped; everything else it may send."""
    played.order("around-1")
    played.await_message("around-1", "challenge")
    confirmation = json.dumps(
        payment(
            "around-2",
            source=SOURCE,
            kind="confirmation",
            refers_to="around-1",
            result="succeeded",
            verification=["face"],
        )
    )
    escaped = confirmation.replace("confirmation", "\\u0063onfirmation")
    batches = [f"[{confirmation}]", f'{{"events": [{escaped}]}}']
    headers = {"Authorization": f"Bearer {played.api_key}", "Content-Type": "application/json"}
    tried = [("", confirmation), ("", escaped), *((":batch", batch) for batch in batches)]
    for path, body in tried:
        refused = httpx.post(
            f"{played.service.url}/v1/decisions{path}", content=body.encode(), headers=headers, timeout=30
        )
        assert refused.status_code == 403 and "desk" in refused.json()["detail"]
    assert played.hold("around-1")["state"] == "waiting"
    taken_back = payment("around-3", source=SOURCE, kind="reversal", refers_to="around-1", result="succeeded")
    assert (
        httpx.post(f"{played.service.url}/v1/decisions", json=taken_back, headers=headers, timeout=30).status_code
        == 200
    )
    assert played.hold("around-1")["cause"] == "reversed"


def test_forged_stale_replayed_and_foreign_messages_are_refused(played: Stage) -> None:
    """A key alone is not enough, nor a signature of another time, path, content, secret or direction."""
    played.order("forged-1")
    challenge = played.await_message("forged-1", "challenge")["challenge"]
    path, content = (
        f"/v1/contact/challenges/{challenge}/answers",
        json.dumps({"outcome": "refused", "method": "face"}).encode(),
    )
    secret = _secret(played)
    key, now_s = hmac_key(f"{SOURCE}.1", secret), int(time.time())
    identity = {"Authorization": f"Bearer {played.api_key}", "Content-Type": "application/json"}

    def send(headers: dict[str, str], content: bytes = content, authorization: str = "") -> httpx.Response:
        told = identity | ({"Authorization": authorization} if authorization else {})
        return httpx.post(played.desks.now.url + path, content=content, headers=told | headers, timeout=30)

    good = signed(key, path, content, secrets.token_hex(16), now_s)
    assert send({}).status_code == 401
    assert (
        send(signed(hmac_key(f"{SOURCE}.1", bytes(32)), path, content, secrets.token_hex(16), now_s)).status_code == 401
    )
    assert send(signed(key, path + "x", content, secrets.token_hex(16), now_s)).status_code == 401
    assert send(signed(key, path, content, secrets.token_hex(16), now_s - 120)).status_code == 401
    assert send(good, content.replace(b"refused", b"denied")).status_code == 401
    assert send(good | {"Signature-Input": good["Signature-Input"].replace("channel", "callback")}).status_code == 401
    other = f"Bearer {played.desks.now.keys['contact:callback']}"
    assert send(good, authorization=other).status_code == 403
    assert send(good, authorization=f"Bearer {played.desks.now.keys['read']}").status_code == 403
    first, again = send(good), send(good)
    assert first.status_code == again.status_code == 200
    assert (
        first.json()["challenge"]["methods_left"]
        == again.json()["challenge"]["methods_left"]
        == ["password", "sms_code"]
    )
    changed = json.dumps({"outcome": "refused", "method": "sms_code"}).encode()
    reused = signed(key, path, changed, good["Tarim-Message-Id"], now_s)
    assert send(reused, changed).status_code == 409
    too_much = json.dumps({"outcome": "denied", "method": "x" * 9_000}).encode()
    assert send(signed(key, path, too_much, secrets.token_hex(16), now_s), too_much).status_code == 413
    for callback in ("/challenges", "/codes", "/notices", "/holds", "/restrictions"):
        assert httpx.post(played.channel.url + callback, content=content, headers=good, timeout=30).status_code == 401


def _secret(played: Stage) -> bytes:
    return b64decode(played.channel.environment["TARIM_CHANNEL_SECRET"])


def test_operators_look_with_commands(played: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Challenges, the outbox, a message that cannot be sent again, and what a channel needs to sign."""
    played.order("shown-1")
    challenge = played.await_message("shown-1", "challenge")["challenge"]
    monkeypatch.setenv("TARIM_KEY", played.desks.now.keys["operate"])
    monkeypatch.setenv("TARIM_DESK_URL", played.desks.now.url)
    monkeypatch.setenv("TARIM_DESK_CHANNELS_FILE", str(played.service.data / "channels.toml"))

    def command(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(build_app(["contact"]), ["contact", *arguments])
        return done.exit_code, done.output

    assert challenge in command("challenges")[1]
    delivered = until(lambda: [line for line in command("messages", "--state", "delivered")[1].splitlines() if line])
    assert command("retry", delivered[0].split()[0])[0] == 1
    assert command("retry", "nothing")[0] == 1
    shown_key = command("key", SOURCE, "--data", str(played.service.data))[1]
    assert b64encode(_secret(played)).decode() in shown_key and f"{SOURCE}.1" in shown_key


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_over_twenty_kills(tmp_path: Path) -> None:
    """Desk and channel are killed while payments are held and answered; see `bench.people_contact`."""
    found = kill_again_and_again(tmp_path, kills=20, payments=60)
    assert (found.lost, found.doubled, found.ended_otherwise, found.labels_wrong) == (0, 0, 0, 0)
