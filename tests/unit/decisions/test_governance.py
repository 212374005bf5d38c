"""What is in force follows from the journal alone; switches take effect from a rule exactly as far as they say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pytest

from tarim.base.errors import Conflict, DefinitionError, NotAllowed, NotFound, Unavailable
from tarim.base.four_eyes import Proposal, ProposalState
from tarim.decisions import (
    EVERY_RULE,
    WHOLE,
    Control,
    DecisionService,
    Governance,
    Governor,
    Override,
    RecordKind,
    Seen,
    Switch,
    SwitchKind,
)
from tarim.decisions.domain import salts_of
from tarim.decisions.governance import check_switch, encode_content, encode_proposal
from tarim.decisions.kernels.effect import settle
from tarim.decisions.records import encode_control
from tarim.decisions.service import ControlRecord
from tarim.rules import Rule
from tarim.stream import Channel, Col, Kind, Outcome, empty_rows
from tests.fakes.clock import FakeClock
from tests.fakes.decisions import FakeEngine, FakeJudge, FakeLog, events
from tests.naive import effect as naive

NOW_MS = 1_800_000_000_000


def rule(index: int, rule_id: str) -> Rule:
    return Rule(index, rule_id, "true", Outcome.BLOCK, 50, "telecom_fraud", "原因", "reason", tuple[Channel, ...](), ())


RULES = [rule(0, "a"), rule(1, "b"), rule(70, "c")]


def switch(what: SwitchKind, target: str, value: int = 1, **more: Any) -> Switch:
    return Switch(what, target, value, "because", "li.na", NOW_MS, **more)


def taken(*switches: Switch) -> Governance:
    governance = Governance()
    for at, each in enumerate(switches):
        governance.take(ControlRecord(at, 1, RecordKind.SWITCH, memoryview(encode_content(each))))
    return governance


def effective(governance: Governance, customers: list[int], received_ms: int = NOW_MS) -> list[set[str]]:
    """Rules with an effect, for events on which all rules hold."""
    rows = empty_rows(len(customers))
    rows[:, Col.CUSTOMER], rows[:, Col.RECEIVED_MS] = customers, received_ms
    hits, out = np.zeros((len(rows), 4), np.uint64), np.zeros((len(rows), 4), np.uint64)
    for each in RULES:
        hits[:, each.index // 64] |= np.uint64(1 << each.index % 64)
    found = governance.effects(RULES)
    settle(rows, hits, found.live, found.shares, salts_of(RULES), found.customers, found.until_ms, found.masks, out)
    return [{each.id for each in RULES if int(row[each.index // 64]) >> each.index % 64 & 1} for row in out]


def test_without_a_switch_every_rule_has_its_effect():
    assert Governance().effects(RULES).plain
    assert effective(Governance(), [1, -1, 0]) == [{"a", "b", "c"}] * 3


@pytest.mark.parametrize("what", [SwitchKind.PAUSE, SwitchKind.SHADOW])
def test_a_paused_or_shadow_rule_has_none_until_it_is_resumed(what: SwitchKind):
    assert effective(taken(switch(what, "c")), [5]) == [{"a", "b"}]
    assert effective(taken(switch(what, "c"), switch(what, "c", 0)), [5]) == [{"a", "b", "c"}]


def test_pause_and_shadow_do_not_lift_one_another():
    both = taken(switch(SwitchKind.PAUSE, "a"), switch(SwitchKind.SHADOW, "a"), switch(SwitchKind.PAUSE, "a", 0))
    assert effective(both, [5]) == [{"b", "c"}]


def test_a_roll_out_reaches_its_part_of_the_customers_and_only_grows():
    customers = np.random.default_rng(1).integers(-(2**63), 2**63, 20_000).tolist()
    before: set[int] = set()
    for share in (0, 500, 2_500, 9_000):
        found = effective(taken(switch(SwitchKind.ROLLOUT, "b", share)), customers)
        reached = {customer for customer, rules in zip(customers, found, strict=True) if "b" in rules}
        assert abs(len(reached) / len(customers) - share / WHOLE) < 0.01
        assert before <= reached, "who had the rule keeps it when more get it"
        assert all({"a", "c"} <= rules for rules in found)
        before = reached
    assert effective(taken(switch(SwitchKind.ROLLOUT, "b", 9_999)), [0]) == [{"a", "c"}], "nobody is in no part"


def test_two_rules_are_tried_on_different_customers():
    customers = list(range(1, 4_001))
    found = effective(taken(switch(SwitchKind.ROLLOUT, "a", 5_000), switch(SwitchKind.ROLLOUT, "b", 5_000)), customers)
    together = sum({"a", "b"} <= rules for rules in found)
    assert 800 < together < 1_200, "independent: a quarter"


def test_a_suppression_is_for_one_customer_and_ends():
    governance = taken(
        switch(SwitchKind.SUPPRESS, "a", customer=7, until_ms=NOW_MS + 10),
        switch(SwitchKind.SUPPRESS, "b", customer=7, until_ms=NOW_MS + 20),
        switch(SwitchKind.SUPPRESS, EVERY_RULE, customer=-9, until_ms=NOW_MS + 10),
    )
    assert effective(governance, [7, 8, -9]) == [{"c"}, {"a", "b", "c"}, set()]
    assert effective(governance, [7, -9], NOW_MS + 10) == [{"a", "c"}, {"a", "b", "c"}]


@pytest.mark.parametrize("seed", range(25))
def test_the_kernel_is_the_naive_twin(seed: int):
    rng = np.random.default_rng(seed)
    rules = [rule(int(index), f"rule_{index}") for index in rng.choice(256, 40, replace=False)]
    customers = rng.integers(-(2**63), 2**63, 8)
    customers[0] = 0
    switches, held_back, shares, suppressions = [], set[str](), dict[str, int](), list[tuple[int, str, int]]()
    for each in rules:
        match rng.integers(0, 5):
            case 0:
                switches.append(switch([SwitchKind.PAUSE, SwitchKind.SHADOW][int(rng.integers(2))], each.id))
                held_back.add(each.id)
            case 1:
                shares[each.id] = int(rng.integers(0, WHOLE))
                switches.append(switch(SwitchKind.ROLLOUT, each.id, shares[each.id]))
            case 2:
                target = EVERY_RULE if rng.random() < 0.1 else each.id
                whom, until_ms = int(rng.choice(customers[1:])), NOW_MS + int(rng.integers(1, 100))
                switches.append(switch(SwitchKind.SUPPRESS, target, customer=whom, until_ms=until_ms))
                suppressions = [known for known in suppressions if known[:2] != (whom, target)]
                suppressions.append((whom, target, until_ms))
    rows = empty_rows(200)
    rows[:, Col.CUSTOMER] = rng.choice(customers, 200)
    rows[:, Col.RECEIVED_MS] = NOW_MS + rng.integers(0, 120, 200)
    hits, out = rng.integers(0, 2**64, (200, 4), np.uint64), np.zeros((200, 4), np.uint64)
    found = taken(*switches).effects(rules)
    settle(rows, hits, found.live, found.shares, salts_of(rules), found.customers, found.until_ms, found.masks, out)
    for row, held, effect in zip(rows, hits, out, strict=True):
        for each in rules:
            holds = bool(int(held[each.index // 64]) >> each.index % 64 & 1)
            wanted = holds and naive.has_effect(
                each.id, int(row[Col.CUSTOMER]), int(row[Col.RECEIVED_MS]), held_back, shares, suppressions
            )
            assert bool(int(effect[each.index // 64]) >> each.index % 64 & 1) == wanted


def test_the_state_survives_a_snapshot():
    governance = taken(switch(SwitchKind.PAUSE, "a"), switch(SwitchKind.SUPPRESS, "b", customer=3, until_ms=NOW_MS + 1))
    proposal = Proposal("p", "switch", "d" * 64, "li.na", NOW_MS, "because")
    records = [
        (RecordKind.RULESET, encode_control(Control("v1", "bank", "00", NOW_MS, "li.na", "wang.wei", "because"))),
        (RecordKind.OVERRIDE, encode_content(Override(12, "pass", "known customer", "li.na", NOW_MS, "wang.wei"))),
        (RecordKind.PROPOSAL, encode_proposal(proposal, b"content")),
        (RecordKind.PROPOSAL, encode_proposal(proposal.reject("wang.wei", NOW_MS, "why not"), b"content")),
        (RecordKind.PROPOSAL, encode_proposal(proposal, b"content")),
    ]
    for at, (kind, payload) in enumerate(records, 2):
        governance.take(ControlRecord(at, 1, kind, memoryview(payload)))
    assert Governance.decoded(governance.encoded()) == governance


@pytest.mark.parametrize(
    "wrong",
    [
        switch(SwitchKind.PAUSE, "unknown"),
        switch(SwitchKind.PAUSE, EVERY_RULE),
        switch(SwitchKind.PAUSE, "a", 2),
        switch(SwitchKind.PAUSE, "a", customer=3),
        switch(SwitchKind.ROLLOUT, "a", WHOLE + 1),
        switch(SwitchKind.SUPPRESS, "a", until_ms=NOW_MS + 1),
        switch(SwitchKind.SUPPRESS, "a", customer=3, until_ms=NOW_MS),
        switch(SwitchKind.STOP, "label"),
        switch(SwitchKind.STOP, "a"),
        msgspec.structs.replace(switch(SwitchKind.PAUSE, "a"), reason=" "),
    ],
)
def test_a_switch_that_makes_no_sense_is_refused(wrong: Switch):
    with pytest.raises(DefinitionError):
        check_switch(wrong, {each.id: each for each in RULES})


# ---- four eyes ---------------------------------------------------------------------------------------------------------


@dataclass
class Ruled(FakeJudge):
    """A judge with rules."""

    rules: Any = field(default_factory=lambda: tuple(RULES))


def governor() -> tuple[Governor, DecisionService, FakeLog]:
    log = FakeLog()
    service = DecisionService(log, FakeEngine(), Ruled(), Seen(1000))

    async def compile_aside(control: Control, models: Sequence[str]) -> Ruled:
        return Ruled(ruleset_version=control.version)

    return Governor(service, FakeClock(NOW_MS), lambda content: f"{len(content)}", compile_aside), service, log


def test_a_ruleset_counts_when_another_person_has_approved_it():
    govern, service, log = governor()
    proposal = govern.propose_ruleset("text", "bank", "rules-2", "li.na", "new pattern")
    assert service.versions.ruleset == "rules-1"
    with pytest.raises(NotAllowed):
        asyncio.run(govern.approve(proposal.id, "li.na", proposal.digest))
    with pytest.raises(Conflict):
        asyncio.run(govern.approve(proposal.id, "wang.wei", "0" * 64))
    assert service.versions.ruleset == "rules-1" and service.governance.ruleset is None
    approved = asyncio.run(govern.approve(proposal.id, "wang.wei", proposal.digest))
    assert approved.state is ProposalState.APPROVED and service.versions.ruleset == "rules-2"
    control = service.governance.ruleset
    assert control is not None and (control.author, control.approver) == ("li.na", "wang.wei")
    assert log.durable_seq == log.next_seq, "what was answered is durable"
    with pytest.raises(NotFound):
        asyncio.run(govern.approve(proposal.id, "zhao.min", proposal.digest))


@pytest.mark.parametrize(
    "wanted",
    [
        switch(SwitchKind.SHADOW, "a"),
        switch(SwitchKind.SHADOW, "a", 0),
        switch(SwitchKind.ROLLOUT, "a", 100),
        switch(SwitchKind.SUPPRESS, "a", customer=3, until_ms=NOW_MS + 1),
        switch(SwitchKind.STOP, "transfer", 0),
    ],
)
def test_what_needs_two_cannot_be_thrown_alone(wanted: Switch):
    govern, service, _ = governor()
    with pytest.raises(Conflict):
        govern.throw(wanted)
    proposal = govern.propose_switch(wanted)
    with pytest.raises(NotAllowed):
        asyncio.run(govern.approve(proposal.id, wanted.author, proposal.digest))
    assert not service.governance.switches
    asyncio.run(govern.approve(proposal.id, "wang.wei", proposal.digest))
    if wanted.value:
        (found,) = service.governance.switches.values()
        assert (found.author, found.approver) == ("li.na", "wang.wei")


def test_an_override_needs_two_and_leaves_the_record():
    govern, service, _ = governor()
    service.take(events({"id": "a"}))
    service.commit()
    with pytest.raises(NotFound):
        govern.propose_override(Override(99, "pass", "known customer", "li.na", NOW_MS))
    proposal = govern.propose_override(Override(0, "pass", "known customer", "li.na", NOW_MS))
    with pytest.raises(NotAllowed):
        asyncio.run(govern.approve(proposal.id, "li.na", proposal.digest))
    asyncio.run(govern.approve(proposal.id, "wang.wei", proposal.digest))
    assert service.governance.overrides[0].approver == "wang.wei"
    assert service.decided_at(0).event_id == "a"


def test_a_stopped_kind_is_refused_and_what_was_accepted_is_answered_again():
    govern, service, _ = governor()
    before = events({"id": "a"})
    kind = Kind(int(before.rows[0, Col.KIND])).name.lower()
    service.take(before)
    service.commit()
    govern.throw(switch(SwitchKind.STOP, kind))
    both = events({"id": "a"}, {"id": "b"})
    again = service.take(both)
    assert list(again.refused) == [1] and isinstance(again.refused[1], Unavailable)
    assert service.results(both, again)[0].repeated


def test_one_command_goes_back_to_the_ruleset_before():
    govern, service, _ = governor()
    with pytest.raises(Conflict):
        asyncio.run(govern.roll_back("li.na", "too many false alerts"))
    for version in ("rules-2", "rules-3"):
        proposal = govern.propose_ruleset(version, "bank", version, "li.na", "because")
        asyncio.run(govern.approve(proposal.id, "wang.wei", proposal.digest))
    asyncio.run(govern.roll_back("li.na", "too many false alerts"))
    assert service.versions.ruleset == "rules-2"
    asyncio.run(govern.roll_back("li.na", "it was not that"))
    assert service.versions.ruleset == "rules-3"


def test_rejected_and_withdrawn_proposals_are_gone():
    govern, service, _ = governor()
    first = govern.propose_switch(switch(SwitchKind.SHADOW, "a"))
    second = govern.propose_switch(switch(SwitchKind.SHADOW, "b"))
    with pytest.raises(NotAllowed):
        govern.reject(first.id, "li.na", "no")
    govern.reject(first.id, "wang.wei", "not tested")
    with pytest.raises(NotAllowed):
        govern.withdraw(second.id, "wang.wei")
    govern.withdraw(second.id, "li.na")
    assert not service.governance.proposals
    told = [(each.id, each.state.value, each.note) for each in service.governance.decided]
    assert told == [(first.id, "rejected", "not tested"), (second.id, "withdrawn", "")], (
        "their authors can still see why"
    )
