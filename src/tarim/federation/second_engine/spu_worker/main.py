"""Start of the worker: `main(folder)` computes a job, `probe()` says what is installed."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from .confinement import confine

PUBLIC_APART = ("rank", "lines")
"""What of a job is this node's own matter; the rest all nodes are told alike."""


def probe(folder: str) -> None:
    """Print the versions found, as JSON, confined like a worker; an import that fails says why by itself."""
    refused = [name for name, why in confine(Path(folder)).items() if why]
    from importlib.metadata import version

    import spu.libspu
    import spu.psi

    assert spu.libspu.ProtocolKind.ABY3 and spu.psi.PsiProtocol.PROTOCOL_RR22
    found = {name: version(name) for name in ("spu", "jax", "numpy")} | {"python": sys.version.split()[0]}
    print(json.dumps(found | {"confinement": f"without {', '.join(refused)}" if refused else "whole"}))


def main(folder: str) -> None:
    """Compute the job in this folder, say so on standard output, and end the process."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not be taken for a message
    try:
        job = json.loads((Path(folder) / "job.json").read_text(encoding="utf-8"))
        _tell(told, {"confined": confine(Path(folder), programs=job.get("work") == "intersection")})
        threading.Thread(target=end_with_parent, args=(folder,), daemon=True).start()
        done = _computed(job, Path(folder), told)
    except BaseException as error:
        _tell(told, {"failed": f"{type(error).__name__}: {error}"[:500]})
        os._exit(1)
    _tell(told, {"done": done})
    os._exit(0)  # SPU's threads do not end by themselves


def _computed(job: dict[str, Any], folder: Path, told: TextIO) -> dict[str, Any]:
    began = time.perf_counter()
    from . import boosting, intersection, logistic  # SPU and JAX are imported here, where a failure is told
    from .lines import Line
    from .node import Node

    (folder / "out").mkdir()
    lines = [None if fd < 0 else Line(socket.socket(fileno=fd)) for fd in job["lines"]]
    shared = {name: value for name, value in job.items() if name not in PUBLIC_APART}
    agreed = hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()

    def progress(phase: str, done: int, whole: int) -> None:
        _tell(told, {"progress": [phase, done, whole]})

    ready = time.perf_counter()
    openings: list[Any] = []
    if job["work"] == "intersection":
        intersection.run(job["rank"], lines, job, folder, progress, agreed)
    else:
        program = logistic if job["work"] == "logistic" else boosting
        node = Node(job["protocol"], job["rank"], lines, program.FRACTION_BITS, agreed)
        program.run(node, job, folder, progress)
        openings = node.openings
    for line in lines:
        if line is not None:
            line.finish()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "openings": openings,
        "started_s": ready - began,
        "took_s": time.perf_counter() - ready,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "memory_mib": usage.ru_maxrss >> 10,
        "sent_bytes": sum(line.sent_bytes for line in lines if line is not None),
    }


def _tell(told: TextIO, message: dict[str, Any]) -> None:
    told.write(json.dumps(message) + "\n")
    told.flush()


def end_with_parent(folder: str) -> None:
    """Wait for the end of standard input; then nobody is left to take the result, nor to remove the folder."""
    sys.stdin.buffer.read()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(3)
