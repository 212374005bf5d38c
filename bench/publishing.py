"""Publishing 250 rules into a running service: how long it takes, and whether decisions wait for it.

Requests come at a steady rate over one window without a change and over one in which a ruleset is proposed, approved,
compiled aside and put in force.  The second window is compared with the first, because the machine itself has stalls.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

from bench.acceptance import Line, Run, at_most
from bench.service_load import arrivals_ns, bodies, drive, introduce
from bench.serving import Served, new_data, serving

RULES: Final = 250
RATE_PER_S: Final = 300
CUSTOMERS: Final = 2_000
_NAMES: Final = ("payer_count_10m", "payer_sum_amount_fen_24h", "payee_distinct_payer_1h", "device_distinct_payer_24h")


def ruleset(count: int, seed: int) -> str:
    """A ruleset of `count` rules of two conditions each; another seed gives other thresholds."""
    rng = np.random.default_rng(seed)
    parts = [f'name = "bench-{seed}"\n']
    for index in range(count):
        first, second = rng.choice(_NAMES, 2, replace=False)
        parts.append(
            f'\n[[rule]]\nid = "rule_{index}"\nwhen = "{first} > {rng.integers(5, 10_000)} and '
            f'{second} > {rng.integers(5, 10_000)} or amount_fen > {rng.integers(10**9, 10**10)}"\n'
            'outcome = "notice"\nweight = 10\nscenario = "bench"\nreason = "测试"\nreason_en = "bench"\n'
        )
    return "".join(parts)


def run(*, quick: bool = False) -> dict[str, Any]:
    """Figures: publish_s, and latency_ms of the answers without (`before`) and with a ruleset being published (`during`)."""
    seconds = 3.0 if quick else 15.0
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        keys = new_data(data)
        with serving(data, keys, TARIM_SNAPSHOTS_EVERY_EVENTS="10000000") as served:
            introduce(served.url, keys["decide"], CUSTOMERS)
            _load(served, seconds / 3, 1)
            before = _load(served, seconds, 2)
            published: dict[str, float] = {}
            thread = threading.Thread(target=_publish, args=(served, published, 0.5))
            thread.start()
            during = _load(served, seconds, 3)
            thread.join()
    return {"before": before, "during": during, **published}


def _load(served: Served, seconds: float, seed: int) -> dict[str, Any]:
    due_ns = arrivals_ns(RATE_PER_S, seconds, seed)
    encoded = bodies(len(due_ns), seed, CUSTOMERS, rate=RATE_PER_S)
    return drive(served.url, served.keys["decide"], encoded, due_ns, connections=16)


def _publish(served: Served, published: dict[str, float], after_s: float) -> None:
    def ask(who: str, path: str, body: dict[str, str]) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {served.keys[who]}"}
        answer = httpx.post(served.url + path, json=body, headers=headers, timeout=60)
        answer.raise_for_status()
        found: dict[str, str] = answer.json()
        return found

    time.sleep(after_s)
    begin = time.perf_counter()
    proposal = ask("author", "/v1/rulesets", {"text": ruleset(RULES, 7), "reason": "bench"})
    published["propose_s"] = round(time.perf_counter() - begin, 3)
    begin = time.perf_counter()
    ask("approve", f"/v1/proposals/{proposal['id']}", {"verdict": "approve", "digest": proposal["digest"]})
    published["publish_s"] = round(time.perf_counter() - begin, 3)


def lines(run_of: Run) -> Iterator[Line]:
    """The bars; the longest answer of the window without a change stands beside that of the window with one."""
    found = run(quick=run_of.quick)
    yield at_most(f"publishing, {RULES} rules", 10, found["publish_s"], " s", f"proposed in {found['propose_s']} s")
    before, during = found["before"]["latency_ms_max"], found["during"]["latency_ms_max"]
    note = f"without a change {before}; p99.9 {found['during']['latency_ms_p999']} and {found['before']['latency_ms_p999']}"
    yield at_most("publishing, slowest decision meanwhile", 5, during, " ms", note)


if __name__ == "__main__":
    print(json.dumps(run(quick="--quick" in sys.argv), indent=1))
