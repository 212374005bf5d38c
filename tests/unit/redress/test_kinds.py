"""What every kind of file has from the same place: its table of states, and no instant that is told lies in the future."""

from __future__ import annotations

from typing import Any

import pytest

from tarim.base.errors import DefinitionError
from tarim.redress.domain import dispute, erasure, request
from tarim.redress.domain.catalogue import KINDS
from tarim.redress.domain.complaint_events import Category, Channel, ComplaintKind, Take
from tarim.redress.domain.files import DECIDING, Hand, Home, tag_of
from tarim.redress.domain.loss_events import Open as OpenLoss

NOW_MS = 1_780_000_000_000
HOME = Home(7, "head-office", "fraud-desk", "li.na")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_notes_are_taken_in_every_state_and_documents_and_decisions_until_the_end(kind: Any) -> None:
    for state in kind.states:
        assert kind.table[state.value, "note"] == state.value
        for tag in ("add_document", *(tag_of(each) for each in DECIDING)):
            assert kind.table.get((state.value, tag)) == (None if state in kind.ends else state.value)
    for (state, tag), after in kind.rows.items():
        assert kind.table[state.value, tag] == after.value


OPENINGS: dict[str, Any] = {
    "complaint": lambda at_ms: Take(
        ComplaintKind.COMPLAINT, Channel.HOTLINE, Category.BLOCKED_PAYMENT, "my transfer", "", at_ms
    ),
    "dispute": lambda at_ms: dispute.Open(dispute.Forum.LAWSUIT, "a court", "2026-7", "-", 100, "he sues", at_ms),
    "erasure": lambda at_ms: erasure.Open(erasure.ErasureBasis.PERIOD_OVER, "it is over", at_ms),
    "loss": lambda at_ms: OpenLoss(100, "deceived", at_ms),
    "request": lambda at_ms: request.Register(request.Authority.POLICE, "an office", "7", "art. 1", "he", "all", at_ms),
}


@pytest.mark.parametrize("name", OPENINGS)
def test_what_is_said_to_have_happened_later_than_now_is_refused_in_both_languages(name: str) -> None:
    hand, opens = Hand("li.na", NOW_MS), KINDS[name].opens
    assert opens("X-1", OPENINGS[name](NOW_MS), HOME, hand).opened_ms == NOW_MS
    with pytest.raises(DefinitionError, match=r"later than now\. .*时间不能晚于现在。"):
        opens("X-1", OPENINGS[name](NOW_MS + 1), HOME, hand)
