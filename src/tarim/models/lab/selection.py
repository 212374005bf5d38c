"""Which features to learn from, and why: information value, correlation, variance inflation, distribution, a written reason.

Every feature of a run has a reason in both languages, made from its figures, with place for a person's own words (ML-10, AS-07
to AS-09).  Features that are left out have one too.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from tarim.base.errors import DefinitionError
from tarim.models.lab.binning import MEDIUM_IV, STRONG_IV, SUSPECT_IV, WEAK_IV, Bins, cut
from tarim.models.lab.plan import Plan
from tarim.models.lab.samples import Floats, Rows, Samples

CORRELATION_ROWS_MAX: Final = 20_000
_STRENGTHS: Final = (
    (STRONG_IV, "strong", "强"),
    (MEDIUM_IV, "medium", "中"),
    (WEAK_IV, "weak", "弱"),
    (-1.0, "none on its own", "单独无区分力"),
)


class FeatureNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a feature of a run.

    low, median, high: the 1st, 50th and 99th percentile of the training rows; missing, outliers: shares of them, an outlier
    being beyond three interquartile ranges outside the quartiles.  correlation: the strongest (of ranks), with `correlated`.
    vif: variance inflation, None when other features determine it.  gain: share; permutation: fall in average precision on the
    test rows; both None where the feature was left out.  edges, woe, bin_rows, bin_frauds: its bins, that of missing values
    last.
    """

    name: str
    chosen: bool
    reason_en: str
    reason_zh: str
    words: str
    iv: float
    missing: float
    outliers: float
    low: float | None
    median: float | None
    high: float | None
    correlation: float
    correlated: str
    vif: float | None
    gain: float | None
    permutation: float | None
    edges: tuple[float, ...]
    woe: tuple[float, ...]
    bin_rows: tuple[int, ...]
    bin_frauds: tuple[int, ...]


def look(samples: Samples, rows: Rows, plan: Plan) -> list[FeatureNote]:
    """A note a feature, chosen or not, from the training rows alone; importance is filled in by `weigh`.

    Raises DefinitionError when the plan names a feature that is not there, or when nothing is left.
    """
    wanted = plan.features or samples.names
    unknown = sorted(({*wanted} | {*plan.words}) - set(samples.names))
    if unknown:
        raise DefinitionError(f"the plan names a feature that the dataset does not have: {unknown[0][:64]!r}")
    table, labels = samples.features[rows], samples.labels[rows]
    bins = {name: cut(table[:, column], labels) for column, name in enumerate(samples.names)}
    correlations = _correlations(table, np.random.default_rng(plan.seed))
    np.fill_diagonal(correlations, 0.0)
    inflation = _inflation(table)
    left_out = _left_out(samples.names, wanted, bins, correlations, plan)
    if len(left_out) == len(samples.names):
        raise DefinitionError("the plan leaves out every feature: lower iv_min, or raise correlation_max")
    notes = []
    for column, name in enumerate(samples.names):
        nearest = int(np.abs(correlations[column]).argmax())
        strongest = float(correlations[column, nearest])
        missing, outliers, low, median, high = _distribution(table[:, column])
        own = bins[name]
        reason_en, reason_zh = left_out.get(name, ("", ""))
        notes.append(
            FeatureNote(
                name,
                name not in left_out,
                reason_en,
                reason_zh,
                plan.words.get(name, ""),
                own.iv,
                missing,
                outliers,
                low,
                median,
                high,
                strongest,
                samples.names[nearest] if strongest else "",
                inflation[column],
                None,
                None,
                tuple(own.edges.tolist()),
                tuple(own.woe.tolist()),
                tuple((own.frauds + own.genuine).tolist()),
                tuple(own.frauds.tolist()),
            )
        )
    return notes


def weigh(notes: list[FeatureNote], gains: dict[str, float], falls: dict[str, float]) -> list[FeatureNote]:
    """The notes with importance, and with the reasons of the chosen written."""
    ranked = sorted(gains, key=lambda name: -gains[name])
    found = []
    for note in notes:
        if not note.chosen:
            found.append(note)
            continue
        english, chinese = _strength(note.iv)
        gain, fall, rank = gains[note.name], falls[note.name], ranked.index(note.name) + 1
        reason_en = f"information value {note.iv:.3f} ({english}); "
        reason_zh = f"信息值 {note.iv:.3f}（{chinese}）；"
        if gain > 0:
            reason_en += f"{gain:.1%} of the model's gain, place {rank} of {len(ranked)}"
            reason_zh += f"占模型增益 {gain:.1%}，排名 {rank}/{len(ranked)}"
        else:
            reason_en += "offered, and the model found no use for it"
            reason_zh += "已提供，模型未使用"
        if fall > 0:
            reason_en += f"; without it average precision falls by {fall:.4f}"
            reason_zh += f"；打乱后平均精确率下降 {fall:.4f}"
        if note.iv > SUSPECT_IV:
            reason_en += "; strong enough to ask whether it knows the future"
            reason_zh += "；信息值偏高，须核查是否泄露未来信息"
        found.append(
            msgspec.structs.replace(note, gain=gain, permutation=fall, reason_en=reason_en, reason_zh=reason_zh)
        )
    return found


def _strength(iv: float) -> tuple[str, str]:
    return next((english, chinese) for least, english, chinese in _STRENGTHS if iv >= least)


def _left_out(
    names: tuple[str, ...], wanted: tuple[str, ...], bins: dict[str, Bins], correlations: Floats, plan: Plan
) -> dict[str, tuple[str, str]]:
    """The features that are not learned from, with the reason; of a correlated pair the one with less information goes."""
    found: dict[str, tuple[str, str]] = {}
    for name in names:
        iv = bins[name].iv
        if name not in wanted:
            found[name] = ("not asked for by the plan", "训练方案未选用")
        elif iv < plan.iv_min:
            found[name] = (
                f"information value {iv:.4f} is below {plan.iv_min:g}",
                f"信息值 {iv:.4f} 低于 {plan.iv_min:g}",
            )
    if plan.correlation_max < 1:
        kept: list[int] = []
        for column in sorted(range(len(names)), key=lambda k: (-bins[names[k]].iv, k)):
            if names[column] in found:
                continue
            twin = next((k for k in kept if abs(correlations[column, k]) > plan.correlation_max), None)
            if twin is None:
                kept.append(column)
            else:
                strength = correlations[column, twin]
                found[names[column]] = (
                    f"correlated {strength:+.3f} with {names[twin]}, which has more information",
                    f"与 {names[twin]} 相关系数 {strength:+.3f}，后者信息值更高",
                )
    return found


def _distribution(values: Floats) -> tuple[float, float, float | None, float | None, float | None]:
    """Shares of missing values and of outliers; 1st, 50th and 99th percentile."""
    known = values[np.isfinite(values)]
    missing = float(np.isnan(values).mean())
    if not len(known):
        return missing, 0.0, None, None, None
    low, first, median, third, high = np.percentile(known, [1, 25, 50, 75, 99]).tolist()
    reach = 3 * (third - first)
    outliers = float(((known < first - reach) | (known > third + reach)).mean()) if reach else 0.0
    return missing, outliers, low, median, high


def _correlations(table: Floats, rng: np.random.Generator) -> Floats:
    """Spearman's correlation of every two features over at most CORRELATION_ROWS_MAX rows; missing ranks in the middle."""
    rows = np.sort(rng.permutation(len(table))[:CORRELATION_ROWS_MAX])
    ranks = np.column_stack([_ranks(column) for column in table[rows].T])
    spread = ranks.std(axis=0)
    centred = (ranks - ranks.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return np.asarray(centred.T @ centred / len(rows), np.float64)


def _ranks(values: Floats) -> Floats:
    """Mean ranks in (0, 1); 0.5 for missing values."""
    known = ~np.isnan(values)
    found = np.full(len(values), 0.5)
    if known.any():
        _, place, counts = np.unique(values[known], return_inverse=True, return_counts=True)
        found[known] = (np.cumsum(counts) - (counts - 1) / 2)[place] / (known.sum() + 1)
    return found


def _inflation(table: Floats) -> list[float | None]:
    """Variance inflation: 1 / (1 - R^2) of each feature's regression on the others, by the inverse of their correlations.

    Over signed logarithms, missing values at the mean.  None where the others determine a feature (R^2 above 1 - 1e-9), and
    where it never changes.
    """
    x = np.where(np.isfinite(table), np.copysign(np.log1p(np.abs(table)), table), np.nan)
    known = ~np.isnan(x)
    means = np.where(known, x, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, x - means, 0.0)
    spread = centred.std(axis=0)
    moving = np.flatnonzero(spread > 0)
    found: list[float | None] = [None] * table.shape[1]
    if not len(moving):
        return found
    scaled = centred[:, moving] / spread[moving]
    correlations = scaled.T @ scaled / len(table)
    diagonal = np.diag(np.linalg.inv(correlations + 1e-10 * np.eye(len(moving))))
    for column, value in zip(moving.tolist(), diagonal.tolist(), strict=True):
        found[column] = max(1.0, value) if 0 < value < 1e9 else None
    return found
