"""Backtest: what would these rules have done to the events of a span?  Pure measures; `bootstrap` brings the events.

Each event of the span is judged once more by one draft, or by two side by side, on the features production computed for it,
and what holds is counted: events, customers, money, fraud caught, by rule, by day and by segment, beside what the live rules
said.  Events of kind label are not measured: they are what is measured by.

A label counts for the event it refers to; of several the last in the journal counts.  *Then known* are the labels that lie
in the journal before the span's end, *now known* those before the journal's end.

The result is a function of what was put in, wherever the events were cut: the same inputs give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import Unavailable
from tarim.decisions.backtest_counts import OF_DRAFT, Counted, Divisions, Mark, grown
from tarim.decisions.backtest_examples import Examples
from tarim.decisions.backtest_input import STOPS, Bits, Draft, Features, Labels, Words
from tarim.decisions.backtest_results import (
    Difference,
    DraftResult,
    Group,
    Groups,
    Live,
    Measured,
    Overlap,
    Recorded,
    RuleResult,
    Tally,
    share,
)
from tarim.decisions.domain import Word
from tarim.decisions.kernels import backtest as kernel
from tarim.decisions.kernels.decide import hide_history
from tarim.decisions.policy import Lists
from tarim.rules import HIT_WORDS, Rule
from tarim.stream import Col, Kind, Outcome, Rows

OVERLAPS_SHOWN: Final = 10
"""Live rules named for each rule, those with most events in common."""
DIFFERING_SHOWN: Final = 100
LIVE_RULES_MAX: Final = 512
"""Different live rules of one span, all versions together."""

_LIVE_WORDS: Final = LIVE_RULES_MAX // 64
_ONE: Final = np.uint64(1)


class Backtest:
    """Takes the events of a span in order, in chunks of any size, and gives the measures at the end.

    drafts: one, or two side by side.  labels: what is known, as at the instant chosen.  live_rules: the rules of a ruleset
    that was in force, by its version; raises NotFound.  lists: as they are for the events of the next `take`.
    """

    def __init__(
        self,
        drafts: Sequence[Draft],
        labels: Labels,
        feature_names: Sequence[str],
        live_rules: Callable[[str], Sequence[Rule]],
        lists: Lists | None = None,
    ) -> None:
        assert 1 <= len(drafts) <= 2
        self._drafts = drafts
        self._labels = labels
        self._live_rules = live_rules
        self._lists = lists
        self._live_ids: list[str] = []
        self._examples = Examples(drafts, feature_names, self._live_ids)
        self._places: dict[str, Words] = {}
        self._by_rule = [Counted(HIT_WORDS) for _ in drafts]
        self._pairs = [np.zeros((64 * HIT_WORDS, LIVE_RULES_MAX), np.int64) for _ in drafts]
        self._new = [np.zeros((64 * HIT_WORDS, kernel.COUNTS), np.int64) for _ in drafts]
        self._outcomes = np.zeros((len(drafts), len(Outcome)), np.int64)
        self._recorded = np.zeros((len(drafts), 2), np.int64)
        self._differing: list[list[int]] = [[] for _ in drafts]
        self._marks = Counted(1)
        self._divisions = Divisions()
        self._group_counts = np.zeros((0, len(Mark), kernel.COUNTS), np.int64)
        self._group_touched = [np.zeros((0, 0), np.uint64) for _ in drafts]
        self._customers: dict[int, int] = {}

    def take(self, rows: Rows, features: Features, decisions: Words, version: str) -> None:
        """Measure events that were decided under ruleset `version`; n > 0, positions ascending.

        rows (n, 32) and decisions (n, words) as they lie in the journal; features (n, F) as the engine gives them, which are
        made missing where a decider would not have seen them.
        """
        hide_history(rows, features)
        scores = np.ascontiguousarray(decisions[:, Word.SCORE]).view(np.float64)
        hits = [draft.hits(rows, features, scores, self._lists) for draft in self._drafts]
        recorded = np.ascontiguousarray(decisions[:, Word.HITS_0 : Word.HITS_3 + 1]).view(np.uint64)
        self._compare(rows, hits, recorded, version)
        measured = rows[:, Col.KIND] != Kind.LABEL
        if measured.all():
            self._count(rows, features, scores, decisions, hits, recorded, version)
        elif measured.any():
            chosen = [each[measured] for each in (rows, features, scores, decisions)]
            self._count(*chosen, [each[measured] for each in hits], recorded[measured], version)  # type: ignore[call-arg]

    def _compare(self, rows: Rows, hits: Sequence[Bits], recorded: Bits, version: str) -> None:
        for at, draft in enumerate(self._drafts):
            if draft.ruleset.version == version:
                different = rows[((recorded & draft.mask) != hits[at]).any(axis=1), Col.SEQ]
                self._recorded[at] += (len(rows), len(different))
                self._differing[at] += different[: DIFFERING_SHOWN - len(self._differing[at])].tolist()

    def _count(
        self,
        rows: Rows,
        features: Features,
        scores: Features,
        decisions: Words,
        hits: Sequence[Bits],
        recorded: Bits,
        version: str,
    ) -> None:
        labels = self._labels.at(np.ascontiguousarray(rows[:, Col.SEQ]))
        amounts_fen = np.ascontiguousarray(rows[:, Col.AMOUNT_FEN])
        live = self._live(recorded, version)
        effective = (decisions[:, Word.EFFECTIVE_0 : Word.EFFECTIVE_3 + 1] != 0).any(axis=1)
        marks = self._mark(hits, effective, decisions[:, Word.OUTCOME] >= STOPS)
        customers = self._numbered(rows, marks)
        count = len(self._customers)
        keys = np.ascontiguousarray(rows[:, Col.EVENT_KEY]).view(np.uint64)
        for at, of_draft in enumerate(hits):
            counted = self._by_rule[at]
            counted.take(of_draft, amounts_fen, labels, customers, count)
            kernel.count_pairs(of_draft, live, self._pairs[at])
            kernel.count(np.where(effective[:, None], np.uint64(0), of_draft), amounts_fen, labels, self._new[at])
            kernel.sample(of_draft, labels, keys, counted.best, counted.best_at)
        of_all = marks.reshape(-1, 1)
        self._marks.take(of_all, amounts_fen, labels, customers, count)
        kernel.sample(of_all, labels, keys, self._marks.best, self._marks.best_at)
        self._examples.keep([*self._by_rule, self._marks], rows, features, scores, decisions, labels, hits, live)
        self._count_groups(rows, marks, amounts_fen, labels, customers)

    def _live(self, recorded: Bits, version: str) -> Bits:
        """Live rules that hold, numbered through over all versions; shape (n, _LIVE_WORDS)."""
        places = self._places.get(version)
        if places is None:
            ids = [rule.id for rule in self._live_rules(version)]
            self._live_ids += [each for each in ids if each not in self._live_ids]
            if len(self._live_ids) > LIVE_RULES_MAX:
                raise Unavailable(f"the span has more than {LIVE_RULES_MAX} different live rules; choose a shorter one")
            places = self._places[version] = np.array([self._live_ids.index(each) for each in ids], np.int64)
        live = np.zeros((len(recorded), _LIVE_WORDS), np.uint64)
        if np.array_equal(places, np.arange(len(places))):
            live[:, :HIT_WORDS] = recorded
            return live
        for index, place in enumerate(places.tolist()):
            bit = recorded[:, index // 64] >> np.uint64(index % 64) & _ONE
            live[:, place // 64] |= bit << np.uint64(place % 64)
        return live

    def _mark(self, hits: Sequence[Bits], effective: npt.NDArray[np.bool_], stopped: npt.NDArray[np.bool_]) -> Bits:
        marks = np.full(len(effective), 1 << Mark.MEASURED, np.uint64)

        def mark(which: Mark, where: npt.NDArray[np.bool_]) -> None:
            marks[where] |= np.uint64(1 << which)

        mark(Mark.LIVE, effective)
        mark(Mark.LIVE_STOPPED, stopped)
        hit = [(of_draft != 0).any(axis=1) for of_draft in hits]
        for at, draft in enumerate(self._drafts):
            hit_mark, stopped_mark, new, lost = OF_DRAFT[at]
            mark(hit_mark, hit[at])
            mark(stopped_mark, ((hits[at] & draft.stopping) != 0).any(axis=1))
            mark(new, hit[at] & ~effective)
            mark(lost, effective & ~hit[at])
            outcomes = np.full(len(effective), -1, np.int64)
            for outcome in Outcome:
                outcomes[((hits[at] & draft.of_outcome[outcome]) != 0).any(axis=1)] = outcome
            self._outcomes[at] += np.bincount(outcomes[outcomes >= 0], minlength=len(Outcome))
        if len(hit) == 2:
            mark(Mark.ONLY_FIRST, hit[0] & ~hit[1])
            mark(Mark.ONLY_OTHER, hit[1] & ~hit[0])
            mark(Mark.BOTH, hit[0] & hit[1])
        return marks

    def _numbered(self, rows: Rows, marks: Bits) -> Words:
        """Dense numbers of the customers of events that something holds for; -1 for all others."""
        numbers = np.full(len(rows), -1, np.int64)
        where = np.flatnonzero((marks != np.uint64(1 << Mark.MEASURED)) & (rows[:, Col.CUSTOMER] != 0))
        known = self._customers
        numbers[where] = [known.setdefault(token, len(known)) for token in rows[where, Col.CUSTOMER].tolist()]
        return numbers

    def _count_groups(self, rows: Rows, marks: Bits, amounts_fen: Words, labels: Words, customers: Words) -> None:
        groups = self._divisions.groups(rows)
        groups_count = len(self._divisions.values)
        if groups_count > len(self._group_counts):
            wider = np.zeros((2 * groups_count, *self._group_counts.shape[1:]), np.int64)
            wider[: len(self._group_counts)] = self._group_counts
            self._group_counts = wider
        kernel.count_groups(marks, groups, amounts_fen, labels, self._group_counts)
        words = -(-groups_count // 64)
        for at in range(len(self._drafts)):
            touched = self._group_touched[at]
            if words > touched.shape[1]:
                wide = np.zeros((len(touched), words), np.uint64)
                wide[:, : touched.shape[1]] = touched
                touched = wide
            touched = self._group_touched[at] = grown(touched, len(self._customers))
            hit = np.flatnonzero(marks & np.uint64(1 << OF_DRAFT[at][0]))
            kernel.touch_groups(groups[hit], customers[hit], touched)

    # ---- the end ---------------------------------------------------------------------------------------------------

    def measured(self, identity: Callable[[int], tuple[str, str]]) -> Measured:
        """The measures; `identity` gives event_id and source of the event at a position."""
        base = self._marks.counts[Mark.MEASURED]
        fraud = int(base[kernel.FRAUD])
        marks = self._marks.tallies(fraud)
        difference = None
        if len(self._drafts) == 2:
            difference = Difference(
                marks[Mark.ONLY_FIRST],
                marks[Mark.ONLY_OTHER],
                marks[Mark.BOTH],
                self._examples.of(self._marks, Mark.ONLY_FIRST, None, identity),
                self._examples.of(self._marks, Mark.ONLY_OTHER, None, identity),
            )
        drafts = [self._draft(at, marks, fraud, identity) for at in range(len(self._drafts))]
        live = Live(marks[Mark.LIVE], marks[Mark.LIVE_STOPPED], list(self._places))
        return Measured(int(base[kernel.EVENTS]), fraud, int(base[kernel.GENUINE]), live, drafts, difference)

    def _draft(
        self, at: int, marks: Sequence[Tally], fraud: int, identity: Callable[[int], tuple[str, str]]
    ) -> DraftResult:
        draft = self._drafts[at]
        counted = self._by_rule[at]
        tallies = counted.tallies(fraud)
        rules = [
            RuleResult(
                rule.id,
                rule.scenario,
                rule.outcome.name.lower(),
                tallies[rule.index],
                int(self._new[at][rule.index, kernel.EVENTS]),
                int(self._new[at][rule.index, kernel.FRAUD]),
                self._overlap(self._pairs[at][rule.index]),
                self._examples.of(counted, rule.index, rule, identity),
            )
            for rule in draft.rules
        ]
        outcomes = {outcome.name.lower(): int(self._outcomes[at, outcome]) for outcome in Outcome}
        recorded = Recorded(int(self._recorded[at, 0]), int(self._recorded[at, 1]), self._differing[at])
        hit, stopped, new, lost = (marks[mark] for mark in OF_DRAFT[at])
        return DraftResult(
            draft.ruleset.name,
            draft.ruleset.version,
            draft.rule,
            hit,
            stopped,
            new,
            lost,
            outcomes,
            rules,
            self._groups(at),
            recorded,
        )

    def _overlap(self, pairs: Words) -> list[Overlap]:
        found = [Overlap(name, int(pairs[place])) for place, name in enumerate(self._live_ids) if pairs[place]]
        return sorted(found, key=lambda each: (-each.events, each.rule))[:OVERLAPS_SHOWN]

    def _groups(self, at: int) -> Groups:
        totals = np.zeros(64 * self._group_touched[at].shape[1], np.int64)
        kernel.add_up(self._group_touched[at], totals)
        found: dict[str, list[Group]] = {"day": [], "kind": [], "channel": [], "amount": [], "city": []}
        for place, (division, value) in enumerate(self._divisions.values):
            of_all = self._group_counts[place, Mark.MEASURED].tolist()
            if not of_all[kernel.EVENTS]:
                continue
            events, amount_fen, fraud, genuine, _ = self._group_counts[place, OF_DRAFT[at][0]].tolist()
            live = self._group_counts[place, Mark.LIVE].tolist()
            found[division].append(
                Group(
                    value,
                    of_all[kernel.EVENTS],
                    of_all[kernel.FRAUD],
                    events,
                    int(totals[place]),
                    amount_fen,
                    fraud,
                    genuine,
                    live[kernel.EVENTS],
                    live[kernel.FRAUD],
                    share(fraud, events),
                    share(fraud, of_all[kernel.FRAUD]),
                )
            )
        for division in ("day", "city"):
            found[division].sort(key=lambda group: group.value)
        return Groups(**found)
