"""Fifty people work, the desk is killed fifty times with SIGKILL while decisions go on: is a case lost, or an act doubled?

Every request has an Idempotency-Key and is sent again, with the same key, until it is answered.  At the end the desk's journal
has every act that was answered exactly once and none twice, every alert lies in exactly one case, and the tables made anew
equal those that survived the kills.
"""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from sqlalchemy import func, select

from bench.acceptance import Line, Run, at_least, none
from bench.people_data import DecisionsWriter
from bench.people_desk import digests
from bench.serving import Served, desk_serving
from tarim.bootstrap.desk import DeskHouse
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import load_settings
from tarim.cases.adapters.tables import ALERT, CASE
from tarim.decisions import RecordKind, Word, decode_events
from tarim.desk.acts import decode
from tarim.identity import Scope, create_key
from tarim.journal import FolderReader

USERS, USERS_QUICK = 50, 12
KILLS, KILLS_QUICK = 50, 3
ALERTS = 2_000
LIFE_S = (0.2, 1.5)
"""How long the desk lives between two kills, at random."""
SCOPES = (Scope.CASES_READ, Scope.CASES_WORK, Scope.CASES_REVIEW, Scope.CASES_ASSIGN)
REASON = "已电话核实，客户本人操作"


class Pair:
    """A worker and a reviewer who bring one case after the other to its end."""

    def __init__(self, keys: tuple[str, str], number: int) -> None:
        self._worker, self._reviewer = keys
        self._number, self._asked = number, 0
        self._random = random.Random(number)
        self.url = ""
        self.over = False
        self.abandoned = False
        self.answered: set[str] = set()
        """Keys of the acts that were answered with 200."""
        self.refused: Counter[str] = Counter()
        self.closed = 0

    async def work(self) -> None:
        """Until told that it is over; what is begun is asked until it is answered."""
        async with httpx.AsyncClient(timeout=10) as client:
            while not self.over:
                case = await self._next(client)
                if case and await self._bring_to_an_end(client, case):
                    self.closed += 1

    async def _next(self, client: httpx.AsyncClient) -> str:
        found = await self._get(client, "/v1/cases?assignee=nobody&state=new&limit=200")
        return str(self._random.choice(found["cases"])["id"]) if found and found["cases"] else ""

    async def _get(self, client: httpx.AsyncClient, path: str) -> dict[str, Any] | None:
        with suppress(httpx.HTTPError):
            answer = await client.get(self.url + path, headers={"Authorization": f"Bearer {self._worker}"})
            if answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
        await asyncio.sleep(0.05)
        return None

    async def _bring_to_an_end(self, client: httpx.AsyncClient, case: str) -> bool:
        if not (await self._do(client, case, "take", {}) and await self._do(client, case, "start", {})):
            return False
        whole = None
        while whole is None and not self.abandoned:
            whole = await self._get(client, f"/v1/cases/{case}")
        for alert in whole["alerts"] if whole else ():
            verdict = {"alert": alert["id"], "verdict": "wrong", "cause": "customer_made_it", "reason": REASON}
            if not await self._do(client, case, "review", verdict):
                return False
        await self._do(client, case, "note", {"text": f"{REASON} {self._number}-{self._asked}"})
        version = await self._do(client, case, "submit", {"wish": "close", "reason": REASON})
        return bool(version and await self._do(client, case, "approve", {"reason": REASON, "version": version}))

    async def _do(self, client: httpx.AsyncClient, case: str, word: str, body: dict[str, Any]) -> int:
        """The version of the case after an act, 0 when it was refused."""
        self._asked += 1
        key = f"pair-{self._number:03}-{self._asked:06}"
        person = self._reviewer if word == "approve" else self._worker
        headers = {"Authorization": f"Bearer {person}", "Idempotency-Key": key}
        while True:
            try:
                answer = await client.post(f"{self.url}/v1/cases/{case}/{word}", json=body, headers=headers)
            except httpx.HTTPError:  # killed, or not there yet
                if self.abandoned:
                    return 0
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == 200:
                self.answered.add(key)
                return int(answer.json()["version"])
            if answer.status_code < 500:
                self.refused[f"{word} {answer.status_code}"] += 1
                return 0
            await asyncio.sleep(0.05)


def kills(run: Run, database_url: str = "") -> Iterator[Line]:
    """The part of the bar `states` about kills; on SQLite when no other database is named."""
    kind = "PostgreSQL" if database_url else "SQLite"
    wanted, users = run.pick(KILLS, KILLS_QUICK), run.pick(USERS, USERS_QUICK)
    settings = {"TARIM_DESK_DATABASE_URL": database_url} if database_url else {}
    with tempfile.TemporaryDirectory(prefix="tarim-kills-") as folder:
        data = Path(folder) / "data"
        with DecisionsWriter(data, alert_share=1.0) as writer:
            writer.write(ALERTS)
            now_ms = time.time_ns() // 1_000_000
            keys = [create_key(writer.places.api_keys, f"user-{n:03}", SCOPES, now_ms)[1] for n in range(users)]
            pairs = [Pair((keys[n], keys[n + 1]), n) for n in range(0, users - 1, 2)]
            deciding = threading.Event()
            decisions = threading.Thread(target=_decide, args=(writer, deciding))
            people = threading.Thread(target=lambda: asyncio.run(_together(pairs)), daemon=True)
            killed = 0
            try:
                with _Lived(data, settings, pairs) as served:
                    decisions.start()
                    people.start()
                    killed += _live_and_die(served, wanted > 0)
                while killed < wanted and run.left_s > 20:
                    with _Lived(data, settings, pairs) as served:
                        killed += _live_and_die(served, True)
                with _Lived(data, settings, pairs):
                    for pair in pairs:
                        pair.over = True
                    people.join(60)
            finally:
                deciding.set()
                for pair in pairs:
                    pair.over = pair.abandoned = True
                decisions.join(60)
        yield from _judged(data, settings, pairs, killed, wanted, kind)


class _Lived:
    """A desk that the pairs know of while it lives."""

    def __init__(self, data: Path, settings: dict[str, str], pairs: list[Pair]) -> None:
        self._serving = desk_serving(data, {}, **settings)
        self._pairs = pairs

    def __enter__(self) -> Served:
        served = self._serving.__enter__()
        for pair in self._pairs:
            pair.url = served.url
        return served

    def __exit__(self, *trouble: object) -> None:
        self._serving.__exit__(None, None, None)


def _live_and_die(served: Served, kill: bool) -> int:
    time.sleep(random.uniform(*LIFE_S))
    if kill:
        served.process.send_signal(signal.SIGKILL)
        served.process.wait(30)
    return int(kill)


def _decide(writer: DecisionsWriter, over: threading.Event) -> None:
    while not over.wait(0.2):
        writer.write(4)


async def _together(pairs: list[Pair]) -> None:
    await asyncio.gather(*(pair.work() for pair in pairs))


def _judged(
    data: Path, settings: dict[str, str], pairs: list[Pair], killed: int, wanted: int, kind: str
) -> Iterator[Line]:
    with FolderReader(data / "desk" / "journal") as reader:
        recorded = Counter(decode(record).key for record in reader.read())
    recorded.pop("", None)
    answered = {key for pair in pairs for key in pair.answered}
    lost, doubled = answered - recorded.keys(), [key for key, count in recorded.items() if count > 1]
    closed = sum(pair.closed for pair in pairs)
    acts = f"{killed} kills, {len(pairs) * 2} people, {len(answered):,} acts answered, {closed} cases closed"
    refused = sum((pair.refused for pair in pairs), Counter())
    yield none(f"kills, acts lost, {kind}", "act lost", len(lost), f"{acts}; refused {dict(refused)}")
    yield none(f"kills, acts doubled, {kind}", "act doubled", len(doubled))
    yield none(f"kills left out, {kind}", "kill left out", wanted - killed)
    yield at_least(f"kills, cases brought to their end, {kind}", killed, closed)
    with DeskHouse(load_settings(None, settings), Places(data), {}) as house:
        house.desk.catch_up()
        survived = digests(house)
        strays = _strays(house)
        house.desk.rebuild()
        again = digests(house)
    different = sorted(name for name in survived if survived[name] != again[name])
    yield none(f"kills, alerts in no case or in two, {kind}", "alert astray", strays)
    yield none(
        f"kills, tables that differ when made anew, {kind}", "table differs", len(different), ", ".join(different)
    )


def _strays(house: DeskHouse) -> int:
    """Decisions above pass that are not an alert, alerts that are none, and alerts whose case is not there."""
    wanted: set[int] = set()
    with FolderReader(house.places.journal) as reader:
        for record in reader.read():
            if record.kind == RecordKind.EVENTS:
                above = decode_events(record).decisions[:, Word.OUTCOME] > 0
                wanted.update((record.first_seq + np.flatnonzero(above)).tolist())
    with house.database.reading() as connection:
        found = set(connection.scalars(select(ALERT.c.seq)))
        homeless = select(func.count()).select_from(ALERT).where(ALERT.c.case_no.not_in(select(CASE.c.no)))
        return len(wanted ^ found) + int(connection.scalar(homeless) or 0)
