"""Processes left running in the background: start, find, stop.  A pid file names each and when it began.

DATA/NAME.pid    process id, and start time in clock ticks since boot: a number used again is another process
DATA/NAME.log    what it says

NAME is one of NAMES; `service` is `tarim serve`.
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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tarim.base.errors import Unavailable

NAMES: Final = ("models", "feed", "console", "views", "desk", "service")
"""In the order in which they are ended: who asks another one first."""
START_S_MAX: Final = 120.0
TIMEOUT_S: Final = 120.0
"""Compiling a ruleset is the slowest request."""
STOP_S_MAX: Final = 90.0
"""A desk that draws a report finishes it first."""
LISTENING: Final = "listening on "


def started_ticks(pid: int) -> int:
    """When a process began, in clock ticks since boot; -1 when there is none, or it is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return -1
    fields = stat.rpartition(")")[2].split()
    return -1 if fields[0] == "Z" else int(fields[19])


def running_pid(data: Path, name: str) -> int:
    """Process id of a process of a data folder, 0 when it does not run."""
    try:
        pid, ticks = (int(word) for word in (data / f"{name}.pid").read_text().split())
    except (OSError, ValueError):
        return 0
    return pid if started_ticks(pid) == ticks else 0


def stop(data: Path) -> bool:
    """End the processes of a data folder; whether any ran.  Raises Unavailable when one does not end."""
    ending = [(name, pid, started_ticks(pid)) for name in NAMES if (pid := running_pid(data, name))]
    for _, pid, _ in ending:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S_MAX
    for name, pid, begun in ending:
        while started_ticks(pid) == begun:
            if time.monotonic() > deadline:
                raise Unavailable(f"process {pid} does not end; see {data / name}.log")
            time.sleep(0.05)
    for name in NAMES:
        (data / f"{name}.pid").unlink(missing_ok=True)
    return bool(ending)


def free_port(wanted: int) -> int:
    """The wanted port when it is free, otherwise one that is."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unavailable("no port of 127.0.0.1 is free")


class Started:
    """A process that was just started and is left running, unless `listening` is broken off or fails.

    It is a session of its own, so neither the end of the terminal nor Ctrl-C there stops it.
    """

    def __init__(self, data: Path, name: str, words: Sequence[str], environment: Mapping[str, str]) -> None:
        """words: of `python -m`.  Raises Unavailable."""
        self._pid_file, self._log = data / f"{name}.pid", data / f"{name}.log"
        self.name = name
        try:
            with self._log.open("wb") as out:
                self._child = subprocess.Popen(  # noqa: S603  our own command
                    [sys.executable, "-m", *words], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                    start_new_session=True, env=dict(environment),
                )  # fmt: skip
        except OSError as error:
            raise Unavailable(f"{self._log}: {error.strerror}") from None
        self._pid_file.write_text(f"{self._child.pid} {started_ticks(self._child.pid)}\n", encoding="ascii")

    def listening(self) -> str:
        """Its URL, once it listens.  Raises Unavailable."""
        try:
            return self._url()
        except BaseException:
            self._child.terminate()
            self._child.wait(STOP_S_MAX)
            self._pid_file.unlink(missing_ok=True)
            raise

    def _url(self) -> str:
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
            for line in lines:
                if line.startswith(LISTENING):
                    return line.removeprefix(LISTENING).strip()
            if self._child.poll() is not None:
                raise Unavailable(f"the {self.name} ended at once: {lines[-1] if lines else 'it said nothing'}")
            time.sleep(0.05)
        raise Unavailable(f"the {self.name} did not listen within {START_S_MAX:.0f} s; see {self._log}")


def start(data: Path, port: int, environment: Mapping[str, str]) -> str:
    """Start `tarim serve`, wait until it listens, and leave it running; its URL.  Raises Unavailable."""
    words = ("tarim.cli", "serve", "--data", str(data), "--port", str(port))
    return Started(data, "service", words, environment).listening()


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
