"""Rows straight from the simulator say what its tables say; the named workloads are what their names promise."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench import workload
from tarim.simulation import CrimeSettings, LateBatch, SimulationSettings, simulate_days, simulate_rows
from tarim.stream import AMOUNT_FEN_MAX, Col, Kind

SETTINGS = SimulationSettings(
    customers=2_000,
    events_per_day=2_000,
    days=6,
    label_events=True,
    genuine_label_share=0.01,
    out_of_order_share=0.05,
    late_batch=LateBatch(1, 100),
    crime=CrimeSettings(share=0.02),
)


def bijective(texts: list[str | None], tokens: np.ndarray) -> bool:
    """Equal texts have equal tokens, different texts different ones, and absence is 0."""
    pairs = set(zip(texts, tokens.tolist(), strict=True))
    return len({text for text, _ in pairs}) == len(pairs) == len({token for _, token in pairs}) and all(
        (text is None) == (token == 0) for text, token in pairs
    )


def test_rows_say_what_the_tables_say() -> None:
    """Times, amounts and codes are equal; identifiers correspond one to one, payer and payee in one space."""
    table = pa.concat_tables([day.events for day in simulate_days(SETTINGS)])
    rows = np.concatenate(list(simulate_rows(SETTINGS)))
    assert len(table) == len(rows)
    assert (rows[:, Col.SEQ] == np.arange(len(rows))).all()
    assert (rows[:, Col.OCCURRED_MS] == table["occurred_at"].cast(pa.int64()).to_numpy()).all()
    assert (np.diff(rows[:, Col.RECEIVED_MS]) >= 0).all()
    assert (rows[:, Col.AMOUNT_FEN] == pc.fill_null(table["amount_fen"], 0).to_numpy()).all()
    assert rows[:, Col.AMOUNT_FEN].max() <= AMOUNT_FEN_MAX
    assert [Kind(kind).name.lower() for kind in rows[:, Col.KIND]] == table["kind"].to_pylist()
    assert [str(city) if city else None for city in rows[:, Col.CITY]] == table["city"].to_pylist()
    for name, column in (
        ("event_id", Col.EVENT_KEY),
        ("customer", Col.CUSTOMER),
        ("device_id", Col.DEVICE),
        ("ip", Col.ADDRESS),
        ("merchant_id", Col.MERCHANT),
    ):
        assert bijective(table[name].to_pylist(), rows[:, column]), name
    accounts = table["account"].to_pylist() + table["payee_account"].to_pylist()
    assert bijective(accounts, np.concatenate([rows[:, Col.ACCOUNT], rows[:, Col.PAYEE]]))
    key_of = dict(zip(table["event_id"].to_pylist(), rows[:, Col.EVENT_KEY].tolist(), strict=True))
    referred = [0 if name is None else key_of[name] for name in table["refers_to"].to_pylist()]
    assert rows[:, Col.REFERS_KEY].tolist() == referred and any(referred)


def test_the_named_workloads_differ_only_in_order() -> None:
    """Same events, ordered; one in a hundred late by at most 5 s; or with a batch one day late."""
    ordered, late, day_late = (
        workload.ordered(20_000),
        workload.one_percent_late(20_000),
        workload.with_late_day(20_000, 7, 500),
    )
    assert (np.diff(ordered[:, Col.OCCURRED_MS]) >= 0).all()
    times = late[:, Col.OCCURRED_MS]
    behind = np.maximum.accumulate(times) - times
    assert 0 < behind.max() <= 5_000
    waited = late[:, Col.RECEIVED_MS] - times
    assert 0.005 < (waited > 0).mean() < 0.02
    waited = day_late[:, Col.RECEIVED_MS] - day_late[:, Col.OCCURRED_MS]
    assert (waited == 86_400_000).sum() == 500
    for rows in (late, day_late):
        for column in (Col.OCCURRED_MS, Col.ACCOUNT, Col.AMOUNT_FEN):
            assert (np.sort(rows[:, column]) == np.sort(ordered[:, column])).all()


def test_reference_columns_are_those_of_the_ordered_rows() -> None:
    """Twins that want columns see the same events."""
    columns, rows = workload.reference_events(5_000), workload.ordered(5_000)
    assert (columns["payer"] == rows[:, Col.ACCOUNT]).all() and (columns["amount_fen"] == rows[:, Col.AMOUNT_FEN]).all()
    assert all((columns[name] != 0).all() for name in ("payer", "payee", "device", "address"))


def test_bank_rows_are_as_many_as_asked() -> None:
    """Five small days, about the stated number each."""
    days = list(workload.bank_rows(days=5, customers=1_000, per_day=1_000))
    assert len(days) == 5 and 700 < np.mean([len(rows) for rows in days]) < 1_400
