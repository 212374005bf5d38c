"""Which role a row has, and which label: only what was known at the time counts.

A role is a stretch of time.  Its rows happened early enough in it for their label to be known, by the stated delay, before
the next role begins; the rest is the gap.  Who trains at the end of *training* knows exactly what the rows say:

    training                     gap     validation              gap     test                    gap
    |────────────────────────────┊───────|───────────────────────┊───────|───────────────────────┊───────|
    from                   until = to - delay                                                          as of

A label counts for a row when it was known `delay_ms` after the event and lies in the journal before the span's end; of
several the last.  "Known" is told by the journal's own clock (the latest instant an event up to there happened at), so a
label that was written late is known late whatever date it bears, and history loaded again gives the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError
from tarim.base.instants import DAY_MS, HOUR_MS, instant_text
from tarim.models.datasets.manifest import SampleRole

Words = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NO_ROLE: Final = -1
LABEL_DELAY_MS_MAX: Final = 366 * DAY_MS
SPLIT: Final = (0.6, 0.8)
"""Where validation and test begin, as shares of the span's time, when nobody says."""


@dataclass(frozen=True, slots=True)
class Period:
    """A role's stretch: rows happened in [from_ms, until_ms) and arrived before to_ms."""

    role: SampleRole
    from_ms: int
    until_ms: int
    to_ms: int


def periods(
    first_ms: int, as_of_ms: int, delay_ms: int, starts_ms: dict[SampleRole, int] | None = None
) -> tuple[Period, ...]:
    """The roles' periods of a span from `first_ms` to `as_of_ms`.

    starts_ms: where roles but training begin; empty or None: validation and test by SPLIT.  Raises InputError when roles are
    out of order or a period is not longer than the delay, so that nothing would be left of it.
    """
    if not 0 <= delay_ms <= LABEL_DELAY_MS_MAX:
        raise InputError(f"the label delay lies between 0 and {LABEL_DELAY_MS_MAX // DAY_MS} days")
    starts = dict(starts_ms or {})
    if not starts:
        length_ms = as_of_ms - first_ms
        for role, share in zip((SampleRole.VALIDATION, SampleRole.TEST), SPLIT, strict=True):
            starts[role] = (first_ms + int(length_ms * share)) // HOUR_MS * HOUR_MS
    if SampleRole.TRAINING in starts:
        raise InputError("training begins where the span begins")
    order = [(SampleRole.TRAINING, first_ms), *((role, starts[role]) for role in SampleRole if role in starts)]
    ends = [*(start for _, start in order[1:]), as_of_ms]
    found = []
    for (role, start), end in zip(order, ends, strict=True):
        if end - delay_ms <= start:
            raise InputError(
                f"{role.value} lasts from {instant_text(start)} to {instant_text(end)}: nothing of it is left once the "
                f"labels of {delay_ms / DAY_MS:g} days have ripened; let it be longer, or state a shorter label delay"
            )
        found.append(Period(role, start, end - delay_ms, end))
    return tuple(found)


def roles_of(spans: Sequence[Period], occurred_ms: Words, arrived_ms: Words) -> tuple[Words, Flags]:
    """Place of each row's period, NO_ROLE for none, and whether it is none because it arrived too late; shapes (n,)."""
    found = np.full(len(occurred_ms), NO_ROLE, np.int64)
    late = np.zeros(len(occurred_ms), np.bool_)
    for place, span in enumerate(spans):
        inside = (occurred_ms >= span.from_ms) & (occurred_ms < span.until_ms)
        there = arrived_ms < span.to_ms
        found[inside & there] = place
        late |= inside & ~there
    return found, late


class LabelBook:
    """The labels that may count, found by the position of the event they are about."""

    def __init__(self, refers_seqs: Words, values: Words, known_ms: Words) -> None:
        """In the journal's order, each of shape (k,): the position referred to, 1 or 0, and when it became known."""
        usable = (refers_seqs >= 0) & (values >= 0)
        refers_seqs, values, known_ms = refers_seqs[usable], values[usable], known_ms[usable]
        order = np.argsort(refers_seqs, kind="stable")
        self._refers, self._values, self._known = refers_seqs[order], values[order], known_ms[order]

    def at(self, seqs: Words, deadlines_ms: Words) -> tuple[Words, Words, Flags]:
        """Label (-1 none), when it became known (0 none), and whether fraud became known after the deadline only; shapes (n,).

        seqs: positions, ascending.  deadlines_ms: until when a label counts.
        """
        labels = np.full(len(seqs), -1, np.int64)
        known_ms = np.zeros(len(seqs), np.int64)
        late = np.zeros(len(seqs), np.bool_)
        if not len(seqs):
            return labels, known_ms, late
        low, high = np.searchsorted(self._refers, [seqs[0], seqs[-1] + 1])
        places = np.searchsorted(seqs, self._refers[low:high])
        mine = seqs[places] == self._refers[low:high]
        places, at = places[mine], np.flatnonzero(mine) + low
        in_time = self._known[at] <= deadlines_ms[places]
        late[places[~in_time & (self._values[at] == 1)]] = True
        places, at = places[in_time], at[in_time]
        labels[places] = self._values[at]  # of several the last one written stays, which is the last of the journal
        known_ms[places] = self._known[at]
        return labels, known_ms, late & (labels != 1)


def chosen(seqs: Words, seed: int, share: float) -> Flags:
    """Which rows a sample of this share takes, by position and seed alone; shape (n,).

    Row k has the number that SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), started with `seed`, gives in its k-th step.
    """
    with np.errstate(over="ignore"):
        mixed = np.uint64(seed) + (seqs.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53 < share
