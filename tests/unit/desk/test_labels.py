"""Verdicts reach the decisions service exactly once, however often anything dies between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarim.base.errors import NotFound, TarimError, Unavailable
from tarim.desk import Desk, LabelSender, label_draft, label_of, labels_in, retried_draft, waiting_labels
from tarim.desk.label_service import NotTaken, message_of
from tests.fakes.desk import DecisionsWritten, open_desk
from tests.fakes.diary import Diary


class FakeService:
    """Takes labels as the real one: a known id gets the first answer.  `trouble` is raised instead."""

    def __init__(self, written: DecisionsWritten) -> None:
        self.written = written
        self.taken: list[str] = []
        self.asked = 0
        self.trouble: TarimError | None = None
        self.deaf = False

    def tell(self, label: object) -> None:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        message = message_of(label)  # type: ignore[arg-type]
        if message["event_id"] not in self.taken:
            self.taken.append(message["event_id"])
            self.written.label(int(label.event_seq), fraud=label.fraud, event_id=message["event_id"])  # type: ignore[attr-defined]
        if self.deaf:
            raise Unavailable("the answer was lost")


@pytest.fixture
def written(tmp_path: Path) -> Iterator[DecisionsWritten]:
    with DecisionsWritten(tmp_path / "journal") as journal:
        yield journal


@pytest.fixture
def desk(tmp_path: Path, written: DecisionsWritten) -> Iterator[Desk]:
    written.group([{"outcome": 3, "rules": [0]}] * 3)
    with open_desk(tmp_path, f"sqlite:///{tmp_path / 'records.db'}", [Diary()]) as opened:
        yield opened


def settled(desk: Desk, seq: int, state: str) -> object:
    """The label of an act once it is in this state."""
    for _ in range(2_000):
        label = desk.read(lambda connection: label_of(connection, seq)).result()
        if label.state == state:
            return label
        desk.read(lambda _connection: None).result()
        time.sleep(0.005)
    raise AssertionError(f"still {label.state}")


def verdict(seq: int, *, fraud: bool) -> object:
    return lambda _connection: [label_draft(seq, "bank", f"e{seq}", fraud=fraud)]


def test_a_lost_answer_sends_the_same_label_again_and_it_counts_once(desk: Desk, written: DecisionsWritten) -> None:
    service = FakeService(written)
    sender = LabelSender(desk, service, 1)
    (act,) = desk.perform("li.na", verdict(1, fraud=True))  # type: ignore[arg-type]
    service.deaf = True
    with pytest.raises(Unavailable):
        sender.send()
    service.deaf = False
    settled(desk, act.seq, "accepted")
    assert sender.send() == 0 and service.taken == [f"tarim-verdict-{act.seq}"]


def test_a_desk_that_forgot_whom_it_told_tells_again_and_the_id_is_the_same(
    desk: Desk, written: DecisionsWritten
) -> None:
    service = FakeService(written)
    desk.perform("li.na", verdict(1, fraud=False))  # type: ignore[arg-type]
    held = desk.read(lambda connection: waiting_labels(connection, 9)).result()
    assert LabelSender(desk, service, 1).send() == 1
    for label in held:
        service.tell(label)  # what a second desk would send
    assert len(service.taken) == 1
    facts = settled(desk, held[0].act_seq, "accepted")
    assert facts.accepted_seq == 3 and not facts.fraud  # type: ignore[attr-defined]


def test_a_label_that_will_never_be_taken_is_refused_until_a_person_tries_again(
    desk: Desk, written: DecisionsWritten
) -> None:
    service = FakeService(written)
    sender = LabelSender(desk, service, 1)
    (act,) = desk.perform("li.na", verdict(2, fraud=True))  # type: ignore[arg-type]
    service.trouble = NotTaken("422: refers_to names no event that was accepted before")
    assert sender.send() == 0
    label = settled(desk, act.seq, "refused")
    assert "names no event" in label.trouble  # type: ignore[attr-defined]
    assert sender.send() == 0 and service.asked == 1, "it waits for a person"
    assert [each.act_seq for each in desk.read(lambda connection: labels_in(connection, "refused", 9)).result()] == [
        act.seq
    ]
    service.trouble = None
    desk.perform("wang.wei", lambda _connection: [retried_draft(label)])  # type: ignore[arg-type]
    assert sender.send() == 1
    assert settled(desk, act.seq, "accepted").trouble == ""  # type: ignore[attr-defined]
    with pytest.raises(NotFound):
        desk.read(lambda connection: label_of(connection, 99)).result()


def test_the_thread_goes_on_when_the_service_is_back(desk: Desk, written: DecisionsWritten) -> None:
    service = FakeService(written)
    service.trouble = Unavailable("the decisions service does not answer")
    sender = LabelSender(desk, service, 0.01)
    sender.start()
    acts = [desk.perform("li.na", verdict(seq, fraud=True))[0] for seq in range(3)]  # type: ignore[arg-type]
    for _ in range(2_000):
        if sender.trouble:
            break
        time.sleep(0.005)
    assert "does not answer" in sender.trouble
    service.trouble = None
    for act in acts:
        settled(desk, act.seq, "accepted")
    sender.close()
    assert service.taken == [f"tarim-verdict-{act.seq}" for act in acts]
