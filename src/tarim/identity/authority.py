"""What acts of administrators share: who may, of whom, and why."""

from __future__ import annotations

import secrets
from typing import Final

from sqlalchemy import Connection

from tarim.base.errors import DefinitionError, NotAllowed, NotFound
from tarim.base.four_eyes import NOTE_CHARACTERS_MAX
from tarim.identity.adapters import people
from tarim.identity.callers import Caller
from tarim.identity.domain.users import Holding, User, UserState, login_of
from tarim.identity.keys import Scope
from tarim.identity.office import Office

_INITIAL_CHARACTERS: Final = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that looks like another
_INITIAL_LENGTH: Final = 16


def authority(office: Office, connection: Connection, by: Caller, scope: Scope) -> frozenset[str]:
    """Ids of all whom the caller stands for with this scope, the caller included.  Raises NotAllowed (403).

    Asked of the tables as well as of the caller: a role that ended a moment ago is none, and a session in which
    something is still to be done lets nothing else be done.
    """
    by.require(scope)
    user = people.user_of_login(connection, by.name)
    held = people.holding_of(connection, user.id, office.clock.now_ms()) if user else Holding(frozenset())
    if user is None or user.state is not UserState.ACTIVE or scope not in held.scopes or not by.session:
        raise NotAllowed(f"{by.name} has no scope {scope.value} with a session of a person", known=True)
    return frozenset({user.id}) | held.stands_for(scope)


def require_recent(office: Office, by: Caller) -> None:
    """Nothing when the caller has proved who it is a moment ago.  Raises NotAllowed (403)."""
    by.require_recent(office.clock.now_ms(), office.settings.recent_ms)


def require_reason(reason: str) -> None:
    """Nothing for words that say why.  Raises DefinitionError."""
    if not reason.strip() or len(reason) > NOTE_CHARACTERS_MAX:
        raise DefinitionError(f"a reason has 1 to {NOTE_CHARACTERS_MAX} characters. 须填写事由。")


def found_user(connection: Connection, login: str) -> User:
    """The account of a login, however it is written.  Raises NotFound, FieldError."""
    user = people.user_of_login(connection, login_of(login))
    if user is None:
        raise NotFound("there is no such user. 没有该用户。")
    return user


def initial_password(office: Office) -> tuple[str, str]:
    """(an initial password, its hash)."""
    password = "".join(secrets.choice(_INITIAL_CHARACTERS) for _ in range(_INITIAL_LENGTH))
    return password, office.hasher.hash(password)
