"""What persons keep beside the work, opened: it lies where users lie (`identity.database_url`, else DATA/identity.db)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from tarim.base.instants import Clock
from tarim.bootstrap.identity import database_url
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import Settings
from tarim.records import Database, DatabaseLimits
from tarim.workspace import MIGRATIONS, Drafts, SavedViews

_LIMITS: Final = DatabaseLimits(connections_max=4)


@dataclass(frozen=True, slots=True)
class OpenWorkspace:
    """Everything of it, open.  Close it, or use it as a context."""

    drafts: Drafts
    views: SavedViews
    database: Database

    @classmethod
    def open(cls, settings: Settings, places: Places, clock: Clock) -> OpenWorkspace:
        """Raises Unavailable, DefinitionError (URL), Conflict (a newer database)."""
        database = Database.open(database_url(settings.identity, places), [MIGRATIONS], _LIMITS)
        return cls(Drafts(database, clock), SavedViews(database, clock), database)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
