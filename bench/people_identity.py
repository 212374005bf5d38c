"""Is anybody let do what they may not?  Every route × every role against the matrix, and attacks, on real processes.

Persons are made as persons make them (bench/people_staff.py), then a desk and a service run over their data folder.  Attacks
come from many addresses by way of a proxy of ours on this machine, which the desk is told to believe.
"""

from __future__ import annotations

import json
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Final

import httpx
import pyotp

from bench.acceptance import Line, Run, none
from bench.people_staff import PASSWORD, QUICK_SETTINGS, Person, Staff, staff_of
from bench.serving import Served, desk_serving, new_data, serving
from tarim.base.errors import NotAllowed
from tarim.base.instants import DAY_MS
from tarim.bootstrap.operators import operator_of
from tarim.bootstrap.places import API_KEYS_FILE, Places
from tarim.identity import MACHINE, ROLES, Change, ChangeKind, Role, Scope, Visitor, create_key

AGENT: Final = "bench"
HERE: Final = Visitor("127.0.0.1", AGENT)
LOCAL_SCOPES: Final = (Scope.AUTHOR, Scope.OPERATE, Scope.AUDIT_EXPORT)
"""What commands ask for that work on a data folder in somebody's name."""
ENDS_SESSIONS: Final = ("/v1/account:sign-out", "/v1/account:sign-out-everywhere")
_SCOPE: Final = re.compile(r"with the scope `([a-z:]+)`")


@dataclass
class Walk:
    """What was tried, and what was not answered as it should be."""

    tried: int = 0
    holes: list[str] = field(default_factory=list)

    def expect(self, right: bool, what: str) -> None:
        """Note a try."""
        self.tried += 1
        if not right:
            self.holes.append(what)


@dataclass(frozen=True)
class Operation:
    """One operation of a process.  scope: what it needs, None when it is open to all; self: needs a session only."""

    process: str
    method: str
    path: str
    scope: Scope | None
    keys_only: bool


def operations(process: str, client: httpx.Client) -> list[Operation]:
    """Every operation that the process describes."""
    document = client.get("/openapi.json").json()
    found = []
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            text = each.get("description", "")
            scope = Scope.SELF if "session of a person." in text and "scope" not in text else None
            if match := _SCOPE.search(text):
                scope = Scope(match[1])
            elif each.get("security") and scope is None:
                scope = {"/metrics": Scope.METRICS, "/v1/decisions/{event_id}": Scope.READ}.get(path, Scope.DECIDE)
            found.append(
                Operation(process, method.upper(), path, scope, path in ("/v1/decisions", "/v1/decisions:batch"))
            )
    return found


def ask(client: httpx.Client, operation: Operation, token: str) -> httpx.Response:
    """The operation with nothing sensible in it: who may not is refused before that is looked at."""
    path = re.sub(r"\{[^}]*\}", "0123456789abcdef", operation.path)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.request(operation.method, path, content=None if operation.method == "GET" else b"{}", headers=headers)


def refused(answer: httpx.Response, scope: Scope | None) -> bool:
    """Whether the caller was told that it lacks this scope.  A handler may ask for a further one; that is another refusal."""
    told = answer.status_code == 403 and scope is not None and bool(re.search(rf"\b{scope.value}\b(?!:)", answer.text))
    return answer.status_code == 401 or told


def authority(quick: bool) -> Walk:
    """Routes, local commands and objects × roles; grants that ended."""
    walk, draw = Walk(), random.Random(5)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        data = Path(folder) / "data"
        keys = new_data(data)
        with staff_of(data) as staff:
            _objects(walk, staff)
            tokens, gone = _people(staff)
        _commands(walk, data, keys)
        running = {
            "service": stack.enter_context(serving(data, keys)),
            "desk": stack.enter_context(desk_serving(data, keys, **QUICK_SETTINGS)),
        }
        clients = {
            name: stack.enter_context(httpx.Client(base_url=served.url, headers={"User-Agent": AGENT}, timeout=60))
            for name, served in running.items()
        }
        every = [each for name, client in clients.items() for each in operations(name, client)]
        for operation in draw.sample(every, 60) if quick else every:
            client = clients[operation.process]
            roles = list(tokens) if not quick else draw.sample(list(tokens), 2)
            if operation.path in ENDS_SESSIONS:
                continue
            for role in roles:
                may = operation.scope is None or operation.scope is Scope.SELF
                may = may or (operation.scope in ROLES[role].scopes and not operation.keys_only)
                answer = ask(client, operation, tokens[role])
                walk.expect(
                    refused(answer, operation.scope) is not may, f"{operation} as {role.value}: {answer.status_code}"
                )
            for name, token in gone.items():
                if operation.scope is not None and operation.scope is not Scope.SELF:
                    answer = ask(client, operation, token)
                    walk.expect(refused(answer, operation.scope), f"{operation} with {name}: {answer.status_code}")
            if operation.scope is not None:
                answer = ask(client, operation, "")
                walk.expect(answer.status_code == 401, f"{operation} by nobody: {answer.status_code}")
                if operation.scope not in MACHINE:
                    answer = ask(client, operation, keys[operation.scope.value])
                    walk.expect(
                        refused(answer, operation.scope), f"{operation} by a key of nobody: {answer.status_code}"
                    )
        _at_once(walk, clients["desk"], tokens)
    return walk


def _people(staff: Staff) -> tuple[dict[Role, str], dict[str, str]]:
    """Tokens of one person a role, and of persons whose grant was revoked, ended by time, or was lent by somebody gone."""
    admins = staff.administrators()
    persons = {Role.ADMINISTRATOR: admins[0]}
    for role in Role:
        if role is not Role.ADMINISTRATOR:
            persons[role] = staff.person(admins, f"the.{role.value.replace('_', '.')}", role)
    gone = {name: staff.person(admins, name) for name in ("revoked", "expired", "lent")}
    staff.grant(admins, "revoked", Role.REVIEWER)
    staff.agreed(admins, Change(ChangeKind.GRANT, "expired", Role.REVIEWER, staff.clock.now_ms() + DAY_MS // 4))
    lender = staff.person(admins, "lender", Role.REVIEWER)
    staff.grant(admins, "lent", Role.REVIEWER, lent_by="lender")
    staff.clock.at_ms = time.time_ns() // 1_000_000 - 30_000 * (len(persons) + len(gone) + 1)
    tokens = {role: staff.signed(person, HERE).token for role, person in persons.items()}
    left = {name: staff.signed(person, HERE).token for name, person in gone.items()}
    caller = staff.caller(admins[1])  # from where she is usually; at another place it proves less
    (grant,) = staff.administration.user("revoked").grants
    staff.administration.revoke(caller, grant.id, "left the post")
    staff.administration.disable(caller, lender.login, "left the bank")
    return tokens, left


def _objects(walk: Walk, staff: Staff) -> None:
    """Branch × queue × person: seen exactly where both are within reach."""
    admins = staff.administrators()
    reaches: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "east": (("b1", "b2"), ("q1",)),
        "west": (("b3",), ("*",)),
        "none": ((), ()),
        "half": (("b1",), ()),
    }
    for name, (branches, queues) in reaches.items():
        person = staff.person(admins, f"reach.{name}", Role.INVESTIGATOR, reach=False)
        staff.agreed(admins, Change(ChangeKind.REACH, person.login, branches=branches, queues=queues))
        caller = staff.caller(person, HERE)
        for branch, queue in product(("b1", "b2", "b3", "*"), ("q1", "q2", "*")):
            may = (branches == ("*",) or branch in branches) and (queues == ("*",) or queue in queues)
            walk.expect(caller.may_see(branch, queue) is may, f"{name} sees {branch}/{queue}")


def _commands(walk: Walk, data: Path, keys: Mapping[str, str]) -> None:
    """Local commands: a key with every scope in the name of each role's person, and of nobody."""
    places = Places(data)
    for role in Role:
        login = "adam" if role is Role.ADMINISTRATOR else f"the.{role.value.replace('_', '.')}"
        _, secret = create_key(data / API_KEYS_FILE, login, list(Scope), 1)
        for scope in LOCAL_SCOPES:
            walk.expect(
                _works(places, secret, scope) is (scope in ROLES[role].scopes), f"local {scope.value} as {role.value}"
            )
    for scope in LOCAL_SCOPES:
        walk.expect(not _works(places, keys[scope.value], scope), f"local {scope.value} by a key of nobody")


def _works(places: Places, secret: str, scope: Scope) -> bool:
    try:
        operator_of(places, {"TARIM_KEY": secret}, scope)
    except NotAllowed:
        return False
    return True


def _at_once(walk: Walk, client: httpx.Client, tokens: Mapping[Role, str]) -> None:
    """A grant is revoked between two requests of one session."""
    as_admin = {"Authorization": f"Bearer {tokens[Role.ADMINISTRATOR]}"}
    as_auditor = {"Authorization": f"Bearer {tokens[Role.AUDITOR]}"}
    (grant,) = client.get("/v1/users/the.auditor", headers=as_admin).json()["grants"]
    walk.expect(client.get("/v1/users", headers=as_auditor).status_code == 200, "the auditor before")
    answer = client.post(f"/v1/grants/{grant['id']}:revoke", json={"reason": "moved"}, headers=as_admin)
    walk.expect(answer.status_code == 200, f"revoke: {answer.status_code}")
    after = client.get("/v1/users", headers=as_auditor)
    walk.expect(refused(after, Scope.USERS_READ), f"the auditor at the next request: {after.status_code}")


# ---- attacks -------------------------------------------------------------------------------------------------------


class Attacker:
    """Speaks to the desk as whoever it wants to be, by way of our proxy."""

    def __init__(self, desk: Served, walk: Walk) -> None:
        self._client = httpx.Client(base_url=desk.url, timeout=30)
        self.walk = walk

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        address: str = "198.51.100.1",
        token: str = "",
        **headers: str,
    ) -> httpx.Response:
        """One request.  Underscores in names of headers are dashes."""
        given = {"User-Agent": AGENT, "X-Forwarded-For": address} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.request(method, path, json=body, headers=given)

    def sign_in(self, login: str, password: str, code: str = "", **more: str) -> httpx.Response:
        """One sign-in."""
        return self.ask("POST", "/v1/sign-in", {"login": login, "password": password, "code": code}, **more)

    def expect(self, what: str, answer: httpx.Response, *statuses: int) -> None:
        """Note an attack that has to be answered so."""
        self.walk.expect(answer.status_code in statuses, f"{what}: {answer.status_code}")


def attacks() -> tuple[Walk, set[str]]:
    """Attacks tried and those that came through; kinds of alarms that were raised."""
    walk = Walk()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        keys = new_data(data)
        with staff_of(data) as staff:
            admins = staff.administrators()
            victim = staff.person(admins, "victim", Role.INVESTIGATOR)
            locked = staff.person(admins, "locked", Role.INVESTIGATOR)
            other = staff.person(admins, "other", Role.INVESTIGATOR)
            auditor = staff.person(admins, "auditor", Role.AUDITOR)
        settings = QUICK_SETTINGS | {
            "TARIM_IDENTITY_PROXIES": "127.0.0.1",
            "TARIM_IDENTITY_ORIGINS": "https://desk.bank.example",
            "TARIM_IDENTITY_SIEGE_LOGINS_MAX": "20",
            "TARIM_PROBING_UNKNOWN_KEYS_MAX": "30",
        }
        with desk_serving(data, keys, **settings) as desk:
            attacker = Attacker(desk, walk)
            victims = _sessions(attacker, victim)
            _browser(attacker, victim)
            _mass_assignment(attacker, admins[0])
            _guessing(attacker, other, victims)
            _injection(attacker)
            _passwords(attacker, locked)
            _forged(attacker)
            token = attacker.sign_in(auditor.login, PASSWORD, auditor.recovery[0], address="192.0.2.9").json()["token"]
            listed = attacker.ask("GET", "/v1/sign-in-alarms?limit=200", token=token, address="192.0.2.9").json()[
                "alarms"
            ]
    return walk, {alarm["kind"] for alarm in listed}


def _sessions(attacker: Attacker, victim: Person) -> str:
    """Fixation, theft, replay; the id of a session of the victim."""
    home = "192.0.2.1"
    fixed = "ts_" + "F" * 43
    code = victim.recovery[0]
    answer = attacker.sign_in("victim", PASSWORD, code, address=home, Cookie=f"__Host-tarim={fixed}")
    attacker.walk.expect(answer.status_code == 200 and answer.json()["token"] != fixed, "fixation: the token was taken")
    attacker.expect("fixation", attacker.ask("GET", "/v1/account", token=fixed, address=home), 401)
    attacker.expect("replay of a code", attacker.sign_in("victim", PASSWORD, code, address=home), 401)
    token, session = answer.json()["token"], answer.json()["session"]
    attacker.expect("the owner", attacker.ask("GET", "/v1/account", token=token, address=home), 200)
    stolen = attacker.ask("GET", "/v1/account", token=token, address="203.0.113.66")
    attacker.expect("theft, another network", stolen, 401)
    attacker.expect("theft, afterwards at home", attacker.ask("GET", "/v1/account", token=token, address=home), 401)
    again = attacker.sign_in("victim", PASSWORD, victim.recovery[1], address=home).json()["token"]
    attacker.expect(
        "theft, another program", attacker.ask("GET", "/v1/account", token=again, address=home, User_Agent="x"), 401
    )
    code = victim.recovery[2]
    token = attacker.sign_in("victim", PASSWORD, code, address=home).json()["token"]
    attacker.expect("signing out", attacker.ask("POST", "/v1/account:sign-out", token=token, address=home), 200)
    attacker.expect("replay of a session", attacker.ask("GET", "/v1/account", token=token, address=home), 401)
    return str(session)


def _browser(attacker: Attacker, victim: Person) -> None:
    """Requests that a page of somebody else's makes the victim's browser send."""
    home, ours = "192.0.2.1", "https://desk.bank.example"
    body = {"login": "victim", "password": PASSWORD, "code": victim.recovery[3], "cookie": True}
    answer = attacker.ask("POST", "/v1/sign-in", body, address=home)
    lines = answer.headers.get_list("set-cookie")
    line = next((each for each in lines if each.startswith("__Host-tarim=")), "")
    attacker.walk.expect(
        all(word in line for word in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/")), f"cookie: {line}"
    )
    attacker.walk.expect(answer.json()["token"] == "", "the token is told beside the cookie")
    cookie = line.partition(";")[0]
    limits: dict[str, Any] = {"idle_min": 5}
    for name, given in {
        "foreign origin": {"Origin": "https://evil.example"},
        "no origin": {},
        "null origin": {"Origin": "null"},
        "origin that begins like ours": {"Origin": ours + ".evil.example"},
        "cross-site": {"Origin": ours, "Sec_Fetch_Site": "cross-site"},
    }.items():
        answer = attacker.ask("PUT", "/v1/account/limits", limits, address=home, Cookie=cookie, **given)
        attacker.expect(f"forged request, {name}", answer, 403)
    answer = attacker.ask("POST", "/v1/sign-in", body, address=home, Origin="https://evil.example")
    attacker.expect("a foreign page signs somebody in", answer, 403)
    answer = attacker.ask("GET", "/v1/account", address=home, Cookie=cookie, Origin="https://evil.example")
    attacker.expect("foreign page reads", answer, 403)
    answer = attacker.ask("PUT", "/v1/account/limits", limits, address=home, Cookie=cookie, Origin=ours)
    attacker.expect("our own page", answer, 200)


def _mass_assignment(attacker: Attacker, admin: Person) -> None:
    """Fields that nobody asked for."""
    home = "192.0.2.5"
    token = attacker.sign_in(admin.login, PASSWORD, admin.recovery[0], address=home).json()["token"]
    token = attacker.ask(
        "POST",
        "/v1/account:reauthenticate",
        {"password": PASSWORD, "code": admin.recovery[1]},
        token=token,
        address=home,
    ).json()["token"]
    new = {"login": "eve", "staff_number": "S900", "display_name": "Eve", "reason": "new"}
    for extra in (
        {"roles": ["administrator"]},
        {"state": "active"},
        {"id": "0" * 16},
        {"branches": ["*"]},
        {"password": "x"},
    ):
        attacker.expect(
            f"mass assignment {extra}", attacker.ask("POST", "/v1/users", new | extra, token=token, address=home), 422
        )
    answer = attacker.ask("POST", "/v1/users", new, token=token, address=home)
    attacker.walk.expect(
        answer.status_code == 201 and answer.json()["user"]["roles"] == [], f"a new user: {answer.text[:200]}"
    )
    grant = {"kind": "grant", "login": "eve", "role": "auditor", "until_ms": time.time_ns() // 1_000_000 + DAY_MS}
    for extra in ({"state": "approved"}, {"decider": "beth"}, {"author": "beth"}):
        answer = attacker.ask(
            "POST", "/v1/changes", {"change": grant, "reason": "x"} | extra, token=token, address=home
        )
        attacker.expect(f"mass assignment {extra}", answer, 422)
    limits = {"idle_min": 5, "login": "beth"}
    attacker.expect(
        "another's limits", attacker.ask("PUT", "/v1/account/limits", limits, token=token, address=home), 422
    )
    own = attacker.ask(
        "POST", "/v1/changes", {"change": grant | {"login": admin.login}, "reason": "x"}, token=token, address=home
    )
    attacker.expect("a grant for oneself", own, 403, 409)
    proposed = attacker.ask("POST", "/v1/changes", {"change": grant, "reason": "x"}, token=token, address=home).json()
    answer = attacker.ask(
        "POST", f"/v1/changes/{proposed['id']}:approve", {"digest": proposed["digest"]}, token=token, address=home
    )
    attacker.expect("approving alone", answer, 403)


def _guessing(attacker: Attacker, other: Person, session: str) -> None:
    """Ids of what belongs to somebody else, and of what is not there."""
    home = "192.0.2.3"
    code = pyotp.TOTP(other.secret).now()
    token = attacker.sign_in(other.login, PASSWORD, code, address=home).json()["token"]
    attacker.expect("replay of a one-time code", attacker.sign_in(other.login, PASSWORD, code, address=home), 401)
    attacker.expect(
        "ending another's session",
        attacker.ask("DELETE", f"/v1/account/sessions/{session}", token=token, address=home),
        404,
    )
    for path in ("/v1/users", "/v1/users/victim", "/v1/users/victim/sessions", "/v1/changes", "/v1/sign-in-alarms"):
        attacker.expect(f"reading {path}", attacker.ask("GET", path, token=token, address=home), 403)
    for number in range(20):
        guess = "ts_" + f"{number:043d}"
        attacker.expect(
            "guessing a session", attacker.ask("GET", "/v1/account", token=guess, address="203.0.113.20"), 401, 429
        )


def _injection(attacker: Attacker) -> None:
    """Words that mean something to a database, a shell, a page or a parser."""
    words = (
        "' OR 1=1 --",
        '"; DROP TABLE identity_users;--',
        "%00",
        "../../etc/passwd",
        "<script>",
        "${jndi:x}",
        "\u0000",
        "a" * 65,
    )
    for number, word in enumerate(words):
        address = f"198.18.{number}.1"
        attacker.expect(f"login {word!r}", attacker.sign_in(word, word, word[:32], address=address), 401, 422)
        answer = attacker.ask("POST", "/v1/sign-in:start", {"login": word}, address=address)
        attacker.expect(f"start {word!r}", answer, 200, 422)
    for body in ('{"login": {"$ne": 1}, "password": "x"}', "[1]", '{"login": "a"', "\xff"):
        answer = attacker._client.post("/v1/sign-in", content=body.encode("latin-1"))
        attacker.expect(f"body {body!r}", answer, 422)


def _passwords(attacker: Attacker, locked: Person) -> None:
    """Brute force on one login from ever new addresses, spraying from one, stuffing from many."""
    for number in range(8):
        answer = attacker.sign_in(locked.login, f"Guess-{number}-guess", "000000", address=f"203.0.{number}.7")
        attacker.expect("brute force", answer, 401 if number < 5 else 429)
    answer = attacker.sign_in(locked.login, PASSWORD, locked.recovery[0], address="203.0.99.7")
    attacker.expect("brute force, now with the right one", answer, 429)
    for number in range(12):
        answer = attacker.sign_in(f"sprayed{number}", "Spring-2026-Spring", address="198.51.100.77")
        attacker.expect("spraying", answer, 401 if number < 6 else 429)
    for number in range(25):
        answer = attacker.sign_in(f"leaked{number}", f"leaked-{number}-Leaked", address=f"100.64.{number}.9")
        attacker.expect("stuffing", answer, 401)


def _forged(attacker: Attacker) -> None:
    """Forwarding headers that the attacker writes before our proxy adds the true address."""
    statuses = []
    for number in range(12):
        address = f"10.{number}.0.1, 203.0.113.150"
        statuses.append(attacker.sign_in(f"forged{number}", "Spring-2026-Spring", address=address).status_code)
    attacker.walk.expect(statuses[-1] == 429, f"forged X-Forwarded-For: {statuses}")
    other = attacker.sign_in("forged99", "x", address="203.0.113.151", Forwarded="for=10.0.0.1", X_Real_IP="10.0.0.1")
    attacker.expect("another address behind the proxy is its own", other, 401)


ALARMS: Final = frozenset({"locked", "spraying", "stuffing", "theft", "replay", "unusual"})


def authority_lines(run: Run) -> Iterator[Line]:
    """The bar `authority`."""
    found = authority(run.quick)
    note = f"of {found.tried:,} tried" + (f"; {found.holes[:3]}" if found.holes else "")
    yield none("authority, routes and commands by role", "hole", len(found.holes), note)


def attack_lines(_run: Run) -> Iterator[Line]:
    """The bar `attack`."""
    found, raised = attacks()
    note = f"of {found.tried:,} tried" + (f"; {found.holes[:3]}" if found.holes else "")
    yield none("attack, came through", "attack", len(found.holes), note)
    missing = sorted(ALARMS - raised)
    yield none(
        "attack, without an alarm",
        "kind",
        len(missing),
        f"of {len(ALARMS)}; {missing}" if missing else f"of {len(ALARMS)}",
    )


def _show(judge: Callable[[], object]) -> None:
    began = time.monotonic()
    print(json.dumps(judge(), default=lambda value: sorted(value) if isinstance(value, set) else vars(value), indent=1))
    print(f"{time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    _show(lambda: authority(True))
    _show(attacks)
