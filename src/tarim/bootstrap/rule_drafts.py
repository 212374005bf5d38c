"""Rules read off a tree, as a draft in the rule language: a start for an analyst, in force nowhere (ML-14)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from tarim.models import meaning
from tarim.models.lab import Bound, Candidate
from tarim.rules import (
    REASON_CHARS_MAX,
    NameNote,
    check_ruleset,
    explain_names,
    format_expression,
    format_ruleset,
    parse_expression,
)
from tarim.stream import FeatureSet

SCENARIO: Final = "tree_candidate"
PARTS: Final = (("training", "训练"), ("validation", "验证"), ("test", "测试"))
_HEAD: Final = """# Candidate rules, read off a decision tree over training set {dataset}, {rows:,} rows.
# A draft: judge each, name its scenario and outcome, and measure it with `tarim backtest` before you propose it.
# Found on the training part, chosen by the validation part.  A rule holds for every event; the set may hold some kinds only.
# 由决策树在训练集上得出的候选规则，仅为草稿：逐条评审，确定场景与处置，并经回测后再提交。
# 规则适用于全部事件，训练集可能只含部分种类或渠道。

name = "tree-candidates"
"""


def draft_of(candidates: Sequence[Candidate], features: FeatureSet, dataset: str, rows: int) -> str:
    """The draft's text, checked and formatted.  candidates: over features of this set; dataset: its digest."""
    notes = {note.name: note for note in explain_names(features.names)}
    said = {feature.name: meaning(feature) for feature in features.features}
    pieces = [_HEAD.format(dataset=dataset[:16], rows=rows)]
    for number, candidate in enumerate(candidates, 1):
        conditions = [_condition(bound, notes[bound.feature]) for bound in candidate.bounds]
        bounds = [(bound, notes[bound.feature]) for bound in candidate.bounds]
        zh = _joined("；", "等", [_told(said[bound.feature].zh, "或缺失", bound, note) for bound, note in bounds])
        en = _joined(
            "; ", " and more", [_told(said[bound.feature].en, "or missing", bound, note) for bound, note in bounds]
        )
        measures = [f"# {_measure(candidate, part, title)}" for part, title in PARTS]
        fields = {"outcome": "notice", "weight": 10, "scenario": SCENARIO, "reason": zh, "reason_en": en}
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items()]
        pieces.append(
            "\n".join(
                [*measures, "[[rule]]", f'id = "tree_{number}"', f"when = '{' and '.join(conditions)}'", *lines, ""]
            )
        )
    text = format_ruleset("\n".join(pieces))
    check_ruleset(text, features.names)
    return text


def _condition(bound: Bound, note: NameNote) -> str:
    """The bound in the rule language, ready to stand beside others."""
    relation = _relation(bound, note)
    if math.isinf(bound.threshold):
        return relation
    return f"({relation} or {bound.feature} is missing)" if bound.missing else relation


def _relation(bound: Bound, note: NameNote) -> str:
    if math.isinf(bound.threshold):
        return f"{bound.feature} is {'' if bound.missing else 'not '}missing"
    if note.stands_alone and 0 <= bound.threshold < 1:
        return f"{bound.feature} == {int(bound.above)}"
    number = np.format_float_positional(bound.threshold, trim="-")
    return f"{bound.feature} {'>' if bound.above else '<='} {number}{f' {note.unit}' if note.unit else ''}"


def _told(words: str, or_missing: str, bound: Bound, note: NameNote) -> str:
    canonical = format_expression(parse_expression(_relation(bound, note)))
    return (
        words
        + canonical.removeprefix(bound.feature)
        + (f" {or_missing}" if bound.missing and math.isfinite(bound.threshold) else "")
    )


def _joined(between: str, more: str, parts: Iterable[str]) -> str:
    """The parts, as many as a rule's reason has room for."""
    told = ""
    for part in parts:
        longer = f"{told}{between}{part}" if told else part
        if len(longer) > REASON_CHARS_MAX - len(more):
            return (told or part[: REASON_CHARS_MAX - len(more)]) + more
        told = longer
    return told


def _measure(candidate: Candidate, part: str, title: str) -> str:
    found = candidate.measured[part]
    return (
        f"{part} {title}: precision 精确率 {found.precision:.3f}, recall 召回率 {found.recall:.3f}, "
        f"{found.named:,} named 命中, {found.caught} of {found.frauds} frauds 欺诈"
    )
