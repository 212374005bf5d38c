"""Payments that wait, exactly as the decisions' journal has them.

The fold over the journal is the decisions' own (`tarim.decisions.Holds`); the table is its state, so that a desk that starts
goes on where it stood, and people's queues can be read from it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select

from tarim.base.errors import Damaged, NotFound
from tarim.decisions import Hold, Holds, HoldsState
from tarim.desk.adapters.tables import HOLDS
from tarim.desk.domain import Facts, HoldFact

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Hold)


def load_holds(connection: Connection, followed_seq: int) -> Holds:
    """The fold as of a position of the decisions' journal.  Raises Damaged."""
    rows = connection.execute(select(HOLDS.c.content).order_by(HOLDS.c.seq))
    try:
        found = [_decoder.decode(row.content) for row in rows]
    except msgspec.MsgspecError:
        raise Damaged("the table of holds cannot be read: run tarim desk rebuild") from None
    return Holds(HoldsState(found, [], [], followed_seq))


def waiting_hold(connection: Connection, seq: int) -> Hold | None:
    """The hold of the event at a position, as far as was followed; None when it does not wait any more.  Raises Damaged."""
    row = connection.execute(select(HOLDS.c.content).where(HOLDS.c.seq == seq)).one_or_none()
    try:
        return None if row is None else _decoder.decode(row.content)
    except msgspec.MsgspecError:
        raise Damaged("the table of holds cannot be read: run tarim desk rebuild") from None


def write_holds(connection: Connection, holds: Holds, facts: Facts) -> None:
    """Write what has become of the holds that these facts moved; `holds` is the fold after them."""
    moved = sorted({fact.held_seq for fact in facts.facts if isinstance(fact, HoldFact)})
    kept = [seq for seq in moved if seq < facts.from_seq]
    if kept:
        connection.execute(delete(HOLDS).where(HOLDS.c.seq == bindparam("of")), [{"of": seq} for seq in kept])
    waiting = [hold for hold in (_open(holds, seq) for seq in moved) if hold is not None]
    if waiting:
        connection.execute(insert(HOLDS), [_row(hold) for hold in waiting])


def _open(holds: Holds, seq: int) -> Hold | None:
    try:
        hold = holds.get(seq)
    except NotFound:  # closed, and others after it
        return None
    return hold if hold.is_open else None


def _row(hold: Hold) -> dict[str, Any]:
    return {
        "seq": hold.seq,
        "customer": hold.customer,
        "outcome": int(hold.kind),
        "state": int(hold.state),
        "amount_fen": hold.amount_fen,
        "until_ms": hold.until_ms,
        "content": _encode(hold),
    }
