"""Which of many names could be meant?  Candidates for exact comparison, from words that look or sound alike.

    rows          one prepared form of one text; several rows may belong to one text, several owners to one text
    words         distinct words, by folded form; each with the rows that contain it (CSR) and its weight
    bigrams       pairs of letters of the vowel-free key; each with the keys that contain it (CSR)

A question is answered in three steps: words near each asked word (same fold, same key, or enough shared bigrams and then few
edits, by rapidfuzz); for every row the weight of its words that were met; the rows whose estimate is high enough, best first.
The estimate is a little more generous than the exact score, so that little is lost; a test compares with asking
every name.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA

from tarim.screening.names.folding import WEIGHT_NOISE, Word, word_of
from tarim.screening.names.normal import PreparedName, prepare_name
from tarim.screening.names.syllables import alike

ESTIMATE_LEAST: Final = 0.72
SYLLABLES_LEAST: Final = 0.8
NEAR_LEAST: Final = 0.7
NEAR_WORDS_MAX: Final = 256
LONG_WORD: Final = 9
"""A known word of this length may still be two written as one; a shorter one is taken as it is."""
LONG_WORDS_CUT_MAX: Final = 2
REMEMBERED_WORDS_MAX: Final = 50_000
NAMES_MAX: Final = 5_000_000

_CONFLICT: Final = 1.0
_EXCESS: Final = 0.18

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Postings:
    """Lists of numbers behind one another: those of `i` are `values[starts[i]:starts[i + 1]]`."""

    starts: NDArray[np.int64]
    values: Ints

    @classmethod
    def of(cls, keys: Sequence[int], values: Sequence[int], size: int) -> _Postings:
        key_array = np.asarray(keys, dtype=np.int32)
        order = np.argsort(key_array, kind="stable")
        starts = np.zeros(size + 1, dtype=np.int64)
        np.cumsum(np.bincount(key_array, minlength=size), out=starts[1:])
        return cls(starts, np.asarray(values, dtype=np.int32)[order])

    def __getitem__(self, key: int) -> Ints:
        return self.values[self.starts[key] : self.starts[key + 1]]


class NameIndex:
    """An index over texts; `texts[i]` is the text that candidate `i` stands for.

    Built once, then read only; building takes about 40 microseconds a text, a text about 400 bytes.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts: list[str] = list(texts)
        assert len(self.texts) <= NAMES_MAX
        row_texts: list[int] = []
        weights: list[float] = []
        self._words: set[str] = set()
        self._folds: dict[str, int] = {}
        fold_weights: list[float] = []
        fold_words: list[str] = []
        fold_keys: list[str] = []
        keys, rows = [], []
        self._syllables: dict[str, int] = {}
        syllable_keys, syllable_rows, lengths = [], [], []
        for text_number, text in enumerate(self.texts):
            for prepared in prepare_name(text):
                row = len(row_texts)
                row_texts.append(text_number)
                weights.append(sum(word.weight for word in prepared.words if not word.initial))
                self._words.update(word.text for word in prepared.words)
                for fold, word in {word.fold: word for word in prepared.words}.items():
                    number = self._folds.setdefault(fold, len(self._folds))
                    if number == len(fold_weights):
                        fold_weights.append(word.weight)
                        fold_words.append(word.text)
                        fold_keys.append(word.key)
                    keys.append(number)
                    rows.append(row)
                lengths.append(len(prepared.syllables))
                for syllable in set(prepared.syllables):
                    syllable_keys.append(self._syllables.setdefault(syllable, len(self._syllables)))
                    syllable_rows.append(row)
        self._texts_of_rows: Ints = np.asarray(row_texts, dtype=np.int32)
        self._row_weights: Floats = np.asarray(weights, dtype=np.float32)
        self._row_syllables: Ints = np.asarray(lengths, dtype=np.int32)
        self._fold_weights = fold_weights
        self._rows = _Postings.of(keys, rows, len(self._folds))
        self._syllable_rows = _Postings.of(syllable_keys, syllable_rows, len(self._syllables))
        self._fold_texts = list(self._folds)
        self._fold_words = fold_words
        self._by_key: dict[str, list[int]] = {}
        self._bigrams: dict[str, int] = {}
        bigram_keys, bigram_folds = [], []
        for number, fold in enumerate(self._fold_texts):
            key = fold_keys[number]
            self._by_key.setdefault(key, []).append(number)
            if len(fold) >= 4:
                for bigram in _bigrams_of(key):
                    bigram_keys.append(self._bigrams.setdefault(bigram, len(self._bigrams)))
                    bigram_folds.append(number)
        self._bigram_folds = _Postings.of(bigram_keys, bigram_folds, len(self._bigrams))
        self._remembered: OrderedDict[str, tuple[Ints, Floats]] = OrderedDict()

    def candidates(self, name: PreparedName, most: int | None) -> list[int]:
        """Numbers of texts worth comparing with `name`, best estimate first; at most `most` (None: all)."""
        found: dict[int, float] = {}
        for words in self._spellings(name.words):
            self._collect(found, *self._by_words(words, most))
        if name.syllables:
            self._collect(found, *self._by_syllables(name.syllables, most))
        ordered = sorted(found, key=lambda number: (-found[number], number))
        return ordered if most is None else ordered[:most]

    def _collect(self, found: dict[int, float], rows: Ints, estimates: Floats) -> None:
        for number, estimate in zip(self._texts_of_rows[rows].tolist(), estimates.tolist(), strict=True):
            if estimate > found.get(number, 0.0):
                found[number] = estimate

    # ----------------------------------------------------------------------------------------------------------- words
    def _spellings(self, words: tuple[Word, ...]) -> list[tuple[Word, ...]]:
        """The words as they are; with neighbours joined; with words cut in two: where the index has such words."""
        spellings = [words]
        joined: list[Word] = []
        place = 0
        while place < len(words):
            pair = "".join(word.text for word in words[place : place + 2])
            if place + 1 < len(words) and 4 <= len(pair) <= 32 and word_of(pair).fold in self._folds:
                joined.append(word_of(pair))
                place += 2
            else:
                joined.append(words[place])
                place += 1
        if len(joined) < len(words):
            spellings.append(tuple(joined))
        unknown = {place for place, word in enumerate(words) if word.fold not in self._folds}
        long = [place for place, word in enumerate(words) if len(word.text) >= LONG_WORD and place not in unknown]
        for places in [unknown, *({place} for place in long[:LONG_WORDS_CUT_MAX])]:
            cut = [
                part for place, word in enumerate(words) for part in (self._cut(word) if place in places else (word,))
            ]
            if len(cut) > len(words):
                spellings.append(tuple(cut))
        return spellings

    def _cut(self, word: Word) -> tuple[Word, ...]:
        """The word as two indexed words, the shorter part as long as can be; itself when there are none."""
        text = word.text
        for shorter in range(len(text) // 2, 1, -1):
            for place in (shorter, len(text) - shorter):
                if text[:place] in self._words and text[place:] in self._words:
                    return word_of(text[:place]), word_of(text[place:])
        return (word,)

    def _by_words(self, words: tuple[Word, ...], most: int | None) -> tuple[Ints, Floats]:
        met = np.zeros(len(self._row_weights), dtype=np.float32)
        heavier_one, heavier_two = (
            met.copy(),
            met.copy(),
        )  # weight beyond the lighter word's, which is not held against a pair
        once = np.zeros((3, len(self._row_weights)), dtype=np.float32)
        whole = 0.0
        for word in words:
            if word.initial:  # says too little to look for; the exact score knows it
                continue
            whole += word.weight
            if word.weight <= WEIGHT_NOISE:
                continue
            numbers, similar = self._near(word)
            for number, likeness in zip(
                numbers.tolist(), similar.tolist(), strict=True
            ):  # the best likeness comes last
                rows, weight = self._rows[number], self._fold_weights[number]
                once[0, rows] = likeness * min(word.weight, weight)
                once[1, rows] = max(0.0, word.weight - weight)
                once[2, rows] = max(0.0, weight - word.weight)
            met += once[0]
            heavier_one += once[1]
            heavier_two += once[2]
            for number in numbers.tolist():
                once[:, self._rows[number]] = 0.0
        rows = np.flatnonzero(met).astype(np.int32)
        matched = met[rows]
        left_one = np.maximum(0.0, whole - matched - heavier_one[rows])
        left_two = np.maximum(0.0, self._row_weights[rows] - matched - heavier_two[rows])
        conflict = np.minimum(left_one, left_two)
        excess = np.abs(left_one - left_two)
        estimates = matched / (matched + _CONFLICT * conflict + _EXCESS * excess)
        return _best(rows, estimates.astype(np.float32), ESTIMATE_LEAST, most)

    def _near(self, word: Word) -> tuple[Ints, Floats]:
        """Numbers of indexed folds near a word with their likeness, the best last."""
        known = self._remembered.get(word.text)
        if known is not None:
            return known
        found: dict[int, float] = {}
        if len(word.fold) >= 4 and word.text.isascii():
            counts = self._shared_bigrams(word.key)
            edits = 1 if len(word.fold) < 7 else 2
            need = len(word.key) + 1 - 3 * edits  # a swap of two letters changes three pairs
            near = np.flatnonzero(counts >= max(2, need))
            if near.size > NEAR_WORDS_MAX:
                near = near[np.argsort(-counts[near], kind="stable")[:NEAR_WORDS_MAX]]
            for number in near.tolist():
                likeness = max(
                    OSA.normalized_similarity(word.fold, self._fold_texts[number], score_cutoff=NEAR_LEAST),
                    OSA.normalized_similarity(word.text, self._fold_words[number], score_cutoff=NEAR_LEAST),
                )
                if likeness:
                    found[number] = likeness
        if len(word.fold) >= 4:
            for number in self._by_key.get(word.key, ()):
                found[number] = max(found.get(number, 0.0), 0.92)
        for surface, likeness in alike(word.text):
            number = self._folds.get(word_of(surface).fold, -1)
            if number >= 0:
                found[number] = max(found.get(number, 0.0), likeness)
        exact = self._folds.get(word.fold, -1)
        if exact >= 0:
            found[exact] = 1.0
        ordered = sorted(found.items(), key=lambda item: (item[1], item[0]))
        answer = (
            np.asarray([number for number, _ in ordered], dtype=np.int32),
            np.asarray([likeness for _, likeness in ordered], dtype=np.float32),
        )
        self._remembered[word.text] = answer
        if len(self._remembered) > REMEMBERED_WORDS_MAX:
            self._remembered.popitem(last=False)
        return answer

    def _shared_bigrams(self, key: str) -> NDArray[np.int64]:
        parts = [self._bigram_folds[self._bigrams[bigram]] for bigram in _bigrams_of(key) if bigram in self._bigrams]
        if not parts:
            return np.zeros(len(self._fold_texts), dtype=np.int64)
        return np.bincount(np.concatenate(parts), minlength=len(self._fold_texts))

    # ------------------------------------------------------------------------------------------------------- syllables
    def _by_syllables(self, syllables: tuple[str, ...], most: int | None) -> tuple[Ints, Floats]:
        met = np.zeros(len(self._row_weights), dtype=np.float32)
        once = np.zeros(len(self._row_weights), dtype=np.float32)
        for syllable in syllables:
            near = [*reversed(alike(syllable)), (syllable, 1.0)]
            numbers = [(self._syllables[other], like) for other, like in near if other in self._syllables]
            for number, likeness in numbers:
                once[self._syllable_rows[number]] = likeness
            met += once
            for number, _ in numbers:
                once[self._syllable_rows[number]] = 0.0
        rows = np.flatnonzero((met > 0) & (self._row_syllables == len(syllables))).astype(np.int32)
        return _best(rows, met[rows] / np.float32(len(syllables)), SYLLABLES_LEAST, most)


def _bigrams_of(key: str) -> set[str]:
    padded = f"^{key}$"
    return {padded[i : i + 2] for i in range(len(padded) - 1)}


def _best(rows: Ints, estimates: Floats, least: float, most: int | None) -> tuple[Ints, Floats]:
    good = estimates >= least
    rows, estimates = rows[good], estimates[good]
    if most is not None and rows.size > most:
        kept = np.argsort(-estimates, kind="stable")[:most]
        rows, estimates = rows[kept], estimates[kept]
    return rows, estimates
