"""Processes under caps: they give way, they may not take more memory, and they answer in order."""

from __future__ import annotations

import os

import numpy as np
import pytest

from tarim.base.errors import DefinitionError, Unavailable
from tarim.models.lab.plan import Plan
from tarim.models.lab.split import split_by_time
from tarim.models.lab.tuning import Budget, tune
from tarim.models.lab.workers import Caps, Workers, shared
from tests.fakes.samples import make_samples


def conditions(number):
    """What a process may do, as it sees it."""
    return number, os.nice(0), os.environ.get("OMP_NUM_THREADS"), os.getpid()


def take_memory(mib):
    return int(np.ones(mib << 17).sum())


def fail():
    raise DefinitionError("no")


def table_of(table):
    features, labels, weights = table.read()
    return features.shape, int(labels.sum()), float(weights.sum()), features.flags.writeable


def test_processes_give_way_answer_in_order_and_leave_ours_alone():
    nice, threads = os.nice(0), os.environ.get("OMP_NUM_THREADS")
    samples = make_samples(500)
    with Workers(Caps(processes=2, memory_mib=2048, threads=1, nice=15)) as workers:
        found = workers.run(conditions, [(k,) for k in range(6)])
        assert [each[0] for each in found] == list(range(6))
        assert {each[1] for each in found} == {max(nice, 15)} and {each[2] for each in found} == {"1"}
        assert os.getpid() not in {each[3] for each in found}
        with shared(samples, np.array([0, 2])) as table:
            assert workers.run(table_of, [(table,)]) == [((500, 2), int(samples.labels.sum()), 500.0, False)]
        with pytest.raises(DefinitionError):
            workers.run(fail, [()])
        with pytest.raises(Unavailable, match="2048 MiB"):
            workers.run(take_memory, [(4096,)])
        assert workers.run(take_memory, [(1,)]) == [1 << 17]
    assert os.nice(0) == nice and os.environ.get("OMP_NUM_THREADS") == threads


@pytest.mark.slow
def test_the_search_asks_for_the_same_trials_again_and_never_sees_the_test_part():
    samples = make_samples(3_000)
    split = split_by_time(samples, 0.2, 0.2)
    seen = np.flatnonzero(samples.occurred_ms < split.test_from_ms)
    plan = Plan(kind="logistic", params={"signed_log": 1}, folds=2, seed=4)
    columns = np.arange(len(samples.names))
    told = []
    caps = Caps(processes=2)
    best, first = tune(
        samples, seen, columns, plan, Budget(trials=4, seconds=300), caps, lambda *each: told.append(each)
    )
    samples.features[split.test] = np.nan
    _, second = tune(samples, seen, columns, plan, Budget(trials=4, seconds=300), caps)
    assert first.trials == second.trials and len(first.trials) == 4
    assert best.params == first.trials[first.best].params and best.params["signed_log"] == 1
    assert first.trials[first.best].average_precision == max(each.average_precision for each in first.trials)
    assert [done for done, _ in told] == [2, 4]
    with pytest.raises(DefinitionError, match="nothing to look for"):
        everything = Plan(kind="logistic", params={"signed_log": 1, "c": 1})
        tune(samples, seen, columns, everything, Budget(1, 1), caps)


@pytest.mark.parametrize("change", [{"processes": 0}, {"memory_mib": 1}, {"threads": 0}, {"nice": 20}])
def test_impossible_caps_are_refused(change):
    with pytest.raises(DefinitionError):
        Caps(**change)
    with pytest.raises(DefinitionError):
        Budget(trials=0)
