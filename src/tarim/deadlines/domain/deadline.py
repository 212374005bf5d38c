"""A deadline as it stands: due, warnings, pauses; and what that means at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tarim.base.errors import DefinitionError
from tarim.deadlines.domain.clocks import ClockRule

PAUSES_MAX: Final = 100
REASON_CHARACTERS_MAX: Final = 200


class Standing(StrEnum):
    """Where a clock stands at an instant."""

    RUNNING = "running"
    WARNED = "warned"
    PAUSED = "paused"
    OVERDUE = "overdue"
    MET = "met"
    """Done in time."""
    MISSED = "missed"
    """Done too late."""


@dataclass(frozen=True, slots=True)
class Pause:
    """The clock stands still from `from_ms` (included) to `to_ms` (not included; None while it lasts), for a reason."""

    from_ms: int
    to_ms: int | None
    reason: str

    def __post_init__(self) -> None:
        if self.to_ms is not None and self.to_ms < self.from_ms:
            raise DefinitionError("a pause ends after it began")
        if not 1 <= len(self.reason.strip()) <= REASON_CHARACTERS_MAX:
            raise DefinitionError(f"a pause needs a reason of 1 to {REASON_CHARACTERS_MAX} characters")

    def holds(self, at_ms: int) -> bool:
        """Whether the clock stands still at an instant."""
        return self.from_ms <= at_ms and (self.to_ms is None or at_ms < self.to_ms)


@dataclass(frozen=True, slots=True)
class Deadline:
    """One clock of a kind that was set going.

    started_ms: when the period began to count (office hours applied).  due_ms: its last instant, None while an open pause
    keeps it from ending.  warnings_ms: instants of warnings in order, None for those an open pause keeps from coming.
    """

    rule: ClockRule
    started_ms: int
    due_ms: int | None
    warnings_ms: tuple[int | None, ...]
    pauses: tuple[Pause, ...]

    def standing(self, now_ms: int, done_ms: int | None = None) -> Standing:
        """Where the clock stands; done_ms: when what it is for was done, None while it is not.

        The due instant itself is still in time.
        """
        if done_ms is not None:
            return Standing.MET if self.due_ms is None or done_ms <= self.due_ms else Standing.MISSED
        if self.due_ms is not None and now_ms > self.due_ms:
            return Standing.OVERDUE
        if any(pause.holds(now_ms) for pause in self.pauses):
            return Standing.PAUSED
        if self.warnings_given(now_ms):
            return Standing.WARNED
        return Standing.RUNNING

    def warnings_given(self, now_ms: int) -> int:
        """How many warnings have been due by an instant."""
        return sum(1 for each in self.warnings_ms if each is not None and each <= now_ms)
