"""Who is on duty for a department, and which department gets what (CM-06).

A department's roster is one file, replaced as a whole; `on_duty` finds whoever has the shift at an instant.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from tarim.base.errors import DefinitionError
from tarim.identity import Scope
from tarim.redress.domain.files import (
    ClockUse,
    Event,
    File,
    Hand,
    Home,
    Instant,
    Kind,
    Name,
    events_by_tag,
    fields_of_new,
)

SHIFTS_MAX: Final = 1_000


class State(StrEnum):
    """A roster only ever changes."""

    ACTIVE = "active"


class Shift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person is on duty from `from_ms` (included) to `to_ms`.  phone: the duty telephone, no private one."""

    person: Name
    from_ms: Instant
    to_ms: Instant
    phone: Annotated[str, Meta(pattern="^[0-9+ -]{0,24}$")] = ""


Shifts = Annotated[list[Shift], Meta(max_length=SHIFTS_MAX)]


class Set(Event, frozen=True, tag="set"):
    """The department's shifts from now on."""

    scope = Scope.REDRESS_DECIDE
    shifts: Shifts


class Open(Event, frozen=True, tag="open"):
    """A department gets a roster."""

    scope = Scope.REDRESS_DECIDE
    shifts: Shifts


class Roster(File, frozen=True, kw_only=True):
    """One department's shifts, by their begin."""

    shifts: tuple[Shift, ...]

    def on_duty(self, at_ms: int) -> Shift | None:
        """Whose shift it is; of several the one that began last."""
        return next((each for each in reversed(self.shifts) if each.from_ms <= at_ms < each.to_ms), None)


def _opens(file_id: str, event: Open, home: Home, hand: Hand) -> Roster:
    return Roster(
        **fields_of_new(file_id, State.ACTIVE, home, hand),
        shifts=_checked(event.shifts),
    )


def _checked(shifts: list[Shift]) -> tuple[Shift, ...]:
    for shift in shifts:
        if shift.to_ms <= shift.from_ms:
            raise DefinitionError("shifts: a shift ends after it begins")
    return tuple(sorted(shifts, key=lambda shift: (shift.from_ms, shift.to_ms, shift.person)))


def _folds(file: Roster, event: Event, hand: Hand) -> Roster:
    return replace(file, shifts=_checked(event.shifts)) if isinstance(event, Set) else file


def _clocks(file: Roster) -> list[ClockUse]:
    return []


ROSTER: Final = Kind(
    name="roster",
    prefix="DUTY",
    file=Roster,
    opening=Open,
    events=events_by_tag(Set),
    states=State,
    rows={(State.ACTIVE, "set"): State.ACTIVE},
    first=State.ACTIVE,
    ends=frozenset(),
    opens=_opens,
    folds=_folds,
    clocks=_clocks,
)
