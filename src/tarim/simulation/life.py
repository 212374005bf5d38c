"""An ordinary day: sessions of the app, purchases, cash, counters, salaries and rents.

A session is one customer in one place with one device; its events follow each other by about 45 seconds.  Times of the
day are drawn from an hour profile for each kind of session and kind of day.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.instants import DAY_MS, HOUR_MS, MINUTE_MS
from tarim.simulation.blocks import Array, Block, Ints, block_of, concatenate
from tarim.simulation.envelope import (
    API,
    ATM,
    BINDING,
    BY_DOCUMENT,
    BY_FACE,
    BY_FINGERPRINT,
    BY_NOTHING,
    BY_PASSWORD,
    BY_PASSWORD_SMS,
    BY_PASSWORD_SMS_FACE,
    BY_PASSWORD_TOKEN,
    BY_SMS,
    CELLULAR,
    COUNTER,
    DEPOSIT,
    FAILED,
    LOGIN,
    MOBILE,
    NO_NETWORK,
    PAYMENT,
    PC,
    POS,
    SUCCEEDED,
    TRANSFER,
    WIFI,
    WIRED,
    WITHDRAWAL,
)
from tarim.simulation.mixing import mixed_with
from tarim.simulation.places import CATEGORIES, CITIES
from tarim.simulation.population import (
    CONTACTS,
    HABIT_FACE,
    HABIT_FINGERPRINT,
    HABIT_OWL,
    HABIT_RENTS,
    HABIT_SECOND_DEVICE,
    NAT_PER_CITY,
    SALARY_DAYS,
    Population,
)

APP, SHOP, SCAN, CASH, BRANCH = range(5)
"""Kinds of session: the bank's app; a card at a till; a code scanned with a telephone; a machine; a branch."""

_SESSION_SHARE: Final = (0.40, 0.28, 0.22, 0.07, 0.03)
_LENGTHS: Final = (
    (1,) * 35 + (2,) * 45 + (3,) * 15 + (4,) * 5,
    (1,) * 75 + (2,) * 18 + (3,) * 7,
    (1,) * 76 + (2,) * 17 + (3,) * 7,
    (1,) * 90 + (2,) * 10,
    (1,) * 96 + (2,) * 4,
)
_GAP_MS: Final = 45_000.0
SESSION_MEAN_EVENTS: Final = sum(
    share * sum(lengths) / len(lengths) for share, lengths in zip(_SESSION_SHARE, _LENGTHS, strict=True)
)

WEEKDAY_FACTOR: Final = (0.97, 0.96, 0.97, 1.00, 1.09, 1.06, 0.95)
"""Activity from Monday to Sunday; the mean is 1."""

#             0  1  2  3  4  5  6  7   8   9  10  11  12  13  14  15  16  17  18  19  20  21  22  23
_HOURS: Final = (
    ((5, 3, 2, 1, 1, 2, 6, 18, 32, 42, 46, 44, 48, 40, 36, 36, 38, 42, 48, 54, 58, 52, 36, 16),),
    ((0, 0, 0, 0, 0, 0, 2, 8, 14, 20, 28, 36, 34, 24, 22, 24, 30, 44, 54, 52, 42, 24, 8, 2),),
    ((2, 1, 0, 0, 0, 1, 8, 30, 34, 20, 20, 36, 56, 34, 22, 22, 24, 38, 56, 50, 40, 28, 16, 6),),
    ((1, 1, 0, 0, 0, 1, 4, 12, 24, 36, 40, 36, 26, 26, 32, 34, 36, 38, 34, 26, 18, 10, 5, 2),),
    ((0, 0, 0, 0, 0, 0, 0, 0, 12, 50, 56, 44, 12, 24, 46, 48, 34, 6, 0, 0, 0, 0, 0, 0),),
)
_WEEKEND_SHIFT: Final = (1, 1, 1, 0, 0)
"""Hours by which a weekend's day starts later, by kind of session."""


def _minute_table(hours: tuple[int, ...], shift: int) -> npt.NDArray[np.int32]:
    """4096 minutes of the day, as frequent as the hour profile says."""
    weights = np.roll(np.array(hours, np.float64), shift)
    edges = np.concatenate([[0.0], np.cumsum(weights / weights.sum())])
    table: npt.NDArray[np.int32] = (np.interp((np.arange(4_096) + 0.5) / 4_096, edges, np.arange(25)) * 60).astype(
        np.int32
    )
    return table


_MINUTES: Final = np.stack(
    [
        np.stack([_minute_table(profile[0], 0), _minute_table(profile[0], shift)])
        for profile, shift in zip(_HOURS, _WEEKEND_SHIFT, strict=True)
    ]
)
_LENGTH_TABLE: Final = np.array([np.resize(lengths, 100) for lengths in _LENGTHS], np.int8)
_SESSION_TABLE: Final = np.repeat(np.arange(5, dtype=np.int8), np.round(np.array(_SESSION_SHARE) * 1_000).astype(int))
_CATEGORY_LOG: Final = np.log([category.median_yuan for category in CATEGORIES])
_CATEGORY_SPREAD: Final = np.array([category.spread for category in CATEGORIES])
ONLINE: Final = len(CITIES)


def places_of_telephones(
    rng: np.random.Generator, population: Population, customers: Array, cities: Array
) -> tuple[Array, Array]:
    """Address and network of telephones: at home, at work, or through a carrier's shared address in the city."""
    count = len(customers)
    uniform = rng.random(count, dtype=np.float32)
    at_home = (uniform < 0.45) & (cities == population.home_city[customers])
    at_work = (uniform >= 0.45) & (uniform < 0.62) & (cities == population.home_city[customers])
    household = population.household[customers]
    work = population.households + (mixed_with(customers, 71) % np.uint64(population.workplaces)).astype(np.int64)
    shared = population.first_nat_address + cities * NAT_PER_CITY + rng.integers(0, NAT_PER_CITY, count)
    address = np.where(at_home, household, np.where(at_work, work, shared))
    return address, np.where(at_home | at_work, WIFI, CELLULAR)


def transfer_fen(rng: np.random.Generator, level: Array) -> Ints:
    """Ordinary transfer amounts: log-normal around a personal level, more than half of them round."""
    count = len(level)
    yuan = np.exp(5.9 + 0.55 * level + 1.25 * rng.standard_normal(count, dtype=np.float32))
    style = rng.random(count, dtype=np.float32)
    yuan = np.where(style < 0.35, np.maximum(100, np.round(yuan / 100) * 100), yuan)
    yuan = np.where((style >= 0.35) & (style < 0.62), np.maximum(10, np.round(yuan / 10) * 10), yuan)
    fen: Ints = np.clip(np.round(yuan * 100), 1, 300_000_00).astype(np.int64)
    return fen


def login_verification(habits: Array) -> Array:
    """How a customer usually logs in."""
    return np.where(
        habits & HABIT_FACE > 0, BY_FACE, np.where(habits & HABIT_FINGERPRINT > 0, BY_FINGERPRINT, BY_PASSWORD)
    )


def transfer_verification(amount_fen: Array, channel: Array) -> Array:
    """What the bank asks for before a transfer: more for more money."""
    strong = np.where(amount_fen >= 5_000_000, BY_PASSWORD_SMS_FACE, BY_PASSWORD_SMS)
    return np.where(channel == COUNTER, BY_DOCUMENT, np.where(channel == PC, BY_PASSWORD_TOKEN, strong))


def sessions_of_day(
    rng: np.random.Generator, population: Population, day: int, day_start_ms: int, *, weekend: bool, count: int
) -> Block:
    """About `count` events of ordinary sessions, in no particular order."""
    sessions = max(1, round(count / SESSION_MEAN_EVENTS))
    kind_of = _SESSION_TABLE[rng.integers(0, len(_SESSION_TABLE), sessions)]
    lengths = _LENGTH_TABLE[kind_of, rng.integers(0, 100, sessions)]
    customer_of = population.draw_customers(rng, sessions)
    habits_of = population.habits[customer_of]
    city_of = population.city_today(customer_of, day)
    minute = _MINUTES[kind_of, int(weekend), rng.integers(0, 4_096, sessions)]
    starts = minute * np.int64(MINUTE_MS) + rng.integers(0, MINUTE_MS, sessions)
    night_shift = np.where((habits_of & HABIT_OWL > 0) & (kind_of <= SCAN), 7 * HOUR_MS, 0)
    starts = (starts + night_shift) % DAY_MS

    on_telephone = (kind_of == APP) | (kind_of == SCAN)
    chance = rng.random(sessions, dtype=np.float32)
    at_desk = (kind_of == APP) & (chance < 0.07)
    channel_of = np.array([MOBILE, POS, MOBILE, ATM, COUNTER], np.int8)[kind_of]
    channel_of[at_desk] = PC
    device_of = population.telephone(customer_of, day)
    second = (habits_of & HABIT_SECOND_DEVICE > 0) & (chance > 0.80) | at_desk
    device_of = np.where(second, customer_of + population.customers, device_of)
    family = (chance > 0.975) & ~at_desk
    device_of = np.where(family, 3 * population.customers + population.household[customer_of], device_of)
    device_of = np.where(on_telephone, device_of, -1)
    address_of, network_of = places_of_telephones(rng, population, customer_of, city_of)
    network_of = np.where(at_desk, WIRED, network_of)
    address_of = np.where(on_telephone, address_of, -1)
    network_of = np.where(on_telephone, network_of, NO_NETWORK)

    session = np.repeat(np.arange(sessions), lengths)
    events = len(session)
    first = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    position = np.arange(events) - first[session]
    gaps = np.where(position == 0, 0.0, 5_000.0 + rng.standard_exponential(events, dtype=np.float32) * _GAP_MS)
    walked = np.cumsum(gaps)
    occurred = day_start_ms + starts[session] + (walked - walked[first][session]).astype(np.int64)

    session_kind, customer, channel = kind_of[session], customer_of[session], channel_of[session]
    city, level = city_of[session].copy(), population.level[customer]
    chance = rng.random(events, dtype=np.float32)
    kind = np.full(events, PAYMENT, np.int8)
    in_app = session_kind == APP
    kind[in_app] = np.where(position == 0, LOGIN, np.where(chance < 0.68, TRANSFER, PAYMENT))[in_app]
    kind[in_app & (position == 1) & (chance > 0.988)] = BINDING
    kind[session_kind == CASH] = np.where(chance < 0.86, WITHDRAWAL, DEPOSIT)[session_kind == CASH]
    in_branch = session_kind == BRANCH
    kind[in_branch] = np.where(chance < 0.36, DEPOSIT, np.where(chance < 0.68, WITHDRAWAL, TRANSFER))[in_branch]

    amount = np.full(events, -1, np.int64)
    payee = np.full(events, -1, np.int64)
    merchant = np.full(events, -1, np.int64)

    paying = np.flatnonzero(kind == PAYMENT)
    payer, shop_kind = customer[paying], session_kind[paying]
    uniform = rng.random((2, len(paying)))
    loyal = uniform[0] < 0.5
    liking = population.favourite(payer, (4 * (uniform[0] * 2.0) ** 2).astype(np.int64) % 4)
    market = np.where((shop_kind == APP) | ((shop_kind == SCAN) & (uniform[1] < 0.15)), ONLINE, city[paying])
    merchant[paying] = population.merchant(market, np.where(loyal, liking, uniform[1]))
    category = population.merchant_category[merchant[paying]]
    spread = 0.25 * level[paying] + _CATEGORY_SPREAD[category] * rng.standard_normal(len(paying), dtype=np.float32)
    yuan = np.exp(_CATEGORY_LOG[category] + spread)
    style = rng.random(len(paying), dtype=np.float32)
    whole = np.maximum(1.0, np.round(yuan))
    yuan = np.where(
        style < 0.30, whole, np.where(style < 0.45, whole - 0.1, np.where(style < 0.55, whole - 0.01, yuan))
    )
    amount[paying] = np.clip(np.round(yuan * 100), 1, 200_000_00).astype(np.int64)

    sending = np.flatnonzero(kind == TRANSFER)
    uniform = rng.random((2, len(sending)))
    contact = population.contact(customer[sending], (CONTACTS * uniform[0] ** 2.5).astype(np.int64))
    payee[sending] = np.where(uniform[1] < 0.70, contact, population.stranger(rng.random(len(sending))))
    same = payee[sending] == customer[sending]
    payee[sending[same]] = (payee[sending[same]] + 1) % population.accounts
    amount[sending] = transfer_fen(rng, level[sending])

    cash = np.flatnonzero((kind == WITHDRAWAL) | (kind == DEPOSIT))
    notes = np.exp(6.9 + 0.4 * level[cash] + 0.8 * rng.standard_normal(len(cash), dtype=np.float32))
    most = np.where(session_kind[cash] == CASH, 200.0, 2_000.0)
    amount[cash] = (np.clip(np.round(notes / 100.0), 1.0, most) * 10_000).astype(np.int64)

    chance = rng.random(events, dtype=np.float32)
    result = np.where(chance < np.where(kind == LOGIN, 0.035, 0.012), FAILED, SUCCEEDED)
    by_login = login_verification(population.habits[customer])
    forgot = rng.random(events, dtype=np.float32) < 0.03
    verification = np.where(kind == LOGIN, np.where(forgot, BY_SMS, by_login), BY_PASSWORD)
    verification = np.where(kind == BINDING, BY_PASSWORD_SMS, verification)
    verification = np.where((kind == PAYMENT) & (channel == MOBILE), by_login, verification)
    verification = np.where(kind == TRANSFER, transfer_verification(amount, channel), verification)
    verification = np.where(channel == COUNTER, BY_DOCUMENT, verification)
    return block_of(
        events,
        occurred_ms=occurred,
        kind=kind,
        channel=channel,
        result=result,
        network=network_of[session],
        verification=verification,
        customer=customer,
        account=np.where((kind == LOGIN) | (kind == BINDING), -1, customer),
        payee=payee,
        amount_fen=amount,
        device=device_of[session],
        address=address_of[session],
        city=city,
        merchant=merchant,
    )


def regular_counts(population: Population, events_per_day: int) -> tuple[int, int]:
    """How many customers get their salary, and how many pay their rent, through this bank in a month."""
    salaries = min(population.customers * 3 // 5, round(events_per_day * 30 * 0.05))
    rents = min(population.customers // 4, round(events_per_day * 30 * 0.012))
    return salaries, rents


def regulars_of_day(
    rng: np.random.Generator, population: Population, today: date, day: int, day_start_ms: int, events_per_day: int
) -> Block:
    """Salaries and rents that fall on this day of the month."""
    salaries, rents = regular_counts(population, events_per_day)
    blocks = []
    if today.day in SALARY_DAYS:
        paid = population.salary_rank[:salaries]
        employer = population.employer(paid)
        mine = employer % len(SALARY_DAYS) == SALARY_DAYS.index(today.day)
        paid, employer = paid[mine], employer[mine]
        pay_hour = 9 * HOUR_MS + (mixed_with(employer, 73) % np.uint64(150 * MINUTE_MS)).astype(np.int64)
        variation = 1.0 + 0.03 * rng.standard_normal(len(paid))
        blocks.append(
            block_of(
                len(paid),
                occurred_ms=day_start_ms + pay_hour + rng.integers(0, 4 * MINUTE_MS, len(paid)),
                kind=DEPOSIT,
                channel=API,
                verification=BY_NOTHING,
                customer=paid,
                account=paid,
                amount_fen=np.maximum(100_00, np.round(population.income_fen[paid] * variation)).astype(np.int64),
            )
        )
    tenants = population.salary_rank[::-1][: min(population.customers, rents * 4)]
    tenants = tenants[population.habits[tenants] & HABIT_RENTS > 0][:rents]
    due = 1 + (mixed_with(tenants, 79) % np.uint64(28)).astype(np.int64)
    due = np.where(due > 14, due % 5 + 1, due)
    tenants = tenants[due == today.day]
    if len(tenants):
        count = len(tenants)
        city = population.city_today(tenants, day)
        address, network = places_of_telephones(rng, population, tenants, city)
        amount = population.rent_fen[tenants]
        evening = np.clip(19.5 + 2.0 * rng.standard_normal(count), 7.0, 23.9) * HOUR_MS
        blocks.append(
            block_of(
                count,
                occurred_ms=day_start_ms + evening.astype(np.int64),
                kind=TRANSFER,
                channel=MOBILE,
                network=network,
                verification=transfer_verification(amount, np.full(count, MOBILE)),
                customer=tenants,
                account=tenants,
                payee=population.landlord(tenants),
                amount_fen=amount,
                device=population.telephone(tenants, day),
                address=address,
                city=city,
            )
        )
    return concatenate(blocks)


def ordinary_day(
    rng: np.random.Generator, population: Population, today: date, day: int, day_start_ms: int, *, events_mean: float
) -> Block:
    """One ordinary day; over a month the mean number of events a day is `events_mean`."""
    planned = round(events_mean)
    salaries, rents = regular_counts(population, planned)
    free = max(1.0, planned - (salaries + rents) / 30.4)
    wanted = free * WEEKDAY_FACTOR[today.weekday()] * float(np.exp(0.03 * rng.standard_normal()))
    sessions = sessions_of_day(
        rng, population, day, day_start_ms, weekend=today.weekday() >= 5, count=max(1, round(wanted))
    )
    return concatenate([sessions, regulars_of_day(rng, population, today, day, day_start_ms, planned)])
