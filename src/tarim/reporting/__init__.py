"""Reports: what the bank tells the authority, its own management, and neighbouring systems (RM-03, RM-29, RS-06).

    SuspiciousReports   可疑交易报告: drafted from a case, checked field by field, approved by a second person, exported
    RiskReports         risk reports by day, week, month and on demand, whose figures agree with the journal or are not filed
    RiskBatch           the file of risky accounts for neighbouring systems, made the same again by hand

`ReportBook` is the desk's book: it makes the tables out of both journals.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.reporting.adapters.book import ReportBook
    from tarim.reporting.adapters.case_source import CaseTables
    from tarim.reporting.adapters.counted import BatchTable, CountedTables
    from tarim.reporting.adapters.counted_pages import CountedSheet, CountedTable, counted_pages
    from tarim.reporting.adapters.message import check_message, message_of, schema_text
    from tarim.reporting.adapters.outbox import OutboxFolder
    from tarim.reporting.adapters.packages import package_of
    from tarim.reporting.adapters.plain_files import ReportFiles
    from tarim.reporting.adapters.reading import ReportStore
    from tarim.reporting.adapters.risk_pages import risk_pages
    from tarim.reporting.adapters.risky_events import RiskyEvents
    from tarim.reporting.adapters.tables import MIGRATIONS
    from tarim.reporting.adapters.tally import JournalTally
    from tarim.reporting.adapters.workbook import risk_workbook
    from tarim.reporting.domain.case_facts import CaseFacts, MovementFact, Scenario, scenarios
    from tarim.reporting.domain.code_tables import Codes, CodeTable, packaged_codes, read_codes, read_divisions
    from tarim.reporting.domain.days import Period, PeriodKind, period_of
    from tarim.reporting.domain.fields import Field, Nested, placed
    from tarim.reporting.domain.figures import Figures, NotReconciled
    from tarim.reporting.domain.filing import Filing
    from tarim.reporting.domain.rules import Context
    from tarim.reporting.domain.states import TRANSITIONS, ReportEvent, ReportState, advance
    from tarim.reporting.domain.suspicious import (
        Account,
        Agent,
        Counterparty,
        Document,
        Named,
        Report,
        Subject,
        Transaction,
    )
    from tarim.reporting.domain.validation import Fault, FaultyReport, faults_of
    from tarim.reporting.ports import CaseSource, Letterhead, People, RawValues, RenderRisk, SealedFiles
    from tarim.reporting.service.batch import BatchDiffers, RiskBatch
    from tarim.reporting.service.contents import Contents, token_of
    from tarim.reporting.service.risk import RiskReports
    from tarim.reporting.service.suspicious import Shown, SuspiciousReports
    from tarim.reporting.service.views import changed, masked_report
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "MIGRATIONS",
    "TRANSITIONS",
    "Account",
    "Agent",
    "BatchDiffers",
    "BatchTable",
    "CaseFacts",
    "CaseSource",
    "CaseTables",
    "CodeTable",
    "Codes",
    "Contents",
    "Context",
    "CountedSheet",
    "CountedTable",
    "CountedTables",
    "Counterparty",
    "Document",
    "Fault",
    "FaultyReport",
    "Field",
    "Figures",
    "Filing",
    "JournalTally",
    "Letterhead",
    "MovementFact",
    "Named",
    "Nested",
    "NotReconciled",
    "OutboxFolder",
    "People",
    "Period",
    "PeriodKind",
    "RawValues",
    "RenderRisk",
    "Report",
    "ReportBook",
    "ReportEvent",
    "ReportFiles",
    "ReportState",
    "ReportStore",
    "RiskBatch",
    "RiskReports",
    "RiskyEvents",
    "Scenario",
    "SealedFiles",
    "Shown",
    "Subject",
    "SuspiciousReports",
    "Transaction",
    "advance",
    "changed",
    "check_message",
    "counted_pages",
    "faults_of",
    "masked_report",
    "message_of",
    "package_of",
    "packaged_codes",
    "period_of",
    "placed",
    "read_codes",
    "read_divisions",
    "risk_pages",
    "risk_workbook",
    "scenarios",
    "schema_text",
    "token_of",
]
