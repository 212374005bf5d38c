"""Screening: who is on which list (RM-23, IN-13), exactly by token.

`Membership` is the table that decisions ask, a pure function of the LIST records of the journal.  `ListBook` holds the use
cases around it: propose, preview, approve by another person, look up as at any past instant, export.
"""

from tarim.screening.lists.codec import PART_ENTRIES, Closing, ContentDigest, encode_closing, encode_part
from tarim.screening.lists.domain import (
    FIELDS_OF_LISTS,
    FOREVER_S,
    REASON_CHARACTERS_MAX,
    REMOVED,
    SOURCE_CHARACTERS_MAX,
    Entries,
    ListDefinition,
    ListKind,
    define_list,
    period_of,
    written_ms,
)
from tarim.screening.lists.history import Change, Compared, Difference, Entry, Hits
from tarim.screening.lists.hits import ListProbe, count_hits
from tarim.screening.lists.membership import ENTRIES_MAX, Membership
from tarim.screening.lists.proposals import ListProposal
from tarim.screening.lists.reading import RawRow, RefusedRow, read_entries, token_number, token_text
from tarim.screening.lists.service import AsAt, ListBook, Preview

__all__ = [
    "ENTRIES_MAX",
    "FIELDS_OF_LISTS",
    "FOREVER_S",
    "PART_ENTRIES",
    "REASON_CHARACTERS_MAX",
    "REMOVED",
    "SOURCE_CHARACTERS_MAX",
    "AsAt",
    "Change",
    "Closing",
    "Compared",
    "ContentDigest",
    "Difference",
    "Entries",
    "Entry",
    "Hits",
    "ListBook",
    "ListDefinition",
    "ListKind",
    "ListProbe",
    "ListProposal",
    "Membership",
    "Preview",
    "RawRow",
    "RefusedRow",
    "count_hits",
    "define_list",
    "encode_closing",
    "encode_part",
    "period_of",
    "read_entries",
    "token_number",
    "token_text",
    "written_ms",
]
