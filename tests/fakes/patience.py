"""How long a command may take on a shared machine: counted is the time it could work, so waiting for a processor is no hang.

A limit by the wall's clock is either too short for a busy machine or long enough to hide a hang.  Linux tells of every thread
how long it ran and how long it stood ready without a processor (/proc/PID/task/TID/schedstat, nanoseconds).  Of a second in
which a command stood ready half of the time, half a second counts; a command that waits for something else, an answer that
never comes, is not ready, and the whole second counts.  Where there is no such file the wall's clock counts.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

TICK_S: Final = 1.0
IDLE_SHARE: Final = 0.05
"""Of a tick; who is ready for less is waiting for something that is no processor."""
COUNTED_LEAST: Final = 0.02
"""Of a tick: at this share of a processor a command has fifty times its limit; whatever spins or starves comes to an end."""

Times = dict[str, tuple[int, int]]
"""By thread: nanoseconds run, nanoseconds ready without a processor."""


class TooLong(AssertionError):
    """A command could work for longer than it may take."""


def counted_s(tick_s: float, ran_s: float, waited_s: float) -> float:
    """What of a tick counts for a command whose threads together ran and waited for a processor so long in it."""
    ready_s = ran_s + waited_s
    if ready_s < IDLE_SHARE * tick_s:
        return tick_s
    return tick_s * max(COUNTED_LEAST, ran_s / ready_s)


def run_patiently(
    arguments: Sequence[str], *, limit_s: float, cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command with all that it starts, as `subprocess.run`.  Raises TooLong, and ends it, after limit_s that count."""
    process = subprocess.Popen(
        arguments, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    counted, before, since_s = 0.0, Times(), time.monotonic()
    try:
        while True:
            try:
                out, err = process.communicate(timeout=TICK_S)
                return subprocess.CompletedProcess(arguments, process.returncode, out, err)
            except subprocess.TimeoutExpired:
                now, now_s = times_of(process.pid), time.monotonic()
            ran_s, waited_s = (sum(now[key][at] - before.get(key, (0, 0))[at] for key in now) / 1e9 for at in (0, 1))
            counted += counted_s(now_s - since_s, ran_s, waited_s)
            before, since_s = now, now_s
            if counted > limit_s:
                raise TooLong(
                    f"not done after {counted:.0f} s in which it could have worked: {' '.join(arguments)[:2000]}"
                )
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def times_of(session: int) -> Times:
    """Times of every thread of every process in a session; of those that ended meanwhile none."""
    found: Times = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[3]) != session:
                continue
            for thread in (folder / "task").iterdir():
                ran, waited = (thread / "schedstat").read_text().split()[:2]
                found[thread.name] = int(ran), int(waited)
        except (OSError, ValueError, IndexError):
            continue
    return found
