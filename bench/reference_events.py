"""The events every speed bar and the exactness bar are measured on: forty days of a provincial bank, vectorised.

Sessions with a few payments each, busy and quiet customers (Zipf-Mandelbrot), contacts and strangers, own and shared devices
and addresses.  In journal order: one event in a hundred arrives up to five seconds late, and one branch's queue of
events a whole day late.  Same seed, same rows, to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tarim.stream.events import Channel, Col, Flag, Kind, Rows, empty_rows

DAY_MS = 86_400_000
START_MS = 1_750_000_000_000
EVENTS_PER_SESSION = 2.2
CNY = 0x434E59


@dataclass(frozen=True)
class Shape:
    """How many events, of how many customers, over how many days, and how disordered."""

    events: int = 2_000_000
    customers: int = 350_000
    days: int = 40
    late_share: float = 0.01
    late_ms_max: int = 5_000
    day_late_events: int = 2_000
    seed: int = 7


def _zipf_picks(
    rng: np.random.Generator, size: int, exponent: float, shift: float, count: int
) -> npt.NDArray[np.int64]:
    weights = (np.arange(1, size + 1) + shift) ** -exponent
    cumulated = np.cumsum(weights / weights.sum())
    return np.minimum(np.searchsorted(cumulated, rng.random(count)), size - 1).astype(np.int64)


def _tokens(ids: npt.NDArray[np.int64], salt: int) -> npt.NDArray[np.int64]:
    """Signed 64-bit tokens, one to one with `ids`, spread like keyed hashes (splitmix64); never 0 for ids >= 0."""
    x = (ids.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = x ^ (x >> np.uint64(31))
    return np.where(x == 0, np.uint64(1), x).view(np.int64)


def reference_rows(shape: Shape) -> Rows:
    """`shape.events` rows in journal order, SEQ 0 to n-1."""
    rng = np.random.default_rng(shape.seed)
    count, customers = shape.events, shape.customers
    sessions = max(1, int(count / EVENTS_PER_SESSION))
    session_of = np.repeat(np.arange(sessions), rng.geometric(1 / EVENTS_PER_SESSION, sessions))[:count]
    if len(session_of) < count:
        session_of = np.concatenate([session_of, np.sort(rng.integers(0, sessions, count - len(session_of)))])
        session_of.sort()
    starts_ms = rng.integers(0, shape.days, sessions) * DAY_MS
    starts_ms = starts_ms + (np.clip(rng.normal(14, 4, sessions), 0, 23.99) * 3_600_000).astype(np.int64)
    first = np.r_[True, session_of[1:] != session_of[:-1]]
    gaps_ms = np.where(first, 0, rng.exponential(45_000, count).astype(np.int64))
    walked = np.cumsum(gaps_ms)
    occurred = starts_ms[session_of] + walked - np.maximum.accumulate(np.where(first, walked, 0))

    by_rank = rng.permutation(customers)
    payer = by_rank[_zipf_picks(rng, customers, 0.8, 50.0, sessions)][session_of]
    contact = (payer * 2_654_435_761 + rng.integers(0, 6, count) * 97_003) % customers
    stranger = by_rank[::-1][_zipf_picks(rng, customers, 0.9, 10.0, count)]
    payee = np.where(rng.random(count) < 0.6, contact, stranger)
    payee = np.where(payee == payer, (payee + 1) % customers, payee)
    device = payer * 3 + rng.choice(3, count, p=[0.85, 0.12, 0.03])
    farmed = rng.random(count) < 0.02
    device = np.where(farmed, 3 * customers + _zipf_picks(rng, 2_000, 1.0, 5.0, count), device)
    address = payer * 4 + rng.choice(4, count, p=[0.6, 0.2, 0.15, 0.05])
    shared = rng.random(count) < 0.2
    address = np.where(shared, 4 * customers + _zipf_picks(rng, 20_000, 0.9, 5.0, count), address)
    fen = np.maximum(1, np.exp(rng.normal(5.5, 1.6, count)) * 100).astype(np.int64)
    channel = rng.integers(1, 7, count)
    city = 110_000 + payer % 340 * 100

    delay = np.where(rng.random(count) < shape.late_share, rng.integers(1, shape.late_ms_max + 1, count), 0)
    queued = min(shape.day_late_events, count // 10)
    in_time = np.argsort(occurred, kind="stable")
    delay[in_time[count // 2 : count // 2 + queued]] = DAY_MS
    order = np.argsort(occurred + delay, kind="stable")

    rows = empty_rows(count)
    rows[:, Col.SEQ] = np.arange(count)
    rows[:, Col.OCCURRED_MS] = START_MS + occurred[order]
    rows[:, Col.RECEIVED_MS] = START_MS + (occurred + delay)[order]
    rows[:, Col.EVENT_KEY] = _tokens(order.astype(np.int64), 11)
    rows[:, Col.CONTENT_KEY] = _tokens(order.astype(np.int64), 12)
    rows[:, Col.CUSTOMER] = _tokens(payer[order], 1)
    rows[:, Col.ACCOUNT] = _tokens(payer[order], 2)
    rows[:, Col.PAYEE] = _tokens(payee[order], 2)
    rows[:, Col.DEVICE] = _tokens(device[order], 3)
    rows[:, Col.ADDRESS] = _tokens(address[order], 4)
    rows[:, Col.CITY] = city[order]
    rows[:, Col.AMOUNT_FEN] = fen[order]
    rows[:, Col.KIND] = Kind.TRANSFER
    rows[:, Col.CHANNEL] = channel[order]
    rows[:, Col.FLAGS] = Flag.HISTORY_AUTHORISED
    rows[:, Col.CURRENCY] = CNY
    assert channel.max() <= Channel.API
    return rows


def in_event_order(rows: Rows) -> Rows:
    """The same rows as if nothing had been late: by time, then by journal; SEQ rewritten."""
    ordered = rows[np.argsort(rows[:, Col.OCCURRED_MS], kind="stable")].copy()
    ordered[:, Col.SEQ] = np.arange(len(ordered))
    return ordered
