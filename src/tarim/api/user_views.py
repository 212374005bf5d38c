"""How users, grants and changes look outside: bodies of answers, and what makes them."""

from __future__ import annotations

import msgspec

from tarim.base.four_eyes import Proposal
from tarim.base.instants import instant_text
from tarim.identity import FOR_GOOD, Change, Grant, Record, Role, Scope


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


class CreatedBody(msgspec.Struct, frozen=True):
    """The account, and its initial password, told this once."""

    user: UserBody
    initial_password: str


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


def grant_body(grant: Grant) -> GrantBody:
    """A grant as it is shown."""
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


def user_body(record: Record) -> UserBody:
    """An account as it is shown, with its grants."""
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
        [grant_body(grant) for grant in record.grants],
    )


def change_body(proposal: Proposal, change: Change) -> ProposedChangeBody:
    """A change and where it stands."""
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
