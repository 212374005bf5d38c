"""Cases for name screening, made from the real lists and from the romanisation table, each split in two halves by party.

Thresholds, weights and word counts are chosen on the development half; figures that are reported come from the held-out half.

Lists.  Entries that share a name are one party.  A fifth of the parties is taken off the list: their names are real names that
nobody should be alarmed about.  For a party that stays, each kind of change below gives one question whose right answer is
that party; for every question with an answer there is about one without.

    positive    order, initial, middle, spelling, transliteration, joined, title, alias, wade-giles
    negative    absent (a party taken off), near (family name of one party, given names of another), ordinary (neither)

Romanisation.  The canonical names are the list, the inputs are asked; inputs that are not Chinese should find nobody.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
from pypinyin import Style
from pypinyin.style import convert

from tarim.screening import Kind, ListedName, ListEntry, NameList, Quality, load_list

SHARED = Path(os.environ.get("TARIM_SHARED", Path(__file__).resolve().parents[2] / "shared"))
ABSENT_SHARE = 5
SEED = 20_260_101

# What a clerk, a passport office or a newspaper does to a name; written apart from the folding rules of the product.
TRANSLITERATIONS: tuple[tuple[str, str], ...] = (
    ("kh", "h"), ("q", "k"), ("ou", "u"), ("u", "ou"), ("sh", "ch"), ("j", "dj"), ("w", "v"), ("v", "w"), ("iy", "y"),
    ("y", "i"), ("i", "y"), ("ee", "i"), ("oo", "u"), ("ph", "f"), ("zh", "j"), ("ss", "s"), ("mm", "m"), ("ll", "l"),
    ("yev", "ev"), ("yu", "iu"), ("ya", "ia"), ("aa", "a"), ("ai", "ei"), ("ei", "ay"), ("dh", "d"), ("gh", "g"),
    ("c", "k"), ("x", "ks"), ("ck", "k"), ("tch", "ch"), ("e", "i"), ("a", "e"), ("o", "u"),
)  # fmt: skip
TITLES = ("Mr", "Dr", "Haji", "Sheikh", "General", "Prof.")


@dataclass(frozen=True)
class Case:
    """A question and the party it is about; `party` is -1 when it is about nobody on the list."""

    name: str
    sort: str
    party: int


@dataclass(frozen=True)
class Cases:
    """Questions over a list; `parties` gives each entry's party."""

    listed: NameList
    parties: dict[str, int]
    cases: tuple[Case, ...]


def shared_file(name: str) -> Path:
    return SHARED / "data" / name


def in_first_half(text: str) -> bool:
    """Half of everything, by a digest of its name."""
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1


def develops(party: Sequence[ListEntry]) -> bool:
    """Whether a party of the lists belongs to the development half."""
    return in_first_half(party[0].id)


@cache
def real_entries() -> tuple[ListEntry, ...]:
    """All entries of both lists."""
    lists = [load_list(shared_file(name)) for name in ("ofac_sdn.parquet", "un_consolidated_list.parquet")]
    return tuple(entry for given in lists for entry in given.entries)


def parties_of(entries: Sequence[ListEntry]) -> dict[str, int]:
    """The party of each entry.

    One for entries that share a name (letters without marks, any order), or an exact day of birth and a word of 4 letters.
    """
    party = list(range(len(entries)))

    def root(number: int) -> int:
        while party[number] != number:
            party[number] = party[party[number]]
            number = party[number]
        return number

    first: dict[str, int] = {}
    for number, entry in enumerate(entries):
        for name in entry.names:
            if name.quality is not Quality.WEAK:
                letters = " ".join(sorted(_words(name.text)))
                party[root(number)] = root(first.setdefault(letters, number))
        for birth in (span for span in entry.births if span.exact):
            for word in {word for name in entry.names for word in _words(name.text) if len(word) >= 4}:
                party[root(number)] = root(first.setdefault(f"{birth.first} {word}", number))
    return {entry.id: root(number) for number, entry in enumerate(entries)}


def members_of(entries: Sequence[ListEntry], party: Mapping[str, int]) -> dict[int, list[ListEntry]]:
    """The entries of each party, in the order of the lists."""
    members: dict[int, list[ListEntry]] = defaultdict(list)
    for entry in entries:
        members[party[entry.id]].append(entry)
    return members


def list_cases(held_out: bool, parties_max: int) -> Cases:
    """Questions about one half of the parties of both lists, at most `parties_max` of them."""
    entries = real_entries()
    party = parties_of(entries)
    members = members_of(entries, party)
    absent = {number for number, group in members.items() if _digest(group[0].id + "absent") % ABSENT_SHARE == 0}
    listed = NameList("lists", "", tuple(entry for entry in entries if party[entry.id] not in absent))
    half = [number for number, group in members.items() if develops(group) is not held_out]
    chance = random.Random(SEED + held_out)
    chance.shuffle(half)
    present = [members[number][0] for number in half if number not in absent][:parties_max]
    positives = [
        Case(changed, sort, party[entry.id])
        for entry in present
        for sort, change in CHANGES.items()
        if (changed := change(entry, chance))
    ]
    known = {frozenset(_words(name.text)) for entry in entries for name in entry.names}
    negatives = list(_negatives([members[n][0] for n in half if n in absent], present, known, held_out, chance))
    chance.shuffle(negatives)
    return Cases(listed, party, (*positives, *negatives[: len(positives)]))


def left_out_alias_cases(parties_max: int) -> Cases:
    """One strong alias of each held-out person is taken off the list and asked: real spellings by the lists' own editors.

    Many aliases are other names altogether and cannot be found from the rest; this is for information.
    """
    entries = real_entries()
    party = parties_of(entries)
    chance = random.Random(SEED)
    listed = list(entries)
    cases: list[Case] = []
    members = members_of(entries, party)
    for place in chance.sample(range(len(entries)), len(entries)):
        entry = entries[place]
        strong = [name for name in entry.names if name.quality is Quality.STRONG]
        if entry.kind is Kind.PERSON and strong and not develops(members[party[entry.id]]) and len(cases) < parties_max:
            left_out = chance.choice(strong)
            rest = tuple(name for name in entry.names if name is not left_out)
            listed[place] = replace(entry, names=rest)
            cases.append(Case(left_out.text, "alias left out", party[entry.id]))
    return Cases(NameList("lists", "", tuple(listed)), party, tuple(cases))


def romanisation_cases(held_out: bool) -> Cases:
    """Questions of one half of the romanisation table, the canonical names of that half as the list."""
    rows = pq.read_table(shared_file("chinese_name_romanisation.parquet")).to_pylist()
    numbers: dict[str, int] = {}
    entries: list[ListEntry] = []
    cases: list[Case] = []
    for row in rows:
        canonical = row["canonical_given_family"]
        plain = re.sub(r"[\W_]", "", canonical or row["input_name"]).casefold()
        if in_first_half(plain) is not held_out:
            continue
        if canonical is None:
            cases.append(Case(row["input_name"], "not Chinese", -1))
            continue
        if plain not in numbers:
            numbers[plain] = len(numbers)
            entries.append(ListEntry(plain, "cases", "", Kind.PERSON, (ListedName(canonical),)))
        cases.append(Case(row["input_name"], row["suite"], numbers[plain]))
    return Cases(NameList("canonical", "", tuple(entries)), numbers, tuple(cases))


# -------------------------------------------------------------------------------------------------------------- changes
def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def _words(text: str) -> list[str]:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return re.findall(r"[^\W_]+", "".join(c for c in apart if not unicodedata.combining(c)))


def _parts(entry: ListEntry) -> tuple[list[str], list[str]]:
    """Family and given names as written; a name without comma has its last word for a family name."""
    family, comma, given = entry.names[0].text.partition(", ")
    if comma:
        return family.split(), given.split()
    words = family.split()
    return words[-1:], words[:-1]


def _drops_names(entry: ListEntry) -> bool:
    """Whether given names stand for themselves: a person, but none whose given name is written in syllables."""
    syllabic = {"CN", "HK", "KP", "KR", "MM", "MO", "SG", "TW", "VN"} & set(
        entry.countries
    ) or "DPRK" in entry.programme
    return entry.kind is Kind.PERSON and not syllabic


def _order(entry: ListEntry, chance: random.Random) -> str:
    family, given = _parts(entry)
    return " ".join(given + family) if entry.kind is Kind.PERSON and given and ", " in entry.names[0].text else ""


def _initial(entry: ListEntry, chance: random.Random) -> str:
    """One of two or more given names shortened to its first letter."""
    family, given = _parts(entry)
    if len(given) < 2 or not _drops_names(entry):
        return ""
    place = chance.randrange(1, len(given))
    return " ".join([*given[:place], given[place].strip("'")[:1] + ".", *given[place + 1 :], *family])


def _middle(entry: ListEntry, chance: random.Random) -> str:
    """One of two or more given names, not the first, left out."""
    family, given = _parts(entry)
    if len(given) < 2 or not _drops_names(entry):
        return ""
    place = chance.randrange(1, len(given))
    return " ".join(given[:place] + given[place + 1 :] + family)


def _spelling(entry: ListEntry, chance: random.Random) -> str:
    """One letter inserted, left out, replaced or swapped with the next, in one word of five letters or more."""
    words = entry.names[0].text.replace(",", "").split()
    long = [i for i, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
    if not long:
        return ""
    place = chance.choice(long)
    word = words[place]
    at = chance.randrange(1, len(word) - 1)
    letter = chance.choice("abcdefghijklmnopqrstuvwxyz")
    words[place] = chance.choice(
        (
            word[:at] + letter + word[at:],
            word[:at] + word[at + 1 :],
            word[:at] + letter + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        )
    )
    return " ".join(words)


def _transliteration(entry: ListEntry, chance: random.Random) -> str:
    """Two spellings changed, each wherever it stands in one word."""
    words = entry.names[0].text.replace(",", "").lower().split()
    if entry.kind is not Kind.PERSON:
        return ""
    done = 0
    for old, new in chance.sample(TRANSLITERATIONS, len(TRANSLITERATIONS)):
        places = [i for i, word in enumerate(words) if old in word and len(word) >= 4]
        if places and done < 2:
            place = chance.choice(places)
            words[place] = words[place].replace(old, new, 1)
            done += 1
    return " ".join(words) if done == 2 else ""


def _joined(entry: ListEntry, chance: random.Random) -> str:
    """Two neighbouring words written as one, hyphens left out."""
    words = re.split(r"[\s-]+", entry.names[0].text.replace(",", ""))
    places = [i for i, pair in enumerate(itertools.pairwise(words)) if all(w.isalpha() and len(w) > 1 for w in pair)]
    if len(words) < 3 or not places:
        return ""
    place = chance.choice(places)
    return " ".join([*words[:place], words[place] + words[place + 1].lower(), *words[place + 2 :]])


def _title(entry: ListEntry, chance: random.Random) -> str:
    family, given = _parts(entry)
    return f"{chance.choice(TITLES)} {' '.join(given + family)}" if entry.kind is Kind.PERSON and given else ""


def _alias(entry: ListEntry, chance: random.Random) -> str:
    """A strong alias, of a person with its words turned by one place."""
    strong = [name.text for name in entry.names if name.quality is Quality.STRONG]
    if not strong:
        return ""
    alias = chance.choice(strong)
    words = alias.replace(",", "").split()
    return " ".join(words[1:] + words[:1]) if entry.kind is Kind.PERSON else alias


def _wade_giles(entry: ListEntry, chance: random.Random) -> str:
    """A name in pinyin, as the countries listed say, in Wade-Giles."""
    if entry.kind is not Kind.PERSON or not {"CN", "HK", "MO", "TW"} & set(entry.countries):
        return ""
    words = [_wade_word(word) for word in re.split(r"[\s,-]+", entry.names[0].text.lower()) if word]
    return " ".join(words) if all(words) else ""


def _wade_word(word: str) -> str:
    """The word's syllables in Wade-Giles; "" when it is not pinyin.  pypinyin's table decides both."""
    from tarim.screening.names.syllables import pinyin_syllables, split_syllables  # the cut alone, not the spellings

    cut = split_syllables(word)
    if not cut or not set(cut) <= pinyin_syllables():
        return ""
    return "-".join(
        convert(syllable, Style.WADEGILES, strict=True, default=syllable).replace("v", "u") for syllable in cut
    )


Change = Callable[[ListEntry, random.Random], str]
CHANGES: dict[str, Change] = {
    "order": _order,
    "initial": _initial,
    "middle": _middle,
    "spelling": _spelling,
    "transliteration": _transliteration,
    "joined": _joined,
    "title": _title,
    "alias": _alias,
    "wade-giles": _wade_giles,
}


def _negatives(
    absent: Sequence[ListEntry],
    present: Sequence[ListEntry],
    known: set[frozenset[str]],
    held_out: bool,
    chance: random.Random,
) -> Iterator[Case]:
    for entry in absent:
        yield from (Case(name.text, "absent", -1) for name in entry.names if name.quality is not Quality.WEAK)
    persons = [entry for entry in present if entry.kind is Kind.PERSON]
    for entry in persons:
        for _ in range(2):
            family, given = _parts(entry)[0], _parts(chance.choice(persons))[1]
            name = " ".join(given + family)
            if 1 <= len(given) <= 2 and frozenset(_words(name)) not in known:
                yield Case(name, "near", -1)
    for row in pq.read_table(shared_file("chinese_name_romanisation.parquet")).to_pylist():
        if in_first_half(row["input_name"]) is held_out and frozenset(_words(row["input_name"])) not in known:
            yield Case(row["input_name"], "ordinary", -1)
