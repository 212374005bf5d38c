"""Collusion of merchants, abuse of marketing, and everything done in bulk by programs."""

from __future__ import annotations

import numpy as np

from tarim.simulation.blocks import Array, Block, Ints
from tarim.simulation.envelope import BY_PASSWORD, FAILED, LOGIN, PAYMENT, POS, SIGNUP, SUCCEEDED, WITHDRAWAL
from tarim.simulation.life import ONLINE
from tarim.simulation.typologies.scene import Scene


def quiet_shops(scene: Scene, cities: Array) -> Array:
    """A merchant of each city from the unpopular half."""
    first, after = scene.population.city_first_merchant[cities], scene.population.city_first_merchant[cities + 1]
    shops: Array = after - 1 - (scene.rng.random(len(cities)) * np.maximum(1, (after - first) // 2)).astype(np.int64)
    return shops


def merchant_collusion(scene: Scene) -> Block:
    """A quiet shop takes many similar payments from a few cards within two hours."""
    rng = scene.rng
    city = scene.population.home_city[scene.people(scene.cases)].astype(np.int64)
    shop = quiet_shops(scene, city)
    ring, _ = scene.sizes(9, 26)
    cards = scene.people(8 * scene.cases).reshape(scene.cases, 8)
    card = cards[ring, rng.integers(0, 8, len(ring))]
    block = scene.by_phone(
        PAYMENT,
        card,
        scene.begin(19.0, 4.0)[ring] + scene.within(ring, 2.0),
        ring,
        merchant=shop[ring],
        amount_fen=np.where(
            rng.random(len(ring)) < 0.6,
            999_00 - rng.integers(0, 60, len(ring)) * 100,
            scene.money(700.0, 0.4, len(ring), whole=10),
        ),
    )
    block["channel"][:] = POS
    block["verification"][:] = BY_PASSWORD
    block["city"][:] = city[ring]
    block["network"][:] = 0
    for name in ("device", "address"):
        block[name][:] = -1
    return block


def _devices(scene: Scene, ring: Ints, place: Ints, each: int) -> Array:
    """Criminal devices of a ring, each used for about `each` of its events."""
    per_ring = 64
    pool = scene.population.first_criminal_device + scene.rng.integers(
        0, scene.population.criminal_devices, (max(1, scene.cases), per_ring)
    )
    found: Array = pool[ring, place // each % per_ring]
    return found


def marketing_abuse(scene: Scene) -> Block:
    """Accounts on a few devices buy what a discount makes nearly free."""
    rng = scene.rng
    ring, place = scene.sizes(8, 24)
    shop = scene.population.merchant(np.full(scene.cases, ONLINE), rng.random(scene.cases))
    discount = rng.integers(8, 31, scene.cases)[ring] * 100
    return scene.by_criminals(
        PAYMENT,
        scene.anybody(len(ring)),
        scene.begin(15.0, 5.0)[ring] + scene.steps(ring, 200.0, 15.0),
        ring,
        device=_devices(scene, ring, place, 6),
        merchant=shop[ring],
        amount_fen=scene.money(4.0, 1.0, len(ring), whole=1),
        reference=discount,
        verification=BY_PASSWORD,
    )


def bulk_login(scene: Scene) -> Block:
    """A list of stolen passwords is tried from one address; most of them fail."""
    rng = scene.rng
    ring, place = scene.sizes(25, 70)
    return scene.by_criminals(
        LOGIN,
        scene.anybody(len(ring)),
        scene.begin(12.0, 6.0)[ring] + scene.steps(ring, 18.0, 1.0),
        ring,
        device=_devices(scene, ring, place, 12),
        result=np.where(rng.random(len(ring)) < 0.8, FAILED, SUCCEEDED),
        verification=BY_PASSWORD,
    )


def bulk_signup(scene: Scene) -> Block:
    """A farm of devices registers many customers."""
    ring, place = scene.sizes(10, 32)
    return scene.by_criminals(
        SIGNUP,
        scene.anybody(len(ring)),
        scene.begin(14.0, 5.0)[ring] + scene.steps(ring, 110.0, 10.0),
        ring,
        device=_devices(scene, ring, place, 5),
    )


def bulk_invitation(scene: Scene) -> Block:
    """One customer invites many who share devices."""
    ring, place = scene.sizes(12, 36)
    inviter = scene.anybody(scene.cases)
    return scene.by_criminals(
        SIGNUP,
        scene.anybody(len(ring)),
        scene.begin(12.0, 3.0)[ring] + scene.steps(ring, 20 * 60.0, 20.0),
        ring,
        device=_devices(scene, ring, place, 4),
        reference=inviter[ring] + 1,
    )


def bulk_withdrawal(scene: Scene) -> Block:
    """One device or two empty many small wallets."""
    ring, place = scene.sizes(8, 22)
    return scene.by_criminals(
        WITHDRAWAL,
        scene.anybody(len(ring)),
        scene.begin(15.0, 5.0)[ring] + scene.steps(ring, 150.0, 10.0),
        ring,
        device=_devices(scene, ring, place, 11),
        amount_fen=scene.money(260.0, 0.8, len(ring), whole=10, whole_share=0.7),
        balance_pct=scene.percent(80, 100, len(ring)),
        verification=BY_PASSWORD,
    )


def bulk_order(scene: Scene) -> Block:
    """A program buys up an online shop's goods for a few accounts."""
    rng = scene.rng
    ring, place = scene.sizes(16, 50)
    shop = scene.population.merchant(np.full(scene.cases, ONLINE), rng.random(scene.cases))
    price = scene.money(180.0, 0.8, scene.cases, whole=10)
    buyers = scene.anybody(5 * scene.cases).reshape(scene.cases, 5)
    return scene.by_criminals(
        PAYMENT,
        buyers[ring, rng.integers(0, 5, len(ring))],
        scene.begin(13.0, 4.5)[ring] + scene.steps(ring, 9.0, 1.0),
        ring,
        device=_devices(scene, ring, place, 20),
        merchant=shop[ring],
        amount_fen=price[ring] * rng.integers(1, 3, len(ring)),
        verification=BY_PASSWORD,
    )
