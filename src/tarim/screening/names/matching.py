"""Is this person on the list?  The score of a subject beside one entry, with the evidence for and against.

The name gives the score; a weak alias takes something off; a date of birth or a country moves it up or down:

    same day of birth              half of what is missing to 1         other, years apart     x 0.85
    dates that overlap             a quarter                            about two years off    x 0.97
    a country in common            15 hundredths                        no country in common   x 0.97

The threshold was chosen on the development half of the cases described in docs/explanation/name-screening.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tarim.screening.names.domain import BirthSpan, Kind, ListedName, ListEntry, Quality, Subject
from tarim.screening.names.normal import PreparedName, prepare_name
from tarim.screening.names.scoring import Comparison, compare_names

NAME_THRESHOLD: Final = 0.82
NAME_LEAST: Final = 0.75
"""A name alike less than this is no match, whatever else agrees."""
WEAK_ALIAS: Final = 0.92

_DAYS_FAR: Final = 1100


class Evidence(StrEnum):
    """What beside the name spoke for or against."""

    WEAK_ALIAS = "weak-alias"
    BIRTH_SAME_DAY = "birth-same-day"
    BIRTH_OVERLAPS = "birth-overlaps"
    BIRTH_NEAR = "birth-near"
    BIRTH_FAR = "birth-far"
    COUNTRY_SHARED = "country-shared"
    COUNTRY_OTHER = "country-other"


@dataclass(frozen=True, slots=True)
class Match:
    """A listed party that the subject may be.

    score: in [0, 1], evidence included.  name_score: of the names alone.  name: the listed name that is most alike.
    """

    entry: ListEntry
    name: ListedName
    score: float
    name_score: float
    comparison: Comparison
    evidence: tuple[Evidence, ...]


def match_entry(
    subject: Subject, asked: tuple[PreparedName, ...], entry: ListEntry, names: Iterable[ListedName]
) -> Match | None:
    """The best match of the subject with these names of the entry; None when no name is alike enough."""
    best: Match | None = None
    beside = evidence_of(subject, entry)
    for name in names:
        compared = compare_all(asked, prepare_name(name.text), entry.kind)
        if compared is None or compared.score < NAME_LEAST:
            continue
        weak = (Evidence.WEAK_ALIAS,) if name.quality is Quality.WEAK else ()
        score = _weighed(compared.score, weak + beside)
        if best is None or score > best.score:
            best = Match(entry, name, score, compared.score, compared, weak + beside)
    return best


def compare_all(asked: tuple[PreparedName, ...], listed: tuple[PreparedName, ...], kind: Kind) -> Comparison | None:
    """The best comparison over the readings of both names; None when one of them has none."""
    found = [compare_names(one, two, kind) for one in asked for two in listed]
    return max(found, key=lambda comparison: comparison.score, default=None)


def evidence_of(subject: Subject, entry: ListEntry) -> tuple[Evidence, ...]:
    """What date of birth and country say; nothing where one side does not say any."""
    found: list[Evidence] = []
    if subject.birth is not None and entry.births:
        found.append(_birth_evidence(subject.birth, entry.births))
    if subject.countries and entry.countries:
        shared = set(subject.countries) & set(entry.countries)
        found.append(Evidence.COUNTRY_SHARED if shared else Evidence.COUNTRY_OTHER)
    return tuple(found)


def _birth_evidence(birth: BirthSpan, listed: tuple[BirthSpan, ...]) -> Evidence:
    nearest = min(listed, key=lambda span: (birth.days_apart(span), not (span.exact and birth.exact)))
    apart = birth.days_apart(nearest)
    if apart == 0:
        return Evidence.BIRTH_SAME_DAY if birth.exact and nearest.exact else Evidence.BIRTH_OVERLAPS
    return Evidence.BIRTH_NEAR if apart <= _DAYS_FAR else Evidence.BIRTH_FAR


_CLOSES: Final = {Evidence.BIRTH_SAME_DAY: 0.5, Evidence.BIRTH_OVERLAPS: 0.25, Evidence.COUNTRY_SHARED: 0.15}
_SCALES: Final = {
    Evidence.WEAK_ALIAS: WEAK_ALIAS,
    Evidence.BIRTH_NEAR: 0.97,
    Evidence.BIRTH_FAR: 0.85,
    Evidence.COUNTRY_OTHER: 0.97,
}


def _weighed(score: float, evidence: tuple[Evidence, ...]) -> float:
    for item in evidence:
        if item in _CLOSES:
            score += (1.0 - score) * _CLOSES[item]
        else:
            score *= _SCALES[item]
    return score
