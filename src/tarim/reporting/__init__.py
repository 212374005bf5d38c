"""Reports: what the bank tells the authority, its own management, and neighbouring systems."""

from tarim.reporting.adapters.message import check_message, message_of, schema_text
from tarim.reporting.domain.case_facts import CaseFacts, MovementFact, Scenario, scenarios
from tarim.reporting.domain.code_tables import Codes, CodeTable, packaged_codes, read_codes, read_divisions
from tarim.reporting.domain.rules import Context
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

__all__ = [
    "Account",
    "Agent",
    "CaseFacts",
    "CodeTable",
    "Codes",
    "Context",
    "Counterparty",
    "Document",
    "Fault",
    "FaultyReport",
    "MovementFact",
    "Named",
    "Report",
    "Scenario",
    "Subject",
    "Transaction",
    "check_message",
    "faults_of",
    "message_of",
    "packaged_codes",
    "read_codes",
    "read_divisions",
    "scenarios",
    "schema_text",
]
