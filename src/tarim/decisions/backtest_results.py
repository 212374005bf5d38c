"""What a backtest says, as it is kept: values that msgspec writes as JSON, the same bytes for the same measures.

An event without a label counts as genuine in `precision`, which is therefore a lower bound; `precision_reviewed` looks at
labelled events only.  Amounts are fen, positions those of the journal, instants RFC 3339 in UTC.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt


class Tally(msgspec.Struct, frozen=True):
    """Events and what they are about.

    customers_defrauded: those with at least one labelled fraud among these events.  amount_fen, fraud_fen: money of all of
    them, and of the labelled fraud.  recall: part of the labelled fraud of the span (or day, or segment) that is here.
    A share is None where there is nothing to divide by.
    """

    events: int
    customers: int
    customers_defrauded: int
    amount_fen: int
    fraud: int
    genuine: int
    fraud_fen: int
    precision: float | None
    precision_reviewed: float | None
    recall: float | None


class Overlap(msgspec.Struct, frozen=True):
    """Events for which a live rule holds as well."""

    rule: str
    events: int


class Fact(msgspec.Struct, frozen=True):
    """A name that a rule read, with its value: a number, a word, or None where it was missing."""

    name: str
    value: float | str | None


class Example(msgspec.Struct, frozen=True):
    """One event to look at.  Identifiers are masked: the last four digits of a token tell customers apart, not who they are.

    rules, live: ids of the rules of the drafts and of the live ones that hold.  label: fraud, genuine or "".
    read: what the rule read, or all of `rules`.
    """

    event_id: str
    source: str
    seq: int
    occurred_at: str
    kind: str
    channel: str
    amount_fen: int
    city: str
    customer: str
    label: str
    outcome: str
    rules: list[str]
    live: list[str]
    read: list[Fact]


class RuleResult(msgspec.Struct, frozen=True):
    """One rule of a draft.  new: where no live rule with an effect holds.  overlap: live rules that hold with it."""

    id: str
    scenario: str
    outcome: str
    hit: Tally
    new_events: int
    new_fraud: int
    overlap: list[Overlap]
    examples: list[Example]


class Group(msgspec.Struct, frozen=True):
    """One day or one value of a segment: all its events, its labelled fraud, and what the draft says there."""

    value: str
    events: int
    fraud: int
    hit: int
    hit_customers: int
    hit_amount_fen: int
    hit_fraud: int
    hit_genuine: int
    live: int
    live_fraud: int
    precision: float | None
    recall: float | None


class Groups(msgspec.Struct, frozen=True):
    """The span by day (in China) and by segment; amounts in yuan."""

    day: list[Group]
    kind: list[Group]
    channel: list[Group]
    amount: list[Group]
    city: list[Group]


class Recorded(msgspec.Struct, frozen=True):
    """Where these very rules were live: events decided under them, and those for which other rules held then than now."""

    events: int
    differing: int
    seqs: list[int]


class DraftResult(msgspec.Struct, frozen=True):
    """What one draft would have done.

    lost: where a live rule with an effect holds and none of the draft.  outcomes: events by the strictest rule that holds.
    """

    name: str
    version: str
    rule: str
    hit: Tally
    stopped: Tally
    new: Tally
    lost: Tally
    outcomes: dict[str, int]
    rules: list[RuleResult]
    groups: Groups
    recorded: Recorded


class Difference(msgspec.Struct, frozen=True):
    """Two drafts side by side: what only the first would have hit, only the other, and both."""

    only_first: Tally
    only_other: Tally
    both: Tally
    examples_only_first: list[Example]
    examples_only_other: list[Example]


class Live(msgspec.Struct, frozen=True):
    """What was decided live: events with a rule in effect, and those the outcome stopped (the score's band included).

    rulesets: versions under which the events were decided, in order.
    """

    hit: Tally
    stopped: Tally
    rulesets: list[str]


class Measured(msgspec.Struct, frozen=True):
    """The measures of a backtest."""

    events: int
    fraud: int
    genuine: int
    live: Live
    drafts: list[DraftResult]
    difference: Difference | None


def tally(counts: npt.NDArray[np.int64], customers: int, customers_defrauded: int, fraud_of_all: int) -> Tally:
    """The tally of one row of counts, shape (5,)."""
    events, amount_fen, fraud, genuine, fraud_fen = counts.tolist()
    return Tally(
        events,
        customers,
        customers_defrauded,
        amount_fen,
        fraud,
        genuine,
        fraud_fen,
        share(fraud, events),
        share(fraud, fraud + genuine),
        share(fraud, fraud_of_all),
    )


def share(part: int, whole: int) -> float | None:
    """The part by the whole, None for nothing of nothing."""
    return part / whole if whole else None


def city_text(code: int) -> str:
    """A division code as six digits, `none` for an event without one."""
    return f"{code:06d}" if code else "none"


def masked(token: int) -> str:
    """The last four digits of a token: enough to see that two events are of one customer; "" for none."""
    return f"…{token & 0xFFFF:04x}" if token else ""
