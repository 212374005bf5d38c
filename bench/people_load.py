"""How quickly does the desk answer 200 people who work at once, with a million alerts in its tables?

Each person has a key of his own and goes through a day's mix: the queue, a case, a note, taking one, a customer's cases, what
is overdue; between two requests he thinks.  Latency is taken at the caller, from the request to the whole answer.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx

from bench.acceptance import Line, Run, at_most, none
from bench.people_data import write_decisions
from bench.serving import desk_serving
from tarim.bootstrap.desk import DeskHouse
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import load_settings
from tarim.desk import MIGRATIONS
from tarim.identity import Scope, create_key
from tests.fakes.records import cluster

ALERTS, ALERTS_QUICK = 1_000_000, 5_000
USERS, USERS_QUICK = 200, 40
SECONDS, SECONDS_QUICK = 45.0, 4.0
WARM_UP_S, WARM_UP_S_QUICK = 10.0, 1.0
THINK_S = 4.0
P95_MS_MAX = 200
SCOPES = (Scope.CASES_READ, Scope.CASES_WORK, Scope.CASES_REVIEW, Scope.CASES_ASSIGN)


class Person:
    """One user with his key: does one thing after the other."""

    def __init__(self, url: str, key: str, number: int) -> None:
        self._client = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30)
        self._random = random.Random(number)
        self._cases: list[str] = []
        self._number, self._notes = number, 0
        self.took: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.statuses: Counter[int] = Counter()
        weighted: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (30, self._queue), (35, self._case), (10, self._note), (8, self._take), (4, self._customer),
            (3, self._overdue), (6, self._due), (4, self._mine),
        ]  # fmt: skip
        self._mix = [action for weight, action in weighted for _ in range(weight)]

    async def work(self, until: float) -> None:
        """Until then (monotonic seconds)."""
        await asyncio.sleep(self._random.random() * THINK_S)
        await self._queue()
        while time.monotonic() < until:
            await self._random.choice(self._mix)()
            thinks_s = self._random.expovariate(1 / THINK_S)
            await asyncio.sleep(min(thinks_s, max(0.0, until - time.monotonic())))
        await self._client.aclose()

    async def _ask(self, what: str, method: str, path: str, body: object = None) -> httpx.Response:
        begun = time.monotonic()
        answer = await self._client.request(method, path, json=body)
        self.took[what].append((begun, time.monotonic() - begun))
        self.statuses[answer.status_code] += 1
        return answer

    async def _queue(self) -> None:
        answer = await self._ask("queue", "GET", f"/v1/cases?limit=50&priority={self._random.randrange(5)}")
        if answer.status_code == 200:
            self._cases = [case["id"] for case in answer.json()["cases"]] or self._cases

    async def _case(self) -> None:
        if self._cases:
            await self._ask("case", "GET", f"/v1/cases/{self._random.choice(self._cases)}")

    async def _note(self) -> None:
        if self._cases:
            self._notes += 1
            body = {"text": f"客户来电说明情况 {self._number}-{self._notes}"}
            await self._ask("note", "POST", f"/v1/cases/{self._random.choice(self._cases)}/note", body)

    async def _take(self) -> None:
        if self._cases:
            await self._ask("take", "POST", f"/v1/cases/{self._random.choice(self._cases)}/take", {})

    async def _customer(self) -> None:
        await self._ask("customer", "POST", "/v1/cases:find", {"customer": f"C{self._random.randrange(100_000)}"})

    async def _overdue(self) -> None:
        await self._ask("overdue", "GET", "/v1/cases:overdue?kind=block")

    async def _due(self) -> None:
        await self._ask("due", "GET", "/v1/cases?sort=due&limit=50")

    async def _mine(self) -> None:
        await self._ask("mine", "GET", "/v1/cases?assignee=me&limit=50")


def load(run: Run) -> Iterator[Line]:
    """The bar `load`, on SQLite and on PostgreSQL."""
    alerts, users = run.pick(ALERTS, ALERTS_QUICK), run.pick(USERS, USERS_QUICK)
    with tempfile.TemporaryDirectory(prefix="tarim-load-") as folder:
        data = Path(folder) / "data"
        places = write_decisions(data, alerts, alert_share=1.0, customers=max(1_000, alerts))
        now_ms = time.time_ns() // 1_000_000
        keys = [create_key(places.api_keys, f"user-{number:03}", SCOPES, now_ms)[1] for number in range(users)]
        begun = time.monotonic()
        with DeskHouse(load_settings(None, {}), places, {}) as house:
            house.desk.catch_up()
        noted = f"{alerts:,} alerts, tables made from the journal in {time.monotonic() - begun:.0f} s"
        yield from _measured(run, data, keys, {}, "SQLite", noted)
        with cluster() as made:
            settings = {"TARIM_DESK_DATABASE_URL": made.new_url()}
            _copy(places, settings)
            yield from _measured(run, data, keys, settings, "PostgreSQL", f"{alerts:,} alerts, cluster with fsync off")


def _copy(places: Places, settings: dict[str, str]) -> None:
    """The tables of SQLite in an empty PostgreSQL; the journals would make the same ones, in minutes."""
    with (
        DeskHouse(load_settings(None, settings), places, {}) as house,
        closing(sqlite3.connect(house.folder / "tables.db")) as source,
        house.database.writing() as connection,
    ):
        contexts = [MIGRATIONS, *(book.migrations for book in house.books)]
        for table in (table for each in contexts for table in each.metadata.sorted_tables):
            columns = ", ".join(column.name for column in table.columns)
            raw = connection.connection.cursor()
            with raw.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
                for row in source.execute(f"SELECT {columns} FROM {table.name}"):
                    copy.write_row(row)
        connection.exec_driver_sql("ANALYZE")


def _measured(run: Run, data: Path, keys: list[str], settings: dict[str, str], kind: str, noted: str) -> Iterator[Line]:
    with desk_serving(data, {}, **settings) as served:
        people = [Person(served.url, key, number) for number, key in enumerate(keys)]
        warm_s, seconds = (WARM_UP_S_QUICK, SECONDS_QUICK) if run.quick else (WARM_UP_S, SECONDS)
        counted_from = time.monotonic() + warm_s
        asyncio.run(_all(people, counted_from + seconds))
    took: dict[str, list[float]] = defaultdict(list)
    for person in people:
        for what, times in person.took.items():
            took[what] += [took_s for at, took_s in times if at >= counted_from]
    everything = sorted(each for times in took.values() for each in times)
    statuses = sum((person.statuses for person in people), Counter())
    slowest = ", ".join(f"{what} {_p95_ms(times):.0f}" for what, times in sorted(took.items()) if len(times) > 1)
    yield at_most(
        f"load, p95, {kind}",
        P95_MS_MAX,
        round(_p95_ms(everything), 1),
        " ms",
        f"{len(people)} users, {noted}; {len(everything) / seconds:.0f} requests/s, median "
        f"{statistics.median(everything) * 1e3:.1f} ms; p95 by request in ms: {slowest}",
    )
    failed = {status: count for status, count in statuses.items() if status >= 500 or status in (401, 403, 422)}
    yield none(f"load, requests failed, {kind}", "request fails", sum(failed.values()), str(failed) if failed else "")


async def _all(people: list[Person], until: float) -> None:
    await asyncio.gather(*(person.work(until) for person in people))


def _p95_ms(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1] * 1e3 if len(times) > 1 else float("nan")
