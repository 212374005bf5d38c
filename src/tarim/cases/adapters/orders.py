"""Orders about held payments on their way to the decisions service, until its journal says what became of them.

    ordered in the tables ──the hold ends in the decisions' journal──► done
             └──the service will not (`cases.order_failed`)──► may be asked again

A desk that dies between sending and hearing sends again; a hold that has ended answers a conflict, and its end is followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from tarim.base.errors import InputError
from tarim.base.repeating import Repeater
from tarim.cases.acting import Acting, Means
from tarim.cases.adapters.tables import ALERT, CASE, HISTORY
from tarim.cases.domain.states import CaseEvent
from tarim.cases.service.money import order_failed
from tarim.desk import SYSTEM, Desk, Post
from tarim.identity import EVERYTHING, Caller, CallerKind

PATH: Final = "/v1/holds:order"
AT_ONCE: Final = 64
_LOOK_S: Final = 0.5
_SYSTEM: Final = Caller(SYSTEM, CallerKind.KEY, frozenset(), EVERYTHING, EVERYTHING)


@dataclass(frozen=True, slots=True)
class Order:
    """What to do with the payment of an alert, and the persons who agreed to it, whoever asked first."""

    seq: int
    ref: str
    source: str
    event_id: str
    verdict: str
    people: tuple[str, ...]

    def message(self) -> dict[str, Any]:
        """As the service takes it; the reason names the case and nobody."""
        return {
            "source": self.source,
            "event_id": self.event_id,
            "verdict": self.verdict,
            "people": list(self.people),
            "reason": f"case {self.ref}",
        }


def waiting_orders(connection: Connection, count: int) -> list[Order]:
    """Orders whose hold has not ended yet, the oldest alert first."""
    chosen = (
        select(ALERT, CASE.c.ref)
        .join(CASE, CASE.c.no == ALERT.c.case_no)
        .where(ALERT.c.ordered.in_(("release", "refuse")), ALERT.c.hold.in_(("waiting", "escalated")))
        .order_by(ALERT.c.seq)
        .limit(count)
    )
    return [
        Order(row.seq, row.ref, row.source, row.event_id, row.ordered, _people(connection, row))
        for row in connection.execute(chosen)
    ]


def _people(connection: Connection, row: Any) -> tuple[str, ...]:
    """Who asked, then who agreed: the last such lines of the case's history about this alert."""
    event = CaseEvent.APPROVE_RELEASE if row.ordered == "release" else CaseEvent.REFUSE_PAYMENT
    chosen = (
        select(HISTORY.c.person)
        .where(HISTORY.c.case_no == row.case_no, HISTORY.c.event == event.value, HISTORY.c.about == str(row.seq))
        .order_by(HISTORY.c.n.desc())
        .limit(1)
    )
    agreed = connection.execute(chosen).scalar_one()
    return (row.release_by, agreed) if row.release_by else (agreed,)


class OrderSender(Repeater):
    """Starts with `start`; `close` waits for the order under way.  `trouble`: why orders wait."""

    def __init__(self, desk: Desk, link: Post, means: Means, retry_s_max: float) -> None:
        super().__init__(
            "desk-orders", self.send, every_s=_LOOK_S, retry_s_max=retry_s_max, log="tarim.cases", waits="orders wait"
        )
        self._desk, self._link, self._means = desk, link, means
        self._taken: set[int] = set()

    def send(self) -> int:
        """Tell the service every order that waits; how many it took.  Raises what the service raises."""
        waiting = self._desk.read(lambda connection: waiting_orders(connection, AT_ONCE)).result()
        self._taken &= {order.seq for order in waiting}  # of the others the decisions' journal has told
        taken = 0
        for order in waiting:
            if order.seq in self._taken or self.closing:
                continue
            try:
                self._link.post(PATH, order.message())
                self._taken.add(order.seq)
                taken += 1
            except InputError as error:
                self._failed(order, error.detail)
        return taken

    def _failed(self, order: Order, detail: str) -> None:
        acting = Acting(self._means, _SYSTEM, order.ref)
        self._desk.perform(SYSTEM, lambda connection: order_failed(acting, connection, order.seq, detail))
