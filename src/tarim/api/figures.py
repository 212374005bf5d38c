"""What the service counts, for /metrics; nothing personal is ever a label."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from tarim.decisions import Batch, Taken, Word
from tarim.stream import Col, Flag, Outcome

_LATENCY_BOUNDS_S: Final = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_GROUP_BOUNDS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)
_OUTCOMES: Final = {int(outcome): outcome.name.lower() for outcome in Outcome}
_OUTCOME_AT, _FLAGS_AT, _LATE = int(Word.OUTCOME), int(Col.FLAGS), int(Flag.LATE)
_REFUSED_CODES_MAX: Final = 64


class Histogram:
    """Counts by bucket; one writer, any reader."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def family(self, name: str, text: str) -> Metric:
        """As Prometheus wants it."""
        cumulative, buckets = 0, []
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            cumulative += count
            buckets.append(("+Inf" if bound == float("inf") else str(bound), cumulative))
        return HistogramMetricFamily(name, text, buckets=buckets, sum_value=self.total)


def started(at_s: float) -> Metric:
    """When a process started, seconds since the epoch."""
    return GaugeMetricFamily("tarim_started_seconds", "When this process started, seconds since the epoch.", value=at_s)


class Figures:
    """Counters of one service.  Gauges are functions that are asked when somebody looks.

    watched: gives name, shift and threshold of each column that the watch of models compares.  probed: alarms by kind.
    """

    def __init__(self, gauges: dict[str, tuple[str, Callable[[], float]]]) -> None:
        self.clock = time.perf_counter
        self._gauges = gauges
        self.probed: Mapping[str, int] = {}
        self.watched: Callable[[], Iterable[tuple[str, float, float]]] = tuple
        self._decided: Counter[int] = Counter()
        self._refused: Counter[str] = Counter()
        self._late = 0
        self._repeated = 0
        self._failures = 0
        self._started_s = time.time()
        self._stall_s = 0.0
        self._latency = Histogram(_LATENCY_BOUNDS_S)
        self._judged = Histogram(_LATENCY_BOUNDS_S)
        self._durable = Histogram(_LATENCY_BOUNDS_S)
        self._events = Histogram(_GROUP_BOUNDS)
        self._log = structlog.get_logger("tarim.service")
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    @property
    def decided_count(self) -> int:
        """Decisions made since the start."""
        return self._decided.total()

    # ---- watching the groups -------------------------------------------------------------------------------------

    def group(self, batch: Batch, taken: Taken, judged_s: float, durable_s: float) -> None:
        """A group became durable."""
        for outcome in taken.decisions[:, _OUTCOME_AT].tolist():
            self._decided[outcome] += 1
        for flags in taken.rows[:, _FLAGS_AT].tolist():
            self._late += flags & _LATE != 0
        self._repeated += len(taken.states) - len(taken.rows) - len(taken.refused)
        self._stall_s = max(self._stall_s, judged_s + durable_s)
        self._judged.observe(judged_s)
        self._durable.observe(durable_s)
        self._events.observe(len(taken.states))

    def failed(self, error: BaseException) -> None:
        """Something failed that is not the sender's fault; said by the kind of error, never with its content."""
        self._failures += 1
        detail = getattr(error, "detail", "")
        self._log.error("failed", error=type(error).__name__, detail=detail, exc_info=not detail)

    # ---- watching the requests (in the loop) -----------------------------------------------------------------------

    def answered(self, took_s: float) -> None:
        """A request to a decision route was answered."""
        self._latency.observe(took_s)

    def refused(self, code: str) -> None:
        """A request was refused, for the reason with this code."""
        if code in self._refused or len(self._refused) < _REFUSED_CODES_MAX:
            self._refused[code] += 1

    # ---- showing ---------------------------------------------------------------------------------------------------

    def collect(self) -> Iterator[Metric]:
        """All figures (prometheus_client's Collector)."""
        decided = CounterMetricFamily("tarim_decisions", "Decisions by outcome.", labels=["outcome"])
        for outcome, name in _OUTCOMES.items():
            decided.add_metric([name], self._decided[outcome])
        yield decided
        refused = CounterMetricFamily("tarim_refused", "Requests refused, by code.", labels=["code"])
        for code in sorted({*self._refused, "out-of-scope"}):
            refused.add_metric([code], self._refused[code])
        yield refused
        yield CounterMetricFamily("tarim_late_events", "Events later than the stated lateness.", value=self._late)
        yield CounterMetricFamily(
            "tarim_repeated", "Retries answered with the first answer, and conflicts.", value=self._repeated
        )
        yield CounterMetricFamily("tarim_failures", "Failures that were not the sender's.", value=self._failures)
        yield GaugeMetricFamily("tarim_stall_seconds_max", "Longest group, its commit included.", value=self._stall_s)
        yield self._latency.family("tarim_decision_seconds", "From the whole request to its answer.")
        yield self._judged.family("tarim_group_judge_seconds", "Reading and judging one group.")
        yield self._durable.family("tarim_group_commit_seconds", "Making one group durable.")
        yield self._events.family("tarim_group_events", "Events of one group.")
        probes = CounterMetricFamily("tarim_probes", "Alarms about attempts to feel the model out.", labels=["kind"])
        for kind, count in self.probed.items():
            probes.add_metric([kind], count)
        yield probes
        psi = GaugeMetricFamily("tarim_watch_psi", "Shift of the score or a feature.", labels=["column"])
        threshold = GaugeMetricFamily("tarim_watch_threshold", "Shift that is an alarm.", labels=["column"])
        for column, shift, limit in self.watched():
            psi.add_metric([column], shift)
            threshold.add_metric([column], limit)
        yield from (psi, threshold)
        yield started(self._started_s)
        for name, (text, value) in self._gauges.items():
            yield GaugeMetricFamily(name, text, value=value())

    def text(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self._registry)
