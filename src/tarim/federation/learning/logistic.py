"""Logistic regression of two parties on vertically split columns: gradient descent on the average log-likelihood.

The SECOND party holds the labels.  Weights, scores, residuals and gradients stay shared from the first step to the last; what
is opened, and to whom, is the caller's matter.  Public are: rows, widths of the columns, order of the batches, step size,
epochs.

    a step, five rounds    w - r to each owner ──► shares of z ──► clipped sigmoid ──► d = 4 (p - y)
                           d - s to each owner ──► shares of the gradient ──► w -= it, lifted to modulo 2^64

Scores are shared modulo 2^48, and modulo 2^40 without their lowest bits, which the gradient sum of up to 2^15 rows fits; of
more rows the sums of their blocks are lifted first (`logistic_plan`, `logistic_descent`).  So a batch can be all rows.
Rows beyond the last whole batch are left out.

`logistic_in_the_clear` is the plaintext twin: the same quantised columns, batches and clipped sigmoid in floating point.
Who learns what: nothing but the public parameters.  Semi-honest.
Source: Mohassel, Zhang, "SecureML", IEEE S&P 2017, section 4, with this package's own products and sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from tarim.base.errors import InputError
from tarim.federation.bit_products import BitProducts
from tarim.federation.channel import receive_one
from tarim.federation.conversion import RING_BITS
from tarim.federation.learning.ahead import Ahead
from tarim.federation.learning.encoding import FRACTION_BITS, Encoded, Widths
from tarim.federation.learning.logistic_blocks import (
    Block,
    Prepared,
    Preparing,
    Sigmoids,
    blocks_of,
    none_ready,
    part_rows,
)
from tarim.federation.learning.logistic_descent import Descent
from tarim.federation.learning.logistic_plan import (
    RESIDUAL_FRACTION_BITS,
    SCORE_CUT,
    SCORE_FRACTION_BITS,
    Plan,
    require_columns,
)
from tarim.federation.learning.product_forms import cheapest
from tarim.federation.learning.products import COLUMN_BITS
from tarim.federation.learning.stopping import Stopping
from tarim.federation.lifting import lifted
from tarim.federation.multiplication import products, squares
from tarim.federation.randomness import Bits, Words
from tarim.federation.session import Session
from tarim.federation.sharing import Share

LOSS_FRACTION_BITS: Final = 2 * RESIDUAL_FRACTION_BITS + 3
"""Of the loss of rows held back, which comes eight times."""

Progress = Callable[[int, int], None]
"""Told the steps done and the steps in all."""


@dataclass(frozen=True)
class JointModel:
    """This side's part of the model: bias, the first party's weights, the second party's."""

    weights: Share
    first: Widths
    second: Widths


@dataclass(frozen=True)
class LogisticState:
    """This side's part of a training: weights with their fine bits after so many epochs, and so many steps of the next.

    number: which of the states that are kept it is, from 1.
    """

    epochs: int
    weights: Words
    number: int
    steps: int = 0


Keep = Callable[[LogisticState], None]


def train(
    session: Session,
    own: Encoded,
    theirs: Widths,
    labels: Bits | None,
    plan: Plan,
    progress: Progress = lambda _done, _all: None,
    keep: Keep = lambda _: None,
    begun: LogisticState | None = None,
    sigmoids: Sigmoids = none_ready,
) -> JointModel:
    """Train; both sides at the same time, with the same plan.  labels: (n,) at the SECOND party.  Raises InputError.

    keep: given the states that the plan has kept.  begun: one of them, the same at both sides, to go on from.  sigmoids: asked
    for each block of rows before one is made.
    """
    plan.check(len(own))
    require_columns(own.widths, theirs)
    if (labels is None) is not session.first or (labels is not None and len(labels) < plan.course(len(own)).rows):
        raise InputError("the second party gives one label for each row, the first party none")
    return _Training(session, own, theirs, labels, plan, sigmoids).run(progress, keep, begun)


class _Training:
    def __init__(
        self, session: Session, own: Encoded, theirs: Widths, labels: Bits | None, plan: Plan, sigmoids: Sigmoids
    ) -> None:
        self._session, self._plan = session, plan
        self._course = course = plan.course(len(own))
        own = Encoded(own.widths, own.integers[: course.rows])
        self._scaled = own.scaled
        self._first, self._second = (own.widths, theirs) if session.first else (theirs, own.widths)
        count, columns = len(self._first), 1 + len(self._first) + len(self._second)
        first, second = slice(1, 1 + count), slice(1 + count, columns)
        self._own, self._theirs = (first, second) if session.first else (second, first)
        part = part_rows(course)
        # Encrypted columns are cut by parts of one size.
        line = plan.line if plan.batch_rows is not None and course.batch % part == 0 else None
        form = cheapest(line, self._first, self._second, course.rows, part, plan.epochs)
        self._preparing = Preparing(session, form, own, theirs, part, sigmoids)
        bias = np.array([-(1 << FRACTION_BITS)], np.int64).view(np.uint64)
        self._offsets = np.concatenate([bias, self._first.offsets, self._second.offsets])
        self._labels = (
            None if labels is None else labels[: course.rows].astype(np.uint64) << np.uint64(RESIDUAL_FRACTION_BITS + 2)
        )
        self._epochs = self._steps = 0
        self._descent = Descent(session, plan.scale(course), plan.l2_log2, columns)

    def run(self, progress: Progress, keep: Keep, begun: LogisticState | None) -> JointModel:
        plan, course, descent = self._plan, self._course, self._descent
        if begun is not None:
            if begun.weights.shape != descent.fine_weights.shape:
                raise InputError("the state is that of a training on other columns")
            if begun.epochs > plan.epochs or not 0 <= begun.steps < course.steps:
                raise InputError("the state is that of a longer training")
            self._epochs, self._steps, descent.fine_weights = begun.epochs, begun.steps, begun.weights
        epochs = [blocks_of(course) for _ in range(self._epochs, plan.epochs)]
        if self._steps:
            epochs[0] = blocks_of(course, self._steps)

        def stepped() -> None:
            self._steps += 1
            progress(self._epochs * course.steps + self._steps, plan.epochs * course.steps)
            if plan.kept_steps is not None and self._steps < course.steps and self._steps % plan.kept_steps == 0:
                keep(self._state())

        stopping = None if plan.stop is None else Stopping(self._session, plan.stop, course.held, LOSS_FRACTION_BITS)
        known = [descent.fine_weights]
        # Until it is known whether there is another epoch, nothing may be made for it: only without a stop all are.
        for group in [epochs] if stopping is None else [[each] for each in epochs]:
            with Ahead(self._preparing.prepared(block) for blocks in group for block in blocks) as ahead:
                ready = iter(ahead)
                for blocks in group:
                    loss = self._epoch(islice(ready, len(blocks)), stepped)
                    self._epochs, self._steps = self._epochs + 1, 0
                    known.append(descent.fine_weights)
                    keep(self._state())
            if stopping is not None and plan.stop is not None and stopping.after(loss):
                descent.fine_weights = known[-1 - plan.stop.patience]
                break
        return JointModel(descent.final(), self._first, self._second)

    def _state(self) -> LogisticState:
        number = self._plan.number(self._course, self._epochs, self._steps)
        return LogisticState(self._epochs, self._descent.fine_weights, number, self._steps)

    def _epoch(self, blocks: Iterator[Prepared], stepped: Callable[[], None]) -> Words:
        """Work through an epoch; this side's part of the loss of the rows held back, (1,).  stepped: called after each step."""
        loss = np.zeros(1, np.uint64)
        for prepared in blocks:
            for number in range(prepared.block.parts):
                if prepared.block.held:
                    loss += self._loss(number, prepared)
                    continue
                weights = self._gradient(number, prepared)
                if prepared.block.ends:
                    self._descent.step(weights, prepared.lifts)
                    stepped()
        return loss

    def _scores(self, number: int, prepared: Prepared) -> tuple[Words, Words]:
        """Shares of the rounded weights, and modulo 2^COLUMN_BITS of a part's scores with RESIDUAL_FRACTION_BITS."""
        given, taken, (inside, rows) = prepared.given, prepared.taken, _places(number, prepared.block)
        channel, scaled = self._session.channel, self._scaled[rows]
        weights = self._descent.rounded()
        channel.send("weights, masked", weights[self._theirs] - given.vectors[number])
        masked = receive_one(channel, "weights, masked", np.uint64, scaled.shape[1])
        z = scaled @ (weights[self._own] + masked) + taken.rows[inside] + given.rows[inside]
        score = Share(z - (self._offsets * weights).sum(), SCORE_FRACTION_BITS)
        return weights, score.truncated(SCORE_CUT, self._session.role).part()

    def _loss(self, number: int, prepared: Prepared) -> Words:
        """This side's part of the sum of a held part's losses, eight times, (1,): 2 (s - 4 y) z + s (4 - s) with s = 4 p."""
        session, (inside, rows) = self._session, _places(number, prepared.block)
        _, cut = self._scores(number, prepared)
        z = lifted(session, BitProducts(session, len(cut)), cut, COLUMN_BITS)
        s = prepared.sigmoid.apply(z, inside.start)
        residual = s if self._labels is None else s - self._labels[rows]
        found = np.uint64(2) * products(session, residual, z, RING_BITS) - squares(session, s, RING_BITS)
        loss: Words = (found + (s << np.uint64(2 + RESIDUAL_FRACTION_BITS))).sum(keepdims=True)
        return loss

    def _gradient(self, number: int, prepared: Prepared) -> Words:
        """Take in the gradient sum of a part; shares of the rounded weights that it is at."""
        given, taken, (inside, rows) = prepared.given, prepared.taken, _places(number, prepared.block)
        channel = self._session.channel
        weights, cut = self._scores(number, prepared)
        residual = prepared.sigmoid.apply(cut, inside.start)
        if self._labels is not None:
            residual -= self._labels[rows]
        channel.send("residuals, masked", residual - given.numbers[inside])
        masked = receive_one(channel, "residuals, masked", np.uint64, len(residual))
        gradient = np.zeros(len(weights), np.uint64)
        gradient[self._own] = (residual + masked) @ self._scaled[rows] + taken.columns[number]
        gradient[self._theirs] = given.columns[number]
        gradient -= self._offsets * residual.sum()
        self._descent.add(gradient, prepared.lifts)
        return weights


def _places(number: int, block: Block) -> tuple[slice, slice]:
    """Rows of a part: within the block, and within all."""
    inside = slice(number * block.part, (number + 1) * block.part)
    return inside, slice(block.start + inside.start, block.start + inside.stop)
