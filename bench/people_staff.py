"""Persons with accounts, made as persons make them: first sign-in, codes, an own password, rights by two administrators.

The clock is moved by hand, because a code counts once in thirty seconds.  For benches over real processes it begins yesterday.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyotp

from tarim.base.instants import DAY_MS, MINUTE_MS, SECOND_MS
from tarim.bootstrap.identity import OpenIdentity
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import load_settings
from tarim.identity import (
    Account,
    Administration,
    Caller,
    Change,
    ChangeKind,
    Directory,
    Granting,
    Office,
    Role,
    SignedIn,
    SignIn,
    Visitor,
)

QUICK = {"hash_memory_kib": 8, "hash_rounds": 1}
"""Argon2id as cheap as it gets, where rules are tried and not cost."""
QUICK_SETTINGS = {f"TARIM_IDENTITY_{name.upper()}": str(value) for name, value in QUICK.items()}
PASSWORD = "Granit-Fluss-88-Kiesel"
OFFICE = Visitor("10.1.2.3", "browser")


class HandClock:
    """Stands still until it is moved."""

    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms

    def move(self, *, minutes: float = 0, days: float = 0, seconds: float = 0) -> None:
        self.at_ms += int(minutes * MINUTE_MS + days * DAY_MS + seconds * SECOND_MS)


@dataclass
class Person:
    """Somebody with an account."""

    login: str
    password: str = PASSWORD
    secret: str = ""
    device: str = ""
    recovery: list[str] = field(default_factory=list)


class Staff:
    """The people of a bank."""

    def __init__(self, office: Office, clock: HandClock) -> None:
        self.office, self.clock = office, clock
        self.door, self.account = SignIn(office), Account(office)
        self.administration, self.granting, self.directory = Administration(office), Granting(office), Directory(office)
        self._staff = 100
        self._administrators: tuple[Person, Person] | None = None

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
        self._administrators = found[0], found[1]
        return self._administrators

    def staff(self) -> str:
        """A new staff number."""
        self._staff += 1
        return f"S{self._staff}"

    def agreed(self, admins: tuple[Person, Person], change: Change) -> str:
        """A change, by two; an initial password for a reset."""
        proposal, _ = self.granting.propose(self.caller(admins[0]), change, "test")
        return self.granting.approve(self.caller(admins[1]), proposal.id, proposal.digest)[2]

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


@contextmanager
def staff_of(data: Path) -> Iterator[Staff]:
    """The people of a data folder, whose codes and passwords are set up as of yesterday."""
    clock = HandClock(time.time_ns() // 1_000_000 - DAY_MS)
    with OpenIdentity.open(load_settings(None, QUICK_SETTINGS), Places(data), {}, lambda _entry: 0, clock) as identity:
        yield Staff(identity.office, clock)
