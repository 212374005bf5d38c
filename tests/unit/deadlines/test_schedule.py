"""When periods end: by hand on the calendar of 2026, at its edges, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import chinese_calendar
import pytest

from tarim.base.errors import DefinitionError
from tarim.base.instants import instant_ms
from tarim.deadlines import (
    CLOCKS,
    ClockKind,
    Pause,
    Schedule,
    Standing,
    StartEvent,
    Unit,
    YearMissing,
    load_schedule,
    read_calendar,
    read_rules,
)

CHINA = timezone(timedelta(hours=8))
SCHEDULE = load_schedule()


def at(text: str) -> int:
    """Milliseconds of a local time."""
    return instant_ms(datetime.fromisoformat(text).replace(tzinfo=CHINA))


def due(kind: ClockKind, start: str, pauses: tuple[Pause, ...] = ()) -> str:
    deadline = SCHEDULE.deadline(kind, at(start), pauses)
    if deadline.due_ms is None:
        return "open"
    return datetime.fromtimestamp(deadline.due_ms / 1000, UTC).astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


def test_every_day_of_three_years_is_as_the_other_calendar_has_it() -> None:
    day = datetime(2024, 1, 1, tzinfo=CHINA).date()
    while day.year < 2027:
        assert SCHEDULE.calendar.is_worked(day.toordinal()) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("kind", "start", "end"),
    [
        # Wednesday; 1 to 5 May are holidays, Saturday 9 May is worked: 30 April, 6, 7, 8, 9, 11, 12 May
        (ClockKind.COMPLAINT_HANDLING, "2026-04-29 11:00", "2026-05-12 18:00"),
        # after closing it arrives the next working day
        (ClockKind.COMPLAINT_HANDLING, "2026-04-29 18:00", "2026-05-13 18:00"),
        (ClockKind.COMPLAINT_HANDLING, "2026-04-29 09:59", "2026-05-12 18:00"),
        # calendar days do not care for the National Day
        (ClockKind.COMPLAINT_ANSWER, "2026-09-20 23:59", "2026-10-06 00:00"),
        (ClockKind.RIGHTS_REQUEST, "2026-02-10 08:00", "2026-02-26 00:00"),
        # Spring Festival: 15 to 23 February off, Saturdays 14 and 28 worked
        (ClockKind.PRIVACY_QUESTION, "2026-02-12 20:00", "2026-03-11 18:00"),
        (ClockKind.BLOCK_REVIEW, "2026-10-01 12:34", "2026-10-02 12:34"),
        # 8 hours of an open office: one left on Saturday 10 October (worked), seven on Monday
        (ClockKind.ALERT_FIRST_LOOK, "2026-10-10 17:00", "2026-10-12 17:00"),
        (ClockKind.RECTIFICATION, "2026-08-31 09:00", "2027-03-01 00:00"),
        (ClockKind.EVALUATION_VALIDITY, "2021-12-24 00:00", "2024-12-25 00:00"),
    ],
)
def test_ends_worked_out_by_hand(kind: ClockKind, start: str, end: str) -> None:
    assert due(kind, start) == end


def test_a_pause_over_the_close_gains_a_day_and_one_at_noon_nothing() -> None:
    start = "2026-06-01 11:00"
    assert due(ClockKind.COMPLAINT_HANDLING, start) == "2026-06-10 18:00"
    noon = Pause(at("2026-06-03 12:00"), at("2026-06-03 13:00"), "waits for the customer")
    assert due(ClockKind.COMPLAINT_HANDLING, start, (noon,)) == "2026-06-10 18:00"
    evening = Pause(at("2026-06-03 17:00"), at("2026-06-04 09:00"), "waits for the customer")
    assert due(ClockKind.COMPLAINT_HANDLING, start, (noon, evening)) == "2026-06-11 18:00"
    lasting = Pause(at("2026-06-03 17:00"), None, "waits for the customer")
    assert due(ClockKind.COMPLAINT_HANDLING, start, (lasting,)) == "open"
    too_late = Pause(at("2026-06-10 18:01"), None, "waits for the customer")
    assert due(ClockKind.COMPLAINT_HANDLING, start, (too_late,)) == "2026-06-10 18:00"


def test_a_clock_stands_where_it_stands() -> None:
    pause = Pause(at("2026-06-03 12:00"), at("2026-06-03 13:00"), "waits")
    clock = SCHEDULE.deadline(ClockKind.COMPLAINT_HANDLING, at("2026-06-01 11:00"), [pause])
    assert clock.standing(at("2026-06-03 11:59")) is Standing.RUNNING
    assert clock.standing(at("2026-06-03 12:00")) is Standing.PAUSED
    assert clock.standing(at("2026-06-03 13:00")) is Standing.RUNNING
    assert clock.standing(at("2026-06-05 18:00")) is Standing.WARNED  # three working days left
    assert clock.warnings_given(at("2026-06-09 18:00")) == 2
    assert clock.standing(at("2026-06-10 18:00")) is Standing.WARNED
    assert clock.standing(at("2026-06-10 18:00") + 1) is Standing.OVERDUE
    assert clock.standing(at("2027-01-01 00:00"), done_ms=at("2026-06-10 18:00")) is Standing.MET
    assert clock.standing(at("2027-01-01 00:00"), done_ms=at("2026-06-10 18:00") + 1) is Standing.MISSED


def test_a_year_without_its_notice_is_an_error_that_names_it() -> None:
    assert due(ClockKind.COMPLAINT_HANDLING, "2026-12-22 11:00") == "2026-12-31 18:00"
    with pytest.raises(YearMissing, match="2027") as caught:
        due(ClockKind.COMPLAINT_HANDLING, "2026-12-23 11:00")
    assert caught.value.year == 2027
    with pytest.raises(YearMissing, match="2023"):
        SCHEDULE.is_open(at("2023-12-29 11:00"))


def test_the_missing_notice_is_told_sixty_days_ahead() -> None:
    assert SCHEDULE.warning(at("2026-11-01 12:00")) == ""
    assert "2027" in SCHEDULE.warning(at("2026-11-02 12:00"))
    assert "2027" in SCHEDULE.warning(at("2027-03-01 12:00"))


def test_the_office_is_open_when_it_is() -> None:
    assert SCHEDULE.is_open(at("2026-10-10 10:00"))
    assert not SCHEDULE.is_open(at("2026-10-10 18:00"))
    assert not SCHEDULE.is_open(at("2026-10-08 09:59"))
    assert not SCHEDULE.is_open(at("2026-10-07 12:00"))
    assert SCHEDULE.opening(at("2026-09-30 18:00")) == at("2026-10-08 10:00")


def test_every_kind_has_one_rule_and_says_where_it_comes_from() -> None:
    assert set(CLOCKS) == set(ClockKind)
    for kind, rule in CLOCKS.items():
        assert rule.kind is kind and rule.source and rule.title_zh and rule.title_en
    assert CLOCKS[ClockKind.RIGHTS_REQUEST].starts is StartEvent.VERIFIED
    assert CLOCKS[ClockKind.RECTIFICATION].unit is Unit.MONTHS


def test_a_clock_that_cannot_be_paused_is_not() -> None:
    with pytest.raises(DefinitionError, match="cannot be paused"):
        SCHEDULE.deadline(ClockKind.COMPLAINT_ANSWER, at("2026-06-01 11:00"), [Pause(0, 1, "why")])
    with pytest.raises(DefinitionError, match="reason"):
        Pause(0, 1, "  ")
    with pytest.raises(DefinitionError, match="ends after"):
        Pause(2, 1, "why")
    with pytest.raises(DefinitionError, match="at most 100"):
        SCHEDULE.deadline(ClockKind.CASE_REVIEW, at("2026-06-01 11:00"), [Pause(0, 1, "why")] * 101)


NOTICE = """
[2027]
source = "a notice"
holidays = ["2027-01-01..2027-01-03", "2027-05-01", "2027-10-01..2027-10-03"]
worked = []
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2027-05-01", "2026-05-01", "another year"),
        ("2027-05-01", "2027-05-02", "2027-05-01 has to be a holiday"),
        ("worked = []", 'worked = ["2027-02-03"]', "no weekend day"),
        ("worked = []", 'worked = ["2027-10-02"]', "both a holiday and worked"),
        ("2027-01-01..2027-01-03", "2027-01-03..2027-01-01", "no range"),
        ("2027-05-01", "May", "no day like"),
        ('"a notice"', '" "', "must name the notice"),
        ("[2027]", "[next]", "a table's name is a year"),
        ("worked = []", "work = []", "unknown field `work`"),
        ("worked = []", "worked = [", "no TOML"),
    ],
)
def test_a_wrong_notice_is_refused_with_its_place(old: str, new: str, said: str) -> None:
    assert read_calendar(NOTICE).notices[2027].source == "a notice"
    with pytest.raises(DefinitionError, match=said):
        read_calendar(NOTICE.replace(old, new, 1))


def test_years_follow_each_other() -> None:
    with pytest.raises(DefinitionError, match="2028 is missing"):
        read_calendar(NOTICE + NOTICE.replace("2027", "2029"))


def test_the_bank_may_shorten_what_the_law_gives_and_lengthen_its_own(tmp_path: Path) -> None:
    hours, rules = read_rules('[office]\nopen = "09:00"\n[clocks.complaint-handling]\nlength = 3\n')
    assert (hours.open_minute, hours.close_minute) == (540, 1_080)
    assert (rules[ClockKind.COMPLAINT_HANDLING].length, rules[ClockKind.COMPLAINT_HANDLING].warn_before) == (3, (1,))
    assert read_rules("[clocks.hold-review]\nlength = 48\n")[1][ClockKind.HOLD_REVIEW].length == 48
    with pytest.raises(DefinitionError, match="7 at most"):
        read_rules("[clocks.complaint-handling]\nlength = 8\n")
    with pytest.raises(DefinitionError, match="no clock 'tea'"):
        read_rules("[clocks.tea]\nlength = 8\n")
    with pytest.raises(DefinitionError, match="at least 1 before"):
        read_rules("[clocks.complaint-handling]\nlength = 3\nwarn_before = [3]\n")
    (tmp_path / "calendar.toml").write_text(NOTICE, encoding="utf-8")
    (tmp_path / "deadlines.toml").write_text('[office]\nclose = "17:30"\n', encoding="utf-8")
    schedule: Schedule = load_schedule(tmp_path)
    assert list(schedule.calendar.notices) == [2027] and schedule.hours.close_minute == 1_050
    (tmp_path / "deadlines.toml").write_bytes(b"\xff")
    with pytest.raises(DefinitionError, match=r"deadlines\.toml cannot be read"):
        load_schedule(tmp_path)
