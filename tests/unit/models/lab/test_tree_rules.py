"""Rules read off a tree: what is written is what was measured, rounded numbers and missing values included (ML-14)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tarim.base.errors import InputError
from tarim.bootstrap.rule_drafts import draft_of
from tarim.models.lab import Bound, tree_rules
from tarim.models.lab.split import split_by_time
from tarim.models.lab.tree_rules import _rounded
from tarim.rules import compile_ruleset, format_ruleset
from tarim.stream import Entity, FeatureSet, empty_rows
from tests.fakes.samples import make_samples

PAYER = Entity("payer", key="account")
FEATURES = FeatureSet(
    "mine",
    PAYER.sum("amount_fen", "1h"),
    PAYER.count("24h"),
    PAYER.is_new("payee_account", "30d"),
    PAYER.since_last(),
    PAYER.zscore("amount_fen", "30d"),
    PAYER.mean("amount_fen", "1h"),
    PAYER.count("7d"),
)
"""As many as the made-up samples have."""


@pytest.fixture(scope="module")
def samples():
    made = make_samples(12_000)
    made.features[made.features[:, 0] > np.quantile(made.features[:, 0], 0.9), 0] = (
        np.nan
    )  # to be missing tells something
    return dataclasses.replace(made, names=FEATURES.names)


def test_the_written_rules_find_what_was_measured(samples):
    """The draft is compiled as any ruleset is, and judged on the rows: the same precision and recall, to the last fraud."""
    found = tree_rules(samples, depth=3, count=6)
    text = draft_of(found, FEATURES, samples.digest, len(samples))
    assert len(found) >= 2 and any(bound.missing for each in found for bound in each.bounds)
    ruleset = compile_ruleset(text, FEATURES.names)
    assert [rule.id for rule in ruleset.rules] == [f"tree_{number}" for number in range(1, len(found) + 1)]
    test = split_by_time(samples, 0.2, 0.2).test
    table = np.ascontiguousarray(samples.features[test])
    hits, members = np.zeros((len(test), 4), np.uint64), np.zeros((len(test), 4), np.uint64)
    ruleset.evaluate(empty_rows(len(test)), table, np.full(len(test), np.nan), members, hits)
    for number, candidate in enumerate(found):
        named = hits[:, 0] >> np.uint64(number) & np.uint64(1) == 1
        measured = candidate.measured["test"]
        assert (named.sum(), samples.labels[test][named].sum()) == (measured.named, measured.caught)
        assert f"precision 精确率 {measured.precision:.3f}, recall 召回率 {measured.recall:.3f}" in text


def test_the_draft_is_in_canonical_form_and_says_it_is_a_draft(samples):
    text = draft_of(tree_rules(samples), FEATURES, samples.digest, len(samples))
    assert format_ruleset(text) == text and "A draft" in text and "仅为草稿" in text
    assert (
        "yuan" in text
        and "payer_is_new_payee_30d == 1" in text
        and "is missing" in text
        and "或缺失" in text
        and "or missing" in text
    )
    assert text == draft_of(tree_rules(samples), FEATURES, samples.digest, len(samples)), "the same every time"


def test_leaves_without_frauds_are_no_rules(samples):
    for candidate in tree_rules(samples, depth=4, count=30):
        assert all(candidate.measured[part].lift >= 3 for part in ("training", "validation"))
    noise = dataclasses.replace(samples, labels=np.random.default_rng(1).permutation(samples.labels))
    assert tree_rules(noise, depth=2) == []


@pytest.mark.parametrize(
    ("threshold", "values", "rounded"),
    [(1_150.0, [800, 1_500], 1_000), (0.5, [0, 1], 0), (1_234.5, [1_234, 1_235], 1_234), (-3.2, [-5, -1], -4),
     (0.123456, [0.1234, 0.1235], 0.1234), (7.0, [1, 2], 7)],
)  # fmt: skip
def test_a_threshold_is_as_round_as_the_rows_allow(threshold, values, rounded):
    found = _rounded(threshold, np.array([*values, np.nan], float))
    assert ((np.array(values) <= found) == (np.array(values) <= threshold)).all()
    assert found == rounded or threshold == 7.0


def test_a_missing_value_is_on_neither_side():
    values = np.array([1.0, 3.0, np.nan])
    assert Bound("f", above=True, threshold=2, missing=False).holds(values).tolist() == [False, True, False]
    assert Bound("f", above=False, threshold=2, missing=True).holds(values).tolist() == [True, False, True]


def test_what_cannot_be_read_off_is_said(samples):
    for wrong, told in (({"depth": 6}, "1 to 5"), ({"count": 0}, "1 to 30"), ({"features": ["salary"]}, "'salary'")):
        with pytest.raises(InputError, match=told):
            tree_rules(samples, **wrong)
