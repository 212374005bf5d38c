"""Figures of columns across two parties are those of the same in the clear, and nothing else is opened."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.base.errors import InputError
from tarim.federation import Role, Session
from tarim.federation.garbling import Plain, bits_of, number_of
from tarim.federation.learning.logarithm import binary_logarithm, binary_logarithm_in_the_clear
from tarim.federation.learning.screening import (
    Levels,
    correlations,
    correlations_in_the_clear,
    information_in_the_clear,
    information_values,
    standardised,
)
from tarim.federation.learning.sums import sums_by_bits
from tests.fakes.federation import in_session


def test_sums_over_blocks_are_those_of_the_matrices() -> None:
    draw = np.random.default_rng(1)
    bits, numbers = draw.integers(0, 2, (5_000, 40), np.uint8), draw.integers(0, 2**32, (5_000, 6), np.uint32)

    def side(session: Session, owner: Role) -> np.ndarray:
        mine = session.role is owner
        return sums_by_bits(session, owner, bits if mine else None, None if mine else numbers, (5_000, 40, 6))

    for owner in Role:
        one, other = in_session(lambda session, owner=owner: side(session, owner))
        assert np.array_equal(one + other, bits.T.astype(np.uint32) @ numbers)


def test_the_logarithm_is_right_to_a_ten_thousandth_and_equal_to_its_twin() -> None:
    draw = np.random.default_rng(2)
    numbers = np.concatenate([np.arange(1, 300), 2 ** np.arange(25), draw.integers(1, 2**25, 3_000), [2**25 - 1]])
    words = list(bits_of(numbers.astype(np.uint64), 25))
    found = number_of(np.stack(binary_logarithm(Plain(), words))).astype(np.int64)
    assert np.array_equal(found, binary_logarithm_in_the_clear(numbers))
    assert np.abs(found / 2**14 - np.log2(numbers)).max() < 1.5e-4


def made_up(rows: int, seed: int) -> tuple[np.ndarray, list[int], np.ndarray]:
    """Codes of four columns, one that tells much, one nothing, one a rare bin without events, one constant."""
    draw = np.random.default_rng(seed)
    labels = (draw.random(rows) < 0.15).astype(np.uint8)
    telling = np.clip(np.floor(draw.normal(3 + 3 * labels, 1.5)), 0, 9)
    rare = np.where(np.arange(rows) < 25, 2, draw.integers(0, 2, rows))
    labels[:25] = 0
    codes = np.stack([telling, draw.integers(0, 5, rows), rare, np.zeros(rows)], axis=1).astype(np.uint8)
    return codes, [10, 5, 3, 1], labels


def of_definition(codes: np.ndarray, bins: int, labels: np.ndarray) -> float:
    events, inside = np.bincount(codes, labels, bins), np.bincount(codes, minlength=bins)
    p, q = events + 0.5, inside - events + 0.5
    p, q = p / p.sum(), q / q.sum()
    return float(((p - q) * np.log(p / q)).sum())


@pytest.mark.parametrize("recipients", [frozenset({Role.SECOND}), frozenset(Role)])
def test_information_values_are_those_of_the_definition(recipients: frozenset[Role]) -> None:
    codes, counts, labels = made_up(3_000, 3)

    def side(session: Session):
        own = (codes, counts, None) if session.first else (None, counts, labels)
        found = information_values(session, *own, 3_000, 3, recipients, "information values")
        return found, session.openings

    (first, openings), (second, _) = in_session(side)
    assert np.array_equal(second, information_in_the_clear(codes, counts, labels, 3)), "to the last digit"
    defined = [of_definition(codes[:, column], bins, labels) for column, bins in enumerate(counts)]
    assert second == pytest.approx(defined, abs=1e-3)
    assert second[0] > 1 > 0.1 > second[1] and second[3] == 0
    assert first is None if len(recipients) == 1 else np.array_equal(first, second)
    assert [(each.what, each.recipient, each.shape) for each in openings] == [
        ("information values", recipient, (4,)) for recipient in Role if recipient in recipients
    ]


def test_correlations_are_those_of_the_definition_signs_and_extremes_too() -> None:
    draw = np.random.default_rng(4)
    rows = 3_000
    common = draw.normal(size=rows)
    mine = np.stack([np.clip(np.floor(10 * common + 32), 0, 63), draw.random(rows) < 0.02, common > 0], axis=1)
    levels = Levels((6, 1, 1), mine.astype(np.uint8))
    theirs = standardised(
        np.stack([common + draw.normal(size=rows), -mine[:, 0], 1.0 * mine[:, 1], draw.normal(size=rows)], axis=1)
    )

    def side(session: Session):
        own = (levels, levels.widths, None) if session.first else (None, levels.widths, theirs)
        return correlations(session, *own, (rows, 4), 3, frozenset({Role.FIRST}), "correlations")

    found, nothing = in_session(side)
    assert nothing is None
    assert np.array_equal(found, correlations_in_the_clear(levels, theirs, 3)), "to the last digit"
    defined = np.corrcoef(mine.T.astype(float), theirs.T)[:3, 3:]
    assert np.abs(found - defined).max() < 2e-3
    assert found[0, 1] == pytest.approx(-1, abs=2e-3) and found[1, 2] == pytest.approx(1, abs=2e-3)


def test_a_label_of_one_value_and_a_column_of_nearly_one_are_refused() -> None:
    codes, counts, labels = made_up(100, 5)
    with pytest.raises(InputError, match="one value only"):
        information_in_the_clear(codes, counts, 0 * labels, 3)
    rare = np.zeros((1 << 16, 1), np.uint8)
    rare[0] = 1
    with pytest.raises(InputError, match="nearly every row"):
        correlations_in_the_clear(
            Levels((1,), rare), standardised(np.random.default_rng(6).normal(size=(1 << 16, 1))), 3
        )
