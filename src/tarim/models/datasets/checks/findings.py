"""What a check finds, and the report that is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.canonical import canonical_json

FORMAT: Final = "tarim.dataset-check/1"
SEQS_NAMED_MAX: Final = 200
"""Events named by one finding; `count` has them all."""
FINDINGS_MAX: Final = 500
"""Findings of one check; what is left out is counted."""

Words = npt.NDArray[np.int64]


class Weight(StrEnum):
    """How much a finding matters."""

    ALARM = "alarm"
    """Speaks against learning from this set before somebody has looked."""
    NOTICE = "notice"
    """Worth a look."""


class Finding(msgspec.Struct, frozen=True):
    """One thing found.

    check: completeness, ranges, outliers, duplicates, degenerate, leaks, labels, flips, baits or sources.  subject: the
    feature, division or cluster.  figures: what was measured.  count: rows it is about; seqs: positions of the first of them.
    """

    check: str
    weight: Weight
    subject: str
    figures: dict[str, float]
    count: int
    seqs: list[int]
    text_en: str
    text_zh: str


class Thin(msgspec.Struct, frozen=True):
    """A segment too thin to rely on.  route: `rules` where a plan that says nothing else leaves it to rules, else `model`."""

    division: str
    value: str
    population: int
    rows: int
    frauds: int
    route: str
    text_en: str
    text_zh: str


class SourceFigures(msgspec.Struct, frozen=True):
    """What one source or channel says, beside what its rows look like.

    frauds: labelled; expected: by scores that never saw the row.  plain: rows that look the most genuine; plain_frauds: of
    them labelled fraud.
    """

    division: str
    value: str
    rows: int
    frauds: int
    expected: float
    plain: int
    plain_frauds: int


class CheckReport(msgspec.Struct, frozen=True):
    """A report on one training set: a function of the set and the seed.

    rows, frauds: of the set; judged: rows that the cross-fitted scores are about.  auc: of these scores, None when they were
    not made.  left_out: findings beyond FINDINGS_MAX, by check.
    """

    format: str
    dataset: str
    seed: int
    rows: int
    frauds: int
    judged: int
    auc: float | None
    findings: list[Finding]
    thin: list[Thin]
    sources: list[SourceFigures]
    left_out: dict[str, int]

    @property
    def alarms(self) -> list[Finding]:
        """What speaks against learning from the set."""
        return [each for each in self.findings if each.weight is Weight.ALARM]

    @property
    def content(self) -> bytes:
        """The report as canonical JSON."""
        return canonical_json(self) + b"\n"

    def text(self) -> str:
        """The report for people, in both languages."""
        alarms = len(self.alarms)
        lines = [
            f"{self.dataset[:16]}: {self.rows:,} rows 行, {self.frauds:,} frauds 欺诈; {alarms} alarms 警报, "
            f"{len(self.findings) - alarms} notices 提示, {len(self.thin)} thin segments 样本稀薄"
        ]
        if self.auc is None:
            lines.append("  labels could not be judged: too few frauds. 欺诈样本过少，无法评判标签。")
        else:
            lines.append(f"  cross-fitted AUC 交叉拟合 AUC: {self.auc:.3f} ({self.judged:,} rows 行)")
        for each in sorted(self.findings, key=lambda found: found.weight is not Weight.ALARM):
            lines.append(f"{each.weight.value.upper()} {each.check}: {each.subject}: {each.text_en} | {each.text_zh}")
            if each.seqs:
                shown = ", ".join(str(seq) for seq in each.seqs[:10])
                lines.append(f"    events 事件: {shown}" + (", ..." if each.count > 10 else ""))
        lines += [f"NOTICE {check}: {count} more findings 另有发现" for check, count in sorted(self.left_out.items())]
        lines += [f"THIN {each.division}={each.value}: {each.text_en} | {each.text_zh}" for each in self.thin]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Checked:
    """The rows that are checked, n in the journal's order.

    features: float64 (n, F), NaN missing.  labels: 1 fraud, 0 genuine.  weight: events a row stands for.  known_ms: when the
    label was known.  role: place in time, 0 the earliest.  segments: text of each row by division.  population: events by
    (division, value); None when only the rows are known.
    """

    names: tuple[str, ...]
    features: npt.NDArray[np.float64]
    labels: Words
    weight: npt.NDArray[np.float64]
    occurred_ms: Words
    known_ms: Words
    customer: Words
    seq: Words
    role: Words
    segments: dict[str, npt.NDArray[np.object_]]
    population: dict[tuple[str, str], int] | None = None

    def __len__(self) -> int:
        return len(self.labels)


def named(checked: Checked, rows: npt.NDArray[np.integer] | Sequence[int]) -> list[int]:
    """Positions of the first rows, ascending."""
    at = np.sort(np.asarray(rows, np.int64))[:SEQS_NAMED_MAX]
    return [int(seq) for seq in checked.seq[at]]
