"""The people of the demonstration: one account for every role, a second administrator and a second auditor, made as a bank
makes them.

The first two administrators are made at the machine; every right after that is proposed by one of them and approved by the
other one.  Everybody has one-time codes, an own password, and a session with which `tarim.cli._demo_hands` lets them work.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pyotp

from tarim.base.instants import DAY_MS, MINUTE_MS, SECOND_MS
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.identity import OpenIdentity
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import Settings
from tarim.identity import Caller, Change, ChangeKind, Role, SignedIn, Visitor

AGENT: Final = "tarim-demo"
"""Program and, with the address, home of the sessions that are made here."""
HOME: Final = Visitor("127.0.0.1", AGENT)
GRANT_DAYS: Final = 90
_BEGUN_MS: Final = 3 * MINUTE_MS
"""Accounts are made this long ago, so that a code typed now was not used yet, and their sessions are still fresh."""
_STEP_MS: Final = 30 * SECOND_MS
_HASH_KIB, _HASH_ROUNDS = 8, 1
"""A slow hash adds nothing to 96 random bits; the first sign-in hashes them anew at the cost of the settings."""
_ALPHABET: Final = "bcdfghjkmnpqrstvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Employee:
    """Somebody with an account.  secret: of the one-time codes; token: of a session from `HOME`."""

    login: str
    name: str
    name_en: str
    role: Role
    staff_number: str
    password: str = ""
    secret: str = ""
    token: str = ""

    def code(self) -> str:
        """The one-time code of this half minute."""
        return pyotp.TOTP(self.secret).now()


STAFF: Final = (
    Employee("he.fang", "何芳", "He Fang", Role.ADMINISTRATOR, "S1001"),
    Employee("lin.tao", "林涛", "Lin Tao", Role.ADMINISTRATOR, "S1002"),
    Employee("li.na", "李娜", "Li Na", Role.ANALYST, "S1003"),
    Employee("zhang.hao", "张浩", "Zhang Hao", Role.INVESTIGATOR, "S1004"),
    Employee("wang.wei", "王伟", "Wang Wei", Role.REVIEWER, "S1005"),
    Employee("chen.jing", "陈静", "Chen Jing", Role.MODEL_ENGINEER, "S1006"),
    Employee("liu.yang", "刘洋", "Liu Yang", Role.MODEL_APPROVER, "S1007"),
    Employee("sun.li", "孙丽", "Sun Li", Role.MARKETING_MANAGER, "S1008"),
    Employee("zhao.min", "赵敏", "Zhao Min", Role.OPERATOR, "S1009"),
    Employee("zhou.mei", "周梅", "Zhou Mei", Role.DATA_OFFICER, "S1010"),
    Employee("wu.qiang", "吴强", "Wu Qiang", Role.AUDITOR, "S1011"),
    Employee("zheng.lan", "郑兰", "Zheng Lan", Role.AUDITOR, "S1012"),
)
"""Everybody; the names are invented."""


def employ(
    settings: Settings, places: Places, environment: Mapping[str, str], staff: Sequence[Employee] = STAFF
) -> tuple[Employee, ...]:
    """Accounts for everybody, the two administrators first; with password, codes and session.

    Raises Conflict when the folder has administrators already, Unavailable.
    """
    settings = replace(
        settings, identity=replace(settings.identity, hash_memory_kib=_HASH_KIB, hash_rounds=_HASH_ROUNDS)
    )
    clock = _Earlier(SystemClock().now_ms() - _BEGUN_MS)
    with (
        OpenTrail.open(settings.audit, places, environment, clock) as trail,
        OpenIdentity.open(settings, places, environment, trail.store.record, clock) as identity,
    ):
        hiring = _Hiring(identity, clock)
        first = [
            hiring.settled(each, identity.administration.create_first(each.login, each.staff_number, each.name)[1])
            for each in staff[:2]
        ]
        clock.at_ms += _STEP_MS
        one, two = hiring.caller(first[0]), hiring.caller(first[1])
        others = []
        for each in staff[2:]:
            _, initial = identity.administration.create(one, each.login, each.staff_number, each.name)
            others.append(hiring.settled(each, initial))
            until_ms = clock.at_ms + GRANT_DAYS * DAY_MS
            hiring.agree(one, two, Change(ChangeKind.GRANT, each.login, each.role, until_ms))
            hiring.agree(one, two, Change(ChangeKind.REACH, each.login, branches=("*",), queues=("*",)))
        clock.at_ms += _STEP_MS
        return tuple(replace(each, token=hiring.signed(each).token) for each in (*first, *others))


class _Earlier:
    """A clock that stands until it is moved."""

    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms


class _Hiring:
    """The steps of a new person."""

    def __init__(self, identity: OpenIdentity, clock: _Earlier) -> None:
        self._identity, self._clock = identity, clock

    def settled(self, person: Employee, initial: str) -> Employee:
        """First sign-in with the initial password, one-time codes, an own password."""
        identity = self._identity
        signed = identity.sign_in.sign_in(person.login, initial, "", HOME)
        caller = identity.directory.caller_of_session(signed.token, HOME)
        setup = identity.account.begin_codes(caller)
        person = replace(person, secret=setup.secret, password=new_password())
        identity.account.confirm_codes(caller, setup.setup, self._code(person))
        identity.account.set_password(caller, initial, person.password)
        return person

    def signed(self, person: Employee) -> SignedIn:
        return self._identity.sign_in.sign_in(person.login, person.password, self._code(person), HOME)

    def caller(self, person: Employee) -> Caller:
        return self._identity.directory.caller_of_session(self.signed(person).token, HOME)

    def agree(self, one: Caller, two: Caller, change: Change) -> None:
        """One proposes, the other one approves."""
        proposal, _ = self._identity.granting.propose(one, change, "set up for the demonstration. 演示环境开户")
        self._identity.granting.approve(two, proposal.id, proposal.digest)

    def _code(self, person: Employee) -> str:
        return pyotp.TOTP(person.secret).at(self._clock.at_ms // SECOND_MS)


def new_password() -> str:
    """Five groups of four, 96 random bits, without letters like digits and without vowels: it holds nobody's name."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(5))
