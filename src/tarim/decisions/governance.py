"""Who changed what is in force: proposals, rulesets, switches and overrides, as a fold over control records.

    RULESET   a ruleset came into force, between the event before the record and the one after it
    SWITCH    a rule is paused, in shadow, rolled out to a part of the customers, suppressed for one customer; a kind of
              business is stopped
    OVERRIDE  a person put another outcome in the place of one decision
    PROPOSAL  somebody wants one of these; nobody decides on his own (`tarim.base.four_eyes`)
    MODEL     a model's way into force and out of it (`tarim.decisions.registry`)
    REVIEW    a second person has looked at what one person paused or stopped (`tarim.decisions.switch_reviews`)

`Governance` is a value of the journal alone: no clock.  What ends by itself (a suppression) ends at the first event that
was received after its end.  Requirements: RM-26, RM-28; the issue of changing rules is RM-06.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec
import numpy as np

from tarim.base.errors import Damaged, DefinitionError
from tarim.base.four_eyes import Proposal, ProposalState
from tarim.decisions.domain import WHOLE, Effects, Lineup
from tarim.decisions.ports import LogRecord
from tarim.decisions.records import Control, RecordKind, decode_control
from tarim.decisions.registry import Registry, RegistryState
from tarim.decisions.switch_reviews import ReviewNote, SwitchReview, SwitchReviews
from tarim.decisions.switches import EVERY_MODEL, EVERY_RULE, OF_MODELS, Switch, SwitchKind, neutral_of
from tarim.rules import HIT_WORDS, RULES_MAX, Rule
from tarim.stream import Kind, Outcome

SUPPRESSIONS_MAX: Final = 100_000
PROPOSALS_OPEN_MAX: Final = 1_000
PROPOSALS_DECIDED_REMEMBERED: Final = 200
RULESETS_REMEMBERED: Final = 100
OVERRIDES_REMEMBERED: Final = 100_000
REASON_CHARACTERS_MAX: Final = 500

T = TypeVar("T")


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The decision on the event at `seq` is replaced by a person's; the recorded one stays where it is."""

    seq: int
    outcome: str
    reason: str
    author: str
    at_ms: int
    approver: str = ""


class _ProposalRecord(msgspec.Struct, frozen=True, array_like=True):
    proposal: Proposal
    content: bytes


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal with what it is about, encoded: a Control, Switch or Override by `proposal.what`."""

    proposal: Proposal
    content: bytes


@dataclass(frozen=True, slots=True)
class RulesetInForce:
    """A ruleset that came into force at journal position `seq`."""

    control: Control
    seq: int


@dataclass(slots=True)
class Governance:
    """The state: open proposals, rulesets as they came into force, switches that are set, overrides by position, models, and
    what one person did alone and another has to look at.

    decided: the last proposals that were approved, rejected or withdrawn, so that their authors learn what became of them.
    """

    proposals: dict[str, Proposed] = field(default_factory=dict)
    rulesets: list[RulesetInForce] = field(default_factory=list)
    switches: dict[tuple[str, str, int], Switch] = field(default_factory=dict)
    overrides: dict[int, Override] = field(default_factory=dict)
    registry: Registry = field(default_factory=Registry)
    decided: list[Proposal] = field(default_factory=list)
    reviews: SwitchReviews = field(default_factory=SwitchReviews)

    def take(self, record: LogRecord) -> None:
        """Take in a control record.  Raises Damaged."""
        match record.kind:
            case RecordKind.RULESET:
                self.rulesets.append(RulesetInForce(decode_control(record), record.first_seq))
                del self.rulesets[:-RULESETS_REMEMBERED]
            case RecordKind.SWITCH:
                switch = _decode(_switch_decoder, record)
                self._set(switch, record.first_seq)
                self.reviews.take_switch(switch, bytes(record.payload))
            case RecordKind.REVIEW:
                self.reviews.take_note(_decode(_review_decoder, record))
            case RecordKind.MODEL:
                self.registry.take_record(record.payload, record.first_seq)
            case RecordKind.LEDGER:
                self.registry.take_note(record.payload, record.first_seq)
            case RecordKind.OVERRIDE:
                override = _decode(_override_decoder, record)
                self.overrides.pop(override.seq, None)
                self.overrides[override.seq] = override
                if len(self.overrides) > OVERRIDES_REMEMBERED:
                    del self.overrides[next(iter(self.overrides))]
            case RecordKind.PROPOSAL:
                proposed = _decode(_proposal_decoder, record)
                self.registry.take_proposal(proposed.proposal, proposed.content, record.first_seq)
                if proposed.proposal.state is ProposalState.PROPOSED:
                    self.proposals[proposed.proposal.id] = Proposed(proposed.proposal, proposed.content)
                else:
                    self.proposals.pop(proposed.proposal.id, None)
                    self.decided.append(proposed.proposal)
                    del self.decided[:-PROPOSALS_DECIDED_REMEMBERED]
            case _:
                pass

    def _set(self, switch: Switch, seq: int) -> None:
        if switch.what in OF_MODELS:
            target = "" if switch.target == EVERY_MODEL else switch.target
            act = f"{switch.what.value} = {switch.value}"
            self.registry.note_switch(act, target, switch.author, switch.approver, switch.at_ms, switch.reason, seq)
        key = (switch.what.value, switch.target, switch.customer)
        if switch.value == neutral_of(switch.what):
            self.switches.pop(key, None)
        else:
            self.switches[key] = switch

    @property
    def ruleset(self) -> Control | None:
        """The ruleset in force, None before the first."""
        return self.rulesets[-1].control if self.rulesets else None

    @property
    def ruleset_before(self) -> Control | None:
        """The ruleset that was in force before the present one came, another version than it; None if there is none."""
        present = self.ruleset
        for entry in reversed(self.rulesets):
            if present is not None and entry.control.version != present.version:
                return entry.control
        return None

    @property
    def lineup(self) -> Lineup:
        """The models that score, as far as the switches let them."""
        if self.of_kind(SwitchKind.RULES_ONLY):
            return Lineup()
        paused = {switch.target for switch in self.of_kind(SwitchKind.PAUSE_MODEL)}
        whole = self.registry.lineup
        return Lineup(
            "" if whole.champion in paused else whole.champion,
            tuple((version, share) for version, share in whole.challengers if version not in paused),
        )

    def of_kind(self, what: SwitchKind) -> list[Switch]:
        """The switches of one kind that are set."""
        return [switch for switch in self.switches.values() if switch.what is what]

    def stopped_kinds(self) -> frozenset[int]:
        """Codes of the kinds of events that are refused."""
        return frozenset(int(Kind[switch.target.upper()]) for switch in self.of_kind(SwitchKind.STOP))

    def effects(self, rules: Iterable[Rule]) -> Effects:
        """What the switches mean for these rules.  A switch for a rule that is not among them waits for its return."""
        index_of = {rule.id: rule.index for rule in rules}
        live = np.full(HIT_WORDS, 0xFFFFFFFFFFFFFFFF, np.uint64)
        shares = np.full(RULES_MAX, WHOLE, np.int64)
        for switch in (*self.of_kind(SwitchKind.PAUSE), *self.of_kind(SwitchKind.SHADOW)):
            place = index_of.get(switch.target, -1)
            if place >= 0:
                live[place // 64] &= np.uint64(~(1 << place % 64) & 0xFFFFFFFFFFFFFFFF)
        for switch in self.of_kind(SwitchKind.ROLLOUT):
            if switch.target in index_of:
                shares[index_of[switch.target]] = switch.value
        suppressed = sorted(self.of_kind(SwitchKind.SUPPRESS), key=lambda each: (each.customer, each.target))
        masks = np.zeros((len(suppressed), HIT_WORDS), np.uint64)
        for at, switch in enumerate(suppressed):
            places = index_of.values() if switch.target == EVERY_RULE else [index_of.get(switch.target, -1)]
            for place in places:
                if place >= 0:
                    masks[at, place // 64] |= np.uint64(1 << place % 64)
        return Effects(
            live,
            shares,
            np.array([switch.customer for switch in suppressed], np.int64),
            np.array([switch.until_ms for switch in suppressed], np.int64),
            masks,
        )

    def encoded(self) -> bytes:
        """The state as bytes, for a snapshot."""
        return _encode(
            (
                [_ProposalRecord(each.proposal, each.content) for each in self.proposals.values()],
                [(each.control, each.seq) for each in self.rulesets],
                list(self.switches.values()),
                list(self.overrides.values()),
                RegistryState.of(self.registry),
                self.decided,
                list(self.reviews.open.values()),
                self.reviews.closed,
            )
        )

    @classmethod
    def decoded(cls, data: bytes) -> Governance:
        """The state of such bytes.  Raises Damaged."""
        try:
            proposals, rulesets, switches, overrides, registry, decided, opened, closed = _state_decoder.decode(data)
        except msgspec.MsgspecError:
            raise Damaged("the snapshot's record of what is in force cannot be read") from None
        return cls(
            {each.proposal.id: Proposed(each.proposal, each.content) for each in proposals},
            [RulesetInForce(control, seq) for control, seq in rulesets],
            {(each.what.value, each.target, each.customer): each for each in switches},
            {each.seq: each for each in overrides},
            registry.registry(),
            decided,
            SwitchReviews({each.id: each for each in opened}, closed),
        )


# ---- records ---------------------------------------------------------------------------------------------------------

_encode = msgspec.msgpack.Encoder().encode
_switch_decoder: Final = msgspec.msgpack.Decoder(Switch)
_override_decoder: Final = msgspec.msgpack.Decoder(Override)
_proposal_decoder: Final = msgspec.msgpack.Decoder(_ProposalRecord)
_review_decoder: Final = msgspec.msgpack.Decoder(ReviewNote)
_state_decoder: Final = msgspec.msgpack.Decoder(
    tuple[
        list[_ProposalRecord],
        list[tuple[Control, int]],
        list[Switch],
        list[Override],
        RegistryState,
        list[Proposal],
        list[SwitchReview],
        list[SwitchReview],
    ]
)


def _decode(decoder: msgspec.msgpack.Decoder[T], record: LogRecord) -> T:
    try:
        return decoder.decode(record.payload)
    except msgspec.MsgspecError:
        raise Damaged(f"the control record at {record.first_seq} cannot be read") from None


def encode_content(content: Control | Switch | Override) -> bytes:
    """What a proposal is about, as bytes; the same content gives the same bytes."""
    return _encode(content)


def encode_proposal(proposal: Proposal, content: bytes) -> bytes:
    """Payload of a PROPOSAL record."""
    return _encode(_ProposalRecord(proposal, content))


def decode_switch(content: bytes) -> Switch:
    """The switch a proposal is about."""
    return _switch_decoder.decode(content)


def decode_override(content: bytes) -> Override:
    """The override a proposal is about."""
    return _override_decoder.decode(content)


# ---- checks ----------------------------------------------------------------------------------------------------------


def check_switch(switch: Switch, rule_ids: Mapping[str, object], models: Collection[str] = ()) -> None:
    """Nothing for a switch that makes sense; models: versions of those that may be paused.  Raises DefinitionError."""
    check_reason(switch.reason)
    if switch.what is SwitchKind.PAUSE_MODEL:
        if switch.target not in models:
            raise DefinitionError("what can be paused are live models, by their version")
    elif switch.what is SwitchKind.RULES_ONLY:
        if switch.target != EVERY_MODEL:
            raise DefinitionError(f"rules_only is about every model: its target is {EVERY_MODEL}")
    elif switch.what is SwitchKind.STOP:
        kinds = [kind.name.lower() for kind in Kind if kind not in (Kind.LABEL, Kind.CONFIRMATION, Kind.REVERSAL)]
        if switch.target not in kinds:
            raise DefinitionError(f"what can be stopped are {', '.join(kinds)}")
    elif switch.target not in rule_ids and not (switch.what is SwitchKind.SUPPRESS and switch.target == EVERY_RULE):
        raise DefinitionError(f"the ruleset in force has no rule {switch.target[:64]!r}")
    if switch.what is SwitchKind.ROLLOUT:
        if not 0 <= switch.value <= WHOLE:
            raise DefinitionError(f"a part of the customers is 0 to {WHOLE} hundredths of a percent")
    elif switch.value not in (0, 1):
        raise DefinitionError("a switch is 0 or 1")
    if switch.what is SwitchKind.SUPPRESS:
        if switch.customer == 0:
            raise DefinitionError("a suppression is for one customer")
        if switch.value and switch.until_ms <= switch.at_ms:
            raise DefinitionError("a suppression needs an end in the future")
    elif switch.customer or switch.until_ms:
        raise DefinitionError(f"{switch.what.value} is for all customers and has no end")


def check_override(override: Override) -> None:
    """Nothing for an override that makes sense.  Raises DefinitionError."""
    check_reason(override.reason)
    if override.outcome.upper() not in Outcome.__members__:
        raise DefinitionError(f"an outcome is one of {', '.join(outcome.name.lower() for outcome in Outcome)}")
    if override.seq < 0:
        raise DefinitionError("a position in the journal is 0 or more")


def check_reason(reason: str) -> None:
    """Nothing for a reason that says something.  Raises DefinitionError."""
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        raise DefinitionError(f"a reason of 1 to {REASON_CHARACTERS_MAX} characters is needed")
