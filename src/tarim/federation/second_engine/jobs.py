"""What a worker is told, as JSON in its folder; everything but `rank` and `lines` is public and alike at all nodes.

shift: a step of the descent divides by 2^shift.  decay: learning rate times L2 penalty.  lines: an inherited socket for each
node, -1 at this node's own rank.
"""

from __future__ import annotations

import msgspec


class LogisticJob(msgspec.Struct, frozen=True, tag="logistic", tag_field="work"):
    """Logistic regression; see `spu_worker.logistic`."""

    protocol: str
    rank: int
    lines: tuple[int, ...]
    rows: int
    columns: tuple[int, int]
    batch_rows: int
    epochs: int
    value_fraction_bits: int
    shift: int
    decay: float


class BoostingJob(msgspec.Struct, frozen=True, tag="boosting", tag_field="work"):
    """Trees; see `spu_worker.boosting`.  candidates: splits of each company."""

    protocol: str
    rank: int
    lines: tuple[int, ...]
    rows: int
    candidates: tuple[int, int]
    trees: int
    depth: int
    step: float
    penalty: float


class IntersectionJob(msgspec.Struct, frozen=True, tag="intersection", tag_field="work"):
    """Common customers; see `spu_worker.intersection`."""

    rank: int
    lines: tuple[int, ...]
    method: str
    learners: tuple[int, ...]


Job = LogisticJob | BoostingJob | IntersectionJob


class Done(msgspec.Struct, frozen=True):
    """What a worker says at its end.  openings: what, to which rank, of which shape."""

    openings: tuple[tuple[str, int, tuple[int, ...]], ...]
    started_s: float
    took_s: float
    cpu_s: float
    memory_mib: int
    sent_bytes: int


class Told(msgspec.Struct, frozen=True):
    """A line of a worker's standard output; one of the four.  confined: by measure, "" or why it does not hold."""

    confined: dict[str, str] | None = None
    progress: tuple[str, int, int] | None = None
    done: Done | None = None
    failed: str | None = None
