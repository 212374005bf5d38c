"""Laundering in its typologies."""

from __future__ import annotations

import numpy as np

from tarim.base.instants import HOUR_MS, MINUTE_MS
from tarim.simulation.blocks import Block, concatenate
from tarim.simulation.crime import hidden_accounts
from tarim.simulation.envelope import DEPOSIT, LOGIN, TRANSFER
from tarim.simulation.typologies.scene import Scene


def structuring(scene: Scene) -> Block:
    """Cash is brought in in parts, most of them just below the reporting limit of 50,000 yuan."""
    rng, depositor = scene.rng, scene.people(scene.cases)
    ring, place = scene.sizes(3, 9)
    days = place * rng.integers(1, 4, scene.cases)[ring] // 6
    yuan = np.where(
        rng.random(len(ring)) < 0.75,
        49_900 - rng.integers(0, 60, len(ring)) * 100,
        rng.integers(300, 440, len(ring)) * 100,
    )
    return scene.at_machine(
        DEPOSIT, depositor[ring], scene.on_days(days, 13.5, 3.0), ring, (yuan * 100).astype(np.int64)
    )


def fan_in(scene: Scene) -> Block:
    """Many people pay one account within a day; later it leaves again."""
    rng, collector = scene.rng, scene.lenders(scene.cases)
    ring, _ = scene.sizes(8, 26)
    hours = 4.0 + 20.0 * rng.random(scene.cases)
    occurred = scene.begin(10.0, 2.0)[ring] + (scene.within(ring, 1.0) * hours[ring]).astype(np.int64)
    gathered = scene.by_phone(
        TRANSFER,
        scene.people(len(ring)),
        occurred,
        ring,
        payee=collector[ring],
        amount_fen=np.minimum(scene.money(3_800.0, 0.8, len(ring)), 49_999_00),
    )
    total = np.bincount(ring, gathered["amount_fen"], scene.cases)
    last = np.zeros(scene.cases, np.int64)
    np.maximum.at(last, ring, occurred)
    out, _ = scene.sizes(1, 4)
    portion = 0.3 * (0.7 + 0.3 * rng.random(len(out)))
    left = scene.by_phone(
        TRANSFER,
        collector[out],
        last[out] + rng.integers(1, 20, scene.cases)[out] * HOUR_MS + scene.steps(out, 600.0),
        out,
        payee=hidden_accounts(rng, scene.population, len(out)),
        amount_fen=np.maximum(100_00, portion * total[out]).astype(np.int64),
        balance_pct=scene.percent(25, 95, len(out)),
    )
    return concatenate([gathered, left])


def fan_out(scene: Scene) -> Block:
    """One account pays many within hours."""
    rng, source = scene.rng, scene.lenders(scene.cases)
    begin = scene.begin(13.0, 3.5)
    ring, _ = scene.sizes(9, 24)
    amount = np.minimum(scene.money(3_200.0, 0.6, len(ring)), 49_999_00)
    total = np.bincount(ring, amount, scene.cases).astype(np.int64)
    filled = scene.from_elsewhere(source, begin, np.arange(scene.cases), total + scene.money(800.0, 0.5, scene.cases))
    hours = 1.0 + 9.0 * rng.random(scene.cases)
    occurred = begin[ring] + 20 * MINUTE_MS + (scene.within(ring, 1.0) * hours[ring]).astype(np.int64)
    payee = np.where(rng.random(len(ring)) < 0.5, scene.criminal_payees(len(ring)), scene.strangers(len(ring)))
    sent = scene.by_phone(TRANSFER, source[ring], occurred, ring, payee=payee, amount_fen=amount)
    return concatenate([filled, sent])


def rapid_movement(scene: Scene) -> Block:
    """A large sum passes through a chain of accounts, half an hour in each."""
    rng, length = scene.rng, 3
    chain = np.stack([scene.lenders(scene.cases) for _ in range(length)])
    end = hidden_accounts(rng, scene.population, scene.cases)
    begin = scene.begin(14.0, 4.5)
    amount = np.maximum(12_000_00, scene.money(85_000.0, 0.8, scene.cases, whole=1_000))
    case = np.arange(scene.cases)
    blocks = [scene.from_elsewhere(chain[0], begin, case, amount)]
    at = begin
    for step in range(length):
        at = at + rng.integers(3 * MINUTE_MS, 35 * MINUTE_MS, scene.cases)
        amount = (amount * (0.97 + 0.03 * rng.random(scene.cases))).astype(np.int64)
        payee = chain[step + 1] if step + 1 < length else end
        blocks.append(
            scene.by_phone(
                TRANSFER,
                chain[step],
                at,
                case,
                payee=payee,
                amount_fen=amount,
                balance_pct=scene.percent(70, 100, scene.cases),
            )
        )
    return concatenate(blocks)


def round_amounts(scene: Scene) -> Block:
    """Whole tens of thousands go to a few accounts, again and again."""
    rng = scene.rng
    owner, few = scene.people(scene.cases), scene.criminal_payees(2 * scene.cases).reshape(scene.cases, 2)
    ring, place = scene.sizes(5, 11)
    days = place * rng.integers(1, 6, scene.cases)[ring] // 8
    tens = np.maximum(1, np.round(3.5 * np.exp(0.7 * rng.standard_normal(len(ring)))))
    return scene.by_phone(
        TRANSFER,
        owner[ring],
        scene.on_days(days, 14.0, 3.0),
        ring,
        payee=few[ring, (rng.random(len(ring)) < 0.35).astype(np.int64)],
        amount_fen=(np.minimum(tens, 40) * 10_000_00).astype(np.int64),
    )


def dormant_then_active(scene: Scene) -> Block:
    """An account that slept for months takes in a large sum and passes it on."""
    rng, sleeper = scene.rng, scene.sleepers(0)
    begin = scene.begin(11.0, 2.5)
    came = np.maximum(10_000_00, scene.money(70_000.0, 0.7, scene.cases, whole=1_000))
    case = np.arange(scene.cases)
    filled = scene.from_elsewhere(sleeper, begin, case, came)
    login = scene.by_phone(LOGIN, sleeper, begin + rng.integers(20, 300, scene.cases) * MINUTE_MS, -1)
    ring, place = scene.sizes(2, 5)
    count = np.bincount(ring, minlength=scene.cases)[ring]
    share = (0.75 + 0.24 * rng.random(scene.cases))[ring] / count
    sent = scene.by_phone(
        TRANSFER,
        sleeper[ring],
        login["occurred_ms"][ring] + 2 * MINUTE_MS + scene.steps(ring, 25 * 60.0, 30.0),
        ring,
        payee=scene.criminal_payees(len(ring)),
        amount_fen=(came[ring] * share * (0.9 + 0.2 * rng.random(len(ring)))).astype(np.int64),
        balance_pct=np.minimum(100, 100 * (place + 1) // count - scene.percent(0, 8, len(ring))),
    )
    return concatenate([filled, login, sent])
