"""Runs: repeatable from the record, honest about what was known, refused where they must be."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import msgspec
import numpy as np
import pytest

from tarim.base.errors import Conflict, Damaged, DefinitionError, InputError, NotFound
from tarim.models import auc, model_from_bytes
from tarim.models.datasets import Operator
from tarim.models.lab import (
    Plan,
    RunRecord,
    contributions,
    every_run,
    find_run,
    fit_model,
    plan_of,
    put_run,
    read_run,
    train,
    train_again,
)
from tarim.models.lab.importance import permutation
from tarim.models.lab.stability import stability_of
from tarim.privacy import Signer
from tests.fakes.samples import NAMES, make_samples

OPERATOR = Operator("k1", "王小明")


class Ticking:
    now = 1_780_000_000_000

    def now_ms(self):
        self.now += 1_000
        return self.now


def quick(kind="lightgbm", **changes):
    params = {"lightgbm": {"num_trees": 40, "min_data_in_leaf": 20}}.get(kind, {})
    return Plan(**{"kind": kind, "params": params, "folds": 0, "replicates": 30, "early_stop": 10, **changes})


@pytest.fixture(scope="module")
def run():
    return train(make_samples(), quick(words={"amount": "大额转账"}), OPERATOR, Ticking())


@pytest.mark.parametrize("kind", ["lightgbm", "logistic", "woe"])
@pytest.mark.parametrize("calibration", ["none", "isotonic"])
def test_a_run_is_done_again_from_its_record_alone(kind, calibration):
    samples = make_samples(4_000)
    done = train(samples, quick(kind, calibration=calibration, seed=3, replicates=5), OPERATOR, Ticking())
    record = msgspec.json.decode(done.record.content, type=RunRecord)
    assert record == done.record
    assert train_again(samples, record) == (True, ())
    changed = msgspec.structs.replace(record, plan=msgspec.structs.replace(record.plan, params={}))
    if kind == "lightgbm":
        assert not train_again(samples, changed)[0]
    other = dataclasses.replace(samples, digest="cd" * 32)
    with pytest.raises(DefinitionError, match="not from this one"):
        train_again(other, record)


def test_the_record_says_who_when_how_and_from_what(run):
    record = run.record
    assert record.operator == OPERATOR and record.ended_ms > record.started_ms
    assert 0 < record.iterations <= 40 and len(record.iteration_log) >= record.iterations
    assert record.settings["num_trees"] == 40 and record.settings["lambda_l2"] == 1
    assert record.dataset == "ab" * 32 and record.features == NAMES
    assert record.model == hashlib.sha256(run.content).hexdigest() == model_from_bytes(run.content, NAMES).version
    assert {"lightgbm", "numpy", "tarim"} <= set(record.libraries) and len(record.code) == len(record.script) == 64
    assert set(record.baseline) == {"", *NAMES}
    assert record.baseline["amount"].rows == record.parts["training"].rows
    assert {threshold.chosen_by for threshold in record.thresholds} == {"cost", "capacity"}
    assert record.stability and all(each.psi < 0.3 for each in record.stability)


def test_every_feature_has_a_written_reason(run):
    notes = {note.name: note for note in run.record.notes}
    assert all(note.reason_en and note.reason_zh for note in notes.values())
    assert notes["amount"].words == "大额转账"
    assert notes["amount"].iv > notes["noise"].iv and notes["constant"].iv == 0
    assert notes["amount"].correlated == "amount_twin" and notes["amount"].vif > 50
    assert notes["constant"].gain == 0 and notes["constant"].vif is None
    assert notes["count_24h"].missing == pytest.approx(0.1, abs=0.02)
    assert sum(note.gain for note in notes.values()) == pytest.approx(1)
    assert notes["new_payee"].permutation > 0.02


def test_features_are_left_out_for_a_reason():
    plan = quick("logistic", iv_min=0.02, correlation_max=0.95, replicates=5)
    record = train(make_samples(20_000), plan, OPERATOR, Ticking()).record
    left_out = {note.name: note.reason_en for note in record.notes if not note.chosen}
    assert "below 0.02" in left_out["noise"] and "below 0.02" in left_out["constant"]
    assert ("amount" in left_out) != ("amount_twin" in left_out)
    assert set(record.features) == set(NAMES) - set(left_out)
    with pytest.raises(DefinitionError, match="every feature"):
        train(make_samples(), quick(iv_min=50), OPERATOR, Ticking())
    with pytest.raises(DefinitionError, match="does not have: 'salary'"):
        train(make_samples(), quick(features=("salary",)), OPERATOR, Ticking())


def test_the_figures_are_of_rows_that_nothing_was_learned_from():
    """Labels of the test part turned round: the model stays what it was, and its figures turn."""
    samples = make_samples(roles=True)
    test = samples.role == "test"
    turned = dataclasses.replace(samples, labels=np.where(test, 1 - samples.labels, samples.labels))
    first, second = (train(each, quick(replicates=0), OPERATOR, Ticking()) for each in (samples, turned))
    assert first.content == second.content
    assert first.record.thresholds == second.record.thresholds
    areas = [each.record.metrics.measures["auc"].value for each in (first, second)]
    assert areas[0] > 0.8 and sum(areas) == pytest.approx(1)


def test_rows_that_stand_for_many_count_as_many():
    samples = make_samples(3_000)
    doubled = np.repeat(np.arange(3_000), 2)
    names = list(NAMES)
    once = fit_model(samples.features, samples.labels, names, "logistic", weights=np.full(3_000, 2.0)).content
    twice = fit_model(samples.features[doubled], samples.labels[doubled], names, "logistic").content
    first, second = (json.loads(each)["weights"] for each in (once, twice))
    np.testing.assert_allclose(first, second, atol=2e-3)


def test_a_balanced_weight_scores_frauds_higher():
    samples = make_samples(3_000)
    scores = np.empty((2, 3_000))
    for out, weight in zip(scores, (1.0, 0.0), strict=True):
        content = fit_model(samples.features, samples.labels, NAMES, "woe", fraud_weight=weight).content
        model_from_bytes(content, NAMES).score(samples.features, out)
    assert scores[1].mean() > 3 * scores[0].mean()
    assert auc(scores[1], samples.labels) > 0.8


@pytest.mark.parametrize("kind", ["lightgbm", "logistic", "woe"])
def test_contributions_add_up_to_the_raw_score(kind):
    samples = make_samples(2_000)
    content = fit_model(
        samples.features, samples.labels, NAMES, kind, params={"num_trees": 20} if kind == "lightgbm" else {}
    ).content
    raw = np.empty(2_000)
    model_from_bytes(content, NAMES).raw_score(samples.features, raw)
    rest = raw - contributions(content, NAMES, samples.features).sum(axis=1)
    np.testing.assert_allclose(rest, rest[0], atol=1e-9)


def test_shuffling_a_feature_that_is_not_read_costs_nothing(run):
    samples = make_samples()
    falls = permutation(run.content, NAMES, samples.features, samples.labels, 0)
    assert falls[NAMES.index("constant")] == 0
    assert falls[NAMES.index("new_payee")] > 0.02


def test_a_shift_is_named_by_its_feature():
    samples = make_samples(drift=True)
    record = train(samples, quick(replicates=0), OPERATOR, Ticking()).record
    moved = {each.name for each in record.stability if each.psi > 0.25}
    assert {"amount", "amount_twin"} <= moved and not moved & {"noise", "night", "new_payee"}


def test_weeks_that_lack_a_day_are_left_out():
    samples = make_samples(5_000, days=60)
    record = train(samples, quick(replicates=0), OPERATOR, Ticking()).record
    rows = np.flatnonzero(samples.occurred_ms >= samples.occurred_ms.min() + 25 * 86_400_000)
    found = stability_of(samples, (), rows, np.zeros(5_000), record.baseline)
    assert [each.rows for each in found] and len({each.period for each in found}) == 5


def test_a_changed_byte_is_found(run, tmp_path):
    signer = Signer(b"s" * 32)
    folder = put_run(tmp_path, run.record, run.content, signer, {"report.html": b"x"})
    assert read_run(folder, signer) == run.record
    assert find_run(tmp_path, run.record.run_id[:18]) == folder
    with pytest.raises(Conflict):
        put_run(tmp_path, run.record, run.content, signer, {})
    with pytest.raises(NotFound):
        find_run(tmp_path, "1999")
    with pytest.raises(Damaged):
        read_run(folder, Signer(b"t" * 32))
    for name in ("model.txt", "run.json", "run.sig"):
        path = folder / name
        content = path.read_bytes()
        path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
        with pytest.raises(Damaged):
            read_run(folder, signer)
        assert isinstance(next(every_run(tmp_path, signer))[1], Damaged)
        path.write_bytes(content)
    read_run(folder, signer)


def test_a_plan_says_everything_that_is_wrong_with_it():
    with pytest.raises(DefinitionError) as found:
        plan_of({"params": {"num_trees": 0, "depth": 3, "max_depth": 2.5}, "seed": -1, "calibration": "magic"})
    for part in (
        "num_trees must be 1 to 5000",
        "'depth'",
        "max_depth must be a whole",
        "seed must be",
        "calibration must be",
    ):
        assert part in found.value.detail
    with pytest.raises(DefinitionError, match="colour"):
        plan_of({"colour": "red"})
    with pytest.raises(DefinitionError):
        plan_of({"kind": "forest"})


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.zeros(5), "ab"),
        (np.array([0, 1, 2, 0, 1]), "ab"),
        (np.array([0, 1]), "ab"),
        (np.array([0, 1, 1, 0, 1]), "abc"),
    ],
)
def test_bad_training_input_is_refused(labels, names):
    with pytest.raises(InputError):
        fit_model(np.ones((5, 2)), labels, tuple(names))


def test_what_was_hardly_learned_is_left_to_rules_by_the_model_itself():
    """Cash machines have some sixty rows: the file, the record and the figures say the same, and the run comes out again."""
    samples = make_samples(roles=True)
    done = train(samples, quick(), OPERATOR, Ticking())
    covered = done.record.coverage
    left = {(each.division, each.value): (each.rows, each.frauds) for each in covered.rules_only}
    learned = (samples.role == "training") & (samples.segments["channel"] == "atm")
    assert (
        left["channel", "atm"][0] <= learned.sum() and ("channel", "pos") in left and ("channel", "mobile") not in left
    )
    test = (samples.role == "test") & np.isin(samples.segments["channel"], [value for _, value in left])
    assert (covered.test_rows, covered.test_frauds) == (
        test.sum(),
        samples.labels[test].sum(),
    ) and covered.test_rows > 0
    assert done.record.parts["test"].rows == (samples.role == "test").sum() - covered.test_rows
    model = model_from_bytes(done.content, NAMES)
    assert model.rules_only == done.record.rules_only and model.left_to_rules[1].sum() == len(left)
    assert train_again(samples, done.record) == (True, ())


@pytest.mark.parametrize("kind", ["lightgbm", "woe"])
def test_a_plan_may_ask_the_model_everywhere(kind):
    asked, left = (
        train(make_samples(), quick(kind, rules_only=each), OPERATOR, Ticking()) for each in ((), ("channel",))
    )
    assert not asked.record.rules_only and not model_from_bytes(asked.content, NAMES).rules_only
    assert "atm" in [each.value for each in asked.record.coverage.thin]
    assert model_from_bytes(left.content, NAMES).rules_only and asked.content != left.content
    table, scores = make_samples().features[:50], np.empty((2, 50))
    for made, out in zip((asked, left), scores, strict=True):
        model_from_bytes(made.content, NAMES).raw_score(table, out)
    assert np.array_equal(*scores)  # the segments change nothing in the model but where it is asked


def test_many_rows_with_few_frauds_are_listed_and_the_model_is_asked():
    samples = make_samples(roles=True)
    frauds = np.flatnonzero((samples.role == "training") & (samples.labels == 1))
    kinds = np.full(len(samples), "payment", object)
    kinds[np.isin(np.arange(len(samples)), frauds[9:])] = "transfer"  # few rows, but frauds enough to know them by
    few = dataclasses.replace(samples, segments={"kind": kinds})
    covered = train(few, quick(), OPERATOR, Ticking()).record.coverage
    listed = {each.value: (each.rows, each.frauds) for each in covered.thin}
    assert listed["payment"][0] >= 200 and listed["payment"][1] == 9 and listed["transfer"][0] < 200
    assert not {"payment", "transfer"} & {each.value for each in covered.rules_only} and covered.test_rows == 0


def test_leaving_everything_to_rules_is_refused():
    samples = make_samples(roles=True)
    kinds = np.where(samples.role == "training", "transfer", "payment").astype(object)
    other = dataclasses.replace(samples, segments={"kind": kinds})
    with pytest.raises(InputError, match="less the 11 segments that are left to rules"):
        train(other, quick(), OPERATOR, Ticking())
    with pytest.raises(DefinitionError, match="rules_only names some of kind, channel, amount, region"):
        quick(rules_only=("source",))


@pytest.mark.parametrize(
    "document",
    [[{"division": "kind"}], [{"division": "kind", "value": "unheard", "rows": 1, "frauds": 0}], "login",
     [{"division": "source", "value": "app", "rows": 1, "frauds": 0}],
     2 * [{"division": "kind", "value": "login", "rows": 1, "frauds": 0}]],
)  # fmt: skip
def test_a_model_file_with_impossible_segments_is_refused(document):
    content = json.dumps(
        {"format": "tarim-logistic-1", "transform": "none", "features": ["a"], "means": [0], "scales": [1], "weights": [1],
         "intercept": 0, "rules_only": document}
    )  # fmt: skip
    with pytest.raises(DefinitionError, match="rules"):
        model_from_bytes(content.encode(), ("a",))
