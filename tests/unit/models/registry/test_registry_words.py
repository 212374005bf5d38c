"""States are one table, numbers are never mistyped unnoticed, packages and cards say what is wrong with them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarim.base.canonical import canonical_json
from tarim.base.errors import Conflict, Damaged, DefinitionError
from tarim.models import (
    ACTS_ALONE,
    PACKAGE_FORMAT,
    CardFacts,
    ModelAct,
    ModelEntry,
    ModelState,
    PackageManifest,
    Role,
    card_template,
    check_card,
    check_service_number,
    read_package,
    service_number,
)
from tarim.models.registry import TRANSITIONS, act_on, state_diagram
from tarim.models.registry.card import QUESTIONS

FACTS = CardFacts("run-1", "a" * 64, "b" * 64, "lightgbm", "f" * 64, {"auc": 0.9, "ks": 0.5})
MANIFEST = PackageManifest(
    PACKAGE_FORMAT,
    "TM000001-95",
    "cards",
    "a" * 64,
    "lightgbm",
    "f" * 64,
    "run-1",
    "c" * 64,
    "b" * 64,
    "d" * 64,
    "li",
    1,
)


@pytest.mark.parametrize("state", list(ModelState))
@pytest.mark.parametrize("act", list(ModelAct))
def test_every_pair_is_in_the_table_or_refused(state: ModelState, act: ModelAct):
    if (state, act) in TRANSITIONS:
        assert act_on(state, act) is TRANSITIONS[state, act]
        entry = ModelEntry("a" * 64, "TM000001-95", state=state).after(act, 7)
        assert (entry.state is ModelState.LIVE) == (entry.role is not Role.NONE), "who is live scores, and nobody else"
    else:
        with pytest.raises(Conflict, match=f"does not go for a model that is {state}"):
            act_on(state, act)


def test_what_is_retired_stays_so_and_nothing_goes_live_unapproved():
    assert not [pair for pair in TRANSITIONS if pair[0] is ModelState.RETIRED]
    to_live = {(state, act) for (state, act), after in TRANSITIONS.items() if after is ModelState.LIVE}
    assert {state for state, act in to_live if act is not ModelAct.INSTALL} == {ModelState.APPROVED, ModelState.LIVE}
    assert {state for (state, act) in TRANSITIONS if act is ModelAct.EXIT} == set(ModelState) - {ModelState.RETIRED}
    making = {ModelAct.APPROVE, ModelAct.PUBLISH, ModelAct.CHALLENGE, ModelAct.RETIRE, ModelAct.EXIT}
    assert not ACTS_ALONE & making
    assert state_diagram().count("\n") == 1 + len(TRANSITIONS)


@given(st.lists(st.sampled_from(ModelAct), max_size=30))
def test_nobody_lives_without_an_approval_whatever_is_tried(acts: list[ModelAct]):
    state, approved = ModelState.DRAFT, False
    for act in acts:
        if act is ModelAct.INSTALL:
            continue
        try:
            state = act_on(state, act)
        except Conflict:
            continue
        approved = approved or act is ModelAct.APPROVE
        assert approved or state not in (ModelState.APPROVED, ModelState.LIVE)


@given(st.integers(1, 10**9))
def test_a_number_is_read_back(turn: int):
    assert check_service_number(service_number(turn)) == turn


def test_one_wrong_digit_or_two_swapped_are_noticed():
    number = service_number(123_456)
    digits = [at for at, character in enumerate(number) if character.isdigit()]
    for at in digits:
        for other in "0123456789":
            if other != number[at]:
                with pytest.raises(DefinitionError):
                    check_service_number(number[:at] + other + number[at + 1 :])
    for at in digits[:-1]:
        if number[at + 1].isdigit() and number[at] != number[at + 1]:
            with pytest.raises(DefinitionError):
                check_service_number(number[:at] + number[at + 1] + number[at] + number[at + 2 :])
    for text in ("", "TM000000-98", "TM42-69", "tm000042-69", "TM000042-69 "):
        with pytest.raises(DefinitionError):
            check_service_number(text)


def test_a_package_is_read_back_and_nothing_else_is():
    content = canonical_json(MANIFEST)
    assert read_package(content) == MANIFEST
    for wrong in (
        b"",
        b"{}",
        content[:-1],
        content.replace(b'"format":1', b'"format":2'),
        content.replace(b"aaaa", b"AAAA"),
    ):
        with pytest.raises(Damaged):
            read_package(wrong)


def _written(card: str) -> bytes:
    for key, _, _ in QUESTIONS:
        card = card.replace(f'{key} = ""', f'{key} = "一段足够长的说明文字，写明理由、范围与责任人的安排。"')
    return card.encode()


def test_a_card_needs_every_word_and_names_what_is_missing():
    template = card_template(FACTS)
    with pytest.raises(DefinitionError) as refused:
        check_card(template.encode(), FACTS)
    for key, _, _ in QUESTIONS:
        assert f"words.{key} is missing" in str(refused.value)
    assert '"auc" = 0.9' in template
    words = check_card(_written(template), FACTS)
    assert list(words) == [key for key, _, _ in QUESTIONS]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("run_id = ", "run_id = 1 #"), "[run] is not what the run recorded"),
        (("a" * 64, "e" * 64), "[run] is not what the run recorded"),
        (("\n[words]", "\n[other]\nx = 1\n[words]"), "[other] is unknown"),
        (("\n[words]", '\n[words]\nmore = "x"'), "words.more is unknown"),
        (("\n[words]", "\n[words"), "is not TOML"),
    ],
)
def test_a_card_that_was_changed_is_refused(change: tuple[str, str], told: str):
    content = _written(card_template(FACTS)).decode().replace(*change)
    with pytest.raises(DefinitionError, match="card") as refused:
        check_card(content.encode(), FACTS)
    assert told in str(refused.value)


def test_the_segments_left_to_rules_are_the_runs_words_on_the_card():
    facts = replace(
        FACTS, rules_only=("kind=login: 12 rows, 0 frauds", "channel=pc: 0 rows, 0 frauds"), thin=("region=11",)
    )
    card = _written(card_template(facts)).decode()
    assert '    "kind=login: 12 rows, 0 frauds",\n' in card and check_card(card.encode(), facts)
    for changed in (card.replace('    "kind=login: 12 rows, 0 frauds",\n', ""), card.replace("region=11", "region=12")):
        with pytest.raises(DefinitionError, match="is not what the run recorded"):
            check_card(changed.encode(), facts)


def test_a_card_has_a_size_and_its_words_a_length():
    with pytest.raises(DefinitionError, match="longer than"):
        check_card(b"#" * (64 << 10) + b"\n", FACTS)
    short = (
        _written(card_template(FACTS)).decode().replace("一段足够长的说明文字，写明理由、范围与责任人的安排。", "短", 1)
    )
    with pytest.raises(DefinitionError, match="must have 20 to"):
        check_card(short.encode(), FACTS)
