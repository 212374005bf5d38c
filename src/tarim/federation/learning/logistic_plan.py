"""How a joint regression is trained, all of it public: rows by batches, and a step's arithmetic within bounds that are proven.

A batch is any number of rows: one is stochastic descent, some are mini-batch descent, all are full-batch descent (AS-02).

Numbers are whole, times 2 to the power of their fraction bits, with e = 2^-8 (the sigmoid's kinks are off by 2^-6 of 4):

    column    5    |x| <= 2^7, 4 standard deviations: `require_columns`
    score    13    within the sigmoid's range, |z| < 30: not enforced, see below
    residual 13    d = 4 (p - y), |d| <= 2^15 (1 + e)
    sum      18    of x d over n rows, |sum| <= n 2^22 (1 + e) < 2^38 for n <= SUMMED_ROWS_MAX: it fits modulo 2^40 and can be
                   lifted to modulo 2^64, where sums of n <= 2^24 rows are < 2^47
    penalty        of the same size as the sum at most: with rate * penalty <= 1 (`Plan.check`), a weight w becomes (1 - rate *
                   penalty) w - rate * g, so |w| <= max |g| / penalty from the first step to the last
    change         plain batches: sum + penalty < 2^38 for n <= PLAIN_ROWS_MAX.  Others: sum * factor + penalty < 2^60, where
                   factor = 2^FACTOR_BITS / n, rounded: one part in 2^13 of the learning rate off at most

So no sum of a training wraps as long as its scores stay in the sigmoid's range.  Without a penalty a learning rate of 2^4 on
many columns can leave it: what comes out then is a poor model, which its curve shows, and nothing that is opened by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tarim.base.errors import InputError
from tarim.federation.learning.encoding import FRACTION_BITS, NUMBER_BITS, ROWS_MAX, Widths
from tarim.federation.learning.product_forms import Line
from tarim.federation.learning.products import COLUMN_BITS, ROW_BITS
from tarim.federation.learning.stopping import EarlyStop

WEIGHT_FRACTION_BITS: Final = 16
SCORE_FRACTION_BITS: Final = WEIGHT_FRACTION_BITS + FRACTION_BITS
SCORE_CUT: Final = ROW_BITS - COLUMN_BITS
"""Low bits of each side's part of a score that are dropped: one unit of 2^-13 more or less at random, evenly."""
RESIDUAL_FRACTION_BITS: Final = SCORE_FRACTION_BITS - SCORE_CUT
GRADIENT_BITS: Final = COLUMN_BITS
SUMMED_ROWS_MAX: Final = 1 << 15
"""Rows whose gradients are summed modulo 2^GRADIENT_BITS; of larger batches each block's sum is lifted first."""
PLAIN_ROWS_MAX: Final = 1 << 14
"""Rows of a batch whose sum and penalty together fit modulo 2^GRADIENT_BITS."""
FINE_BITS_MAX: Final = 64 - ROW_BITS
"""Fraction bits of the weights beyond WEIGHT_FRACTION_BITS that are kept while training."""
FACTOR_BITS: Final = 36
CHANGE_BITS: Final = 61
EPOCHS_MAX: Final = 1_000
KEPT_MAX: Final = 1_000
"""States of a training that are kept."""


def require_columns(first: Widths, second: Widths) -> None:
    """Nothing for columns within the bounds above.  Raises InputError."""
    if max(*first.bits, *second.bits) > NUMBER_BITS:
        raise InputError(f"a joint regression takes columns of at most {NUMBER_BITS} bits")


@dataclass(frozen=True)
class Course:
    """Where a training's rows go: `trained` first, in whole batches; then `held`, for an early stop; the rest is left out."""

    batch: int
    trained: int
    held: int

    @property
    def rows(self) -> int:
        """Those that are used."""
        return self.trained + self.held

    @property
    def steps(self) -> int:
        """Of an epoch."""
        return self.trained // self.batch


@dataclass(frozen=True)
class Scale:
    """What makes a change of the weights of a batch's gradient sum.  plain: without a factor."""

    batch_rows: int
    plain: bool
    learning_rate_log2: int

    @property
    def factor(self) -> int:
        """What a gradient sum is multiplied by."""
        return 1 if self.plain else round((1 << FACTOR_BITS) / self.batch_rows)

    @property
    def shift(self) -> int:
        """Log2 of what divides a sum, times the factor, into a change: scale, the sigmoid's 4, rows, learning rate."""
        scale = RESIDUAL_FRACTION_BITS + FRACTION_BITS - WEIGHT_FRACTION_BITS
        rows = self.batch_rows.bit_length() - 1 if self.plain else FACTOR_BITS
        return scale + 2 + rows - self.learning_rate_log2

    @property
    def fine_bits(self) -> int:
        """Of the weights, while training."""
        return min(self.shift, FINE_BITS_MAX)

    @property
    def l2_least(self) -> int:
        """Log2 of the least penalty: weights mean something modulo 2^ROW_BITS, and are moved to the change's place."""
        return (0 if self.plain else CHANGE_BITS - ROW_BITS) - self.shift - self.learning_rate_log2

    def decay_shift(self, l2_log2: int) -> int:
        """Log2 of what weights are multiplied by to be a penalty beside the sum times the factor."""
        return self.shift + self.learning_rate_log2 + l2_log2


@dataclass(frozen=True)
class Plan:
    """How to train; public.  learning_rate_log2, l2_log2: powers of two; l2_log2 None is no penalty.

    batch_rows: None for all rows.  line: what connects the parties, where that is agreed; the products take the form that is
    quicker over it.  stop: when before the last epoch, if so; whole batches are held back.  kept_steps: a state of the training
    is kept every so many steps, and after each epoch.
    """

    batch_rows: int | None = 1_024
    epochs: int = 10
    learning_rate_log2: int = 0
    l2_log2: int | None = None
    line: Line | None = None
    stop: EarlyStop | None = None
    kept_steps: int | None = None

    def check(self, rows: int) -> None:
        """Nothing for a plan that fits so many rows.  Raises InputError."""
        if self.batch_rows is not None and not 1 <= self.batch_rows <= ROWS_MAX:
            raise InputError(f"a batch holds 1 to {ROWS_MAX} rows, or all")
        if not self.least_rows <= rows <= ROWS_MAX:
            raise InputError(self._misfit(rows))
        if not 1 <= self.epochs <= EPOCHS_MAX or not -16 <= self.learning_rate_log2 <= 4:
            raise InputError(f"1 to {EPOCHS_MAX} epochs and a learning rate of 2^-16 to 2^4 are possible")
        course = self.course(rows)
        scale = self.scale(course)
        if scale.shift < 1:
            raise InputError("a learning rate below 2^4 times the rows of a batch is possible")
        most = min(0, -self.learning_rate_log2)
        if self.l2_log2 is not None and not scale.l2_least <= self.l2_log2 <= most:
            raise InputError(
                f"with batches of {self.batch_rows or 'all'} rows at a learning rate of 2^{self.learning_rate_log2} an L2 "
                f"penalty of 2^{scale.l2_least} to 2^{most} is possible"
            )
        if self.stop is not None:
            self.stop.check()
        if self.kept_steps is not None and self.kept_steps < 1:
            raise InputError("a state is kept every step, or every so many")
        if self.number(course, self.epochs) > KEPT_MAX:
            raise InputError(f"more than {KEPT_MAX} states of a training would be kept: keep fewer of its steps")

    def _misfit(self, rows: int) -> str:
        if rows > ROWS_MAX:
            return f"{rows} rows are more than the {ROWS_MAX} that can be trained on"
        if self.batch_rows is None:
            return f"{self.least_rows} rows are the least"
        if rows >= self.batch_rows:
            return f"an early stop holds a batch of {self.batch_rows} rows back: two batches are the least"
        return f"a batch of {self.batch_rows} rows is more than the {rows} there are"

    @property
    def least_rows(self) -> int:
        """The fewest rows that can be trained on."""
        return (self.batch_rows or 1) * (1 if self.stop is None else 2)

    def course(self, rows: int) -> Course:
        """Where so many rows go."""
        share = 0.0 if self.stop is None else self.stop.share
        unit = self.batch_rows or 1
        held = 0 if self.stop is None else max(1, int(rows // unit * share)) * unit
        trained = rows // unit * unit - held
        return Course(self.batch_rows or trained, trained, held)

    def scale(self, course: Course) -> Scale:
        """What changes the weights."""
        batch = course.batch
        plain = self.batch_rows is not None and batch <= PLAIN_ROWS_MAX and batch & (batch - 1) == 0
        return Scale(batch, plain, self.learning_rate_log2)

    def number(self, course: Course, epochs: int, steps: int = 0) -> int:
        """Which of the kept states is that after so many epochs, and steps of the next; they count from 1."""
        if self.kept_steps is None:
            return epochs
        return epochs * -(-course.steps // self.kept_steps) + steps // self.kept_steps
