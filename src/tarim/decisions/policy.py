"""The policy: rows and features in, decisions out, and the reasons of a decision afterwards.

Pure: no clock, no disk.  A decision depends on its own event's row and features only, so where a batch is cut changes
nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError
from tarim.base.kernels.bound import Bound, Words, address_of, table_of, words_of
from tarim.decisions.domain import (
    DECISION_WORDS,
    WHOLE,
    Beside,
    Effects,
    Language,
    Lineup,
    Reason,
    Word,
    effective_of,
    salt_of,
    salts_of,
)
from tarim.decisions.kernels.judge import judge
from tarim.decisions.kernels.routing import CODES, UNASKED
from tarim.decisions.verification import shortfall_text
from tarim.models import ROW_DIVISIONS, segment_texts
from tarim.rules import HIT_WORDS, MEMBER_WORDS, RULES_MAX, Band, Probe, Rule, Ruleset
from tarim.stream import Outcome, Rows

CHUNK_EVENTS: Final = 1_024
"""Events judged at a time: the scratch of a Decider, and small enough to stay in the cache."""

VERIFICATION_WEIGHT: Final = 100
"""Of the reason that more is asked of the customer."""

Features = npt.NDArray[np.float64]
Decisions = npt.NDArray[np.int64]
"""Shape (n, DECISION_WORDS)."""


class Scorer(Protocol):
    """What the policy needs of a model.

    bound: a kernel (table, features float64[n, F], out float64[n]) that writes the score of each event, in [0, 1].
    left_to_rules: shape (4, 100), by division and code the events it is not asked about (`kernels.routing`).
    """

    @property
    def version(self) -> str: ...
    @property
    def feature_names(self) -> tuple[str, ...]:
        """Columns the model expects `features` to have, in order."""

    @property
    def bound(self) -> Bound: ...
    @property
    def left_to_rules(self) -> npt.NDArray[np.uint8]: ...


class Lists(Protocol):
    """What the policy needs of lists."""

    def members(self, rows: Rows, probes: Sequence[Probe], out: npt.NDArray[np.uint64]) -> None:
        """Set or clear bit p % 64 of out[i, p // 64] for each probe p: rows (n, 32), out (n, 4), overwritten.

        The bit says whether word `column` of row i is an entry of list `list_name` now; an unknown list has no entries.
        """


UNSTEERED: Final = Effects(
    np.full(HIT_WORDS, 0xFFFFFFFFFFFFFFFF, np.uint64),
    np.full(RULES_MAX, WHOLE, np.int64),
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros((0, HIT_WORDS), np.uint64),
)
"""Every rule has effect for everybody."""


class Decider:
    """Judges events by a ruleset, its score bands, and optionally models and lists.

    Holds scratch memory, so one thread at a time.  The kernels keep the interpreter: a decision takes microseconds, and to get
    it back from a thread that is at work takes hundreds.  Publishing another ruleset or model
    means making another Decider and using it from the next event on.  model: the champion to begin with; more: further models
    that `line_up` may choose from.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        model: Scorer | None,
        feature_names: Sequence[str],
        lists: Lists | None = None,
        more: Sequence[Scorer] = (),
    ) -> None:
        self.feature_names = tuple(feature_names)
        models = ([model] if model is not None else []) + list(more)
        for what, names in (("ruleset", ruleset.feature_names), *(("model", each.feature_names) for each in models)):
            if names != self.feature_names:
                raise DefinitionError(f"the {what} was made for other features, or for these in another order")
        assert len(ruleset.rules) <= RULES_MAX
        self.ruleset = ruleset
        self.models: Mapping[str, Scorer] = {each.version: each for each in models}
        self.lists = lists
        self.policy_version = policy_version(ruleset.bands)
        self._rule_masks = np.zeros((len(Outcome), HIT_WORDS), np.uint64)
        for rule in ruleset.rules:
            self._rule_masks[rule.outcome, rule.index // 64] |= np.uint64(1 << rule.index % 64)
        self._band_starts = np.array([band.at_least for band in ruleset.bands], np.float64)
        self._band_outcomes = np.array([band.outcome for band in ruleset.bands], np.int64)
        self._evaluate = address_of(ruleset.evaluate)
        self._hits = np.zeros((CHUNK_EVENTS, HIT_WORDS), np.uint64)
        self._settled = np.zeros((CHUNK_EVENTS, HIT_WORDS), np.uint64)
        self._scores = np.full(CHUNK_EVENTS, np.nan)
        self._judges = np.zeros(CHUNK_EVENTS, np.uint8)
        self._members = np.zeros((CHUNK_EVENTS, MEMBER_WORDS), np.uint64)
        self._salts = salts_of(ruleset.rules)
        self._effects = UNSTEERED
        self.line_up(Lineup(model.version if model is not None else ""))

    @property
    def rules(self) -> Sequence[Rule]:
        """The rules of the ruleset."""
        return self.ruleset.rules

    def steer(self, effects: Effects) -> None:
        """From the next event on, let the rules have this effect only; all of them are judged and recorded as before."""
        self._effects = effects
        self._bind()

    def line_up(self, lineup: Lineup) -> None:
        """From the next event on, score by these models.  Raises DefinitionError for one that it does not have."""
        lacking = [each for each in lineup.versions if each and each not in self.models]
        if lacking:
            raise DefinitionError(f"the model {lacking[0]} is not loaded")
        self.lineup = lineup
        self.model = self.models.get(lineup.champion)
        self._scores[:] = np.nan
        self._judges[:] = 0
        nothing = np.zeros((len(ROW_DIVISIONS), CODES), np.uint8)
        self._left = np.stack([self.models[each].left_to_rules if each else nothing for each in lineup.versions])
        self._said = Beside.room(CHUNK_EVENTS, lineup)
        self._bind()

    def _bind(self) -> None:
        """Lay out what is in force for the kernel."""
        self._bound_line_up, line_up = self._line_up_table()
        e = self._effects
        self._bound_effects = table_of(e.live, e.shares, self._salts, e.customers, e.until_ms, e.masks)
        self._table = table_of(
            len(self.feature_names), 0 if self.model is None else self.model.bound, self._evaluate,
            len(self.lineup.challengers), int(not e.plain), int(self._left.any()), line_up, self._bound_effects, self._left,
            self._scores, self._judges, self._members, self._hits, self._settled, self._rule_masks, self._band_starts,
            self._band_outcomes,
        )  # fmt: skip

    def _line_up_table(self) -> tuple[tuple[object, ...], Words]:
        """The kernel's table of several models, and the arrays that it points into; an empty one for fewer than two."""
        if self._said is None:
            return (), np.zeros(0, np.int64)
        challengers = self.lineup.challengers
        scorers = np.zeros((1 + len(challengers), 3), np.int64)
        for words, version in zip(scorers, self.lineup.versions, strict=True):
            if version:
                words[:] = words_of(self.models[version].bound)
        shares = np.array([0, *(share for _, share in challengers)], np.int64)
        salts = np.array([0, *(salt_of(version) for version, _ in challengers)], np.uint64)
        scores_of = np.full((len(scorers), CHUNK_EVENTS), np.nan)
        kept = (scorers, shares, salts, scores_of, self._said.judged, self._said.scores)
        table = table_of(*kept)
        return (*kept, table), table

    @property
    def ruleset_version(self) -> str:
        """Digest of the ruleset's text; the score bands are part of it."""
        return self.ruleset.version

    @property
    def model_version(self) -> str:
        """Digest of the champion's file, "" without one."""
        return self.lineup.champion

    def decide(
        self, rows: Rows, features: Features, decisions: Decisions | None = None, beside: Beside | None = None
    ) -> Decisions:
        """Decisions of a batch, shape (n, DECISION_WORDS), in `decisions` if it is given.

        beside: room for what each model said, where there are challengers.

        `rows` (n, 32) get their outcome; `features` (n, F) become all missing where the event lacks the flag
        HISTORY_AUTHORISED, so what is kept or exported is what was judged on.  All arrays C-contiguous.
        """
        count = len(rows)
        if decisions is None:
            decisions = np.empty((count, DECISION_WORDS), np.int64)
        if count > CHUNK_EVENTS:
            for start in range(0, count, CHUNK_EVENTS):
                part = slice(start, start + CHUNK_EVENTS)
                self.decide(rows[part], features[part], decisions[part], beside.part(part) if beside else None)
            return decisions
        if self.lists is not None and self.ruleset.probes:
            self.lists.members(rows, self.ruleset.probes, self._members[:count])
        judged = judge(self._table, rows, features, decisions)
        assert judged, (
            f"rows {rows.shape}, features {features.shape}, decisions {decisions.shape} do not fit each other"
        )
        if self._said is not None and beside is not None:
            beside.judged[:], beside.scores[:] = self._said.judged[:count], self._said.scores[:count]
        return decisions

    def explain(self, decision: Decisions, language: Language | str = Language.ZH) -> list[Reason]:
        """Reasons of one decision, shape (DECISION_WORDS,), heaviest first, in Chinese or English.

        The decision must come from this ruleset.  Raises ValueError for another language.
        """
        return reasons_of(self.ruleset.rules, self.ruleset.bands, decision, language)


def reasons_of(
    rules: Sequence[Rule], bands: Sequence[Band], decision: Decisions, language: Language | str = Language.ZH
) -> list[Reason]:
    """Reasons of one decision, shape (DECISION_WORDS,), by the rules and bands it was made with; see `Decider.explain`."""
    chinese = Language(language) is Language.ZH
    reasons = [
        Reason("rule", rule.id, rule.scenario, rule.outcome, rule.weight, rule.reason_zh if chinese else rule.reason_en)
        for rule in (rules[index] for index in effective_of(decision))
    ]
    band_index = int(decision[Word.BAND])
    if band_index >= 0:
        band = bands[band_index]
        text = band.reason_zh if chinese else band.reason_en
        reasons.append(Reason("score", "score", "", band.outcome, band.weight, text))
    elif band_index <= UNASKED:
        reasons.append(Reason("coverage", "coverage", "", Outcome.PASS, 0, _unasked_text(band_index, chinese)))
    needed = shortfall_text(int(decision[Word.HOLD]), Language(language))
    if needed:
        reasons.append(Reason("verification", "verification", "", Outcome.CHALLENGE, VERIFICATION_WEIGHT, needed))
    return sorted(reasons, key=lambda reason: (-reason.weight, -reason.outcome, reason.id))


def _unasked_text(band_index: int, chinese: bool) -> str:
    """Why the model was not asked, by the band's word of a decision."""
    zh, en = segment_texts(*divmod(UNASKED - band_index, 1 << 8))
    if chinese:
        return f"模型未评分：此类事件（{zh}）训练样本不足，仅由规则判定"
    return f"not scored: the model learned from too few events of {en}; rules alone decide"


def policy_version(bands: Sequence[Band]) -> str:
    """Digest of the score bands, hex: two rulesets with one policy version treat a score alike."""
    content = [[band.at_least, band.outcome.name, band.weight, band.reason_zh, band.reason_en] for band in bands]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
