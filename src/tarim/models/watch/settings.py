"""When a shift is an alarm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tarim.base.errors import DefinitionError
from tarim.stream import Channel

PSI_TEN_THOUSANDTHS_MAX: Final = 100_000
PERSIST_H_MAX: Final = 24
LABEL_DELAY_DAYS_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """Instants and lengths are of the events' own time, but for the last two.

    false_alarms_per_century: how many alarms about nothing are accepted in a hundred years, all columns and hours together, as
    far as quiet days are like those of the baseline.  persist_h: hours in a row that a shift has to be seen.  batch_channel: by
    it batches come, not people, so it is watched by its amounts only ("" for none).  psi_min: a shift smaller than this is no
    alarm however sure it is.  events_min: with fewer events of a column in 24 hours nothing is said about it.
    label_delay_days: after so many days what has no label counts as genuine.  period_days: length of a period of AUC, KS, AP
    and alert precision.
    """

    false_alarms_per_century: int = 100
    persist_h: int = 3
    batch_channel: str = "api"
    psi_min: float = 0.03
    events_min: int = 200
    label_delay_days: int = 14
    period_days: int = 7
    measure_every_s: int = 3_600
    save_every_s: int = 60

    @property
    def batch(self) -> int:
        """Number of the channel of batches, -1 for none."""
        return int(Channel[self.batch_channel.upper()]) if self.batch_channel else -1

    def check(self) -> None:
        """Nothing for settings that make sense.  Raises DefinitionError."""
        if not 0 <= self.psi_min <= 10 or not 1 <= self.persist_h <= PERSIST_H_MAX:
            raise DefinitionError(f"psi_min lies in [0, 10], persist_h in [1, {PERSIST_H_MAX}]")
        if self.batch_channel and self.batch_channel.upper() not in Channel.__members__:
            raise DefinitionError(
                f"batch_channel is one of {', '.join(each.name.lower() for each in Channel)}, or empty"
            )
        if not 1 <= self.label_delay_days <= LABEL_DELAY_DAYS_MAX or not 1 <= self.period_days <= LABEL_DELAY_DAYS_MAX:
            raise DefinitionError(f"label_delay_days and period_days lie in [1, {LABEL_DELAY_DAYS_MAX}]")
