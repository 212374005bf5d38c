"""The search for leaks finds one that is planted, and the comparison a message that depends on its input."""

from __future__ import annotations

import numpy as np
import pytest

from bench.federation_privacy import _chance, evenness, leaks, likeness, secrets_of, side, views
from tarim.federation import Role


def test_planted_values_are_found() -> None:
    sides = side(Role.FIRST, 256, 1, 1.0), side(Role.SECOND, 256, 1, 1.0)
    noise = np.random.default_rng(0).bytes(100_000)
    assert leaks({(Role.FIRST, "masked"): noise}, sides) == []
    kinds = {what: content for own in sides for what, content in secrets_of(own)}
    assert len(kinds) >= 10
    for what, content in kinds.items():
        sent = {(Role.FIRST, "masked"): noise + content + noise}
        assert any(each.startswith(what) for each in leaks(sent, sides)), what


def test_a_mask_that_is_missing_is_seen_and_noise_is_not() -> None:
    draw = np.random.default_rng(2)
    noise = [np.bincount(np.frombuffer(draw.bytes(50_000), np.uint8), minlength=256) for _ in range(2)]
    assert _chance(*noise) > 1e-6
    plain = noise[1].copy()
    plain[0] += 2_000
    assert _chance(noise[0], plain) < 1e-12


def test_bytes_that_are_not_even_are_seen_and_even_ones_are_not() -> None:
    draw = np.random.default_rng(3)
    assert evenness(draw.bytes(80_000)) > 1e-6
    short = draw.integers(0, 2**62, 10_000, dtype=np.uint64)
    assert evenness(short.tobytes()) < 1e-12, "a mask two bits short"
    biased = np.where(draw.random(80_000) < 0.04, 0, draw.integers(0, 256, 80_000)).astype(np.uint8)
    assert evenness(biased.tobytes()) < 1e-12


def test_samples_that_differ_in_their_words_alone_are_told_apart() -> None:
    """Sorted by their high bytes, or moved by a constant: what bytes alone may not show, words do."""
    draw = np.random.default_rng(4)
    one, other = (draw.integers(0, 2**64, 20_000, dtype=np.uint64) for _ in range(2))
    assert likeness(one.tobytes(), other.tobytes()) > 1e-6
    assert likeness(one.tobytes(), (other >> np.uint64(1)).tobytes()) < 1e-12


@pytest.mark.slow
def test_a_view_is_alike_and_even_whatever_the_other_side_has() -> None:
    """Common customers, regression, trees, a curve and a question, each side's input fixed while the other's is replaced."""
    found = views(256, 1)
    assert (found.lengths, found.differing, found.uneven) == ([], [], [])
    assert found.compared >= 40 and found.even >= 12
