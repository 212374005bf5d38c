"""Laws of cases: every pair of state and event is allowed or refused as the table says, whatever happened before."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarim.cases import (
    TRANSITIONS,
    CaseEvent,
    CaseState,
    IllegalTransition,
    SamePerson,
    advance,
    possible,
    require_second,
)

SECOND_PERSON = {
    CaseEvent.RETURN,
    CaseEvent.APPROVE_CLOSE,
    CaseEvent.APPROVE_REPORT,
    CaseEvent.APPROVE_REOPEN,
    CaseEvent.REFUSE_REOPEN,
}
OPEN = set(CaseState) - {CaseState.CLOSED, CaseState.REOPEN_ASKED}

# Written apart from the code: from each state, where each event leads; what is not here is refused.
MOVES = """
new          assign:assigned escalate:escalated
assigned     assign:assigned unassign:new start:working escalate:escalated
working      assign:assigned unassign:new submit:submitted escalate:escalated
submitted    withdraw:working return:returned approve_close:closed approve_report:reported alert:returned
returned     assign:assigned unassign:new start:working submit:submitted escalate:escalated
closed       ask_reopen:reopen_asked
reopen_asked approve_reopen:reopened refuse_reopen:closed
reopened     assign:assigned escalate:escalated
reported     assign:reported submit:submitted
escalated    assign:escalated submit:submitted
"""
STAYS = """
alert            new assigned working returned reopened escalated
lock             assigned working returned escalated reported
evidence         working returned escalated reported
restrict         working returned escalated reported
review           working returned escalated
ask_release      working returned escalated
refuse_payment   working returned escalated
approve_release  working returned escalated submitted
drop_release     working returned escalated submitted
"""
ALWAYS = "unlock note tag diary link reveal order_failed decide_restriction"


def _expected() -> dict[tuple[CaseState, CaseEvent], CaseState]:
    found = {}
    for line in MOVES.split("\n"):
        for move in line.split()[1:]:
            event, _, after = move.partition(":")
            found[CaseState(line.split()[0]), CaseEvent(event)] = CaseState(after)
    for line in STAYS.split("\n"):
        for state in line.split()[1:]:
            found[CaseState(state), CaseEvent(line.split()[0])] = CaseState(state)
    found |= {(state, CaseEvent(event)): state for state in CaseState for event in ALWAYS.split()}
    return found


def test_every_pair_is_allowed_or_refused_as_written() -> None:
    expected = _expected()
    assert dict(TRANSITIONS) == expected
    for state, event in product(CaseState, CaseEvent):
        if (state, event) in expected:
            assert advance(state, event) is expected[state, event] and event in possible(state)
        else:
            with pytest.raises(IllegalTransition, match="not possible"):
                advance(state, event)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(CaseEvent), max_size=60))
def test_no_way_leads_to_an_end_but_through_a_second_person(events: list[CaseEvent]) -> None:
    state = CaseState.NEW
    for event in events:
        before = state
        try:
            state = advance(state, event)
        except IllegalTransition:
            assert (before, event) not in TRANSITIONS
            continue
        if state in (CaseState.CLOSED, CaseState.REPORTED, CaseState.REOPENED) and state is not before:
            assert event in SECOND_PERSON
            assert before in (CaseState.SUBMITTED, CaseState.REOPEN_ASKED)


def test_every_state_is_reached_and_every_open_one_can_end() -> None:
    reached, edge = {CaseState.NEW}, {CaseState.NEW}
    while edge:
        edge = {after for (before, _), after in TRANSITIONS.items() if before in edge} - reached
        reached |= edge
    assert reached == set(CaseState)
    ending = {CaseState.CLOSED}
    while more := {before for (before, _), after in TRANSITIONS.items() if after in ending} - ending:
        ending |= more
    assert ending == set(CaseState)


NAMES = st.sampled_from(["ann", "bob", "cem", "dan", "eva", "fei"])


@settings(max_examples=200, deadline=None)
@given(NAMES, st.sets(NAMES), st.lists(st.sets(NAMES, min_size=2, max_size=3), max_size=2))
def test_the_second_person_is_nobody_who_had_a_hand_under_any_name(
    person: str, hands: set[str], humans: list[set[str]]
) -> None:
    def same(name: str) -> set[str]:
        return {name}.union(*(human for human in humans if name in human))

    mine, theirs = same(person), set().union(*(same(name) for name in hands)) if hands else set()
    if mine & theirs:
        with pytest.raises(SamePerson):
            require_second(person, hands, same, "closing")
    else:
        require_second(person, hands, same, "closing")
