"""Stopping a training early: its loss on rows that are held back is compared in a circuit, and only whether to stop is opened.

After each step (a tree, an epoch) both sides have shares of the loss on the held rows.  A training stops when none of its last
`patience` steps brought the loss below the least before them, by more than 2^least_log2 a row; it then goes back to the step
before those.  So which step was good is told by the stop itself, and by nothing before.

    best     the least loss up to `patience` steps ago, shared
    stop     every one of the last `patience` losses, and what it would have to be better by, reaches it

Both losses follow from what a training has anyway.  Log loss is that of which the clipped sigmoid is the slope,

    l(m) = (p - y) m + 2 p (1 - p),  p = clip(m / 4 + 1/2, 0, 1)

which is 0 for a margin of 2 or more on the right side, and grows like the margin on the wrong one; exponential loss is the
weight.  A held row whose margin is wrong by more than 11 is beyond what is compared; training rows cannot get there.

Opened, to both: after each step but the last, whether to stop.  Semi-honest.  A dozen kilobytes a step.
Source: Prechelt, "Early Stopping - But When?", 1998, section 2 (UP, with a least gain).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tarim.base.errors import InputError
from tarim.federation.circuits import add, choose, less, zero_like
from tarim.federation.conversion import RING_BITS, additive_outputs
from tarim.federation.garbling import Device, Inputs, Word
from tarim.federation.randomness import Words
from tarim.federation.session import Role, Session
from tarim.federation.sharing import Share, open_to

PATIENCE_MAX: Final = 16
SHARE_MIN: Final = 0.01
SHARE_MAX: Final = 0.5
LEAST_LOG2_MIN: Final = -30
STOPPED: Final = "whether to stop early"
_OFFSET: Final = np.uint64(1 << RING_BITS - 2)
"""Losses are compared as numbers from 0 on."""


@dataclass(frozen=True)
class EarlyStop:
    """When to stop; public.  share: of the rows, held back; the last ones.  least_log2: of the average loss of a row."""

    patience: int = 3
    share: float = 0.1
    least_log2: int = -10

    def check(self) -> None:
        """Nothing for what can be followed.  Raises InputError."""
        if not 1 <= self.patience <= PATIENCE_MAX or not SHARE_MIN <= self.share <= SHARE_MAX:
            raise InputError(
                f"an early stop waits 1 to {PATIENCE_MAX} steps and holds {SHARE_MIN} to {SHARE_MAX} of the rows back"
            )
        if not LEAST_LOG2_MIN <= self.least_log2 <= 0:
            raise InputError(f"an early stop asks for a loss that falls by 2^{LEAST_LOG2_MIN} to 1")

    def least(self, rows: int, fraction_bits: int) -> int:
        """What the loss of so many held rows has to fall by, in units of its last bit."""
        return int(rows * 2.0 ** (fraction_bits + self.least_log2))


def held_rows(rows: int, stop: EarlyStop) -> int:
    """How many of so many rows are held back: one at least."""
    return max(1, int(rows * stop.share))


class Stopping:
    """Of one training.  rows: how many are held back; fraction_bits: of the losses.  Both sides alike."""

    def __init__(self, session: Session, stop: EarlyStop, rows: int, fraction_bits: int) -> None:
        self._session, self._patience = session, stop.patience
        self._least = np.uint64(stop.least(rows, fraction_bits))
        self._losses: list[Words] = []
        self._best: list[Words] = []

    def after(self, loss: Words) -> bool:
        """Whether to go back `patience` steps and stop, after a step of which this is the part of the loss (1,); both sides."""
        self._losses.append(loss)
        if len(self._losses) <= self._patience:
            return False
        earlier = [*self._best, self._losses.pop(0)]
        session, first = self._session, np.uint64(self._session.first)
        parts = [each + first * _OFFSET for each in earlier]
        parts += [each + first * (_OFFSET + self._least) for each in self._losses]

        def circuit(device: Device, one: list[Word], other: list[Word]) -> list[Word]:
            numbers = [add(device, a, b) for a, b in zip(one, other, strict=True)]
            best = numbers[0]
            if len(earlier) > 1:
                best = choose(device, less(device, numbers[1], best), numbers[1], best)
            stops = device.negation(zero_like(best[0]))
            for each in numbers[len(earlier) :]:
                stops = device.conjunction(stops, device.negation(less(device, each, best)))
            return [best, [stops, zero_like(stops)]]

        widths = (RING_BITS,) * len(parts)
        inputs = Inputs(widths, parts if session.first else None), Inputs(widths, None if session.first else parts)
        best, stops = additive_outputs(session, circuit, *inputs, 1, 2)
        self._best = [best - first * _OFFSET]
        opened = [open_to(session, Share(stops, 0), recipient, STOPPED) for recipient in Role]
        (told,) = (each for each in opened if each is not None)
        return bool(told[0])


def stops_in_the_clear(losses: Sequence[float], patience: int, least: float) -> bool:
    """The plaintext twin.  losses: after each step so far."""
    if len(losses) <= patience:
        return False
    best = min(losses[:-patience])
    return all(loss + least >= best for loss in losses[-patience:])
