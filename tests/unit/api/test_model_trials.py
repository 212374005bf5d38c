"""Trials over HTTP are shown as they were counted, chosen by segment and by the beginning of a model's version."""

from __future__ import annotations

from pathlib import Path

from tarim.api.model_trials import trials_body
from tarim.bootstrap.watch_files import Tried, WatchPlaces
from tarim.models import TrialFigures

CHAMPION, CHALLENGER = "a" * 64, "b" * 64


def figures(segment: str, model: str) -> TrialFigures:
    counts = range(100, 100 + len(TrialFigures.__struct_fields__[9:]))  # each another number
    return TrialFigures(7, CHAMPION, CHALLENGER, model, 250, segment, 0, 1_000, 2_000, *counts)


def test_every_figure_is_shown_under_its_name(tmp_path: Path) -> None:
    kept = figures("all", CHALLENGER)
    files = WatchPlaces(tmp_path)
    files.keep_tried(Tried(99, 30, [kept, figures("app", CHAMPION)]))
    shown = trials_body(files)
    assert (shown.counted, shown.label_delay_days, len(shown.trials)) == (99, 30, 2)
    body = shown.trials[0]
    assert (body.begin, body.end, body.labels_until) == (
        "1970-01-01T00:00:00.000Z",
        "1970-01-01T00:00:01.000Z",
        "1970-01-01T00:00:02.000Z",
    )
    for name in set(body.__struct_fields__) - {"begin", "end", "labels_until"}:
        assert getattr(body, name) == getattr(kept, name), name
    assert [each.segment for each in trials_body(files, segment="app").trials] == ["app"]
    assert len(trials_body(files, model="b" * 8).trials) == 2
    assert not trials_body(files, model="b" * 7).trials, "too short to be one"


def test_before_the_first_count_there_is_none(tmp_path: Path) -> None:
    shown = trials_body(WatchPlaces(tmp_path))
    assert (shown.counted, shown.trials) == (-1, [])
