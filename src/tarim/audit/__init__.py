"""The trail: who did what to which object, when, from where, why, and how it went; altered unnoticed by nobody.

    store = Store(Database.open(url, [MIGRATIONS]))
    store.record(Entry(at_ms, who, kind, act, object, address, session, reason, result, detail))     durable when it returns
    keeper = Keeper(store, AnchorFile(folder), signer, clock)
    keeper.anchor()             a signed statement of count and digest, kept outside the database; every minute or so
    keeper.examine()            what is not as it was written, and at which entries

Entries hold no personal value.  `Recorder` writes for event loops; `Exports` are approved by a second person, and only what
lies in one is ever dropped.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.audit.adapters.anchor_file import AnchorFile, anchors_of
    from tarim.audit.adapters.exports import LINES_MAX, Export, Exports
    from tarim.audit.adapters.keeper import Examination, Keeper
    from tarim.audit.adapters.recorder import Recorder
    from tarim.audit.adapters.store import Store
    from tarim.audit.adapters.tables import MIGRATIONS
    from tarim.audit.domain.anchors import Anchor, Bridge, Seal, signed_anchor, signed_bridge
    from tarim.audit.domain.chain import Chained, Head, chained
    from tarim.audit.domain.entry import KEEP_DAYS_LEAST, Entry, Result, plain, without_numbers
    from tarim.audit.domain.examine import Fault, Report, examine
    from tarim.audit.domain.lines import chained_of, line_of
    from tarim.audit.domain.objects import Objects, is_ours
    from tarim.audit.domain.query import PAGE_MAX, Query
    from tarim.audit.domain.unfinished import INTENT, Unfinished
    from tarim.audit.ports import Trail
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "Anchor",
    "AnchorFile",
    "Bridge",
    "Chained",
    "Entry",
    "Examination",
    "Export",
    "Exports",
    "Fault",
    "Head",
    "INTENT",
    "KEEP_DAYS_LEAST",
    "Keeper",
    "LINES_MAX",
    "MIGRATIONS",
    "Objects",
    "PAGE_MAX",
    "Query",
    "Recorder",
    "Report",
    "Result",
    "Seal",
    "Store",
    "Trail",
    "Unfinished",
    "anchors_of",
    "chained",
    "chained_of",
    "examine",
    "is_ours",
    "line_of",
    "plain",
    "signed_anchor",
    "signed_bridge",
    "without_numbers",
]
