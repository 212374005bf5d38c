"""The route for analysts: numbers for a score that stands out, a clear refusal for the others."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest

from tarim.api.explanations import ExplanationBody, SourceQuery, explanation_routes
from tarim.api.routes import Call
from tarim.base.errors import NotFound
from tarim.decisions import DECISION_WORDS, Decided, Versions, Word
from tarim.identity import Caller, CallerKind, Scope
from tarim.models import Explanation, Part, Sentence
from tarim.stream import Col, empty_rows

LI = Caller("li", CallerKind.KEY, frozenset({Scope.EXPLAIN}))


class FakeService:
    """Has one decision, under whatever key."""

    def __init__(self, features: np.ndarray | None) -> None:
        row, decision = empty_rows(1)[0], np.zeros(DECISION_WORDS, np.int64)
        row[Col.SEQ] = 7
        decision[Word.SCORE : Word.SCORE + 1] = np.array([0.75]).view(np.int64)
        versions = Versions("f1", "r1", "m1", (("m2", 100),))
        self.found = Decided("e1", "core", row, decision, versions, True, judged=1, features=features)

    def decided(self, event_key: int) -> Decided:
        return self.found


class FakeExplainer:
    def __init__(self, features_version: str, model: str) -> None:
        assert (features_version, model) == ("f1", "m2"), "the challenger judged"

    def explain(self, features: np.ndarray) -> Explanation:
        parts = (Part("a", 2.0, 1.5, Sentence("甲", "A")), Part("b", math.nan, -0.25, Sentence("乙", "B")))
        return Explanation(parts, -0.15, 1.1, 0.75)


def ask(service: FakeService, event_id: str = "e1", source: str = "core") -> ExplanationBody:
    (route,) = explanation_routes(service, FakeExplainer)
    assert route.scope is Scope.EXPLAIN
    return asyncio.run(route.handler(Call(LI, {"event_id": event_id}, SourceQuery(source), None)))


def test_every_part_is_told_and_adds_up() -> None:
    """By the model that judged; a missing value is null."""
    body = ask(FakeService(np.array([2.0, math.nan])))
    assert (body.model, body.score, body.seq) == ("m2", 0.75, 7)
    assert [(part.feature, part.value, part.zh) for part in body.parts] == [("a", 2.0, "甲"), ("b", None, "乙")]
    assert math.isclose(body.expected + sum(part.contribution for part in body.parts), body.raw)


def test_what_was_not_kept_is_refused_with_the_way_out() -> None:
    """The refusal names the command that computes it again; another event under the same hash is not told."""
    with pytest.raises(NotFound, match="decisions explain"):
        ask(FakeService(None))
    with pytest.raises(NotFound, match="no decision"):
        ask(FakeService(np.zeros(2)), event_id="other")
