"""Sigmoids of a training made ahead: a packet of the stock holds one for a block of rows, and is used whole or not at all.

They depend on nothing but the size of a block, so they can be made before any data is there; they are half of what a regression
sends.

    first -> second    the packet that it has claimed for the next block of rows, or none
    second -> first    whether its stock has the same packet, unused; it has claimed it too then

Who learns what: nothing.  Half a round a block; 20 bytes a row of a block are kept by the first party and 800 by the second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tarim.federation.channel import Array, Channel
from tarim.federation.learning.logistic_blocks import COMPARED, block_rows
from tarim.federation.learning.logistic_plan import RESIDUAL_FRACTION_BITS, Plan
from tarim.federation.learning.sigmoid import ClippedSigmoid
from tarim.federation.node.conversations import Ask, Ready, hear, say
from tarim.federation.node.stock import PACKET_ROWS, Stock
from tarim.federation.session import Session

Progress = Callable[[str, int, int], None]
_STEP: Final = "sigmoids made ahead"


def packets_for(plan: Plan, rows: int) -> int:
    """Packets for so many rows in all, each counted once for every epoch."""
    return -(-rows // block_rows(plan.batch_rows))


def make_sigmoids(
    session: Session, plan: Plan, contract: str, stock: Stock, run: str, rows: int, progress: Progress
) -> None:
    """Make what so many rows need and keep it, packet by packet; both sides.  Raises TooLarge, FederationError."""
    packets = packets_for(plan, rows)
    for number in range(packets):
        sigmoid = ClippedSigmoid(session, block_rows(plan.batch_rows), RESIDUAL_FRACTION_BITS, COMPARED)
        sigmoid.finish()
        stock.keep_together(session, contract, f"{run[:32]}-{number:06d}", sigmoid.arrays())
        progress("making ahead", number + 1, packets)


class StockedSigmoids:
    """Takes the next block's sigmoid from the stock, where both sides have it; see `logistic.Sigmoids`."""

    def __init__(self, stock: Stock, contract: str, plan: Plan) -> None:
        self._stock, self._contract, self._rows = stock, contract, block_rows(plan.batch_rows)

    def __call__(self, session: Session, rows: int) -> ClippedSigmoid | None:
        """One for a block of so many rows, or None; both sides alike.  Raises ProtocolBroken."""
        assert rows <= self._rows
        channel = session.channel
        return self._offered(session, channel) if session.first else self._accepted(session, channel)

    def _offered(self, session: Session, channel: Channel) -> ClippedSigmoid | None:
        pieces = self._stock.claim(self._contract, PACKET_ROWS)
        packets = self._stock.opened(self._contract, session.role, pieces)
        say(channel, _STEP, Ask((), tuple(piece for piece, _ in packets)))
        if not packets or not hear(channel, _STEP, Ready).from_stock:
            return None
        return self._restored(session, packets[0][1])

    def _accepted(self, session: Session, channel: Channel) -> ClippedSigmoid | None:
        pieces = hear(channel, _STEP, Ask).pieces
        if not pieces:
            return None
        whole = len(pieces) == 1 and pieces[0].rows == PACKET_ROWS
        claimed = whole and self._stock.claim_those(self._contract, pieces)
        packets = self._stock.opened(self._contract, session.role, pieces) if claimed else []
        say(channel, _STEP, Ready(from_stock=bool(packets)))
        return self._restored(session, packets[0][1]) if packets else None

    def _restored(self, session: Session, arrays: dict[str, Array]) -> ClippedSigmoid:
        return ClippedSigmoid(session, self._rows, RESIDUAL_FRACTION_BITS, COMPARED, arrays)
