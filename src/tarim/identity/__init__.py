"""Who may call: API keys and their scopes.

`KeyRing.load(path, clock).check(presented, Scope.DECIDE)` names the key or raises NotAllowed.
"""

from tarim.identity.callers import EVERYTHING, Caller, CallerKind, caller_of_key
from tarim.identity.keys import ApiKey, KeyId, KeyRing, Scope, create_key, read_keys, revoke_key
from tarim.identity.limits import Frequency, Strangers

__all__ = [
    "ApiKey",
    "Caller",
    "CallerKind",
    "EVERYTHING",
    "Frequency",
    "KeyId",
    "KeyRing",
    "Scope",
    "Strangers",
    "caller_of_key",
    "create_key",
    "read_keys",
    "revoke_key",
]
