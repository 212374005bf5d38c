"""The bank's own sign-on by OpenID Connect: authorization code with PKCE (RFC 7636), ID token checked (OIDC Core 3.1.3.7)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httpx
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tarim.base.errors import DefinitionError, NotAllowed, Unavailable

SCOPE: Final = "openid profile"
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures that are taken; neither `none` nor a shared secret is one."""
TIMEOUT_S: Final = 10.0
ANSWER_BYTES_MAX: Final = 1 << 20
_KEPT_S: Final = 3_600.0
_LEEWAY_S: Final = 60
_REFUSED: Final = "the sign-on of the other house was not right. 单点登录未通过。"


class OpenIdProvider:
    """One provider.  Blocks for the network.  Threads may share it."""

    def __init__(self, issuer: str, client: str, secret: str, return_url: str) -> None:
        """Raises DefinitionError for an issuer over plain HTTP that is not on this machine."""
        parts = urlsplit(issuer)
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise DefinitionError("openid_issuer begins with https://")
        self.issuer, self._client, self._secret, self._return_url = issuer.rstrip("/"), client, secret, return_url
        self._metadata: Mapping[str, Any] = {}
        self._keys: KeySet | None = None
        self._fetched_s = -_KEPT_S

    def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        """Where to send the browser.  Raises Unavailable."""
        self._know()
        with self._oauth() as oauth:
            url, _ = oauth.create_authorization_url(
                self._metadata["authorization_endpoint"], state=state, code_verifier=verifier, nonce=nonce, max_age=0
            )
        return cast(str, url)

    def claims_of(self, code: str, verifier: str, nonce: str) -> Mapping[str, Any]:
        """What the provider says of the person, for a code.  Raises NotAllowed (401) for what does not check, Unavailable."""
        self._know()
        try:
            with self._oauth() as oauth:
                token = oauth.fetch_token(self._metadata["token_endpoint"], code=code, code_verifier=verifier)
            keys = self._keys
            assert keys is not None
            decoded = jwt.decode(str(token["id_token"]), keys, algorithms=list(ALGORITHMS))
            wanted = {
                "iss": {"essential": True, "value": self._metadata["issuer"]},
                "aud": {"essential": True, "value": self._client},
                "nonce": {"essential": True, "value": nonce},
                "sub": {"essential": True},
            }
            known = {"nonce": nonce, "client_id": self._client, "access_token": token.get("access_token", "")}
            claims = CodeIDToken(decoded.claims, decoded.header, wanted, known)
            claims.validate(now=int(time.time()), leeway=_LEEWAY_S)
        except httpx.HTTPError as error:
            raise Unavailable(f"the OpenID provider does not answer: {type(error).__name__}") from None
        except (JoseError, KeyError, ValueError, TypeError) as error:
            raise NotAllowed(_REFUSED) from error
        except Exception as error:  # Authlib's own errors have no common base that it promises
            if type(error).__module__.startswith("authlib."):
                raise NotAllowed(_REFUSED) from error
            raise
        return dict(claims)

    def _oauth(self) -> Any:
        return OAuth2Client(
            self._client, self._secret, scope=SCOPE, redirect_uri=self._return_url, code_challenge_method="S256",
            timeout=TIMEOUT_S, follow_redirects=False, trust_env=False,
        )  # fmt: skip

    def _know(self) -> None:
        """Read the provider's description and keys, once an hour.  Raises Unavailable."""
        now_s = time.monotonic()
        if now_s - self._fetched_s < _KEPT_S and self._keys is not None:
            return
        metadata = _read(f"{self.issuer}/.well-known/openid-configuration")
        if str(metadata.get("issuer", "")).rstrip("/") != self.issuer:
            raise Unavailable("the OpenID provider describes itself as another one")
        try:
            self._keys = KeySet.import_key_set(_read(str(metadata["jwks_uri"])))  # type: ignore[arg-type]
            self._metadata = {
                name: str(metadata[name]) for name in ("issuer", "authorization_endpoint", "token_endpoint")
            }
        except (JoseError, KeyError, ValueError) as error:
            raise Unavailable(f"the OpenID provider's description cannot be used: {type(error).__name__}") from None
        self._fetched_s = now_s


def _read(url: str) -> dict[str, Any]:
    """A JSON object.  Raises Unavailable."""
    try:
        answer = httpx.get(url, timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)
        answer.raise_for_status()
        if len(answer.content) > ANSWER_BYTES_MAX:
            raise Unavailable("the OpenID provider answers too much")
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise Unavailable(f"the OpenID provider does not answer: {type(error).__name__}") from None
    if not isinstance(found, dict):
        raise Unavailable("the OpenID provider does not answer with an object")
    return found
