"""Identity of a data folder: its database, its secrets and its trail put together.

DATA/identity.db holds users, grants and sessions, unless they lie in PostgreSQL.  `tarim desk` opens it and makes it when it is
not there; `tarim serve` looks whether it is there, at the first call by a session or for an act of a person.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from tarim.audit import Entry, Result, plain, without_numbers
from tarim.base.errors import DefinitionError, UnknownKey
from tarim.base.instants import Clock
from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import Settings
from tarim.identity import (
    MIGRATIONS,
    Account,
    Administration,
    ArgonHasher,
    Caller,
    Directory,
    Granting,
    IdentityEvent,
    IdentitySettings,
    KeyedSecrets,
    KeyId,
    Office,
    Scope,
    SignIn,
    Visitor,
    caller_of_key,
)
from tarim.privacy import load_master_key
from tarim.records import Database

if TYPE_CHECKING:
    from tarim.identity import OpenId

DATABASE_FILE: Final = "identity.db"
_SECRET_BYTES_MAX: Final = 4_096


class AuditTrail:
    """Identity's events as entries of the audit trail."""

    def __init__(self, record: Callable[[Entry], object]) -> None:
        """record: writes an entry durably; `Store.record`, or a recorder's `submit` and its result."""
        self._record = record

    def record(self, event: IdentityEvent) -> None:
        """Write it.  Raises Unavailable."""
        self._record(
            Entry(
                event.at_ms,
                plain(event.who, 64),
                event.kind,
                event.act,
                plain(event.object, 160),
                plain(event.address, 64),
                event.session,
                plain(without_numbers(event.reason), 500),
                Result(event.result),
                event.detail,
            )
        )


@dataclass(frozen=True, slots=True)
class OpenIdentity:
    """Everything of identity, open.  Close it, or use it as a context."""

    office: Office
    sign_in: SignIn
    account: Account
    administration: Administration
    granting: Granting
    directory: Directory
    openid: OpenId | None

    @classmethod
    def open(
        cls,
        settings: Settings,
        places: Places,
        environment: Mapping[str, str],
        record: Callable[[Entry], object],
        clock: Clock | None = None,
    ) -> OpenIdentity:
        """Raises Unavailable, DefinitionError, NotFound (no master key), Conflict (a newer database)."""
        master = load_master_key(places.master_key, environment)
        office = Office(
            Database.open(database_url(settings.identity, places), [MIGRATIONS]),
            settings.identity,
            clock or SystemClock(),
            AuditTrail(record),
            ArgonHasher(settings.identity),
            KeyedSecrets(master.derive("identity")),
        )
        try:
            door = SignIn(office)
            openid = _openid(office, door) if settings.identity.openid_issuer else None
        except BaseException:
            office.database.close()
            raise
        return cls(office, door, Account(office), Administration(office), Granting(office), Directory(office), openid)

    def close(self) -> None:
        """Let go of the database."""
        self.office.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FoundIdentity:
    """The directory of a data folder, where there may be no users yet; opened when first needed.  Threads may share it."""

    def __init__(self, settings: Settings, places: Places, open_it: Callable[[], OpenIdentity]) -> None:
        self._settings, self._places, self._open = settings.identity, places, open_it
        self._opened: OpenIdentity | None = None
        self._lock = threading.Lock()

    def caller_of_session(self, token: str, visitor: Visitor) -> Caller:
        """The person behind a session's token.  Raises UnknownKey, NotAllowed (401), Unavailable."""
        directory = self._directory()
        if directory is None:
            raise UnknownKey("there are no users yet, so no session is known")
        return directory.caller_of_session(token, visitor)

    def caller_of_key(self, key: KeyId, scope: Scope, address: str = "") -> Caller:
        """The caller behind a key that has the scope.  Raises NotAllowed (403), Unavailable."""
        directory = self._directory()
        return caller_of_key(key, address) if directory is None else directory.caller_of_key(key, scope, address)

    def close(self) -> None:
        """Let go of the database, if it was opened."""
        if self._opened is not None:
            self._opened.close()

    def _directory(self) -> Directory | None:
        if self._opened is None:
            if not self._settings.database_url and not (self._places.data / DATABASE_FILE).exists():
                return None
            with self._lock:
                if self._opened is None:
                    self._opened = self._open()
        return self._opened.directory


def database_url(settings: IdentitySettings, places: Places) -> str:
    """Where users and sessions lie."""
    return settings.database_url or f"sqlite:///{(places.data / DATABASE_FILE).absolute()}"


def _openid(office: Office, door: SignIn) -> OpenId:
    from tarim.identity import OpenId, OpenIdProvider  # a second of imports that only its users pay

    settings = office.settings
    try:
        with Path(settings.openid_secret_file).open("rb") as file:
            secret = file.read(_SECRET_BYTES_MAX).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise DefinitionError("identity.openid_secret_file does not name a file with a secret") from None
    provider = OpenIdProvider(settings.openid_issuer, settings.openid_client, secret, settings.openid_return_url)
    return OpenId(office, provider, door)
