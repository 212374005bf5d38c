"""The measures of a backtest, against a twin that counts event by event."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from tarim.base.errors import DefinitionError, Unavailable
from tarim.base.instants import DAY_MS
from tarim.decisions import DECISION_WORDS, Backtest, Draft, Labels, Measured, Tally, Word
from tarim.decisions.backtest import LIVE_RULES_MAX
from tarim.decisions.backtest_counts import CITIES_MAX, EXAMPLES
from tarim.decisions.backtest_examples import fact_of
from tarim.rules import Rule, Ruleset, compile_ruleset
from tarim.rules.vocabulary import EVENT_NAMES
from tarim.stream import Channel, Col, Flag, Kind, Outcome, empty_rows
from tests.naive.backtest import DIVISIONS, SeenEvent, groups, tally

NAMES = ("payer_count_10m", "payer_is_new_payee_30d")
CONDITIONS = {
    "often": ("payer_count_10m >= 5", "challenge"),
    "new": ("payer_is_new_payee_30d and amount_fen >= 1_000 yuan", "delay"),
    "mobile": ('channel == "mobile" and amount_fen >= 100 yuan', "notice"),
    "scored": ("score >= 0.9", "block"),
    "never": ("amount_fen < 0 yuan", "block"),
}


def text(name: str, ids: list[str]) -> str:
    rules = (
        f"[[rule]]\nid = {each!r}\nwhen = '{CONDITIONS[each][0]}'\noutcome = {CONDITIONS[each][1]!r}\nweight = 1\n"
        "scenario = 's'\nreason = '因'\nreason_en = 'r'\n"
        for each in ids
    )
    return f"name = {name!r}\n" + "\n".join(rules)


@cache
def _compiled(content: str) -> Ruleset:
    return compile_ruleset(content, NAMES)


def ruleset(name: str, ids: list[str]) -> Ruleset:
    return _compiled(text(name, ids))


class Bank:
    """Random events with features, recorded decisions under two live rulesets, and labels."""

    def __init__(self, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.rows = rows = empty_rows(count)
        rows[:, Col.SEQ] = 100 + np.arange(count) + np.cumsum(rng.random(count) < 0.01)
        rows[:, Col.OCCURRED_MS] = 1_767_600_000_000 + rng.integers(0, 4 * DAY_MS, count)
        rows[:, Col.EVENT_KEY] = rng.integers(-(1 << 63), (1 << 63) - 1, count)
        rows[:, Col.CUSTOMER] = rng.integers(0, 60, count) * 1_234_567_890_123
        rows[:, Col.AMOUNT_FEN] = np.where(rng.random(count) < 0.1, 0, rng.lognormal(11, 2, count).astype(np.int64))
        rows[:, Col.KIND] = rng.choice([1, 2, 3, 5, 11], count, p=[0.5, 0.2, 0.1, 0.15, 0.05])
        rows[:, Col.CHANNEL] = rng.integers(0, 7, count)
        rows[:, Col.CITY] = rng.choice([0, 110_100, 330_200, 440_300], count)
        rows[:, Col.FLAGS] = np.where(rng.random(count) < 0.9, Flag.HISTORY_AUTHORISED, 0)
        self.features = np.column_stack([rng.integers(0, 8, count), rng.integers(0, 2, count)]).astype(np.float64)
        self.scores = np.where(rng.random(count) < 0.2, np.nan, rng.random(count))
        self.decisions = np.zeros((count, DECISION_WORDS), np.int64)
        self.decisions[:, Word.SCORE] = self.scores.view(np.int64)
        self.decisions[:, Word.HITS_0] = rng.integers(0, 8, count)
        self.decisions[:, Word.EFFECTIVE_0] = self.decisions[:, Word.HITS_0] & 3
        self.decisions[:, Word.OUTCOME] = rng.integers(0, 6, count)
        self.change = count // 3
        self.live = {"v1": ["often", "new", "old"], "v2": ["mobile", "often", "new"]}
        about = rng.integers(0, count, count // 5)
        self.labels = Labels.of(rows[about, Col.SEQ], rng.integers(0, 2, len(about)))
        known = dict(zip(self.labels.seqs.tolist(), self.labels.values.tolist(), strict=True))
        self.label_of = [known.get(seq, -1) for seq in rows[:, Col.SEQ].tolist()]

    def rules_of(self, version: str) -> list[Rule]:
        return [
            Rule(index, each, "", Outcome.NOTICE, 1, "s", "因", "r", (), ())
            for index, each in enumerate(self.live[version])
        ]

    def measured(self, drafts: list[Draft], cuts: list[int]) -> Measured:
        test = Backtest(drafts, self.labels, NAMES, self.rules_of)
        edges = sorted({0, self.change, len(self.rows), *cuts})
        for start, end in pairwise(edges):
            version = "v1" if start < self.change else "v2"
            part = slice(start, end)
            test.take(self.rows[part].copy(), self.features[part].copy(), self.decisions[part].copy(), version)
        return test.measured(lambda seq: (f"e{seq}", "core"))

    def seen(self, drafts: list[list[str]]) -> list[SeenEvent]:
        """The same for the twin; labels are not measured."""
        found = []
        for index, row in enumerate(self.rows):
            if row[Col.KIND] == Kind.LABEL:
                continue
            live = self.live["v1" if index < self.change else "v2"]
            bits = int(self.decisions[index, Word.HITS_0])
            authorised = bool(row[Col.FLAGS] & Flag.HISTORY_AUTHORISED)
            holds = {
                "often": authorised and self.features[index, 0] >= 5,
                "new": authorised and self.features[index, 1] == 1 and row[Col.AMOUNT_FEN] >= 100_000,
                "mobile": row[Col.CHANNEL] == Channel.MOBILE and row[Col.AMOUNT_FEN] >= 10_000,
                "scored": self.scores[index] >= 0.9,
                "never": False,
            }
            found.append(
                SeenEvent(
                    int(row[Col.SEQ]),
                    int(row[Col.CUSTOMER]),
                    int(row[Col.AMOUNT_FEN]),
                    int(row[Col.OCCURRED_MS]),
                    Channel(int(row[Col.CHANNEL])).name.lower(),
                    Kind(int(row[Col.KIND])).name.lower(),
                    int(row[Col.CITY]),
                    self.label_of[index],
                    [{each for each in ids if holds[each]} for ids in drafts],
                    {each for bit, each in enumerate(live) if bits >> bit & 1},
                    {each for bit, each in enumerate(live) if bits >> bit & 1 and bit < 2},
                    int(self.decisions[index, Word.OUTCOME]),
                )
            )
        return found


FIRST, OTHER = ["often", "new", "scored", "never"], ["mobile", "new"]


@pytest.fixture(scope="module")
def bank() -> Bank:
    return Bank(1_500, 7)


@pytest.fixture(scope="module")
def measured(bank: Bank) -> Measured:
    return bank.measured([Draft(ruleset("first", FIRST)), Draft(ruleset("other", OTHER))], [])


def as_dict(value: Tally) -> dict[str, object]:
    return msgspec.structs.asdict(value)


def test_every_count_is_the_twins(bank: Bank, measured: Measured) -> None:
    """Events, customers, money and labels of drafts, rules, live rules and differences."""
    events = bank.seen([FIRST, OTHER])
    fraud = sum(event.label == 1 for event in events)
    assert (measured.events, measured.fraud) == (len(events), fraud) and fraud > 20

    def same(found: Tally, wanted: list[SeenEvent]) -> None:
        assert as_dict(found) == tally(wanted, fraud)

    same(measured.live.hit, [event for event in events if event.effective])
    same(measured.live.stopped, [event for event in events if event.outcome >= Outcome.CHALLENGE])
    for at, draft in enumerate(measured.drafts):
        outcome_of = {each: Outcome[CONDITIONS[each][1].upper()] for each in CONDITIONS}
        strictest = {event.seq: max((outcome_of[each] for each in event.hits[at]), default=None) for event in events}
        same(draft.hit, [event for event in events if event.hits[at]])
        same(draft.stopped, [event for event in events if (strictest[event.seq] or 0) >= Outcome.CHALLENGE])
        same(draft.new, [event for event in events if event.hits[at] and not event.effective])
        same(draft.lost, [event for event in events if event.effective and not event.hits[at]])
        for outcome in Outcome:
            assert draft.outcomes[outcome.name.lower()] == sum(each is outcome for each in strictest.values())
        for rule in draft.rules:
            here = [event for event in events if rule.id in event.hits[at]]
            same(rule.hit, here)
            fresh = [event for event in here if not event.effective]
            assert (rule.new_events, rule.new_fraud) == (len(fresh), sum(event.label == 1 for event in fresh))
            overlap = {each: sum(each in event.live for event in here) for each in ("often", "new", "old", "mobile")}
            assert {each.rule: each.events for each in rule.overlap} == {k: v for k, v in overlap.items() if v}
    assert measured.difference is not None
    same(measured.difference.only_first, [event for event in events if event.hits[0] and not event.hits[1]])
    same(measured.difference.only_other, [event for event in events if event.hits[1] and not event.hits[0]])
    same(measured.difference.both, [event for event in events if event.hits[0] and event.hits[1]])


def test_every_group_is_the_twins(bank: Bank, measured: Measured) -> None:
    """By day, kind, channel, band of amounts and city."""
    events = bank.seen([FIRST, OTHER])
    for at, draft in enumerate(measured.drafts):
        for division in DIVISIONS:
            found = {
                group.value: (
                    group.events,
                    group.fraud,
                    group.hit,
                    group.hit_customers,
                    group.hit_amount_fen,
                    group.hit_fraud,
                    group.hit_genuine,
                    group.live,
                    group.live_fraud,
                )
                for group in getattr(draft.groups, division)
            }
            assert found == groups(events, at, division), division


def test_where_the_events_are_cut_changes_nothing(bank: Bank, measured: Measured) -> None:
    """The same bytes, examples included."""
    rng = np.random.default_rng(1)
    cuts = rng.integers(1, len(bank.rows), 40).tolist()
    again = bank.measured([Draft(ruleset("first", FIRST)), Draft(ruleset("other", OTHER))], cuts)
    assert msgspec.json.encode(again) == msgspec.json.encode(measured)


def test_examples_are_those_with_the_smallest_keys_fraud_first(bank: Bank, measured: Measured) -> None:
    """So many of each; they say what the rule read, and mask who it was."""
    key_of = {int(row[Col.SEQ]): int(row[Col.EVENT_KEY]) & (1 << 64) - 1 for row in bank.rows}
    events = bank.seen([FIRST, OTHER])
    for rule in measured.drafts[0].rules:
        here = sorted((event for event in events if rule.id in event.hits[0]), key=lambda event: key_of[event.seq])
        fraud = [event.seq for event in here if event.label == 1][:EXAMPLES]
        others = [event.seq for event in here if event.label != 1][:EXAMPLES]
        assert [example.seq for example in rule.examples] == fraud + others
        for example in rule.examples:
            assert rule.id in example.rules and example.event_id == f"e{example.seq}"
            assert example.customer == "" or (len(example.customer) == 5 and example.customer[0] == "…")
    often = measured.drafts[0].rules[0]
    assert all(fact.value >= 5 for example in often.examples for fact in example.read if fact.name == NAMES[0])
    assert str(1_234_567_890_123) not in msgspec.json.encode(measured).decode()


def test_a_draft_that_was_live_is_compared_with_what_was_recorded() -> None:
    """Every event decided under the very same text counts, and each for which something else holds is named."""
    rules = ruleset("first", FIRST)
    bank = Bank(200, 3)
    bank.live = {"v1": FIRST, rules.version: FIRST}
    draft = Draft(rules)
    hits = draft.hits(bank.rows, bank.features, bank.scores, None)
    bank.decisions[:, Word.HITS_0 : Word.HITS_3 + 1] = hits.view(np.int64)
    bank.rows[:, Col.FLAGS] = Flag.HISTORY_AUTHORISED
    bank.decisions[150, Word.HITS_0] ^= 2
    test = Backtest([draft], bank.labels, NAMES, bank.rules_of)
    test.take(bank.rows[:50], bank.features[:50], bank.decisions[:50], "v1")
    test.take(bank.rows[50:], bank.features[50:], bank.decisions[50:], rules.version)
    recorded = test.measured(lambda seq: ("", "")).drafts[0].recorded
    assert (recorded.events, recorded.differing, recorded.seqs) == (150, 1, [int(bank.rows[150, Col.SEQ])])


def test_one_rule_may_be_tested_alone(bank: Bank, measured: Measured) -> None:
    """Its counts are those it has among the others."""
    alone = bank.measured([Draft(ruleset("first", FIRST), "new")], [])
    assert [rule.id for rule in alone.drafts[0].rules] == ["new"]
    assert alone.drafts[0].hit == measured.drafts[0].rules[1].hit
    with pytest.raises(DefinitionError, match="no rule"):
        Draft(ruleset("first", FIRST), "nothing")


def test_the_last_label_counts_and_a_label_about_nothing_does_not() -> None:
    """Positions of no labelled event have none."""
    labels = Labels.of(np.array([7, 9, -1, 7, 12]), np.array([1, 1, 1, 0, -1]))
    assert labels.seqs.tolist() == [7, 9] and labels.values.tolist() == [0, 1]
    assert labels.at(np.array([3, 7, 8, 9, 12])).tolist() == [-1, 0, -1, 1, -1]
    assert labels.at(np.array([20, 21])).tolist() == [-1, -1]
    assert labels.at(np.zeros(0, np.int64)).tolist() == []


def test_too_many_live_rules_are_refused_and_too_many_cities_are_others() -> None:
    """Limits are stated and hold."""
    bank = Bank(30, 1)
    draft = Draft(ruleset("other", OTHER))
    many = iter(range(10_000))
    test = Backtest([draft], bank.labels, NAMES, lambda _version: [bank_rule(next(many)) for _ in range(200)])
    with pytest.raises(Unavailable, match="live rules"):
        for number in range(LIVE_RULES_MAX // 200 + 1):
            test.take(bank.rows.copy(), bank.features.copy(), bank.decisions, f"v{number}")
    wide = Bank(CITIES_MAX + 50, 2)
    wide.rows[:, Col.CITY] = 100_000 + np.arange(len(wide.rows))
    wide.rows[:, Col.KIND] = Kind.TRANSFER
    cities = wide.measured([draft], []).drafts[0].groups.city
    assert len(cities) == CITIES_MAX + 1 and cities[-1].value == "other" and cities[-1].events == 50


def bank_rule(number: int) -> Rule:
    return Rule(number % 200, f"r{number}", "", Outcome.PASS, 1, "s", "因", "r", (), ())


def test_every_name_a_rule_may_read_has_a_value_to_show() -> None:
    """Words as words, flags as yes and no, identifiers masked, what is missing as missing."""
    row = empty_rows(1)[0]
    row[Col.OCCURRED_MS] = 1_767_600_000_000  # Monday 2026-01-05, 16:00 in China
    row[Col.KIND], row[Col.CHANNEL], row[Col.CITY] = Kind.TRANSFER, Channel.PC, 110_100
    row[Col.CUSTOMER], row[Col.VERIFICATION], row[Col.FLAGS] = 0xABCD1234, 3, Flag.LATE
    found = {name: fact_of(row, float("nan"), name) for name in EVENT_NAMES}
    assert {found["score"], found["label"], found["amount_fen"], found["payee_account"]} == {None}
    assert (found["hour"], found["weekday"], found["late"], found["backfill"]) == (16.0, 0.0, "yes", "no")
    assert (found["kind"], found["channel"], found["result"]) == ("transfer", "pc", "unknown")
    assert (found["customer"], found["verification"], found["extra_0"]) == ("…1234", "password sms_code", 0.0)
