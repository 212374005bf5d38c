"""How often each kind of case begins, the services that all customers use, and the free fields of every event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from tarim.base.instants import DAY_MS, HOUR_MS
from tarim.simulation import crime
from tarim.simulation.blocks import Array, Block, Ints, concatenate
from tarim.simulation.envelope import (
    APPLICATION,
    CRIME_NAMES,
    FAILED,
    IN_CALL,
    MOBILE,
    PATTERNS,
    PAYMENT,
    SCENARIOS,
    SCREEN_SHARED,
    SIGNUP,
    SUCCEEDED,
    TRANSFER,
    WITHDRAWAL,
)
from tarim.simulation.mixing import mixed_with, stream_of, unit_interval
from tarim.simulation.population import SALARY_DAYS, Population
from tarim.simulation.settings import SimulationSettings
from tarim.simulation.typologies import abuse, fraud, laundering, lookalikes
from tarim.simulation.typologies.scene import Maker, Scene

CASE_STREAM: Final = 100
"""Purpose of the first kind's stream; kind after kind has the next."""
SERVICE_SHARE: Final = 0.025
"""Share of all events: what `services_of_day` makes."""
_SALT_SIGNS, _SALT_BALANCE, _SALT_REST, _SALT_DISCOUNT = range(131, 135)


def _taken_over(scene: Scene) -> Block:
    return crime.taken_over(scene.rng, scene.population, scene.day, scene.start_ms, scene.cases)


def _lent(scene: Scene) -> Block:
    return crime.lent(scene.rng, scene.population, scene.day, scene.start_ms, scene.cases)


def _cashed_out(scene: Scene) -> Block:
    return crime.cashed_out(scene.rng, scene.population, scene.day, scene.start_ms, scene.cases)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of case: who makes it, how many events one has on average, how frequent it is beside the others."""

    make: Maker
    events_mean: float
    weight: float = 1.0


CRIME_KINDS: Final[dict[str, Kind]] = {
    "account_takeover": Kind(_taken_over, 6.0),
    "mule": Kind(_lent, 9.5),
    "cash_out": Kind(_cashed_out, 17.6),
    "remote_control": Kind(fraud.remote_control, 5.5),
    "safe_account": Kind(fraud.safe_account, 2.6),
    "elderly_victim": Kind(fraud.elderly_victim, 5.0),
    "rapid_emptying": Kind(fraud.rapid_emptying, 6.5),
    "structuring": Kind(laundering.structuring, 5.5),
    "fan_in": Kind(laundering.fan_in, 18.5),
    "fan_out": Kind(laundering.fan_out, 17.0),
    "rapid_movement": Kind(laundering.rapid_movement, 4.0),
    "round_amounts": Kind(laundering.round_amounts, 7.5),
    "dormant_then_active": Kind(laundering.dormant_then_active, 4.0),
    "false_application": Kind(fraud.false_application, 7.5),
    "merchant_collusion": Kind(abuse.merchant_collusion, 17.0),
    "marketing_abuse": Kind(abuse.marketing_abuse, 15.5, 0.6),
    "bulk_login": Kind(abuse.bulk_login, 47.0, 0.4),
    "bulk_signup": Kind(abuse.bulk_signup, 20.5, 0.5),
    "bulk_invitation": Kind(abuse.bulk_invitation, 23.5, 0.5),
    "bulk_withdrawal": Kind(abuse.bulk_withdrawal, 14.5, 0.6),
    "bulk_order": Kind(abuse.bulk_order, 32.5, 0.4),
    "card_not_present": Kind(fraud.card_not_present, 7.5),
}
PATTERN_KINDS: Final[dict[str, Kind]] = {
    "payday": Kind(lookalikes.payday, 31.5),
    "red_envelopes": Kind(lookalikes.red_envelopes, 13.5),
    "school_fees": Kind(lookalikes.school_fees, 29.5, 0.6),
    "group_purchase": Kind(lookalikes.group_purchase, 19.5),
    "house_purchase": Kind(lookalikes.house_purchase, 3.5),
    "helped_parent": Kind(lookalikes.helped_parent, 2.5, 2.0),
    "new_phone": Kind(lookalikes.new_phone, 4.0, 3.0),
    "family_care": Kind(lookalikes.family_care, 3.5, 2.0),
    "shop_takings": Kind(lookalikes.shop_takings, 4.0, 2.0),
    "business_payments": Kind(lookalikes.business_payments, 2.0, 3.0),
    "builders_wages": Kind(lookalikes.builders_wages, 7.0),
    "back_from_abroad": Kind(lookalikes.back_from_abroad, 3.0),
    "loan_fair": Kind(lookalikes.loan_fair, 13.5, 0.6),
    "shop_promotion": Kind(lookalikes.shop_promotion, 30.5, 0.6),
    "family_coupons": Kind(lookalikes.family_coupons, 3.5, 2.0),
    "campus_logins": Kind(lookalikes.campus_logins, 37.0, 0.6),
    "campus_signups": Kind(lookalikes.campus_signups, 19.5, 0.6),
    "ambassador": Kind(lookalikes.ambassador, 14.5, 0.6),
    "shared_telephone": Kind(lookalikes.shared_telephone, 3.0, 2.0),
    "flash_sale": Kind(lookalikes.flash_sale, 38.5, 0.6),
    "moving_out": Kind(lookalikes.moving_out, 3.0),
    "big_shopping": Kind(lookalikes.big_shopping, 3.5, 2.0),
    "shopping_festival": Kind(lookalikes.shopping_festival, 5.5, 2.0),
}
"""Rates are those of an ordinary day; `_season` multiplies some of them."""
assert tuple(CRIME_KINDS) == SCENARIOS and tuple(PATTERN_KINDS) == tuple(name for name, _ in PATTERNS)


def new_year(year: int) -> date:
    """The lunar New Year: the first mean new moon from 21 January on, within a day or two of the calendar's."""
    known, month_days = date(2000, 1, 6), 29.530588
    months = np.ceil(((date(year, 1, 21) - known).days - 0.75) / month_days)
    return known + timedelta(days=int(months * month_days + 1.1))


def _season(name: str, today: date) -> float:
    """How much more often than usual something happens today."""
    if name == "payday":
        return 5.0 if today.day in SALARY_DAYS else 0.2
    if name == "red_envelopes":
        return 8.0 if -1 <= (today - new_year(today.year)).days <= 7 else 0.6
    if name in ("school_fees", "campus_signups"):
        return 4.0 if ((today.month, today.day) >= (8, 25) and today.month <= 9) or today.month in (2, 3) else 0.5
    return 1.0


def _cases_wanted(kinds: dict[str, Kind], events: float) -> dict[str, float]:
    """How many cases of each kind begin on an ordinary day, so that together they have so many events."""
    total = sum(kind.weight * kind.events_mean for kind in kinds.values())
    return {name: events * kind.weight / total for name, kind in kinds.items()}


def cases_of_day(
    population: Population, settings: SimulationSettings, today: date, day: int, day_start_ms: int
) -> Block:
    """All events of the cases and patterns that begin on `day`, on that and the following days."""
    crimes = _cases_wanted(CRIME_KINDS, settings.crime.share * settings.events_per_day)
    patterns = _cases_wanted(PATTERN_KINDS, settings.pattern_share * settings.events_per_day)
    blocks = []
    begun = 0
    for index, (name, wanted) in enumerate([*crimes.items(), *patterns.items()]):
        criminal = index < len(CRIME_KINDS)
        kind = CRIME_KINDS[name] if criminal else PATTERN_KINDS[name]
        rng = stream_of(settings.seed, CASE_STREAM + index, day)
        expected = wanted if criminal else wanted * _season(name, today)
        cases = int(min(rng.poisson(expected), crime.RINGS_PER_DAY // 64))
        if cases == 0:
            continue
        block = kind.make(Scene(rng, population, day, day_start_ms, cases))
        part_of = (block["crime"] > 0) if block["crime"].any() else (block["ring"] >= 0)
        code = CRIME_NAMES.index(name) + 1 if criminal else index - len(CRIME_KINDS) + 1
        block["crime" if criminal else "pattern"] = np.where(part_of, code, 0).astype(np.int8)
        crime.set_known(rng, settings.crime, block, cases)
        crime.number_rings(block, day, day_start_ms, begun)
        blocks.append(block)
        begun += cases
    return concatenate(blocks)


def services_of_day(
    rng: np.random.Generator, population: Population, day: int, day_start_ms: int, events_per_day: int
) -> Block:
    """Genuine sign-ups, applications, withdrawals by telephone, money from other banks, and cards that shops keep on file."""
    count = int(rng.poisson(SERVICE_SHARE * events_per_day))
    scene = Scene(rng, population, day, day_start_ms, 0)
    kind = rng.choice([SIGNUP, APPLICATION, WITHDRAWAL, PAYMENT, -1], count, p=[0.15, 0.1, 0.2, 0.25, 0.3])
    occurred = day_start_ms + crime.waking(rng, count)
    customer = scene.people(count)
    from_elsewhere = kind < 0
    asked = scene.money(25_000.0, 0.7, count, whole=1_000, whole_share=0.9)
    taken = scene.money(350.0, 0.9, count, whole=10, whole_share=0.7)
    invited = (kind == SIGNUP) & (rng.random(count) < 0.3)
    kept = kind == PAYMENT
    here = ~from_elsewhere & ~kept
    by_phone = scene.by_phone(
        kind[here],
        customer[here],
        occurred[here],
        -1,
        amount_fen=np.where(kind == APPLICATION, asked, np.where(kind == WITHDRAWAL, taken, -1))[here],
        result=np.where(rng.random(count) < 0.06, FAILED, SUCCEEDED)[here],
        reference=np.where(invited, scene.anybody(count) + 1, 0)[here],
    )
    amount = scene.money(2_200.0, 1.3, count, whole=100)
    came = scene.from_elsewhere(customer[from_elsewhere], occurred[from_elsewhere], -1, amount[from_elsewhere])
    charged = scene.by_card_details(
        customer[kept], occurred[kept], -1, scene.money(60.0, 1.0, int(kept.sum()), whole=1)
    )
    return concatenate([by_phone, came, charged])


def complete(population: Population, block: Block) -> Block:
    """Fill in, where a maker said nothing, what the app saw, the share of the balance, and discounts.

    A function of customer, half hour and amount: one session sees the same signs throughout.
    """
    customer, half_hour = block["customer"].astype(np.int64), block["occurred_ms"] // (HOUR_MS // 2)
    session = mixed_with(customer, population.seed ^ _SALT_SIGNS).view(np.int64) ^ half_hour
    chance = unit_interval(mixed_with(session, _SALT_SIGNS))
    seen = np.select(
        (chance < 0.002, chance < 0.003, chance < 0.033), (SCREEN_SHARED, SCREEN_SHARED + IN_CALL, IN_CALL)
    )
    on_phone = (block["channel"] == MOBILE) & (block["signs"] == 0)
    block["signs"] = np.where(on_phone, seen, block["signs"]).astype(np.int8)
    going_out = np.isin(block["kind"], (TRANSFER, PAYMENT, WITHDRAWAL)) & (block["balance_pct"] == 0)
    usual = _balance_pct(population, customer, block["occurred_ms"], block["amount_fen"])
    block["balance_pct"] = np.where(going_out, usual, block["balance_pct"]).astype(np.int8)
    lucky = unit_interval(mixed_with(session, _SALT_DISCOUNT))
    online = population.merchant_city[np.maximum(block["merchant"], 0)] == -1
    discounted = (
        (block["kind"] == PAYMENT) & online & (block["merchant"] >= 0) & (block["reference"] == 0) & (lucky < 0.05)
    )
    discount = (lucky * 20 * 20).astype(np.int64) * 100 + 100
    block["reference"] = np.where(discounted, discount, block["reference"]).astype(np.int32)
    return block


def _balance_pct(population: Population, customer: Array, occurred_ms: Ints, amount_fen: Array) -> Ints:
    """Share of the balance that genuine spending takes, percent, at least 1: savings are log-normal around the income.

    Who spends much has it: the balance is at least the amount and a log-normal rest of the same size.
    """
    own = _normal(customer, population.seed ^ _SALT_BALANCE)
    now = _normal(customer * 4_096 + occurred_ms // DAY_MS % 4_096, _SALT_REST)
    amount = np.maximum(amount_fen, 1).astype(np.float64)
    savings = population.income_fen[customer] * np.exp(0.6 + 0.9 * own + 0.4 * now)
    balance = np.maximum(savings, amount * (1.0 + np.exp(now)))
    share: Ints = np.clip(100.0 * amount / balance, 1, 100).astype(np.int64)
    return share


def _normal(values: Ints, salt: int) -> Array:
    """A nearly normal number for each value: the sum of four uniform ones, scaled."""
    words = mixed_with(values, salt)
    parts = [(words >> np.uint64(16 * part) & np.uint64(0xFFFF)).astype(np.float64) for part in range(4)]
    summed: Array = (sum(parts) / 65_536.0 - 2.0) * np.sqrt(3.0)
    return summed
