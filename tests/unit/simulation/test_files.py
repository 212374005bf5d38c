"""Simulated days as files, and the command that writes them."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from tarim.base.errors import Conflict, InputError
from tarim.cli import build_app
from tarim.simulation import FileFormat, SimulationSettings, simulate_days, write_days

SETTINGS = SimulationSettings(customers=500, events_per_day=400, days=3, label_events=True, genuine_label_share=0.05)


def test_parquet_files_hold_the_days(tmp_path: Path) -> None:
    """What is read back is what was simulated; counts in the summary are those of the files."""
    written = write_days(SETTINGS, tmp_path, FileFormat.PARQUET)
    days = list(simulate_days(SETTINGS))
    for day in days:
        assert pq.read_table(tmp_path / f"events-{day.date}.parquet").equals(day.events)
    assert pq.read_table(tmp_path / "truth.parquet").num_rows == sum(len(day.truth) for day in days)
    assert written.events == sum(len(day.events) for day in days) == sum(written.by_kind.values())
    assert json.loads((tmp_path / "simulation.json").read_text())["seed"] == SETTINGS.seed
    assert not list(tmp_path.glob("*.part"))
    assert written.bytes_written == sum(path.stat().st_size for path in tmp_path.iterdir())


def test_json_lines_say_the_same(tmp_path: Path) -> None:
    """Each line is one flat JSON object with the present fields of the event."""
    write_days(SETTINGS, tmp_path, FileFormat.JSONL)
    for day in simulate_days(SETTINGS):
        with (tmp_path / f"events-{day.date}.jsonl").open() as handle:
            lines = [json.loads(line) for line in handle]
        expected = []
        for row in day.events.to_pylist():
            row["occurred_at"] = row["occurred_at"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
            expected.append({name: value for name, value in row.items() if value is not None})
        assert lines == expected


def test_csv_says_the_same(tmp_path: Path) -> None:
    """Numbers and texts survive; a list is joined with a bar."""
    write_days(SETTINGS, tmp_path, FileFormat.CSV)
    for day in simulate_days(SETTINGS):
        texts = pa_csv.ConvertOptions(
            column_types={"account": pa.string(), "event_id": pa.string(), "amount_fen": pa.int64()},
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        )
        table = pa_csv.read_csv(tmp_path / f"events-{day.date}.csv", convert_options=texts)
        assert table["event_id"].to_pylist() == day.events["event_id"].to_pylist()
        assert table["account"].to_pylist() == day.events["account"].to_pylist()
        assert table["amount_fen"].to_pylist() == day.events["amount_fen"].to_pylist()
        joined = [None if row is None else "|".join(row) for row in day.events["verification"].to_pylist()]
        assert table["verification"].to_pylist() == [text or None for text in joined]


def test_a_second_simulation_into_the_same_folder_is_refused(tmp_path: Path) -> None:
    """Nothing is overwritten."""
    write_days(SETTINGS, tmp_path, FileFormat.PARQUET)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(Conflict):
        write_days(SETTINGS, tmp_path, FileFormat.CSV)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_in_the_way_is_a_clear_error(tmp_path: Path) -> None:
    """A path that is a file is refused with its name."""
    (tmp_path / "taken").write_text("x")
    with pytest.raises(InputError, match="taken"):
        write_days(SETTINGS, tmp_path / "taken", FileFormat.CSV)


def test_the_command_writes_and_sums_up(tmp_path: Path) -> None:
    """`tarim simulate` makes the files and prints kinds, crimes and the rate."""
    from typer.testing import CliRunner

    app = build_app(["simulate"])
    options = ["--customers", "500", "--events-per-day", "500", "--days", "2", "--seed", "5", "--crime-share", "0.05"]
    result = CliRunner().invoke(app, ["simulate", str(tmp_path / "out"), *options, "--format", "jsonl"])
    assert result.exit_code == 0, result.output
    assert "payment" in result.output and "criminal events" in result.output and "a second" in result.output
    assert len(list((tmp_path / "out").glob("events-*.jsonl"))) == 2


def test_the_command_refuses_an_unknown_format(tmp_path: Path) -> None:
    """The error names what is possible."""
    from typer.testing import CliRunner

    result = CliRunner().invoke(build_app(["simulate"]), ["simulate", str(tmp_path / "out"), "--format", "xlsx"])
    assert isinstance(result.exception, InputError) and "parquet" in str(result.exception)
