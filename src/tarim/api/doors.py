"""Who asks: a service with an API key, or a person with a session.

    Authorization: Bearer KEY          an API key
    Authorization: Bearer ts_...       a session, of the command line and other programs
    Cookie: __Host-tarim=ts_...        a session, of a browser; only from a page of ours

Decisions take keys only and are checked without leaving the loop.  Everything else is looked up anew at every request, in a
thread: who was revoked a moment ago is refused now.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Protocol

from fastapi import Request

from tarim.api.network import Network
from tarim.base.errors import NotAllowed, UnknownKey
from tarim.identity import TOKEN_PREFIX, Caller, CallerKind, KeyId, Scope, Visitor, caller_of_key

COOKIE: Final = "__Host-tarim"
"""The session's cookie; the prefix makes browsers take it over HTTPS, for this host and all paths only (RFC 6265bis)."""
DEVICE_COOKIE: Final = "__Host-tarim-device"
AGENT_CHARACTERS_MAX: Final = 256
BACKGROUND_HEADER: Final = "tarim-background"
"""`1`: a page that stays open asks by itself; it can only make its own session end sooner."""
LOOKUP_THREADS: Final = 4
_BEARER: Final = b"bearer "
_HEADER_BYTES_MAX: Final = 512
_NEEDED: Final = "an API key or a session is needed: Authorization: Bearer ... 需要密钥或登录会话。"


class Keys(Protocol):
    """The register of API keys; `tarim.identity.KeyRing` is one."""

    def check(self, presented: str, scope: Scope) -> KeyId:
        """The key, if it is valid and has the scope.  Raises NotAllowed."""

    def identify(self, presented: str) -> KeyId:
        """The key, if it is valid.  Raises NotAllowed."""


class Persons(Protocol):
    """The register of persons; blocks.  `tarim.identity.Directory` is one."""

    def caller_of_session(self, token: str, visitor: Visitor) -> Caller:
        """The person behind a session.  Raises NotAllowed (401)."""

    def caller_of_key(self, key: KeyId, scope: Scope, address: str = "") -> Caller:
        """The caller behind a key.  Raises NotAllowed (403)."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who was let in.  id: of the session or key; token: the session's, as it was shown; visitor: where from."""

    caller: Caller
    id: str = ""
    token: str = field(default="", repr=False)
    visitor: Visitor = field(default_factory=Visitor, repr=False)


class Door:
    """Checks who asks."""

    def __init__(self, keys: Keys, persons: Persons | None = None, network: Network | None = None) -> None:
        """persons: None where nobody can sign in."""
        self._keys, self._persons, self.network = keys, persons, network or Network()
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, "door") if persons is not None else None

    def check(self, presented: str, scope: Scope) -> KeyId:
        """The key that is shown ("" for none), if it may.

        Raises NotAllowed (401 without a valid key, 403 without the scope).
        """
        if not presented:
            raise NotAllowed(_NEEDED)
        return self._keys.check(presented, scope)

    async def admit(self, request: Request, scope: Scope) -> Admitted:
        """Who asks, if they have the scope.  Raises NotAllowed: 401 for nobody known, 403 without the scope."""
        visitor = visitor_of(request)
        token = _session_of(request)
        if token:
            if not request.headers.get("authorization"):
                headers = request.headers
                self.network.check_page(request.method, headers.get("origin", ""), headers.get("sec-fetch-site", ""))
            if self._persons is None:
                raise UnknownKey("this service knows no sessions")
            caller = await self._looked_up(self._persons.caller_of_session, token, visitor)
            caller.require(scope)
            return Admitted(caller, caller.session, token, visitor)
        key = self.check(presented_in(_authorization(request)), scope)
        if self._persons is None:
            return Admitted(caller_of_key(key, visitor.address), key.id, "", visitor)
        return Admitted(
            await self._looked_up(self._persons.caller_of_key, key, scope, visitor.address), key.id, "", visitor
        )

    def anybody(self, request: Request) -> Admitted:
        """Whoever asks, for a route that is open to all: nobody, with no scope.

        A page of somebody else may not sign its visitor in under an account of its own choosing.  Raises NotAllowed (403).
        """
        origin = request.headers.get("origin", "")
        if request.method != "GET" and origin:
            self.network.check_page(request.method, origin, request.headers.get("sec-fetch-site", ""))
        visitor = visitor_of(request)
        nobody = Caller("", CallerKind.PERSON, frozenset(), address=visitor.address)
        return Admitted(nobody, "", _session_of(request), visitor)

    async def name_of(self, request: Request) -> tuple[str, str]:
        """(name, kind) of who asks, whatever they may; ("", "nobody") for nobody known."""
        token = _session_of(request)
        try:
            if not token:
                presented = presented_in(_authorization(request))
                return (self._keys.identify(presented).name, "key") if presented else ("", "nobody")
            if self._persons is not None:
                caller = await self._looked_up(self._persons.caller_of_session, token, visitor_of(request))
                return caller.name, "person"
        except NotAllowed:
            pass
        return "", "nobody"

    async def _looked_up(self, look: object, *arguments: object) -> Caller:
        assert self._threads is not None and callable(look)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look, *arguments)
        assert isinstance(found, Caller)
        return found


def visitor_of(request: Request) -> Visitor:
    """Where a request comes from."""
    return Visitor(
        request.client.host if request.client else "",
        request.headers.get("user-agent", "")[:AGENT_CHARACTERS_MAX],
        request.cookies.get(DEVICE_COOKIE, ""),
        request.headers.get(BACKGROUND_HEADER) == "1",
    )


def _session_of(request: Request) -> str:
    """The session's token that is shown, "" for none; a key in the header is stronger than a cookie."""
    authorization = _authorization(request)
    if authorization is None:
        return request.cookies.get(COOKIE, "")
    presented = presented_in(authorization)
    return presented if presented.startswith(TOKEN_PREFIX) else ""


def _authorization(request: Request) -> bytes | None:
    header = request.headers.get("authorization")
    return None if header is None else header.encode("latin-1")


def presented_in(authorization: bytes | None) -> str:
    """The key or token that a header `Authorization` shows, "" for none."""
    if (
        authorization is None
        or len(authorization) > _HEADER_BYTES_MAX
        or authorization[: len(_BEARER)].lower() != _BEARER
    ):
        return ""
    return authorization[len(_BEARER) :].strip().decode("latin-1")
