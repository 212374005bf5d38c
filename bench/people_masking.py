"""Does anybody see an unmasked personal value outside a full view that is on the audit trail?

Customers with a telephone number, a card, a document number, a name, a network address with its port and a location that
stand nowhere else make transfers that become cases, and a note on each speaks of its customer.  A person of every role signs in
and asks every route of the desk that reads for every object there is; keys do the same at the decisions service.  The answers
are searched for every planted value, inside base64 too; so are the trail's lines, the figures and the logs.  One full view,
with its reason, has to show the case's values, and to be on the trail.

Not tried: a note that names somebody the case knows nothing of.  Numbers are hidden there; a name cannot be told from words.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice, product
from pathlib import Path
from typing import Any, Final

import httpx
import pyotp

from bench.acceptance import Line, Run, at_least, none
from bench.people_staff import PASSWORD, QUICK_SETTINGS, staff_of
from bench.serving import Served, desk_serving, new_data, serving
from tarim.audit import Result, line_of
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.audit_settings import AuditSettings
from tarim.bootstrap.places import Places
from tarim.identity import Role

AGENT: Final = "bench"
CASE_WAIT_S: Final = 20.0
IDS_MAX: Final = 12
"""Objects asked for at one route."""
SERVICE_SCOPES: Final = ("read", "metrics", "explain")
_IDS: Final = re.compile(r'"((?:CASE|C|L|D|R|LOSS)-[A-Za-z0-9-]{4,40}|[0-9a-f]{16,64})"')
_NAMES: Final = re.compile(r"\{([a-z_]+)\}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")


@dataclass
class Customer:
    """One planted customer; each value is nobody else's."""

    number: int

    @property
    def paper(self) -> str:
        return f"11010119{70 + self.number % 30}0307{1000 + self.number:04d}"

    @property
    def card(self) -> str:
        return f"622588{5_123_456_789_000 + self.number * 7_919}"

    @property
    def phone(self) -> str:
        return f"139{17_650_000 + self.number * 101:08d}"

    @property
    def name(self) -> str:
        return "欧阳" + "靖雯睿泽皓轩梓涵懿"[self.number % 9] + chr(0x6600 + self.number)

    @property
    def planted(self) -> tuple[str, ...]:
        return (self.paper, self.card, self.phone, self.name, self.address, self.port, *self.location)

    @property
    def address(self) -> str:
        return f"203.0.113.{17 + self.number}"

    @property
    def port(self) -> str:
        return str(51_713 + self.number)

    @property
    def location(self) -> tuple[str, str]:
        return f"43.{81_237 + self.number}", f"87.{61_739 + self.number}"


@dataclass
class Search:
    """Answers searched, and what was found in them."""

    planted: tuple[str, ...]
    answers: int = 0
    given: int = 0
    found: list[str] = field(default_factory=list)

    def look(self, where: str, text: str) -> None:
        """Search one answer."""
        self.answers += 1
        texts = [text, *_unpacked(text)]
        for value in self.planted:
            escaped = json.dumps(value)[1:-1]
            if any(_holds(each, value) or _holds(each, escaped) for each in texts):
                self.found.append(f"{where}: a value of {len(value)} characters")


def _holds(text: str, value: str) -> bool:
    """Whether a text says a value; a port only as a number of its own: digests hold any five digits somewhere."""
    if len(value) > 5 or not value.isdigit():
        return value in text
    return re.search(rf"(?<![0-9A-Fa-f]){value}(?![0-9A-Fa-f])", text) is not None


def run(customers: int, roles: list[Role]) -> dict[str, Any]:
    """answers: searched, given: of them with 200, found: leaks, full: whether the full view showed and was on the trail."""
    people = [Customer(number) for number in range(customers)]
    search = Search(tuple(value for each in people for value in each.planted))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        data = Path(folder) / "data"
        keys = new_data(data)
        with staff_of(data) as staff:
            admins = staff.administrators()
            persons = {role: staff.person(admins, role.value.replace("_", "."), role) for role in roles}
        service = stack.enter_context(serving(data, keys))
        _transfers(service, people)
        desk = stack.enter_context(desk_serving(data, keys, **QUICK_SETTINGS))
        tokens = {
            role: _signed_in(desk, person.login, pyotp.TOTP(person.secret).now()) for role, person in persons.items()
        }
        ids = _work(desk, tokens[Role.INVESTIGATOR], people)
        for process in (service, desk):
            with httpx.Client(base_url=process.url, headers={"User-Agent": AGENT}, timeout=60) as client:
                routes = _reading(client)
                for role, token in tokens.items():
                    if process is desk:
                        for name, path in _addresses(routes, ids):
                            _ask(search, client, f"{role.value} {name}", path, token)
                for name, path in _addresses(routes, ids):
                    for scope in SERVICE_SCOPES if process is service else ("metrics",):
                        _ask(search, client, f"key {scope} {name}", path, keys[scope])
        full = _full_view(desk, tokens[Role.INVESTIGATOR], persons[Role.INVESTIGATOR].recovery[1], ids, people)
        for log in data.glob("*.log"):
            search.look(log.name, log.read_text(encoding="utf-8"))
        with OpenTrail.open(AuditSettings(), Places(data), {}) as trail:
            entries = list(trail.store.read())
        for each in entries:
            search.look(f"trail {each.entry.act}", line_of(each).decode())
        seen = [each.entry for each in entries if each.entry.act == "reveal_case" and each.entry.result is Result.DONE]
    return {
        "answers": search.answers,
        "given": search.given,
        "found": search.found,
        "full": full and len(seen) == 1 and seen[0].who == Role.INVESTIGATOR.value,
    }


def _transfers(service: Served, people: list[Customer]) -> None:
    with service.client() as sender:
        for each in people:
            event = {
                "event_id": f"masked-{each.number}",
                "source": "core",
                "kind": "transfer",
                "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "customer": each.paper,
                "account": each.card,
                "payee_account": each.card[::-1],
                "payee_name": each.name,
                "payee_phone": each.phone,
                "ip": each.address,
                "ip_port": each.port,
                "location_permitted": True,
                "latitude": each.location[0],
                "longitude": each.location[1],
                "amount_fen": 8_000_000,
            }
            answer = sender.post("/v1/decisions", json=event)
            assert answer.status_code == 200 and answer.json()["outcome"] != "pass", answer.text


def _signed_in(desk: Served, login: str, code: str) -> str:
    body = {"login": login, "password": PASSWORD, "code": code}
    answer = httpx.post(f"{desk.url}/v1/sign-in", json=body, headers={"User-Agent": AGENT}, timeout=60)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def _work(desk: Served, token: str, people: list[Customer]) -> list[str]:
    """A note on every case that names its customer, and a complaint of each; ids of all that there is then."""
    headers = {"User-Agent": AGENT, "Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=desk.url, headers=headers, timeout=60) as client:
        deadline = time.monotonic() + CASE_WAIT_S
        cases: list[dict[str, Any]] = []
        while len(cases) < len(people) and time.monotonic() < deadline:
            time.sleep(0.1)
            cases = client.get("/v1/cases", params={"limit": 100}).json()["cases"]
        assert len(cases) == len(people), f"{len(cases)} cases of {len(people)}"
        ids = [case["ref"] if "ref" in case else case["id"] for case in cases]
        for case in ids:
            for word in ("take", "start"):
                client.post(f"/v1/cases/{case}/{word}", json={})
            whose = next(each for each in people if f'"masked-{each.number}"' in client.get(f"/v1/cases/{case}").text)
            text = f"{whose.name} {whose.phone}, card {whose.card}, document {whose.paper}"
            answer = client.post(f"/v1/cases/{case}/note", json={"text": text})
            assert answer.status_code == 200, answer.text
        return ids


def _reading(client: httpx.Client) -> list[tuple[str, dict[str, Any]]]:
    paths = client.get("/openapi.json").json()["paths"]
    return [(path, operations["get"]) for path, operations in paths.items() if "get" in operations]


def _addresses(routes: list[tuple[str, dict[str, Any]]], ids: list[str]) -> Iterator[tuple[str, str]]:
    """(route, address) of every reading route with every object that may stand in it."""
    events = [f"masked-{number}" for number in range(IDS_MAX)]
    for path, operation in routes:
        asked = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query" and each["required"]}
        query = "?source=core" if "source" in asked else ""
        query += ("&" if query else "?") + "event_id=masked-0" if "event_id" in asked else ""
        names = _NAMES.findall(path)
        pools = [events if name == "event_id" else ids for name in names]
        for values in islice(product(*pools), IDS_MAX):
            address = path
            for name, value in zip(names, values, strict=True):
                address = address.replace(f"{{{name}}}", value)
            yield path, address + query


def _ask(search: Search, client: httpx.Client, where: str, path: str, token: str) -> None:
    answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
    search.given += answer.status_code == 200
    search.look(f"{where} {answer.status_code}", answer.text)


def _full_view(desk: Served, token: str, code: str, ids: list[str], people: list[Customer]) -> bool:
    """Whether a case is shown in full to who has just proved again who it is, and not before: the place is unusual."""
    headers = {"User-Agent": AGENT, "Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=desk.url, headers=headers, timeout=60) as client:
        address, why = f"/v1/cases/{ids[0]}/reveal", {"reason": "masking bar"}
        before = client.post(address, json=why)
        again = client.post("/v1/account:reauthenticate", json={"password": PASSWORD, "code": code})
        headers = {"Authorization": f"Bearer {again.json()['token']}"}
        answer = client.post(address, json=why, headers=headers)
    values = ((each.card, each.name, each.phone, f"{each.address}:{each.port}", *each.location) for each in people)
    shown = any(all(value in answer.text for value in wanted) for wanted in values)
    return before.status_code == 403 and answer.status_code == 200 and shown


def _unpacked(text: str) -> Iterator[str]:
    for match in _BASE64.findall(text):
        try:
            yield base64.b64decode(match, validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            continue


def lines(run_: Run) -> Iterator[Line]:
    """The masking bar."""
    few = [Role.INVESTIGATOR, Role.AUDITOR, Role.OPERATOR]
    found = run(run_.pick(12, 2), few if run_.quick else list(Role))
    note = f"of {found['answers']:,} answers, {found['given']:,} of them given" + "".join(
        f"; {each}" for each in found["found"][:2]
    )
    yield none("masking, unmasked values", "planted value", len(found["found"]), note)
    yield at_least("masking, full view shown and on the trail", 1, int(found["full"]))


if __name__ == "__main__":
    print(json.dumps(run(3, list(Role)), indent=1, ensure_ascii=False))
