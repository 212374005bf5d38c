"""Identity on a database of its own, with a clock that is moved by hand, and persons who have set everything up."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pyotp

from tarim.base.instants import DAY_MS, MINUTE_MS, SECOND_MS
from tarim.identity import (
    MIGRATIONS,
    Account,
    Administration,
    ArgonHasher,
    Caller,
    Change,
    ChangeKind,
    Directory,
    IdentityEvent,
    IdentitySettings,
    KeyedSecrets,
    Office,
    Role,
    SignedIn,
    SignIn,
    Visitor,
)
from tarim.records import Database, DatabaseLimits

QUICK = {"hash_memory_kib": 8, "hash_rounds": 1}
"""Argon2id as cheap as it gets: tests are about rules, not about cost."""
PASSWORD = "Granit-Fluss-88-Kiesel"
ANOTHER = "Basalt/Ufer/31/Moosbank"
OFFICE = Visitor("10.1.2.3", "browser")
AWAY = Visitor("203.0.113.9", "browser")
START_MS = 1_790_000_000_000


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at_ms = START_MS

    def now_ms(self) -> int:
        return self.at_ms

    def move(self, *, minutes: float = 0, days: float = 0, seconds: float = 0) -> None:
        self.at_ms += int(minutes * MINUTE_MS + days * DAY_MS + seconds * SECOND_MS)


class ListTrail:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[IdentityEvent] = []

    def record(self, event: IdentityEvent) -> None:
        self.events.append(event)

    def acts(self) -> list[str]:
        return [event.act for event in self.events]


@dataclass
class Person:
    """Somebody with an account."""

    login: str
    password: str = PASSWORD
    secret: str = ""
    device: str = ""
    recovery: list[str] = field(default_factory=list)


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


class House:
    """Everything of identity."""

    def __init__(self, url: str, **settings: object) -> None:
        self.clock, self.trail = HandClock(), ListTrail()
        self.settings = IdentitySettings(**(QUICK | settings))  # type: ignore[arg-type]
        database = Database.open(url, [MIGRATIONS], DatabaseLimits(durable=False))
        if database.kind == "sqlite":
            database.engine.update_execution_options(compiled_cache=_COMPILED)
        self.office = Office(
            database,
            self.settings,
            self.clock,
            self.trail,
            ArgonHasher(self.settings),
            KeyedSecrets(b"k" * 32),
        )
        self.door, self.account = SignIn(self.office), Account(self.office)
        self.administration, self.directory = Administration(self.office), Directory(self.office)
        self._staff = 100
        self._administrators: tuple[Person, Person] | None = None

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

    def code(self, person: Person, *, later: bool = True) -> str:
        """A code that was not used yet: of the next time step."""
        if later:
            self.clock.move(seconds=30)
        return pyotp.TOTP(person.secret).at(self.clock.now_ms() // 1000)

    def signed(self, person: Person, visitor: Visitor = OFFICE, code: str | None = None) -> SignedIn:
        """Signed in."""
        visitor = Visitor(visitor.address, visitor.agent, person.device)
        signed = self.door.sign_in(person.login, person.password, self.code(person) if code is None else code, visitor)
        person.device = signed.device or person.device
        return signed

    def caller(self, person: Person, visitor: Visitor = OFFICE) -> Caller:
        """As the door finds the person after a sign-in."""
        return self.directory.caller_of_session(self.signed(person, visitor).token, visitor)

    def settle(self, login: str, initial: str, password: str = PASSWORD) -> Person:
        """First sign-in, one-time codes and an own password."""
        person = Person(login, initial)
        signed = self.signed(person, code="")
        caller = self.directory.caller_of_session(signed.token, OFFICE)
        setup = self.account.begin_codes(caller)
        person.secret = setup.secret
        person.recovery = self.account.confirm_codes(caller, setup.setup, self.code(person))
        self.account.set_password(caller, initial, password)
        person.password = password
        return person

    def administrators(self) -> tuple[Person, Person]:
        """The first two, ready to work."""
        if self._administrators is not None:
            return self._administrators
        found = []
        for login in ("adam", "beth"):
            _, initial = self.administration.create_first(login, self.staff(), login.title())
            found.append(self.settle(login, initial))
        return found[0], found[1]

    def staff(self) -> str:
        """A new staff number."""
        self._staff += 1
        return f"S{self._staff}"

    def agreed(self, admins: tuple[Person, Person], change: Change) -> str:
        """A change, by two; an initial password for a reset."""
        proposal, _ = self.administration.propose(self.caller(admins[0]), change, "test")
        return self.administration.approve(self.caller(admins[1]), proposal.id, proposal.digest)[2]

    def grant(self, admins: tuple[Person, Person], login: str, role: Role, days: int = 30, lent_by: str = "") -> None:
        until_ms = self.clock.now_ms() + days * DAY_MS
        self.agreed(admins, Change(ChangeKind.GRANT, login, role, until_ms, lent_by))

    def person(self, admins: tuple[Person, Person], login: str, *roles: Role, reach: bool = True) -> Person:
        """A new person, ready to work, with these roles and everything in reach."""
        _, initial = self.administration.create(self.caller(admins[0]), login, self.staff(), login.title())
        person = self.settle(login, initial)
        for role in roles:
            self.grant(admins, login, role)
        if reach:
            self.agreed(admins, Change(ChangeKind.REACH, login, branches=("*",), queues=("*",)))
        return person
