"""The watch of models: its counts, what is an alarm and what is not, and figures as labels mature."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec
import numpy as np
import pytest

from tarim.base.errors import Damaged, DefinitionError, InputError
from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, HOUR_MS, instant_ms
from tarim.models import (
    Baseline,
    BaselineMaker,
    Days,
    Drift,
    Maturity,
    RetrainingProposal,
    Sample,
    WatchSettings,
    latest_mature,
    proposal_of,
    read_baseline,
)
from tarim.models.kernels import watch as kernel
from tarim.models.watch.columns import Layout, columns_of, groups_of
from tarim.models.watch.days import WEEK_HOURS
from tarim.stream import Channel, Col, Kind, empty_rows
from tests.naive import watch as naive

NAMES = ("count_1h", "sum_7d", "missing_often")
START_MS = instant_ms(datetime(2026, 3, 2, tzinfo=UTC)) - CHINA_OFFSET_MS  # a Monday
PER_DAY = 600
SETTINGS = WatchSettings(events_min=100)
BASELINE_DAYS = 21


def events(
    days: int, *, seed: int, first_day: int = 0, per_day: int = PER_DAY
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, features and scores of days with nights, weekends, and batches on the fifth day of a week."""
    rng = np.random.default_rng(seed)
    parts = []
    for day in range(first_day, first_day + days):
        weekend = day % 7 >= 5
        count = int(per_day * (0.7 if weekend else 1.0) * np.exp(0.05 * rng.standard_normal()))
        rows = empty_rows(count)
        hours = rng.choice(24, count, p=np.array([1] * 7 + [6] * 12 + [4] * 5) / 99)
        rows[:, Col.OCCURRED_MS] = START_MS + day * DAY_MS + hours * HOUR_MS + rng.integers(0, HOUR_MS, count)
        rows[:, Col.CHANNEL] = rng.choice([Channel.MOBILE, Channel.POS, Channel.PC], count, p=[0.6, 0.3, 0.1])
        rows[:, Col.KIND] = np.where(
            rows[:, Col.CHANNEL] == Channel.POS, Kind.PAYMENT, rng.choice([Kind.LOGIN, Kind.TRANSFER], count)
        )
        rows[:, Col.AMOUNT_FEN] = np.where(
            rows[:, Col.KIND] == Kind.LOGIN, 0, np.exp(8 + rng.standard_normal(count)).astype(np.int64)
        )
        rows[:, Col.CITY] = rng.choice([110_100, 310_100, 440_300, 330_100], count, p=[0.4, 0.3, 0.2, 0.1])
        rows[:, Col.DEVICE] = np.where(rows[:, Col.CHANNEL] == Channel.POS, 0, rng.integers(1, 99, count))
        if day % 7 == 4:
            rows[: count // 3, Col.CHANNEL] = Channel.API
            rows[: count // 3, Col.KIND] = Kind.DEPOSIT
            rows[: count // 3, Col.AMOUNT_FEN] = 700_000
        features = np.stack(
            [
                rng.poisson(2 + 2 * (rows[:, Col.KIND] == Kind.LOGIN)).astype(float),
                rng.lognormal(3, 1, count) * (1 + (rows[:, Col.KIND] == Kind.TRANSFER)),
                np.where(rng.random(count) < 0.5, np.nan, rng.normal(size=count)),
            ],
            axis=1,
        )
        order = np.argsort(rows[:, Col.OCCURRED_MS], kind="stable")
        parts.append((rows[order], features[order], rng.beta(1, 9, count)[order]))
    rows, features, scores = (np.concatenate(each) for each in zip(*parts, strict=True))
    rows[:, Col.SEQ] = 1_000_000 * first_day + np.arange(len(rows))
    return rows, features, scores


@cache
def baseline_bytes() -> bytes:
    days = events(BASELINE_DAYS, seed=1)
    sample = Sample(len(NAMES))
    sample.take(*days)
    maker = BaselineMaker(sample, NAMES, START_MS, START_MS + BASELINE_DAYS * DAY_MS, SETTINGS, Days())
    maker.take(*days)
    return maker.made("features-1", "model-1", "test")


def baseline() -> Baseline:
    return read_baseline(baseline_bytes())


def shown(days: int, *, seed: int, change=lambda rows, features, scores: None, cut: int = 10**9) -> Drift:
    """A watch after days that follow the baseline, changed by `change`, shown in batches of `cut`."""
    rows, features, scores = events(days, seed=seed, first_day=BASELINE_DAYS)
    change(rows, features, scores)
    drift = Drift(baseline(), SETTINGS, Days())
    for start in range(0, len(rows), cut):
        part = slice(start, start + cut)
        drift.take(rows[part], features[part], scores[part], "model-1")
    return drift


def test_counts_are_those_of_a_naive_twin() -> None:
    """Every hour, column and bin, and labels and batches left out."""
    rows, features, scores = events(2, seed=3)
    rows[::50, Col.KIND] = Kind.LABEL
    columns = columns_of(rows, features, scores, NAMES, int(Channel.API))
    of = Layout.of(columns, groups_of(rows), int(Channel.API))
    counts = np.zeros((48, len(columns), kernel.BINS), np.int64)
    strata = np.zeros((48, kernel.PARTS * kernel.GROUPS_MAX), np.int64)
    head = np.zeros(kernel.HEAD_WORDS, np.int64)
    head[kernel.OPEN_HOUR] = int(rows[-1, Col.OCCURRED_MS]) // HOUR_MS
    arguments = (of.reads, of.places, of.edges, of.codes, of.sizes, of.groups, of.batch)
    assert kernel.fold(rows, features, scores, 0, *arguments, counts, strata, head) == len(rows)
    expected = naive.counts(columns, rows, features, NAMES, scores, int(Channel.API))
    found = {
        (hour, column.name, place): int(counts[hour % 48, k, place])
        for hour in {key[0] for key in expected}
        for k, column in enumerate(columns)
        for place in range(kernel.BINS)
        if counts[hour % 48, k, place]
    }
    assert found == dict(expected)
    assert strata.sum() == head[kernel.TAKEN] == (rows[:, Col.KIND] != Kind.LABEL).sum()
    tallied = np.zeros((8, kernel.GROUPS_MAX, len(columns), kernel.BINS), np.int32)
    kernel.tally(rows, features, scores, START_MS // HOUR_MS, 6, *arguments, tallied)
    assert (tallied.sum(axis=(0, 1)) == counts.sum(axis=0)).all()


def test_where_batches_end_changes_nothing() -> None:
    """The kept state is the same, byte for byte."""
    whole = shown(3, seed=5)
    assert whole.encoded() == shown(3, seed=5, cut=37).encoded() == shown(3, seed=5, cut=1_000).encoded()
    assert whole.taken > 1_000 and whole.since_seq == 1_000_000 * BASELINE_DAYS


def test_a_kept_watch_goes_on_as_if_it_had_not_stopped() -> None:
    """Also when it is shown again what it has seen."""
    rows, features, scores = events(4, seed=6, first_day=BASELINE_DAYS)
    whole = Drift(baseline(), SETTINGS, Days())
    whole.take(rows, features, scores, "model-1")
    first = Drift(baseline(), SETTINGS, Days())
    first.take(rows[:1_000], features[:1_000], scores[:1_000], "model-1")
    again = Drift.decoded(first.encoded(), baseline(), SETTINGS, Days())
    again.take(rows[500:], features[500:], scores[500:], "model-1")
    assert again.encoded() == whole.encoded()
    with pytest.raises(Damaged):
        Drift.decoded(first.encoded()[:-9], baseline(), SETTINGS, Days())


def test_quiet_days_raise_no_alarm() -> None:
    """Weekends and batches are usual; four seeds of three weeks."""
    for seed in (11, 12, 13, 14):
        drift = shown(21, seed=seed)
        assert drift.alarms == [], [alarm.column for alarm in drift.alarms]


def scaled(rows, features, scores):
    chosen = rows[:, Col.CHANNEL] == Channel.MOBILE
    rows[chosen, Col.AMOUNT_FEN] *= 3


def missing(rows, features, scores):
    features[np.random.default_rng(0).random(len(rows)) < 0.2, 1] = np.nan


def elsewhere(rows, features, scores):
    rows[np.random.default_rng(0).random(len(rows)) < 0.2, Col.CITY] = 650_100


def no_device(rows, features, scores):
    rows[np.random.default_rng(0).random(len(rows)) < 0.3, Col.DEVICE] = 0


def higher(rows, features, scores):
    scores[:] = np.minimum(1.0, scores * 2)


def at_night(rows, features, scores):
    """Events of the afternoon happen in the small hours."""
    local = (rows[:, Col.OCCURRED_MS] + CHINA_OFFSET_MS) % DAY_MS // HOUR_MS
    chosen = (local >= 13) & (np.random.default_rng(0).random(len(rows)) < 0.5)
    rows[chosen, Col.OCCURRED_MS] -= 10 * HOUR_MS
    order = np.argsort(rows[:, Col.OCCURRED_MS], kind="stable")
    for array in (rows, features, scores):
        array[:] = array[order]
    rows[:, Col.SEQ] = np.sort(rows[:, Col.SEQ])


@pytest.mark.parametrize(
    ("change", "column"),
    [
        (scaled, "amount_fen[mobile]"),
        (missing, "sum_7d"),
        (elsewhere, "city"),
        (no_device, "device_id_given"),
        (higher, "score"),
        (at_night, "hour_of_day"),
    ],
)
def test_a_shift_is_named_by_its_column_within_a_day(change, column: str) -> None:
    """The first named, or the largest; and nothing that has nothing to do with it."""
    drift = shown(3, seed=21, change=change)
    raised = {alarm.column: alarm.raised_ms for alarm in drift.alarms}
    assert column in raised, raised
    assert raised[column] <= START_MS + (BASELINE_DAYS + 2) * DAY_MS  # the first day fills the window
    assert drift.open_alarms[0].column.startswith(column.partition("[")[0])
    assert set(raised) <= {column, "amount_fen"}


def test_an_alarm_ends_when_things_are_as_usual_again() -> None:
    """And says so."""

    def two_days(rows, features, scores):
        chosen = rows[:, Col.OCCURRED_MS] < START_MS + (BASELINE_DAYS + 2) * DAY_MS
        scores[chosen] = np.minimum(1.0, scores[chosen] * 2)

    drift = shown(6, seed=22, change=two_days)
    (alarm,) = drift.alarms
    assert alarm.column == "score" and alarm.ended_ms > alarm.raised_ms and not drift.open_alarms
    assert not next(each for each in drift.standings() if each.column == "score").alarmed


def test_scores_of_another_model_are_not_compared() -> None:
    """A new model needs a new baseline; features go on being watched."""
    rows, features, scores = events(3, seed=23, first_day=BASELINE_DAYS)
    drift = Drift(baseline(), SETTINGS, Days())
    drift.take(rows, features, scores * 0, "model-2")
    standing = {each.column: each for each in drift.standings()}
    assert standing["score"].events == 0 and np.isnan(standing["score"].psi) and not drift.alarms
    assert standing["count_1h"].events > 100


def test_what_comes_later_than_a_day_is_left_out_and_counted() -> None:
    """And what is not so late falls into its own hour."""
    rows, features, scores = events(3, seed=24, first_day=BASELINE_DAYS)
    late = rows[:3].copy()
    late[:, Col.SEQ] = rows[-1, Col.SEQ] + 1 + np.arange(3)
    drift = Drift(baseline(), SETTINGS, Days())
    drift.take(rows, features, scores, "model-1")
    taken = drift.taken
    drift.take(late, features[:3], scores[:3], "model-1")
    assert (drift.too_late, drift.taken) == (3, taken)


def test_a_baseline_is_whole_days_enough_of_them_and_full_enough() -> None:
    """Refused with what is wrong; a damaged one too."""
    sample = Sample(len(NAMES))
    sample.take(*events(1, seed=1))
    with pytest.raises(InputError, match="14 to 92 days, not 3"):
        BaselineMaker(sample, NAMES, START_MS, START_MS + 3 * DAY_MS, SETTINGS, Days())
    with pytest.raises(InputError, match="midnight"):
        BaselineMaker(sample, NAMES, START_MS + HOUR_MS, START_MS + HOUR_MS + 14 * DAY_MS, SETTINGS, Days())
    maker = BaselineMaker(sample, NAMES, START_MS, START_MS + 14 * DAY_MS, SETTINGS, Days())
    with pytest.raises(InputError, match="100 events a day"):
        maker.made("f", "m", "test")
    with pytest.raises(InputError, match="bins need events"):
        BaselineMaker(Sample(3), NAMES, START_MS, START_MS + 14 * DAY_MS, SETTINGS, Days())
    with pytest.raises(Damaged):
        read_baseline(baseline_bytes()[:-40] + b"}")
    with pytest.raises(DefinitionError, match="batch_channel"):
        WatchSettings(batch_channel="pigeon").check()


def test_a_sample_is_the_same_however_it_was_shown() -> None:
    """Evenly spread, and bounded."""
    rows, features, scores = events(40, seed=2, per_day=8_000)
    whole, parts = Sample(len(NAMES)), Sample(len(NAMES))
    whole.take(rows, features, scores)
    for start in range(0, len(rows), 7_777):
        part = slice(start, start + 7_777)
        parts.take(rows[part], features[part], scores[part])
    seqs = [each.arrays()[0][:, Col.SEQ] for each in (whole, parts)]
    assert (seqs[0] == seqs[1]).all() and 60_000 < len(seqs[0]) <= 1 << 17
    assert np.ptp(np.diff(seqs[0])) == 0


def test_hours_of_the_week_begin_on_monday_in_china() -> None:
    """2026-03-02 is a Monday, among the first five days of its month; 2026-03-07 a Saturday."""
    monday = START_MS // HOUR_MS
    assert Days().hour_of_week(np.array([monday, monday + 25, monday + WEEK_HOURS])).tolist() == [0, 25, 0]
    assert Days().parts_of(np.array([monday + 4 * 24 - 1, monday + 4 * 24, monday + 5 * 24])).tolist() == [2, 0, 1]
    for day in range(-40_000, 40_000, 7):
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
        expected = 2 if moment.day <= 5 else int(moment.weekday() >= 5)
        assert Days().parts_of(np.array([day * 24])).tolist() == [expected], moment


def test_a_proposal_to_train_again_holds_its_evidence_and_decides_nothing() -> None:
    """None without a shift."""
    assert proposal_of(shown(3, seed=21), []) is None
    drift = shown(3, seed=21, change=scaled)
    content = proposal_of(drift, [])
    assert content is not None and content == proposal_of(drift, [])
    proposal = msgspec.json.decode(content, type=RetrainingProposal)
    assert proposal.model == "model-1" and proposal.baseline == baseline().digest
    assert {alarm.column for alarm in proposal.alarms} >= {"amount_fen[mobile]"}
    assert "amount_fen" in proposal.summary_zh and proposal.first_seq == drift.since_seq


def labelled(days: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows with labels two days after each fraud, scores that know a little, alerts, and the truth."""
    rows, _, scores = events(days, seed=31)
    rng = np.random.default_rng(7)
    fraud = rng.random(len(rows)) < 0.02
    scores = np.where(fraud, rng.beta(4, 6, len(rows)), scores)
    labels = empty_rows(int(fraud.sum()))
    labels[:, Col.KIND] = Kind.LABEL
    labels[:, Col.OCCURRED_MS] = rows[fraud, Col.OCCURRED_MS] + 2 * DAY_MS
    labels[:, Col.REFERS_SEQ] = rows[fraud, Col.SEQ]
    labels[:, Col.LABEL] = 1
    every = np.concatenate([rows, labels])
    score = np.concatenate([scores, np.full(len(labels), np.nan)])
    truth = np.concatenate([fraud, np.zeros(len(labels), bool)])
    order = np.argsort(every[:, Col.OCCURRED_MS], kind="stable")
    return every[order], score[order], score[order] > 0.4, truth[order]


def test_figures_are_those_of_the_library_once_labels_had_time() -> None:
    """And none before; immature is not zero."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    rows, scores, alerted, truth = labelled(35)
    maturity = Maturity(WatchSettings(label_delay_days=7, period_days=7))
    for start in range(0, len(rows), 997):
        part = slice(start, start + 997)
        maturity.labels(rows[part])
        maturity.take(rows[part], scores[part], alerted[part], "model-1")
    measures = maturity.measures()
    for segment, channel in (("all", None), ("mobile", Channel.MOBILE)):
        for each in (one for one in measures if one.segment == segment):
            inside = (rows[:, Col.OCCURRED_MS] >= each.from_ms) & (rows[:, Col.OCCURRED_MS] < each.to_ms)
            inside &= (rows[:, Col.KIND] != Kind.LABEL) & (channel is None or rows[:, Col.CHANNEL] == channel)
            assert each.events == inside.sum() and each.alerts == alerted[inside].sum()
            assert each.matures_ms == each.to_ms + 7 * DAY_MS
            if not each.mature:
                assert each.auc is each.ks is each.ap is each.alert_precision is None
                continue
            single = scores[inside].astype(np.float32)
            assert each.auc == pytest.approx(roc_auc_score(truth[inside], single), abs=1e-6)
            assert each.ap == pytest.approx(average_precision_score(truth[inside], single), abs=1e-6)
            assert each.alert_precision == pytest.approx(truth[inside & alerted].mean(), abs=1e-6)
            assert each.fraud == truth[inside].sum()
    assert {each.mature for each in measures} == {True, False}
    newest = latest_mature(measures, "model-1")
    assert newest is not None and newest.auc is not None and newest.auc > 0.9


def test_a_later_label_corrects_an_earlier_one() -> None:
    """The last word counts."""
    rows = empty_rows(4)
    rows[:, Col.SEQ] = np.arange(4)
    rows[:, Col.KIND] = [Kind.TRANSFER, Kind.LABEL, Kind.LABEL, Kind.TRANSFER]
    rows[:, Col.OCCURRED_MS] = START_MS + np.array([0, 1, 2, 60 * DAY_MS])
    rows[1:3, Col.REFERS_SEQ] = 0
    rows[1:3, Col.LABEL] = [1, 0]
    maturity = Maturity(WatchSettings())
    maturity.labels(rows)
    maturity.take(rows, np.array([0.5, np.nan, np.nan, 0.5]), np.array([True, False, False, False]), "m")
    first = maturity.measures()[-1]
    assert (first.fraud, first.labelled, first.alert_precision, first.auc) == (0, 1, 0.0, None)
