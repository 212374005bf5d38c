"""Nobody releases alone what needs two, and nobody releases something else than what was shown."""

from __future__ import annotations

import pytest

from tarim.base.errors import Conflict, DefinitionError, NotAllowed
from tarim.base.four_eyes import NOTE_CHARACTERS_MAX, Proposal, ProposalState

DIGEST = "a" * 64


def proposed() -> Proposal:
    return Proposal("p1", "ruleset", DIGEST, "li.na", 1_000, "new pattern")


def test_another_person_approves_exactly_this_content():
    approved = proposed().approve("wang.wei", DIGEST, 2_000, "seen the backtest")
    assert (approved.state, approved.decider, approved.decided_ms) == (ProposalState.APPROVED, "wang.wei", 2_000)


def test_the_author_neither_approves_nor_rejects():
    with pytest.raises(NotAllowed) as refused:
        proposed().approve("li.na", DIGEST, 2_000)
    assert refused.value.http_status == 403
    with pytest.raises(NotAllowed):
        proposed().reject("li.na", 2_000, "changed my mind")


@pytest.mark.parametrize("person", ["", " li.na", "li.na ", "li.na\n", "x" * 65])
def test_a_name_that_only_looks_like_another_person_is_refused(person: str):
    with pytest.raises(DefinitionError):
        proposed().approve(person, DIGEST, 2_000)


def test_content_changed_since_is_not_approved():
    with pytest.raises(Conflict):
        proposed().approve("wang.wei", "b" * 64, 2_000)


def test_only_the_author_withdraws():
    assert proposed().withdraw("li.na", 2_000).state is ProposalState.WITHDRAWN
    with pytest.raises(NotAllowed):
        proposed().withdraw("wang.wei", 2_000)


@pytest.mark.parametrize("act", ["approve", "reject", "withdraw"])
def test_a_closed_proposal_stays_as_it_is(act: str):
    closed = proposed().reject("wang.wei", 2_000, "too broad")
    acts = {
        "approve": lambda: closed.approve("zhao.min", DIGEST, 3_000),
        "reject": lambda: closed.reject("zhao.min", 3_000, "no"),
        "withdraw": lambda: closed.withdraw("li.na", 3_000),
    }
    with pytest.raises(Conflict):
        acts[act]()


def test_a_rejection_says_why_and_notes_have_a_limit():
    with pytest.raises(DefinitionError):
        proposed().reject("wang.wei", 2_000, " ")
    with pytest.raises(DefinitionError):
        proposed().approve("wang.wei", DIGEST, 2_000, "x" * (NOTE_CHARACTERS_MAX + 1))
