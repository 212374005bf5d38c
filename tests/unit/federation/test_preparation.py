"""What a party looks at alone: gaps, outliers, bins of enough rows, stability."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.federation.learning.preparation import coarse, drawn_in, levels, profile, stability


def test_bins_hold_enough_rows_and_the_gaps_have_one_of_their_own() -> None:
    draw = np.random.default_rng(1)
    column = draw.normal(size=1_000)
    column[:100] = np.nan
    cut = coarse(column, 10, 20)
    codes = cut.codes(column)
    counts = np.bincount(codes, minlength=cut.bins)
    assert cut.bins == 11 and counts[-1] == 100 and counts.min() >= 20
    assert (np.diff(codes[100:][np.argsort(column[100:])].astype(int)) >= 0).all(), "in the order of the numbers"
    few = np.repeat([0.0, 1.0, 5.0, 9.0], [500, 480, 15, 5])
    assert np.bincount(coarse(few, 10, 20).codes(few)).tolist() == [500, 480, 20]
    assert coarse(np.full(50, 3.0), 10, 20).bins == 1
    assert coarse(np.full(50, np.nan), 10, 20).bins == 1


def test_texts_have_a_bin_each_the_rare_ones_and_those_unseen_one_together() -> None:
    texts = np.array(["a"] * 50 + ["b"] * 60 + ["c"] * 3 + ["d"] * 3 + [""] * 40)
    cut = coarse(texts, 10, 5)
    assert np.bincount(cut.codes(texts)).tolist() == [60, 50, 40, 6]
    assert cut.codes(np.array(["e"])).tolist() == [3]


def test_stability_is_that_of_the_definition() -> None:
    then, now = np.repeat([0, 1], [60, 40]).astype(np.uint8), np.repeat([0, 1], [40, 60]).astype(np.uint8)
    assert stability(then, now, 2) == pytest.approx(2 * 0.2 * np.log(1.5))
    assert stability(then, then, 2) == 0
    assert np.isfinite(stability(then[:60], now, 2))


def test_a_profile_names_gaps_and_outliers() -> None:
    draw = np.random.default_rng(2)
    column = draw.uniform(size=1_000)
    column[:50], column[50:60] = np.nan, 1e6
    found = profile("income", column, np.arange(500), coarse(column[:500], 10, 20))
    assert (found.kind, found.missing_share, found.outlier_share) == ("number", 0.05, 0.01)
    texts = np.array(["", "a", "a", "b"])
    assert profile("city", texts, np.arange(4), coarse(texts, 3, 1)).missing_share == 0.25


def test_numbers_are_filled_drawn_in_and_cut_into_levels() -> None:
    column = np.append(np.linspace(0, 1, 998), [1e9, np.nan])
    found = drawn_in(column)
    assert found.max() < 1.01 and np.isfinite(found).all()
    assert levels(found)[0] == 6 and levels(found)[1].max() == 63
    assert levels(drawn_in(np.array([0.0, 1.0, 1.0])))[0] == 1
