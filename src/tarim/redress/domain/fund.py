"""What losses are paid from: the reserve fund and insurance policies (CM-09, CM-16).  Money in takes two persons."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from tarim.base.errors import DefinitionError
from tarim.identity import Scope
from tarim.redress.domain.files import (
    ClockUse,
    Event,
    Fen,
    File,
    Hand,
    Home,
    IllegalStep,
    Instant,
    Kind,
    Word,
    bounded,
    events_by_tag,
    fields_of_new,
)


class FundKind(StrEnum):
    """Whose money it is."""

    RESERVE = "reserve"
    POLICY = "policy"


class State(StrEnum):
    """Whether it can pay."""

    ACTIVE = "active"
    CLOSED = "closed"


class Open(Event, frozen=True, tag="open"):
    """A fund or policy, empty.  reference: account or policy number of the bank's own; valid_to_ms: 0 = without end."""

    scope = Scope.REDRESS_DECIDE
    kind: FundKind
    title: Word
    reference: Word
    valid_from_ms: Instant
    valid_to_ms: Instant = 0


class Add(Event, frozen=True, tag="add"):
    """Money paid in, or cover bought."""

    second = True
    amount_fen: Fen
    reference: Word


class Pay(Event, frozen=True, tag="pay"):
    """A loss was paid from it."""

    scope = Scope.REDRESS_DECIDE
    inner = True
    loss: Word
    amount_fen: Fen
    reference: Word


class Close(Event, frozen=True, tag="close"):
    """It pays no more."""

    second = True


class Addition(msgspec.Struct, frozen=True):
    """Money that came in."""

    amount_fen: int
    reference: str
    author: str
    approver: str
    at_ms: int


class Fund(File, frozen=True, kw_only=True):
    """A fund or a policy.  What was paid from it stands in the files of the losses."""

    kind: FundKind
    title: str
    reference: str
    valid_from_ms: int
    valid_to_ms: int
    paid_in_fen: int = 0
    paid_out_fen: int = 0
    added: tuple[Addition, ...] = ()

    @property
    def left_fen(self) -> int:
        """What it can still pay."""
        return self.paid_in_fen - self.paid_out_fen


_ROWS: Final = {
    (State.ACTIVE, "add"): State.ACTIVE,
    (State.ACTIVE, "pay"): State.ACTIVE,
    (State.ACTIVE, "close"): State.CLOSED,
}


def _opens(file_id: str, event: Open, home: Home, hand: Hand) -> Fund:
    if event.valid_to_ms and event.valid_to_ms <= event.valid_from_ms:
        raise DefinitionError("valid_to_ms: it ends after it begins. 失效时间须晚于生效时间。")
    return Fund(
        **fields_of_new(file_id, State.ACTIVE, home, hand),
        kind=event.kind,
        title=event.title,
        reference=event.reference,
        valid_from_ms=event.valid_from_ms,
        valid_to_ms=event.valid_to_ms,
    )


def _folds(file: Fund, event: Event, hand: Hand) -> Fund:
    match event:
        case Add():
            bounded("amounts paid in", file.added)
            author = file.proposal.author if file.proposal else hand.person
            added = Addition(event.amount_fen, event.reference, author, hand.person, hand.at_ms)
            return replace(file, paid_in_fen=file.paid_in_fen + event.amount_fen, added=(*file.added, added))
        case Pay():
            if not file.valid_from_ms <= hand.at_ms or (file.valid_to_ms and hand.at_ms >= file.valid_to_ms):
                raise IllegalStep("the fund or policy is not valid today. 资金或保险不在有效期内。")
            if event.amount_fen > file.left_fen:
                raise IllegalStep(f"the fund or policy has {file.left_fen} fen left. 余额不足。")
            return replace(file, paid_out_fen=file.paid_out_fen + event.amount_fen)
        case _:
            return file


def _clocks(file: Fund) -> list[ClockUse]:
    return []


FUND: Final = Kind(
    name="fund",
    prefix="FUND",
    file=Fund,
    opening=Open,
    events=events_by_tag(Add, Pay, Close),
    states=State,
    rows=_ROWS,
    first=State.ACTIVE,
    ends=frozenset((State.CLOSED,)),
    opens=_opens,
    folds=_folds,
    clocks=_clocks,
)
