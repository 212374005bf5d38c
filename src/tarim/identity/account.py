"""What a person does with the own account: password, one-time codes, phrase, limits, sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tarim.base.errors import Conflict, DefinitionError, NotAllowed, NotFound, TooOften
from tarim.base.instants import DAY_MS, SECOND_MS
from tarim.identity.adapters import doorway, people
from tarim.identity.callers import Caller
from tarim.identity.codes import CodeFound, new_recovery, new_setup, secret_of_setup, step_of, use_code
from tarim.identity.domain.lockout import tried
from tarim.identity.domain.passwords import faults_of, refuse
from tarim.identity.domain.phrases import phrase_of
from tarim.identity.domain.sessions import Pending, Session
from tarim.identity.domain.users import User
from tarim.identity.office import Office
from tarim.identity.signing_in import FOR_NOW

SESSION_H_LEAST: Final = 1


@dataclass(frozen=True, slots=True)
class Setup:
    """New one-time codes.  setup: to be given back with the first code; secret: to type; url: to scan."""

    setup: str
    secret: str
    url: str


class Account:
    """One's own account.  Slow where it hashes.  Threads may share it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def set_password(self, caller: Caller, old: str, new: str) -> None:
        """An own password; every other session ends.

        Raises NotAllowed (403) for a wrong old one, TooOften after many, FieldError for a bad new one, Conflict before codes
        are set up.
        """
        office = self._office
        user, session = self._of(caller)
        if Pending.ENROL in session.pending:
            raise Conflict("set up one-time codes first. 请先设置动态口令。")
        self._recent_unless(caller, session, Pending.PASSWORD)
        if user.password:
            self._count(user, "password")
            if not office.hasher.verify(user.password, old):
                raise NotAllowed("the old password is not right. 原口令不正确。", known=True)
            self._right(user, "password")
        with office.database.reading() as connection:
            before = people.old_passwords(connection, user.id, office.settings.password_history)
        faults = faults_of(new, (user.login, user.display_name, user.staff_number, user.phrase), office.settings)
        if not faults and any(office.hasher.verify(each, new) for each in {user.password, *before} if each):
            faults = ["reused"]
        if faults:
            raise refuse(faults[0])
        kept, now_ms = office.hasher.hash(new), office.clock.now_ms()
        with office.writing() as connection:
            now = people.user_of_id(connection, user.id)
            if now is None or now.password != user.password:
                raise Conflict("the password was changed meanwhile")
            people.change_user(connection, user.id, password=kept, password_ms=now_ms, initial_until_ms=0)
            people.keep_password(connection, user.id, kept, now_ms, office.settings.password_history)
            doorway.end_sessions(connection, user.id, now_ms, "new password", but=session.id)
            left = [each.value for each in session.pending if each is not Pending.PASSWORD]
            doorway.change_session(connection, session.id, pending=left)

    def begin_codes(self, caller: Caller) -> Setup:
        """New one-time codes, not in force before their first code is given.  Raises NotAllowed (403)."""
        user, session = self._of(caller)
        self._recent_unless(caller, session, Pending.ENROL)
        return Setup(*new_setup(self._office, user))

    def confirm_codes(self, caller: Caller, setup: str, code: str) -> list[str]:
        """Put new one-time codes in force; recovery codes, told this once.  Every other session ends.

        Raises NotAllowed (403) for a wrong code, FieldError for a setup that is not one's own or too old.
        """
        office = self._office
        user, session = self._of(caller)
        self._recent_unless(caller, session, Pending.ENROL)
        secret = secret_of_setup(office, user, setup)
        now_ms = office.clock.now_ms()
        step = step_of(secret, code, now_ms)
        if step < 0:
            raise NotAllowed("the code is not right. 验证码不正确。", known=True)
        with office.writing() as connection:
            sealed = office.secrets.seal(secret.encode(), user.id)
            people.change_user(connection, user.id, totp=sealed, totp_step=step)
            recovery = new_recovery(connection, user)
            doorway.end_sessions(connection, user.id, now_ms, "new codes", but=session.id)
            left = [each.value for each in session.pending if each is not Pending.ENROL]
            doorway.change_session(connection, session.id, pending=left, authenticated_ms=now_ms)
        return recovery

    def give_code(self, caller: Caller, code: str) -> None:
        """The one-time code that a session opened by another house still waits for.  Raises NotAllowed (401), TooOften."""
        office = self._office
        user, session = self._of(caller)
        if Pending.CODE not in session.pending:
            raise Conflict("this session waits for no code")
        self._count(user, "code")
        now_ms = office.clock.now_ms()
        with office.writing() as connection:
            found = use_code(office, connection, user, code)
            if found is CodeFound.RIGHT:
                left = [each.value for each in session.pending if each is not Pending.CODE]
                doorway.change_session(connection, session.id, pending=left, authenticated_ms=now_ms)
            else:  # one try a session, so codes cannot be guessed through it
                doorway.end_sessions(connection, user.id, now_ms, "wrong code", only=session.id)
        if found is not CodeFound.RIGHT:
            raise NotAllowed("the code is not right; sign in again. 验证码不正确，请重新登录。")
        self._right(user, "code")

    def renew_recovery(self, caller: Caller) -> list[str]:
        """New recovery codes, told this once.  Raises NotAllowed (403) without having signed in just now."""
        user, session = self._of(caller)
        self._recent_unless(caller, session, None)
        with self._office.writing() as connection:
            return new_recovery(connection, user)

    def set_phrase(self, caller: Caller, words: Sequence[str]) -> str:
        """The own reserved phrase.  Raises FieldError."""
        user, _ = self._of(caller)
        phrase = phrase_of(words)
        with self._office.writing() as connection:
            people.change_user(connection, user.id, phrase=phrase)
        return phrase

    def set_limits(self, caller: Caller, idle_min: int, session_h: int) -> None:
        """How long own sessions may be idle and last, from the next one on; the idle time for this one too (SE-08).

        0 = as the policy says.  Raises DefinitionError for more than the policy allows.
        """
        office = self._office
        user, session = self._of(caller)
        for name, own, most in (
            ("idle_min", idle_min, office.settings.idle_min),
            ("session_h", session_h, office.settings.session_h),
        ):
            if not 0 <= own <= most:
                raise DefinitionError(
                    f"{name} is from 1 to {most}, or 0 for the common limit. {name} 取值 0 至 {most}。"
                )
        with office.writing() as connection:
            people.change_user(connection, user.id, idle_min=idle_min, session_h=session_h)
            now = people.user_of_id(connection, user.id)
            assert now is not None
            doorway.change_session(connection, session.id, idle_ms=office.idle_ms(now))

    def sessions(self, caller: Caller) -> list[Session]:
        """Own sessions that can be used now."""
        user, _ = self._of(caller)
        with self._office.database.reading() as connection:
            return doorway.sessions_of(connection, user.id, self._office.clock.now_ms())

    def end_session(self, caller: Caller, session: str) -> None:
        """End one of one's own sessions.  Raises NotFound; another person's is not found either."""
        user, _ = self._of(caller)
        with self._office.writing() as connection:
            if not doorway.end_sessions(connection, user.id, self._office.clock.now_ms(), "ended", only=session):
                raise NotFound("you have no such session. 没有该会话。")

    def end_all(self, caller: Caller) -> int:
        """End all of one's own sessions; how many."""
        user, _ = self._of(caller)
        with self._office.writing() as connection:
            return doorway.end_sessions(connection, user.id, self._office.clock.now_ms(), "ended")

    def read(self, caller: Caller) -> tuple[User, Session, int]:
        """The own account, this session, and how many recovery codes are left."""
        user, session = self._of(caller)
        with self._office.database.reading() as connection:
            return user, session, people.count_recovery(connection, user.id)

    def _of(self, caller: Caller) -> tuple[User, Session]:
        """The account and session of a caller who is a person.  Raises NotAllowed (403) for a key."""
        if not caller.session:
            raise NotAllowed("a key has no account of its own", known=True)
        with self._office.database.reading() as connection:
            user = people.user_of_login(connection, caller.name)
            session = doorway.session_of_id(connection, caller.session)
        if user is None or session is None or session.user != user.id:
            raise NotAllowed("the session is over; sign in again. 会话已结束，请重新登录。")
        return user, session

    def _count(self, user: User, what: str) -> None:
        """Count a try at a secret of the own account, before it is judged.  Raises TooOften; an administrator can unlock."""
        office = self._office
        now_ms, subject = office.clock.now_ms(), office.secrets.mark("account", what, user.id)
        with office.writing() as connection:
            failures = doorway.failures_of(connection, subject)
            if failures.locked(now_ms):
                raise TooOften(FOR_NOW, min(DAY_MS, failures.locked_until_ms - now_ms) / SECOND_MS)
            doorway.keep_failures(connection, subject, user.id, tried(failures, now_ms, office.settings), now_ms)

    def _right(self, user: User, what: str) -> None:
        """It was right: begin anew."""
        with self._office.writing() as connection:
            doorway.clear_failures(connection, self._office.secrets.mark("account", what, user.id))

    def _recent_unless(self, caller: Caller, session: Session, pending: Pending | None) -> None:
        """A session has to be fresh for what changes how one signs in, but for what it was opened to do."""
        if pending not in session.pending:
            caller.require_recent(self._office.clock.now_ms(), self._office.settings.recent_ms)
