"""However an attacker spaces the tries: so many are taken, and no more."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tarim.base.instants import DAY_MS
from tarim.identity.domain.lockout import FOR_GOOD, Failures, tried
from tarim.identity.domain.policy import IdentitySettings

GAPS_MS = st.lists(st.one_of(st.integers(0, 2_000), st.integers(0, 1_000_000), st.integers(0, DAY_MS)), max_size=250)


@settings(max_examples=100, deadline=None)
@given(GAPS_MS, st.integers(1, 10), st.integers(1, 6), st.integers(1, 100))
def test_no_spacing_of_tries_gets_more_than_the_limits(gaps_ms: list[int], each: int, locks: int, total: int) -> None:
    policy = IdentitySettings(failures_max=each, locks_max=locks, consecutive_failures_max=total)
    found, now_ms, taken_ms, begun = Failures(), 1_000, [], 0
    for gap_ms in gaps_ms:
        now_ms += gap_ms
        if found.locked(now_ms):
            continue
        taken_ms.append(now_ms)
        found = tried(found, now_ms, policy)
        begun += found.locked(now_ms)
        assert found.total == len(taken_ms) <= total and found.locks == begun <= locks + 1
    window_ms = policy.failures_window_s * 1_000
    for at_ms in taken_ms:  # a window may begin anywhere, so two of the counter's own meet in it
        assert sum(at_ms <= other < at_ms + window_ms for other in taken_ms) <= 2 * each
    assert (found.locked_until_ms == FOR_GOOD) == (len(taken_ms) == total or begun == locks + 1)


def test_a_slow_attacker_is_stopped_too() -> None:
    policy = IdentitySettings()
    found, now_ms, taken = Failures(), 1_000, 0
    while not found.locked(now_ms):
        found, taken, now_ms = tried(found, now_ms, policy), taken + 1, now_ms + 4 * 60_000
    assert taken == 100 and found.locked_until_ms == FOR_GOOD
