"""Encrypted scoring: the scores of the clear for whoever is to learn them, and bounds that are kept."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.base.errors import InputError, TooLarge
from tarim.federation.encryption.layout import MASK, Layout
from tarim.federation.encryption.parameters import DEGREE
from tarim.federation.encryption.scoring import (
    FEATURE_MAX,
    ROWS_MAX,
    WEIGHTS_MAX,
    LinearModel,
    give_rows,
    learn_about_rows,
    learn_by_model,
    score_rows,
    scored_in_the_clear,
)
from tarim.federation.encryption.signed import LIMIT, in_fixed_point, in_ring, signed
from tests.fakes.federation import together


def made_up(rows: int, columns: int, seed: int) -> tuple[np.ndarray, LinearModel]:
    draw = np.random.default_rng(seed)
    return draw.normal(0, 2, (rows, columns)), LinearModel(draw.normal(0, 0.5, columns), float(draw.normal()))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 50), (300, 50), (8_193, 2)])
def test_scores_are_those_of_the_clear(rows: int, columns: int) -> None:
    features, model = made_up(rows, columns, rows)
    clear = scored_in_the_clear(features, model)
    assert np.abs(clear - (features @ model.weights + model.bias)).max() < 0.01
    by_rows, nothing = together(
        lambda channel: learn_about_rows(channel, features), lambda channel: score_rows(channel, model, rows)
    )
    assert nothing is None and np.array_equal(by_rows, clear)
    nothing, by_model = together(
        lambda channel: give_rows(channel, features), lambda channel: learn_by_model(channel, model, rows)
    )
    assert nothing is None and np.array_equal(by_model, clear)


def test_the_edges_of_what_is_allowed() -> None:
    features = np.full((3, 4), FEATURE_MAX - 1.0)
    features[1] *= -1
    model = LinearModel(np.full(4, WEIGHTS_MAX / 4 - 1.0), -100_000.0)
    found, _ = together(
        lambda channel: learn_about_rows(channel, features), lambda channel: score_rows(channel, model, 3)
    )
    assert np.array_equal(found, features @ model.weights + model.bias)


def test_rows_in_the_multiplier_stand_where_they_should() -> None:
    """By schoolbook multiplication modulo x^DEGREE + 1, without encryption."""
    layout = Layout(1, 5_000, 4)
    draw = np.random.default_rng(4)
    weights = draw.integers(0, 1 << 48, (1, 5_000), np.uint64)
    rows = draw.integers(0, 1 << 48, (3, 5_000), np.uint64)
    totals = np.zeros(3, np.uint64)
    for polynomial, multiplier in zip(layout.encoded(weights), layout.for_scores(rows), strict=True):
        for place in range(3):
            i = np.arange(DEGREE)
            j = (place - i) % DEGREE
            products = polynomial * multiplier[j]
            totals[place : place + 1] += np.where(i + j < DEGREE, products, np.uint64(0) - products).sum()
    assert np.array_equal(totals & MASK, (rows @ weights[0]) & MASK)


def test_what_is_too_large_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(InputError, match="standardise"):
        together(lambda channel: learn_about_rows(channel, np.full((1, 1), 1e6)), lambda _channel: None)
    with pytest.raises(InputError, match="missing"):
        together(lambda channel: give_rows(channel, np.full((1, 1), np.nan)), lambda _channel: None)
    with pytest.raises(InputError, match="weights"):
        LinearModel(np.full(10, 200.0), 0.0)
    with pytest.raises(InputError, match="1 to"):
        LinearModel(np.zeros(0), 0.0)
    with pytest.raises(InputError, match="below"):
        LinearModel(np.array([np.nan]), 0.0)
    with pytest.raises(TooLarge):
        together(lambda channel: score_rows(channel, LinearModel(np.ones(1), 0.0), ROWS_MAX + 1), lambda _channel: None)
    with pytest.raises(TooLarge, match="ciphertexts"):
        together(lambda channel: score_rows(channel, LinearModel(np.ones(200), 0.0), ROWS_MAX), lambda _channel: None)


def test_signed_numbers_go_round_the_ring() -> None:
    numbers = np.array([0, 1, -1, LIMIT - 1, -LIMIT], np.int64)
    assert np.array_equal(signed(in_ring(numbers)), numbers)
    with pytest.raises(InputError, match="too large"):
        in_fixed_point(np.array([float(LIMIT)]), 0, "numbers")
