"""Where the time of the slowest decisions went: answers as the sender saw them, beside the notes of the thread that decides.

Between the last note before a request was due and the first one after its answer was there, the thread's words (`bench.waits`)
grew by so much own work, so much garbage collection, so much waiting for a processor, for the interpreter's lock, for the disk.
What is left of the answer's time is the sender's lateness, the kernel's sockets, and a sleeping thread being woken.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import waits
from bench.load_sender import Sent
from bench.service_load import latencies_ns
from bench.watched_service import GARBAGE

PARTS = ("own work", "garbage", "no processor", "interpreter held", "disk", "else")
_OURS = (waits.CPU, waits.LOCK)


@dataclass(frozen=True)
class Window:
    """A run of load and what it met.  stolen_ms: time the machine below gave to others, over all processors."""

    sent: Sent
    due_ns: np.ndarray
    stolen_ms: float


class Watched:
    """What a watched service wrote."""

    def __init__(self, file: Path) -> None:
        self._notes = np.load(file.with_suffix(".npy"))
        written = json.loads(file.read_text())
        self.locks_known: bool = written["locks_known"]
        self._steps: list[tuple[str, str, int, int]] = written["steps"]

    def splits(self, windows: Sequence[Window]) -> list[dict[str, Any]]:
        """Every decision of the windows: latency_ms, parts in ms, ours_ms of them, and the steps of publishing then under way.

        ours_ms: the parts that a quieter machine would not make shorter.
        """
        return [
            self._split(int(window.sent.started_ns + due), int(latency))
            for window in windows
            for latency, due in zip(latencies_ns(window.sent, window.due_ns), window.due_ns, strict=True)
        ]

    def _split(self, due_ns: int, latency_ns: int) -> dict[str, Any]:
        now, end_ns = self._notes[:, waits.NOW], due_ns + latency_ns
        first = max(0, int(np.searchsorted(now, due_ns, "right")) - 1)
        last = min(len(now) - 1, int(np.searchsorted(now, end_ns, "left")))
        grown = (self._notes[last] - self._notes[first]) / 1e6
        garbage = grown[GARBAGE]
        parts = [grown[waits.CPU] - garbage, garbage, grown[waits.QUEUED], grown[waits.LOCK], grown[waits.DISK]]
        parts.append(latency_ns / 1e6 - sum(parts))
        return {
            "latency_ms": round(latency_ns / 1e6, 2),
            "ours_ms": round(float(sum(grown[each] for each in _OURS)), 2),
            "parts_ms": {name: round(max(0.0, float(part)), 2) for name, part in zip(PARTS, parts, strict=True)},
            "meanwhile": sorted({name for name, _, begin, end in self._steps if begin < end_ns and end > due_ns}),
        }

    def steps(self) -> list[dict[str, Any]]:
        """The steps of publishing with how long they took, in their order."""
        return [
            {"step": name, "thread": thread, "took_ms": round((end - begin) / 1e6, 2)}
            for name, thread, begin, end in sorted(self._steps, key=lambda step: step[2])
        ]


def said(split: dict[str, Any]) -> str:
    """A split in words: the parts that matter."""
    parts = [f"{name} {part}" for name, part in split["parts_ms"].items() if part >= 0.1]
    return " + ".join(parts)


def stolen_ms() -> float:
    """Time given to other machines since the start, milliseconds, over all processors."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    return float(fields[8]) * 10.0
