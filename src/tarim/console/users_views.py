"""Users, roles and changes as pages show them."""

from __future__ import annotations

import msgspec

from tarim.console.words import each_language, either


class Grant(msgspec.Struct):
    """A role granted."""

    id: str
    role: str
    since: str
    until: str
    lent_by: str
    proposed_by: str
    approved_by: str
    reason: str
    ended_at: str
    ended_by: str


class User(msgspec.Struct):
    """An account."""

    id: str
    login: str
    staff_number: str
    display_name: str
    state: str
    roles: list[str]
    scopes: list[str]
    branches: list[str]
    queues: list[str]
    created_at: str
    created_by: str
    last_at: str
    second_factor: bool
    locked_until: str
    grants: list[Grant]


class Users(msgspec.Struct):
    """Accounts in the order of logins."""

    users: list[User]


class Created(msgspec.Struct):
    """A new account and its initial password, told this once."""

    user: User
    initial_password: str


class Wanted(msgspec.Struct):
    """What a change is about."""

    kind: str
    login: str
    role: str | None = None
    until_ms: int = 0
    for_login: str = ""
    branches: list[str] = []
    queues: list[str] = []


class Change(msgspec.Struct):
    """A change that waits or was decided on."""

    id: str
    change: Wanted
    digest: str
    author: str
    proposed_at: str
    reason: str
    state: str


class Changes(msgspec.Struct):
    """Those that wait, the oldest first."""

    changes: list[Change]


class Approved(msgspec.Struct):
    """What was agreed to; the initial password of a reset, told this once."""

    change: Change
    initial_password: str


class Role(msgspec.Struct):
    """A role and what it may do."""

    role: str
    title: str
    title_zh: str
    scopes: list[str]
    conflicts: list[str]

    @property
    def name(self) -> str:
        """Its name, without what it is for."""
        return either(self.title_zh.split("：")[0], self.title.split(":")[0].capitalize())

    @property
    def purpose(self) -> str:
        """What it is for."""
        return either(self.title_zh.split("：")[-1], self.title.split(": ")[-1])


class Roles(msgspec.Struct):
    """The matrix."""

    roles: list[Role]


class Alarm(msgspec.Struct):
    """Something about sign-in that somebody should look at."""

    at: str
    kind: str
    login: str
    address: str
    text_en: str
    text_zh: str


class Alarms(msgspec.Struct):
    """The newest, newest first."""

    alarms: list[Alarm]


class Ended(msgspec.Struct):
    """How many sessions ended."""

    ended: int


@each_language
def scopes() -> dict[str, tuple[tuple[str, str], ...]]:
    """Permissions by group: (scope, name)."""
    return {
        either("决策与策略", "Decisions and strategy"): (
            ("read", either("查询决策", "Look up decisions")),
            ("explain", either("查看评分构成", "See what made a score")),
            ("score", either("查看模型原始分", "See the model's score")),
            ("author", either("起草规则与名单", "Draft rules and lists")),
            ("approve", either("审批规则、名单与模型", "Approve rules, lists and models")),
            ("models", either("管理模型", "Manage models")),
            ("operate", either("应急暂停与回退", "Pause and roll back")),
            ("metrics", either("查看运行指标", "See figures of the service")),
        ),
        either("案件", "Cases"): (
            ("cases:read", either("查看案件", "See cases")),
            ("cases:work", either("办理案件", "Work on cases")),
            ("cases:review", either("复核案件", "Review cases")),
            ("cases:assign", either("分派案件", "Assign cases")),
        ),
        either("报告与赔付", "Reports and redress"): (
            ("reports:read", either("查看报告", "Read reports")),
            ("reports:write", either("起草报告", "Draft reports")),
            ("reports:approve", either("审批报告", "Approve reports")),
            ("redress:read", either("查看投诉与赔付", "See redress")),
            ("redress:work", either("办理投诉与赔付", "Work on redress")),
            ("redress:decide", either("决定责任与赔付", "Decide on redress")),
            ("requests:work", either("办理协查", "Work on requests")),
            ("requests:approve", either("审批协查", "Approve what is given")),
            ("erasures:work", either("申请删除信息", "Ask for deletions")),
            ("erasures:approve", either("审批删除信息", "Approve deletions")),
        ),
        either("治理", "Governance"): (
            ("users:read", either("查看用户与角色", "See users and roles")),
            ("users:manage", either("管理用户", "Manage users")),
            ("users:approve", either("审批授权", "Approve grants")),
            ("audit:read", either("查询审计日志", "Search the audit trail")),
            ("audit:export", either("导出审计日志", "Export the audit trail")),
            ("reveal", either("查看明文", "See personal data in full")),
        ),
    }


@each_language
def kinds() -> dict[str, str]:
    """Kinds of changes by two persons."""
    return {
        "grant": either("授予角色", "Grant a role"),
        "reach": either("调整机构与部门范围", "Change branches and departments"),
        "reset": either("重置账号", "Reset the account"),
        "enable": either("重新启用", "Enable again"),
    }


def scope_name(scope: str) -> str:
    """A permission in the viewer's language."""
    return next((name for rows in scopes().values() for each, name in rows if each == scope), scope)
