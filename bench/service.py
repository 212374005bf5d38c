"""The service under open-loop load: how long does an answer take, and does growing or a snapshot stall it?

Generator and service share the machine.  `fast` is 10,000 requests a second, `steady` 1,000, both over a service that
knows the customers (their data keys exist) and, in the long form, writes a snapshot (a child process) while it is asked.
"""

from __future__ import annotations

import json
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any, Final

from bench.service_load import CUSTOMERS, introduce
from bench.service_load import run as load
from bench.serving import Served, new_data, serving

FAST_PER_S: Final = 10_000
STEADY_PER_S: Final = 1_000


def run(*, quick: bool = False) -> dict[str, Any]:
    """Figures of `service_load.run` as `fast` and `steady`, and the longest group the service itself saw.

    stall_ms_max: the longest time in which the service decided nothing although requests were waiting, from its own
    clock (the longest group, its commit included).  service_nice: the priority of the service; its unit gives it -10.
    """
    seconds, customers = (2.0, 3_000) if quick else (20.0, CUSTOMERS)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        keys = new_data(data)
        every = "10000000" if quick else "100000"
        with serving(data, keys, TARIM_SNAPSHOTS_EVERY_EVENTS=every) as served:
            introduce(served.url, keys["decide"], customers)
            load(
                served.url, keys["decide"], STEADY_PER_S, 1, seed=9, customers=customers
            )  # caches of processor and disk
            steady = load(served.url, keys["decide"], STEADY_PER_S, seconds, seed=1, customers=customers)
            fast = load(served.url, keys["decide"], FAST_PER_S, seconds, seed=2, customers=customers)
            figures = _figures(served)
            nice = served.nice
    return {
        "steady": steady,
        "fast": fast,
        "stall_ms_max": round(1_000 * figures["tarim_stall_seconds_max"], 3),
        "group_events_mean": round(figures["tarim_group_events_sum"] / figures["tarim_group_events_count"], 1),
        "snapshots": figures["tarim_snapshot_seq"] > 0,
        "service_nice": nice,
    }


def _figures(served: Served) -> dict[str, float]:
    request = urllib.request.Request(
        f"{served.url}/metrics", headers={"Authorization": f"Bearer {served.keys['metrics']}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


if __name__ == "__main__":
    print(json.dumps(run(quick="--quick" in sys.argv), indent=1))
