"""Several batches as one: requests that wait together are decided together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tarim.decisions.ports import Batch
from tarim.stream import Rows


@dataclass(frozen=True, slots=True)
class Joined:
    """Several batches as one."""

    rows: Rows
    event_ids: list[str]
    sources: list[str]
    notes: list[Mapping[str, str] | None]
    sealed: list[bytes | None]


def join(batches: Sequence[Batch]) -> Batch:
    """The events of several batches, one after the other; a single batch is given back as it is."""
    if len(batches) == 1:
        return batches[0]
    return Joined(
        np.concatenate([batch.rows for batch in batches]),
        [each for batch in batches for each in batch.event_ids],
        [each for batch in batches for each in batch.sources],
        [each for batch in batches for each in batch.notes],
        [each for batch in batches for each in batch.sealed],
    )
