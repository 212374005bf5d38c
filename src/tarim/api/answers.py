"""What a decision looks like outside: the same bytes whenever the same event is asked for."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.api.problems import ProblemBody, problem_body, problem_of
from tarim.base.errors import DefinitionError, NotFound, TarimError
from tarim.base.instants import instant_text
from tarim.decisions import DECISION_WORDS, Decided, Decisions, Language, Reason, Versions, Word, hold_seconds
from tarim.models import Sentence
from tarim.stream import Col, Flag, Outcome

OUTCOME_ZH: Final = {
    Outcome.PASS: "通过",
    Outcome.NOTICE: "提示",
    Outcome.CHALLENGE: "附加验证",
    Outcome.DELAY: "延迟结算",
    Outcome.SUSPEND: "挂起确认",
    Outcome.BLOCK: "拦截",
}
_ENDS_CACHED: Final = 4_096
_VERSIONS_CACHED: Final = 16
_SECONDS_CACHED: Final = 256

_decode_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_FLOAT: Final = struct.Struct("<d")
_WORD: Final = struct.Struct("<q")
_SCORE_AT: Final = 8 * Word.SCORE
_BAND_AT: Final = 8 * Word.BAND
_HOLD_AT: Final = 8 * Word.HOLD
_WHY_END: Final = _HOLD_AT + 8
_SEQ, _RECEIVED, _FLAGS = int(Col.SEQ), int(Col.RECEIVED_MS), int(Col.FLAGS)
_LATE: Final = int(Flag.LATE)

assert (Word.OUTCOME, Word.EFFECTIVE_0, Word.HOLD) == (0, Word.BAND + 1, Word.EFFECTIVE_3 + 1), (
    "what is explained lies in two pieces"
)


class ReasonBody(msgspec.Struct, frozen=True):
    """Why: a rule that holds, or (`score`) the band of the model's score; the heaviest first."""

    id: str
    scenario: str
    zh: str
    en: str
    weight: int


class SentenceBody(msgspec.Struct, frozen=True):
    """A sentence in both languages."""

    zh: str
    en: str


class VersionsBody(msgspec.Struct, frozen=True):
    """What judged: digests of the feature set, the ruleset and the model ("" = no model)."""

    features: str
    ruleset: str
    model: str


class HoldOfBody(msgspec.Struct, frozen=True):
    """The hold a decision opened.  `id` names it among the changes; `until` is when its time ends."""

    id: int
    kind: str
    until: str


class DecisionBody(msgspec.Struct, frozen=True):
    """A decision.  `seq` is the event's position in the journal; `late`: scored on what was known; `score` in [0, 1];
    `score_reasons`: what raised a score that stands out, the heaviest first; `hold` of a payment that waits.
    """

    event_id: str
    source: str
    seq: int
    received_at: str
    late: bool
    score: float | None
    score_reasons: list[SentenceBody]
    hold: HoldOfBody | None
    outcome: str
    outcome_zh: str
    reasons: list[ReasonBody]
    versions: VersionsBody


class ResultBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event of a batch: its decision, or why it was refused."""

    decision: DecisionBody | None = None
    problem: ProblemBody | None = None


class BatchBody(msgspec.Struct, frozen=True):
    """Results of a batch, in its order."""

    results: list[ResultBody]


ALWAYS_TOLD: Final = frozenset({"event_id", "source", "seq"})
"""What names the event: in every answer."""
ANSWER_FIELDS: Final = tuple(name for name in DecisionBody.__struct_fields__ if name not in ALWAYS_TOLD)
"""What a caller's contract may name."""


class Explainer(Protocol):
    """Reasons of decisions that were made under one ruleset."""

    def explain(self, decision: Decisions, language: Language | str = ...) -> list[Reason]: ...


class ScoreExplainer(Protocol):
    """Reasons of one model's scores."""

    def top(self, features: npt.NDArray[np.float64]) -> list[Sentence]: ...


class Answers:
    """Renders results.  `explainer_of` gives the explainer for versions that were in force; NotFound when it is gone.

    `score_explainer_of` gives that of a model's scores, by the version of the feature set and the model's; where it raises, a
    model is gone or cannot be explained, and the decision stands without reasons of its score.

    `score_decimals`: of a score that is not told in full; 0: then it is null.

    Outcome, reasons and versions repeat from event to event, so their bytes are kept; the rest is put before them.
    """

    def __init__(
        self,
        explainer_of: Callable[[Versions], Explainer],
        score_explainer_of: Callable[[str, str], ScoreExplainer],
        score_decimals: int = 2,
    ) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._score_decimals = score_decimals
        self._explainer = lru_cache(maxsize=_VERSIONS_CACHED)(explainer_of)
        self._score_explainer = lru_cache(maxsize=_VERSIONS_CACHED)(score_explainer_of)
        self._end = lru_cache(maxsize=_ENDS_CACHED)(self._make_end)

    def bytes_of(self, decided: Decided, *, fine: bool = False, fields: frozenset[str] = frozenset()) -> bytes:
        """The decision, encoded: a DecisionBody, byte for byte the same whenever it is asked for.

        fine: tell the score in full, to those who need it (ML-23); others could rebuild the model from it.  fields: of
        ANSWER_FIELDS those that the caller may see; empty: all.
        """
        body = self._whole(decided, fine)
        return self._only(body, fields) if fields else body

    def _only(self, body: bytes, fields: frozenset[str]) -> bytes:
        """A decision with these fields only, in their order and as they were."""
        told = fields | ALWAYS_TOLD
        return self._encode({name: value for name, value in _decode_fields(body).items() if name in told})

    def _whole(self, decided: Decided, fine: bool) -> bytes:
        row = memoryview(decided.row)  # type: ignore[arg-type]
        words = decided.decision.tobytes()
        score: float = _FLOAT.unpack_from(words, _SCORE_AT)[0]
        received_ms = row[_RECEIVED]
        return (
            b'{"event_id":%b,"source":%b,"seq":%d,"received_at":"%b.%03dZ","late":%b,"score":%b,'
            b'"score_reasons":%b,"hold":%b%b'
            % (
                self._encode(decided.event_id),
                self._encode(decided.source),
                row[_SEQ],
                _second(received_ms // 1_000),
                received_ms % 1_000,
                b"true" if row[_FLAGS] & _LATE else b"false",
                self._score(score, fine),
                b"[]" if decided.features is None else self._score_reasons(decided),
                _hold(row, words),
                self._end(decided.versions, decided.model, words[:8], words[_BAND_AT:_WHY_END]),
            )
        )

    def _score(self, score: float, fine: bool) -> bytes:
        if score != score or not (fine or self._score_decimals):  # NaN
            return b"null"
        return self._encode(score if fine else round(score, self._score_decimals))

    def batch(
        self, results: Sequence[Decided | TarimError], *, fine: bool = False, fields: frozenset[str] = frozenset()
    ) -> bytes:
        """The results of a batch, encoded."""
        encode = self._encode
        return b'{"results":[%b]}' % b",".join(
            encode(ResultBody(problem=problem_body(problem_of(result))))
            if isinstance(result, TarimError)
            else b'{"decision":%b}' % self.bytes_of(result, fine=fine, fields=fields)
            for result in results
        )

    def _score_reasons(self, decided: Decided) -> bytes:
        """What raised the score, encoded; made when it is asked for, of what the event was judged on."""
        assert decided.features is not None
        try:
            told = self._score_explainer(decided.versions.features, decided.model).top(decided.features)
        except (NotFound, DefinitionError):
            told = []
        return self._encode([SentenceBody(each.zh, each.en) for each in told])

    def _make_end(self, versions: Versions, model: str, outcome_word: bytes, why_words: bytes) -> bytes:
        """The last fields: outcome, reasons, versions.  The score itself explains nothing, its band does."""
        decision = np.zeros(DECISION_WORDS, np.int64)
        decision[Word.OUTCOME] = np.frombuffer(outcome_word, np.int64)[0]
        decision[Word.BAND : Word.HOLD + 1] = np.frombuffer(why_words, np.int64)
        outcome = Outcome(int(decision[Word.OUTCOME]))
        explainer = self._explainer(versions)
        chinese = explainer.explain(decision, Language.ZH)
        english = explainer.explain(decision, Language.EN)
        reasons = [
            ReasonBody(zh.id, zh.scenario, zh.text, en.text, zh.weight) for zh, en in zip(chinese, english, strict=True)
        ]
        end = _End(
            outcome.name.lower(),
            OUTCOME_ZH[outcome],
            reasons,
            VersionsBody(versions.features, versions.ruleset, model),
        )
        return b"," + self._encode(end)[1:]


def _hold(row: memoryview, words: bytes) -> bytes:
    """The hold that the decision opened, encoded."""
    seconds = hold_seconds(_WORD.unpack_from(words, _HOLD_AT)[0])
    if not seconds:
        return b"null"
    until_ms = row[_RECEIVED] + 1_000 * seconds
    return b'{"id":%d,"kind":"%b","until":"%b.%03dZ"}' % (
        row[_SEQ],
        Outcome(_WORD.unpack_from(words)[0]).name.lower().encode(),
        _second(until_ms // 1_000),
        until_ms % 1_000,
    )


class _End(msgspec.Struct, frozen=True):
    outcome: str
    outcome_zh: str
    reasons: list[ReasonBody]
    versions: VersionsBody


assert DecisionBody.__struct_fields__[-4:] == _End.__struct_fields__


@lru_cache(maxsize=_SECONDS_CACHED)
def _second(second: int) -> bytes:
    """RFC 3339 text of a second, without its zone."""
    return instant_text(second * 1_000)[:-5].encode()
