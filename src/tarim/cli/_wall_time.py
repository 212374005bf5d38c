"""Instants on the command line: days and wall times in China."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


def instant(local: datetime | None) -> int | None:
    """Milliseconds since the epoch of a wall time in China."""
    from tarim.base.instants import CHINA_OFFSET_MS, instant_ms

    return None if local is None else instant_ms(local.replace(tzinfo=UTC)) - CHINA_OFFSET_MS


def wall_time(at_ms: int) -> str:
    """The wall time in China of an instant, to the minute."""
    from tarim.base.instants import CHINA_OFFSET_MS

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms + CHINA_OFFSET_MS)
    return moment.strftime("%Y-%m-%d %H:%M")
