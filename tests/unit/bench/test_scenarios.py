"""How the bar of the scenarios counts: cases found and named, alerts true and false, on a handful of events."""

from __future__ import annotations

import numpy as np

from bench.scenarios import Judged, Report, _count_alerts, _count_cases
from tarim.rules import compile_ruleset
from tarim.simulation import CRIME_NAMES, PATTERNS

NAMES = ("payee_count_24h", "payer_count_24h")
RULE = """
[[rule]]
id = "{0}_rule"
when = '{1}_count_24h > 1'
outcome = "notice"
weight = {2}
scenario = "{0}"
reason = "理由"
reason_en = "reason"
"""
RULESET = compile_ruleset('name = "two"' + RULE.format("fan_in", "payee", 60) + RULE.format("mule", "payer", 50), NAMES)
FAN_IN, MULE = CRIME_NAMES.index("fan_in") + 1, CRIME_NAMES.index("mule") + 1
FEES = [name for name, _ in PATTERNS].index("school_fees") + 1

#      day crime   pattern ring customer payee  fan_in mule
EVENTS = (
    (40, FAN_IN, 0, 1, 11, 90, True, False),  # found and rightly named; one alert about account 90 ...
    (40, FAN_IN, 0, 1, 12, 90, True, True),  # ... and the same again
    (41, MULE, 0, 2, 13, 91, True, False),  # found under another name: an alert about account 91, true
    (41, MULE, 0, 3, 14, 92, False, False),  # not found
    (42, 0, FEES, 4, 15, 93, True, False),  # a hard negative, alerted
    (42, 0, 0, -1, 16, 94, False, True),  # an ordinary customer, alerted
    (43, 0, 0, -1, 16, 95, False, True),  # the same on another day: another alert
    (10, MULE, 0, 5, 17, 96, False, True),  # before anybody has a past: no case and no alert
    (58, MULE, 0, 6, 18, 97, False, True),  # may not be over: no case, but an alert
)


def counted() -> Report:
    columns = [np.array(column) for column in zip(*EVENTS, strict=True)]
    judged = Judged(*columns[:6], np.stack(columns[6:], axis=1))
    report = Report(len(EVENTS))
    _count_cases(report, judged, RULESET, 30, 52)
    _count_alerts(report, judged, RULESET, 30)
    return report


def test_cases_are_found_and_named_once_each() -> None:
    """A case counts once, however many of its events are flagged, and only when it begins within the judged days."""
    report = counted()
    fan_in, mule, fees = report.scenarios["fan_in"], report.scenarios["mule"], report.patterns["school_fees"]
    assert (fan_in.cases, fan_in.found, fan_in.named) == (1, 1, 1)
    assert (mule.cases, mule.found, mule.named) == (2, 1, 0)
    assert (fees.cases, fees.found) == (1, 1)
    assert report.recall == 2 / 3 and report.named_share == 1 / 2


def test_an_alert_is_a_subject_and_a_day() -> None:
    """By the receiving account where the heaviest rule looks at it, else by the customer; true when an event is criminal."""
    report = counted()
    fan_in, mule = report.scenarios["fan_in"], report.scenarios["mule"]
    assert (fan_in.true_alerts, fan_in.false_alerts) == (2, 1)
    assert (mule.true_alerts, mule.false_alerts) == (1, 2)
    assert report.patterns["school_fees"].false_alerts == 1
    assert report.false_per_true == 1.0 and report.false_per_case == 1.5
