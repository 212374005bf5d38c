"""One decision as the console shows it: what the views, the service and the desk answer, with units and windows written out."""

from __future__ import annotations

import msgspec

from tarim.console.rendering import NOTHING, count, lasting, money, percent
from tarim.console.words import _, either


class Field(msgspec.Struct):
    """A field of the message, masked by the service."""

    name: str
    data_class: str
    zh: str
    en: str
    value: str | None
    masked: bool
    opened: bool


class Feature(msgspec.Struct):
    """What it was judged on."""

    name: str
    value: float | None
    unit: str
    window_ms: int
    zh: str
    en: str

    @property
    def shown(self) -> str:
        """The value with its unit."""
        return feature_value(self.value, self.unit)

    @property
    def window(self) -> str:
        """How far it looks back."""
        return _("近 {t}").format(t=lasting(self.window_ms)) if self.window_ms else _("本笔")


class Hit(msgspec.Struct):
    """Why: a rule that took effect, the score's band, or too weak a verification."""

    id: str
    scenario: str
    outcome: str
    weight: int
    zh: str
    en: str


class Rule(msgspec.Struct):
    """A rule that held, whether it took effect or not."""

    id: str
    scenario: str
    outcome: str
    weight: int
    zh: str
    en: str
    effective: bool
    when: str
    lists: list[tuple[str, str]]


class HoldSeen(msgspec.Struct):
    """The hold of the payment as it stands."""

    id: int
    state: str
    cause: str
    opened_at: str
    until: str
    changed_at: str
    proposed_by: str


class Override(msgspec.Struct):
    """Another outcome in its place."""

    outcome: str
    author: str
    approver: str
    reason: str
    at: str


class Label(msgspec.Struct):
    """The newest label about it."""

    label: str
    source: str
    at: str


class Versions(msgspec.Struct):
    """What judged."""

    features: str
    ruleset: str
    model: str


class Decision(msgspec.Struct):
    """A decision with everything that is known of it."""

    seq: int
    event_id: str
    source: str
    received_at: str
    occurred_at: str
    lag_ms: int
    late: bool
    kind: str
    amount_fen: int
    outcome: str
    score: float | None
    payload: list[Field]
    features: list[Feature] | None
    reasons: list[Hit]
    rules: list[Rule]
    rules_known: bool
    versions: Versions
    judged_by: str
    hold: HoldSeen | None
    override: Override | None
    label: Label | None

    def field(self, name: str) -> str:
        """A field of the message, "" for one it had not."""
        return next((each.value or "" for each in self.payload if each.name == name), "")

    @property
    def lists(self) -> list[tuple[str, str, str]]:
        """(list, field, rule) of rules that held and ask lists."""
        return [(name, field, rule.id) for rule in self.rules for name, field in rule.lists]


class Part(msgspec.Struct):
    """What one feature adds to the raw score (log odds)."""

    feature: str
    value: float | None
    contribution: float
    zh: str
    en: str


class Explanation(msgspec.Struct):
    """A score and its parts, the heaviest first."""

    model: str
    score: float
    raw: float
    expected: float
    parts: list[Part]


class Hold(msgspec.Struct):
    """A hold as the service has it."""

    id: int
    kind: str
    state: str
    cause: str
    amount_fen: int
    opened_at: str
    until: str
    strength: int
    verified: bool
    failures_left: int
    changed_at: str
    proposed_by: str
    proposed_reason: str

    @property
    def open(self) -> bool:
        """Whether the payment still waits."""
        return self.state in ("waiting", "escalated")


class CaseOf(msgspec.Struct):
    """The case that the decision is in."""

    id: str
    state: str
    assignee: str


class Cases(msgspec.Struct):
    """At most one."""

    cases: list[CaseOf]


class Made(msgspec.Struct):
    """A decision as it was recorded, or as it came out again."""

    outcome: str
    score: float | None


class Rebuild(msgspec.Struct):
    """A decision made again from the journal, and how it goes."""

    id: str
    event_id: str
    source: str
    state: str
    person: str
    asked_at: str
    done: int
    of: int
    identical: bool | None
    recorded: Made
    again: Made | None
    features: list[Feature]
    code: str
    detail: str

    @property
    def fraction(self) -> float | None:
        """How far it is, 0 to 1; None before it says so."""
        return min(1.0, self.done / self.of) if self.of and self.done else None


def feature_value(value: float | None, unit: str) -> str:
    """A feature's value as people read it."""
    if value is None:
        return NOTHING
    match unit:
        case "fen":
            return f"{money(round(value))} {_('元')}"
        case "ms":
            return lasting(value)
        case "share":
            return percent(value)
        case "flag":
            return _("是") if value else _("否")
        case "count":
            return f"{count(value)} {either('次', '')}".rstrip()
        case "deviations":
            return _("{n} 个标准差").format(n=f"{value:+.2f}")
        case _other:
            return _("{n} 倍").format(n=f"{value:,.2f}")


def parts_told(explanation: Explanation, shown: int) -> dict[str, list[object]]:
    """Bars of the heaviest parts, lightest first, as a chart draws them upwards; the rest is one bar."""
    heaviest = explanation.parts[:shown]
    rest = sum(each.contribution for each in explanation.parts[shown:])
    bars = [(either(each.zh, each.en), round(each.contribution, 4)) for each in heaviest]
    if explanation.parts[shown:]:
        bars.append((_("其余 {n} 项").format(n=len(explanation.parts) - shown), round(rest, 4)))
    return {"names": [name for name, _value in reversed(bars)], "values": [value for _name, value in reversed(bars)]}
