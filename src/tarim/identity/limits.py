"""How often a key may ask, and how often somebody may try keys that were never assigned (ML-24, MP-06, AS-26).

Pure: instants are given, in seconds of any clock that does not go back.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

ADDRESSES_MAX: Final = 10_000
"""Addresses remembered for trying unknown keys; the one that was quiet for longest is forgotten first."""
_DAY_S: Final = 86_400
_CHINA_S: Final = 8 * 3_600


class Frequency:
    """A token bucket and a count a day for each key.

    per_s, burst: the bucket fills with `per_s` tokens a second up to `burst`; an event takes one.  0 = no such limit.
    """

    __slots__ = ("_buckets", "_burst", "_days", "_per_day", "_per_s")

    def __init__(self, per_s: int, burst: int, per_day: int) -> None:
        self._per_s, self._burst, self._per_day = per_s, burst, per_day
        self._buckets: dict[str, list[float]] = {}  # tokens, since when
        self._days: dict[str, list[int]] = {}  # day, events

    def admit(self, key: str, now_s: float, unix_s: float, per_s: int = 0, per_day: int = 0) -> float:
        """Seconds that the key has to wait, 0 when it may ask now: then the request is counted as one event.

        unix_s: the time of the calendar.  per_s, per_day: the key's own limits, in place of the common ones where above 0.
        """
        rate = per_s or self._per_s
        if rate:
            burst = max(1, min(self._burst, rate * self._burst // max(self._per_s, 1)) if self._per_s else rate)
            bucket = self._buckets.get(key)
            if bucket is None:
                bucket = self._buckets[key] = [float(burst), now_s]
            tokens = min(burst, bucket[0] + (now_s - bucket[1]) * rate)
            bucket[0], bucket[1] = tokens, now_s
            if tokens < 1.0:
                return max(1.0, (1.0 - tokens) / rate)
            bucket[0] = tokens - 1.0
        limit = per_day or self._per_day
        if limit:
            today = int(unix_s + _CHINA_S) // _DAY_S
            counted = self._days.get(key)
            if counted is None or counted[0] != today:
                counted = self._days[key] = [today, 0]
            if counted[1] >= limit:
                return float((today + 1) * _DAY_S - _CHINA_S - unix_s)
            counted[1] += 1
        return 0.0

    def charge(self, key: str, events: int) -> None:
        """Count events beyond the first of a request; the key may owe some, and waits until they are made up for."""
        bucket, counted = self._buckets.get(key), self._days.get(key)
        if bucket is not None:
            bucket[0] -= events
        if counted is not None:
            counted[1] += events


class Strangers:
    """Counts requests with keys that were never assigned, by address."""

    __slots__ = ("_ban_s", "_max", "_seen", "_window_s")

    def __init__(self, tries_max: int, window_s: int, ban_s: int) -> None:
        self._max, self._window_s, self._ban_s = tries_max, window_s, ban_s
        self._seen: OrderedDict[str, list[float]] = OrderedDict()  # tries, since when, banned until

    def tried(self, address: str, now_s: float) -> tuple[float, bool]:
        """(seconds for which the address is banned, 0 for not; whether the ban begins with this try)."""
        if not self._max:
            return 0.0, False
        seen = self._seen.get(address)
        if seen is None:
            if len(self._seen) >= ADDRESSES_MAX:
                self._seen.popitem(last=False)
            seen = self._seen[address] = [0.0, now_s, 0.0]
        self._seen.move_to_end(address)
        if now_s < seen[2]:
            return seen[2] - now_s, False
        if now_s - seen[1] >= self._window_s:
            seen[0], seen[1] = 0.0, now_s
        seen[0] += 1.0
        if seen[0] <= self._max:
            return 0.0, False
        seen[:] = [0.0, now_s, now_s + self._ban_s]
        return float(self._ban_s), True
