"""Checked trees → source of one kernel module: the trees as they are, for `lower` to make instructions of.

The source names everything the machine code depends on, so its digest names the kernel; an auditor reads in it what runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from tarim.rules import lower
from tarim.rules.checked import Condition
from tarim.rules.domain import Probe

_SOURCE: Final = '''"""Kernel of one ruleset, written by the rule compiler and named by the digest of its content; do not edit.

rows: int64 (n, 32), features: float64 (n, F), scores: float64 (n,), members and hits: uint64 (n, 4).  Bit p % 64 of
members[i, p // 64] says whether probe p found its entry; rule k sets bit k % 64 of hits[i, k // 64].
Instructions by tarim.rules.lower {instructions}.
"""

from tarim.rules.checked import *
from tarim.rules.domain import Probe
from tarim.rules.lower import lowered

CONDITIONS = [
{conditions}]
CHANNELS = [
{channels}]
PROBES = [
{probes}]
body = lowered(CONDITIONS, CHANNELS, PROBES)


def evaluate(rows, features, scores, members, hits):
    body(rows, features, scores, members, hits)
'''


def emit(conditions: Sequence[Condition], channels: Sequence[Sequence[int]], probes: Sequence[Probe]) -> str:
    """Source of a module that defines `evaluate(rows, features, scores, members, hits)`, see `lower.lowered`."""
    return _SOURCE.format(
        instructions=_instructions(), conditions=_lines(conditions), channels=_lines(channels), probes=_lines(probes)
    )


def _lines(values: Sequence[object]) -> str:
    return "".join(f"    {value!r},\n" for value in values)


@cache
def _instructions() -> str:
    """Digest of the code that makes instructions: other code, other kernels."""
    return hashlib.sha256(Path(lower.__file__).read_bytes()).hexdigest()[:16]
