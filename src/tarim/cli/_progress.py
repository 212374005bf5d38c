"""A progress bar for work that may take long."""

from __future__ import annotations

from time import perf_counter

AFTER_S = 2.0


class Bar:
    """A progress bar on standard error that shows itself when the work takes longer than two seconds."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("events 事件", total=None)
        self._begun = perf_counter()
        self._shown = False

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._bar.stop()

    def progress(self, done: int, of: int) -> None:
        """So many events of so many are through."""
        if not self._shown and perf_counter() - self._begun > AFTER_S:
            self._bar.start()
            self._shown = True
        self._bar.update(self._task, completed=done, total=of)
