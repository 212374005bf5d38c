"""Signing in: phrase, password, code, session (SE-04..SE-09, TS-01..05).

The refusal is the same for an unknown login, a wrong password, a wrong code, an account that is disabled and an initial
password that is outdated, and takes as long.  A try is counted before it is judged, so guesses sent at once count one by one.
A device that a person signed in from before has a counter of its own: who fails elsewhere does not lock its owner out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from tarim.base.errors import FieldError, NotAllowed, TooOften
from tarim.base.instants import DAY_MS, MINUTE_MS, SECOND_MS
from tarim.identity.adapters import doorway, people
from tarim.identity.adapters.doorway import Alarm
from tarim.identity.codes import CodeFound, use_code
from tarim.identity.domain.lockout import tried
from tarim.identity.domain.phrases import phrase_at
from tarim.identity.domain.roles import sensitive
from tarim.identity.domain.sessions import TOKEN_FORM, Pending, Session, network_of
from tarim.identity.domain.siege import alarms_of
from tarim.identity.domain.users import User, UserState, login_of
from tarim.identity.office import Office, Visitor, digest_of, new_id, new_token

DEVICE_PREFIX: Final = "td_"
DEVICE_CHARACTERS_MAX: Final = 64
PASSWORD_TYPED_MAX: Final = 256
REFUSED: Final = "login, password or code is not right. 账号、口令或验证码不正确。"
FOR_NOW: Final = "sign-in is refused for now, for this login or from this address. 该账号或地址暂时不能登录。"
_ALARM_AGAIN_MS: Final = 10 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Start:
    """What to show before the password.  second_factor: whether a code will be asked for."""

    phrase: str
    second_factor: bool


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session.  token, device: told this once.  last_ms, last_address: of the sign-in before, 0 and "" for none."""

    token: str
    device: str
    session: Session
    user: User
    last_ms: int = 0
    last_address: str = ""
    recovery_left: int = 0


@dataclass(frozen=True, slots=True)
class _Try:
    """A try that was counted.  subject: of its counter; locks: whether it was the last one allowed."""

    user: User | None
    subject: str
    id: str
    locks: bool


class SignIn:
    """The door.  Slow on purpose: call it from a thread of its own.  Threads may share it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def start(self, typed: str, visitor: Visitor) -> Start:
        """What to show before the password.  Raises TooOften for a banned address."""
        office, login = self._office, _login(typed)
        with office.database.reading() as connection:
            user = people.user_of_login(connection, login) if login else None
            if not self._known_device(connection, user, visitor):
                self._refuse_banned(connection, visitor)
            waived = user is not None and self._waived(connection, user, visitor)
        phrase = user.phrase if user else phrase_at(int(office.secrets.mark("phrase", login or typed), 16))
        return Start(phrase, not waived)

    def sign_in(self, typed: str, password: str, code: str, visitor: Visitor, old_token: str = "") -> SignedIn:
        """A session for the right login, password and code.

        old_token: a session's token that the caller shows; that session ends.  Raises NotAllowed (401), TooOften, Unavailable.
        """
        login = _login(typed)
        begun = self._count(login or typed, login, visitor)
        hasher, kept = self._office.hasher, begun.user.password if begun.user else ""
        right = hasher.verify(kept, password[:PASSWORD_TYPED_MAX])
        signed = self._judge(begun, right, code, visitor, old_token)
        if hasher.outdated(kept):
            self._hash_anew(signed.user, password)
        return signed

    def reauthenticate(self, session: Session, password: str, code: str, visitor: Visitor) -> SignedIn:
        """A new session in place of one's own, for a person who proves again who it is; it ends when the old one would have.

        Raises NotAllowed (401), TooOften, Unavailable.
        """
        office = self._office
        with office.database.reading() as connection:
            owner = people.user_of_id(connection, session.user)
        assert owner is not None
        begun = self._count(owner.login, owner.login, visitor)
        right = office.hasher.verify(owner.password, password[:PASSWORD_TYPED_MAX])
        return self._judge(begun, right, code, visitor, "", session)

    def admit(self, user: User, visitor: Visitor, *, provider_factor: bool) -> SignedIn:
        """A session for somebody whom another house has signed on.  provider_factor: it has asked for a second factor."""
        with self._office.writing() as connection:
            pending = () if provider_factor else (Pending.CODE,) if user.totp else (Pending.ENROL,)
            signed = self._open(connection, user, visitor, pending, None)
        if signed.session.unusual:
            self._alarm("unusual", user.login, visitor)
        return signed

    # ---- steps -----------------------------------------------------------------------------------------------------

    def _count(self, subject_word: str, login: str, visitor: Visitor) -> _Try:
        """Count the try.  Raises TooOften where none is taken."""
        office = self._office
        now_ms = office.clock.now_ms()
        refused: TooOften | None = None
        locks = False
        with office.writing() as connection:
            user = people.user_of_login(connection, login) if login else None
            known = self._known_device(connection, user, visitor)
            subject = office.secrets.mark("login", subject_word, *([visitor.device] if known else []))
            failures = doorway.failures_of(connection, subject)
            if not known:  # a banned address leaves nothing behind, or it could fill the tables
                self._refuse_banned(connection, visitor)
            made = doorway.add_try(connection, office.secrets.mark("login", subject_word), visitor.address, now_ms)
            if failures.locked(now_ms):
                refused = TooOften(FOR_NOW, min(DAY_MS, failures.locked_until_ms - now_ms) / SECOND_MS)
            else:
                after = tried(failures, now_ms, office.settings)
                doorway.keep_failures(connection, subject, user.id if user else "", after, now_ms)
                locks = after.locked(now_ms)
        if refused is not None:
            self._watch(user, visitor, locked=False)
            who = user.login if user else ""
            office.tell("sign-in", who, address=visitor.address, result="refused", why="locked")
            raise refused
        return _Try(user, subject, made, locks)

    def _judge(
        self,
        begun: _Try,
        right: bool,
        code: str,
        visitor: Visitor,
        old_token: str,
        renewed: Session | None = None,
    ) -> SignedIn:
        """Open a session, or refuse; then what was counted is taken back or stands."""
        office, user = self._office, begun.user
        signed: SignedIn | None = None
        found = CodeFound.WRONG
        with office.writing() as connection:
            now = people.user_of_id(connection, user.id) if user else None
            if user is not None and now is not None and right and self._usable(now, user):
                waived = renewed is None and self._waived(connection, now, visitor)
                found = CodeFound.RIGHT if waived or not now.totp else use_code(office, connection, now, code)
                if found is CodeFound.RIGHT:
                    doorway.clear_failures(connection, begun.subject)
                    doorway.take_back(connection, begun.id)
                    if TOKEN_FORM.fullmatch(old_token):
                        old = doorway.session_of_digest(connection, digest_of(old_token))
                        if old is not None:
                            doorway.end_sessions(connection, old.user, office.clock.now_ms(), "replaced", only=old.id)
                    signed = self._open(connection, now, visitor, self._pending(now), renewed)
        act = "reauthenticate" if renewed else "sign-in"
        if signed is None or user is None:
            if user is not None and found is CodeFound.USED:
                self._alarm("replay", user.login, visitor)
            self._watch(user, visitor, locked=begun.locks)
            office.tell(act, user.login if user else "", address=visitor.address, result="refused")
            raise NotAllowed(REFUSED)
        if signed.session.unusual:
            self._alarm("unusual", user.login, visitor)
        return signed

    def _open(
        self,
        connection: Connection,
        user: User,
        visitor: Visitor,
        pending: tuple[Pending, ...],
        renewed: Session | None,
    ) -> SignedIn:
        """A new session, in the transaction; when there are too many, the one not used for longest ends."""
        office = self._office
        now_ms = office.clock.now_ms()
        known = self._known_device(connection, user, visitor)
        device = visitor.device if known else new_token(DEVICE_PREFIX)
        network = network_of(visitor.address)
        network_mark, agent_mark = office.secrets.mark("network", network), office.secrets.mark("agent", visitor.agent)
        usual_network = doorway.usual(connection, user.id, "network", network_mark)
        first = not doorway.has_usual(connection, user.id)
        unusual = not (first or known or usual_network)
        session = Session(
            new_id(), user.id, now_ms, 0 if unusual and renewed is None else now_ms, now_ms,
            renewed.until_ms if renewed else now_ms + office.session_ms(user), office.idle_ms(user), pending,
            network_mark, agent_mark, visitor.address, unusual,
        )  # fmt: skip
        token = new_token()
        if renewed is not None:
            doorway.end_sessions(connection, user.id, now_ms, "renewed", only=renewed.id)
        open_now = sorted(doorway.sessions_of(connection, user.id, now_ms), key=lambda each: each.seen_ms)
        for old in open_now[: max(0, len(open_now) - office.settings.sessions_max + 1)]:
            doorway.end_sessions(connection, user.id, now_ms, "too many", only=old.id)
        doorway.add_session(connection, session, digest_of(token), now_ms)
        doorway.keep_usual(connection, user.id, "network", network_mark, now_ms)
        doorway.keep_usual(connection, user.id, "device", office.secrets.mark("device", device), now_ms)
        if renewed is None:
            people.change_user(connection, user.id, last_ms=now_ms, last_address=visitor.address)
        left = people.count_recovery(connection, user.id)
        return SignedIn(token, "" if known else device, session, user, user.last_ms, user.last_address, left)

    def _pending(self, user: User) -> tuple[Pending, ...]:
        outdated = self._office.clock.now_ms() - user.password_ms >= self._office.settings.password_ms_max
        wanted = ((Pending.ENROL, not user.totp), (Pending.PASSWORD, bool(user.initial_until_ms) or outdated))
        return tuple(each for each, needed in wanted if needed)

    def _usable(self, user: User, judged: User) -> bool:
        """Whether the account may be signed in to, and its password is still the one that was looked at."""
        outdated = user.initial_until_ms and self._office.clock.now_ms() >= user.initial_until_ms
        return user.state is UserState.ACTIVE and user.password == judged.password and not outdated

    def _known_device(self, connection: Connection, user: User | None, visitor: Visitor) -> bool:
        if user is None or not visitor.device.startswith(DEVICE_PREFIX) or len(visitor.device) > DEVICE_CHARACTERS_MAX:
            return False
        return doorway.usual(connection, user.id, "device", self._office.secrets.mark("device", visitor.device))

    def _waived(self, connection: Connection, user: User, visitor: Visitor) -> bool:
        """Whether no code is asked for: the policy allows it, for these roles, at a usual place, while all is quiet."""
        office = self._office
        if office.settings.second_factor != "unusual" or not self._known_device(connection, user, visitor):
            return False
        now_ms = office.clock.now_ms()
        network = office.secrets.mark("network", network_of(visitor.address))
        figures = doorway.figures_of(connection, visitor.address, now_ms, office.settings)
        return (
            doorway.usual(connection, user.id, "network", network)
            and not sensitive(people.holding_of(connection, user.id, now_ms).roles)
            and figures.all_logins <= office.settings.siege_logins_max
        )

    def _refuse_banned(self, connection: Connection, visitor: Visitor) -> None:
        now_ms = self._office.clock.now_ms()
        until_ms = doorway.banned_until(connection, visitor.address)
        if until_ms > now_ms:
            raise TooOften(FOR_NOW, (until_ms - now_ms) / SECOND_MS)

    # ---- what is told ----------------------------------------------------------------------------------------------

    def _watch(self, user: User | None, visitor: Visitor, *, locked: bool) -> None:
        """After a failure: alarms, and a ban of the address."""
        office = self._office
        now_ms = office.clock.now_ms()
        with office.writing() as connection:
            kinds = alarms_of(doorway.figures_of(connection, visitor.address, now_ms, office.settings), office.settings)
            banning = [kind for kind in kinds if kind != "stuffing"]
            if banning and doorway.banned_until(connection, visitor.address) <= now_ms:
                doorway.ban(connection, visitor.address, now_ms + office.settings.ban_ms, banning[0], now_ms)
        for kind in kinds:
            self._alarm(kind, "", replace(visitor, address="") if kind == "stuffing" else visitor)
        if locked:
            self._alarm("locked", user.login if user else "", visitor)

    def _alarm(self, kind: str, login: str, visitor: Visitor) -> None:
        office = self._office
        alarm = Alarm(office.clock.now_ms(), kind, login, visitor.address)
        with office.writing() as connection:
            raised = doorway.raise_alarm(connection, alarm, _ALARM_AGAIN_MS)
        if raised:
            office.tell(f"alarm.{kind}", login, address=visitor.address)

    def _hash_anew(self, user: User, password: str) -> None:
        """The password is typed right now: keep it by the numbers set now, unless it was changed meanwhile."""
        office = self._office
        kept = office.hasher.hash(password)
        with office.writing() as connection:
            now = people.user_of_id(connection, user.id)
            if now is not None and now.password == user.password:
                people.change_user(connection, user.id, password=kept)


def _login(typed: str) -> str:
    """The login typed, "" for what cannot be one."""
    try:
        return login_of(typed)
    except FieldError:
        return ""
