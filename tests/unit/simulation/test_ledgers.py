"""Published ledgers as events: counts, order, exact amounts, and labels that arrive when they should."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tarim.base.errors import InputError, NotFound
from tarim.simulation import LEDGER_SCHEMA, Labels, gentex_events, handbook_events

DAY_MS = 86_400_000


def shared(name: str) -> Path:
    """A file of the public data, or a skip that says how to get it in."""
    path = Path(os.environ.get("TARIM_SHARED", "../shared")) / "data" / name
    if not path.exists():
        pytest.skip(f"needs {path}; set TARIM_SHARED to the folder with the public data")
    return path


def times_of(table: pa.Table | pa.RecordBatch) -> np.ndarray:
    return table["occurred_at"].cast(pa.int64()).to_numpy()


# --------------------------------------------------------------------------------------------------------- the handbook


@pytest.fixture
def small_handbook(tmp_path: Path) -> Path:
    """Five payments; the second and third are frauds; the last two lie exactly 7 days after the second."""
    start = datetime(2018, 4, 1, 0, 0, 31)
    later = [0, 60, 120, 60 + 7 * 86_400, 60 + 7 * 86_400]
    table = pa.table(
        {
            "TRANSACTION_ID": pa.array(range(5), pa.int32()),
            "TX_DATETIME": pa.array([start + timedelta(seconds=each) for each in later], pa.timestamp("us")),
            "CUSTOMER_ID": pa.array([1, 2, 3, 1, 2], pa.int16()),
            "TERMINAL_ID": pa.array([7, 8, 7, 7, 8], pa.int16()),
            "TX_AMOUNT": [57.16, 0.0, 146.0, 0.29, 2628.0],
            "TX_FRAUD": pa.array([0, 1, 1, 0, 0], pa.int8()),
            "TX_FRAUD_SCENARIO": pa.array([0, 1, 2, 0, 0], pa.int8()),
        }
    )
    path = tmp_path / "handbook.parquet"
    pq.write_table(table, path)
    return path


@pytest.mark.parametrize("batch_rows", [1, 2, 5])
def test_labels_arrive_seven_days_later_ahead_of_that_instant(small_handbook: Path, batch_rows: int) -> None:
    """Wherever batches are cut, the label of payment 1 comes before payments 3 and 4, which happen at its very instant."""
    rows = pa.Table.from_batches(handbook_events(small_handbook, batch_rows=batch_rows)).to_pylist()
    assert [row["event_id"] for row in rows] == [
        "fdh-0",
        "fdh-1",
        "fdh-2",
        "fdh-1-label",
        "fdh-3",
        "fdh-4",
        "fdh-2-label",
    ]
    label = rows[3]
    assert label["label"] == "fraud" and label["refers_to"] == "fdh-1" and label["kind"] == "label"
    assert label["occurred_at"] - rows[1]["occurred_at"] == timedelta(days=7)
    assert (label["customer"], label["merchant_id"], label["amount_fen"]) == ("fdh-c2", "fdh-t8", None)


def test_fields_of_a_payment(small_handbook: Path) -> None:
    """Local time is China's, the amount is exact, the scenario is nowhere."""
    first = pa.Table.from_batches(handbook_events(small_handbook)).to_pylist()[0]
    assert first["occurred_at"].isoformat() == "2018-03-31T16:00:31+00:00"
    assert first["amount_fen"] == 5716 and first["kind"] == "payment"
    assert (first["customer"], first["account"], first["merchant_id"]) == ("fdh-c1", "fdh-a1", "fdh-t7")
    assert first["label"] is None and first["refers_to"] is None


def test_every_payment_can_be_labelled_and_none(small_handbook: Path) -> None:
    """`all` labels the genuine ones too, `none` leaves only payments."""
    everything = pa.Table.from_batches(handbook_events(small_handbook, labels=Labels.ALL))
    assert pc.sum(pc.equal(everything["label"], "genuine")).as_py() == 3
    assert pa.Table.from_batches(handbook_events(small_handbook, labels=Labels.NONE)).num_rows == 5


def test_a_ledger_out_of_order_is_refused(tmp_path: Path, small_handbook: Path) -> None:
    """Payments must come by time."""
    table = pq.read_table(small_handbook).take([1, 0])
    pq.write_table(table, tmp_path / "wrong.parquet")
    with pytest.raises(InputError, match="ascending"):
        list(handbook_events(tmp_path / "wrong.parquet"))


def test_files_that_are_no_ledger_are_refused(tmp_path: Path) -> None:
    """Missing files, other formats and other columns each have their own clear error."""
    with pytest.raises(NotFound):
        list(handbook_events(tmp_path / "none.parquet"))
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(InputError, match="not a Parquet file"):
        list(handbook_events(tmp_path / "text.parquet"))
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="TRANSACTION_ID"):
        list(handbook_events(tmp_path / "other.parquet"))


def test_the_whole_handbook() -> None:
    """1,754,155 payments, 14,681 labels, in order, unique, amounts summing to the source's to the last unit."""
    path = shared("fraud_handbook_transactions.parquet")
    payments = labels = fen = 0
    last = -1
    for batch in handbook_events(path):
        assert batch.schema == LEDGER_SCHEMA
        times = times_of(batch)
        assert times[0] >= last and (np.diff(times) >= 0).all()
        last = times[-1]
        is_label = pc.equal(batch["kind"], "label").to_numpy(False)
        labels += int(is_label.sum())
        payments += int((~is_label).sum())
        fen += pc.sum(batch["amount_fen"]).as_py() or 0
        same = np.flatnonzero(np.diff(times) == 0)
        assert not (is_label[same + 1] & ~is_label[same]).any()
    assert (payments, labels) == (1_754_155, 14_681)
    amounts = pq.read_table(path, columns=["TX_AMOUNT"])["TX_AMOUNT"].to_numpy()
    assert fen == int(np.rint(amounts * 100).astype(np.int64).sum())


# ----------------------------------------------------------------------------------------------------------- the gentex


@pytest.fixture
def small_gentex(tmp_path: Path) -> Path:
    """An opening, an income, a transfer, a withdrawal and a deposit over two days; the transfer is suspicious."""
    table = pa.table(
        {
            "tx_id": [0, 1, 2, 3, 4],
            "step": pa.array([0, 0, 0, 0, 1], pa.int32()),
            "type": pa.array(["INITALBALANCE", "TRANSFER", "TRANSFER", "CASH", "CASH"]).dictionary_encode(),
            "amount": [1000.0, 250.004, 3.9e-9, 99.999, 20.0],
            "nameOrig": pa.array([-2, -2, 5, 6, -2], pa.int32()),
            "nameDest": pa.array([5, 5, 6, -1, 6], pa.int32()),
            "bankOrig": ["source", "source", "bank_a", "bank_a", "source"],
            "bankDest": ["bank_a", "bank_a", "bank_a", "sink", "bank_a"],
            "isSAR": pa.array([0, 0, 1, 0, 0], pa.int8()),
        }
    )
    path = tmp_path / "gentex.parquet"
    pq.write_table(table, path)
    return path


@pytest.mark.parametrize("batch_rows", [1, 2, 5])
def test_gentex_rows_become_events(small_gentex: Path, batch_rows: int) -> None:
    """Kinds, parties, hundredths and evenly spread times, wherever batches are cut."""
    rows = pa.Table.from_batches(gentex_events(small_gentex, batch_rows=batch_rows)).to_pylist()
    assert [row["kind"] for row in rows] == ["transfer", "transfer", "withdrawal", "deposit"]
    assert [row["account"] for row in rows] == ["gentex-source", "gentex-5", "gentex-6", "gentex-6"]
    assert [row["payee_account"] for row in rows] == ["gentex-5", "gentex-6", None, None]
    assert [row["amount_fen"] for row in rows] == [25_000, 0, 10_000, 2_000]
    assert [row["occurred_at"].isoformat()[:16] for row in rows] == [
        "2022-12-31T22:00",
        "2023-01-01T04:00",
        "2023-01-01T10:00",
        "2023-01-02T04:00",
    ]
    assert {row["currency"] for row in rows} == {"SEK"}


def test_gentex_labels_arrive_after_their_delay(small_gentex: Path) -> None:
    """The suspicious transfer is labelled one day later, before the deposit that happens at that time."""
    rows = pa.Table.from_batches(gentex_events(small_gentex, labels=Labels.FRAUD, label_delay_ms=DAY_MS)).to_pylist()
    assert [row["event_id"] for row in rows] == ["gentex-1", "gentex-2", "gentex-3", "gentex-2-label", "gentex-4"]
    assert rows[3]["occurred_at"] == rows[4]["occurred_at"]


def test_the_whole_gentex_ledger() -> None:
    """433,933 transactions without the 6,000 openings; times strictly ascending; 600 labels when asked for."""
    path = shared("aml_gentex_dev_transactions.parquet")
    table = pa.Table.from_batches(gentex_events(path))
    assert table.num_rows == 439_933 - 6_000
    assert (np.diff(times_of(table)) > 0).all()
    kinds = {entry["values"]: entry["counts"] for entry in pc.value_counts(table["kind"]).to_pylist()}
    assert kinds == {"transfer": 433_636, "withdrawal": 297}
    labelled = pa.Table.from_batches(gentex_events(path, labels=Labels.FRAUD, label_delay_ms=3 * DAY_MS))
    assert labelled.num_rows == 439_933 - 6_000 + 600
