"""Everything that runs in the serving process, put together: who decides, who governs, who keeps watch, and what they offer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from tarim import __version__
from tarim.api.answers import Answers
from tarim.api.auditing import Auditor, end_trail, keep_trail
from tarim.api.backtests import Backtests, backtest_routes
from tarim.api.connection import HttpLimits, Site
from tarim.api.customers import customer_routes
from tarim.api.doors import Door
from tarim.api.explanations import explanation_routes
from tarim.api.figures import Figures
from tarim.api.governance import governance_routes
from tarim.api.holds import hold_routes, keep_time
from tarim.api.indicators import count, indicator_routes, watch
from tarim.api.lists import list_routes
from tarim.api.model_watch import LiveWatch, watch_routes
from tarim.api.models import model_routes
from tarim.api.names import name_routes
from tarim.api.probing import Probes, probe_routes
from tarim.api.proposal_views import proposal_view_routes
from tarim.api.readiness import keep_memory_ready
from tarim.api.routes import Route
from tarim.api.rule_drafts import rule_draft_routes
from tarim.api.site import build_site
from tarim.api.snapshot_keeper import SnapshotKeeper
from tarim.api.switch_reviews import ReviewClock, switch_review_routes
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.backtesting import kept_backtest, kept_backtests
from tarim.bootstrap.customer_events import last_event
from tarim.bootstrap.house import House
from tarim.bootstrap.lists import HitCounter, ListDesk
from tarim.bootstrap.name_book import index_register
from tarim.bootstrap.name_register import NameRegister
from tarim.bootstrap.names import NameDesk
from tarim.bootstrap.packages import Packages, keep_script
from tarim.bootstrap.publishing import CompileAside
from tarim.bootstrap.ruleset_texts import RulesetTexts
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
    SwitchReviewer,
    Taken,
)
from tarim.stream import Engine


class Running:
    """The parts of one service over one house.  Made, started, offered and closed in one event loop."""

    def __init__(self, house: House, trail: OpenTrail, loop: asyncio.AbstractEventLoop) -> None:
        settings, service = house.settings, house.settings.service
        self._house = house
        self._trail = trail
        self._loop = loop
        self._recorder = trail.recorder()
        self._auditor = Auditor(self._recorder, trail.objects, house.clock)
        self.figures = Figures(self._gauges())
        self._indicators = Indicators(settings.indicators)
        self._live_watch = LiveWatch(house, self.figures)
        self._probes = Probes(settings.probing, house.clock)
        self.figures.watched, self.figures.probed = self._live_watch.psi, self._probes.counts
        self._desk = GroupCommit(
            house.service,
            house.intake,
            house.journal,
            loop,
            GroupLimits(
                service.group_requests_max,
                service.group_bytes_max,
                service.waiting_requests_max,
                service.waiting_bytes_max,
            ),
            self._live_watch,
            guard=self._probes,
            on_accepted=self._keep_account,
        )
        self._snapshots = SnapshotKeeper(house, self.figures, self._live_watch.snapshot_written)
        self._governor = Governor(house.service, house.clock, house.artefacts.keep, CompileAside(house))
        self._reviewer = SwitchReviewer(self._governor, house.service, house.clock)
        self._review_clock = ReviewClock(load_schedule(house.places.data), house.clock)
        self._backtests = Backtests(
            house.places.data,
            settings.engine.features,
            lambda digest: kept_backtest(house.places, digest),
            lambda version: kept_backtests(house.places, version),
            house.clock,
        )
        self._packages = Packages(house.places, house.features, house.signer)
        if house.service.governance.registry.closed:
            self._shred_models()  # what an exit that was interrupted left
        self._holds = HoldDesk(house.service, house.clock)
        self._names = NameDesk(
            house.names,
            house.service,
            self._governor,
            house.clock,
            house.places.data,
            settings.names,
            partial(index_register, house.vault),
        )
        self._screenings = Screenings(self._names, house.places, house.clock)

    async def start(self) -> None:
        """What has to stand before the first request."""
        await self._names.start()
        self._house.intake.screen_names(self._names)

    def site(self, door: Door) -> Site:
        """What answers HTTP."""
        house, settings = self._house, self._house.settings
        service = settings.service
        return build_site(
            house.service,
            self._desk,
            door,
            Answers(house.explainer, house.score_explainer, settings.probing.score_decimals_max),
            self.figures,
            self._probes,
            HttpLimits(
                head_bytes_max=service.head_bytes_max,
                pipelined_requests_max=service.pipelined_requests_max,
                connections_max=service.connections_max,
                request_s_max=service.request_s_max,
                idle_s_max=service.idle_s_max,
            ),
            self._auditor,
            message_bytes_max=settings.intake.message_bytes_max,
            batch_bytes_max=settings.intake.batch_bytes_max,
            version=__version__,
            more=[*self._ruling(), *self._listing(), *self._modelling(), *self._handling()],
        )

    def background(self, site: Site) -> list[Coroutine[Any, Any, None]]:
        """What goes on beside the requests until it is cancelled."""
        house = self._house
        return [
            site.sweep(),
            self._snapshots.run(),
            self._names.run(),
            self._screenings.run(),
            keep_memory_ready(house),
            watch(self._indicators, house.clock),
            self._live_watch.run(),
            self._live_watch.measure(),
            keep_time(self._holds, house.service, self.figures),
            keep_trail(self._auditor, self._trail.keeper, house.settings.audit.anchor_every_s, self.figures.failed),
        ]

    async def close(self) -> None:
        """Answer what is under way, and end."""
        await self._backtests.close()
        await self._screenings.close()
        await self._names.close()
        await self._desk.close()
        await end_trail(self._auditor, self._recorder, self._trail.keeper)

    # ---- what is offered -------------------------------------------------------------------------------------------

    def _ruling(self) -> list[Route]:
        house, governor = self._house, self._governor
        return [
            *governance_routes(governor, house.service, RulesetTexts(house), house.clock, self._token_of_customer),
            *proposal_view_routes(governor, house.service),
            *switch_review_routes(self._reviewer, self._review_clock),
            *rule_draft_routes(governor, RulesetTexts(house), house.features, lambda: house.lists.membership.lists),
            *backtest_routes(self._backtests),
            *indicator_routes(self._indicators, house.clock),
        ]

    def _listing(self) -> list[Route]:
        house = self._house
        register = NameRegister(self._names, house.vault, house.new_tokenizer())
        return [
            *list_routes(
                house.lists,
                ListDesk(house.lists, house.service, house.places),
                HitCounter(house.lists, house.places.journal, house.settings.journal.index_stride_bytes),
                house.places,
                house.clock,
            ),
            *name_routes(self._names, register, self._screenings, self._governor, house.places, house.clock),
        ]

    def _modelling(self) -> list[Route]:
        house = self._house
        governor = ModelGovernor(self._governor, house.service, house.clock, self._check_package, self._shred_models)
        return [
            *explanation_routes(house.service, house.score_explainer),
            *watch_routes(house),
            *probe_routes(self._probes),
            *model_routes(
                governor,
                house.service,
                self._packages,
                house.clock,
                partial(keep_script, house.artefacts),
                house.artefacts.get,
            ),
        ]

    def _handling(self) -> list[Route]:
        house = self._house
        return [
            *customer_routes(
                partial(last_event, house.places.journal), house.vault.destroyed_at, house.destroy_customer
            ),
            *hold_routes(
                self._holds, self._governor, house.service, self._token_of_customer, lambda: house.journal.durable_seq
            ),
        ]

    # ---- what is asked of the parts --------------------------------------------------------------------------------

    def _keep_account(self, groups: Sequence[tuple[Taken, Batch]]) -> None:
        self._house.index_accepted(groups)
        count(self._indicators, groups)

    def _token_of_customer(self, raw: str) -> int:
        return self._house.tokenizer.token("customer", raw)

    async def _check_package(self, digest: str) -> None:
        await self._loop.run_in_executor(None, self._packages.check, digest)

    def _shred_models(self) -> int:
        return self._packages.shred(self._house.service.governance.registry.entries)

    def _gauges(self) -> dict[str, tuple[str, Callable[[], float]]]:
        return {
            "tarim_waiting_requests": ("Requests not yet answered.", lambda: self._desk.waiting_requests),
            "tarim_journal_durable_seq": (
                "Position below which all is durable.",
                lambda: self._house.journal.durable_seq,
            ),
            "tarim_seen_bytes": (
                "Memory of the index of accepted events.",
                lambda: self._house.service.seen.bytes_held,
            ),
            "tarim_engine_bytes": ("Memory of the engine.", lambda: self._engine_bytes()),
            "tarim_broken": (
                "1 when the service has to be restarted.",
                lambda: float(bool(self._house.service.broken)),
            ),
            "tarim_open_holds": ("Payments held.", lambda: self._house.service.aftermath.holds.open_count),
            "tarim_indicators_abnormal": (
                "Business figures out of the ordinary.",
                lambda: float(len(list(self._indicators.abnormal))),
            ),
            "tarim_names_pending": ("Payees' names being screened.", lambda: self._names.pending),
            "tarim_names_screened": ("Payees' names screened since the start.", lambda: self._names.screened),
            "tarim_names_unscreened": (
                "Events decided before their payee's name was screened.",
                lambda: self._names.unscreened,
            ),
            "tarim_names_matches": (
                "Matches of customers and payees, of any standing.",
                lambda: self._names.state.match_count,
            ),
            "tarim_names_behind": (
                "1 when a screening of all customers is due.",
                lambda: float(self._screenings.behind),
            ),
            "tarim_probing_subjects": ("Customers and devices refused.", lambda: float(self._probes.refused_subjects)),
            "tarim_watch_alarms": ("Scores and features that have shifted.", lambda: self._live_watch.alarm_count),
            "tarim_switch_reviews_open": (
                "Pauses and stops by one person that wait for a second person's review.",
                lambda: float(len(self._reviewer.open())),
            ),
            "tarim_switch_reviews_overdue": (
                "Those of them whose time is over.",
                lambda: float(self._review_clock.overdue(self._reviewer)),
            ),
            "tarim_snapshot_seq": ("Position of the newest snapshot.", lambda: self._snapshots.newest_seq),
        }

    def _engine_bytes(self) -> float:
        engine = self._house.engine
        return float(engine.allocated_bytes) if isinstance(engine, Engine) else 0.0
