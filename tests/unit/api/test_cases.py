"""Routes of cases: what is masked, what is shown in full and to whom, scope, files."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tarim.api.cases import CaseDesk, case_routes
from tarim.api.routes import Call, Route
from tarim.base.errors import NotAllowed, NotFound, TarimError, Unavailable
from tarim.cases import Personal
from tarim.identity import Caller, CallerKind, Scope
from tests.fakes.cases import NOON_MS, REF, CaseRoom, a_caller, a_decision

RAW = {
    "customer_name": ["王小明"],
    "payee_name": ["李四光"],
    "payee_phone": ["13812345678"],
    "account": ["6222021234567890123"],
    "payee_account": ["6222029876543210987"],
}
NOTE = "王小明 13812345678, 身份证 33010619900101123X, card 6222021234567890123, 收款人李四光"
SECRETS = [value for values in RAW.values() for value in values] + ["33010619900101123X"]
READ, WORK = Scope.CASES_READ, Scope.CASES_WORK


class Values:
    """Raw values of everybody, or none to be had."""

    there = True

    def of_case(self, customer: int, tokens: Collection[int], seqs: Sequence[int]) -> Personal:
        assert seqs and len(seqs) <= 20, "where the newest events came from is asked as well"
        if not self.there:
            raise Unavailable("there is no vault")
        return Personal(RAW, frozenset(value for values in RAW.values() for value in values))


class Desk:
    """A desk over a room."""

    def __init__(self, room: CaseRoom) -> None:
        self.room = room

    def now_ms(self) -> int:
        return self.room.now_ms

    def submit(self, person: str, command: Any, once: Any = None) -> Future[Any]:
        return _future(lambda: tuple(self.room.perform(person, command)))

    def read(self, look: Callable[[Any], Any]) -> Future[Any]:
        def reading() -> Any:
            with self.room.database.reading() as connection:
                return look(connection)

        return _future(reading)


def _future(work: Callable[[], Any]) -> Future[Any]:
    found: Future[Any] = Future()
    try:
        found.set_result(work())
    except TarimError as error:
        found.set_exception(error)
    return found


class Client:
    """Calls handlers as `mount` does once a caller is known to have the scope."""

    def __init__(self, room: CaseRoom, values: Values) -> None:
        work = CaseDesk(Desk(room), room.means, values, lambda _number: 7, 600_000)  # type: ignore[arg-type]
        self.routes = {(route.method, route.path): route for route in case_routes(work)}

    def __call__(
        self, caller: Caller, method: str, path: str, body: Any = None, query: Any = None, **names: str
    ) -> Any:
        route: Route = self.routes[method, path]
        caller.require(route.scope)
        taken = msgspec.convert(body or {}, route.takes) if route.takes else None
        asked = msgspec.convert(query or {}, route.query) if route.query else None
        answer = asyncio.run(route.handler(Call(caller, {"id": REF, **names}, asked, taken)))
        assert isinstance(answer, route.gives)
        return msgspec.to_builtins(answer)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("cases")
    room = CaseRoom(f"sqlite:///{folder / 'records.db'}", Path(folder))
    room.now_ms = NOON_MS + 100
    room.follow(a_decision(1), a_decision(2, customer=8, scenario="mule"))
    made = Client(room, Values())
    li = a_caller("li.na")
    for word, body in (("take", {}), ("start", {}), ("note", {"text": NOTE}), ("escalate", {"reason": NOTE})):
        made(li, "POST", f"/v1/cases/{{id}}/{word}", body)
    yield made
    room.database.close()


def test_nothing_personal_stands_in_a_masked_answer(client: Client) -> None:
    chief = a_caller("chief", READ)
    whole = client(chief, "GET", "/v1/cases/{id}")
    page = client(chief, "GET", "/v1/cases")
    found = client(chief, "POST", "/v1/cases:find", {"customer": "C1"})
    shown = str([whole, page, found])
    assert [secret for secret in SECRETS if secret in shown] == []
    assert whole["personal"]["payee_phone"] == ["138****5678"] and whole["watermark"] == ""
    assert "王**" in whole["notes"][0]["text"] and "王**" in whole["history"][-1]["reason"]
    assert (page["count"], len(found["cases"])) == (2, 1)


def test_free_text_is_hidden_while_nobody_can_say_what_to_mask(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Values, "there", False)
    whole = client(a_caller("chief", READ), "GET", "/v1/cases/{id}")
    assert whole["notes"][0]["text"] == "****" and whole["personal"] == {}
    with pytest.raises(Unavailable):
        client(a_caller("chief", READ, Scope.REVEAL), "POST", "/v1/cases/{id}/reveal", {"reason": "why"})


def test_a_full_view_is_for_a_person_who_has_just_signed_in_and_is_recorded_and_marked(client: Client) -> None:
    path, body = "/v1/cases/{id}/reveal", {"reason": "police ask for the number"}
    with pytest.raises(NotAllowed):
        client(a_caller("chief", READ), "POST", path, body)
    person = a_caller("chief", READ, Scope.REVEAL)
    late = Caller(person.name, person.kind, person.scopes, person.branches, person.queues, "s", "", NOON_MS - 700_000)
    key = Caller("chief", CallerKind.KEY, person.scopes, person.branches, person.queues)
    for caller in (late, key):
        with pytest.raises(NotAllowed, match="sign in again"):
            client(caller, "POST", path, body)
    whole = client(person, "POST", path, body)
    assert whole["notes"][0]["text"] == NOTE and whole["personal"]["account"] == RAW["account"]
    assert whole["watermark"] == "chief 2026-06-01T04:00:00.100Z"
    assert [line["person"] for line in whole["history"] if line["event"] == "reveal"] == ["chief", "chief"]


def test_what_is_out_of_scope_answers_like_what_is_not_there(client: Client) -> None:
    stranger = a_caller("sun.li", READ, WORK, Scope.CASES_REVIEW, Scope.CASES_ASSIGN, Scope.REVEAL, queues={"aml"})
    assert [case["id"] for case in client(stranger, "GET", "/v1/cases")["cases"]] == ["CASE-2026-000002"]
    assert client(stranger, "POST", "/v1/cases:find", {"customer": "C1"})["cases"] == []
    bodies = {"to": "x", "reason": "r", "text": "t", "tag": "t", "other": REF, "due_ms": NOON_MS * 2, "entry": 1}
    bodies |= {"alert": 1, "verdict": "right", "cause": "confirmed_by_police", "wish": "close", "agreed": True}
    bodies |= {
        "restriction": 1,
        "measure": "stop_all",
        "basis": "sanctions",
        "article": "1",
        "score": 0.5,
        "model": "m",
    }
    bodies |= {"version": 1}
    tried = 0
    for (method, path), route in client.routes.items():
        if "/v1/cases/{id}" not in path:
            continue
        fields = {field.name for field in msgspec.structs.fields(route.takes)} if route.takes else set()
        body = {name: value for name, value in bodies.items() if name in fields}
        answers = []
        for ref in (REF, "CASE-2026-000099"):
            with pytest.raises(NotFound) as refused:
                client(stranger, method, path, body, id=ref, digest="0" * 64)
            answers.append(refused.value.detail.replace(ref, "X"))
        assert answers[0] == answers[1], path
        tried += 1
    assert tried > 25


def test_a_file_is_kept_with_the_case_and_given_out_as_a_full_view(client: Client) -> None:
    chief = a_caller("zhao.min", READ, WORK, Scope.CASES_ASSIGN, Scope.REVEAL)
    client(chief, "POST", "/v1/cases/{id}/assign", {"to": "zhao.min"})
    content = base64.b64encode(b"%PDF-1.7 statement").decode()
    body = {"case": REF, "name": "王小明.pdf", "content_base64": content}
    client(chief, "POST", "/v1/cases:evidence", body)
    (kept,) = client(chief, "GET", "/v1/cases/{id}")["evidence"]
    assert kept["name"] == "王**.pdf"
    path = "/v1/cases/{id}/evidence/{digest}"
    given = client(chief, "POST", path, {"reason": "needed"}, digest=kept["digest"])
    assert given["content_base64"] == content and given["watermark"].startswith("zhao.min ")
    with pytest.raises(NotFound):
        client(chief, "POST", path, {"reason": "needed"}, digest="0" * 64)


def test_a_list_is_taken_out_masked_with_a_reason_and_says_who_took_it(client: Client) -> None:
    body = {"reason": "the week's report", "closed": True, "sort": "money"}
    out = client(a_caller("chief", READ), "POST", "/v1/cases:export", body)
    assert len(out["cases"]) == 2 and not out["more"] and out["watermark"].startswith("chief 2026-06-01")
    assert (
        out["cases"]
        == client(a_caller("chief", READ), "GET", "/v1/cases", None, {"closed": True, "sort": "money"})["cases"]
    )
    with pytest.raises(msgspec.ValidationError):
        client(a_caller("chief", READ), "POST", "/v1/cases:export", {"reason": ""})


def test_who_gives_cases_out_sees_who_may_have_them_and_how_many_they_have(client: Client) -> None:
    with pytest.raises(NotAllowed):
        client(a_caller("li.na"), "GET", "/v1/cases:workers")
    found = client(a_caller("chief", Scope.CASES_ASSIGN), "GET", "/v1/cases:workers")["people"]
    assert [row["login"] for row in found] == sorted(["li.na", "zhao.min"], key=lambda name: (loads(found)[name], name))


def loads(found: list[dict[str, Any]]) -> dict[str, int]:
    return {row["login"]: row["open"] for row in found}
