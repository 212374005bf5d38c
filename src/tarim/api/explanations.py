"""What each feature added to a decision's score, in numbers: for analysts with a scope of their own (ML-14, ML-23)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from tarim.api.routes import Call, Route
from tarim.base.errors import NotFound
from tarim.decisions import DecisionService, score_of
from tarim.identity import Scope
from tarim.intake import event_key
from tarim.models import Explanation


class SourceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The system that sent the event."""

    source: Annotated[str, Meta(min_length=1, max_length=32)]


class PartBody(msgspec.Struct, frozen=True):
    """What one feature adds to the raw score (log odds); `value` as it was judged, null when missing."""

    feature: str
    value: float | None
    contribution: float
    zh: str
    en: str


class ExplanationBody(msgspec.Struct, frozen=True):
    """A score and its parts, the heaviest first: `expected` and all contributions add up to `raw`, the log odds before
    calibration; `score` is the probability that was recorded.
    """

    event_id: str
    source: str
    seq: int
    model: str
    score: float
    raw: float
    expected: float
    parts: list[PartBody]


class FullExplainer(Protocol):
    """All parts of one model's scores."""

    def explain(self, features: npt.NDArray[np.float64]) -> Explanation: ...


def explanation_routes(service: DecisionService, explainer_of: Callable[[str, str], FullExplainer]) -> list[Route]:
    """The routes; `explainer_of`: by the versions of the feature set and of the model."""

    async def explain(call: Call) -> ExplanationBody:
        source, event_id = call.query.source, call.path["event_id"]
        decided = service.decided(event_key(source, event_id))
        if (decided.source, decided.event_id) != (source, event_id):
            raise NotFound("no decision for that event")
        if decided.features is None:
            raise NotFound(
                "what this event was judged on was not kept, since its score is in no band;"
                " `tarim decisions explain` computes it again from the journal"
            )
        found = explainer_of(decided.versions.features, decided.model).explain(decided.features)
        parts = [
            PartBody(
                part.feature,
                None if math.isnan(part.value) else part.value,
                part.contribution,
                part.sentence.zh,
                part.sentence.en,
            )
            for part in found.parts
        ]
        return ExplanationBody(
            event_id, source, decided.seq, decided.model, score_of(decided.decision), found.raw, found.expected, parts
        )

    return [
        Route("GET", "/v1/explanations/{event_id:path}", "explain_decision", "What made up a score / 评分的构成", Scope.EXPLAIN,
              explain, ExplanationBody, query=SourceQuery),
    ]  # fmt: skip
