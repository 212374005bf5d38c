"""Roles, gaps and labels of a training set: against a twin that reads everything again, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarim.base.errors import DefinitionError, InputError
from tarim.base.instants import DAY_MS, HOUR_MS
from tarim.models.datasets import (
    ENTITIES,
    Filters,
    LabelBook,
    LabelRule,
    Recipe,
    SampleRole,
    Sampling,
    Unlabelled,
    periods,
)
from tarim.models.datasets.manifest import DIVISIONS, SegmentShare
from tarim.models.datasets.segments import PSI_NOT, notes, psi, representation
from tarim.models.datasets.time_rules import NO_ROLE, chosen, roles_of
from tests.naive.datasets import NaiveEvent, naive_rows

FILTERS = Filters([], [], [], "customer")
RULE = LabelRule(DAY_MS, [], Unlabelled.GENUINE)


@st.composite
def journals(draw: st.DrawFn) -> list[NaiveEvent]:
    count = draw(st.integers(1, 40))
    found: list[NaiveEvent] = []
    for place in range(count):
        occurred_ms = place * 10 + draw(st.integers(-60, 60))
        if place and draw(st.booleans()):
            found.append(NaiveEvent(occurred_ms, draw(st.integers(-1, place - 1)), draw(st.integers(-1, 1)), True))
        else:
            found.append(NaiveEvent(occurred_ms))
    return found


@given(journals(), st.integers(0, 60), st.integers(0, 10))
def test_roles_and_labels_equal_the_twin(journal: list[NaiveEvent], delay_ms: int, after: int) -> None:
    """Late events, labels that came late or speak again, and labels beyond the span's end."""
    end = max(1, len(journal) - after)
    clock_ms = np.maximum.accumulate(np.array([each.occurred_ms for each in journal]))
    first_ms, as_of_ms = -100, int(clock_ms[end - 1]) + 1
    step = (as_of_ms - first_ms) // 3
    starts = {SampleRole.VALIDATION: first_ms + step, SampleRole.TEST: first_ms + 2 * step}
    if step <= delay_ms:
        with pytest.raises(InputError, match="nothing of it is left"):
            periods(first_ms, as_of_ms, delay_ms, starts)
        return
    spans = periods(first_ms, as_of_ms, delay_ms, starts)
    expected = naive_rows(journal, [(span.role.value, span.from_ms, span.to_ms) for span in spans], delay_ms, end)
    speaking = [place for place in range(end) if journal[place].speaks]
    book = LabelBook(
        np.array([journal[place].refers for place in speaking], np.int64),
        np.array([journal[place].label for place in speaking], np.int64),
        clock_ms[speaking] if speaking else np.zeros(0, np.int64),
    )
    places = np.array([place for place in range(end) if not journal[place].speaks], np.int64)
    occurred_ms = np.array([journal[place].occurred_ms for place in places.tolist()], np.int64)
    roles, _ = roles_of(spans, occurred_ms, clock_ms[places] if len(places) else occurred_ms)
    labels, known_ms, _ = book.at(places, occurred_ms + delay_ms)
    for at, place in enumerate(places.tolist()):
        wanted = expected[place]
        assert ("" if roles[at] == NO_ROLE else spans[roles[at]].role.value) == wanted.role
        assert (labels[at], known_ms[at]) == (wanted.label, wanted.known_ms)


def test_who_says_nothing_gets_three_fifths_to_learn_from() -> None:
    spans = periods(0, 100 * DAY_MS, 7 * DAY_MS)
    assert [(span.role, span.from_ms // DAY_MS, span.until_ms // DAY_MS) for span in spans] == [
        (SampleRole.TRAINING, 0, 53),
        (SampleRole.VALIDATION, 60, 73),
        (SampleRole.TEST, 80, 93),
    ]


def test_roles_have_to_last_longer_than_their_labels_take() -> None:
    with pytest.raises(InputError, match="validation lasts"):
        periods(0, 30 * DAY_MS, 7 * DAY_MS, {SampleRole.VALIDATION: 20 * DAY_MS, SampleRole.TEST: 27 * DAY_MS})
    with pytest.raises(InputError, match="training begins"):
        periods(0, 30 * DAY_MS, 0, {SampleRole.TRAINING: DAY_MS})
    with pytest.raises(InputError, match="366 days"):
        periods(0, 3000 * DAY_MS, 400 * DAY_MS)


def test_a_fraud_known_too_late_is_told_apart_from_a_genuine_one() -> None:
    book = LabelBook(np.array([5, 6, 7, 7]), np.array([1, 0, 1, 1]), np.array([HOUR_MS, HOUR_MS, 1, HOUR_MS]))
    labels, known_ms, late = book.at(np.array([4, 5, 6, 7]), np.full(4, HOUR_MS - 1))
    assert labels.tolist() == [-1, -1, -1, 1] and known_ms.tolist() == [0, 0, 0, 1]
    assert late.tolist() == [False, True, False, False]


def test_a_sample_is_a_matter_of_position_and_seed() -> None:
    seqs = np.arange(200_000)
    taken = chosen(seqs, 7, 0.1)
    assert 0.097 < taken.mean() < 0.103
    assert (chosen(seqs[50_000:], 7, 0.1) == taken[50_000:]).all()
    assert (chosen(seqs, 8, 0.1) != taken).any()
    assert chosen(seqs, 7, 1.0).all()
    assert abs(np.corrcoef(taken[1:], taken[:-1])[0, 1]) < 0.01


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"filters": Filters(["gift"], [], [], "customer")}, "there is no kind 'gift'"),
        ({"filters": Filters(["label"], [], [], "customer")}, "there is no kind 'label'"),
        ({"filters": Filters([], ["pigeon"], [], "customer")}, "there is no channel 'pigeon'"),
        ({"filters": Filters([], [], [], "shoe")}, "known are " + ", ".join(ENTITIES)),
        ({"chosen_names": ("b",)}, "there is no feature 'b'"),
        ({"chosen_names": ()}, "at least one feature"),
        ({"sampling": Sampling(0, 0.0)}, "share of genuine rows"),
        ({"sampling": Sampling(-1, 0.5)}, "seed"),
    ],
)
def test_what_is_unknown_is_named(change: dict[str, object], words: str) -> None:
    given_words: dict[str, object] = {
        "filters": FILTERS, "labels": RULE, "sampling": Sampling(0, 1.0), "feature_names": ("a",), "chosen_names": ("a",),
    }  # fmt: skip
    with pytest.raises(DefinitionError, match=words):
        Recipe(**(given_words | change))  # type: ignore[arg-type]


def test_the_stability_index_of_a_known_table() -> None:
    """0.7/0.3 against 0.5/0.5: 0.2 ln 1.4 - 0.2 ln 0.6."""
    assert psi(np.array([50.0, 50.0]), np.array([7.0, 3.0])) == pytest.approx(0.2 * np.log(1.4) - 0.2 * np.log(0.6))
    assert psi(np.array([5.0, 5.0]), np.array([1.0, 1.0])) == 0.0
    assert psi(np.array([1.0]), np.array([0.0])) == np.inf


def test_a_role_that_stands_for_others_is_marked() -> None:
    even = [SegmentShare(division, "a", 50, 5, 5.0, 0) for division in DIVISIONS]
    even += [SegmentShare(division, "b", 50, 5, 5.0, 0) for division in DIVISIONS]
    assert notes(representation(even))[0] == "representative"
    odd = [each for each in even if each.division != "channel"]
    odd += [SegmentShare("channel", "a", 50, 9, 9.0, 0), SegmentShare("channel", "b", 50, 1, 1.0, 0)]
    mark, english, chinese = notes(representation(odd))
    assert mark == "not" and "channel (PSI" in english and "channel" in chinese
    assert next(each.psi for each in representation(odd) if each.division == "channel") > PSI_NOT
