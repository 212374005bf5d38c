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
    Loss,
    bin_edges,
    binned,
    margins,
)
from tarim.federation.learning.boosting_in_the_clear import boosted_in_the_clear
from tarim.federation.learning.leaves import both_exponentials
from tarim.federation.learning.splits import Precision, gains, half_of
from tarim.federation.multiplication import cut_down, products, squares
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
    hessians = rng.integers(500 << 12, 5_000 << 12, (2, 400))
    gradients = np.clip((rng.uniform(-6, 6, (2, 400)) * hessians).astype(np.int64), -(5_000 << 12), 5_000 << 12)
    words = [gradients[0], hessians[0], gradients[1], hessians[1]]
    parts = [np.random.default_rng(3).integers(0, 1 << width, 400).astype(np.uint64) for width in precision.widths]
    others = [
        word.astype(np.uint64) - part & np.uint64((1 << width) - 1)
        for word, part, width in zip(words, parts, precision.widths, strict=True)
    ]
    one, other = in_session(lambda session: gains(session, parts if session.first else others, precision))
    found = ((one + other) & np.uint64((1 << precision.gain_bits) - 1)).astype(np.int64)
    cut = zip(np.abs(gradients >> 7), hessians >> 7, strict=True)
    assert np.array_equal(found, sum((g << 12) // h * g for g, h in cut))


def test_exponentials_are_right_to_a_unit_and_two_in_ten_thousand() -> None:
    value = np.concatenate([np.linspace(-1.99, 1.99, 300), [0.0, 5.0, -5.0]])
    part = np.random.default_rng(4).integers(0, 1 << 20, len(value)).astype(np.uint64)
    words = [part, encoded(value, 12) - part]
    grown, shrunk = both_exponentials(Plain(), *([list(bits_of(word, 20))] for word in words))
    clipped = np.clip(np.rint(value * 2**12), -(2**13) + 1, 2**13 - 1) / 2**12
    for bits, exact in ((grown, np.exp(clipped)), (shrunk, np.exp(-clipped))):
        assert (np.abs(decoded(number_of(np.stack(bits)), 12) - exact) < 2**-12 + 2e-4 * exact).all()


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
    plan = BoostingPlan(trees=3, depth=3 if loss is Loss.LOG else 2, loss=loss)
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
            leaf = _leaf_of((mine, theirs), parts, 700, plan.depth)
            gradient, hessian = (0.5 - labels, 0.25) if loss is Loss.LOG else (1.0 - 2.0 * labels, 1.0)
            gradients = np.bincount(leaf, gradient, leaf_count)
            hessians = np.bincount(leaf, minlength=leaf_count) * (hessian + 2**-6)
            assert np.abs(leaves / 1024 + gradients / (hessians + 1) / 2).max() < 0.002
        total += leaves[_leaf_of((mine, theirs), parts, 200, plan.depth)]
    assert np.array_equal((first_margins + second_margins).view(np.int64), total)
    assert auc(total.astype(float), labels[:200]) > 0.75, "it has learned"
    assert np.abs(decoded(first_margins, 10)).mean() > 1e6, "a share alone says nothing"


def test_plans_and_shapes_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="depth"):
        BoostingPlan(depth=0).check()
    with pytest.raises(InputError, match="bins"):
        Bins((1,))
    assert Role(1 - Role.FIRST) is Role.SECOND
