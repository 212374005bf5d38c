"""What each feature is, told in both languages with its window, whatever kind of feature it is."""

from __future__ import annotations

import re

from tarim.models import meaning
from tarim.models.meanings import WORDED
from tarim.models.sentences import OPERATIONS
from tarim.stream import Entity, Graph, graph_features, reference_features, scenario_features

PAYER = Entity("payer", key="account")


def test_a_meaning_names_subject_condition_field_and_window() -> None:
    told = meaning(PAYER.sum("amount_fen", "10m"))
    assert (told.zh, told.en) == ("付款账户 10 分钟内金额合计", "sum of the amount of the paying account in 10 minutes")
    late = meaning(Entity("merchant", key="merchant_id").label_count("30d", "7d"))
    assert "7 天前的 30 天" in late.zh and "30 days up to 7 days ago" in late.en
    hops = meaning(Graph("money").hops_to_convicted("payee_account", 2))
    assert "收款账户" in hops.zh and "at most 2" in hops.en
    listed = meaning(Graph("money").hops_to_listed("account", ("mules", "blocked"), 2))
    assert (
        "mules 或 blocked" in listed.zh
        and "the paying account and an account on the list mules or blocked" in listed.en
    )


def test_every_feature_of_every_set_has_a_meaning() -> None:
    """A kind of feature that gets a sentence has to get a meaning too."""
    assert OPERATIONS <= WORDED
    for features in (reference_features(), scenario_features(), graph_features()):
        for feature in features.features:
            told = meaning(feature)
            assert re.search("[一-鿿]", told.zh) and told.zh != told.en, feature.name
            assert not re.search("[一-鿿{}]", told.en) and "{" not in told.zh, feature.name
