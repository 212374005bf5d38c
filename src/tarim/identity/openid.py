"""Sign-on by another house: begun here, done there, ended here by the same browser, once.

An account is never made by it.  The first sign-on links the person there (issuer and subject) to the account whose login the
provider names; from then on only that person comes in by this way.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

import msgspec
from sqlalchemy import delete, insert, select

from tarim.base.errors import FieldError, NotAllowed
from tarim.base.instants import MINUTE_MS
from tarim.identity.adapters import people
from tarim.identity.adapters.openid import OpenIdProvider
from tarim.identity.adapters.tables import FLOWS
from tarim.identity.domain.users import User, UserState, login_of
from tarim.identity.office import Office, Visitor, digest_of, new_token
from tarim.identity.signing_in import SignedIn, SignIn

FLOW_MS: Final = 10 * MINUTE_MS
BROWSER_PREFIX: Final = "tf_"
_WORD_CHARACTERS_MAX: Final = 2_048
_FACTORS: Final = frozenset({"mfa", "otp", "hwk", "swk", "sms"})
_REFUSED: Final = "the sign-on of the other house was not right. 单点登录未通过。"


class OpenId:
    """Sign-on by one provider.  Blocks for the network and the database.  Threads may share it."""

    def __init__(self, office: Office, provider: OpenIdProvider, door: SignIn) -> None:
        self._office, self._provider, self._door = office, provider, door

    def begin(self) -> tuple[str, str]:
        """(where to send the browser, a word that this browser has to show at the end).  Raises Unavailable."""
        office = self._office
        state, nonce, verifier, browser = new_token(""), new_token(""), new_token(""), new_token(BROWSER_PREFIX)
        url = self._provider.authorization_url(state, nonce, verifier)
        now_ms = office.clock.now_ms()
        secret = office.secrets.seal(msgspec.json.encode([nonce, verifier]), digest_of(state))
        with office.writing() as connection:
            connection.execute(delete(FLOWS).where(FLOWS.c.started_ms < now_ms - FLOW_MS))
            connection.execute(
                insert(FLOWS).values(
                    state=digest_of(state), browser=digest_of(browser), secret=secret, started_ms=now_ms
                )
            )
        return url, browser

    def finish(self, state: str, code: str, browser: str, visitor: Visitor) -> SignedIn:
        """A session for whom the provider has signed on.

        Raises NotAllowed (401): not begun here or by another browser, done before, too late, not an account of ours.
        """
        office = self._office
        if max(len(state), len(code), len(browser)) > _WORD_CHARACTERS_MAX:
            raise NotAllowed(_REFUSED)
        with office.writing() as connection:
            flow = connection.execute(select(FLOWS).where(FLOWS.c.state == digest_of(state))).one_or_none()
            connection.execute(delete(FLOWS).where(FLOWS.c.state == digest_of(state)))
        late = flow is not None and office.clock.now_ms() - flow.started_ms > FLOW_MS
        if flow is None or late or not hmac.compare_digest(flow.browser, digest_of(browser)):
            raise self._refused(visitor, "not begun by this browser")
        nonce, verifier = msgspec.json.decode(office.secrets.open(flow.secret, digest_of(state)), type=tuple[str, str])
        try:
            claims = self._provider.claims_of(code, verifier, nonce)
        except NotAllowed:
            raise self._refused(visitor, "the provider's answer does not check") from None
        user = self._account(claims)
        if user is None:
            raise self._refused(visitor, "no account")
        spoken = claims.get("amr") or []
        factor = office.settings.openid_second_factor == "provider" and bool(_FACTORS & set(map(str, spoken)))
        return self._door.admit(user, visitor, provider_factor=factor)

    def _account(self, claims: Any) -> User | None:
        """The active account that the provider's person is linked to, or is linked to now."""
        office = self._office
        subject = office.secrets.mark("openid", self._provider.issuer, str(claims["sub"]))
        try:
            login = login_of(str(claims.get(office.settings.openid_login_claim, "")))
        except FieldError:
            login = ""
        with office.writing() as connection:
            user = people.user_of_openid(connection, subject)
            if user is None and login:
                named = people.user_of_login(connection, login)
                if named is not None and named.openid_subject is None and named.state is UserState.ACTIVE:
                    people.change_user(connection, named.id, openid_subject=subject)
                    user = named
        return user if user is not None and user.state is UserState.ACTIVE else None

    def _refused(self, visitor: Visitor, why: str) -> NotAllowed:
        """What to raise, once it is told."""
        self._office.tell("sign-in", "", address=visitor.address, result="refused", way="openid", why=why)
        return NotAllowed(_REFUSED)
