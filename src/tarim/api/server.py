"""The serving process: one loop for HTTP and decisions, and now and then a child that writes a snapshot."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final

import structlog
import uvicorn
import uvloop

from tarim import __version__
from tarim.api.answers import Answers
from tarim.api.auditing import Auditor, end_trail, keep_trail
from tarim.api.backtests import Backtests, backtest_routes
from tarim.api.connection import HttpLimits
from tarim.api.customers import customer_routes
from tarim.api.doors import Door, Keys, Persons
from tarim.api.explanations import explanation_routes
from tarim.api.figures import Figures
from tarim.api.governance import governance_routes
from tarim.api.holds import hold_routes, keep_time
from tarim.api.indicators import count, indicator_routes, watch
from tarim.api.lists import list_routes
from tarim.api.model_watch import LiveWatch, watch_routes
from tarim.api.models import model_routes
from tarim.api.names import name_routes
from tarim.api.network import Network
from tarim.api.probing import Probes, probe_routes
from tarim.api.proposal_views import proposal_view_routes
from tarim.api.rule_drafts import rule_draft_routes
from tarim.api.site import build_site
from tarim.api.switch_reviews import ReviewClock, switch_review_routes
from tarim.base.errors import DefinitionError, TarimError, Unavailable
from tarim.base.listening import listen
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.backtesting import kept_backtest, kept_backtests
from tarim.bootstrap.children import finished
from tarim.bootstrap.customer_events import last_event
from tarim.bootstrap.house import House
from tarim.bootstrap.lists import HitCounter, ListDesk
from tarim.bootstrap.name_book import index_register
from tarim.bootstrap.name_register import NameRegister
from tarim.bootstrap.names import NameDesk
from tarim.bootstrap.packages import Packages, keep_script
from tarim.bootstrap.publishing import CompileAside
from tarim.bootstrap.ruleset_texts import RulesetTexts
from tarim.bootstrap.scheduling import ask_for_short_turns
from tarim.bootstrap.screenings import Screenings
from tarim.deadlines import load_schedule
from tarim.decisions import (
    Batch,
    Governor,
    GroupCommit,
    GroupLimits,
    HoldDesk,
    Indicators,
    ModelGovernor,
    Snapshots,
    SwitchReviewer,
    Taken,
)
from tarim.identity import parts
from tarim.stream import Engine

_WARM_UP_ROUNDS: Final = 3
_GC_YOUNG: Final = 20_000
_GC_MIDDLE: Final = 50
_GC_OLD: Final = 1_000_000
"""A full collection would stop everything for as long as the heap is large, so none is started by itself: what lives
long is frozen after warming up, and what dies young is found young."""
_SNAPSHOT_CHECK_S: Final = 1.0
_SNAPSHOT_S_MAX: Final = 3_600
_MEMORY_CHECK_S: Final = 0.1
_MEMORY_STEP: Final = 2 << 20


def serve(house: House, trail: OpenTrail, persons: Persons, keys: Keys, listening: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is under way and return.

    `listening` is told the address once connections are accepted.  Raises Unavailable when the address is taken.
    """
    settings = house.settings.service
    listener = listen(settings.host, settings.port)
    warm_up(house)
    sys.setswitchinterval(settings.thread_switch_us / 1e6)
    ask_for_short_turns()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_YOUNG, _GC_MIDDLE, _GC_OLD)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(house, trail, persons, keys, listener, listening))


async def _serve(
    house: House,
    trail: OpenTrail,
    persons: Persons,
    keys: Keys,
    listener: socket.socket,
    listening: Callable[[str], None],
) -> None:
    settings, loop = house.settings, asyncio.get_running_loop()
    # The other threads as well: one that is put aside while it holds the interpreter has the decisions wait for its next turn.
    loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="aside", initializer=ask_for_short_turns))
    service = settings.service
    figures = Figures(
        {
            "tarim_waiting_requests": ("Requests not yet answered.", lambda: desk.waiting_requests),
            "tarim_journal_durable_seq": ("Position below which all is durable.", lambda: house.journal.durable_seq),
            "tarim_seen_bytes": ("Memory of the index of accepted events.", lambda: house.service.seen.bytes_held),
            "tarim_engine_bytes": ("Memory of the engine.", lambda: _engine_bytes(house.engine)),
            "tarim_broken": ("1 when the service has to be restarted.", lambda: float(bool(house.service.broken))),
            "tarim_open_holds": ("Payments held.", lambda: house.service.aftermath.holds.open_count),
            "tarim_indicators_abnormal": (
                "Business figures out of the ordinary.",
                lambda: float(len(list(indicators.abnormal))),
            ),
            "tarim_names_pending": ("Payees' names being screened.", lambda: names.pending),
            "tarim_names_screened": ("Payees' names screened since the start.", lambda: names.screened),
            "tarim_names_unscreened": (
                "Events decided before their payee's name was screened.",
                lambda: names.unscreened,
            ),
            "tarim_names_matches": (
                "Matches of customers and payees, of any standing.",
                lambda: names.state.match_count,
            ),
            "tarim_names_behind": ("1 when a screening of all customers is due.", lambda: float(screenings.behind)),
            "tarim_probing_subjects": ("Customers and devices refused.", lambda: float(probes.refused_subjects)),
            "tarim_watch_alarms": ("Scores and features that have shifted.", lambda: live_watch.alarm_count),
            "tarim_switch_reviews_open": (
                "Pauses and stops by one person that wait for a second person's review.",
                lambda: float(len(reviewer.open())),
            ),
            "tarim_switch_reviews_overdue": (
                "Those of them whose time is over.",
                lambda: float(review_clock.overdue(reviewer)),
            ),
            "tarim_snapshot_seq": ("Position of the newest snapshot.", lambda: snapshots.newest_seq),
        }
    )
    limits = GroupLimits(
        service.group_requests_max, service.group_bytes_max, service.waiting_requests_max, service.waiting_bytes_max
    )
    indicators = Indicators(settings.indicators)

    def keep_account(groups: Sequence[tuple[Taken, Batch]]) -> None:
        house.index_accepted(groups)
        count(indicators, groups)

    live_watch = LiveWatch(house, figures)
    probes = Probes(settings.probing, house.clock)
    figures.watched, figures.probed = live_watch.psi, probes.counts
    desk = GroupCommit(
        house.service,
        house.intake,
        house.journal,
        loop,
        limits,
        live_watch,
        guard=probes,
        on_accepted=keep_account,
    )
    snapshots = _SnapshotKeeper(house, figures, live_watch.snapshot_written)
    governor = Governor(house.service, house.clock, house.artefacts.keep, CompileAside(house))
    reviewer = SwitchReviewer(governor, house.service, house.clock)
    review_clock = ReviewClock(load_schedule(house.places.data), house.clock)
    backtests = Backtests(
        house.places.data,
        settings.engine.features,
        lambda digest: kept_backtest(house.places, digest),
        lambda version: kept_backtests(house.places, version),
        house.clock,
    )

    def token_of_customer(raw: str) -> int:
        return house.tokenizer.token("customer", raw)

    packages = Packages(house.places, house.features, house.signer)

    async def check_package(digest: str) -> None:
        await loop.run_in_executor(None, packages.check, digest)

    def shred_models() -> int:
        return packages.shred(house.service.governance.registry.entries)

    if house.service.governance.registry.closed:
        shred_models()  # what an exit that was interrupted left
    holds = HoldDesk(house.service, house.clock)
    names = NameDesk(
        house.names,
        house.service,
        governor,
        house.clock,
        house.places.data,
        settings.names,
        lambda seq, register: index_register(house.vault, seq, register),
    )
    screenings = Screenings(names, house.places, house.clock)
    register = NameRegister(names, house.vault, house.new_tokenizer())
    await names.start()
    house.intake.screen_names(names)
    recorder = trail.recorder()
    auditor = Auditor(recorder, trail.objects, house.clock)
    site = build_site(
        house.service,
        desk,
        Door(keys, persons, Network(parts(settings.identity.proxies), parts(settings.identity.origins))),
        Answers(house.explainer, house.score_explainer, settings.probing.score_decimals_max),
        figures,
        probes,
        HttpLimits(
            head_bytes_max=service.head_bytes_max,
            pipelined_requests_max=service.pipelined_requests_max,
            connections_max=service.connections_max,
            request_s_max=service.request_s_max,
            idle_s_max=service.idle_s_max,
        ),
        auditor,
        message_bytes_max=settings.intake.message_bytes_max,
        batch_bytes_max=settings.intake.batch_bytes_max,
        version=__version__,
        more=[
            *governance_routes(governor, house.service, RulesetTexts(house), house.clock, token_of_customer),
            *proposal_view_routes(governor, house.service),
            *switch_review_routes(reviewer, review_clock),
            *customer_routes(
                partial(last_event, house.places.journal), house.vault.destroyed_at, house.destroy_customer
            ),
            *rule_draft_routes(governor, RulesetTexts(house), house.features, lambda: house.lists.membership.lists),
            *explanation_routes(house.service, house.score_explainer),
            *backtest_routes(backtests),
            *indicator_routes(indicators, house.clock),
            *list_routes(
                house.lists,
                ListDesk(house.lists, house.service, house.places),
                HitCounter(house.lists, house.places.journal, settings.journal.index_stride_bytes),
                house.places,
                house.clock,
            ),
            *watch_routes(house),
            *probe_routes(probes),
            *model_routes(
                ModelGovernor(governor, house.service, house.clock, check_package, shred_models),
                house.service,
                packages,
                house.clock,
                lambda script: keep_script(house.artefacts, script),
                house.artefacts.get,
            ),
            *name_routes(names, register, screenings, governor, house.places, house.clock),
            *hold_routes(holds, governor, house.service, token_of_customer, lambda: house.journal.durable_seq),
        ],
    )
    config = uvicorn.Config(
        site.application,
        http=site.connection,  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        backlog=service.connections_max,
        timeout_graceful_shutdown=service.stop_s_max,
    )
    server = uvicorn.Server(config)

    def stop(*_: object) -> None:
        server.should_exit = True

    for number in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # heard before uvicorn listens to them, and raised again when it has stopped
        signal.signal(number, stop)
    background = [
        loop.create_task(each)
        for each in (
            site.sweep(),
            snapshots.run(),
            names.run(),
            screenings.run(),
            keep_memory_ready(house),
            watch(indicators, house.clock),
            live_watch.run(),
            live_watch.measure(),
            keep_time(holds, house.service, figures),
            keep_trail(auditor, trail.keeper, settings.audit.anchor_every_s, figures.failed),
        )
    ]
    host, port = listener.getsockname()[:2]
    listening(f"http://{host}:{port}")
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in background:
            task.cancel()
        await backtests.close()
        await screenings.close()
        await names.close()
        await desk.close()
        await end_trail(auditor, recorder, trail.keeper)


def _engine_bytes(engine: object) -> float:
    return float(engine.allocated_bytes) if isinstance(engine, Engine) else 0.0


def warm_up(house: House) -> None:
    """Run everything once that is slow the first time, on an engine and judge of their own."""
    import numpy as np

    from tarim.stream import Col, Kind, empty_rows

    engine = Engine(house.features, memory_bytes_max=64 << 20)
    decider = house.policy.decider
    for size in (1, 2, 64)[:_WARM_UP_ROUNDS]:
        rows = empty_rows(size)
        rows[:, Col.SEQ] = np.arange(engine.offset, engine.offset + size)
        rows[:, Col.KIND] = Kind.PAYMENT
        rows[:, Col.OCCURRED_MS] = 1_700_000_000_000
        rows[:, Col.ACCOUNT] = 1
        features = np.empty((size, len(house.features.names)))
        engine.process(rows, features)
        decisions = decider.decide(rows, features)
        decider.explain(decisions[0])
    for version in decider.models:
        with suppress(DefinitionError):
            house.score_explainer(house.features.version, version).top(features[0])
    if isinstance(house.engine, Engine):
        house.engine.prepare_memory(house.settings.engine.memory_ahead_bytes)


async def keep_memory_ready(house: House) -> None:
    """Top up what `warm_up` prepared, a large page at a time: an engine that grows finds its memory ready."""
    engine, loop = house.engine, asyncio.get_running_loop()
    while isinstance(engine, Engine):
        await asyncio.sleep(_MEMORY_CHECK_S)
        ahead = engine.prepared_bytes_ahead
        if ahead < house.settings.engine.memory_ahead_bytes // 2:
            await loop.run_in_executor(None, engine.prepare_memory, max(0, ahead) + _MEMORY_STEP)


class _SnapshotKeeper:
    """Starts a child process that writes a snapshot, every so many events or seconds."""

    def __init__(self, house: House, figures: Figures, written: Callable[[], None]) -> None:
        """written: told when a snapshot is there."""
        self._house = house
        self._figures = figures
        self._written = written
        self._log = structlog.get_logger("tarim.snapshots")
        self._snapshots = Snapshots(house.places.snapshots)
        self.newest_seq = next(iter(self._snapshots.offsets()), 0)
        self._last = time.monotonic()

    async def run(self) -> None:
        """Runs beside the server until cancelled."""
        settings = self._house.settings.snapshots
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SNAPSHOT_CHECK_S)
            events = self._house.journal.durable_seq - self.newest_seq
            waited_s = time.monotonic() - self._last
            if events >= settings.every_events or (events and waited_s >= settings.every_s):
                await loop.run_in_executor(None, self._write)

    def _write(self) -> None:
        """In a thread of its own: the child reads the journal beside us, so nothing here stops for it."""
        settings = self._house.settings.snapshots
        begin = self._last = time.monotonic()
        try:
            child = finished(
                ["snapshot", "--data", str(self._house.places.data), "--nice", str(settings.nice)],
                purpose="a snapshot could not be written",
                seconds_max=_SNAPSHOT_S_MAX,
            )
        except Unavailable as error:
            self._figures.failed(error)
            return
        if child.status:
            self._figures.failed(_SnapshotFailed(child.errors[-500:]))
            return
        self.newest_seq = next(iter(self._snapshots.offsets()), 0)
        self._written()
        self._log.info("snapshot", seq=self.newest_seq, took_s=round(time.monotonic() - begin, 2))


class _SnapshotFailed(TarimError):
    """The child that writes snapshots failed."""
