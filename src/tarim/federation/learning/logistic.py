"""Logistic regression of two parties on vertically split columns: gradient descent on the average log-likelihood.

The SECOND party holds the labels.  Weights, scores, residuals and gradients stay shared from the first step to the last; what
is opened, and to whom, is the caller's matter.  Public are: rows, widths of the columns, order of the batches, step size,
epochs.

    a step, five rounds    w - r to each owner ──► shares of z ──► clipped sigmoid ──► d = 4 (p - y)
                           d - s to each owner ──► shares of the gradient ──► w -= it, lifted to modulo 2^64

Scores are shared modulo 2^48, and modulo 2^40 without their lowest bits, which a step's gradient fits.  Weights are shared
modulo 2^64 with more fraction bits than a score needs: a step's change is added as it is, without a division.

The learning rate is a power of two, so that with batches of a power of two of rows a change is a gradient with its point moved.
Other gradients are multiplied by 2^FACTOR_BITS over the rows, rounded, one part in 2^16 off at most, and cut down in a circuit.
Rows beyond the last full batch are left out.  A batch of all rows is full-batch descent, one of 1 row is stochastic descent
(AS-02).

`logistic_in_the_clear` is the plaintext twin: the same quantised columns, batches and clipped sigmoid in floating point.
Who learns what: nothing but the public parameters.  Semi-honest.
Source: Mohassel, Zhang, "SecureML", IEEE S&P 2017, section 4, with this package's own products and sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError
from tarim.federation.bit_products import BitProducts
from tarim.federation.channel import receive_one
from tarim.federation.conversion import RING_BITS
from tarim.federation.learning.ahead import Ahead
from tarim.federation.learning.encoding import FRACTION_BITS, Encoded, Widths
from tarim.federation.learning.logistic_blocks import Prepared, blocks_of, products_of
from tarim.federation.learning.product_forms import Line, cheapest
from tarim.federation.learning.products import COLUMN_BITS, ROW_BITS
from tarim.federation.learning.sigmoid import COARSE, ClippedSigmoid
from tarim.federation.learning.stopping import EarlyStop, Stopping
from tarim.federation.lifting import lifted
from tarim.federation.multiplication import products, squares
from tarim.federation.randomness import Bits, Words
from tarim.federation.session import Session
from tarim.federation.sharing import Share
from tarim.federation.truncation import shifted_exactly

WEIGHT_FRACTION_BITS: Final = 16
SCORE_FRACTION_BITS: Final = WEIGHT_FRACTION_BITS + FRACTION_BITS
SCORE_CUT: Final = ROW_BITS - COLUMN_BITS
"""Low bits of each side's part of a score that are dropped: one unit of 2^-13 more or less at random, evenly."""
RESIDUAL_FRACTION_BITS: Final = SCORE_FRACTION_BITS - SCORE_CUT
LOSS_FRACTION_BITS: Final = 2 * RESIDUAL_FRACTION_BITS + 3
"""Of the loss of rows held back, which comes eight times."""
GRADIENT_BITS: Final = COLUMN_BITS
"""|gradient sum| < 2^38: 2^15 rows of 8-bit integers with a residual below 4."""
BATCH_ROWS_MAX: Final = 1 << 15
FINE_BITS_MAX: Final = 64 - ROW_BITS
"""Fraction bits of the weights beyond WEIGHT_FRACTION_BITS that are kept while training."""
COMPARED: Final = COARSE
FACTOR_BITS: Final = 30
CHANGE_BITS: Final = 60
"""|gradient sum| times the factor < 2^53, and 16 times the weights at a penalty of 1 < 2^54."""
EPOCHS_MAX: Final = 1_000

Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]
"""Told the steps done and the steps in all."""
Sigmoids = Callable[[Session, int], ClippedSigmoid | None]
"""Gives the sigmoid for a block of so many rows where both sides have it ready, None at both where not."""


def none_ready(_session: Session, _rows: int) -> None:
    """Of those who have no sigmoids ready."""


@dataclass(frozen=True)
class Plan:
    """How to train; public.  learning_rate_log2, l2_log2: powers of two; l2_log2 None is no penalty.

    line: what connects the parties, where that is agreed; the products take the form that is quicker over it.  stop: when
    before the last epoch, if so; whole batches are held back.
    """

    batch_rows: int = 1_024
    epochs: int = 10
    learning_rate_log2: int = 0
    l2_log2: int | None = None
    line: Line | None = None
    stop: EarlyStop | None = None

    def check(self, rows: int) -> None:
        """Nothing for a plan that fits so many rows.  Raises InputError."""
        if not 1 <= self.batch_rows <= BATCH_ROWS_MAX:
            raise InputError(f"a batch holds 1 to {BATCH_ROWS_MAX} rows")
        if rows < self.batch_rows:
            raise InputError(f"a batch of {self.batch_rows} rows is more than the {rows} there are")
        if not 1 <= self.epochs <= EPOCHS_MAX or not -16 <= self.learning_rate_log2 <= 4:
            raise InputError(f"1 to {EPOCHS_MAX} epochs and a learning rate of 2^-16 to 2^4 are possible")
        if self.shift < 1:
            raise InputError("a learning rate below 2^4 times the rows of a batch is possible")
        least = -self.shift - self.learning_rate_log2 + (0 if self.factor == 1 else CHANGE_BITS - ROW_BITS)
        if self.l2_log2 is not None and not least <= self.l2_log2 <= 0:
            raise InputError(f"with batches of {self.batch_rows} rows an L2 penalty of 2^{least} to 1 is possible")
        if self.stop is not None:
            self.stop.check()
            if self.held_rows(rows) == self.whole_rows(rows):
                raise InputError(
                    f"an early stop holds a batch of {self.batch_rows} rows back: two batches are the least"
                )

    @property
    def least_rows(self) -> int:
        """The fewest rows that can be trained on."""
        return self.batch_rows if self.stop is None else 2 * self.batch_rows

    def whole_rows(self, rows: int) -> int:
        """Of so many rows, those in whole batches."""
        return rows // self.batch_rows * self.batch_rows

    def held_rows(self, rows: int) -> int:
        """Of so many rows, those held back for an early stop: the last whole batches, one at least."""
        return 0 if self.stop is None else max(1, int(rows // self.batch_rows * self.stop.share)) * self.batch_rows

    @property
    def shift(self) -> int:
        """Log2 of what divides a gradient sum, times the factor, into a change: scale, the sigmoid's 4, rows, learning rate."""
        scale = RESIDUAL_FRACTION_BITS + FRACTION_BITS - WEIGHT_FRACTION_BITS
        rows = self.batch_rows.bit_length() - 1 if self.factor == 1 else FACTOR_BITS
        return scale + 2 + rows - self.learning_rate_log2

    @property
    def factor(self) -> int:
        """What a gradient sum is multiplied by: 1 where batches hold a power of two of rows."""
        whole = self.batch_rows & (self.batch_rows - 1) == 0
        return 1 if whole else round((1 << FACTOR_BITS) / self.batch_rows)


@dataclass(frozen=True)
class JointModel:
    """This side's part of the model: bias, the first party's weights, the second party's."""

    weights: Share
    first: Widths
    second: Widths


@dataclass(frozen=True)
class LogisticState:
    """This side's part of a training after so many epochs: weights with their fine bits."""

    epochs: int
    weights: Words


def train(
    session: Session,
    own: Encoded,
    theirs: Widths,
    labels: Bits | None,
    plan: Plan,
    progress: Progress = lambda _done, _all: None,
    keep: Callable[[LogisticState], None] = lambda _: None,
    begun: LogisticState | None = None,
    sigmoids: Sigmoids = none_ready,
) -> JointModel:
    """Train; both sides at the same time, with the same plan.  labels: (n,) at the SECOND party.  Raises InputError.

    keep: given each epoch's state.  begun: a state, of the same epoch at both sides, to go on from.  sigmoids: asked for each
    block of rows before one is made.
    """
    plan.check(len(own))
    rows = plan.whole_rows(len(own))
    if (labels is None) is not session.first or (labels is not None and len(labels) < rows):
        raise InputError("the second party gives one label for each row, the first party none")
    return _Training(session, own, theirs, labels, plan, rows, sigmoids).run(progress, keep, begun)


class _Training:
    def __init__(
        self,
        session: Session,
        own: Encoded,
        theirs: Widths,
        labels: Bits | None,
        plan: Plan,
        rows: int,
        sigmoids: Sigmoids,
    ) -> None:
        self._session, self._sigmoids = session, sigmoids
        self._plan = plan
        self._rows = rows
        own = Encoded(own.widths, own.integers[:rows])
        self._scaled = own.scaled
        self._first, self._second = (own.widths, theirs) if session.first else (theirs, own.widths)
        count = len(self._first)
        first, second = slice(1, 1 + count), slice(1 + count, 1 + count + len(self._second))
        self._own, self._theirs = (first, second) if session.first else (second, first)
        form = cheapest(plan.line, self._first, self._second, rows, plan.batch_rows, plan.epochs)
        self._making = session.beside()
        self._mine, self._other = products_of(self._making, form, own, theirs, plan.batch_rows)
        bias = np.array([-(1 << FRACTION_BITS)], np.int64).view(np.uint64)
        self._offsets = np.concatenate([bias, self._first.offsets, self._second.offsets])
        self._labels = (
            None if labels is None else labels[:rows].astype(np.uint64) << np.uint64(RESIDUAL_FRACTION_BITS + 2)
        )
        self._fine_bits = min(plan.shift, FINE_BITS_MAX)
        self._fine_weights = np.zeros(1 + count + len(self._second), np.uint64)

    def run(self, progress: Progress, keep: Callable[[LogisticState], None], begun: LogisticState | None) -> JointModel:
        batch, plan, first = self._plan.batch_rows, self._plan, 0
        held = plan.held_rows(self._rows)
        if begun is not None:
            if begun.weights.shape != self._fine_weights.shape:
                raise InputError("the state is that of a training on other columns")
            first, self._fine_weights = begun.epochs, begun.weights
        stopping = None if plan.stop is None else Stopping(self._session, plan.stop, held, LOSS_FRACTION_BITS)
        steps = (self._rows - held) // batch
        done, known = first * steps, [self._fine_weights]
        blocks = blocks_of(0, self._rows - held, batch) + blocks_of(self._rows - held, self._rows, batch)
        # Until it is known whether there is another epoch, nothing may be made for it: only without a stop all are.
        for epochs in (
            [range(first, plan.epochs)] if stopping is None else [[each] for each in range(first, plan.epochs)]
        ):
            with Ahead(self._prepared(start, rows) for _ in epochs for start, rows in blocks) as ready:
                loss = np.zeros(1, np.uint64)
                for number, prepared in enumerate(ready, 1):
                    for step in range(prepared.rows // batch):
                        if prepared.start >= self._rows - held:
                            loss += self._loss(step, prepared)
                            continue
                        self._step(step, prepared)
                        done += 1
                        progress(done, plan.epochs * steps)
                    if number % len(blocks) == 0:
                        known.append(self._fine_weights)
                        keep(LogisticState(first + len(known) - 1, self._fine_weights))
            if stopping is not None and plan.stop is not None and stopping.after(loss):
                self._fine_weights = known[-1 - plan.stop.patience]
                break
        weights = shifted_exactly(self._session, self._fine_weights, 64, self._fine_bits)
        return JointModel(Share(weights, WEIGHT_FRACTION_BITS), self._first, self._second)

    def _prepared(self, start: int, rows: int) -> Prepared:
        """What a block of rows needs, made by another thread while the block before it is worked through.

        The order keeps both busy: the second party asks for transfers and masks its products while the first masks and
        garbles; only then each takes what the other one sent.  Neither begins before the other one is there to take what is
        sent: otherwise a block of many columns could fill the line that the block before it needs.
        """
        session, use, batch = self._making, self._making.uses.take(2), self._plan.batch_rows
        session.channel.send("a block begins", np.zeros(1, np.uint8))
        receive_one(session.channel, "a block begins", np.uint8, 1)
        ready = self._sigmoids(session, rows)
        if session.first:
            given = self._other.give(start, rows, batch, use)
            sigmoid = ready or ClippedSigmoid(session, rows, RESIDUAL_FRACTION_BITS, COMPARED)
        else:
            sigmoid = ready or ClippedSigmoid(session, rows, RESIDUAL_FRACTION_BITS, COMPARED)
            given = self._other.give(start, rows, batch, use + 1)
        taken = self._mine.take(start, rows, batch, use + 1 if session.first else use)
        sigmoid.finish()
        lifts = BitProducts(session, rows // batch * len(self._fine_weights))
        for each in (sigmoid, lifts):
            each.used_in(self._session)
        return Prepared(start, rows, given, taken, sigmoid, lifts)

    def _scores(self, number: int, prepared: Prepared) -> tuple[Words, Words]:
        """Shares of the rounded weights, and modulo 2^COLUMN_BITS of a batch's scores with RESIDUAL_FRACTION_BITS."""
        start, given, taken = prepared.start, prepared.given, prepared.taken
        channel, batch = self._session.channel, self._plan.batch_rows
        inside = slice(number * batch, (number + 1) * batch)
        scaled = self._scaled[start + inside.start : start + inside.stop]
        weights = self._rounded_weights()
        channel.send("weights, masked", weights[self._theirs] - given.vectors[number])
        masked = receive_one(channel, "weights, masked", np.uint64, scaled.shape[1])
        z = scaled @ (weights[self._own] + masked) + taken.rows[inside] + given.rows[inside]
        score = Share(z - (self._offsets * weights).sum(), SCORE_FRACTION_BITS)
        return weights, score.truncated(SCORE_CUT, self._session.role).part()

    def _loss(self, number: int, prepared: Prepared) -> Words:
        """This side's part of the sum of a held batch's losses, eight times, (1,): 2 (s - 4 y) z + s (4 - s) with s = 4 p."""
        session, batch = self._session, self._plan.batch_rows
        inside = slice(number * batch, (number + 1) * batch)
        _, cut = self._scores(number, prepared)
        z = lifted(session, BitProducts(session, batch), cut, COLUMN_BITS)
        s = prepared.sigmoid.apply(z, inside.start)
        residual = (
            s if self._labels is None else s - self._labels[prepared.start : prepared.start + prepared.rows][inside]
        )
        found = np.uint64(2) * products(session, residual, z, RING_BITS) - squares(session, s, RING_BITS)
        loss: Words = (found + (s << np.uint64(2 + RESIDUAL_FRACTION_BITS))).sum(keepdims=True)
        return loss

    def _step(self, number: int, prepared: Prepared) -> None:
        start, given, taken = prepared.start, prepared.given, prepared.taken
        channel, batch = self._session.channel, self._plan.batch_rows
        inside = slice(number * batch, (number + 1) * batch)
        scaled = self._scaled[start + inside.start : start + inside.stop]
        weights, cut = self._scores(number, prepared)
        residual = prepared.sigmoid.apply(cut, inside.start)
        if self._labels is not None:
            residual -= self._labels[start + inside.start : start + inside.stop]
        channel.send("residuals, masked", residual - given.numbers[inside])
        masked = receive_one(channel, "residuals, masked", np.uint64, batch)
        gradient = np.zeros(len(weights), np.uint64)
        gradient[self._own] = (residual + masked) @ scaled + taken.columns[number]
        gradient[self._theirs] = given.columns[number]
        gradient -= self._offsets * residual.sum()
        decay = np.zeros(len(weights), np.uint64)
        if self._plan.l2_log2 is not None:
            moved = self._plan.shift + self._plan.learning_rate_log2 + self._plan.l2_log2
            decay[1:] = weights[1:] << np.uint64(moved)
        self._fine_weights = self._fine_weights - self._change(gradient, decay, prepared.lifts)

    def _rounded_weights(self) -> Words:
        """Shares modulo 2^ROW_BITS of the weights with WEIGHT_FRACTION_BITS: one unit more or less at random, evenly."""
        unit = np.uint64(1 << self._fine_bits) if self._session.first else np.uint64(0)
        rounded: Words = (self._fine_weights + unit) >> np.uint64(self._fine_bits)
        return rounded

    def _change(self, gradient: Words, decay: Words, lifts: BitProducts) -> Words:
        """Shares of what the weights change by, with their fine bits, from shares modulo 2^GRADIENT_BITS.

        A gradient is a change once it is divided by 2^shift, so a change has `shift` fine bits; those beyond
        FINE_BITS_MAX, of a small learning rate, a large batch or a factor, are cut off exactly.
        """
        beyond = self._plan.shift - self._fine_bits
        if self._plan.factor != 1:
            wide = lifted(self._session, lifts, gradient, GRADIENT_BITS) * np.uint64(self._plan.factor) + decay
            return shifted_exactly(self._session, wide, CHANGE_BITS, beyond)
        if beyond:
            return shifted_exactly(self._session, gradient + decay, GRADIENT_BITS, beyond)
        return lifted(self._session, lifts, gradient + decay, GRADIENT_BITS)
