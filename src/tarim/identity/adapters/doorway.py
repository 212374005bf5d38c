"""What stands at the door: failures, tries, bans, alarms, usual places and sessions, in the database."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from tarim.base.instants import DAY_MS, SECOND_MS
from tarim.identity.adapters.tables import ALARMS, BANS, FAILURES, SESSIONS, TRIES, USUAL
from tarim.identity.domain.lockout import Failures
from tarim.identity.domain.policy import IdentitySettings
from tarim.identity.domain.sessions import Pending, Session
from tarim.identity.domain.siege import RHYTHM_TRIES, Figures

KEPT_MS: Final = DAY_MS
"""Tries, and counters of logins that nobody has, are kept so long."""
SESSIONS_KEPT_MS: Final = 90 * DAY_MS
ALARMS_LISTED_MAX: Final = 500
USUAL_MAX: Final = 50
"""Networks, and devices, of one person that are remembered; the one not used for longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something about sign-in that somebody should look at.  login: of an account that exists, or ""."""

    at_ms: int
    kind: str
    login: str
    address: str


# ---- failures and tries --------------------------------------------------------------------------------------------


def failures_of(connection: Connection, subject: str) -> Failures:
    """The counter of a subject."""
    table = FAILURES.c
    wanted = select(table.count, table.first_ms, table.locked_until_ms, table.locks, table.total)
    row = connection.execute(wanted.where(FAILURES.c.subject == subject)).one_or_none()
    return Failures() if row is None else Failures(*row)


def keep_failures(connection: Connection, subject: str, user: str, failures: Failures, now_ms: int) -> None:
    """Keep the counter of a subject.  user: "" for a login that nobody has."""
    values = {
        "count": failures.count,
        "first_ms": failures.first_ms,
        "locked_until_ms": failures.locked_until_ms,
        "locks": failures.locks,
        "total": failures.total,
        "seen_ms": now_ms,
    }
    if not connection.execute(update(FAILURES).where(FAILURES.c.subject == subject).values(**values)).rowcount:
        connection.execute(insert(FAILURES).values(subject=subject, user=user, **values))


def clear_failures(connection: Connection, subject: str) -> None:
    """Begin anew for a subject, after a sign-in."""
    connection.execute(delete(FAILURES).where(FAILURES.c.subject == subject))


def unlock(connection: Connection, user: str) -> int:
    """Begin anew for a person, from every device; how many counters there were."""
    return connection.execute(delete(FAILURES).where(FAILURES.c.user == user)).rowcount


def locked_until(connection: Connection, user: str) -> int:
    """Until when a person is locked, from whatever device; 0 for not."""
    wanted = select(func.max(FAILURES.c.locked_until_ms)).where(FAILURES.c.user == user)
    return int(connection.execute(wanted).scalar_one_or_none() or 0)


def add_try(connection: Connection, login: str, address: str, now_ms: int) -> str:
    """Count a try as failed; its id, by which a right one is taken back."""
    connection.execute(delete(TRIES).where(TRIES.c.at_ms < now_ms - KEPT_MS))
    connection.execute(delete(FAILURES).where(FAILURES.c.user == "", FAILURES.c.seen_ms < now_ms - KEPT_MS))
    made = secrets.token_hex(16)
    connection.execute(insert(TRIES).values(id=made, at_ms=now_ms, login=login, address=address))
    return made


def take_back(connection: Connection, made: str) -> None:
    """A try was right."""
    connection.execute(delete(TRIES).where(TRIES.c.id == made))


def figures_of(connection: Connection, address: str, now_ms: int, settings: IdentitySettings) -> Figures:
    """Failures within the window, up to now."""
    since = TRIES.c.at_ms > now_ms - settings.address_window_s * SECOND_MS
    logins = func.count(TRIES.c.login.distinct())
    of_address = select(func.count(), logins).where(TRIES.c.address == address, since)
    failures, address_logins = connection.execute(of_address).one()
    everywhere = connection.execute(select(logins).where(since)).scalar_one()
    last = select(TRIES.c.at_ms).where(TRIES.c.address == address, since).order_by(TRIES.c.at_ms.desc())
    tries = list(connection.execute(last.limit(RHYTHM_TRIES)).scalars())
    return Figures(failures, address_logins, everywhere, tries[::-1])


def banned_until(connection: Connection, address: str) -> int:
    """Until when an address is banned, 0 for not at all."""
    return connection.execute(select(BANS.c.until_ms).where(BANS.c.address == address)).scalar_one_or_none() or 0


def ban(connection: Connection, address: str, until_ms: int, why: str, now_ms: int) -> None:
    """Ban an address."""
    connection.execute(delete(BANS).where((BANS.c.address == address) | (BANS.c.until_ms < now_ms)))
    connection.execute(insert(BANS).values(address=address, until_ms=until_ms, why=why))


def raise_alarm(connection: Connection, alarm: Alarm, again_ms: int) -> bool:
    """Keep an alarm; False when the same was raised less than `again_ms` milliseconds ago."""
    same = (ALARMS.c.kind == alarm.kind) & (ALARMS.c.login == alarm.login) & (ALARMS.c.address == alarm.address)
    wanted = select(func.count()).select_from(ALARMS).where(same, ALARMS.c.at_ms > alarm.at_ms - again_ms)
    if connection.execute(wanted).scalar_one():
        return False
    connection.execute(delete(ALARMS).where(ALARMS.c.at_ms < alarm.at_ms - SESSIONS_KEPT_MS))
    connection.execute(
        insert(ALARMS).values(
            id=secrets.token_hex(16), at_ms=alarm.at_ms, kind=alarm.kind, login=alarm.login, address=alarm.address
        )
    )
    return True


def alarms(connection: Connection, limit: int) -> list[Alarm]:
    """The newest alarms, newest first."""
    wanted = select(ALARMS.c.at_ms, ALARMS.c.kind, ALARMS.c.login, ALARMS.c.address).order_by(ALARMS.c.at_ms.desc())
    return [Alarm(*row) for row in connection.execute(wanted.limit(min(limit, ALARMS_LISTED_MAX)))]


# ---- usual places --------------------------------------------------------------------------------------------------


def usual(connection: Connection, user: str, kind: str, mark: str) -> bool:
    """Whether a person has signed in from a network or device before."""
    wanted = select(USUAL.c.times).where(USUAL.c.user == user, USUAL.c.kind == kind, USUAL.c.mark == mark)
    return connection.execute(wanted).scalar_one_or_none() is not None


def has_usual(connection: Connection, user: str) -> bool:
    """Whether a person has signed in before at all."""
    return (
        connection.execute(select(USUAL.c.times).where(USUAL.c.user == user).limit(1)).scalar_one_or_none() is not None
    )


def keep_usual(connection: Connection, user: str, kind: str, mark: str, now_ms: int) -> None:
    """One more sign-in from a network or device."""
    this = (USUAL.c.user == user) & (USUAL.c.kind == kind) & (USUAL.c.mark == mark)
    if not connection.execute(update(USUAL).where(this).values(seen_ms=now_ms, times=USUAL.c.times + 1)).rowcount:
        connection.execute(
            insert(USUAL).values(user=user, kind=kind, mark=mark, first_ms=now_ms, seen_ms=now_ms, times=1)
        )
        all_of_them = select(USUAL.c.mark).where(USUAL.c.user == user, USUAL.c.kind == kind)
        oldest = (
            connection.execute(all_of_them.order_by(USUAL.c.seen_ms.desc(), USUAL.c.mark).offset(USUAL_MAX))
            .scalars()
            .all()
        )
        if oldest:
            connection.execute(
                delete(USUAL).where(USUAL.c.user == user, USUAL.c.kind == kind, USUAL.c.mark.in_(oldest))
            )


def forget_usual(connection: Connection, user: str) -> None:
    """Every place is new again."""
    connection.execute(delete(USUAL).where(USUAL.c.user == user))


# ---- sessions ------------------------------------------------------------------------------------------------------


def _session(row: Row[Any]) -> Session:
    found = dict(row._mapping)
    del found["digest"]
    found["pending"] = tuple(Pending(each) for each in found["pending"])
    return Session(**found)


def add_session(connection: Connection, session: Session, digest: str, now_ms: int) -> None:
    """Keep a new session; those that ended long ago are forgotten."""
    connection.execute(delete(SESSIONS).where(SESSIONS.c.until_ms < now_ms - SESSIONS_KEPT_MS))
    values = {column.name: getattr(session, column.name, digest) for column in SESSIONS.columns}
    connection.execute(insert(SESSIONS).values(values))


def session_of_digest(connection: Connection, digest: str) -> Session | None:
    """The session of a token's digest."""
    row = connection.execute(select(SESSIONS).where(SESSIONS.c.digest == digest)).one_or_none()
    return None if row is None else _session(row)


def session_of_id(connection: Connection, session: str) -> Session | None:
    """The session of an id, ended or not."""
    row = connection.execute(select(SESSIONS).where(SESSIONS.c.id == session)).one_or_none()
    return None if row is None else _session(row)


def sessions_of(connection: Connection, user: str, now_ms: int) -> list[Session]:
    """Sessions of a person that can be used now, oldest first."""
    wanted = select(SESSIONS).where(SESSIONS.c.user == user, SESSIONS.c.ended_ms == 0, SESSIONS.c.until_ms > now_ms)
    found = [_session(row) for row in connection.execute(wanted.order_by(SESSIONS.c.created_ms, SESSIONS.c.id))]
    return [session for session in found if not session.over(now_ms)]


def change_session(connection: Connection, session: str, **changed: Any) -> None:
    """Change columns of a session."""
    connection.execute(update(SESSIONS).where(SESSIONS.c.id == session).values(**changed))


def saw_session(connection: Connection, session: str, now_ms: int) -> None:
    """A session was used at an instant; requests that waited do not set it back."""
    this = (SESSIONS.c.id == session) & (SESSIONS.c.seen_ms < now_ms)
    connection.execute(update(SESSIONS).where(this).values(seen_ms=now_ms))


def end_sessions(connection: Connection, user: str, now_ms: int, why: str, only: str = "", but: str = "") -> int:
    """End a person's sessions, or one of them, or all but one; how many ended."""
    chosen = (SESSIONS.c.user == user) & (SESSIONS.c.ended_ms == 0)
    if only:
        chosen &= SESSIONS.c.id == only
    if but:
        chosen &= SESSIONS.c.id != but
    return connection.execute(update(SESSIONS).where(chosen).values(ended_ms=now_ms, ended_why=why)).rowcount
