"""The queue: what is asked for in the address, named views, chips of the filters that are on, orders of the columns."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from tarim.console.case_shapes import Case, Cases
from tarim.console.case_words import PRIORITIES, SORTS, STATES, level, priority_word, tone, words_of_cases
from tarim.console.pages import Visit
from tarim.console.saved_views import ALL
from tarim.console.services import Refused
from tarim.console.words import _
from tarim.identity import Scope

PAGE_CASES: Final = 50
COUNTED_MAX: Final = 1_000
SOON_S: Final = 4 * 3_600
_WORD_CHARACTERS_MAX: Final = 64
_CURSOR_CHARACTERS_MAX: Final = 256


class Asked(msgspec.Struct, frozen=True):
    """What a list is asked for, as it stands in the address; "" and 0 = all."""

    state: str = ""
    priority: int = 0
    scenario: str = ""
    queue: str = ""
    branch: str = ""
    assignee: str = ""
    tag: str = ""
    ring: str = ""
    overdue: str = ""
    closed: str = ""
    sort: str = "work"

    @classmethod
    def of(cls, given: Any) -> Asked:
        """Of a query or form; what is no value of a field counts as not given."""
        words = {name: str(given.get(name, ""))[:_WORD_CHARACTERS_MAX].strip() for name in cls.__struct_fields__}
        priority = words.pop("priority")
        sort = words.pop("sort")
        if words["state"] not in STATES:
            words["state"] = ""
        for name in ("overdue", "closed"):
            words[name] = "1" if words[name] in ("1", "on", "true") else ""
        return cls(
            **words,
            priority=int(priority) if priority in map(str, PRIORITIES) else 0,
            sort=sort if sort in SORTS else "work",
        )

    def query(self, **changes: Any) -> dict[str, str]:
        """Its part of an address, with changes; what is not asked for is left out, and `all` says that nothing was."""
        values = msgspec.structs.asdict(self) | changes
        left_out = {"sort": "work"}
        found = {
            name: str(value) for name, value in values.items() if value not in ("", 0) and left_out.get(name) != value
        }
        return found or dict(ALL)

    def desk_query(self) -> dict[str, Any]:
        """As the desk takes it."""
        flags = {name: "true" if getattr(self, name) else None for name in ("overdue", "closed")}
        return msgspec.structs.asdict(self) | flags | {"priority": self.priority or None}

    def desk_body(self) -> dict[str, Any]:
        """As the desk takes it in a body."""
        return msgspec.structs.asdict(self) | {"overdue": bool(self.overdue), "closed": bool(self.closed)}


@dataclass(frozen=True, slots=True)
class NamedView:
    """A list by name: its query, and for whom."""

    name: str
    title: str
    query: dict[str, str]
    scopes: frozenset[Scope] = frozenset({Scope.CASES_READ})


VIEWS: Final = (
    NamedView("open", "全部在办", dict(ALL)),
    NamedView("mine", "我的案件", {"assignee": "me"}, frozenset({Scope.CASES_WORK})),
    NamedView("free", "待领取", {"assignee": "nobody", "state": "new"}),
    NamedView("review", "待复核", {"state": "submitted"}),
    NamedView("overdue", "已逾期", {"overdue": "1", "sort": "due"}),
    NamedView("escalated", "已升级", {"state": "escalated"}),
    NamedView("closed", "已办结", {"state": "closed", "closed": "1", "sort": "changed"}),
)
"""Views by name, in the order of their tabs; each is an address, so that it can be kept and sent."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on.  without: the query of the same list without it."""

    label: str
    value: str
    without: dict[str, str]


def chips(asked: Asked) -> list[Chip]:
    """The filters that are on."""
    w = words_of_cases()
    who = {"me": _("我"), "nobody": _("无人")}
    said = {
        "state": (_("状态"), w["states"][asked.state]),
        "priority": (_("级别"), priority_word(asked.priority)),
        "scenario": (_("场景"), w["scenarios"][asked.scenario]),
        "queue": (_("队列"), asked.queue),
        "branch": (_("机构"), asked.branch),
        "assignee": (_("处理人"), who.get(asked.assignee, asked.assignee)),
        "tag": (_("标签"), asked.tag),
        "ring": (_("团伙"), asked.ring),
        "overdue": (_("时限"), _("已逾期")),
        "closed": (_("范围"), _("含已办结")),
    }
    return [
        Chip(label, value, asked.query(**{name: 0 if name == "priority" else ""}))
        for name, (label, value) in said.items()
        if getattr(asked, name)
    ]


@dataclass(frozen=True, slots=True)
class Clock:
    """How a time limit stands.  level: `late`, `soon`, `fine`, or `none` for no limit."""

    level: str
    text: str
    at: str


def clock_of(due: str, now: datetime) -> Clock:
    """A limit as people say it: late by so much, or so much left."""
    if not due:
        return Clock("none", "–", "")
    left_s = (datetime.fromisoformat(due) - now).total_seconds()
    if left_s < 0:
        return Clock("late", _("逾期 {span}").format(span=span(-left_s)), due)
    return Clock("soon" if left_s < SOON_S else "fine", _("剩 {span}").format(span=span(left_s)), due)


def span(seconds: float) -> str:
    """The largest unit of a span: `3 天`, `5 小时`, `12 分钟`."""
    for size, text in ((86_400, _("{count} 天")), (3_600, _("{count} 小时")), (60, _("{count} 分钟"))):
        if seconds >= size:
            return text.format(count=int(seconds // size))
    return _("不足 1 分钟")


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """A case of a list, with what is worked out for it."""

    case: Case
    clock: Clock
    level: str
    level_word: str
    tone: str


def rows_of(cases: list[Case]) -> list[Row]:
    """Cases of a list."""
    at = now()
    return [
        Row(case, clock_of(case.due, at), level(case.priority), priority_word(case.priority), tone(case.state))
        for case in cases
    ]


async def page_of(visit: Visit, asked: Asked, cursor: str = "") -> Cases:
    """One page of the desk's list.  Raises Refused."""
    cursor = cursor[:_CURSOR_CHARACTERS_MAX]
    return await visit.desk.get("/v1/cases", Cases, limit=PAGE_CASES, cursor=cursor, **asked.desk_query())


class _Rules(msgspec.Struct):
    text: str


async def places(visit: Visit) -> tuple[list[str], list[str]]:
    """Queues and branches that a filter offers: those of the assignment rules that the person may see.

    Where the rules cannot be had there are none to offer, and the list is shown all the same.
    """
    try:
        rules = tomllib.loads((await visit.desk.get("/v1/case-assignments", _Rules)).text)
    except (Refused, tomllib.TOMLDecodeError):
        return [], []
    queues = [str(each["name"]) for each in rules.get("queues", ())] + ["general"]
    branches = ["head-office", *(str(each["name"]) for each in rules.get("branches", ()))]
    return _seen(queues, visit.account.queues), _seen(branches, visit.account.branches)


def _seen(names: list[str], scope: list[str]) -> list[str]:
    return names if scope == ["*"] else [name for name in names if name in scope]
