"""What a maker of cases works with: its random stream, the bank, the day, and how many cases begin on it.

A maker is a function from a Scene to a block.  Events with `ring` >= 0 (the case's number on this day) are the case;
others only accompany it.  Which crime or pattern it is, and what becomes known of it, is set afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from tarim.base.instants import DAY_MS, HOUR_MS
from tarim.simulation.blocks import Array, Block, Ints, block_of
from tarim.simulation.crime import criminal_places, hidden_accounts, mules, steps, waking
from tarim.simulation.envelope import (
    API,
    ATM,
    BY_NOTHING,
    BY_PASSWORD,
    BY_SMS,
    CELLULAR,
    DEPOSIT,
    LOGIN,
    MOBILE,
    PAYMENT,
    SUCCEEDED,
    TRANSFER,
    WIFI,
    WITHDRAWAL,
)
from tarim.simulation.life import ONLINE, login_verification, places_of_telephones, transfer_verification
from tarim.simulation.population import CONTACTS, Population

_SLEEPERS_PER_DAY: Final = 7


@dataclass(frozen=True, slots=True)
class Scene:
    """One kind of case on one day."""

    rng: np.random.Generator
    population: Population
    day: int
    start_ms: int
    cases: int

    def sizes(self, low: int, high: int) -> tuple[Ints, Ints]:
        """For each event its case, and its place in it; a case has `low` to `high` - 1 events."""
        lengths = self.rng.integers(low, high, self.cases)
        return self.several(np.arange(self.cases), lengths)

    def several(self, of: Array, lengths: Array) -> tuple[Ints, Ints]:
        """Each of `of` as often as `lengths` says, and the place of each repetition."""
        first = np.cumsum(lengths) - lengths
        return np.repeat(of, lengths).astype(np.int64), np.arange(int(lengths.sum())) - np.repeat(first, lengths)

    def begin(self, mean: float = 14.0, spread: float = 3.6) -> Ints:
        """When each case begins, ms since the epoch: mostly by daylight."""
        return self.start_ms + waking(self.rng, self.cases, mean, spread)

    def on_days(self, days: Array, mean: float = 14.0, spread: float = 3.6) -> Ints:
        """A time by daylight `days` days after the first."""
        return self.start_ms + days.astype(np.int64) * DAY_MS + waking(self.rng, len(days), mean, spread)

    def within(self, ring: Ints, hours: float) -> Ints:
        """For events sorted by ring, ms since the ring's beginning: anywhere in so many hours, in order."""
        spot = np.sort(ring + self.rng.random(len(ring)) * 0.999) - ring
        return (spot * hours * HOUR_MS).astype(np.int64)

    def steps(self, ring: Ints, mean_s: float, least_s: float = 3.0) -> Ints:
        """For events sorted by ring, ms since the ring's first event: exponential steps."""
        return steps(self.rng, ring, mean_s * 1_000.0, int(least_s * 1_000))

    def people(self, count: int) -> Array:
        """Customers by their activity."""
        return self.population.draw_customers(self.rng, count).astype(np.int64)

    def anybody(self, count: int) -> Array:
        """Customers, each as likely as another."""
        return self.rng.integers(0, self.population.customers, count)

    def sleepers(self, half: int) -> Array:
        """A dormant customer for each case, from one half (0, 1) of them: taken in turn, so that none wakes twice soon."""
        everybody = np.arange(self.population.customers)
        dormant = everybody[self.population.dormant(everybody)]
        pool = dormant[half::2] if len(dormant) > 1 else everybody
        picked: Array = pool[(self.day * _SLEEPERS_PER_DAY + np.arange(self.cases)) % len(pool)]
        return picked

    def elders(self, count: int) -> Array:
        """Customers of sixty or more, by activity: the oldest of each twenty drawn."""
        drawn = self.people(20 * count).reshape(count, 20)
        oldest = np.argmax(self.population.age(drawn), axis=1) if count else np.zeros(0, np.int64)
        elders: Array = drawn[np.arange(count), oldest]
        return elders

    def lenders(self, count: int) -> Array:
        """Accounts lent to criminals."""
        return mules(self.rng, self.population, self.day, count)

    def criminal_payees(self, count: int) -> Array:
        """Where the money of crime goes: lent accounts here, accounts elsewhere."""
        elsewhere = hidden_accounts(self.rng, self.population, count)
        return np.where(self.rng.random(count) < 0.5, self.lenders(count), elsewhere)

    def strangers(self, count: int) -> Array:
        """Accounts that anybody may pay, the popular more often."""
        return self.population.stranger(self.rng.random(count))

    def contacts(self, customers: Array) -> Array:
        """An account that each customer often pays."""
        which = (CONTACTS * self.rng.random(len(customers)) ** 2.5).astype(np.int64)
        return self.population.contact(customers, which)

    def money(
        self, median_yuan: float, spread: float, count: int, *, whole: int = 100, whole_share: float = 0.5
    ) -> Ints:
        """Log-normal amounts in fen; `whole_share` of them are multiples of `whole` yuan."""
        yuan = median_yuan * np.exp(spread * self.rng.standard_normal(count))
        round_ones = np.maximum(whole, np.round(yuan / whole) * whole)
        yuan = np.where(self.rng.random(count) < whole_share, round_ones, yuan)
        return np.clip(np.round(yuan * 100), 1_00, 900_000_00).astype(np.int64)

    def percent(self, low: int, high: int, count: int) -> Ints:
        """Percentages in [low, high]."""
        return self.rng.integers(low, high + 1, count)

    def by_phone(
        self, kind: int | Array, customer: Array, occurred: Ints, ring: Ints | int, **columns: Array | int
    ) -> Block:
        """Events from the customers' own telephones, where they are, a customer in one place all the while."""
        count, population, day = len(customer), self.population, self.day
        who, spot = np.unique(customer, return_inverse=True)
        city_of = population.city_today(who, day)
        address_of, network_of = places_of_telephones(self.rng, population, who, city_of)
        kinds = np.broadcast_to(np.asarray(kind), (count,))
        given: dict[str, Array | int] = {
            "device": population.telephone(customer, day),
            "address": address_of[spot],
            "network": network_of[spot],
            "city": city_of[spot],
            "verification": self._verification(kinds, customer, columns),
        }
        return self._block(kinds, customer, occurred, ring, MOBILE, given | columns)

    def at_machine(self, kind: int, customer: Array, occurred: Ints, ring: Ints | int, amount: Ints) -> Block:
        """Cash at machines in the customers' cities, in whole hundreds of yuan."""
        notes = np.maximum(1, amount // 10_000) * 10_000
        city = self.population.city_today(customer, self.day)
        given: dict[str, Array | int] = {"verification": BY_PASSWORD, "amount_fen": notes, "city": city}
        return self._block(np.full(len(customer), kind), customer, occurred, ring, ATM, given)

    def from_elsewhere(self, customer: Array, occurred: Ints, ring: Ints | int, amount: Ints) -> Block:
        """Money that comes in from other banks."""
        given: dict[str, Array | int] = {"verification": BY_NOTHING, "amount_fen": amount}
        return self._block(np.full(len(customer), DEPOSIT), customer, occurred, ring, API, given)

    def by_card_details(
        self, customer: Array, occurred: Ints, ring: Ints | int, amount: Ints, **columns: Array | int
    ) -> Block:
        """Payments to online shops by the card's number and codes: the bank sees no device, and often nothing is verified."""
        count = len(customer)
        shop = self.population.merchant(np.full(count, ONLINE), self.rng.random(count))
        shown = np.where(self.rng.random(count) < 0.35, BY_SMS, BY_NOTHING)
        given: dict[str, Array | int] = {"merchant": shop, "amount_fen": amount, "verification": shown}
        return self._block(np.full(count, PAYMENT), customer, occurred, ring, API, given | columns)

    def by_criminals(
        self, kind: int | Array, customer: Array, occurred: Ints, ring: Ints, **columns: Array | int
    ) -> Block:
        """Events from devices and addresses of criminals, one of each to a ring unless columns say otherwise."""
        device, address, city = criminal_places(self.rng, self.population, self.cases)
        network = np.where(self.rng.random(self.cases) < 0.5, CELLULAR, WIFI)
        given: dict[str, Array | int] = {
            "device": device[ring],
            "address": address[ring],
            "city": city[ring],
            "network": network[ring],
            "verification": BY_SMS,
        }
        kinds = np.broadcast_to(np.asarray(kind), (len(customer),))
        return self._block(kinds, customer, occurred, ring, MOBILE, given | columns)

    def _verification(self, kinds: Array, customer: Array, columns: dict[str, Array | int]) -> Array:
        """What customers usually show for each kind of event."""
        usual = login_verification(self.population.habits[customer])
        amount = np.broadcast_to(np.asarray(columns.get("amount_fen", 0)), kinds.shape)
        moved = transfer_verification(amount, np.full(len(kinds), MOBILE))
        found: Array = np.where(
            (kinds == LOGIN) | (kinds == PAYMENT), usual, np.where(kinds == TRANSFER, moved, BY_SMS)
        )
        return found

    def _block(
        self,
        kinds: Array,
        customer: Array,
        occurred: Ints,
        ring: Ints | int,
        channel: int,
        columns: dict[str, Array | int],
    ) -> Block:
        moved = np.isin(kinds, (TRANSFER, PAYMENT, WITHDRAWAL, DEPOSIT))
        account = np.where(moved, customer, -1)
        named: dict[str, Array | int] = {"channel": channel, "account": account, "result": SUCCEEDED}
        named |= columns
        if "payee" in named:
            payee = np.broadcast_to(np.asarray(named["payee"]), kinds.shape)
            named["payee"] = np.where(payee == customer, (payee + 1) % self.population.accounts, payee)
        return block_of(len(customer), occurred_ms=occurred, kind=kinds, customer=customer, ring=ring, **named)


Maker = Callable[[Scene], Block]
