"""Changes by two administrators: one proposes, another one approves exactly that (SE-01, DS-37).

Every act asks the tables anew for what the administrator may do at this moment, within the transaction that carries it out.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from tarim.base.errors import Conflict, DefinitionError, NotAllowed, NotFound
from tarim.base.four_eyes import Proposal
from tarim.base.instants import DAY_MS, HOUR_MS
from tarim.identity.adapters import doorway, people
from tarim.identity.authority import authority, found_user, initial_password, require_reason, require_recent
from tarim.identity.callers import Caller
from tarim.identity.domain.changes import Change, ChangeKind, check_grant, require_two
from tarim.identity.domain.users import Grant, Holding, User, UserState, login_of, places_of
from tarim.identity.keys import Scope
from tarim.identity.office import Office, new_id

WAITING_MAX: Final = 500


class Granting:
    """Slow where it hashes, and blocks for the database.  Threads may share it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def changes(self) -> list[tuple[Proposal, Change]]:
        """Changes that wait for a second person."""
        with self._office.database.reading() as connection:
            return people.open_changes(connection, self._oldest_ms(), WAITING_MAX)

    def propose(self, by: Caller, change: Change, reason: str) -> tuple[Proposal, Change]:
        """Propose a change.  Raises NotFound, FieldError, Conflict where it could not be carried out, NotAllowed."""
        require_reason(reason)
        now_ms = self._office.clock.now_ms()
        change = _normal(change)
        with self._office.writing() as connection:
            behind = authority(self._office, connection, by, Scope.USERS_MANAGE)
            subject = self._checked(connection, change)
            require_two(behind, (), subject.id)
            if len(people.open_changes(connection, self._oldest_ms(), WAITING_MAX)) >= WAITING_MAX:
                raise Conflict(
                    f"{WAITING_MAX} changes wait already; decide on them first. 待审批的变更过多，请先处理。"
                )
            proposal = Proposal(new_id(), f"{change.kind.value} {change.login}", change.digest, by.name, now_ms, reason)
            people.add_change(connection, proposal, change)
        return proposal, change

    def approve(self, by: Caller, change_id: str, digest: str, note: str = "") -> tuple[Proposal, Change, str]:
        """Carry a change out; (proposal, change, an initial password for a reset, else "").

        Raises NotFound, NotAllowed (403) for the author, the subject, whoever stands behind both, or when the author may
        not propose any more; Conflict for other content or what clashes by now.
        """
        require_recent(self._office, by)
        office = self._office
        now_ms = office.clock.now_ms()
        password, kept = initial_password(self._office)
        with office.writing() as connection:
            decider = authority(self._office, connection, by, Scope.USERS_APPROVE)
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
            authority(self._office, connection, by, Scope.USERS_APPROVE)
            proposal, change = self._open_change(connection, change_id)
            done = proposal.reject(by.name, self._office.clock.now_ms(), note)
            people.close_change(connection, done)
        return done, change

    def withdraw(self, by: Caller, change_id: str) -> tuple[Proposal, Change]:
        """Take a change of one's own back.  Raises NotFound, NotAllowed for anybody else, Conflict."""
        with self._office.writing() as connection:
            authority(self._office, connection, by, Scope.USERS_MANAGE)
            proposal, change = self._open_change(connection, change_id)
            done = proposal.withdraw(by.name, self._office.clock.now_ms())
            people.close_change(connection, done)
        return done, change

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
        subject = found_user(connection, change.login)
        if change.kind is ChangeKind.GRANT:
            if change.role is None:
                raise DefinitionError("a grant names its role")
            held = {grant.role for grant in people.grants_of(connection, subject.id) if grant.holds(now_ms)}
            check_grant(change.role, held, change.until_ms, now_ms, bool(change.for_login), settings)
            if change.for_login:
                owner = found_user(connection, change.for_login)
                if owner.id == subject.id or change.role not in people.holding_of(connection, owner.id, now_ms).own:
                    raise Conflict(
                        f"{owner.login} has no role {change.role.value} of the own to lend. 对方没有可代的角色。"
                    )
        elif change.kind is ChangeKind.ENABLE and subject.state is UserState.ACTIVE:
            raise Conflict(f"{subject.login} is active already. 账号已是启用状态。")
        return subject

    def _carry_out(self, connection: Connection, done: Proposal, change: Change, subject: User, kept: str) -> None:
        now_ms, settings = done.decided_ms, self._office.settings
        if change.kind is ChangeKind.GRANT:
            assert change.role is not None
            owner = found_user(connection, change.for_login).id if change.for_login else ""
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
