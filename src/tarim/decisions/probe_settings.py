"""What can be set against attempts to feel the rules and the model out; apart, because settings are read without them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tarim.base.errors import DefinitionError

VALUES_MAX: Final = 400
"""Different values that 128 bits can tell apart."""


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """How often a key may ask, and from when on messages are an attempt at feeling the model out.  0 = no such limit.

    events_per_s_max, burst_events_max: of a key, a bucket that fills at that rate and holds so many.  events_per_day_max: of a
    key, days in China.  sweep_values_max: different values of one field, all else the same, in a window.  grid_events_max:
    different messages of one customer in a window.  slow_window_s, slow_values_max: as window_s and sweep_values_max, for what
    goes slower than that.  stranger_values_max: different values of one field in slow_window_s from customers who were never
    seen before, all else but customer and device the same.  refuse_s: how long a customer or device is refused then.
    unknown_keys_max: requests of one address with keys that were never assigned, in unknown_keys_s; then it is refused for
    ban_s.
    score_decimals_max: of a score told to a key without the scope `score`; 0: it is not told.
    """

    events_per_s_max: int = 50_000
    burst_events_max: int = 500_000
    events_per_day_max: int = 0
    window_s: int = 3_600
    sweep_values_max: int = 60
    grid_events_max: int = 400
    slow_window_s: int = 86_400
    slow_values_max: int = 60
    stranger_values_max: int = 60
    refuse_s: int = 600
    unknown_keys_max: int = 30
    unknown_keys_s: int = 60
    ban_s: int = 60
    score_decimals_max: int = 2

    def check(self) -> None:
        """Nothing for settings that make sense.  Raises DefinitionError."""
        counted = (self.sweep_values_max, self.grid_events_max, self.slow_values_max, self.stranger_values_max)
        if max(counted) > VALUES_MAX:
            raise DefinitionError(
                "sweep_values_max, grid_events_max, slow_values_max and stranger_values_max are at most "
                f"{VALUES_MAX} each"
            )
        if self.slow_window_s < self.window_s:
            raise DefinitionError("slow_window_s is not below window_s: it is for what goes slower")
        if self.events_per_s_max and self.burst_events_max < 1:
            raise DefinitionError("burst_events_max is at least 1 where events_per_s_max is set")
