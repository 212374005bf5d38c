"""Publishing 250 rules into a running service: how long it takes, and whether decisions wait for it.

    python -m bench.publishing [--quick] [--stalls]

Requests come at a steady rate over windows without a change and over one in which a ruleset is proposed, approved, compiled
aside and put in force; it lasts until that is done.  The machine itself has stalls, so the service is watched from inside
(`watched_service`), and the time of the slowest answers is split into what the thread that decides did and what it waited for.

`stalls` looks closer, at one thread that decides an event every millisecond, while another thread of the process takes over
rulesets that were prepared elsewhere; and, for comparison, while that thread reads the same rules itself.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

from bench import waits, watched_service
from bench.acceptance import Line, Run, at_most
from bench.service_load import arrivals_ns, bodies, deliver, figures, introduce
from bench.serving import Served, new_data, running
from bench.splits import Watched, Window, said, stolen_ms
from tarim.decisions import Decider
from tarim.rules import compile_ruleset, load_prepared, prepare_ruleset, starter_pack
from tarim.stream import empty_rows, reference_features

RULES: Final = 250
RATE_PER_S: Final = 300
CUSTOMERS: Final = 2_000
SLOWEST: Final = 5
"""So many of the slowest answers are split."""
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
    """Figures: publish_s, and of the windows without and with a change how long answers took, and why the slowest did.

    Windows without a change stand before the change and after it; the machine has stalls of its own.
    """
    seconds = 1.5 if quick else 10.0
    with tempfile.TemporaryDirectory() as folder:
        data, file = Path(folder) / "data", Path(folder) / "watched.json"
        keys = new_data(data)
        library = waits.built(Path("bench/results"))
        settings = {
            "TARIM_SERVICE_PORT": "0",
            "TARIM_SNAPSHOTS_EVERY_EVENTS": "10000000",
            watched_service.FILE: str(file),
        }
        if library is not None:
            settings["LD_PRELOAD"] = str(library.resolve())
        published: dict[str, float] = {}
        with running("serve", data, keys, settings, "bench.watched_service") as served:
            introduce(served.url, keys["decide"], CUSTOMERS)
            _load(served, seconds / 3, 1)
            quiet = [_load(served, seconds, 2)]
            thread = threading.Thread(target=_publish, args=(served, published, 0.5))
            thread.start()
            during = [_load(served, seconds, 3)]
            while thread.is_alive():
                during.append(_load(served, seconds / 3, 3 + len(during)))
            quiet.append(_load(served, seconds, 99))
            nice = served.nice
        watched = Watched(file)
    return {
        "locks_known": watched.locks_known,
        "service_nice": nice,
        "quiet": _figures(quiet, watched),
        "during": _figures(during, watched),
        "steps": watched.steps(),
        **published,
    }


def _figures(windows: Sequence[Window], watched: Watched) -> dict[str, Any]:
    """Latencies; ours_ms_max: of any decision, own work, garbage and waiting for the interpreter's lock together."""
    splits = watched.splits(windows)
    latency_ms = np.array([split["latency_ms"] for split in splits])
    return figures(latency_ms) | {
        "over_5_ms": int(np.count_nonzero(latency_ms > 5)),
        "ours_ms_max": max(split["ours_ms"] for split in splits),
        "stolen_ms": round(sum(window.stolen_ms for window in windows), 1),
        "slowest": sorted(splits, key=lambda split: -split["latency_ms"])[:SLOWEST],
        "most_ours": sorted(splits, key=lambda split: -split["ours_ms"])[:SLOWEST],
    }


def _load(served: Served, seconds: float, seed: int) -> Window:
    due_ns = arrivals_ns(RATE_PER_S, seconds, seed)
    encoded = bodies(len(due_ns), seed, CUSTOMERS, rate=RATE_PER_S)
    before = stolen_ms()
    sent = deliver(served.url, served.keys["decide"], encoded, due_ns, connections=16)
    return Window(sent, due_ns, stolen_ms() - before)


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


def stalls(rulesets: int = 8, switch_s: float = 200e-6) -> dict[str, Any]:
    """Milliseconds from the instant an event is due to its decision: the longest, and p99, over all rulesets.

    quiet: nothing changes; taken_over: `load_prepared` and a new decider in another thread; read_here: the same rules read and
    checked by that thread, their machine code from the cache.  switch_s: as in the service.
    """
    names = reference_features().names
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(switch_s)
    try:
        with tempfile.TemporaryDirectory() as folder:
            cache = Path(folder)
            texts = [ruleset(RULES, seed) for seed in range(rulesets)]
            prepared = [_aside(text, names, cache) for text in texts]
            gc.collect()
            gc.freeze()  # as the service does: no full collection stops everything
            deciding = _Deciding(Decider(compile_ruleset(starter_pack(), names), None, names))

            def take_over(text: str, made: bytes) -> None:
                deciding.judge = Decider(load_prepared(made, text, names, cache), None, names)

            def read_here(text: str, _: bytes) -> None:
                deciding.judge = Decider(compile_ruleset(text, names, cache), None, names)

            return {
                "quiet": deciding.during(lambda *_: None, texts, prepared),
                "taken_over": deciding.during(take_over, texts, prepared),
                "read_here": deciding.during(read_here, texts, prepared),
            }
    finally:
        sys.setswitchinterval(before_s)
        gc.unfreeze()


def _aside(text: str, names: Sequence[str], cache: Path) -> bytes:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(prepare_ruleset, text, names, cache).result()


class _Deciding:
    """Decides an event every millisecond in the thread that calls, and notes how late."""

    def __init__(self, judge: Decider) -> None:
        self.judge = judge
        self._row = empty_rows(1)
        self._features = np.full((1, len(judge.feature_names)), np.nan)

    def during(
        self, change: Callable[[str, bytes], None], texts: Sequence[str], prepared: Sequence[bytes]
    ) -> dict[str, float]:
        late_ms: list[float] = []
        for text, made in zip(texts, prepared, strict=True):
            thread = threading.Timer(0.05, change, (text, made))
            thread.start()
            end_s = time.perf_counter() + 0.1
            while thread.is_alive() or time.perf_counter() < end_s:
                due_s = time.perf_counter() + 0.001
                time.sleep(0.001)
                self.judge.decide(self._row, self._features)
                late_ms.append((time.perf_counter() - due_s) * 1e3)
        return {"longest_ms": round(max(late_ms), 2), "p99_ms": round(float(np.percentile(late_ms, 99)), 2)}


def lines(run_of: Run) -> Iterator[Line]:
    """The bars; the windows without a change stand beside the one with it, and what the slowest answers waited for."""
    found = run(quick=run_of.quick)
    yield at_most(f"publishing, {RULES} rules", 10, found["publish_s"], " s", f"proposed in {found['propose_s']} s")
    during, quiet = found["during"], found["quiet"]
    worst, usual = during["slowest"][0], quiet["slowest"][0]
    note = (
        f"{said(worst)}; p99.9 {during['latency_ms_p999']:.3g}; without a change {usual['latency_ms']}: {said(usual)}; "
        f"p99.9 {quiet['latency_ms_p999']:.3g}; service at nice {found['service_nice']}"
        + ("" if found["locks_known"] else "; without a C compiler what was waited for is not known")
    )
    yield at_most("publishing, slowest decision meanwhile", 5, during["latency_ms_max"], " ms", note)


if __name__ == "__main__":
    quick = "--quick" in sys.argv
    result = run(quick=quick)
    if "--stalls" in sys.argv:
        result["stalls"] = stalls(3 if quick else 8)
    print(json.dumps(result, indent=1))
