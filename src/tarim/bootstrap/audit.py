"""The audit trail of a data folder: its database, its anchors, its keys; and local work that is done in somebody's name.

DATA/audit.db and DATA/anchors/ unless settings say otherwise.  The folder of anchors belongs where who administers the
database cannot write.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from tarim.audit import (
    INTENT,
    MIGRATIONS,
    AnchorFile,
    Entry,
    Exports,
    Keeper,
    Objects,
    Recorder,
    Result,
    Store,
    plain,
    without_numbers,
)
from tarim.base.errors import TarimError, Unrecorded
from tarim.base.instants import Clock
from tarim.bootstrap.audit_settings import AuditSettings
from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.operators import KEY_VARIABLE
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import settings_of
from tarim.identity import KeyRing
from tarim.privacy import Signer, load_master_key
from tarim.records import Database

DATABASE_FILE: Final = "audit.db"
ANCHORS_FOLDER: Final = "anchors"


@dataclass(frozen=True, slots=True)
class OpenTrail:
    """Everything of one trail.  Close it, or use it as a context."""

    settings: AuditSettings
    store: Store
    keeper: Keeper
    exports: Exports
    objects: Objects
    clock: Clock

    @classmethod
    def open(
        cls, settings: AuditSettings, places: Places, environment: Mapping[str, str], clock: Clock | None = None
    ) -> OpenTrail:
        """Raises Unavailable, DefinitionError (URL), NotFound (no master key), Conflict (a newer database)."""
        clock = clock or SystemClock()
        master = load_master_key(places.master_key, environment)
        url = settings.database_url or f"sqlite:///{(places.data / DATABASE_FILE).absolute()}"
        folder = Path(settings.anchors_folder) if settings.anchors_folder else places.data / ANCHORS_FOLDER
        store = Store(Database.open(url, [MIGRATIONS]))
        keeper = Keeper(store, AnchorFile(folder), Signer.of(master), clock)
        return cls(settings, store, keeper, Exports(keeper, clock), Objects(master.derive("audit-objects")), clock)

    def recorder(self) -> Recorder:
        """A thread that writes; the caller closes it."""
        return Recorder(
            self.store,
            waiting_entries_max=self.settings.waiting_entries_max,
            group_entries_max=self.settings.group_entries_max,
        )

    def close(self) -> None:
        """Let go of the database."""
        self.store.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def recorded(
    places: Places,
    environment: Mapping[str, str],
    act: str,
    *,
    about: tuple[str, str] = ("", ""),
    reason: str = "",
) -> Iterator[LocalAct]:
    """Local work on a data folder, on the trail: that it begins, and how it went.

    Whose it is: the API key's in the environment, else the account's at the machine.  act: group and command, `models.train`.
    about: kind and id of the object.  Raises Unavailable when the beginning cannot be written (then nothing is done),
    Unrecorded when its result cannot.
    """
    with OpenTrail.open(settings_of(places.data, environment).audit, places, environment) as trail:
        local = LocalAct(*about)
        who, kind, session = _who(places, environment)

        def record(result: Result, name: str, detail: Mapping[str, str | int]) -> int:
            words = plain(without_numbers(reason), 500)
            return trail.store.record(
                Entry(trail.clock.now_ms(), plain(who, 64), kind, act, name, "local", session, words, result, detail)
            )

        def unproven() -> str:
            return trail.objects.unproven(local.kind, local.id) if local.id else ""

        intent = record(Result.INTENDED, unproven(), {})
        result, detail = Result.DONE, dict[str, str | int]({INTENT: intent})
        try:
            yield local
        except BaseException as error:
            refused = isinstance(error, TarimError) and error.http_status < 500
            result = Result.REFUSED if refused else Result.FAILED
            detail["code"] = getattr(error, "code", "internal")
            raise
        finally:
            name = trail.objects.known(local.kind, local.id) if local.id and result is Result.DONE else unproven()
            try:
                record(result, name, local.detail | detail)
            except TarimError as error:
                raise Unrecorded(f"{error.detail}: it was begun as entry {intent}; look before repeating it") from None


def _who(places: Places, environment: Mapping[str, str]) -> tuple[str, str, str]:
    """Name, kind and session of whoever is at the command line."""
    try:
        key = KeyRing.load(places.api_keys, SystemClock()).identify(environment.get(KEY_VARIABLE, ""))
        return key.name, "key", key.id
    except TarimError:
        return _account(), "local", ""


@dataclass(slots=True)
class LocalAct:
    """What local work is done to, set when it is known, and what else to say: few, small, never personal."""

    kind: str = ""
    id: str = ""
    detail: dict[str, str | int] = field(default_factory=dict)


def account(places: Places, environment: Mapping[str, str]) -> str:
    """The name of whoever is at the command line: of the API key in the environment, else of the account."""
    return _who(places, environment)[0]


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
