"""The views' process: one loop for HTTP, one thread that follows the journal, some that look things up."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import uvloop

from tarim import __version__
from tarim.api.auditing import Auditor, end_trail, keep_trail
from tarim.api.connection import Site
from tarim.api.doors import Door, Keys, Persons
from tarim.api.links import LinkDesk, link_routes
from tarim.api.lookups import Lookups
from tarim.api.network import Network, RealAddress
from tarim.api.process_app import build_process_app
from tarim.api.process_figures import FigureNames, ProcessFigures
from tarim.api.process_server import limits_of, server_of, stranger_of
from tarim.api.rebuilds import Rebuilds, rebuild_routes
from tarim.api.routes import Route
from tarim.api.views_app import views_process
from tarim.api.views_decisions import DecisionDesk, decision_view_routes
from tarim.api.views_live import LiveDesk, live_routes
from tarim.api.views_rules import rule_hit_routes
from tarim.api.views_search import SearchDesk, search_routes
from tarim.base.listening import listen
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.views import ViewsHouse
from tarim.identity import parts

FIGURES = FigureNames(
    "tarim.views",
    "tarim_views_refused",
    "tarim_views_failures",
    "tarim_views_read_seconds",
    "tarim_views_write_seconds",
)
BEHIND_MAX = 100_000
"""With more positions of the decisions' journal not shown yet the views say that they are behind."""


def view_routes(house: ViewsHouse, rebuilds: Rebuilds) -> list[Route]:
    """Everything that the views offer."""
    decimals, current = house.settings.probing.score_decimals_max, house.views.current
    return [
        *live_routes(LiveDesk(house.live, house.look, house.clock, decimals), lambda: house.views.state),
        *decision_view_routes(DecisionDesk(house.known, house.live, house.look, house.features, current, decimals)),
        *rebuild_routes(rebuilds, house.known, house.look, current),
        *search_routes(SearchDesk(house.known, house.entities, house.look, current)),
        *rule_hit_routes(house.rule_hits, house.clock),
        *link_routes(LinkDesk(house.links, house.link_names, house.clock, house.settings.identity.recent_ms)),
    ]


def serve_views(
    house: ViewsHouse, trail: OpenTrail, persons: Persons, keys: Keys, listening: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is under way and return.

    `listening` is told the address once connections are accepted.  Raises Unavailable when the address is taken.
    """
    listener = listen(house.settings.views.host, house.settings.views.port)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(house, trail, persons, keys, listener, listening))


async def _serve(
    house: ViewsHouse,
    trail: OpenTrail,
    persons: Persons,
    keys: Keys,
    listener: socket.socket,
    listening: Callable[[str], None],
) -> None:
    settings, loop = house.settings.views, asyncio.get_running_loop()
    views = house.views
    policy = house.settings.identity
    lookups = Lookups(house.clock, policy.lookups_alarm, policy.lookups_max)
    figures = ProcessFigures(
        FIGURES,
        {
            "tarim_views_followed_seq": ("Decisions' journal in the views.", lambda: views.state.followed_seq),
            "tarim_views_behind": ("Positions of the journal not shown yet.", lambda: views.state.behind),
            "tarim_views_broken": ("1 when the views stand still.", lambda: float(bool(views.state.trouble))),
            "tarim_views_crawls": ("Alarms about who looks up many customers.", lambda: float(lookups.alarms)),
            "tarim_views_entities": ("Identifiers that are counted.", lambda: len(house.entities)),
            "tarim_views_links_events": ("Events in the link graph.", lambda: len(house.links)),
        },
    )
    recorder = trail.recorder()
    auditor = Auditor(recorder, trail.objects, house.clock, lookups)
    rebuilds = Rebuilds(
        house.places.data,
        house.features,
        house.settings.engine.features,
        settings.nice,
        settings.rebuild_s_max,
        house.settings.probing.score_decimals_max,
        house.clock,
    )
    routes = view_routes(house, rebuilds)
    network = Network(parts(house.settings.identity.proxies), parts(house.settings.identity.origins))
    process = views_process(lambda: views.state, __version__, BEHIND_MAX)
    application = build_process_app(
        process, Door(keys, persons, network), figures, auditor, routes, stranger_of(house.settings.probing)
    )
    larger = {route.path.encode(): route.body_bytes_max for route in routes}
    site = Site({}, RealAddress(application, network), limits_of(settings), figures.refused, figures.failed, larger)
    server = server_of(site, settings)
    views.start()
    background = [
        loop.create_task(each)
        for each in (
            site.sweep(),
            keep_trail(auditor, trail.keeper, house.settings.audit.anchor_every_s, figures.failed),
        )
    ]
    host, port = listener.getsockname()[:2]
    listening(f"http://{host}:{port}")
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in background:
            task.cancel()
        await rebuilds.close()
        await end_trail(auditor, recorder, trail.keeper)
