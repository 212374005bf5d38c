"""What a walk through the journal hands to the cutter of training data: events of the span, and whether lists named them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tarim.bootstrap.suspects import Suspects
from tarim.bootstrap.walking import Chunk, SourceNames
from tarim.decisions import RecordKind
from tarim.decisions.kernels.decide import hide_history
from tarim.models.datasets import Cutter
from tarim.screening import Membership
from tarim.stream import Col


def take(cutter: Cutter, chunks: Iterable[Chunk], first_seq: int, sources: SourceNames, lists: Membership) -> None:
    """Hand over the events from `first_seq` on, each with what the lists of its moment said; lists: as the walk begins."""
    suspects = Suspects(lists)
    for chunk in chunks:
        for record in chunk.before:
            if record.kind == RecordKind.LIST:
                suspects.apply(record.payload)
        count = chunk.count
        first = int(np.searchsorted(chunk.rows[:count, Col.SEQ], first_seq))
        if first == count:
            continue
        rows, features = chunk.rows[first:count], chunk.features[first:count]
        hide_history(rows, features)
        cutter.take(rows, features, chunk.sources[first:count], sources.names, suspects.listed(rows))
