"""Who stands behind a token or a key, looked up anew at every request: what was revoked is refused at the next one (SE-01).

A key never adds to what a person may do.  As soon as there is one user, a key used for an act of a person has to bear the
login of an active user, and that user has to have the scope now: so key and account are one person for four eyes, and
a key ends with the grants of its owner (docs/decisions/0020-keys-stand-for-persons.md).
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from typing import Final

from tarim.base.errors import NotAllowed, Unavailable, UnknownKey
from tarim.base.instants import MINUTE_MS, SECOND_MS
from tarim.identity.adapters import doorway, people
from tarim.identity.adapters.doorway import Alarm
from tarim.identity.callers import EVERYTHING, Caller, CallerKind, caller_of_key
from tarim.identity.domain.roles import MACHINE, ROLES
from tarim.identity.domain.sessions import TOKEN_FORM, Session, network_of
from tarim.identity.domain.users import User, UserState
from tarim.identity.keys import KeyId, Scope
from tarim.identity.office import Office, Visitor, digest_of

SEEN_EVERY_MS: Final = 10 * SECOND_MS
"""A session's last use is written down this often, or a twentieth of its idle time; it may end so much earlier."""
SESSION_UNKNOWN: Final = "this session is not known. 会话无效，请重新登录。"
SESSION_OVER: Final = "the session is over; sign in again. 会话已结束，请重新登录。"
NOWHERE: Final = "it cannot be told where the request comes from; ask again. 无法确认请求来源，请重试。"
"""A peer that broke its connection off before it was taken, on a busy machine, is no thief: its session stays."""


class Directory:
    """Looks callers up; blocks for the database.  Threads may share it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def caller_of_session(self, token: str, visitor: Visitor) -> Caller:
        """The person behind a session's token, in use from its own place, with what the person may do at this moment.

        A session in which something is still to be done has the scope `self` only.  Raises UnknownKey (401) for a token that is
        none, NotAllowed (401) for a session that is over, Unavailable when nobody can say where the request comes from.
        """
        office = self._office
        if not TOKEN_FORM.fullmatch(token):
            raise UnknownKey(SESSION_UNKNOWN)
        now_ms = office.clock.now_ms()
        with office.database.reading() as connection:
            session = doorway.session_of_digest(connection, digest_of(token))
            user = people.user_of_id(connection, session.user) if session else None
            held = people.holding_of(connection, user.id, now_ms).scopes if user else frozenset()
        if session is None or user is None:
            raise UnknownKey(SESSION_UNKNOWN)
        if session.over(now_ms) or user.state is not UserState.ACTIVE:
            raise NotAllowed(SESSION_OVER)
        if session.network != self._network_of("") and not network_of(visitor.address):
            raise Unavailable(NOWHERE)
        if not self._at_home(session, visitor):
            self._stolen(session, user, visitor)
            raise NotAllowed(SESSION_OVER)
        if not visitor.background and now_ms - session.seen_ms >= min(SEEN_EVERY_MS, session.idle_ms // 20):
            with suppress(Unavailable), office.database.writing() as connection:  # the next request writes it down
                doorway.saw_session(connection, session.id, now_ms)
        return Caller(
            user.login,
            CallerKind.PERSON,
            frozenset({Scope.SELF}) if session.pending else held | {Scope.SELF},
            frozenset(user.branches),
            frozenset(user.queues),
            session.id,
            visitor.address,
            session.authenticated_ms,
        )

    def caller_of_key(self, key: KeyId, scope: Scope, address: str = "") -> Caller:
        """The caller behind a key that has the scope.

        Raises NotAllowed (403) when it is an act of a person, there are users, and the key does not stand for one who may.
        """
        with self._office.database.reading() as connection:
            if not people.count_users(connection):
                return caller_of_key(key, address)
            user = people.user_of_login(connection, key.name)
            if user is not None and user.state is not UserState.ACTIVE:
                user = None
            now_ms = self._office.clock.now_ms()
            held = people.holding_of(connection, user.id, now_ms).scopes if user else frozenset()
        if scope not in MACHINE and scope not in held:
            raise NotAllowed(
                f"{scope.value} is an act of a person: API key {key.id} has to bear the login of an active user who has it",
                known=True,
            )
        scopes = key.scopes & (held | MACHINE)
        if user is None:
            return replace(caller_of_key(key, address), scopes=scopes)
        branches, queues = frozenset(user.branches), frozenset(user.queues)
        return Caller(user.login, CallerKind.KEY, scopes, branches, queues, address=address)

    def names_of(self, login: str) -> frozenset[str]:
        """Every login that counts as the same pair of eyes: the person's own, and those of whoever lent this one a role."""
        with self._office.database.reading() as connection:
            user = people.user_of_login(connection, login)
            if user is None:
                return frozenset({login})
            held = people.holding_of(connection, user.id, self._office.clock.now_ms())
            owners = [people.user_of_id(connection, owner) for _, owner in sorted(held.lent)]
        return frozenset({login, *(owner.login for owner in owners if owner is not None)})

    def may(self, login: str, scope: Scope, branch: str, queue: str) -> bool:
        """Whether a person has the scope now for objects of this branch and queue; everybody while there are no users."""
        with self._office.database.reading() as connection:
            user = people.user_of_login(connection, login)
            if user is None:
                return not people.count_users(connection)
            held = people.holding_of(connection, user.id, self._office.clock.now_ms()).scopes
        seen = Caller(login, CallerKind.PERSON, held, frozenset(user.branches), frozenset(user.queues))
        return user.state is UserState.ACTIVE and scope in held and seen.may_see(branch, queue)

    def who_may(self, scope: Scope, branch: str = "", queue: str = "") -> list[str]:
        """Logins of those who have the scope now for objects of this branch and queue, "" = of any; by name."""
        roles = [role for role, post in ROLES.items() if scope in post.scopes]
        now_ms = self._office.clock.now_ms()
        with self._office.database.reading() as connection:
            held = [
                (user, people.holding_of(connection, user.id, now_ms).scopes)
                for user in people.granted(connection, roles, now_ms)
            ]
        return [
            user.login
            for user, scopes in held
            if scope in scopes and _covers(user.branches, branch) and _covers(user.queues, queue)
        ]

    def _at_home(self, session: Session, visitor: Visitor) -> bool:
        """Whether the request comes from the network and program that the session was opened with."""
        agent = self._office.secrets.mark("agent", visitor.agent)
        return self._network_of(visitor.address) == session.network and agent == session.agent

    def _network_of(self, address: str) -> str:
        return self._office.secrets.mark("network", network_of(address))

    def _stolen(self, session: Session, user: User, visitor: Visitor) -> None:
        """End a session that turned up elsewhere, and say so."""
        office = self._office
        now_ms = office.clock.now_ms()
        with office.writing() as connection:
            doorway.end_sessions(connection, user.id, now_ms, "used from elsewhere", only=session.id)
            doorway.raise_alarm(connection, Alarm(now_ms, "theft", user.login, visitor.address), MINUTE_MS)
        office.tell("alarm.theft", user.login, f"session:{session.id}", address=visitor.address, session=session.id)


def _covers(places: Collection[str], place: str) -> bool:
    return not place or place in places or frozenset(places) >= EVERYTHING
