"""The views' process: one loop for HTTP, one thread that follows the journal, some that look things up."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import uvloop

from tarim.api.doors import Keys, Persons
from tarim.api.process_server import serve_beside, server_of
from tarim.api.views_running import ViewsRunning
from tarim.base.listening import listen
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.views import ViewsHouse


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
    running = ViewsRunning(house, trail)
    site = running.site(persons, keys)
    server = server_of(site, house.settings.views)
    running.start()
    try:
        await serve_beside(server, running.background(site), listener, listening)
    finally:
        await running.close()
