"""Words of a name: spelling folded so that transliterations of one name meet.

A word is compared in three forms, each coarser than the one before:

    text     lower case, no marks             mohammed   youssef    khaled     zhukov
    fold     consonants and doubles folded    mohamed    yusef      haled      jukov
    key      vowels in two classes            muhamad    yusaf      halad      jukuv

Rules are common knowledge of transliteration from Arabic, Persian and Cyrillic: q = k, kh = h, ou = u, y = i, w = v,
a doubled letter counts once, an -h at the end is silent.  Words of other scripts keep one form.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from rapidfuzz.distance import OSA

from tarim.screening.names.syllables import readings_of
from tarim.screening.names.syllables import similarity as syllable_similarity

WEIGHT_NOISE: Final = 0.05
"""Titles, particles and company forms: present or absent, they say almost nothing."""
WEIGHT_INITIAL: Final = 0.25
WEIGHT_LEAST: Final = 0.25
COUNT_COMMONEST: Final = 1500

_TITLES: Final = """
    mr mrs ms miss dr doctor prof professor sir dame lord lady sheikh shaykh shaikh cheikh sheik haji hajji hadji hajj al-hajj
    mullah mulla maulawi mawlawi maulvi mawlana maulana molla hafiz hafez qari ustad ustaz syed seyed seyyed
    engineer general gen colonel col major maj captain capt lieutenant lt commander cdr brigadier admiral marshal sergeant
    minister president ambassador governor judge ayatollah hojjatoleslam prince princess king senor senora jr sr ii iii iv
    phd md
"""
_PARTICLES: Final = """
    al el ul ad ar as az an ash at de del della di da do dos das du la las le les los van von der den ter ten bin ibn ben
    bint binti ould wuld e y i and und et of the for a fi zu im in
"""
_FORMS: Final = """
    ltd limited ltda llc llp lp plc inc incorporated co company corp corporation cia compania sa sas srl sarl spa sl ca cv rl nv
    bv ag kg gmbh mbh ooo oao zao pao ao jsc pjsc ojsc cjsc pte pty pvt private fze fzc fzco fzllc est establishment sal sae bhd
    sdn kk oy ab as aps doo dd ad eood ood kft zrt sro spol tov pp est ent enterprise enterprises pjs pvt psc wll
"""
TITLES: Final = frozenset(_TITLES.split())
PARTICLES: Final = frozenset(_PARTICLES.split())
FORMS: Final = frozenset(_FORMS.split())
NOISE: Final = TITLES | PARTICLES | FORMS

_FOLDS: Final = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (r"([a-z])\1+", r"\1"),
        (r"shch|sch|tsch|tch|ch|tj", "sh"),
        (r"dzh|dj|zh", "j"),
        (r"kh", "h"),
        (r"gh", "g"),
        (r"ph", "f"),
        (r"th", "t"),
        (r"dh", "d"),
        (r"bh", "b"),
        (r"ck|q", "k"),
        (r"x", "ks"),
        (r"ts|tz|cz", "z"),
        (r"c(?=[eiy])", "s"),
        (r"c", "k"),
        (r"w", "v"),
        (r"^(?:ye|ie)", "e"),
        (r"^(?:iu|you)", "yu"),
        (r"^ia", "ya"),
        (r"ou|oo", "u"),
        (r"ee|ie|ye", "e"),
        (r"(?:iy|ij|yy|yi|y)$", "i"),
        (r"ey|ei|ay", "ai"),
        (r"(?<=.)y", "i"),
        (r"([aeiou])h$", r"\1"),
        (r"of$", "ov"),
        (r"([a-z])\1+", r"\1"),
    )
)
_ABD: Final = re.compile(r"^(?:abd|ebd|gabd)(?:[aeiou](?:l(?=[^aeiou]|[aeiou]..))?)?(?=..)")
_VOWELS: Final = str.maketrans({"e": "a", "i": "a", "y": "a", "o": "u"})
_RUNS: Final = re.compile(r"([a-z])\1+")


@dataclass(frozen=True, slots=True, repr=False)
class Word:
    """One word of a name.  weight: how much it says, 0.05 (a title) to 1 (seldom met); initial: a single letter."""

    text: str
    fold: str
    key: str
    weight: float
    initial: bool


@lru_cache(maxsize=262_144)
def word_of(text: str) -> Word:
    """The word with its forms; `text` is lower case without marks or apostrophes."""
    if len(text) == 1 and text.isascii() and text.isalpha():
        return Word(text, text, text, WEIGHT_INITIAL, True)
    folded = fold(text) if text.isascii() else text
    key = _RUNS.sub(r"\1", folded.translate(_VOWELS)) if text.isascii() else text
    return Word(text, folded, key, _weight(text, folded), False)


def fold(text: str) -> str:
    """The word with consonant spellings, doubles and endings folded; words of up to two letters stay as they are."""
    if len(text) < 3 or not text.isalpha():
        return text
    folded = _RUNS.sub(r"\1", text)
    folded = _ABD.sub("abd", folded)
    for pattern, put in _FOLDS:
        folded = pattern.sub(put, folded)
    return folded


@cache
def common_words() -> MappingProxyType[str, int]:
    """How often folded words occur among the names of the development half of the lists; words met 5 times or more."""
    counted = json.loads((files("tarim.screening.names") / "common_words.json").read_text(encoding="utf-8"))
    return MappingProxyType({str(word): int(count) for word, count in counted.items()})


def _weight(text: str, folded: str) -> float:
    if text in NOISE:
        return WEIGHT_NOISE
    count = common_words().get(folded, 0)
    return max(WEIGHT_LEAST, 1.0 - 0.75 * math.log1p(count) / math.log(COUNT_COMMONEST))


@lru_cache(maxsize=262_144)
def word_similarity(first: str, second: str) -> float:
    """How alike two words are, in [0, 1]; 0 below 0.7, and for short words that differ.

    Two East Asian syllables as `syllables.similarity`.  Else equal is 1, equal when folded 0.97, equal but for vowel class
    0.92; otherwise one minus edits (insert, delete, replace, swap) over the longer length.
    """
    if first == second:
        return 1.0
    one, two = word_of(first), word_of(second)
    if one.initial or two.initial:
        return 0.0
    if readings_of(first) and readings_of(second):
        return syllable_similarity(first, second)
    if one.fold == two.fold:
        return 0.97
    best = 0.0
    shorter = min(len(first), len(second))
    if shorter >= 4:
        if one.key == two.key:
            best = max(best, 0.92 if shorter >= 5 else 0.85)
        edited = OSA.normalized_similarity(first, second, score_cutoff=0.7)
        folded = OSA.normalized_similarity(one.fold, two.fold, score_cutoff=0.7)
        best = max(best, edited, 0.97 * folded)
    return best if best >= 0.7 else 0.0
