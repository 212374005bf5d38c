"""Redress on a real desk: HTTP, the command line, both persons of what takes two, and what outsiders are told."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from bench.serving import desk_serving, new_data
from tarim.bootstrap.places import API_KEYS_FILE
from tarim.cli import build_app
from tarim.identity import Scope, create_key
from tests.fakes.desk import DecisionsWritten

PHONE, CUSTOMER = "13800001111", "110101199003071234"
S = Scope


def test_complaint_loss_and_request_from_the_first_word_to_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    keys = new_data(data)
    now_ms = time.time_ns() // 1_000_000
    worker_scopes = [S.REDRESS_READ, S.REDRESS_WORK, S.REQUESTS_WORK]
    decider_scopes = [S.REDRESS_READ, S.REDRESS_DECIDE, S.REQUESTS_APPROVE]
    worker = create_key(data / API_KEYS_FILE, "li.na", worker_scopes, now_ms)[1]
    decider = create_key(data / API_KEYS_FILE, "wang.wei", decider_scopes, now_ms)[1]
    with DecisionsWritten(data / "journal") as written:
        seq = written.decided(event_id="e-77")
    app, runner = build_app(["redress"]), CliRunner()

    def run(key: str, *words: str, typed: str = "", status: int = 0) -> str:
        monkeypatch.setenv("TARIM_KEY", key)
        found = runner.invoke(app, ["redress", *words], input=typed)
        assert found.exit_code == status, found.output
        return found.output

    with desk_serving(data, keys) as desk, httpx.Client(base_url=desk.url, timeout=30) as outsider:
        monkeypatch.setenv("TARIM_DESK_URL", desk.url)
        told = outsider.get("/v1/complaint-channels").json()
        assert told["hours"] == "10:00-18:00" and told["association_zh"] == "中国支付清算协会"
        described = outsider.get("/openapi.json").text
        schemas = set(json.loads(described)["components"]["schemas"])
        assert set(re.findall(r'"#/components/schemas/([^"]+)"', described)) <= schemas
        assert len(told["channels"]) == 8 and outsider.get("/v1/complaints").status_code == 401

        words = ["kind=complaint", "channel=hotline", "category=loss", "text=my money is gone", f"contact={PHONE}"]
        opened = run(
            worker, "open", "complaint", *words, f"received_ms={now_ms}", "--of-customer", typed=f"{CUSTOMER}\n"
        )
        complaint = opened.split()[-1]
        assert complaint.startswith("C-") and PHONE not in run(worker, "show", complaint)
        for event in (["assign", "owner=li.na", "department=fraud-desk"], ["understand", "text=lost 800"]):
            run(worker, "do", complaint, *event)
        assert "finding-cause" in run(worker, "list", "complaint") and "fraud-desk" in run(worker, "list", "complaint")
        assert complaint in run(worker, "find", "complaint", typed=f"{CUSTOMER}\n")
        assert "not possible" in run(worker, "do", complaint, "close", status=1)
        assert "no field" in run(worker, "do", complaint, "find_cause", "colour=red", status=1)
        assert "no scope" in run(decider, "do", complaint, "note", "text=x", status=1)

        loss = run(
            worker, "open", "loss", "amount_fen=80000", "text=-", f"confirmed_ms={now_ms}", "--of-customer",
            typed=f"{CUSTOMER}\n", status=1,
        )  # fmt: skip
        assert "text" in loss  # nothing was left to read
        loss = run(
            worker, "open", "loss", "amount_fen=80000", "text=gone", f"confirmed_ms={now_ms}", "--of-customer",
            typed=f"{CUSTOMER}\n",
        ).split()[-1]  # fmt: skip
        assert "another event" in run(worker, "link-decision", loss, "bank", "e-78", str(seq), status=1)
        assert "rules-1" in run(worker, "link-decision", loss, "bank", "e-77", str(seq))
        run(worker, "do", loss, "decide_liability", "faults=model,rule", "customer_share_bp=0", "text=missed")
        with httpx.Client(base_url=desk.url, headers={"Authorization": f"Bearer {decider}"}, timeout=30) as client:
            shown: dict[str, Any] = client.get(f"/v1/losses/{loss}").json()
            assert shown["waits_for"] == "decide_liability" and shown["content"]["wish"]["text"] == "***"
            path, body = f"/v1/losses/{loss}/events", {"event": "approve", "digest": shown["digest"]}
            once = {"Idempotency-Key": "approve-loss-1"}
            answers = [client.post(path, json=body, headers=once) for _ in range(2)]
            assert [each.status_code for each in answers] == [200, 200]
            assert answers[1].json()["content"]["owed_fen"] == 80_000
            assert client.post(path, json=body).status_code == 409
            forged = {"event": "add_document", "digest": "a" * 64}
            assert client.post(path, json=forged).status_code == 422
            assert client.post(path, json={"event": "note", "text": {"of": 1, "sealed": "x"}}).status_code == 422
            assert client.get(f"/v1/complaints/{loss}").status_code == 404
            assert client.get("/v1/losses/LOSS-2020-000009").status_code == 404
            assert client.get("/v1/clock-kinds").json()["years"].keys() >= {"2024", "2025", "2026"}
        assert "payout, containment" in run(worker, "incomplete")

        paper, data_file = tmp_path / "letter.pdf", tmp_path / "rows.csv"
        paper.write_bytes(b"%PDF-1.7 letter")
        data_file.write_bytes(b"2026-05-01,100.00")
        asked = ["authority=police", "office=PSB", "number=9", "basis=CPL 54", "officer=Wang", "text=all"]
        request = run(
            worker, "open", "request", *asked, f"received_ms={now_ms}", "--of-customer", typed=f"{CUSTOMER}\n"
        ).split()[-1]
        run(worker, "attach", request, str(paper), "--title", "letter", "--authority")
        digest = run(worker, "attach", request, str(data_file), "--title", "rows", "--media-type", "text/csv").strip()
        run(worker, "do", request, "prepare", f"documents={digest}", "text=as asked")
        wish = next(line for line in run(decider, "show", request).splitlines() if line.startswith("digest"))
        run(decider, "do", request, "approve", f"digest={wish.split()[1]}")
        sealed, archive = tmp_path / "package", tmp_path / "package.zip"
        phrase = "a long passphrase\n"
        run(worker, "package", request, str(sealed), "--recipient", "Wang", typed=phrase * 2)
        run(worker, "open-package", str(sealed), str(archive), typed=phrase)
        assert b"2026-05-01,100.00" in archive.read_bytes() and b"2026-05-01" not in sealed.read_bytes()
        assert "held" in run(worker, "list", "hold")

        assert "sign in again" in run(keys["reveal"], "reveal", complaint, "-r", "call back", status=1)
        assert "受理 received | 1" in run(worker, "statistics", "2026H2" if time.gmtime().tm_mon > 6 else "2026H1")
        assert "not stated yet" in run(worker, "channels")
        clocks = runner.invoke(app, ["redress", "clocks"])
        assert "complaint-handling" in clocks.output
    kept = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    for personal in (PHONE, CUSTOMER, "my money is gone", "2026-05-01,100.00"):
        assert personal.encode() not in kept
