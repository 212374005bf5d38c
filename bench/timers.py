"""kill -9 with payments held, again and again: no timer may be lost, and none may fire twice.

A real service holds payments for one or two seconds; channels send payments, confirmations and reversals, a person releases
and refuses, and the service is killed at random moments, while a channel polls what became of its holds and goes on where it
stopped.  At the end, when every time is over, an independent naive fold (`tests/naive/holds.py`: dictionaries, no heap, no
snapshot) reads the whole journal, and three views have to agree: the naive one, what the channel saw in all lives together,
and what the service says after its last start, which stands on a snapshot.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx

from bench.acceptance import Line, Run, none
from bench.serving import Served, new_data, serving
from tarim.base.instants import instant_text

SOURCE: Final = "timers"
CUSTOMERS: Final = 40
SETTLE_S_MAX: Final = 12.0

RULES: Final = "\n".join(
    ['name = "timers"']
    + [
        f'[[rule]]\nid = "{outcome}_amounts"\nwhen = "amount_fen >= {start} and amount_fen < {start + 1_000}"\n'
        f'outcome = "{outcome}"\nweight = 50\nscenario = "timers"\nreason = "按金额"\nreason_en = "by amount"'
        for outcome, start in (("challenge", 1_000), ("delay", 2_000), ("suspend", 3_000))
    ]
)
TREATMENT: Final = """
[holds.challenge]
lasts = "1s"
expiry = "refuse"
strength = 1
failures_max = 2
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
[[rights]]
role = "investigator"
people = ["operate"]
outcomes = ["challenge", "delay", "suspend"]
alone_fen_max = 1_000_000
together_fen_max = 1_000_000
"""


class _Channel(threading.Thread):
    """Sends payments that are held, confirms or takes back some of them, until the service dies."""

    def __init__(self, served: Served, name: str, seed: int) -> None:
        super().__init__(daemon=True)
        self._served = served
        self._name = name
        self._rng = random.Random(seed)
        self.held = 0
        self.wrong = 0
        """Answers whose `hold` is not what the outcome asks for."""

    def run(self) -> None:
        rng = self._rng
        sent: list[tuple[str, str]] = []
        try:
            with self._served.client("decide") as client, self._served.client("operate") as person:
                for number in range(1_000_000):
                    event_id, customer = f"{self._name}-{number}", f"customer-{rng.randrange(CUSTOMERS)}"
                    event: dict[str, Any] = {"event_id": event_id, "source": SOURCE, "customer": customer}
                    event["occurred_at"] = instant_text(time.time_ns() // 1_000_000)
                    if sent and rng.random() < 0.3:
                        refers, of = rng.choice(sent[-60:])
                        event |= {"kind": rng.choice(("confirmation", "confirmation", "reversal")), "refers_to": refers}
                        event |= {
                            "result": rng.choice(("succeeded", "failed")),
                            "verification": ["face"],
                            "customer": of,
                        }
                    else:
                        event |= {"kind": "payment", "account": customer, "amount_fen": rng.randrange(900, 4_100)}
                    answer = client.post("/v1/decisions", json=event).json()
                    self.wrong += (answer["outcome"] in ("challenge", "delay", "suspend")) != bool(answer["hold"])
                    if answer["hold"]:
                        self.held += 1
                        sent.append((event_id, customer))
                        if rng.random() < 0.05:
                            verdict = {"verdict": rng.choice(("release", "refuse")), "reason": "the customer called"}
                            person.post(f"/v1/holds/{event_id}", params={"source": SOURCE}, json=verdict)
                    time.sleep(0.01)
        except (httpx.HTTPError, ValueError, KeyError):
            return


class _Poller(threading.Thread):
    """Reads what changed, and goes on where it stopped, whichever life of the service answers."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.since = 0
        self.seen: list[tuple[int, int, str, str]] = []
        self.served: Served | None = None
        self.stopped = False

    def run(self) -> None:
        while not self.stopped:
            served = self.served
            if served is not None:
                try:
                    with served.client("read") as client:
                        while self.served is served:
                            self.poll(client)
                            time.sleep(0.05)
                except (httpx.HTTPError, ValueError, KeyError):
                    pass
            time.sleep(0.01)

    def poll(self, client: httpx.Client) -> int:
        """Take in the next page; how many changes it had."""
        page = client.get("/v1/holds:changes", params={"since": self.since, "limit": 500}).raise_for_status().json()
        self.seen += [(each["seq"], each["id"], each["state"], each["cause"]) for each in page["changes"]]
        self.since = page["next"]
        return len(page["changes"])


def run(*, quick: bool = False, kills: int | None = None, seed: int = 1) -> dict[str, Any]:
    """Kill `kills` times.

    Returns kills, holds, fired (timers), ticks, lost (a time over and nothing fired), fired_twice, unlike_naive (changes that
    the channel saw otherwise than the naive fold, or missed), states_unlike_naive (holds the recovered service sees
    otherwise), answers_wrong, pending_at_kills (open holds at the kills, together), restart_s_mean.
    """
    rng = random.Random(seed)
    kills = kills if kills is not None else (1 if quick else 30)
    poller = _Poller()
    held = wrong = pending = 0
    restarts: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        keys = new_data(data)
        (data / "rules.toml").write_text(RULES, encoding="utf-8")
        (data / "treatment.toml").write_text(TREATMENT, encoding="utf-8")
        settings = {
            "TARIM_POLICY_RULES_FILE": str(data / "rules.toml"),
            "TARIM_POLICY_TREATMENT_FILE": str(data / "treatment.toml"),
            "TARIM_SNAPSHOTS_EVERY_EVENTS": "1000",
            "TARIM_SNAPSHOTS_EVERY_S": "60",
        }
        poller.start()
        for kill in range(kills + 1):
            begin = time.perf_counter()
            with serving(data, keys, **settings) as served:
                restarts.append(time.perf_counter() - begin)
                if kill == kills:
                    poller.stopped = True
                    poller.join()
                    states = _settled(served, poller)
                    break
                poller.served = served
                channels = [_Channel(served, f"{kill}-{each}", rng.randrange(1 << 30)) for each in range(2)]
                for channel in channels:
                    channel.start()
                time.sleep(rng.uniform(0.3, 2.5))
                os.kill(served.process.pid, signal.SIGKILL)
                served.process.wait()
                poller.served = None
                for channel in channels:
                    channel.join()
                    held += channel.held
                    wrong += channel.wrong
                pending += _pending(data)
        return {
            "kills": kills,
            "pending_at_kills": pending,
            "answers_with_a_hold": held,
            "answers_wrong": wrong,
            "restart_s_mean": round(sum(restarts) / len(restarts), 2),
            **_compare(data, poller.seen, states),
        }


def _settled(served: Served, poller: _Poller) -> dict[int, str]:
    """Wait until nothing waits any more, read the last changes; the state of every open hold the service still has."""
    deadline = time.monotonic() + SETTLE_S_MAX
    with served.client("read") as client:
        while client.get("/v1/holds", params={"state": "waiting"}).raise_for_status().json()["holds"]:
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        while poller.poll(client):
            pass
        changes = _Poller()  # once more from the beginning: what the recovered service says of all lives
        while changes.poll(client):
            pass
    return {hold: state for _, hold, state, _ in changes.seen}


def _fold(data: Path) -> Any:
    from tarim.decisions import RecordKind
    from tarim.journal import FolderReader
    from tests.naive.holds import NaiveHolds

    naive = NaiveHolds()
    ticks: list[int] = []
    with FolderReader(data / "journal") as reader:
        for record in reader.read(reader.first_seq):
            if record.kind == RecordKind.TICK:
                ticks.append(record.first_seq)
            naive.record(record)
    return naive, ticks


def _pending(data: Path) -> int:
    """Holds that were open when the service was killed."""
    naive, _ = _fold(data)
    return sum(hold["state"] == "waiting" for hold in naive.holds.values())


def _compare(data: Path, seen: list[tuple[int, int, str, str]], states: dict[int, str]) -> dict[str, Any]:
    naive, ticks = _fold(data)
    timed = Counter(
        hold for _, hold, state, cause in seen if cause.startswith("time_") and state in ("released", "refused")
    )
    escalated = Counter(hold for _, hold, _, cause in seen if cause == "time_escalated")
    ended = Counter(hold for _, hold, state, _ in seen if state in ("released", "refused"))
    differing = sum((Counter(seen) - Counter(naive.log)).values()) + sum((Counter(naive.log) - Counter(seen)).values())
    return {
        "holds": len(naive.holds),
        "ticks": len(ticks),
        "fired": len(naive.fired),
        "lost": sum(hold["state"] == "waiting" for hold in naive.holds.values()),
        "fired_twice": sum(
            count > 1 for counted in (timed, escalated, ended, Counter(naive.fired)) for count in counted.values()
        ),
        "unlike_naive": differing,
        "states_unlike_naive": sum(states.get(number) != hold["state"] for number, hold in naive.holds.items()),
    }


def lines(run_: Run) -> Iterator[Line]:
    """The bar's lines."""
    found = run(quick=run_.quick)
    note = f"{found['kills']} kills with {found['pending_at_kills']:,} holds pending, {found['fired']:,} fired"
    enough = found["fired"] > 0 and found["pending_at_kills"] > 0
    for name, what, count in (
        ("timers, lost", "timer lost", found["lost"]),
        ("timers, fired twice", "timer fired twice", found["fired_twice"]),
        (
            "timers, against a naive fold",
            "change or state differs",
            found["unlike_naive"] + found["states_unlike_naive"] + found["answers_wrong"],
        ),
    ):
        line = none(name, what, count, note)
        yield replace(line, passed=line.passed and enough)


def main() -> None:
    """Command line; status 1 for any breach."""
    parser = argparse.ArgumentParser(description="Kill the service with payments held and check every timer.")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = run(kills=options.kills, seed=options.seed)
    print(json.dumps(found, indent=1))
    breaches = ("lost", "fired_twice", "unlike_naive", "states_unlike_naive", "answers_wrong")
    sys.exit(any(found[name] for name in breaches) or not found["fired"])


if __name__ == "__main__":
    main()
