"""How many different people's data somebody looks up: a crawl is counted, told, and stopped where policy says so (SE-05).

    personal data of something not looked at in the last hour   counted for whoever is signed in, or for the key
    more than `identity.lookups_alarm` of them                  an alarm, once an hour: log, figure, entry of the trail
    more than `identity.lookups_max` of them (0: no limit)      429 until older ones are an hour ago

What is looked at again counts once.  Counts are of one process and begin anew with it.  Of what was looked at a keyed digest
is kept, so nobody's number stands in memory.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

import structlog

from tarim.base.errors import TooOften
from tarim.base.instants import HOUR_MS, SECOND_MS, Clock

WINDOW_MS: Final = HOUR_MS
ACTORS_MAX: Final = 10_000
"""Whose lookups are remembered; who was quiet for longest is forgotten first."""
REMEMBERED_MAX: Final = 10_000
"""Lookups remembered of one actor; the oldest are forgotten first."""
NAMED_IN: Final = ("customer", "value", "text")
"""Fields of bodies that name whom somebody looks for."""


class Lookups:
    """Counts by actor.  One thread."""

    def __init__(self, clock: Clock, alarm: int, limit: int) -> None:
        """alarm, limit: different things within the hour; limit 0: none."""
        self._clock, self._alarm, self._limit = clock, alarm, limit
        self._key = os.urandom(32)
        self._seen: OrderedDict[str, OrderedDict[bytes, int]] = OrderedDict()
        self._alarmed_ms: dict[str, int] = {}
        self._log = structlog.get_logger("tarim.api")
        self.alarms = 0
        """Raised since the process began."""

    def look(self, actor: str, thing: str) -> int:
        """Count a lookup; how many different things that makes where it is an alarm now, else 0.

        Raises TooOften for a further thing beyond the limit, which is not counted.
        """
        now_ms = self._clock.now_ms()
        seen = self._of(actor, now_ms)
        digest = blake2b(thing.encode("utf-8", "replace"), key=self._key, digest_size=8).digest()
        if digest not in seen and self._limit and len(seen) >= self._limit:
            wait_s = (next(iter(seen.values())) + WINDOW_MS - now_ms) / SECOND_MS
            raise TooOften(
                f"personal data of {self._limit} different customers or cases was looked at within an hour "
                "(identity.lookups_max). 一小时内查看的客户或案件过多。",
                wait_s,
            )
        seen[digest] = now_ms
        seen.move_to_end(digest)
        if len(seen) > REMEMBERED_MAX:
            seen.popitem(last=False)
        if len(seen) <= self._alarm or now_ms - self._alarmed_ms.get(actor, -WINDOW_MS) < WINDOW_MS:
            return 0
        self._alarmed_ms[actor] = now_ms
        self.alarms += 1
        self._log.warning("somebody looks up many different customers", who=actor, count=len(seen))
        return len(seen)

    def _of(self, actor: str, now_ms: int) -> OrderedDict[bytes, int]:
        """What an actor has looked at within the hour, the oldest first."""
        seen = self._seen.setdefault(actor, OrderedDict())
        self._seen.move_to_end(actor)
        if len(self._seen) > ACTORS_MAX:
            gone, _ = self._seen.popitem(last=False)
            self._alarmed_ms.pop(gone, None)
        while seen and now_ms - next(iter(seen.values())) >= WINDOW_MS:
            seen.popitem(last=False)
        return seen


def thing_of(names: Mapping[str, Any], body: object) -> str:
    """What a request is about: what its path names, else whom its body names; "" for neither, a list for example."""
    for value in names.values():
        return str(value)
    for name in NAMED_IN:
        if found := getattr(body, name, ""):
            return f"{name} {found}"
    return ""
