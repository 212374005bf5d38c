"""What a process that serves people counts, for /metrics; nothing personal is ever a label."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from tarim.api.figures import Histogram, started

_BOUNDS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_CODES_MAX = 64


@dataclass(frozen=True, slots=True)
class FigureNames:
    """What the figures of a process are called."""

    process: str
    refused: str
    failures: str
    read_seconds: str
    write_seconds: str


class ProcessFigures:
    """Counters of one process.  Gauges are functions that are asked when somebody looks.  One loop."""

    def __init__(self, names: FigureNames, gauges: dict[str, tuple[str, Callable[[], float]]]) -> None:
        self._names = names
        self._gauges = gauges
        self._refused: Counter[str] = Counter()
        self._failures = 0
        self._started_s = time.time()
        self._requests = {"GET": Histogram(_BOUNDS_S), "other": Histogram(_BOUNDS_S)}
        self._log = structlog.get_logger(names.process)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def refused(self, code: str) -> None:
        """A request was refused, for the reason with this code."""
        if code in self._refused or len(self._refused) < _CODES_MAX:
            self._refused[code] += 1

    def failed(self, error: BaseException) -> None:
        """Something failed that is not the caller's fault; said by the kind of error, never with its content."""
        self._failures += 1
        detail = getattr(error, "detail", "")
        self._log.error("failed", error=type(error).__name__, detail=detail, exc_info=not detail)

    def answered(self, method: str, took_s: float) -> None:
        """A request was answered."""
        self._requests["GET" if method == "GET" else "other"].observe(took_s)

    def collect(self) -> Iterator[Metric]:
        """All figures (prometheus_client's Collector)."""
        refused = CounterMetricFamily(self._names.refused, "Requests refused, by code.", labels=["code"])
        for code in sorted(self._refused):
            refused.add_metric([code], self._refused[code])
        yield refused
        yield CounterMetricFamily(self._names.failures, "Failures that were not the caller's.", value=self._failures)
        yield self._requests["GET"].family(self._names.read_seconds, "Requests that read.")
        yield self._requests["other"].family(self._names.write_seconds, "Requests that change something.")
        yield started(self._started_s)
        for name, (text, value) in self._gauges.items():
            yield GaugeMetricFamily(name, text, value=value())

    def text(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self._registry)
