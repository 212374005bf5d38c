"""The desk's process: one loop for HTTP, one thread that writes, some that read, one that tells verdicts."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import uvloop

from tarim.api.desk_running import DeskRunning
from tarim.api.doors import Keys
from tarim.api.process_server import serve_beside, server_of
from tarim.base.listening import listen
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.desk import DeskHouse
from tarim.bootstrap.identity import OpenIdentity
from tarim.bootstrap.workspace import OpenWorkspace


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
    running = DeskRunning(house, trail, identity, workspace)
    site = running.site(keys)
    server = server_of(site, house.settings.desk)
    running.start()
    try:
        await serve_beside(server, running.background(site), listener, listening)
    finally:
        await running.close()
