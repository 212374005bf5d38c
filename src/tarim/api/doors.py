"""Who may ask: an API key in `Authorization: Bearer ...`, with a scope for each route."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final, Protocol

from tarim.base.errors import NotAllowed

DECIDE: Final = "decide"
READ: Final = "read"
METRICS: Final = "metrics"

REMEMBERED_MAX: Final = 1_024
REMEMBERED_S: Final = 2.0
"""A key that was revoked is refused after this time at the latest."""

_BEARER: Final = b"bearer "
_HEADER_BYTES_MAX: Final = 512


class Keys(Protocol):
    """The register of API keys."""

    def require(self, key: str, scope: str) -> object:
        """Nothing, if the key is valid and has the scope.  Raises NotAllowed."""


class Door:
    """Checks the Authorization header; an admitted header is remembered for a moment, a refused one is not."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._admitted: OrderedDict[tuple[bytes, str], float] = OrderedDict()

    def check(self, authorization: bytes | None, scope: str) -> None:
        """Nothing, if the caller may.  Raises NotAllowed (401 without a valid key, 403 without the scope)."""
        if authorization is None:
            raise NotAllowed("an API key is needed: Authorization: Bearer KEY")
        now = time.monotonic()
        if now < self._admitted.get((authorization, scope), 0.0):
            return
        if len(authorization) > _HEADER_BYTES_MAX or authorization[: len(_BEARER)].lower() != _BEARER:
            raise NotAllowed("an API key is needed: Authorization: Bearer KEY")
        try:
            key = authorization[len(_BEARER) :].strip().decode("ascii")
        except UnicodeDecodeError:
            raise NotAllowed("the API key is not valid") from None
        self._keys.require(key, scope)
        self._admitted[authorization, scope] = now + REMEMBERED_S
        if len(self._admitted) > REMEMBERED_MAX:
            self._admitted.popitem(last=False)
