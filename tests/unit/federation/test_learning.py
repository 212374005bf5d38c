"""Products, sigmoid, truncation and logistic regression between two sides, against the same in the clear."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.base.errors import InputError
from tarim.federation import Role
from tarim.federation.bit_products import BitProducts
from tarim.federation.learning import logistic_blocks, logistic_descent
from tarim.federation.learning.encoding import NUMBER_BITS, Encoded, Encoder, Widths
from tarim.federation.learning.logistic import train
from tarim.federation.learning.logistic_blocks import BLOCK_ROWS, blocks_of, part_rows
from tarim.federation.learning.logistic_descent import Descent
from tarim.federation.learning.logistic_in_the_clear import trained_in_the_clear
from tarim.federation.learning.logistic_plan import (
    CHANGE_BITS,
    FACTOR_BITS,
    GRADIENT_BITS,
    PLAIN_ROWS_MAX,
    RESIDUAL_FRACTION_BITS,
    SUMMED_ROWS_MAX,
    WEIGHT_FRACTION_BITS,
    Plan,
)
from tarim.federation.learning.products import COLUMN_BITS, ROW_BITS, OwnColumns, TheirColumns
from tarim.federation.learning.sigmoid import COARSE, ClippedSigmoid, clipped_sigmoid
from tarim.federation.learning.stopping import EarlyStop
from tarim.federation.randomness import fresh_words
from tarim.federation.sharing import decoded, encoded, open_to
from tarim.federation.truncation import shifted_exactly
from tests.fakes.federation import in_session


def made_up(rows: int, seed: int) -> tuple[Encoded, Encoded, np.ndarray]:
    """Columns of two parties and labels that depend on both."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(rows, 3))
    flags = rng.random((rows, 4)) < 0.3
    lean = numbers @ [0.9, -0.6, 0.4] + flags @ [1.2, -0.8, 0.5, 0.0] - 0.4
    labels = (rng.random(rows) < 1 / (1 + np.exp(-lean))).astype(np.uint8)
    columns = [*numbers.T, *flags.T.astype(np.float64)]
    one, two = columns[:2] + columns[3:5], columns[2:3] + columns[5:]
    return Encoder.learned(one).encoded(one), Encoder.learned(two).encoded(two), labels


def test_columns_are_encoded_in_few_bits() -> None:
    first, _, _ = made_up(500, 1)
    assert first.widths.bits == (8, 8, 1, 1)
    back = first.bits.astype(np.float64) * first.widths.weight_of_bit.astype(np.float64) / 32
    sums = np.stack([back[:, first.widths.column_of_bit == column].sum(axis=1) for column in range(4)], axis=1)
    assert np.allclose(sums - first.widths.offsets.astype(np.float64) / 32, first.values)
    assert abs(first.values[:, 0].mean()) < 0.02 and abs(first.values[:, 0].std() - 1) < 0.05
    with pytest.raises(InputError, match="missing"):
        Encoder.learned([np.array([1.0, np.nan])])


def test_prepared_products_are_products() -> None:
    encoded_rows, _, _ = made_up(96, 2)
    batch = 32

    def side(session):
        if session.first:
            columns = OwnColumns(session, encoded_rows)
            return columns.take(32, 64, batch, session.uses.take())
        columns = TheirColumns(session, encoded_rows.widths, 96)
        return columns.give(32, 64, batch, session.uses.take())

    taken, given = in_session(side)
    x = encoded_rows.scaled[32:]
    for b in range(2):
        rows = slice(32 * b, 32 * b + 32)
        off_rows = taken.rows[rows] + given.rows[rows] - x[rows] @ given.vectors[b]
        off_columns = taken.columns[b] + given.columns[b] - x[rows].T @ given.numbers[rows]
        assert not np.any(off_rows & np.uint64((1 << ROW_BITS) - 1))
        assert not np.any(off_columns & np.uint64((1 << COLUMN_BITS) - 1))


def test_the_sigmoid_on_shares_is_the_clipped_one() -> None:
    rng = np.random.default_rng(3)
    z = np.concatenate([rng.uniform(-4, 4, 1_000), rng.uniform(-25, 25, 18), [-2, 2, 0, 1.999, -1.999, 2.001]])
    words, mask = encoded(z, 21), fresh_words(len(z))

    def side(session):
        sigmoid = ClippedSigmoid(session, len(z), 21, COARSE)
        sigmoid.finish()
        mine = mask if session.first else words - mask
        return np.concatenate([sigmoid.apply(mine[:1_000], 0), sigmoid.apply(mine[1_000:], 1_000)])

    one, other = in_session(side)
    found = decoded(one + other, 21) / 4
    assert np.abs(found - clipped_sigmoid(z)).max() <= 2**-6 / 4 + 1e-9
    assert np.abs(decoded(one, 21)).mean() > 2**30, "a share alone is far from the value"


def test_an_exact_shift_is_exact() -> None:
    rng = np.random.default_rng(4)
    whole = np.concatenate([rng.integers(-(2**40), 2**40, 300), [0, -1, 1, 2**51 - 1, -(2**51), 1 << 21, -(1 << 21)]])
    mask = fresh_words(len(whole))
    one, other = in_session(
        lambda session: shifted_exactly(session, mask if session.first else whole.astype(np.uint64) - mask, 52, 22)
    )
    assert np.array_equal((one + other).view(np.int64), whole >> 22)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(batch_rows=128, epochs=2),
        Plan(batch_rows=512, epochs=3, learning_rate_log2=1, l2_log2=-6),
        Plan(batch_rows=1, epochs=1, learning_rate_log2=-3),
        Plan(batch_rows=100, epochs=2, l2_log2=-5),
        Plan(batch_rows=600, epochs=4, learning_rate_log2=2),
        Plan(batch_rows=3, epochs=2, learning_rate_log2=-2, l2_log2=-5),
        Plan(batch_rows=None, epochs=3, learning_rate_log2=2),
    ],
)
def test_a_joint_training_gives_the_weights_of_one_in_the_clear(plan: Plan) -> None:
    rows = 600 if plan.batch_rows is None or plan.batch_rows > 8 else 24
    first, second, labels = made_up(rows, 5)
    expected = trained_in_the_clear(first, second, labels, plan)

    def side(session):
        own, theirs = (first, second.widths) if session.first else (second, first.widths)
        model = train(session, own, theirs, None if session.first else labels, plan)
        return open_to(session, model.weights, Role.SECOND, "the weights")

    nothing, weights = in_session(side)
    assert nothing is None
    assert np.abs(weights - expected).max() < 2e-3
    assert np.abs(expected).max() > 0.1


@pytest.mark.parametrize(
    ("plan", "summed"),
    [
        (Plan(batch_rows=None, epochs=3, learning_rate_log2=2, l2_log2=-5), 1 << 15),
        (Plan(batch_rows=None, epochs=3, learning_rate_log2=2, l2_log2=-5), 256),
        (Plan(batch_rows=256, epochs=2, learning_rate_log2=1), 1 << 15),
        (Plan(batch_rows=140, epochs=2, stop=EarlyStop(1, 0.4)), 128),
    ],
)
def test_a_batch_of_several_blocks_gives_the_weights_of_one_in_the_clear(
    plan: Plan, summed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logistic_blocks, "BLOCK_ROWS", 128)
    monkeypatch.setattr(logistic_descent, "SUMMED_ROWS_MAX", summed)
    first, second, labels = made_up(299, 6)

    def side(session):
        own, theirs = (first, second.widths) if session.first else (second, first.widths)
        model = train(session, own, theirs, None if session.first else labels, plan)
        return open_to(session, model.weights, Role.SECOND, "the weights")

    expected = trained_in_the_clear(first, second, labels, plan)
    assert np.abs(in_session(side)[1] - expected).max() < 2e-3
    assert np.abs(expected).max() > 0.1


EDGE = (1 << NUMBER_BITS - 1) * ((4 << RESIDUAL_FRACTION_BITS) + (1 << RESIDUAL_FRACTION_BITS - 6))
"""The most that a row adds to a gradient sum: its column at the edge, and its residual."""


@pytest.mark.parametrize("rows", [1, 8_193, 32_768, 36_168, 1 << 24])
def test_the_largest_sums_fit(rows: int) -> None:
    plan = Plan(batch_rows=None, learning_rate_log2=4, l2_log2=-4)
    course = plan.course(rows)
    scale = plan.scale(course)
    assert EDGE * min(rows, SUMMED_ROWS_MAX) < 1 << GRADIENT_BITS - 2
    assert 2 * EDGE * PLAIN_ROWS_MAX < 1 << GRADIENT_BITS - 2, "sum and penalty"
    assert part_rows(course) <= min(rows, BLOCK_ROWS)
    weight = round((4 + 2**-6) * 2**4 * 2**WEIGHT_FRACTION_BITS)  # the largest gradient over the penalty
    assert EDGE * rows * scale.factor + (weight << scale.decay_shift(-4)) < 1 << CHANGE_BITS - 1
    assert abs(scale.factor * rows / 2**FACTOR_BITS - 1) <= 2**-13


@pytest.mark.parametrize("sign", [1, -1])
def test_a_step_of_the_largest_sums_is_exact(sign: int) -> None:
    plan, rows = Plan(batch_rows=None), 36_168
    scale = plan.scale(plan.course(rows))
    blocks = [each.rows for each in blocks_of(plan.course(rows))]
    assert len(blocks) == 5 and sum(blocks) == rows
    masks = fresh_words(len(blocks))

    def side(session):
        descent = Descent(session, scale, None, 1)
        for mask, block in zip(masks, blocks, strict=True):
            whole = np.array([sign * EDGE * block], np.int64).view(np.uint64)
            descent.add(mask[None] if session.first else whole - mask, BitProducts(session, 1))
        descent.step(np.zeros(1, np.uint64), BitProducts(session, 1))
        return descent.fine_weights

    one, other = in_session(side)
    change = -sign * EDGE * rows * scale.factor / 2 ** (scale.shift + WEIGHT_FRACTION_BITS)
    assert (one + other).view(np.int64)[0] / 2 ** (WEIGHT_FRACTION_BITS + scale.fine_bits) == pytest.approx(
        change, abs=1e-9
    )
    assert change == pytest.approx(-sign * (4 + 2**-6), rel=2**-13)


def test_the_three_ways_of_descent_come_to_one_model() -> None:
    """All rows, some and one at a time (AS-02); in the clear, which joint training equals."""
    first, second, labels = made_up(2_000, 8)
    found = [
        trained_in_the_clear(first, second, labels, plan)
        for plan in (
            Plan(batch_rows=None, epochs=60, learning_rate_log2=2),
            Plan(batch_rows=128, epochs=10),
            Plan(batch_rows=1, epochs=4, learning_rate_log2=-6),
        )
    ]
    for weights in found[1:]:
        assert np.abs(weights - found[0]).max() < 0.1 * np.abs(found[0]).max()


def test_columns_beyond_the_bounds_are_refused() -> None:
    wide = Widths((1, 9))

    def side(session):
        with pytest.raises(InputError, match="at most 8 bits"):
            train(session, Encoded(wide, np.zeros((1_024, 2), np.uint64)), wide, None, Plan())

    in_session(side)


def test_a_plan_that_does_not_fit_is_refused() -> None:
    for plan, says in (
        (Plan(batch_rows=0), "1 to 16777216 rows, or all"),
        (Plan(batch_rows=100, l2_log2=-28), "2\\^-27 to 2\\^0 "),
        (Plan(batch_rows=64, learning_rate_log2=1, l2_log2=0), "2\\^-10 to 2\\^-1 "),
        (Plan(batch_rows=4, kept_steps=1, epochs=10), "more than 1000 states"),
        (Plan(batch_rows=4, kept_steps=0), "every step"),
        (Plan(batch_rows=1_024), "more than"),
        (Plan(batch_rows=64, epochs=0), "epochs"),
        (Plan(batch_rows=64, l2_log2=3), "L2"),
        (Plan(batch_rows=64, l2_log2=-11), "2\\^-10 to 2\\^0 "),
        (Plan(batch_rows=1, learning_rate_log2=4), "learning rate"),
    ):
        with pytest.raises(InputError, match=says):
            plan.check(500)
    with pytest.raises(InputError, match="columns"):
        Widths(())
