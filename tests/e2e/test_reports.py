"""Reports on a real desk beside a real service: drafted from a case, approved by two, risk reports, the batch."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from bench.serving import desk_serving, new_data, serving
from tarim.bootstrap.places import API_KEYS_FILE
from tarim.cli import build_app
from tarim.identity import Scope, create_key
from tests.e2e.test_service import event
from tests.fakes.reports import needs_chinese_font
from tests.fakes.suspicious import report_of, sample

S = Scope
RULES = """
name = "e2e"

[[rule]]
id = "large"
when = "amount_fen >= 4_000_000"
outcome = "block"
weight = 50
scenario = "structuring"
reason = "金额较大"
reason_en = "a large amount"
"""
CUSTOMER, ACCOUNT = "C0000017", "6229990000000001"


@pytest.mark.slow
@needs_chinese_font
def test_reports_from_the_first_event_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    keys = new_data(data)
    (data / "rules.toml").write_text(RULES, encoding="utf-8")
    now = datetime.now(UTC) + timedelta(hours=8)
    now_ms = time.time_ns() // 1_000_000
    worker = create_key(
        data / API_KEYS_FILE, "li.na", [S.REPORTS_READ, S.REPORTS_WRITE, S.CASES_READ, S.OPERATE], now_ms
    )[1]
    second = create_key(data / API_KEYS_FILE, "wang.wei", [S.REPORTS_READ, S.REPORTS_APPROVE], now_ms)[1]
    app, runner = build_app(["reports"]), CliRunner()

    def run(key: str, *words: str, typed: str = "", status: int = 0) -> str:
        monkeypatch.setenv("TARIM_KEY", key)
        found = runner.invoke(app, ["reports", *words], input=typed)
        assert found.exit_code == status, found.output
        return found.output

    bank = {"TARIM_REPORTS_INSTITUTION_CODE": "F1008933000019", "TARIM_REPORTS_BRANCH_CODE": "F1"}
    with (
        serving(data, keys, TARIM_POLICY_RULES_FILE=str(data / "rules.toml")) as service,
        desk_serving(
            data, keys, TARIM_DESK_SERVICE_URL=service.url, TARIM_REPORTS_DIVISION_CODE="650102", **bank
        ) as desk,
    ):
        monkeypatch.setenv("TARIM_DESK_URL", desk.url)
        with service.client() as client:
            for place in range(3):
                told = {"customer": CUSTOMER, "account": ACCOUNT, "amount_fen": 4_980_000, "payee_name": "赵六"}
                told |= {"payee_account": f"622888000000000{place}", "occurred_at": f"{now:%Y-%m-%dT%H:%M:%S}+08:00"}
                assert client.post("/v1/decisions", json=event(f"e{place}", **told)).json()["outcome"] == "block"
        with desk.client("cases:read") as client:
            while (found := client.get("/v1/cases").json())["count"] == 0 or found["cases"][0]["alerts"] < 3:
                time.sleep(0.05)
        time.sleep(3)  # the vault's index is written every two seconds
        drafted = run(worker, "draft", found["cases"][0]["id"], "--customer", typed=f"{CUSTOMER}\n")
        number = next(word for word in drafted.split() if word.startswith("STR-"))
        shown = run(worker, "show", number)
        assert ACCOUNT not in shown and "149,400.00" in shown and "赵六" not in shown
        assert "subjects[0].occupation" in shown
        person = msgspec.to_builtins(report_of(sample()))["subjects"][0]
        values = {f"subjects[0].{name}": value for name, value in person.items() if name != "customer"} | {
            "reporter": "李娜"
        }
        for place in range(3):
            values |= {
                f"transactions[{place}].identity": person["identity"],
                f"transactions[{place}].account.kind": "11",
            }
        (tmp_path / "values.json").write_text(json.dumps(values), encoding="utf-8")
        assert "0 faults" in run(worker, "fill", number, str(tmp_path / "values.json"))
        assert "submitted" in run(worker, "submit", number)
        assert "no scope" in run(worker, "approve", number, status=1, typed="y\n")
        assert "approved" in run(second, "approve", number, typed="y\n")
        assert "exported" in run(worker, "export", number)
        assert "no scope" in run(worker, "package", number, "-r", "to send it", status=1)
        assert "sent" in run(worker, "sent", number, "--message", "BSTR-0001")
        (tmp_path / "receipt.xml").write_text("<ok/>", encoding="utf-8")
        assert "received" in run(worker, "receipt", number, str(tmp_path / "receipt.xml"))
        assert "approve" in run(second, "history", number) and number in run(second, "list")
        assert run(keys["reports:read"], "list") == ""

        today = f"{now:%Y%m%d}"
        risk = run(worker, "risk", today, "--kind", "on-demand")
        assert "3 events" in risk and "3 decisions" in risk
        run(worker, "risk-file", risk.split()[0], "--out", str(tmp_path / "risk.pdf"))
        assert (tmp_path / "risk.pdf").read_bytes().startswith(b"%PDF")
        yesterday = f"{now - timedelta(days=1):%Y%m%d}"
        assert "0 accounts" in run(worker, "batch", yesterday, "-r", "the file was lost")
        assert (data / "desk/outbox" / f"risky-accounts-{yesterday}.csv").exists()
        assert "by hand" in run(worker, "batches") and "not over" in run(worker, "batch", today, "-r", "x", status=1)
        with desk.client("audit:read") as client:
            acts = {each["act"] for each in client.get("/v1/audit/entries", params={"limit": 200}).json()["entries"]}
        assert {"read_suspicious_report", "approve_suspicious_report", "make_risk_batch"} <= acts
