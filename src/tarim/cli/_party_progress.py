"""A bar for each phase of a joint computation."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress() -> Iterator[Any]:
    """A function told (phase, done, whole)."""
    from rich.console import Console
    from rich.progress import Progress, TaskID

    with Progress(console=Console(file=sys.stderr), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def told(phase: str, done: int, whole: int) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=whole)
            bars.update(tasks[phase], completed=done, total=whole)

        yield told
