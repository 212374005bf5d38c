"""Contact with customers, with real processes: the decisions service, the desk, and a reference channel.

walk        a payment is held, its customer is asked in the channel and answers, the digest is checked, the hold is released,
            the confirmation is a label; and everything that has to be refused is tried
kills       the desk and the channel are killed (SIGKILL) at random moments while payments are held and answered; at the end
            every message was taken exactly once, and every payment ended as its customer said

python -m bench.people_contact --kills 20 --payments 60
"""

from __future__ import annotations

import argparse
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.serving import START_S_MAX, Served, desk_serving, new_data, serving
from tarim.base.instants import instant_text
from tarim.bootstrap.places import API_KEYS_FILE, Places
from tarim.contact import read_channels
from tarim.identity import Scope, create_key
from tarim.privacy import load_master_key

T = TypeVar("T")

SOURCE: Final = "mobile-bank"
WAIT_S_MAX: Final = 20.0
PATIENCE_S_MAX: Final = 300.0
"""While processes die again and again, on a machine with other work."""
RULES: Final = """
name = "contact"

[[rule]]
id = "large"
when = "amount_fen >= 1_000_00"
outcome = "challenge"
weight = 50
scenario = "test"
reason = "金额较大"
reason_en = "a large amount"
"""
TREATMENT: Final = """
[holds.challenge]
lasts = "15m"
expiry = "refuse"
strength = 2
failures_max = 3
[holds.delay]
lasts = "1s"
expiry = "release"
strength = 0
failures_max = 1
[holds.suspend]
lasts = "2s"
expiry = "escalate"
escalated = "1h"
strength = 0
failures_max = 1
"""
FACE_PURPOSE: Final = "identity verification with kept images"


@dataclass
class ChannelProcess:
    """The reference channel in a process of its own."""

    folder: Path
    arguments: list[str]
    environment: dict[str, str]
    url: str = ""
    process: subprocess.Popen[str] | None = None

    def start(self, port: int = 0) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "tarim.cli", "contact", "reference-channel", str(self.folder), *self.arguments]
        self.process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self.environment,
        )
        assert self.process.stdout is not None
        begin = time.monotonic()
        while time.monotonic() - begin < START_S_MAX:
            line = self.process.stdout.readline()
            assert line, "the reference channel ended at once"
            if line.startswith("listening on "):
                self.url = line.split()[-1]
                return

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])


@dataclass
class Stage:
    """Three processes and what it takes to speak to them."""

    service: Served
    desks: Desks
    channel: ChannelProcess
    api_key: str = field(repr=False)

    def order(self, event_id: str, **fields: Any) -> dict[str, Any]:
        """A customer's order; what the decisions answered."""
        answer = httpx.post(f"{self.channel.url}/orders", json=payment(event_id, **fields), timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def messages(self, event_id: str, kind: str = "") -> list[dict[str, Any]]:
        """What the channel took about an order."""
        found = httpx.get(f"{self.channel.url}/orders/{event_id}", timeout=30).json()["messages"]
        return [each["content"] for each in found if not kind or each["kind"] == kind]

    def await_message(self, event_id: str, kind: str, count: int = 1) -> dict[str, Any]:
        """The newest message of a kind about an order, once there are so many."""
        return until(lambda: self.messages(event_id, kind)[count - 1 :])[-1]

    def answer(self, event_id: str, **said: Any) -> httpx.Response:
        """What the desk says to a customer's answer."""
        return httpx.post(f"{self.channel.url}/orders/{event_id}/answers", json=said, timeout=30)

    def hold(self, event_id: str) -> dict[str, Any]:
        """The hold of an order, as the decisions have it."""
        with self.service.client("read") as client:
            found = client.get(f"/v1/holds/{event_id}", params={"source": SOURCE})
        answered: dict[str, Any] = found.json()
        return answered


def payment(event_id: str, **fields: Any) -> dict[str, Any]:
    """A transfer that is held for a challenge."""
    return {
        "event_id": event_id,
        "kind": "transfer",
        "occurred_at": instant_text(time.time_ns() // 1_000_000),
        "customer": "C-100000007",
        "account": "6222020000001111",
        "payee_account": "6222020000002222",
        "payee_name": "张三",
        "amount_fen": 8_000_00,
        "currency": "CNY",
        "device_id": "phone-1",
        "verification": ["password"],
    } | fields


def shown(**changed: Any) -> dict[str, Any]:
    """What a customer sees of that transfer."""
    names = ("account", "payee_account", "payee_name", "amount_fen", "currency")
    return {name: value for name, value in payment("").items() if name in names} | changed


def until(look: Callable[[], T], wait_s: float = WAIT_S_MAX) -> T:
    """What `look` gives, once that is something."""
    deadline = time.monotonic() + wait_s
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)
    return found


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def stage(folder: Path, algorithm: str = "hmac-sha256") -> Iterator[Stage]:
    """The three processes over a new data folder."""
    data = folder / "data"
    keys = new_data(data)
    _, api_key = create_key(
        data / API_KEYS_FILE, SOURCE, [Scope.DECIDE, Scope.CONTACT_CALLBACK], time.time_ns() // 1_000_000
    )
    (data / "rules.toml").write_text(RULES, encoding="utf-8")
    (data / "treatment.toml").write_text(TREATMENT, encoding="utf-8")
    desk_port, channel_port = free_port(), free_port()
    private = secrets.token_bytes(32)
    lines = [
        "[[channels]]",
        f'source = "{SOURCE}"',
        f'url = "http://127.0.0.1:{channel_port}"',
        'methods = ["password", "sms_code", "face"]',
        f'algorithm = "{algorithm}"',
    ]
    if algorithm == "ed25519":
        public = Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
        lines.append(f'public_key = "{b64encode(public).decode()}"')
    file = data / "channels.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    channels = read_channels(file, load_master_key(Places(data).master_key, {}))
    key = channels.get(SOURCE).key
    policy = {
        "TARIM_POLICY_RULES_FILE": str(data / "rules.toml"),
        "TARIM_POLICY_TREATMENT_FILE": str(data / "treatment.toml"),
    }
    with ExitStack() as stack:
        service = stack.enter_context(serving(data, keys, **policy))
        settings = {
            "TARIM_DESK_PORT": str(desk_port),
            "TARIM_DESK_SERVICE_URL": service.url,
            "TARIM_DESK_CHANNELS_FILE": str(file),
        }
        arguments = ["--source", SOURCE, "--key-id", key.id, "--service", service.url]
        arguments += ["--desk", f"http://127.0.0.1:{desk_port}"]
        if algorithm == "ed25519":
            arguments += ["--tarim-public-key", b64encode(bytes.fromhex(channels.public_key_hex)).decode()]
        environment = os.environ | {
            "PYTHONPATH": "src",
            "TARIM_CHANNEL_API_KEY": api_key,
            "TARIM_CHANNEL_SECRET": b64encode(private if algorithm == "ed25519" else key.secret).decode(),
        }
        channel = ChannelProcess(folder / "channel", arguments, environment)
        stack.callback(channel.kill)
        channel.start(channel_port)
        desks = stack.enter_context(Desks(data, keys, settings))
        yield Stage(service, desks, channel, api_key)


class Desks:
    """The desk, which may be killed and started again."""

    def __init__(self, data: Path, keys: dict[str, str], settings: dict[str, str]) -> None:
        self._data, self._keys, self._settings = data, keys, settings
        self._stack = ExitStack()
        self.now: Served = self._stack.enter_context(desk_serving(self._data, self._keys, **self._settings))

    def __enter__(self) -> Desks:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def kill(self) -> None:
        """SIGKILL, and a new life."""
        self.now.process.send_signal(signal.SIGKILL)
        self.now.process.wait(30)
        self._stack.close()
        self._stack = ExitStack()
        self.now = self._stack.enter_context(desk_serving(self._data, self._keys, **self._settings))


# ---- kills ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kills:
    """What became of payments while processes were killed.

    doubled: messages of one kind about one payment more than there should be.  lost: those that never came.  ended_otherwise:
    payments that did not end as their customer said.  repeated: messages that came more than once and were taken once.
    """

    kills: int
    payments: int
    messages: int
    repeated: int
    lost: int
    doubled: int
    ended_otherwise: int
    labels_wrong: int


def kill_again_and_again(folder: Path, kills: int, payments: int, seed: int = 1) -> Kills:
    """Hold payments and answer them while the desk and the channel die; then look at what came of each."""
    rng = random.Random(seed)
    with stage(folder) as played:
        wishes = {f"kill-{number}": rng.choice(("confirm", "deny")) for number in range(payments)}
        failures: list[BaseException] = []

        def customers() -> None:
            try:
                for event_id, wish in wishes.items():
                    at = instant_text(time.time_ns() // 1_000_000)
                    _patiently(lambda event_id=event_id, at=at: played.order(event_id, occurred_at=at))  # type: ignore[misc]
                    _customer(played, event_id, wish)
            except BaseException as error:
                failures.append(error)

        work = threading.Thread(target=customers)
        work.start()
        port = played.channel.port
        for number in range(kills):
            time.sleep(rng.uniform(0.1, 0.8))
            if number % 4 == 3:
                played.channel.kill()
                played.channel.start(port)
            else:
                played.desks.kill()
        work.join()
        if failures:
            raise failures[0]
        until(lambda: _settled(played, wishes), PATIENCE_S_MAX)
        return _counted(played, kills, wishes)


def _customer(played: Stage, event_id: str, wish: str) -> None:
    """One customer: waits to be asked, and answers; asks again when nobody answers."""
    until(lambda: _quietly(lambda: played.messages(event_id, "challenge")), PATIENCE_S_MAX)
    said = {"outcome": "denied"}
    if wish == "confirm":
        said = {"outcome": "passed", "method": "face", "purpose": FACE_PURPOSE, "shown": shown()}  # type: ignore[dict-item]
    _patiently(lambda: _accepted(played.answer(event_id, **said)))


def _accepted(answer: httpx.Response) -> bool:
    """Whether the desk has the answer; a challenge that is over was answered before, and only the reply was lost."""
    assert answer.status_code in (200, 409, 500, 502, 503), answer.text
    return answer.status_code in (200, 409)


def _patiently(act: Callable[[], object]) -> None:
    until(lambda: _quietly(act), PATIENCE_S_MAX)


def _quietly(act: Callable[[], Any]) -> Any:
    """What `act` gives, None while somebody is dead."""
    try:
        return act()
    except (httpx.HTTPError, AssertionError):
        return None


def _settled(played: Stage, wishes: dict[str, str]) -> bool:
    """Whether nothing is on its way any more."""
    with played.desks.now.client("cases:read") as reader, played.desks.now.client("operate") as operator:
        queued = operator.get("/v1/contact/messages", params={"state": "queued"}).json()["messages"]
        waiting = reader.get("/v1/labels", params={"state": "waiting"}).json()["labels"]
        behind = reader.get("/v1/health").json()["behind"]
    ended = _quietly(lambda: all(len(played.messages(each, "notice")) >= 2 for each in wishes))
    return bool(ended) and not queued and not waiting and not behind


def _counted(played: Stage, kills: int, wishes: dict[str, str]) -> Kills:
    taken = httpx.get(f"{played.channel.url}/messages", timeout=30).json()
    kinds = Counter((each["content"]["event_id"], each["kind"]) for each in taken)
    due = {"challenge": 1, "notice": 2, "hold": 1}
    ends = {"confirm": ("released", "confirmed"), "deny": ("refused", "reversed")}
    holds = {event_id: played.hold(event_id) for event_id in wishes}
    with played.desks.now.client("cases:read") as reader:
        labels = reader.get("/v1/labels", params={"state": "accepted"}).json()["labels"]
    told = Counter((each["event_id"], each["label"]) for each in labels)
    said = Counter((event_id, "genuine" if wish == "confirm" else "fraud") for event_id, wish in wishes.items())
    return Kills(
        kills,
        len(wishes),
        len(taken),
        sum(each["times"] > 1 for each in taken),
        sum(max(0, count - kinds[event_id, kind]) for event_id in wishes for kind, count in due.items()),
        sum(max(0, kinds[event_id, kind] - count) for event_id in wishes for kind, count in due.items()),
        sum((holds[each]["state"], holds[each]["cause"]) != ends[wish] for each, wish in wishes.items()),
        sum(((told - said) + (said - told)).values()),
    )


def main() -> int:
    """Kill and print; 1 when anything was lost, doubled or wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--payments", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tarim-contact-") as folder:
        found = kill_again_and_again(Path(folder), chosen.kills, chosen.payments, chosen.seed)
    print(json.dumps(asdict(found), indent=1))
    return int(bool(found.lost or found.doubled or found.ended_otherwise or found.labels_wrong))


if __name__ == "__main__":
    sys.exit(main())
