"""The schedule out of files: the bank's own where it has them, else what comes with the product."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

from tarim.base.files import text_of
from tarim.deadlines.domain.notation import read_calendar, read_rules
from tarim.deadlines.domain.schedule import Schedule

CALENDAR_NAME: Final = "calendar.toml"
RULES_NAME: Final = "deadlines.toml"
FILE_BYTES_MAX: Final = 1 << 20


def load_schedule(folder: Path | None = None) -> Schedule:
    """The schedule; `calendar.toml` and `deadlines.toml` of a folder replace what comes with the product.

    Raises DefinitionError for a file that cannot be read or says something wrong, TooLarge.
    """
    calendar_text = text_of(folder / CALENDAR_NAME, FILE_BYTES_MAX) if folder else None
    rules_text = text_of(folder / RULES_NAME, FILE_BYTES_MAX) if folder else None
    if calendar_text is None:
        calendar_text = resources.files("tarim.deadlines").joinpath("notices.toml").read_text(encoding="utf-8")
    hours, rules = read_rules(rules_text or "")
    return Schedule(read_calendar(calendar_text), hours, rules)
