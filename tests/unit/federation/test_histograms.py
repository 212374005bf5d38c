"""Punctured functions and the histograms built on them, against what they say in the clear."""

from __future__ import annotations

import numpy as np

from tarim.federation import punctured
from tarim.federation.learning.histograms import BINS, LANES, OwnBins, TheirBins
from tarim.federation.randomness import fresh_words
from tests.fakes.federation import in_session


def test_the_owner_of_a_place_knows_every_key_but_that_one() -> None:
    places = np.concatenate([np.arange(16), np.random.default_rng(1).integers(0, 16, 500)]).astype(np.uint8)

    def side(session):
        return punctured.give(session, len(places)) if session.first else punctured.own(session, places)

    given, owned = in_session(side)
    same = (given == owned).all(axis=2)
    here = np.arange(punctured.LEAVES)[None, :] == places[:, None]
    assert np.array_equal(same, ~here)
    assert len({key.tobytes() for key in given.reshape(-1, 2)}) == given.size // 2


def test_a_histogram_of_shared_numbers_over_secret_bins() -> None:
    rng = np.random.default_rng(2)
    rows, columns = 2_500, 3
    bins = rng.integers(0, BINS, (rows, columns)).astype(np.uint8)
    parts = [fresh_words(rows, LANES) for _ in range(2)]
    total = parts[0] + parts[1]

    def side(session):
        made = OwnBins(session, bins) if session.first else TheirBins(session, rows, columns)
        mine = parts[session.role]
        return [made.sums(mine, session.uses.take(), 37) for _ in range(2)]

    (one, again), (other, once_more) = in_session(side)
    expected = np.zeros((columns, BINS, LANES), np.uint64)
    for column in range(columns):
        np.add.at(expected[column], bins[:, column], total)
    low = np.uint64((1 << 37) - 1)
    for found in (one + other, again + once_more):
        assert np.array_equal(found & low, expected & low)
    assert (one != again).mean() > 0.99, "each use has fresh words"
