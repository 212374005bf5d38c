"""The names a rule may use beside the features: fields of the event, and what is derived from them.

A field stands for a word of the event row.  Codes are written as quoted names (`channel == "mobile"`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from tarim.rules.checked import LocalHour, LocalWeekday, Quantity, Score, ScoreBand, Word
from tarim.rules.domain import Band
from tarim.rules.tree import Unit
from tarim.stream import COLUMN_OF_FIELD, Channel, Col, Flag, Kind, NetworkKind, Result, Verification


@dataclass(frozen=True, slots=True)
class NumberField:
    """A field read as a number."""

    field: str
    quantity: Quantity
    unit: Unit


@dataclass(frozen=True, slots=True)
class CodeField:
    """A field read as one of `codes`; with `codes` None a three-letter currency, packed.  ordered: they may be compared."""

    field: str
    quantity: Quantity
    codes: Mapping[str, int] | None
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class SetField:
    """A field that holds several of `members` at once, as bits of `column`."""

    field: str
    column: int
    members: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FlagField:
    """A condition kept as a bit of the row's flags; `field` is the envelope field it comes from, "" for the engine's own."""

    field: str
    mask: int


@dataclass(frozen=True, slots=True)
class TokenField:
    """An identifier, kept as a token in word `column`: asked of lists and for being there, nothing else."""

    field: str
    column: int


EventName = NumberField | CodeField | SetField | FlagField | TokenField


def _codes(words: type[IntEnum]) -> Mapping[str, int]:
    return MappingProxyType({member.name.lower(): int(member) for member in words})


def _number(field: str, column: Col, unit: Unit = Unit.PLAIN, absent: int | None = None) -> NumberField:
    return NumberField(field, Word(int(column), absent), unit)


BAND: Final = "band"
"""The band of the score; its names are the ruleset's, given by `bands_field`."""

EVENT_NAMES: Final[Mapping[str, EventName]] = MappingProxyType(
    {
        "amount_fen": _number("amount_fen", Col.AMOUNT_FEN, Unit.FEN, absent=0),
        "city": _number("city", Col.CITY, Unit.COUNT, absent=0),
        "merchant_category": _number("merchant_category", Col.MERCHANT_CATEGORY, Unit.COUNT, absent=0),
        "extra_0": _number("extra_0", Col.EXTRA_0),
        "extra_1": _number("extra_1", Col.EXTRA_1),
        "extra_2": _number("extra_2", Col.EXTRA_2),
        "extra_3": _number("extra_3", Col.EXTRA_3),
        "payee_name_score": _number("payee_name", Col.PAYEE_NAME_SCORE, Unit.COUNT),
        "customer_name_score": _number("customer", Col.CUSTOMER_NAME_SCORE, Unit.COUNT),
        "hour": NumberField("occurred_at", LocalHour(), Unit.COUNT),
        "weekday": NumberField("occurred_at", LocalWeekday(), Unit.COUNT),
        "score": NumberField("", Score(), Unit.COUNT),
        BAND: CodeField("", ScoreBand(()), MappingProxyType({})),
        "kind": CodeField("kind", Word(int(Col.KIND), None), _codes(Kind)),
        "channel": CodeField("channel", Word(int(Col.CHANNEL), None), _codes(Channel)),
        "result": CodeField("result", Word(int(Col.RESULT), None), _codes(Result)),
        "network_kind": CodeField("network_kind", Word(int(Col.NETWORK_KIND), None), _codes(NetworkKind)),
        "label": CodeField("label", Word(int(Col.LABEL), -1), MappingProxyType({"genuine": 0, "fraud": 1})),
        "currency": CodeField("currency", Word(int(Col.CURRENCY), 0), None),
        "verification": SetField(
            "verification",
            int(Col.VERIFICATION),
            MappingProxyType({str(member.name).lower(): int(member) for member in Verification}),
        ),
        "history_authorised": FlagField("history_authorised", int(Flag.HISTORY_AUTHORISED)),
        "location_permitted": FlagField("location_permitted", int(Flag.LOCATION_PERMITTED)),
        "late": FlagField("", int(Flag.LATE)),
        "backfill": FlagField("", int(Flag.BACKFILL)),
        "payee_name_unscreened": FlagField("", int(Flag.NAME_UNSCREENED)),
        **{
            name: TokenField(name, int(COLUMN_OF_FIELD[name]))
            for name in ("customer", "account", "payee_account", "device_id", "ip", "merchant_id")
        },
    }
)
"""Event names by the word written in a rule.  An amount, city, category or identifier of 0 is missing: the event has none."""


def bands_field(bands: Sequence[Band]) -> CodeField:
    """What BAND stands for in a ruleset with these bands."""
    names = {band.name: index for index, band in enumerate(bands) if band.name}
    return CodeField("", ScoreBand(tuple(band.at_least for band in bands)), MappingProxyType(names), ordered=True)


def packed_currency(letters: str) -> int:
    """Three capital letters as the row keeps them: base 256, first letter highest."""
    return int.from_bytes(letters.encode("ascii"), "big")


def unit_of_feature(name: str) -> Unit:
    """What a feature's number measures, read off its name: `..._sum_amount_fen_24h` is fen, `..._since_last` is ms.

    Plain is what could be anything, such as a sum over one of the bank's own numbers.
    """
    if any(part in name for part in ("_since_", "_first_seen", "_last_seen", "_label_run_age_", "_dwell_")):
        return Unit.MS
    if re.search("_over_p[0-9]+_", name):
        return Unit.COUNT
    if re.search("_p[0-9]+_amount_fen", name) or any(
        f"_{part}_amount_fen" in name for part in ("sum", "mean", "min", "max", "std")
    ):
        return Unit.FEN
    counted = (
        "_count_",
        "_distinct_",
        "_is_new_",
        "_zscore_",
        "_ratio_",
        "_share_",
        "_rate_",
        "_label_run_",
        "_outliers_",
    )
    around = ("_fan_in_", "_fan_out_", "_cycles_", "_gather_", "_scatter_", "_chain_", "_hops_to_", "_shared_device_")
    return Unit.COUNT if any(part in name for part in (*counted, *around)) else Unit.PLAIN


def is_yes_or_no(name: str) -> bool:
    """Whether a feature is 0 or 1 by its name (`payer_is_new_payee_30d`), so that it may stand alone as a condition."""
    return "_is_new_" in name
