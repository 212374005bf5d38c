"""Who may call: API keys and their scopes.

`KeyRing.load(path, clock).check(presented, Scope.DECIDE)` names the key or raises NotAllowed.
"""

from tarim.identity.keys import ApiKey, KeyId, KeyRing, Scope, create_key, read_keys, revoke_key

__all__ = ["ApiKey", "KeyId", "KeyRing", "Scope", "create_key", "read_keys", "revoke_key"]
