"""Do people who watch slow the engine down?  Its throughput with and without 60 live streams of a console, by turns.

Everything is real: decisions service, desk, views and console as processes over one data folder, people signed in, and their
browsers' streams (`/live/stream`) held open by a process of their own.  Requests come as fast as the service answers them, over
64 connections, so every second of a processor that viewers cost is missing.  A round measures each state once, in an order
that turns; a ratio is the median over rounds of what two states of one round gave.

    alone      views and console stand still (SIGSTOP): the engine has the machine for itself and the sender
    followed   they run, and nobody watches: the views follow the journal
    watched    60 streams are open
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import numpy as np

from bench.acceptance import Line, Run, at_most
from bench.service_load import bodies, drive, introduce
from tests.fakes.console_bank import Bank, open_bank

VIEWERS: Final = 60
SLOWER_PERCENT_MAX: Final = 3
CUSTOMERS: Final = 2_000
WARM_UP: Final = 4_000
ROUNDS, ROUNDS_QUICK = 9, 2
SECONDS, SECONDS_QUICK = 5.0, 1.5
CONNECTIONS: Final = 64
DRAIN_S: Final = 120.0
TRIES: Final = 30
AGENT: Final = "bench"
ROLES: Final = ("analyst", "investigator", "reviewer", "model_engineer", "model_approver", "operator", "auditor")
"""Each has one session, which streams share as tabs of a browser do; what their scopes show them differs."""
STATES: Final = ("alone", "followed", "watched")
UNLIMITED: Final = {"TARIM_PROBING_SWEEP_VALUES_MAX": "0", "TARIM_PROBING_GRID_EVENTS_MAX": "0"}
"""So few customers with so many messages look like a sweep, and would be refused as one."""
_STANDING: Final = ("views", "console")
COUNTED: Final = ("serve", *_STANDING)


@dataclass(frozen=True, slots=True)
class Taken:
    """One measurement: decisions a second, of how many, and processor time of each process meanwhile."""

    rate_per_s: float
    count: int
    processor_s: dict[str, float]


def viewers(run: Run) -> Iterator[Line]:
    """The bars `viewers` and, for what following alone costs, `views`."""
    rounds, seconds = run.pick(ROUNDS, ROUNDS_QUICK), SECONDS_QUICK if run.quick else SECONDS
    with tempfile.TemporaryDirectory(prefix="tarim-viewers-") as folder, open_bank(Path(folder), UNLIMITED) as bank:
        measured = measure(bank, rounds, seconds)
    for name, state, against in (("viewers", "watched", "followed"), ("views", "watched", "alone")):
        ratios = [one[state].rate_per_s / one[against].rate_per_s for one in measured]
        slower = 100 * (1 - statistics.median(ratios))
        spread = f"{100 * (1 - max(ratios)):.1f} to {100 * (1 - min(ratios)):.1f}"
        rates = ", ".join(
            f"{each} {statistics.median(one[each].rate_per_s for one in measured):,.0f}/s" for each in STATES
        )
        used = ", ".join(f"{each} {_processor_us(measured, state, each):.0f}" for each in COUNTED)
        note = f"{VIEWERS} streams, {len(measured)} rounds, {spread}; {rates}; processor us a decision, {state}: {used}"
        yield at_most(name, SLOWER_PERCENT_MAX, slower, " %", note)


def _processor_us(measured: Sequence[dict[str, Taken]], state: str, command: str) -> float:
    taken = [one[state] for one in measured]
    return 1e6 * sum(each.processor_s[command] for each in taken) / sum(each.count for each in taken)


def measure(bank: Bank, rounds: int, seconds: float) -> list[dict[str, Taken]]:
    """What was taken in each state, by round."""
    url, key = bank.url_of("serve"), bank.key
    introduce(url, key, CUSTOMERS)
    tokens = [bank.session(role, AGENT) for role in ROLES]
    rate = throughput(url, key, bodies(WARM_UP, 99, CUSTOMERS))
    count = int(rate * seconds)
    measured = []
    for number in range(rounds):
        one: dict[str, Taken] = {}
        for place in range(len(STATES)):
            state = STATES[(place + number) % len(STATES)]
            encoded = bodies(count, 100 + 3 * number + place, CUSTOMERS)
            with in_state(bank, state, tokens):
                before = processor_s(bank)
                decided = throughput(url, key, encoded)
                used = {command: each - before[command] for command, each in processor_s(bank).items()}
                one[state] = Taken(decided, count, used)
        measured.append(one)
    return measured


def throughput(url: str, key: str, encoded: Sequence[bytes]) -> float:
    """Decisions a second when requests with these bodies come as fast as they are answered."""
    found = drive(url, key, encoded, np.zeros(len(encoded), np.int64), CONNECTIONS, DRAIN_S)
    assert found["statuses"] == {"200": len(encoded)}, found["statuses"]
    return float(found["rate_per_s"])


def processor_s(bank: Bank) -> dict[str, float]:
    """Processor time of the processes so far, in seconds."""
    used = {}
    for command in COUNTED:
        fields = Path(f"/proc/{bank.process(command).pid}/stat").read_text().rpartition(")")[2].split()
        used[command] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


@contextmanager
def in_state(bank: Bank, state: str, tokens: Sequence[str]) -> Iterator[None]:
    """While the processes are in a state of STATES, and the views have followed all there is."""
    if state == "alone":
        for command in _STANDING:
            bank.process(command).send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for command in _STANDING:
                bank.process(command).send_signal(signal.SIGCONT)
            caught_up(bank)
    elif state == "followed":
        caught_up(bank)
        yield
    else:
        caught_up(bank)
        with watching(bank.url, tokens):
            yield


def caught_up(bank: Bank) -> None:
    """Wait until the views show everything."""
    for _ in range(1_200):
        if httpx.get(bank.url_of("views") + "/v1/health", timeout=30).json()["behind"] < 100:
            return
        time.sleep(0.05)
    raise AssertionError("the views do not catch up")


@contextmanager
def watching(url: str, tokens: Sequence[str]) -> Iterator[None]:
    """While VIEWERS streams of the console are open, each of which has been told something."""
    words = [sys.executable, "-m", "bench.console_viewers", url]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(json.dumps(list(tokens)) + "\n")
        process.stdin.flush()
        assert process.stdout.readline().strip() == "open", "streams could not be opened"
        yield
        assert process.poll() is None, "a stream ended"
    finally:
        process.kill()
        process.wait()


def _watch() -> None:
    """Hold streams open: the address is an argument, tokens come on standard input."""
    import asyncio

    url, tokens = sys.argv[1], json.loads(sys.stdin.readline())

    async def stream(client: httpx.AsyncClient, token: str, told: asyncio.Queue[None]) -> None:
        """Open one, again while the console is too busy as a browser would, and read it for good."""
        headers = {"Cookie": f"__Host-tarim={token}", "User-Agent": AGENT, "Accept": "text/event-stream"}
        for _ in range(TRIES):
            async with client.stream("GET", url + "/live/stream", headers=headers) as answer:
                if answer.status_code == 503:
                    await asyncio.sleep(1)
                    continue
                answer.raise_for_status()
                first = True
                async for _ in answer.aiter_bytes():
                    if first:
                        told.put_nowait(None)
                        first = False
                break
        raise AssertionError("a stream was not opened, or ended")

    async def everybody() -> None:
        told: asyncio.Queue[None] = asyncio.Queue()
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(timeout=None, limits=limits) as client, asyncio.TaskGroup() as group:
            for number in range(VIEWERS):
                group.create_task(stream(client, tokens[number % len(tokens)], told))
            for _ in range(VIEWERS):
                await told.get()
            print("open", flush=True)

    asyncio.run(everybody())


if __name__ == "__main__":
    _watch()
