"""Name screening: who on a sanctions list could this be?  See docs/explanation/name-screening.md.

`load_list` reads what OFAC and the United Nations publish; `Screener` answers for one subject, with a score and its parts;
`CustomerNames` asks all customers about the entries that changed; `GoodGuys` keeps the matches two persons found to be false.
"""

from tarim.screening.names.countries import country_code
from tarim.screening.names.domain import BirthSpan, Kind, ListedName, ListEntry, NameList, Quality, Subject
from tarim.screening.names.explaining import KIND_NAMES, Sentence, explain
from tarim.screening.names.good_guys import GoodGuy, GoodGuys, propose_good_guy
from tarim.screening.names.matching import NAME_THRESHOLD, Evidence, Match
from tarim.screening.names.screening import CustomerNames, ListChange, Screener, compare_editions
from tarim.screening.names.sources import load_list

__all__ = [
    "KIND_NAMES",
    "NAME_THRESHOLD",
    "BirthSpan",
    "CustomerNames",
    "Evidence",
    "GoodGuy",
    "GoodGuys",
    "Kind",
    "ListChange",
    "ListEntry",
    "ListedName",
    "Match",
    "NameList",
    "Quality",
    "Screener",
    "Sentence",
    "Subject",
    "compare_editions",
    "country_code",
    "explain",
    "load_list",
    "propose_good_guy",
]
