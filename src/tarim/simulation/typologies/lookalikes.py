"""Genuine people doing what looks like crime: the hard negatives, one maker for each entry of `PATTERNS`."""

from __future__ import annotations

from typing import Final

import numpy as np

from tarim.base.instants import DAY_MS, HOUR_MS, MINUTE_MS
from tarim.simulation.blocks import Array, Block, concatenate, take
from tarim.simulation.envelope import (
    APPLICATION,
    BINDING,
    BY_DOCUMENT,
    BY_NOTHING,
    BY_PASSWORD,
    BY_PASSWORD_SMS,
    BY_PASSWORD_TOKEN,
    BY_SMS,
    COUNTER,
    DEPOSIT,
    FAILED,
    IN_CALL,
    LOGIN,
    PAYMENT,
    PC,
    POS,
    SCREEN_SHARED,
    SIGNUP,
    SUCCEEDED,
    TRANSFER,
    WIFI,
    WIRED,
    WITHDRAWAL,
)
from tarim.simulation.life import ONLINE
from tarim.simulation.mixing import mixed_with
from tarim.simulation.typologies.scene import Scene

_COMPANIES: Final = 200
_SALT_STAFF, _SALT_SCHOOL, _SALT_TRADER = 83, 89, 97


def _companies(scene: Scene, salt: int) -> Array:
    """One of few accounts for each case, so that it is met again in other weeks."""
    which = scene.rng.integers(0, _COMPANIES, scene.cases)
    return (mixed_with(which, scene.population.seed ^ salt) % np.uint64(scene.population.customers)).astype(np.int64)


def payday(scene: Scene) -> Block:
    """A company pays its staff in one go: the same people every month."""
    company = _companies(scene, _SALT_STAFF)
    sizes = 12 + mixed_with(company, _SALT_STAFF) % np.uint64(40)
    ring, place = scene.several(np.arange(scene.cases), sizes.astype(np.int64))
    staff = mixed_with(company[ring] * 64 + place, scene.population.seed ^ _SALT_STAFF)
    return scene.by_phone(
        TRANSFER,
        company[ring],
        scene.begin(10.5, 1.5)[ring] + scene.steps(ring, 12.0),
        ring,
        payee=(staff % np.uint64(scene.population.accounts)).astype(np.int64),
        amount_fen=scene.money(6_200.0, 0.4, len(ring), whole=10, whole_share=0.3),
        verification=BY_PASSWORD_TOKEN,
        channel=PC,
        network=WIRED,
    )


def red_envelopes(scene: Scene) -> Block:
    """Relatives and friends give small lucky sums to one person."""
    child = scene.people(scene.cases)
    ring, _ = scene.sizes(6, 22)
    lucky = np.array([66, 88, 100, 168, 188, 200, 288, 500, 600, 666, 888, 1_000, 2_000])
    return scene.by_phone(
        TRANSFER,
        scene.people(len(ring)),
        scene.begin(15.0, 4.0)[ring] + scene.within(ring, 5.0),
        ring,
        payee=child[ring],
        amount_fen=lucky[scene.rng.integers(0, len(lucky), len(ring))] * 100,
    )


def school_fees(scene: Scene) -> Block:
    """Parents pay the same fee to the same school within two days."""
    which = scene.rng.integers(0, 60, scene.cases)
    spot = mixed_with(which, scene.population.seed ^ _SALT_SCHOOL) % np.uint64(scene.population.accounts_elsewhere)
    school = scene.population.customers + spot.astype(np.int64)
    ring, _ = scene.sizes(15, 45)
    fee = scene.money(3_200.0, 0.6, scene.cases, whole=50, whole_share=1.0)
    occurred = scene.begin(9.0, 1.0)[ring] + scene.within(ring, 34.0)
    return scene.by_phone(TRANSFER, scene.people(len(ring)), occurred, ring, payee=school[ring], amount_fen=fee[ring])


def group_purchase(scene: Scene) -> Block:
    """Neighbours send their shares to one who orders for all and pays the supplier."""
    rng, leader = scene.rng, scene.people(scene.cases)
    ring, _ = scene.sizes(8, 30)
    came = scene.begin(12.0, 2.5)[ring] + scene.within(ring, 4.0)
    gathered = scene.by_phone(
        TRANSFER,
        scene.people(len(ring)),
        came,
        ring,
        payee=leader[ring],
        amount_fen=scene.money(75.0, 0.7, len(ring), whole=1),
    )
    total = np.bincount(ring, gathered["amount_fen"], scene.cases)
    last = np.zeros(scene.cases, np.int64)
    np.maximum.at(last, ring, came)
    paid = scene.by_phone(
        TRANSFER,
        leader,
        last + rng.integers(10 * MINUTE_MS, 5 * HOUR_MS, scene.cases),
        np.arange(scene.cases),
        payee=scene.strangers(scene.cases),
        amount_fen=(total * (0.85 + 0.12 * rng.random(scene.cases))).astype(np.int64),
    )
    return concatenate([gathered, paid])


def house_purchase(scene: Scene) -> Block:
    """The family helps out, and nearly everything goes to a seller never paid before."""
    rng, buyer = scene.rng, scene.people(scene.cases)
    begin = scene.begin(11.0, 2.5)
    ring, _ = scene.sizes(1, 5)
    helped = scene.by_phone(
        TRANSFER,
        scene.people(len(ring)),
        begin[ring] + scene.steps(ring, 50 * 60.0),
        ring,
        payee=buyer[ring],
        amount_fen=scene.money(45_000.0, 0.6, len(ring), whole=10_000, whole_share=0.8),
    )
    case = np.arange(scene.cases)
    paid = scene.by_phone(
        TRANSFER,
        buyer,
        begin + rng.integers(5, 70, scene.cases) * HOUR_MS,
        case,
        payee=scene.strangers(scene.cases),
        amount_fen=scene.money(150_000.0, 0.6, scene.cases, whole=10_000, whole_share=0.8),
        balance_pct=scene.percent(55, 99, scene.cases),
        signs=np.where(rng.random(scene.cases) < 0.06, IN_CALL, 0),
    )
    at_branch = rng.random(scene.cases) < 0.5
    for name, value in (("channel", COUNTER), ("verification", BY_DOCUMENT), ("network", 0), ("signs", 0)):
        paid[name][at_branch] = value
    for name in ("device", "address"):
        paid[name][at_branch] = -1
    return concatenate([helped, paid])


def helped_parent(scene: Scene) -> Block:
    """A child looks on from afar, often on the telephone, while an old parent sends money to a relative."""
    parent = scene.elders(scene.cases)
    ring, place = scene.sizes(2, 4)
    kind = np.where(place == 0, LOGIN, TRANSFER)
    known = scene.rng.random(len(ring)) < 0.8
    payee = np.where(known, scene.contacts(parent[ring]), scene.strangers(len(ring)))
    return scene.by_phone(
        kind,
        parent[ring],
        scene.begin(15.0, 4.0)[ring] + scene.steps(ring, 120.0, 20.0),
        ring,
        payee=np.where(kind == TRANSFER, payee, -1),
        amount_fen=np.where(kind == TRANSFER, scene.money(700.0, 1.0, len(ring)), -1),
        signs=SCREEN_SHARED + np.where(scene.rng.random(scene.cases) < 0.4, IN_CALL, 0)[ring],
    )


def new_phone(scene: Scene) -> Block:
    """A new telephone, sometimes while travelling: a binding, then money to people paid before, or to a new one."""
    rng, owner = scene.rng, scene.people(scene.cases)
    ring, place = scene.sizes(3, 6)
    kind = np.where(place == 0, LOGIN, np.where(place == 1, BINDING, TRANSFER))
    known = rng.random(len(ring)) < 0.75
    moved = kind == TRANSFER
    payee = np.where(known, scene.contacts(owner[ring]), scene.strangers(len(ring)))
    return scene.by_phone(
        kind,
        owner[ring],
        scene.begin(16.0, 4.0)[ring] + scene.steps(ring, 90.0, 15.0),
        ring,
        device=(owner + 2 * scene.population.customers)[ring],
        payee=np.where(moved, payee, -1),
        amount_fen=np.where(moved, scene.money(500.0, 1.2, len(ring)), -1),
        verification=np.where(kind == LOGIN, BY_SMS, BY_PASSWORD_SMS),
    )


def family_care(scene: Scene) -> Block:
    """An old customer supports a grandchild or pays a carer, several times a week."""
    rng, elder = scene.rng, scene.elders(scene.cases)
    ring, place = scene.sizes(2, 6)
    payee = np.where(rng.random(scene.cases) < 0.7, scene.contacts(elder), scene.strangers(scene.cases))
    return scene.by_phone(
        TRANSFER,
        elder[ring],
        scene.on_days(place * 7 // 6, 10.0, 2.0),
        ring,
        payee=payee[ring],
        amount_fen=scene.money(1_500.0, 0.8, len(ring), whole=100, whole_share=0.8),
    )


def shop_takings(scene: Scene) -> Block:
    """A trader brings the day's takings to the machine, day after day."""
    trader = _companies(scene, _SALT_TRADER)
    ring, place = scene.sizes(2, 7)
    takings = np.minimum(scene.money(16_000.0, 0.6, len(ring)), 49_900_00)
    return scene.at_machine(DEPOSIT, trader[ring], scene.on_days(place, 19.0, 1.2), ring, takings)


def business_payments(scene: Scene) -> Block:
    """An invoice is paid, and with that money the supplier, whom the owner knows."""
    rng, owner = scene.rng, _companies(scene, _SALT_TRADER)
    begin = scene.begin(10.5, 2.0)
    came = np.maximum(5_000_00, scene.money(40_000.0, 0.9, scene.cases, whole=1_000))
    case = np.arange(scene.cases)
    filled = scene.from_elsewhere(owner, begin, case, came)
    paid = scene.by_phone(
        TRANSFER,
        owner,
        begin + 3 * MINUTE_MS + (8 * HOUR_MS * rng.random(scene.cases) ** 2).astype(np.int64),
        case,
        payee=scene.contacts(owner),
        amount_fen=(came * (0.4 + 0.6 * rng.random(scene.cases))).astype(np.int64),
        balance_pct=scene.percent(20, 95, scene.cases),
    )
    return concatenate([filled, paid])


def builders_wages(scene: Scene) -> Block:
    """A foreman pays his workers, whole thousands each, some of them ten."""
    foreman = _companies(scene, _SALT_TRADER + 1)
    ring, place = scene.sizes(4, 11)
    thousands = np.array([3, 4, 5, 5, 6, 6, 7, 8, 10, 10])[scene.rng.integers(0, 10, len(ring))]
    workers = mixed_with(foreman[ring] * 16 + place, scene.population.seed ^ _SALT_TRADER)
    return scene.by_phone(
        TRANSFER,
        foreman[ring],
        scene.begin(18.0, 1.5)[ring] + scene.steps(ring, 90.0),
        ring,
        payee=(workers % np.uint64(scene.population.accounts)).astype(np.int64),
        amount_fen=thousands * 1_000_00,
    )


def back_from_abroad(scene: Scene) -> Block:
    """Somebody long away gets a sum and spends part of it in the following days."""
    rng, sleeper = scene.rng, scene.sleepers(1)
    came = scene.money(30_000.0, 0.8, scene.cases, whole=1_000)
    begin = scene.begin(11.0, 2.5)
    filled = scene.from_elsewhere(sleeper, begin, np.arange(scene.cases), came)
    ring, place = scene.sizes(1, 4)
    spent = scene.by_phone(
        TRANSFER,
        sleeper[ring],
        begin[ring] + place * DAY_MS + rng.integers(2, 20, len(ring)) * HOUR_MS,
        ring,
        payee=scene.contacts(sleeper[ring]),
        amount_fen=(came[ring] * (0.05 + 0.25 * rng.random(len(ring)))).astype(np.int64),
    )
    return concatenate([filled, spent])


def loan_fair(scene: Scene) -> Block:
    """Staff of one company apply for credit on the same day, from its network, at one fair in ten on the clerk's tablet."""
    rng = scene.rng
    ring, _ = scene.sizes(6, 22)
    who = scene.anybody(len(ring))
    own, tablet = scene.population.telephone(who, scene.day), scene.anybody(scene.cases) + scene.population.customers
    office = scene.population.households + rng.integers(0, scene.population.workplaces, scene.cases)
    return scene.by_phone(
        APPLICATION,
        who,
        scene.begin(10.0, 1.0)[ring] + scene.within(ring, 6.0),
        ring,
        device=np.where((rng.random(scene.cases) < 0.1)[ring], tablet[ring], own),
        address=office[ring],
        network=WIFI,
        amount_fen=scene.money(40_000.0, 0.6, len(ring), whole=5_000, whole_share=0.8),
        result=np.where(rng.random(len(ring)) < 0.1, FAILED, SUCCEEDED),
    )


def shop_promotion(scene: Scene) -> Block:
    """A shop's anniversary: a crowd pays within hours, everybody once."""
    rng = scene.rng
    buyers, _ = scene.sizes(12, 50)
    city = scene.population.home_city[scene.people(scene.cases)].astype(np.int64)
    shop = scene.population.merchant(city, rng.random(scene.cases))
    block = scene.by_phone(
        PAYMENT,
        scene.people(len(buyers)),
        scene.begin(17.0, 2.0)[buyers] + scene.within(buyers, 3.0),
        buyers,
        merchant=shop[buyers],
        amount_fen=scene.money(160.0, 0.8, len(buyers), whole=10),
        channel=POS,
        verification=BY_PASSWORD,
        device=-1,
        address=-1,
        network=0,
    )
    block["city"][:] = city[buyers]
    return block


def family_coupons(scene: Scene) -> Block:
    """A family orders with its coupons on the telephone of the household."""
    rng = scene.rng
    ring, place = scene.sizes(2, 6)
    host = scene.people(scene.cases)
    members = np.concatenate([host.reshape(-1, 1), scene.anybody(2 * scene.cases).reshape(-1, 2)], axis=1)
    household = 3 * scene.population.customers + scene.population.household[host]
    market = np.full(len(ring), ONLINE)
    return scene.by_phone(
        PAYMENT,
        members[ring, place % 3],
        scene.begin(19.0, 3.0)[ring] + scene.steps(ring, 240.0, 30.0),
        ring,
        device=household[ring],
        merchant=scene.population.merchant(market, rng.random(len(ring))),
        amount_fen=scene.money(28.0, 0.8, len(ring), whole=1),
        reference=rng.integers(3, 26, len(ring)) * 100,
    )


def _campus(scene: Scene, kind: int, low: int, high: int, hours: float, failed_share: float) -> Block:
    """Students on the campus network, each with an own telephone."""
    ring, _ = scene.sizes(low, high)
    campus = scene.population.households + scene.rng.integers(0, scene.population.workplaces, scene.cases)
    return scene.by_phone(
        kind,
        scene.anybody(len(ring)),
        scene.begin(12.0, 3.0)[ring] + scene.within(ring, hours),
        ring,
        address=campus[ring],
        network=WIFI,
        result=np.where(scene.rng.random(len(ring)) < failed_share, FAILED, SUCCEEDED),
    )


def campus_logins(scene: Scene) -> Block:
    """The canteen opens: many log in from one address within half an hour."""
    return _campus(scene, LOGIN, 15, 60, 0.5, 0.06)


def campus_signups(scene: Scene) -> Block:
    """Enrolment: many sign up from one address within hours."""
    return _campus(scene, SIGNUP, 8, 32, 3.0, 0.02)


def ambassador(scene: Scene) -> Block:
    """Somebody well connected invites many, each on an own telephone at an own place."""
    inviter = scene.people(scene.cases)
    ring, _ = scene.sizes(6, 24)
    occurred = scene.begin(11.0, 2.0)[ring] + scene.within(ring, 9.0)
    return scene.by_phone(SIGNUP, scene.anybody(len(ring)), occurred, ring, reference=inviter[ring] + 1)


def shared_telephone(scene: Scene) -> Block:
    """Two or three of a household take money out of their wallets on the same telephone."""
    ring, place = scene.sizes(2, 5)
    members = scene.anybody(3 * scene.cases).reshape(scene.cases, 3)
    household = 3 * scene.population.customers + scene.rng.integers(0, scene.population.households, scene.cases)
    return scene.by_phone(
        WITHDRAWAL,
        members[ring, place % 3],
        scene.begin(16.0, 3.0)[ring] + scene.steps(ring, 400.0, 30.0),
        ring,
        device=household[ring],
        amount_fen=scene.money(300.0, 0.8, len(ring), whole=10, whole_share=0.7),
        verification=BY_PASSWORD,
    )


def flash_sale(scene: Scene) -> Block:
    """At the stroke of an hour a crowd buys the same thing, each once or twice."""
    rng = scene.rng
    ring, _ = scene.sizes(18, 60)
    shop = scene.population.merchant(np.full(scene.cases, ONLINE), rng.random(scene.cases))
    price = scene.money(120.0, 0.7, scene.cases, whole=10)
    hour = np.array([10, 12, 20])[rng.integers(0, 3, scene.cases)] * HOUR_MS
    return scene.by_phone(
        PAYMENT,
        scene.people(len(ring)),
        scene.start_ms + hour[ring] + scene.steps(ring, 12.0, 0.2),
        ring,
        merchant=shop[ring],
        amount_fen=price[ring] * rng.integers(1, 3, len(ring)),
    )


def moving_out(scene: Scene) -> Block:
    """A customer moves everything to its account at another bank, in a few transfers."""
    owner = scene.people(scene.cases)
    ring, place = scene.sizes(2, 5)
    last = place == np.bincount(ring, minlength=scene.cases)[ring] - 1
    return scene.by_phone(
        TRANSFER,
        owner[ring],
        scene.begin(15.0, 3.5)[ring] + scene.steps(ring, 180.0, 20.0),
        ring,
        payee=scene.population.landlord(owner + 1)[ring],
        amount_fen=scene.money(2_500.0, 0.9, len(ring), whole=500),
        balance_pct=np.where(last, scene.percent(90, 100, len(ring)), scene.percent(15, 60, len(ring))),
    )


def big_shopping(scene: Scene) -> Block:
    """A wedding or a new home: large payments in shops over three days, some shops twice."""
    rng, buyer = scene.rng, scene.people(scene.cases)
    ring, place = scene.sizes(2, 6)
    city = scene.population.home_city[buyer].astype(np.int64)
    shops = scene.population.merchant(np.repeat(city, 3), rng.random(3 * scene.cases)).reshape(scene.cases, 3)
    block = scene.by_phone(
        PAYMENT,
        buyer[ring],
        scene.on_days(place * 3 // 6, 15.0, 3.0),
        ring,
        merchant=shops[ring, rng.integers(0, 3, len(ring))],
        amount_fen=scene.money(2_400.0, 0.7, len(ring), whole=10),
    )
    return take(block, np.argsort(block["occurred_ms"], kind="stable"))


def shopping_festival(scene: Scene) -> Block:
    """A day of bargains: within hours a customer pays in many online shops that keep the card on file, most with a code."""
    rng, buyer = scene.rng, scene.people(scene.cases)
    ring, _ = scene.sizes(3, 9)
    return scene.by_card_details(
        buyer[ring],
        scene.begin(20.0, 2.0)[ring] + scene.steps(ring, 14 * 60.0, 60.0),
        ring,
        scene.money(260.0, 0.9, len(ring), whole=1, whole_share=0.3),
        verification=np.where(rng.random(len(ring)) < 0.6, BY_SMS, BY_NOTHING),
    )
