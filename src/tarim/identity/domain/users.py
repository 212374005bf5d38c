"""A person with an account, and the grants that say what the person may do.

A login is plain ASCII, so no two look alike; a staff number is one person's, so nobody has two accounts and is their own
second pair of eyes.  Neither ever changes or is given to somebody else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tarim.base.errors import FieldError
from tarim.identity.domain.roles import Role, scopes_of
from tarim.identity.keys import Scope

LOGIN_CHARACTERS_MAX: Final = 32
NAME_CHARACTERS_MAX: Final = 64
STAFF_CHARACTERS_MAX: Final = 32
PLACES_MAX: Final = 200
_LOGIN: Final = re.compile(r"[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*")
_STAFF: Final = re.compile(r"[0-9A-Z][0-9A-Z-]{1,31}")
_PLACE: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")


class UserState(StrEnum):
    """Whether an account may be used."""

    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class User:
    """An account.  Secrets are hashed (`password`, Argon2id) or sealed (`totp`).

    Instants are milliseconds since the epoch, 0 for never.  initial_until_ms: until when an initial password may be used,
    0 once the person has set an own one.  totp_step: the last time step whose code was used.  idle_min, session_h: the
    person's own limits, 0 for the policy's.  branches, queues: whose objects the person sees, `("*",)` for all.
    """

    id: str
    login: str
    staff_number: str
    display_name: str
    state: UserState
    branches: tuple[str, ...]
    queues: tuple[str, ...]
    created_ms: int
    created_by: str
    password: str = ""
    password_ms: int = 0
    initial_until_ms: int = 0
    totp: str = ""
    totp_step: int = 0
    phrase: str = ""
    idle_min: int = 0
    session_h: int = 0
    openid_subject: str | None = None
    last_ms: int = 0
    last_address: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role of a person from `since_ms` to `until_ms`, unless ended before.

    for_user: the person whose role it lends, "" for one's own.  A lent role ends with that person's own.
    """

    id: str
    user: str
    role: Role
    since_ms: int
    until_ms: int
    for_user: str
    proposed_by: str
    approved_by: str
    reason: str
    ended_ms: int = 0
    ended_by: str = ""

    def holds(self, now_ms: int) -> bool:
        """Whether it counts at an instant."""
        return self.since_ms <= now_ms < self.until_ms and not self.ended_ms


@dataclass(frozen=True, slots=True)
class Holding:
    """The roles a person has at one instant.  own: by grants of the person's own; lent: (role, of whom)."""

    own: frozenset[Role]
    lent: frozenset[tuple[Role, str]] = frozenset()

    @property
    def roles(self) -> frozenset[Role]:
        return self.own | {role for role, _ in self.lent}

    @property
    def scopes(self) -> frozenset[Scope]:
        return scopes_of(self.roles)

    def stands_for(self, scope: Scope) -> frozenset[str]:
        """Ids of other persons in whose place this one would use the scope."""
        return frozenset(owner for role, owner in self.lent if scope in scopes_of([role]))


def holding(grants: Iterable[Grant], owned_by_others: frozenset[tuple[str, Role]], now_ms: int) -> Holding:
    """What a person's grants are worth now.

    owned_by_others: (user id, role) that persons who lent something hold themselves now; a lent role without one is none.
    """
    counting = [grant for grant in grants if grant.holds(now_ms)]
    return Holding(
        frozenset(grant.role for grant in counting if not grant.for_user),
        frozenset(
            (grant.role, grant.for_user)
            for grant in counting
            if grant.for_user and (grant.for_user, grant.role) in owned_by_others
        ),
    )


def login_of(text: str) -> str:
    """The login as it is kept: compatibility forms and capitals are the same.  Raises FieldError for what is none."""
    login = unicodedata.normalize("NFKC", text).strip().lower()
    if len(login) > LOGIN_CHARACTERS_MAX or not _LOGIN.fullmatch(login):
        raise FieldError("login", f"must be letters a-z, digits and single . _ - between, up to {LOGIN_CHARACTERS_MAX}")
    return login


def staff_number_of(text: str) -> str:
    """The staff number as it is kept; leading zeros count.  Raises FieldError."""
    number = unicodedata.normalize("NFKC", text).strip().upper().replace(" ", "")
    if not _STAFF.fullmatch(number):
        raise FieldError("staff_number", f"must be 2 to {STAFF_CHARACTERS_MAX} letters, digits and -")
    return number


def display_name_of(text: str) -> str:
    """The name as it is shown.  Raises FieldError for control and invisible characters."""
    name = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX or not name.isprintable():
        raise FieldError("display_name", f"must be 1 to {NAME_CHARACTERS_MAX} printable characters")
    return name


def places_of(field: str, names: Iterable[str]) -> tuple[str, ...]:
    """Branches or queues, in order and each once; `*` for all stands alone.  Raises FieldError."""
    found = tuple(sorted(set(names)))
    if found == ("*",):
        return found
    if len(found) > PLACES_MAX or not all(_PLACE.fullmatch(name) for name in found):
        raise FieldError(field, f"must be up to {PLACES_MAX} names of letters, digits and . _ -, or * alone")
    return found
