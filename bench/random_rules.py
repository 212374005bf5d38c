"""Random rule expressions, right in type and unit, and events full of the awkward, from a seed."""

from __future__ import annotations

import random
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.rules.domain import Band
from tarim.rules.tree import (
    Among,
    And,
    Between,
    Compare,
    CompareOp,
    Has,
    Listed,
    Math,
    Missing,
    Name,
    Negative,
    Node,
    Not,
    Number,
    Or,
    Text,
    Truth,
    Unit,
)
from tarim.stream import Channel, Col, Kind, Outcome, Rows, Verification, empty_rows

FEATURES: Final = (
    "payer_count_10m",
    "payer_sum_amount_fen_24h",
    "payer_is_new_payee_30d",
    "payer_since_last",
    "payee_mean_amount_fen_7d",
    "payee_in_out_ratio_24h",
    "device_first_seen",
    "payer_zscore_amount_fen_30d",
)
_OPERATORS: Final[tuple[CompareOp, ...]] = ("==", "!=", "<", "<=", ">", ">=")
_NAMES: Final = {
    Unit.PLAIN: ("payer_count_10m", "payee_in_out_ratio_24h", "payer_zscore_amount_fen_30d", "hour", "weekday", "city",
                 "merchant_category", "extra_0", "extra_3", "score"),
    Unit.FEN: ("amount_fen", "payer_sum_amount_fen_24h", "payee_mean_amount_fen_7d"),
    Unit.MS: ("payer_since_last", "device_first_seen"),
}  # fmt: skip
_NUMBERS: Final = {
    Unit.PLAIN: (0.0, 1.0, 2.0, 3.0, 5.0, 0.1, 0.5, 1.5, 23.0, 110000.0, 1e15),
    Unit.FEN: (0.0, 1.0, 29.0, 700.0, 4_999_999.0, 5e6, 0.5, 1e12),
    Unit.MS: (0.0, 1.0, 1500.0, 60_000.0, 7_200_000.0, 86_400_000.0, 604_800_000.0),
}
BANDS: Final = tuple(
    Band(start, Outcome.NOTICE, 1, "x", "x", name) for start, name in ((0.0, "low"), (0.5, "high"), (0.9, "top"))
)
_CODES: Final = {
    "channel": tuple(channel.name.lower() for channel in Channel),
    "kind": tuple(kind.name.lower() for kind in Kind),
    "result": ("unknown", "succeeded", "failed"),
    "network_kind": ("unknown", "wifi", "cellular", "wired"),
    "label": ("genuine", "fraud"),
    "currency": ("CNY", "USD", "EUR"),
    "band": tuple(band.name for band in BANDS),
}
_FLAGS: Final = ("history_authorised", "location_permitted", "late", "backfill", "payer_is_new_payee_30d")
_TOKENS: Final = ("customer", "account", "payee_account", "device_id", "ip", "merchant_id")
_LISTS: Final = ("black", "white", "suspect_accounts", "a")
_METHODS: Final = tuple(str(method.name).lower() for method in Verification if method)


class RandomRules:
    """Trees of expressions.  `at` is 0 everywhere."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def condition(self, depth: int) -> Node:
        """A condition of at most about `depth` groups inside each other."""
        draw = self._random.random()
        if depth == 0 or draw < 0.4:
            return self._plain_condition()
        if draw < 0.5:
            return Not(0, self.condition(depth - 1))
        operands = tuple(self.condition(depth - 1) for _ in range(self._random.randint(2, 3)))
        return And(0, operands) if draw < 0.8 else Or(0, operands)

    def _plain_condition(self) -> Node:
        draw = self._random
        match draw.choices(range(9), (30, 8, 8, 6, 12, 6, 4, 6, 2))[0]:
            case 0:
                unit = self._unit()
                return Compare(0, draw.choice(_OPERATORS), self.quantity(unit), self.quantity(unit))
            case 1:
                unit = self._unit()
                choices = tuple(self.quantity(unit, 1) for _ in range(draw.randint(1, 3)))
                return Among(0, self.quantity(unit), choices, draw.random() < 0.4)
            case 2:
                unit = self._unit()
                return Between(
                    0, self.quantity(unit), self.quantity(unit, 1), self.quantity(unit, 1), draw.random() < 0.4
                )
            case 3:
                name = draw.choice((*_CODES, *_TOKENS)) if draw.random() < 0.3 else ""
                return Missing(0, Name(0, name) if name else self.quantity(self._unit()), draw.random() < 0.4)
            case 4:
                field = draw.choice(tuple(_CODES))
                code = Text(0, draw.choice(_CODES[field]))
                operators = _OPERATORS if field == "band" else _OPERATORS[:2]
                return Compare(0, draw.choice(operators), Name(0, field), code)
            case 5:
                field = draw.choice(tuple(_CODES))
                codes = tuple(Text(0, code) for code in draw.sample(_CODES[field], 2))
                return Among(0, Name(0, field), codes, draw.random() < 0.4)
            case 6:
                return Has(0, Name(0, "verification"), Text(0, draw.choice(_METHODS)))
            case 7:
                return Listed(0, Name(0, draw.choice(_TOKENS)), Text(0, draw.choice(_LISTS)), draw.random() < 0.4)
            case _:
                return Name(0, draw.choice(_FLAGS)) if draw.random() < 0.8 else Truth(0, draw.random() < 0.5)

    def _unit(self) -> Unit:
        return self._random.choices((Unit.PLAIN, Unit.FEN, Unit.MS), (4, 3, 2))[0]

    def quantity(self, unit: Unit, depth: int = 2) -> Node:
        """A number that measures `unit`."""
        draw = self._random
        roll = draw.random()
        if depth == 0 or roll < 0.75:
            if draw.random() < 0.55:
                return Name(0, draw.choice(_NAMES[unit]))
            return Number(0, draw.choice(_NUMBERS[unit]), unit)
        if roll < 0.8:
            return Negative(0, self.quantity(unit, depth - 1))
        left = self.quantity(unit, depth - 1)
        if roll < 0.9:
            return Math(0, draw.choice(("+", "-")), left, self.quantity(unit, depth - 1))
        if roll < 0.97 or unit is not Unit.PLAIN:
            return Math(0, draw.choice(("*", "/")), left, self.quantity(Unit.PLAIN, depth - 1))
        other = draw.choice((Unit.FEN, Unit.MS))
        return Math(0, "/", self.quantity(other, depth - 1), self.quantity(other, depth - 1))


def random_events(seed: int, count: int) -> tuple[Rows, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Rows, features and scores: missing, zero, infinite, and equal to the numbers that rules compare with."""
    rng = np.random.default_rng(seed)
    rows = empty_rows(count)
    rows[:, Col.OCCURRED_MS] = rng.integers(-(10**12), 2 * 10**12, count)
    rows[:, Col.AMOUNT_FEN] = rng.choice([0, 1, 29, 700, 4_999_999, 5_000_000, 10**12], count)
    rows[:, Col.KIND] = rng.integers(1, 12, count)
    rows[:, Col.CHANNEL] = rng.integers(0, 7, count)
    rows[:, Col.RESULT] = rng.integers(0, 3, count)
    rows[:, Col.NETWORK_KIND] = rng.integers(0, 4, count)
    rows[:, Col.VERIFICATION] = rng.integers(0, 128, count)
    rows[:, Col.FLAGS] = rng.integers(0, 16, count)
    rows[:, Col.CITY] = rng.choice([0, 1, 110000], count)
    rows[:, Col.MERCHANT_CATEGORY] = rng.choice([0, 5, 5411], count)
    rows[:, Col.EXTRA_0] = rng.choice([0, 1, -1, 2**62], count)
    rows[:, Col.EXTRA_3] = rng.choice([0, 2, 23], count)
    rows[:, Col.LABEL] = rng.integers(-1, 2, count)
    rows[:, Col.CURRENCY] = rng.choice([0, 0x434E59, 0x555344], count)
    for column in (Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE, Col.DEVICE, Col.ADDRESS, Col.MERCHANT):
        rows[:, column] = rng.choice([0, 7, -7, 2**63 - 1], count)
    values = [np.nan, np.nan, 0.0, -0.0, 1.0, 2.0, 3.0, 0.5, -1.0, 29.0, 700.0, 5e6, 7_200_000.0, 1e15,
              np.inf, -np.inf, 1e308, 0.1]  # fmt: skip
    return rows, rng.choice(values, (count, len(FEATURES))), rng.choice([np.nan, 0.0, 0.1, 0.5, 1.0], count)
