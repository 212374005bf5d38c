"""The counter of failed sign-ins: what it does at each try (SE-04, BJKJ-005).

    fresh ──try──► counted ──the last try allowed──► locked for a while ──again and again──► locked until somebody unlocks

A try is counted before the password is looked at, and taken back when it was right: a hundred guesses sent at once are a
hundred tries.  It is the same for logins that do not exist, so a lock says nothing about who has an account.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from tarim.base.instants import DAY_MS, SECOND_MS
from tarim.identity.domain.policy import IdentitySettings

FOR_GOOD: Final = (1 << 63) - 1
"""Locked until somebody unlocks."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Tries that were not right.  count: of this window; locks: how often in a row it was locked; total: since one was right.

    Instants in milliseconds, 0 for never.
    """

    count: int = 0
    first_ms: int = 0
    locked_until_ms: int = 0
    locks: int = 0
    total: int = 0

    def locked(self, now_ms: int) -> bool:
        """Whether no try is taken now."""
        return now_ms < self.locked_until_ms


def tried(before: Failures, now_ms: int, settings: IdentitySettings) -> Failures:
    """The counter with one more try, which is taken to be wrong until it is found to be right.

    Who tries slowly enough never to fill a window is stopped by the total (NIST SP 800-63B 5.2.2: 100 at most).
    """
    assert not before.locked(now_ms)
    if not before.count or now_ms - before.first_ms >= settings.failures_window_s * SECOND_MS:
        before = replace(before, count=0, first_ms=now_ms)
    count, total = before.count + 1, before.total + 1
    if count < settings.failures_max and total < settings.consecutive_failures_max:
        return replace(before, count=count, total=total)
    locks = before.locks + 1
    if locks > settings.locks_max or total >= settings.consecutive_failures_max:
        until_ms = FOR_GOOD
    else:
        until_ms = now_ms + min(DAY_MS, settings.lock_ms << (locks - 1))
    return Failures(0, 0, until_ms, locks, total)
