"""Legal holds: nothing of a customer is deleted while one stands (TS-21, CM-12).  Set by one person, released by two."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Generic

from msgspec.structs import replace

from tarim.base.errors import DefinitionError
from tarim.redress.domain.files import (
    ClockUse,
    Event,
    File,
    Hand,
    Home,
    Kind,
    Reference,
    Sealed,
    W,
    events_by_tag,
    fields_of_new,
)


class Ground(StrEnum):
    """Why data must be kept."""

    DISPUTE = "dispute"
    REQUEST = "request"
    INVESTIGATION = "investigation"


class State(StrEnum):
    """Whether it stands."""

    HELD = "held"
    RELEASED = "released"


class Open(Event, Generic[W], frozen=True, tag="open"):
    """Keep everything of this customer.  reference: the file it is about."""

    free = ("text",)
    ground: Ground
    text: W
    reference: Reference = ""


class Release(Event, Generic[W], frozen=True, tag="release"):
    """It is not needed any more."""

    free = ("text",)
    second = True
    text: W


class LegalHold(File, frozen=True, kw_only=True):
    """One hold of one customer."""

    ground: Ground
    text: Sealed
    reference: str
    released_text: Sealed | None = None


def _opens(file_id: str, event: Open[Sealed], home: Home, hand: Hand) -> LegalHold:
    if not home.customer:
        raise DefinitionError("a legal hold is about one customer. 法律保全须指定客户。")
    return LegalHold(
        **fields_of_new(file_id, State.HELD, home, hand),
        ground=event.ground,
        text=event.text,
        reference=event.reference,
    )


def _folds(file: LegalHold, event: Event, hand: Hand) -> LegalHold:
    return replace(file, released_text=event.text) if isinstance(event, Release) else file


def _clocks(file: LegalHold) -> list[ClockUse]:
    return []


HOLD: Final = Kind(
    name="hold",
    prefix="HOLD",
    file=LegalHold,
    opening=Open,
    events=events_by_tag(Release),
    states=State,
    rows={(State.HELD, "release"): State.RELEASED},
    first=State.HELD,
    ends=frozenset((State.RELEASED,)),
    opens=_opens,
    folds=_folds,
    clocks=_clocks,
)
