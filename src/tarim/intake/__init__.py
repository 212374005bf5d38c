"""Messages and files from outside become event rows.

`Intake` takes JSON messages, JSON batches and Arrow tables, checks every rule of the envelope, turns identifiers into
tokens, seals the raw ones for the vault, and hands on an `EventBatch`.  `event_key` is the 64-bit name of an event.
Errors name the field, the type received and the rule, never the value.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.intake.assemble import event_key
    from tarim.intake.columns.finish import TableParts
    from tarim.intake.digest import check_digest, check_file, content_digest
    from tarim.intake.domain import (
        RULES_ZH,
        EventBatch,
        IntakeLimits,
        Integrity,
        OutOfScope,
        Refusal,
        RefusedAt,
        UnsupportedFile,
    )
    from tarim.intake.files import FORMATS, read_file
    from tarim.intake.mapping import Column, Drop, Mapping
    from tarim.intake.ports import Sealer
    from tarim.intake.problems import CONTENT_TYPE, TITLES, problem
    from tarim.intake.service import Intake
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "CONTENT_TYPE",
    "FORMATS",
    "RULES_ZH",
    "TITLES",
    "Column",
    "Drop",
    "EventBatch",
    "Intake",
    "IntakeLimits",
    "Integrity",
    "Mapping",
    "OutOfScope",
    "Refusal",
    "RefusedAt",
    "Sealer",
    "TableParts",
    "UnsupportedFile",
    "check_digest",
    "check_file",
    "content_digest",
    "event_key",
    "problem",
    "read_file",
]
