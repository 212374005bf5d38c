"""A Parquet file through intake, journal, features, rules and model to decisions on disk, everything included."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from tarim.bootstrap.house import House, Places, make_data_folder, settings_of
from tarim.bootstrap.replaying import replay
from tarim.intake import read_file
from tarim.simulation import FileFormat, SimulationSettings, write_days


def run(*, quick: bool = False, events: int | None = None) -> dict[str, Any]:
    """from_file_per_s over days of a simulated bank, with how many events and in how many seconds.

    The starter rules judge; the model is `bench.decide`'s business.  A third of the events go first, so that kernels, keys
    of known customers and caches are warm, and are not measured.
    """
    count = events or (150_000 if quick else 1_500_000)
    days = 6
    with tempfile.TemporaryDirectory() as folder:
        simulated, data = Path(folder) / "sim", Path(folder) / "data"
        settings = SimulationSettings(customers=100_000, events_per_day=count // days, days=days, seed=5)
        write_days(settings, simulated, FileFormat.PARQUET)
        files = sorted(simulated.glob("events-*.parquet"))
        make_data_folder(data)
        with House(settings_of(data, os.environ), Places(data), os.environ, lenient=True) as house:
            replay(house, _tables(files[:2]), Path(folder) / "warm")
            summary = replay(house, _tables(files[2:]), Path(folder) / "out")
    return {
        "from_file_per_s": round(summary.events_per_s),
        "events": summary.events,
        "took_s": round(summary.took_s, 2),
    }


def _tables(files: list[Path]) -> Any:
    for path in files:
        yield from read_file(path)


if __name__ == "__main__":
    print(json.dumps(run(quick="--quick" in sys.argv)))
