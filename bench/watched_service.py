"""`tarim serve`, watched from inside: what the thread that decides spent each decision's time on.

    python -m bench.watched_service serve --data DIR        with TARIM_BENCH_WATCHED=FILE in the environment

The command is the product's own.  At each arrival of a request and at each end of a group the thread's words (`bench.waits`)
are noted, with the time garbage collection took; beside them the steps of publishing, by thread and with their times.  All of
it is written to FILE when the service ends.  A note takes about four microseconds.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench import waits

FILE: Final = "TARIM_BENCH_WATCHED"
NOTES_MAX: Final = 2_000_000
GARBAGE: Final = waits.WORDS
"""Word behind those of `bench.waits`: time of the deciding thread in garbage collection, part of its processor time."""


class _Watch:
    """Notes and steps of this process."""

    def __init__(self) -> None:
        self.notes = np.zeros((NOTES_MAX, waits.WORDS + 1), np.int64)
        self.count = 0
        self.steps: list[tuple[str, str, int, int]] = []
        self._read = waits.reader()
        self._garbage_ns = self._collecting_since_ns = 0
        gc.callbacks.append(self._collected)

    def _collected(self, phase: str, _info: dict[str, int]) -> None:
        """Collections of the thread that decides; those of others it waits for the interpreter's lock."""
        if threading.current_thread() is not threading.main_thread():
            return
        if phase == "start":
            self._collecting_since_ns = time.thread_time_ns()
        else:
            self._garbage_ns += time.thread_time_ns() - self._collecting_since_ns

    def note(self) -> None:
        """The calling thread's words, now; called in the thread that decides only."""
        if self.count == NOTES_MAX:
            return
        note = self.notes[self.count]
        if self._read is not None:
            self._read(note)
        else:
            note[waits.NOW], note[waits.CPU] = time.perf_counter_ns(), time.thread_time_ns()
        note[GARBAGE] = self._garbage_ns
        self.count += 1

    def noting(self, function: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
        """The function, with a note before or after it."""

        @functools.wraps(function)
        def noted(*arguments: Any, **named: Any) -> Any:
            if not after:
                self.note()
            result = function(*arguments, **named)
            if after:
                self.note()
            return result

        return noted

    def timing(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its calls kept as steps."""

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            begin_ns = time.perf_counter_ns()
            try:
                return function(*arguments, **named)
            finally:
                self.steps.append((name, threading.current_thread().name, begin_ns, time.perf_counter_ns()))

        return timed

    def write(self, path: Path) -> None:
        """Everything into files, of which the second appears last."""
        np.save(path.with_suffix(".npy"), self.notes[: self.count])
        path.write_text(json.dumps({"locks_known": self._read is not None, "steps": self.steps}))


def _watch(watch: _Watch) -> None:
    """Put notes into the decision's path, and times around the steps of publishing."""
    from tarim.api.decide import DecideRoute
    from tarim.bootstrap import children, publishing, ruleset_texts
    from tarim.decisions import DecisionService, GroupCommit

    DecideRoute.handle = watch.noting(DecideRoute.handle, after=False)  # type: ignore[method-assign]
    GroupCommit._settle = watch.noting(GroupCommit._settle, after=True)  # type: ignore[method-assign]
    timed: tuple[tuple[Any, str], ...] = (
        (children, "spawn"),
        (ruleset_texts, "finished"),
        (ruleset_texts, "load_prepared"),
        (publishing, "Decider"),
        (DecisionService, "publish"),
        (DecisionService, "commit"),
    )
    for owner, name in timed:
        setattr(owner, name, watch.timing(name, getattr(owner, name)))


def main() -> None:
    """Run the command line's command, watched."""
    from tarim.cli import main as command

    watch = _Watch()
    _watch(watch)
    try:
        command()
    finally:
        watch.write(Path(os.environ[FILE]))


if __name__ == "__main__":
    main()
