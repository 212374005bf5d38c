"""How often a key may ask, and unknown keys by address."""

from __future__ import annotations

from tarim.identity import Frequency, Strangers
from tarim.identity.limits import ADDRESSES_MAX


def admitted(frequency: Frequency, count: int, *, at_s: float = 0.0, key: str = "k", **own: int) -> int:
    return sum(frequency.admit(key, at_s, 1_770_000_000 + at_s, **own) == 0 for _ in range(count))


def test_a_burst_is_admitted_up_to_the_bucket_and_then_at_the_rate() -> None:
    frequency = Frequency(per_s=10, burst=50, per_day=0)
    assert admitted(frequency, 100) == 50
    assert frequency.admit("k", 0.0, 0.0) >= 1.0
    assert admitted(frequency, 100, at_s=2.0) == 20
    assert admitted(frequency, 100, at_s=2.0, key="other") == 50


def test_a_key_may_have_limits_of_its_own() -> None:
    """In place of the common ones, the bucket in proportion; also where there are no common ones."""
    assert admitted(Frequency(100, 1_000, 0), 5_000, per_s=10) == 100
    assert admitted(Frequency(0, 1, 0), 50, per_s=10) == 10
    assert admitted(Frequency(0, 1, 0), 50, per_day=7) == 7
    assert admitted(Frequency(0, 1, 0), 5_000) == 5_000


def test_a_day_is_a_day_in_china() -> None:
    """Refused until midnight there."""
    frequency = Frequency(0, 1, per_day=5)
    evening = 1_769_904_000 - 8 * 3_600 - 60  # 23:59 in China
    assert [frequency.admit("k", 0.0, evening) == 0 for _ in range(6)] == [True] * 5 + [False]
    assert frequency.admit("k", 0.0, evening) == 60
    assert frequency.admit("k", 61.0, evening + 61) == 0


def test_events_of_a_batch_are_owed() -> None:
    frequency = Frequency(per_s=10, burst=10, per_day=1_000)
    assert frequency.admit("k", 0.0, 0.0) == 0
    frequency.charge("k", 29)
    assert frequency.admit("k", 1.0, 1.0) == 1.1
    assert frequency.admit("k", 2.0, 2.0) > 0
    assert frequency.admit("k", 3.0, 3.0) == 0
    frequency.charge("nobody", 5)


def test_unknown_keys_are_borne_so_often_and_then_an_address_is_banned() -> None:
    """For a while, and then anew; each address for itself."""
    strangers = Strangers(tries_max=3, window_s=60, ban_s=30)
    assert [strangers.tried("a", 0.0) for _ in range(5)] == [(0.0, False)] * 3 + [(30.0, True), (30.0, False)]
    assert strangers.tried("a", 10.0) == (20.0, False)
    assert strangers.tried("b", 10.0) == (0.0, False)
    assert strangers.tried("a", 31.0) == (0.0, False)
    slow = Strangers(tries_max=3, window_s=60, ban_s=30)
    assert not any(slow.tried("a", 30.0 * step)[0] for step in range(100))
    assert Strangers(0, 60, 30).tried("a", 0.0) == (0.0, False)


def test_addresses_are_bounded() -> None:
    """The quietest is forgotten."""
    strangers = Strangers(tries_max=1, window_s=60, ban_s=30)
    for number in range(ADDRESSES_MAX + 100):
        strangers.tried(str(number), 0.0)
    assert len(strangers._seen) == ADDRESSES_MAX
