"""Figures of a risk report, and their agreement with the journal (RM-03).

Counts      decisions above pass and labels by day: once from the tables, once counted in the journal itself
Tally       the journal's counts, with all events, of which the tables know only those above pass
differences what the two do not agree on: a report with any is not filed
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from tarim.base.errors import Conflict
from tarim.reporting.domain.case_facts import scenario_of
from tarim.reporting.domain.days import Period

CNY: Final = "CNY"
OUTCOMES: Final = (
    (1, "提示", "notice"),
    (2, "加强验证", "challenge"),
    (3, "延迟", "delay"),
    (4, "暂停", "suspend"),
    (5, "拒绝", "block"),
)
STOPPED_FROM: Final = 4
"""Suspended and blocked payments do not go through."""
CHANNELS: Final[Mapping[str, tuple[str, str]]] = {
    "pc": ("网上银行", "online"),
    "mobile": ("手机银行", "mobile"),
    "counter": ("柜面", "counter"),
    "atm": ("自助设备", "ATM"),
    "pos": ("POS终端", "POS"),
    "api": ("接口", "API"),
}
_TOLD_MAX: Final = 5

Key = tuple[int, int, str, str, str]
"""Day, outcome, scenario, channel, currency."""


class Counts(msgspec.Struct):
    """decisions: how many above pass, and their money in fen; labels: by (day, 1 = fraud)."""

    decisions: dict[Key, tuple[int, int]]
    labels: dict[tuple[int, int], int]


class Tally(msgspec.Struct):
    """What the journal holds of a period.  events: judged events by day, those that passed among them."""

    counts: Counts
    events: dict[int, int]


class CaseCounts(msgspec.Struct, frozen=True):
    """What became of cases in a period, and of alerts by outcome."""

    opened: int
    closed: int
    reported: int
    open_now: int
    overdue_now: int
    alerts: dict[int, int]


class Line(msgspec.Struct, frozen=True):
    """One row of a table of figures.  amount_fen: of Chinese yuan; stopped: suspended and blocked among the decisions."""

    zh: str
    en: str
    decisions: int
    amount_fen: int
    stopped: int
    stopped_fen: int


class DayLine(msgspec.Struct, frozen=True):
    """A day: events judged, decisions above pass by outcome (OUTCOMES' order), money of those stopped, labels."""

    day: int
    events: int
    by_outcome: tuple[int, ...]
    amount_fen: int
    stopped_fen: int
    fraud: int
    genuine: int


class Figures(msgspec.Struct, frozen=True):
    """Everything a risk report says.  before_*: the same of the period before, of decisions above pass and those stopped."""

    id: str
    from_day: int
    to_day: int
    as_of_seq: int
    events: int
    decisions: int
    amount_fen: int
    stopped: int
    stopped_fen: int
    other_currencies: int
    fraud: int
    genuine: int
    before_decisions: int
    before_stopped: int
    before_stopped_fen: int
    outcomes: tuple[Line, ...]
    scenarios: tuple[Line, ...]
    channels: tuple[Line, ...]
    days: tuple[DayLine, ...]
    cases: CaseCounts

    @property
    def alert_share(self) -> float:
        """Decisions above pass of all events judged, in [0, 1]; 0 without events."""
        return self.decisions / self.events if self.events else 0.0

    @property
    def precision(self) -> float | None:
        """Fraud of all labels that came in, in [0, 1]; None without labels."""
        labels = self.fraud + self.genuine
        return self.fraud / labels if labels else None


class Difference(msgspec.Struct, frozen=True):
    """A figure on which the tables and the journal do not agree."""

    zh: str
    en: str
    tables: int
    journal: int


class NotReconciled(Conflict):
    """The tables and the journal do not agree, so no report is filed."""

    code = "not-reconciled"

    def __init__(self, differences: list[Difference]) -> None:
        told = "; ".join(
            f"{each.en}: tables {each.tables:,}, journal {each.journal:,}" for each in differences[:_TOLD_MAX]
        )
        more = f"; and {len(differences) - _TOLD_MAX} more" if len(differences) > _TOLD_MAX else ""
        super().__init__(
            f"the figures do not agree with the journal, nothing was filed: {told}{more}; run tarim desk rebuild, then again. "
            "数据与流水不一致，报告未生成。"
        )
        self.differences = differences


def differences(tables: Counts, journal: Counts, alerts: Mapping[int, int] | None = None) -> list[Difference]:
    """Every figure on which they do not agree.  alerts: of the tables of cases, by outcome; None = not looked at."""
    found: list[Difference] = []
    for key in sorted(tables.decisions.keys() | journal.decisions.keys()):
        here, there = tables.decisions.get(key, (0, 0)), journal.decisions.get(key, (0, 0))
        name = "/".join(str(part) for part in key)
        if here[0] != there[0]:
            found.append(Difference(f"预警笔数 {name}", f"decisions {name}", here[0], there[0]))
        if here[1] != there[1]:
            found.append(Difference(f"预警金额（分） {name}", f"amount in fen {name}", here[1], there[1]))
    for place in sorted(tables.labels.keys() | journal.labels.keys()):
        if tables.labels.get(place, 0) != journal.labels.get(place, 0):
            name = f"{place[0]}/{'fraud' if place[1] else 'genuine'}"
            found.append(
                Difference(f"标签 {name}", f"labels {name}", tables.labels.get(place, 0), journal.labels.get(place, 0))
            )
    if alerts is not None:
        for outcome, zh, en in OUTCOMES:
            there_count = sum(count for key, (count, _) in journal.decisions.items() if key[1] == outcome)
            if alerts.get(outcome, 0) != there_count:
                found.append(
                    Difference(f"预警案件 {zh}", f"alerts of cases, {en}", alerts.get(outcome, 0), there_count)
                )
    return found


def figures_of(
    period: Period, as_of_seq: int, tables: Counts, events: Mapping[int, int], before: Counts, cases: CaseCounts
) -> Figures:
    """The figures of a period.  events: of the journal, by day; before: counts of the period before."""
    total = _line("", "", tables, lambda _: True)
    earlier = _line("", "", before, lambda _: True)
    scenarios = sorted({key[2] for key in tables.decisions})
    channels = sorted({key[3] for key in tables.decisions})
    return Figures(
        id=period.id,
        from_day=period.from_day,
        to_day=period.to_day,
        as_of_seq=as_of_seq,
        events=sum(events.values()),
        decisions=total.decisions,
        amount_fen=total.amount_fen,
        stopped=total.stopped,
        stopped_fen=total.stopped_fen,
        other_currencies=sum(count for key, (count, _) in tables.decisions.items() if key[4] not in (CNY, "")),
        fraud=sum(count for (_, fraud), count in tables.labels.items() if fraud),
        genuine=sum(count for (_, fraud), count in tables.labels.items() if not fraud),
        before_decisions=earlier.decisions,
        before_stopped=earlier.stopped,
        before_stopped_fen=earlier.stopped_fen,
        outcomes=tuple(_line(zh, en, tables, _at(1, number)) for number, zh, en in OUTCOMES),
        scenarios=_ranked([_line(*scenario_of(name).name, tables, _at(2, name)) for name in scenarios]),
        channels=_ranked([_line(*CHANNELS.get(name, (name, name)), tables, _at(3, name)) for name in channels]),
        days=tuple(_day(day, tables, events.get(day, 0)) for day in period.days()),
        cases=cases,
    )


def _at(place: int, value: int | str) -> Callable[[Key], bool]:
    return lambda key: key[place] == value


def _line(zh: str, en: str, counts: Counts, chosen: Callable[[Key], bool]) -> Line:
    of = [(key, found) for key, found in counts.decisions.items() if chosen(key)]
    yuan = [(key, found) for key, found in of if key[4] in (CNY, "")]
    return Line(
        zh,
        en,
        sum(count for _, (count, _) in of),
        sum(fen for _, (_, fen) in yuan),
        sum(count for key, (count, _) in of if key[1] >= STOPPED_FROM),
        sum(fen for key, (_, fen) in yuan if key[1] >= STOPPED_FROM),
    )


def _ranked(lines: list[Line]) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: (-line.decisions, line.en)))


def _day(day: int, counts: Counts, events: int) -> DayLine:
    line = _line("", "", counts, _at(0, day))
    by_outcome = tuple(
        sum(count for key, (count, _) in counts.decisions.items() if key[0] == day and key[1] == outcome)
        for outcome, _, _ in OUTCOMES
    )
    fraud, genuine = counts.labels.get((day, 1), 0), counts.labels.get((day, 0), 0)
    return DayLine(day, events, by_outcome, line.amount_fen, line.stopped_fen, fraud, genuine)
