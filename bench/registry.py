"""Models on their way into force: does anybody wait, does one person get through, and does a changed byte stay unseen?

publishing     a model of 200 trees is published while requests come at a steady rate, in windows that take turns with windows
               in which nothing changes; the slowest answers of both are compared, because the machine itself has stalls
traceability   from a decision to the signed training set in one command; then one byte is changed at a time, in every file
               that the way leads over, and the command has to find it and name the file; without a key nobody cuts, trains,
               or submits
challengers    what recording a challenger's scores costs in the journal
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

from bench.acceptance import Line, Run, at_most, none
from bench.model_runs import put_trained_run, put_training_set
from bench.service_load import arrivals_ns, bodies, drive, introduce
from bench.serving import Served, new_data, serving
from tarim.bootstrap.house import Places, settings_of
from tarim.bootstrap.packages import Step
from tarim.bootstrap.tracing import trace
from tarim.decisions import DECISION_WORDS
from tarim.stream import ROW_WORDS

TREES: Final = 200
MODELS: Final = 3
"""In turn, so that none of them is still in memory when it is published again."""
RATE_PER_S: Final = 300
CUSTOMERS: Final = 500
RATIO_MAX: Final = 1.5
"""Slowest answer of the windows with a publication against that of the windows without."""
_EVENT: Final = {
    "event_id": "traced",
    "source": "test",
    "kind": "payment",
    "occurred_at": "2026-10-01T12:00:00+08:00",
    "customer": "C1",
    "account": "6222020200112233",
    "amount_fen": 777,
}


class _Desk:
    """Does with models what two persons do."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def ask(self, who: str, path: str, body: object) -> Any:
        headers = {"Authorization": f"Bearer {self._served.keys[who]}"}
        answer = httpx.post(self._served.url + path, json=body, headers=headers, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def agreed(self, path: str, body: dict[str, Any]) -> None:
        """Propose and have another person approve."""
        proposal = self.ask("models", path, body | {"reason": "bench"})
        self.ask("approve", f"/v1/proposals/{proposal['id']}", {"verdict": "approve", "digest": proposal["digest"]})

    def approved(self, run: str) -> str:
        """Service number of a run's model, approved."""
        self.agreed("/v1/models", {"run": run})
        headers = {"Authorization": f"Bearer {self._served.keys['read']}"}
        found = httpx.get(self._served.url + "/v1/models", headers=headers, timeout=60).json()["models"]
        number: str = found[-1]["service"]
        return number


def publishing(*, quick: bool = False) -> dict[str, Any]:
    """Figures: publish_ms, and of both kinds of windows latency_ms_max and latency_ms_p999, the worst of each kind."""
    pairs, seconds = (2, 1.5) if quick else (6, 4.0)
    worst: dict[str, dict[str, float]] = {}
    took_ms: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        keys = new_data(data)
        dataset = put_training_set(data)
        runs = [put_trained_run(data, dataset, trees=TREES, seed=seed) for seed in range(MODELS)]
        with serving(data, keys, TARIM_SNAPSHOTS_EVERY_EVENTS="10000000") as served:
            desk = _Desk(served)
            numbers = [desk.approved(run) for run in runs]
            desk.agreed("/v1/models:publish", {"model": numbers[-1]})
            introduce(served.url, keys["decide"], CUSTOMERS)
            _load(served, seconds, 0)
            for pair in range(pairs):
                _note(worst, "before", _load(served, seconds, 2 * pair + 1))
                number = numbers[pair % MODELS]
                thread = threading.Thread(target=_publish, args=(desk, number, seconds / 3, took_ms))
                thread.start()
                _note(worst, "during", _load(served, seconds, 2 * pair + 2))
                thread.join()
    assert len(took_ms) == pairs, "a publication failed"
    return {**worst, "publish_ms": round(max(took_ms), 1), "pairs": pairs, "window_s": seconds}


def _publish(desk: _Desk, number: str, after_s: float, took_ms: list[float]) -> None:
    time.sleep(after_s)
    begin = time.perf_counter()
    desk.agreed("/v1/models:publish", {"model": number})
    took_ms.append(1e3 * (time.perf_counter() - begin))


def _load(served: Served, seconds: float, seed: int) -> dict[str, Any]:
    due_ns = arrivals_ns(RATE_PER_S, seconds, seed)
    encoded = bodies(len(due_ns), seed, CUSTOMERS, rate=RATE_PER_S)
    return drive(served.url, served.keys["decide"], encoded, due_ns, connections=16)


def _note(worst: dict[str, dict[str, float]], kind: str, found: dict[str, Any]) -> None:
    of_kind = worst.setdefault(kind, {"latency_ms_p999": 0.0, "latency_ms_max": 0.0})
    for name in of_kind:
        of_kind[name] = max(of_kind[name], found[name])


def traceability(*, quick: bool = False, seed: int = 0) -> dict[str, Any]:
    """steps: of a whole trace; trials: bytes changed; unseen: those not found or not named; anonymous: acts let through."""
    flips = 1 if quick else 12
    rng = np.random.default_rng(seed)
    unseen: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        keys = new_data(data)
        run = put_trained_run(data, put_training_set(data), trees=10)
        with serving(data, keys) as served:
            desk = _Desk(served)
            number = desk.approved(run)
            desk.agreed("/v1/models:publish", {"model": number})
            version = desk.ask("decide", "/v1/decisions", _EVENT)["versions"]["model"]
            anonymous = (
                [] if httpx.post(served.url + "/v1/models", json={"run": run}).status_code == 401 else ["submit"]
            )
        steps = _steps(data)
        whole = [step for step in steps if step.trouble]
        files = _files(data, version)
        for path in files:
            content = path.read_bytes()
            for at in rng.integers(0, len(content), flips).tolist():
                path.write_bytes(content[:at] + bytes([content[at] ^ 1 << int(rng.integers(8))]) + content[at + 1 :])
                told = " ".join(step.trouble for step in _steps(data))
                if not told or not _named(path, told):
                    unseen.append(f"{path.relative_to(data)} at {at}: {told[:100] or 'nothing was said'}")
            path.write_bytes(content)
        anonymous += _anonymous(data)
    return {
        "steps": len(steps),
        "whole": [step.trouble for step in whole],
        "files": len(files),
        "trials": flips * len(files),
        "unseen": unseen,
        "anonymous": anonymous,
    }


def _steps(data: Path) -> list[Step]:
    return list(trace(settings_of(data, {}), Places(data), {}, "test", "traced"))


def _files(data: Path, version: str) -> list[Path]:
    """Every file on the way from a decision to its training data, but the journal."""
    places = Places(data)
    (package,) = [each for each in places.registry.iterdir() if not each.name.startswith(".")]
    (run,) = [each for each in places.runs.iterdir() if not each.name.startswith(".")]
    (dataset,) = [each for each in places.datasets.iterdir() if not each.name.startswith(".")]
    return [
        *(package / name for name in ("manifest.json", "manifest.sig", "card.toml")),
        places.artefacts / version,
        *(run / name for name in ("run.json", "run.sig", "model.txt")),
        *(dataset / name for name in ("manifest.json", "manifest.sig", "data.parquet")),
    ]


def _named(path: Path, told: str) -> bool:
    """Whether what was said names the file, with its folder where that is one among many."""
    return path.name in told and (path.parent.name in told or path.parent.name == "artefacts")


def _anonymous(data: Path) -> list[str]:
    """Acts that were let through without a key."""
    environment = {name: value for name, value in os.environ.items() if name != "TARIM_KEY"} | {"PYTHONPATH": "src"}
    (dataset,) = [each.name for each in Places(data).datasets.iterdir() if not each.name.startswith(".")]
    through = []
    for words in (("models", "train", dataset, "--data"), ("datasets", "cut", "anonymous", "--data")):
        command = [sys.executable, "-m", "tarim.cli", *words, str(data)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 0 or "TARIM_KEY" not in done.stderr:
            through.append(f"{' '.join(words[:2])}: {done.returncode} {done.stderr.strip()[-80:]}")
    return through


def challenger_bytes(challengers: int) -> tuple[int, float]:
    """Bytes an event that the scores of a line-up add to the journal, and their share of the event's words."""
    added = 4 * (1 + challengers) + 1
    return added, added / (8 * (ROW_WORDS + DECISION_WORDS))


def lines(run_of: Run) -> Iterator[Line]:
    """The bars."""
    found = publishing(quick=run_of.quick)
    before, during = found["before"]["latency_ms_max"], found["during"]["latency_ms_max"]
    note = (
        f"slowest {during} ms with and {before} ms without, p99.9 {found['during']['latency_ms_p999']} and "
        f"{found['before']['latency_ms_p999']}; in force after {found['publish_ms']} ms; {found['pairs']} windows of each"
    )
    name = f"publishing a model of {TREES} trees, slowest decision against quiet windows"
    yield at_most(name, RATIO_MAX, during / before, " times", note)
    traced = traceability(quick=run_of.quick)
    wrong = traced["unseen"] + traced["whole"]
    note = f"of {traced['trials']} in {traced['files']} files; {traced['steps']} steps" + (
        f"; {wrong}" if wrong else ""
    )
    yield none("traceability", "changed byte unseen", len(wrong), note)
    note = f"of 3 tried{'; ' + '; '.join(traced['anonymous']) if traced['anonymous'] else ''}"
    yield none("traceability, anonymous", "act let through", len(traced["anonymous"]), note)


if __name__ == "__main__":
    quick_run = "--quick" in sys.argv
    print(
        json.dumps({"publishing": publishing(quick=quick_run), "traceability": traceability(quick=quick_run)}, indent=1)
    )
