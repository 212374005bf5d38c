"""Users and what they may do: one administrator takes a right away, two give one (SE-01, SE-10).

Every act asks the tables anew for what the administrator may do at this moment, within the transaction that carries it out.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from tarim.base.errors import Conflict, DefinitionError, NotAllowed, NotFound
from tarim.base.four_eyes import NOTE_CHARACTERS_MAX, Proposal
from tarim.base.instants import DAY_MS, HOUR_MS
from tarim.identity.adapters import doorway, people
from tarim.identity.adapters.doorway import Alarm
from tarim.identity.callers import Caller
from tarim.identity.domain.changes import Change, ChangeKind, check_grant, require_two
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
    places_of,
    staff_number_of,
)
from tarim.identity.keys import Scope
from tarim.identity.office import LOCAL, Office, new_id

USERS_MAX: Final = 100_000
LISTED_MAX: Final = 500
ADMINISTRATORS_FIRST: Final = 2
"""So many administrators are made by the command; all rights after that are given by two of them."""
_INITIAL_CHARACTERS: Final = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that looks like another
_INITIAL_LENGTH: Final = 16


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
            return self._record(connection, _found(connection, login))

    def changes(self) -> list[tuple[Proposal, Change]]:
        """Changes that wait for a second person."""
        with self._office.database.reading() as connection:
            return people.open_changes(connection, self._oldest_ms(), LISTED_MAX)

    def alarms(self, limit: int) -> list[Alarm]:
        """The newest alarms of sign-in."""
        with self._office.database.reading() as connection:
            return doorway.alarms(connection, limit)

    def sessions(self, login: str) -> list[Session]:
        """A person's sessions that can be used now."""
        with self._office.database.reading() as connection:
            user = _found(connection, login)
            return doorway.sessions_of(connection, user.id, self._office.clock.now_ms())

    # ---- one administrator ---------------------------------------------------------------------------------------------

    def create(self, by: Caller, login: str, staff_number: str, display_name: str) -> tuple[User, str]:
        """An account without any right, and its initial password, told this once.

        Raises FieldError, Conflict for a login or staff number that somebody has, NotAllowed (403).
        """
        self._recent(by)
        user, password = self._new_user(login, staff_number, display_name, by.name)
        with self._office.writing() as connection:
            self._authority(connection, by, Scope.USERS_MANAGE)
            self._add(connection, user)
        return user, password

    def revoke(self, by: Caller, grant_id: str, reason: str) -> Grant:
        """End a grant at once.  Raises NotFound, Conflict when it has ended."""
        _reason(reason)
        now_ms = self._office.clock.now_ms()
        with self._office.writing() as connection:
            self._authority(connection, by, Scope.USERS_MANAGE)
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
        _reason(reason)
        self._recent(by)
        now_ms = self._office.clock.now_ms()
        with self._office.writing() as connection:
            self._authority(connection, by, Scope.USERS_MANAGE)
            user = _found(connection, login)
            if user.login == by.name:
                raise Conflict("nobody closes the own account. 不能停用自己的账号。")
            self._keep_administrators(connection, user.id, Role.ADMINISTRATOR, now_ms)
            people.change_user(connection, user.id, state=UserState.DISABLED.value)
            doorway.end_sessions(connection, user.id, now_ms, "disabled")
        return replace(user, state=UserState.DISABLED)

    def unlock(self, by: Caller, login: str, reason: str) -> None:
        """Take sign-ins of a locked person again.  Not one's own.  Raises NotFound, Conflict when it is not locked."""
        _reason(reason)
        with self._office.writing() as connection:
            self._authority(connection, by, Scope.USERS_MANAGE)
            user = _found(connection, login)
            if user.login == by.name:
                raise Conflict("nobody unlocks the own account. 不能解锁自己的账号。")
            if not doorway.unlock(connection, user.id):
                raise Conflict("this login has no failures to forget. 该账号未被锁定。")

    def end_sessions(self, by: Caller, login: str, reason: str, session: str = "") -> int:
        """End a person's sessions, or one of them; how many.  Raises NotFound."""
        _reason(reason)
        with self._office.writing() as connection:
            self._authority(connection, by, Scope.USERS_MANAGE)
            user = _found(connection, login)
            ended = doorway.end_sessions(
                connection, user.id, self._office.clock.now_ms(), "ended by others", only=session
            )
            if session and not ended:
                raise NotFound("there is no such session. 没有该会话。")
        return ended

    # ---- two administrators --------------------------------------------------------------------------------------------

    def propose(self, by: Caller, change: Change, reason: str) -> tuple[Proposal, Change]:
        """Propose a change.  Raises NotFound, FieldError, Conflict where it could not be carried out, NotAllowed."""
        _reason(reason)
        now_ms = self._office.clock.now_ms()
        change = _normal(change)
        with self._office.writing() as connection:
            behind = self._authority(connection, by, Scope.USERS_MANAGE)
            subject = self._checked(connection, change)
            require_two(behind, (), subject.id)
            if len(people.open_changes(connection, self._oldest_ms(), LISTED_MAX)) >= LISTED_MAX:
                raise Conflict(f"{LISTED_MAX} changes wait already; decide on them first")
            proposal = Proposal(new_id(), f"{change.kind.value} {change.login}", change.digest, by.name, now_ms, reason)
            people.add_change(connection, proposal, change)
        return proposal, change

    def approve(self, by: Caller, change_id: str, digest: str, note: str = "") -> tuple[Proposal, Change, str]:
        """Carry a change out; (proposal, change, an initial password for a reset, else "").

        Raises NotFound, NotAllowed (403) for the author, the subject, whoever stands behind both, or when the author may
        not propose any more; Conflict for other content or what clashes by now.
        """
        self._recent(by)
        office = self._office
        now_ms = office.clock.now_ms()
        password, kept = self._initial()
        with office.writing() as connection:
            decider = self._authority(connection, by, Scope.USERS_APPROVE)
            proposal, change = self._open_change(connection, change_id)
            author = people.user_of_login(connection, proposal.author)
            held = people.holding_of(connection, author.id, now_ms) if author else Holding(frozenset())
            if author is None or author.state is not UserState.ACTIVE or Scope.USERS_MANAGE not in held.scopes:
                raise NotAllowed(f"{proposal.author}, who proposed it, may not propose any more", known=True)
            subject = self._checked(connection, change)
            require_two({author.id} | held.stands_for(Scope.USERS_MANAGE), decider, subject.id)
            done = proposal.approve(by.name, digest, now_ms, note)
            people.close_change(connection, done)
            self._carry_out(connection, done, change, subject, kept)
        return done, change, password if change.kind is ChangeKind.RESET else ""

    def reject(self, by: Caller, change_id: str, note: str) -> tuple[Proposal, Change]:
        """Say no to a change, and why.  Raises NotFound, NotAllowed for its author, Conflict, DefinitionError."""
        with self._office.writing() as connection:
            self._authority(connection, by, Scope.USERS_APPROVE)
            proposal, change = self._open_change(connection, change_id)
            done = proposal.reject(by.name, self._office.clock.now_ms(), note)
            people.close_change(connection, done)
        return done, change

    def withdraw(self, by: Caller, change_id: str) -> tuple[Proposal, Change]:
        """Take a change of one's own back.  Raises NotFound, NotAllowed for anybody else, Conflict."""
        with self._office.writing() as connection:
            self._authority(connection, by, Scope.USERS_MANAGE)
            proposal, change = self._open_change(connection, change_id)
            done = proposal.withdraw(by.name, self._office.clock.now_ms())
            people.close_change(connection, done)
        return done, change

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

    def _authority(self, connection: Connection, by: Caller, scope: Scope) -> frozenset[str]:
        """Ids of all whom the caller stands for with this scope, the caller included.  Raises NotAllowed (403).

        Asked of the tables as well as of the caller: a role that ended a moment ago is none, and a session in which
        something is still to be done lets nothing else be done.
        """
        by.require(scope)
        user = people.user_of_login(connection, by.name)
        held = people.holding_of(connection, user.id, self._office.clock.now_ms()) if user else Holding(frozenset())
        if user is None or user.state is not UserState.ACTIVE or scope not in held.scopes or not by.session:
            raise NotAllowed(f"{by.name} has no scope {scope.value} with a session of a person", known=True)
        return frozenset({user.id}) | held.stands_for(scope)

    def _recent(self, by: Caller) -> None:
        by.require_recent(self._office.clock.now_ms(), self._office.settings.recent_ms)

    def _open_change(self, connection: Connection, change_id: str) -> tuple[Proposal, Change]:
        found = people.change_of_id(connection, change_id)
        if found is None:
            raise NotFound("there is no such change. 没有该变更。")
        if found[0].proposed_ms < self._oldest_ms():
            raise Conflict("this change has waited for too long; propose it anew. 该变更已过期，请重新提交。")
        return found

    def _oldest_ms(self) -> int:
        return self._office.clock.now_ms() - self._office.settings.change_days_max * DAY_MS

    def _checked(self, connection: Connection, change: Change) -> User:
        """The account a change is about, when it could be carried out now.  Raises NotFound, Conflict, FieldError."""
        now_ms, settings = self._office.clock.now_ms(), self._office.settings
        subject = _found(connection, change.login)
        if change.kind is ChangeKind.GRANT:
            if change.role is None:
                raise DefinitionError("a grant names its role")
            held = {grant.role for grant in people.grants_of(connection, subject.id) if grant.holds(now_ms)}
            check_grant(change.role, held, change.until_ms, now_ms, bool(change.for_login), settings)
            if change.for_login:
                owner = _found(connection, change.for_login)
                if owner.id == subject.id or change.role not in people.holding_of(connection, owner.id, now_ms).own:
                    raise Conflict(f"{owner.login} has no role {change.role.value} of the own to lend")
        elif change.kind is ChangeKind.ENABLE and subject.state is UserState.ACTIVE:
            raise Conflict(f"{subject.login} is active already")
        return subject

    def _carry_out(self, connection: Connection, done: Proposal, change: Change, subject: User, kept: str) -> None:
        now_ms, settings = done.decided_ms, self._office.settings
        if change.kind is ChangeKind.GRANT:
            assert change.role is not None
            owner = _found(connection, change.for_login).id if change.for_login else ""
            people.add_grant(
                connection,
                Grant(
                    new_id(),
                    subject.id,
                    change.role,
                    now_ms,
                    change.until_ms,
                    owner,
                    done.author,
                    done.decider,
                    done.reason,
                ),
            )
        elif change.kind is ChangeKind.REACH:
            people.change_user(connection, subject.id, branches=list(change.branches), queues=list(change.queues))
        elif change.kind is ChangeKind.ENABLE:
            people.change_user(connection, subject.id, state=UserState.ACTIVE.value)
        else:
            people.change_user(
                connection, subject.id, password=kept, password_ms=now_ms, totp="", totp_step=0, openid_subject=None,
                initial_until_ms=now_ms + settings.initial_password_h * HOUR_MS,
            )  # fmt: skip
            people.set_recovery(connection, subject.id, ())
            doorway.end_sessions(connection, subject.id, now_ms, "reset")
            doorway.unlock(connection, subject.id)
            doorway.forget_usual(connection, subject.id)

    def _keep_administrators(self, connection: Connection, user: str, role: Role, now_ms: int) -> None:
        """Two administrators stay: with one nobody could be given a right again.  Raises Conflict."""
        if role is Role.ADMINISTRATOR:
            active = people.active_with(connection, role, now_ms)
            if user in active and len(active) <= ADMINISTRATORS_FIRST:
                raise Conflict(
                    "two administrators have to stay; grant the role to another person first. 须保留两名管理员。"
                )

    def _initial(self) -> tuple[str, str]:
        """(an initial password, its hash)."""
        password = "".join(secrets.choice(_INITIAL_CHARACTERS) for _ in range(_INITIAL_LENGTH))
        return password, self._office.hasher.hash(password)

    def _new_user(self, login: str, staff_number: str, display_name: str, by: str) -> tuple[User, str]:
        now_ms, settings = self._office.clock.now_ms(), self._office.settings
        login, staff_number, display_name = (
            login_of(login),
            staff_number_of(staff_number),
            display_name_of(display_name),
        )
        password, kept = self._initial()
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


def _found(connection: Connection, login: str) -> User:
    user = people.user_of_login(connection, login_of(login))
    if user is None:
        raise NotFound("there is no such user. 没有该用户。")
    return user


def _normal(change: Change) -> Change:
    """The change with names as they are kept, and nothing that its kind does not have.  Raises FieldError."""
    login = login_of(change.login)
    if change.kind is ChangeKind.GRANT:
        for_login = login_of(change.for_login) if change.for_login else ""
        return Change(change.kind, login, change.role, change.until_ms, for_login)
    if change.kind is ChangeKind.REACH:
        branches, queues = places_of("branches", change.branches), places_of("queues", change.queues)
        return Change(change.kind, login, branches=branches, queues=queues)
    return Change(change.kind, login)


def _reason(reason: str) -> None:
    if not reason.strip() or len(reason) > NOTE_CHARACTERS_MAX:
        raise DefinitionError(f"a reason has 1 to {NOTE_CHARACTERS_MAX} characters. 须填写事由。")
