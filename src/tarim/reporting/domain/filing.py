"""A suspicious transaction report on its way: where it stands, who had a hand in it, and who may see it (RM-29).

Access is narrow: who had a hand in it, who was let in by name, who may approve such reports, and auditors in person.  Whoever
is a subject of it himself, as a customer of the bank, sees nothing of it, whatever his role: for him it does not exist.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from tarim.base.errors import Conflict, NotFound
from tarim.identity import Caller, CallerKind, Scope
from tarim.reporting.domain.states import ReportState

NUMBER_CHARACTERS: Final = 15


class Filing(msgspec.Struct, frozen=True):
    """A report as the tables have it.  digest: SHA-256 of its content; subjects: tokens of customers, 16 hexadecimal digits.

    package: SHA-256 of what was exported, "" before.  message: name under which it was sent.  receipt: `accepted`, `refused`,
    "".  Instants in ms since the epoch, 0 = never.  version counts its changes, from 1.
    """

    no: int
    number: str
    case_ref: str
    branch: str
    queue: str
    state: str
    version: int
    digest: str
    subjects: list[str]
    author: str
    created_ms: int
    changed_ms: int
    submitted_by: str
    submitted_ms: int
    approved_by: str
    approved_ms: int
    package: str
    exported_by: str
    exported_ms: int
    message: str
    sent_by: str
    sent_ms: int
    receipt: str
    receipt_ms: int

    @property
    def stands(self) -> ReportState:
        """Its state."""
        return ReportState(self.state)

    def require_version(self, version: int) -> None:
        """Nothing when it is as it was seen.  Raises Conflict."""
        if version != self.version:
            raise Conflict(
                f"report {self.number} has changed: it is at version {self.version}, you saw {version}; look again. "
                "报告已被他人修改，请重新查看。"
            )


def number_of(no: int, year: int) -> str:
    """`STR-2026-000001`."""
    return f"STR-{year}-{no:06d}"


def may_see(
    filing: Filing, caller: Caller, hands: Collection[str], readers: Collection[str], own: Collection[int]
) -> bool:
    """Whether a report is there for a caller.  hands, readers: names; own: tokens of the caller as a customer."""
    if {int(subject, 16) for subject in filing.subjects} & set(own):
        return False
    if not caller.may_see(filing.branch, filing.queue):
        return False
    audits = caller.kind is CallerKind.PERSON and Scope.AUDIT_READ in caller.scopes
    return audits or caller.name in hands or caller.name in readers or Scope.REPORTS_APPROVE in caller.scopes


def missing(number: str) -> NotFound:
    """What is said of a report that does not exist, or not for the caller: the same."""
    return NotFound(f"there is no report {number[:NUMBER_CHARACTERS]}. 没有该案件或报告。")
