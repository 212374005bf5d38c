"""A real service in a process of its own, for benchmarks and tests that speak HTTP to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tarim.bootstrap.places import API_KEYS_FILE, make_data_folder
from tarim.identity import Scope, create_key

START_S_MAX = 120.0
STOP_S_MAX = 90.0
AS_ITS_UNIT = {"serve": ("nice", "-n", "-10")}
"""Priorities as deploy/systemd has them.  Without the right to, `nice` says so in the log and starts it all the same."""


@dataclass
class Served:
    """A running service: where, and the keys to it."""

    url: str
    data: Path
    keys: dict[str, str]
    process: subprocess.Popen[str]

    @property
    def nice(self) -> int:
        """The priority it runs at, -20 to 19, less is sooner; 0 where this machine does not allow its unit's."""
        return os.getpriority(os.PRIO_PROCESS, self.process.pid)

    def client(self, scope: str = "decide") -> httpx.Client:
        """A client with a key of that scope ("" = without a key)."""
        headers = {"Authorization": f"Bearer {self.keys[scope]}"} if scope else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def connect(self) -> socket.socket:
        """A bare connection."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        return socket.create_connection((host, int(port)), timeout=10)


def new_data(data: Path) -> dict[str, str]:
    """A data folder with a key for each scope; the keys by scope."""
    make_data_folder(data)
    now_ms = time.time_ns() // 1_000_000
    return {scope.value: create_key(data / API_KEYS_FILE, scope.value, [scope], now_ms)[1] for scope in Scope}


@contextmanager
def serving(data: Path, keys: dict[str, str], **settings: str) -> Iterator[Served]:
    """A service over `data`; settings as environment variables."""
    with running("serve", data, keys, {"TARIM_SERVICE_PORT": "0"} | settings) as served:
        yield served


@contextmanager
def desk_serving(data: Path, keys: dict[str, str], **settings: str) -> Iterator[Served]:
    """A desk over `data`; settings as environment variables."""
    with running("desk", data, keys, {"TARIM_DESK_PORT": "0"} | settings) as served:
        yield served


@contextmanager
def views_serving(data: Path, keys: dict[str, str], **settings: str) -> Iterator[Served]:
    """Views over `data`; settings as environment variables."""
    with running("views", data, keys, {"TARIM_VIEWS_PORT": "0"} | settings) as served:
        yield served


@contextmanager
def running(
    command: str, data: Path, keys: dict[str, str], settings: dict[str, str], module: str = "tarim.cli"
) -> Iterator[Served]:
    """A process of this command over `data`, once it listens; it is stopped at the end, whatever became of it.

    module: what runs the command.
    """
    environment = os.environ | {"PYTHONPATH": "src"} | settings
    with (data / "service.log").open("a") as log:
        process = subprocess.Popen(
            [*AS_ITS_UNIT.get(command, ()), sys.executable, "-m", module, command, "--data", str(data)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
        )
    try:
        url = ""
        assert process.stdout is not None
        begin = time.monotonic()
        while not url and time.monotonic() - begin < START_S_MAX:
            line = process.stdout.readline()
            assert line, (data / "service.log").read_text()
            if line.startswith("listening on "):
                url = line.split()[-1]
        assert url, f"{command} does not listen within {START_S_MAX:.0f} s"
        yield Served(url, data, keys, process)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(STOP_S_MAX)
        finally:
            process.kill()
