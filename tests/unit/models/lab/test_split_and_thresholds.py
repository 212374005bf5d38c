"""Parts in the order of time, and thresholds by cost and capacity."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tarim.base.errors import InputError
from tarim.models.lab.split import folds, split_by_time
from tarim.models.lab.thresholds import by_capacity, by_cost
from tests.fakes.samples import DAY_MS, make_samples


def test_nothing_is_learned_that_was_not_known_when_the_next_part_began():
    samples = make_samples()
    split = split_by_time(samples, 0.2, 0.2)
    assert samples.known_ms[split.training].max() <= split.validation_from_ms
    assert samples.known_ms[split.validation].max() <= split.test_from_ms <= samples.occurred_ms[split.test].min()
    assert samples.occurred_ms[split.validation].min() >= split.validation_from_ms
    left_out = len(samples) - len(split.training) - len(split.validation) - len(split.test)
    assert left_out == split.unripe > 0
    assert split_by_time(make_samples(delay_days=0), 0.2, 0.2).unripe == 0


def test_roles_of_the_dataset_are_kept():
    samples = make_samples(roles=True)
    split = split_by_time(samples, 0.5, 0.4)
    assert set(samples.role[split.test]) == {"test"} and len(split.test) == (samples.role == "test").sum()
    only_two = dataclasses.replace(samples, role=np.where(samples.role == "validation", "training", samples.role))
    carved = split_by_time(only_two, 0.25, 0.2)
    assert len(carved.validation) and samples.occurred_ms[carved.training].max() < carved.validation_from_ms


def test_roles_out_of_order_and_parts_without_fraud_are_refused():
    samples = make_samples(roles=True)
    mixed = dataclasses.replace(samples, role=samples.role[::-1])
    with pytest.raises(InputError, match="one after the other in time"):
        split_by_time(mixed, 0.2, 0.2)
    quiet = dataclasses.replace(samples, labels=np.where(samples.role == "test", 0, samples.labels))
    with pytest.raises(InputError, match="the test part has 0 frauds"):
        split_by_time(quiet, 0.2, 0.2)


def test_folds_go_forward_and_wait_for_labels():
    samples = make_samples()
    rows = np.arange(len(samples))
    found = list(folds(samples, rows, 4))
    assert len(found) == 4
    for learned, tested in found:
        assert samples.known_ms[learned].max() <= samples.occurred_ms[tested].min()
    tested = np.concatenate([tested for _, tested in found])
    assert len(np.unique(tested)) == len(tested)


def test_the_cheapest_threshold_is_found_by_trying_all():
    rng = np.random.default_rng(2)
    scores = np.round(rng.random(400), 2)
    labels = (rng.random(400) < scores / 3).astype(np.int64)
    amounts = rng.integers(100, 100_000, 400)
    found = by_cost(scores, labels, amounts, 4.0, 5_000)
    costs = {}
    for threshold in [*np.unique(scores), 2.0]:
        alert = scores >= threshold
        costs[threshold] = amounts[(labels == 1) & ~alert].sum() + 5_000 * alert.sum()
    assert found.missed_fen + found.review_fen == min(costs.values())
    alert = scores >= found.score
    assert found.alerts == alert.sum() and found.frauds_caught == labels[alert].sum()
    assert by_cost(scores, labels, amounts, 4.0, 10**9).alerts == 0
    assert by_cost(scores, labels, amounts, 4.0, 1).frauds_caught == labels.sum()


@pytest.mark.parametrize("per_day", [1, 7, 50, 10_000])
def test_capacity_is_used_and_not_exceeded(per_day):
    rng = np.random.default_rng(3)
    scores = np.round(rng.random(1000), 3)
    labels = (rng.random(1000) < 0.1).astype(np.int64)
    found = by_capacity(scores, labels, np.ones(1000, np.int64), 10.0, per_day, 100)
    assert found.alerts == (scores >= found.score).sum() <= per_day * 10
    lower = scores[scores < found.score]
    assert not len(lower) or (scores >= lower.max()).sum() > per_day * 10


def test_days_are_at_least_one():
    from tarim.models.lab.thresholds import days_of

    assert days_of(np.array([5, 5])) == 1 and days_of(np.array([0, 3 * DAY_MS])) == 3
