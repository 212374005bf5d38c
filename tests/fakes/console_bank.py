"""A small populated bank with all its processes, for tests that look at pages.

    with open_bank(folder) as bank:
        bank.url                     the console
        bank.staff["analyst"]        who has that role: login, password, code()
        bank.cases["submitted"]      a case in that state (see tarim.cli._demo_cases)
        bank.planted                 customers whose identifiers stand nowhere else
        bank.send(amount_fen=...)    have an event decided, now
        bank.desk("reviewer", "GET", "/v1/cases")    what a service says to a person, without the console

    python -m tests.fakes.console_bank FOLDER            keeps one running until Enter
    TARIM_TEST_BANK=FOLDER pytest tests/e2e/console      uses it with a console of its own: quick while pages are written

It is what `tarim demo` leaves behind, of a smaller bank and with a cheap password hash.  Every process is a real one on a free
port; `bank.stop("views")` and `bank.start("views")` take one away and bring it back at the same address.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

from bench.people_masking import Customer
from bench.people_staff import QUICK_SETTINGS
from tarim.base.errors import Unavailable
from tarim.bootstrap.demo_staff import AGENT, Employee, employ
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import settings_of
from tarim.cli._demo_cases import CaseWork
from tarim.cli._demo_console import customer_of
from tarim.cli._demo_files import FileWork
from tarim.cli._demo_hands import Hands
from tarim.identity import Role

HOME = Path(__file__).resolve().parents[2]
SMALL = ("--customers", "2000", "--events-per-day", "400", "--days", "12", "--crime-share", "0.09")
START_S_MAX = 180.0
PLANTED = 3
LIVE_EVENTS = 40
RENEW_S = 240.0
KEPT = "bank.json"
_LISTENING = "listening on "
_COMMANDS = ("serve", "desk", "views", "console")


class Bank:
    """A running bank.  See the module."""

    def __init__(self, data: Path, settings: Mapping[str, str] | None = None) -> None:
        """settings: of its processes, as environment variables."""
        self.data = data
        self._settings = settings or {}
        self.staff: dict[str, Employee] = {}
        self.cases: dict[str, str] = {}
        self.planted = [Customer(number) for number in range(PLANTED)]
        self.key = (data / "api-key.txt").read_text(encoding="ascii").strip()
        self.commands = [each for each in _COMMANDS if find_spec(f"tarim.cli.{each}") is not None]
        self._ports = _free_ports(len(_COMMANDS))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._hands: Hands | None = None
        self._sent = 0
        self._used: dict[str, float] = {}

    # ---- where -----------------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The console's address."""
        return self.url_of("console")

    def url_of(self, command: str) -> str:
        """The address of a process: serve, desk, views, console."""
        return f"http://127.0.0.1:{self._ports[_COMMANDS.index(command)]}"

    def log_of(self, command: str) -> str:
        """What a process has said."""
        return (self.data / f"{command}.log").read_text(encoding="utf-8", errors="replace")

    # ---- processes -------------------------------------------------------------------------------------------------------

    def start(self, *commands: str) -> None:
        """Start processes side by side and wait until each of them listens."""
        for command in commands:
            self._processes[command] = self._started(command)
        for command in commands:
            self._wait(command)

    def stop(self, *commands: str) -> None:
        """End processes; their addresses stay theirs."""
        for command in commands:
            if command in self._processes:
                self._processes[command].terminate()
        for command in commands:
            process = self._processes.pop(command, None)
            if process is not None:
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)

    def process(self, command: str) -> subprocess.Popen[bytes]:
        """A process that runs: serve, desk, views, console."""
        return self._processes[command]

    def _started(self, command: str) -> subprocess.Popen[bytes]:
        port = self.url_of(command).rpartition(":")[2]
        words = [sys.executable, "-m", "tarim.cli", command, "--port", port]
        if command != "console":
            words += ["--data", str(self.data)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TARIM_")}
        environment |= QUICK_SETTINGS | {
            "PYTHONPATH": "src",
            "PYTHONDONTWRITEBYTECODE": "",
            "TARIM_IDENTITY_PROXIES": "127.0.0.1",
            "TARIM_IDENTITY_SESSIONS_MAX": "500",  # a person of the tests signs in once a test
            "TARIM_DESK_SERVICE_URL": self.url_of("serve"),
        }
        if command == "console":
            environment |= {
                f"TARIM_CONSOLE_{each.upper()}_URL": self.url_of(each) for each in ("serve", "desk", "views")
            }
        environment |= self._settings
        with (self.data / f"{command}.log").open("wb") as log:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=HOME, env=environment)

    def _wait(self, command: str) -> None:
        deadline = time.monotonic() + START_S_MAX
        while _LISTENING not in self.log_of(command):
            ended = self._processes[command].poll() is not None
            assert not ended, f"tarim {command} ended at once:\n{self.log_of(command)[-3000:]}"
            assert time.monotonic() < deadline, f"tarim {command} does not listen"
            time.sleep(0.02)

    # ---- doing things ----------------------------------------------------------------------------------------------------

    @property
    def hands(self) -> Hands:
        """For asking the services in the name of the staff, beside the console."""
        if self._hands is None:
            self._hands = Hands(list(self.staff.values()), self.url_of("serve"), self.url_of("desk"))
        return self._hands

    def desk(self, role: str, method: str, path: str, body: object = None, **query: str | int) -> Any:
        """What the desk says to whoever has the role.  Raises Unavailable with what it refused."""
        self._fresh(role)
        return self.hands.desk(Role(role), method, path, body, **query)

    def serve(self, role: str, method: str, path: str, body: object = None, **query: str | int) -> Any:
        """What the decisions service says to whoever has the role."""
        self._fresh(role)
        return self.hands.serve(Role(role), method, path, body, **query)

    def _fresh(self, role: str) -> None:
        """Another session for who has not used the own one for a while."""
        now = time.monotonic()
        if now - self._used.get(role, -RENEW_S) >= RENEW_S:
            self.hands.sign(Role(role), self.session(role, AGENT))
        self._used[role] = now

    def send(self, **fields: object) -> dict[str, Any]:
        """Have an event decided now, as a channel would; the answer, with `event_id` of its own unless it is given."""
        self._sent += 1
        now = datetime.now(UTC) + timedelta(hours=8)
        event: dict[str, object] = {
            "event_id": f"live-{self._sent:06d}",
            "source": "core",
            "kind": "transfer",
            "occurred_at": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}+08:00",
            "customer": f"C{self._sent % 40:07d}",
            "account": f"62229900{self._sent % 40:08d}",
            "payee_account": f"62229911{self._sent % 7:08d}",
            "amount_fen": 12_300 + 997 * self._sent,
            "channel": "mobile",
        } | fields
        answer = httpx.post(
            self.url_of("serve") + "/v1/decisions",
            json=event,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        return {"event_id": event["event_id"], "source": event["source"], **answer.json()}

    def code(self, role: str) -> str:
        """A one-time code that counts now, though another one was used within this half minute."""
        person = self.staff[role]
        with sqlite3.connect(self.data / "identity.db", timeout=30) as connection:
            (table,) = connection.execute(
                "select m.name from sqlite_master m join pragma_table_info(m.name) c where c.name = 'totp_step'"
            ).fetchone()
            connection.execute(f"update {table} set totp_step = 0 where login = ?", (person.login,))
        return person.code()

    def session(self, role: str, agent: str) -> str:
        """The token of a new session of whoever has the role, for a browser that calls itself `agent`."""
        person = self.staff[role]
        body = {"login": person.login, "password": person.password, "code": self.code(role)}
        answer = httpx.post(
            self.url_of("desk") + "/v1/sign-in",
            json=body,
            headers={"User-Agent": agent, "X-Forwarded-For": "127.0.0.1"},
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    def keep(self, path: Path) -> None:
        """Write down where it is, for `attached`."""
        staff = {role: {**asdict(each), "role": each.role.value} for role, each in self.staff.items()}
        kept = {"data": str(self.data), "ports": self._ports, "staff": staff, "cases": self.cases}
        path.write_text(json.dumps(kept), encoding="utf-8")

    @classmethod
    @contextmanager
    def attached(cls, path: Path) -> Iterator[Bank]:
        """A bank that somebody else keeps running, with a console of one's own."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        bank = cls(Path(kept["data"]))
        bank.staff = {role: Employee(**{**each, "role": Role(each["role"])}) for role, each in kept["staff"].items()}
        bank.cases, bank._ports = kept["cases"], [*kept["ports"][:3], *_free_ports(1)]
        bank._sent = time.time_ns() // 10_000_000 % 10**9
        try:
            bank.start("console")
            yield bank
        finally:
            bank.close()

    def close(self) -> None:
        """End everything that was started here."""
        if self._hands is not None:
            self._hands.close()
        self.stop(*reversed(list(self._processes)))


@contextmanager
def open_bank(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Bank]:
    """Make the bank in a new folder, start its processes, and have its people work.  Seconds: about fifteen on two cores.

    settings: as `Bank`.
    """
    data = folder / "bank"
    words = [sys.executable, "-m", "tarim.cli", "demo", "--no-serve", "--lang", "en", "--data", str(data), *SMALL]
    done = subprocess.run(
        words, cwd=HOME, env={**os.environ, "PYTHONPATH": "src"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    bank = Bank(data, settings)
    try:
        staff = employ(settings_of(data, {}), Places(data), {})
        bank.staff = {each.role.value: each for each in reversed(staff)} | {
            "administrator2": staff[1],
            "auditor2": staff[-1],
        }
        bank.start(*bank.commands)
        _plant(bank)
        work = CaseWork(bank.hands)
        work.all_states()
        bank.cases |= work.done
        files = FileWork(bank.hands, work.done, customer_of(data))
        files.everything()
        threading.Thread(target=_risk_report, args=(files,), daemon=True).start()
        for _ in range(LIVE_EVENTS):
            bank.send()
        yield bank
    finally:
        bank.close()


def _risk_report(files: FileWork) -> None:
    """Beside the tests: its PDF takes seconds, and few pages show it."""
    with suppress(Unavailable):
        files.risk_report()


def _plant(bank: Bank) -> None:
    """Transfers of the planted customers, large enough to become cases, each with a note that names its customer."""
    for each in bank.planted:
        bank.send(
            event_id=f"planted-{each.number}",
            customer=each.paper,
            account=each.card,
            payee_account=each.card[::-1],
            payee_name=each.name,
            payee_phone=each.phone,
            amount_fen=8_000_000,
        )
        case = _case_of(bank, each.paper)
        bank.cases[f"planted-{each.number}"] = case
        text = f"{each.name} {each.phone}, card {each.card}, document {each.paper}"
        bank.desk("investigator", "POST", f"/v1/cases/{case}/take", {})
        bank.desk("investigator", "POST", f"/v1/cases/{case}/note", {"text": text})


def _case_of(bank: Bank, customer: str) -> str:
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline:
        found = bank.desk("investigator", "POST", "/v1/cases:find", {"customer": customer})["cases"]
        if found:
            return str(found[0]["id"])
        time.sleep(0.05)
    raise AssertionError("a planted transfer became no case")


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def main() -> None:
    """Keep a bank running in a folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("var/test-bank")
    folder.mkdir(parents=True, exist_ok=True)
    with open_bank(folder) as opened:
        opened.keep(folder / KEPT)
        people = {role: {"login": each.login, "password": each.password} for role, each in opened.staff.items()}
        print(json.dumps({"url": opened.url, "cases": opened.cases, "people": people}, indent=1, ensure_ascii=False))
        print("a role and Enter: a one-time code; Enter alone ends it", flush=True)
        while role := sys.stdin.readline().strip():
            print(opened.code(role) if role in opened.staff else "no such role", flush=True)


if __name__ == "__main__":
    main()
