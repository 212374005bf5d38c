"""Processes started without the interpreter: their files, their end, their signals, and that nobody stands still for them."""

import ctypes
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from tarim.bootstrap import spawning
from tarim.bootstrap.spawning import Process, spawn


def _python(program: str, out: int, **named: bool) -> Process:
    with open(os.devnull, "r+b") as nowhere:
        return spawn(
            [sys.executable, "-c", program],
            {"WORD": "given"},
            stdin=nowhere.fileno(),
            stdout=out,
            stderr=nowhere.fileno(),
            **named,
        )


def test_it_has_its_files_its_environment_and_nothing_else_of_ours(tmp_path: Path) -> None:
    program = (
        "import os; print(os.environ['WORD'], sorted(int(fd) for fd in os.listdir('/proc/self/fd')), os.getsid(0))"
    )
    with (tmp_path / "out").open("w+") as out, (tmp_path / "ours").open("w"):
        process = _python(program, out.fileno(), new_session=True)
        assert process.wait() == 0
        out.seek(0)
        word, *fds, session = out.read().replace("[", "").replace("]", "").replace(",", "").split()
    assert word == "given"
    assert fds[:3] == ["0", "1", "2"]
    assert len(fds) == 4, "the fourth is the folder it listed"
    assert int(session) == process.pid


def test_signals_that_python_ignores_count_again(tmp_path: Path) -> None:
    """Else a child whose reader is gone would write for ever."""
    with (tmp_path / "out").open("w+") as out:
        process = _python("import os, signal; os.kill(os.getpid(), signal.SIGXFSZ); print(1)", out.fileno())
        assert process.wait() in (0, -signal.SIGXFSZ)  # Python ignores it again when it starts
    reader, writer = os.pipe()
    os.close(reader)
    with open(os.devnull, "rb") as nowhere:
        shell = ["/bin/sh", "-c", "while :; do echo x; done"]
        noisy = spawn(shell, {}, stdin=nowhere.fileno(), stdout=writer, stderr=nowhere.fileno())
    os.close(writer)
    assert noisy.wait(30) == -signal.SIGPIPE


def test_it_steps_back_and_never_forward(tmp_path: Path) -> None:
    usual, less = os.nice(0), min(os.nice(0) + 2, 19)
    with (tmp_path / "out").open("w+") as out:
        process = _python("import time; time.sleep(60)", out.fileno())
    process.step_back(less)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == less
    process.step_back(usual)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == less
    process.kill()
    process.wait()
    process.step_back(19)  # nothing, and nobody else's process


def test_the_end_is_told_to_everybody_who_waits(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+") as out:
        process = _python("import time; time.sleep(60)", out.fileno())
    assert process.wait(0.01) is None
    found: list[int | None] = []
    waiting = [threading.Thread(target=lambda: found.append(process.wait())) for _ in range(3)]
    for each in waiting:
        each.start()
    process.kill()
    for each in waiting:
        each.join(30)
    assert found == [-signal.SIGKILL] * 3
    process.kill()  # has ended: nobody else is hit
    assert process.wait(0) == -signal.SIGKILL


def test_what_cannot_be_started_says_so(tmp_path: Path) -> None:
    with open(os.devnull, "r+b") as nowhere, pytest.raises(FileNotFoundError):
        fd = nowhere.fileno()
        spawn([str(tmp_path / "nothing")], {}, stdin=fd, stdout=fd, stderr=fd)


def test_the_library_is_called_without_the_interpreters_lock() -> None:
    """A `PyDLL` would keep it, and every decision would wait until the new process has loaded its program."""
    assert isinstance(spawning._LIBC, ctypes.CDLL)
    assert not isinstance(spawning._LIBC, ctypes.PyDLL)
