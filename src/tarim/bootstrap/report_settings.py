"""What can be set of reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tarim.base.errors import DefinitionError


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """Reports: who reports, when they are made, and where neighbouring systems fetch theirs."""

    institution_code: str = ""
    branch_code: str = ""
    bank_name: str = ""
    bank_name_en: str = ""
    division_code: str = ""
    batch_folder: str = ""
    check_every_s: int = 60
    scheduled: str = "yes"

    def __post_init__(self) -> None:
        if self.scheduled not in ("yes", "no"):
            raise DefinitionError("scheduled is yes or no")
        if self.division_code and (len(self.division_code) != 6 or not self.division_code.isdigit()):
            raise DefinitionError("division_code has six digits")


MEANINGS: Final[Mapping[str, str]] = {
    "reports.institution_code": "code of the reporting institution in suspicious transaction reports, 14 characters",
    "reports.branch_code": "code of the reporting branch in them",
    "reports.bank_name": "the bank's name, on the heads of risk reports",
    "reports.bank_name_en": "the same in English",
    "reports.division_code": "division (GB/T 2260) where a draft says that a transaction happened; empty: to be filled in",
    "reports.batch_folder": "where neighbouring systems fetch batch files; empty: DATA/desk/outbox",
    "reports.check_every_s": "seconds between two looks at what is due",
    "reports.scheduled": "`yes`: risk reports and batch files are made when they are due; `no`: by hand only",
}
