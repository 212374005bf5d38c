"""One populated bank for all bars of the console that ask over HTTP; opened when the first of them needs it."""

from __future__ import annotations

import atexit
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from tests.fakes.console_bank import Bank, open_bank

_lock = threading.Lock()
_opened: list[Bank] = []


def shared_bank() -> Bank:
    """The bank of this run, with all its processes; it is closed when the run ends."""
    with _lock:
        if not _opened:
            stack = ExitStack()
            atexit.register(stack.close)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tarim-console-"))
            _opened.append(stack.enter_context(open_bank(Path(folder))))
        return _opened[0]
