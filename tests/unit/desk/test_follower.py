"""What the desk reads off the decisions' journal is what the decisions themselves say of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tarim.base.errors import Damaged, NotFound, Unavailable
from tarim.decisions import Decider, Holds, Word
from tarim.decisions.domain import DECISION_WORDS
from tarim.decisions.hold_word import HoldWord, Shortfall, pack
from tarim.desk import DecisionFact, Follower, HoldFact, LabelFact, OverrideFact, RuleWords
from tarim.rules import compile_ruleset, starter_pack
from tarim.stream import Kind, Outcome, reference_features
from tests.fakes.desk import RULESET, DecisionsWritten


def follow(folder: Path, *, events_max: int = 1 << 20) -> list[object]:
    """All facts of a journal, followed in pieces."""
    follower, holds, at, found = Follower(folder, lambda _version: RuleWords.of(RULESET)), Holds(), 0, []
    while at < follower.durable_seq:
        facts = follower.facts(at, holds, events_max=events_max)
        assert facts.from_seq == at < facts.to_seq
        at = facts.to_seq
        found += facts.facts
    follower.close()
    return found


def test_grounds_are_the_reasons_that_the_decider_gives(tmp_path: Path) -> None:
    """Of random decisions by the starter pack: source, id, scenario, outcome and weight, in one order."""
    text = starter_pack()
    names = reference_features().names
    decider = Decider(compile_ruleset(text, names, tmp_path), None, names)
    words = RuleWords.of(text.encode())
    random = np.random.default_rng(3)
    rules = len(decider.rules)
    for _ in range(200):
        decision = np.zeros(DECISION_WORDS, np.int64)
        for rule in random.choice(rules, random.integers(0, 6), replace=False).tolist():
            decision[Word.EFFECTIVE_0 + rule // 64] |= np.int64(np.uint64(1 << rule % 64).view(np.int64))
        decision[Word.BAND] = random.integers(-1, len(decider.ruleset.bands))
        shortfall = int(random.choice([Shortfall.NONE, Shortfall.AMOUNT, Shortfall.DAY_LIMIT]))
        decision[Word.HOLD] = pack(HoldWord(60, 0, 3, 1, shortfall, 0, 0, 0))
        given = [(each.source, each.id, each.scenario, each.outcome, each.weight) for each in decider.explain(decision)]
        read = [(each.source, each.id, each.scenario, each.outcome, each.weight) for each in words.grounds(decision)]
        assert read == given
    assert len(decider.ruleset.bands) > 1
    with pytest.raises(Damaged):
        RuleWords.of(b"[[rule]]\nid = 1")


def test_a_day_of_the_journal_becomes_facts_in_its_order(tmp_path: Path) -> None:
    """Decisions above pass only, holds with who moved them, labels, overrides; however the journal is cut."""
    with DecisionsWritten(tmp_path / "journal") as written:
        seqs = written.group(
            [
                {"outcome": Outcome.SUSPEND, "rules": [0, 1], "hold_s": 600, "score": 0.95, "customer": -5},
                {},
                {"outcome": Outcome.CHALLENGE, "rules": [1], "hold_s": 60},
            ]
        )
        confirmed = written.confirmed(seqs[0], customer=-5)
        ticked = written.tick(written.at_ms + 120_000)
        third = written.decided(outcome=Outcome.DELAY, hold_s=600)
        refused = written.refused(third, "wang.wei")
        label = written.label(seqs[0], fraud=True)
        override = written.overridden(seqs[2], Outcome.PASS)
        facts = follow(tmp_path / "journal")
        assert follow(tmp_path / "journal", events_max=1) == facts
    kinds = [(type(fact), fact.seq) for fact in facts]  # type: ignore[attr-defined]
    assert kinds == [
        (DecisionFact, seqs[0]),
        (HoldFact, seqs[0]),
        (DecisionFact, seqs[2]),
        (HoldFact, seqs[2]),
        (HoldFact, confirmed),
        (HoldFact, ticked),
        (DecisionFact, third),
        (HoldFact, third),
        (HoldFact, refused),
        (LabelFact, label),
        (OverrideFact, override),
    ]
    first = facts[0]
    assert isinstance(first, DecisionFact)
    assert (first.customer, first.account, first.payee) == ((1 << 64) - 5, 11, (1 << 64) - 3), "tokens are unsigned"
    assert [ground.id for ground in first.grounds] == ["new_payee", "many_transfers", "score"]
    assert (first.scenario, first.score, first.currency, first.model) == ("account_takeover", 0.95, "CNY", "model-1")
    assert first.hold_until_ms == first.received_ms + 600_000
    by_person = facts[8]
    assert isinstance(by_person, HoldFact) and (by_person.person, by_person.held_seq) == ("wang.wei", third)


def test_a_ruleset_that_is_not_kept_is_said_and_not_guessed(tmp_path: Path) -> None:
    def gone(version: str) -> RuleWords:
        raise NotFound(f"the artefact {version} is not kept")

    with DecisionsWritten(tmp_path / "journal") as written:
        written.decided(kind=Kind.TRANSFER)
        follower = Follower(tmp_path / "journal", gone)
        assert follower.facts(0, Holds(), events_max=9).to_seq == 1, "a decision that passes needs no reasons"
        written.decided(outcome=Outcome.BLOCK)
        with pytest.raises(Unavailable, match="reasons"):
            follower.facts(1, Holds(), events_max=9)
        follower.close()


def test_before_there_is_a_journal_there_is_nothing_to_follow(tmp_path: Path) -> None:
    follower = Follower(tmp_path / "journal", lambda _version: RuleWords.of(RULESET))
    assert follower.durable_seq == 0 and follower.facts(0, Holds(), events_max=9).facts == ()
    with DecisionsWritten(tmp_path / "journal") as written:
        written.decided(outcome=Outcome.BLOCK)
        assert len(follower.facts(0, Holds(), events_max=9).facts) == 1
    follower.close()
