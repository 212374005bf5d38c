"""Judging a joint training: figures of one model, importance of columns, cross-validation over folds and seeds.

Opened, to whom the contract says: a curve of counts for each judgement (`learning.evaluation`), of trees each column's share of
all gain (`learning.column_gains`), and nothing else.  Figures follow from the curves.  The importance of a column is what the
area under the curve loses when the column's values are dealt out anew among the judged rows (Breiman, "Random Forests", 2001,
section 10); the column's owner alone knows how they were dealt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.federation.learning.column_gains import shares_of_gain
from tarim.federation.learning.evaluation import Curve, curve
from tarim.federation.node.terms import CrossTerms, Output
from tarim.federation.node.trainings import JointTraining, Side, Trees
from tarim.federation.session import Role, Session

LIFT_SHARE: Final = 0.1
SHUFFLED_ROWS_MAX: Final = 10_000
"""Rows that importance is measured on."""

Places = npt.NDArray[np.int64]
Progress = Callable[[str, int, int], None]


def judged_curve(
    session: Session, side: Side, training: JointTraining, model: Any, judged: Places, what: Output,
    shuffled: int | None = None,
) -> Curve | None:  # fmt: skip
    """The curve of a model on some rows, at whoever is to learn it."""
    scores = training.scores(session, model, judged, shuffled)
    return curve(session, scores, side.labels_of(judged), side.contract.opened_to(what), what.value)


def figures_of(found: Curve | None) -> dict[str, float]:
    """Figures of a curve; none where it was not opened."""
    if found is None:
        return {}
    return {
        "auc": round(found.auc, 4),
        "gini": round(found.gini, 4),
        "ks": round(found.ks, 4),
        "lift_of_top_tenth": round(found.lift(LIFT_SHARE), 3),
        "judged_events": float(found.events.sum()),
    }


def importances(
    session: Session, side: Side, training: JointTraining, model: Any, judged: Places, progress: Progress
) -> dict[str, float]:
    """What the area under the curve loses without each column of either party, at whoever is to learn it."""
    rows = judged[:SHUFFLED_ROWS_MAX]
    columns = [(role, place) for role in Role for place in range(len(side.contract.data(role).features))]
    whole = judged_curve(session, side, training, model, rows, Output.IMPORTANCE)
    found = {}
    names = _column_names(side)
    for done, (role, place) in enumerate(columns):
        shuffled = place if role is side.role else None
        less = judged_curve(session, side, training, model, rows, Output.IMPORTANCE, shuffled)
        progress("importance", done + 1, len(columns))
        if whole is not None and less is not None:
            found[f"importance {names[done]}"] = round(whole.auc - less.auc, 4)
    return found


def shares_gained(session: Session, side: Side, model: Trees) -> dict[str, float]:
    """Each column's share of what all splits of the trees gained, at whoever is to learn it."""
    names = _column_names(side)
    gained = np.sum([np.zeros(len(names), np.uint64), *(tree.gained for tree in model.trees.trees)], axis=0)
    told = shares_of_gain(session, gained, side.contract.opened_to(Output.GAIN), Output.GAIN.value)
    if told is None:
        return {}
    return {f"gain {name}": round(each, 4) for name, each in zip(names, told.tolist(), strict=True)}


def _column_names(side: Side) -> list[str]:
    """Of the first party's columns, then the second's, each with its party's name."""
    contract = side.contract
    return [f"{contract.member(role).name}.{name}" for role in Role for name in contract.data(role).features]


def cross_validated(
    session: Session, side: Side, training: JointTraining, terms: CrossTerms, progress: Progress
) -> dict[str, float]:
    """Figures of every fold under every seed, with their mean and spread; each row is judged once a seed."""
    found: dict[str, float] = {}
    done, fits = 0, len(terms.seeds) * terms.folds
    for seed in terms.seeds:
        order = np.random.default_rng(seed).permutation(len(side.places))
        for number, judged in enumerate(np.array_split(order, terms.folds), 1):
            rest = np.setdiff1d(order, judged)
            rest = rest[np.random.default_rng([seed, number]).permutation(len(rest))]
            model = training.fit(session, rest, lambda _done, _all: None, lambda _state: None, None)
            figures = figures_of(judged_curve(session, side, training, model, judged, Output.CURVE))
            found |= {
                f"seed {seed} fold {number} {name}": each for name, each in figures.items() if name in ("auc", "ks")
            }
            done += 1
            progress("cross-validation", done, fits)
    for name in ("auc", "ks"):
        values = [value for key, value in found.items() if key.endswith(f" {name}")]
        if values:
            found |= {
                f"{name} mean": round(float(np.mean(values)), 4),
                f"{name} spread": round(float(np.std(values)), 4),
            }
    return found
