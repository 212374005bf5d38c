"""A replay loses no raw value and no decision: conflicts in the file, failures behind the judging, a kill in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tarim.base.errors import Unavailable
from tarim.bootstrap import replaying
from tarim.bootstrap.house import House
from tarim.bootstrap.places import Places, make_data_folder
from tarim.bootstrap.replaying import replay
from tarim.bootstrap.settings import settings_of
from tarim.decisions import RecordKind, decode_events
from tarim.stream import Col

WHEN = "2026-03-01T12:00:00+08:00"


def payments(*events: tuple[str, str, str, int]) -> pa.RecordBatch:
    """A table of (event_id, customer, merchant, amount in fen)."""
    rows = [
        {"event_id": event_id, "source": "core", "kind": "payment", "occurred_at": WHEN, "customer": customer,
         "account": f"A-{customer}", "merchant_id": merchant, "amount_fen": fen}
        for event_id, customer, merchant, fen in events
    ]  # fmt: skip
    return pa.RecordBatch.from_pylist(rows)


def opened(data: Path) -> House:
    if not data.exists():
        make_data_folder(data)
    return House(settings_of(data, {}), Places(data), {}, lenient=True)


def revealed(house: House, customer: str) -> dict[str, set[str]]:
    house.vault.flush()
    values = house.vault.reveal(house.tokenizer.token("customer", customer))
    return {name: set(raws) for name, raws in values.items()}


def wanted(customer: str, *merchants: str) -> dict[str, set[str]]:
    return {"customer": {customer}, "account": {f"A-{customer}"}, "merchant_id": set(merchants)}


def test_what_a_chunk_of_conflicts_brought_is_sealed_again(tmp_path: Path) -> None:
    """Nothing of the second chunk gets into the journal, so its values count as not sealed when they come again."""
    tables = [
        payments(("e1", "C1", "M1", 100)),
        payments(("e1", "C2", "M2", 200)),  # another content under the same event_id
        payments(("e2", "C2", "M2", 200), ("e3", "C2", "M3", 1)),
    ]
    with opened(tmp_path / "data") as house:
        summary = replay(house, tables, tmp_path / "out")
        assert (summary.events, summary.conflicts) == (3, 1)
        assert revealed(house, "C1") == wanted("C1", "M1")
        assert revealed(house, "C2") == wanted("C2", "M2", "M3")


def test_what_left_out_events_brought_is_found_with_the_others(tmp_path: Path) -> None:
    """The customer's values lie with the first of their events, which is refused; also when the index is made anew."""
    tables = [
        payments(("e1", "C1", "M1", 100)),
        payments(("e1", "C2", "M2", 200), ("e2", "C2", "M2", 300), ("e3", "C1", "M4", 5)),
        payments(("e4", "C2", "M2", 7)),
    ]
    data = tmp_path / "data"
    with opened(data) as house:
        summary = replay(house, tables, tmp_path / "out")
        assert (summary.events, summary.conflicts) == (4, 1)
        assert revealed(house, "C2") == wanted("C2", "M2")
    for path in (data / "vault").glob("index.sqlite*"):
        path.unlink()
    with opened(data) as house:
        assert revealed(house, "C2") == wanted("C2", "M2")
        assert revealed(house, "C1") == wanted("C1", "M1", "M4")
        assert house.vault.applied_seq == house.journal.next_seq


def test_a_writer_that_fails_ends_the_replay_and_harms_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    with opened(tmp_path / "data") as house:
        with monkeypatch.context() as patched:
            patched.setattr(replaying._Finisher, "_write", full)
            with pytest.raises(Unavailable, match="no space"):
                replay(house, [payments(("e1", "C1", "M1", 1))], tmp_path / "out")
        assert not (tmp_path / "out" / "decisions.parquet").exists()
        assert house.journal.durable_seq == house.journal.next_seq
        assert revealed(house, "C1") == wanted("C1", "M1")
        summary = replay(house, [payments(("e1", "C1", "M1", 1), ("e2", "C1", "M1", 2))], tmp_path / "out")
        assert (summary.events, summary.repeated) == (1, 1)


def test_a_journal_that_cannot_be_synced_breaks_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not durable is neither indexed nor reported."""

    def failing() -> None:
        raise Unavailable("the disk is gone")

    reported: list[int] = []
    with opened(tmp_path / "data") as house:
        with monkeypatch.context() as patched:
            patched.setattr(house.journal, "commit", failing)
            with pytest.raises(Unavailable, match="the disk is gone"):
                replay(house, [payments(("e1", "C1", "M1", 1))], tmp_path / "out", progress=reported.append)
        assert sum(reported) == 0
        assert house.vault.applied_seq == 0
        assert house.service.broken
        with pytest.raises(Unavailable):
            replay(house, [payments(("e2", "C1", "M1", 1))], None)


def test_a_reader_that_fails_leaves_what_was_decided_durable(tmp_path: Path) -> None:
    def tables() -> Iterator[pa.RecordBatch]:
        yield payments(("e1", "C1", "M1", 1))
        yield payments(("e2", "C1", "M2", 1))
        raise Unavailable("the file is gone")

    with opened(tmp_path / "data") as house:
        with pytest.raises(Unavailable, match="the file is gone"):
            replay(house, tables(), tmp_path / "out")
        assert not house.service.broken
        assert house.journal.durable_seq == house.journal.next_seq
        assert revealed(house, "C1") == wanted("C1", "M1", "M2")


@pytest.mark.slow
def test_a_replay_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    """Killed three times: every event once in the journal, every raw value of every customer in the vault."""
    rng = np.random.default_rng(8)
    count, customers = 400_000, 20_000
    owner, merchant = rng.integers(0, customers, count), rng.integers(0, 300, count)
    table = pa.table(
        {
            "event_id": [f"e{number}" for number in range(count)],
            "source": ["core"] * count,
            "kind": ["payment"] * count,
            "occurred_at": [WHEN] * count,
            "customer": [f"C{number}" for number in owner.tolist()],
            "account": [f"A-C{number}" for number in owner.tolist()],
            "merchant_id": [f"M{number}" for number in merchant.tolist()],
            "amount_fen": rng.integers(1, 10_000, count),
        }
    )
    file, data = tmp_path / "events.parquet", tmp_path / "data"
    pq.write_table(table, file)
    command = [
        sys.executable,
        "-m",
        "tarim.cli",
        "replay",
        str(file),
        "--data",
        str(data),
        "--out",
        str(tmp_path / "out"),
    ]
    killed = 0
    for _ in range(3):
        running = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": "src"}, stdout=subprocess.DEVNULL)
        results, until = tmp_path / "out" / ".features.parquet", time.monotonic() + 60
        while running.poll() is None and time.monotonic() < until:
            if results.exists() and results.stat().st_size > 500_000:  # some new chunks are through
                break
            time.sleep(0.005)
        if running.poll() is None:
            running.send_signal(signal.SIGKILL)
            killed += 1
        running.wait()
        results.unlink(missing_ok=True)
    assert killed >= 2
    with opened(data) as house:
        durable = house.journal.next_seq
        summary = replay(house, table.to_batches(), None)
        assert summary.repeated > 0 and durable < count, "killed in the middle"
        keys = np.concatenate(
            [
                decode_events(record).rows[:, Col.EVENT_KEY]
                for record in house.journal.read()
                if record.kind == RecordKind.EVENTS
            ]
        )
        assert len(keys) == len(np.unique(keys)) == count
        for number in rng.integers(0, customers, 200).tolist():
            if (owner == number).any():
                merchants = {f"M{each}" for each in merchant[owner == number].tolist()}
                assert revealed(house, f"C{number}") == wanted(f"C{number}", *merchants)
