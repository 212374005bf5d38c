"""Answers are put together from kept bytes; they are what encoding the whole would give."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarim.api.answers import (
    ALWAYS_TOLD,
    ANSWER_FIELDS,
    OUTCOME_ZH,
    Answers,
    BatchBody,
    DecisionBody,
    HoldOfBody,
    ReasonBody,
    SentenceBody,
    VersionsBody,
)
from tarim.base.errors import Conflict, NotFound
from tarim.base.instants import instant_text
from tarim.decisions import DECISION_WORDS, Decided, Language, Reason, Versions, Word
from tarim.models import Sentence
from tarim.stream import Col, Flag, Outcome, empty_rows

VERSIONS = Versions("features-1", "rules-1", "")


class FakeExplainer:
    """One reason for each rule that holds."""

    def explain(self, decision: np.ndarray, language: Language | str = Language.ZH) -> list[Reason]:
        hits = int(decision[Word.EFFECTIVE_0])
        assert decision[Word.SCORE] == 0, "the score is not part of the explanation"
        return [
            Reason("rule", f"r{bit}", "s", Outcome.NOTICE, 10, f"{language}原因{bit}")
            for bit in range(8)
            if hits >> bit & 1
        ]


class FakeScoreExplainer:
    """One sentence with the first feature."""

    def __init__(self, features_version: str, model_version: str) -> None:
        assert (features_version, model_version) == ("features-1", "")

    def top(self, features: np.ndarray) -> list[Sentence]:
        return [Sentence(f"多 {features[0]}", f"much {features[0]}")]


def decided(event_id: str, outcome: Outcome, score: float, hits: int, late: bool, seq: int, at_ms: int) -> Decided:
    row = empty_rows(1)[0]
    row[Col.SEQ], row[Col.RECEIVED_MS], row[Col.FLAGS] = seq, at_ms, Flag.LATE if late else 0
    decision = np.zeros(DECISION_WORDS, np.int64)
    decision[Word.OUTCOME], decision[Word.EFFECTIVE_0] = outcome, hits
    decision[Word.SCORE : Word.SCORE + 1] = np.array([score]).view(np.int64)
    return Decided(event_id, "core", row, decision, VERSIONS, repeated=False)


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64),
    st.sampled_from(Outcome),
    st.floats(0, 1) | st.just(float("nan")),
    st.integers(0, 255),
    st.booleans(),
    st.integers(0, 2**62),
    st.integers(946_684_800_000, 4_133_980_799_999),
    st.just(0) | st.integers(1, 10**8),
    st.booleans(),
)
def test_the_bytes_are_those_of_the_whole(
    event_id: str,
    outcome: Outcome,
    score: float,
    hits: int,
    late: bool,
    seq: int,
    at_ms: int,
    seconds: int,
    kept: bool,
) -> None:
    """Same bytes as encoding a DecisionBody, whatever the event id holds."""
    body = DecisionBody(
        event_id,
        "core",
        seq,
        instant_text(at_ms),
        late,
        None if score != score else score,
        [SentenceBody("多 0.5", "much 0.5")] if kept else [],
        HoldOfBody(seq, outcome.name.lower(), instant_text(at_ms + seconds * 1_000)) if seconds else None,
        outcome.name.lower(),
        OUTCOME_ZH[outcome],
        [ReasonBody(f"r{bit}", "s", f"zh原因{bit}", f"en原因{bit}", 10) for bit in range(8) if hits >> bit & 1],
        VersionsBody("features-1", "rules-1", ""),
    )
    one = decided(event_id, outcome, score, hits, late, seq, at_ms)
    one.decision[Word.HOLD] = seconds | 2 << 32
    if kept:
        one = one._replace(features=np.array([0.5]))
    made = Answers(lambda _: FakeExplainer(), FakeScoreExplainer).bytes_of(one, fine=True)
    assert made == msgspec.json.encode(body)


@pytest.mark.parametrize(("decimals", "told"), [(2, 0.12), (1, 0.1), (0, None)])
def test_a_score_is_told_no_finer_than_needed(decimals: int, told: float | None) -> None:
    """Unless the key is for it (ML-23); nothing else of the answer differs."""
    answers = Answers(lambda _: FakeExplainer(), FakeScoreExplainer, decimals)
    one = decided("a", Outcome.BLOCK, 0.123_456, 3, False, 7, 1_700_000_000_000)
    coarse, fine = (msgspec.json.decode(answers.bytes_of(one, fine=fine)) for fine in (False, True))
    assert (coarse["score"], fine["score"]) == (told, 0.123_456)
    assert coarse | {"score": 0} == fine | {"score": 0}
    (result,) = msgspec.json.decode(answers.batch([one]))["results"]
    assert result["decision"] == coarse


def test_a_batch_holds_decisions_and_problems() -> None:
    """In the order of the events."""
    answers = Answers(lambda _: FakeExplainer(), FakeScoreExplainer)
    one = decided("a", Outcome.BLOCK, 0.5, 3, False, 7, 1_700_000_000_000)
    batch = msgspec.json.decode(answers.batch([one, Conflict("other content")]), type=BatchBody)
    first, second = batch.results
    assert isinstance(first.decision, DecisionBody) and first.problem is None
    assert (first.decision.outcome, len(first.decision.reasons)) == ("block", 2)
    assert second.decision is None and second.problem is not None and second.problem.status == 409


def test_an_answer_whose_rules_are_gone_says_so() -> None:
    """Nothing is made up."""

    def gone(versions: Versions) -> FakeExplainer:
        raise LookupError(versions.ruleset)

    with pytest.raises(LookupError):
        Answers(gone, FakeScoreExplainer).bytes_of(decided("a", Outcome.PASS, 0.5, 0, False, 7, 1_700_000_000_000))


def test_a_score_whose_model_is_gone_has_no_reasons_but_the_decision_stands() -> None:
    """The model's bytes may be destroyed by right, its decisions may not."""

    def gone(features: str, model: str) -> FakeScoreExplainer:
        raise NotFound(f"{features} {model}")

    one = decided("a", Outcome.PASS, 0.5, 0, False, 7, 1_700_000_000_000)._replace(features=np.array([0.5]))
    made = Answers(lambda _: FakeExplainer(), gone).bytes_of(one)
    assert msgspec.json.decode(made, type=DecisionBody).score_reasons == []


@given(st.frozensets(st.sampled_from(ANSWER_FIELDS), min_size=1))
def test_a_contract_is_told_what_it_names_and_nothing_else(fields: frozenset[str]) -> None:
    """The same values in the same order as in the whole answer, alone and in a batch (ML-23)."""
    one = decided("e-1", Outcome.CHALLENGE, 0.91234, 0b101, False, 7, 1_770_000_000_123)
    answers = Answers(lambda _: FakeExplainer(), FakeScoreExplainer)
    whole = msgspec.json.decode(answers.bytes_of(one))
    told = answers.bytes_of(one, fields=fields)
    expected = {name: value for name, value in whole.items() if name in fields | ALWAYS_TOLD}
    assert list(msgspec.json.decode(told).items()) == list(expected.items())
    batch = msgspec.json.decode(answers.batch([one, Conflict("other content")], fields=fields))["results"]
    assert batch[0]["decision"] == expected and "problem" in batch[1]


def test_every_field_of_an_answer_may_be_named_but_what_names_the_event() -> None:
    assert {*ANSWER_FIELDS, *ALWAYS_TOLD} == set(DecisionBody.__struct_fields__) and not set(
        ANSWER_FIELDS
    ) & ALWAYS_TOLD
