"""The simulated bank: the same settings give the same days, days look like days, and the truth fits the events."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tarim.base.errors import DefinitionError
from tarim.privacy.fields import FIELDS
from tarim.simulation import (
    CRIMES,
    EVENT_SCHEMA,
    TRUTH_SCHEMA,
    CrimeSettings,
    LateBatch,
    SimulationSettings,
    simulate,
    simulate_days,
)

SMALL = {"customers": 3_000, "events_per_day": 3_000}


def digest(tables: list[pa.Table]) -> str:
    """SHA-256 over the tables' values in Arrow's stream format, one batch a table."""
    seen = hashlib.sha256()
    for table in tables:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        seen.update(sink.getvalue())
    return seen.hexdigest()


def days_of(**settings: object) -> list:
    return list(simulate_days(SimulationSettings(**{**SMALL, **settings})))


def whole(**settings: object) -> pa.Table:
    return pa.concat_tables([day.events for day in days_of(**settings)])


EVERYTHING = {
    "label_events": True,
    "genuine_label_share": 0.01,
    "out_of_order_share": 0.05,
    "late_batch": LateBatch(day=1, events=300),
    "crime": CrimeSettings(share=0.02),
}


def test_the_same_settings_give_the_same_bytes_in_another_process() -> None:
    """Neither hash seeds nor process state enter the data."""
    code = (
        "import sys; sys.path.insert(0, '.')\n"
        "from tests.unit.simulation.test_bank import EVERYTHING, days_of, digest\n"
        "days = days_of(days=3, **EVERYTHING)\n"
        "print(digest([day.events for day in days] + [day.truth for day in days]))\n"
    )
    there = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": "src", "PYTHONHASHSEED": "77"},
    )
    days = days_of(days=3, **EVERYTHING)
    assert digest([day.events for day in days] + [day.truth for day in days]) == there.stdout.strip()


def test_a_day_does_not_depend_on_how_many_follow() -> None:
    """Day d of a short run equals day d of a long one, labels, late events and truth included."""
    short, long = days_of(days=4, **EVERYTHING), days_of(days=9, **EVERYTHING)
    for one, other in zip(short, long, strict=False):
        assert digest([one.events, one.truth]) == digest([other.events, other.truth])


def test_another_seed_gives_another_bank() -> None:
    """The seed reaches people and days alike."""
    one, other = days_of(days=1)[0].events, days_of(days=1, seed=43)[0].events
    assert set(one["account"].to_pylist()) != set(other["account"].to_pylist())
    assert one["occurred_at"].to_pylist()[:50] != other["occurred_at"].to_pylist()[:50]


def test_columns_are_the_envelope() -> None:
    """Every column is a field of the envelope, in the stated types."""
    events = whole(days=1)
    assert events.schema == EVENT_SCHEMA
    assert set(events.column_names) <= set(FIELDS)
    assert days_of(days=1)[0].truth.schema == TRUTH_SCHEMA


def test_arrow_arrays_are_well_formed() -> None:
    """Arrays built from raw buffers pass Arrow's own full validation."""
    for day in days_of(days=2, **EVERYTHING):
        day.events.validate(full=True)
        day.truth.validate(full=True)


def test_event_ids_are_unique() -> None:
    """Across days, labels and late arrivals."""
    ids = whole(days=6, **EVERYTHING)["event_id"]
    assert pc.count_distinct(ids).as_py() == len(ids)


def test_arrival_is_in_order_of_time_when_nothing_is_late() -> None:
    """Without late events the stream is ordered by time, over midnight too."""
    at = whole(days=4)["occurred_at"].cast(pa.int64()).to_numpy()
    assert (np.diff(at) >= 0).all()


def test_out_of_order_events_are_as_many_and_as_late_as_asked() -> None:
    """The share that is late is the share asked for, and none is later than the maximum."""
    at = whole(days=4, events_per_day=20_000, out_of_order_share=0.2, out_of_order_ms_max=60_000)
    time = at["occurred_at"].cast(pa.int64()).to_numpy()
    behind = np.maximum.accumulate(time) - time
    assert 0 < behind.max() <= 60_000
    assert 0.1 < (behind > 0).mean() < 0.3


def test_a_late_batch_arrives_together_and_late() -> None:
    """A contiguous stretch of day 2's events is missing there and comes together on day 3."""
    days = days_of(days=5, late_batch=LateBatch(day=2, events=400))
    time = days[3].events["occurred_at"].cast(pa.int64()).to_numpy()
    late = np.flatnonzero(np.maximum.accumulate(time) - time > 3_600_000)
    assert len(late) == 400
    assert (np.diff(late) == 1).all()
    assert (np.diff(time[late]) >= 0).all()
    same = days_of(days=5)
    assert sum(len(day.events) for day in days) == sum(len(day.events) for day in same)
    assert len(same[2].events) - len(days[2].events) == 400


def test_volume_is_what_was_asked_for() -> None:
    """Over thirty days the mean is within 3% of the setting, crime within a third of its share."""
    days = days_of(days=30)
    mean = sum(len(day.events) for day in days) / 30
    assert 0.97 * 3_000 < mean < 1.03 * 3_000
    crimes = sum(len(day.truth) for day in days)
    assert 0.002 < crimes / (mean * 30) < 0.004


def test_days_have_a_rhythm() -> None:
    """By night almost nobody buys; the hours and the weekdays are far from uniform but near their profile."""
    events = whole(days=28, start=date(2026, 1, 5))
    local_ms = events["occurred_at"].cast(pa.int64()).to_numpy() + 8 * 3_600_000
    hour = local_ms // 3_600_000 % 24
    by_hour = np.bincount(hour, minlength=24)
    assert by_hour[2:5].sum() < 0.05 * by_hour.sum()
    uniform = by_hour.sum() / 24
    assert ((by_hour - uniform) ** 2 / uniform).sum() > 10_000
    bought = pc.equal(events["kind"], "payment").to_numpy(zero_copy_only=False)
    halves = [np.bincount(hour[bought & (local_ms // 86_400_000 % 2 == half)], minlength=24) for half in (0, 1)]
    a, b = halves[0] / halves[0].sum(), halves[1] / halves[1].sum()
    chi_square = ((halves[0] - halves[0].sum() * (a + b) / 2) ** 2 / np.maximum(1, halves[0].sum() * (a + b) / 2)).sum()
    assert chi_square < 120  # 23 degrees of freedom: two halves of the same profile; sessions make it wider than 23
    weekday = np.bincount(((local_ms // 86_400_000) + 3)[bought] % 7, minlength=7)
    assert weekday[4] > weekday[0] and weekday[4] > weekday[6]  # Friday against Monday and Sunday


def test_salaries_come_on_salary_days() -> None:
    """Deposits by interface fall on the 5th, 10th, 15th and 25th only."""
    events = whole(days=31, start=date(2026, 3, 1))
    paid = events.filter(pc.and_(pc.equal(events["channel"], "api"), pc.equal(events["kind"], "deposit")))
    days = pc.day(
        pc.assume_timezone(pc.local_timestamp(paid["occurred_at"].cast(pa.timestamp("ms", "Asia/Shanghai"))), "UTC")
    )
    assert set(days.to_pylist()) == {5, 10, 15, 25}
    assert pc.count_distinct(paid["customer"]).as_py() == len(paid)


def test_customers_have_habits() -> None:
    """Most transfers go to a payee the customer has paid before; most logins come from a known device."""
    events = whole(days=60, customers=300)
    rows = events.select(["customer", "kind", "payee_account", "device_id"]).to_pylist()
    known: Counter[tuple[str, str]] = Counter()
    again = total = 0
    for row in rows[len(rows) // 2 :]:
        if row["kind"] == "transfer":
            total += 1
            again += known[row["customer"], row["payee_account"]] > 0
            known[row["customer"], row["payee_account"]] += 1
    assert 0.4 < again / total < 0.95


def test_the_truth_fits_the_events() -> None:
    """Each truth row is about an event of the same day; rings are of one kind; labels come after the crime."""
    days = days_of(days=20, events_per_day=10_000, crime=CrimeSettings(share=0.01))
    kind_of: dict[str, str] = {}
    seen = set()
    for day in days:
        at = dict(zip(day.events["event_id"].to_pylist(), day.events["occurred_at"].to_pylist(), strict=True))
        for row in day.truth.to_pylist():
            assert row["event_id"] in at
            assert kind_of.setdefault(row["ring"], row["crime"]) == row["crime"]
            assert row["label_at"] is None or row["label_at"] > at[row["event_id"]]
            seen.add(row["crime"])
    assert seen == set(CRIMES)


def test_label_events_say_what_the_truth_says() -> None:
    """Fraud labels refer to criminal events at the stated time, genuine ones to ordinary events; none comes early."""
    days = days_of(days=25, label_events=True, genuine_label_share=0.01, crime=CrimeSettings(share=0.02))
    when, source, kinds, truth = {}, {}, {}, {}
    for day in days:
        truth.update({row["event_id"]: row for row in day.truth.to_pylist()})
        for row in day.events.to_pylist():
            if row["kind"] == "label":
                about = row["refers_to"]
                assert when[about] < row["occurred_at"], "a label refers to an event that has arrived"
                assert (row["label"] == "fraud") == (about in truth)
                assert row["source"] == source[about], "an id is unique within its source"
                if row["label"] == "fraud":
                    assert truth[about]["label_at"] == row["occurred_at"]
                kinds[row["label"]] = kinds.get(row["label"], 0) + 1
            else:
                when[row["event_id"]] = row["occurred_at"]
                source[row["event_id"]] = row["source"]
                assert row["label"] is None and row["refers_to"] is None
    assert kinds["fraud"] > 100 and kinds["genuine"] > 100
    reported = sum(row["label_at"] is not None for row in truth.values()) / len(truth)
    assert 0.8 < reported < 1.0


def test_labels_change_no_other_event() -> None:
    """Asking for labels only adds rows."""
    without, with_labels = whole(days=8), whole(days=8, label_events=True)
    rest = with_labels.filter(pc.not_equal(with_labels["kind"], "label"))
    assert rest.equals(without)


def test_no_single_field_gives_crime_away() -> None:
    """Every value of a code that crime uses is used by ordinary events too, and amounts overlap."""
    days = days_of(days=30, events_per_day=10_000, customers=10_000, crime=CrimeSettings(share=0.02))
    events = pa.concat_tables([day.events for day in days])
    crimes = pa.concat_tables([day.truth for day in days])["event_id"]
    criminal = pc.is_in(events["event_id"], value_set=crimes.combine_chunks())
    bad, good = events.filter(criminal), events.filter(pc.invert(criminal))
    joined = [table.append_column("verified", pc.binary_join(table["verification"], "|")) for table in (bad, good)]
    for name in ("kind", "verified"):
        assert set(joined[0][name].unique().to_pylist()) <= set(joined[1][name].unique().to_pylist()), name
    for name in ("channel", "result", "network_kind", "source", "city", "merchant_category", "device_os"):
        assert set(bad[name].unique().to_pylist()) <= set(good[name].unique().to_pylist()), name
    moved = [table.filter(pc.equal(table["kind"], "transfer"))["amount_fen"].to_numpy() for table in (bad, good)]
    low, high = np.quantile(moved[0], [0.05, 0.95])
    assert ((moved[1] >= low) & (moved[1] <= high)).mean() > 0.2
    assert np.quantile(moved[1], 0.999) > np.median(moved[0])


def test_account_numbers_carry_a_valid_check_digit_and_no_issuer() -> None:
    """Luhn holds, and all begin with digits that no card or account begins with."""
    accounts = set(whole(days=1)["account"].drop_null().to_pylist())
    for number in accounts:
        digits = [int(letter) for letter in number]
        doubled = [value if place % 2 == 0 else sum(divmod(value * 2, 10)) for place, value in enumerate(digits[::-1])]
        assert len(number) == 19 and number.startswith("9999") and sum(doubled) % 10 == 0


def test_addresses_belong_to_nobody() -> None:
    """Private and carrier-shared ranges only; many people share some of them."""
    import ipaddress

    events = whole(days=10)
    private = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("100.64.0.0/10")]
    addresses = events["ip"].drop_null().unique().to_pylist()
    assert all(any(ipaddress.ip_address(text) in network for network in private) for text in addresses)
    shared = events.group_by("ip").aggregate([("customer", "count_distinct")])["customer_count_distinct"].to_numpy()
    assert shared.max() >= 10


def test_cities_are_real_divisions(divisions: dict[str, str]) -> None:
    """Codes and names agree with the published table of divisions (first four digits, then 00)."""
    from tarim.simulation.places import CITIES

    municipalities = {"110100", "120100", "310100", "500100"}
    for city in CITIES:
        name = divisions[city.code[:4]]
        assert city.code.endswith("00")
        assert name == ("市辖区" if city.code in municipalities else city.name)


@pytest.fixture
def divisions() -> dict[str, str]:
    """Names of the divisions by their first four digits."""
    import csv
    import os
    from pathlib import Path

    path = Path(os.environ.get("TARIM_SHARED", "../shared")) / "data/cn_divisions/cities.csv"
    if not path.exists():
        pytest.skip(f"needs {path}; set TARIM_SHARED to the folder with the public data")
    with path.open(encoding="utf-8") as handle:
        return {row["code"]: row["name"] for row in csv.DictReader(handle)}


def test_faulty_settings_are_all_reported_at_once() -> None:
    """One error names every setting that is wrong."""
    with pytest.raises(DefinitionError) as caught:
        SimulationSettings(customers=1, days=0, seed=-1, crime=CrimeSettings(share=0.5, mule=-1.0))
    for name in ("customers", "days", "seed", "crime.share", "weights"):
        assert name in str(caught.value)


@pytest.mark.parametrize("customers", [100, 101, 5_000])
def test_small_banks_live_too(customers: int) -> None:
    """The smallest bank and the smallest day raise nothing and stay within their indexes."""
    for table in simulate(
        SimulationSettings(customers=customers, events_per_day=100, days=12, crime=CrimeSettings(share=0.1))
    ):
        table.validate(full=True)


def test_no_crime_means_none() -> None:
    """With share 0 the truth is empty."""
    assert sum(len(day.truth) for day in days_of(days=5, crime=CrimeSettings(share=0.0))) == 0
