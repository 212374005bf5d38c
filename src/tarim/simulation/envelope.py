"""From codes to the envelope: an Arrow table with the field names of `tarim.privacy.FIELDS`, all identifiers invented.

Account numbers are 19 digits, begin with 9999 (no issuer has it) and end with a valid check digit (ISO/IEC 7812-1).
Network addresses are from ranges that belong to nobody: 10.0.0.0/8, and 100.64.0.0/10 where many share one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tarim.simulation.blocks import NUMBERS_PER_DAY, Array, Block, length_of
from tarim.simulation.mixing import mixed_with
from tarim.simulation.places import CATEGORIES, CITIES
from tarim.simulation.population import (
    HABIT_APPLE,
    HABIT_HARMONY,
    HABIT_LOCATION,
    NAT_PER_CITY,
    Population,
)

KINDS: Final = (
    "transfer",
    "payment",
    "withdrawal",
    "deposit",
    "login",
    "binding",
    "label",
    "signup",
    "application",
)
TRANSFER, PAYMENT, WITHDRAWAL, DEPOSIT, LOGIN, BINDING, LABEL, SIGNUP, APPLICATION = range(9)
CHANNELS: Final = ("unknown", "pc", "mobile", "counter", "atm", "pos", "api")
UNKNOWN, PC, MOBILE, COUNTER, ATM, POS, API = range(7)
RESULTS: Final = ("unknown", "succeeded", "failed")
SUCCEEDED: Final = 1
FAILED: Final = 2
NETWORKS: Final = ("unknown", "wifi", "cellular", "wired")
NO_NETWORK, WIFI, CELLULAR, WIRED = range(4)
VERIFICATIONS: Final = (
    (),
    ("password",),
    ("password", "sms_code"),
    ("fingerprint",),
    ("face",),
    ("password", "sms_code", "face"),
    ("document",),
    ("password", "token"),
    ("sms_code",),
)
(
    BY_NOTHING,
    BY_PASSWORD,
    BY_PASSWORD_SMS,
    BY_FINGERPRINT,
    BY_FACE,
    BY_PASSWORD_SMS_FACE,
    BY_DOCUMENT,
    BY_PASSWORD_TOKEN,
    BY_SMS,
) = range(9)
CRIMES: Final = ("account_takeover", "telecom_fraud", "mule", "gather_scatter", "cash_out")
"""Kinds of crime of the scenarios "core", in the order of their codes from 1."""
SCENARIOS: Final = (
    "account_takeover",
    "mule",
    "cash_out",
    "remote_control",
    "safe_account",
    "elderly_victim",
    "rapid_emptying",
    "structuring",
    "fan_in",
    "fan_out",
    "rapid_movement",
    "round_amounts",
    "dormant_then_active",
    "false_application",
    "merchant_collusion",
    "marketing_abuse",
    "bulk_login",
    "bulk_signup",
    "bulk_invitation",
    "bulk_withdrawal",
    "bulk_order",
    "card_not_present",
)
"""Kinds of crime of the scenarios "all"; telecom fraud, gathering and scattering are split into their typologies."""
CRIME_NAMES: Final = (*CRIMES, *(name for name in SCENARIOS if name not in CRIMES))
"""Every kind of crime; its code in a block is its place here + 1."""
PATTERNS: Final = (
    ("payday", "fan_out"),
    ("red_envelopes", "fan_in"),
    ("school_fees", "fan_in"),
    ("group_purchase", "mule"),
    ("house_purchase", "safe_account"),
    ("helped_parent", "remote_control"),
    ("new_phone", "account_takeover"),
    ("family_care", "elderly_victim"),
    ("shop_takings", "structuring"),
    ("business_payments", "rapid_movement"),
    ("builders_wages", "round_amounts"),
    ("back_from_abroad", "dormant_then_active"),
    ("loan_fair", "false_application"),
    ("shop_promotion", "merchant_collusion"),
    ("family_coupons", "marketing_abuse"),
    ("campus_logins", "bulk_login"),
    ("campus_signups", "bulk_signup"),
    ("ambassador", "bulk_invitation"),
    ("shared_telephone", "bulk_withdrawal"),
    ("flash_sale", "bulk_order"),
    ("moving_out", "rapid_emptying"),
    ("big_shopping", "cash_out"),
    ("shopping_festival", "card_not_present"),
)
"""What genuine customers do that looks like crime, each with the crime it imitates."""
SCREEN_SHARED: Final = 1
IN_CALL: Final = 2
SOURCES: Final = ("core", "cards", "app")
_SOURCE_OF_KIND: Final = np.array([0, 1, 1, 0, 2, 2, 0, 2, 2], np.int8)
"""Which system sends a kind of event.  A label bears the source of its event, because it refers to an id within it."""
LABELS: Final = ("genuine", "fraud")
_SYSTEMS: Final = ("Android 14", "iOS 18", "HarmonyOS 5", "Windows 11")
_APP_VERSIONS: Final = ("8.4.0", "8.5.0", "8.5.1", "8.6.0", "8.7.0", "9.0.0", "9.0.1", "9.1.0")

Letters = npt.NDArray[np.uint8]
"""Characters, shape (n, width)."""

_TIME: Final = pa.timestamp("ms", tz="UTC")

EVENT_SCHEMA: Final = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("occurred_at", _TIME, nullable=False),
        pa.field("customer", pa.string(), nullable=False),
        pa.field("account", pa.string()),
        pa.field("payee_account", pa.string()),
        pa.field("amount_fen", pa.int64()),
        pa.field("currency", pa.string()),
        pa.field("channel", pa.string()),
        pa.field("result", pa.string()),
        pa.field("verification", pa.list_(pa.string())),
        pa.field("device_id", pa.string()),
        pa.field("device_os", pa.string()),
        pa.field("app_version", pa.string()),
        pa.field("ip", pa.string()),
        pa.field("network_kind", pa.string()),
        pa.field("location_permitted", pa.bool_()),
        pa.field("city", pa.string()),
        pa.field("merchant_id", pa.string()),
        pa.field("merchant_category", pa.int32()),
        pa.field("refers_to", pa.string()),
        pa.field("label", pa.string()),
    ]
)
"""Columns of one day's events."""

SCENARIO_EVENT_SCHEMA: Final = pa.schema(
    [*EVENT_SCHEMA, *(pa.field(f"extra_{index}", pa.int64()) for index in range(4))]
)
"""Columns of one day's events with the scenarios "all".

extra_0  age of the customer in years
extra_1  what the app's security component saw: 0 nothing, 1 the screen shared or controlled from afar, 2 a telephone
         call in progress, 3 both
extra_2  share of the available balance that the event takes, percent; 0 not stated
extra_3  on a sign-up the number of the inviting customer, on a payment the discount in fen; 0 none
"""

TRUTH_SCHEMA: Final = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("crime", pa.string()),
        pa.field("ring", pa.string(), nullable=False),
        pa.field("label_at", _TIME),
        pa.field("pattern", pa.string()),
        pa.field("imitates", pa.string()),
    ]
)
"""Columns of the truth: one row for each criminal event, and with the scenarios "all" one for each genuine event that
resembles a crime: those have no `crime` but a `pattern` and the crime it `imitates`.  `ring` tells which events belong
to one case or one pattern.  `label_at` is null for what is never reported.
"""


def _digits(values: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.uint8]:
    """Decimal digits of each value as characters, shape (n, width), zeros in front."""
    out = np.empty((len(values), width), np.uint8)
    rest = values.astype(np.uint64)
    for place in range(width - 1, -1, -1):
        quotient = rest // np.uint64(10)
        out[:, place] = rest - quotient * np.uint64(10) + np.uint64(48)
        rest = quotient
    return out


_HEX: Final = np.frombuffer(b"0123456789abcdef", np.uint8)


def _hex_digits(words: npt.NDArray[np.uint64], width: int) -> npt.NDArray[np.uint8]:
    """The last `width` hexadecimal digits of each word as characters, shape (n, width)."""
    octets = words.astype(">u8").view(np.uint8).reshape(-1, 8)
    nibbles = np.empty((len(words), 16), np.uint8)
    nibbles[:, 0::2] = octets >> 4
    nibbles[:, 1::2] = octets & 15
    found: npt.NDArray[np.uint8] = _HEX[nibbles[:, 16 - width :]]
    return found


def _letters(*parts: bytes | Letters) -> Letters:
    """Parts of fixed width laid side by side: characters, shape (n, width)."""
    count = next(len(part) for part in parts if isinstance(part, np.ndarray))
    columns = [
        part if isinstance(part, np.ndarray) else np.broadcast_to(np.frombuffer(part, np.uint8), (count, len(part)))
        for part in parts
    ]
    return np.concatenate(columns, axis=1)


def _text(letters: Letters, absent: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """A string array from characters of shape (n, width); null where `absent`."""
    count, width = letters.shape
    assert count * width < 2**31
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    validity = None
    if absent is not None and absent.any():
        validity = pa.py_buffer(np.packbits(~absent, bitorder="little").tobytes())
    characters = pa.py_buffer(np.ascontiguousarray(letters).reshape(-1))
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), characters, validity)


@dataclass(frozen=True, slots=True)
class _Register:
    """Texts of one width, by index: three times as fast to gather from as an Arrow array."""

    texts: npt.NDArray[np.bytes_]

    @classmethod
    def of(cls, letters: Letters) -> _Register:
        return cls(np.ascontiguousarray(letters).view(f"S{letters.shape[1]}").reshape(-1))

    def take(self, index: Array) -> pa.Array:
        """The texts at `index`, null where it is negative."""
        gathered = np.take(self.texts, np.maximum(index, 0))
        letters = gathered.view(np.uint8).reshape(len(index), self.texts.dtype.itemsize)
        return _text(letters, index < 0)


def luhn_digits(digits: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Check digit (as a number) for each row of digits (as characters), after ISO/IEC 7812-1 annex B."""
    values = digits.astype(np.int64) - 48
    doubled = values[:, ::-1][:, 0::2] * 2
    total = (doubled - 9 * (doubled > 9)).sum(axis=1) + values[:, ::-1][:, 1::2].sum(axis=1)
    check: npt.NDArray[np.uint8] = (-total % 10).astype(np.uint8)
    return check


def _account_numbers(population: Population) -> Letters:
    """The number of every account; 12 digits of it are an odd multiple of the index, so no two are alike."""
    index = np.arange(population.accounts, dtype=np.int64)
    serial = (index * 7_919_000_039 + (population.seed % 1_000_003) * 101) % 10**12
    owner_here = np.where(index < population.customers, 10, 80 + index % 17)
    body = np.concatenate(
        [
            np.broadcast_to(np.frombuffer(b"9999", np.uint8), (len(index), 4)),
            _digits(owner_here, 2),
            _digits(serial, 12),
        ],
        axis=1,
    )
    check = (luhn_digits(body) + np.uint8(48)).reshape(-1, 1)
    return _letters(body, check)


def _addresses(population: Population) -> pa.Array:
    """The text of every network address."""
    index = np.arange(population.addresses, dtype=np.int64)
    shared = index - population.first_nat_address
    is_shared = (shared >= 0) & (index < population.first_criminal_address)
    number = np.where(
        is_shared, (100 << 24) + (64 << 16) + 256 + shared, (10 << 24) + 256 + (index * 11 + 5) % (1 << 24)
    )
    octet = pa.array([str(value) for value in range(256)])
    parts = [octet.take(pa.array(number >> shift & 255)) for shift in (24, 16, 8, 0)]
    return pc.binary_join_element_wise(*parts, ".")


def _named(names: Sequence[str], codes: Array, absent: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array(names, pa.string()).take(pa.array(codes, mask=absent))


@dataclass(frozen=True, slots=True)
class Scribe:
    """Writes blocks as tables.  Build one with `scribe_of`."""

    population: Population
    start: date
    with_extras: bool
    customer_numbers: _Register
    account_numbers: _Register
    addresses: Any
    merchant_numbers: _Register
    verifications: Any

    def event_ids(self, numbers: npt.NDArray[np.int64], absent: npt.NDArray[np.bool_] | None = None) -> pa.Array:
        """Event ids of event numbers: T, the day of origin, seven digits."""
        present = np.where(numbers < 0, 0, numbers)
        day = present // NUMBERS_PER_DAY
        days, where = np.unique(day, return_inverse=True)
        names = [(self.start + timedelta(days=int(value))).strftime("%Y%m%d").encode() for value in days]
        dates = np.frombuffer(b"".join(names), np.uint8).reshape(-1, 8)[where]
        return _text(_letters(b"T", dates, _digits(present - day * NUMBERS_PER_DAY, 7)), absent)

    def events(self, block: Block, day: int) -> pa.Table:
        """The block as a table of EVENT_SCHEMA, or of SCENARIO_EVENT_SCHEMA `with_extras`, same order."""
        count = length_of(block)
        population = self.population
        kind, customer = block["kind"], block["customer"]
        money = block["amount_fen"] >= 0
        labelled = kind == LABEL
        device = block["device"].astype(np.int64)
        no_device = device < 0
        app = no_device | (block["channel"] != MOBILE)
        habits = population.habits[customer]
        system = np.where(habits & HABIT_APPLE > 0, 1, np.where(habits & HABIT_HARMONY > 0, 2, 0))
        system[device >= population.first_criminal_device] = 0
        system[block["channel"] == PC] = 3
        # A version reaches a customer in the fortnight after its release; one release every 45 days.
        behind = (mixed_with(customer, 97) % np.uint64(14)).astype(np.int64)
        version = np.clip((day + 60 - behind) // 45, 0, len(_APP_VERSIONS) - 1)
        category = population.merchant_category[np.where(block["merchant"] < 0, 0, block["merchant"])]
        codes = np.array([entry.code for entry in CATEGORIES], np.int32)
        refers = block["refers"]
        columns = [
            self.event_ids(block["number"]),
            _named(SOURCES, _SOURCE_OF_KIND[np.where(labelled, block["refers_kind"], kind)]),
            _named(KINDS, kind),
            pa.array(block["occurred_ms"]).cast(pa.timestamp("ms")).cast(_TIME),
            self.customer_numbers.take(customer),
            self.account_numbers.take(block["account"]),
            self.account_numbers.take(block["payee"]),
            pa.array(block["amount_fen"], mask=~money),
            _named(("CNY",), np.zeros(count, np.int8), ~money),
            _named(CHANNELS, block["channel"]),
            _named(RESULTS, block["result"]),
            self.verifications.take(pa.array(block["verification"], mask=labelled)),
            _text(
                _letters(b"dev-", _hex_digits(mixed_with(np.where(no_device, 0, device), population.seed ^ 0xD), 16)),
                no_device,
            ),
            _named(_SYSTEMS, system, no_device),
            _named(_APP_VERSIONS, version, app),
            self.addresses.take(pa.array(block["address"], mask=block["address"] < 0)),
            _named(NETWORKS, block["network"], block["address"] < 0),
            pa.array((habits & HABIT_LOCATION > 0) & ~labelled),
            _named([city.code for city in CITIES], block["city"], block["city"] < 0),
            self.merchant_numbers.take(block["merchant"]),
            pa.array(codes[category], mask=block["merchant"] < 0),
            self.event_ids(refers, refers < 0),
            _named(LABELS, block["label"], block["label"] < 0),
        ]
        if not self.with_extras:
            return pa.Table.from_arrays(columns, schema=EVENT_SCHEMA)
        columns += [pa.array(values, mask=labelled) for values in extras_of(population, block)]
        return pa.Table.from_arrays(columns, schema=SCENARIO_EVENT_SCHEMA)

    def truth(self, block: Block) -> pa.Table:
        """The criminal events of the block, and those that imitate them, as a table of TRUTH_SCHEMA, same order."""
        chosen = np.flatnonzero((block["crime"] > 0) | (block["pattern"] > 0))
        label_ms, crime, pattern = block["label_ms"][chosen], block["crime"][chosen], block["pattern"][chosen]
        genuine = crime == 0
        columns = [
            self.event_ids(block["number"][chosen]),
            _named(CRIME_NAMES, crime - 1, genuine),
            _text(_letters(b"R", _digits(block["ring"][chosen], 12))),
            pa.array(label_ms, mask=label_ms == 0).cast(pa.timestamp("ms")).cast(_TIME),
            _named([name for name, _ in PATTERNS], pattern - 1, ~genuine),
            _named([imitated for _, imitated in PATTERNS], pattern - 1, ~genuine),
        ]
        return pa.Table.from_arrays(columns, schema=TRUTH_SCHEMA)


def extras_of(population: Population, block: Block) -> tuple[npt.NDArray[np.int64], ...]:
    """The free fields extra_0 to extra_3 of the scenarios "all", meaning as at SCENARIO_EVENT_SCHEMA."""
    age = population.age(block["customer"])
    return (age, *(block[name].astype(np.int64) for name in ("signs", "balance_pct", "reference")))


def scribe_of(population: Population, start: date, *, with_extras: bool) -> Scribe:
    """The scribe of one bank; makes every customer's, account's, address's and merchant's text once."""
    customers = np.arange(population.customers, dtype=np.int64)
    merchants = np.arange(population.merchants, dtype=np.int64)
    return Scribe(
        population,
        start,
        with_extras,
        _Register.of(_letters(b"C", _digits((customers * 7_919_017 + 31) % 10**10, 10))),
        _Register.of(_account_numbers(population)),
        _addresses(population),
        _Register.of(_letters(b"M", _digits(merchants * 31 % 10**8 + 10**8, 9))),
        pa.array(VERIFICATIONS, pa.list_(pa.string())),
    )


assert len(KINDS) <= 127 and NAT_PER_CITY * len(CITIES) < 1 << 22
