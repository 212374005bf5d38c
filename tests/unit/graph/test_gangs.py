"""Communities, propagation and rings: a seeded gang is isolated, a seeded ring is listed whole (RM-12, RM-15)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tarim.base.errors import InputError
from tarim.graph import (
    Element,
    Relation,
    Relations,
    Tag,
    accounts_among,
    communities,
    expand,
    propagate,
    relations_of,
    write_tags,
)
from tarim.stream import Col, Kind, Result, Rows, empty_rows

GANG = range(900_001, 900_013)
START_MS = 1_700_000_000_000


def rows_of(events: list[tuple[int, int, int, int]]) -> Rows:
    """Transfers as (payer, payee, device, address), a minute apart."""
    rows = empty_rows(len(events))
    rows[:, [Col.ACCOUNT, Col.PAYEE, Col.DEVICE, Col.ADDRESS]] = events
    rows[:, Col.SEQ] = np.arange(len(rows))
    rows[:, Col.OCCURRED_MS] = START_MS + 60_000 * np.arange(len(rows))
    rows[:, Col.KIND] = Kind.TRANSFER
    rows[:, Col.RESULT] = Result.SUCCEEDED
    return rows


def town(seed: int = 1, people: int = 600) -> list[tuple[int, int, int, int]]:
    """People who pay their friends, each with a device of their own, a few addresses and one merchant for everybody."""
    rng = np.random.default_rng(seed)
    found = []
    for person in range(1, people + 1):
        circle = (person - 1) // 20 * 20
        for _ in range(6):
            friend = circle + int(rng.integers(1, 21))
            found.append((person, friend if friend != person else 0, 10_000 + person, 20_000 + circle))
        stranger = int(rng.integers(1, people + 1))
        found.append((person, stranger if stranger != person else 0, 10_000 + person, 20_000 + circle))
        found.append((person, 999_999, 10_000 + person, 29_999))
    return found


def gang(seed: int = 2) -> list[tuple[int, int, int, int]]:
    """Twelve accounts on three devices that pass money on to each other, and pay and are paid by some of the town."""
    rng = np.random.default_rng(seed)
    found = []
    for member in GANG:
        device = 990_000 + member % 3
        for _ in range(3):
            other = int(rng.choice(GANG))
            found.append((member, other if other != member else 0, device, 29_999))
        found.append((int(rng.integers(1, 601)), member, 0, 0))
    return found


def label(row: Rows, seq: int, fraud: int = 1) -> Rows:
    """A label about an event."""
    made = empty_rows(1)
    made[0, [Col.ACCOUNT, Col.PAYEE]] = row[[Col.ACCOUNT, Col.PAYEE]]
    made[0, [Col.SEQ, Col.KIND, Col.LABEL, Col.REFERS_SEQ]] = (seq, Kind.LABEL, fraud, row[Col.SEQ])
    made[0, Col.OCCURRED_MS] = row[Col.OCCURRED_MS] + 86_400_000
    return made


@pytest.fixture(scope="module")
def bank() -> Relations:
    """The town with the gang in it; a payment to one member became known as fraud."""
    events = town() + gang()
    rows = rows_of([events[n] for n in np.random.default_rng(3).permutation(len(events))])
    victim = next(row for row in rows if row[Col.PAYEE] == GANG[4] and row[Col.ACCOUNT] < 1_000)
    return relations_of([rows[:2_000], rows[2_000:], label(victim, len(rows))])


def numbers(bank: Relations, tokens: range) -> set[int]:
    found = {bank.number_of(Element.ACCOUNT, token) for token in tokens}
    assert -1 not in found
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_seeded_gang_is_a_community_of_its_own(bank: Relations, seed: int):
    """All twelve accounts and nobody else's; the merchant and the shared address of everybody connect nobody."""
    found = communities(bank, seed=seed)
    members = numbers(bank, GANG)
    groups = {int(found.labels[member]) for member in members}
    assert len(groups) == 1
    assert set(accounts_among(bank, np.flatnonzero(found.labels == groups.pop())).tolist()) == members
    assert found.labels[bank.number_of(Element.ACCOUNT, 999_999)] == -1


def test_communities_are_the_same_for_the_same_seed_and_hold_together(bank: Relations):
    first, again = communities(bank, seed=4), communities(bank, seed=4)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert first.modularity == again.modularity > 0.7
    assert (np.diff(first.sizes) <= 0).all()
    for group in range(len(first.sizes)):
        inside = first.labels == group
        chosen = inside[bank.left] & inside[bank.right]
        reached = {int(np.flatnonzero(inside)[0])}
        while True:
            more = {int(v) for v in bank.left[chosen & np.isin(bank.right, list(reached))]} | {
                int(v) for v in bank.right[chosen & np.isin(bank.left, list(reached))]
            }
            if more <= reached:
                break
            reached |= more
        assert len(reached) == inside.sum()


def test_modularity_is_that_of_the_definition():
    """Two triangles joined by an edge: 5/14 (M. E. J. Newman, Networks, 2010)."""
    edges = [(1, 2), (2, 3), (3, 1), (4, 5), (5, 6), (6, 4), (3, 4)]
    bank = relations_of([rows_of([(a, b, 0, 0) for a, b in edges])])
    found = communities(bank)
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.modularity == pytest.approx(5 / 14)


def test_a_seeded_ring_is_listed_whole(bank: Relations):
    """From the one convicted account along devices, then transfers among those: every member, with the way to it."""
    members = numbers(bank, GANG)
    by_device = relations_of([rows_of(gang())], relations=frozenset({Relation.DEVICE, Relation.TRANSFER}))
    ring = expand(by_device, [by_device.number_of(Element.ACCOUNT, GANG[4])], hops=4)
    assert len(ring) == 1
    listed = {int(by_device.tokens[v]) for v in accounts_among(by_device, ring[0].members)}
    assert set(GANG) <= listed
    (found,) = expand(bank, hops=4)
    assert members <= set(found.members.tolist())
    assert found.hops[0] == 0 and found.via[0] == -1 and (np.diff(found.hops) >= 0).all()
    for member, hops, via in zip(found.members, found.hops, found.via, strict=True):
        if hops:
            at = found.members.tolist().index(via)
            assert found.hops[at] == hops - 1
            pairs = set(zip(bank.left.tolist(), bank.right.tolist(), strict=True))
            assert (member, via) in pairs or (via, member) in pairs


def test_a_ring_on_shared_devices_has_no_outsider(bank: Relations):
    rows = rows_of(town() + gang())
    devices = relations_of([rows], relations=frozenset({Relation.DEVICE}))
    seed = devices.number_of(Element.ACCOUNT, GANG[0])
    (ring,) = expand(devices, [seed], hops=8)
    listed = {int(devices.tokens[v]) for v in accounts_among(devices, ring.members)}
    assert listed == {member for member in GANG if member % 3 == GANG[0] % 3}


def test_risk_flows_to_the_gang_before_the_town(bank: Relations):
    risk = propagate(bank)
    accounts = bank.kinds == Element.ACCOUNT
    members = np.zeros(len(bank), bool)
    members[list(numbers(bank, GANG))] = True
    assert risk.max() == 1.0 and risk.min() >= 0.0
    ranked = np.flatnonzero(accounts)[np.argsort(-risk[accounts])]
    assert members[ranked[:13]].sum() == 12  # the victim who paid the convicted account is among the nearest as well


def test_risk_is_the_walk_of_the_definition():
    """Against the dense matrix of the same walk."""
    bank = relations_of([rows_of([(1, 2, 0, 0), (2, 3, 0, 0), (3, 4, 0, 0), (2, 4, 0, 0)])])
    walk = np.zeros((4, 4))
    for left, right in zip(bank.left, bank.right, strict=True):
        walk[left, right] = walk[right, left] = 1.0
    walk /= walk.sum(axis=1, keepdims=True)
    restart = np.array([1.0, 0, 0, 0])
    wanted = np.linalg.solve(np.eye(4) - 0.85 * walk.T, 0.15 * restart)
    np.testing.assert_allclose(propagate(bank, [0]), wanted / wanted.max(), atol=1e-3)


def test_a_label_that_was_taken_back_convicts_nobody():
    rows = rows_of([(1, 2, 0, 0), (3, 4, 0, 0)])
    bank = relations_of([rows, label(rows[0], 2), label(rows[1], 3), label(rows[0], 4, fraud=0)])
    assert bank.tokens[bank.convicted].tolist() == [4]
    assert bank.known_from_ms == rows[-1, Col.OCCURRED_MS]


def test_what_nobody_can_answer_is_said():
    rows = rows_of([(1, 2, 0, 0)])
    with pytest.raises(InputError, match="no account is convicted"):
        propagate(relations_of([rows]))
    with pytest.raises(InputError, match="no account is convicted"):
        expand(relations_of([rows]))
    with pytest.raises(InputError, match="connects two"):
        relations_of([rows[:0]])
    with pytest.raises(InputError, match="resolution"):
        communities(relations_of([rows]), resolution=0)


def test_a_table_of_tags_can_be_read_as_a_list(tmp_path: Path):
    path = tmp_path / "tags.csv"
    tags = [
        Tag(Element.ACCOUNT, -1, 1, 3, 1, True, 0, 0, 1.0),
        Tag(Element.DEVICE, 7, 1, 3, 1, False, -1, 5, float("nan")),
    ]
    assert write_tags(path, tags, 1_700_000_000_000) == 2
    with open(path, encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert first["token"] == "f" * 16 and first["field"] == "account" and first["risk"] == "1"
    assert second["via"] == "0" * 15 + "5" and second["risk"] == "" and second["hops"] == ""
    assert first["known_from"].startswith("2023-11-14T22:13:20")
