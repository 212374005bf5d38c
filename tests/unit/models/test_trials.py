"""Trials of challengers: counted like a naive twin counts, whatever the batches; ended, immature and kept ones as stated."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tarim.api.model_trials import trials_body
from tarim.base.errors import Damaged
from tarim.base.instants import DAY_MS
from tarim.bootstrap.watch_files import Tried, WatchPlaces
from tarim.models import Maturity, TrialFigures, Trials, WatchSettings, trials_together
from tarim.rules import score_bands
from tarim.stream import Channel, Col, Kind, Rows, empty_rows

START_MS = 1_767_000_000_000
DELAY_DAYS = 7
SETTINGS = WatchSettings(label_delay_days=DELAY_DAYS)
CHAMPION, SECOND, THIRD = "a" * 64, "b" * 64, "c" * 64


@dataclass(frozen=True)
class Stretch:
    """Events under one line-up; `at` is the score from which the ruleset stops, None when its bands do not."""

    rows: Rows
    versions: tuple[str, ...]
    shares: tuple[int, ...]
    scores: np.ndarray
    at: float | None
    judged: np.ndarray
    stopped: np.ndarray

    def would(self) -> np.ndarray | None:
        return None if self.at is None else self.scores >= self.at


def stretches(seed: int) -> list[Stretch]:
    """Six weeks: no challenger, one in shadow, two of which one judges, a paused champion, none, the first one again."""
    rng = np.random.default_rng(seed)
    lineups = [
        ((CHAMPION,), (), 0.6),
        ((CHAMPION, SECOND), (0,), 0.6),
        ((CHAMPION, SECOND), (0,), None),
        ((CHAMPION, SECOND, THIRD), (0, 2_000), 0.5),
        (("", SECOND), (0,), 0.5),
        ((CHAMPION,), (), 0.5),
        ((CHAMPION, SECOND), (0,), 0.7),
    ]
    found, seq, day = [], 0, 0.0
    past: list[int] = []
    for versions, shares, at in lineups:
        count = 300
        rows = empty_rows(count)
        rows[:, Col.SEQ] = np.arange(seq, seq + count)
        rows[:, Col.OCCURRED_MS] = START_MS + ((day + np.sort(rng.random(count)) * 6) * DAY_MS).astype(np.int64)
        rows[:, Col.AMOUNT_FEN] = rng.integers(1, 10**6, count)
        rows[:, Col.CHANNEL] = rng.choice([Channel.MOBILE, Channel.PC], count)
        rows[:, Col.KIND] = rng.choice([Kind.TRANSFER, Kind.TRANSFER, Kind.TRANSFER, Kind.LABEL], count)
        for row in rows[rows[:, Col.KIND] == Kind.LABEL]:
            row[Col.LABEL] = rng.integers(0, 2)
            row[Col.REFERS_SEQ] = rng.choice(past) if past else -1
        past += rows[rows[:, Col.KIND] != Kind.LABEL, Col.SEQ].tolist()
        scores = rng.random((count, len(versions)))
        scores[rng.random(scores.shape) < 0.05] = np.nan  # a segment that is left to the rules
        if not versions[0]:
            scores[:, 0] = np.nan
        judging = shares.index(2_000) + 1 if 2_000 in shares else 0
        judged = np.where(rng.random(count) < 0.2, judging, 0).astype(np.uint8)
        found.append(Stretch(rows, versions, shares, scores, at, judged, rng.random(count) < 0.3))
        seq, day = seq + count + 5, day + 6
    return found


def counted(found: list[Stretch], batch: int = 10**6) -> list[TrialFigures]:
    """What `Trials` says, shown the events in batches."""
    trials, labels = Trials(SETTINGS), Maturity(SETTINGS)
    for each in found:
        would = each.would()
        for start in range(0, len(each.rows), batch):
            part = slice(start, start + batch)
            labels.labels(each.rows[part])
            trials.take(
                each.rows[part],
                each.versions,
                each.shares,
                each.scores[part],
                None if would is None else would[part],
                each.judged[part],
                each.stopped[part],
            )
    return trials.figures(labels)


def twin(found: list[Stretch]) -> list[TrialFigures]:
    """Event by event, from the definition."""
    until = max(int(each.rows[:, Col.OCCURRED_MS].max()) for each in found)
    label = {
        int(row[Col.REFERS_SEQ]): int(row[Col.LABEL])
        for each in found
        for row in each.rows
        if row[Col.KIND] == Kind.LABEL
    }
    begun: dict[tuple[str, str, int], int] = {}
    sums: dict[tuple[object, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    times: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for each in found:
        pairs = [
            (each.versions[0], version, share) for version, share in zip(each.versions[1:], each.shares, strict=True)
        ]
        begun = {key: seq for key, seq in begun.items() if key in pairs}
        for number, key in enumerate(pairs, 1):
            for at, row in enumerate(each.rows):
                asked = [number] + ([0] if key[0] else [])
                if row[Col.KIND] == Kind.LABEL or any(np.isnan(each.scores[at, column]) for column in asked):
                    continue
                trial = begun.setdefault(key, int(row[Col.SEQ]))
                fraud = label.get(int(row[Col.SEQ])) == 1
                mature = row[Col.OCCURRED_MS] + DELAY_DAYS * DAY_MS <= until
                for segment in ("all", Channel(int(row[Col.CHANNEL])).name.lower()):
                    for column in asked:
                        place = (trial, *key, each.versions[column], segment)
                        times[place].append(int(row[Col.OCCURRED_MS]))
                        one = sums[place]
                        one["events"] += 1
                        one["mature"] += mature
                        if mature and each.at is not None:
                            alert = each.scores[at, column] >= each.at
                            one["compared"] += 1
                            one["fraud"] += fraud
                            one["fraud_fen"] += int(row[Col.AMOUNT_FEN]) * fraud
                            one["alerts"] += alert
                            one["caught"] += alert and fraud
                            one["caught_fen"] += int(row[Col.AMOUNT_FEN]) * (alert and fraud)
                        if mature and each.judged[at] == column:
                            one["judged"] += 1
                            one["judged_fraud"] += fraud
                            one["stopped"] += each.stopped[at]
                            one["stopped_fraud"] += each.stopped[at] and fraud
    names = TrialFigures.__struct_fields__[9:]
    return [
        TrialFigures(
            trial, champion, challenger, model, share, segment, min(times[place]), max(times[place]), until,
            *(int(sums[place][name]) for name in names),
        )
        for place in sums
        for trial, champion, challenger, share, model, segment in [place]
    ]  # fmt: skip


def key_of(each: TrialFigures) -> tuple[object, ...]:
    return each.trial, each.challenger, each.model, each.segment


@pytest.mark.parametrize("seed", [1, 2])
def test_trials_are_counted_as_the_twin_counts_them(seed: int) -> None:
    found = stretches(seed)
    ours, theirs = counted(found), twin(found)
    assert sorted(ours, key=key_of) == sorted(theirs, key=key_of)
    assert counted(found, batch=37) == ours, "where batches end changes nothing"
    whole = [each for each in ours if each.segment == "all"]
    assert [each.trial for each in whole] == sorted((each.trial for each in whole), reverse=True)
    assert len({each.trial for each in whole if each.challenger == SECOND}) == 3, "a pause ends a trial, so does an end"
    assert any(each.judged and each.model == THIRD for each in whole), "one judged its part"
    assert all(each.judged == 0 for each in whole if each.model == SECOND), "one only scored"


def test_what_is_too_young_is_shown_and_not_counted() -> None:
    newest = next(each for each in counted(stretches(3)) if each.segment == "all")
    assert newest.events > 100 and newest.mature == newest.compared == newest.alerts == newest.judged == 0
    assert newest.interception is newest.false_alerts is newest.judged_false_alerts is None


def test_shares_need_enough_frauds_to_be_more_than_chance() -> None:
    figures = figures_of(fraud=4, caught=4, fraud_fen=100, caught_fen=50, compared=104, alerts=14)
    assert figures.interception is figures.interception_amount is None and figures.false_alerts == 0.1
    enough = msgspec.structs.replace(figures, fraud=8)
    assert (enough.interception, enough.interception_amount) == (0.5, 0.5)


def figures_of(trial: int = 0, challenger: str = SECOND, **more: int) -> TrialFigures:
    counts = dict.fromkeys(TrialFigures.__struct_fields__[9:], 0) | more
    return TrialFigures(
        trial, CHAMPION, challenger, challenger, 0, "all", START_MS, START_MS + 1, START_MS + 2, **counts
    )


def test_trials_from_before_the_journals_beginning_are_kept_as_they_were_counted() -> None:
    before = [figures_of(900, caught=1), figures_of(100, caught=2)]
    now = [figures_of(900, caught=3)]
    assert trials_together(before, now, 500) == [now[0], before[1]]
    many = [figures_of(number) for number in range(2_000)]
    kept = trials_together(many, [], 10_000)
    assert len(kept) == 500 and min(each.trial for each in kept) == 1_500


def test_what_is_kept_is_what_is_shown(tmp_path: Path) -> None:
    files = WatchPlaces(tmp_path)
    assert trials_body(files).counted == -1
    files.keep_tried(Tried(77, 7, counted(stretches(4))))
    shown = trials_body(files, SECOND[:10], "mobile")
    assert shown.counted == 77 and shown.trials
    assert all(each.segment == "mobile" and SECOND in (each.challenger, each.model) for each in shown.trials)
    assert not trials_body(files, THIRD[:4]).trials, "too few digits name no model"
    assert {each.challenger for each in trials_body(files, THIRD[:10]).trials} == {THIRD}
    (tmp_path / "trials.json").write_text("{")
    with pytest.raises(Damaged, match="tarim models measure"):
        trials_body(files)


def test_bands_are_read_off_a_ruleset_whatever_its_rules_name() -> None:
    text = 'name = "x"\n[[rule]]\nid = "r"\nwhen = "a_feature_of_another_set > 1"\noutcome = "block"\nweight = 1\n'
    text += '[[policy.bands]]\nat_least = 0.5\noutcome = "notice"\nreason = "中"\nreason_en = "mid"\n'
    text += '[[policy.bands]]\nat_least = 0.8\noutcome = "delay"\nreason = "高"\nreason_en = "high"\n'
    assert [(band.at_least, band.outcome.name) for band in score_bands(text)] == [(0.5, "NOTICE"), (0.8, "DELAY")]
