"""Identity on a database of its own, with a clock that is moved by hand, and persons who have set everything up."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.people_staff import OFFICE, PASSWORD, QUICK, HandClock, Person, Staff
from tarim.identity import (
    MIGRATIONS,
    ArgonHasher,
    IdentityEvent,
    IdentitySettings,
    KeyedSecrets,
    Office,
    Visitor,
)
from tarim.records import Database, DatabaseLimits

__all__ = ["ANOTHER", "AWAY", "OFFICE", "PASSWORD", "House", "Person"]

ANOTHER = "Basalt/Ufer/31/Moosbank"
AWAY = Visitor("203.0.113.9", "browser")
START_MS = 1_790_000_000_000


class ListTrail:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[IdentityEvent] = []

    def record(self, event: IdentityEvent) -> None:
        self.events.append(event)

    def acts(self) -> list[str]:
        return [event.act for event in self.events]


_COMPILED: dict[object, object] = {}
"""Statements compiled once for all databases of a run."""


@cache
def _ready() -> tuple[bytes, tuple[Person, Person], int]:
    """(a database with two administrators, these, the clock)."""
    with TemporaryDirectory() as folder:
        house = House.empty(Path(folder))
        administrators = house.administrators()
        house.close()
        return (Path(folder) / "identity.db").read_bytes(), administrators, house.clock.now_ms()


class House(Staff):
    """Everything of identity."""

    def __init__(self, url: str, **settings: object) -> None:
        clock, self.trail = HandClock(START_MS), ListTrail()
        self.settings = IdentitySettings(**(QUICK | settings))  # type: ignore[arg-type]
        database = Database.open(url, [MIGRATIONS], DatabaseLimits(durable=False))
        if database.kind == "sqlite":
            database.engine.update_execution_options(compiled_cache=_COMPILED)
        office = Office(
            database,
            self.settings,
            clock,
            self.trail,
            ArgonHasher(self.settings),
            KeyedSecrets(b"k" * 32),
        )
        super().__init__(office, clock)

    @classmethod
    def at(cls, folder: Path, **settings: object) -> House:
        """On SQLite, with the first two administrators ready to work, copied in place of made."""
        content, administrators, at_ms = _ready()
        if not (folder / "identity.db").exists():
            (folder / "identity.db").write_bytes(content)
        made = cls(f"sqlite:///{folder / 'identity.db'}", **settings)
        made._administrators, made.clock.at_ms, made._staff = deepcopy(administrators), at_ms, 200
        return made

    @classmethod
    def empty(cls, folder: Path, **settings: object) -> House:
        """On SQLite, with nobody."""
        return cls(f"sqlite:///{folder / 'identity.db'}", **settings)

    def close(self) -> None:
        self.office.database.close()
