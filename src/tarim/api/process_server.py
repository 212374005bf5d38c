"""What the servers of people's processes share: limits, the site, the server that runs it, and what strangers are told."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

import uvicorn

from tarim.api.auditing import Auditor
from tarim.api.connection import HttpLimits, Site
from tarim.api.doors import Door, Keys, Persons
from tarim.api.network import Network, RealAddress
from tarim.api.process_app import Process, build_process_app
from tarim.api.process_figures import ProcessFigures
from tarim.api.routes import Route
from tarim.base.errors import NotAllowed, TarimError, TooOften, UnknownKey
from tarim.bootstrap.settings import Settings
from tarim.decisions import ProbeSettings
from tarim.identity import Strangers, parts


class ProcessSettings(Protocol):
    """What can be set of a process that serves people."""

    @property
    def head_bytes_max(self) -> int: ...
    @property
    def body_bytes_max(self) -> int: ...
    @property
    def connections_max(self) -> int: ...
    @property
    def requests_max(self) -> int: ...
    @property
    def request_s_max(self) -> int: ...
    @property
    def idle_s_max(self) -> int: ...
    @property
    def stop_s_max(self) -> int: ...


def limits_of(settings: ProcessSettings) -> HttpLimits:
    """The limits of its connections."""
    return HttpLimits(
        head_bytes_max=settings.head_bytes_max,
        other_body_bytes_max=settings.body_bytes_max,
        connections_max=settings.connections_max,
        other_requests_max=settings.requests_max,
        request_s_max=settings.request_s_max,
        idle_s_max=settings.idle_s_max,
    )


def server_of(site: Site, settings: ProcessSettings) -> uvicorn.Server:
    """A server of the site that SIGTERM and SIGINT end, from now on."""
    config = uvicorn.Config(
        site.application,
        http=site.connection,  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        backlog=settings.connections_max,
        timeout_graceful_shutdown=settings.stop_s_max,
    )
    server = uvicorn.Server(config)

    def stop(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):  # heard before uvicorn listens to them
        signal.signal(number, stop)
    return server


def site_of(
    process: Process,
    routes: Sequence[Route],
    keys: Keys,
    persons: Persons,
    figures: ProcessFigures,
    auditor: Auditor,
    settings: Settings,
    own: ProcessSettings,
) -> Site:
    """What answers HTTP for a process with these routes; own: its own settings among all."""
    network = Network(parts(settings.identity.proxies), parts(settings.identity.origins))
    stranger = stranger_of(settings.probing)
    application = build_process_app(process, Door(keys, persons, network), figures, auditor, routes, stranger)
    larger = {route.path.encode(): route.body_bytes_max for route in routes}
    return Site({}, RealAddress(application, network), limits_of(own), figures.refused, figures.failed, larger)


async def serve_beside(
    server: uvicorn.Server,
    background: Iterable[Coroutine[Any, Any, None]],
    listener: socket.socket,
    listening: Callable[[str], None],
) -> None:
    """Serve what `listener` takes until the server is told to end; `background` goes on meanwhile.

    `listening` is told the address.
    """
    tasks = [asyncio.get_running_loop().create_task(each) for each in background]
    host, port = listener.getsockname()[:2]
    listening(f"http://{host}:{port}")
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in tasks:
            task.cancel()


def stranger_of(probing: ProbeSettings) -> Callable[[NotAllowed, str], TarimError]:
    """What to answer somebody who may not; too many keys that were never assigned, and the address is refused a while."""
    return partial(_stranger, Strangers(probing.unknown_keys_max, probing.unknown_keys_s, probing.ban_s))


def _stranger(strangers: Strangers, error: NotAllowed, address: str) -> TarimError:
    if not isinstance(error, UnknownKey):
        return error
    banned_s, _ = strangers.tried(address, time.monotonic())
    return TooOften("too many keys that were never assigned", banned_s) if banned_s else error
