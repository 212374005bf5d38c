"""What every part of identity works with, and small things they share."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection

from tarim.base.instants import HOUR_MS, MINUTE_MS, Clock
from tarim.identity.callers import Caller
from tarim.identity.domain.policy import IdentitySettings
from tarim.identity.domain.sessions import TOKEN_PREFIX
from tarim.identity.domain.users import User
from tarim.identity.ports import Hasher, IdentityEvent, Secrets, Trail
from tarim.records import Database

TOKEN_BYTES: Final = 32
LOCAL: Final = "command line"
"""Who acts at the machine itself, as the trail names it."""
_LOCK: Final = "identity"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a request comes from.  agent: its User-Agent.  device: what the device was given at an earlier sign-in, or "".

    background: a page asks by itself, nobody did anything: it does not keep a session from becoming idle.
    """

    address: str = ""
    agent: str = ""
    device: str = ""
    background: bool = False


@dataclass(frozen=True, slots=True)
class Office:
    """The parts.  Threads may share it."""

    database: Database
    settings: IdentitySettings
    clock: Clock
    trail: Trail
    hasher: Hasher
    secrets: Secrets

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction, one at a time whatever the database."""
        with self.database.writing() as connection:
            self.database.lock(connection, _LOCK)
            yield connection

    def idle_ms(self, user: User) -> int:
        """How long this person's sessions may be idle: the shorter of the policy's and the person's own limit."""
        own = user.idle_min * MINUTE_MS
        return min(own, self.settings.idle_ms) if own else self.settings.idle_ms

    def session_ms(self, user: User) -> int:
        """How long this person's sessions may last at most."""
        own = user.session_h * HOUR_MS
        return min(own, self.settings.session_ms) if own else self.settings.session_ms

    def tell(
        self,
        act: str,
        who: str,
        what: str = "",
        caller: Caller | None = None,
        *,
        address: str = "",
        session: str = "",
        reason: str = "",
        result: str = "done",
        **detail: str | int,
    ) -> None:
        """Tell the trail, once what was done is kept.  who: a login, `LOCAL`, or "".  what: `kind:id`."""
        if caller is not None:
            address, session = caller.address, caller.session
        kind = "local" if who == LOCAL else "person" if who else "nobody"
        self.trail.record(
            IdentityEvent(
                self.clock.now_ms(), who, kind, f"identity.{act}", what, address, session, reason, result, detail
            )
        )


def new_token(prefix: str = TOKEN_PREFIX) -> str:
    """256 random bits as text, after a prefix that says what it is."""
    return prefix + base64.urlsafe_b64encode(secrets.token_bytes(TOKEN_BYTES)).rstrip(b"=").decode()


def new_id() -> str:
    """64 random bits as 16 hex digits."""
    return secrets.token_hex(8)


def digest_of(token: str) -> str:
    """What is kept of a random token: SHA-256, hex.  256 random bits need no slow hash."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()
