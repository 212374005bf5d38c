"""The thread that tells verdicts to the decisions service, again and again until each is taken or refused for good.

What was taken is remembered only until the label is found in the decisions' journal; a desk that dies before that sends it
once more, and the service knows its id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from tarim.base.errors import InputError
from tarim.base.repeating import Repeater
from tarim.desk.desk import SYSTEM, Desk
from tarim.desk.labels import Label, refused_draft, waiting_labels

AT_ONCE: Final = 64
_LOOK_S: Final = 0.25


class Service(Protocol):
    """Where labels go."""

    def tell(self, label: Label) -> None:
        """Have a label taken.  Raises InputError when it never will be, another TarimError to try again."""


class LabelSender(Repeater):
    """Starts with `start`; `close` waits for the label under way.  `trouble`: why labels wait."""

    def __init__(self, desk: Desk, service: Service, retry_s_max: float) -> None:
        super().__init__(
            "desk-labels", self.send, every_s=_LOOK_S, retry_s_max=retry_s_max, log="tarim.desk", waits="labels wait"
        )
        self._desk = desk
        self._service = service
        self._taken: set[int] = set()

    def send(self) -> int:
        """Tell the service every label that waits; how many it took.  Raises what it raises, with the others not told."""
        taken, after_seq = 0, -1
        still: set[int] = set()
        while not self.closing:
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
