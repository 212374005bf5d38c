"""Traffic for a demonstration that is left running: the last simulated day again, now, at a few times its pace.

    python -m tarim.cli._demo_feed DATA URL

Each event is sent at the time of day at which it happened then, `PACE` times as fast, with the instant at which it is sent; so
windows count what a channel would have them count.  It ends when the service does not answer any more.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import httpx

PACE: Final = 4.0
SILENT_S_MAX: Final = 60.0
_LEFT_OUT: Final = frozenset({"event_id", "source", "occurred_at", "received_at", "label", "refers_to"})


def feed(data: Path, url: str) -> None:
    """Send until the service has not answered for a minute."""
    import pyarrow.parquet as pq

    last = sorted((data / "bank").glob("events-*.parquet"))[-1]
    rows = [row for row in pq.read_table(last).to_pylist() if row["kind"] != "label"]
    key = (data / "api-key.txt").read_text(encoding="ascii").strip()
    heard = time.monotonic()
    with httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30.0, trust_env=False
    ) as client:
        for number, event in enumerate(_in_time(rows)):
            try:
                client.post("/v1/decisions", json=_now(event, number))
                heard = time.monotonic()
            except httpx.HTTPError:
                if time.monotonic() - heard > SILENT_S_MAX:
                    return
                time.sleep(1.0)


def _in_time(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The day's events, from this time of day on and round again, each when it is due."""
    seconds = [_second_of_day(row["occurred_at"]) for row in rows]
    now = datetime.now(UTC) + timedelta(hours=8)
    second = now.hour * 3600 + now.minute * 60 + now.second
    begin = next((place for place, each in enumerate(seconds) if each >= second), 0)
    before, due = seconds[begin] if rows else 0.0, time.monotonic()
    for place in cycle([*range(begin, len(rows)), *range(begin)]):
        due += max(0.0, seconds[place] - before) / PACE
        before = seconds[place]
        time.sleep(max(0.0, due - time.monotonic()))
        yield rows[place]


def _second_of_day(at: Any) -> float:
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    local = moment.astimezone(UTC) + timedelta(hours=8)
    return local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6


def _now(event: dict[str, Any], number: int) -> dict[str, Any]:
    now = datetime.now(UTC) + timedelta(hours=8)
    kept = {name: value for name, value in event.items() if value is not None and name not in _LEFT_OUT}
    stamp = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}+08:00"
    return {"event_id": f"live-{now:%m%d%H%M%S}-{number}", "source": "demo", "occurred_at": stamp, **kept}


if __name__ == "__main__":
    feed(Path(sys.argv[1]), sys.argv[2])
