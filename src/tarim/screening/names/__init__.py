"""Name screening: who on a sanctions list could this be?  See docs/explanation/name-screening.md.

`load_list` reads what publishers publish; `Screener` answers for one subject, with a score and its parts; `CustomerNames` asks
all customers about the entries that changed.  `NamesState` is what the journal's records make: editions in force, matches,
good guys; `NameBook` keeps it on the disk.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.screening.names.book import NameBook, Sealed, read_register, read_state
    from tarim.screening.names.countries import country_code
    from tarim.screening.names.domain import BirthSpan, Kind, ListedName, ListEntry, NameList, Quality, Subject
    from tarim.screening.names.editions import (
        Differing,
        EditionDiff,
        EntryShown,
        decode_edition,
        diff_editions,
        differing,
        encode_edition,
        require_list_name,
    )
    from tarim.screening.names.explaining import KIND_NAMES, Sentence, explain, plain_match
    from tarim.screening.names.matching import NAME_THRESHOLD, Evidence, Match
    from tarim.screening.names.records import (
        FOUND_MAX,
        REGISTERED_MAX,
        Confirmed,
        Edition,
        Found,
        GoodGuy,
        GoodGuyEnd,
        Matches,
        Party,
        PartyKind,
        Record,
        Register,
        Registered,
        Screening,
    )
    from tarim.screening.names.records import decode_record as decode_names
    from tarim.screening.names.records import encode_record as encode_names
    from tarim.screening.names.screening import CustomerNames, ListChange, Screener, compare_editions
    from tarim.screening.names.sources import load_list
    from tarim.screening.names.state import (
        MATCHES_MAX,
        VALID_DAYS_MAX,
        KnownMatch,
        NamesState,
        Standing,
        check_edition,
        check_good_guy,
        confirmed_by,
        entry_digest,
        require_reason,
    )
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "FOUND_MAX",
    "KIND_NAMES",
    "MATCHES_MAX",
    "NAME_THRESHOLD",
    "REGISTERED_MAX",
    "VALID_DAYS_MAX",
    "BirthSpan",
    "Confirmed",
    "CustomerNames",
    "Differing",
    "Edition",
    "EditionDiff",
    "EntryShown",
    "Evidence",
    "Found",
    "GoodGuy",
    "GoodGuyEnd",
    "Kind",
    "KnownMatch",
    "ListChange",
    "ListEntry",
    "ListedName",
    "Match",
    "Matches",
    "NameBook",
    "NameList",
    "NamesState",
    "Party",
    "PartyKind",
    "Quality",
    "Record",
    "Register",
    "Registered",
    "Screener",
    "Screening",
    "Sealed",
    "Sentence",
    "Standing",
    "Subject",
    "check_edition",
    "check_good_guy",
    "compare_editions",
    "confirmed_by",
    "country_code",
    "decode_edition",
    "decode_names",
    "diff_editions",
    "differing",
    "encode_edition",
    "encode_names",
    "entry_digest",
    "explain",
    "load_list",
    "plain_match",
    "read_register",
    "read_state",
    "require_list_name",
    "require_reason",
]
