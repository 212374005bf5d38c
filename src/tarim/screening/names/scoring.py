"""How alike are two names?  A number in [0, 1] with its parts.

Words are paired one to one, in any order, so that the paired weight is largest; a word may also pair with two words of the
other name written as one (Abdulrahman, Abdul Rahman).  With

    matched    sum over pairs of similarity x weight of the pair
    conflict   weight left over on both sides: one says Peter where the other says Michael
    excess     weight left over on one side alone: a middle name is missing

    score = matched / (matched + CONFLICT x conflict + excess factor x excess)

An excess costs little when two words or more agree and the listed party is a person, more for companies and ships, most when
one word is all that agrees.  East Asian names are compared by syllable instead: the same syllables in the same order, up to
the family name standing first or last.  A pure function of the two names and the kind of party.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from tarim.screening.names.domain import Kind
from tarim.screening.names.folding import WEIGHT_INITIAL, WEIGHT_NOISE, Word, word_of, word_similarity
from tarim.screening.names.normal import PreparedName
from tarim.screening.names.syllables import READ_OFF
from tarim.screening.names.syllables import similarity as syllable_similarity

CONFLICT: Final = 1.5
EXCESS_PERSON: Final = 0.22
EXCESS_OTHER: Final = 0.6
EXCESS_ONE_WORD: Final = 0.9
INITIAL_SIMILARITY: Final = 0.9
INITIAL_SYLLABLE_WEIGHT: Final = 0.3
JOIN_LENGTH_OFF: Final = 3
OTHER_CHARACTER: Final = 0.6
"""Two characters of one reading that are surely not variants of each other."""


@dataclass(frozen=True, slots=True, repr=False)
class WordPair:
    """A word or syllable of the asked name beside one of the listed name; "" when it stands alone."""

    asked: str
    listed: str
    similarity: float


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """Likeness of two names: the score and the pairs it comes from.  by_syllable: compared as an East Asian name."""

    score: float
    pairs: tuple[WordPair, ...]
    by_syllable: bool


def compare_names(asked: PreparedName, listed: PreparedName, kind: Kind) -> Comparison:
    """How alike the asked and the listed name are; the same for both directions but for the order in each pair."""
    if kind is Kind.AIRCRAFT:
        return _by_mark(asked, listed)
    if asked.syllables and listed.syllables and kind is Kind.PERSON:
        return _by_syllable(asked, listed)
    return _by_word(asked, listed, kind)


def _by_mark(asked: PreparedName, listed: PreparedName) -> Comparison:
    """An aircraft is known by its registration mark: the same letters and digits, or another aircraft."""
    one, two = ("".join(word.text for word in name.words) for name in (asked, listed))
    return Comparison(float(one == two), (WordPair(one, two, float(one == two)),), False)


# ------------------------------------------------------------------------------------------------------------ syllables
def _by_syllable(asked: PreparedName, listed: PreparedName) -> Comparison:
    best: tuple[float, tuple[WordPair, ...]] = (-1.0, ())
    one, two = asked.syllables, listed.syllables
    if len(one) == len(two):
        for turn in range(len(one)):
            turned = two[turn:] + two[:turn]
            han = asked.han, listed.han[turn:] + listed.han[:turn]
            best = max(best, _in_order(one, turned, han), key=lambda found: found[0])
    if best[0] < 0:
        ours, theirs = (tuple(syllable.lstrip(READ_OFF) for syllable in each) for each in (one, two))
        shared = tuple(WordPair(syllable, syllable, 1.0) for syllable in dict.fromkeys(ours) if syllable in theirs)
        best = (0.8 * len(shared) / max(len(one), len(two)), shared)
    return Comparison(best[0], best[1], True)


def _in_order(one: tuple[str, ...], two: tuple[str, ...], han: tuple[str, str]) -> tuple[float, tuple[WordPair, ...]]:
    matched = whole = 0.0
    pairs: list[WordPair] = []
    characters = len(han[0]) == len(one) and len(han[1]) == len(two)
    for i, (first, second) in enumerate(zip(one, two, strict=True)):
        letters = (len(first) == 1) + (len(second) == 1)
        if letters:
            like = float(first[0] == second[0]) * (1.0 if letters == 2 else INITIAL_SIMILARITY)
            weight = INITIAL_SYLLABLE_WEIGHT
            whole += weight if letters == 2 else (1.0 + weight) / 2
        else:
            like = syllable_similarity(first, second)
            if like and characters and _surely_other(han[0][i], han[1][i]):
                like *= OTHER_CHARACTER
            weight = 1.0
            whole += weight
        matched += like * weight
        pairs.append(WordPair(first.lstrip(READ_OFF), second.lstrip(READ_OFF), like))
    return matched / whole, tuple(pairs)


@lru_cache(maxsize=65_536)
def _surely_other(first: str, second: str) -> bool:
    """Whether two characters differ within one standard set, so that they are no simplified and traditional form."""
    if first == second:
        return False
    for charset in ("gb2312", "big5"):
        try:
            (first + second).encode(charset)
        except UnicodeEncodeError:
            continue
        return True
    return False


# ---------------------------------------------------------------------------------------------------------------- words
def _by_word(asked: PreparedName, listed: PreparedName, kind: Kind) -> Comparison:
    """The best over the names as written and with two words written as one."""
    best = _assign(asked.words, listed.words, kind)
    if best.score < 1.0 and not asked.han and not listed.han:  # readings of characters are no parts of a longer word
        for ours, theirs in _joinings(asked.words, listed.words):
            found = _assign(ours, theirs, kind)
            if found.score > best.score:
                best = found
    return best


def _joinings(one: tuple[Word, ...], two: tuple[Word, ...]) -> list[tuple[tuple[Word, ...], tuple[Word, ...]]]:
    """The two names with neighbours joined on one side where the join is, folded, a word of the other side; all at once."""
    joined_one, joined_two = _join(one, two), _join(two, one)
    found = []
    if joined_one != one:
        found.append((joined_one, two))
    if joined_two != two:
        found.append((one, joined_two))
    return found


def _join(words: tuple[Word, ...], others: tuple[Word, ...]) -> tuple[Word, ...]:
    joined: list[Word] = []
    place = 0
    while place < len(words):
        for width in (3, 2):
            whole = _joined(words[place : place + width], others) if place + width <= len(words) else None
            if whole is not None:
                joined.append(whole)
                place += width
                break
        else:
            joined.append(words[place])
            place += 1
    return tuple(joined)


def _joined(parts: tuple[Word, ...], others: tuple[Word, ...]) -> Word | None:
    """The parts as one word when another word is that, folded.  Length and first letter are looked at before folding."""
    length = sum(len(part.text) for part in parts)
    for other in others:
        if (
            other.key[:1] == parts[0].key[:1]
            and abs(len(other.text) - length) <= JOIN_LENGTH_OFF
            and len(other.text) >= 4
        ):
            whole = word_of("".join(part.text for part in parts))
            if whole.fold == other.fold:
                return whole
    return None


def _assign(one: tuple[Word, ...], two: tuple[Word, ...], kind: Kind) -> Comparison:
    like = np.zeros((len(one), len(two)))
    gain = np.zeros((len(one), len(two)))
    for i, first in enumerate(one):
        for j, second in enumerate(two):
            similar = _pair_similarity(first, second)
            if similar:
                like[i, j] = similar
                gain[i, j] = similar * min(first.weight, second.weight)
    from scipy.optimize import (
        linear_sum_assignment,
    )  # a quarter of a second that a service need not pay: it scores no names

    rows, columns = linear_sum_assignment(gain, maximize=True)
    matched = 0.0
    real = 0
    left_one = sum(word.weight for word in one)
    left_two = sum(word.weight for word in two)
    pairs: list[WordPair] = []
    paired_two = set()
    partner = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    for i, first in enumerate(one):
        j = partner.get(i, -1)
        if j < 0 or not like[i, j]:
            pairs.append(WordPair(first.text, "", 0.0))
            continue
        second = two[j]
        paired_two.add(j)
        pairs.append(WordPair(first.text, second.text, float(like[i, j])))
        matched += gain[i, j]
        if first.initial or second.initial:
            left_one -= min(gain[i, j] / INITIAL_SIMILARITY, first.weight)
            left_two -= min(gain[i, j] / INITIAL_SIMILARITY, second.weight)
        else:  # the lighter weight stands for both: a misspelt common word looks seldom
            lighter = min(first.weight, second.weight)
            real += lighter > WEIGHT_NOISE
            left_one -= first.weight - lighter * (1 - like[i, j])
            left_two -= second.weight - lighter * (1 - like[i, j])
    pairs += [WordPair("", word.text, 0.0) for j, word in enumerate(two) if j not in paired_two]
    if matched <= 0:
        return Comparison(0.0, tuple(pairs), False)
    left_one, left_two = max(0.0, left_one), max(0.0, left_two)
    conflict, excess = min(left_one, left_two), abs(left_one - left_two)
    if real < 2:
        factor = EXCESS_ONE_WORD
    else:
        factor = EXCESS_PERSON if kind is Kind.PERSON else EXCESS_OTHER
    return Comparison(float(matched / (matched + CONFLICT * conflict + factor * excess)), tuple(pairs), False)


def _pair_similarity(first: Word, second: Word) -> float:
    if first.initial or second.initial:
        if first.initial and second.initial:
            return float(first.text == second.text)
        return INITIAL_SIMILARITY if first.text[0] == second.text[0] and _initial_weight(first, second) else 0.0
    return word_similarity(first.text, second.text)


def _initial_weight(first: Word, second: Word) -> bool:
    """An initial stands for a name, never for a particle or a title."""
    return max(first.weight, second.weight) > WEIGHT_INITIAL - 1e-9 and WEIGHT_NOISE not in (
        first.weight,
        second.weight,
    )
