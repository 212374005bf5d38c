"""What to try: a page that leads a newcomer through the console, one piece of work after the other.

It says what to do and why it is worth seeing, who can do it, and where it begins.  A link stands only where the page is open to
the viewer; for the others the role is named.  The demonstration ends on this page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tarim.console.pages import SIGNED_IN, Page, View, Visit
from tarim.console.words import either
from tarim.identity import ROLES, Role, Scope


@dataclass(frozen=True, slots=True)
class Journey:
    """One thing to try.  Texts are message ids; page, names: where it begins; roles: who does it, in the order of the steps."""

    icon: str
    title: str
    why: str
    steps: tuple[str, ...]
    roles: tuple[Role, ...]
    page: str
    opens: frozenset[Scope]
    names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """A journey as this viewer sees it.  address: "" where the page is not open to the viewer."""

    journey: Journey
    roles: list[str]
    address: str


_A, _I, _V = Role.ANALYST, Role.INVESTIGATOR, Role.REVIEWER
JOURNEYS: Final = (
    Journey(
        "layout-dashboard", "看决策实时到达", "每笔交易在毫秒内得到处置和理由，随时可以重算证明。",
        (
            "打开实时决策，鼠标停在列表上即暂停。",
            "点开一笔“挑战”或更强的决策：命中规则、评分依据、当时的特征和版本都在。",
            "点“重算这笔决策”：用当时的规则和模型逐字节重做一遍。",
        ),
        (_A, Role.AUDITOR), "live", frozenset({Scope.READ}),
    ),
    Journey(
        "briefcase", "从告警到结案", "一个人调查，另一个人复核；缺一不可。",
        (
            "在案件队列领取一个案件并开始调查。",
            "看时间线、关系图和处置理由，写一条备注，给每条预警下结论。",
            "提交结案。再试试自己点“同意”：没有这个按钮，也没有这个权限。",
        ),
        (_I,), "cases", frozenset({Scope.CASES_READ}),
    ),
    Journey(
        "users", "做第二双眼睛", "复核人看到的是提交的那一版；提交之后一有变化就退回。",
        ("筛选待复核的案件，打开一个。", "同意或退回，并写明理由。", "结论随即成为标签，回到决策日志，供模型学习。"),
        (_V,), "cases", frozenset({Scope.CASES_REVIEW}), {"state": "submitted"},
    ),
    Journey(
        "share-3", "跟着资金走", "从任何一个账户、设备或电话出发，看钱流向哪里。",
        ("从案件里的关系图点开一个节点。", "按时间、金额和类型扩展，再换成表格查看。", "找出两个账户之间最短的资金路径。"),
        (_I, _A), "links", frozenset({Scope.CASES_READ}),
    ),
    Journey(
        "adjustments-alt", "写一条规则并发布", "先在历史上回测，再由另一个人批准，服务不停。",
        (
            "打开编辑器：左边条件，右边文本，两边是同一条规则。",
            "回测：命中多少、精确率多少、比现行规则多抓了什么。",
            "提交。换复核员登录后批准，下一笔事件就由它判断。",
        ),
        (_A, _V), "rules", frozenset({Scope.READ}),
    ),
    Journey(
        "list-check", "导入名单，筛查姓名", "谁、何时、为何上的名单，任何一个时点都查得到。",
        ("导入一个名单文件：先看差异和被拒的行，再提交。", "筛查一个姓名，看它为什么相似：拼音、词序、出生日期。"),
        (_A, _V), "lists", frozenset({Scope.READ}),
    ),
    Journey(
        "brain", "比较模型，上线与回退", "冠军与挑战者并排评分；上线要两个人，回退只要一个人。",
        ("看模型的曲线、分布漂移和模型卡。", "提交发布，由模型审批员批准。", "运维人员一键回退到上一个冠军。"),
        (Role.MODEL_ENGINEER, Role.MODEL_APPROVER, Role.OPERATOR), "models", frozenset({Scope.READ}),
    ),
    Journey(
        "report-analytics", "把可疑交易报上去", "从案件起草，逐项校验，两人审批，生成报文和 PDF。",
        ("打开草稿：缺什么、错在哪条规范，逐项列出。", "补齐后提交，复核员批准这份内容。", "生成报送包。"),
        (_I, _V), "str_reports", frozenset({Scope.REPORTS_READ}),
    ),
    Journey(
        "message-report", "答复一件投诉", "每一步都有时限；逾期之前先预警。",
        ("打开一件投诉，看它走到哪一步、还剩多久。", "查明原因，办结并答复客户。", "有损失的，从准备金中赔付。"),
        (_I, _V), "redress", frozenset({Scope.REDRESS_READ}),
    ),
    Journey(
        "file-search", "查日志，验链", "谁在何时看了什么、做了什么；改一个字节也会被发现。",
        ("按人、动作或对象检索。", "打开一笔决策的全程追踪。", "核验整条哈希链。"),
        (Role.AUDITOR,), "log", frozenset({Scope.AUDIT_READ}),
    ),
    Journey(
        "user-check", "两名管理员授权", "谁也不能给自己授权，冲突的岗位不能同在一人身上。",
        ("打开待审批的权限变更。", "作为另一名管理员批准或驳回。", "查看角色矩阵，结束某人的会话。"),
        (Role.ADMINISTRATOR,), "users", frozenset({Scope.USERS_READ}),
    ),
)  # fmt: skip
"""In the order in which they tell a story."""


async def show_tour(visit: Visit) -> View:
    """The journeys, those first that the viewer can begin."""
    shown = [_shown(visit, journey) for journey in JOURNEYS]
    return View("tour/tour.html", {"journeys": sorted(shown, key=lambda each: not each.address)})


def _shown(visit: Visit, journey: Journey) -> Shown:
    posts = [ROLES[role] for role in journey.roles]
    roles = [either(post.title_zh.partition("：")[0], post.title.partition(":")[0].capitalize()) for post in posts]
    address = visit.url(journey.page, **journey.names) if visit.may(*journey.opens) else ""
    return Shown(journey, roles, address)


PAGES: Final = (Page("GET", "/tour", "tour", SIGNED_IN, show_tour),)
