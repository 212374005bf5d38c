"""What the checks say of rows made for it: each finding where it is planted, none where it is not."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from bench.poison import baited, bank, flipped, misled
from tarim.base.instants import DAY_MS
from tarim.models.datasets import Checked, CheckReport, check_rows, near_copies
from tarim.models.datasets.checks import quality
from tarim.models.datasets.checks.findings import FINDINGS_MAX, Finding, Weight
from tarim.models.datasets.checks.leaks import _area, area, check_leaks, places_of
from tarim.models.datasets.checks.quality import bounds_of, check_quality, late_frauds
from tarim.models.metrics import auc
from tarim.stream import scenario_features


def rows(count: int = 4_000, seed: int = 0, frauds: float = 0.05) -> Checked:
    """Two features that say something and one that does not, of two hundred customers."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < frauds).astype(np.int64)
    amount = rng.lognormal(8, 1, count) * np.where(labels == 1, 4, 1)
    features = np.column_stack([amount, rng.poisson(2 + 3 * labels), rng.random(count)])
    occurred_ms = np.sort(rng.integers(0, 30 * DAY_MS, count))
    return Checked(
        names=("payer_sum_amount_fen_7d", "payer_count_7d", "payer_share_night_30d"),
        features=features,
        labels=labels,
        weight=np.ones(count),
        occurred_ms=occurred_ms,
        known_ms=occurred_ms + DAY_MS,
        customer=rng.integers(0, 200, count),
        seq=np.arange(count) * 2,
        role=(np.arange(count) > 0.8 * count).astype(np.int64),
        segments={
            "source": np.full(count, "core", np.object_),
            "channel": np.where(np.arange(count) % 2, "mobile", "pc").astype(np.object_),
            "kind": np.full(count, "transfer", np.object_),
        },
    )


def found(checked: Checked, check: str) -> list[Finding]:
    return [each for each in (*check_quality(checked), *check_leaks(checked)) if each.check == check]


def with_column(checked: Checked, at: int, values: np.ndarray) -> Checked:
    features = checked.features.copy()
    features[:, at] = values
    return replace(checked, features=features)


def test_plain_rows_have_no_findings_of_quality() -> None:
    assert not [*check_quality(rows()), *check_leaks(rows())]


def test_missing_values_are_named() -> None:
    clean = rows()
    none = with_column(clean, 2, np.full(len(clean), np.nan))
    assert [each.weight for each in found(none, "completeness")] == [Weight.ALARM]
    half = with_column(clean, 2, np.where(np.arange(len(clean)) % 3, np.nan, 0.5))
    assert [each.subject for each in found(half, "completeness")] == ["payer_share_night_30d"]
    later = with_column(clean, 2, np.where(clean.role == 1, np.nan, clean.features[:, 2]))
    assert any("more often in the last role" in each.text_en for each in found(later, "completeness"))


def test_values_an_operation_cannot_give_are_named() -> None:
    clean = rows()
    wrong = clean.features[:, 2].copy()
    wrong[[7, 9]] = [1.5, -0.1]
    (finding,) = found(with_column(clean, 2, wrong), "ranges")
    assert finding.seqs == [14, 18] and finding.weight is Weight.ALARM
    endless = clean.features[:, 0].copy()
    endless[5] = np.inf
    assert found(with_column(clean, 0, endless), "ranges")[0].count == 1


def test_the_bounds_of_features_are_those_of_their_operations() -> None:
    """A log of a ratio, z-score or standardised value may be below zero; a count may not."""
    low = {name: bounds_of(name)[0] for name in scenario_features().names}
    assert low["payer_count_1m"] == 0.0 and low["payer_zscore_amount_fen_30d"] == -np.inf
    assert bounds_of("payer_is_new_payee_30d") == (0.0, 1.0) == bounds_of("merchant_label_rate_30d_delay_7d")
    assert bounds_of("payer_sum_amount_fen_7d") == (0.0, np.inf)


def test_outliers_degenerate_features_and_duplicates_are_named() -> None:
    clean = rows()
    far = clean.features[:, 0].copy()
    far[3] = 1e18
    (outlier,) = found(with_column(clean, 0, far), "outliers")
    assert outlier.seqs == [6] and outlier.figures["worst"] == 1e18
    same = found(with_column(clean, 1, np.zeros(len(clean))), "degenerate")
    assert [each.subject for each in same] == ["payer_count_7d"]
    seqs = clean.seq.copy()
    seqs[11] = seqs[10]
    assert found(replace(clean, seq=seqs), "duplicates")[0].seqs == [20]
    again, when, who = clean.features.copy(), clean.occurred_ms.copy(), clean.customer.copy()
    again[21], when[21], who[21] = again[20], when[20], who[20]
    twin = found(replace(clean, features=again, occurred_ms=when, customer=who), "duplicates")
    assert [each.subject for each in twin] == ["rows"]
    early = replace(clean, known_ms=clean.occurred_ms - 1)
    assert found(early, "labels")[0].weight is Weight.ALARM


def test_late_frauds_are_told_by_their_share() -> None:
    assert not list(late_frauds(4, 96))
    assert [each.weight for each in late_frauds(10, 90)] == [Weight.NOTICE]
    assert [each.weight for each in late_frauds(60, 40)] == [Weight.ALARM]
    assert quality.LATE_SHARE < quality.LATE_SHARE_ALARM


def test_a_feature_that_is_the_label_leaks() -> None:
    clean = rows()
    noise = np.random.default_rng(1).normal(0, 0.1, len(clean))
    for values in (clean.labels + noise, -clean.labels + noise, np.where(clean.labels == 1, np.nan, 1 + noise)):
        (leak,) = found(with_column(clean, 2, values), "leaks")
        assert leak.weight is Weight.ALARM and leak.figures["auc"] > 0.99 and "alone" in leak.text_en


def test_a_feature_that_foresees_a_customers_fraud_leaks() -> None:
    """The label of a customer's fraud joined to all of his rows: it tells victims apart before anything happened."""
    wide = rows(20_000, frauds=0.006)
    wide = replace(wide, labels=np.where(wide.occurred_ms > 20 * DAY_MS, wide.labels, 0))
    victims = set(wide.customer[wide.labels == 1].tolist())
    noise = np.random.default_rng(1).normal(0, 0.15, len(wide))
    joined = np.array([each in victims for each in wide.customer.tolist()]) + noise
    (leak,) = found(with_column(wide, 2, joined), "leaks")
    assert leak.weight is Weight.ALARM and "fraud to come" in leak.text_en
    few = replace(wide, labels=np.where(np.cumsum(wide.labels) < 20, wide.labels, 0))
    assert not found(with_column(few, 2, joined), "leaks")  # too few frauds to say


def test_a_feature_that_fades_is_a_notice() -> None:
    clean = rows(20_000)
    noise = np.random.default_rng(1).normal(0, 0.5, len(clean))
    old = clean.occurred_ms < 15 * DAY_MS
    (leak,) = found(with_column(clean, 2, np.where(old, clean.labels, 0) + noise), "leaks")
    assert leak.weight is Weight.NOTICE and leak.figures["auc_oldest"] > leak.figures["auc_latest"] + 0.15


def test_the_area_is_that_of_the_metrics() -> None:
    rng = np.random.default_rng(2)
    values, labels = rng.integers(0, 9, 500).astype(np.float64), rng.integers(0, 2, 500)
    assert area(values, labels == 1) == pytest.approx(auc(values, labels), abs=1e-12)
    places, part = places_of(values), rng.random(500) < 0.3
    assert _area(places[part], labels[part] == 1) == area(values[part], labels[part] == 1), "a part is not sorted again"


# ---- poison ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clean() -> Checked:
    """A week of a simulated bank; its seed is among those the thresholds were chosen on."""
    return bank(905)


def alarms(report: CheckReport) -> set[str]:
    return {each.check for each in report.alarms}


def test_a_clean_bank_raises_no_alarm_and_the_report_is_the_same_again(clean: Checked) -> None:
    report = check_rows(clean, "a" * 64, 3, 1)
    assert check_rows(clean, "a" * 64, 3, 1, near_copies(clean.features, 3)).content == report.content
    assert not report.alarms and report.auc is not None and report.auc > 0.9 and report.judged == len(clean)
    assert msgspec.json.decode(report.content)["dataset"] == "a" * 64
    assert "0 alarms" in report.text() and "rules decide here" in report.text()


def test_flipped_labels_are_found_and_named(clean: Checked) -> None:
    poisoned = flipped(clean, np.random.default_rng(1))
    (alarm,) = check_rows(poisoned, threads=1).alarms
    turned = set(clean.seq[(poisoned.labels == 1) & (clean.labels == 0)].tolist())
    assert alarm.check == "flips" and alarm.figures["at_least"] < 0.01 < 1.5 * alarm.figures["share"]
    assert len(turned & set(alarm.seqs)) > 0.9 * len(alarm.seqs) and alarm.count > 0.7 * len(turned)


@pytest.mark.parametrize("hide", [True, False])
def test_bait_points_are_found_and_named(clean: Checked, hide: bool) -> None:
    poisoned = baited(clean, np.random.default_rng(1), hide)
    (alarm,) = check_rows(poisoned, threads=1).alarms
    assert alarm.check == "baits" and alarm.count >= 25 and len(alarm.seqs) == alarm.count
    assert ("labelled genuine" in alarm.text_en) is hide or "agree in" in alarm.text_en


def test_a_source_with_wrong_labels_is_found_and_named(clean: Checked) -> None:
    poisoned = misled(clean, np.random.default_rng(2))
    bad = set(clean.segments["source"][poisoned.labels != clean.labels])
    report = check_rows(poisoned, threads=1)
    assert {each.subject for each in report.alarms if each.check == "sources"} == {f"source={bad.pop()}"}


def test_a_source_that_keeps_its_frauds_back_is_found(clean: Checked) -> None:
    largest = clean.segments["source"] == "agency-0"
    silent = replace(clean, labels=np.where(largest, 0, clean.labels))
    found_alarms = [each for each in check_rows(silent, threads=1).alarms if each.check == "sources"]
    assert [each.subject for each in found_alarms] == ["source=agency-0"] and "keep frauds back" in found_alarms[
        0
    ].text_en


def test_sampled_rows_weigh_for_those_left_out(clean: Checked) -> None:
    """A tenth of the genuine rows with weight ten: ten times the share of frauds is no sign of flips."""
    kept = (clean.labels == 1) | (np.random.default_rng(0).random(len(clean)) < 0.1)
    part = replace(
        clean,
        features=clean.features[kept],
        labels=clean.labels[kept],
        weight=np.where(clean.labels[kept] == 1, 1.0, 10.0),
        occurred_ms=clean.occurred_ms[kept],
        known_ms=clean.known_ms[kept],
        customer=clean.customer[kept],
        seq=clean.seq[kept],
        role=clean.role[kept],
        segments={name: values[kept] for name, values in clean.segments.items()},
    )
    assert "flips" not in alarms(check_rows(part, threads=1))


def test_few_frauds_are_not_judged() -> None:
    few = rows(1_000, frauds=0.005)
    report = check_rows(few, threads=1)
    assert report.auc is None and report.judged == 0 and "could not be judged" in report.text()


def test_findings_are_bounded() -> None:
    clean = rows(200)
    wide = replace(
        clean,
        names=tuple(f"payer_count_{at}s" for at in range(FINDINGS_MAX + 5)),
        features=np.full((200, FINDINGS_MAX + 5), np.nan),
        labels=np.zeros(200, np.int64),
    )
    report = check_rows(wide, threads=1)
    assert report.left_out == {"completeness": 5} and len(report.findings) == FINDINGS_MAX


def test_what_was_not_learned_is_routed_to_rules_and_what_has_few_frauds_is_listed() -> None:
    clean = rows()
    channels = clean.segments["channel"].copy()
    genuine, frauds = np.flatnonzero(clean.labels == 0), np.flatnonzero(clean.labels == 1)
    channels[genuine[:150]] = "counter"
    channels[genuine[150:500]] = "pos"
    channels[frauds[:12]] = "api"
    occurring = {"pc": 2_000, "mobile": 2_000, "pos": 350, "counter": 150, "api": 12, "atm": 9}
    population = {("channel", value): count for value, count in occurring.items()}
    thin = check_rows(
        replace(clean, segments=clean.segments | {"channel": channels}, population=population), threads=1
    ).thin
    found = {each.value: (each.rows, each.frauds, each.route) for each in thin}
    assert found == {
        "pos": (350, 0, "model"), "counter": (150, 0, "rules"), "api": (12, 12, "model"), "atm": (0, 0, "rules"),
    }  # fmt: skip
