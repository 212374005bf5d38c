"""Contact on a real desk: what is held becomes a challenge, messages arrive once, and tables made anew are equal.

The decisions' journal is written by hand, the wire is a list, raw values are a table.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tarim.base.errors import Conflict, NotAllowed, NotFound
from tarim.contact import (
    Answer,
    Cause,
    ChallengeState,
    Channel,
    Channels,
    Contact,
    ContactBook,
    Courier,
    Decisions,
    DeliveryState,
    Key,
    Outcome,
    RawPayment,
    Request,
    Sent,
    Shown,
)
from tarim.desk import Desk, Draft, labels_in
from tarim.records import Database, differences
from tarim.simulation import hmac_key
from tarim.simulation.channel import signing
from tarim.stream import Kind
from tarim.stream import Outcome as Decided
from tests.fakes.clock import FakeClock
from tests.fakes.desk import DecisionsWritten, contents, open_desk, open_shelf
from tests.fakes.records import database_url, postgresql  # noqa: F401  fixtures

SECRET = bytes(range(32))
CODE_KEY = bytes(32)
RAW = RawPayment("C7", "6222000000001111", "6222000000002222", ("张三",))
FACE = {"purpose": "identity verification with kept images"}


class Values:
    """Raw values, the same for every payment; gone once they are destroyed."""

    def __init__(self) -> None:
        self.destroyed = False

    def of_payment(self, seq: int, customer: int) -> RawPayment:
        if self.destroyed:
            raise NotFound("what was sealed with this payment was destroyed")
        return RAW

    def device(self, device_id: str) -> int:
        return int(device_id or 0)


class Wire:
    """Takes messages, or answers what it is told to, per URL."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.statuses: dict[str, int] = {}
        self.failed = 0
        self._lock = threading.Lock()

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Sent:
        status = next((status for part, status in self.statuses.items() if part in url), 200)
        with self._lock:
            self.failed += status != 200
            if status == 200:
                self.taken.append((url, json.loads(content)))
        return Sent(status, "" if status == 200 else f"HTTP {status}")

    def of(self, path: str) -> list[dict[str, Any]]:
        return [content for url, content in self.taken if url.endswith(path)]


class Stage:
    """Everything open, over one folder."""

    def __init__(self, folder: Path, url: str) -> None:
        self.clock = FakeClock()
        self.written = DecisionsWritten(folder / "journal")
        self.desk: Desk = open_desk(folder, url, [ContactBook()], self.clock)
        key = Key("bank.1", "hmac-sha256", secret=SECRET)
        channel = Channel("bank", "https://bank.example/t", ("password", "sms_code", "face"), key)
        channels = Channels(MappingProxyType({"bank": channel}), CODE_KEY)
        self.values, self.wire = Values(), Wire()
        self.contact = Contact(self.desk, channels, self.values)
        self.courier = Courier(
            self.desk, channels, self.values, self.wire, Decisions("https://tarim.example", lambda: "key")
        )

    def held(self, **told: Any) -> int:
        seq = self.written.decided(outcome=Decided.CHALLENGE, hold_s=600, **told)
        self.clock.at_ms = self.written.at_ms
        return seq

    def settle(self, until: Callable[[], object]) -> None:
        """Let the courier work until something is so."""
        deadline = time.monotonic() + 10
        while not until():
            assert time.monotonic() < deadline, (self.desk.state, self.wire.taken)
            if not self.courier.round():
                time.sleep(0.002)

    def challenge(self) -> dict[str, Any]:
        self.settle(lambda: self.wire.of("/challenges"))
        return self.wire.of("/challenges")[-1]

    def answer(self, message_id: str, challenge: str, **said: Any) -> Cause:
        answer = Answer(Outcome(said.pop("outcome", "passed")), **said)
        return self.contact.answer("bank", message_id, challenge, answer, said | {"outcome": answer.outcome.value})[1]

    def close(self) -> None:
        self.courier.close()
        self.desk.close()
        self.written.journal.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, f"sqlite:///{tmp_path / 'tables.db'}")
    yield made
    made.close()


def digest(challenge: dict[str, Any], **changed: Any) -> str:
    shown = {"account": RAW.account, "payee_account": RAW.payee_account, "payee_name": "张三", "amount_fen": 80_000_00}
    return Shown(**{"currency": "CNY", **shown, **changed}).digest(challenge["challenge"], challenge["nonce"])


def test_a_held_payment_is_asked_about_confirmed_and_told_of(stage: Stage) -> None:
    """Held, challenge and notice, confirmed with the digest of what was shown, event and label, released, result shown."""
    seq = stage.held()
    asked = stage.challenge()
    assert (asked["event_id"], asked["strength"], asked["attempts"]) == ("e0", 1, 3)
    assert {"method": "face", **FACE} in asked["methods"] and {"method": "password", "purpose": ""} in asked["methods"]
    stage.settle(lambda: stage.wire.of("/notices"))
    (notice,) = stage.wire.of("/notices")
    assert notice["notice"] == "held" and "****1111" in notice["text_zh"] and "80,000.00" in notice["text_en"]
    everything = json.dumps(stage.wire.taken, ensure_ascii=False)
    assert not any(each in everything for each in (RAW.account, RAW.payee_account, "张三", "C7"))

    cause = stage.answer("m1", asked["challenge"], method="face", digest=digest(asked), **FACE)
    assert cause is Cause.NONE
    assert stage.contact.challenge(asked["challenge"]).state is ChallengeState.PASSED
    stage.settle(lambda: stage.wire.of("/v1/decisions"))
    (event,) = stage.wire.of("/v1/decisions")
    assert (event["kind"], event["result"], event["refers_to"]) == ("confirmation", "succeeded", "e0")
    assert (event["customer"], event["verification"], event["source"]) == ("C7", ["face"], "bank")
    (label,) = stage.desk.read(lambda connection: labels_in(connection, "waiting", 9)).result()
    assert (label.event_seq, label.fraud) == (seq, False)

    stage.written.confirmed(seq)
    stage.settle(lambda: stage.wire.of("/holds") and len(stage.wire.of("/notices")) == 2)
    assert stage.wire.of("/holds")[0]["state"] == "released"
    assert stage.wire.of("/notices")[1]["notice"] == "released"


def test_a_wrong_digest_is_an_attempt_and_three_of_them_end_it(stage: Stage) -> None:
    """Each failed attempt goes to the decisions as an event of its own, in order, and they refuse the payment."""
    stage.held()
    asked = stage.challenge()
    for number in range(3):
        wrong = digest(asked, payee_account="6222000000009999")
        assert (
            stage.answer(f"wrong-{number}", asked["challenge"], method="password", digest=wrong) is Cause.OTHER_DIGEST
        )
    assert stage.contact.challenge(asked["challenge"]).state is ChallengeState.FAILED
    with pytest.raises(Conflict):
        stage.answer("late-answer", asked["challenge"], method="password", digest=digest(asked))
    stage.settle(lambda: len(stage.wire.of("/v1/decisions")) == 3)
    events = stage.wire.of("/v1/decisions")
    assert [each["result"] for each in events] == ["failed"] * 3
    assert [each["event_id"] for each in events] == sorted({each["event_id"] for each in events})


def test_a_denial_takes_the_payment_back_and_is_a_label(stage: Stage) -> None:
    seq = stage.held()
    asked = stage.challenge()
    stage.answer("denied", asked["challenge"], outcome="denied")
    stage.settle(lambda: stage.wire.of("/v1/decisions"))
    assert stage.wire.of("/v1/decisions")[0]["kind"] == "reversal"
    (label,) = stage.desk.read(lambda connection: labels_in(connection, "waiting", 9)).result()
    assert (label.event_seq, label.fraud) == (seq, True)


def test_the_same_message_twice_is_one_answer(stage: Stage) -> None:
    """A replay has no effect; the same id with other content is a conflict."""
    stage.held()
    asked = stage.challenge()
    first = stage.answer("message-1", asked["challenge"], outcome="failed", method="face")
    again = stage.answer("message-1", asked["challenge"], outcome="failed", method="face")
    assert first is again is Cause.CHANNEL
    assert stage.contact.challenge(asked["challenge"]).attempts_left == 2
    with pytest.raises(Conflict):
        stage.answer("message-1", asked["challenge"], outcome="failed", method="password")


def test_a_code_reaches_the_customer_and_is_in_no_table(stage: Stage) -> None:
    stage.held()
    asked = stage.challenge()
    after = stage.contact.send_code("bank", "code-please-1", asked["challenge"], 0, 0, {})
    stage.settle(lambda: stage.wire.of("/codes"))
    (sent,) = stage.wire.of("/codes")
    assert sent["code"] in sent["text_zh"] and "****1111" in sent["text_zh"] and after.codes == 1
    with stage.desk._shelf.database.reading() as connection:
        assert sent["code"] not in json.dumps(contents(connection, [ContactBook()]))
    wrong = f"{(int(sent['code']) + 1) % 10**6:06d}"
    said = {"method": "sms_code", "digest": digest(asked)}
    assert stage.answer("code-1-typed", asked["challenge"], code=wrong, **said) is Cause.WRONG_CODE
    assert stage.answer("code-2-typed", asked["challenge"], code=sent["code"], **said) is Cause.NONE


def test_another_channel_sees_no_challenge(stage: Stage) -> None:
    stage.held()
    asked = stage.challenge()
    with pytest.raises(NotFound):
        stage.contact.answer("other", "message-1", asked["challenge"], Answer(Outcome.DENIED), {})
    with pytest.raises(NotFound):
        stage.contact.challenge(asked["challenge"], "other")


def test_only_a_message_signed_just_now_is_received(stage: Stage) -> None:
    key = hmac_key("bank.1", SECRET)
    headers = signing.signed(key, "/x", b"{}", "0123456789abcdef", stage.clock.at_ms // 1_000)
    request = Request("POST", "/x", {name.lower(): value for name, value in headers.items()}, b"{}")
    assert stage.contact.received("bank", request) == "0123456789abcdef"
    stage.clock.at_ms += 61_000
    for source in ("bank", "other"):
        with pytest.raises(NotAllowed):
            stage.contact.received(source, request)


def test_a_channel_that_is_down_gets_everything_later_once_and_in_order(stage: Stage) -> None:
    """Asked less and less often while it is down, one message at a time; then everything comes, each once, in order."""
    seq = stage.held()
    asked = stage.challenge()
    stage.wire.taken.clear()
    stage.wire.statuses = {"bank.example": 503}
    stage.answer("message-1", asked["challenge"], method="password", digest=digest(asked))
    stage.written.confirmed(seq)
    stage.held(customer=8)
    stage.settle(lambda: stage.wire.of("/v1/decisions"))  # another receiver does not wait for it
    for _ in range(60):
        stage.courier.round()
        time.sleep(0.002)
    assert stage.wire.failed <= 8, "four that were under way when it went down, and a few one by one"
    assert [url for url, _ in stage.wire.taken] == ["https://tarim.example/v1/decisions"]
    stage.wire.statuses = {}
    stage.clock.at_ms += 60_000
    stage.settle(lambda: len(stage.wire.of("/holds") + stage.wire.of("/challenges") + stage.wire.of("/notices")) >= 4)
    ids = [content["id"] for url, content in stage.wire.taken if "bank.example" in url]
    assert len(ids) == len(set(ids))
    stage.settle(
        lambda: [each["notice"] for each in stage.wire.of("/notices") if each["event_id"] == "e0"][-1:] == ["released"]
    )


def test_what_is_refused_or_too_late_waits_for_a_person(stage: Stage) -> None:
    stage.wire.statuses = {"/notices": 422}
    stage.held()
    stage.settle(lambda: stage.contact.messages(DeliveryState.REFUSED, 9))
    (message,) = stage.contact.messages(DeliveryState.REFUSED, 9)
    assert message.trouble == "HTTP 422"
    stage.wire.statuses = {}
    assert stage.contact.retry("li.na", message.id).state is DeliveryState.QUEUED
    with pytest.raises(Conflict):
        stage.contact.retry("li.na", message.id)
    stage.settle(lambda: stage.wire.of("/notices"))
    stage.wire.statuses = {"/challenges": 0}
    stage.held()
    stage.settle(lambda: stage.desk.state.followed_seq == 2)
    stage.courier.round()
    stage.clock.at_ms += 600_000
    stage.settle(lambda: stage.contact.messages(DeliveryState.GIVEN_UP, 9))
    (late,) = stage.contact.messages(DeliveryState.GIVEN_UP, 9)
    with pytest.raises(Conflict):
        stage.contact.retry("li.na", late.id)


def test_a_destroyed_customer_is_told_nothing_more(stage: Stage) -> None:
    stage.values.destroyed = True
    stage.held()
    stage.settle(lambda: stage.contact.messages(DeliveryState.REFUSED, 9))
    assert "destroyed" in stage.contact.messages(DeliveryState.REFUSED, 9)[0].trouble


def test_a_hold_that_ends_otherwise_closes_its_challenge(stage: Stage) -> None:
    seq = stage.held()
    asked = stage.challenge()
    stage.written.refused(seq, "li.na")
    stage.settle(lambda: stage.contact.challenge(asked["challenge"]).state is ChallengeState.CLOSED)
    stage.settle(lambda: stage.wire.of("/holds"))
    assert (stage.wire.of("/holds")[0]["state"], stage.wire.of("/holds")[0]["cause"]) == (
        "refused",
        "refused_by_person",
    )


def test_a_delay_asks_its_customer_only_when_the_verification_was_too_weak(stage: Stage) -> None:
    """Then it is refused at its end unless the customer has shown the strength needed."""
    stage.written.decided(outcome=Decided.DELAY, hold_s=600)
    stage.written.decided(outcome=Decided.DELAY, hold_s=600, strength=2)
    stage.clock.at_ms = stage.written.at_ms
    stage.settle(lambda: len(stage.wire.of("/notices")) == 2)
    (asked,) = stage.wire.of("/challenges")
    assert (asked["event_id"], asked["strength"]) == ("e1", 2)


def test_blocked_and_warned_payments_are_told_of_and_logins_are_not(stage: Stage) -> None:
    stage.written.decided(outcome=Decided.BLOCK)
    stage.written.decided(outcome=Decided.NOTICE)
    stage.written.decided(outcome=Decided.NOTICE, kind=Kind.LOGIN)
    stage.clock.at_ms = stage.written.at_ms
    stage.settle(lambda: len(stage.wire.of("/notices")) == 2)
    assert {each["event_id"]: each["notice"] for each in stage.wire.of("/notices")} == {"e0": "refused", "e1": "risk"}


def test_a_restriction_of_two_persons_reaches_the_channel_with_its_legal_basis(stage: Stage) -> None:
    """RM-27: asked for and agreed to in a case; told to the channel, and to the customer where the law is theirs to know."""
    stage.held(customer=7)
    stage.challenge()
    body = {"case": "1", "customer": 7, "measure": "stop_online", "basis": "aml_law", "article": "第三十八条"}
    (act,) = stage.desk.perform("li.na", lambda _: [Draft("cases.restrict", "1", body)])
    agreed = {"restriction": act.seq, "agreed": True}
    stage.desk.perform("wang.wei", lambda _: [Draft("cases.decide_restriction", "1", agreed)])
    stage.settle(lambda: stage.wire.of("/restrictions") and len(stage.wire.of("/notices")) == 2)
    (told,) = stage.wire.of("/restrictions")
    assert (told["customer"], told["state"], told["basis"]) == ("C7", "restricted", "aml_law")
    assert "反洗钱法》第三十八条" in stage.wire.of("/notices")[1]["text_zh"]
    order = {**body, "basis": "court_or_police", "measure": "stop_all"}
    (act,) = stage.desk.perform("li.na", lambda _: [Draft("cases.restrict", "1", order)])
    agreed = {"restriction": act.seq, "agreed": True}
    stage.desk.perform("wang.wei", lambda _: [Draft("cases.decide_restriction", "1", agreed)])
    stage.desk.perform("wang.wei", lambda _: [Draft("cases.decide_lift", "1", agreed)])
    stage.settle(lambda: len(stage.wire.of("/restrictions")) == 3)
    assert [each["state"] for each in stage.wire.of("/restrictions")] == ["restricted", "restricted", "lifted"]
    assert len(stage.wire.of("/notices")) == 2


def test_tables_are_as_the_migrations_say_and_come_out_equal_made_anew(tmp_path: Path, database_url: str) -> None:  # noqa: F811
    stage = Stage(tmp_path, database_url)
    seq = stage.held()
    asked = stage.challenge()
    stage.contact.send_code("bank", "code-please-1", asked["challenge"], 0, 0, {})
    stage.answer("message-1", asked["challenge"], outcome="refused", method="face")
    stage.answer("message-2", asked["challenge"], method="password", digest=digest(asked))
    stage.written.confirmed(seq)
    stage.held(customer=8)
    stage.settle(lambda: len(stage.wire.of("/challenges")) == 2 and stage.wire.of("/holds"))
    stage.close()
    books = [ContactBook()]
    shelf = open_shelf(tmp_path, database_url, books)
    database: Database = shelf.database
    with database.reading() as connection:
        assert differences(connection, [book.migrations for book in books]) == []
        before = contents(connection, books)
    shelf.rebuild()
    with database.reading() as connection:
        assert contents(connection, books) == before
    assert len(before["contact_messages"]) >= 8 and before["contact_challenges"]
    shelf.texts.close()
    shelf.follower.close()
    shelf.journal.close()
    database.close()
