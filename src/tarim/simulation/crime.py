"""Crime: rings that begin on a day, and every event they cause on that day and the following ones.

    account_takeover  a stranger's device and address, often at night: logins, perhaps a binding, then transfers to new
                      payees in quick succession
    telecom_fraud     the victim itself, with its own telephone at home, sends large sums to a payee it never met
    mule              a lent account: money of several payers comes in, and within the hour it leaves
    gather_scatter    many senders just under the reporting limit, one collector, a layer, many receivers, over days
    cash_out          a small merchant and a few cards: payments without goods, money back next day, less a fee

Criminals also do what everybody does: their customers live their ordinary days beside the ring, victims use their own
devices, collectors resemble popular shops, and ordinary people too change telephones, wake at night and pay strangers.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final

import numpy as np

from tarim.base.instants import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from tarim.simulation.blocks import Array, Block, Ints, block_of, concatenate, take
from tarim.simulation.envelope import (
    ATM,
    BINDING,
    BY_PASSWORD,
    BY_PASSWORD_SMS,
    BY_SMS,
    CELLULAR,
    FAILED,
    LOGIN,
    MOBILE,
    NO_NETWORK,
    PAYMENT,
    POS,
    SUCCEEDED,
    TRANSFER,
    WIFI,
    WITHDRAWAL,
)
from tarim.simulation.life import login_verification, places_of_telephones, transfer_verification
from tarim.simulation.mixing import mixed_with, stream_of
from tarim.simulation.places import CITIES
from tarim.simulation.population import NAT_PER_CITY, Population
from tarim.simulation.settings import CrimeSettings

CRIME_STREAM: Final = 3
RING_DAYS_MAX: Final = 9
"""No ring has events later than this many days after its first day."""
RINGS_PER_DAY: Final = 100_000


class CrimeKind(IntEnum):
    """Kinds of crime; 0 is none."""

    NONE = 0
    ACCOUNT_TAKEOVER = 1
    TELECOM_FRAUD = 2
    MULE = 3
    GATHER_SCATTER = 4
    CASH_OUT = 5


def waking(rng: np.random.Generator, count: int, mean: float = 14.5, spread: float = 3.6) -> Ints:
    """Times of day in ms, mostly by daylight."""
    hours = np.clip(mean + spread * rng.standard_normal(count), 0.2, 23.5)
    return (hours * HOUR_MS).astype(np.int64)


def steps(rng: np.random.Generator, ring: Ints, mean_ms: float, least_ms: int = 3_000) -> Ints:
    """For events sorted by ring, ms since the ring's first event: exponential steps."""
    gaps = least_ms + rng.standard_exponential(len(ring)) * mean_ms
    fresh = np.concatenate([[True], ring[1:] != ring[:-1]]) if len(ring) else np.zeros(0, bool)
    gaps[fresh] = 0.0
    walked = np.cumsum(gaps)
    base = walked[np.flatnonzero(fresh)][np.cumsum(fresh) - 1] if len(ring) else walked
    return (walked - base).astype(np.int64)


def mules(rng: np.random.Generator, population: Population, day: int, count: int) -> Array:
    """Accounts of lenders in use on a day; a lender is used for about three weeks, then by nobody for a while."""
    pool = population.mule_pool
    in_use = pool[(mixed_with(pool, population.seed ^ (day // 21)) % np.uint64(4)) == 0]
    chosen = in_use if len(in_use) else pool
    picked: Array = chosen[rng.integers(0, len(chosen), count)].astype(np.int64)
    return picked


def hidden_accounts(rng: np.random.Generator, population: Population, count: int) -> Array:
    """Accounts at other banks that criminals use: one in forty of those, so they are met again."""
    group = max(10, population.accounts_elsewhere // 40)
    return population.customers + rng.integers(0, group, count) * (population.accounts_elsewhere // group)


def criminal_places(rng: np.random.Generator, population: Population, count: int) -> tuple[Array, Array, Array]:
    """Device, address and city index of criminals: few devices for many victims, half of them behind a carrier."""
    device = population.first_criminal_device + (population.criminal_devices * rng.random(count) ** 1.5).astype(
        np.int64
    )
    city = rng.integers(0, len(CITIES), count)
    own = population.first_criminal_address + rng.integers(0, population.criminal_addresses, count)
    shared = population.first_nat_address + city * NAT_PER_CITY + rng.integers(0, NAT_PER_CITY, count)
    return device, np.where(rng.random(count) < 0.5, own, shared), city


def _send(
    rng: np.random.Generator,
    population: Population,
    day: int,
    *,
    occurred: Ints,
    sender: Array,
    payee: Array,
    amount: Ints,
    ring: Ints,
    crime: Array | int,
) -> Block:
    """Transfers from the senders' own telephones, wherever they are."""
    city = population.city_today(sender, day)
    address, network = places_of_telephones(rng, population, sender, city)
    count = len(sender)
    return block_of(
        count,
        occurred_ms=occurred,
        kind=TRANSFER,
        channel=MOBILE,
        network=network,
        verification=transfer_verification(amount, np.full(count, MOBILE)),
        customer=sender,
        account=sender,
        payee=np.where(payee == sender, (payee + 1) % population.accounts, payee),
        amount_fen=amount,
        device=population.telephone(sender, day),
        address=address,
        city=city,
        crime=crime,
        ring=ring,
    )


def taken_over(rng: np.random.Generator, population: Population, day: int, start_ms: int, rings: int) -> Block:
    """Accounts taken over by strangers."""
    victim = population.draw_customers(rng, rings).astype(np.int64)
    device, address, city = criminal_places(rng, population, rings)
    night = rng.random(rings) < 0.6
    begin = start_ms + np.where(night, rng.integers(0, 5 * HOUR_MS, rings), waking(rng, rings))
    network = np.where(rng.random(rings) < 0.5, CELLULAR, WIFI)
    logins = rng.integers(1, 4, rings)
    binds = (rng.random(rings) < 0.5).astype(np.int64)
    sends = rng.integers(2, 6, rings)
    length = logins + binds + sends
    ring = np.repeat(np.arange(rings), length)
    position = np.arange(len(ring)) - np.concatenate([[0], np.cumsum(length)[:-1]])[ring]
    is_login = position < logins[ring]
    is_binding = ~is_login & (position < (logins + binds)[ring])
    kind = np.where(is_login, LOGIN, np.where(is_binding, BINDING, TRANSFER))
    tried = is_login & (position < logins[ring] - 1)
    new_payees = np.where(
        rng.random((rings, 3)) < 0.5,
        mules(rng, population, day, rings * 3).reshape(rings, 3),
        hidden_accounts(rng, population, rings * 3).reshape(rings, 3),
    )
    payee = new_payees[ring, (rng.random(len(ring)) ** 2 * 3).astype(np.int64)]
    level = population.level[victim[ring]]
    yuan = np.exp(8.0 + 0.4 * level + 0.9 * rng.standard_normal(len(ring)))
    style = rng.random(len(ring))
    yuan = np.where(style < 0.4, np.maximum(500, np.round(yuan / 100) * 100), yuan)
    yuan = np.minimum(yuan, np.where(style > 0.8, 4_999.0, 49_999.0))
    moved = kind == TRANSFER
    return block_of(
        len(ring),
        occurred_ms=begin[ring] + steps(rng, ring, 55_000.0),
        kind=kind,
        channel=MOBILE,
        result=np.where(tried | (rng.random(len(ring)) < 0.03), FAILED, SUCCEEDED),
        network=network[ring],
        verification=np.where(is_login, np.where(tried, BY_PASSWORD, BY_SMS), BY_PASSWORD_SMS),
        customer=victim[ring],
        account=np.where(moved, victim[ring], -1),
        payee=np.where(moved & (payee != victim[ring]), payee, np.where(moved, population.customers, -1)),
        amount_fen=np.where(moved, np.round(yuan * 100).astype(np.int64), -1),
        device=device[ring],
        address=address[ring],
        city=city[ring],
        crime=CrimeKind.ACCOUNT_TAKEOVER,
        ring=ring,
    )


def _persuaded(rng: np.random.Generator, population: Population, day: int, start_ms: int, rings: int) -> Block:
    victim = population.draw_customers(rng, rings).astype(np.int64)
    length = rng.integers(1, 5, rings)
    ring = np.repeat(np.arange(rings), length)
    begin = start_ms + waking(rng, rings, 13.5, 3.0)
    payee_of = np.where(
        rng.random(rings) < 0.5, mules(rng, population, day, rings), hidden_accounts(rng, population, rings)
    )
    yuan = np.exp(8.9 + 0.5 * population.level[victim[ring]] + 0.8 * rng.standard_normal(len(ring)))
    yuan = np.where(rng.random(len(ring)) < 0.7, np.maximum(1_000, np.round(yuan / 1_000) * 1_000), yuan)
    amount = np.clip(np.round(yuan * 100), 100_00, 500_000_00).astype(np.int64)
    sent = _send(
        rng,
        population,
        day,
        occurred=begin[ring] + 90 * SECOND_MS + steps(rng, ring, 11.0 * MINUTE_MS, 30_000),
        sender=victim[ring],
        payee=payee_of[ring],
        amount=amount,
        ring=ring,
        crime=CrimeKind.TELECOM_FRAUD,
    )
    first = np.flatnonzero(np.concatenate([[True], ring[1:] != ring[:-1]])) if rings else np.zeros(0, np.int64)
    opened = take(sent, first)
    login = block_of(
        rings,
        occurred_ms=opened["occurred_ms"] - rng.integers(20 * SECOND_MS, 80 * SECOND_MS, rings),
        kind=LOGIN,
        channel=MOBILE,
        network=opened["network"],
        verification=login_verification(population.habits[victim]),
        customer=victim,
        device=opened["device"],
        address=opened["address"],
        city=opened["city"],
    )
    return concatenate([login, sent])


def lent(rng: np.random.Generator, population: Population, day: int, start_ms: int, rings: int) -> Block:
    """Lent accounts: money of several comes in and leaves within the hour."""
    mule = mules(rng, population, day, rings)
    later = rng.integers(0, 3, rings)
    begin = start_ms + later * DAY_MS + waking(rng, rings, 14.0, 4.0)
    into = rng.integers(3, 10, rings)
    ring = np.repeat(np.arange(rings), into)
    payer = population.draw_customers(rng, len(ring)).astype(np.int64)
    came = begin[ring] + steps(rng, ring, 14.0 * MINUTE_MS)
    yuan = np.exp(7.6 + 0.8 * rng.standard_normal(len(ring)))
    yuan = np.where(rng.random(len(ring)) < 0.5, np.maximum(100, np.round(yuan / 100) * 100), yuan)
    amount = np.clip(np.round(yuan * 100), 100_00, 100_000_00).astype(np.int64)
    gathered = _send(
        rng,
        population,
        day,
        occurred=came,
        sender=np.where(payer == mule[ring], (payer + 1) % population.customers, payer),
        payee=mule[ring],
        amount=amount,
        ring=ring,
        crime=CrimeKind.MULE,
    )
    total = np.bincount(ring, amount, rings)
    last = np.zeros(rings, np.int64)
    np.maximum.at(last, ring, came)
    out = rng.integers(2, 6, rings)
    ring = np.repeat(np.arange(rings), out)
    portion = rng.dirichlet(np.ones(6), rings)[ring, np.arange(len(ring)) % 6] * 1.8
    amount = np.maximum(100_00, np.minimum(0.5, portion) * total[ring] * 0.97).astype(np.int64)
    left = last[ring] + rng.integers(4 * MINUTE_MS, 50 * MINUTE_MS, rings)[ring] + steps(rng, ring, 3.0 * MINUTE_MS)
    sent = _send(
        rng,
        population,
        day,
        occurred=left,
        sender=mule[ring],
        payee=hidden_accounts(rng, population, len(ring)),
        amount=amount,
        ring=ring,
        crime=CrimeKind.MULE,
    )
    drawn = rng.random(len(ring)) < 0.3
    sent["kind"][drawn] = WITHDRAWAL
    sent["channel"][drawn] = ATM
    sent["network"][drawn] = NO_NETWORK
    sent["verification"][drawn] = BY_PASSWORD
    sent["amount_fen"][drawn] = np.clip(np.round(sent["amount_fen"][drawn] / 10_000), 1, 200) * 10_000
    for name in ("payee", "device", "address"):
        sent[name][drawn] = -1
    return concatenate([gathered, sent])


def _layered(rng: np.random.Generator, population: Population, day: int, start_ms: int, rings: int) -> Block:
    width_in = rng.integers(5, 13, rings)
    collector = mules(rng, population, day, rings)
    ring = np.repeat(np.arange(rings), width_in)
    sender = np.where(
        rng.random(len(ring)) < 0.4,
        mules(rng, population, day, len(ring)),
        population.draw_customers(rng, len(ring)).astype(np.int64),
    )
    sender = np.where(sender == collector[ring], (sender + 1) % population.customers, sender)
    came = start_ms + rng.integers(0, 3, len(ring)) * DAY_MS + waking(rng, len(ring))
    yuan = np.where(
        rng.random(len(ring)) < 0.5,
        49_999.0 - np.floor(rng.random(len(ring)) * 40) * 250.0,
        np.exp(8.6 + 0.8 * rng.standard_normal(len(ring))),
    )
    amount = np.clip(np.round(yuan * 100), 500_00, 49_999_00).astype(np.int64)
    gathered = _send(
        rng,
        population,
        day,
        occurred=came,
        sender=sender,
        payee=collector[ring],
        amount=amount,
        ring=ring,
        crime=CrimeKind.GATHER_SCATTER,
    )
    total = np.bincount(ring, amount, rings)
    layers = rng.integers(1, 4, rings)
    layer_ring = np.repeat(np.arange(rings), layers)
    layer = mules(rng, population, day + 7, len(layer_ring))
    layer = np.where(layer == collector[layer_ring], (layer + 1) % population.customers, layer)
    passed = start_ms + 3 * DAY_MS + rng.integers(0, 2, rings)[layer_ring] * DAY_MS + waking(rng, len(layer_ring))
    through = (total / layers * 0.99)[layer_ring]
    forwarded = _send(
        rng,
        population,
        day,
        occurred=passed,
        sender=collector[layer_ring],
        payee=layer,
        amount=np.maximum(100_00, through * (0.9 + 0.1 * rng.random(len(layer_ring)))).astype(np.int64),
        ring=layer_ring,
        crime=CrimeKind.GATHER_SCATTER,
    )
    width_out = rng.integers(2, 6, len(layer_ring))
    spot = np.repeat(np.arange(len(layer_ring)), width_out)
    scattered = _send(
        rng,
        population,
        day,
        occurred=start_ms + 5 * DAY_MS + rng.integers(0, 3, len(spot)) * DAY_MS + waking(rng, len(spot)),
        sender=layer[spot],
        payee=np.where(
            rng.random(len(spot)) < 0.6,
            hidden_accounts(rng, population, len(spot)),
            population.stranger(rng.random(len(spot))),
        ),
        amount=np.maximum(100_00, (through / width_out)[spot] * (0.7 + 0.5 * rng.random(len(spot)))).astype(np.int64),
        ring=layer_ring[spot],
        crime=CrimeKind.GATHER_SCATTER,
    )
    return concatenate([gathered, forwarded, scattered])


def cashed_out(rng: np.random.Generator, population: Population, day: int, start_ms: int, rings: int) -> Block:
    """Payments without goods at small merchants, and the money on its way back."""
    # The unpopular end of a city's merchants: the last of each city's list, met by few others.
    city = population.home_city[population.draw_customers(rng, rings)].astype(np.int64)
    first, after = population.city_first_merchant[city], population.city_first_merchant[city + 1]
    shop = after - 1 - (rng.random(rings) * np.maximum(1, (after - first) // 2)).astype(np.int64)
    owner = mules(rng, population, day, rings)
    cards = rng.integers(3, 9, rings)
    card_ring = np.repeat(np.arange(rings), cards)
    card = population.draw_customers(rng, len(card_ring)).astype(np.int64)
    card = np.where(card == owner[card_ring], (card + 1) % population.customers, card)
    swipes = rng.integers(1, 4, len(card_ring))
    spot = np.repeat(np.arange(len(card_ring)), swipes)
    ring = card_ring[spot]
    occurred = start_ms + rng.integers(0, 6, len(spot)) * DAY_MS + waking(rng, len(spot), 15.5, 4.5)
    yuan = np.exp(7.9 + 0.5 * rng.standard_normal(len(spot)))
    style = rng.random(len(spot))
    yuan = np.where(style < 0.35, np.round(yuan / 100) * 100 - 1.0, np.where(style < 0.7, np.round(yuan), yuan))
    amount = np.clip(np.round(yuan * 100), 300_00, 50_000_00).astype(np.int64)
    paid = block_of(
        len(spot),
        occurred_ms=occurred,
        kind=PAYMENT,
        channel=POS,
        verification=BY_PASSWORD,
        customer=card[spot],
        account=card[spot],
        amount_fen=amount,
        city=city[ring],
        merchant=shop[ring],
        crime=CrimeKind.CASH_OUT,
        ring=ring,
    )
    returned = rng.random(len(spot)) < 0.6
    back = _send(
        rng,
        population,
        day,
        occurred=(occurred // DAY_MS * DAY_MS + DAY_MS)[returned] + waking(rng, int(returned.sum())) - 8 * HOUR_MS,
        sender=owner[ring[returned]],
        payee=card[spot[returned]],
        amount=(amount[returned] * (0.985 - 0.01 * rng.random(int(returned.sum())))).astype(np.int64),
        ring=ring[returned],
        crime=CrimeKind.CASH_OUT,
    )
    return concatenate([paid, back])


_MAKERS: Final[tuple[Callable[[np.random.Generator, Population, int, int, int], Block], ...]] = (
    taken_over,
    _persuaded,
    lent,
    _layered,
    cashed_out,
)
RING_MEAN_EVENTS: Final = (6.0, 2.5, 9.5, 8.5 + 2.0 + 2.0 * 3.5, 5.5 * 2.0 * 1.6)
"""Expected criminal events of one ring, by kind, in the order of CrimeKind."""


def rings_of_day(
    population: Population, crime: CrimeSettings, day: int, day_start_ms: int, events_per_day: int
) -> Block:
    """All events of the rings that begin on `day`, criminal and accompanying, on that and the following days."""
    rng = stream_of(population.seed, CRIME_STREAM, day)
    weights = np.array(crime.weights)
    wanted = crime.share * events_per_day * weights / weights.sum() / np.array(RING_MEAN_EVENTS)
    blocks = []
    begun = 0
    for make, rings in zip(_MAKERS, rng.poisson(wanted), strict=True):
        count = int(min(rings, RINGS_PER_DAY // len(_MAKERS)))
        if count == 0:
            continue
        block = make(rng, population, day, day_start_ms, count)
        set_known(rng, crime, block, count)
        number_rings(block, day, day_start_ms, begun)
        blocks.append(block)
        begun += count
    return concatenate(blocks)


def set_known(rng: np.random.Generator, crime: CrimeSettings, block: Block, rings: int) -> None:
    """Set when the criminal events of `rings` rings become known."""
    criminal = block["crime"] > 0
    ring = np.where(criminal, block["ring"], 0)
    ended = np.zeros(rings, np.int64)
    np.maximum.at(ended, ring[criminal], block["occurred_ms"][criminal])
    delay_days = np.exp(np.log(crime.label_delay_days_median) + 0.6 * rng.standard_normal(rings))
    delay = (np.clip(delay_days, 0.1, crime.label_delay_days_max) * DAY_MS).astype(np.int64)
    reported = rng.random(rings) < crime.reported_share
    known = np.where(reported, ended + delay, 0)
    spread = rng.integers(0, 30 * MINUTE_MS, len(ring))
    block["label_ms"] = np.where(criminal & reported[ring], known[ring] + spread, 0)


def number_rings(block: Block, day: int, day_start_ms: int, begun: int) -> None:
    """Number the rings that begin on `day`, of which `begun` have a number; events that belong to none get -1."""
    part_of = (block["crime"] > 0) | (block["pattern"] > 0)
    numbers = (day + RING_DAYS_MAX) * np.int64(RINGS_PER_DAY) + begun + block["ring"]
    block["ring"] = np.where(part_of, numbers, -1)
    assert block["occurred_ms"].max(initial=0) < day_start_ms + (RING_DAYS_MAX + 1) * DAY_MS
