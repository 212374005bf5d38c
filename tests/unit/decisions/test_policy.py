"""The decider: strictest outcome, score bands, history kept out without authorisation, batches cut anywhere."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from tarim.base.errors import DefinitionError
from tarim.decisions.domain import DECISION_WORDS, Word, hits_of, outcome_of, score_of
from tarim.decisions.kernels import decide as kernel
from tarim.decisions.kernels import judge as judging
from tarim.decisions.policy import CHUNK_EVENTS, Decider
from tarim.rules import compile_ruleset
from tarim.stream import Col, Flag, Outcome, empty_rows
from tests.fakes.scorers import TenthScorer

NAMES = ("payer_count_1h", "payer_sum_amount_fen_1h")


def rule(name, when, outcome, weight):
    return (
        f"[[rule]]\nid = '{name}'\nwhen = '''{when}'''\noutcome = '{outcome}'\nweight = {weight}\nscenario = 's'\n"
        f"reason = '{name} 因'\nreason_en = '{name} why'\n"
    )


BANDS = "".join(
    f"[[policy.bands]]\nat_least = {start}\noutcome = '{outcome}'\nweight = 50\nreason = '分'\nreason_en = 'score'\n"
    for start, outcome in ((0.5, "notice"), (0.9, "delay"))
)
TEXT = "name = 'n'\n" + "\n".join(
    [
        rule("busy", "payer_count_1h >= 3", "challenge", 40),
        *(rule(f"never_{k}", "false", "block", 1) for k in range(70)),
        rule("huge", "amount_fen >= 1_000 yuan", "suspend", 90),
        rule("unknown", "payer_count_1h is missing", "notice", 10),
        BANDS,
    ]
)


@pytest.fixture(scope="module")
def ruleset():
    return compile_ruleset(TEXT, NAMES)


def events(*described):
    rows = empty_rows(len(described))
    rows[:, Col.AMOUNT_FEN] = [amount for amount, _ in described]
    rows[:, Col.FLAGS] = Flag.HISTORY_AUTHORISED
    return rows, np.array([[count, 5.0] for _, count in described])


def test_the_outcome_is_the_strictest_of_rules_and_band(ruleset):
    rows, features = events((100, 1.0), (100, 3.0), (200_000, 3.0), (100, 9.0), (100, 5.0))
    decisions = Decider(ruleset, TenthScorer(NAMES), NAMES).decide(rows, features)
    expected = [Outcome.PASS, Outcome.CHALLENGE, Outcome.SUSPEND, Outcome.DELAY, Outcome.CHALLENGE]
    assert [outcome_of(decision) for decision in decisions] == expected
    assert list(rows[:, Col.OUTCOME]) == expected
    assert [hits_of(decision) for decision in decisions] == [[], [0], [0, 71], [0], [0]]
    assert list(decisions[:, Word.BAND]) == [-1, -1, -1, 1, 0]
    assert [score_of(decision) for decision in decisions] == [0.1, 0.3, 0.3, 0.9, 0.5]


def test_without_a_model_the_score_is_missing_and_no_band_applies(ruleset):
    decider = Decider(ruleset, None, NAMES)
    (decision,) = decider.decide(*events((100, 9.0)))
    assert math.isnan(score_of(decision))
    assert decision[Word.BAND] == -1
    assert decider.model_version == ""


def test_without_authorisation_no_feature_is_used(ruleset):
    """IN-04: rules and model see missing features, and the features say so afterwards; the event's own facts remain."""
    rows, features = events((200_000, 9.0), (200_000, 9.0))
    rows[1, Col.FLAGS] = Flag.LOCATION_PERMITTED
    decisions = Decider(ruleset, TenthScorer(NAMES), NAMES).decide(rows, features)
    assert hits_of(decisions[0]) == [0, 71]
    assert hits_of(decisions[1]) == [71, 72]
    assert score_of(decisions[1]) == 0.25
    assert np.isnan(features[1]).all()
    assert not np.isnan(features[0]).any()


class Known:
    """Lists that hold one account as payee, under one name."""

    def members(self, rows, probes, out):
        out[:] = 0
        for bit, probe in enumerate(probes):
            if probe.list_name == "black":
                out[rows[:, probe.column] == 77, bit // 64] |= np.uint64(1 << bit % 64)


def test_rules_see_score_and_lists(ruleset):
    """The model is asked before the rules; without lists nobody is on one."""
    text = "name = 'n'\n" + "\n".join(
        [
            rule("scored", "score >= 0.9", "delay", 1),
            rule("listed", "payee_account in list 'black'", "block", 2),
            rule("other", "payee_account in list 'white' or account in list 'black'", "block", 3),
        ]
    )
    asking = compile_ruleset(text, NAMES)
    rows, features = events((100, 9.0), (100, 1.0), (100, 1.0))
    rows[:, Col.PAYEE] = [0, 77, 78]
    for lists, expected in ((Known(), [[0], [1], []]), (None, [[0], [], []])):
        decisions = Decider(asking, TenthScorer(NAMES), NAMES, lists).decide(rows, features)
        assert [hits_of(decision) for decision in decisions] == expected


def test_reasons_come_heaviest_first_in_both_languages(ruleset):
    decider = Decider(ruleset, TenthScorer(NAMES), NAMES)
    (decision,) = decider.decide(*events((200_000, 9.5)))
    english = decider.explain(decision, "en")
    assert [(reason.source, reason.text) for reason in english] == [
        ("rule", "huge why"),
        ("score", "score"),
        ("rule", "busy why"),
    ]
    assert [reason.text for reason in decider.explain(decision)] == ["huge 因", "分", "busy 因"]
    assert english[0].outcome is Outcome.SUSPEND
    with pytest.raises(ValueError):
        decider.explain(decision, "fr")


def test_where_a_batch_is_cut_changes_nothing(ruleset):
    rng = np.random.default_rng(11)
    count = 2 * CHUNK_EVENTS + 77
    rows, features = events(*zip(rng.integers(0, 200_000, count), rng.uniform(0, 10, count), strict=True))
    rows[:, Col.FLAGS] = rng.integers(0, 16, count)
    decider = Decider(ruleset, TenthScorer(NAMES), NAMES)
    whole = decider.decide(rows.copy(), features.copy())
    out = np.full((count, DECISION_WORDS), -7, np.int64)
    cuts = [0, 1, 2, 300, 1024, 2100, count]
    for start, stop in pairwise(cuts):
        decider.decide(rows[start:stop].copy(), features[start:stop].copy(), out[start:stop])
    np.testing.assert_array_equal(whole, out)
    assert len(np.unique(whole[:, Word.OUTCOME])) > 3


def test_arrays_that_do_not_fit_each_other_are_noticed(ruleset):
    """The kernel is handed addresses: an array that is too short would be written beyond its end."""
    decider = Decider(ruleset, TenthScorer(NAMES), NAMES)
    rows, features = events((100, 9.0), (100, 1.0))
    for wrong in (
        (rows[:1], features, None),
        (rows, np.zeros((2, 3)), None),
        (rows, features, np.zeros((1, DECISION_WORDS), np.int64)),
        (rows, features, np.zeros((2, DECISION_WORDS - 1), np.int64)),
        (np.zeros((2, 31), np.int64), features, None),
    ):
        with pytest.raises(AssertionError, match="do not fit each other"):
            decider.decide(*wrong)


def test_a_ruleset_for_other_features_is_refused(ruleset):
    with pytest.raises(DefinitionError, match="another order"):
        Decider(ruleset, None, NAMES[::-1])


def test_the_policy_version_changes_with_a_band(ruleset):
    other = compile_ruleset(TEXT.replace("0.9", "0.8"), NAMES)
    assert Decider(ruleset, None, NAMES).policy_version != Decider(other, None, NAMES).policy_version


def test_the_kernel_writes_where_the_domain_reads():
    assert (kernel.OUTCOME, kernel.SCORE, kernel.HITS, kernel.BAND, kernel.HOLD) == (
        Word.OUTCOME, Word.SCORE, Word.HITS_0, Word.BAND, Word.HOLD,
    )  # fmt: skip
    assert len(Word) == DECISION_WORDS == judging.DECISION_WORDS
