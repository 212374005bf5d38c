"""An injected change is told within its window; an ordinary day says nothing."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.base.errors import DefinitionError
from tarim.base.instants import MINUTE_MS
from tarim.decisions.indicators import Figure, Indicators, IndicatorSettings
from tarim.stream import Outcome

SETTINGS = IndicatorSettings(window_min=5, baseline_min=240, events_min=30)
START = 30_000_000


def day(seed: int, minutes: int, rate: float, alerts: float, blocks: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each minute the receipt times and outcomes of a Poisson stream."""
    rng = np.random.default_rng(seed)
    made = []
    for minute in range(minutes):
        count = rng.poisson(rate)
        at_ms = (START + minute) * MINUTE_MS + np.sort(rng.integers(0, MINUTE_MS, count))
        draw = rng.random(count)
        outcomes = np.where(draw < blocks, Outcome.BLOCK, np.where(draw < alerts, Outcome.NOTICE, Outcome.PASS))
        made.append((at_ms.astype(np.int64), outcomes.astype(np.int64)))
    return made


def told(*parts: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[int, Figure, bool]]:
    """What is told at the end of each minute: (minute, figure, abnormal)."""
    indicators, found = Indicators(SETTINGS), []
    minute = 0
    for part in parts:
        for at_ms, outcomes in part:
            shift = (START + minute) * MINUTE_MS - (at_ms[0] // MINUTE_MS * MINUTE_MS if len(at_ms) else 0)
            indicators.take(at_ms + shift if len(at_ms) else at_ms, outcomes)
            minute += 1
            now_ms = (START + minute) * MINUTE_MS
            found += [(minute, each.figure, each.abnormal) for each in indicators.changes(now_ms)]
    return found


@pytest.mark.parametrize("seed", range(10))
def test_ordinary_hours_say_nothing(seed: int):
    assert told(day(seed, 700, 25, 0.05, 0.004)) == []


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("rate", "alerts", "blocks", "figure"),
    [
        (100, 0.05, 0.004, Figure.VOLUME),
        (2, 0.05, 0.004, Figure.VOLUME),
        (25, 0.30, 0.004, Figure.ALERT_SHARE),
        (25, 0.25, 0.20, Figure.BLOCK_SHARE),
    ],
)
def test_a_change_is_told_once_within_ten_minutes_and_cleared_afterwards(
    seed: int, rate: float, alerts: float, blocks: float, figure: Figure
):
    found = told(
        day(seed, 300, 25, 0.05, 0.004), day(seed + 50, 20, rate, alerts, blocks), day(seed + 99, 60, 25, 0.05, 0.004)
    )
    of_figure = [(minute, abnormal) for minute, each, abnormal in found if each is figure]
    assert [abnormal for _, abnormal in of_figure] == [True, False]
    assert 300 < of_figure[0][0] <= 310 and 320 < of_figure[1][0] <= 345


def test_before_the_baseline_is_full_nothing_is_told():
    assert told(day(1, 200, 25, 0.05, 0.004), day(2, 20, 200, 0.5, 0.3)) == []


def test_where_a_group_is_cut_changes_nothing():
    whole, cut = Indicators(SETTINGS), Indicators(SETTINGS)
    for at_ms, outcomes in day(3, 300, 25, 0.05, 0.004):
        whole.take(at_ms, outcomes)
        for place in range(len(at_ms)):
            cut.take(at_ms[place : place + 1], outcomes[place : place + 1])
    now_ms = (START + 300) * MINUTE_MS
    assert whole.read(now_ms) == cut.read(now_ms) and len(whole.read(now_ms)) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"window_min": 0},
        {"window_min": 300},
        {"baseline_min": 10**6},
        {"z_min": 0},
        {"times_min": 0.5},
        {"events_min": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]):
    with pytest.raises(DefinitionError):
        Indicators(IndicatorSettings(**({"baseline_min": 240} | wrong)))
