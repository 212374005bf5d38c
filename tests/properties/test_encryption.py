"""Laws of encrypted products: whatever the matrix, the vector and the cut, what the holder decrypts is the product."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tarim.federation.encryption.layout import Layout
from tarim.federation.encryption.parameters import PLAIN_BITS
from tarim.federation.encryption.signed import LIMIT, in_ring, signed
from tarim.federation.encryption.sums import Shape, reportable, summed_in_the_clear
from tests.unit.federation.test_campaign_sums import FIRST, run, same
from tests.unit.federation.test_encryption import multiplied

EDGES = (0, 1, (1 << PLAIN_BITS) - 1, 1 << (PLAIN_BITS - 1), (1 << (PLAIN_BITS - 1)) - 1)
NUMBERS = st.one_of(st.sampled_from(EDGES), st.integers(0, (1 << PLAIN_BITS) - 1))


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_products_are_those_of_the_clear(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 6))
    layout = Layout(rows, columns, 1 << data.draw(st.integers(0, 13)))
    if layout.polynomials > 12:
        layout = Layout(rows, columns, 16)

    def numbers(*shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        return np.array(data.draw(st.lists(NUMBERS, min_size=count, max_size=count)), np.uint64).reshape(shape)

    matrix, vector, weights = numbers(rows, columns), numbers(columns), numbers(rows)
    by_rows, by_columns = multiplied(layout, matrix, vector, weights)
    mask = np.uint64((1 << PLAIN_BITS) - 1)
    assert np.array_equal(by_rows, (matrix @ vector) & mask)
    assert np.array_equal(by_columns, (matrix.T @ weights) & mask)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 4), st.integers(1, 5))
def test_campaign_sums_are_those_of_the_clear(seed: int, rows: int, columns: int, groups: int) -> None:
    draw = np.random.default_rng(seed)
    values = draw.choice([0.0, 0.01, -0.01, 1e6, -1e6, 123.45], (rows, columns))
    members = (draw.random((rows, groups)) < draw.random(groups)).astype(np.uint8)
    shape = Shape(rows, columns, groups, 10, 12)
    assert same(run(values, members, shape, FIRST)[0], summed_in_the_clear(values, members, shape))


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 80), st.integers(1, 8), st.integers(10, 40))
def test_no_two_reported_groups_differ_by_few(seed: int, rows: int, groups: int, least: int) -> None:
    draw = np.random.default_rng(seed)
    members = (draw.random((rows, groups)) < draw.random(groups)).astype(np.uint8)
    found = np.flatnonzero(reportable(members, least))
    for one in found:
        assert members[:, one].sum() >= least
        for other in found:
            assert not 0 < (members[:, one] > members[:, other]).sum() < least


@settings(deadline=None)
@given(st.lists(st.integers(-LIMIT, LIMIT - 1), max_size=20))
def test_signed_numbers_go_round(numbers: list[int]) -> None:
    assert signed(in_ring(np.array(numbers, np.int64))).tolist() == numbers
