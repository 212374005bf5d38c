"""Making good: losses, complaints, disputes, requests of police and courts, legal holds, and what losses are paid from.

Everything is a file: it has a state, a history with owner and time, notes, documents, clocks, and events that a table allows.
An event that takes two persons waits as a wish until another person approves its digest.

    redress = Redress(Parts(desk, load_schedule(folder), routing, decisions, same))
    file_id = redress.open(caller, "complaint", Take(...), customer=token)
    redress.act(caller, file_id, FindCause(Cause.RULE, text))
    redress.show(caller, file_id)         masked; redress.reveal(...) is the full view
    redress.is_held(customer)             whether a legal hold keeps a customer's data from being deleted

`RedressBook` is its book on the desk.  Kinds of files, their tables and events: `KINDS`.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.redress.adapters.contents import CONTENT_BYTES_MAX, Contents
    from tarim.redress.adapters.package import PACKAGE_BYTES_MAX, opened_package
    from tarim.redress.adapters.rows import FILES_MAX, Filter, came_ms
    from tarim.redress.book import RedressBook
    from tarim.redress.documents import Documents, Package
    from tarim.redress.domain.catalogue import KINDS, PLURALS, kind_of
    from tarim.redress.domain.files import Event, File, Kind, Text, tag_of
    from tarim.redress.domain.half_year import HALF_YEAR_ROWS, HALF_YEAR_TABLES, Statistics, name_in
    from tarim.redress.domain.loss_events import DecisionLink, Link
    from tarim.redress.domain.routing import Association, Routing, read_routing
    from tarim.redress.domain.steps import event_of
    from tarim.redress.domain.words import NAMES
    from tarim.redress.erasing import Eraser
    from tarim.redress.ports import Aliases, Decisions, OpenCases
    from tarim.redress.reviews import HalfYearView, IncompleteLoss, LapsedRule, Reviews
    from tarim.redress.views import FileLine, FileView
    from tarim.redress.work import Parts, Redress
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "CONTENT_BYTES_MAX",
    "FILES_MAX",
    "HALF_YEAR_ROWS",
    "HALF_YEAR_TABLES",
    "KINDS",
    "NAMES",
    "PACKAGE_BYTES_MAX",
    "PLURALS",
    "Aliases",
    "Association",
    "Contents",
    "DecisionLink",
    "Decisions",
    "Documents",
    "Eraser",
    "Event",
    "File",
    "FileLine",
    "FileView",
    "Filter",
    "HalfYearView",
    "IncompleteLoss",
    "Kind",
    "LapsedRule",
    "Link",
    "OpenCases",
    "Package",
    "Parts",
    "Redress",
    "RedressBook",
    "Reviews",
    "Routing",
    "Statistics",
    "Text",
    "came_ms",
    "event_of",
    "kind_of",
    "name_in",
    "opened_package",
    "read_routing",
    "tag_of",
]
