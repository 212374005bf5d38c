"""What a decision looks like outside: the same bytes whenever the same event is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Protocol

import msgspec
import numpy as np

from tarim.api.problems import ProblemBody, problem_body, problem_of
from tarim.base.errors import TarimError
from tarim.base.instants import instant_text
from tarim.decisions import DECISION_WORDS, Decided, Decisions, Language, Reason, Versions, Word, score_of
from tarim.stream import Col, Flag, Outcome

OUTCOME_ZH: Final = {
    Outcome.PASS: "通过",
    Outcome.NOTICE: "提示",
    Outcome.CHALLENGE: "附加验证",
    Outcome.DELAY: "延迟结算",
    Outcome.SUSPEND: "挂起确认",
    Outcome.BLOCK: "拦截",
}
_NAMES: Final = {outcome: outcome.name.lower() for outcome in Outcome}
_REASONS_CACHED: Final = 4_096
_VERSIONS_CACHED: Final = 16


class ReasonBody(msgspec.Struct, frozen=True):
    """Why: a rule that holds, or (`score`) the band of the model's score; the heaviest first."""

    id: str
    scenario: str
    zh: str
    en: str
    weight: int


class VersionsBody(msgspec.Struct, frozen=True):
    """What was in force: digests of the feature set, the ruleset and the model ("" = no model)."""

    features: str
    ruleset: str
    model: str


class DecisionBody(msgspec.Struct, frozen=True):
    """A decision.  `seq` is the event's position in the journal; `late`: scored on what was known; `score` in [0, 1]."""

    event_id: str
    source: str
    outcome: str
    outcome_zh: str
    score: float | None
    reasons: list[ReasonBody]
    versions: VersionsBody
    seq: int
    late: bool
    received_at: str


class ResultBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event of a batch: its decision, or why it was refused."""

    decision: DecisionBody | None = None
    problem: ProblemBody | None = None


class BatchBody(msgspec.Struct, frozen=True):
    """Results of a batch, in its order."""

    results: list[ResultBody]


class Explainer(Protocol):
    """Reasons of decisions that were made under one ruleset."""

    def explain(self, decision: Decisions, language: Language | str = ...) -> list[Reason]: ...


class Answers:
    """Renders results.  `explainer_of` gives the explainer for versions that were in force; NotFound when it is gone."""

    def __init__(self, explainer_of: Callable[[Versions], Explainer]) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._explainer = lru_cache(maxsize=_VERSIONS_CACHED)(explainer_of)
        self._reasons = lru_cache(maxsize=_REASONS_CACHED)(self._explain)
        self._versions = lru_cache(maxsize=_VERSIONS_CACHED)(
            lambda versions: VersionsBody(versions.features, versions.ruleset, versions.model)
        )

    def decision(self, decided: Decided) -> DecisionBody:
        """The decision's form outside."""
        row, decision = decided.row, decided.decision
        outcome = Outcome(int(decision[Word.OUTCOME]))
        score = score_of(decision)
        return DecisionBody(
            decided.event_id,
            decided.source,
            _NAMES[outcome],
            OUTCOME_ZH[outcome],
            None if math.isnan(score) else score,
            self._reasons(decided.versions, decision[Word.HITS_0 : Word.BAND + 1].tobytes()),
            self._versions(decided.versions),
            int(row[Col.SEQ]),
            bool(row[Col.FLAGS] & Flag.LATE),
            instant_text(int(row[Col.RECEIVED_MS])),
        )

    def bytes_of(self, decided: Decided) -> bytes:
        """The decision, encoded."""
        return self._encode(self.decision(decided))

    def batch(self, results: list[Decided | TarimError]) -> bytes:
        """The results of a batch, encoded."""
        return self._encode(
            BatchBody(
                [
                    ResultBody(problem=problem_body(problem_of(result)))
                    if isinstance(result, TarimError)
                    else ResultBody(decision=self.decision(result))
                    for result in results
                ]
            )
        )

    def _explain(self, versions: Versions, words: bytes) -> list[ReasonBody]:
        """Reasons by the words from HITS_0 to BAND: which rules hold and which band the score is in."""
        decision = np.zeros(DECISION_WORDS, np.int64)
        decision[Word.HITS_0 : Word.BAND + 1] = np.frombuffer(words, np.int64)
        explainer = self._explainer(versions)
        chinese = explainer.explain(decision, Language.ZH)
        english = explainer.explain(decision, Language.EN)
        return [
            ReasonBody(zh.id, zh.scenario, zh.text, en.text, zh.weight) for zh, en in zip(chinese, english, strict=True)
        ]
