"""Parts of the data in the order of time, so that nothing is learned that was not known yet.

Whoever trains at the instant T has the events before T whose labels were known by then; the model is then used on events from T
on.  So a part is followed by the next at an instant, and rows whose label came later than that are left out of the
earlier part: after a label delay of a week, the last week before T is missing from training, as it is in life.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from tarim.base.errors import InputError
from tarim.models.lab.samples import ROLES, Ints, Rows, Samples

FRAUDS_MIN: Final = 5
"""Of each part; fewer say nothing."""


@dataclass(frozen=True, slots=True)
class Split:
    """Row numbers by part.  `unripe` counts rows left out because their labels came too late."""

    training: Rows
    validation: Rows
    test: Rows
    unripe: int
    validation_from_ms: int
    test_from_ms: int


def split_by_time(samples: Samples, validation_share: float, test_share: float) -> Split:
    """Training, validation and test: by the dataset's roles where it has a test or trial role, else by shares of the events.

    Without rows for validation the latest `validation_share` of the training rows are taken.

    Raises InputError when the roles are not in the order of time, or when a part has fewer than FRAUDS_MIN frauds.
    """
    occurred, known = samples.occurred_ms, samples.known_ms
    texts = samples.role.astype(str)
    roles = set(np.unique(texts).tolist())
    if roles & {"test", "trial"}:
        training, validation, test = (np.flatnonzero(texts == role) for role in ROLES[:3])
        if not len(test):
            test = np.flatnonzero(texts == "trial")
        if not len(training):
            raise InputError("the dataset has no rows for training")
        if not len(validation):
            ordered = np.sort(occurred[training])
            begin = ordered[min(len(ordered) - 1, int(len(ordered) * (1 - validation_share)))]
            validation, training = training[occurred[training] >= begin], training[occurred[training] < begin]
        first_validation, first_test = int(occurred[validation].min()), int(occurred[test].min())
        if not occurred[training].max(initial=-1) < first_validation <= occurred[validation].max() < first_test:
            raise InputError("the dataset's training, validation and test rows are not one after the other in time")
    else:
        ordered = np.sort(occurred)
        first_test = int(ordered[min(len(ordered) - 1, int(len(ordered) * (1 - test_share)))])
        first_validation = int(ordered[int(len(ordered) * (1 - test_share - validation_share))])
        training = np.flatnonzero(occurred < first_validation)
        validation = np.flatnonzero((occurred >= first_validation) & (occurred < first_test))
        test = np.flatnonzero(occurred >= first_test)
    ripe_training = training[known[training] <= first_validation]
    ripe_validation = validation[known[validation] <= first_test]
    unripe = len(training) - len(ripe_training) + len(validation) - len(ripe_validation)
    split = Split(ripe_training, ripe_validation, test, unripe, first_validation, first_test)
    for name, part in (("training", split.training), ("validation", split.validation), ("test", split.test)):
        require_both(samples.labels[part], name)
    return split


def folds(samples: Samples, rows: Rows, count: int) -> Iterator[tuple[Rows, Rows]]:
    """`count` folds over `rows` going forward in time: learn from all that was known by an instant, test on what follows it.

    Folds without FRAUDS_MIN frauds on either side are passed over.
    """
    occurred, known = samples.occurred_ms[rows], samples.known_ms[rows]
    cuts = np.quantile(occurred, np.arange(1, count + 1) / (count + 1), method="inverted_cdf")
    ends = np.append(cuts[1:], np.iinfo(np.int64).max)
    for begin, end in zip(cuts, ends, strict=True):
        learned = rows[known <= begin]
        tested = rows[(occurred >= begin) & (occurred < end)]
        if _both(samples.labels[learned]) and _both(samples.labels[tested]):
            yield learned, tested


def _both(labels: Ints) -> bool:
    frauds = int(labels.sum())
    return FRAUDS_MIN <= frauds <= len(labels) - FRAUDS_MIN


def require_both(labels: Ints, part: str) -> None:
    """Nothing for a part that has enough of both labels.  Raises InputError naming the part."""
    if not _both(labels):
        raise InputError(
            f"the {part} part has {int(labels.sum())} frauds among {len(labels)} rows whose labels were known in time; "
            f"at least {FRAUDS_MIN} frauds and genuine events are needed: take a longer span, or another split"
        )
