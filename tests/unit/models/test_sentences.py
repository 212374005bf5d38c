"""Sentences: every kind of feature has words in both languages, values are no finer than needed, the heaviest come first."""

from __future__ import annotations

import inspect
import math

import lightgbm
import numpy as np
import pytest

from tarim.models import Explainer, model_from_bytes
from tarim.models.kernels.reasons import heaviest
from tarim.models.sentences import OPERATIONS, span, wording
from tarim.stream import NIGHT, Entity, FeatureSet, scenario_features

PAYER = Entity("payer", key="account")
PAIR = Entity("pair", key=("customer", "merchant_id"))


def test_the_examples_of_the_page():
    """Window, unit and value, as a person would say them."""
    said = wording(PAYER.count("10m")).say(7)
    assert (said.zh, said.en) == ("付款账户 10 分钟内 7 笔", "7 events of the paying account in 10 minutes")
    said = wording(PAYER.sum("amount_fen", "24h")).say(8_123_456)
    assert said.zh == "付款账户 1 天内金额合计约 81,000 元"
    assert said.en == "amount of the paying account in 1 day, all together: about 81,000 yuan"
    said = wording(PAYER.is_new("payee_account", "30d")).say(1)
    assert said.zh == "本次是付款账户 30 天内的新收款账户"
    assert wording(PAYER.is_new("payee_account", "30d")).say(0).zh == "本次不是付款账户 30 天内的新收款账户"
    assert wording(PAYER.label_rate("28d", "7d")).say(0.125).en == (
        "12% of the events of the paying account in 28 days up to 7 days ago are known as fraud"
    )


def test_every_kind_of_feature_has_words():
    """A new method of Entity that makes a feature needs its sentence; none leaves a gap in its template."""
    made = {
        "column": "amount_fen",
        "window": "7d",
        "within": "7d",
        "where": NIGHT,
        "delay": "7d",
        "percent": 50,
        "times": 5,
    }
    made["other"] = Entity("payee", key="payee_account")
    operations = set()
    for name, method in inspect.getmembers(Entity, inspect.isfunction):
        if name.startswith("_"):
            continue
        wanted = [each for each in inspect.signature(method).parameters if each != "self"]
        feature = method(PAYER, **{each: made[each] for each in wanted})
        operations.add(feature.op)
        for value in (0.0, 1.0, 0.123456, 86_400_000.0, math.nan):
            said = wording(feature).say(value)
            assert said.zh and said.en and not set("{}") & set(said.zh + said.en), name
            assert "  " not in said.zh + said.en and "123456" not in said.zh + said.en
    assert operations == OPERATIONS


def test_every_feature_of_the_packs_is_told_apart():
    """Two features with one sentence would be one reason said twice."""
    features = scenario_features().features
    for language in ("zh", "en"):
        said = {getattr(wording(feature).say(3.0), language) for feature in features}
        assert len(said) == len(features)


def test_spans_have_two_digits_and_their_largest_unit():
    assert [span(ms)[1] for ms in (0, 999, 1_000, 90_000, 5_400_000, 86_400_000, 2_000_000_000)] == [
        "0 milliseconds", "1,000 milliseconds", "1 second", "1.5 minutes", "1.5 hours", "1 day", "23 days",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def explained():
    features = FeatureSet("small", PAYER.count("10m"), PAYER.sum("amount_fen", "24h"), PAIR.since_last("7d"))
    rng = np.random.default_rng(2)
    x = np.column_stack([rng.integers(1, 20, 4_000), rng.lognormal(9, 1, 4_000), rng.exponential(1e7, 4_000)])
    x[rng.random(4_000) < 0.2, 2] = np.nan
    y = (x[:, 0] > 12) & (rng.random(4_000) < 0.7)
    params = {"objective": "binary", "num_leaves": 8, "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(params, lightgbm.Dataset(x, y, feature_name=list(features.names)), 30)
    model = model_from_bytes(booster.model_to_string().encode(), features.names)
    return model, Explainer(model, features)


def test_the_heaviest_reasons_that_raised_the_score_come_first(explained):
    """Only what raised it; nothing for a score that nothing raised."""
    model, explainer = explained
    high, low = np.array([15.0, 5_000.0, np.nan]), np.array([2.0, 5_000.0, 1e6])
    assert explainer.top(high)[0].en == "15 events of the paying account in 10 minutes"
    parts = np.empty((1, 4))
    model.contributions(low.reshape(1, -1), parts)
    assert parts[0, 0] < 0 and all("10 minutes" not in each.en for each in explainer.top(low))


def test_the_chosen_parts_are_those_of_a_sort():
    """The heaviest first, equal ones in their order, none that is below its share, none beyond the room for them."""
    rng = np.random.default_rng(4)
    chosen = np.zeros(3, np.int64)
    for _ in range(500):
        parts = rng.integers(-3, 9, rng.integers(1, 9)) * rng.choice([0.1, 1.0], 1)
        raising = [index for index, part in enumerate(parts[:-1].tolist()) if part > 0]
        least = 0.2 * sum(parts[raising].tolist())
        expected = sorted((index for index in raising if parts[index] >= least), key=lambda index: -parts[index])[:3]
        count = heaviest(parts, 0.2, chosen)
        assert chosen[:count].tolist() == expected


def test_an_explanation_adds_up_and_says_what_is_missing(explained):
    """Expected value and contributions are the raw score; a missing value is said to be missing."""
    model, explainer = explained
    features = np.array([15.0, 5_000.0, np.nan])
    found = explainer.explain(features)
    assert abs(found.expected + sum(part.contribution for part in found.parts) - found.raw) < 1e-9
    score = np.empty(1)
    model.score(features.reshape(1, -1), score)
    assert found.score == score[0]
    weights = [abs(part.contribution) for part in found.parts]
    assert weights == sorted(weights, reverse=True)
    (missing,) = [part for part in found.parts if math.isnan(part.value)]
    assert missing.sentence.en == "no record of the customer and the merchant in 7 days to compare with"
