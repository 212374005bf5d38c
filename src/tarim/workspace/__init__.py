"""What a person keeps beside the work: drafts of rulesets that nobody else sees yet, and filters of lists under a name.

    drafts = Drafts(database, clock)
    draft = drafts.begin(person, writing)           kept from now on; the same again is the same draft
    draft = drafts.save(person, writing)            raises DraftMoved when another page has saved it since this one opened it
    drafts.kept(person), drafts.read(person, id), drafts.discard(person, id)

    views = SavedViews(database, clock)
    views.keep(person, Page.CASES, "late ones", {"overdue": "1"}, default=True)

It is nobody's business but the person's: every function takes whose it is, and another person's is not found.  The tables lie
where people lie, in the database of identity, and are written durably; nothing is made from them, and no decision asks them.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.workspace.adapters.tables import MIGRATIONS
    from tarim.workspace.domain import (
        DRAFT_CHARACTERS_MAX,
        DRAFTS_MAX,
        FILTER_CHARACTERS_MAX,
        FILTERS_MAX,
        NAME_CHARACTERS_MAX,
        SAVED_VIEWS_MAX,
        TITLE_CHARACTERS_MAX,
        Draft,
        DraftMoved,
        Page,
        SavedView,
        Writing,
    )
    from tarim.workspace.drafts import Drafts
    from tarim.workspace.saved_views import SavedViews
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "DRAFTS_MAX",
    "DRAFT_CHARACTERS_MAX",
    "FILTERS_MAX",
    "FILTER_CHARACTERS_MAX",
    "MIGRATIONS",
    "NAME_CHARACTERS_MAX",
    "SAVED_VIEWS_MAX",
    "TITLE_CHARACTERS_MAX",
    "Draft",
    "DraftMoved",
    "Drafts",
    "Page",
    "SavedView",
    "SavedViews",
    "Writing",
]
