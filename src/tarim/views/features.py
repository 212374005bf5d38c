"""Features of one event as people read them: with window, unit and meaning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tarim.models import meaning
from tarim.rules import explain_names
from tarim.stream import FeatureSet

_COUNTS: Final = frozenset(
    {
        *("count", "distinct", "outliers", "label_count", "delayed_count", "label_run", "fan_in", "fan_out", "cycles"),
        *("scatter_gather", "gather_scatter", "chain", "hops_to_convicted", "hops_to_listed"),
        *("shared_device", "shared_device_convicted"),
    }
)
_SHARES: Final = frozenset({"share", "label_rate"})


@dataclass(frozen=True, slots=True)
class FeatureSeen:
    """One feature.

    value: None for missing.  unit: fen, ms, count, flag (1 or 0), share (of 1), deviations (standard ones) or times.
    window_ms: the span it looks back.  zh, en: what it measures.
    """

    name: str
    value: float | None
    unit: str
    window_ms: int
    zh: str
    en: str


def features_seen(features: FeatureSet, values: Sequence[float]) -> list[FeatureSeen]:
    """Features of a set in its order with the values of one event."""
    notes = explain_names(features.names)[-len(features.names) :]
    found = []
    for feature, note, value in zip(features.features, notes, values, strict=True):
        said = meaning(feature)
        unit = "flag" if note.stands_alone else note.unit or _unit(feature.op)
        found.append(
            FeatureSeen(feature.name, None if math.isnan(value) else value, unit, feature.window_ms, said.zh, said.en)
        )
    return found


def _unit(op: str) -> str:
    if op in _COUNTS:
        return "count"
    return "share" if op in _SHARES else "deviations" if op == "zscore" else "times"
