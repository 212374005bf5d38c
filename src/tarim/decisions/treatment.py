"""The treatment: what follows from an outcome, as the bank has set it (RM-06, RM-17, RM-22; TS-08, TS-14).

A TOML text, read strictly, all faults at once; `treatment.toml` beside this file is what counts until the bank sets its own
and explains every key.  It is published like a ruleset: its digest lies in the journal, its text is kept as an artefact, and
what it means for one decision is written into that decision (`hold_word`), so that nobody needs it to follow a hold.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError, NotAllowed
from tarim.base.four_eyes import PERSON_CHARACTERS_MAX
from tarim.base.instants import HOUR_MS, SECOND_MS, duration_ms
from tarim.decisions.hold_word import FAILURES_MAX, HOURS_MAX, SECONDS_MAX, HoldWord, pack
from tarim.decisions.holds import HELD, Expiry, Hold, Step
from tarim.decisions.verification import (
    DAY_FEN_MAX,
    METHODS,
    STRENGTH_MAX,
    AmountBand,
    MethodLimit,
    VerificationPolicy,
    check_policy,
)
from tarim.stream import AMOUNT_FEN_MAX, Outcome

TEXT_BYTES_MAX: Final = 64 << 10
RIGHTS_MAX: Final = 64
PEOPLE_MAX: Final = 1_000

_HELD: Final = {outcome.name.lower(): outcome for outcome in HELD}
_EXPIRY: Final = {expiry.name.lower(): expiry for expiry in Expiry}


@dataclass(frozen=True, slots=True)
class Terms:
    """How a hold of one outcome goes.  seconds: it lasts; strength: kinds of factors a confirmation has to show, 0 to 3;
    failures_max: failed attempts that refuse it; escalation_hours: how long a person has then, 0 without escalation.
    """

    seconds: int
    expiry: Expiry
    strength: int
    failures_max: int
    escalation_hours: int = 0


@dataclass(frozen=True, slots=True)
class Right:
    """Which holds the people of a role may decide on.  Up to `alone_fen_max` one releases alone, up to `together_fen_max` two
    together; any of them may refuse.
    """

    role: str
    people: frozenset[str]
    outcomes: frozenset[Outcome]
    alone_fen_max: int
    together_fen_max: int


@dataclass(frozen=True, slots=True)
class Treatment:
    """A treatment.  `version` is the SHA-256 of its text, hex."""

    version: str
    text: str
    terms: Mapping[Outcome, Terms]
    rights: tuple[Right, ...]
    verification: VerificationPolicy
    term_words: npt.NDArray[np.int64] = field(repr=False, compare=False)
    band_words: npt.NDArray[np.int64] = field(repr=False, compare=False)
    limit_words: npt.NDArray[np.int64] = field(repr=False, compare=False)

    def step(self, hold: Hold, person: str, *, release: bool) -> tuple[Step, str]:
        """What it takes for this person to release or refuse a hold, and in which role.  Raises NotAllowed (403)."""
        rights = [right for right in self.rights if person in right.people and hold.kind in right.outcomes]
        outcome = hold.kind.name.lower()
        if not rights:
            raise NotAllowed(f"no role of {person} may decide on a hold of outcome {outcome}", known=True)
        if not release:
            return Step.REFUSE, rights[0].role
        rights = [right for right in rights if hold.amount_fen <= right.together_fen_max]
        if not rights:
            raise NotAllowed(f"no role of {person} may release so large an amount held by {outcome}", known=True)
        right = max(rights, key=lambda right: right.alone_fen_max)
        alone = hold.amount_fen <= right.alone_fen_max
        return (Step.RELEASE if alone or hold.proposer else Step.PROPOSE), right.role


def default_treatment() -> str:
    """The text of the treatment that counts until the bank sets its own."""
    return files("tarim.decisions").joinpath("treatment.toml").read_text(encoding="utf-8")


def read_treatment(text: str) -> Treatment:
    """The treatment of a TOML text.  Raises DefinitionError naming every fault."""
    content = text.encode()
    if len(content) > TEXT_BYTES_MAX:
        raise DefinitionError(f"the treatment is longer than {TEXT_BYTES_MAX} bytes")
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DefinitionError(f"the treatment is not TOML: {error}") from None
    reader = _Reader()
    reader.keys(document, ("holds", "rights", "verification"), "")
    holds = reader.table(document, "holds", "")
    reader.keys(holds, tuple(_HELD), "holds")
    terms = {outcome: reader.terms(holds, name, outcome) for name, outcome in _HELD.items()}
    rights = tuple(
        reader.right(table, f"rights[{at}]") for at, table in enumerate(reader.tables(document, "rights", RIGHTS_MAX))
    )
    verification = reader.verification(reader.table(document, "verification", ""))
    if reader.problems:
        raise DefinitionError("treatment: " + "; ".join(reader.problems))
    words = np.zeros(len(Outcome), np.int64)
    for outcome, term in terms.items():
        words[outcome] = pack(
            HoldWord(term.seconds, term.expiry, term.failures_max, term.strength, 0, term.escalation_hours, 0, False)
        )
    return Treatment(
        hashlib.sha256(content).hexdigest(),
        text,
        terms,
        rights,
        verification,
        words,
        verification.band_words(),
        verification.limit_words(),
    )


class _Reader:
    """Reads tables and gathers what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def keys(self, table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
        for key in table:
            if key not in known:
                self.problems.append(
                    f"{where + '.' if where else ''}{key[:64]} is unknown; known are {', '.join(known)}"
                )

    def table(self, parent: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
        found = parent.get(key, {})
        if isinstance(found, dict):
            return found
        self.problems.append(f"{where}{key} must be a table")
        return {}

    def tables(self, parent: Mapping[str, Any], key: str, count_max: int) -> list[Mapping[str, Any]]:
        found = parent.get(key, [])
        if isinstance(found, list) and len(found) <= count_max and all(isinstance(each, dict) for each in found):
            return found
        self.problems.append(f"{key} must be a list of at most {count_max} tables")
        return []

    def whole(self, table: Mapping[str, Any], key: str, where: str, least: int, most: int) -> int:
        found = table.get(key)
        if type(found) is int and least <= found <= most:
            return found
        self.problems.append(f"{where}.{key} must be a whole number from {least} to {most}")
        return least

    def names(self, table: Mapping[str, Any], key: str, where: str, count_max: int) -> list[str]:
        found = table.get(key)
        if isinstance(found, list) and len(found) <= count_max and all(isinstance(each, str) for each in found):
            return found
        self.problems.append(f"{where}.{key} must be a list of at most {count_max} texts")
        return []

    def duration(self, table: Mapping[str, Any], key: str, where: str) -> int:
        found = table.get(key)
        try:
            return duration_ms(found if isinstance(found, str) else "")
        except DefinitionError:
            self.problems.append(f"{where}.{key} must be a duration such as 15m or 24h")
            return SECOND_MS

    def terms(self, holds: Mapping[str, Any], name: str, outcome: Outcome) -> Terms:
        where = f"holds.{name}"
        table = self.table(holds, name, "holds.")
        self.keys(table, ("lasts", "expiry", "escalated", "strength", "failures_max"), where)
        lasts_ms = self.duration(table, "lasts", where)
        if lasts_ms % SECOND_MS or not SECOND_MS <= lasts_ms <= SECONDS_MAX * SECOND_MS:
            self.problems.append(f"{where}.lasts must be whole seconds, at most {SECONDS_MAX}")
        expiry = _EXPIRY.get(str(table.get("expiry")))
        if expiry is None or (expiry is Expiry.RELEASE and outcome is Outcome.CHALLENGE):
            possible = [each for each in _EXPIRY if outcome is not Outcome.CHALLENGE or each != "release"]
            self.problems.append(f"{where}.expiry must be {' or '.join(possible)}")
        hours = 0
        if expiry is Expiry.ESCALATE:
            escalated_ms = self.duration(table, "escalated", where)
            hours = escalated_ms // HOUR_MS
            if escalated_ms % HOUR_MS or not 1 <= hours <= HOURS_MAX:
                self.problems.append(f"{where}.escalated must be whole hours, 1h to {HOURS_MAX}h")
        elif "escalated" in table:
            self.problems.append(f"{where}.escalated is for expiry = 'escalate' only")
        strength = self.whole(table, "strength", where, outcome is Outcome.CHALLENGE, STRENGTH_MAX)
        failures_max = self.whole(table, "failures_max", where, 1, FAILURES_MAX)
        return Terms(lasts_ms // SECOND_MS, Expiry.REFUSE if expiry is None else expiry, strength, failures_max, hours)

    def right(self, table: Mapping[str, Any], where: str) -> Right:
        self.keys(table, ("role", "people", "outcomes", "alone_fen_max", "together_fen_max"), where)
        role = table.get("role")
        if not isinstance(role, str) or not 1 <= len(role) <= PERSON_CHARACTERS_MAX or not role.isprintable():
            self.problems.append(f"{where}.role must be a text of 1 to {PERSON_CHARACTERS_MAX} printable characters")
            role = ""
        outcomes = self.names(table, "outcomes", where, len(_HELD))
        if not outcomes or not set(outcomes) <= set(_HELD):
            self.problems.append(f"{where}.outcomes must be some of {', '.join(_HELD)}")
        alone = self.whole(table, "alone_fen_max", where, 0, AMOUNT_FEN_MAX)
        together = self.whole(table, "together_fen_max", where, 0, AMOUNT_FEN_MAX)
        if together < alone:
            self.problems.append(f"{where}.together_fen_max must not be less than alone_fen_max")
        return Right(
            role,
            frozenset(self.names(table, "people", where, PEOPLE_MAX)),
            frozenset(_HELD[name] for name in outcomes if name in _HELD),
            alone,
            together,
        )

    def verification(self, table: Mapping[str, Any]) -> VerificationPolicy:
        self.keys(table, ("bands", "limits"), "verification")
        problems_before = len(self.problems)
        bands = []
        for at, band in enumerate(self.tables(table, "bands", 1_000)):
            where = f"verification.bands[{at}]"
            self.keys(band, ("from_fen", "strength"), where)
            bands.append(
                AmountBand(
                    self.whole(band, "from_fen", where, 0, AMOUNT_FEN_MAX),
                    self.whole(band, "strength", where, 1, STRENGTH_MAX),
                )
            )
        limits = []
        for at, limit in enumerate(self.tables(table, "limits", 1_000)):
            where = f"verification.limits[{at}]"
            self.keys(limit, ("methods", "single_fen_max", "day_fen_max"), where)
            methods = self.names(limit, "methods", where, len(METHODS))
            if not set(methods) <= set(METHODS):
                self.problems.append(f"{where}.methods must be some of {', '.join(METHODS)}")
            limits.append(
                MethodLimit(
                    sum({int(METHODS[name]) for name in methods if name in METHODS}),
                    self.whole(limit, "single_fen_max", where, 0, AMOUNT_FEN_MAX),
                    self.whole(limit, "day_fen_max", where, 0, DAY_FEN_MAX),
                )
            )
        policy = VerificationPolicy(tuple(bands), tuple(limits))
        if len(self.problems) == problems_before:
            self.problems += check_policy(policy)
        return policy
