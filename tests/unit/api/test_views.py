"""One decision as it is shown: what is masked, rounded, left out, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tarim.api.rebuilds import told_score
from tarim.api.views_decisions import DecisionDesk, DecisionViewBody
from tarim.api.views_live import LiveDesk, LiveQuery
from tarim.api.views_search import SearchDesk
from tarim.base.errors import NotFound
from tarim.bootstrap.views_looking import DecisionLook
from tarim.identity import Caller, CallerKind, Scope
from tarim.privacy import FIELDS, MasterKey, Tokenizer, Vault
from tarim.stream import Kind, Outcome, reference_features
from tarim.views import Entities, Follower, Known, Live, Views
from tests.fakes.clock import FakeClock
from tests.fakes.desk import RULESET, DecisionsWritten

MASTER = MasterKey(bytes(range(32)))
FEATURES = reference_features()


def caller(*scopes: Scope) -> Caller:
    return Caller("li.na", CallerKind.PERSON, frozenset(scopes))


class Room:
    """Views over a journal written by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written = DecisionsWritten(folder / "journal")
        self.live = Live(lambda _version: RULESET, FEATURES.names, 32)
        self.known, self.entities = Known(1 << 16), Entities(1_000)
        self.views = Views(Follower(folder / "journal", [self.live, self.known, self.entities]), 5)
        self.look = DecisionLook(folder / "journal", folder / "vault", MASTER)

    def shown(self, event_id: str, *scopes: Scope) -> DecisionViewBody:
        self.views.catch_up()
        desk = DecisionDesk(self.known, self.live, self.look, FEATURES, self.views.current, 2)
        return desk.view("bank", event_id, caller(*scopes))

    def close(self) -> None:
        self.look.close()
        self.views.close()
        self.written.journal.close()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("score", "scopes", "decimals", "told"),
    [
        (0.123456, (Scope.SCORE,), 2, 0.123456),
        (0.123456, (), 2, 0.12),
        (0.123456, (), 0, None),
        (float("nan"), (Scope.SCORE,), 2, None),
        (None, (Scope.SCORE,), 2, None),
    ],
)
def test_a_score_is_told_as_far_as_the_caller_may_know_it(
    score: float | None, scopes: tuple[Scope, ...], decimals: int, told: float | None
) -> None:
    assert told_score(score, caller(*scopes), decimals) == told


def test_every_field_of_the_envelope_is_shown_with_its_class(room: Room) -> None:
    room.written.decided(event_id="one")
    shown = room.shown("one")
    assert [(each.name, each.data_class) for each in shown.payload] == [
        (field.name, field.data_class.value) for field in FIELDS.values()
    ]


def test_without_a_vault_identifiers_are_digits_of_tokens(room: Room) -> None:
    """A copy of the journal alone, or a customer who was destroyed: the decision can still be looked at."""
    room.written.decided(event_id="one", customer=0x1234567890ABCDEF, account=0)
    fields = {each.name: each for each in room.shown("one").payload}
    customer = fields["customer"]
    assert (customer.value, customer.masked, customer.opened) == ("12345678", True, False)
    assert (fields["account"].value, fields["account"].opened) == (None, True)


def test_raw_values_are_masked_and_only_those_of_this_event(room: Room, tmp_path: Path) -> None:
    tokens = Tokenizer(MASTER.derive("tokens"))
    number, first, second = "C-20030040", "6222000011112222", "6222000033334444"
    customer = tokens.token("customer", number)
    seqs = [
        room.written.decided(event_id=f"of-{account[-4:]}", customer=customer, account=tokens.token("account", account))
        for account in (first, second)
    ]
    with Vault.open(tmp_path / "vault", MASTER) as vault:
        vault.ensure_keys(np.array([customer]))
        for seq, account in zip(seqs, (first, second), strict=True):
            blob = vault.seal(customer, {"customer": number, "account": account, "payee_name": "张三"})
            vault.index(np.array([seq]), np.array([customer]), [blob], seq + 1)
        vault.flush()
    fields = {each.name: each for each in room.shown("of-4444").payload}
    assert fields["account"].value == "****4444" and fields["customer"].value == "****0040"
    assert "2222" not in str(fields) and first not in str(fields) and second not in str(fields)


def test_what_became_of_it_is_shown(room: Room) -> None:
    held, other = room.written.group(
        [
            {"event_id": "held", "outcome": Outcome.SUSPEND, "rules": [0, 1], "hold_s": 600, "score": 0.956},
            {"event_id": "other", "outcome": Outcome.CHALLENGE, "rules": [1], "hold_s": 60},
        ]
    )
    room.written.refused(held, "wang.wei")
    room.written.label(held, fraud=True, event_id="verdict")
    room.written.overridden(other, Outcome.PASS)
    shown = room.shown("held")
    assert shown.hold is not None and (shown.hold.state, shown.hold.id) == ("refused", held)
    assert shown.label is not None and (shown.label.label, shown.label.event_id) == ("fraud", "verdict")
    assert shown.override is None and shown.score == 0.96
    assert [each.id for each in shown.reasons] == ["new_payee", "many_transfers", "score"]
    assert [(each.id, each.effective) for each in shown.rules] == [("new_payee", True), ("many_transfers", True)]
    assert shown.rules_known and shown.features is None and shown.judged_by == "model-1"
    overridden = room.shown("other").override
    assert overridden is not None and (overridden.outcome, overridden.approver) == ("pass", "wang.wei")
    with pytest.raises(NotFound):
        room.shown("nobody-sent-this")


def test_labels_are_not_in_the_feed_and_tokens_stand_for_accounts(room: Room) -> None:
    first = room.written.decided(event_id="one", account=0x7777666655554444)
    room.written.label(first, fraud=False)
    room.views.catch_up()
    desk = LiveDesk(room.live, room.look, FakeClock(room.written.at_ms), 2)
    body = desk.newest(LiveQuery(), caller(Scope.READ), room.views.state)
    assert [(each.event_id, each.account) for each in body.decisions] == [("one", "77776666")]
    assert desk.counts("1h").span.decided == 1


def test_a_search_looks_for_identifiers_only_for_those_who_may(room: Room) -> None:
    account = Tokenizer(MASTER.derive("tokens")).token("account", "6222000011112222")
    room.written.decided(event_id="one", account=account)
    room.written.decided(event_id="two", payee=account, kind=Kind.PAYMENT)
    room.views.catch_up()
    desk = SearchDesk(room.known, room.entities, room.look, room.views.current)
    (found,) = desk.find(" 6222000011112222 ", caller(Scope.READ, Scope.CASES_READ)).entities
    assert (found.kind, found.decisions, found.newest and found.newest.event_id) == ("account", 2, "two")
    refused = desk.find("6222000011112222", caller(Scope.READ))
    assert (refused.entities, refused.entities_searched) == ([], False)
    assert [each.seq for each in desk.find("two", caller(Scope.READ)).events] == [1]
