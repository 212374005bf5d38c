"""The book's splits, what it tests on, and its measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.handbook.ledger import FIRST_DAY, Floats, Ints, Ledger


@dataclass(frozen=True)
class Split:
    """Days to train on and to test on, since 2018-04-01: [first, after)."""

    name: str
    train: tuple[int, int]
    test: tuple[int, int]


def day_of(text: str) -> int:
    """Days from 2018-04-01 to a date."""
    return int((np.datetime64(text) - FIRST_DAY).astype(int))


SPLIT_A = Split("A", (day_of("2018-07-25"), day_of("2018-08-01")), (day_of("2018-08-08"), day_of("2018-08-15")))
"""Chapter 3: a week to train on, a week's delay, a week to test on."""

PREQUENTIAL = tuple(
    Split(
        f"week {week + 1}",
        (SPLIT_A.train[0] + 7 * week, SPLIT_A.train[1] + 7 * week),
        (SPLIT_A.test[0] + 7 * week, SPLIT_A.test[1] + 7 * week),
    )
    for week in range(4)
)
"""Chapters 5 to 7: the mean over four such weeks, tests from 2018-08-08 to 2018-09-04."""

VALIDATION = tuple(
    Split(
        f"validation {week}",
        (SPLIT_A.train[0] - 7 * (week + 1), SPLIT_A.train[1] - 7 * (week + 1)),
        (SPLIT_A.test[0] - 7 * (week + 1), SPLIT_A.test[1] - 7 * (week + 1)),
    )
    for week in range(1, 5)
)
"""Chapter 5's folds to choose by: tested from 2018-07-04 to 2018-07-31, before any week that counts, labels known by then."""

SPLIT_LONG = Split("long", (day_of("2018-04-08"), day_of("2018-08-01")), SPLIT_A.test)
"""All that is labelled before the test week, from the first day whose terminal windows are not empty by construction."""


def parts(ledger: Ledger, split: Split) -> tuple[Ints, Ints]:
    """Row numbers to train on and to test on, as the book chooses them.

    Tested are only cards not known as defrauded: without frauds in the training days, and for test day d without frauds
    on the days up to that of the training's end + d - 1 (the book's own code leaves out the day that becomes known
    during day d itself).
    """
    train = np.flatnonzero((ledger.day >= split.train[0]) & (ledger.day < split.train[1]))
    known = np.zeros(int(ledger.customer.max()) + 1, bool)
    # The book looks at the training week; with a longer training a card defrauded long ago would never be tested.
    first_known = split.train[1] - 7
    recent = (ledger.day >= first_known) & (ledger.day < split.train[1]) & ledger.fraud
    known[ledger.customer[recent]] = True
    tests = []
    for offset in range(split.test[1] - split.test[0]):
        known[ledger.customer[(ledger.day == split.train[1] + offset - 1) & ledger.fraud]] = True
        today = np.flatnonzero(ledger.day == split.test[0] + offset)
        tests.append(today[~known[ledger.customer[today]]])
    return train, np.concatenate(tests)


@dataclass(frozen=True)
class Measures:
    """How good scores are on the tested rows."""

    auc: float
    average_precision: float
    card_precision_100: float


def card_precision(scores: Floats, ledger: Ledger, tested: Ints, top: int = 100) -> float:
    """Mean over days of the share of defrauded cards among the day's `top` highest-scored cards.

    A card's score is its highest of the day; a card that was detected (among the top and defrauded) is not looked at on
    later days.
    """
    detected = np.zeros(int(ledger.customer.max()) + 1, bool)
    precisions = []
    for day in np.unique(ledger.day[tested]):
        today = (ledger.day[tested] == day) & ~detected[ledger.customer[tested]]
        cards, where = np.unique(ledger.customer[tested][today], return_inverse=True)
        highest, defrauded = np.full(len(cards), -np.inf), np.zeros(len(cards), bool)
        np.maximum.at(highest, where, scores[today])
        np.logical_or.at(defrauded, where, ledger.fraud[tested][today])
        best = np.argsort(-highest, kind="stable")[:top]
        precisions.append(defrauded[best].sum() / top)
        detected[cards[best[defrauded[best]]]] = True
    return float(np.mean(precisions))


def measure(scores: Floats, ledger: Ledger, tested: Ints) -> Measures:
    """AUC, average precision and card precision at 100."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    truth = ledger.fraud[tested]
    return Measures(
        float(roc_auc_score(truth, scores)),
        float(average_precision_score(truth, scores)),
        card_precision(scores, ledger, tested),
    )
