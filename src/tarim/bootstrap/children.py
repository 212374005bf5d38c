"""Child processes of the service, started without copying it: all of them are commands of our own.

uvloop starts processes with fork, which copies the page tables of an engine that may hold gigabytes, in the thread that
decides, and fails where memory is not to be promised twice.  `subprocess` uses vfork, so it is used here, in another thread.

    Child       followed from the loop: its output is read as it comes
    finished    waited for in a thread that has nothing else to do
    answer_of   the same for a command that answers or refuses
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from tarim.base.errors import Conflict, DefinitionError, InputError, NotFound, TarimError, TooLarge, Unavailable

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
) -> Finished:
    """Run a command of ours (`tarim` and these arguments) to its end; blocks, so call it in a thread that may.

    environment: what differs from our own.  given: what it reads.  purpose: begins the message of Unavailable, raised when it
    cannot be started or does not end in time; it is killed then.
    """
    try:
        done = subprocess.run(  # noqa: S603  our own command
            [*_OWN, *arguments],
            input=given,
            capture_output=True,
            env=os.environ | dict(environment or {}),
            timeout=seconds_max,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{purpose}: {type(error).__name__}") from None
    return Finished(done.returncode, done.stdout, done.stderr.decode(errors="replace").strip())


_RAISED: Final[Mapping[str, type[TarimError]]] = {
    each.code: each for each in (InputError, DefinitionError, TooLarge, NotFound, Conflict, Unavailable)
}


def answer_of(arguments: Sequence[str], *, purpose: str, seconds_max: float, given: bytes = b"") -> bytes:
    """What a hidden command of ours prints; blocks, so call it in a thread that may.  given: what it reads.

    Raises what the command refused with, by the code it printed (`{"code": ..., "detail": ...}`); InputError for a code of
    another kind, Unavailable when it ended otherwise.
    """
    child = finished(arguments, purpose=purpose, seconds_max=seconds_max, given=given)
    if child.status == 0:
        return child.output
    try:
        problem = json.loads(child.output)
        code, detail = str(problem["code"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        raise Unavailable(f"{purpose}: the child ended with status {child.status}") from None
    raise _RAISED.get(code, InputError)(detail)


class Child:
    """One process: its output to read, its input to write, its end to wait for."""

    def __init__(
        self, process: subprocess.Popen[bytes], stdout: asyncio.StreamReader, stdin: asyncio.WriteTransport | None
    ) -> None:
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

        def spawn() -> subprocess.Popen[bytes]:
            return subprocess.Popen(  # noqa: S603  our own command
                [*_OWN, *arguments],
                stdin=subprocess.PIPE if takes_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | dict(environment or {}),
                bufsize=0,
                start_new_session=True,  # an interrupt at the terminal is the service's business
            )

        process = await loop.run_in_executor(None, spawn)
        reader = asyncio.StreamReader(limit=line_bytes_max)
        assert process.stdout is not None
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
        stdin = None
        if process.stdin is not None:
            stdin, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, process.stdin)
        return cls(process, reader, stdin)

    def write(self, data: bytes) -> None:
        """Have this written to its input, soon."""
        assert self._stdin is not None
        self._stdin.write(data)

    @property
    def ended(self) -> bool:
        """Whether it is known to have ended."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it at once, if it runs."""
        if not self.ended:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def wait(self) -> int:
        """Its status, once it has ended."""
        status = await asyncio.get_running_loop().run_in_executor(None, self._process.wait)
        if self._stdin is not None:
            self._stdin.abort()
        return status
