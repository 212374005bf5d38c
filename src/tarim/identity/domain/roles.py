"""Roles, what each may do, and which of them one person may not hold together.  This table is the whole of it (SE-01).

A role is a set of scopes.  Nobody has a scope but through a role that was granted and has not ended: what is not written
here is refused.  `docs/reference/permissions.md` is made from this table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tarim.identity.keys import Scope


class Role(StrEnum):
    """A post in the bank."""

    ANALYST = "analyst"
    INVESTIGATOR = "investigator"
    REVIEWER = "reviewer"
    MODEL_ENGINEER = "model_engineer"
    MODEL_APPROVER = "model_approver"
    MARKETING_MANAGER = "marketing_manager"
    OPERATOR = "operator"
    DATA_OFFICER = "data_officer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Post:
    """What a role is called, in both languages, and what it may do.  sensitive: its second factor is never waived."""

    title: str
    title_zh: str
    scopes: frozenset[Scope]
    sensitive: bool = True


def _post(title: str, title_zh: str, *scopes: Scope, sensitive: bool = True) -> Post:
    return Post(title, title_zh, frozenset(scopes), sensitive)


_S = Scope
ROLES: Final[Mapping[Role, Post]] = MappingProxyType({
    Role.ANALYST: _post(
        "analyst: rules, lists and alerts", "分析员：规则、名单与预警",
        _S.READ, _S.EXPLAIN, _S.AUTHOR, _S.CASES_READ, _S.CASES_WORK, _S.REPORTS_READ, _S.REDRESS_READ, sensitive=False,
    ),
    Role.INVESTIGATOR: _post(
        "investigator: cases, reports, redress", "调查员：案件、报告与赔付",
        _S.READ, _S.EXPLAIN, _S.OPERATE, _S.CASES_READ, _S.CASES_WORK, _S.REPORTS_READ, _S.REPORTS_WRITE, _S.REDRESS_READ,
        _S.REDRESS_WORK, _S.REQUESTS_WORK, _S.REVEAL,
    ),
    Role.REVIEWER: _post(
        "reviewer: the second person", "复核员：第二人复核",
        _S.READ, _S.EXPLAIN, _S.APPROVE, _S.CASES_READ, _S.CASES_REVIEW, _S.CASES_ASSIGN, _S.REPORTS_READ,
        _S.REPORTS_APPROVE, _S.REDRESS_READ, _S.REDRESS_DECIDE, _S.REQUESTS_APPROVE, _S.ERASURES_APPROVE,
        _S.REVEAL,
    ),
    Role.MODEL_ENGINEER: _post(
        "model engineer: builds and submits models", "模型工程师：建模与提交",
        _S.READ, _S.EXPLAIN, _S.SCORE, _S.METRICS, _S.MODELS,
    ),
    Role.MODEL_APPROVER: _post(
        "model approver: decides on models and rules", "模型审批员：审批模型与规则",
        _S.READ, _S.EXPLAIN, _S.SCORE, _S.METRICS, _S.APPROVE,
    ),
    Role.MARKETING_MANAGER: _post(
        "marketing manager: figures without persons", "营销经理：不含个人信息的指标",
        _S.METRICS, sensitive=False,
    ),
    Role.OPERATOR: _post(
        "operator: keeps the service running", "运维人员：保障系统运行",
        _S.METRICS, _S.OPERATE, _S.READ,
    ),
    Role.DATA_OFFICER: _post(
        "data officer: requests about personal data", "数据保护官：个人信息请求",
        _S.READ, _S.REDRESS_READ, _S.REQUESTS_WORK, _S.ERASURES_WORK, _S.AUDIT_READ, _S.REVEAL,
    ),
    Role.AUDITOR: _post(
        "auditor: sees what was done, does nothing", "审计员：只查不改",
        _S.READ, _S.EXPLAIN, _S.METRICS, _S.CASES_READ, _S.REPORTS_READ, _S.REDRESS_READ, _S.USERS_READ, _S.AUDIT_READ,
        _S.AUDIT_EXPORT,
    ),
    Role.ADMINISTRATOR: _post(
        "administrator: users and grants, two at a time", "管理员：用户与授权，双人操作",
        _S.USERS_READ, _S.USERS_MANAGE, _S.USERS_APPROVE, _S.METRICS,
    ),
})  # fmt: skip
"""The matrix."""

_OTHERS: Final = frozenset(Role) - {Role.AUDITOR}
CONFLICTS: Final[frozenset[frozenset[Role]]] = frozenset(
    frozenset(pair)
    for pair in (
        (Role.ANALYST, Role.REVIEWER),  # who makes does not check
        (Role.INVESTIGATOR, Role.REVIEWER),
        (Role.MODEL_ENGINEER, Role.MODEL_APPROVER),
        (Role.MODEL_ENGINEER, Role.REVIEWER),  # both decide with the scope `approve`
        (Role.ANALYST, Role.MODEL_APPROVER),
        (Role.DATA_OFFICER, Role.MODEL_ENGINEER),  # who protects data does not use it
        (Role.DATA_OFFICER, Role.MARKETING_MANAGER),
        (Role.DATA_OFFICER, Role.REVIEWER),  # prepares what authorities are given
        (Role.MARKETING_MANAGER, Role.ANALYST),  # what is known of suspicion is not used to sell
        (Role.MARKETING_MANAGER, Role.INVESTIGATOR),
        (Role.MARKETING_MANAGER, Role.REVIEWER),
        *((Role.AUDITOR, other) for other in _OTHERS),  # who audits does nothing else
        *(
            (Role.ADMINISTRATOR, other) for other in _OTHERS - {Role.ADMINISTRATOR}
        ),  # who grants has no business of its own
    )
)
"""Pairs of roles that one person never holds together (GB/T 22239, separation of duties)."""

SERVICES: Final = frozenset({_S.DECIDE, _S.CONTACT_CALLBACK, _S.HOLDS_ORDER, _S.ERASURES_ORDER})
"""Scopes of services, which no person has."""
MACHINE: Final = SERVICES | {_S.READ, _S.EXPLAIN, _S.SCORE, _S.METRICS, _S.REPORTS_READ, _S.AUDIT_READ}
"""Scopes that a key may use for a service.  Every other is an act of a person, so its key has to stand for one."""


def scopes_of(roles: Iterable[Role]) -> frozenset[Scope]:
    """What somebody with these roles may do."""
    return frozenset().union(*(ROLES[role].scopes for role in roles))


def conflicts(role: Role, held: Iterable[Role]) -> list[Role]:
    """Those of `held` that do not go together with `role`, in the order of the table."""
    others = set(held)
    return [other for other in Role if other in others and frozenset((role, other)) in CONFLICTS]


def sensitive(roles: Iterable[Role]) -> bool:
    """Whether the second factor of somebody with these roles is never waived; so for somebody without any."""
    held = list(roles)
    return not held or any(ROLES[role].sensitive for role in held)
