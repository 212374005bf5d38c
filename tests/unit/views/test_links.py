"""The link store and its questions against their definition, and against the order and the cuts of the journal."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarim.base.errors import FieldError, NotFound
from tarim.stream import Col, Kind, Outcome, Result, Rows, empty_rows
from tarim.views import Block
from tarim.views.blocks import NO_VERSIONS
from tarim.views.links import Entity, EntityKind, Filters, LinkStore, Question, Relation, graph_around, shortest_path
from tarim.views.links.kernels import linking
from tarim.views.links.kernels.placing import settle
from tarim.views.links.looking import Between, Neighbours
from tests.naive import links as naive

DAY_MS = 86_400_000
START_MS = 1_750_000_000_000
CNY = naive.CNY


def world(seed: int, events: int = 300, accounts: int = 25) -> Rows:
    """Rows of a small, dense bank: every kind of event, missing identifiers, other currencies, failures, late ones, labels."""
    rng = np.random.default_rng(seed)
    rows = empty_rows(events)
    payer = rng.integers(1, accounts + 1, events)
    rows[:, Col.SEQ] = np.arange(events)
    rows[:, Col.OCCURRED_MS] = START_MS + rng.integers(0, 30 * DAY_MS, events) // 60_000 * 60_000
    rows[:, Col.CUSTOMER] = np.where(rng.random(events) < 0.9, 1 + payer // 2, 0)
    rows[:, Col.ACCOUNT] = np.where(rng.random(events) < 0.85, payer, 0)
    rows[:, Col.PAYEE] = np.where(rng.random(events) < 0.6, rng.integers(1, accounts + 1, events), 0)
    rows[:, Col.DEVICE] = np.where(rng.random(events) < 0.7, -rng.integers(1, 9, events), 0)
    rows[:, Col.ADDRESS] = np.where(rng.random(events) < 0.7, rng.integers(-3, 4, events), 0)
    rows[:, Col.MERCHANT] = np.where(rng.random(events) < 0.3, rng.integers(1, 5, events), 0)
    rows[:, Col.AMOUNT_FEN] = rng.integers(0, 1_000_000, events)
    rows[:, Col.CURRENCY] = np.where(rng.random(events) < 0.9, CNY, int.from_bytes(b"USD", "big"))
    rows[:, Col.KIND] = rng.choice([Kind.TRANSFER] * 5 + [Kind.PAYMENT, Kind.DEPOSIT, Kind.LOGIN, Kind.LABEL], events)
    rows[:, Col.RESULT] = rng.choice([Result.UNKNOWN, Result.SUCCEEDED, Result.FAILED], events)
    rows[:, Col.OUTCOME] = rng.choice([Outcome.PASS] * 6 + list(Outcome), events)
    labels = np.flatnonzero(rows[:, Col.KIND] == Kind.LABEL)
    about = rng.permutation(events)[: len(labels)]
    rows[labels, Col.REFERS_SEQ] = about
    rows[labels, Col.PAYEE] = rows[about, Col.PAYEE]
    rows[labels, Col.LABEL] = rng.integers(0, 2, len(labels))
    return rows


def store_of(rows: Rows, cuts: list[int] | None = None, events_max: int = 1_000_000) -> LinkStore:
    """A store that was given the rows in pieces."""
    store = LinkStore(events_max)
    edges = [0, *sorted(cuts or []), len(rows)]
    for low, high in pairwise(edges):
        store.take(Block(low, NO_VERSIONS, rows[low:high].copy(), np.zeros((high - low, 1), np.int64)))
    return store


def shuffled(rows: Rows, seed: int) -> Rows:
    """The same events in another order of the journal."""
    order = np.random.default_rng(seed).permutation(len(rows))
    place_of = np.argsort(order)
    found = rows[order]
    found[:, Col.SEQ] = np.arange(len(rows))
    refers = found[:, Col.REFERS_SEQ]
    found[:, Col.REFERS_SEQ] = np.where(refers >= 0, place_of[refers], -1)
    return found


def account(token: int) -> Entity:
    return Entity(EntityKind.ACCOUNT, token)


FILTERS = (
    Filters(),
    Filters(since_ms=START_MS + 5 * DAY_MS, until_ms=START_MS + 20 * DAY_MS),
    Filters(amount_min_fen=200_000, amount_max_fen=700_000),
    Filters(kinds=1 << Kind.TRANSFER | 1 << Kind.LOGIN, relations=1 << Relation.PAYS | 1 << Relation.USES),
)


@pytest.mark.parametrize("filters", FILTERS)
def test_neighbours_are_the_links_that_the_definition_gives(filters: Filters) -> None:
    rows = world(1)
    seen = store_of(rows, [7, 80, 81, 200]).seen()
    centres = [
        account(3),
        Entity(EntityKind.DEVICE, -2),
        Entity(EntityKind.CUSTOMER, 4),
        Entity(EntityKind.MERCHANT, 1),
    ]
    found = {}
    for row in Neighbours(seen, filters, centres).rows.tolist():
        centre = centres[row[linking.CENTRE]]
        other = Entity(EntityKind(row[linking.KIND]), row[linking.TOKEN])
        source, target = (centre, other) if row[linking.OUTWARD] else (other, centre)
        found[centre, Relation(row[linking.RELATION]), source, target] = row[linking.COUNT :]
    wanted = {
        (centre, *key): sums
        for key, sums in naive.links(rows, filters).items()
        for centre in centres
        if centre in key[1:]
    }
    assert found == wanted and len(wanted) > 10


@pytest.mark.parametrize("filters", FILTERS)
def test_links_between_shown_entities_are_what_the_definition_gives(filters: Filters) -> None:
    rows = world(2)
    shown = [account(token) for token in range(1, 9)] + [Entity(EntityKind.DEVICE, -token) for token in range(1, 5)]
    between = Between(store_of(rows, [100]).seen(), filters, shown)
    found = {
        (Relation(row[linking.RELATION]), shown[row[linking.CENTRE]], shown[row[linking.TOKEN]]): row[linking.COUNT :]
        for row in between.rows.tolist()
    }
    wanted = {key: sums for key, sums in naive.links(rows, filters).items() if key[1] in shown and key[2] in shown}
    assert found == wanted and wanted


def test_steps_tell_every_payment_that_was_not_blocked_once() -> None:
    rows = world(3)
    graph = graph_around(store_of(rows).seen(), Question(account(1), nodes_max=200))
    moved = np.zeros((len(graph.links), 2), np.int64)
    for step in graph.steps:
        assert step.moved and step.since_ms < step.until_ms
        for link, events, fen in step.moved:
            moved[link] += (events, fen)
    assert [step.since_ms for step in graph.steps] == sorted(step.since_ms for step in graph.steps)
    for link, (events, fen) in zip(graph.links, moved.tolist(), strict=True):
        if link.relation in (Relation.PAYS, Relation.BUYS):
            assert fen == link.sums.amount_fen - link.sums.stopped_fen and events <= link.sums.count
        else:
            assert (events, fen) == (0, 0)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 1_000),
    st.lists(st.integers(0, 300), max_size=12),
    st.sampled_from(FILTERS),
    st.integers(1, 3),
    st.sampled_from([10, 20, 60]),
)
def test_order_and_cuts_of_the_journal_change_nothing(
    seed: int, cuts: list[int], filters: Filters, hops: int, nodes_max: int
) -> None:
    rows = world(seed)
    question = Question(account(1), filters, (account(2),), (account(20),), hops, nodes_max)
    whole, other = store_of(rows).seen(), store_of(shuffled(rows, seed), cuts).seen()
    assert graph_around(whole, question) == graph_around(other, question)
    ways = [shortest_path(seen, account(1), account(9), filters) for seen in (whole, other)]
    plain = [[replace(hop, seq=0) for hop in way.hops] for way in ways]
    assert plain[0] == plain[1]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1_000), st.sampled_from(FILTERS[:3]))
def test_the_money_path_is_the_shortest_and_the_earliest_of_those(seed: int, filters: Filters) -> None:
    rows = world(seed, events=120, accounts=40)
    way = shortest_path(store_of(rows, [40]).seen(), account(1), account(2), filters)
    wanted = naive.path(rows, account(1), account(2), filters, 6)
    assert (wanted is None) == (not way.hops)
    if wanted is not None:
        assert (len(way.hops), way.hops[-1].at_ms) == wanted
        assert way.hops[0].payer == account(1) and way.hops[-1].payee == account(2)
        for before, after in pairwise(way.hops):
            assert before.payee == after.payer and before.at_ms <= after.at_ms
        for hop in way.hops:
            row = rows[hop.seq]
            assert {row[Col.ACCOUNT], row[Col.PAYEE]} == {hop.payer.token, hop.payee.token}
            assert naive.amount_of(row) == hop.amount_fen and row[Col.OUTCOME] != Outcome.BLOCK


def test_whoever_is_not_shown_is_counted_in_a_crowd() -> None:
    """An account with 400 payees: so many are shown as fit, the others are one crowd with their money."""
    rows = empty_rows(400)
    rows[:, Col.OCCURRED_MS] = START_MS + np.arange(400)
    rows[:, Col.ACCOUNT], rows[:, Col.PAYEE] = 1, np.arange(10, 410)
    rows[:, Col.KIND], rows[:, Col.CURRENCY], rows[:, Col.AMOUNT_FEN] = Kind.TRANSFER, CNY, np.arange(1, 401) * 100
    graph = graph_around(store_of(rows).seen(), Question(account(1), nodes_max=100))
    (crowd,) = graph.crowds
    assert len(graph.nodes) + 1 <= 100
    assert crowd.size + len(graph.nodes) - 1 == 400 and graph.nodes[0].hidden == crowd.size
    assert crowd.sums.amount_fen + sum(link.sums.amount_fen for link in graph.links) == 400 * 401 // 2 * 100
    assert crowd.outward and crowd.relation is Relation.PAYS and crowd.kind is EntityKind.ACCOUNT
    shown = {link.sums.amount_fen for link in graph.links}
    assert min(shown) > crowd.sums.amount_fen // crowd.size, "those with most money are shown"


def test_a_label_convicts_and_a_later_one_takes_it_back() -> None:
    rows = world(5)
    assert {node.entity for node in graph_around(store_of(rows).seen(), Question(account(1), nodes_max=200)).nodes
            if node.convicted} <= naive.convicted(rows)  # fmt: skip
    store = store_of(rows)
    assert set(store.seen().convicted.tolist()) == {entity.token for entity in naive.convicted(rows)}
    label = rows[(rows[:, Col.KIND] == Kind.LABEL) & (rows[:, Col.LABEL] == 1) & (rows[:, Col.PAYEE] != 0)][:1].copy()
    assert label[0, Col.PAYEE] in store.seen().convicted
    label[0, Col.LABEL] = 0
    store.take(Block(len(rows), NO_VERSIONS, label, np.zeros((1, 1), np.int64)))
    both = np.concatenate([rows, label])
    assert set(store.seen().convicted.tolist()) == {entity.token for entity in naive.convicted(both)}


def test_the_store_is_bounded_and_says_from_when_on_it_is_complete() -> None:
    rows = world(6, events=60_000, accounts=500)
    rows[:, Col.OCCURRED_MS] = START_MS + np.arange(len(rows)) * 1_000
    store = store_of(rows, list(range(0, 60_000, 5_000)), events_max=30_000)
    seen = store.seen()
    assert len(store) <= 30_000 + 8_192
    kept = min(int(part.times_ms[0]) for part in seen.parts)
    assert START_MS < seen.complete_from_ms <= kept
    assert seen.end_seq == 60_000


def test_risk_flows_from_the_convicted_and_the_drawing_is_the_same_every_time() -> None:
    rows = world(7)
    seen = store_of(rows).seen()
    first, second = (graph_around(seen, Question(account(1), nodes_max=60)) for _ in range(2))
    assert first == second
    assert first.nodes[0].entity == account(1) and (first.nodes[0].x, first.nodes[0].y) == (0.0, 0.0)
    guilty = [node.risk for node in first.nodes if node.convicted]
    assert guilty and max(node.risk or 0.0 for node in first.nodes) == 1.0 == max(risk or 0.0 for risk in guilty)
    places = {(node.x, node.y) for node in first.nodes}
    assert len(places) == len(first.nodes)


def test_an_event_leads_to_its_account() -> None:
    rows = world(8)
    seen = store_of(rows, [50]).seen()
    place = int(np.flatnonzero((rows[:, Col.ACCOUNT] != 0) & (rows[:, Col.KIND] == Kind.TRANSFER))[3])
    assert seen.entity_of_event(place) == account(int(rows[place, Col.ACCOUNT]))
    assert seen.entity_of_event(10**9) is None


def test_names_of_entities_come_back_and_nothing_else_is_taken() -> None:
    for entity in (account(-1), account(1), Entity(EntityKind.DEVICE, -(1 << 63)), Entity(EntityKind.MERCHANT, 77)):
        assert Entity.named(entity.id) == entity
    for name in ("", "account", "account:1", "phone:0000000000000001", "account:000000000000000G", "x" * 500):
        with pytest.raises(FieldError):
            Entity.named(name)


def test_what_cannot_be_asked_is_refused() -> None:
    seen = store_of(world(9)).seen()
    with pytest.raises(NotFound):
        graph_around(seen, Question(account(999_999)))
    for wrong in ({"hops": 0}, {"hops": 4}, {"nodes_max": 201}, {"also": tuple(account(n) for n in range(41))}):
        with pytest.raises(FieldError):
            Question(account(1), **wrong)
    with pytest.raises(FieldError):
        Filters(since_ms=5, until_ms=5)
    with pytest.raises(FieldError):
        shortest_path(seen, account(1), account(1), Filters())


def test_a_node_settles_where_the_others_want_it() -> None:
    """A star: whoever hangs on the middle comes to lie about one step from it; the stress is not above the naive formula's."""
    n = 12
    distances = np.full((n, n), 2.0)
    distances[0], distances[:, 0] = 1.0, 1.0
    np.fill_diagonal(distances, 0.0)
    places = np.random.default_rng(3).random((n, 2))
    before = naive.stress(distances, places)
    rounds = settle(distances, places, 200, 1e-4)
    assert 1 < rounds < 200 and naive.stress(distances, places) < before / 3
    moved = naive.settled(distances, np.random.default_rng(3).random((n, 2)), rounds)
    np.testing.assert_allclose(places, moved, atol=1e-9)
