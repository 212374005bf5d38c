"""The thread that tells verdicts to the decisions service, again and again until each is taken or refused for good.

What was taken is remembered only until the label is found in the decisions' journal; a desk that dies before that sends it
once more, and the service knows its id.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from tarim.base.errors import InputError, TarimError
from tarim.desk.desk import SYSTEM, Desk
from tarim.desk.labels import Label, refused_draft, waiting_labels

AT_ONCE: Final = 64
_LOOK_S: Final = 0.25


class Service(Protocol):
    """Where labels go."""

    def tell(self, label: Label) -> None:
        """Have a label taken.  Raises InputError when it never will be, another TarimError to try again."""


class LabelSender:
    """Starts with `start`; `close` waits for the label under way."""

    def __init__(self, desk: Desk, service: Service, retry_s_max: float) -> None:
        self._desk = desk
        self._service = service
        self._retry_s_max = retry_s_max
        self._taken: set[int] = set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="desk-labels", daemon=True)
        self._log = structlog.get_logger("tarim.desk")
        self.trouble = ""
        """Why labels wait, "" when they do not."""

    def start(self) -> None:
        """Send from now on."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the label under way."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        wait_s = _LOOK_S
        while not self._closing.wait(wait_s):
            try:
                self.send()
                wait_s, self.trouble = _LOOK_S, ""
            except Exception as error:  # the supervisor: said, and tried again later and later
                detail = error.detail if isinstance(error, TarimError) else type(error).__name__
                if detail != self.trouble:
                    self._log.warning("labels wait", trouble=detail, exc_info=not isinstance(error, TarimError))
                wait_s, self.trouble = min(2 * wait_s, self._retry_s_max), detail

    def send(self, stopped: Callable[[], bool] | None = None) -> int:
        """Tell the service every label that waits; how many it took.  Raises what it raises, with the others not told."""
        stopped = stopped or self._closing.is_set
        taken, after_seq = 0, -1
        still: set[int] = set()
        while not stopped():
            waiting = self._desk.read(_after(after_seq)).result()
            if not waiting:
                self._taken &= still  # the others are in the decisions' journal by now
                break
            for label in waiting:
                if label.act_seq not in self._taken:
                    taken += self._tell(label)
                still.add(label.act_seq)
            after_seq = waiting[-1].act_seq
        return taken

    def _tell(self, label: Label) -> int:
        try:
            self._service.tell(label)
        except InputError as error:
            detail = error.detail
            self._desk.perform(SYSTEM, lambda _connection: [refused_draft(label, detail)])
            return 0
        self._taken.add(label.act_seq)
        return 1


def _after(seq: int) -> Callable[..., list[Label]]:
    return lambda connection: waiting_labels(connection, AT_ONCE, seq)
