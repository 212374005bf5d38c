"""A block of events as plain arrays of codes: what the simulator computes on before any text is made.

column        type    meaning; absent value
occurred_ms   int64   when it happened, ms since the epoch
arrival_ms    int64   when the bank's monitor sees it
number        int64   day index * NUMBERS_PER_DAY + ordinal; names the event; -1 not yet numbered
kind, channel, result, network   int8, codes of `envelope`
verification  int8    index into `envelope.VERIFICATIONS`
customer      int32   index of the customer
account       int32   index of the account; -1
payee         int32   index of the account; -1
amount_fen    int64   -1
device        int32   -1
address       int32   -1
city          int16   index into CITIES; -1
merchant      int32   -1
crime         int8    CrimeKind; 0 none
ring          int64   -1
label_ms      int64   when the crime becomes known; 0 never
pattern       int8    index + 1 into `envelope.PATTERNS` of a genuine event that resembles a crime; 0
signs         int8    what the app saw: SCREEN_SHARED, IN_CALL, both; 0
balance_pct   int8    share of the available balance that the event takes, percent; 0
reference     int32   sign-up: number of the inviting customer + 1; payment: discount, fen; 0
refers        int64   number of the event a label is about; -1
label         int8    0 genuine, 1 fraud; -1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Block = dict[str, Array]
"""Every column of COLUMNS, all of one length."""

NUMBERS_PER_DAY: Final = 10_000_000

COLUMNS: Final[Mapping[str, tuple[type[np.generic], int]]] = {
    "occurred_ms": (np.int64, 0),
    "arrival_ms": (np.int64, 0),
    "number": (np.int64, -1),
    "kind": (np.int8, 0),
    "channel": (np.int8, 0),
    "result": (np.int8, 1),
    "network": (np.int8, 0),
    "verification": (np.int8, 0),
    "customer": (np.int32, -1),
    "account": (np.int32, -1),
    "payee": (np.int32, -1),
    "amount_fen": (np.int64, -1),
    "device": (np.int32, -1),
    "address": (np.int32, -1),
    "city": (np.int16, -1),
    "merchant": (np.int32, -1),
    "crime": (np.int8, 0),
    "ring": (np.int64, -1),
    "label_ms": (np.int64, 0),
    "pattern": (np.int8, 0),
    "signs": (np.int8, 0),
    "balance_pct": (np.int8, 0),
    "reference": (np.int32, 0),
    "refers": (np.int64, -1),
    "refers_kind": (np.int8, -1),
    "label": (np.int8, -1),
}


def block_of(count: int, **columns: Array | int) -> Block:
    """A block of `count` events with the given columns; the others hold their absent value."""
    unknown = columns.keys() - COLUMNS.keys()
    assert not unknown, unknown
    block: Block = {}
    for name, (kind, absent) in COLUMNS.items():
        value = columns.get(name, absent)
        if isinstance(value, np.ndarray):
            assert value.shape == (count,), name
            block[name] = value.astype(kind, copy=False)
        else:
            block[name] = np.full(count, value, kind)
    return block


def length_of(block: Block) -> int:
    """Number of events in the block."""
    return len(block["occurred_ms"])


def take(block: Block, index: Array | slice) -> Block:
    """The events at `index`, positions, a mask or a slice (which copies nothing)."""
    return {name: column[index] for name, column in block.items()}


def concatenate(blocks: Sequence[Block]) -> Block:
    """All events of the blocks, one block after another."""
    filled = [block for block in blocks if length_of(block)]
    if not filled:
        return block_of(0)
    if len(filled) == 1:
        return filled[0]
    return {name: np.concatenate([block[name] for block in filled]) for name in COLUMNS}
