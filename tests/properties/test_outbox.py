"""The outbox under crashes: whatever fails and whenever the courier dies, every message is taken once, each kind in order.

A receiver that remembers ids, as the guide asks for, stands at the other end of a wire that loses requests, loses answers, is
refused for a while, and a courier that is thrown away at any moment and begun anew with nothing but the tables.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tarim.contact import Channel, Channels, ContactBook, Courier, Decisions, DeliveryState, Key, RawPayment, Sent
from tarim.contact.adapters.rows import message_counts
from tarim.stream import Outcome
from tests.fakes.clock import FakeClock
from tests.fakes.desk import DecisionsWritten, open_desk

RAW = RawPayment("C7", "6222020000001111", "6222020000002222", ("",))


class Values:
    """The same raw values for every payment."""

    def of_payment(self, seq: int, customer: int) -> RawPayment:
        return RAW

    def device(self, device_id: str) -> int:
        return 0


class LossyWire:
    """Half of what is sent arrives, and of half of that the answer; a receiver that takes each id once."""

    def __init__(self, seed: int) -> None:
        self.taken: dict[str, dict[str, Any]] = {}
        self.came = 0
        self.healed = False
        self._rng = random.Random(seed)
        self._lock = threading.Lock()

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Sent:
        with self._lock:
            luck = 0.0 if self.healed else self._rng.random()
            if luck > 0.75:
                return Sent(0, "TimeoutError")
            if luck > 0.6:
                return Sent(503, "HTTP 503")
            self.came += 1
            body = json.loads(content)
            known = self.taken.setdefault(headers["Tarim-Message-Id"], body)
            assert known == body, "a repetition says the same"
            return Sent(0, "ConnectionResetError") if luck > 0.4 else Sent(200)


@pytest.mark.parametrize("seed", range(3))
def test_every_message_is_taken_once_whatever_dies(tmp_path: Path, seed: int) -> None:
    rng, clock, wire = random.Random(seed), FakeClock(), LossyWire(seed)
    key = Key("bank.1", "hmac-sha256", secret=bytes(32))
    channel = Channel("bank", "https://bank.example/t", ("password",), key)
    channels = Channels(MappingProxyType({"bank": channel}), bytes(32))
    written = DecisionsWritten(tmp_path / "journal")
    desk = open_desk(tmp_path, f"sqlite:///{tmp_path / 'tables.db'}", [ContactBook()], clock)

    def begun() -> Courier:
        return Courier(desk, channels, Values(), wire, Decisions("https://tarim.example", lambda: "key"))

    lives = [begun()]
    held: list[int] = []
    for _ in range(60):
        act = rng.random()
        if act < 0.2 and len(held) < 8:
            held.append(written.decided(outcome=Outcome.CHALLENGE, hold_s=36_000, customer=100 + len(held)))
        elif act < 0.4:
            lives.append(begun())  # the last one is dropped as it stands, whatever it has under way
        else:
            lives[-1].round()
        clock.at_ms = max(clock.at_ms, written.at_ms) + rng.choice((0, 100, 20_000))
    wire.healed = True

    def settle(due: int) -> None:
        deadline = time.monotonic() + 20
        while desk.read(message_counts).result() != {DeliveryState.DELIVERED.value: due}:
            assert time.monotonic() < deadline, (desk.read(message_counts).result(), due)
            lives[-1].round()
            clock.at_ms = max(clock.at_ms, written.at_ms) + 1_000
            time.sleep(0.002)
        assert len(wire.taken) == due

    settle(2 * len(held))  # a challenge and a notice of each
    written.confirmed(held[0], customer=100)
    settle(2 * len(held) + 2)  # its end, and a notice of that
    assert wire.came > len(wire.taken), "some came again"
    notices = [body["notice"] for body in wire.taken.values() if body.get("notice") and body["event_id"] == "e0"]
    assert notices == ["held", "released"]
    for each in lives:
        each.close()
    desk.close()
    written.journal.close()
