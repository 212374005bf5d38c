"""Serves the pages until told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
import uvloop

from tarim.base.listening import listen
from tarim.console.app import Console
from tarim.console.settings import ConsoleSettings
from tarim.console.site import PAGES


def serve_console(settings: ConsoleSettings, listening: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is under way and return.

    `listening` is told the address once connections are accepted.  Raises Unavailable when the address is taken, or the
    third-party scripts are not built.
    """
    console = Console(settings, PAGES)
    listener = listen(settings.host, settings.port)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(console, settings, listener, listening))


async def _serve(
    console: Console, settings: ConsoleSettings, listener: socket.socket, listening: Callable[[str], None]
) -> None:
    config = uvicorn.Config(
        console.application(),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=settings.connections_max,
        limit_concurrency=settings.connections_max,
        timeout_keep_alive=settings.idle_s_max,
        timeout_graceful_shutdown=settings.stop_s_max,
    )
    server = _Server(config, console)

    def stop(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):  # heard before uvicorn listens to them
        signal.signal(number, stop)
    watching = []
    if settings.environment == "production":  # elsewhere whoever alters a file is who works on it
        watching.append(asyncio.get_running_loop().create_task(console.static.watch(settings.static_look_s)))
    host, port = listener.getsockname()[:2]
    listening(f"http://{host}:{port}")
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in watching:
            task.cancel()
        await console.close()


class _Server(uvicorn.Server):
    """Tells streams to end when it is to stop: it would wait for them as for any answer under way."""

    def __init__(self, config: uvicorn.Config, console: Console) -> None:
        super().__init__(config)
        self._console = console

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Uvicorn's own, for signals while it serves."""
        self._console.leave()
        super().handle_exit(sig, frame)
