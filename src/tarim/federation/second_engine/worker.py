"""A worker process: its private folder, its sockets, what it tells, and its end.

The folder (0700, under TMPDIR) holds this node's own columns in the clear while the worker runs, and what SPU writes; it is
removed by this process, or by the worker when this one is gone; it stays only where both are killed at once.  Put TMPDIR on a
memory file system or an encrypted disk.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import structlog

from tarim.federation.channel import Channel
from tarim.federation.errors import FederationError
from tarim.federation.second_engine.interpreter import command, environment
from tarim.federation.second_engine.jobs import Done, Job, Told
from tarim.federation.second_engine.relay import Relay

RUN_S_MAX: Final = 24 * 3_600.0
LINE_BYTES_MAX: Final = 1 << 16
_END_S: Final = 10.0

Array = npt.NDArray[Any]
Progress = Callable[[str, int, int], None]
"""Told the phase, and how much of it is done out of how much."""


class WorkerFailed(FederationError):
    """The second engine's process ended without a result."""

    code = "second-engine-failed"


def run_worker(
    python: Path,
    job: Callable[[tuple[int, ...]], Job],
    arrays: Mapping[str, Array],
    channels: Sequence[Channel | None],
    progress: Progress,
) -> tuple[dict[str, Array], Done]:
    """Have a worker compute a job; its results by name, and what it cost.

    job: of the worker's sockets.  channels: to every other node, None at this node's own rank.  Raises PeerLost and
    ProtocolBroken of a link, WorkerFailed.
    """
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="tarim-spu-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
        pairs = [None if channel is None else socket.socketpair() for channel in channels]
        far = [None if pair is None else pair[1] for pair in pairs]
        descriptors = tuple(-1 if end is None else end.fileno() for end in far)
        (folder / "job.json").write_bytes(msgspec.json.encode(job(descriptors)))
        process = _started(python, folder, [fd for fd in descriptors if fd >= 0], stack)
        for end in far:
            if end is not None:
                end.close()
        relays = [
            Relay(channel, pair[0], process.kill)
            for channel, pair in zip(channels, pairs, strict=True)
            if channel is not None and pair is not None
        ]
        told = _heard(process, progress)
        if told.done is None:
            # the worker's end, however it came, ends its sockets: what a link said of that comes first
            _ended(process)
            for relay in relays:
                relay.finish(_END_S)
            for relay in relays:
                if isinstance(relay.failure, FederationError):
                    raise relay.failure
            raise WorkerFailed(f"the second engine failed: {told.failed or 'its process ended without a word'}")
        for relay in relays:
            relay.finish()
            if relay.failure is not None:
                raise relay.failure
        _ended(process)
        found = {path.stem: np.load(path, allow_pickle=False) for path in (folder / "out").iterdir()}
        return found, told.done


def _started(python: Path, folder: Path, sockets: Sequence[int], stack: ExitStack) -> subprocess.Popen[bytes]:
    """The process; killed when the stack unwinds while it runs still."""
    log = stack.enter_context((folder / "worker.log").open("wb"))
    process = subprocess.Popen(  # noqa: S603 -- the operator's own setting
        command(python, "main", str(folder)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        cwd=folder,
        env=environment(folder),
        pass_fds=sockets,
    )

    def over() -> None:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    stack.callback(over)
    timer = threading.Timer(RUN_S_MAX, process.kill)
    timer.daemon = True
    timer.start()
    stack.callback(timer.cancel)
    return process


def _heard(process: subprocess.Popen[bytes], progress: Progress) -> Told:
    """The last that a worker tells."""
    assert process.stdout is not None
    last = Told()
    while line := _line(process.stdout):
        last = msgspec.json.decode(line, type=Told)
        if last.confined is not None:
            _say_confined(last.confined)
        if last.progress is not None:
            progress(*last.progress)
    return last


def _say_confined(measures: Mapping[str, str]) -> None:
    """A line of the log: a warning that names what the kernel refused, and why."""
    log: Any = structlog.get_logger("tarim.party")
    refused = {name: why for name, why in measures.items() if why}
    if refused:
        log.warning("second engine's worker is less confined than it could be", refused=refused,
                    text_zh="第二引擎的工作进程未完全隔离")  # fmt: skip
    else:
        log.info("second engine's worker is confined", measures=sorted(measures))


def _line(pipe: IO[bytes]) -> bytes:
    """The next line; b"" at the end, and for one that is too long."""
    line = pipe.readline(LINE_BYTES_MAX)
    return line if line.endswith(b"\n") else b""


def _ended(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
