"""Attempts to feel the model out: found, refused for that customer by that key, and ordinary traffic is not."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.base.errors import DefinitionError, TooOften
from tarim.decisions import Probe, ProbeSettings, ProbeWatch
from tarim.decisions.kernels import strangers as strangers_kernel
from tarim.simulation import SimulationSettings, simulate_rows
from tarim.stream import Channel, Col, Kind, empty_rows
from tests.naive.strangers import NaiveStrangers

NOW_MS = 1_770_000_000_000
KEY, OTHER = 7, 8


def message(customer: int = 5, **words: int) -> np.ndarray:
    row = empty_rows(1)
    row[0, [Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE, Col.DEVICE, Col.AMOUNT_FEN]] = [customer, customer, 60, 70, 1_000]
    row[0, [Col.KIND, Col.CHANNEL]] = [Kind.TRANSFER, Channel.MOBILE]
    for name, value in words.items():
        row[0, Col[name]] = value
    return row


def sent(
    watch: ProbeWatch, rows: list[np.ndarray], sender: int = KEY, now_ms: int = NOW_MS, step_ms: int = 0
) -> list[int]:
    """Which of the messages are refused, each sent by itself."""
    refused = []
    for index, row in enumerate(rows):
        found = watch.look(row, np.array([sender]), now_ms + index * step_ms)
        if found:
            assert isinstance(found[0], TooOften) and 1 <= found[0].retry_after_s <= 600
            refused.append(index)
    return refused


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("amount_fen", "AMOUNT_FEN"),
        ("payee_account", "PAYEE"),
        ("device_id", "DEVICE"),
        ("ip", "ADDRESS"),
        ("city", "CITY"),
    ],
)
def test_one_field_stepped_through_its_values_is_a_sweep(field: str, column: str) -> None:
    """Found after about as many values as are allowed, named by its field, refused from then on; once told."""
    watch = ProbeWatch(ProbeSettings(sweep_values_max=60))
    refused = sent(watch, [message(**{column: 1_000 + step}) for step in range(150)])
    assert 45 <= refused[0] <= 90 and refused == list(range(refused[0], 150))
    assert watch.take_probes() == [Probe(KEY, "sweep", field, NOW_MS)] and watch.take_probes() == []
    assert watch.refused_count == 1


def test_one_message_of_many_customers_from_one_device_is_a_sweep() -> None:
    """And the device is refused."""
    watch = ProbeWatch(ProbeSettings(sweep_values_max=60))
    refused = sent(watch, [message(customer) for customer in range(1, 151)])
    assert 45 <= refused[0] <= 90
    assert watch.take_probes()[0].field == "customer"
    without = ProbeWatch(ProbeSettings(sweep_values_max=60))
    assert not sent(without, [message(customer, DEVICE=0) for customer in range(1, 151)])


def test_very_many_combinations_of_one_customer_are_a_grid() -> None:
    """Whatever fields differ; no single one does often enough to be a sweep."""
    watch = ProbeWatch(ProbeSettings(sweep_values_max=60, grid_events_max=200))
    grid = [
        message(AMOUNT_FEN=1_000 + amount, PAYEE=60 + payee, CITY=110_100 + city)
        for amount in range(8)
        for payee in range(8)
        for city in range(8)
    ]
    refused = sent(watch, grid)
    assert 140 <= refused[0] <= 300
    assert [(probe.what, probe.field) for probe in watch.take_probes()] == [("grid", "several fields")]


def test_others_who_use_the_key_go_on_and_so_does_the_customer_by_another_key() -> None:
    """One key carries a whole channel."""
    watch = ProbeWatch(ProbeSettings())
    assert sent(watch, [message(AMOUNT_FEN=step) for step in range(1, 150)])
    assert not sent(watch, [message(6, DEVICE=71)])
    assert not sent(watch, [message(AMOUNT_FEN=5)], sender=OTHER)
    assert sent(watch, [message(AMOUNT_FEN=5)]) == [0]


def test_a_refusal_ends() -> None:
    """After refuse_s of quiet; not before."""
    watch = ProbeWatch(ProbeSettings(refuse_s=600, window_s=300, slow_values_max=0))
    sent(watch, [message(AMOUNT_FEN=step) for step in range(1, 150)])
    assert sent(watch, [message(AMOUNT_FEN=5)], now_ms=NOW_MS + 590_000) == [0]
    assert sent(watch, [message(AMOUNT_FEN=5)], now_ms=NOW_MS + 610_000) == []
    assert watch.refused_count == 0


def test_the_same_message_again_and_again_is_no_sweep() -> None:
    """Retries are answered with the first answer; nothing is learnt from them."""
    watch = ProbeWatch(ProbeSettings())
    assert not sent(watch, [message()] * 500)


def test_what_is_spread_over_hours_is_no_sweep() -> None:
    """Windows begin anew; for this there is the slow one."""
    watch = ProbeWatch(ProbeSettings(window_s=3_600, slow_values_max=0))
    assert not sent(watch, [message(AMOUNT_FEN=step) for step in range(1, 200)], step_ms=300_000)


def test_a_sweep_slower_than_an_hour_is_found_within_the_day() -> None:
    """A value every five minutes: no hour has many, the day does.  Retries and days with fewer values are no sweep."""
    rows = [message(AMOUNT_FEN=1_000 + step) for step in range(200)]
    watch = ProbeWatch(ProbeSettings())
    refused = sent(watch, rows, step_ms=300_000)
    assert 60 <= refused[0] <= 130
    assert watch.take_probes()[0] == Probe(KEY, "slow-sweep", "amount_fen", NOW_MS + 300_000 * refused[0])
    assert not sent(ProbeWatch(ProbeSettings()), [message()] * 200, step_ms=300_000)
    assert not sent(ProbeWatch(ProbeSettings()), rows, step_ms=3_600_000), "one value an hour stays below"


def strangers(count: int, first: int = 10_000, step: int = 1) -> list[np.ndarray]:
    """One message in many amounts, another customer and device for each."""
    return [
        message(first + k, ACCOUNT=first + k, DEVICE=first + k, ADDRESS=first + k, AMOUNT_FEN=1_000 + step * k)
        for k in range(count)
    ]


def test_another_unknown_customer_for_every_message_is_an_alarm() -> None:
    """Once for a key and field; nobody is refused, for no customer did it.  Slow or quick makes no difference."""
    for step_ms in (0, 300_000):
        watch = ProbeWatch(ProbeSettings(slow_window_s=86_400))
        assert not sent(watch, [message()])
        later = NOW_MS + 86_400_000
        assert not sent(watch, strangers(150), now_ms=later, step_ms=step_ms)
        (probe,) = watch.take_probes()
        assert (probe.sender, probe.what, probe.field) == (KEY, "stranger-sweep", "amount_fen")
        assert watch.refused_count == 0


def test_customers_who_were_seen_may_pay_one_merchant_any_amounts() -> None:
    """Learnt in the first window, by whatever key they came; strangers with the same amount are a popular price."""
    watch = ProbeWatch(ProbeSettings())
    assert not sent(watch, strangers(150), sender=0)
    assert not sent(watch, strangers(150, step=7), now_ms=NOW_MS + 90_000_000)
    assert not sent(watch, strangers(150, first=50_000, step=0), now_ms=NOW_MS + 90_000_000)
    assert watch.found_count == 0
    mixed = ProbeWatch(ProbeSettings())
    assert not sent(mixed, [message()])
    new, old = strangers(150, first=50_000), [message()] * 4
    assert not sent(mixed, [each for row in new for each in (*old, row)], now_ms=NOW_MS + 90_000_000)
    assert mixed.found_count == 0, "new customers of a channel, among those it has"
    off = ProbeWatch(ProbeSettings(stranger_values_max=0))
    assert not sent(off, [message()])
    assert not sent(off, strangers(150), now_ms=NOW_MS + 90_000_000) and off.found_count == 0


@pytest.mark.parametrize("part", [1, 7, 600])
def test_the_kernel_finds_what_sets_find_wherever_a_batch_is_cut(part: int) -> None:
    """Few values, so that no two of them share a bit."""
    rng = np.random.default_rng(5)
    rows = empty_rows(600)
    rows[:, Col.CUSTOMER] = rng.integers(0, 900, len(rows))
    for column, values in ((Col.AMOUNT_FEN, 9), (Col.PAYEE, 2), (Col.CITY, 2)):
        rows[:, column] = rng.integers(0, values, len(rows))
    senders = rng.choice([0, KEY, OTHER], len(rows), p=[0.1, 0.6, 0.3])
    naive = NaiveStrangers(6)
    expected = [naive.look(row, int(sender)) for row, sender in zip(rows, senders, strict=True)]
    known, entries, seen = np.zeros(1 << 12, np.uint64), np.zeros((1 << 8, 4, 4), np.int64), np.zeros((16, 4), np.int64)
    found = np.empty(len(rows), np.int64)
    for start in range(0, len(rows), part):
        cut = slice(start, start + part)
        strangers_kernel.watch_strangers(
            rows[cut], senders[cut], known, entries, seen, 1_000, 3_600, 6, False, found[cut]
        )
    assert found.tolist() == expected and len({*expected}) >= 2


def test_senders_that_are_not_watched_and_limits_that_are_off() -> None:
    """Sender 0; 0 for no limit; more values than can be told apart are refused at the start."""
    rows = [message(AMOUNT_FEN=step) for step in range(1, 500)]
    assert not sent(ProbeWatch(ProbeSettings()), rows, sender=0)
    assert not sent(ProbeWatch(ProbeSettings(sweep_values_max=0, grid_events_max=0, slow_values_max=0)), rows)
    with pytest.raises(DefinitionError, match="at most 400"):
        ProbeSettings(grid_events_max=401).check()
    with pytest.raises(DefinitionError, match="slow_window_s is not below"):
        ProbeSettings(slow_window_s=60).check()


def test_where_batches_end_changes_nothing() -> None:
    """The same events are refused, but those of the batch in which it is found: these all."""
    rows = np.concatenate([message(AMOUNT_FEN=step) for step in range(1, 150)])
    single = sent(ProbeWatch(ProbeSettings()), list(rows[:, None, :]))
    whole = ProbeWatch(ProbeSettings()).look(rows, np.full(len(rows), KEY), NOW_MS)
    assert set(single) <= set(whole)
    small = ProbeWatch(ProbeSettings())
    parts: set[int] = set()
    for start in range(0, len(rows), 10):
        part = np.ascontiguousarray(rows[start : start + 10])
        parts |= {start + index for index in small.look(part, np.full(len(part), KEY), NOW_MS)}
    assert set(single) <= parts and len(parts) - len(single) < 10


def test_ordinary_traffic_of_a_bank_is_never_refused() -> None:
    """Every scenario of crime in it, all customers by one key, at a fifth of the default limits; slow ones at half of them."""
    watch = ProbeWatch(
        ProbeSettings(
            sweep_values_max=12, grid_events_max=60, slow_values_max=30, slow_window_s=43_200, stranger_values_max=30
        )
    )
    events = 0
    for rows in simulate_rows(SimulationSettings(customers=800, events_per_day=4_000, days=2, seed=9, scenarios="all")):
        for part in np.array_split(rows, 200):
            events += len(part)
            part = np.ascontiguousarray(part)
            assert not watch.look(part, np.full(len(part), KEY), int(part[0, Col.OCCURRED_MS]))
    assert events > 7_000 and not watch.take_probes()
