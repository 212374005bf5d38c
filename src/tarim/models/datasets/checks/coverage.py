"""Segments too thin to learn from, routed to rules (ML-27).

A model cannot be relied on where it saw next to nothing.  A value of a division that occurs in the population is thin when the
training rows hold fewer than FRAUDS_MIN frauds or fewer than ROWS_MIN rows of it.  Ten events of the rarer kind for each
number that is estimated is the least that is commonly asked for (Peduzzi and others, Journal of Clinical Epidemiology, 1996);
a segment that has not even ten has none to spare for one.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tarim.models.datasets.checks.findings import Checked, Thin

FRAUDS_MIN: Final = 10
ROWS_MIN: Final = 200
DIVISIONS: Final = ("kind", "channel", "amount", "region", "source")


def thin_segments(checked: Checked) -> list[Thin]:
    """Thin values, in the order of divisions, the most frequent first."""
    first = checked.role == checked.role.min()
    found = []
    for division in DIVISIONS:
        if division not in checked.segments:
            continue
        texts = checked.segments[division][first].astype(str)
        values, codes = np.unique(texts, return_inverse=True)
        rows = dict(zip(values.tolist(), np.bincount(codes, minlength=len(values)).tolist(), strict=True))
        frauds_of = np.bincount(codes, checked.labels[first], minlength=len(values))
        frauds = dict(zip(values.tolist(), frauds_of.astype(int).tolist(), strict=True))
        population = _population(checked, division)
        for value in sorted(population, key=lambda each: (-population[each], each)):
            have, told = rows.get(value, 0), frauds.get(value, 0)
            if have < ROWS_MIN or told < FRAUDS_MIN:
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
