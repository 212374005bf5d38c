"""Segments too thin to learn from, routed to rules (ML-27).

A model cannot be relied on where it saw next to nothing.  A value of a division that occurs in the population is thin when the
training rows hold fewer than FRAUDS_MIN frauds or fewer than ROWS_MIN rows of it.  Ten events of the rarer kind for each
number that is estimated is the least that is commonly asked for (Peduzzi and others, Journal of Clinical Epidemiology, 1996);
a segment that has not even ten has none to spare for one.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.models.datasets.checks.findings import Checked, Thin

FRAUDS_MIN: Final = 10
ROWS_MIN: Final = 200
DIVISIONS: Final = ("kind", "channel", "amount", "region", "source")


def is_thin(rows: int, frauds: int) -> bool:
    """Whether so many training rows with so many frauds are too few to rely on."""
    return rows < ROWS_MIN or frauds < FRAUDS_MIN


def counts_of(texts: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> dict[str, tuple[int, int]]:
    """Rows and frauds by value; texts, labels: shape (n,)."""
    values, codes = np.unique(texts.astype(str), return_inverse=True)
    rows = np.bincount(codes, minlength=len(values)).tolist()
    frauds = np.bincount(codes, labels, minlength=len(values)).astype(int).tolist()
    return dict(zip(values.tolist(), zip(rows, frauds, strict=True), strict=True))


def thin_segments(checked: Checked) -> list[Thin]:
    """Thin values, in the order of divisions, the most frequent first."""
    first = checked.role == checked.role.min()
    found = []
    for division in DIVISIONS:
        if division not in checked.segments:
            continue
        counts = counts_of(checked.segments[division][first], checked.labels[first])
        population = _population(checked, division)
        for value in sorted(population, key=lambda each: (-population[each], each)):
            have, told = counts.get(value, (0, 0))
            if is_thin(have, told):
                found.append(
                    Thin(
                        division,
                        value,
                        population[value],
                        have,
                        told,
                        "rules",
                        f"{have:,} training rows with {told} frauds ({population[value]:,} events): rules decide here",
                        f"训练样本 {have:,} 行、欺诈 {told} 笔（总体 {population[value]:,}）：由规则决策",
                    )
                )
    return found


def _population(checked: Checked, division: str) -> dict[str, int]:
    if checked.population is not None:
        return {value: count for (of, value), count in checked.population.items() if of == division and count}
    values, counts = np.unique(checked.segments[division].astype(str), return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
