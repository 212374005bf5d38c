"""Which models score follows from the journal alone, and what every one of them said lies beside the decisions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarim.base.canonical import canonical_json
from tarim.base.errors import Conflict, Damaged, DefinitionError, NotAllowed, NotFound
from tarim.decisions import (
    DECISION_WORDS,
    WHOLE,
    Beside,
    Control,
    Decider,
    DecisionService,
    Governance,
    Governor,
    Lineup,
    ModelGovernor,
    ModelRecord,
    RecordKind,
    Seen,
    Snapshots,
    State,
    Switch,
    SwitchKind,
    Versions,
    Word,
    advance,
    recover,
    scored_events,
)
from tarim.decisions.governance import encode_content
from tarim.decisions.kernels.split import split
from tarim.decisions.records import decode_events, encode_control, encode_events, encode_side, events_bytes
from tarim.decisions.registry import decode_model_record, encode_model_record
from tarim.models import ModelAct, ModelState, PackageManifest, service_number
from tarim.rules import compile_ruleset
from tarim.stream import Col, empty_rows
from tests.fakes.clock import FakeClock
from tests.fakes.decisions import FakeEngine, FakeLog, FakeRecord, events
from tests.fakes.scorers import FixedScorer
from tests.naive import splitting as naive

NOW_MS = 1_800_000_000_000
NAMES = ("count", "amount_fen")
RULES = """name = "models"

[[rule]]
id = "high"
when = "score >= 0.5"
outcome = "block"
weight = 50
scenario = "test"
reason = "评分高"
reason_en = "a high score"
"""


SCORES = {letter * 64: value for letter, value in (("a", 0.1), ("b", 0.9), ("c", 0.3), ("d", 0.7))}
A, B, C, D = SCORES


def decider(versions: Sequence[str], lineup: Lineup | None = None) -> Decider:
    found = Decider(
        compile_ruleset(RULES, NAMES), None, NAMES, None, [FixedScorer(each, SCORES[each], NAMES) for each in versions]
    )
    if lineup is not None:
        found.line_up(lineup)
    return found


class House:
    """A service over a log in memory, with its governors; `fail` names models that cannot be loaded."""

    def __init__(self, log: FakeLog | None = None, state: State | None = None) -> None:
        self.log = log or FakeLog()
        self.fail: set[str] = set()
        self.shredded = 0
        state = state or State(FakeEngine(), Seen(1_000), {})
        registry = state.governance.registry
        judge = decider(registry.live, registry.lineup if registry.begun else None)
        self.service = DecisionService(self.log, state.engine, judge, state.seen, state.governance)
        self.governor = Governor(self.service, FakeClock(NOW_MS), lambda content: f"{len(content)}", self.compile_aside)
        self.models = ModelGovernor(self.governor, self.service, FakeClock(NOW_MS), self.check, self.shred)
        if not registry.begun:
            ruleset = judge.ruleset_version
            self.service.control(RecordKind.RULESET, encode_control(Control(ruleset, "models", ruleset, NOW_MS)))
            self.service.control(RecordKind.MODEL, encode_model_record(ModelRecord("", "", "", NOW_MS)))
            self.service.commit()

    async def compile_aside(self, control: Control, models: Sequence[str]) -> Decider:
        if set(models) & self.fail:
            raise NotFound("the artefact is not kept")
        return decider(models)

    async def check(self, digest: str) -> None:
        if "package" in self.fail:
            raise Damaged("card.toml is not the one that was submitted")

    def shred(self) -> int:
        self.shredded += 1
        return 3

    @property
    def registry(self) -> Any:
        return self.models.registry

    def manifest(self, version: str) -> bytes:
        number = self.registry.number_for(version)
        return canonical_json(
            PackageManifest(1, number, "m", version, "fixed", "f" * 64, "run", "1" * 64, "2" * 64, "3" * 64, "li", 1)
        )

    def approve(self, version: str) -> None:
        proposal = self.models.submit(self.manifest(version), "li", "better")
        asyncio.run(self.governor.approve(proposal.id, "wang", proposal.digest))

    def act(self, act: ModelAct, version: str = "", share: int = 0) -> None:
        proposal = self.models.propose(act, version, "li", "because", share=share)
        asyncio.run(self.governor.approve(proposal.id, "wang", proposal.digest))

    def switch(self, what: SwitchKind, value: int, target: str = "*") -> None:
        self.service.control(RecordKind.SWITCH, encode_content(Switch(what, target, value, "because", "li", NOW_MS)))

    def take(self, first: int, count: int, customers: Sequence[int] = ()) -> Any:
        batch = events(*({"id": f"e{first + at}", "amount_fen": 100} for at in range(count)))
        for at, customer in enumerate(customers):
            batch.rows[at, Col.CUSTOMER] = customer
        taken = self.service.take(batch)
        self.service.commit()
        return taken

    def restarted(self) -> House:
        recovered = recover(
            self.log,
            Snapshots(Path("/nowhere")),
            fresh=FakeEngine,
            restore=lambda _: FakeEngine(),
            seen_events_max=1_000,
        )
        return House(self.log, recovered.state)

    def verified(self) -> int:
        """Decisions that come out differently when all of them are made again."""
        state = State(FakeEngine(), Seen(1_000), {})
        return advance(
            state, self.log.read(), judges=lambda versions: decider([v for v in versions.lineup.versions if v])
        ).differing


def two() -> House:
    house = House()
    house.approve(A)
    house.approve(B)
    house.act(ModelAct.PUBLISH, A)
    return house


def test_a_model_scores_when_two_persons_have_approved_and_published_it():
    house = House()
    assert house.service.versions.model == ""
    proposal = house.models.submit(house.manifest(A), "li", "better")
    assert house.registry.entries[A].state is ModelState.SUBMITTED
    with pytest.raises(NotAllowed):
        asyncio.run(house.governor.approve(proposal.id, "li", proposal.digest))
    with pytest.raises(Conflict):
        house.models.propose(ModelAct.PUBLISH, A, "li", "because")
    asyncio.run(house.governor.approve(proposal.id, "wang", proposal.digest))
    publish = house.models.propose(ModelAct.PUBLISH, A, "li", "because")
    with pytest.raises(NotAllowed):
        asyncio.run(house.governor.approve(publish.id, "li", publish.digest))
    assert house.service.versions.model == ""
    asyncio.run(house.governor.approve(publish.id, "wang", publish.digest))
    assert house.service.versions.model == A and house.registry.entries[A].state is ModelState.LIVE
    taken = house.take(0, 2)
    assert taken.decisions[:, Word.SCORE].view(np.float64).tolist() == [0.1, 0.1]
    with pytest.raises(Conflict, match="champion already"):
        house.models.propose(ModelAct.PUBLISH, A, "li", "because")


def test_numbers_are_given_once_and_kept():
    house = House()
    first = house.models.submit(house.manifest(A), "li", "better")
    house.governor.reject(first.id, "wang", "too few rows")
    assert house.registry.entries[A].state is ModelState.REJECTED
    house.approve(B)
    assert (house.registry.entries[A].service, house.registry.entries[B].service) == (
        service_number(1),
        service_number(2),
    )
    again = house.models.submit(house.manifest(A), "li", "more rows")
    house.governor.withdraw(again.id, "li")
    assert house.registry.entries[A].state is ModelState.DRAFT
    assert house.registry.number_for(A) == service_number(1) and house.registry.number_for(C) == service_number(3)
    wrong = house.manifest(C).replace(service_number(3).encode(), service_number(1).encode())
    with pytest.raises(Conflict, match="not this model's service number"):
        house.models.submit(wrong, "li", "x")


def test_one_step_back_and_forth_takes_one_person():
    house = two()
    house.act(ModelAct.PUBLISH, B)
    assert house.registry.entries[A].state is ModelState.APPROVED, "it stands by"
    asyncio.run(house.models.roll_back("zhao", "worse"))
    assert house.service.versions.model == A
    asyncio.run(house.models.roll_back("zhao", "it was not"))
    assert house.service.versions.model == B
    house.act(ModelAct.RETIRE, A)
    with pytest.raises(Conflict, match="no other model"):
        asyncio.run(house.models.roll_back("zhao", "worse"))


def test_a_challenger_scores_beside_and_judges_its_part_of_the_customers():
    house = two()
    house.act(ModelAct.CHALLENGE, B)
    house.approve(C)
    house.act(ModelAct.CHALLENGE, C, share=4_000)
    customers = np.random.default_rng(0).integers(-(2**63), 2**63, 200).tolist()
    taken = house.take(0, 200, customers)
    expected = [naive.judge(customer, ((B, 0), (C, 4_000))) for customer in customers]
    assert taken.beside.judged.tolist() == expected and 50 < sum(each == 2 for each in expected) < 110
    assert np.array_equal(taken.beside.scores, np.tile(np.array([0.1, 0.9, 0.3], np.float32), (200, 1)))
    counted = taken.decisions[:, Word.SCORE].view(np.float64)
    assert np.array_equal(counted, np.where(np.array(expected) == 2, 0.3, 0.1))
    for share in (0, 3_000):
        with pytest.raises(Conflict, match="cannot challenge itself"):
            house.models.propose(ModelAct.CHALLENGE, A, "li", "x", share=share)
    house.approve(D)
    with pytest.raises(Conflict, match="judges a part of the customers already"):
        house.models.propose(ModelAct.CHALLENGE, D, "li", "x", share=1)
    house.models.stand_down(C, "zhao", "enough")
    assert set(house.take(200, 50, customers[:50]).beside.judged.tolist()) == {0}
    with pytest.raises(Conflict, match="is the champion"):
        house.models.stand_down(A, "zhao", "x")
    (both, alone) = list(scored_events(house.log, 0))
    assert both.versions.lineup == Lineup(A, ((B, 0), (C, 4_000))) and alone.versions.lineup == Lineup(A, ((B, 0),))
    assert np.array_equal(both.scores[np.arange(200), both.judged], counted), "what counted is exact"
    part = list(scored_events(house.log, int(both.rows[10, Col.SEQ]), int(both.rows[20, Col.SEQ])))
    assert len(part) == 1 and np.array_equal(part[0].rows, both.rows[10:20])
    assert house.verified() == 0


def test_pause_and_rules_only_take_the_score_away_and_publish_nothing_new():
    house = two()
    house.act(ModelAct.CHALLENGE, B, share=WHOLE)
    house.switch(SwitchKind.PAUSE_MODEL, 1, A)
    assert house.service.versions.lineup == Lineup("", ((B, WHOLE),))
    taken = house.take(0, 2, [5, 0])
    assert np.isnan(taken.decisions[1, Word.SCORE : Word.SCORE + 1].view(np.float64)[0]), (
        "without a customer: the champion's"
    )
    house.switch(SwitchKind.RULES_ONLY, 1)
    assert house.service.versions.lineup == Lineup()
    assert house.take(2, 1, [5]).beside is None
    house.approve(C)
    house.act(ModelAct.PUBLISH, C)
    assert house.service.versions.lineup == Lineup(), "a publication does not end the emergency"
    house.switch(SwitchKind.RULES_ONLY, 0)
    assert house.service.versions.lineup == Lineup(C, ((B, WHOLE),))
    house.switch(SwitchKind.PAUSE_MODEL, 0, A)
    house.take(3, 1)
    assert house.verified() == 0
    with pytest.raises(Conflict, match="second person"):
        house.governor.throw(Switch(SwitchKind.RULES_ONLY, "*", 0, "over", "li", NOW_MS))
    with pytest.raises(DefinitionError, match="live models"):
        house.governor.throw(Switch(SwitchKind.PAUSE_MODEL, A, 1, "x", "li", NOW_MS))


def test_what_fails_is_in_the_ledger_and_changes_nothing():
    house = two()
    house.fail = {B}
    publish = house.models.propose(ModelAct.PUBLISH, B, "li", "because", script="9" * 64)
    with pytest.raises(NotFound):
        asyncio.run(house.governor.approve(publish.id, "wang", publish.digest))
    line = house.registry.ledger[-1]
    assert (line.act, line.result, line.operator, line.approver, line.script) == (
        "publish",
        "failed",
        "li",
        "wang",
        "9" * 64,
    )
    assert "not kept" in line.detail and house.service.versions.model == A
    house.fail = {"package"}
    submitted = house.models.submit(house.manifest(C), "li", "better")
    with pytest.raises(Damaged):
        asyncio.run(house.governor.approve(submitted.id, "wang", submitted.digest))
    assert house.registry.ledger[-1].act == "approve" and house.registry.entries[C].state is ModelState.SUBMITTED
    house.models.refused_export("zhao")
    house.models.refused_export("zhao")
    assert [each.result for each in house.registry.ledger].count("refused") == 1, "one a minute"
    assert house.models.exported(A, "li") == A and house.registry.ledger[-1].act == "export"


def test_after_the_exit_no_model_serves_and_none_comes_back():
    house = two()
    open_one = house.models.submit(house.manifest(C), "li", "better")
    house.act(ModelAct.EXIT)
    assert house.service.versions.lineup == Lineup() and house.shredded == 1
    assert {entry.state for entry in house.registry.entries.values()} == {ModelState.RETIRED}
    for act in (
        lambda: house.models.submit(house.manifest(D), "li", "x"),
        lambda: house.models.propose(ModelAct.PUBLISH, B, "li", "x"),
        lambda: asyncio.run(house.models.roll_back("zhao", "x")),
        lambda: house.models.stand_down(B, "zhao", "x"),
        lambda: asyncio.run(house.governor.approve(open_one.id, "wang", open_one.digest)),
    ):
        with pytest.raises(Conflict, match="for good"):
            act()
    house.governor.reject(open_one.id, "wang", "all models are out")
    assert house.restarted().registry.closed


def test_wherever_the_power_fails_the_state_is_that_of_a_moment_before_or_after():
    house = two()
    house.act(ModelAct.CHALLENGE, B, share=100)
    house.take(0, 3, [1, 2, 3])
    house.act(ModelAct.PUBLISH, B)
    house.take(3, 1)
    lineups = []
    for count in range(2, len(house.log.records) + 1):
        cut = FakeLog(house.log.records[:count], count)
        restarted = House(cut, recover(cut, Snapshots(Path("/nowhere")), fresh=FakeEngine, restore=lambda _: FakeEngine(),
                                       seen_events_max=1_000).state)  # fmt: skip
        lineups.append(restarted.service.versions.lineup)
        assert restarted.service.versions.lineup == restarted.service.judge.lineup
    steps = [each for each, before in zip(lineups, [None, *lineups], strict=False) if each != before]
    assert steps == [Lineup(), Lineup(A), Lineup(A, ((B, 100),)), Lineup(B)]


def test_a_snapshot_and_the_journal_give_the_same_registry():
    house = two()
    house.act(ModelAct.CHALLENGE, B, share=100)
    house.models.refused_export("zhao")
    state = house.service.governance
    assert Governance.decoded(state.encoded()) == state
    assert house.restarted().service.governance == state


def test_a_record_of_before_reads_as_an_installation():
    governance = Governance()
    for at, version in enumerate((A, A, B, "")):
        control = Control(version, "", version, NOW_MS + at)
        governance.take(FakeRecord(at, 1, RecordKind.MODEL, memoryview(encode_control(control))))
        assert governance.lineup == Lineup(version)
    assert decode_model_record(encode_control(Control(A, "", A, 1))).act is ModelAct.INSTALL
    assert {entry.state for entry in governance.registry.entries.values()} == {ModelState.APPROVED}


def test_an_act_that_does_not_go_is_a_damaged_journal():
    record = FakeRecord(
        0, 1, RecordKind.MODEL, memoryview(encode_model_record(ModelRecord(A, "", A, 1, act=ModelAct.PUBLISH)))
    )
    with pytest.raises(Damaged):
        Governance().take(record)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(1, 40), st.integers(0, WHOLE), st.integers(0, 2**32))
def test_the_split_is_the_naive_twin_wherever_a_batch_is_cut(models: int, count: int, share: int, seed: int):
    rng = np.random.default_rng(seed)
    challengers = tuple((f"{rng.integers(2**62):064x}", share if at == models - 1 else 0) for at in range(models))
    rows = empty_rows(count)
    rows[:, Col.CUSTOMER] = rng.choice([0, 1, -5, *rng.integers(-(2**63), 2**63, 5).tolist()], count)
    scores_of = np.where(rng.random((models + 1, count)) < 0.1, np.nan, rng.random((models + 1, count)))
    shares = np.array([0, *(each for _, each in challengers)], np.int64)
    salts = np.array([0, *(naive.fnv(version) for version, _ in challengers)], np.uint64)
    whole, scores = Beside(np.empty(count, np.uint8), np.empty((count, models + 1), np.float32)), np.empty(count)
    split(rows, scores_of, shares, salts, scores, whole.judged, whole.scores)
    for at in range(count):
        judged = naive.judge(int(rows[at, Col.CUSTOMER]), challengers)
        assert whole.judged[at] == judged
        assert np.array_equal(scores[at], scores_of[judged, at], equal_nan=True)
        said = [naive.single(each) for each in scores_of[:, at].tolist()]
        assert np.array_equal(whole.scores[at], np.array(said, np.float32), equal_nan=True)
    cut = Beside(np.empty(count, np.uint8), np.empty((count, models + 1), np.float32))
    for at in range(count):
        part = cut.part(slice(at, at + 1))
        split(
            rows[at : at + 1],
            np.ascontiguousarray(scores_of[:, at : at + 1]),
            shares,
            salts,
            scores[:1],
            part.judged,
            part.scores,
        )
    assert not cut.differs(whole).any()


def test_a_decider_cuts_batches_with_challengers_as_it_likes():
    lineup = Lineup(A, ((B, 5_000),))
    rows = empty_rows(2_500)
    rows[:, Col.CUSTOMER] = np.arange(1, 2_501)
    features = np.zeros((2_500, 2))
    whole = Beside.room(2_500, lineup)
    of_all = decider([A, B], lineup).decide(rows.copy(), features.copy(), beside=whole)
    pieces = decider([A, B], lineup)
    for start, end in ((0, 7), (7, 1_500), (1_500, 2_500)):
        beside = Beside.room(end - start, lineup)
        part = pieces.decide(rows[start:end].copy(), features[start:end].copy(), beside=beside)
        assert np.array_equal(part, of_all[start:end]) and not beside.differs(whole.part(slice(start, end))).any()
    assert np.array_equal(of_all, decider([A, B], lineup).decide(rows.copy(), features.copy())), (
        "and without room for it"
    )
    with pytest.raises(DefinitionError, match="not loaded"):
        pieces.line_up(Lineup(C))


@pytest.mark.parametrize("models", [2, 5, 9])
def test_what_every_model_said_is_read_back(models: int):
    rng = np.random.default_rng(models)
    count = 13
    rows = rng.integers(-(2**62), 2**62, (count, 32))
    decisions = rng.integers(-(2**62), 2**62, (count, DECISION_WORDS))
    beside = Beside(rng.integers(0, models, count).astype(np.uint8), rng.random((count, models)).astype(np.float32))
    versions = Versions("f", "r", A, tuple((f"{at}", 0) for at in range(models - 1)))
    side = encode_side(versions, ["e"] * count, ["s"] * count, [None] * count, [None] * count)
    payload = b"".join(bytes(part) for part in encode_events(rows, decisions, side, beside))
    assert len(payload) == events_bytes(count, DECISION_WORDS, len(side), models)
    found = decode_events(FakeRecord(0, count, RecordKind.EVENTS, memoryview(payload)))
    assert np.array_equal(found.rows, rows) and np.array_equal(found.decisions, decisions)
    assert found.beside is not None and not found.beside.differs(beside).any()
    assert found.side.versions == versions
    other = encode_side(Versions("f", "r", A), ["e"] * count, ["s"] * count, [None] * count, [None] * count)
    wrong = b"".join(bytes(part) for part in encode_events(rows, decisions, other, beside))
    with pytest.raises(Damaged, match="scores of other models"):
        _ = decode_events(FakeRecord(0, count, RecordKind.EVENTS, memoryview(wrong))).side
    for at in (16, len(payload) - len(side) - 1):
        with pytest.raises(Damaged):
            decode_events(
                FakeRecord(0, count, RecordKind.EVENTS, memoryview(payload[:at] + b"\xff" + payload[at + 1 :]))
            )


def test_without_challengers_a_record_is_what_it_was():
    rows, decisions = np.zeros((2, 32), np.int64), np.zeros((2, DECISION_WORDS), np.int64)
    side = encode_side(Versions("f", "r", A), ["a", "b"], ["s", "s"], [None, None], [None, None])
    payload = b"".join(bytes(part) for part in encode_events(rows, decisions, side))
    assert payload[:4] == b"TEV1" and len(payload) == 16 + 2 * (32 + DECISION_WORDS) * 8 + len(side)


def test_only_a_journal_without_models_takes_one_without_two_persons():
    house = House()
    installed = ModelRecord(A, "file", A, NOW_MS)
    house.service.change_models(installed, decider([A]))
    assert house.service.versions.model == A and house.registry.entries[A].service == service_number(1)
    for version in (A, B):
        with pytest.raises(Conflict, match="knows models already"):
            house.service.change_models(ModelRecord(version, "file", version, NOW_MS), decider([A, B]))
    house.service.commit()
    assert house.restarted().service.versions.model == A
