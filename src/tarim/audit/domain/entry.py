"""One line of the trail: who did what to which object, when, from where, why, and how it went (SE-02, DS-38).

An entry never holds a personal value: objects are ids, reasons have their numbers taken out, and the detail is a few words
and counts that the code chooses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tarim.base.canonical import canonical_json
from tarim.base.errors import DefinitionError

CHARACTERS_MAX: Final[Mapping[str, int]] = {
    "who": 64,
    "kind": 16,
    "act": 64,
    "object": 160,
    "address": 64,
    "session": 64,
    "reason": 500,
}
DETAIL_ITEMS_MAX: Final = 16
DETAIL_CHARACTERS_MAX: Final = 128
KEEP_DAYS_LEAST: Final = 183
"""Six months: what article 21 of the Cybersecurity Law demands of network logs."""

_HIDDEN: Final = "[…]"
_NUMBERS: Final = re.compile(r"\+?\d(?:[\s\-–—()./]{0,2}\d){5,}[Xx]?")
_MAIL: Final = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")


class Result(StrEnum):
    """How an act went."""

    INTENDED = "intended"
    """Begun: written before it is carried out.  Its outcome is a later entry whose detail names this one as `intent`."""
    DONE = "done"
    REFUSED = "refused"
    """Not carried out: no right, a rule, a conflict, not there."""
    FAILED = "failed"
    """Not carried out, or not known to be: a trouble of ours."""


@dataclass(frozen=True, slots=True)
class Entry:
    """at_ms: milliseconds since the epoch.  who: a login or the name on a key, "" for nobody known.  kind: person, key, local
    (the account at the command line) or nobody.  act: the name of the operation.  object: what it was done to, `kind:id`.
    session: the session's or key's id.  detail: few, small, never personal.
    """

    at_ms: int
    who: str
    kind: str
    act: str
    object: str = ""
    address: str = ""
    session: str = ""
    reason: str = ""
    result: Result = Result.DONE
    detail: Mapping[str, str | int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises DefinitionError for what does not fit; callers that pass on outside text cut it with `plain` first."""
        for name, characters_max in CHARACTERS_MAX.items():
            value: str = getattr(self, name)
            if value != plain(value, characters_max):
                raise DefinitionError(f"an audit entry's {name} has at most {characters_max} printable characters")
        if not self.act or not 0 <= self.at_ms < 1 << 53:
            raise DefinitionError("an audit entry needs an act and an instant")
        if len(self.detail) > DETAIL_ITEMS_MAX or any(
            name != plain(name, 32) or (isinstance(value, str) and value != plain(value, DETAIL_CHARACTERS_MAX))
            for name, value in self.detail.items()
        ):
            raise DefinitionError(
                f"an audit entry's detail has at most {DETAIL_ITEMS_MAX} items of {DETAIL_CHARACTERS_MAX} printable characters"
            )


def content(entry: Entry) -> bytes:
    """The bytes that are chained: canonical JSON of every field."""
    return canonical_json(
        {
            "act": entry.act,
            "address": entry.address,
            "at_ms": entry.at_ms,
            "detail": dict(entry.detail),
            "kind": entry.kind,
            "object": entry.object,
            "reason": entry.reason,
            "result": entry.result.value,
            "session": entry.session,
            "who": entry.who,
        }
    )


def plain(text: str, characters_max: int) -> str:
    """Text from outside as it may stand in an entry: printable, and cut to a length."""
    cut = text[:characters_max]
    return (
        cut
        if cut.isprintable()
        else "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in cut)
    )


def without_numbers(text: str) -> str:
    """A person's free text without what reads like a phone, card, document or account number, or a mail address."""
    return _MAIL.sub(_HIDDEN, _NUMBERS.sub(_HIDDEN, text))
