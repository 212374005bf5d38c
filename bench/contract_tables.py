"""Made-up customers of two companies, for contracts of every kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]
Tables = tuple[dict[str, Any], dict[str, Any]]
"""Columns of both companies, by role."""


def tables(rows: int, common: int, seed: int) -> Tables:
    """Both companies' data: every number of a continuous column is its own, so that it can be searched by itself."""
    draw = np.random.default_rng(seed)
    people = _people(draw, 2 * rows - common)
    first, second = people[:rows], people[rows - common :][draw.permutation(rows)]
    spend = draw.lognormal(7, 1, rows)
    spend[draw.random(rows) < 0.05] = np.nan
    data = {
        "phone": [f"+86 {each}" for each in first],
        "income": draw.normal(9_000, 2_500, rows),
        "spend": spend,
        "age": draw.integers(18, 80, rows),
        "city": draw.choice(["Beijing", "Shanghai", "Guangzhou"], rows),
    }
    bank = {
        "phone": second,
        "balance": draw.normal(0, 40_000, rows),
        "calls": draw.integers(0, 9, rows),
        "segment": draw.choice(["private", "affluent", "mass"], rows),
        "offered": draw.integers(0, 2, rows),
        "few": (draw.random(rows) < 0.02).astype(np.int64),
        "wants": np.where(draw.random(rows) < 0.4, "yes", "no"),
    }
    return data, bank


def _people(draw: np.random.Generator, count: int) -> Places:
    numbers = np.unique(draw.integers(0, 10**9, 2 * count))
    found: Places = 13_000_000_000 + numbers[draw.permutation(len(numbers))[:count]]
    return found
