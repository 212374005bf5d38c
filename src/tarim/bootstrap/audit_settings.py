"""What can be set of the audit trail."""

from __future__ import annotations

from dataclasses import dataclass

from tarim.audit import KEEP_DAYS_LEAST
from tarim.base.errors import DefinitionError


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """The audit trail."""

    database_url: str = ""
    anchors_folder: str = ""
    anchor_every_s: int = 60
    keep_days: int = 3_653
    waiting_entries_max: int = 4_096
    group_entries_max: int = 256

    def __post_init__(self) -> None:
        if self.keep_days < KEEP_DAYS_LEAST:
            raise DefinitionError(f"keep_days is at least {KEEP_DAYS_LEAST}")
