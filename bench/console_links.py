"""The link graph at size: how fast it is built, what an edge costs, and how long a person waits for 200 nodes.

    python -m bench.console_links [--quick]

Events are the reference workload (bench/reference_events.py), with a collecting account that takes 2 % of all payments and a
network address that 2 % of all events come from.  Each event is four edges: who is paid, device, address, owner of the account.
Questions go over HTTP to the views' application in its own process, one at a time, through door and trail; labels come from
memory, as after a first look (a first look opens the vault for each customer shown).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

from bench.acceptance import FULL_S, Line, Run, at_most
from bench.reference_events import Shape, reference_rows
from tarim.api.auditing import Auditor
from tarim.api.doors import Door
from tarim.api.links import LinkDesk, link_routes
from tarim.api.process_app import Process, build_process_app
from tarim.api.process_figures import FigureNames, ProcessFigures
from tarim.api.views_app import ViewsHealthBody
from tarim.audit import Entry, Objects, Recorder
from tarim.base.listening import listen
from tarim.bootstrap.clock import SystemClock
from tarim.identity import KeyId, Scope
from tarim.stream import Col, Rows
from tarim.views import BLOCK_EVENTS, Block, Entity, EntityKind, LinkStore, Seen
from tests.fakes.view_blocks import VERSIONS

WAIT_MS_MAX: Final = 1_000
EDGES, EDGES_QUICK = 10_000_000, 1_000_000
EDGES_OF_EVENT: Final = 4
QUESTIONS, QUESTIONS_QUICK = 200, 60
NODES: Final = 200
PIECE_EVENTS: Final = 500_000
_HUB, _SHARED = 77, 78
"""Tokens of the collecting account and of the address that many share."""


@dataclass(frozen=True)
class _Names:
    """Labels without a vault."""

    def of(self, _seen: Seen, entities: Collection[Entity]) -> dict[Entity, str]:
        return {entity: f"6222{entity.token & 0xFFFFFFFFFFFF:015d}" for entity in entities}

    def token(self, _space: str, _identifier: str) -> int:
        return 1


class _Trail:
    """Takes entries and forgets them."""

    def record(self, _entry: Entry) -> int:
        return 1

    def record_all(self, entries: Sequence[Entry]) -> list[int]:
        return [1] * len(entries)


class _Keys:
    """Lets one key in."""

    def check(self, _presented: str, _scope: Scope) -> KeyId:
        return KeyId("0" * 12, "bench", frozenset(Scope))

    def identify(self, presented: str) -> KeyId:
        return self.check(presented, Scope.READ)


def pieces(events: int) -> Iterator[Rows]:
    """The workload, some days at a time, so that it never lies in memory whole."""
    rng = np.random.default_rng(5)
    for number, first in enumerate(range(0, events, PIECE_EVENTS)):
        count = min(PIECE_EVENTS, events - first)
        rows = reference_rows(Shape(events=count, days=8, seed=11 + number))
        rows[:, Col.OCCURRED_MS] += number * 8 * 86_400_000
        rows[rng.random(count) < 0.02, Col.PAYEE] = _HUB
        rows[rng.random(count) < 0.02, Col.ADDRESS] = _SHARED
        yield rows


def build(events: int) -> tuple[LinkStore, float, list[Entity], list[Entity]]:
    """(the store, processor seconds it took, accounts at random, the greatest hubs)."""
    store, spent, at = LinkStore(2 * events), 0.0, 0
    rng = np.random.default_rng(6)
    accounts: list[int] = []
    for rows in pieces(events):
        accounts += rng.choice(rows[:, Col.ACCOUNT], QUESTIONS).tolist()
        nothing = np.zeros((BLOCK_EVENTS, 1), np.int64)
        began = time.process_time()
        for low in range(0, len(rows), BLOCK_EVENTS):
            some = rows[low : low + BLOCK_EVENTS]
            store.take(Block(at, VERSIONS, some, nothing[: len(some)]))
            at += len(some)
        spent += time.process_time() - began
    chosen = [Entity(EntityKind.ACCOUNT, int(token)) for token in rng.permutation(accounts)]
    return store, spent, chosen, [*_hubs(store), Entity(EntityKind.ACCOUNT, _HUB), Entity(EntityKind.ADDRESS, _SHARED)]


def _hubs(store: LinkStore) -> list[Entity]:
    """The entities of each kind with most events of the newest part."""
    part = store.seen().parts[0]
    carried = np.diff(part.first)
    found = []
    for kind in (EntityKind.ACCOUNT, EntityKind.DEVICE, EntityKind.ADDRESS):
        begin, end = int(part.starts[kind]), int(part.starts[kind + 1])
        most = begin + np.argsort(-carried[begin:end])[:8]
        found += [Entity(kind, int(part.tokens[number])) for number in most]
    return found


def _serve(pipe: Connection, events: int) -> None:
    """Build the store and answer until the pipe says so; tells (address, figures, random, hubs)."""
    import uvicorn

    store, spent, chosen, hubs = build(events)
    names = FigureNames("bench.links", "refused", "failures", "read_s", "write_s")
    trail = Recorder(_Trail(), waiting_entries_max=1_024, group_entries_max=64)
    auditor = Auditor(trail, Objects(bytes(32)), SystemClock())
    health = ViewsHealthBody("ok", "bench", 0, 0, 0, "")
    process = Process("bench", "", "", "bench", ViewsHealthBody, lambda: (health, True))
    routes = link_routes(LinkDesk(store, _Names(), SystemClock(), 1))
    application = build_process_app(
        process, Door(_Keys()), ProcessFigures(names, {}), auditor, routes, lambda error, _address: error
    )
    listener = listen("127.0.0.1", 0)
    figures = {"per_s": events / spent, "bytes": store.size_bytes / (EDGES_OF_EVENT * events)}
    pipe.send((listener.getsockname()[1], figures, [each.id for each in chosen], [each.id for each in hubs]))
    config = uvicorn.Config(application, log_config=None, access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


def waits(client: httpx.Client, entities: list[str]) -> tuple[list[float], list[int]]:
    """(milliseconds from question to answer, nodes and crowds of the answer) of each."""
    spent, sizes = [], []
    for entity in entities:
        began = time.perf_counter()
        answer = client.get(f"/v1/links/{entity}", params={"nodes_max": NODES, "hops": 2})
        spent.append(1_000 * (time.perf_counter() - began))
        graph: dict[str, Any] = answer.raise_for_status().json()
        sizes.append(len(graph["nodes"]) + len(graph["crowds"]))
    return spent, sizes


def processor_ms(pid: int | None) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return 1_000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def lines(run: Run) -> Iterator[Line]:
    """The bar's lines."""
    edges, questions = run.pick(EDGES, EDGES_QUICK), run.pick(QUESTIONS, QUESTIONS_QUICK)
    context = get_context("spawn")
    mine, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(theirs, edges // EDGES_OF_EVENT), daemon=True)
    server.start()
    theirs.close()
    try:
        port, figures, chosen, hubs = mine.recv()
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": "Bearer bench"}, timeout=60
        ) as client:
            waits(client, chosen[:3])  # compiled, connected
            for name, entities in (("of accounts at random", chosen[:questions]), ("of hubs", hubs)):
                before = processor_ms(server.pid)
                spent, sizes = waits(client, entities)
                work = (processor_ms(server.pid) - before) / len(entities)
                middle, most = np.percentile(spent, (50, 95))
                note = (
                    f"{edges:,} edges of {edges // EDGES_OF_EVENT:,} events, over HTTP, p50 {middle:.0f} ms, {len(entities)} "
                    f"questions, {np.median(sizes):.0f} nodes in the middle and {max(sizes)} at most; {work:.0f} ms "
                    f"of processor time a question; built at {figures['per_s']:,.0f} events per second of processor time, "
                    f"{figures['bytes']:.0f} bytes an edge"
                )
                yield at_most(f"link graph {name}, p95", WAIT_MS_MAX, float(most), " ms", note)
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    for line in lines(Run(quick="--quick" in sys.argv, deadline=time.monotonic() + FULL_S)):
        print(line)
