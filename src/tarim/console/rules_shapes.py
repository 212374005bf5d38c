"""What the services say of rules, as far as the pages show it."""

from __future__ import annotations

from typing import Any

import msgspec

from tarim.console.proposals import Proposal


class Fault(msgspec.Struct):
    """A fault of a draft: `index` the rule's place and `at` the character of its condition, -1 for none; line from 1."""

    zh: str
    en: str
    rule: str = ""
    line: int = 0
    column: int = 0
    index: int = -1
    at: int = -1
    suggestion: str = ""


class DraftRule(msgspec.Struct):
    """A rule of a draft.  change: against the ruleset in force: same, changed, added."""

    index: int
    id: str
    when: str
    outcome: str
    weight: int
    scenario: str
    reason: str
    reason_en: str
    channels: list[str]
    structure: dict[str, Any] | None
    change: str
    line: int = 0


class Band(msgspec.Struct):
    """From this score on the outcome follows."""

    at_least: float
    outcome: str
    weight: int
    reason: str
    reason_en: str
    name: str


class StructureFault(msgspec.Struct):
    """Groups and rows that are no condition, at a JSON pointer."""

    pointer: str
    zh: str
    en: str


class Draft(msgspec.Struct):
    """A text looked at; version is "" while there are problems."""

    text: str
    version: str
    name: str
    problems: list[Fault]
    rules: list[DraftRule]
    removed: list[str]
    bands: list[Band]
    lists: list[str]
    unknown_lists: list[str]
    fault: StructureFault | None = None

    @property
    def changed(self) -> list[DraftRule]:
        """Rules that are not as they are in force."""
        return [rule for rule in self.rules if rule.change != "same"]

    @property
    def sound(self) -> bool:
        """Whether it could come into force."""
        return bool(self.version) and not self.unknown_lists


class Name(msgspec.Struct):
    """A word a rule may use."""

    name: str
    kind: str
    unit: str
    values: list[str]
    stands_alone: bool
    zh: str
    en: str


class Names(msgspec.Struct):
    """All of them."""

    names: list[Name]


class InForce(msgspec.Struct):
    """A ruleset that came into force."""

    version: str
    name: str
    seq: int
    at: str
    author: str
    approver: str
    reason: str


class History(msgspec.Struct):
    """The newest first."""

    rulesets: list[InForce]


class Text(msgspec.Struct):
    """A text under its version."""

    version: str
    text: str


class Switch(msgspec.Struct):
    """A switch that is set, or is proposed."""

    what: str
    target: str
    value: int
    reason: str
    author: str
    approver: str
    at: str
    customer: str
    until: str


class Switches(msgspec.Struct):
    """All that are set."""

    switches: list[Switch]


class Review(msgspec.Struct):
    """What one person threw, and the review of it by another."""

    id: str
    what: str
    target: str
    author: str
    reason: str
    at: str
    due_at: str
    standing: str
    in_force: bool
    proposal: str
    state: str
    reviewer: str
    note: str
    reviewed_at: str


class Reviews(msgspec.Struct):
    """A list of them."""

    reviews: list[Review]


class Proposals(msgspec.Struct):
    """A list of them."""

    proposals: list[Proposal]


class ProposedRuleset(msgspec.Struct):
    """The ruleset a proposal is about."""

    version: str
    name: str


class ProposedOverride(msgspec.Struct):
    """The outcome a proposal is about."""

    event_id: str
    source: str
    seq: int
    recorded: str
    outcome: str


class ProposalView(msgspec.Struct):
    """A proposal with what it is about."""

    proposal: Proposal
    ruleset: ProposedRuleset | None = None
    switch: Switch | None = None
    override: ProposedOverride | None = None


class Span(msgspec.Struct):
    """One rule in a span.  effective: hits that had an effect; fraud, genuine: those among `hits` that are labelled."""

    hits: int = 0
    effective: int = 0
    fraud: int = 0
    genuine: int = 0

    @property
    def precision(self) -> float | None:
        """Frauds among the labelled hits; None without labels."""
        labelled = self.fraud + self.genuine
        return self.fraud / labelled if labelled else None


class RuleHits(msgspec.Struct):
    """Hits of one rule.  days: of the last 30, the oldest first, the last one not over."""

    id: str
    day: Span
    week: Span
    month: Span
    days: list[int] = []


class Hits(msgspec.Struct):
    """Hits of all rules that hit lately.  decided: events of these spans.  first_day: of `days`, ISO."""

    at: str
    first_day: str
    decided_day: int
    decided_week: int
    decided_month: int
    rules: list[RuleHits]


class ListName(msgspec.Struct):
    """A list."""

    name: str


class Lists(msgspec.Struct):
    """All lists."""

    lists: list[ListName]


class Pack(msgspec.Struct):
    """A ruleset that comes with the product."""

    name: str
    zh: str
    en: str
    features: str
    text: str


class Packs(msgspec.Struct):
    """All of them."""

    packs: list[Pack]


class Job(msgspec.Struct):
    """Where a backtest stands; result as it was kept."""

    id: str
    state: str
    person: str
    asked_at: str
    done: int
    of: int
    digest: str
    took_s: float
    code: str
    detail: str
    problems: list[Fault] = []
    result: dict[str, Any] | None = None


class KeptBacktest(msgspec.Struct):
    """A result that was kept."""

    digest: str
    at: str


class KeptBacktests(msgspec.Struct):
    """Those of one draft, the newest first."""

    backtests: list[KeptBacktest]


class Treatment(msgspec.Struct):
    """What follows from an outcome."""

    version: str
    text: str
