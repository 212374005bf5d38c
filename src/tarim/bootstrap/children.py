"""A child process followed from the loop, started without copying this one.

uvloop starts processes with fork, which copies the page tables of an engine that may hold gigabytes, in the thread that
decides, and fails where memory is not to be promised twice.  `subprocess` uses vfork, so it is used here, in another thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Sequence
from typing import Self


class Child:
    """One process: its output to read, its input to write, its end to wait for."""

    def __init__(
        self, process: subprocess.Popen[bytes], stdout: asyncio.StreamReader, stdin: asyncio.WriteTransport | None
    ) -> None:
        self._process = process
        self._stdin = stdin
        self.stdout = stdout

    @classmethod
    async def start(cls, command: Sequence[str], *, takes_input: bool = False, line_bytes_max: int = 1 << 20) -> Self:
        """Start a command in a session of its own; its errors go nowhere.  Raises OSError."""
        loop = asyncio.get_running_loop()

        def spawn() -> subprocess.Popen[bytes]:
            return subprocess.Popen(  # noqa: S603  our own command
                list(command),
                stdin=subprocess.PIPE if takes_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
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
