"""Starting a process without keeping the interpreter.

Python starts a process under the interpreter's lock (`subprocess`, `os.posix_spawn`, and uvloop, which forks): until the new
process has loaded its program, every other thread stands still.  That is half a millisecond on an idle machine and tens of them
on a busy one, where the new process waits for a processor first.  Here the C library's `posix_spawn` is called with the lock
released, so only the thread that starts the process waits.  Memory is shared until then, not copied: it costs the same
beside an engine of gigabytes.  Linux with glibc 2.34 (2021) or later.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

_LIBC: Final = ctypes.CDLL(None)  # a CDLL releases the interpreter's lock while it calls
_OPAQUE_BYTES: Final = 1_024
"""Room for each of the library's opaque structs; the largest, `posix_spawnattr_t`, has 336."""
_SET_DEFAULT_SIGNALS: Final = 0x04
_SET_SIGNAL_MASK: Final = 0x08
_SET_SESSION: Final = 0x80
_IGNORED_BY_PYTHON: Final = (signal.SIGPIPE, signal.SIGXFSZ)


class Process:
    """A process of ours that runs or has ended; its end may be waited for in several threads."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._watched = os.pidfd_open(pid)
        self._status: int | None = None
        self._lock = threading.Lock()

    def wait(self, seconds_max: float | None = None) -> int | None:
        """Its status (negative: the signal that ended it), or None when it still runs after `seconds_max`."""
        with self._lock:
            if self._status is not None:
                return self._status
            watched = os.dup(self._watched)
        try:
            ready = select.poll()
            ready.register(watched, select.POLLIN)
            if not ready.poll(None if seconds_max is None else seconds_max * 1_000):
                return None
        finally:
            os.close(watched)
        with self._lock:
            if self._status is None:
                self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
                os.close(self._watched)
            return self._status

    def step_back(self, nice: int) -> None:
        """Give it this priority if that is less than it has, -20 to 19, less is sooner; nothing when it has ended."""
        with self._lock:
            if self._status is None and nice > os.getpriority(os.PRIO_PROCESS, self.pid):
                os.setpriority(os.PRIO_PROCESS, self.pid, nice)

    def kill(self) -> None:
        """End it at once; nothing when it has ended."""
        with self._lock:
            if self._status is None:  # not waited for, so the number is still its own
                os.kill(self.pid, signal.SIGKILL)


def spawn(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdin: int,
    stdout: int,
    stderr: int,
    new_session: bool = False,
) -> Process:
    """Start a program by its path with these three open files; no other file of ours is open in it.

    new_session: an interrupt at our terminal does not reach it.  Raises OSError when it cannot be started.
    """
    actions, attributes = _opaque(), _opaque()
    pid = ctypes.c_int()
    _checked(_LIBC.posix_spawn_file_actions_init(actions))
    _checked(_LIBC.posix_spawnattr_init(attributes))
    try:
        for ours, its in ((stdin, 0), (stdout, 1), (stderr, 2)):
            _checked(_LIBC.posix_spawn_file_actions_adddup2(actions, ours, its))
        _checked(_LIBC.posix_spawn_file_actions_addclosefrom_np(actions, 3))  # what libraries opened without a care
        flags = _SET_DEFAULT_SIGNALS | _SET_SIGNAL_MASK | (_SET_SESSION if new_session else 0)
        _checked(_LIBC.posix_spawnattr_setflags(attributes, ctypes.c_short(flags)))
        _checked(_LIBC.posix_spawnattr_setsigdefault(attributes, _signals(_IGNORED_BY_PYTHON)))
        _checked(_LIBC.posix_spawnattr_setsigmask(attributes, _signals(())))
        arguments = _strings(command)
        variables = _strings([f"{name}={value}" for name, value in environment.items()])
        path = os.fsencode(command[0])
        _checked(_LIBC.posix_spawn(ctypes.byref(pid), path, actions, attributes, arguments, variables))
    finally:
        _LIBC.posix_spawnattr_destroy(attributes)
        _LIBC.posix_spawn_file_actions_destroy(actions)
    return Process(pid.value)


def _opaque() -> Any:
    return ctypes.create_string_buffer(_OPAQUE_BYTES)


def _signals(numbers: Sequence[int]) -> Any:
    found = _opaque()
    _LIBC.sigemptyset(found)
    for number in numbers:
        _LIBC.sigaddset(found, int(number))
    return found


def _strings(texts: Sequence[str]) -> Any:
    """A C array of strings with a null behind them."""
    return (ctypes.c_char_p * (len(texts) + 1))(*(os.fsencode(text) for text in texts), None)


def _checked(error: int) -> None:
    if error:
        raise OSError(error, os.strerror(error))
