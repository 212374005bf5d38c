"""Days that are not what their weekday says: public holidays, and weekends that are worked in exchange (ML-08).

People behave on a public holiday as on a Sunday, and on a worked Saturday as on the Friday before it, more than as the weekday
would have it.  Which days these are is said by the State Council's notice of each year (`tarim.deadlines`); of a year without
its notice the weekdays are believed.  Days are counted since the epoch, in China.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.models.kernels import watch as kernel

Ints = npt.NDArray[np.int64]

WEEK_HOURS: Final = 168
WORKING, REST, MONTH_BEGIN = 0, 1, 2
"""Parts of the month, as `kernel.part_of` has them by the weekday."""
_CHINA_HOURS: Final = 8
_FIRST_MONDAY_HOURS: Final = 4 * 24
"""1970-01-05 was a Monday."""
_SATURDAY, _SUNDAY = 5, 6


@dataclass(frozen=True, slots=True)
class Days:
    """off: days from Monday to Friday that are holidays; worked: Saturdays and Sundays that are not; ascending."""

    off: tuple[int, ...] = ()
    worked: tuple[int, ...] = ()
    _off: Ints = field(init=False, repr=False, compare=False)
    _worked: Ints = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_off", np.array(self.off, np.int64))
        object.__setattr__(self, "_worked", np.array(self.worked, np.int64))

    def between(self, first: int, last: int) -> Days:
        """Those from day `first` to day `last`."""
        return Days(*(tuple(day for day in days if first <= day <= last) for days in (self.off, self.worked)))

    def hour_of_week(self, hours: Ints) -> Ints:
        """0 is Monday from 00:00 to 01:00 in China; hours since the epoch, UTC.

        An hour of a holiday is a Sunday's, one of a worked Saturday a Friday's, of a worked Sunday a Monday's.
        """
        plain = (hours + _CHINA_HOURS - _FIRST_MONDAY_HOURS) % WEEK_HOURS
        weekday, hour = plain // 24, plain % 24
        off, worked = self._are(hours)
        weekday = np.where(off, _SUNDAY, np.where(worked, np.where(weekday == _SATURDAY, 4, 0), weekday))
        found: Ints = 24 * weekday + hour
        return found

    def parts_of(self, hours: Ints) -> Ints:
        """The part of the month of each hour: 2 its first five days, 1 a weekend or holiday, else 0."""
        parts = np.empty(len(hours), np.int64)
        kernel.parts_of(np.ascontiguousarray(hours), parts)
        off, worked = self._are(hours)
        parts[off & (parts == WORKING)] = REST
        parts[worked & (parts == REST)] = WORKING
        return parts

    def restrata(self, strata: Ints, hours: Ints) -> Ints:
        """Events by stratum, (hours, PARTS * groups), as the kernel counted them by the weekday, by what the days are."""
        groups = strata.reshape(len(hours), -1, kernel.PARTS).sum(axis=-1)
        found = np.zeros((*groups.shape, kernel.PARTS), np.int64)
        found[np.arange(len(hours)), :, self.parts_of(hours)] = groups
        return found.reshape(strata.shape)

    def _are(self, hours: Ints) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        days = (hours + _CHINA_HOURS) // 24
        return np.isin(days, self._off), np.isin(days, self._worked)
