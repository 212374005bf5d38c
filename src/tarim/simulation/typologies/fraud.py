"""Telecom fraud in its typologies, and applications under other people's names."""

from __future__ import annotations

import numpy as np

from tarim.base.instants import MINUTE_MS, SECOND_MS
from tarim.simulation.blocks import Array, Block, concatenate, take
from tarim.simulation.envelope import (
    APPLICATION,
    BY_DOCUMENT,
    BY_NOTHING,
    BY_SMS,
    COUNTER,
    DEPOSIT,
    FAILED,
    IN_CALL,
    LOGIN,
    NO_NETWORK,
    PAYMENT,
    SCREEN_SHARED,
    SUCCEEDED,
    TRANSFER,
    WITHDRAWAL,
)
from tarim.simulation.life import ONLINE
from tarim.simulation.typologies.scene import Scene


def remote_control(scene: Scene) -> Block:
    """The victim shares the screen of its own telephone: failed logins, then large transfers to a new payee."""
    rng, victim = scene.rng, scene.people(scene.cases)
    begin = scene.begin(13.0, 3.2)
    # The sign is seen on nine telephones out of ten; often the victim is on the telephone as well.
    seen = np.where(rng.random(scene.cases) < 0.9, SCREEN_SHARED, 0)
    signs = seen + np.where(rng.random(scene.cases) < 0.5, IN_CALL, 0)
    tries, place = scene.sizes(1, 4)
    failed = rng.random(len(tries)) < 0.4
    logins = scene.by_phone(
        LOGIN,
        victim[tries],
        begin[tries] + place * 40 * SECOND_MS,
        tries,
        result=np.where(failed, FAILED, SUCCEEDED),
        signs=signs[tries],
    )
    ring, place = scene.sizes(2, 6)
    payee = scene.criminal_payees(scene.cases)
    sent = scene.by_phone(
        TRANSFER,
        victim[ring],
        begin[ring] + 4 * MINUTE_MS + scene.steps(ring, 150.0, 20.0),
        ring,
        payee=payee[ring],
        amount_fen=np.minimum(scene.money(9_000.0, 0.9, len(ring), whole=500), 200_000_00),
        balance_pct=np.minimum(100, 25 + place * 18 + scene.percent(0, 25, len(ring))),
        signs=signs[ring],
    )
    return concatenate([logins, sent])


def safe_account(scene: Scene) -> Block:
    """Kept on the telephone, the victim moves its savings together and sends them to a "safe account"."""
    rng, victim = scene.rng, scene.people(scene.cases)
    begin = scene.begin(12.5, 2.8)
    in_call = np.where(rng.random(scene.cases) < 0.7, IN_CALL, 0)
    gathers = np.flatnonzero(rng.random(scene.cases) < 0.6)
    savings = scene.by_phone(
        DEPOSIT,
        victim[gathers],
        begin[gathers],
        gathers,
        amount_fen=scene.money(60_000.0, 0.7, len(gathers), whole=10_000, whole_share=0.6),
        signs=in_call[gathers],
    )
    login = scene.by_phone(LOGIN, victim, begin + 3 * MINUTE_MS, -1, signs=in_call)
    ring, place = scene.sizes(1, 4)
    amount = np.maximum(15_000_00, scene.money(52_000.0, 0.7, len(ring), whole=10_000, whole_share=0.7))
    sent = scene.by_phone(
        TRANSFER,
        victim[ring],
        begin[ring] + rng.integers(8, 70, scene.cases)[ring] * MINUTE_MS + scene.steps(ring, 15 * 60.0, 60.0),
        ring,
        payee=scene.criminal_payees(scene.cases)[ring],
        amount_fen=np.minimum(amount, 900_000_00),
        balance_pct=np.minimum(100, 62 + place * 18 + scene.percent(0, 38, len(ring))),
        signs=in_call[ring],
    )
    return concatenate([savings, login, sent])


def elderly_victim(scene: Scene) -> Block:
    """An old customer sends more and more to somebody it never paid, over days, also at the counter."""
    rng, victim = scene.rng, scene.elders(scene.cases)
    payee = np.stack([scene.criminal_payees(scene.cases), scene.criminal_payees(scene.cases)])
    ring, place = scene.sizes(3, 8)
    days = rng.integers(1, 6, scene.cases)[ring] * place // 7
    occurred = scene.on_days(days, 10.5, 1.8)
    order = np.lexsort((occurred, ring))
    ring, occurred = ring[order], occurred[order]
    amount = scene.money(4_500.0, 0.5, len(ring), whole=1_000, whole_share=0.8) * (10 + 6 * place) // 10
    sent = scene.by_phone(
        TRANSFER,
        victim[ring],
        occurred,
        ring,
        payee=payee[(rng.random(len(ring)) < 0.2).astype(np.int64), ring],
        amount_fen=amount,
        balance_pct=np.minimum(100, 15 + place * 12 + scene.percent(0, 25, len(ring))),
        signs=np.where(rng.random(scene.cases) < 0.4, IN_CALL, 0)[ring],
    )
    _at_counter(sent, rng.random(len(ring)) < 0.35)
    return sent


def _at_counter(block: Block, chosen: Array) -> None:
    block["channel"][chosen] = COUNTER
    block["verification"][chosen] = BY_DOCUMENT
    block["network"][chosen] = NO_NETWORK
    block["signs"][chosen] = 0
    for name in ("device", "address"):
        block[name][chosen] = -1


def rapid_emptying(scene: Scene) -> Block:
    """Within minutes an account is emptied by every way there is."""
    rng, victim = scene.rng, scene.people(scene.cases)
    begin = scene.begin(14.0, 4.5)
    ring, place = scene.sizes(4, 10)
    last = place == np.bincount(ring, minlength=scene.cases)[ring] - 1
    occurred = begin[ring] + scene.steps(ring, 80.0, 8.0)
    payees = scene.criminal_payees(3 * scene.cases).reshape(scene.cases, 3)
    style = rng.random(len(ring))
    moved = last | (style < 0.7)
    paid = ~moved & (style < 0.85)
    share = np.where(
        last, scene.percent(90, 100, len(ring)), np.minimum(95, 20 + 12 * place + scene.percent(0, 20, len(ring)))
    )
    amount = scene.money(4_000.0, 0.7, len(ring), whole=100)
    sent = scene.by_phone(
        np.where(moved, TRANSFER, PAYMENT),
        victim[ring],
        occurred,
        ring,
        payee=np.where(moved, payees[ring, rng.integers(0, 3, len(ring))], -1),
        amount_fen=amount,
        balance_pct=share,
        merchant=np.where(moved, -1, scene.population.merchant(np.full(len(ring), ONLINE), rng.random(len(ring)))),
    )
    sent = take(sent, moved | paid)
    cash = ~moved & ~paid
    drawn = scene.at_machine(WITHDRAWAL, victim[ring[cash]], occurred[cash], ring[cash], amount[cash])
    drawn["balance_pct"] = share[cash].astype(np.int8)
    login = scene.by_phone(LOGIN, victim, begin - rng.integers(20, 120, scene.cases) * SECOND_MS, -1)
    return concatenate([login, sent, drawn])


def false_application(scene: Scene) -> Block:
    """A few devices apply for credit in the names of many."""
    rng = scene.rng
    ring, place = scene.sizes(4, 12)
    applicant = scene.anybody(len(ring))
    device = scene.population.first_criminal_device + (
        scene.population.criminal_devices * rng.random((scene.cases, 2))
    ).astype(np.int64)
    return scene.by_criminals(
        APPLICATION,
        applicant,
        scene.begin(14.0, 4.0)[ring] + scene.steps(ring, 25 * 60.0, 120.0),
        ring,
        device=device[ring, place % 2],
        amount_fen=scene.money(30_000.0, 0.5, len(ring), whole=5_000, whole_share=0.8),
        account=-1,
        result=np.where(rng.random(len(ring)) < 0.3, FAILED, SUCCEEDED),
    )


def card_not_present(scene: Scene) -> Block:
    """With the stolen details of a card a small payment or two tries it out, then shop after shop is charged."""
    rng, victim = scene.rng, scene.people(scene.cases)
    ring, place = scene.sizes(4, 12)
    trial = place < rng.integers(1, 3, scene.cases)[ring]
    small, large = scene.money(4.0, 0.6, len(ring), whole=1), scene.money(1_300.0, 0.7, len(ring), whole=10)
    return scene.by_card_details(
        victim[ring],
        scene.begin(13.0, 6.0)[ring] + scene.steps(ring, 5 * 60.0, 20.0),
        ring,
        np.where(trial, small, large),
        verification=np.where(rng.random(len(ring)) < 0.1, BY_SMS, BY_NOTHING),
        result=np.where(~trial & (rng.random(len(ring)) < 0.15), FAILED, SUCCEEDED),
    )
