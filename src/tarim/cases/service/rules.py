"""Who gets which cases, and which accounts lie in a ring: changes that are about all cases to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from tarim.base.errors import DefinitionError, TooLarge
from tarim.cases.acting import Means, refuse_when
from tarim.cases.domain.assignment import read_assignment
from tarim.cases.domain.four_eyes import require_second
from tarim.cases.domain.texts import checked_reason
from tarim.desk import Draft

PROPOSALS_MAX: Final = 20
RINGS_MAX: Final = 2_000
"""Accounts of one command."""
RING_CHARACTERS_MAX: Final = 64
_SUBJECT: Final = "assignment"


def propose_rules(means: Means, connection: Connection, text: str, reason: str) -> Sequence[Draft]:
    """Propose assignment rules.  Raises DefinitionError naming what is wrong with them."""
    read_assignment(text)
    refuse_when(
        means.reading.rules_proposed(connection) >= PROPOSALS_MAX, f"{PROPOSALS_MAX} proposals are open already"
    )
    return [Draft("cases.propose_rules", _SUBJECT, {"text": text, "reason": checked_reason(reason)})]


def decide_rules(
    means: Means, connection: Connection, person: str, number: int, version: str, agreed: bool, reason: str
) -> Sequence[Draft]:
    """Put proposed rules in force or not, as a second person.  version: of the text that was looked at."""
    found = means.reading.rules(connection, number)
    refuse_when(found.state != "proposed", f"proposal {number} is {found.state}")
    refuse_when(found.version != version, f"proposal {number} holds another text than what was looked at")
    require_second(person, {found.author}, means.people.names_of, "changing who gets cases")
    return [
        Draft("cases.decide_rules", str(number), {"rules": number, "agreed": agreed, "reason": checked_reason(reason)})
    ]


def set_rings(rings: Mapping[str, str]) -> Sequence[Draft]:
    """Say in which ring accounts lie, by token; "" takes one out.  Counts for alerts from now on."""
    if not 1 <= len(rings) <= RINGS_MAX:
        raise TooLarge(f"1 to {RINGS_MAX} accounts at a time")
    for account, ring in rings.items():
        if len(account) != 16 or any(each not in "0123456789abcdef" for each in account):
            raise DefinitionError("an account's token has 16 hexadecimal digits")
        if len(ring) > RING_CHARACTERS_MAX or not ring.isprintable() or "|" in ring:
            raise DefinitionError(f"a ring's name has at most {RING_CHARACTERS_MAX} printable characters and no |")
    return [Draft("cases.rings", "rings", {"rings": dict(rings)})]
