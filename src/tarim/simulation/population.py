"""Who lives in the bank: customers, accounts, devices, addresses and merchants, fixed for a seed.

Everybody is an index; texts are made in `envelope`.  What can be derived is not stored: the contacts of a customer, the
merchants a customer likes, the day a telephone is replaced, are mixes of the customer's index.

    accounts    [0, customers) one for each customer; then the accounts at other banks
    devices     [0, C) telephones; [C, 2C) second devices; [2C, 3C) telephones after replacement; then one a household;
                then those that criminals use
    addresses   one a household; workplaces; carriers' shared addresses, NAT_PER_CITY a city; then those of criminals
    merchants   city after city, the most popular first; then those without a place (online)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.simulation.blocks import Array
from tarim.simulation.mixing import mixed_with, stream_of, unit_interval
from tarim.simulation.places import CATEGORIES, CITIES

Indexes = npt.NDArray[np.integer]
Numbers = npt.NDArray[np.float64]

POPULATION_STREAM: Final = 1
NAT_PER_CITY: Final = 64
SALARY_DAYS: Final = (5, 10, 15, 25)
CONTACTS: Final = 8
HOME_CITIES: Final = np.flatnonzero([city.weight > 0.0 for city in CITIES])

_SALT_CONTACT, _SALT_CONTACT_BANK, _SALT_FAVOURITE, _SALT_REPLACED, _SALT_TRIP, _SALT_TRIP_CITY = range(11, 17)
_SALT_STRANGER, _SALT_LANDLORD, _SALT_EMPLOYER, _SALT_AGE, _SALT_DORMANT = range(17, 22)
_DRAWS: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class Population:
    """The bank's people and places; arrays are indexed by customer unless their name says otherwise."""

    seed: int
    customers: int
    accounts_elsewhere: int
    households: int
    workplaces: int
    criminal_devices: int
    criminal_addresses: int
    household: Array
    home_city: Array
    level: Array
    """Personal level of spending, standard normal."""
    income_fen: Array
    rent_fen: Array
    salary_rank: Array
    """A permutation: the first of it are paid through this bank, as many as the settings' activity calls for."""
    habits: Array
    """Bit set of HABIT_*."""
    activity: Array
    """Customers, each as often as it is active: a uniform draw from it is a draw by activity."""
    merchant_city: Array
    """By merchant, -1 online."""
    merchant_category: Array
    """By merchant, index into CATEGORIES."""
    city_first_merchant: Array
    """By city and, last, online: index of its first merchant; one more entry at the end."""
    mule_pool: Array
    """Customers who may lend their account."""

    @property
    def accounts(self) -> int:
        """How many accounts there are, here and elsewhere."""
        return self.customers + self.accounts_elsewhere

    @property
    def merchants(self) -> int:
        """How many merchants there are."""
        return len(self.merchant_city)

    @property
    def first_criminal_device(self) -> int:
        """Index of the first device that criminals use."""
        return 3 * self.customers + self.households

    @property
    def first_nat_address(self) -> int:
        """Index of the first shared address of a carrier."""
        return self.households + self.workplaces

    @property
    def first_criminal_address(self) -> int:
        """Index of the first address that criminals use."""
        return self.first_nat_address + NAT_PER_CITY * len(CITIES)

    @property
    def addresses(self) -> int:
        """How many network addresses there are."""
        return self.first_criminal_address + self.criminal_addresses

    def draw_customers(self, rng: np.random.Generator, count: int) -> Array:
        """`count` customers, drawn by activity."""
        drawn: Array = self.activity[rng.integers(0, len(self.activity), count)]
        return drawn

    def telephone(self, customers: Indexes, day: int) -> Array:
        """The customer's own telephone on a day; in three years everybody replaces it once."""
        replaced = mixed_with(customers, self.seed ^ _SALT_REPLACED) % np.uint64(1_095) <= np.uint64(max(0, day + 100))
        return np.where(replaced, customers + 2 * self.customers, customers)

    def contact(self, customers: Indexes, which: Indexes) -> Array:
        """Account of the customer's contact number `which` in [0, CONTACTS), the same on every day."""
        words = mixed_with(customers.astype(np.int64) * CONTACTS + which, self.seed ^ _SALT_CONTACT)
        here = (words >> np.uint64(60)) < np.uint64(10)
        spot = mixed_with(words.view(np.int64), self.seed ^ _SALT_CONTACT_BANK)
        inside = (spot % np.uint64(self.customers)).astype(np.int64)
        outside = self.customers + (spot % np.uint64(self.accounts_elsewhere)).astype(np.int64)
        return np.where(here, inside, outside)

    def stranger(self, uniform: Numbers) -> Array:
        """An account by popularity (Zipf-Mandelbrot, exponent 1, shift 50): small shops and collectors get most."""
        shift = 50.0
        rank = shift * np.exp(uniform * np.log((self.accounts + shift) / shift)) - shift
        chosen = mixed_with(rank.astype(np.int64), self.seed ^ _SALT_STRANGER) % np.uint64(self.accounts)
        return chosen.astype(np.int64)

    def landlord(self, customers: Indexes) -> Array:
        """The account the customer's rent goes to."""
        words = mixed_with(customers, self.seed ^ _SALT_LANDLORD)
        return (words % np.uint64(self.accounts)).astype(np.int64)

    def employer(self, customers: Indexes) -> Array:
        """Number of the customer's employer, for the hour at which its salaries arrive."""
        words = mixed_with(customers, self.seed ^ _SALT_EMPLOYER)
        return (words % np.uint64(max(1, self.customers // 60))).astype(np.int64)

    def merchant(self, cities: Indexes, uniform: Numbers) -> Array:
        """A merchant of each city (len(CITIES) = online) by popularity (Zipf, exponent 1)."""
        first = self.city_first_merchant[cities]
        count = self.city_first_merchant[np.asarray(cities) + 1] - first
        rank = np.exp(uniform * np.log(count + 1.0)).astype(np.int64) - 1
        chosen: Array = first + np.minimum(rank, count - 1)
        return chosen

    def favourite(self, customers: Indexes, which: Indexes) -> Numbers:
        """The customer's favourite number `which`, as the uniform number that `merchant` takes."""
        return unit_interval(mixed_with(customers.astype(np.int64) * 8 + which, self.seed ^ _SALT_FAVOURITE))

    def age(self, customers: Indexes) -> npt.NDArray[np.int64]:
        """Age in years, 18 to 85; about one customer in six is 60 or older."""
        uniform = unit_interval(mixed_with(customers, self.seed ^ _SALT_AGE))
        years: npt.NDArray[np.int64] = (18.0 + 67.0 * uniform**1.8).astype(np.int64)
        return years

    def dormant(self, customers: Indexes) -> npt.NDArray[np.bool_]:
        """Whether the customer uses the bank hardly ever: one in thirty-three."""
        found: npt.NDArray[np.bool_] = mixed_with(customers, self.seed ^ _SALT_DORMANT) % np.uint64(33) == 0
        return found

    def with_dormant_customers(self) -> Population:
        """The same people, but the dormant ones neither live ordinary days nor get a salary."""
        awake, paid = ~self.dormant(self.activity), ~self.dormant(self.salary_rank)
        return replace(self, activity=self.activity[awake], salary_rank=self.salary_rank[paid])

    def city_today(self, customers: Indexes, day: int) -> Array:
        """Where the customer is: at home, or, in one stretch of four days out of thirty-three, travelling."""
        stretch = customers.astype(np.int64) * 4_096 + (day // 4) % 4_096
        words = mixed_with(stretch, self.seed ^ _SALT_TRIP)
        away = words % np.uint64(33) == np.uint64(0)
        goal = mixed_with(stretch, self.seed ^ _SALT_TRIP_CITY) % np.uint64(len(CITIES))
        return np.where(away, goal.astype(np.int64), self.home_city[customers])


HABIT_OWL: Final = 1
HABIT_SECOND_DEVICE: Final = 2
HABIT_FACE: Final = 4
HABIT_FINGERPRINT: Final = 8
HABIT_LOCATION: Final = 16
HABIT_APPLE: Final = 32
HABIT_HARMONY: Final = 64
HABIT_RENTS: Final = 128


def population_of(seed: int, customers: int) -> Population:
    """The population of a bank with `customers` customers; the same for the same arguments."""
    rng = stream_of(seed, POPULATION_STREAM, 0)
    households = max(1, customers * 2 // 5)
    household = rng.integers(0, households, customers, dtype=np.int32)
    weights = np.array([city.weight for city in CITIES])
    city_of_household = rng.choice(len(CITIES), households, p=weights / weights.sum()).astype(np.int16)
    level = rng.standard_normal(customers, dtype=np.float32)
    income_fen = np.round(np.exp(np.log(6_200.0) + 0.45 * level + 0.2 * rng.standard_normal(customers)) / 10.0) * 1_000
    rent_fen = np.round(np.exp(np.log(2_100.0) + 0.4 * level) / 50.0) * 5_000
    chance = rng.random((7, customers), dtype=np.float32)
    habits = np.zeros(customers, np.int16)
    for row, (bit, share) in enumerate(
        (
            (HABIT_OWL, 0.05),
            (HABIT_SECOND_DEVICE, 0.25),
            (HABIT_FACE, 0.30),
            (HABIT_FINGERPRINT, 0.45),
            (HABIT_LOCATION, 0.65),
            (HABIT_APPLE, 0.25),
            (HABIT_RENTS, 0.30),
        )
    ):
        habits |= np.where(chance[row] < share, bit, 0).astype(np.int16)
    habits |= np.where((habits & HABIT_APPLE == 0) & (level > 0.6), HABIT_HARMONY, 0).astype(np.int16)

    weight = np.exp(1.0 * rng.standard_normal(customers) + 0.25 * level)
    weight *= max(_DRAWS, 4 * customers) / weight.sum()
    times = np.floor(weight).astype(np.int64) + (rng.random(customers) < weight % 1.0)
    if not times.any():
        times[:] = 1
    activity = np.repeat(np.arange(customers, dtype=np.int32), times)

    merchants_online = max(20, customers // 500)
    local = np.maximum(3, np.round(weights / weights.sum() * customers / 50)).astype(np.int64)
    city_first = np.concatenate([[0], np.cumsum(np.append(local, merchants_online))])
    merchant_city = np.repeat(np.append(np.arange(len(CITIES)), -1), np.append(local, merchants_online)).astype(
        np.int16
    )
    category_weights = np.array([category.weight for category in CATEGORIES])
    merchant_category = rng.choice(len(CATEGORIES), len(merchant_city), p=category_weights / category_weights.sum())
    return Population(
        seed=seed,
        customers=customers,
        accounts_elsewhere=max(50, customers // 2),
        households=households,
        workplaces=max(1, customers // 200),
        criminal_devices=max(40, customers // 400),
        criminal_addresses=max(40, customers // 500),
        household=household,
        home_city=city_of_household[household],
        level=level,
        income_fen=income_fen.astype(np.int64),
        rent_fen=rent_fen.astype(np.int64),
        salary_rank=rng.permutation(customers).astype(np.int32),
        habits=habits,
        activity=activity,
        merchant_city=merchant_city,
        merchant_category=merchant_category.astype(np.int8),
        city_first_merchant=city_first.astype(np.int64),
        mule_pool=rng.permutation(customers)[: max(10, customers // 150)].astype(np.int32),
    )
