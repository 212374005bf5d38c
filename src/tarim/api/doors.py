"""Who may ask: an API key in `Authorization: Bearer ...`, with a scope for each route."""

from __future__ import annotations

from typing import Final, Protocol

from tarim.base.errors import NotAllowed
from tarim.identity import KeyId, Scope

_BEARER: Final = b"bearer "
_HEADER_BYTES_MAX: Final = 512
_NEEDED: Final = "an API key is needed: Authorization: Bearer KEY"


class Keys(Protocol):
    """The register of API keys; `tarim.identity.KeyRing` is one."""

    def check(self, presented: str, scope: Scope) -> KeyId:
        """The key, if it is valid and has the scope.  Raises NotAllowed."""

    def identify(self, presented: str) -> KeyId:
        """The key, if it is valid.  Raises NotAllowed."""


class Door:
    """Checks the Authorization header."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def check(self, authorization: bytes | None, scope: Scope) -> KeyId:
        """The caller's key, if the caller may.  Raises NotAllowed (401 without a valid key, 403 without the scope)."""
        return self._keys.check(_presented(authorization), scope)

    def name_of(self, authorization: bytes | None) -> str:
        """The name on the caller's key, whatever it is for; "" without a valid one."""
        try:
            return self._keys.identify(_presented(authorization)).name
        except NotAllowed:
            return ""


def _presented(authorization: bytes | None) -> str:
    if (
        authorization is None
        or len(authorization) > _HEADER_BYTES_MAX
        or authorization[: len(_BEARER)].lower() != _BEARER
    ):
        raise NotAllowed(_NEEDED)
    return authorization[len(_BEARER) :].strip().decode("latin-1")
