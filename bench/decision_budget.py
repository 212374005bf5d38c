"""Where the processor time of a decision goes, stage by stage: requests go through the service's own parts in this process.

Everything between socket and socket is real but the wait for the disk and the loop itself: HTTP parsing, key and limits,
decoding, tokens, sealing, probing, features, rules, journal (written, not synced), answers, accounts.  What the sockets, the
loop and fdatasync cost on top is the difference to the process's time under `bench.service_load`.

A stage's time is what it takes itself, without the stages it calls; the stopwatch adds some 0.3 microseconds a call to the
caller.  Figures are means over the quickest fifth of many short runs, because other work on the machine only ever adds.

    python -m bench.decision_budget            groups of 1 and of 32
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final
from unittest.mock import patch

from bench.conditions import conditions
from bench.service_load import bodies, requests_of
from bench.serving import new_data
from tarim.api.answers import Answers
from tarim.api.connection import Connection, HttpLimits, Site
from tarim.api.decide import DecideRoute
from tarim.api.doors import Door
from tarim.api.figures import Figures
from tarim.api.model_watch import LiveWatch
from tarim.api.probing import Probes
from tarim.api.readiness import warm_up
from tarim.bootstrap.house import House
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import settings_of
from tarim.decisions import GroupCommit, GroupLimits
from tarim.identity import KeyRing
from tarim.intake import service as intake_service

CUSTOMERS: Final = 5_000
CONNECTIONS: Final = 64
GROUPS: Final = (1, 32)
RUN_DECISIONS: Final = 96
QUICKEST: Final = 0.2


class Stopwatch:
    """Exclusive processor time of wrapped functions, nanoseconds by stage."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._wrapped: list[tuple[Any, str, Any]] = []
        self._stages: list[str] = []
        self._since = 0

    def wrap(self, owner: Any, name: str, stage: str) -> None:
        """Time what `owner.name` does itself as this stage."""
        function = getattr(owner, name)
        clock, spent, stages = time.thread_time_ns, self.spent, self._stages

        def timed(*arguments: Any, **named: Any) -> Any:
            now = clock()
            if stages:
                spent[stages[-1]] += now - self._since
            stages.append(stage)
            self._since = clock()
            try:
                return function(*arguments, **named)
            finally:
                now = clock()
                spent[stage] += now - self._since
                stages.pop()
                self._since = now

        self._wrapped.append((owner, name, function))
        setattr(owner, name, timed)

    def unwrap(self) -> None:
        """Leave everything as it was."""
        for owner, name, function in self._wrapped:
            setattr(owner, name, function)


class _Wire:
    """A transport that sends nothing."""

    def write(self, _data: bytes) -> None:
        return

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return "127.0.0.1", 1


class _Loop:
    """What the service asks of its loop, turned by hand."""

    def __init__(self) -> None:
        self.time = time.monotonic
        self._ready: SimpleQueue[tuple[Callable[..., object], tuple[object, ...]]] = SimpleQueue()
        self._later: list[tuple[Callable[..., object], tuple[object, ...]]] = []

    def call_soon(self, function: Callable[..., object], *arguments: object) -> None:
        self._ready.put((function, arguments))

    call_soon_threadsafe = call_soon

    def call_later(self, _seconds: float, function: Callable[..., object], *arguments: object) -> None:
        self._later.append((function, arguments))

    def turn(self, until: Callable[[], bool]) -> None:
        """Call what is ready or becomes ready, until that is so."""
        while not until():
            function, arguments = self._ready.get()
            function(*arguments)

    def wake(self) -> None:
        """Call what was to be called later."""
        later, self._later = self._later, []
        for function, arguments in later:
            function(*arguments)


class _Path:
    """The decision route over a house."""

    def __init__(self, house: House, key: str) -> None:
        self.house, self.key = house, key
        service = house.settings.service
        self.loop = _Loop()
        self.figures, self.probes = Figures({}), Probes(house.settings.probing, house.clock)
        self.watch = LiveWatch(house, self.figures)
        limits = GroupLimits(
            service.group_requests_max, service.group_bytes_max, service.waiting_requests_max, service.waiting_bytes_max
        )
        self.desk = GroupCommit(
            house.service,
            house.intake,
            house.journal,
            self.loop,  # type: ignore[arg-type]
            limits,
            self.watch,
            guard=self.probes,
            on_accepted=house.index_accepted,
        )
        door = Door(KeyRing.load(house.places.api_keys, house.clock))
        self.answers = Answers(house.explainer, house.score_explainer, house.settings.probing.score_decimals_max)
        self.route = DecideRoute(self.desk, door, self.answers, self.figures, self.probes, 1 << 16, many=False)
        site = Site(
            {b"/v1/decisions": self.route}, _no_application, HttpLimits(), self.figures.refused, self.figures.failed
        )
        self.connections = [
            Connection(site, set(), self.loop)  # type: ignore[arg-type]
            for _ in range(CONNECTIONS)
        ]
        for connection in self.connections:
            connection.connection_made(_Wire())  # type: ignore[arg-type]

    def requests(self, count: int, seed: int, *, everyone: bool = False) -> list[bytes]:
        """Requests of the load bench."""
        return requests_of(bodies(count, seed, CUSTOMERS, everyone=everyone), "bench", self.key)

    def ask(self, requests: Sequence[bytes], group: int) -> None:
        """Have all of them decided, so many arriving together."""
        for at in range(0, len(requests), group):
            for connection, request in zip(self.connections, requests[at : at + group], strict=False):
                connection.data_received(request)
            self.loop.turn(self.desk._empty.is_set)

    def runs(self, requests: Sequence[bytes], group: int, look: Callable[[], None] = lambda: None) -> list[float]:
        """Processor microseconds a decision of each short run; look: called after each."""
        length = max(1, RUN_DECISIONS // group) * group
        took: list[float] = []
        for at in range(0, len(requests) - length + 1, length):
            begin = time.thread_time_ns()
            self.ask(requests[at : at + length], group)
            self.loop.wake()
            took.append((time.thread_time_ns() - begin) / 1e3 / length)
            look()
        return took

    def time_stages(self, watch: Stopwatch) -> None:
        """Put the stopwatch to everything."""
        house, desk = self.house, self.desk
        for owner, name, stage in (
            (Connection, "data_received", "HTTP: request"),
            (self.route, "admit", "key and its limits"),
            (self.route, "handle", "queue"),
            (desk, "submit", "queue"),
            (desk, "_wait", "queue"),
            (desk, "_judge", "group"),
            (desk, "_read", "group"),
            (house.intake, "group", "checks, tokens, row"),
            (intake_service, "decode_message", "JSON"),
            (house.intake, "_batch", "batch of rows"),
            (house.intake, "_seal", "sealing"),
            (desk, "_refused", "probing"),
            (house.service, "take", "take"),
            (house.service, "_resolve", "take"),
            (house.service.seen, "put", "take"),
            (house.service, "_side", "journal: side table"),
            (house.service, "results", "results"),
            (house.engine, "process", "features"),
            (house.service.judge, "decide", "rules and model"),
            (house.service.aftermath, "treat", "holds"),
            (house.service.aftermath.holds, "take", "holds"),
            (house.journal, "reserve", "journal: append"),
            (house.journal, "append", "journal: append"),
            (desk, "_settle", "answer"),
            (self.answers, "bytes_of", "answer"),
            (self.figures, "answered", "account"),
            (desk, "_finish", "account"),
            (desk, "_tell", "account"),
        ):
            watch.wrap(owner, name, stage)


async def _no_application(*_: object) -> None:
    raise AssertionError("only the decision route is asked")


def run(group: int, *, quick: bool = False) -> dict[str, Any]:
    """Microseconds a decision: in all, and by stage; with `group` requests arriving together."""
    count = 1_000 if quick else 8_000
    with tempfile.TemporaryDirectory() as folder:
        places = Places(Path(folder) / "data")
        keys = new_data(places.data)
        with House(settings_of(places.data, os.environ), places, os.environ) as house:
            warm_up(house)
            with patch("os.fdatasync"):
                path = _Path(house, keys["decide"])
                path.ask(path.requests(CUSTOMERS, 0, everyone=True), CONNECTIONS)
                path.ask(path.requests(2_000, 1), group)
                whole = sorted(path.runs(path.requests(count, 2), group))
                watch = Stopwatch()
                seen: list[dict[str, int]] = []

                def note() -> None:
                    seen.append(dict(watch.spent))
                    watch.spent.clear()

                path.time_stages(watch)
                timed = path.runs(path.requests(count, 3), group, note)
                watch.unwrap()
                asyncio.run(path.desk.close())
    kept = max(1, int(len(whole) * QUICKEST))
    best = sorted(range(len(timed)), key=timed.__getitem__)[:kept]
    length = max(1, RUN_DECISIONS // group) * group
    stages = {stage for place in best for stage in seen[place]}
    return {
        "group": group,
        "decision_us": round(sum(whole[:kept]) / kept, 1),
        "stages_us": {
            stage: round(sum(seen[place].get(stage, 0) for place in best) / 1e3 / length / kept, 2)
            for stage in sorted(stages, key=lambda each: -sum(seen[place].get(each, 0) for place in best))
        },
    }


def main() -> None:
    """Command line: a table, and JSON on the last line."""
    quick = "--quick" in sys.argv
    found = [run(group, quick=quick) for group in GROUPS]
    print("processor microseconds a decision".ljust(36), *(f"group of {each['group']}".rjust(12) for each in found))
    for stage in found[0]["stages_us"]:
        print(stage.ljust(36), *(f"{each['stages_us'].get(stage, 0.0):12.2f}" for each in found))
    print("in all, without the stopwatch".ljust(36), *(f"{each['decision_us']:12.1f}" for each in found))
    print(json.dumps({"conditions": conditions(), "budget": found}))


if __name__ == "__main__":
    main()
