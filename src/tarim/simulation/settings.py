"""What bank to play with: sizes, seed, crime and the order of arrival, all validated at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal

from tarim.base.errors import DefinitionError

CUSTOMERS_MIN: Final = 100
CUSTOMERS_MAX: Final = 20_000_000
EVENTS_PER_DAY_MIN: Final = 100
EVENTS_PER_DAY_MAX: Final = 2_000_000
"""One day is built in memory at about 500 bytes an event."""
DAYS_MAX: Final = 3_660
SEED_MAX: Final = 2**63 - 1
OUT_OF_ORDER_MS_MAX: Final = 3_600_000
LATE_BATCH_DAYS_MAX: Final = 90
CRIME_SHARE_MAX: Final = 0.1
PATTERN_SHARE_MAX: Final = 0.2
LABEL_DELAY_DAYS_MAX: Final = 60.0


@dataclass(frozen=True, slots=True)
class CrimeSettings:
    """How much crime, of which kinds, and how soon it becomes known.

    `share` is the expected share of criminal events among all events.  The five weights say how that share is divided
    between kinds, in events, when the bank's `scenarios` are "core".  A ring becomes known after its last event by a
    log-normal delay; `reported_share` of the rings ever do.
    """

    share: float = 0.003
    account_takeover: float = 0.22
    telecom_fraud: float = 0.18
    mule: float = 0.25
    gather_scatter: float = 0.20
    cash_out: float = 0.15
    reported_share: float = 0.9
    label_delay_days_median: float = 3.0
    label_delay_days_max: float = 14.0

    @property
    def weights(self) -> tuple[float, float, float, float, float]:
        """The kinds' weights in the order of `CrimeKind`."""
        return (self.account_takeover, self.telecom_fraud, self.mule, self.gather_scatter, self.cash_out)

    def faults(self) -> list[str]:
        """Sentences on what is wrong; empty when all is well."""
        found = []
        if not 0.0 <= self.share <= CRIME_SHARE_MAX:
            found.append(f"crime.share must lie in [0, {CRIME_SHARE_MAX}]")
        if any(not (math.isfinite(weight) and weight >= 0.0) for weight in self.weights) or sum(self.weights) <= 0.0:
            found.append("crime weights must be finite, not negative, and not all zero")
        if not 0.0 <= self.reported_share <= 1.0:
            found.append("crime.reported_share must lie in [0, 1]")
        if not 0.0 < self.label_delay_days_median <= self.label_delay_days_max <= LABEL_DELAY_DAYS_MAX:
            found.append(f"label delays must satisfy 0 < median <= max <= {LABEL_DELAY_DAYS_MAX} days")
        return found


@dataclass(frozen=True, slots=True)
class LateBatch:
    """`events` consecutive events of day `day` (0 = first), which arrive together `days_late` days later at 03:00."""

    day: int
    events: int = 5_000
    days_late: int = 1


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """A bank and a stretch of its life.  Raises DefinitionError naming every faulty setting at once.

    `events_per_day` is the mean over a month of all events but labels: payments, transfers, withdrawals, deposits,
    bindings and logins.  `scenarios`: "core" has the five broad kinds of crime of `CrimeSettings`; "all" has the
    typologies of `SCENARIOS` in their place, sign-ups and applications, the free fields of `SCENARIO_EVENT_SCHEMA`, and
    genuine `PATTERNS` that look like crime, `pattern_share` of all events (they have a season, so it is a mean).
    `start` is the first local day (Asia/Shanghai).  `out_of_order_share` of the events arrive up to
    `out_of_order_ms_max` later than they happened; the rest arrive when they happen.  `label_events` adds an event of
    kind label for each reported crime and for `genuine_label_share` of the ordinary events, on the day it is known.
    """

    customers: int = 350_000
    events_per_day: int = 36_000
    days: int = 30
    start: date = date(2026, 1, 5)
    seed: int = 42
    crime: CrimeSettings = field(default_factory=CrimeSettings)
    scenarios: Literal["core", "all"] = "core"
    pattern_share: float = 0.02
    label_events: bool = False
    genuine_label_share: float = 0.001
    out_of_order_share: float = 0.0
    out_of_order_ms_max: int = 5_000
    late_batch: LateBatch | None = None

    def __post_init__(self) -> None:
        found = self.crime.faults()
        for name, value, low, high in (
            ("customers", self.customers, CUSTOMERS_MIN, CUSTOMERS_MAX),
            ("events_per_day", self.events_per_day, EVENTS_PER_DAY_MIN, EVENTS_PER_DAY_MAX),
            ("days", self.days, 1, DAYS_MAX),
            ("seed", self.seed, 0, SEED_MAX),
            ("out_of_order_ms_max", self.out_of_order_ms_max, 1, OUT_OF_ORDER_MS_MAX),
        ):
            if not low <= value <= high:
                found.append(f"{name} must lie in [{low}, {high}], not {value}")
        if not date(1980, 1, 1) <= self.start <= date(2200, 1, 1) - timedelta(days=DAYS_MAX):
            found.append("start must lie between 1980 and 2189")
        if self.scenarios not in ("core", "all"):
            found.append(f'scenarios must be "core" or "all", not {self.scenarios!r}')
        if not 0.0 <= self.pattern_share <= PATTERN_SHARE_MAX:
            found.append(f"pattern_share must lie in [0, {PATTERN_SHARE_MAX}]")
        for name, share in (
            ("out_of_order_share", self.out_of_order_share),
            ("genuine_label_share", self.genuine_label_share),
        ):
            if not 0.0 <= share <= 1.0:
                found.append(f"{name} must lie in [0, 1]")
        if self.late_batch is not None:
            if self.late_batch.day < 0 or not 1 <= self.late_batch.days_late <= LATE_BATCH_DAYS_MAX:
                found.append(f"late_batch must name a day >= 0 and come 1 to {LATE_BATCH_DAYS_MAX} days late")
            if not 1 <= self.late_batch.events <= EVENTS_PER_DAY_MAX:
                found.append(f"late_batch.events must lie in [1, {EVENTS_PER_DAY_MAX}]")
        if found:
            raise DefinitionError("simulation settings: " + "; ".join(found))
