"""The link graph over HTTP: what is masked, what is refused, what goes on the trail, and what a table says."""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tarim.api.link_bodies import (
    ExportLinksBody,
    FindEntityBody,
    LinkGraphBody,
    LinkPathQuery,
    LinksQuery,
    RevealLinksBody,
)
from tarim.api.link_views import LABEL_MS, TABLE_COLUMNS
from tarim.api.links import LinkDesk, link_routes
from tarim.api.routes import Call, Route
from tarim.base.errors import FieldError, NotAllowed, NotFound
from tarim.bootstrap.link_names import LinkNames
from tarim.identity import Caller, CallerKind, Scope
from tarim.privacy import MasterKey, Tokenizer, Vault
from tarim.stream import Col, Kind, Outcome, empty_rows
from tarim.views import Block, Entity, EntityKind, LinkStore
from tests.fakes.clock import FakeClock
from tests.fakes.view_blocks import VERSIONS

MASTER = MasterKey(bytes(range(32)))
CNY = int.from_bytes(b"CNY", "big")
DAY_MS = 86_400_000
START_MS = 1_760_000_000_000
PAYER, PAYEE, LAST = "6222000011112222", "6222000033334444", "6222000055556666"
CUSTOMER, DEVICE, ADDRESS = "C-20030040", "imei-356938035643809", "10.21.7.9"
CLOCK = FakeClock(START_MS + 9 * DAY_MS)


def token(space: str, value: str) -> int:
    return Tokenizer(MASTER.derive("tokens")).token(space, value)


def entity(kind: EntityKind, value: str) -> str:
    return Entity(kind, token(kind.space, value)).id


class Room:
    """Three payments: the payer to the payee twice, the payee on to the last account; names sealed in a vault."""

    def __init__(self, folder: Path) -> None:
        rows = empty_rows(3)
        rows[:, Col.OCCURRED_MS] = START_MS + DAY_MS * np.arange(3)
        rows[:, Col.CUSTOMER] = token("customer", CUSTOMER)
        rows[:, Col.ACCOUNT] = [token("account", each) for each in (PAYER, PAYER, PAYEE)]
        rows[:, Col.PAYEE] = [token("account", each) for each in (PAYEE, PAYEE, LAST)]
        rows[:, Col.DEVICE], rows[:, Col.ADDRESS] = token("device", DEVICE), token("address", ADDRESS)
        rows[:, Col.AMOUNT_FEN], rows[:, Col.CURRENCY] = [10_000, 25_050, 30_000], CNY
        rows[:, Col.KIND], rows[:, Col.OUTCOME] = Kind.TRANSFER, [Outcome.PASS, Outcome.BLOCK, Outcome.PASS]
        self.store = LinkStore()
        self.store.take(Block(0, VERSIONS, rows, np.zeros((3, 1), np.int64)))
        customer = token("customer", CUSTOMER)
        with Vault.open(folder / "vault", MASTER) as vault:
            vault.ensure_keys(np.array([customer]))
            whole = {"customer": CUSTOMER, "account": PAYER, "payee_account": PAYEE, "device_id": DEVICE, "ip": ADDRESS}
            vault.index(np.array([0]), np.array([customer]), [vault.seal(customer, whole)], 1)
            vault.flush()
        self.desk = LinkDesk(self.store, LinkNames(folder / "vault", MASTER), CLOCK, 600_000)
        self.routes: dict[str, Route] = {route.operation: route for route in link_routes(self.desk)}

    def call(
        self, operation: str, path: str = "", query: Any = None, body: Any = None, scopes: tuple[Scope, ...] = ()
    ) -> tuple[Any, Call]:
        route = self.routes[operation]
        caller = Caller(
            "zhang.hao", CallerKind.PERSON, frozenset({Scope.CASES_READ, *scopes}), authenticated_ms=CLOCK.at_ms
        )
        asked = None if route.query is None else msgspec.convert(query or {}, route.query, strict=False)
        taken = None if route.takes is None else msgspec.convert(body, route.takes)
        call = Call(caller, {"id": path}, asked, taken)
        return asyncio.run(route.handler(call)), call

    def graph(self, path: str, **query: Any) -> LinkGraphBody:
        body: LinkGraphBody = self.call("read_links", path, query)[0]
        return body


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    return Room(tmp_path_factory.mktemp("links"))


def test_labels_are_masked_and_what_cannot_be_opened_shows_digits_of_its_token(room: Room) -> None:
    body = room.graph("event:0")
    labels = {node.kind + str(node.hop): node.label for node in body.nodes if node.hop < 2}
    shown = {node.id: node.label for node in body.nodes}
    assert body.nodes[0].id == entity(EntityKind.ACCOUNT, PAYER) and body.nodes[0].label == "****2222"
    assert shown[entity(EntityKind.ACCOUNT, PAYEE)] == "****4444"
    assert labels["device1"] == "****3809" and labels["address1"] == "10.21.*.*" and labels["customer1"] == "****0040"
    last = entity(EntityKind.ACCOUNT, LAST)
    assert shown[last] == last.partition(":")[2][:8]
    said = msgspec.json.encode(body).decode()
    assert not [each for each in (PAYER, PAYEE, LAST, CUSTOMER, DEVICE, ADDRESS) if each in said]


def test_sums_tell_what_was_blocked_apart(room: Room) -> None:
    body = room.graph("event:0")
    ids = [node.id for node in body.nodes]
    link = next(each for each in body.links if each.relation == "pays" and body.nodes[each.source].hop == 0)
    assert ids[link.target] == entity(EntityKind.ACCOUNT, PAYEE)
    assert (link.sums.count, link.sums.amount_fen, link.sums.stopped_fen, link.sums.worst) == (
        2,
        35_050,
        25_050,
        "block",
    )
    assert body.nodes[0].out_fen == 10_000
    assert sum(fen for step in body.steps for _, _, fen in step.moved) == 40_000


def test_filters_narrow_the_graph(room: Room) -> None:
    only = room.graph("event:0", relations="pays", since="2025-10-10T08:00:00+08:00")
    assert [(link.relation, link.sums.count) for link in only.links] == [("pays", 1), ("pays", 1)]
    large = room.graph("event:0", amount_min_fen=20_000, relations="pays")
    assert [link.sums.amount_fen for link in large.links] == [25_050, 30_000]


@pytest.mark.parametrize(
    ("path", "query", "wrong"),
    [
        ("event:0", {"since": "yesterday"}, "since"),
        ("event:0", {"since": "2025-10-11T00:00:00"}, "since"),
        ("event:0", {"kinds": "transfer,theft"}, "kinds"),
        ("event:0", {"relations": "likes"}, "relations"),
        ("event:x", {}, "entity"),
        ("6222000011112222", {}, "entity"),
        ("event:0", {"also": "account:zz"}, "entity"),
        ("event:0", {"since": "2025-10-12T00:00:00Z", "until": "2025-10-11T00:00:00Z"}, "since"),
    ],
)
def test_what_cannot_be_understood_is_named(room: Room, path: str, query: dict[str, str], wrong: str) -> None:
    with pytest.raises(FieldError) as caught:
        room.graph(path, **query)
    assert caught.value.field == wrong and "6222000011112222" not in caught.value.detail


def test_an_event_that_is_not_there_is_not_found(room: Room) -> None:
    with pytest.raises(NotFound):
        room.graph("event:77")
    with pytest.raises(NotFound):
        room.graph("account:00000000000000aa")
    assert room.graph("event:0", also="event:77,event:2").nodes[1].expanded, "a case may be older than the graph"


def test_the_moneys_path_leaves_blocked_payments_out(room: Room) -> None:
    found, _ = room.call("read_money_path", entity(EntityKind.ACCOUNT, PAYER), {"to": entity(EntityKind.ACCOUNT, LAST)})
    assert [(hop.payer_label, hop.amount_fen, hop.seq) for hop in found.hops] == [
        ("****2222", 10_000, 0),
        ("****4444", 30_000, 2),
    ]
    late = {"to": entity(EntityKind.ACCOUNT, LAST), "since": "2025-10-10T00:00:00Z"}
    none, _ = room.call("read_money_path", entity(EntityKind.ACCOUNT, PAYER), late)
    assert not none.hops and none.exhausted, "the second payment was blocked"


def test_an_identifier_is_found_and_not_repeated(room: Room) -> None:
    found, call = room.call("find_entity", body={"kind": "account", "value": PAYER})
    assert found.known and found.entity == entity(EntityKind.ACCOUNT, PAYER) == call.note.object
    assert found.label == "****2222" and PAYER not in str(found)
    assert not room.call("find_entity", body={"kind": "device", "value": PAYER})[0].known


def test_a_table_has_every_link_and_the_reason_goes_on_the_trail(room: Room) -> None:
    body = {"entity": "event:0", "reason": "移交公安材料"}
    table, call = room.call("export_links", body=body)
    lines = list(csv.reader(io.StringIO(table.csv)))
    assert tuple(lines[0]) == TABLE_COLUMNS and lines[-1] == [table.watermark] and "zhang.hao" in table.watermark
    graph = room.graph("event:0")
    assert len(lines) == 2 + len(graph.links) + len(graph.crowds)
    assert {len(line) for line in lines[:-1]} == {len(TABLE_COLUMNS)}
    assert (call.note.reason, call.note.detail["rows"]) == ("移交公安材料", len(lines) - 2)
    assert PAYER not in table.csv and "****2222" in table.csv
    assert not [cell for line in lines for cell in line if cell[:1] in ("=", "+", "@", "-")]


def test_identifiers_in_full_need_the_scope_a_fresh_proof_and_a_reason(room: Room) -> None:
    names = [entity(EntityKind.ACCOUNT, PAYER), entity(EntityKind.ACCOUNT, LAST)]
    body = {"entities": names, "reason": "核实付款账户"}
    found, call = room.call("reveal_links", body=body, scopes=(Scope.REVEAL,))
    assert [each.value for each in found.values] == [PAYER, None]
    assert call.note.reason == "核实付款账户" and call.note.detail["identifiers"] == 2
    assert room.routes["reveal_links"].scope is Scope.REVEAL
    stale = Caller("zhang.hao", CallerKind.PERSON, frozenset({Scope.CASES_READ, Scope.REVEAL}), authenticated_ms=1)
    with pytest.raises(NotAllowed):
        asyncio.run(room.routes["reveal_links"].handler(Call(stale, {}, None, msgspec.convert(body, RevealLinksBody))))


def test_every_route_is_on_the_trail_and_bounded(room: Room) -> None:
    assert all(route.personal for route in room.routes.values())
    assert {route.scope for route in room.routes.values()} == {Scope.CASES_READ, Scope.REVEAL}
    for shape, wrong in (
        (LinksQuery, {"nodes_max": 201}),
        (LinksQuery, {"also": "a" * 2_000}),
        (LinkPathQuery, {}),
        (FindEntityBody, {"kind": "phone", "value": "1"}),
        (ExportLinksBody, {"entity": "event:0", "reason": ""}),
        (RevealLinksBody, {"entities": ["event:0"] * 201, "reason": "x"}),
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, shape, strict=False)


def test_a_masked_identifier_is_forgotten_after_a_while(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was destroyed in the vault is gone from here minutes later."""
    assert room.graph("event:0").nodes[0].label == "****2222"
    monkeypatch.setattr(LinkNames, "of", lambda *_: {})
    assert room.graph("event:0").nodes[0].label == "****2222"
    monkeypatch.setattr(CLOCK, "at_ms", CLOCK.at_ms + LABEL_MS)
    assert room.graph("event:0").nodes[0].label != "****2222"
