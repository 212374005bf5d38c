"""kill -9 under load, again and again: what was answered must be there, once, and unchanged.

After each restart: every event that was answered since the last check, and every one that was asked and not answered,
is asked again.  An answered one must get the bytes of its first answer; one that was not answered must be decided now,
or must have been decided before the kill, but never twice.  At the end the whole journal is walked: no event key twice,
and each answered event is there with the decision that was answered.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.service_load import bodies
from bench.serving import Served, new_data, serving

CLIENTS: Final = 8
CHECKED_PER_KILL: Final = 200
"""Answered events asked again after a kill, the latest ones; the walk at the end sees them all."""


class _Client(threading.Thread):
    """Asks one event after the other until the service dies; keeps what was answered, and what was left open."""

    def __init__(self, served: Served, events: list[bytes]) -> None:
        super().__init__(daemon=True)
        self._served = served
        self._events = events
        self.answered: dict[bytes, bytes] = {}
        self.open: list[bytes] = []
        self.refused = 0

    def run(self) -> None:
        connection = _connect(self._served)
        for body in self._events:
            try:
                status, content, _ = ask(connection, self._served, body)
            except (OSError, http.client.HTTPException):
                self.open.append(body)
                return
            if status == 200:
                self.answered[body] = content
            else:
                self.refused += 1
                self.open.append(body)


def _connect(served: Served) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=30)


def ask(connection: http.client.HTTPConnection, served: Served, body: bytes) -> tuple[int, bytes, bool]:
    """Status, body, and whether the answer was said to be a repetition."""
    headers = {"Authorization": f"Bearer {served.keys['decide']}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/decisions", body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.getheader("tarim-replayed") == "true"


def run(*, quick: bool = False, kills: int | None = None, seed: int = 1, events: int | None = None) -> dict[str, Any]:
    """Kill `kills` times; raises AssertionError for nothing, but counts every breach.

    Returns kills, answered, lost, changed, decided_twice, restart_s_max (start of the process to its first answer),
    restart_s_mean, events_recovered (in the last start).  `events`: how many lie in the data folder beforehand.
    """
    rng = random.Random(seed)
    kills = kills if kills is not None else (2 if quick else 100)
    before = events if events is not None else (5_000 if quick else 1_080_000)
    answered: dict[bytes, bytes] = {}
    lost = changed = 0
    restarts: list[float] = []
    pending: list[bytes] = []
    latest: list[bytes] = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        keys = new_data(data)
        _fill(data, before)
        for kill in range(kills + 1):
            begin = time.perf_counter()
            with serving(data, keys, TARIM_SNAPSHOTS_EVERY_EVENTS="20000", TARIM_SNAPSHOTS_EVERY_S="5") as served:
                connection = _connect(served)
                (probe,) = bodies(1, seed=1_000_000 + kill)
                status, content, _ = ask(connection, served, probe)
                restarts.append(time.perf_counter() - begin)
                assert status == 200, content
                answered[probe] = content
                for body in latest[-CHECKED_PER_KILL:] + pending:
                    status, content, repeated = ask(connection, served, body)
                    first = answered.get(body)
                    if first is not None and not repeated:
                        lost += 1
                    elif first is not None and content != first:
                        changed += 1
                    if status == 200:
                        answered[body] = content
                if kill == kills:
                    break
                share = bodies(40_000, seed=2 + kill)
                clients = [_Client(served, share[index::CLIENTS]) for index in range(CLIENTS)]
                for client in clients:
                    client.start()
                time.sleep(rng.uniform(0.05, 1.5))
                os.kill(served.process.pid, signal.SIGKILL)
                served.process.wait()
                for client in clients:
                    client.join()
                latest = [body for client in clients for body in client.answered]
                pending = [body for client in clients for body in client.open]
                for client in clients:
                    answered |= client.answered
        walked = _walk(data)
        twice, recovered = walked["twice"], walked["events"]
        for body, content in answered.items():
            event = json.loads(body)
            answer = json.loads(content)
            if walked["outcomes"].get((event["source"], event["event_id"])) != (answer["seq"], answer["outcome"]):
                lost += 1
    return {
        "kills": kills,
        "answered": len(answered),
        "lost": lost,
        "changed": changed,
        "decided_twice": twice,
        "restart_s_max": round(max(restarts), 2),
        "restart_s_mean": round(float(np.mean(restarts)), 2),
        "events_recovered": recovered,
    }


def _fill(data: Path, count: int) -> None:
    """`count` events of 30 days in the journal, and a snapshot of them, as a service that runs for long would have."""
    if not count:
        return
    from bench.filling import fill_journal

    fill_journal(data, count)


def _walk(data: Path) -> dict[str, Any]:
    """Everything in the journal: events, how many lie there twice, outcome and position by source and id."""
    from tarim.decisions import RecordKind, decode_events
    from tarim.journal import FolderReader
    from tarim.stream import Col, Outcome

    outcomes: dict[tuple[str, str], tuple[int, str]] = {}
    twice = events = 0
    with FolderReader(data / "journal") as reader:
        for record in reader.read(reader.first_seq):
            if record.kind != RecordKind.EVENTS:
                continue
            group = decode_events(record)
            for index, event_id in enumerate(group.side.event_ids):
                name = (group.side.source(index), event_id)
                twice += name in outcomes
                row = group.rows[index]
                outcomes[name] = (int(row[Col.SEQ]), Outcome(int(row[Col.OUTCOME])).name.lower())
            events += len(group)
    return {"outcomes": outcomes, "twice": twice, "events": events}


def main() -> None:
    """Command line; status 1 for any breach."""
    parser = argparse.ArgumentParser(description="Kill the service under load and check what is left.")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--events", type=int, default=20_000, help="events in the journal beforehand")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = run(kills=options.kills, seed=options.seed, events=options.events)
    print(json.dumps(found, indent=1))
    sys.exit(bool(found["lost"] or found["changed"] or found["decided_twice"]))


if __name__ == "__main__":
    main()
