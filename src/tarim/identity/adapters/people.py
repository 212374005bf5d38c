"""Users, grants and changes in the database.  Every function takes the transaction it works in."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from tarim.base.four_eyes import Proposal, ProposalState
from tarim.identity.adapters.tables import CHANGES, GRANTS, PASSWORDS, RECOVERY, USERS
from tarim.identity.domain.changes import Change
from tarim.identity.domain.roles import Role
from tarim.identity.domain.users import Grant, Holding, User, UserState, holding


def _user(row: Row[Any]) -> User:
    found = dict(row._mapping)
    found["state"] = UserState(found["state"])
    found["branches"], found["queues"] = tuple(found["branches"]), tuple(found["queues"])
    return User(**found)


def _grant(row: Row[Any]) -> Grant:
    found = dict(row._mapping)
    found["role"] = Role(found["role"])
    return Grant(**found)


def user_of_login(connection: Connection, login: str) -> User | None:
    """The account of a login as it is kept."""
    row = connection.execute(select(USERS).where(USERS.c.login == login)).one_or_none()
    return None if row is None else _user(row)


def user_of_id(connection: Connection, user: str) -> User | None:
    """The account of an id."""
    row = connection.execute(select(USERS).where(USERS.c.id == user)).one_or_none()
    return None if row is None else _user(row)


def user_of_openid(connection: Connection, subject: str) -> User | None:
    """The account that another house's sign-on is linked to."""
    row = connection.execute(select(USERS).where(USERS.c.openid_subject == subject)).one_or_none()
    return None if row is None else _user(row)


def user_of_staff_number(connection: Connection, number: str) -> User | None:
    """The account of a member of staff."""
    row = connection.execute(select(USERS).where(USERS.c.staff_number == number)).one_or_none()
    return None if row is None else _user(row)


def list_users(connection: Connection, after: str, limit: int) -> list[User]:
    """Accounts in the order of logins, from the first one after `after`."""
    rows = connection.execute(select(USERS).where(USERS.c.login > after).order_by(USERS.c.login).limit(limit))
    return [_user(row) for row in rows]


def count_users(connection: Connection) -> int:
    """How many accounts there are."""
    return connection.execute(select(func.count()).select_from(USERS)).scalar_one()


def add_user(connection: Connection, user: User) -> None:
    """Keep a new account."""
    values = {column.name: getattr(user, column.name) for column in USERS.columns}
    connection.execute(insert(USERS).values(values))


def change_user(connection: Connection, user: str, **changed: Any) -> None:
    """Change columns of an account."""
    connection.execute(update(USERS).where(USERS.c.id == user).values(**changed))


def use_step(connection: Connection, user: str, step: int) -> bool:
    """Use up the one-time codes up to a time step; False when that was done before."""
    done = connection.execute(update(USERS).where(USERS.c.id == user, USERS.c.totp_step < step).values(totp_step=step))
    return done.rowcount == 1


# ---- passwords and recovery codes ----------------------------------------------------------------------------------


def old_passwords(connection: Connection, user: str, count: int) -> list[str]:
    """Hashes of the last passwords, newest first."""
    wanted = (
        select(PASSWORDS.c.password).where(PASSWORDS.c.user == user).order_by(PASSWORDS.c.set_ms.desc()).limit(count)
    )
    return list(connection.execute(wanted).scalars())


def keep_password(connection: Connection, user: str, password: str, at_ms: int, count: int) -> None:
    """Remember a password's hash, and forget all but the last `count`."""
    connection.execute(insert(PASSWORDS).values(user=user, set_ms=at_ms, password=password))
    wanted = select(PASSWORDS.c.set_ms).where(PASSWORDS.c.user == user).order_by(PASSWORDS.c.set_ms.desc())
    kept = connection.execute(wanted.limit(count)).scalars().all()
    connection.execute(delete(PASSWORDS).where(PASSWORDS.c.user == user, PASSWORDS.c.set_ms < kept[-1]))


def set_recovery(connection: Connection, user: str, digests: Iterable[str]) -> None:
    """The recovery codes of a person, in place of any before."""
    connection.execute(delete(RECOVERY).where(RECOVERY.c.user == user))
    rows = [{"digest": digest, "user": user} for digest in digests]
    if rows:
        connection.execute(insert(RECOVERY), rows)


def use_recovery(connection: Connection, user: str, digest: str) -> bool:
    """Use up a recovery code; False when the person has no such code."""
    done = connection.execute(delete(RECOVERY).where(RECOVERY.c.user == user, RECOVERY.c.digest == digest))
    return done.rowcount == 1


def count_recovery(connection: Connection, user: str) -> int:
    """How many recovery codes are left."""
    return connection.execute(select(func.count()).select_from(RECOVERY).where(RECOVERY.c.user == user)).scalar_one()


# ---- grants --------------------------------------------------------------------------------------------------------


def grants_of(connection: Connection, user: str) -> list[Grant]:
    """Every grant a person ever had, oldest first."""
    rows = connection.execute(select(GRANTS).where(GRANTS.c.user == user).order_by(GRANTS.c.since_ms, GRANTS.c.id))
    return [_grant(row) for row in rows]


def grant_of_id(connection: Connection, grant: str) -> Grant | None:
    """The grant of an id."""
    row = connection.execute(select(GRANTS).where(GRANTS.c.id == grant)).one_or_none()
    return None if row is None else _grant(row)


def holding_of(connection: Connection, user: str, now_ms: int) -> Holding:
    """What a person's grants are worth now; what is lent counts while its owner is active and has it."""
    counting = and_(GRANTS.c.since_ms <= now_ms, GRANTS.c.until_ms > now_ms, GRANTS.c.ended_ms == 0)
    grants = [_grant(row) for row in connection.execute(select(GRANTS).where(GRANTS.c.user == user, counting))]
    lenders = {grant.for_user for grant in grants if grant.for_user}
    owned: frozenset[tuple[str, Role]] = frozenset()
    if lenders:
        wanted = (
            select(GRANTS.c.user, GRANTS.c.role)
            .join(USERS, USERS.c.id == GRANTS.c.user)
            .where(
                GRANTS.c.user.in_(lenders), GRANTS.c.for_user == "", counting, USERS.c.state == UserState.ACTIVE.value
            )
        )
        owned = frozenset((owner, Role(role)) for owner, role in connection.execute(wanted))
    return holding(grants, owned, now_ms)


def add_grant(connection: Connection, grant: Grant) -> None:
    """Keep a new grant."""
    connection.execute(insert(GRANTS).values({column.name: getattr(grant, column.name) for column in GRANTS.columns}))


def end_grant(connection: Connection, grant: str, by: str, now_ms: int) -> None:
    """End a grant now."""
    connection.execute(
        update(GRANTS).where(GRANTS.c.id == grant, GRANTS.c.ended_ms == 0).values(ended_ms=now_ms, ended_by=by)
    )


def active_with(connection: Connection, role: Role, now_ms: int) -> list[str]:
    """Ids of active persons who have a role of their own now."""
    wanted = (
        select(USERS.c.id)
        .join(GRANTS, GRANTS.c.user == USERS.c.id)
        .where(
            USERS.c.state == UserState.ACTIVE.value,
            GRANTS.c.role == role.value,
            GRANTS.c.for_user == "",
            GRANTS.c.since_ms <= now_ms,
            GRANTS.c.until_ms > now_ms,
            GRANTS.c.ended_ms == 0,
        )
        .distinct()
    )
    return list(connection.execute(wanted).scalars())


def granted(connection: Connection, roles: Collection[Role], now_ms: int) -> list[User]:
    """Active persons with a grant of one of these roles now, their own or lent; whether a lent one counts is `holding_of`'s."""
    wanted = (
        select(GRANTS.c.user)
        .where(
            GRANTS.c.role.in_([role.value for role in roles]),
            GRANTS.c.since_ms <= now_ms,
            GRANTS.c.until_ms > now_ms,
            GRANTS.c.ended_ms == 0,
        )
        .distinct()
    )
    found = select(USERS).where(USERS.c.state == UserState.ACTIVE.value, USERS.c.id.in_(wanted)).order_by(USERS.c.login)
    return [_user(row) for row in connection.execute(found)]


# ---- changes by two persons ----------------------------------------------------------------------------------------


def _change(row: Row[Any]) -> tuple[Proposal, Change]:
    change = msgspec.convert(row.change, Change)
    proposal = Proposal(
        row.id, f"{change.kind.value} {change.login}", change.digest, row.author, row.proposed_ms, row.reason,
        ProposalState(row.state), row.decider, row.decided_ms, row.note,
    )  # fmt: skip
    return proposal, change


def add_change(connection: Connection, proposal: Proposal, change: Change) -> None:
    """Keep a new proposal."""
    connection.execute(
        insert(CHANGES).values(
            id=proposal.id,
            change=msgspec.to_builtins(change),
            author=proposal.author,
            proposed_ms=proposal.proposed_ms,
            reason=proposal.reason,
            state=proposal.state.value,
            decider="",
            decided_ms=0,
            note="",
        )
    )


def change_of_id(connection: Connection, change: str) -> tuple[Proposal, Change] | None:
    """A proposal and what it wants."""
    row = connection.execute(select(CHANGES).where(CHANGES.c.id == change)).one_or_none()
    return None if row is None else _change(row)


def open_changes(connection: Connection, since_ms: int, limit: int) -> list[tuple[Proposal, Change]]:
    """Proposals not decided on, made at or after an instant, oldest first."""
    wanted = select(CHANGES).where(CHANGES.c.state == ProposalState.PROPOSED.value, CHANGES.c.proposed_ms >= since_ms)
    return [
        _change(row) for row in connection.execute(wanted.order_by(CHANGES.c.proposed_ms, CHANGES.c.id).limit(limit))
    ]


def close_change(connection: Connection, proposal: Proposal) -> None:
    """Keep how a proposal ended."""
    connection.execute(
        update(CHANGES)
        .where(CHANGES.c.id == proposal.id)
        .values(
            state=proposal.state.value, decider=proposal.decider, decided_ms=proposal.decided_ms, note=proposal.note
        )
    )
