"""Every kind of file, by name and by the prefix of its ids; and the ids themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from tarim.base.errors import NotFound
from tarim.base.instants import CHINA_OFFSET_MS
from tarim.redress.domain.complaint import COMPLAINT
from tarim.redress.domain.dispute import DISPUTE
from tarim.redress.domain.erasure import ERASURE
from tarim.redress.domain.files import Kind
from tarim.redress.domain.fund import FUND
from tarim.redress.domain.half_year import HALF_YEAR
from tarim.redress.domain.hold import HOLD
from tarim.redress.domain.loss import LOSS
from tarim.redress.domain.request import REQUEST
from tarim.redress.domain.roster import ROSTER

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {kind.name: kind for kind in (COMPLAINT, LOSS, DISPUTE, REQUEST, HOLD, ERASURE, FUND, ROSTER, HALF_YEAR)}
)
PLURALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "complaint": "complaints",
        "loss": "losses",
        "dispute": "disputes",
        "request": "authority-requests",
        "hold": "legal-holds",
        "erasure": "erasures",
        "fund": "funds",
        "roster": "duty-rosters",
    }
)
"""Kinds that persons open, and what many of them are called in paths and commands."""

_BY_PREFIX: Final = {kind.prefix: kind for kind in KINDS.values()}
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: nothing that looks alike when read out on a telephone."""

TRACKING_BITS: Final = 60
_ID: Final = re.compile(r"([A-Z]{1,8})-[0-9A-Za-z-]{1,34}")


def kind_of(file_id: str) -> Kind:
    """The kind of the file with an id.  Raises NotFound."""
    match = _ID.fullmatch(file_id)
    if match is None or match[1] not in _BY_PREFIX:
        raise NotFound("there is no such file")
    return _BY_PREFIX[match[1]]


def tracking_id(random: bytes) -> str:
    """The id of a complaint: 60 random bits, so that nobody guesses another one's.  random: 8 bytes."""
    number = int.from_bytes(random, "big") >> (64 - TRACKING_BITS)
    letters = "".join(_ALPHABET[number >> shift & 31] for shift in range(TRACKING_BITS - 5, -1, -5))
    return f"C-{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def counted_id(kind: Kind, at_ms: int, number: int) -> str:
    """The id of a file inside the bank: `LOSS-2026-000001`, counted by year."""
    return f"{counted_prefix(kind, at_ms)}{number:06d}"


def counted_prefix(kind: Kind, at_ms: int) -> str:
    """What the ids of a year begin with."""
    year = datetime.fromtimestamp((at_ms + CHINA_OFFSET_MS) / 1000, UTC).year
    return f"{kind.prefix}-{year}-"
