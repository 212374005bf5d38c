"""Figures of a service in the Prometheus text format, read for a page: gauges, counters, and quantiles of histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts up to each bound (seconds, the last one infinite), each with those below it."""

    bounds_s: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """All observations."""
        return self.counts[-1] if self.counts else 0

    def quantile_ms(self, share: float) -> float | None:
        """Upper estimate of a quantile, in ms: straight between the bounds of its bucket; None without observations.

        Beyond the last finite bound nothing can be said: infinity.
        """
        if not self.total:
            return None
        wanted = share * self.total
        at = next(index for index, below in enumerate(self.counts) if below >= wanted)
        if math.isinf(self.bounds_s[at]):
            return math.inf
        low_s, below = (self.bounds_s[at - 1], self.counts[at - 1]) if at else (0.0, 0)
        within = self.counts[at] - below
        part = (wanted - below) / within if within else 1.0
        return 1_000 * (low_s + part * (self.bounds_s[at] - low_s))

    def within(self, bound_s: float) -> float | None:
        """Share of observations up to a bound of a bucket; None without observations, or for what is no bound."""
        if not self.total or bound_s not in self.bounds_s:
            return None
        return self.counts[self.bounds_s.index(bound_s)] / self.total


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of one service."""

    values: dict[str, float]
    labelled: dict[str, dict[str, float]]
    histograms: dict[str, Histogram]

    def value(self, name: str) -> float | None:
        """A gauge or counter without labels; None when the service has none of that name."""
        return self.values.get(name)

    def total(self, name: str) -> float | None:
        """A counter with one label, all labels together; None when there is none."""
        found = self.labelled.get(name)
        return None if found is None else sum(found.values())

    def histogram(self, name: str) -> Histogram:
        """An empty one when there is none of that name."""
        return self.histograms.get(name, Histogram((), ()))


def figures_of(text: str) -> Figures:
    """Raises ValueError for what is not in the format."""
    values: dict[str, float] = {}
    labelled: dict[str, dict[str, float]] = {}
    buckets: dict[str, list[tuple[float, int]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if family.type == "histogram":
                if sample.name.endswith("_bucket"):
                    buckets.setdefault(family.name, []).append((float(sample.labels["le"]), int(sample.value)))
            elif not sample.labels:
                values[sample.name] = sample.value
            elif len(sample.labels) == 1:
                labelled.setdefault(sample.name, {})[next(iter(sample.labels.values()))] = sample.value
    return Figures(values, labelled, {name: _histogram(found) for name, found in buckets.items()})


def _histogram(found: Sequence[tuple[float, int]]) -> Histogram:
    ordered = sorted(found)
    return Histogram(tuple(bound for bound, _ in ordered), tuple(count for _, count in ordered))
