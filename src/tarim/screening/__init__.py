"""Screening: who is on which list (RM-23, IN-13), exactly by token.

`Membership` is the table that decisions ask, a pure function of the LIST records of the journal.  `ListBook` holds the use
cases around it: propose, preview, approve by another person, look up as at any past instant, export.
"""

from tarim.screening.lists.domain import FIELDS_OF_LISTS, ListDefinition, ListKind, define_list
from tarim.screening.lists.membership import ENTRIES_MAX, Membership

__all__ = [
    "ENTRIES_MAX",
    "FIELDS_OF_LISTS",
    "ListDefinition",
    "ListKind",
    "Membership",
    "define_list",
]
