"""Boosted trees between two sides, and the circuits they are made of, against the same in the clear."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.base.errors import InputError
from tarim.federation import Role
from tarim.federation.garbling import Plain, bits_of, number_of
from tarim.federation.learning.boosting import (
    Bins,
    Boosting,
    BoostingPlan,
    JointTrees,
    Loss,
    Tree,
    bin_edges,
    binned,
    counted_rows,
    margins,
)
from tarim.federation.learning.boosting_in_the_clear import boosted_in_the_clear
from tarim.federation.learning.column_gains import shares_in_the_clear, shares_of_gain
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS, both_exponentials, exponent_bits
from tarim.federation.learning.precision import Precision
from tarim.federation.learning.splits import GAIN_ADDED, gains, half_of
from tarim.federation.learning.stopping import EarlyStop
from tarim.federation.multiplication import cut_down, products, squares
from tarim.federation.node.models import ModelPart, TreePart, part_of_trees, trees_of
from tarim.federation.randomness import fresh_words
from tarim.federation.sharing import decoded, encoded
from tarim.models import auc
from tests.fakes.federation import in_session


def test_products_of_shared_numbers() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(-(2**17), 2**17, (2, 10_000))
    masks = fresh_words(2, 10_000)

    def side(session):
        a, b = (masks[k] if session.first else v.astype(np.uint64) - masks[k] for k, v in enumerate((x, y)))
        return products(session, a, b, 48), cut_down(session, squares(session, a, 41), 12, 41)

    (one, first_cut), (other, second_cut) = in_session(side)
    whole = 1 << 48
    assert np.array_equal(((one + other).astype(object) - (x * y).astype(object)) % whole, np.zeros(10_000, object))
    assert np.array_equal(first_cut + second_cut, (x * x >> 12).astype(np.uint64))


def test_gains_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(2)
    precision = Precision.of(5_000)
    fraction = precision.gradient_fraction_bits
    hessians = rng.integers(0, 5_000 << fraction - 1, (2, 400)) >> rng.integers(0, 20, (2, 400))
    gradients = (rng.uniform(-2, 2, (2, 400)) * hessians).astype(np.int64)
    sums = np.stack([gradients, hessians], axis=2).astype(np.uint64)
    parts = fresh_words(2, 400, 2)
    one, other = in_session(lambda session: gains(session, parts if session.first else sums - parts, precision))
    found = ((one + other) & np.uint64((1 << precision.gain_bits) - 1)) / 2.0**precision.gain_fraction_bits - GAIN_ADDED
    g, h = gradients / 2.0**fraction, hessians / 2.0 ** (fraction - 1) + 1
    exact = g * g / h
    off = found - exact.sum(axis=0)
    quotient_off = 2.0**-12 + 2.0**-8 / h + np.abs(g) / h * 2.0**-8 / h  # of a coarse quotient
    assert (off <= 1e-6).all() and (off >= -(h * quotient_off**2).sum(axis=0) - 1e-6).all()


def test_exponentials_are_right_to_a_unit_and_two_in_ten_thousand() -> None:
    value = np.concatenate([np.linspace(-1.99, 1.99, 300), [0.0, 5.0, -5.0]])
    for bits in (11, 18):
        part = np.random.default_rng(4).integers(0, 1 << exponent_bits(bits), len(value)).astype(np.uint64)
        words = [list(bits_of(word, exponent_bits(bits))) for word in (part, encoded(value, bits) - part)]
        grown, shrunk = both_exponentials(Plain(), words[0], words[1], bits)
        clipped = np.clip(np.rint(value * 2**bits), -(2 ** (bits + 1)) + 1, 2 ** (bits + 1) - 1) / 2**bits
        for found, exact in ((grown, np.exp(clipped)), (shrunk, np.exp(-clipped))):
            assert (np.abs(decoded(number_of(np.stack(found)), bits) - exact) < 2.0**-bits + 2e-4 * exact).all()


def made_up(rows: int, seed: int):
    """Binned columns of two parties, their shapes, and labels that depend on both."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(rows, 5))
    lean = 1.5 * numbers[:, 0] * (numbers[:, 3] > 0) - 1.2 * (numbers[:, 1] > 0.5) + 0.8 * numbers[:, 4] - 1.0
    labels = (rng.random(rows) < 1 / (1 + np.exp(-lean))).astype(np.uint8)
    columns = np.stack([binned(column, bin_edges(column)) for column in numbers.T], axis=1)
    columns[:, 1] //= 4
    parts = (np.ascontiguousarray(columns[:, :3]), np.ascontiguousarray(columns[:, 3:]))
    return parts, tuple(Bins(tuple((part.max(axis=0) + 1).tolist())) for part in parts), labels


def _trained(parts, shapes, labels, plan):
    def side(session):
        me, you = session.role, 1 - session.role
        boosting = Boosting(session, parts[me], shapes[me], shapes[you], None if session.first else labels, plan)
        model = boosting.run()
        return model, margins(session, model, parts[me][:200])

    return in_session(side)


def _leaf_of(trees, parts, rows: int, depth: int) -> np.ndarray:
    """The leaf of each row, by both parties' splits laid together."""
    node = np.zeros(rows, np.int64)
    for level in range(depth):
        left = np.empty(rows, bool)
        for row, place in enumerate((node + (1 << level) - 1).tolist()):
            owner = int(trees[0].owners[place])
            column, last = trees[owner].own[place]
            left[row] = parts[owner][row, column] <= last
        node = 2 * node + ~left
    return node


@pytest.mark.parametrize("loss", list(Loss))
def test_joint_trees_are_those_of_the_twin(loss: Loss) -> None:
    """Every split is the twin's, each known to its owner alone; leaves are -G / (H + 1) / 2 of their rows."""
    parts, shapes, labels = made_up(700, 5)
    sample = 1.0 if loss is Loss.LOG else 0.7
    plan = BoostingPlan(trees=3, depth=3 if loss is Loss.LOG else 2, loss=loss, sample=sample)
    nodes, leaf_count = (1 << plan.depth) - 1, 1 << plan.depth
    (one, first_margins), (other, second_margins) = _trained(parts, shapes, labels, plan)
    half = half_of((len(shapes[0].candidates), len(shapes[1].candidates)))
    clear = boosted_in_the_clear(parts, shapes, labels, plan)
    total = np.zeros(200, np.int64)
    for tree, (mine, theirs, (splits, values)) in enumerate(zip(one.trees, other.trees, clear, strict=True)):
        found = [(int(owner), (mine, theirs)[owner].own[node]) for node, owner in enumerate(mine.owners.tolist())]
        expected = [(place // half, shapes[place // half].candidates[place % half]) for place in splits.tolist()]
        assert found == expected, f"tree {tree}"
        assert set(mine.own) | set(theirs.own) == set(range(nodes)) and not set(mine.own) & set(theirs.own)
        leaves = (mine.leaves + theirs.leaves).view(np.int64)
        assert np.array_equal(leaves, values)
        if tree == 0:
            leaf, counted = _leaf_of((mine, theirs), parts, 700, plan.depth), counted_rows(700, 0, plan)
            assert counted.sum() == int(700 * sample)
            gradient, hessian = (0.5 - labels, 0.25) if loss is Loss.LOG else (1.0 - 2.0 * labels, 1.0)
            gradients = np.bincount(leaf, gradient * counted, leaf_count)
            hessians = np.bincount(leaf, counted, leaf_count) * (hessian + 2**-6)
            assert (
                np.abs(leaves / 2**LEAF_FRACTION_BITS + gradients / (hessians + 1) / 2).max() < 2.0**-LEAF_FRACTION_BITS
            )
        total += leaves[_leaf_of((mine, theirs), parts, 200, plan.depth)]
    assert np.array_equal((first_margins + second_margins).view(np.int64), total)
    assert auc(total.astype(float), labels[:200]) > 0.75, "it has learned"
    assert np.abs(decoded(first_margins, LEAF_FRACTION_BITS)).mean() > 1e6, "a share alone says nothing"


def test_what_columns_gained_is_the_twins_and_is_opened_in_shares_of_all_gain_alone() -> None:
    parts, shapes, labels = made_up(400, 6)
    plan = BoostingPlan(trees=2, depth=2)

    def side(session):
        me, you = session.role, 1 - session.role
        given = None if session.first else labels
        boosting = Boosting(session, parts[me], shapes[me], shapes[you], given, plan, counts_gains=True)
        trees = boosting.run().trees
        gained = np.stack([tree.gained for tree in trees])
        told = shares_of_gain(session, gained.sum(axis=0), frozenset({Role.SECOND}), "gain")
        return gained, told, [each for each in session.openings if not each.what.startswith(("whose", "the split"))]

    (one, nothing, _), (other, told, opened) = in_session(side)
    clear: list[np.ndarray] = []
    trees = boosted_in_the_clear(parts, shapes, labels, plan, clear)
    assert np.array_equal((one + other).view(np.int64), clear), "to the last bit, tree by tree"
    assert nothing is None and np.array_equal(told, shares_in_the_clear(np.sum(clear, axis=0)))
    assert [(each.what, each.recipient, each.shape) for each in opened] == [("gain", Role.SECOND, (5,))]
    assert told.sum() == pytest.approx(1, abs=0.003) and (told >= 0).all()
    half, used = half_of((len(shapes[0].candidates), len(shapes[1].candidates))), set()
    for splits, _ in trees:
        used |= {(place // half, shapes[place // half].candidates[place % half][0]) for place in splits.tolist()}
    for column in range(5):
        assert bool(told[column] > 0) is (divmod(column, 3) in used), "never split on: 0"


def test_gains_of_the_twin_are_those_of_the_definition() -> None:
    """The first tree's, of log loss, in floating point: G^2 / (H + 1) left and right, less that of all rows."""
    parts, shapes, labels = made_up(400, 6)
    clear: list[np.ndarray] = []
    ((splits, _),) = boosted_in_the_clear(parts, shapes, labels, BoostingPlan(trees=1, depth=2), clear)
    half, expected = half_of((len(shapes[0].candidates), len(shapes[1].candidates))), np.zeros(5)
    gradient, hessian = 0.5 - labels.astype(float), np.full(400, 0.25 + 2.0**-6)
    node = np.zeros(400, np.int64)
    for level in range(2):
        left = np.zeros(400, bool)
        for each in range(1 << level):
            inside = node == each
            owner, place = divmod(int(splits[(1 << level) - 1 + each]), half)
            column, last = shapes[owner].candidates[place]
            goes = parts[owner][:, column] <= last
            left |= inside & goes
            for rows, sign in ((inside & goes, 1), (inside & ~goes, 1), (inside, -1)):
                expected[column + 3 * owner] += sign * gradient[rows].sum() ** 2 / (hessian[rows].sum() + 1)
        node = 2 * node + ~left
    assert np.abs(clear[0] / 2**20 - expected).max() < 0.01 < expected.max() / 100


def test_each_tree_is_grown_on_other_rows_and_never_on_those_held_back() -> None:
    plan = BoostingPlan(sample=0.5, stop=EarlyStop(share=0.1))
    drawn = [counted_rows(1_000, number, plan) for number in range(3)]
    assert [each.sum() for each in drawn] == [450] * 3 and not any(each[900:].any() for each in drawn)
    assert not np.array_equal(drawn[0], drawn[1]) and np.array_equal(drawn[2], counted_rows(1_000, 2, plan))
    assert counted_rows(1_000, 1, BoostingPlan()).all()
    for sample in (0.01, 1.5):
        with pytest.raises(InputError, match="share"):
            BoostingPlan(sample=sample).check()


def test_trees_kept_with_fewer_fraction_bits_mean_what_they_meant() -> None:
    tree = Tree(np.zeros(1, np.int64), {0: (0, 1)}, encoded(np.array([-0.25, 0.75]), LEAF_FRACTION_BITS))
    part = part_of_trees("c", np.arange(2), JointTrees(1, [tree]), Loss.LOG, [np.array([0.5])], ("age",))
    older = TreePart([0], {0: (0, 1)}, encoded(np.array([-0.25, 0.75]), 10).tobytes())
    for kept in (part, ModelPart("c", b"", depth=1, trees=(older,))):
        assert np.array_equal(trees_of(kept).trees[0].leaves, tree.leaves)


def test_numbers_fit_their_rings_for_any_rows() -> None:
    for rows in (1, 40, 5_000, 64_500, 65_000, 8_000_000):
        precision = Precision.of(rows)
        assert precision.gradient_bits <= 64 and precision.gain_bits <= 64
        assert rows + rows / 64 + 1 < 1 << precision.sum_bits
        assert 64 * rows + GAIN_ADDED < 1 << (precision.gain_bits - precision.gain_fraction_bits)
    assert (Precision.of(40_000).gradient_fraction_bits, precision.gradient_fraction_bits) == (19, 12)
    with pytest.raises(InputError, match="too many"):
        Precision.of(9_000_000)


def test_plans_and_shapes_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="depth"):
        BoostingPlan(depth=0).check()
    with pytest.raises(InputError, match="bins"):
        Bins((1,))
    assert Role(1 - Role.FIRST) is Role.SECOND
