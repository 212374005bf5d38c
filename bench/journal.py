"""How many records a second does the journal make durable, and how long does a commit take?

Records of 300 bytes, in groups of 1, 16, 256 and 1024; a group is one append.  Two ways of working:

    serial      append, commit, append, commit: what a lone caller sees
    pipelined   commits in a second thread while the next group is appended: what the service does

The baseline is the same bytes in the same groups, written to a preallocated file with fdatasync and nothing else: no
header, no digest, no index.  Run alone: `python -m bench.journal [FOLDER]`; FOLDER must be on the disk to be measured.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from tarim.journal import FolderReader, Journal, JournalLimits

RECORD_BYTES = 300
GROUPS = ((1, 600), (16, 600), (256, 600), (1024, 300))
"""(records in a group, groups written)."""


def run(folder: Path | None = None, *, rounds_share: float = 1.0) -> dict[str, Any]:
    """Measure and give the figures; rounds_share below 1 shortens the run."""
    figures: dict[str, Any] = {"record_bytes": RECORD_BYTES}
    with tempfile.TemporaryDirectory(dir=folder, prefix="bench-journal-") as scratch:
        for group, groups_count in GROUPS:
            rounds = max(20, int(groups_count * rounds_share))
            for way, measure in (("raw", _raw), ("serial", _serial), ("pipelined", _pipelined)):
                figures[f"{way}_{group}"] = measure(Path(scratch) / f"{way}-{group}", group, rounds)
        figures["read"] = _read(Path(scratch) / "pipelined-1024")
    return figures


def print_table(figures: dict[str, Any]) -> None:
    """The figures as a table for people."""
    print(f"{'way':10} {'group':>6} {'records/s':>12} {'commit ms p50':>14} {'p99':>8} {'of raw':>7}")
    for group, _ in GROUPS:
        for way in ("raw", "serial", "pipelined"):
            row = figures[f"{way}_{group}"]
            ratio = row["records_per_s"] / figures[f"raw_{group}"]["records_per_s"]
            print(
                f"{way:10} {group:6d} {row['records_per_s']:12,.0f} {row['commit_ms_p50']:14.3f} "
                f"{row['commit_ms_p99']:8.3f} {ratio:7.2f}"
            )
    read = figures["read"]
    print(
        f"read       checked {read['checked_records_per_s']:,.0f} records/s, unchecked {read['plain_records_per_s']:,.0f}"
    )


def _figures(records_count: int, seconds: float, commit_s: list[float]) -> dict[str, float]:
    p50, p99 = (float(value) * 1e3 for value in np.percentile(commit_s, [50, 99]))
    return {"records_per_s": records_count / seconds, "commit_ms_p50": p50, "commit_ms_p99": p99}


def _timed(act: Callable[[], object], into: list[float]) -> None:
    started = perf_counter()
    act()
    into.append(perf_counter() - started)


def _raw(folder: Path, group: int, rounds: int) -> dict[str, float]:
    folder.mkdir()
    payload = os.urandom(RECORD_BYTES * group)
    commit_s: list[float] = []
    fd = os.open(folder / "raw", os.O_RDWR | os.O_CREAT)
    try:
        os.posix_fallocate(fd, 0, len(payload) * (rounds + 1))
        os.fsync(fd)
        started = perf_counter()
        for index in range(rounds):
            os.pwrite(fd, payload, index * len(payload))
            _timed(lambda: os.fdatasync(fd), commit_s)
        return _figures(group * rounds, perf_counter() - started, commit_s)
    finally:
        os.close(fd)


def _serial(folder: Path, group: int, rounds: int) -> dict[str, float]:
    payload = [os.urandom(RECORD_BYTES * group)]
    commit_s: list[float] = []
    with Journal.open(folder, JournalLimits()) as journal:
        started = perf_counter()
        for _ in range(rounds):
            journal.append(1, payload, group)
            _timed(journal.commit, commit_s)
        return _figures(group * rounds, perf_counter() - started, commit_s)


def _pipelined(folder: Path, group: int, rounds: int) -> dict[str, float]:
    """One commit at a time under way; the appender runs at most one group ahead of it."""
    payload = [os.urandom(RECORD_BYTES * group)]
    commit_s: list[float] = []
    with Journal.open(folder, JournalLimits()) as journal, ThreadPoolExecutor(1) as committer:
        under_way: Future[None] | None = None
        started = perf_counter()
        for _ in range(rounds):
            journal.append(1, payload, group)
            if under_way is not None:
                under_way.result()
            under_way = committer.submit(_timed, journal.commit, commit_s)
        if under_way is not None:
            under_way.result()
        assert journal.durable_seq == group * rounds
        return _figures(group * rounds, perf_counter() - started, commit_s)


def _read(folder: Path) -> dict[str, float]:
    figures = {}
    for name, check in (("checked", True), ("plain", False)):
        with FolderReader(folder, check=check) as reader:
            started = perf_counter()
            records_count = sum(record.count for record in reader.read())
            figures[f"{name}_records_per_s"] = records_count / (perf_counter() - started)
    return figures


if __name__ == "__main__":
    print_table(run(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
