"""The schedule out of files: the bank's own where it has them, else what comes with the product."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

from tarim.base.errors import DefinitionError, TooLarge
from tarim.deadlines.domain.notation import read_calendar, read_rules
from tarim.deadlines.domain.schedule import Schedule

CALENDAR_NAME: Final = "calendar.toml"
RULES_NAME: Final = "deadlines.toml"
FILE_BYTES_MAX: Final = 1 << 20


def load_schedule(folder: Path | None = None) -> Schedule:
    """The schedule; `calendar.toml` and `deadlines.toml` of a folder replace what comes with the product.

    Raises DefinitionError for a file that cannot be read or says something wrong, TooLarge.
    """
    calendar_text = _text(folder / CALENDAR_NAME) if folder else None
    rules_text = _text(folder / RULES_NAME) if folder else None
    if calendar_text is None:
        calendar_text = resources.files("tarim.deadlines").joinpath("notices.toml").read_text(encoding="utf-8")
    hours, rules = read_rules(rules_text or "")
    return Schedule(read_calendar(calendar_text), hours, rules)


def _text(path: Path) -> str | None:
    """A file's text; None when there is no such file."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise TooLarge(f"{path.name} is larger than {FILE_BYTES_MAX:,} bytes")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{path.name} cannot be read as UTF-8 text: {type(error).__name__}") from None
