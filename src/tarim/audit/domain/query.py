"""What to look for in the trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tarim.audit.domain.entry import Result
from tarim.base.errors import DefinitionError

PAGE_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Query:
    """Everything that is given has to fit; "", 0 and None ask for nothing.

    act: a name, or the beginning of names with `*` at its end.  objects: one of these.  since_ms, until_ms: from an instant,
    and before another.  below_seq: entries older than this number, for the next page.  limit: at most so many.
    """

    who: str = ""
    act: str = ""
    objects: tuple[str, ...] = ()
    result: Result | None = None
    address: str = ""
    session: str = ""
    since_ms: int = 0
    until_ms: int = 0
    below_seq: int = 0
    limit: int = 50

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= PAGE_MAX:
            raise DefinitionError(f"a page has 1 to {PAGE_MAX} entries")
