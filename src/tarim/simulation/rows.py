"""Blocks as the engine's rows, tokens mixed from indexes."""

from __future__ import annotations

from typing import Final

import numpy as np

from tarim.simulation.blocks import Array, Block, Ints, length_of
from tarim.simulation.envelope import CHANNELS, KINDS, NETWORKS, VERIFICATIONS, extras_of
from tarim.simulation.mixing import mixed_with
from tarim.simulation.places import CATEGORIES, CITIES
from tarim.simulation.population import HABIT_LOCATION, Population
from tarim.stream import Channel, Col, Flag, Kind, NetworkKind, Rows, Verification, empty_rows

_KIND: Final = np.array([Kind[name.upper()] for name in KINDS], np.int64)
_CHANNEL: Final = np.array([Channel[name.upper()] for name in CHANNELS], np.int64)
_NETWORK: Final = np.array([NetworkKind[name.upper()] for name in NETWORKS], np.int64)
_VERIFICATION: Final = np.array(
    [sum(int(Verification[name.upper()]) for name in names) for names in VERIFICATIONS], np.int64
)
_CITY: Final = np.array([int(city.code) for city in CITIES], np.int64)
_CATEGORY: Final = np.array([category.code for category in CATEGORIES], np.int64)
_EXTRAS: Final = (Col.EXTRA_0, Col.EXTRA_1, Col.EXTRA_2, Col.EXTRA_3)
_CNY: Final = int.from_bytes(b"CNY", "big")
_EVENT, _CUSTOMER, _ACCOUNT, _DEVICE, _ADDRESS, _MERCHANT, _CONTENT = range(101, 108)


def _tokens(index: Array, space: int) -> Ints:
    """Signed tokens of indexes, 0 for a negative index; the one index that would mix to 0 gets 1."""
    mixed = mixed_with(np.maximum(index, 0).astype(np.int64), space).view(np.int64)
    tokens: Ints = np.where(index < 0, 0, np.where(mixed == 0, 1, mixed))
    return tokens


def rows_of(population: Population, block: Block, first_seq: int, *, with_extras: bool) -> Rows:
    """The block's events as rows, same order, SEQ from `first_seq`; RECEIVED_MS is the time of arrival."""
    count = length_of(block)
    rows = empty_rows(count)
    customer, merchant, city, money = block["customer"], block["merchant"], block["city"], block["amount_fen"]
    permitted = (population.habits[customer] & HABIT_LOCATION > 0) & (block["label"] < 0)
    for column, values in (
        (Col.SEQ, first_seq + np.arange(count)),
        (Col.OCCURRED_MS, block["occurred_ms"]),
        (Col.RECEIVED_MS, block["arrival_ms"]),
        (Col.EVENT_KEY, _tokens(block["number"], _EVENT)),
        (Col.CONTENT_KEY, _tokens(block["number"], _CONTENT)),
        (Col.CUSTOMER, _tokens(customer, _CUSTOMER)),
        (Col.ACCOUNT, _tokens(block["account"], _ACCOUNT)),
        (Col.PAYEE, _tokens(block["payee"], _ACCOUNT)),
        (Col.DEVICE, _tokens(block["device"], _DEVICE)),
        (Col.ADDRESS, _tokens(block["address"], _ADDRESS)),
        (Col.MERCHANT, _tokens(merchant, _MERCHANT)),
        (Col.CITY, np.where(city < 0, 0, _CITY[city])),
        (Col.AMOUNT_FEN, np.maximum(money, 0)),
        (Col.KIND, _KIND[block["kind"]]),
        (Col.CHANNEL, _CHANNEL[block["channel"]]),
        (Col.RESULT, block["result"]),
        (Col.VERIFICATION, np.where(block["label"] < 0, _VERIFICATION[block["verification"]], 0)),
        (Col.FLAGS, int(Flag.HISTORY_AUTHORISED) + np.where(permitted, int(Flag.LOCATION_PERMITTED), 0)),
        (Col.CURRENCY, _CNY),
        (Col.MERCHANT_CATEGORY, np.where(merchant < 0, 0, _CATEGORY[population.merchant_category[merchant]])),
        (Col.NETWORK_KIND, _NETWORK[block["network"]]),
        (Col.LABEL, block["label"]),
        (Col.REFERS_KEY, _tokens(block["refers"], _EVENT)),
    ):
        rows[:, column] = values
    if with_extras:
        for column, values in zip(_EXTRAS, extras_of(population, block), strict=True):
            rows[:, column] = np.where(block["label"] < 0, values, 0)
    return rows
