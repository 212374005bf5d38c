"""Cases: what people do with decisions above pass, until a second person closes or reports it (RM-04, RM-10, RM-11).

    alert    a decision above pass that nobody has reviewed yet
    case     alerts that are one story: of a customer or a ring, with one scenario
    hand     who worked on a case; none of them can be its second person

`CaseBook` is the desk's book: it makes the tables out of both journals.  A command is a function of `tarim.cases.service` with
an `Acting` in front; `states.TRANSITIONS` says what can happen to a case at all.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.cases.acting import Acting, Means
    from tarim.cases.adapters.book import CaseBook
    from tarim.cases.adapters.dossier import Dossier, dossier_of
    from tarim.cases.adapters.evidence_files import EvidenceFiles
    from tarim.cases.adapters.in_force import assignment_in_force
    from tarim.cases.adapters.known import open_cases_about, open_cases_of
    from tarim.cases.adapters.listing import case_of_decision, follow_ups, overdue_reviews, page_of_cases
    from tarim.cases.adapters.orders import OrderSender, waiting_orders
    from tarim.cases.adapters.store import CaseStore
    from tarim.cases.adapters.tables import MIGRATIONS
    from tarim.cases.domain.case import Case, CaseAlert
    from tarim.cases.domain.evidence import EVIDENCE_BYTES_MAX, KeptFile, checked_file
    from tarim.cases.domain.four_eyes import SamePerson, require_second
    from tarim.cases.domain.listing import Filter, Page, Sort
    from tarim.cases.domain.masking import HIDDEN, masked, masked_text, short_token
    from tarim.cases.domain.restriction import MEASURES_OF, Basis, Measure
    from tarim.cases.domain.review import CAUSES, Finding, Trait, Verdict, VerdictCause
    from tarim.cases.domain.states import TRANSITIONS, CaseEvent, CaseState, IllegalTransition, Wish, advance, possible
    from tarim.cases.ports import EvidenceStore, People, Personal, PersonalValues, Reading, Sealing
    from tarim.cases.service import contents, lifecycle, money, rules
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "Acting",
    "Basis",
    "CAUSES",
    "Case",
    "CaseAlert",
    "CaseBook",
    "CaseEvent",
    "CaseState",
    "CaseStore",
    "EVIDENCE_BYTES_MAX",
    "Dossier",
    "EvidenceFiles",
    "EvidenceStore",
    "Filter",
    "HIDDEN",
    "Finding",
    "IllegalTransition",
    "KeptFile",
    "MEASURES_OF",
    "MIGRATIONS",
    "Means",
    "Measure",
    "OrderSender",
    "Page",
    "People",
    "Personal",
    "PersonalValues",
    "Reading",
    "SamePerson",
    "Sealing",
    "Sort",
    "TRANSITIONS",
    "Trait",
    "Verdict",
    "VerdictCause",
    "Wish",
    "advance",
    "assignment_in_force",
    "case_of_decision",
    "checked_file",
    "contents",
    "dossier_of",
    "follow_ups",
    "lifecycle",
    "masked",
    "masked_text",
    "money",
    "open_cases_about",
    "open_cases_of",
    "overdue_reviews",
    "page_of_cases",
    "possible",
    "require_second",
    "rules",
    "short_token",
    "waiting_orders",
]
