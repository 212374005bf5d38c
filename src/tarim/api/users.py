"""Users, grants and changes over HTTP.  Which role may do what is the table in `tarim.identity`."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tarim.api.routes import Call, Route
from tarim.api.sign_in import EndedBody, SessionsBody, Threads, session_body
from tarim.base.four_eyes import Proposal
from tarim.base.instants import instant_text
from tarim.bootstrap.identity import OpenIdentity
from tarim.identity import ALARM_TEXTS, CONFLICTS, FOR_GOOD, ROLES, Change, Grant, Record, Role, Scope

LISTED_MAX: Final = 200
Login = Annotated[str, Meta(min_length=1, max_length=64)]
Reason = Annotated[str, Meta(min_length=1, max_length=500)]


class GrantBody(msgspec.Struct, frozen=True):
    """A role granted.  lent_by: id of the user whose role it lends, "" for none.  ended_at: "" while it was not ended."""

    id: str
    role: Role
    since: str
    until: str
    lent_by: str
    proposed_by: str
    approved_by: str
    reason: str
    ended_at: str
    ended_by: str


class UserBody(msgspec.Struct, frozen=True):
    """An account.  locked_until: "" for not locked, `unlock` until somebody unlocks.  scopes: what may be done right now."""

    id: str
    login: str
    staff_number: str
    display_name: str
    state: str
    roles: list[Role]
    scopes: list[Scope]
    branches: list[str]
    queues: list[str]
    created_at: str
    created_by: str
    last_at: str
    second_factor: bool
    locked_until: str
    grants: list[GrantBody]


class UsersBody(msgspec.Struct, frozen=True):
    """Accounts in the order of logins; ask again with `after` = the last login."""

    users: list[UserBody]


class NewUserBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account to be made: it has no right before two administrators give one."""

    login: Login
    staff_number: Annotated[str, Meta(min_length=1, max_length=64)]
    display_name: Annotated[str, Meta(min_length=1, max_length=128)]
    reason: Reason


class CreatedBody(msgspec.Struct, frozen=True):
    """The account, and its initial password, told this once."""

    user: UserBody
    initial_password: str


class ReasonBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    reason: Reason


class EndSessionsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which session to end, "" for all of them, and why."""

    reason: Reason
    session: Annotated[str, Meta(max_length=64)] = ""


class ChangeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change to propose, and why."""

    change: Change
    reason: Reason


class ProposedChangeBody(msgspec.Struct, frozen=True):
    """A change that waits or was decided on.  digest: what an approval names."""

    id: str
    change: Change
    digest: str
    author: str
    proposed_at: str
    reason: str
    state: str
    decider: str
    note: str


class ChangesBody(msgspec.Struct, frozen=True):
    """Changes that wait, the oldest first."""

    changes: list[ProposedChangeBody]


class ApproveBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The digest of what was looked at."""

    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    note: Annotated[str, Meta(max_length=500)] = ""


class ApprovedBody(msgspec.Struct, frozen=True):
    """What was agreed to.  initial_password: of an account that was reset, told this once; else ""."""

    change: ProposedChangeBody
    initial_password: str


class AlarmBody(msgspec.Struct, frozen=True):
    """Something about sign-in that somebody should look at."""

    at: str
    kind: str
    login: str
    address: str
    text_en: str
    text_zh: str


class AlarmsBody(msgspec.Struct, frozen=True):
    """The newest alarms, newest first."""

    alarms: list[AlarmBody]


class RoleBody(msgspec.Struct, frozen=True):
    """A role: what it may do, and which roles nobody holds together with it."""

    role: Role
    title: str
    title_zh: str
    scopes: list[Scope]
    conflicts: list[Role]


class RolesBody(msgspec.Struct, frozen=True):
    """The matrix."""

    roles: list[RoleBody]


class UsersQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """after: the last login of the page before."""

    after: Annotated[str, Meta(max_length=64)] = ""
    limit: Annotated[int, Meta(ge=1, le=LISTED_MAX)] = 50


class AlarmsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many."""

    limit: Annotated[int, Meta(ge=1, le=LISTED_MAX)] = 50


def user_routes(identity: OpenIdentity, run: Threads) -> list[Route]:
    """The routes."""
    administration, granting = identity.administration, identity.granting

    async def users(call: Call) -> UsersBody:
        query: UsersQuery = call.query
        found = await run(lambda: administration.users(query.after, query.limit))
        return UsersBody([_user(record) for record in found])

    async def user(call: Call) -> UserBody:
        return _user(await run(lambda: administration.user(call.path["login"])))

    async def create(call: Call) -> CreatedBody:
        wanted: NewUserBody = call.body
        made, password = await run(
            lambda: administration.create(call.caller, wanted.login, wanted.staff_number, wanted.display_name)
        )
        call.note.object, call.note.reason = f"user:{made.login}", wanted.reason
        return CreatedBody(_user(await run(lambda: administration.user(made.login))), password)

    async def disable(call: Call) -> UserBody:
        login, reason = _about(call)
        await run(lambda: administration.disable(call.caller, login, reason))
        return _user(await run(lambda: administration.user(login)))

    async def unlock(call: Call) -> UserBody:
        login, reason = _about(call)
        await run(lambda: administration.unlock(call.caller, login, reason))
        return _user(await run(lambda: administration.user(login)))

    async def sessions(call: Call) -> SessionsBody:
        found = await run(lambda: administration.sessions(call.path["login"]))
        return SessionsBody([session_body(session, call.caller.session) for session in found])

    async def end_sessions(call: Call) -> EndedBody:
        login, reason = _about(call)
        session: str = call.body.session
        return EndedBody(await run(lambda: administration.end_sessions(call.caller, login, reason, session)))

    async def revoke(call: Call) -> GrantBody:
        call.note.reason = call.body.reason
        ended = await run(lambda: administration.revoke(call.caller, call.path["id"], call.body.reason))
        call.note.detail["role"] = ended.role.value
        return _grant(ended)

    async def changes(call: Call) -> ChangesBody:
        found = await run(granting.changes)
        return ChangesBody([_change(proposal, change) for proposal, change in found])

    async def propose(call: Call) -> ProposedChangeBody:
        proposal, change = await run(lambda: granting.propose(call.caller, call.body.change, call.body.reason))
        call.note.object, call.note.reason = f"change:{proposal.id}", call.body.reason
        call.note.detail["wanted"] = proposal.what
        return _change(proposal, change)

    def decided(call: Call, proposal: Proposal, change: Change) -> ProposedChangeBody:
        call.note.detail["wanted"] = proposal.what
        return _change(proposal, change)

    async def approve(call: Call) -> ApprovedBody:
        body: ApproveBody = call.body
        done, change, password = await run(
            lambda: granting.approve(call.caller, call.path["id"], body.digest, body.note)
        )
        return ApprovedBody(decided(call, done, change), password)

    async def reject(call: Call) -> ProposedChangeBody:
        call.note.reason = call.body.reason
        return decided(call, *await run(lambda: granting.reject(call.caller, call.path["id"], call.body.reason)))

    async def withdraw(call: Call) -> ProposedChangeBody:
        return decided(call, *await run(lambda: granting.withdraw(call.caller, call.path["id"])))

    async def alarms(call: Call) -> AlarmsBody:
        found = await run(lambda: administration.alarms(call.query.limit))
        return AlarmsBody(
            [
                AlarmBody(instant_text(each.at_ms), each.kind, each.login, each.address, *ALARM_TEXTS[each.kind])
                for each in found
            ]
        )

    async def roles(call: Call) -> RolesBody:
        return RolesBody(
            [
                RoleBody(role, post.title, post.title_zh, sorted(post.scopes), sorted(_conflicts(role)))
                for role, post in ROLES.items()
            ]
        )

    one, waiting = "/v1/users/{login}", "/v1/changes"
    reads, manages, approves = Scope.USERS_READ, Scope.USERS_MANAGE, Scope.USERS_APPROVE
    # fmt: off
    return [
        Route("GET", "/v1/roles", "list_roles", "Roles and what they may do / 角色与权限", Scope.SELF, roles, RolesBody),
        Route("GET", "/v1/users", "list_users", "Users / 用户一览", reads, users, UsersBody, query=UsersQuery, personal=True),
        Route("POST", "/v1/users", "create_user", "Make an account without rights / 新建用户", manages, create, CreatedBody,
              NewUserBody, status=201, refusals=(409, 503)),
        Route("GET", one, "read_user", "A user with all grants / 用户及其授权", reads, user, UserBody, personal=True),
        Route("POST", one + ":disable", "disable_user", "Close an account at once / 停用用户", manages, disable, UserBody,
              ReasonBody, refusals=(409,)),
        Route("POST", one + ":unlock", "unlock_user", "Take sign-ins again / 解锁用户", manages, unlock, UserBody, ReasonBody,
              refusals=(409,)),
        Route("GET", one + "/sessions", "list_sessions", "A user's sessions / 用户会话", reads, sessions, SessionsBody,
              personal=True),
        Route("POST", one + "/sessions:end", "end_sessions", "End one of them, or all / 结束用户会话", manages, end_sessions,
              EndedBody, EndSessionsBody),
        Route("POST", "/v1/grants/{id}:revoke", "revoke_grant", "End a grant at once / 撤销授权", manages, revoke, GrantBody,
              ReasonBody, refusals=(409,)),
        Route("GET", waiting, "list_changes", "Changes that wait for a second person / 待审批的权限变更", reads, changes,
              ChangesBody),
        Route("POST", waiting, "propose_change", "Propose a grant, a reach, a reset / 提交权限变更", manages, propose,
              ProposedChangeBody, ChangeBody, status=201, refusals=(404, 409)),
        Route("POST", waiting + "/{id}:approve", "approve_change", "Agree, as a second person / 审批通过", approves, approve,
              ApprovedBody, ApproveBody, refusals=(409, 503)),
        Route("POST", waiting + "/{id}:reject", "reject_change", "Say no, and why / 审批驳回", approves, reject,
              ProposedChangeBody, ReasonBody, refusals=(409,)),
        Route("POST", waiting + "/{id}:withdraw", "withdraw_change", "Take one's own back / 撤回变更", manages, withdraw,
              ProposedChangeBody, refusals=(409,)),
        Route("GET", "/v1/sign-in-alarms", "list_sign_in_alarms", "Alarms of sign-in / 登录告警", reads, alarms, AlarmsBody,
              query=AlarmsQuery),
    ]
    # fmt: on


def _about(call: Call) -> tuple[str, str]:
    """(login, reason) of an act about a user; the trail is told why."""
    call.note.reason = call.body.reason
    return call.path["login"], call.body.reason


def _conflicts(role: Role) -> set[Role]:
    return {other for pair in CONFLICTS if role in pair for other in pair if other is not role}


def _grant(grant: Grant) -> GrantBody:
    return GrantBody(
        grant.id,
        grant.role,
        instant_text(grant.since_ms),
        instant_text(grant.until_ms),
        grant.for_user,
        grant.proposed_by,
        grant.approved_by,
        grant.reason,
        instant_text(grant.ended_ms) if grant.ended_ms else "",
        grant.ended_by,
    )


def _user(record: Record) -> UserBody:
    user, until_ms = record.user, record.locked_until_ms
    return UserBody(
        user.id,
        user.login,
        user.staff_number,
        user.display_name,
        user.state.value,
        sorted(record.holding.roles),
        sorted(record.holding.scopes),
        list(user.branches),
        list(user.queues),
        instant_text(user.created_ms),
        user.created_by,
        instant_text(user.last_ms) if user.last_ms else "",
        bool(user.totp),
        "unlock" if until_ms == FOR_GOOD else instant_text(until_ms) if until_ms else "",
        [_grant(grant) for grant in record.grants],
    )


def _change(proposal: Proposal, change: Change) -> ProposedChangeBody:
    return ProposedChangeBody(
        proposal.id,
        change,
        proposal.digest,
        proposal.author,
        instant_text(proposal.proposed_ms),
        proposal.reason,
        proposal.state.value,
        proposal.decider,
        proposal.note,
    )
