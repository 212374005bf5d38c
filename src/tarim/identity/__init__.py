"""Who may call: API keys of services, and persons with accounts, roles and sessions.

    KeyRing.load(path, clock).check(presented, Scope.DECIDE)     names a key or raises NotAllowed
    Directory(office).caller_of_session(token, visitor)          the person behind a session, with what is allowed right now

`domain/roles.py` is the matrix of roles and scopes.  An `Office` holds what all parts work with: `SignIn` (the door), `Account`
(what persons do with their own), `Administration` (what one administrator does), `Granting` (what takes two) and `Directory`
(who is this?).
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.identity.account import Account, Setup
    from tarim.identity.adapters.doorway import Alarm
    from tarim.identity.adapters.openid import OpenIdProvider
    from tarim.identity.adapters.secrets import ArgonHasher, KeyedSecrets
    from tarim.identity.adapters.tables import MIGRATIONS
    from tarim.identity.administration import Administration, Record
    from tarim.identity.callers import EVERYTHING, Caller, CallerKind, caller_of_key
    from tarim.identity.directory import Directory
    from tarim.identity.domain.changes import Change, ChangeKind
    from tarim.identity.domain.lockout import FOR_GOOD
    from tarim.identity.domain.phrases import WORDS
    from tarim.identity.domain.policy import IdentitySettings, parts
    from tarim.identity.domain.roles import CONFLICTS, MACHINE, ROLES, SERVICES, Role, scopes_of
    from tarim.identity.domain.sessions import TOKEN_PREFIX, Pending, Session
    from tarim.identity.domain.siege import TEXTS as ALARM_TEXTS
    from tarim.identity.domain.users import Grant, User, UserState
    from tarim.identity.granting import Granting
    from tarim.identity.keys import ApiKey, KeyId, KeyRing, Scope, create_key, read_keys, revoke_key
    from tarim.identity.limits import Frequency, Strangers
    from tarim.identity.office import Office, Visitor
    from tarim.identity.openid import OpenId
    from tarim.identity.ports import IdentityEvent, Trail
    from tarim.identity.signing_in import SignedIn, SignIn, Start
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "ALARM_TEXTS",
    "Account",
    "Administration",
    "Alarm",
    "ApiKey",
    "ArgonHasher",
    "CONFLICTS",
    "Caller",
    "CallerKind",
    "Change",
    "ChangeKind",
    "Directory",
    "EVERYTHING",
    "FOR_GOOD",
    "Frequency",
    "Grant",
    "Granting",
    "IdentityEvent",
    "IdentitySettings",
    "KeyId",
    "KeyRing",
    "KeyedSecrets",
    "MACHINE",
    "MIGRATIONS",
    "Office",
    "OpenId",
    "OpenIdProvider",
    "Pending",
    "ROLES",
    "Record",
    "SERVICES",
    "Role",
    "Scope",
    "Session",
    "Setup",
    "SignIn",
    "SignedIn",
    "Start",
    "Strangers",
    "TOKEN_PREFIX",
    "Trail",
    "User",
    "UserState",
    "Visitor",
    "WORDS",
    "caller_of_key",
    "create_key",
    "parts",
    "read_keys",
    "revoke_key",
    "scopes_of",
]
