"""How changes of what is in force look outside: bodies of requests and answers, and what makes them."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tarim.api.proposals import ProposalBody
from tarim.base.instants import instant_text
from tarim.decisions import REASON_CHARACTERS_MAX, WHOLE, Control, Switch, SwitchKind

RULESET_BYTES_MAX: Final = 4 << 20

Reason = Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]
Target = Annotated[str, Meta(pattern=r"^([a-z][a-z0-9_]{0,63}|[0-9a-f]{64}|\*)$")]


class RulesetBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ruleset to propose: its TOML text and why it is needed.  base: the version it was begun from, "" = not said."""

    text: Annotated[str, Meta(min_length=1, max_length=1_000_000)]
    reason: Reason
    base: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""


class SwitchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A switch.  target: a rule's id, `*` for every rule or every model, a kind of event, or a model's version; customer: the
    bank's identifier.
    """

    what: SwitchKind
    target: Target
    value: Annotated[int, Meta(ge=0, le=WHOLE)]
    reason: Reason
    customer: Annotated[str, Meta(max_length=64)] = ""
    until_ms: Annotated[int, Meta(ge=0, le=4_102_444_800_000)] = 0


class OverrideBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another outcome for one decision."""

    event_id: Annotated[str, Meta(pattern="^[!-~]{1,64}$")]
    source: Annotated[str, Meta(pattern="^[a-z0-9-]{1,32}$")]
    outcome: Annotated[str, Meta(pattern="^(pass|notice|challenge|delay|suspend|block)$")]
    reason: Reason


class ReasonBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    reason: Reason


class ProposalsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """state: those that wait, or the last ones that were decided."""

    state: Annotated[str, Meta(pattern="^(open|decided)$")] = "open"


class ProposalsBody(msgspec.Struct, frozen=True):
    """Open proposals, the oldest first; or decided ones, the latest first."""

    proposals: list[ProposalBody]


class RulesetInForceBody(msgspec.Struct, frozen=True):
    """A ruleset that came into force at journal position `seq`."""

    version: str
    name: str
    seq: int
    at: str
    author: str
    approver: str
    reason: str


class RulesetsBody(msgspec.Struct, frozen=True):
    """Rulesets as they came into force, the newest first."""

    rulesets: list[RulesetInForceBody]


class RulesetTextBody(msgspec.Struct, frozen=True):
    """The text of a ruleset."""

    version: str
    text: str


class SwitchSetBody(msgspec.Struct, frozen=True):
    """A switch that is set.  customer: the token, as text, "" for all customers."""

    what: SwitchKind
    target: str
    value: int
    reason: str
    author: str
    approver: str
    at: str
    customer: str
    until: str


class SwitchesBody(msgspec.Struct, frozen=True):
    """Switches that are set."""

    switches: list[SwitchSetBody]


class OverrideOfBody(msgspec.Struct, frozen=True):
    """A person's outcome in the place of a decision's."""

    outcome: str
    reason: str
    author: str
    approver: str
    at: str


class AgainstQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """against: version of another ruleset; the one in force when it is not given."""

    against: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None


class EventQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event by its source and id."""

    event_id: Annotated[str, Meta(pattern="^[!-~]{1,64}$")]
    source: Annotated[str, Meta(pattern="^[a-z0-9-]{1,32}$")]


def ruleset_body(control: Control, seq: int) -> RulesetInForceBody:
    """How a ruleset that came into force at `seq` looks outside."""
    return RulesetInForceBody(
        control.version,
        control.name,
        seq,
        instant_text(control.at_ms),
        control.author,
        control.approver,
        control.reason,
    )


def switch_body(switch: Switch) -> SwitchSetBody:
    """How a switch looks outside."""
    return SwitchSetBody(
        switch.what,
        switch.target,
        switch.value,
        switch.reason,
        switch.author,
        switch.approver,
        instant_text(switch.at_ms),
        f"{switch.customer & 0xFFFFFFFFFFFFFFFF:016x}" if switch.customer else "",
        instant_text(switch.until_ms) if switch.until_ms else "",
    )
