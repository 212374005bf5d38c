"""Users, grants and changes over HTTP.  Which role may do what is the table in `tarim.identity`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tarim.api.routes import Call, Route
from tarim.api.sign_in import EndedBody, SessionsBody, Threads, session_body
from tarim.api.user_views import (
    AlarmBody,
    AlarmsBody,
    ApprovedBody,
    ChangesBody,
    CreatedBody,
    GrantBody,
    ProposedChangeBody,
    RoleBody,
    RolesBody,
    UserBody,
    UsersBody,
    change_body,
    grant_body,
    user_body,
)
from tarim.base.four_eyes import Proposal
from tarim.base.instants import instant_text
from tarim.bootstrap.identity import OpenIdentity
from tarim.identity import ALARM_TEXTS, CONFLICTS, ROLES, Administration, Change, Granting, Role, Scope

LISTED_MAX: Final = 200
Login = Annotated[str, Meta(min_length=1, max_length=64)]
Reason = Annotated[str, Meta(min_length=1, max_length=500)]


class NewUserBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account to be made: it has no right before two administrators give one."""

    login: Login
    staff_number: Annotated[str, Meta(min_length=1, max_length=64)]
    display_name: Annotated[str, Meta(min_length=1, max_length=128)]
    reason: Reason


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


class ApproveBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The digest of what was looked at."""

    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    note: Annotated[str, Meta(max_length=500)] = ""


class UsersQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """after: the last login of the page before."""

    after: Annotated[str, Meta(max_length=64)] = ""
    limit: Annotated[int, Meta(ge=1, le=LISTED_MAX)] = 50


class AlarmsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many."""

    limit: Annotated[int, Meta(ge=1, le=LISTED_MAX)] = 50


@dataclass(frozen=True, slots=True)
class UserHandlers:
    """What answers about users, grants and changes.  run: runs what blocks."""

    administration: Administration
    granting: Granting
    run: Threads

    async def users(self, call: Call) -> UsersBody:
        query: UsersQuery = call.query
        found = await self.run(lambda: self.administration.users(query.after, query.limit))
        return UsersBody([user_body(record) for record in found])

    async def user(self, call: Call) -> UserBody:
        return user_body(await self.run(lambda: self.administration.user(call.path["login"])))

    async def create(self, call: Call) -> CreatedBody:
        wanted: NewUserBody = call.body
        made, password = await self.run(
            lambda: self.administration.create(call.caller, wanted.login, wanted.staff_number, wanted.display_name)
        )
        call.note.object, call.note.reason = f"user:{made.login}", wanted.reason
        return CreatedBody(user_body(await self.run(lambda: self.administration.user(made.login))), password)

    async def disable(self, call: Call) -> UserBody:
        login, reason = _about(call)
        await self.run(lambda: self.administration.disable(call.caller, login, reason))
        return user_body(await self.run(lambda: self.administration.user(login)))

    async def unlock(self, call: Call) -> UserBody:
        login, reason = _about(call)
        await self.run(lambda: self.administration.unlock(call.caller, login, reason))
        return user_body(await self.run(lambda: self.administration.user(login)))

    async def sessions(self, call: Call) -> SessionsBody:
        found = await self.run(lambda: self.administration.sessions(call.path["login"]))
        return SessionsBody([session_body(session, call.caller.session) for session in found])

    async def end_sessions(self, call: Call) -> EndedBody:
        login, reason = _about(call)
        session: str = call.body.session
        return EndedBody(await self.run(lambda: self.administration.end_sessions(call.caller, login, reason, session)))

    async def revoke(self, call: Call) -> GrantBody:
        call.note.reason = call.body.reason
        ended = await self.run(lambda: self.administration.revoke(call.caller, call.path["id"], call.body.reason))
        call.note.detail["role"] = ended.role.value
        return grant_body(ended)

    async def changes(self, call: Call) -> ChangesBody:
        found = await self.run(self.granting.changes)
        return ChangesBody([change_body(proposal, change) for proposal, change in found])

    async def propose(self, call: Call) -> ProposedChangeBody:
        proposal, change = await self.run(
            lambda: self.granting.propose(call.caller, call.body.change, call.body.reason)
        )
        call.note.object, call.note.reason = f"change:{proposal.id}", call.body.reason
        call.note.detail["wanted"] = proposal.what
        return change_body(proposal, change)

    def _decided(self, call: Call, proposal: Proposal, change: Change) -> ProposedChangeBody:
        call.note.detail["wanted"] = proposal.what
        return change_body(proposal, change)

    async def approve(self, call: Call) -> ApprovedBody:
        body: ApproveBody = call.body
        done, change, password = await self.run(
            lambda: self.granting.approve(call.caller, call.path["id"], body.digest, body.note)
        )
        return ApprovedBody(self._decided(call, done, change), password)

    async def reject(self, call: Call) -> ProposedChangeBody:
        call.note.reason = call.body.reason
        return self._decided(
            call, *await self.run(lambda: self.granting.reject(call.caller, call.path["id"], call.body.reason))
        )

    async def withdraw(self, call: Call) -> ProposedChangeBody:
        return self._decided(call, *await self.run(lambda: self.granting.withdraw(call.caller, call.path["id"])))

    async def alarms(self, call: Call) -> AlarmsBody:
        found = await self.run(lambda: self.administration.alarms(call.query.limit))
        return AlarmsBody(
            [
                AlarmBody(instant_text(each.at_ms), each.kind, each.login, each.address, *ALARM_TEXTS[each.kind])
                for each in found
            ]
        )

    async def roles(self, call: Call) -> RolesBody:
        return RolesBody(
            [
                RoleBody(role, post.title, post.title_zh, sorted(post.scopes), sorted(_conflicts(role)))
                for role, post in ROLES.items()
            ]
        )


def user_routes(identity: OpenIdentity, run: Threads) -> list[Route]:
    """The routes."""
    do = UserHandlers(identity.administration, identity.granting, run)
    one, waiting = "/v1/users/{login}", "/v1/changes"
    reads, manages, approves = Scope.USERS_READ, Scope.USERS_MANAGE, Scope.USERS_APPROVE
    return [
        Route("GET", "/v1/roles", "list_roles", "Roles and what they may do / 角色与权限", Scope.SELF, do.roles, RolesBody),
        Route("GET", "/v1/users", "list_users", "Users / 用户一览", reads, do.users, UsersBody, query=UsersQuery,
              personal=True),
        Route("POST", "/v1/users", "create_user", "Make an account without rights / 新建用户", manages, do.create,
              CreatedBody, NewUserBody, status=201, refusals=(409, 503)),
        Route("GET", one, "read_user", "A user with all grants / 用户及其授权", reads, do.user, UserBody, personal=True),
        Route("POST", one + ":disable", "disable_user", "Close an account at once / 停用用户", manages, do.disable, UserBody,
              ReasonBody, refusals=(409,)),
        Route("POST", one + ":unlock", "unlock_user", "Take sign-ins again / 解锁用户", manages, do.unlock, UserBody,
              ReasonBody, refusals=(409,)),
        Route("GET", one + "/sessions", "list_sessions", "A user's sessions / 用户会话", reads, do.sessions, SessionsBody,
              personal=True),
        Route("POST", one + "/sessions:end", "end_sessions", "End one of them, or all / 结束用户会话", manages,
              do.end_sessions, EndedBody, EndSessionsBody),
        Route("POST", "/v1/grants/{id}:revoke", "revoke_grant", "End a grant at once / 撤销授权", manages, do.revoke,
              GrantBody, ReasonBody, refusals=(409,)),
        Route("GET", waiting, "list_changes", "Changes that wait for a second person / 待审批的权限变更", reads, do.changes,
              ChangesBody),
        Route("POST", waiting, "propose_change", "Propose a grant, a reach, a reset / 提交权限变更", manages, do.propose,
              ProposedChangeBody, ChangeBody, status=201, refusals=(404, 409)),
        Route("POST", waiting + "/{id}:approve", "approve_change", "Agree, as a second person / 审批通过", approves,
              do.approve, ApprovedBody, ApproveBody, refusals=(409, 503)),
        Route("POST", waiting + "/{id}:reject", "reject_change", "Say no, and why / 审批驳回", approves, do.reject,
              ProposedChangeBody, ReasonBody, refusals=(409,)),
        Route("POST", waiting + "/{id}:withdraw", "withdraw_change", "Take one's own back / 撤回变更", manages, do.withdraw,
              ProposedChangeBody, refusals=(409,)),
        Route("GET", "/v1/sign-in-alarms", "list_sign_in_alarms", "Alarms of sign-in / 登录告警", reads, do.alarms,
              AlarmsBody, query=AlarmsQuery),
    ]  # fmt: skip


def _about(call: Call) -> tuple[str, str]:
    """(login, reason) of an act about a user; the trail is told why."""
    call.note.reason = call.body.reason
    return call.path["login"], call.body.reason


def _conflicts(role: Role) -> set[Role]:
    return {other for pair in CONFLICTS if role in pair for other in pair if other is not role}
