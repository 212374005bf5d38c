"""What reports need from outside: cases, raw values, people, sealed files, and where they are filed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

from tarim.identity import Caller
from tarim.reporting.domain.batch import Batch, RiskyEvent
from tarim.reporting.domain.case_facts import CaseFacts
from tarim.reporting.domain.code_tables import Codes
from tarim.reporting.domain.days import Period, PeriodKind
from tarim.reporting.domain.figures import CaseCounts, Counts, Figures, Tally
from tarim.reporting.domain.filing import Filing
from tarim.reporting.domain.suspicious import Report


class CaseSource(Protocol):
    """Cases, as reports need them."""

    def facts(self, connection: Connection, ref: str) -> CaseFacts:
        """The facts of a case.  Raises NotFound."""

    def scope(self, connection: Connection, ref: str) -> tuple[str, str]:
        """Branch and queue of a case.  Raises NotFound."""


class RawValues(Protocol):
    """Raw identifiers behind tokens, read from the vault in the act and kept nowhere."""

    def accounts(self, owners: Mapping[int, Collection[int]]) -> dict[int, str]:
        """The account number behind each token; owners: token of an account -> tokens of customers who have dealt with it.

        Tokens that cannot be told (destroyed, not indexed yet) are left out.
        """

    def names(self, customer: int, accounts: Collection[int]) -> dict[int, str]:
        """Names that this customer gave for the accounts it paid to, by account's token; unknown ones are left out."""

    def customer_token(self, number: str) -> int:
        """The unsigned token of a customer's number."""

    def indexed_seq(self) -> int:
        """Everything sealed below this position of the decisions' journal can be told.  Raises Unavailable."""


class SealedFiles(Protocol):
    """Files sealed under a token, named by their digest."""

    def put(self, customer: int, digest: str, content: bytes) -> None:
        """Keep a file durably.  Raises Unavailable."""

    def get(self, customer: int, digest: str) -> bytes:
        """The file.  Raises NotFound, Damaged."""


class People(Protocol):
    """What reports need to know of persons."""

    def names_of(self, person: str) -> Collection[str]:
        """Every name that the human behind a name goes by."""


class Filings(Protocol):
    """The tables of suspicious transaction reports, read in a command's or a reader's transaction."""

    def seen(self, connection: Connection, caller: Caller, names: Collection[str], number: str) -> Filing:
        """A report that is there for a caller, who goes by these names.  Raises NotFound."""

    def listed(
        self, connection: Connection, caller: Caller, names: Collection[str], state: str, before_no: int, limit: int
    ) -> list[Filing]:
        """Reports that are there for a caller, the newest first, below a number (0 = from the newest)."""

    def hands(self, connection: Connection, no: int) -> set[str]:
        """Who had a hand in a report."""

    def own_customers(self, connection: Connection, names: Collection[str]) -> set[int]:
        """Tokens of a person as a customer, under any of its names."""

    def open_of_case(self, connection: Connection, case_ref: str) -> int:
        """Reports of a case that are under way."""

    def next_no(self, connection: Connection) -> int:
        """The number of the next report."""

    def history(self, connection: Connection, no: int) -> list[dict[str, Any]]:
        """What happened to a report."""


Packing = Callable[[Filing, Report, Codes], bytes]
"""The package of an approved report: XML that keeps to its schema, PDF, manifest.  Raises Damaged, Unavailable."""


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who reports.  institution: 14 characters, the code of the reporting institution; branch: of the reporting branch; name:
    of the bank, for the heads of risk reports.  division: six digits, where transactions of unknown place happened.
    """

    institution: str = ""
    branch: str = ""
    name: str = ""
    name_en: str = ""
    division: str = ""


class Counted(Protocol):
    """Figures as the tables have them."""

    def followed_seq(self, connection: Connection) -> int:
        """Up to which position of the decisions' journal the tables were made."""

    def counts(self, connection: Connection, period: Period) -> Counts:
        """Decisions above pass and labels of a period."""

    def cases(self, connection: Connection, period: Period, now_ms: int) -> CaseCounts:
        """Cases and alerts of a period."""

    def filed_ids(self, connection: Connection) -> frozenset[str]:
        """Reports that are filed already."""

    def filed(self, connection: Connection, count: int) -> list[dict[str, Any]]:
        """The newest filed reports, newest first, without their figures."""

    def filed_one(self, connection: Connection, name: str) -> dict[str, Any] | None:
        """One of them with its figures."""


class Tallies(Protocol):
    """Figures counted in the decisions' journal itself."""

    def count(self, from_ms: int, end_ms: int, to_seq: int) -> Tally:
        """Of the events received in [from_ms, end_ms) below a position."""


class PlainFiles(Protocol):
    """Files that hold nothing personal."""

    def put(self, name: str, content: bytes) -> None:
        """Keep a file durably.  Raises Unavailable."""

    def get(self, name: str, digest: str) -> bytes:
        """A file.  Raises NotFound, Damaged."""


RenderRisk = Callable[[Figures, PeriodKind, Letterhead, str, int], bytes]
"""A risk report as a document: figures, kind of period, letterhead, who makes it, when.  Raises Unavailable."""


class RiskySource(Protocol):
    """Events that make accounts risky."""

    def of_day(self, day: int, to_seq: int) -> list[RiskyEvent]:
        """Those of the 30 days that end with a day, of positions below `to_seq`."""

    def holds_day(self, day: int, to_seq: int) -> bool:
        """Whether everything that was received up to the end of a day lies below a position."""


class BatchRuns(Protocol):
    """Runs of the batch, in the tables."""

    def first(self, connection: Connection, day: int) -> dict[str, Any] | None:
        """The first run of a day: what every later one has to equal."""

    def listed(self, connection: Connection, count: int) -> list[dict[str, Any]]:
        """The newest runs, newest first."""


class Outbox(Protocol):
    """Where neighbouring systems fetch batch files."""

    def put(self, batch: Batch) -> None:
        """Put file and manifest in their place.  Raises Unavailable."""

    def holds(self, day: int, digest: str) -> bool:
        """Whether the file of a day is there as it was made."""
