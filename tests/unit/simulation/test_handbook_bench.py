"""The handbook benchmark: its measures against slow twins of the book's procedure, its features against the book's files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from bench import handbook
from bench.handbook import DAY_MS, Ledger, Split, bars, sets
from tarim.stream import FeatureSet

DATA = Path(os.environ.get("TARIM_SHARED", "../shared")) / "data"
needs_data = pytest.mark.skipif(
    not (DATA / handbook.TRANSACTIONS).exists(),
    reason=f"needs {DATA}; set TARIM_SHARED to the folder with the public data",
)


def small_ledger(seed: int = 3, count: int = 4_000) -> Ledger:
    """Random payments of 60 customers at 40 terminals over 60 days, some within the same second."""
    rng = np.random.default_rng(seed)
    local_ms = np.sort(rng.integers(0, 60 * 86_400, count)) * 1_000
    local_ms[100:104] = local_ms[100]
    customer = rng.integers(0, 60, count)
    customer[100:104] = 5
    return Ledger(
        local_ms,
        customer,
        rng.integers(0, 40, count),
        rng.integers(1, 50_000, count),
        rng.random(count) < 0.05,
        local_ms // DAY_MS,
    )


def test_windows_agree_with_a_loop_over_the_definition() -> None:
    """Half-open on the left, closed on the right, delayed by seven days for terminals, ties in the order of rows."""
    ledger = small_ledger(count=800)
    # Put some payments exactly one window, and exactly delay plus window, after another.
    for at, back in ((300, 86_400_000), (500, 7 * 86_400_000), (700, 8 * 86_400_000)):
        before = np.searchsorted(ledger.local_ms, ledger.local_ms[at] - back)
        ledger.local_ms[before] = ledger.local_ms[at] - back
        ledger.customer[before], ledger.terminal[before] = ledger.customer[at], ledger.terminal[at]
    order = np.argsort(ledger.local_ms, kind="stable")
    ledger = Ledger(*(column[order] for column in vars(ledger).values()))
    found = handbook.by_definition(ledger)
    for i in range(len(ledger)):
        for days in handbook.WINDOWS_DAYS:
            t, w = ledger.local_ms[i], days * DAY_MS
            mine = [j for j in range(i + 1) if ledger.customer[j] == ledger.customer[i] and ledger.local_ms[j] > t - w]
            assert found[f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"][i] == len(mine)
            mean = sum(int(ledger.fen[j]) for j in mine) / len(mine) / 100
            assert found[f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW"][i] == pytest.approx(mean, rel=1e-12)
            known = t - handbook.DELAY_MS
            there = [
                j
                for j in range(len(ledger))
                if ledger.terminal[j] == ledger.terminal[i] and known - w < ledger.local_ms[j] <= known
            ]
            assert found[f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW"][i] == len(there)
            risk = sum(bool(ledger.fraud[j]) for j in there) / max(1, len(there))
            assert found[f"TERMINAL_ID_RISK_{days}DAY_WINDOW"][i] == pytest.approx(risk, rel=1e-12)


def test_tested_rows_are_those_of_the_books_procedure() -> None:
    """Cards with frauds in the training week, or known by the day of the test, are not tested."""
    ledger = small_ledger()
    train, tested = handbook.parts(ledger, Split("x", (10, 17), (24, 31)))
    assert set(train) == {i for i in range(len(ledger)) if 10 <= ledger.day[i] < 17}
    known = {ledger.customer[i] for i in train if ledger.fraud[i]}
    expected = []
    for day in range(7):
        known |= {ledger.customer[i] for i in range(len(ledger)) if ledger.fraud[i] and ledger.day[i] == 17 + day - 1}
        expected += [i for i in range(len(ledger)) if ledger.day[i] == 24 + day and ledger.customer[i] not in known]
    assert tested.tolist() == expected


def test_card_precision_agrees_with_a_slow_twin() -> None:
    """Highest score a card and day, the best ten cards, detected cards removed on later days."""
    ledger = small_ledger()
    tested = np.flatnonzero((ledger.day >= 20) & (ledger.day < 27))
    scores = np.random.default_rng(1).permutation(len(tested)) / len(tested) + ledger.fraud[tested] * 0.3
    detected: set[int] = set()
    precisions = []
    for day in range(20, 27):
        best: dict[int, tuple[float, bool]] = {}
        for score, i in zip(scores, tested, strict=True):
            card = int(ledger.customer[i])
            if ledger.day[i] == day and card not in detected:
                seen = best.get(card, (-1.0, False))
                best[card] = (max(seen[0], score), seen[1] or bool(ledger.fraud[i]))
        top = sorted(best, key=lambda card: -best[card][0])[:10]
        hits = [card for card in top if best[card][1]]
        detected.update(hits)
        precisions.append(len(hits) / 10)
    assert handbook.card_precision(scores, ledger, tested, top=10) == pytest.approx(np.mean(precisions))


def test_labels_come_before_payments_of_their_instant() -> None:
    """Rows are in time order; a label refers to its payment's place; labels go ahead at equal times."""
    from tarim.stream import Col, Kind

    ledger = small_ledger()
    rows, number = handbook.ledger_rows(ledger)
    times, is_label = rows[:, Col.OCCURRED_MS], rows[:, Col.KIND] == Kind.LABEL
    assert (np.diff(times) >= 0).all() and is_label.sum() == ledger.fraud.sum()
    assert not (is_label[1:] & ~is_label[:-1] & (np.diff(times) == 0)).any()
    referred = rows[rows[is_label, Col.REFERS_SEQ]]
    assert (referred[:, Col.EVENT_KEY] == rows[is_label, Col.REFERS_KEY]).all()
    assert (referred[:, Col.OCCURRED_MS] + handbook.DELAY_MS == times[is_label]).all()
    assert sorted(number[~is_label]) == list(range(len(ledger)))


def test_the_engine_agrees_with_the_definition_on_a_small_ledger() -> None:
    """The twelve windows from the engine, run uncompiled, are those of the definition."""
    ledger = small_ledger(count=1_500)
    expected = handbook.by_definition(ledger)
    found = handbook.book_names(handbook.by_engine(ledger, handbook.BOOK_SET, jit=False), ledger)
    for name in handbook.BOOK_FEATURES:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12, err_msg=name)


@needs_data
@pytest.mark.slow
def test_the_engine_equals_the_books_files_on_every_row() -> None:
    """All fifteen features on all 1,754,155 payments, counts exactly and averages within 1e-6 relative."""
    ledger, published = handbook.read_ledger(DATA), handbook.read_published(DATA)
    order = handbook.book_order(ledger, published)
    assert (order != np.arange(len(order))).sum() == 20
    ledger = Ledger(*(column[order] for column in vars(ledger).values()))
    published = {name: column[order] for name, column in published.items()}
    found = handbook.book_names(handbook.by_engine(ledger, handbook.BOOK_SET), ledger)
    assert [each for each in handbook.compare(found, published, ledger) if each.unequal] == []


@needs_data
def test_the_definition_equals_the_books_files_on_every_row() -> None:
    """As filed, only twenty rows within ties differ; outside ties none."""
    ledger, published = handbook.read_ledger(DATA), handbook.read_published(DATA)
    for each in handbook.compare(handbook.by_definition(ledger), published, ledger):
        assert each.unequal_outside_ties == 0, each
        assert each.unequal == (20 if each.name.startswith("CUSTOMER") else 0), each


def test_no_feature_sees_a_label_before_it_is_known() -> None:
    """Every label that becomes known from a day on is turned round: nothing computed before that day changes by a bit."""
    ledger = small_ledger(count=900)
    assert bars.changed_by_the_future(ledger, 40, jit=False) == 0


def test_a_label_seen_too_early_is_found() -> None:
    """The check can fail: labels that are turned round although they were known already change what was computed."""
    known = FeatureSet("known", sets.TERMINAL.label_count("30d", "7d"), sets.TERMINAL.label_run("30d", "7d"))
    assert bars.changed_by_the_future(small_ledger(count=900), 40, known, known_ms=2 * DAY_MS, jit=False) > 0


def test_what_is_fitted_to_the_simulator_is_named() -> None:
    """No window of 14, 21 or 28 days and no age of a run is left when it is taken away; the rest is there."""
    left = [name for name in handbook.ALL_SET.names if name not in handbook.FITTED]
    assert not [name for name in left if any(word in name for word in ("14d", "21d", "28d", "age_", "since_fraud"))]
    assert "terminal_label_run_90d_delay_7d" in left and "card_over_p50_amount_fen_30d" in left


def test_weeks_to_choose_by_lie_before_the_tests() -> None:
    """And their labels are known when the first test week begins."""
    assert len(handbook.VALIDATION) == len(handbook.PREQUENTIAL) == 4
    first = handbook.PREQUENTIAL[0]
    assert (first.train, first.test) == (handbook.SPLIT_A.train, handbook.SPLIT_A.test)
    last = max(split.test[1] for split in handbook.VALIDATION)
    assert last + 7 <= min(split.test[0] for split in handbook.PREQUENTIAL)
