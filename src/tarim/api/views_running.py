"""Everything that runs in the views' process, put together: what follows the journal, what looks up, and what they offer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from tarim import __version__
from tarim.api.auditing import Auditor, end_trail, keep_trail
from tarim.api.connection import Site
from tarim.api.doors import Keys, Persons
from tarim.api.links import LinkDesk, link_routes
from tarim.api.lookups import Lookups
from tarim.api.process_figures import FigureNames, ProcessFigures
from tarim.api.process_server import site_of
from tarim.api.rebuilds import Rebuilds, rebuild_routes
from tarim.api.routes import Route
from tarim.api.views_app import views_process
from tarim.api.views_decisions import DecisionDesk, decision_view_routes
from tarim.api.views_live import LiveDesk, live_routes
from tarim.api.views_rules import rule_hit_routes
from tarim.api.views_search import SearchDesk, search_routes
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.views import ViewsHouse

FIGURES = FigureNames(
    "tarim.views",
    "tarim_views_refused",
    "tarim_views_failures",
    "tarim_views_read_seconds",
    "tarim_views_write_seconds",
)
BEHIND_MAX = 100_000
"""With more positions of the decisions' journal not shown yet the views say that they are behind."""


class ViewsRunning:
    """The parts of the views over one house.  Made, started, offered and closed in one event loop."""

    def __init__(self, house: ViewsHouse, trail: OpenTrail) -> None:
        settings = house.settings
        self._house, self._trail = house, trail
        self._lookups = Lookups(house.clock, settings.identity.lookups_alarm, settings.identity.lookups_max)
        self._figures = ProcessFigures(FIGURES, self._gauges())
        self._recorder = trail.recorder()
        self._auditor = Auditor(self._recorder, trail.objects, house.clock, self._lookups)
        self._rebuilds = Rebuilds(
            house.places.data,
            house.features,
            settings.engine.features,
            settings.views.nice,
            settings.views.rebuild_s_max,
            settings.probing.score_decimals_max,
            house.clock,
        )

    def site(self, persons: Persons, keys: Keys) -> Site:
        """What answers HTTP."""
        views, settings = self._house.views, self._house.settings
        process = views_process(lambda: views.state, __version__, BEHIND_MAX)
        return site_of(process, self._routes(), keys, persons, self._figures, self._auditor, settings, settings.views)

    def start(self) -> None:
        """What has to run before the first request."""
        self._house.views.start()

    def background(self, site: Site) -> list[Coroutine[Any, Any, None]]:
        """What goes on beside the requests until it is cancelled."""
        every_s = self._house.settings.audit.anchor_every_s
        return [site.sweep(), keep_trail(self._auditor, self._trail.keeper, every_s, self._figures.failed)]

    async def close(self) -> None:
        """End what is being made again, and the trail; the house is the caller's to close."""
        await self._rebuilds.close()
        await end_trail(self._auditor, self._recorder, self._trail.keeper)

    def _routes(self) -> list[Route]:
        house, current = self._house, self._house.views.current
        decimals, recent_ms = house.settings.probing.score_decimals_max, house.settings.identity.recent_ms
        return [
            *live_routes(LiveDesk(house.live, house.look, house.clock, decimals), lambda: house.views.state),
            *decision_view_routes(DecisionDesk(house.known, house.live, house.look, house.features, current, decimals)),
            *rebuild_routes(self._rebuilds, house.known, house.look, current),
            *search_routes(SearchDesk(house.known, house.entities, house.look, current)),
            *rule_hit_routes(house.rule_hits, house.clock),
            *link_routes(LinkDesk(house.links, house.link_names, house.clock, recent_ms)),
        ]

    def _gauges(self) -> dict[str, tuple[str, Callable[[], float]]]:
        views = self._house.views
        return {
            "tarim_views_followed_seq": ("Decisions' journal in the views.", lambda: views.state.followed_seq),
            "tarim_views_behind": ("Positions of the journal not shown yet.", lambda: views.state.behind),
            "tarim_views_broken": ("1 when the views stand still.", lambda: float(bool(views.state.trouble))),
            "tarim_views_crawls": ("Alarms about who looks up many customers.", lambda: float(self._lookups.alarms)),
            "tarim_views_entities": ("Identifiers that are counted.", lambda: len(self._house.entities)),
            "tarim_views_links_events": ("Events in the link graph.", lambda: len(self._house.links)),
        }
