"""The event row: what the engine and the journal see of an event, 32 int64 words, nothing personal in it.

Identifiers are tokens (0 = absent), codes are small integers, money is fen, instants are milliseconds since the epoch.
A batch is a C-contiguous array of shape (n, ROW_WORDS); it crosses process boundaries and lies in the journal as is.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, IntFlag
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
"""Shape (n, ROW_WORDS)."""


class Col(IntEnum):
    """Words of a row."""

    SEQ = 0
    """Position in the journal; set when the event is accepted."""
    OCCURRED_MS = 1
    RECEIVED_MS = 2
    EVENT_KEY = 3
    """64-bit hash of source and event_id."""
    CONTENT_KEY = 4
    """64-bit digest of the content, received_at left out."""
    CUSTOMER = 5
    ACCOUNT = 6
    PAYEE = 7
    DEVICE = 8
    ADDRESS = 9
    MERCHANT = 10
    CITY = 11
    AMOUNT_FEN = 12
    KIND = 13
    CHANNEL = 14
    RESULT = 15
    VERIFICATION = 16
    """Bit set of Verification."""
    FLAGS = 17
    """Bit set of Flag."""
    CURRENCY = 18
    """Three letters packed base 256, for example 0x434E59 for CNY."""
    MERCHANT_CATEGORY = 19
    NETWORK_KIND = 20
    LABEL = 21
    """-1 none, 0 genuine, 1 fraud; only on kind label."""
    REFERS_KEY = 22
    """event key that a label, confirmation or reversal is about; 0 none."""
    REFERS_MS = 23
    """occurred_at of that event, 0 when unknown."""
    EXTRA_0 = 24
    EXTRA_1 = 25
    EXTRA_2 = 26
    EXTRA_3 = 27
    OUTCOME = 28
    """The decision's outcome, set after the decision; -1 before."""
    REFERS_SEQ = 29
    """journal position of the event referred to, -1 when unknown."""
    PAYEE_NAME_SCORE = 30
    """How alike the payee's name is to the nearest listed party that counts, in hundredths; 0 = nobody, or no name."""
    CUSTOMER_NAME_SCORE = 31
    """The same of the customer's registered name, as screening knew it when the event came."""


ROW_WORDS: Final = 32


class Kind(IntEnum):
    """What happened."""

    TRANSFER = 1
    PAYMENT = 2
    WITHDRAWAL = 3
    DEPOSIT = 4
    LOGIN = 5
    SIGNUP = 6
    APPLICATION = 7
    BINDING = 8
    CONFIRMATION = 9
    REVERSAL = 10
    LABEL = 11


class Channel(IntEnum):
    """Where it came in (SC-05)."""

    UNKNOWN = 0
    PC = 1
    MOBILE = 2
    COUNTER = 3
    ATM = 4
    POS = 5
    API = 6


class Result(IntEnum):
    """Whether the source carried it out."""

    UNKNOWN = 0
    SUCCEEDED = 1
    FAILED = 2


class NetworkKind(IntEnum):
    """How the device reaches the network."""

    UNKNOWN = 0
    WIFI = 1
    CELLULAR = 2
    WIRED = 3


class Verification(IntFlag):
    """Methods the channel has already used."""

    NONE = 0
    PASSWORD = 1
    SMS_CODE = 2
    TOKEN = 4
    CERTIFICATE = 8
    FACE = 16
    FINGERPRINT = 32
    DOCUMENT = 64


class Flag(IntFlag):
    """What intake and engine know about an event beside its content."""

    NONE = 0
    LATE = 1
    """Older than the stated lateness: scored on what is known, and counted."""
    BACKFILL = 2
    """Fed after an outage (RS-07)."""
    HISTORY_AUTHORISED = 4
    """The customer allowed past transactions to be used (IN-04)."""
    LOCATION_PERMITTED = 8
    """The customer allowed the location to be used (IN-09)."""
    NAME_UNSCREENED = 16
    """The payee's name was not screened before the decision: no answer in time (screened afterwards)."""


class Outcome(IntEnum):
    """The ladder: what the channel should do (RM-06)."""

    PASS = 0
    NOTICE = 1
    CHALLENGE = 2
    DELAY = 3
    SUSPEND = 4
    BLOCK = 5


COLUMN_OF_FIELD: Final[Mapping[str, Col]] = MappingProxyType(
    {
        "occurred_at": Col.OCCURRED_MS,
        "customer": Col.CUSTOMER,
        "account": Col.ACCOUNT,
        "payee_account": Col.PAYEE,
        "device_id": Col.DEVICE,
        "ip": Col.ADDRESS,
        "merchant_id": Col.MERCHANT,
        "city": Col.CITY,
        "amount_fen": Col.AMOUNT_FEN,
        "kind": Col.KIND,
        "channel": Col.CHANNEL,
        "result": Col.RESULT,
        "verification": Col.VERIFICATION,
        "currency": Col.CURRENCY,
        "merchant_category": Col.MERCHANT_CATEGORY,
        "network_kind": Col.NETWORK_KIND,
        "label": Col.LABEL,
        "extra_0": Col.EXTRA_0,
        "extra_1": Col.EXTRA_1,
        "extra_2": Col.EXTRA_2,
        "extra_3": Col.EXTRA_3,
    }
)
"""The row word that holds each field of the envelope the engine may compute on."""

AMOUNT_FEN_MAX: Final = 10**12
"""Largest amount of one event, ten billion yuan: a million of them still sum exactly in 63 bits."""


def empty_rows(count: int) -> Rows:
    """`count` rows of absent values: label, outcome and reference position are -1, the rest 0."""
    rows = np.zeros((count, ROW_WORDS), np.int64)
    rows[:, Col.LABEL] = -1
    rows[:, Col.OUTCOME] = -1
    rows[:, Col.REFERS_SEQ] = -1
    return rows
