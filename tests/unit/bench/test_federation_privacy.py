"""The search for leaks finds one that is planted, and the comparison a message that depends on its input."""

from __future__ import annotations

import numpy as np

from bench.federation_privacy import _chance, leaks, secrets_of, side
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
