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
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError, Unavailable
from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, instant_text
from tarim.decisions.backtest_results import (
    Difference,
    DraftResult,
    Example,
    Fact,
    Group,
    Groups,
    Live,
    Measured,
    Overlap,
    Recorded,
    RuleResult,
    Tally,
    city_text,
    masked,
    share,
    tally,
)
from tarim.decisions.domain import Word
from tarim.decisions.kernels import backtest as kernel
from tarim.decisions.kernels.decide import hide_history
from tarim.decisions.policy import Lists
from tarim.rules import HIT_WORDS, MEMBER_WORDS, Rule, Ruleset
from tarim.stream import (
    COLUMN_OF_FIELD,
    Channel,
    Col,
    Flag,
    Kind,
    NetworkKind,
    Outcome,
    Result,
    Rows,
    Verification,
)

Words = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]
Features = npt.NDArray[np.float64]

EXAMPLES: Final = 3
"""Events shown of each rule, and as many of its fraud."""
OVERLAPS_SHOWN: Final = 10
"""Live rules named for each rule, those with most events in common."""
DIFFERING_SHOWN: Final = 100
LIVE_RULES_MAX: Final = 512
"""Different live rules of one span, all versions together."""
CITIES_MAX: Final = 4_096
"""Cities told apart; events of any further one count as `other`."""
STOPS: Final = Outcome.CHALLENGE
"""From this outcome on the customer is stopped or delayed."""
AMOUNT_BANDS_YUAN: Final = (1_000, 5_000, 20_000, 50_000, 200_000)
"""Where the bands of amounts begin; below them one more, and one for events without an amount."""

_PART_EVENTS: Final = 1_024
_FEN_PER_YUAN: Final = 100
_LIVE_WORDS: Final = LIVE_RULES_MAX // 64
_CODES: Final = 1_000_000
_ONE: Final = np.uint64(1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Mark(IntEnum):
    """What is counted of an event as a whole; bits of one word."""

    MEASURED = 0
    LIVE = 1
    """A live rule with an effect holds."""
    LIVE_STOPPED = 2
    """The recorded outcome stops the customer."""
    HIT = 3
    """A rule of the first draft holds."""
    STOPPED = 4
    """One that stops the customer does."""
    NEW = 5
    """A rule of the first draft holds, and no live one with an effect."""
    LOST = 6
    """A live rule with an effect holds, and none of the first draft."""
    OTHER_HIT = 7
    OTHER_STOPPED = 8
    OTHER_NEW = 9
    OTHER_LOST = 10
    ONLY_FIRST = 11
    ONLY_OTHER = 12
    BOTH = 13


_OF_DRAFT: Final = (
    (Mark.HIT, Mark.STOPPED, Mark.NEW, Mark.LOST),
    (Mark.OTHER_HIT, Mark.OTHER_STOPPED, Mark.OTHER_NEW, Mark.OTHER_LOST),
)


# ---- what goes in ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of events: positions, ascending, and 1 (fraud) or 0 (genuine) for each."""

    seqs: Words
    values: Words

    @classmethod
    def of(cls, refers_seqs: Words, values: Words) -> Labels:
        """From the labels in journal order, each with the position it refers to (-1: unknown); the last one counts."""
        known = (refers_seqs >= 0) & (values >= 0)
        refers_seqs, values = refers_seqs[known][::-1], values[known][::-1]
        seqs, last = np.unique(refers_seqs, return_index=True)
        return cls(seqs, values[last])

    def at(self, seqs: Words) -> Words:
        """Labels of events at these positions, ascending; -1 for none.  Shape (n,)."""
        found = np.full(len(seqs), -1, np.int64)
        if len(seqs):
            low, high = np.searchsorted(self.seqs, [seqs[0], seqs[-1] + 1])
            places = np.searchsorted(seqs, self.seqs[low:high])
            same = seqs[places] == self.seqs[low:high]
            found[places[same]] = self.values[low:high][same]
        return found


class Draft:
    """A ruleset on trial, or one rule of it.  Raises DefinitionError for a rule it does not have."""

    def __init__(self, ruleset: Ruleset, rule: str = "") -> None:
        wanted = [each for each in ruleset.rules if rule in ("", each.id)]
        if not wanted:
            raise DefinitionError(f"{ruleset.name} has no rule {rule[:64]!r}")
        self.ruleset = ruleset
        self.rule = rule
        self.rules: Sequence[Rule] = wanted
        self.mask = _mask(wanted)
        self.of_outcome = [_mask([each for each in wanted if each.outcome == outcome]) for outcome in Outcome]
        self.stopping = _mask([each for each in wanted if each.outcome >= STOPS])
        self._members = np.zeros((_PART_EVENTS, MEMBER_WORDS), np.uint64)

    def hits(self, rows: Rows, features: Features, scores: Features, lists: Lists | None) -> Bits:
        """Which rules hold, shape (n, HIT_WORDS); features must be those a decider judges on."""
        hits = np.empty((len(rows), HIT_WORDS), np.uint64)
        for start in range(0, len(rows), _PART_EVENTS):
            part = slice(start, start + _PART_EVENTS)
            members = self._members[: len(rows[part])]
            if lists is not None and self.ruleset.probes:
                lists.members(rows[part], self.ruleset.probes, members)
            self.ruleset.evaluate(rows[part], features[part], scores[part], members, hits[part])
        hits &= self.mask
        return hits


def _mask(rules: Sequence[Rule]) -> Bits:
    words = np.zeros(HIT_WORDS, np.uint64)
    for rule in rules:
        words[rule.index // 64] |= np.uint64(1 << rule.index % 64)
    return words


# ---- counting --------------------------------------------------------------------------------------------------------


class _Counted:
    """Counts, customers and examples for some bits."""

    def __init__(self, words: int) -> None:
        self.counts = np.zeros((64 * words, kernel.COUNTS), np.int64)
        self.touched = np.zeros((0, words), np.uint64)
        self.defrauded = np.zeros((0, words), np.uint64)
        self.best = np.full((64 * words, 2, EXAMPLES), np.iinfo(np.uint64).max, np.uint64)
        self.best_at = np.full((64 * words, 2, EXAMPLES), -1, np.int64)

    def take(self, bits: Bits, amounts_fen: Words, labels: Words, customers: Words, customers_count: int) -> None:
        kernel.count(bits, amounts_fen, labels, self.counts)
        self.touched = _grown(self.touched, customers_count)
        self.defrauded = _grown(self.defrauded, customers_count)
        kernel.touch(bits, labels, customers, self.touched, self.defrauded)

    def customers(self) -> tuple[Words, Words]:
        """Customers by bit, and those of them with fraud, each of shape (64 words,)."""
        totals = np.zeros((2, len(self.counts)), np.int64)
        kernel.add_up(self.touched, totals[0])
        kernel.add_up(self.defrauded, totals[1])
        return totals[0], totals[1]

    def tallies(self, fraud: int) -> list[Tally]:
        """A tally for each bit; `fraud`: labelled fraud of the span."""
        customers, defrauded = self.customers()
        return [tally(self.counts[at], int(customers[at]), int(defrauded[at]), fraud) for at in range(len(self.counts))]


def _grown(array: npt.NDArray[np.uint64], rows: int) -> npt.NDArray[np.uint64]:
    """The array with room for at least so many rows, new ones zero."""
    if rows <= len(array):
        return array
    wider = np.zeros((max(1_024, 1 << (rows - 1).bit_length()), array.shape[1]), np.uint64)
    wider[: len(array)] = array
    return wider


class _Divisions:
    """The groups of events: fixed ones for kind, channel and amount, and days and cities as they turn up."""

    def __init__(self) -> None:
        self.values: list[tuple[str, str]] = []
        self._kinds = self._fixed("kind", ["unknown", *(kind.name.lower() for kind in Kind)])
        self._channels = self._fixed("channel", [channel.name.lower() for channel in Channel])
        starts = (0, *AMOUNT_BANDS_YUAN)
        ends = [f"-{end}" for end in AMOUNT_BANDS_YUAN]
        bands = [f"{start}{end}" for start, end in zip(starts, [*ends, "-"], strict=True)]
        self._bands = self._fixed("amount", ["none", *bands])
        self._band_starts = np.array([1, *(_FEN_PER_YUAN * yuan for yuan in AMOUNT_BANDS_YUAN)], np.int64)
        self._days: dict[int, int] = {}
        self._cities = np.full(_CODES, -1, np.int64)
        self._cities_count = 0
        self._other_city = -1

    def _fixed(self, division: str, values: Sequence[str]) -> int:
        first = len(self.values)
        self.values += [(division, value) for value in values]
        return first

    def _add(self, division: str, value: str) -> int:
        self.values.append((division, value))
        return len(self.values) - 1

    def groups(self, rows: Rows) -> Words:
        """Groups of the events, shape (n, 5), numbered through."""
        found = np.empty((len(rows), 5), np.int64)
        days = (rows[:, Col.OCCURRED_MS] + CHINA_OFFSET_MS) // DAY_MS
        first = int(days.min())
        places = np.empty(int(days.max()) - first + 1, np.int64)
        for day in np.unique(days).tolist():
            if day not in self._days:
                self._days[day] = self._add("day", (_EPOCH + timedelta(days=day)).date().isoformat())
            places[day - first] = self._days[day]
        found[:, 0] = places[days - first]
        found[:, 1] = self._kinds + np.clip(rows[:, Col.KIND], 0, len(Kind))
        found[:, 2] = self._channels + np.clip(rows[:, Col.CHANNEL], 0, len(Channel) - 1)
        found[:, 3] = self._bands + np.searchsorted(self._band_starts, rows[:, Col.AMOUNT_FEN], side="right")
        cities = rows[:, Col.CITY]
        cities = np.where((cities >= 0) & (cities < _CODES), cities, 0)
        found[:, 4] = self._cities[cities]
        unknown = found[:, 4] < 0
        if unknown.any():
            for code in np.unique(cities[unknown]).tolist():
                self._cities[code] = self._city(code)
            found[:, 4] = self._cities[cities]
        return found

    def _city(self, code: int) -> int:
        if self._cities_count < CITIES_MAX:
            self._cities_count += 1
            return self._add("city", city_text(code))
        if self._other_city < 0:
            self._other_city = self._add("city", "other")
        return self._other_city


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of an event that may become an example."""

    row: Words
    features: Features
    score: float
    label: int
    outcome: int
    hits: list[Bits]
    live: Bits


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
        self._names = tuple(feature_names)
        self._live_rules = live_rules
        self._lists = lists
        self._live_ids: list[str] = []
        self._places: dict[str, Words] = {}
        self._by_rule = [_Counted(HIT_WORDS) for _ in drafts]
        self._pairs = [np.zeros((64 * HIT_WORDS, LIVE_RULES_MAX), np.int64) for _ in drafts]
        self._new = [np.zeros((64 * HIT_WORDS, kernel.COUNTS), np.int64) for _ in drafts]
        self._outcomes = np.zeros((len(drafts), len(Outcome)), np.int64)
        self._recorded = np.zeros((len(drafts), 2), np.int64)
        self._differing: list[list[int]] = [[] for _ in drafts]
        self._marks = _Counted(1)
        self._divisions = _Divisions()
        self._group_counts = np.zeros((0, len(Mark), kernel.COUNTS), np.int64)
        self._group_touched = [np.zeros((0, 0), np.uint64) for _ in drafts]
        self._customers: dict[int, int] = {}
        self._kept: dict[int, _Kept] = {}

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
        self._keep(rows, features, scores, decisions, labels, hits, live)
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
            hit_mark, stopped_mark, new, lost = _OF_DRAFT[at]
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

    def _keep(
        self,
        rows: Rows,
        features: Features,
        scores: Features,
        decisions: Words,
        labels: Words,
        hits: Sequence[Bits],
        live: Bits,
    ) -> None:
        """Copy what this chunk brought among the examples."""
        counted = [*self._by_rule, self._marks]
        fresh = np.unique(np.concatenate([each.best_at[each.best_at >= 0] for each in counted]))
        for index in fresh.tolist():
            key = int(rows[index, Col.EVENT_KEY]) & (1 << 64) - 1
            self._kept[key] = _Kept(
                rows[index].copy(),
                features[index].copy(),
                float(scores[index]),
                int(labels[index]),
                int(decisions[index, Word.OUTCOME]),
                [each[index].copy() for each in hits],
                live[index].copy(),
            )
        for each in counted:
            each.best_at.fill(-1)
        if len(self._kept) > 4 * sum(each.best.size for each in counted):
            needed = {key for each in counted for key in each.best.ravel().tolist()}
            self._kept = {key: kept for key, kept in self._kept.items() if key in needed}

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
            touched = self._group_touched[at] = _grown(touched, len(self._customers))
            hit = np.flatnonzero(marks & np.uint64(1 << _OF_DRAFT[at][0]))
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
                self._examples(self._marks, Mark.ONLY_FIRST, None, identity),
                self._examples(self._marks, Mark.ONLY_OTHER, None, identity),
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
                self._examples(counted, rule.index, rule, identity),
            )
            for rule in draft.rules
        ]
        outcomes = {outcome.name.lower(): int(self._outcomes[at, outcome]) for outcome in Outcome}
        recorded = Recorded(int(self._recorded[at, 0]), int(self._recorded[at, 1]), self._differing[at])
        hit, stopped, new, lost = (marks[mark] for mark in _OF_DRAFT[at])
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
            events, amount_fen, fraud, genuine, _ = self._group_counts[place, _OF_DRAFT[at][0]].tolist()
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

    def _examples(
        self, counted: _Counted, bit: int, rule: Rule | None, identity: Callable[[int], tuple[str, str]]
    ) -> list[Example]:
        """Fraud first, each in the order of the sample."""
        keys = [key for kind in (1, 0) for key in counted.best[bit, kind].tolist() if key in self._kept]
        return [self._example(self._kept[key], rule, identity) for key in keys]

    def _example(self, kept: _Kept, rule: Rule | None, identity: Callable[[int], tuple[str, str]]) -> Example:
        row = kept.row
        seq = int(row[Col.SEQ])
        held = [
            each
            for draft, hits in zip(self._drafts, kept.hits, strict=True)
            for each in draft.rules
            if int(hits[each.index // 64]) >> each.index % 64 & 1
        ]
        live = [name for at, name in enumerate(self._live_ids) if int(kept.live[at // 64]) >> at % 64 & 1]
        names = rule.reads if rule is not None else dict.fromkeys(name for each in held for name in each.reads)
        return Example(
            *identity(seq),
            seq,
            instant_text(int(row[Col.OCCURRED_MS])),
            Kind(int(row[Col.KIND])).name.lower(),
            Channel(int(row[Col.CHANNEL])).name.lower(),
            int(row[Col.AMOUNT_FEN]),
            city_text(int(row[Col.CITY])),
            masked(int(row[Col.CUSTOMER])),
            {1: "fraud", 0: "genuine"}.get(kept.label, ""),
            Outcome(kept.outcome).name.lower(),
            list(dict.fromkeys(each.id for each in held)),
            live,
            [Fact(name, self._value(name, kept)) for name in names],
        )

    def _value(self, name: str, kept: _Kept) -> float | str | None:
        """What a rule read under a name."""
        if name in self._names:
            number = float(kept.features[self._names.index(name)])
            return None if number != number else number
        return fact_of(kept.row, kept.score, name)


def fact_of(row: Words, score: float, name: str) -> float | str | None:
    """The value of an event's own name in a rule; identifiers masked, None where it is missing."""
    if name == "score":
        return None if score != score else score
    if name in ("hour", "weekday"):
        local_ms = int(row[Col.OCCURRED_MS]) + CHINA_OFFSET_MS
        # 1970-01-01 was a Thursday, day 3 of the week.
        return float(local_ms // (DAY_MS // 24) % 24 if name == "hour" else (local_ms // DAY_MS + 3) % 7)
    if name in ("history_authorised", "location_permitted", "late", "backfill"):
        return "yes" if int(row[Col.FLAGS]) & Flag[name.upper()] else "no"
    column = COLUMN_OF_FIELD.get(name)
    if column is None:
        return None
    value = int(row[column])
    if column in (Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE, Col.DEVICE, Col.ADDRESS, Col.MERCHANT):
        return masked(value) or None
    words = {Col.KIND: Kind, Col.CHANNEL: Channel, Col.RESULT: Result, Col.NETWORK_KIND: NetworkKind}.get(column)
    if words is not None:
        return words(value).name.lower()
    if column == Col.VERIFICATION:
        return " ".join(each.name.lower() for each in Verification if each.name and each and value & each)
    if column == Col.CURRENCY:
        return value.to_bytes(3, "big").decode("ascii") if value else None
    absent = -1 if column == Col.LABEL else 0 if column in (Col.AMOUNT_FEN, Col.CITY, Col.MERCHANT_CATEGORY) else None
    return None if value == absent else float(value)
