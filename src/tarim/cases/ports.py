"""What the commands need: cases as the tables have them, sealed texts, evidence, and who people are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

from tarim.cases.domain.case import Case, CaseAlert, RestrictionRow, RulesRow


class Reading(Protocol):
    """Looks at the tables, in the transaction of a command or of a reader."""

    def case(self, connection: Connection, ref: str) -> Case:
        """A case by its name.  Raises NotFound."""

    def alert(self, connection: Connection, seq: int) -> CaseAlert:
        """An alert.  Raises NotFound."""

    def repeats(self, connection: Connection, alert: CaseAlert) -> list[int]:
        """Positions of the repeats of an alert, ascending."""

    def hands(self, connection: Connection, case_no: int) -> set[str]:
        """Who had a hand in a case."""

    def releases_open(self, connection: Connection, case_no: int) -> int:
        """Payments of a case for whose release a second person is waited for."""

    def notes_count(self, connection: Connection, case_no: int) -> int:
        """How many notes it has."""

    def evidence_digests(self, connection: Connection, case_no: int) -> set[str]:
        """Digests of its evidence."""

    def tags(self, connection: Connection, case_no: int) -> set[str]:
        """Its tags."""

    def links(self, connection: Connection, case_no: int) -> set[int]:
        """Numbers of related cases."""

    def diary_open(self, connection: Connection, case_no: int) -> set[int]:
        """Ids of diary entries that are not done."""

    def restriction(self, connection: Connection, number: int) -> RestrictionRow:
        """A restriction.  Raises NotFound."""

    def restrictions(self, connection: Connection, customer: int) -> list[RestrictionRow]:
        """Restrictions of a customer that are asked for or in force."""

    def rules(self, connection: Connection, number: int) -> RulesRow:
        """Assignment rules by their proposal.  Raises NotFound."""

    def rules_proposed(self, connection: Connection) -> int:
        """How many proposals of assignment rules are open."""


class Sealing(Protocol):
    """Seals free text under a customer's key (`tarim.desk.Texts`)."""

    def seal(self, customer: int, text: str) -> dict[str, Any]:
        """A value for the body of an act."""

    def open_or_none(self, sealed: Mapping[str, Any]) -> str | None:
        """The text; None when it was destroyed with the customer's key."""


class EvidenceStore(Protocol):
    """Keeps files sealed, named by their digest."""

    def put(self, customer: int, digest: str, content: bytes) -> None:
        """Keep a file durably; one that is there stays.  Raises Unavailable."""

    def get(self, customer: int, digest: str) -> bytes:
        """The file.  Raises NotFound when it is not there or its customer's key was destroyed, Damaged."""


class People(Protocol):
    """What cases need to know of persons."""

    def names_of(self, person: str) -> Collection[str]:
        """Every name that the human behind a name goes by."""

    def may_work(self, person: str, branch: str, queue: str) -> bool:
        """Whether a person works on cases of this branch and queue at present."""

    def workers(self, branch: str, queue: str) -> Sequence[str]:
        """Who works on cases of this branch and queue at present, "" = of any; by name."""


@dataclass(frozen=True, slots=True)
class Personal:
    """Raw values of the parties of a case.

    of_parties: by field of the envelope, what stands behind the case's tokens.  known: everything that is known of its
    customer, to be hidden in free text.
    """

    of_parties: dict[str, list[str]]
    known: frozenset[str]


class PersonalValues(Protocol):
    """Opens raw values, for masked and for full views."""

    def of_case(self, customer: int, tokens: Collection[int], seqs: Sequence[int]) -> Personal:
        """Of a customer, of the parties with these tokens, and of where the events at these positions came from; empty when
        destroyed.

        `ip` is an address with its port where that was sent, `location` degrees north and east.  Raises Unavailable.
        """
