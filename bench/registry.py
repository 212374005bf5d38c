"""Models on their way into force: does anybody wait, does one person get through, and does a changed byte stay unseen?

publishing     a model of 200 trees is published while requests come at a steady rate, in windows that take turns with windows
               in which nothing changes; the slowest answers of both kinds are compared by their medians over the windows,
               because the machine itself has stalls: one that comes with every publication shows, one of the machine does not
traceability   from a decision to the signed training set in one command; then one byte is changed at a time, in every file
               that the way leads over, and the command has to find it and name the file; without a key nobody cuts, trains,
               or submits
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
from tarim.bootstrap.packages import Step
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import settings_of
from tarim.bootstrap.tracing import trace

TREES: Final = 200
MODELS: Final = 3
"""Published in turn, so that none of them is still in memory when it is published again."""
RATE_PER_S: Final = 300
CUSTOMERS: Final = 500
RATIO_MAX: Final = 1.5
"""Median of the slowest answers of windows with a publication against that of windows without."""
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


def run(*, quick: bool = False, seed: int = 0) -> dict[str, Any]:
    """Figures of `publishing` and `traceability`, over one service."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        keys = new_data(data)
        dataset = put_training_set(data)
        trying = _anonymous(data, dataset.name)
        runs = [put_trained_run(data, dataset, trees=TREES, seed=each) for each in range(2 if quick else MODELS)]
        anonymous = [told for told in map(_let_through, trying) if told]
        with serving(data, keys, TARIM_SNAPSHOTS_EVERY_EVENTS="10000000") as served:
            desk = _Desk(served)
            numbers = [desk.approved(each) for each in runs]
            published = publishing(served, desk, numbers, quick=quick)
            desk.ask("decide", "/v1/decisions", _EVENT)
            refused = httpx.post(served.url + "/v1/models", json={"run": runs[0], "reason": "x"}).status_code == 401
        traced = traceability(data, 1 if quick else 12, seed)
    anonymous += [] if refused else ["submit"]
    return {"publishing": published, "traceability": traced, "anonymous": anonymous}


def publishing(served: Served, desk: _Desk, numbers: list[str], *, quick: bool) -> dict[str, Any]:
    """publish_ms, the longest; slowest answers in ms of windows `before` and `during` a publication, one a window."""
    pairs, seconds = (len(numbers), 1.0) if quick else (9, 3.0)
    slowest: dict[str, list[float]] = {"before": [], "during": []}
    took_ms: list[float] = []
    introduce(served.url, served.keys["decide"], CUSTOMERS)
    _load(served, seconds, 0)
    for pair in range(pairs):
        slowest["before"].append(_load(served, seconds, 2 * pair + 1)["latency_ms_max"])
        thread = threading.Thread(target=_publish, args=(desk, numbers[pair % len(numbers)], seconds / 4, took_ms))
        thread.start()
        slowest["during"].append(_load(served, seconds, 2 * pair + 2)["latency_ms_max"])
        thread.join()
    assert len(took_ms) == pairs, "a publication failed"
    return {**slowest, "publish_ms": round(max(took_ms), 1)}


def _publish(desk: _Desk, number: str, after_s: float, took_ms: list[float]) -> None:
    time.sleep(after_s)
    begin = time.perf_counter()
    desk.agreed("/v1/models:publish", {"model": number})
    took_ms.append(1e3 * (time.perf_counter() - begin))


def _load(served: Served, seconds: float, seed: int) -> dict[str, Any]:
    due_ns = arrivals_ns(RATE_PER_S, seconds, seed)
    encoded = bodies(len(due_ns), seed, CUSTOMERS, rate=RATE_PER_S)
    return drive(served.url, served.keys["decide"], encoded, due_ns, connections=16)


def traceability(data: Path, flips: int, seed: int) -> dict[str, Any]:
    """steps: of a whole trace; wrong: its troubles, and changed bytes not found or not named; trials: bytes changed."""
    rng = np.random.default_rng(seed)
    steps = _steps(data)
    wrong = [step.trouble for step in steps if step.trouble]
    files = _files(data, next(step.found.split()[-1] for step in steps if step.what == "judged by"))
    for path in files:
        content = path.read_bytes()
        for at in rng.integers(0, len(content), flips).tolist():
            path.write_bytes(content[:at] + bytes([content[at] ^ 1 << int(rng.integers(8))]) + content[at + 1 :])
            told = " ".join(step.trouble for step in _steps(data))
            if not _named(path, told):
                wrong.append(f"{path.relative_to(data)} at {at}: {told[:100] or 'nothing was said'}")
        path.write_bytes(content)
    return {"steps": len(steps), "files": len(files), "trials": flips * len(files), "wrong": wrong}


def _steps(data: Path) -> list[Step]:
    return list(trace(settings_of(data, {}), Places(data), {}, "test", "traced"))


def _files(data: Path, version: str) -> list[Path]:
    """Every file on the way from a decision to the training data of the model that judged it, but the journal."""
    places = Places(data)
    manifests = [each / "manifest.json" for each in places.registry.iterdir() if not each.name.startswith(".")]
    (package,) = [path.parent for path in manifests if json.loads(path.read_bytes())["model"] == version]
    run_folder = places.runs / json.loads((package / "manifest.json").read_bytes())["run_id"]
    (dataset,) = [each for each in places.datasets.iterdir() if not each.name.startswith(".")]
    return [
        *(package / name for name in ("manifest.json", "manifest.sig", "card.toml")),
        places.artefacts / version,
        *(run_folder / name for name in ("run.json", "run.sig", "model.txt")),
        *(dataset / name for name in ("manifest.json", "manifest.sig", "data.parquet")),
    ]


def _named(path: Path, told: str) -> bool:
    """Whether what was said names the file, with its folder where that is one among many."""
    return path.name in told and (path.parent.name in told or path.parent.name == "artefacts")


def _anonymous(data: Path, dataset: str) -> list[subprocess.Popen[str]]:
    """Acts tried without a key."""
    environment = {name: value for name, value in os.environ.items() if name != "TARIM_KEY"} | {"PYTHONPATH": "src"}
    tried = []
    for words in (("models", "train", dataset), ("datasets", "cut", "anonymous")):
        command = [sys.executable, "-m", "tarim.cli", *words, "--data", str(data)]
        pipe = subprocess.PIPE
        tried.append(subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True))
    return tried


def _let_through(tried: subprocess.Popen[str]) -> str:
    """What an act without a key came to, "" when it was refused for that reason."""
    _, told = tried.communicate(timeout=60)
    refused = tried.returncode != 0 and "TARIM_KEY" in told
    return "" if refused else f"{tried.args!r}: {tried.returncode} {told.strip()[-80:]}"


def lines(run_of: Run) -> Iterator[Line]:
    """The bars."""
    found = run(quick=run_of.quick)
    published, traced, anonymous = found["publishing"], found["traceability"], found["anonymous"]
    before, during = (float(np.median(published[kind])) for kind in ("before", "during"))
    note = (
        f"median of the slowest {during:.1f} ms with and {before:.1f} ms without, worst {max(published['during']):.1f} and "
        f"{max(published['before']):.1f}; in force after {published['publish_ms']:.0f} ms; "
        f"{len(published['before'])} windows of each"
    )
    name = f"publishing a model of {TREES} trees, slowest decision against quiet windows"
    yield at_most(name, RATIO_MAX, during / before, " times", note)
    note = f"of {traced['trials']} in {traced['files']} files; {traced['steps']} steps"
    note += f"; {traced['wrong']}" if traced["wrong"] else ""
    yield none("traceability", "changed byte unseen", len(traced["wrong"]), note)
    note = f"of 3 tried{'; ' + '; '.join(anonymous) if anonymous else ''}"
    yield none("traceability, anonymous", "act let through", len(anonymous), note)


if __name__ == "__main__":
    print(json.dumps(run(quick="--quick" in sys.argv), indent=1))
