"""The kinds of clocks: how long each runs, in what, from which event, when it warns, and who says so.

Law where there is one, then the bank's own declaration, then a rule of the house; `source` tells which.  A bank may
shorten any of them and lengthen those of the house (`read_rules`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tarim.base.errors import DefinitionError

LENGTH_MAX: Final = 1_000
HOUSE: Final = "house rule"


class Unit(StrEnum):
    """What a period is counted in."""

    WORKING_DAYS = "working-days"
    """Ends when the office closes on the last one."""
    CALENDAR_DAYS = "calendar-days"
    """Ends at midnight after the last one, be it a holiday or not (the stricter reading)."""
    WORKING_HOURS = "working-hours"
    """Hours in which the office is open."""
    HOURS = "hours"
    """Hours by day and night."""
    MONTHS = "months"
    """Ends at midnight after the day of the same number, or the month's last day; cannot be paused."""


class StartEvent(StrEnum):
    """What sets a clock going."""

    RECEIVED = "received"
    VERIFIED = "identity-verified"
    DECIDED = "decided"
    CONFIRMED = "confirmed"
    PERIOD_ENDED = "period-ended"
    ISSUED = "issued"


class ClockKind(StrEnum):
    """Every period the product keeps."""

    COMPLAINT_HANDLING = "complaint-handling"
    COMPLAINT_ANSWER = "complaint-answer"
    PRIVACY_QUESTION = "privacy-question"
    RIGHTS_REQUEST = "rights-request"
    BLOCK_REVIEW = "block-review"
    HOLD_REVIEW = "hold-review"
    NOTICE_REVIEW = "notice-review"
    SWITCH_REVIEW = "switch-review"
    ALERT_FIRST_LOOK = "alert-first-look"
    CASE_REVIEW = "case-review"
    STR_FILING = "str-filing"
    LOSS_SETTLEMENT = "loss-settlement"
    DISPUTE_ANSWER = "dispute-answer"
    AUTHORITY_REQUEST = "authority-request"
    HALF_YEAR_STATISTICS = "half-year-statistics"
    ASSESSMENT_OBJECTION = "assessment-objection"
    RECTIFICATION = "rectification"
    EVALUATION_VALIDITY = "evaluation-validity"


@dataclass(frozen=True, slots=True)
class ClockRule:
    """One kind's period.

    length: in `unit`, 1 to 1,000.  warn_before: so many units before the end, largest first, each less than `length`.
    office_hours_only: what arrives when the office is closed arrives when it opens next.  pausable: for a stated reason.
    """

    kind: ClockKind
    length: int
    unit: Unit
    starts: StartEvent
    warn_before: tuple[int, ...]
    source: str
    title_zh: str
    title_en: str
    pausable: bool = False
    office_hours_only: bool = False

    def __post_init__(self) -> None:
        where = f"clock {self.kind.value}"
        if not 1 <= self.length <= LENGTH_MAX:
            raise DefinitionError(f"{where}: length must be 1 to {LENGTH_MAX}")
        if any(not 1 <= each < self.length for each in self.warn_before):
            raise DefinitionError(f"{where}: a warning comes at least 1 before the end and after the start")
        if list(self.warn_before) != sorted(set(self.warn_before), reverse=True):
            raise DefinitionError(f"{where}: warnings are listed once each, the earliest (largest) first")
        if self.pausable and self.unit is Unit.MONTHS:
            raise DefinitionError(f"{where}: a period in months cannot be paused")


_WORKING, _CALENDAR, _HOURS = Unit.WORKING_DAYS, Unit.CALENDAR_DAYS, Unit.HOURS
_RECEIVED = StartEvent.RECEIVED
_RULES: Final = (
    ClockRule(
        ClockKind.COMPLAINT_HANDLING,
        *(7, _WORKING, _RECEIVED, (3, 1), "CM-02", "投诉受理与处理", "complaint handled"),
        pausable=True,
        office_hours_only=True,
    ),
    ClockRule(
        ClockKind.COMPLAINT_ANSWER,
        *(15, _CALENDAR, _RECEIVED, (5, 2), "CM-03, JR/T DS-42", "投诉答复", "complainant answered"),
    ),
    ClockRule(
        ClockKind.PRIVACY_QUESTION,
        *(15, _WORKING, _RECEIVED, (5, 2), "CM-04, RT-13", "隐私政策咨询答复", "question on privacy answered"),
    ),
    ClockRule(
        ClockKind.RIGHTS_REQUEST,
        *(
            15,
            _CALENDAR,
            StartEvent.VERIFIED,
            (5, 2),
            "CM-04, RT-02",
            "个人信息权利请求答复",
            "rights request answered",
        ),
    ),
    ClockRule(
        ClockKind.BLOCK_REVIEW,
        *(24, _HOURS, StartEvent.DECIDED, (8, 2), f"TS-18, {HOUSE}", "拦截交易核查", "block reviewed"),
    ),
    ClockRule(
        ClockKind.HOLD_REVIEW,
        *(24, _HOURS, StartEvent.DECIDED, (8, 2), f"TS-19, {HOUSE}", "挂起交易核查", "hold reviewed"),
    ),
    ClockRule(
        ClockKind.NOTICE_REVIEW,
        *(5, _WORKING, StartEvent.DECIDED, (2,), f"TS-19, {HOUSE}", "提示交易核查", "notice reviewed"),
    ),
    ClockRule(
        ClockKind.SWITCH_REVIEW,
        *(
            24,
            _HOURS,
            StartEvent.DECIDED,
            (8, 2),
            f"RM-26, {HOUSE}",
            "单人停用事后复核",
            "pause or stop by one person reviewed",
        ),
    ),
    ClockRule(
        ClockKind.ALERT_FIRST_LOOK,
        *(8, Unit.WORKING_HOURS, StartEvent.DECIDED, (4, 1), HOUSE, "预警首次查看", "alert looked at"),
    ),
    ClockRule(
        ClockKind.CASE_REVIEW,
        *(10, _WORKING, StartEvent.DECIDED, (3, 1), HOUSE, "案件办结", "case worked to its end"),
        pausable=True,
    ),
    ClockRule(
        ClockKind.STR_FILING,
        *(
            5,
            _WORKING,
            StartEvent.CONFIRMED,
            (3, 1),
            "PBC Order 2016 No. 3",
            "可疑交易报告报送",
            "suspicious transaction filed",
        ),
    ),
    ClockRule(
        ClockKind.LOSS_SETTLEMENT,
        *(15, _WORKING, StartEvent.CONFIRMED, (5, 2), f"TS-22, {HOUSE}", "损失处置", "loss settled"),
        pausable=True,
    ),
    ClockRule(
        ClockKind.DISPUTE_ANSWER,
        *(
            15,
            _CALENDAR,
            _RECEIVED,
            (5, 2),
            "Civil Procedure Law art. 128",
            "应诉答辩",
            "statement of defence handed in",
        ),
    ),
    ClockRule(
        ClockKind.AUTHORITY_REQUEST,
        *(5, _WORKING, _RECEIVED, (2, 1), f"TS-21, {HOUSE}", "协查答复", "request of an authority answered"),
    ),
    ClockRule(
        ClockKind.HALF_YEAR_STATISTICS,
        *(15, _WORKING, StartEvent.PERIOD_ENDED, (5,), f"CM-08, {HOUSE}", "投诉半年统计", "half-yearly statistics"),
    ),
    ClockRule(
        ClockKind.ASSESSMENT_OBJECTION,
        *(15, _CALENDAR, _RECEIVED, (5, 2), "SC-16", "评估结果异议", "objection to an assessment"),
    ),
    ClockRule(
        ClockKind.RECTIFICATION,
        *(6, Unit.MONTHS, StartEvent.ISSUED, (3, 1), "CM-15", "问题整改", "finding put right"),
    ),
    ClockRule(
        ClockKind.EVALUATION_VALIDITY,
        *(36, Unit.MONTHS, StartEvent.ISSUED, (3, 1), "SC-14", "评估有效期", "evaluation valid"),
    ),
)
CLOCKS: Final[Mapping[ClockKind, ClockRule]] = MappingProxyType({rule.kind: rule for rule in _RULES})
"""Every kind's rule."""
