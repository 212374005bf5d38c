"""The scenarios "all": every typology and every pattern is there, as often as stated, and no single field gives crime away."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import date
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tarim.base.errors import DefinitionError
from tarim.privacy.fields import FIELDS
from tarim.simulation import (
    CRIME_NAMES,
    PATTERNS,
    SCENARIO_EVENT_SCHEMA,
    SCENARIOS,
    TRUTH_SCHEMA,
    CrimeSettings,
    SimulationSettings,
    simulate_days,
    simulate_labelled_rows,
)
from tarim.simulation.typologies.casebook import CRIME_KINDS, PATTERN_KINDS, new_year
from tarim.stream import Col, Kind

IMITATED = dict(PATTERNS)


def settings(**said: object) -> SimulationSettings:
    values = {"customers": 5_000, "events_per_day": 6_000, "days": 4, "scenarios": "all", "seed": 11}
    return SimulationSettings(**{**values, **said})


@cache
def many_cases() -> list:
    """Twenty days full of crime and of what looks like it."""
    return list(
        simulate_days(settings(events_per_day=9_000, days=20, crime=CrimeSettings(share=0.08), pattern_share=0.08))
    )


def digest(days: list) -> list[str]:
    """A digest of each day's events and truth."""
    return [hashlib.sha256(repr([day.events.to_pydict(), day.truth.to_pydict()]).encode()).hexdigest() for day in days]


def test_a_day_is_the_same_again_and_does_not_depend_on_how_many_follow() -> None:
    """The first days of a longer run are those of a shorter one, event for event; another seed gives other days."""
    short, long = (digest(list(simulate_days(settings(events_per_day=800, days=days)))) for days in (2, 5))
    assert short == long[:2]
    assert short[0] != digest(list(simulate_days(settings(events_per_day=800, days=1, seed=12))))[0]


def test_every_typology_and_every_pattern_is_in_the_truth() -> None:
    """A row is criminal or genuine, never both; a pattern names the crime it imitates; a ring is of one kind."""
    kind_of: dict[str, str] = {}
    crimes, patterns = set(), set()
    for day in many_cases():
        ids = set(day.events["event_id"].to_pylist())
        for row in day.truth.to_pylist():
            assert row["event_id"] in ids
            assert (row["crime"] is None) == (row["pattern"] is not None)
            assert row["imitates"] == IMITATED.get(row["pattern"])
            assert row["crime"] is not None or row["label_at"] is None
            assert kind_of.setdefault(row["ring"], row["crime"] or row["pattern"]) == (row["crime"] or row["pattern"])
            crimes.add(row["crime"])
            patterns.add(row["pattern"])
    assert crimes - {None} == set(SCENARIOS)
    assert patterns - {None} == set(IMITATED)
    assert set(IMITATED.values()) <= set(SCENARIOS)


def test_a_case_has_as_many_events_as_the_casebook_says() -> None:
    """Rates are computed from the stated means, so they must hold: within a quarter, over at least thirty cases of each."""
    events, rings = defaultdict(int), defaultdict(set)
    for day in simulate_labelled_rows(
        settings(events_per_day=40_000, days=24, customers=20_000, crime=CrimeSettings(share=0.1), pattern_share=0.1)
    ):
        for codes, names in ((day.crime, CRIME_NAMES), (day.pattern, [name for name, _ in PATTERNS])):
            for code in np.unique(codes[codes > 0]):
                of_kind = codes == code
                events[names[code - 1]] += int(of_kind.sum())
                rings[names[code - 1]].update(day.ring[of_kind].tolist())
    for name, kind in {**CRIME_KINDS, **PATTERN_KINDS}.items():
        assert len(rings[name]) >= 30, name
        assert events[name] / len(rings[name]) == pytest.approx(kind.events_mean, rel=0.25), name


def test_volume_and_shares_are_what_was_asked_for() -> None:
    """Thirty days: the mean number of events within 4%, crime within a third of its share, patterns within a half."""
    days = list(simulate_labelled_rows(settings(events_per_day=20_000, customers=20_000, days=30)))
    total = sum(len(day.rows) for day in days)
    assert total / 30 == pytest.approx(20_000, rel=0.04)
    assert sum(int((day.crime > 0).sum()) for day in days) / total == pytest.approx(0.003, rel=1 / 3)
    assert sum(int((day.pattern > 0).sum()) for day in days) / total == pytest.approx(0.02, rel=0.5)


def test_columns_are_the_envelope_and_well_formed() -> None:
    """The free fields are in the table, in their ranges; every array passes Arrow's own validation."""
    for day in many_cases()[:3]:
        assert day.events.schema == SCENARIO_EVENT_SCHEMA and set(day.events.column_names) <= set(FIELDS)
        assert day.truth.schema == TRUTH_SCHEMA
        day.events.validate(full=True)
        day.truth.validate(full=True)
        for name, low, high in (("extra_0", 18, 85), ("extra_1", 0, 3), ("extra_2", 0, 100), ("extra_3", 0, 2**31)):
            assert low <= pc.min(day.events[name]).as_py() and pc.max(day.events[name]).as_py() <= high, name


def test_rows_and_tables_say_the_same_and_so_do_their_truths() -> None:
    """Kinds, amounts and free fields are equal, and each labelled row has the truth of its event."""
    asked = settings(days=3, label_events=True, crime=CrimeSettings(share=0.03))
    for table, labelled in zip(simulate_days(asked), simulate_labelled_rows(asked), strict=True):
        events, rows = table.events, labelled.rows
        assert [Kind(kind).name.lower() for kind in rows[:, Col.KIND]] == events["kind"].to_pylist()
        assert (rows[:, Col.AMOUNT_FEN] == pc.fill_null(events["amount_fen"], 0).to_numpy()).all()
        for index in range(4):
            said = pc.fill_null(events[f"extra_{index}"], 0).to_numpy()
            assert (rows[:, Col.EXTRA_0 + index] == said).all()
        truth = {row["event_id"]: row for row in table.truth.to_pylist()}
        for event_id, crime, pattern in zip(
            events["event_id"].to_pylist(), labelled.crime.tolist(), labelled.pattern.tolist(), strict=True
        ):
            row = truth.get(event_id, {})
            assert row.get("crime") == (CRIME_NAMES[crime - 1] if crime else None)
            assert row.get("pattern") == (PATTERNS[pattern - 1][0] if pattern else None)


def test_no_single_field_gives_crime_away() -> None:
    """Every code that crime uses ordinary people use too; ages, signs, shares of the balance and amounts overlap."""
    days = many_cases()
    events = pa.concat_tables([day.events for day in days])
    truth = pa.concat_tables([day.truth for day in days])
    staged = pc.is_in(events["event_id"], value_set=truth["event_id"].combine_chunks())
    criminal_ids = truth.filter(pc.is_valid(truth["crime"]))["event_id"].combine_chunks()
    bad, good = events.filter(pc.is_in(events["event_id"], value_set=criminal_ids)), events.filter(pc.invert(staged))
    codes = ("kind", "channel", "result", "network_kind", "source", "city", "merchant_category", "device_os", "extra_1")
    verified = [set(pc.binary_join(table["verification"], "|").unique().to_pylist()) for table in (bad, good)]
    assert verified[0] <= verified[1]
    for name in codes:
        assert set(bad[name].unique().to_pylist()) <= set(good[name].unique().to_pylist()), name
    for name in ("extra_0", "extra_2", "extra_3"):
        assert pc.min(good[name]).as_py() <= pc.min(bad[name]).as_py(), name
        assert pc.max(bad[name]).as_py() <= max(100, pc.max(good[name]).as_py()), name
    for kind in ("transfer", "payment", "withdrawal", "deposit"):
        one, other = (table.filter(pc.equal(table["kind"], kind))["amount_fen"].to_numpy() for table in (bad, good))
        assert np.quantile(other, 0.999) > np.median(one), kind
        assert other.min() <= np.quantile(one, 0.05), kind


@pytest.mark.parametrize("customers", [100, 101, 900])
def test_small_banks_live_too(customers: int) -> None:
    """The smallest bank, full of cases, raises nothing and stays within its indexes."""
    asked = settings(
        customers=customers, events_per_day=300, days=12, crime=CrimeSettings(share=0.1), pattern_share=0.2
    )
    for day in simulate_days(asked):
        day.events.validate(full=True)


def test_the_lunar_new_year_is_near_the_calendars() -> None:
    """The mean new moon is within two days of the almanac's."""
    for told in (date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17), date(2027, 2, 6), date(2030, 2, 3)):
        assert abs((new_year(told.year) - told).days) <= 2


def test_red_envelopes_come_with_the_new_year() -> None:
    """More than four times as many events of that pattern a day in the week of the New Year as in January."""
    code = [name for name, _ in PATTERNS].index("red_envelopes") + 1
    daily = [
        int((day.pattern == code).sum())
        for day in simulate_labelled_rows(settings(start=date(2026, 1, 25), days=31, events_per_day=12_000))
    ]
    assert np.mean(daily[23:30]) > 4 * np.mean(daily[:20])


def test_faulty_settings_are_told() -> None:
    """A share beyond its limit and an unknown name are refused together."""
    with pytest.raises(DefinitionError) as caught:
        settings(scenarios="some", pattern_share=0.5)
    assert "scenarios" in str(caught.value) and "pattern_share" in str(caught.value)
