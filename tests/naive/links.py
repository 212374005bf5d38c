"""The link graph from its definition: events as rows, links as a dictionary, paths by trying every payment."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tarim.stream import Col, Kind, Outcome, Result, Rows
from tarim.views.links.domain import Entity, EntityKind, Filters, Relation

CNY = int.from_bytes(b"CNY", "big")
MONEY_KINDS = (Kind.TRANSFER, Kind.PAYMENT, Kind.WITHDRAWAL, Kind.DEPOSIT)


def links_of_event(row: np.ndarray) -> Iterator[tuple[Relation, Entity, Entity]]:
    """(relation, from, to) of one row."""
    if row[Col.KIND] == Kind.LABEL:
        return
    customer, account, payee, device, address, merchant = (
        int(row[column]) for column in (Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE, Col.DEVICE, Col.ADDRESS, Col.MERCHANT)
    )
    own = Entity(EntityKind.ACCOUNT, account)
    if customer and account:
        yield Relation.OWNS, Entity(EntityKind.CUSTOMER, customer), own
    if account and row[Col.KIND] in MONEY_KINDS and row[Col.RESULT] != Result.FAILED:
        others = [(Relation.PAYS, EntityKind.ACCOUNT, payee if payee != account else 0)]
        others.append((Relation.BUYS, EntityKind.MERCHANT, merchant))
        for relation, kind, token in others:
            if token:
                other = Entity(kind, token)
                yield (relation, other, own) if row[Col.KIND] == Kind.DEPOSIT else (relation, own, other)
    actor = own if account else Entity(EntityKind.CUSTOMER, customer)
    if account or customer:
        if device:
            yield Relation.USES, actor, Entity(EntityKind.DEVICE, device)
        if address:
            yield Relation.CONNECTS, actor, Entity(EntityKind.ADDRESS, address)


def amount_of(row: np.ndarray) -> int:
    """Yuan in fen; what is in another currency adds none."""
    return int(row[Col.AMOUNT_FEN]) if row[Col.CURRENCY] == CNY else 0


def counted(rows: Rows, filters: Filters) -> Iterator[tuple[Relation, Entity, Entity, np.ndarray]]:
    """Links of single events that pass the filters, with their rows."""
    for row in rows:
        if (
            not filters.since_ms <= row[Col.OCCURRED_MS] < filters.until_ms
            or not filters.kinds >> int(row[Col.KIND]) & 1
        ):
            continue
        for relation, source, target in links_of_event(row):
            if not filters.relations >> relation & 1:
                continue
            money = relation in (Relation.PAYS, Relation.BUYS)
            if money and not filters.amount_min_fen <= amount_of(row) <= filters.amount_max_fen:
                continue
            yield relation, source, target, row


Sums = dict[tuple[Relation, Entity, Entity], list[int]]


def links(rows: Rows, filters: Filters) -> Sums:
    """[count, fen, blocked fen, first, last, strictest, above pass] of every link."""
    found: Sums = {}
    for relation, source, target, row in counted(rows, filters):
        at_ms, outcome = int(row[Col.OCCURRED_MS]), max(int(row[Col.OUTCOME]), 0)
        fen = amount_of(row) if relation in (Relation.PAYS, Relation.BUYS) else 0
        before = found.get((relation, source, target), [0, 0, 0, at_ms, at_ms, 0, 0])
        found[relation, source, target] = [
            before[0] + 1,
            before[1] + fen,
            before[2] + (fen if outcome == Outcome.BLOCK else 0),
            min(before[3], at_ms),
            max(before[4], at_ms),
            max(before[5], outcome),
            before[6] + (outcome > 0),
        ]
    return found


def convicted(rows: Rows) -> set[Entity]:
    """Accounts that the latest label about a payment to them calls fraud."""
    latest: dict[int, tuple[int, int]] = {}
    for row in rows:
        if row[Col.KIND] == Kind.LABEL and row[Col.REFERS_SEQ] >= 0:
            latest[int(row[Col.REFERS_SEQ])] = int(row[Col.LABEL]), int(row[Col.PAYEE])
    return {Entity(EntityKind.ACCOUNT, payee) for label, payee in latest.values() if label == 1 and payee}


def path(rows: Rows, payer: Entity, payee: Entity, filters: Filters, hops_max: int) -> tuple[int, int] | None:
    """(payments, when the last one happened) of the shortest path, the earliest of those; None without one."""
    payments = [
        (int(row[Col.OCCURRED_MS]), source, target)
        for relation, source, target, row in counted(rows, filters)
        if relation is Relation.PAYS and row[Col.OUTCOME] != Outcome.BLOCK
    ]
    at = {payer: filters.since_ms}
    for hops in range(1, hops_max + 1):
        after = dict(at)
        for at_ms, source, target in payments:
            if source in at and at[source] <= at_ms < after.get(target, 1 << 62):
                after[target] = at_ms
        at = after
        if payee in at:
            return hops, at[payee]
    return None


def stress(distances: np.ndarray, places: np.ndarray) -> float:
    """Sum over pairs of ((drawn - wanted) / wanted) squared."""
    n = len(places)
    pairs = [(i, j) for i in range(n) for j in range(i)]
    return sum((np.linalg.norm(places[i] - places[j]) / distances[i, j] - 1) ** 2 for i, j in pairs)


def settled(distances: np.ndarray, places: np.ndarray, rounds: int) -> np.ndarray:
    """Each node in turn to the weighted mean of where every other one wants it, so many times."""
    n = len(places)
    for _ in range(rounds):
        for i in range(n):
            others = [j for j in range(n) if j != i]
            weights = [distances[i, j] ** -2 for j in others]
            wishes = [
                places[j] + distances[i, j] * (places[i] - places[j]) / np.linalg.norm(places[i] - places[j])
                for j in others
            ]
            places[i] = np.average(wishes, axis=0, weights=weights)
    return places
