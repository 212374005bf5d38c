"""The desk's process: one loop for HTTP, one thread that writes, some that read, one that tells verdicts."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import uvloop

from tarim import __version__
from tarim.api.audit import audit_routes
from tarim.api.audit_looks import Looks, audit_look_routes
from tarim.api.auditing import Auditor, end_trail, keep_trail
from tarim.api.cases import CaseDesk, case_routes
from tarim.api.connection import Site
from tarim.api.contact import contact_routes
from tarim.api.containment_watch import ContainmentWatch
from tarim.api.desk_app import desk_process
from tarim.api.desk_labels import desk_label_routes
from tarim.api.doors import Door, Keys
from tarim.api.lookups import Lookups
from tarim.api.network import Network, RealAddress
from tarim.api.process_app import build_process_app
from tarim.api.process_figures import FigureNames, ProcessFigures
from tarim.api.process_server import limits_of, server_of, stranger_of
from tarim.api.redress import redress_routes
from tarim.api.redress_calls import RedressDesk
from tarim.api.reporting import ReportDesk, report_routes
from tarim.api.routes import Route
from tarim.api.sign_in import Threads, sign_in_routes
from tarim.api.users import user_routes
from tarim.api.workspace import workspace_routes
from tarim.base.listening import listen
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.audit_looking import look_in_child
from tarim.bootstrap.desk import DeskHouse
from tarim.bootstrap.identity import OpenIdentity
from tarim.bootstrap.redress import RedressHouse
from tarim.bootstrap.workspace import OpenWorkspace
from tarim.desk import LabelSender, LabelService
from tarim.identity import parts

FIGURES = FigureNames(
    "tarim.desk",
    "tarim_desk_refused",
    "tarim_desk_failures",
    "tarim_desk_read_seconds",
    "tarim_desk_write_seconds",
)
BEHIND_MAX = 10_000
"""With more positions of the decisions' journal not shown yet the desk says that it is behind."""


def people_routes(house: DeskHouse, redress: RedressHouse) -> list[Route]:
    """Everything that people's work offers."""
    return [
        *desk_label_routes(house.desk),
        *contact_routes(house.contact.contact),
        *redress_routes(RedressDesk(*redress.uses, house.settings.identity.recent_ms, redress.pages)),
    ]


def serve_desk(
    house: DeskHouse,
    trail: OpenTrail,
    identity: OpenIdentity,
    workspace: OpenWorkspace,
    keys: Keys,
    listening: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is under way and return.

    `listening` is told the address once connections are accepted.  Raises Unavailable when the address is taken.
    """
    settings = house.settings.desk
    listener = listen(settings.host, settings.port)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(house, trail, identity, workspace, keys, listener, listening))


async def _serve(
    house: DeskHouse,
    trail: OpenTrail,
    identity: OpenIdentity,
    workspace: OpenWorkspace,
    keys: Keys,
    listener: socket.socket,
    listening: Callable[[str], None],
) -> None:
    settings, loop = house.settings.desk, asyncio.get_running_loop()
    desk = house.desk
    sender = LabelSender(desk, LabelService(settings.service_url, house.service_key), settings.label_retry_s_max)
    casework = house.casework(identity.directory)
    redress = house.redress(identity.directory.names_of)
    watch = ContainmentWatch(redress.reviews)
    policy = house.settings.identity
    lookups = Lookups(house.clock, policy.lookups_alarm, policy.lookups_max)
    figures = ProcessFigures(
        FIGURES,
        {
            "tarim_desk_acts_seq": ("Acts in the tables.", lambda: desk.state.acts_seq),
            "tarim_desk_followed_seq": ("Decisions' journal in the tables.", lambda: desk.state.followed_seq),
            "tarim_desk_behind": ("Positions of the decisions' journal not shown yet.", lambda: desk.state.behind),
            "tarim_desk_waiting_commands": ("Commands that wait for their turn.", lambda: desk.state.waiting),
            "tarim_desk_broken": ("1 when the tables stand still.", lambda: float(bool(desk.state.trouble))),
            "tarim_desk_labels_wait": ("1 when verdicts cannot be told.", lambda: float(bool(sender.trouble))),
            "tarim_desk_receivers_down": ("Receivers that take no messages.", lambda: house.contact.courier.down),
            "tarim_desk_crawls": ("Alarms about who looks up many customers.", lambda: float(lookups.alarms)),
            "tarim_desk_containments_lapsed": (
                "Losses whose rule of prevention is not in force any more.",
                lambda: float(watch.lapsed),
            ),
            "tarim_desk_erasures_wait": (
                "1 when deletions cannot be told.",
                lambda: float(bool(redress.eraser.trouble)),
            ),
            "tarim_desk_orders_wait": ("1 when orders cannot be told.", lambda: float(bool(casework.sender.trouble))),
        },
    )
    reporting = house.reporting(identity.directory.names_of)
    recorder = trail.recorder()
    auditor = Auditor(recorder, trail.objects, house.clock, lookups)
    run = Threads()
    values = casework.values
    looks = Looks(lambda look: look_in_child(house.places, look.what, look.source, look.event_id), house.clock.now_ms)
    cases = CaseDesk(desk, casework.means, values, values.customer, house.settings.identity.recent_ms)
    routes = [
        *people_routes(house, redress),
        *report_routes(ReportDesk(*reporting.uses, house.settings.identity.recent_ms, desk.now_ms)),
        *case_routes(cases),
        *audit_routes(trail),
        *audit_look_routes(trail, looks),
        *sign_in_routes(identity, run),
        *user_routes(identity, run),
        *workspace_routes(workspace, run),
    ]
    network = Network(parts(house.settings.identity.proxies), parts(house.settings.identity.origins))
    door = Door(keys, identity.directory, network)
    process = desk_process(lambda: desk.state, __version__, BEHIND_MAX)
    application = build_process_app(process, door, figures, auditor, routes, stranger_of(house.settings.probing))
    larger = {route.path.encode(): route.body_bytes_max for route in routes}
    site = Site({}, RealAddress(application, network), limits_of(settings), figures.refused, figures.failed, larger)
    server = server_of(site, settings)
    desk.start()
    sender.start()
    casework.sender.start()
    redress.eraser.start()
    house.contact.courier.start()
    reporting.start()
    background = [
        loop.create_task(each)
        for each in (
            site.sweep(),
            watch.run(),
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
        await loop.run_in_executor(None, casework.close)
        await loop.run_in_executor(None, sender.close)
        await loop.run_in_executor(None, redress.close)
        await loop.run_in_executor(None, reporting.close)
        await end_trail(auditor, recorder, trail.keeper)
