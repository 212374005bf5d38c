"""The decision service: retries, conflicts, labels, and what happens when the disk or the engine fails."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

from tarim.base.errors import Conflict, FieldError, NotFound, Unavailable
from tarim.decisions.decided import Decided
from tarim.decisions.domain import Grounds
from tarim.decisions.groups import GroupCommit, GroupLimits
from tarim.decisions.records import Control, RecordKind, decode_control, decode_events
from tarim.decisions.seen import Seen
from tarim.decisions.service import DecisionService
from tarim.stream import Col, Kind
from tests.fakes.decisions import FakeBatch, FakeEngine, FakeJudge, FakeLog, FakeReader, FakeWatcher, events, key_of


class House:
    """A service with fakes at its ports."""

    watcher: FakeWatcher
    reader: FakeReader

    def __init__(self, *, lenient: bool = False) -> None:
        self.log, self.engine, self.seen = FakeLog(), FakeEngine(), Seen(1_000)
        self.service = DecisionService(self.log, self.engine, FakeJudge(), self.seen, lenient=lenient)

    def ask(self, batch: FakeBatch) -> list[Decided | Exception]:
        return self.service.results(batch, self.service.take(batch))


def test_an_event_is_decided_and_journalled_as_one_record() -> None:
    """The record holds rows, decisions and the side table, and the answer is what lies in it."""
    house = House()
    one, two = house.ask(events({"id": "a", "amount_fen": 2_000_000}, {"id": "b"}))
    assert isinstance(one, Decided) and isinstance(two, Decided)
    assert (one.seq, two.seq, one.event_id, int(one.decision[0])) == (0, 1, "a", 1)
    (record,) = house.log.records
    assert (record.kind, record.count) == (RecordKind.EVENTS, 2)
    decoded = decode_events(record)
    assert decoded.side.event_ids == ["a", "b"]
    assert decoded.side.source(1) == "test"
    assert decoded.rows[:, Col.OUTCOME].tolist() == [1, 0]
    assert decoded.side.versions == house.service.versions


def test_a_retry_gets_the_first_answer() -> None:
    """Same id, same content: the journalled decision, although the features would differ by now; nothing is appended."""
    house = House()
    first = house.ask(events({"id": "a", "amount_fen": 5}))[0]
    for number in range(5):
        house.ask(events({"id": f"more-{number}"}))
    again = house.ask(events({"id": "a", "amount_fen": 5}))[0]
    assert isinstance(first, Decided) and isinstance(again, Decided)
    assert not first.repeated and again.repeated
    assert np.array_equal(first.row, again.row) and np.array_equal(first.decision, again.decision)
    assert house.log.next_seq == 6


def test_a_retry_inside_one_group_gets_the_first_answer() -> None:
    """Two copies that arrive together are decided once."""
    house = House()
    a, b, again = house.ask(events({"id": "a"}, {"id": "b"}, {"id": "a"}))
    assert isinstance(a, Decided) and isinstance(again, Decided)
    assert (a.seq, again.seq, again.repeated, again.event_id) == (0, 0, True, "a")
    assert house.log.next_seq == 2
    assert isinstance(b, Decided)


def test_other_content_under_the_same_id_is_a_conflict() -> None:
    """Only that event is refused; the engine has not seen it."""
    house = House()
    house.ask(events({"id": "a", "amount_fen": 1}))
    conflict, other = house.ask(events({"id": "a", "amount_fen": 2}, {"id": "b"}))
    assert isinstance(conflict, Conflict)
    assert isinstance(other, Decided) and other.seq == 1
    assert house.engine.offset == 2


def test_a_label_takes_over_whom_it_is_about() -> None:
    """Tokens, amount, time and position of the event referred to go into the label's row, from journal or same batch."""
    house = House()
    house.ask(events({"id": "a", "account": 77, "amount_fen": 5, "at": 1234}))
    label, _, fresh = house.ask(
        events(
            {"id": "l", "kind": Kind.LABEL, "refers_to": "a", "account": 0},
            {"id": "b", "account": 88, "at": 4321},
            {"id": "m", "kind": Kind.LABEL, "refers_to": "b", "account": 0},
        )
    )
    assert isinstance(label, Decided) and isinstance(fresh, Decided)
    words = [Col.ACCOUNT, Col.AMOUNT_FEN, Col.REFERS_MS, Col.REFERS_SEQ]
    assert label.row[words].tolist() == [77, 5, 1234, 0]
    assert fresh.row[words].tolist() == [88, 100, 4321, 2]


def test_a_batch_may_refer_to_one_that_is_not_durable_yet() -> None:
    """A replay judges the next chunk while the last one is committed: labels and retries in it wait for that."""
    house = House()
    house.service.take(events({"id": "a", "account": 77}))
    house.service.take(events({"id": "b", "account": 88}))
    label, again = house.ask(
        events({"id": "l", "kind": Kind.LABEL, "refers_to": "b", "account": 0}, {"id": "a", "account": 77})
    )
    assert isinstance(label, Decided) and isinstance(again, Decided)
    assert (int(label.row[Col.ACCOUNT]), again.seq, again.repeated) == (88, 0, True)
    assert house.log.durable_seq == 2


def test_a_label_about_nothing_is_refused_alone() -> None:
    """Its neighbours are decided; a lenient service takes it as it is."""
    batch = events({"id": "a"}, {"id": "l", "kind": Kind.LABEL, "refers_to": "nothing"}, {"id": "b"}, {"id": "a"})
    house = House()
    a, label, b, again = house.ask(batch)
    assert isinstance(label, FieldError) and label.field == "refers_to"
    assert [each.seq for each in (a, b, again) if isinstance(each, Decided)] == [0, 1, 0]
    assert house.log.next_seq == 2
    taken = House(lenient=True).ask(events({"id": "l", "kind": Kind.LABEL, "refers_to": "nothing"}))[0]
    assert isinstance(taken, Decided) and taken.row[Col.REFERS_SEQ] == -1


def test_what_a_standing_out_score_was_judged_on_is_kept() -> None:
    """In the journal and in the answer, the same for a retry; not for the others, and no more than fits."""
    house = House()
    batch = events({"id": "small"}, {"id": "large", "amount_fen": 2_000_000})
    taken = house.service.take(batch)
    small, large = house.service.results(batch, taken)
    assert isinstance(small, Decided) and isinstance(large, Decided)
    assert small.features is None and large.features is not None and large.features.tolist() == [2, 2_000_000]
    house.service.commit()
    for decided in (house.service.decided_at(large.seq), house.ask(batch)[1]):
        assert isinstance(decided, Decided) and decided.features is not None
        assert decided.features.tolist() == [2, 2_000_000]
    assert house.service.decided_at(small.seq).features is None
    assert Grounds.keep(taken.decisions, taken.features, bytes_max=19) is None


def test_a_full_disk_changes_nothing() -> None:
    """The group is refused, and accepted as new once there is room."""
    house = House()
    house.log.full = True
    with pytest.raises(Unavailable):
        house.ask(events({"id": "a"}))
    assert (house.engine.offset, house.log.next_seq, house.service.broken) == (0, 0, "")
    house.log.full = False
    after = house.ask(events({"id": "a"}))[0]
    assert isinstance(after, Decided) and not after.repeated


def test_after_an_engine_failure_everything_is_refused() -> None:
    """The engine may be ahead of the journal, so nothing is answered any more, not even a retry."""
    house = House()
    house.ask(events({"id": "a"}))
    house.engine.failing = True
    with pytest.raises(RuntimeError):
        house.ask(events({"id": "b"}))
    house.engine.failing = False
    with pytest.raises(Unavailable):
        house.ask(events({"id": "a"}))


def test_a_decision_is_found_by_its_key() -> None:
    """And a key never seen is not."""
    house = House()
    house.ask(events({"id": "a"}, {"id": "b"}))
    house.log.commit()
    assert house.service.decided(key_of("test/b")).event_id == "b"
    with pytest.raises(NotFound):
        house.service.decided(key_of("test/c"))


def test_an_engine_that_stands_elsewhere_is_refused() -> None:
    """A service never starts on a gap."""
    with pytest.raises(Unavailable):
        DecisionService(FakeLog(), FakeEngine(offset=5), FakeJudge(), Seen(10))


def test_a_control_record_takes_a_position_of_its_own() -> None:
    """Journal and engine stay in step over it."""
    house = House()
    house.ask(events({"id": "a"}))
    house.service.record(RecordKind.RULESET, Control("rules-2", "mine", "00", 1))
    after = house.ask(events({"id": "b"}))[0]
    assert isinstance(after, Decided) and after.seq == 2
    assert decode_control(house.log.records[1]) == Control("rules-2", "mine", "00", 1)


def test_what_a_refused_copy_brought_sealed_is_kept_with_the_customer() -> None:
    """Intake seals an identifier once in a group; when that event is left out, its neighbour still needs it."""
    house = House()
    house.ask(events({"id": "a", "amount_fen": 1}))
    batch = events({"id": "a", "amount_fen": 2}, {"id": "b"})
    batch.sealed[0] = b"cipher"
    house.ask(batch)
    assert decode_events(house.log.records[1]).side.orphans == [(9, b"cipher")]


# Group commit ---------------------------------------------------------------------------------------------------------


def _body(number: int) -> bytes:
    return json.dumps({"id": f"e{number}"}).encode()


def _grouped(house: House, waiting_requests_max: int = 1_000) -> GroupCommit:
    limits = GroupLimits(8, 1 << 20, waiting_requests_max, 1 << 20)
    house.watcher, house.reader = FakeWatcher(), FakeReader()
    return GroupCommit(house.service, house.reader, house.log, asyncio.get_running_loop(), limits, house.watcher)


def test_answers_come_after_the_commit() -> None:
    """Whatever is answered is durable at that moment; requests that arrive together share commits."""

    async def scenario() -> None:
        house = House()
        group = _grouped(house)

        async def one(number: int) -> None:
            (result,) = await group.ask(_body(number))
            assert isinstance(result, Decided)
            assert result.event_id == f"e{number}"
            assert result.seq < house.log.durable_seq

        await asyncio.gather(*(one(number) for number in range(100)))
        assert house.log.next_seq == 100
        await group.close()
        assert len(house.watcher.groups) < 60
        assert len(house.reader.accepted_ids) == 100

    asyncio.run(scenario())


def test_each_request_of_a_group_gets_its_own_results() -> None:
    """Good ones, a malformed one and a batch, mixed in one group."""

    async def scenario() -> None:
        house = House()
        group = _grouped(house)
        asked = [
            group.ask(_body(1)),
            group.ask(b'{"bad": 1, "id": "x"}'),
            group.ask(b'[{"id": "m1"}, {"id": "e1"}, {"id": "m2"}]', many=True),
            group.ask(b'[{"id": "m3"}, {"bad": 1, "id": "m4"}]', many=True),
            group.ask(_body(2)),
        ]
        one, bad, many, none, two = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(bad, FieldError) and isinstance(none, FieldError)
        assert [each.event_id for each in (*one, *many, *two)] == ["e1", "m1", "e1", "m2", "e2"]
        assert [each.repeated for each in many] == [False, True, False]
        assert house.log.next_seq == 4
        await group.close()

    asyncio.run(scenario())


def test_a_full_queue_refuses_at_once() -> None:
    """Load is shed instead of piling up."""

    async def scenario() -> None:
        house = House()
        group = _grouped(house, waiting_requests_max=3)
        asked = [asyncio.ensure_future(group.ask(_body(number))) for number in range(6)]
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert [isinstance(result, Unavailable) for result in results] == [False] * 3 + [True] * 3
        await group.close()
        with pytest.raises(Unavailable):
            await group.ask(_body(9))

    asyncio.run(scenario())


def test_a_failed_commit_answers_nobody_and_breaks_the_service() -> None:
    """An event whose record may not be on the disk is not answered."""

    async def scenario() -> None:
        house = House()
        group = _grouped(house)
        house.log.dead = True
        with pytest.raises(Unavailable):
            await group.ask(_body(1))
        house.log.dead = False
        with pytest.raises(Unavailable):
            await group.ask(_body(1))
        assert house.service.broken and house.watcher.failures
        await group.close()

    asyncio.run(scenario())


def test_closing_answers_what_is_queued() -> None:
    """A graceful stop loses nobody's answer."""

    async def scenario() -> None:
        house = House()
        group = _grouped(house)
        asked = [asyncio.ensure_future(group.ask(_body(number))) for number in range(20)]
        await asyncio.sleep(0)
        await group.close()
        assert len(await asyncio.gather(*asked)) == 20

    asyncio.run(scenario())
