"""Child processes of the service, started without copying it or holding it up: all of them are commands of our own.

They are started by `spawning`, in another thread than the one that decides, and what a command reads and writes as a whole lies
in memory that both have open, so nobody here passes it on in pieces.

    Child       followed from the loop: its output is read as it comes
    finished    waited for in a thread that has nothing else to do
    answer_of   the same for a command that answers or refuses
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Self

from tarim.base.errors import (
    Conflict,
    DefinitionError,
    FieldError,
    InputError,
    NotFound,
    TarimError,
    TooLarge,
    Unavailable,
)
from tarim.bootstrap.spawning import Process, spawn

_OWN: Final = (sys.executable, "-m", "tarim.cli")


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left behind.  status: of the process, 0 when all went well."""

    status: int
    output: bytes
    errors: str


def finished(
    arguments: Sequence[str],
    *,
    purpose: str,
    seconds_max: float,
    environment: Mapping[str, str] | None = None,
    given: bytes = b"",
    nice: int = 0,
) -> Finished:
    """Run a command of ours (`tarim` and these arguments) to its end; blocks, so call it in a thread that may.

    environment: what differs from our own.  given: what it reads.  nice: its priority, 0 to 19, from its first instruction on;
    to load its program is a good part of the work of a short command.  purpose: begins the message of Unavailable, raised when
    it cannot be started or does not end in time; it is killed then.
    """
    try:
        with _memory() as stdin, _memory() as stdout, _memory() as stderr:
            stdin.write(given)
            stdin.seek(0)
            process = spawn(
                [*_OWN, *arguments],
                os.environ | dict(environment or {}),
                stdin=stdin.fileno(),
                stdout=stdout.fileno(),
                stderr=stderr.fileno(),
            )
            process.step_back(nice)
            status = process.wait(seconds_max)
            if status is None:
                process.kill()
                process.wait()
                raise Unavailable(f"{purpose}: it did not end within {seconds_max:g} seconds")
            errors = _written(stderr).decode(errors="replace").strip()
            return Finished(status, _written(stdout), errors)
    except OSError as error:
        raise Unavailable(f"{purpose}: {type(error).__name__}") from None


def _memory() -> BinaryIO:
    """A file without a name, in memory."""
    return open(os.memfd_create("tarim-child"), "r+b", buffering=0)


def _written(file: BinaryIO) -> bytes:
    """What a child has written; the place to read from is shared with it, and stands behind that."""
    file.seek(0)
    return file.read()


_RAISED: Final[Mapping[str, type[TarimError]]] = {
    each.code: each for each in (InputError, DefinitionError, TooLarge, NotFound, Conflict, Unavailable)
}


def answer_of(arguments: Sequence[str], *, purpose: str, seconds_max: float, given: bytes = b"") -> bytes:
    """What a hidden command of ours prints; blocks, so call it in a thread that may.  given: what it reads.

    Raises what the command refused with, by the code it printed (`{"code": ..., "detail": ...}`, and `field` and `rule` of a
    FieldError); InputError for a code of another kind, Unavailable when it ended otherwise.
    """
    child = finished(arguments, purpose=purpose, seconds_max=seconds_max, given=given)
    if child.status == 0:
        return child.output
    try:
        problem = json.loads(child.output)
        code, detail = str(problem["code"]), str(problem["detail"])
        field, rule = str(problem.get("field", "")), str(problem.get("rule", ""))
    except (ValueError, KeyError, TypeError):
        raise Unavailable(f"{purpose}: the child ended with status {child.status}") from None
    if field:
        raise FieldError(field, rule)
    raise _RAISED.get(code, InputError)(detail)


class Child:
    """One process: its output to read, its input to write, its end to wait for."""

    def __init__(self, process: Process, stdout: asyncio.StreamReader, stdin: asyncio.WriteTransport | None) -> None:
        self._process = process
        self._stdin = stdin
        self.stdout = stdout

    @classmethod
    async def start(
        cls,
        arguments: Sequence[str],
        *,
        takes_input: bool = False,
        line_bytes_max: int = 1 << 20,
        environment: Mapping[str, str] | None = None,
    ) -> Self:
        """Start a command of ours (`tarim` and these arguments) in a session of its own; its errors go nowhere.

        environment: what differs from our own.  Raises OSError.
        """
        loop = asyncio.get_running_loop()
        process, output, given = await loop.run_in_executor(
            None, _started, [*_OWN, *arguments], os.environ | dict(environment or {}), takes_input
        )
        reader = asyncio.StreamReader(limit=line_bytes_max)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), output)
        stdin = None
        if given is not None:
            stdin, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, given)
        return cls(process, reader, stdin)

    def write(self, data: bytes) -> None:
        """Have this written to its input, soon."""
        assert self._stdin is not None
        self._stdin.write(data)

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._process.wait(0) is not None

    def kill(self) -> None:
        """End it at once, if it runs."""
        self._process.kill()

    async def wait(self) -> int:
        """Its status, once it has ended."""
        status = await asyncio.get_running_loop().run_in_executor(None, self._process.wait)
        assert status is not None
        if self._stdin is not None:
            self._stdin.abort()
        return status


def _started(
    command: Sequence[str], environment: Mapping[str, str], takes_input: bool
) -> tuple[Process, BinaryIO, BinaryIO | None]:
    """A process in a session of its own, what it writes, and what it reads if it takes input."""
    ours: list[int] = []
    with contextlib.ExitStack() as its:

        def pipe(end: int) -> int:
            """The child's end (0 reads, 1 writes) of a new pipe."""
            ends = os.pipe()
            its.callback(os.close, ends[end])
            ours.append(ends[1 - end])
            return ends[end]

        nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        its.callback(os.close, nowhere)
        try:
            output = pipe(1)
            given = pipe(0) if takes_input else nowhere
            process = spawn(command, environment, stdin=given, stdout=output, stderr=nowhere, new_session=True)
        except BaseException:
            for each in ours:
                os.close(each)
            raise
    return process, open(ours[0], "rb", buffering=0), open(ours[1], "wb", buffering=0) if takes_input else None
