"""A service left running in the background: start, find, stop.  Its pid file names the process and when it began.

DATA/service.pid    process id, and start time in clock ticks since boot: a number used again is another process
DATA/service.log    what it says
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tarim.base.errors import Unavailable

PID_FILE: Final = "service.pid"
LOG_FILE: Final = "service.log"
START_S_MAX: Final = 120.0
TIMEOUT_S: Final = 120.0
"""Compiling a ruleset is the slowest request."""
STOP_S_MAX: Final = 30.0
LISTENING: Final = "listening on "


def started_ticks(pid: int) -> int:
    """When a process began, in clock ticks since boot; -1 when there is none, or it is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return -1
    fields = stat.rpartition(")")[2].split()
    return -1 if fields[0] == "Z" else int(fields[19])


def running_pid(data: Path) -> int:
    """Process id of the service of a data folder, 0 when none runs."""
    try:
        pid, ticks = (int(word) for word in (data / PID_FILE).read_text().split())
    except (OSError, ValueError):
        return 0
    return pid if started_ticks(pid) == ticks else 0


def stop(data: Path) -> bool:
    """End the service of a data folder; whether one ran.  Raises Unavailable when it does not end."""
    pid = running_pid(data)
    if pid:
        begun = started_ticks(pid)
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_S_MAX
        while started_ticks(pid) == begun:
            if time.monotonic() > deadline:
                raise Unavailable(f"process {pid} does not end; see {data / LOG_FILE}")
            time.sleep(0.05)
    (data / PID_FILE).unlink(missing_ok=True)
    return bool(pid)


def free_port(wanted: int) -> int:
    """The wanted port when it is free, otherwise 0, which lets the service take any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
    return wanted


def start(data: Path, port: int, environment: Mapping[str, str]) -> str:
    """Start `tarim serve`, wait until it listens, and leave it running; its URL.  Raises Unavailable.

    It is a session of its own, so neither the end of the terminal nor Ctrl-C there stops it.  When the wait is broken
    off, it is stopped.
    """
    log = data / LOG_FILE
    command = [sys.executable, "-m", "tarim.cli", "serve", "--data", str(data), "--port", str(port)]
    with log.open("wb") as out:
        child = subprocess.Popen(  # noqa: S603  our own command
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, env=dict(environment)
        )
    try:
        (data / PID_FILE).write_text(f"{child.pid} {started_ticks(child.pid)}\n", encoding="ascii")
        return _url(child, log)
    except BaseException:
        child.terminate()
        child.wait(STOP_S_MAX)
        (data / PID_FILE).unlink(missing_ok=True)
        raise


def _url(child: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines:
            if line.startswith(LISTENING):
                return line.removeprefix(LISTENING).strip()
        if child.poll() is not None:
            raise Unavailable(f"the service ended at once: {lines[-1] if lines else 'it said nothing'}")
        time.sleep(0.05)
    raise Unavailable(f"the service did not listen within {START_S_MAX:.0f} s; see {log}")


def call(url: str, method: str, path: str, key: str, body: bytes | None = None) -> tuple[int, Any]:
    """Status and decoded JSON of one request.  Raises Unavailable when there is no answer."""
    address = urlsplit(url)
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT_S)
    headers = {"Authorization": f"Bearer {key}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(f"{url}{path}: {error}") from None
    finally:
        connection.close()
