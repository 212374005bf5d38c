"""Several processes for one job, each with less than the machine: the live path keeps its processor and its memory (ML-06).

Every process is started fresh, gives way to others (nice), may use so much memory and so many threads, and reads the features
from one file that all of them map.  A process that asks for more memory fails with MemoryError, which is told as what it is.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from tarim.base.errors import DefinitionError, Unavailable
from tarim.models.lab.samples import Floats, Ints, Rows, Samples

PROCESSES_MAX: Final = 64
_THREADS: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "ARROW_NUM_THREADS",
)
_TABLE: Final = ("features", "labels", "weights")

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Caps:
    """What a job may take: processes; MiB of private memory and threads of each; how much each gives way, 0 to 19."""

    processes: int = 1
    memory_mib: int = 4_096
    threads: int = 1
    nice: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.processes <= PROCESSES_MAX:
            raise DefinitionError(f"processes must be 1 to {PROCESSES_MAX}")
        if not 256 <= self.memory_mib <= 1 << 20:
            raise DefinitionError("memory_mib must be 256 to 1,048,576")
        if not 1 <= self.threads <= 64 or not 0 <= self.nice <= 19:
            raise DefinitionError("threads must be 1 to 64, and nice 0 to 19")


@dataclass(frozen=True, slots=True)
class Shared:
    """Where processes find a table to learn from."""

    folder: str

    def read(self) -> tuple[Floats, Ints, Floats]:
        """Features (n, F), labels and weights (n,), mapped from files and not to be written."""
        features, labels, weights = (np.load(Path(self.folder) / f"{name}.npy", mmap_mode="r") for name in _TABLE)
        return features, labels, weights


@contextmanager
def shared(samples: Samples, columns: Rows) -> Iterator[Shared]:
    """Some columns of samples that processes can read, on disk until the end of the block."""
    table = (np.ascontiguousarray(samples.features[:, columns]), samples.labels, samples.weight)
    with tempfile.TemporaryDirectory(prefix="tarim-") as folder:
        try:
            for name, column in zip(_TABLE, table, strict=True):
                np.save(Path(folder) / f"{name}.npy", column)
        except OSError as error:
            raise Unavailable(f"the table for the processes cannot be written: {error.strerror}") from None
        yield Shared(folder)


class Workers:
    """Processes under caps, started with the first call and ended with the block: `with Workers(caps) as workers`.

    With one process the work is done in it as well, not in ours, so that its caps hold.
    """

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def run(self, task: Callable[..., Answer], calls: Sequence[tuple[Any, ...]]) -> list[Answer]:
        """What `task` answers to each call, in their order.  `task` is a function of a module; all that passes is pickled.

        Raises Unavailable when a process runs out of memory or is ended from outside, and what `task` raises.
        """
        if self._pool is None:
            starting = (self.caps.memory_mib, self.caps.nice)
            context = get_context("spawn")
            self._pool = ProcessPoolExecutor(self.caps.processes, context, initializer=_begin, initargs=starting)
        memory_mib = self.caps.memory_mib
        try:
            with _threads(self.caps.threads):  # processes start as they are needed, while calls are handed over
                handed = [self._pool.submit(task, *call) for call in calls]
            return [each.result() for each in handed]
        except MemoryError:
            raise Unavailable(f"a process needed more than the {memory_mib} MiB it may use; raise memory_mib") from None
        except BrokenProcessPool:
            raise Unavailable(
                f"a process was ended from outside, perhaps for lack of memory ({memory_mib} MiB each)"
            ) from None


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Limits that numeric libraries read from the environment when a process starts."""
    kept = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update({name: str(count) for name in _THREADS})
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def give_way(nice: int) -> None:
    """Let every other process of the machine go first, by so much; from now on, for this process."""
    current = os.nice(0)
    os.nice(max(0, nice - current))


def _begin(memory_mib: int, nice: int) -> None:
    """Put the caps on a process that has just started."""
    import resource

    give_way(nice)
    limit = memory_mib << 20
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
