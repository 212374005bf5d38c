"""What a backtest counts, event by event in plain Python, from the definitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

BANDS = [("0-1000", 100_000), ("1000-5000", 500_000), ("5000-20000", 2_000_000), ("20000-50000", 5_000_000)]


@dataclass
class SeenEvent:
    """One event of the span: `hits` by draft the ids of the rules that hold, `live` those recorded, `effective` of them."""

    seq: int
    customer: int
    amount_fen: int
    occurred_ms: int
    channel: str
    kind: str
    city: int
    label: int
    hits: list[set[str]]
    live: set[str]
    effective: set[str]
    outcome: int


def tally(events: Sequence[SeenEvent], fraud_of_all: int) -> dict[str, object]:
    """The fields of a Tally."""
    fraud = [event for event in events if event.label == 1]
    genuine = [event for event in events if event.label == 0]
    return {
        "events": len(events),
        "customers": len({event.customer for event in events if event.customer}),
        "customers_defrauded": len({event.customer for event in fraud if event.customer}),
        "amount_fen": sum(event.amount_fen for event in events),
        "fraud": len(fraud),
        "genuine": len(genuine),
        "fraud_fen": sum(event.amount_fen for event in fraud),
        "precision": len(fraud) / len(events) if events else None,
        "precision_reviewed": len(fraud) / (len(fraud) + len(genuine)) if fraud or genuine else None,
        "recall": len(fraud) / fraud_of_all if fraud_of_all else None,
    }


def day_of(event: SeenEvent) -> str:
    """The date in China."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=event.occurred_ms + 8 * 3_600_000)
    return moment.date().isoformat()


def amount_of(event: SeenEvent) -> str:
    """The band of the amount, in yuan."""
    if event.amount_fen == 0:
        return "none"
    for name, end_fen in BANDS:
        if event.amount_fen < end_fen:
            return name
    return "50000-200000" if event.amount_fen < 20_000_000 else "200000-"


DIVISIONS: dict[str, Callable[[SeenEvent], str]] = {
    "day": day_of,
    "kind": lambda event: event.kind,
    "channel": lambda event: event.channel,
    "amount": amount_of,
    "city": lambda event: f"{event.city:06d}" if event.city else "none",
}


def groups(events: Sequence[SeenEvent], draft: int, division: str) -> dict[str, tuple[object, ...]]:
    """By value: events, fraud, hit, customers hit, their money, fraud and genuine hit, live, live fraud."""
    found: dict[str, tuple[object, ...]] = {}
    for value in {DIVISIONS[division](event) for event in events}:
        here = [event for event in events if DIVISIONS[division](event) == value]
        hit = [event for event in here if event.hits[draft]]
        live = [event for event in here if event.effective]
        found[value] = (
            len(here),
            sum(event.label == 1 for event in here),
            len(hit),
            len({event.customer for event in hit if event.customer}),
            sum(event.amount_fen for event in hit),
            sum(event.label == 1 for event in hit),
            sum(event.label == 0 for event in hit),
            len(live),
            sum(event.label == 1 for event in live),
        )
    return found
