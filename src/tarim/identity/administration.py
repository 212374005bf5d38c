"""What one administrator does: make accounts without rights, and take rights away at once (SE-01).

Giving takes two: `tarim.identity.granting`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from tarim.base.errors import Conflict, NotFound
from tarim.base.instants import DAY_MS, HOUR_MS
from tarim.identity.adapters import doorway, people
from tarim.identity.adapters.doorway import Alarm
from tarim.identity.authority import authority, found_user, initial_password, require_reason, require_recent
from tarim.identity.callers import Caller
from tarim.identity.domain.phrases import phrase_at
from tarim.identity.domain.roles import Role
from tarim.identity.domain.sessions import Session
from tarim.identity.domain.users import (
    Grant,
    Holding,
    User,
    UserState,
    display_name_of,
    login_of,
    staff_number_of,
)
from tarim.identity.keys import Scope
from tarim.identity.office import LOCAL, Office, new_id

USERS_MAX: Final = 100_000
LISTED_MAX: Final = 500
ADMINISTRATORS_FIRST: Final = 2
"""So many administrators are made by the command; all rights after that are given by two of them."""


@dataclass(frozen=True, slots=True)
class Record:
    """An account as administrators see it.  locked_until_ms: 0 for not locked."""

    user: User
    holding: Holding
    grants: list[Grant]
    locked_until_ms: int


class Administration:
    """Slow where it hashes, and blocks for the database.  Threads may share it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    # ---- looking -----------------------------------------------------------------------------------------------------

    def users(self, after: str, limit: int) -> list[Record]:
        """Accounts in the order of logins."""
        with self._office.database.reading() as connection:
            return [
                self._record(connection, user) for user in people.list_users(connection, after, min(limit, LISTED_MAX))
            ]

    def user(self, login: str) -> Record:
        """One account.  Raises NotFound."""
        with self._office.database.reading() as connection:
            return self._record(connection, found_user(connection, login))

    def alarms(self, limit: int) -> list[Alarm]:
        """The newest alarms of sign-in."""
        with self._office.database.reading() as connection:
            return doorway.alarms(connection, limit)

    def sessions(self, login: str) -> list[Session]:
        """A person's sessions that can be used now."""
        with self._office.database.reading() as connection:
            user = found_user(connection, login)
            return doorway.sessions_of(connection, user.id, self._office.clock.now_ms())

    # ---- one administrator ---------------------------------------------------------------------------------------------

    def create(self, by: Caller, login: str, staff_number: str, display_name: str) -> tuple[User, str]:
        """An account without any right, and its initial password, told this once.

        Raises FieldError, Conflict for a login or staff number that somebody has, NotAllowed (403).
        """
        require_recent(self._office, by)
        user, password = self._new_user(login, staff_number, display_name, by.name)
        with self._office.writing() as connection:
            authority(self._office, connection, by, Scope.USERS_MANAGE)
            self._add(connection, user)
        return user, password

    def revoke(self, by: Caller, grant_id: str, reason: str) -> Grant:
        """End a grant at once.  Raises NotFound, Conflict when it has ended."""
        require_reason(reason)
        now_ms = self._office.clock.now_ms()
        with self._office.writing() as connection:
            authority(self._office, connection, by, Scope.USERS_MANAGE)
            grant = people.grant_of_id(connection, grant_id)
            if grant is None:
                raise NotFound("there is no such grant. 没有该授权。")
            if not grant.holds(now_ms):
                raise Conflict("this grant has ended already. 该授权已失效。")
            self._keep_administrators(connection, grant.user, grant.role, now_ms)
            people.end_grant(connection, grant.id, by.name, now_ms)
        return replace(grant, ended_ms=now_ms, ended_by=by.name)

    def disable(self, by: Caller, login: str, reason: str) -> User:
        """Close an account and end its sessions, at once.  Two persons open it again.  Raises NotFound, Conflict."""
        require_reason(reason)
        require_recent(self._office, by)
        now_ms = self._office.clock.now_ms()
        with self._office.writing() as connection:
            authority(self._office, connection, by, Scope.USERS_MANAGE)
            user = found_user(connection, login)
            if user.login == by.name:
                raise Conflict("nobody closes the own account. 不能停用自己的账号。")
            self._keep_administrators(connection, user.id, Role.ADMINISTRATOR, now_ms)
            people.change_user(connection, user.id, state=UserState.DISABLED.value)
            doorway.end_sessions(connection, user.id, now_ms, "disabled")
        return replace(user, state=UserState.DISABLED)

    def unlock(self, by: Caller, login: str, reason: str) -> None:
        """Take sign-ins of a locked person again.  Not one's own.  Raises NotFound, Conflict when it is not locked."""
        require_reason(reason)
        with self._office.writing() as connection:
            authority(self._office, connection, by, Scope.USERS_MANAGE)
            user = found_user(connection, login)
            if user.login == by.name:
                raise Conflict("nobody unlocks the own account. 不能解锁自己的账号。")
            if not doorway.unlock(connection, user.id):
                raise Conflict("this login has no failures to forget. 该账号未被锁定。")

    def end_sessions(self, by: Caller, login: str, reason: str, session: str = "") -> int:
        """End a person's sessions, or one of them; how many.  Raises NotFound."""
        require_reason(reason)
        with self._office.writing() as connection:
            authority(self._office, connection, by, Scope.USERS_MANAGE)
            user = found_user(connection, login)
            ended = doorway.end_sessions(
                connection, user.id, self._office.clock.now_ms(), "ended by others", only=session
            )
            if session and not ended:
                raise NotFound("there is no such session. 没有该会话。")
        return ended

    # ---- the first ones ------------------------------------------------------------------------------------------------

    def create_first(self, login: str, staff_number: str, display_name: str) -> tuple[User, str]:
        """An administrator, made by who has the machine, while fewer than two are active; and the initial password.

        Two are needed because one could do nothing.  Raises Conflict when there are two, FieldError.
        """
        office = self._office
        now_ms = office.clock.now_ms()
        user, password = self._new_user(login, staff_number, display_name, LOCAL)
        user = replace(user, branches=("*",), queues=("*",))
        with office.writing() as connection:
            if len(people.active_with(connection, Role.ADMINISTRATOR, now_ms)) >= ADMINISTRATORS_FIRST:
                raise Conflict("there are two administrators: they make all others. 已有两名管理员，其余由其授权。")
            self._add(connection, user)
            until_ms = now_ms + office.settings.grant_days_max * DAY_MS
            grant = Grant(new_id(), user.id, Role.ADMINISTRATOR, now_ms, until_ms, "", LOCAL, LOCAL, "first")
            people.add_grant(connection, grant)
        office.tell("user.create-admin", LOCAL, f"user:{user.login}")
        return user, password

    # ---- steps -----------------------------------------------------------------------------------------------------------

    def _keep_administrators(self, connection: Connection, user: str, role: Role, now_ms: int) -> None:
        """Two administrators stay: with one nobody could be given a right again.  Raises Conflict."""
        if role is Role.ADMINISTRATOR:
            active = people.active_with(connection, role, now_ms)
            if user in active and len(active) <= ADMINISTRATORS_FIRST:
                raise Conflict(
                    "two administrators have to stay; grant the role to another person first. 须保留两名管理员。"
                )

    def _new_user(self, login: str, staff_number: str, display_name: str, by: str) -> tuple[User, str]:
        now_ms, settings = self._office.clock.now_ms(), self._office.settings
        login, staff_number, display_name = (
            login_of(login),
            staff_number_of(staff_number),
            display_name_of(display_name),
        )
        password, kept = initial_password(self._office)
        user = User(
            new_id(), login, staff_number, display_name, UserState.ACTIVE, (), (), now_ms, by, kept, now_ms,
            now_ms + settings.initial_password_h * HOUR_MS, phrase=phrase_at(secrets.randbits(32)),
        )  # fmt: skip
        return user, password

    def _add(self, connection: Connection, user: User) -> None:
        if people.count_users(connection) >= USERS_MAX:
            raise Conflict(f"there are {USERS_MAX} users already")
        if people.user_of_login(connection, user.login) is not None:
            raise Conflict("this login is somebody's already. 账号已存在。")
        if people.user_of_staff_number(connection, user.staff_number) is not None:
            raise Conflict("this staff number has an account already: nobody has two. 该工号已有账号，一人一号。")
        try:
            people.add_user(connection, user)
        except IntegrityError:
            raise Conflict("this login or staff number is somebody's already. 账号或工号已存在。") from None

    def _record(self, connection: Connection, user: User) -> Record:
        now_ms = self._office.clock.now_ms()
        until_ms = doorway.locked_until(connection, user.id)
        grants = people.grants_of(connection, user.id)
        holding = people.holding_of(connection, user.id, now_ms)
        return Record(user, holding, grants, until_ms if until_ms > now_ms else 0)
