"""The serving process: one loop for HTTP and decisions, and now and then a child that writes a snapshot."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import uvicorn
import uvloop

from tarim.api.doors import Door, Keys, Persons
from tarim.api.network import Network
from tarim.api.readiness import warm_up
from tarim.api.running import Running
from tarim.base.listening import listen
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.house import House
from tarim.bootstrap.scheduling import ask_for_short_turns, ask_for_short_turns_alone
from tarim.identity import parts

_GC_YOUNG: Final = 5_000
_GC_MIDDLE: Final = 20
_GC_OLD: Final = 1_000_000
"""A full collection would stop everything for as long as the heap is large, so none is started by itself: what lives
long is frozen after warming up, and what dies young is found young.  To look through 20,000 young objects takes 2 to 6 ms, for
which the event that comes then would wait."""


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
    # These start the children, which are to have usual turns and priority.
    loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="aside", initializer=ask_for_short_turns_alone))
    running = Running(house, trail, loop)
    await running.start()
    site = running.site(
        Door(keys, persons, Network(parts(settings.identity.proxies), parts(settings.identity.origins)))
    )
    config = uvicorn.Config(
        site.application,
        http=site.connection,  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        backlog=settings.service.connections_max,
        timeout_graceful_shutdown=settings.service.stop_s_max,
    )
    server = uvicorn.Server(config)

    def stop(*_: object) -> None:
        server.should_exit = True

    for number in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # heard before uvicorn listens to them, and raised again when it has stopped
        signal.signal(number, stop)
    background = [loop.create_task(each) for each in running.background(site)]
    host, port = listener.getsockname()[:2]
    listening(f"http://{host}:{port}")
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in background:
            task.cancel()
        await running.close()
