"""Segments too thin to rely on, and those of them that were not learned at all and are left to rules (ML-27).

A model cannot be measured where it saw next to nothing.  A value of a division that occurs in the population is *thin* when the
training rows hold fewer than FRAUDS_MIN frauds or fewer than ROWS_MIN rows of it, and *unlearned* when it lacks both: 200 rows
without a fraud bound the share of frauds to 1.5 % (95 %; Hanley and Lippman-Hand, JAMA, 1983), and ten frauds show what they
look like.  An unlearned kind or channel is left to rules.  Where frauds alone are few the model is asked: it knows what is
usual there, and what frauds look like elsewhere (figures: `docs/explanation/training-data.md`, "Thin places").
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.models.datasets.checks.findings import Checked, Thin
from tarim.models.divisions import ROUTED

FRAUDS_MIN: Final = 10
ROWS_MIN: Final = 200
DIVISIONS: Final = ("kind", "channel", "amount", "region", "source")


def is_thin(rows: int, frauds: int) -> bool:
    """Whether so many training rows with so many frauds are too few to rely on."""
    return rows < ROWS_MIN or frauds < FRAUDS_MIN


def is_unlearned(rows: int, frauds: int) -> bool:
    """Whether so many training rows with so many frauds say neither what is usual nor what frauds look like."""
    return rows < ROWS_MIN and frauds < FRAUDS_MIN


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
                found.append(_thin(division, value, population[value], have, told))
    return found


def _thin(division: str, value: str, population: int, rows: int, frauds: int) -> Thin:
    route, en, zh = (
        "model",
        "the model is asked, and cannot be measured by so few",
        "仍由模型评分，但样本过少，难以评估",
    )
    if division in ROUTED and is_unlearned(rows, frauds):
        route, en, zh = "rules", "rules decide here", "由规则决策"
    return Thin(
        division,
        value,
        population,
        rows,
        frauds,
        route,
        f"{rows:,} training rows with {frauds} frauds ({population:,} events): {en}",
        f"训练样本 {rows:,} 行、欺诈 {frauds} 笔（总体 {population:,}）：{zh}",
    )


def _population(checked: Checked, division: str) -> dict[str, int]:
    if checked.population is not None:
        return {value: count for (of, value), count in checked.population.items() if of == division and count}
    values, counts = np.unique(checked.segments[division].astype(str), return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
