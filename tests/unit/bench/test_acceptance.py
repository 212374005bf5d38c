"""The judge of the bars can say no."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from bench.acceptance import Bar, Line, Run, at_least, at_most, judge, main, none


def quick_run(left_s: float = 60) -> Run:
    return Run(quick=True, deadline=time.monotonic() + left_s)


def test_a_figure_on_the_target_passes_and_one_beside_it_does_not():
    assert at_least("speed", 10, 10).passed
    assert not at_least("speed", 10, 9.999).passed
    assert at_most("size", 10, 10).passed
    assert not at_most("size", 10, 10.001).passed
    assert none("loss", "loss", 0).passed
    assert not none("loss", "loss", 1).passed


def test_a_figure_that_is_no_number_is_a_miss():
    assert not at_least("speed", 10, float("nan")).passed
    assert not at_most("size", 10, float("nan")).passed


def test_a_bar_that_breaks_halfway_fails_what_it_did_not_answer():
    def judged(_run: Run) -> Iterator[Line]:
        yield at_least("first", 1, 2)
        raise ValueError("broken")

    lines = judge(Bar("bar", ("first", "second"), judged, (1, 1)), quick_run())
    assert [(line.name, line.passed) for line in lines] == [("first", True), ("second", False)]
    assert "broken" in lines[1].figure


def test_a_bar_that_is_silent_about_a_line_fails_it():
    lines = judge(Bar("bar", ("only",), lambda _run: iter(()), (1, 1)), quick_run())
    assert [(line.passed, line.figure) for line in lines] == [(False, "not measured")]


def test_a_bar_without_time_left_is_not_started_and_fails():
    def judged(_run: Run) -> Iterator[Line]:
        raise AssertionError("started")

    lines = judge(Bar("bar", ("only",), judged, (100, 100)), quick_run(left_s=10))
    assert not lines[0].passed
    assert "left of the time allowed" in lines[0].figure


@pytest.mark.parametrize(
    ("passed", "status", "last"), [(True, 0, "1 passed, 0 failed"), (False, 1, "0 passed, 1 failed")]
)
def test_the_last_line_and_the_exit_status_say_the_same(
    passed: bool, status: int, last: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    line = Line("only", ">= 1", "1", passed)
    bars = (Bar("bar", ("only",), lambda _run: iter((line,)), (1, 1)),)
    monkeypatch.setattr("sys.argv", ["accept"])
    assert main("Judge.", bars, lambda _quick, _bars: 0.0) == status
    assert capsys.readouterr().out.strip().splitlines()[-1] == last


def test_bars_without_a_time_come_last(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Nothing runs beside a bar that measures time."""
    running: list[str] = []

    def bar(name: str, *, timed: bool) -> Bar:
        def judged(_run: Run) -> Iterator[Line]:
            running.append(name)
            yield none(name, "fault", 0)

        return Bar(name, (name,), judged, (1, 1), timed=timed)

    bars = [bar("correct", timed=False), bar("quick", timed=True), bar("right", timed=False)]
    monkeypatch.setattr("sys.argv", ["bench"])
    assert main("Bars.", bars, lambda _quick, _bars: 0.0) == 0
    assert running[0] == "quick" and sorted(running) == ["correct", "quick", "right"]
    assert "3 passed, 0 failed" in capsys.readouterr().out
