"""Backtests from the command line and over HTTP, on a small simulated bank."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bench.serving import Served, new_data, serving
from tarim.base.errors import TarimError
from tarim.bootstrap.house import House
from tarim.bootstrap.lists import ListDesk
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import settings_of
from tarim.cli import build_app
from tarim.decisions import RecordKind, Switch, SwitchKind
from tarim.decisions.governance import encode_content
from tarim.models import fit_model
from tarim.rules import starter_pack
from tarim.screening import RawRow, define_list
from tarim.stream import reference_features

DRAFT = """name = "mine"

[[rule]]
id = "new_payee"
when = 'kind == "transfer" and payer_is_new_payee_30d and amount_fen >= 5_000 yuan'
outcome = "challenge"
weight = 60
scenario = "telecom_fraud"
reason = "向新收款方转账"
reason_en = "a transfer to a new payee"
"""
LISTED = DRAFT.replace('"new_payee"', '"listed"').replace(
    'kind == "transfer" and payer_is_new_payee_30d and amount_fen >= 5_000 yuan', 'payee_account in list "suspects"'
) + DRAFT.split("\n\n")[1].replace('"new_payee"', '"scored"').replace(
    'kind == "transfer" and payer_is_new_payee_30d and amount_fen >= 5_000 yuan', "score >= 0.5"
)
NARROWER = DRAFT.replace("5_000 yuan", "20_000 yuan").replace('"mine"', '"narrower"')


def tarim(*arguments: object) -> str:
    """Run a command; what it printed on standard output.  Raises what the command raises."""
    words = [str(each) for each in arguments]
    done = CliRunner().invoke(build_app([words[0]]), words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight days of a small bank with labels, decided by the starter rules: bank/sim, bank/data, bank/*.toml."""
    folder = tmp_path_factory.mktemp("bank")
    new_data(folder / "data")
    size = ("--customers", 1500, "--events-per-day", 900, "--days", 8, "--crime-share", 0.02, "--labels")
    tarim("simulate", folder / "sim", *size)
    files = sorted((folder / "sim").glob("events-*.parquet"))
    tarim("replay", *files, "--data", folder / "data", "--no-snapshot")
    for name, text in (("starter", starter_pack()), ("draft", DRAFT), ("narrower", NARROWER)):
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def result(bank: Path, draft: str, *options: object) -> dict[str, Any]:
    """The result of a backtest over the bank's journal."""
    return json.loads(tarim("backtest", bank / f"{draft}.toml", "--data", bank / "data", "--json", *options))


def test_the_rules_that_were_live_come_out_as_recorded(bank: Path) -> None:
    """Event for event over the whole journal, and over a piece of it whose past only fills the windows."""
    whole = result(bank, "starter")["measured"]
    (draft,) = whole["drafts"]
    events = sum(pq.read_metadata(path).num_rows for path in (bank / "sim").glob("events-*.parquet"))
    assert draft["recorded"] == {"events": events, "differing": 0, "seqs": []}
    assert draft["hit"] == whole["live"]["hit"] and draft["hit"]["events"] > 0
    piece = result(bank, "starter", "--from", "2026-01-08", "--to", "2026-01-11")
    recorded = piece["measured"]["drafts"][0]["recorded"]
    assert recorded["differing"] == 0 and 0 < recorded["events"] < events
    assert [day["value"] for day in piece["measured"]["drafts"][0]["groups"]["day"]] == [
        "2026-01-08",
        "2026-01-09",
        "2026-01-10",
    ]


def test_a_snapshot_in_between_changes_nothing(bank: Path, tmp_path: Path) -> None:
    """The engine starts from it when it lies before the span."""
    import shutil

    shutil.copytree(bank / "data", tmp_path / "data")
    (tmp_path / "draft.toml").write_text(DRAFT, encoding="utf-8")
    new = tmp_path / "late.jsonl"
    new.write_text(json.dumps(_event("after", "2026-01-20T12:00:00+08:00")) + "\n", encoding="utf-8")
    tarim("snapshot", "--data", tmp_path / "data")
    tarim("replay", new, "--data", tmp_path / "data", "--no-snapshot")
    span = ("--from", "2026-01-20")
    warm = result(tmp_path, "draft", *span)
    shutil.rmtree(tmp_path / "data" / "snapshots")
    assert result(tmp_path, "draft", *span) == warm
    assert warm["measured"]["events"] == 1


def _event(event_id: str, occurred_at: str) -> dict[str, object]:
    return {
        "event_id": event_id,
        "source": "core",
        "kind": "transfer",
        "occurred_at": occurred_at,
        "customer": "C1",
        "account": "6200000000000001",
        "payee_account": "6200000000000002",
        "amount_fen": 8_000_000,
    }


def test_lists_scores_and_shadow_are_those_of_each_event(tmp_path: Path) -> None:
    """An entry that came in between counts from there on, the score is the recorded one, a shadow rule's hits are all there."""
    data = tmp_path / "data"
    new_data(data)
    names = reference_features().names
    rng = np.random.default_rng(4)
    table = np.column_stack([rng.integers(0, 5, 400) for _ in names]).astype(np.float64)
    model = fit_model(table, (table[:, 0] > 2).astype(np.int64), names, "logistic")
    (tmp_path / "model.txt").write_bytes(model.content)
    (tmp_path / "listed.toml").write_text(LISTED, encoding="utf-8")
    environment = {"TARIM_POLICY_RULES_FILE": str(tmp_path / "listed.toml")}
    environment["TARIM_POLICY_MODEL_FILE"] = str(tmp_path / "model.txt")
    with House(settings_of(data, environment), Places(data), environment) as house:
        desk = ListDesk(house.lists, house.service)

        def release(proposal: Any) -> None:
            asyncio.run(desk.approve(proposal.proposal.id, "B", proposal.proposal.digest))

        _decide(house, 0)
        release(house.lists.propose_list(define_list("suspects", "black", "payee_account"), "A", "because"))
        row = RawRow(1, {"value": "P1"})
        release(house.lists.propose_entries("suspects", [row], "A", "police", "because")[0])
        shadow = Switch(SwitchKind.SHADOW, "listed", 1, "a trial", "A", house.clock.now_ms(), approver="B")
        house.service.control(RecordKind.SWITCH, encode_content(shadow))
        _decide(house, 200)
    draft = result(tmp_path, "listed")["measured"]["drafts"][0]
    assert draft["new"]["events"] > 0  # where only the rule in shadow holds
    assert draft["recorded"] == {"events": 400, "differing": 0, "seqs": []}
    hits = {rule["id"]: rule["hit"]["events"] for rule in draft["rules"]}
    assert hits["listed"] == 50 and 0 < hits["scored"] < 400
    late = result(tmp_path, "listed", "--from", "2026-02-01T03:30:00")["measured"]["drafts"][0]
    assert late["recorded"]["differing"] == 0 and 0 < late["rules"][0]["hit"]["events"] < 50


def _decide(house: House, first: int) -> None:
    """Two hundred transfers, a minute apart, to four payees in turn."""
    events = [
        _event(f"e{at}", f"2026-02-01T{at // 60:02}:{at % 60:02}:00+08:00") | {"payee_account": f"P{at % 4}"}
        for at in range(first, first + 200)
    ]
    house.service.take(house.intake.messages(json.dumps(events).encode()))
    house.service.commit()


def test_labels_count_as_they_were_known_then_or_now(bank: Path) -> None:
    """What was found out after the span is known now, and was not then."""
    span = ("--from", "2026-01-05", "--to", "2026-01-08")
    then, now = (result(bank, "draft", *span, "--labels", known) for known in ("then", "now"))
    assert then["measured"]["fraud"] < now["measured"]["fraud"]
    assert then["measured"]["events"] == now["measured"]["events"]
    assert then["source"]["labels_seq"] == then["source"]["end_seq"] < now["source"]["labels_seq"]


def test_the_result_is_kept_under_the_digest_of_its_bytes(bank: Path, tmp_path: Path) -> None:
    """The same question has the same answer, byte for byte, and the file proves itself."""
    first = tarim("backtest", bank / "draft.toml", "--data", bank / "data", "--json")
    second = tarim("backtest", bank / "draft.toml", "--data", bank / "data", "--json", "--out", tmp_path / "out.json")
    assert first == second == (tmp_path / "out.json").read_text(encoding="utf-8")
    digest = hashlib.sha256(first.encode()).hexdigest()
    assert (bank / "data" / "backtests" / digest).read_text(encoding="utf-8") == first
    printed = tarim("backtest", bank / "draft.toml", "--data", bank / "data", "--by", "channel", "--examples")
    assert digest in printed and "mobile" in printed and "payer_is_new_payee_30d = 1" in printed


def test_two_drafts_stand_side_by_side(bank: Path) -> None:
    """What the narrower one hits the wider one hits as well."""
    found = result(bank, "narrower", "--against", bank / "draft.toml")["measured"]
    narrow, wide = found["drafts"]
    difference = found["difference"]
    assert difference["only_first"]["events"] == 0 and difference["examples_only_first"] == []
    assert difference["both"]["events"] == narrow["hit"]["events"] > 0
    assert difference["only_other"]["events"] == wide["hit"]["events"] - narrow["hit"]["events"] > 0
    assert {each["rules"][0] for each in difference["examples_only_other"]} == {"new_payee"}


def test_a_file_comes_out_like_the_journal_it_was_replayed_into(bank: Path) -> None:
    """The same events, the same measures; what differs is what is said of the source."""
    files = sorted((bank / "sim").glob("events-*.parquet"))
    options = [word for path in files for word in ("--events", path)]
    of_files, of_journal = result(bank, "draft", *options), result(bank, "draft")
    for measured in (of_files["measured"], of_journal["measured"]):
        for example in [each for rule in measured["drafts"][0]["rules"] for each in rule["examples"]]:
            del example["seq"]  # the journal has control records before the first event
    assert of_files["measured"] == of_journal["measured"]
    assert of_files["source"]["kind"] == "files" and of_files["source"]["refused"] == 0
    assert of_files["source"]["files"] == [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]


def test_what_cannot_be_tested_is_said(bank: Path, tmp_path: Path) -> None:
    """A span without events, a rule that is not there, a folder without a journal."""
    for options, words in (
        (("--from", "2031-01-01"), "no event"),
        (("--from", "2026-01-08", "--to", "2026-01-07"), "no event"),
        (("--rule", "nothing"), "no rule"),
        (("--labels", "soon"), "then or now"),
    ):
        with pytest.raises(TarimError, match=words):
            tarim("backtest", bank / "draft.toml", "--data", bank / "data", *options)
    with pytest.raises(TarimError, match="no journal"):
        tarim("backtest", bank / "draft.toml", "--data", tmp_path)


# ---- over HTTP -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(bank: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service over a copy of the bank's data."""
    import shutil

    data = tmp_path_factory.mktemp("served") / "data"
    keys = new_data(data)
    shutil.copytree(bank / "data", data, dirs_exist_ok=True, ignore=shutil.ignore_patterns("keys.json*"))
    with serving(data, keys) as running:
        yield running


def _ended(served: Served, job: str) -> dict[str, Any]:
    with served.client("read") as reader:
        for _ in range(300):
            state = reader.get(f"/v1/backtests/{job}").json()
            if state["state"] != "running":
                return state
            time.sleep(0.1)
    raise AssertionError("the backtest did not end")


def test_a_backtest_over_http_gives_the_kept_result(bank: Path, served: Served) -> None:
    """Asked for, watched, read; and read again by its digest.  One at a time."""
    with served.client("author") as author:
        started = author.post("/v1/backtests", json={"draft": DRAFT, "from": "2026-01-06", "to": "2026-01-12"})
        assert started.status_code == 202 and started.json()["state"] == "running", started.text
        second = author.post("/v1/backtests", json={"draft": DRAFT})
        assert second.status_code == 409, second.text
    ended = _ended(served, started.json()["id"])
    assert ended["state"] == "done" and ended["done"] == ended["of"] > 0, ended
    assert ended["result"]["measured"]["drafts"][0]["name"] == "mine"
    with served.client("read") as reader:
        kept = reader.get(f"/v1/backtests/{ended['digest']}").json()
        version = ended["result"]["measured"]["drafts"][0]["version"]
        of_draft = reader.get("/v1/backtests", params={"version": version}).json()["backtests"]
        assert ended["digest"] in [each["digest"] for each in of_draft], "whoever decides on the draft finds it"
        assert reader.get("/v1/backtests", params={"version": "0" * 64}).json() == {"backtests": []}
    assert kept["result"] == ended["result"]


def test_a_faulty_draft_is_told_line_by_line(served: Served) -> None:
    """In both languages, with the fix."""
    with served.client("author") as author:
        body = {"draft": DRAFT.replace("payer_is_new_payee_30d", "payer_is_new_paye_30d")}
        started = author.post("/v1/backtests", json=body).json()
    ended = _ended(served, started["id"])
    assert (ended["state"], ended["code"]) == ("failed", "invalid-ruleset")
    assert "did you mean" in ended["problems"][0]["en"] and ended["problems"][0]["place"].startswith("5:")


def test_a_backtest_is_broken_off(served: Served) -> None:
    """It is cancelled at once, and the next one may begin."""
    with served.client("author") as author:
        started = author.post("/v1/backtests", json={"draft": DRAFT}).json()
        cancelled = author.delete(f"/v1/backtests/{started['id']}")
        assert cancelled.json()["state"] == "cancelled"
        again = author.post("/v1/backtests", json={"draft": DRAFT})
        assert again.status_code == 202
        assert author.delete(f"/v1/backtests/{'0' * 16}").status_code == 404
        assert author.post("/v1/backtests", json={"draft": DRAFT, "from": "2026-13-45"}).status_code == 422
        author.delete(f"/v1/backtests/{again.json()['id']}")
    with served.client("read") as reader:
        assert reader.get(f"/v1/backtests/{started['id']}").json()["result"] is None
