"""Everything that runs in the desk's process, put together: the thread that writes, those that tell others, what they offer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tarim import __version__
from tarim.api.account import account_routes
from tarim.api.audit import audit_routes
from tarim.api.audit_looks import Looks, audit_look_routes
from tarim.api.auditing import Auditor, end_trail, keep_trail
from tarim.api.cases import CaseDesk, case_routes
from tarim.api.connection import Site
from tarim.api.contact import contact_routes
from tarim.api.containment_watch import ContainmentWatch
from tarim.api.desk_app import desk_process
from tarim.api.desk_labels import desk_label_routes
from tarim.api.doors import Keys
from tarim.api.lookups import Lookups
from tarim.api.process_figures import FigureNames, ProcessFigures
from tarim.api.process_server import site_of
from tarim.api.redress import redress_routes
from tarim.api.redress_calls import RedressDesk
from tarim.api.reporting import ReportDesk, report_routes
from tarim.api.routes import Route
from tarim.api.sign_in import Threads, sign_in_routes
from tarim.api.users import user_routes
from tarim.api.workspace import workspace_routes
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.audit_looking import look_in_child
from tarim.bootstrap.desk import DeskHouse
from tarim.bootstrap.identity import OpenIdentity
from tarim.bootstrap.workspace import OpenWorkspace
from tarim.desk import LabelSender, LabelService

FIGURES = FigureNames(
    "tarim.desk",
    "tarim_desk_refused",
    "tarim_desk_failures",
    "tarim_desk_read_seconds",
    "tarim_desk_write_seconds",
)
BEHIND_MAX = 10_000
"""With more positions of the decisions' journal not shown yet the desk says that it is behind."""


class DeskRunning:
    """The parts of one desk over one house.  Made, started, offered and closed in one event loop."""

    def __init__(self, house: DeskHouse, trail: OpenTrail, identity: OpenIdentity, workspace: OpenWorkspace) -> None:
        settings = house.settings.desk
        self._house, self._trail, self._identity, self._workspace = house, trail, identity, workspace
        self._sender = LabelSender(
            house.desk, LabelService(settings.service_url, house.service_key), settings.label_retry_s_max
        )
        self._casework = house.casework(identity.directory)
        self._redress = house.redress(identity.directory.names_of)
        self._reporting = house.reporting(identity.directory.names_of)
        self._watch = ContainmentWatch(self._redress.reviews)
        policy = house.settings.identity
        self._lookups = Lookups(house.clock, policy.lookups_alarm, policy.lookups_max)
        self._figures = ProcessFigures(FIGURES, self._gauges())
        self._recorder = trail.recorder()
        self._auditor = Auditor(self._recorder, trail.objects, house.clock, self._lookups)

    def site(self, keys: Keys) -> Site:
        """What answers HTTP."""
        desk, settings = self._house.desk, self._house.settings
        process = desk_process(lambda: desk.state, __version__, BEHIND_MAX)
        persons = self._identity.directory
        return site_of(process, self._routes(), keys, persons, self._figures, self._auditor, settings, settings.desk)

    def start(self) -> None:
        """What has to run before the first request."""
        self._house.desk.start()
        self._sender.start()
        self._casework.sender.start()
        self._redress.eraser.start()
        self._house.contact.courier.start()
        self._reporting.start()

    def background(self, site: Site) -> list[Coroutine[Any, Any, None]]:
        """What goes on beside the requests until it is cancelled."""
        every_s = self._house.settings.audit.anchor_every_s
        return [
            site.sweep(),
            self._watch.run(),
            keep_trail(self._auditor, self._trail.keeper, every_s, self._figures.failed),
        ]

    async def close(self) -> None:
        """End what tells others, and the trail; the house is the caller's to close."""
        loop = asyncio.get_running_loop()
        for close in (self._casework.close, self._sender.close, self._redress.close, self._reporting.close):
            await loop.run_in_executor(None, close)
        await end_trail(self._auditor, self._recorder, self._trail.keeper)

    def _routes(self) -> list[Route]:
        house, trail, run = self._house, self._trail, Threads()
        recent_ms, values = house.settings.identity.recent_ms, self._casework.values
        looks = Looks(
            lambda look: look_in_child(house.places, look.what, look.source, look.event_id), house.clock.now_ms
        )
        return [
            *desk_label_routes(house.desk),
            *contact_routes(house.contact.contact),
            *redress_routes(RedressDesk(*self._redress.uses, recent_ms, self._redress.pages)),
            *report_routes(ReportDesk(*self._reporting.uses, recent_ms, house.desk.now_ms)),
            *case_routes(CaseDesk(house.desk, self._casework.means, values, values.customer, recent_ms)),
            *audit_routes(trail),
            *audit_look_routes(trail, looks),
            *sign_in_routes(self._identity, run),
            *account_routes(self._identity, run),
            *user_routes(self._identity, run),
            *workspace_routes(self._workspace, run),
        ]

    def _gauges(self) -> dict[str, tuple[str, Callable[[], float]]]:
        desk = self._house.desk
        return {
            "tarim_desk_acts_seq": ("Acts in the tables.", lambda: desk.state.acts_seq),
            "tarim_desk_followed_seq": ("Decisions' journal in the tables.", lambda: desk.state.followed_seq),
            "tarim_desk_behind": ("Positions of the decisions' journal not shown yet.", lambda: desk.state.behind),
            "tarim_desk_waiting_commands": ("Commands that wait for their turn.", lambda: desk.state.waiting),
            "tarim_desk_broken": ("1 when the tables stand still.", lambda: float(bool(desk.state.trouble))),
            "tarim_desk_labels_wait": ("1 when verdicts cannot be told.", lambda: float(bool(self._sender.trouble))),
            "tarim_desk_receivers_down": ("Receivers that take no messages.", lambda: self._house.contact.courier.down),
            "tarim_desk_crawls": ("Alarms about who looks up many customers.", lambda: float(self._lookups.alarms)),
            "tarim_desk_containments_lapsed": (
                "Losses whose rule of prevention is not in force any more.",
                lambda: float(self._watch.lapsed),
            ),
            "tarim_desk_erasures_wait": (
                "1 when deletions cannot be told.",
                lambda: float(bool(self._redress.eraser.trouble)),
            ),
            "tarim_desk_orders_wait": (
                "1 when orders cannot be told.",
                lambda: float(bool(self._casework.sender.trouble)),
            ),
        }
