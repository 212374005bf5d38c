"""The demonstration's bank with people in it: accounts, the desk, the views and the console, cases in every state, traffic,
and models that are learnt while one looks around.

What is left in DATA, for the demonstration only: `demo-codes.json`, from which `tarim demo --codes` makes one-time codes.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tarim.base.errors import InputError, TarimError, Unavailable
from tarim.cli import _background

if TYPE_CHECKING:
    from rich.console import Console

    from tarim.bootstrap.demo_staff import Employee
    from tarim.cli._demo_hands import Hands

CODES_FILE: Final = "demo-codes.json"
PORTS: Final = {"desk": 8471, "views": 8472, "console": 8473}
"""Taken when they are free; otherwise any."""
_STEP_S: Final = 30


def open_bank(data: Path, serve_url: str, texts: Any, console: Console) -> str:
    """Accounts, processes and work; prints them, and gives the console's address.  Raises Unavailable."""
    from tarim.bootstrap.demo_staff import employ
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.cli._demo_hands import Hands

    with console.status(texts.hiring):
        staff = employ(settings_of(data, {}), Places(data), {})
        _keep_codes(data, staff)
    with console.status(texts.opening):
        urls = _start(data, serve_url)
    with console.status(texts.working), Hands(staff, serve_url, urls["desk"]) as hands:
        _work(data, hands)
    for name in ("feed", "models"):
        _background.Started(data, name, (f"tarim.cli._demo_{name}", str(data), serve_url), _environment())
    texts.show_staff(console, staff, data)
    return urls["console"]


def codes(data: Path) -> list[tuple[str, str, int]]:
    """(login, one-time code, seconds for which it counts) of everybody.  Raises InputError without a demonstration."""
    import pyotp

    try:
        secrets: dict[str, str] = json.loads((data / CODES_FILE).read_bytes())
    except (OSError, ValueError):
        raise InputError(f"{data} holds no demonstration with accounts; run tarim demo first") from None
    left = _STEP_S - int(time.time()) % _STEP_S
    return [(login, pyotp.TOTP(secret).now(), left) for login, secret in secrets.items()]


def _keep_codes(data: Path, staff: tuple[Employee, ...]) -> None:
    path = data / CODES_FILE
    path.touch(mode=0o600)
    path.write_text(json.dumps({each.login: each.secret for each in staff}) + "\n", encoding="utf-8")


def _environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TARIM_")}


def _start(data: Path, serve_url: str) -> dict[str, str]:
    """Desk, views and console side by side; their addresses."""
    ports = {name: str(_background.free_port(wanted)) for name, wanted in PORTS.items()}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    folder = ("--data", str(data))
    words = {
        "desk": ("--service", serve_url, *folder),
        "views": folder,
        "console": ("--serve", serve_url, "--desk", urls["desk"], "--views", urls["views"], "--environment", "demo"),
    }
    started = [
        _background.Started(data, name, ("tarim.cli", name, "--port", ports[name], *words[name]), _environment())
        for name in PORTS
    ]
    for process in started:
        urls[process.name] = process.listening()
    return urls


def _work(data: Path, hands: Hands) -> None:
    from tarim.cli._demo_cases import CaseWork
    from tarim.cli._demo_files import FileWork

    cases = CaseWork(hands)
    cases.all_states()
    files = FileWork(hands, cases.done, customer_of(data))
    report = threading.Thread(target=_quietly, args=(files.risk_report,), daemon=True)
    report.start()
    files.everything()
    report.join()


def _quietly(act: Callable[[], None]) -> None:
    """A report that cannot be drawn (no Chinese font) is no reason to end."""
    with suppress(TarimError):
        act()


def customer_of(data: Path) -> Callable[[str], str]:
    """From the id of a simulated event to its customer's number; each day's file is read once."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    files = sorted((data / "bank").glob("events-*.parquet"), reverse=True)

    def found(event_id: str) -> str:
        for path in files:
            table = pq.read_table(path, columns=["event_id", "customer"])
            place = pc.index(table["event_id"], event_id).as_py()
            if place >= 0:
                return str(table["customer"][place].as_py())
        raise Unavailable(f"the simulated bank has no event {event_id}")

    return found
