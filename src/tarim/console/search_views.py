"""What a search finds, as far as it is shown, and the pages that can be found by name."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from tarim.console.words import _, either


class Event(msgspec.Struct):
    """An event of that id."""

    source: str
    event_id: str
    kind: str
    outcome: str
    received_at: str
    amount_fen: int


class Entity(msgspec.Struct):
    """An identifier that decisions were about; told by its token."""

    kind: str
    token: str
    short: str
    decisions: int
    newest: Event


class Found(msgspec.Struct):
    """What the views know of a text."""

    events: list[Event] = []
    entities: list[Entity] = []
    entities_searched: bool = False
    complete: bool = True


class CaseFound(msgspec.Struct):
    """A case."""

    id: str
    state: str
    scenario: str
    assignee: str
    money_fen: int


class Cases(msgspec.Struct):
    """Cases of a customer."""

    cases: list[CaseFound]


class Whole(msgspec.Struct):
    """One case."""

    case: CaseFound


class ListFound(msgspec.Struct):
    """A list."""

    name: str
    title_zh: str = ""
    title_en: str = ""

    @property
    def title(self) -> str:
        """What it is called."""
        return either(self.title_zh, self.title_en) or self.name


class Lists(msgspec.Struct):
    """All lists."""

    lists: list[ListFound]


class UserFound(msgspec.Struct):
    """An account."""

    id: str
    login: str
    display_name: str
    state: str


class Users(msgspec.Struct):
    """All accounts."""

    users: list[UserFound]


@dataclass(frozen=True, slots=True)
class PageFound:
    """A page.  words: what else somebody may call it."""

    page: str
    title: str
    icon: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class RuleFound:
    """A rule in force."""

    id: str
    zh: str
    en: str

    @property
    def reason(self) -> str:
        """What it says, in the viewer's language."""
        return either(self.zh, self.en)


def pages() -> list[PageFound]:
    """Pages to be found by name; the template leaves out those that the person may not open."""
    return [
        PageFound("live", _("实时决策"), "layout-dashboard", either("首页 大盘", "live feed dashboard")),
        PageFound("cases", _("案件队列"), "briefcase", either("预警 案件", "case queue alert")),
        PageFound("case_follow_ups", _("我的跟进"), "clock", either("跟进", "follow up diary")),
        PageFound("case_overdue", _("逾期核查"), "alert-triangle", either("逾期", "overdue review")),
        PageFound("links", _("关系图谱"), "share-3", either("图谱 关系", "graph links network")),
        PageFound("redress", _("投诉与赔付"), "message-report", either("投诉 赔付", "complaint redress loss")),
        PageFound("reports", _("报表"), "report-analytics", either("报告 可疑交易", "report str suspicious")),
        PageFound("rules", _("规则"), "adjustments-alt", either("规则", "rule ruleset")),
        PageFound(
            "rules_reviews", _("事后复核"), "user-check", either("暂停 停办 复核", "pause stop review afterwards")
        ),
        PageFound("lists", _("名单"), "list-check", either("黑名单 白名单", "list black white")),
        PageFound("names", _("姓名筛查"), "id", either("筛查 制裁", "name screening sanctions")),
        PageFound("models", _("模型"), "brain", either("模型", "model champion challenger")),
        PageFound("log", _("日志检索"), "file-search", either("审计 日志", "audit log trail")),
        PageFound("log_traces", _("追溯决策"), "git-compare", either("追溯", "trace")),
        PageFound("log_chain", _("审计链"), "link", either("校验 锚点", "chain anchor verify")),
        PageFound("log_exports", _("导出与留存"), "download", either("导出 留存", "export retention")),
        PageFound("users", _("用户与角色"), "users", either("用户 角色 授权", "user role grant")),
        PageFound("levels", _("服务等级"), "activity-heartbeat", either("指标 时延", "slo service level metrics")),
        PageFound("account", _("我的账号"), "user", either("账号 密码", "account password session")),
    ]
