"""Routes of reports: masked until revealed, filled in by place, and the whole way to a receipt."""

from __future__ import annotations

import asyncio
import base64
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tarim.api.reporting import ReportDesk, report_routes
from tarim.api.routes import Call, Route
from tarim.base.errors import FieldError, NotAllowed
from tarim.identity import EVERYTHING, Caller, CallerKind, Scope
from tarim.reporting import FaultyReport, changed, masked_report, packaged_codes
from tests.fakes.reports import CASE, CUSTOMER, NOW_MS, House, needs_chinese_font, reporting
from tests.fakes.suspicious import report_of, sample

SECRETS = (
    "张三丰", "乌鲁木齐示例贸易有限公司", "王五", "赵六", "孙七", "11010519491231002X", "91350100M000100Y43", "E12345678",
    "13900000000", "0991-2345678", "6229990000000001", "6228880000000009", "9990000000000003", "示例路1号",
    "65001000000000000018", "KZ00EXAMPLE0000001", "device-1",
)  # fmt: skip
WRITE, APPROVE = Scope.REPORTS_WRITE, Scope.REPORTS_APPROVE


class Client:
    """Calls handlers as `mount` does once a caller is known to have the scope."""

    def __init__(self, house: House) -> None:
        desk = ReportDesk(house.reports, None, None, packaged_codes(), 600_000, house.desk.now_ms)  # type: ignore[arg-type]
        self.routes: Mapping[tuple[str, str], Route] = {(each.method, each.path): each for each in report_routes(desk)}

    def __call__(self, who: str, method: str, path: str, body: Any = None, **query: Any) -> Any:
        number = "STR-2026-000001" if "{id}" in path else ""
        route = self.routes[method, "/v1/suspicious-reports" + path]
        name, _, kind = who.partition(":")
        scopes = {"w": {WRITE, Scope.REVEAL}, "a": {APPROVE}}[kind] | {Scope.REPORTS_READ}
        at_ms = 0 if name == "late" else NOW_MS - 1_000
        caller = Caller(name, CallerKind.PERSON, frozenset(scopes), EVERYTHING, EVERYTHING, "s", "", at_ms)
        caller.require(route.scope)
        taken = msgspec.convert(body, route.takes) if route.takes else None
        asked = msgspec.convert(query, route.query) if route.query else None
        answer = asyncio.run(route.handler(Call(caller, {"id": number}, asked, taken)))  # type: ignore[arg-type]
        assert type(answer) is route.gives
        return msgspec.to_builtins(answer)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with reporting(tmp_path, f"sqlite:///{tmp_path / 't.db'}") as house:
        yield Client(house)


def filled_values() -> dict[str, Any]:
    """What the bank's customer records tell of the subject."""
    whole: Any = msgspec.to_builtins(report_of(sample()))
    subject = whole["subjects"][0]
    values = {f"subjects[0].{name}": subject[name] for name in subject if name not in ("customer",)}
    for place in range(6):
        values[f"transactions[{place}].identity"] = subject["identity"]
        values[f"transactions[{place}].account.kind"] = "11"
        values[f"transactions[{place}].counterparty.name"] = "赵六"
    return values


@needs_chinese_font
def test_a_report_goes_from_case_to_receipt(client: Client) -> None:
    drafted = client("li.si:w", "POST", "", {"case": CASE, "customer": CUSTOMER})
    assert drafted["state"] == "draft" and drafted["case"] == CASE
    shown = client("li.si:w", "POST", "/{id}/values", {"version": 1, "values": filled_values() | {"reporter": "李四"}})
    assert shown["faults"] == []
    client("li.si:w", "POST", "/{id}/submit", {"version": 2})
    digest = client("wang:a", "GET", "/{id}")["filing"]["digest"]
    client("wang:a", "POST", "/{id}/approve", {"version": 3, "digest": digest})
    client("li.si:w", "POST", "/{id}/export", {"version": 4})
    package = client("li.si:w", "POST", "/{id}/package", {"reason": "report it"})
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(package["content_base64"]))) as archive:
        assert sorted(archive.namelist()) == ["STR-2026-000001.pdf", "STR-2026-000001.xml", "bstr.xsd", "manifest.json"]
    client("li.si:w", "POST", "/{id}/sent", {"version": 5, "message": "BSTR-1"})
    receipt = {"version": 6, "accepted": True, "content_base64": base64.b64encode(b"<ok/>").decode()}
    assert client("li.si:w", "POST", "/{id}/receipt", receipt)["state"] == "received"
    assert len(client("wang:a", "GET", "/{id}/history")["history"]) == 7
    assert [each["number"] for each in client("wang:a", "GET", "", state="received")["reports"]] == ["STR-2026-000001"]


def test_nothing_personal_is_shown_unmasked_without_a_reveal(client: Client) -> None:
    client("li.si:w", "POST", "", {"case": CASE, "customer": CUSTOMER})
    values: dict[str, Any] = msgspec.to_builtins(report_of(sample()))
    values["analysis"] = (
        f"客户张三丰（13900000000，{SECRETS[5]}）向赵六账户6228880000000009转账，疑似为他人转移资金，与其身份不符。"
    )
    changed_text = str(client("li.si:w", "POST", "/{id}/values", {"version": 1, "values": values}))
    shown = str(client("li.si:w", "GET", "/{id}"))
    for secret in SECRETS:
        assert secret not in shown and secret not in changed_text, secret
    whole = str(client("li.si:w", "POST", "/{id}/reveal", {"reason": "to check the address"}))
    assert all(secret in whole for secret in SECRETS)


def test_a_reveal_needs_the_scope_and_a_recent_proof(client: Client) -> None:
    client("li.si:w", "POST", "", {"case": CASE})
    client("wang:a", "POST", "/{id}/reader", {"person": "late"})
    for path in ("/{id}/reveal", "/{id}/package"):
        with pytest.raises(NotAllowed, match="scope"):
            client("wang:a", "POST", path, {"reason": "look"})
        with pytest.raises(NotAllowed, match="sign in again"):
            client("late:w", "POST", path, {"reason": "look"})


def test_faults_are_quoted_and_values_are_refused_by_place(client: Client) -> None:
    client("li.si:w", "POST", "", {"case": CASE, "customer": CUSTOMER})
    with pytest.raises(FaultyReport, match=r"subjects\[0\].occupation: is required \(必填\)"):
        client("li.si:w", "POST", "/{id}/submit", {"version": 1})
    for place, value in (
        ("subjects[3].phones", []),
        ("subjects[0].phone", "1"),
        ("a b", 1),
        ("times", 7),
        ("x" * 200, 1),
    ):
        with pytest.raises(FieldError):
            client("li.si:w", "POST", "/{id}/values", {"version": 1, "values": {place: value}})
    body = {"version": 1, "values": {"subjects[1]": {"customer": "C9"}}}
    assert len(client("li.si:w", "POST", "/{id}/values", body)["content"]["subjects"]) == 2


def test_the_reference_has_schema_and_codes(client: Client) -> None:
    route = client.routes["GET", "/v1/suspicious-report-reference"]
    answer = asyncio.run(route.handler(None))  # type: ignore[arg-type]
    assert "BSTR" in answer.schema and answer.codes["crime"].mark == "ours"


def test_putting_values_changes_nothing_else() -> None:
    report = report_of(sample())
    other = changed(report, {"transactions[1].counterparty.name": "X Y", "crimes[2]": "9999"})
    assert other.transactions[1].counterparty.name == "X Y" and other.crimes == ("1101", "1204", "9999")
    assert (
        changed(other, {"transactions[1].counterparty.name": "Example Trading LLP", "crimes": ["1101", "1204"]})
        == report
    )
    assert masked_report(report)["transactions"][0]["amount"] == "49999.00"
