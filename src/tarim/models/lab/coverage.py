"""Segments that a run learned too little of, and what follows: the model is not asked there, rules alone decide (ML-27).

Thin and unlearned are what the check of the training set calls so, counted over the rows that the run really learned from.  Of
the plan's divisions in `rules_only` every value is looked at, one that never occurs too: of what it never saw a model knows
nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec
import numpy as np

from tarim.base.errors import InputError
from tarim.models.datasets.checks.coverage import DIVISIONS, counts_of, is_thin, is_unlearned
from tarim.models.divisions import VALUES
from tarim.models.lab.plan import Plan
from tarim.models.lab.samples import Samples
from tarim.models.lab.split import Split, require_both
from tarim.models.rules_only import RulesOnly, Segment

LISTED_MAX: Final = 500


class Coverage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run found thin.

    rules_only: left to rules, and so written into the model's file.  thin: thin as well, but the model is asked.
    validation_rows, validation_frauds, test_rows, test_frauds: left to rules in these parts, and so in no figure.
    """

    rules_only: tuple[Segment, ...]
    thin: tuple[Segment, ...]
    validation_rows: int
    validation_frauds: int
    test_rows: int
    test_frauds: int


def look_at_coverage(samples: Samples, split: Split, plan: Plan) -> tuple[Split, Coverage]:
    """The split without the rows on which the model will not be asked, and what was found thin.

    Training keeps its rows: what is said there is not in vain elsewhere.  Raises InputError when too little is left to choose
    or to measure on.
    """
    left: list[Segment] = []
    others: list[Segment] = []
    for division in DIVISIONS:
        if division not in samples.segments:
            continue
        counts = counts_of(samples.segments[division][split.training], samples.labels[split.training])
        routed = division in plan.rules_only
        occurring = VALUES[division] if routed else np.unique(samples.segments[division].astype(str)).tolist()
        for each in (Segment(division, value, *counts.get(value, (0, 0))) for value in occurring):
            if routed and is_unlearned(each.rows, each.frauds):
                left.append(each)
            elif is_thin(each.rows, each.frauds):
                others.append(each)
    rules_only = RulesOnly(tuple(left))
    kept = asked(samples, split, rules_only)
    gone = [np.setdiff1d(whole, part) for whole, part in ((split.validation, kept.validation), (split.test, kept.test))]
    figures = [(len(rows), int(samples.labels[rows].sum())) for rows in gone]
    return kept, Coverage(rules_only.segments, tuple(others[:LISTED_MAX]), *figures[0], *figures[1])


def asked(samples: Samples, split: Split, rules_only: RulesOnly) -> Split:
    """A split whose validation and test parts hold only what the model is asked about.

    Raises InputError when too little is left.
    """
    if not rules_only:
        return split
    covered = rules_only.covers(samples.segments, len(samples))

    parts = [rows[~covered[rows]] for rows in (split.validation, split.test)]
    try:
        for name, rows in zip(("validation", "test"), parts, strict=True):
            require_both(samples.labels[rows], name)
    except InputError as error:
        raise InputError(
            f"less the {len(rules_only.segments)} segments that are left to rules, {error.detail}, or leave fewer divisions to "
            "rules: rules_only in the plan"
        ) from None
    return replace(split, validation=parts[0], test=parts[1])
