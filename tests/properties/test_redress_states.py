"""Every kind of file, every state, every event: allowed or refused as its table says, and nothing half done."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarim.base.errors import TarimError
from tarim.redress import KINDS, Kind
from tarim.redress.domain.complaint import COMPLAINT
from tarim.redress.domain.files import DECIDING, Approve, Event, File, Hand, IllegalStep, tag_of
from tarim.redress.domain.steps import step
from tests.fakes.redress_events import AT, OPENED, example, fresh


def tried(kind: Kind, file: File, event: Event) -> tuple[File | None, str]:
    """The file after an event, or why it was refused."""
    try:
        return step(kind, file, event, Hand("wang.wei", AT + 1)), ""
    except TarimError as error:
        return None, error.detail


@pytest.mark.parametrize("name", OPENED)
def test_a_pair_outside_the_table_is_refused_and_one_inside_leads_where_it_says(name: str) -> None:
    kind = KINDS[name]
    states = {state for state, _ in kind.table} | set(kind.table.values())
    assert fresh(kind).state == kind.first in states and kind.ends <= states
    for state in states:
        for tag in kind.events:
            file = msgspec.structs.replace(fresh(kind), state=state)
            event = example(kind, tag)
            if (state, tag) not in kind.table:
                with pytest.raises(IllegalStep):
                    step(kind, file, event, Hand("wang.wei", AT + 1))
                continue
            after, refusal = tried(kind, file, event)
            assert "is not possible" not in refusal
            if after is None:
                continue  # for what the event says, or for what the file has not yet
            assert not isinstance(event, DECIDING), "there is nothing to decide on"
            if event.second:
                assert after.state == state and after.waits_for_second
            else:
                assert after.state == kind.table[state, tag]


@pytest.mark.parametrize("name", [kind.name for kind in KINDS.values() if kind.name != "half-year"])
def test_every_state_can_be_reached(name: str) -> None:
    kind = KINDS[name]
    seen = {kind.first}
    for _ in kind.table:
        seen |= {after for (before, _), after in kind.table.items() if before in seen}
    assert seen >= set(kind.table.values()) >= kind.ends


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_walks_never_lose_a_file_and_two_persons_stay_two(data: st.DataObject) -> None:
    """Any events by any of three persons: each is refused without a trace, or is where the table says."""
    kind = KINDS[data.draw(st.sampled_from(sorted(OPENED)))]
    file = fresh(kind)
    for n in range(data.draw(st.integers(1, 20))):
        person = data.draw(st.sampled_from(["li.na", "wang.wei", "zhao.min"]))
        tag = data.draw(st.sampled_from(sorted(kind.events)))
        event = example(kind, tag)
        if isinstance(event, Approve) and file.proposal is not None:
            event = Approve(file.proposal.digest)
        before = msgspec.json.encode(file)
        try:
            after = step(kind, file, event, Hand(person, AT + n))
        except TarimError:
            assert msgspec.json.encode(file) == before
            continue
        if isinstance(event, Approve):
            assert file.proposal is not None and file.proposal.author != person
            assert after.state == kind.table[file.state, file.proposal.what]
        elif file.waits_for_second:
            assert tag in ("note", "reject", "withdraw") and after.state == file.state
        assert msgspec.convert(msgspec.to_builtins(after), kind.file) == after
        file = after


def test_every_event_is_told_by_its_tag_once() -> None:
    for kind in KINDS.values():
        assert all(tag_of(event) == tag for tag, event in kind.events.items())
        assert {tag for _, tag in kind.table} <= set(kind.events)
    assert tag_of(COMPLAINT.opening) == "take"
