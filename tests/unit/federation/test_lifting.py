"""Shares of a small ring become shares of the whole one, exactly, and a product of bits is the product."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.federation import Session
from tarim.federation.bit_products import BitProducts
from tarim.federation.lifting import lifted
from tests.fakes.federation import in_session


@pytest.mark.parametrize("bits", [3, 8, 40, 63])
def test_every_number_at_the_edges_and_at_random(bits: int) -> None:
    draw = np.random.default_rng(bits)
    limit = 1 << (bits - 2)
    numbers = np.concatenate(
        [np.array([0, 1, -1, limit - 1, -limit + 1, -limit]), draw.integers(-limit, limit, 500)]
    ).astype(np.int64)
    masks = draw.integers(0, 1 << bits, len(numbers), np.uint64)
    masks[:6] = [0, 1, (1 << bits) - 1, 1 << (bits - 1), (1 << (bits - 1)) - 1, limit]

    def act(session: Session) -> np.ndarray:
        products = BitProducts(session, 2 * len(numbers))
        parts = masks if session.first else (numbers.view(np.uint64) - masks) & np.uint64((1 << bits) - 1)
        once = lifted(session, products, parts, bits)
        again = lifted(session, products, parts, bits)
        return np.stack([once, again])

    one, other = in_session(act)
    assert ((one + other).view(np.int64) == numbers).all()
    new_bits = one >> np.uint64(bits)
    assert (new_bits[0] != new_bits[1]).mean() > 0.4, "the bits that are new are masked anew each time"


def test_products_of_bits() -> None:
    bits = np.random.default_rng(1).integers(0, 2, (2, 300), np.uint8)

    def act(session: Session) -> np.ndarray:
        return BitProducts(session, 300)(bits[session.role])

    one, other = in_session(act)
    assert ((one + other) == bits[0] * bits[1]).all()
