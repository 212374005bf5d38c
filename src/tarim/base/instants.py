"""Instants and durations: int64 milliseconds since 1970-01-01T00:00Z, and lengths of time in the same unit."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from tarim.base.errors import DefinitionError

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
CHINA_OFFSET_MS: Final = 8 * HOUR_MS
"""China has one zone and no summer time: local wall time is UTC plus this."""

_UNITS: Final = {"ms": 1, "s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_DURATION: Final = re.compile(r"([1-9][0-9]{0,9})(ms|s|m|h|d)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Where time comes from; the engine never has one."""

    def now_ms(self) -> int: ...


def duration_ms(text: str) -> int:
    """Length of `10m`, `24h`, `7d`, `30s`, `250ms` in milliseconds.  Raises DefinitionError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise DefinitionError(f"duration {text!r} is not a whole number followed by ms, s, m, h or d")
    return int(match[1]) * _UNITS[match[2]]


def instant_ms(moment: datetime) -> int:
    """Milliseconds since the epoch of a moment with a zone, rounded down."""
    assert moment.tzinfo is not None
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def instant_text(at_ms: int) -> str:
    """RFC 3339 text of an instant, in UTC, with milliseconds."""
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
