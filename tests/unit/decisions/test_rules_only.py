"""Where a model is not asked: no score, the reason in both languages, the same wherever a batch is cut (ML-27)."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tarim.decisions.domain import DECISION_WORDS, Beside, Lineup, Word, score_of
from tarim.decisions.kernels import decide, routing
from tarim.decisions.policy import Decider
from tarim.models import model_from_bytes
from tarim.models.divisions import BANDS_FEN, CODES, ROW_DIVISIONS
from tarim.rules import compile_ruleset
from tarim.stream import Channel, Col, Flag, Kind, Outcome, empty_rows
from tests.fakes.scorers import FixedScorer
from tests.naive.routing import segments_left

NAMES = ("count",)
TEXT = """name = "t"
[[rule]]
id = "large"
when = "amount_fen >= 1_000 yuan"
outcome = "challenge"
weight = 40
scenario = "s"
reason = "大额"
reason_en = "large"
[[rule]]
id = "unscored"
when = "score is missing"
outcome = "notice"
weight = 10
scenario = "s"
reason = "无评分"
reason_en = "no score"
[[policy.bands]]
at_least = 0.5
outcome = "delay"
weight = 50
reason = "评分高"
reason_en = "a high score"
"""


@pytest.fixture(scope="module")
def ruleset():
    return compile_ruleset(TEXT, NAMES)


def table(**left: int) -> np.ndarray:
    found = np.zeros((len(ROW_DIVISIONS), CODES), np.uint8)
    for division, code in left.items():
        found[ROW_DIVISIONS.index(division), code] = 1
    return found


def some_rows(count: int, seed: int) -> np.ndarray:
    """Rows of every kind, channel, band and region, some with codes that nobody gives."""
    rng = np.random.default_rng(seed)
    rows = empty_rows(count)
    rows[:, Col.KIND] = rng.integers(-1, len(Kind) + 3, count)
    rows[:, Col.CHANNEL] = rng.integers(-1, len(Channel) + 2, count)
    rows[:, Col.AMOUNT_FEN] = rng.choice([0, *BANDS_FEN, *(each - 1 for each in BANDS_FEN), 10**9], count)
    rows[:, Col.CITY] = rng.integers(0, 1_200_000, count)
    rows[:, Col.CUSTOMER] = rng.integers(0, 50, count)
    rows[:, Col.FLAGS] = Flag.HISTORY_AUTHORISED
    return rows


def test_the_kernel_finds_the_segments_that_training_counts():
    """One row is in one segment, whether it is counted for training or judged."""
    assert (routing.CODES, len(ROW_DIVISIONS)) == (CODES, 4) and tuple(routing._BANDS_FEN) == BANDS_FEN
    assert routing.BAND == decide.BAND
    rows = some_rows(3_000, 1)
    for seed in range(5):
        left = (np.random.default_rng(seed).random((len(ROW_DIVISIONS), CODES)) < 0.1).astype(np.uint8)
        found = [routing.segment_left(row, left) for row in rows]
        expected = [-1 if each is None else each[0] << 8 | each[1] for each in segments_left(rows, left)]
        assert found == expected
        assert -1 in found and max(found) >= 3 << 8


def test_a_segment_left_to_rules_has_no_score_and_says_why(ruleset):
    rows = empty_rows(3)
    rows[:, Col.KIND] = [Kind.TRANSFER, Kind.LOGIN, Kind.LOGIN]
    rows[:, Col.AMOUNT_FEN] = [100, 100, 200_000]
    rows[:, Col.FLAGS] = Flag.HISTORY_AUTHORISED
    decider = Decider(ruleset, FixedScorer("a" * 64, 0.9, NAMES, table(kind=Kind.LOGIN)), NAMES)
    decisions = decider.decide(rows, np.ones((3, 1)))
    assert [score_of(each) for each in decisions[:1]] == [0.9] and all(map(math.isnan, map(score_of, decisions[1:])))
    assert decisions[:, Word.OUTCOME].tolist() == [Outcome.DELAY, Outcome.NOTICE, Outcome.CHALLENGE]
    assert [reason.id for reason in decider.explain(decisions[2])] == ["large", "unscored", "coverage"]
    (zh,) = [each for each in decider.explain(decisions[1], "zh") if each.source == "coverage"]
    (en,) = [each for each in decider.explain(decisions[1], "en") if each.source == "coverage"]
    assert (zh.outcome, zh.weight) == (Outcome.PASS, 0)
    assert zh.text == "模型未评分：此类事件（种类：登录操作）训练样本不足，仅由规则判定"
    assert en.text == "not scored: the model learned from too few events of kind login; rules alone decide"
    assert "coverage" not in [each.id for each in decider.explain(decisions[0])]


def test_every_division_is_told_by_its_own_words(ruleset):
    left = {"kind": int(Kind.LOGIN), "channel": int(Channel.ATM), "amount": 6, "region": 11}
    told = {"kind": "kind login", "channel": "channel atm", "amount": "amount in yuan 200000-", "region": "region 11"}
    for division, code in left.items():
        rows = empty_rows(1)
        rows[0, [Col.KIND, Col.CHANNEL, Col.AMOUNT_FEN, Col.CITY]] = Kind.LOGIN, Channel.ATM, 10**8, 110_100
        decider = Decider(ruleset, FixedScorer("a" * 64, 0.9, NAMES, table(**{division: code})), NAMES)
        (decision,) = decider.decide(rows, np.ones((1, 1)))
        assert told[division] in decider.explain(decision, "en")[-1].text


def test_each_model_of_a_line_up_leaves_its_own_segments(ruleset):
    """The champion is not asked about logins, the challenger not about cash machines; it judges every second customer."""
    champion = FixedScorer("a" * 64, 0.2, NAMES, table(kind=Kind.LOGIN))
    challenger = FixedScorer("b" * 64, 0.9, NAMES, table(channel=Channel.ATM))
    decider = Decider(ruleset, champion, NAMES, None, [challenger])
    lineup = Lineup("a" * 64, (("b" * 64, 5_000),))
    decider.line_up(lineup)
    rows = some_rows(2_000, 2)
    beside = Beside.room(len(rows), lineup)
    decisions = decider.decide(rows, np.ones((len(rows), 1)), None, beside)
    login = np.clip(rows[:, Col.KIND], 0, len(Kind)) == Kind.LOGIN
    machine = np.clip(rows[:, Col.CHANNEL], 0, len(Channel) - 1) == Channel.ATM
    assert np.isnan(beside.scores).tolist() == np.column_stack([login, machine]).tolist()
    unasked = np.where(beside.judged == 1, machine, login)
    scores = decisions.view(np.float64)[:, Word.SCORE]
    assert np.array_equal(np.isnan(scores), unasked) and len(set(beside.judged.tolist())) == 2
    assert np.array_equal(decisions[:, Word.BAND] <= routing.UNASKED, unasked)
    decider.line_up(Lineup("a" * 64))  # the challenger stands down: nothing of it is left behind
    alone = decider.decide(rows, np.ones((len(rows), 1)))
    assert np.array_equal(np.isnan(alone.view(np.float64)[:, Word.SCORE]), login)
    decider.line_up(Lineup())  # the champion is paused: no score, and nobody who was not asked
    paused = decider.decide(rows, np.ones((len(rows), 1)))
    assert np.isnan(paused.view(np.float64)[:, Word.SCORE]).all() and (paused[:, Word.BAND] == -1).all()


def test_the_segments_come_with_the_model_file(ruleset):
    """The file that is published, and nothing beside it, says where the model is not asked."""
    document = {
        "format": "tarim-logistic-1", "transform": "none", "features": ["count"], "means": [0], "scales": [1], "weights": [0],
        "intercept": 3, "rules_only": [{"division": "kind", "value": "login", "rows": 12, "frauds": 0}],
    }  # fmt: skip
    asked = json.dumps({name: value for name, value in document.items() if name != "rules_only"})
    rows = empty_rows(2)
    rows[:, Col.KIND] = [Kind.TRANSFER, Kind.LOGIN]
    scores = []
    for content in (json.dumps(document), asked):
        model = model_from_bytes(content.encode(), NAMES)
        decisions = Decider(ruleset, model, NAMES).decide(rows, np.ones((2, 1)))
        scores.append([round(score_of(each), 3) for each in decisions])
    assert scores[0][0] == scores[1][0] == scores[1][1] == 0.953 and math.isnan(scores[0][1])


def test_where_a_batch_is_cut_changes_nothing(ruleset):
    left = table(kind=Kind.LOGIN, region=11, amount=0)
    decider = Decider(ruleset, FixedScorer("a" * 64, 0.9, NAMES, left), NAMES)
    rows, features = some_rows(2_500, 3), np.ones((2_500, 1))
    whole = decider.decide(rows.copy(), features)
    one_by_one = np.empty((len(rows), DECISION_WORDS), np.int64)
    for at in range(len(rows)):
        decider.decide(rows[at : at + 1], features[at : at + 1], one_by_one[at : at + 1])
    assert np.array_equal(whole, one_by_one) and (whole[:, Word.BAND] <= routing.UNASKED).any()
